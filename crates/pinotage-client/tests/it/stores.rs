//! TLS: whose certificates are trusted, our own, and what is said when it fails. `keytool` makes the Java stores.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pinotage_client::{Address, Connection, Controller, KeyStore, Retries, Tls, TrustStore};
use pinotage_common::{Error, ErrorKind, Secret};
use pinotage_testkit::fake::{Action, Fake};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

const PASSWORD: &str = "hunter2";
const KEY_PASSWORD: &str = "swordfish";

/// An authority, and what it has signed.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate in DER, its key, and both in PEM.
    fn sign(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, KeyPair, String) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        (certificate.der().clone(), key, pem)
    }

    /// A controller with a certificate of this authority; with `clients` it asks for one too.
    fn controller(&self, host: &str, clients: bool, change: impl FnOnce(&mut CertificateParams)) -> Fake {
        let (certificate, key, _) = self.sign(host, change);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = match clients {
            false => builder.unwrap().with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(self.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.unwrap().with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_single_cert(vec![certificate], key).unwrap();
        Fake::new().on("GET", "/health", Action::status(200, "OK")).start_tls(config)
    }

    /// Trusts this authority.
    fn tls(&self) -> Tls {
        Tls { trust_store: Some(TrustStore { path: self.path("ca.pem"), password: None }), ..Tls::default() }
    }
}

async fn health(url: &str, tls: Tls) -> Result<(), Error> {
    let mut connection = Connection::new(Address::parse(url).unwrap());
    connection.tls = tls;
    connection.retries = Retries { attempts: 1, ..Retries::default() };
    Controller::new(&connection)?.health().await
}

fn keytool(arguments: &[&str], files: &[(&str, &Path)]) {
    let mut command = Command::new("keytool");
    command.env("PASSWORD", PASSWORD).env("KEY_PASSWORD", KEY_PASSWORD).args(arguments);
    for (option, file) in files {
        command.arg(option).arg(file);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The stores of Java, with and without the ciphers that it had until Java 8.
const KINDS: [&str; 3] = ["jks", "pkcs12", "legacy"];

/// What makes `keytool` write a kind.
fn kind_options(kind: &'static str) -> Vec<&'static str> {
    if kind == "legacy" { vec!["pkcs12", "-J-Dkeystore.pkcs12.legacy"] } else { vec![kind] }
}

/// A store with the authority that Java wrote.
fn java_trust_store(authority: &Authority, kind: &'static str) -> TrustStore {
    let path = authority.path(&format!("trust.{kind}"));
    let mut arguments = vec!["-importcert", "-noprompt", "-alias", "ca", "-storepass:env", "PASSWORD", "-storetype"];
    arguments.extend(kind_options(kind));
    keytool(&arguments, &[("-file", &authority.path("ca.pem")), ("-keystore", &path)]);
    TrustStore { path, password: Some(Secret::new(PASSWORD)) }
}

/// A key that the authority signed, in a store that Java wrote.
fn java_key_store(authority: &Authority, kind: &'static str) -> KeyStore {
    let (certificate, key, _) = authority.sign("me", |_| {});
    let chain = [p12_keystore::Certificate::from_der(&certificate).unwrap()];
    let mut store = p12_keystore::KeyStore::new();
    let entry = p12_keystore::PrivateKeyChain::new(key.serialize_der(), [1], chain);
    store.add_entry("me", p12_keystore::KeyStoreEntry::PrivateKeyChain(entry));
    let (source, path) = (authority.path("source.p12"), authority.path(&format!("keys.{kind}")));
    std::fs::write(&source, store.writer(PASSWORD).write().unwrap()).unwrap();
    let mut arguments = vec!["-importkeystore", "-noprompt", "-alias", "me", "-srcstorepass:env", "PASSWORD"];
    arguments.extend(["-deststorepass:env", "PASSWORD", "-deststoretype"]);
    arguments.extend(kind_options(kind));
    arguments.extend(["-destkeypass:env", if kind == "jks" { "KEY_PASSWORD" } else { "PASSWORD" }]);
    keytool(&arguments, &[("-srckeystore", &source), ("-destkeystore", &path)]);
    KeyStore {
        path,
        key_path: None,
        password: Some(Secret::new(PASSWORD)),
        key_password: (kind == "jks").then(|| Secret::new(KEY_PASSWORD)),
        alias: None,
    }
}

fn pem_key_store(path: PathBuf) -> KeyStore {
    KeyStore { path, key_path: None, password: None, key_password: None, alias: None }
}

#[tokio::test]
async fn an_authority_is_trusted_from_each_kind_of_store() {
    let authority = Authority::new("ours");
    let controller = authority.controller("127.0.0.1", false, |_| {});
    health(&controller.url(), authority.tls()).await.unwrap();
    for kind in KINDS {
        let mut store = java_trust_store(&authority, kind);
        health(&controller.url(), Tls { trust_store: Some(store.clone()), ..Tls::default() }).await.unwrap();
        store.password = Some(Secret::new("wrong"));
        let error = health(&controller.url(), Tls { trust_store: Some(store), ..Tls::default() }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("password") && !format!("{error:?}").contains("wrong)"), "{error:?}");
    }
}

/// A trust store of the old kind often comes without its password, and Java reads it.
#[tokio::test]
async fn certificates_of_a_jks_store_need_no_password() {
    let authority = Authority::new("ours");
    let controller = authority.controller("127.0.0.1", false, |_| {});
    let store = TrustStore { password: None, ..java_trust_store(&authority, "jks") };
    health(&controller.url(), Tls { trust_store: Some(store), ..Tls::default() }).await.unwrap();
}

#[tokio::test]
async fn our_certificate_comes_from_each_kind_of_store() {
    let authority = Authority::new("ours");
    let controller = authority.controller("127.0.0.1", true, |_| {});
    let error = health(&controller.url(), authority.tls()).await.unwrap_err();
    assert!(error.message().contains("client certificate"), "{error:?}");

    let (_, key, pem) = authority.sign("me", |_| {});
    let (both, alone) = (authority.path("both.pem"), authority.path("key.pem"));
    std::fs::write(&both, pem).unwrap();
    std::fs::write(&alone, key.serialize_pem()).unwrap();
    let with = |store| Tls { key_store: Some(store), ..authority.tls() };
    health(&controller.url(), with(pem_key_store(both.clone()))).await.unwrap();
    let apart = KeyStore { key_path: Some(alone), ..pem_key_store(both) };
    health(&controller.url(), with(apart)).await.unwrap();
    for kind in KINDS {
        let store = java_key_store(&authority, kind);
        health(&controller.url(), with(store.clone())).await.unwrap();
        health(&controller.url(), with(KeyStore { alias: Some("ME".into()), ..store.clone() })).await.unwrap();
        let error = health(&controller.url(), with(KeyStore { alias: Some("x".into()), ..store })).await.unwrap_err();
        assert!(error.advice().to_lowercase().contains("one of: me"), "{error:?}");
    }
    let jks = KeyStore { password: Some(Secret::new(PASSWORD)), ..pem_key_store(authority.path("keys.jks")) };
    let error = health(&controller.url(), with(jks)).await.unwrap_err();
    assert!(error.message().contains("private key is wrong"), "{error:?}");
}

#[tokio::test]
async fn who_is_not_who_he_says_is_not_believed() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let imposter = Authority::new("ours");
    let cases: [(&str, Fake); 5] = [
        ("for another host", authority.controller("elsewhere", false, |_| {})),
        ("has expired", authority.controller("127.0.0.1", false, |it| it.not_after = rcgen::date_time_ymd(2001, 1, 1))),
        (
            "not valid yet",
            authority.controller("127.0.0.1", false, |it| it.not_before = rcgen::date_time_ymd(2901, 1, 1)),
        ),
        ("not trusted", other.controller("127.0.0.1", false, |_| {})),
        ("not trusted", imposter.controller("127.0.0.1", false, |_| {})),
    ];
    for (expected, controller) in &cases {
        let error = health(&controller.url(), authority.tls()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
        assert!(error.message().contains(expected), "{error:?}");
        assert!(controller.requests().is_empty());
        let any = Tls { insecure_trust_any_server: true, ..Tls::default() };
        health(&controller.url(), any).await.unwrap();
    }
    // The system's authorities do not know ours.
    let error = health(&cases[0].1.url(), Tls::default()).await.unwrap_err();
    assert!(error.message().contains("not trusted"), "{error:?}");
}

#[tokio::test]
async fn tls_and_plain_http_are_told_apart() {
    let authority = Authority::new("ours");
    let tls = authority.controller("127.0.0.1", false, |_| {});
    let error = health(&tls.url().replace("https", "http"), Tls::default()).await.unwrap_err();
    assert!(error.advice().contains("https://"), "{error:?}");
    let plain = Fake::new().start();
    let error = health(&plain.url().replace("http", "https"), authority.tls()).await.unwrap_err();
    assert!(error.advice().contains("http://"), "{error:?}");
}

#[test]
fn damaged_stores_are_errors() {
    let authority = Authority::new("ours");
    for kind in KINDS {
        let store = java_key_store(&authority, kind);
        let whole = std::fs::read(&store.path).unwrap();
        let mut connection = Connection::new(Address::parse("https://localhost").unwrap());
        connection.tls.key_store = Some(store.clone());
        Controller::new(&connection).unwrap();
        for length in (0..whole.len()).step_by(whole.len() / 50) {
            std::fs::write(&store.path, &whole[..length]).unwrap();
            let error = Controller::new(&connection).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
        }
    }
}
