//! Certificates and keys in files.

use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::options::{KeyStore, TrustStore};

/// A file that is longer is no store of certificates.
const MAX_STORE_BYTES: u64 = 64 << 20;

/// The authorities of a trust store.
pub(super) fn certificates(store: &TrustStore) -> Result<Vec<CertificateDer<'static>>> {
    let found = pem_certificates(&read(&store.path)?, &store.path)?;
    if found.is_empty() {
        return Err(Error::invalid_config("the trust store holds no certificate").with("file", store.path.display()));
    }
    Ok(found)
}

/// Our own certificate with the authorities between, and its private key.
pub(super) fn identity(store: &KeyStore) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let bytes = read(&store.path)?;
    let chain = pem_certificates(&bytes, &store.path)?;
    if chain.is_empty() {
        return Err(Error::invalid_config("the key store holds no certificate").with("file", store.path.display()));
    }
    let key_path = store.key_path.as_ref().unwrap_or(&store.path);
    let key_bytes = if store.key_path.is_some() { read(key_path)? } else { bytes };
    let key = PrivateKeyDer::from_pem_slice(&key_bytes).map_err(|error| {
        Error::invalid_config("the file holds no private key in PEM, or an encrypted one")
            .with("file", key_path.display())
            .caused_by(error)
            .action("name the key's file with `keyPath`; a PEM key must not be encrypted, a PKCS#12 or JKS file may be")
    })?;
    Ok((chain, key))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| Error::io(error, "cannot read the certificates", path);
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_STORE_BYTES {
        return Err(Error::new(ErrorKind::ResourceExhausted, format!("{length} bytes are too many for certificates"))
            .with("file", path.display()));
    }
    std::fs::read(path).map_err(failed)
}

fn pem_certificates(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| {
        Error::invalid_config("expected certificates in PEM").with("file", path.display()).caused_by(error)
    })
}
