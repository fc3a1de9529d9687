//! Certificates of one test, by an authority that nobody else knows.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

/// Whether a cluster speaks HTTPS and gRPC over TLS; if so, nothing answers plain HTTP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tls {
    /// Plain HTTP and gRPC.
    #[default]
    Off,
    /// Clients check the server's certificate.
    Server,
    /// Clients show a certificate, too.
    Mutual,
}

/// The files with which a client of a cluster with TLS is configured.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The client's certificate, PEM.
    pub client: PathBuf,
    /// The client's EC key, PKCS #8 in PEM.
    pub client_key: PathBuf,
    /// The authority's certificate in PKCS #12, under [`TlsFiles::PASSWORD`] as all stores.
    pub truststore_p12: PathBuf,
    /// The authority's certificate in a Java key store.
    pub truststore_jks: PathBuf,
    /// The client's certificate and key in PKCS #12.
    pub client_p12: PathBuf,
    /// The client's certificate and key in a Java key store.
    pub client_jks: PathBuf,
}

impl TlsFiles {
    /// Of every store and every key in it; the Java side chooses it.
    pub const PASSWORD: &'static str = "changeit";

    /// Makes the certificates; the Java side adds the stores when it starts.
    pub(super) fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut authority = params("Pinotage test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        write("ca.pem", authority.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(authority, key);
        for owner in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            write(&format!("{owner}.pem"), params(owner).signed_by(&key, &issuer).unwrap().pem());
            write(&format!("{owner}-key.pem"), key.serialize_pem());
        }
        let file = |name: &str| folder.join(name);
        Self {
            ca: file("ca.pem"),
            client: file("client.pem"),
            client_key: file("client-key.pem"),
            truststore_p12: file("truststore.p12"),
            truststore_jks: file("truststore.jks"),
            client_p12: file("client.p12"),
            client_jks: file("client.jks"),
        }
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
