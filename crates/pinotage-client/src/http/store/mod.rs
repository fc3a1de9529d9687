//! Certificates and keys in files: PEM, PKCS#12 and JKS.

mod jks;

use std::path::Path;

use p12_keystore::KeyStoreEntry;
use pinotage_common::{Error, ErrorKind, Result, Secret};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::options::{KeyStore, TrustStore};

/// A file that is longer is no store of certificates.
const MAX_STORE_BYTES: u64 = 64 << 20;

/// Our own certificate with the authorities between, and its private key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What a PKCS#12 or JKS file holds.
#[derive(Default)]
struct Entries {
    trusted: Vec<CertificateDer<'static>>,
    /// By alias.
    identities: Vec<(String, Identity)>,
}

/// The authorities of a trust store.
pub(super) fn certificates(store: &TrustStore) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = read(&store.path)?;
    let found = match Format::of(&bytes) {
        Format::Pem => pem_certificates(&bytes),
        format => format.entries(&bytes, store.password.as_ref(), None).map(|entries| entries.trusted),
    };
    let found = found.map_err(|error| error.with("file", store.path.display()))?;
    if found.is_empty() {
        return Err(Error::invalid_config("the trust store holds no trusted certificate")
            .with("file", store.path.display())
            .action("add the authority's certificate, with `keytool -importcert` to a Java store"));
    }
    Ok(found)
}

/// Our own certificate and key.
pub(super) fn identity(store: &KeyStore) -> Result<Identity> {
    let bytes = read(&store.path)?;
    match Format::of(&bytes) {
        Format::Pem => pem_identity(store, &bytes),
        format => format
            .entries(&bytes, store.password.as_ref(), store.key_password.as_ref())
            .and_then(|entries| choose(entries.identities, store.alias.as_deref()))
            .map_err(|error| error.with("file", store.path.display())),
    }
}

#[derive(Clone, Copy)]
enum Format {
    Pem,
    Pkcs12,
    Jks,
    /// Sun's other format, with ciphers of its own.
    Jceks,
}

impl Format {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xFE, 0xED, 0xFE, 0xED, ..] => Self::Jks,
            [0xCE, 0xCE, 0xCE, 0xCE, ..] => Self::Jceks,
            // An ASN.1 sequence.
            [0x30, length, ..] if *length >= 0x80 => Self::Pkcs12,
            _ => Self::Pem,
        }
    }

    fn entries(self, bytes: &[u8], password: Option<&Secret>, key_password: Option<&Secret>) -> Result<Entries> {
        let password = password.map(Secret::expose);
        match self {
            Self::Jks => jks::read(bytes, password, key_password.map(Secret::expose)),
            Self::Pkcs12 => pkcs12(bytes, password.unwrap_or_default()),
            Self::Pem | Self::Jceks => Err(Error::unsupported("JCEKS stores cannot be read")
                .action("convert it: `keytool -importkeystore -srckeystore … -destkeystore … -deststoretype pkcs12`")),
        }
    }
}

fn pkcs12(bytes: &[u8], password: &str) -> Result<Entries> {
    let store = p12_keystore::KeyStore::from_pkcs12(bytes, password).map_err(|error| match error {
        p12_keystore::error::Error::MacError(_) => wrong_password(),
        error => Error::invalid_config("expected a PKCS#12 file").caused_by(error),
    })?;
    let mut entries = Entries::default();
    let certificate = |certificate: &p12_keystore::Certificate| CertificateDer::from(certificate.as_der().to_vec());
    for (alias, entry) in store.entries() {
        match entry {
            KeyStoreEntry::Certificate(trusted) => entries.trusted.push(certificate(trusted)),
            KeyStoreEntry::PrivateKeyChain(chain) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(chain.key().to_vec()));
                entries.identities.push((alias.clone(), (chain.chain().iter().map(certificate).collect(), key)));
            }
            _ => {}
        }
    }
    Ok(entries)
}

fn choose(mut identities: Vec<(String, Identity)>, alias: Option<&str>) -> Result<Identity> {
    let aliases: Vec<String> = identities.iter().map(|(alias, _)| alias.clone()).collect();
    if let Some(wanted) = alias {
        // Java does not tell upper from lower case here.
        identities.retain(|(alias, _)| alias.to_lowercase() == wanted.to_lowercase());
    }
    match (identities.pop(), identities.is_empty()) {
        (Some((_, identity)), true) => Ok(identity),
        (None, _) if aliases.is_empty() => Err(Error::invalid_config("the key store holds no private key")),
        (None, _) => Err(Error::invalid_config(format!("the key store holds no key `{}`", alias.unwrap_or_default()))
            .action(format!("set `alias` to one of: {}", aliases.join(", ")))),
        _ => Err(Error::invalid_config("the key store holds several keys")
            .action(format!("set `alias` to one of: {}", aliases.join(", ")))),
    }
}

fn wrong_password() -> Error {
    Error::invalid_config("the password of the store is wrong, or the file is damaged").action("correct `password`")
}

fn pem_identity(store: &KeyStore, bytes: &[u8]) -> Result<Identity> {
    let chain = pem_certificates(bytes).map_err(|error| error.with("file", store.path.display()))?;
    if chain.is_empty() {
        return Err(Error::invalid_config("the key store holds no certificate").with("file", store.path.display()));
    }
    let key_path = store.key_path.as_ref().unwrap_or(&store.path);
    let key_file;
    let key_bytes = match &store.key_path {
        Some(path) => {
            key_file = read(path)?;
            &key_file
        }
        None => bytes,
    };
    let key = PrivateKeyDer::from_pem_slice(key_bytes).map_err(|error| {
        Error::invalid_config("the file holds no private key in PEM, or an encrypted one")
            .with("file", key_path.display())
            .caused_by(error)
            .action("name the key's file with `keyPath`; a PEM key must not be encrypted, a PKCS#12 or JKS file may be")
    })?;
    Ok((chain, key))
}

fn pem_certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::invalid_config("expected certificates in PEM, PKCS#12 or JKS").caused_by(error))
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
