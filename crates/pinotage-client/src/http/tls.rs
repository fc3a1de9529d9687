//! The TLS configuration: rustls with ring.

use std::sync::Arc;

use pinotage_common::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::store;
use crate::options::Tls;

/// The configuration of all connections.
///
/// # Errors
///
/// Those of reading the two stores; `invalid-config` for what is in them.
pub fn configuration(options: &Tls) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unexpected("ring speaks no version of TLS").caused_by(error))?;
    let builder = if options.insecure_trust_any_server {
        tracing::warn!(
            "`tls.insecureTrustAnyServer` is set: no server's certificate is checked, anybody on the way can read and \
             change what is sent, passwords included"
        );
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    } else {
        builder.with_root_certificates(roots(options)?)
    };
    match &options.key_store {
        None => Ok(builder.with_no_client_auth()),
        Some(key_store) => {
            let (chain, key) = store::identity(key_store)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                Error::invalid_config("the certificate and the private key of the key store do not belong together")
                    .with("file", key_store.path.display())
                    .caused_by(error)
            })
        }
    }
}

fn roots(options: &Tls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match &options.trust_store {
        Some(trust_store) => {
            for certificate in store::certificates(trust_store)? {
                roots.add(certificate).map_err(|error| {
                    Error::invalid_config("a certificate of the trust store cannot be used")
                        .with("file", trust_store.path.display())
                        .caused_by(error)
                })?;
            }
        }
        None => {
            // A system without authorities is no error for who uses plain HTTP; a handshake will say what is missing.
            let (added, ignored) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            tracing::debug!(added, ignored, "authorities of the operating system");
        }
    }
    Ok(roots)
}

/// Believes every certificate, but still demands that the peer has its key.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
