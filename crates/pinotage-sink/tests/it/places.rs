//! The clusters that every promise is tested on.

use std::sync::OnceLock;

use pinotage_client::{Address, Auth, Connection, KeyStore, Tls, TrustStore};
use pinotage_common::Secret;
use pinotage_testkit::cluster::{self, Cluster, Options, TlsFiles, Version};

/// A cluster that tests share; it starts when the first of them wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Pinot 1.5.1.
    Modern,
    /// Pinot 0.11.0.
    Oldest,
    /// Pinot 1.5.1 that wants to know users.
    Users,
    /// Pinot 1.5.1 with TLS that wants to see certificates.
    Certificates,
}

impl Place {
    /// Nothing when there is no cluster, which says so.
    pub(crate) fn cluster(self) -> Option<&'static Cluster> {
        static CLUSTERS: [OnceLock<Option<Cluster>>; 3] = [const { OnceLock::new() }; 3];
        let (at, options) = match self {
            Self::Modern => return Cluster::shared(),
            Self::Oldest => (0, Options { version: Version::V0_11, ..Options::default() }),
            Self::Users => (1, Options { auth: true, ..Options::default() }),
            Self::Certificates => (2, Options { tls: cluster::Tls::Mutual, ..Options::default() }),
        };
        CLUSTERS[at].get_or_init(|| Cluster::start(&options)).as_ref()
    }
}

/// How somebody who may do everything reaches a cluster.
pub(crate) fn connection(cluster: &Cluster) -> Connection {
    let mut connection = Connection::new(Address::parse(&cluster.controller).unwrap());
    if let Some(admin) = &cluster.admin {
        connection.auth = Auth::Basic { user: admin.name.clone(), password: Secret::new(&admin.password) };
    }
    if let Some(files) = &cluster.tls {
        connection.tls = java_stores(files);
    }
    connection
}

/// Stores in PKCS#12.
pub(crate) fn java_stores(files: &TlsFiles) -> Tls {
    stores(files.truststore_p12.clone(), files.client_p12.clone(), true)
}

/// The three kinds of stores, by name.
pub(crate) fn all_stores(files: &TlsFiles) -> [(&'static str, Tls); 3] {
    let mut pem = stores(files.ca.clone(), files.client.clone(), false);
    pem.key_store.as_mut().unwrap().key_path = Some(files.client_key.clone());
    let jks = stores(files.truststore_jks.clone(), files.client_jks.clone(), true);
    [("pem", pem), ("pkcs12", java_stores(files)), ("jks", jks)]
}

fn stores(trusted: std::path::PathBuf, own: std::path::PathBuf, locked: bool) -> Tls {
    let password = locked.then(|| Secret::new(TlsFiles::PASSWORD));
    Tls {
        trust_store: Some(TrustStore { path: trusted, password: password.clone() }),
        key_store: Some(KeyStore { path: own, key_path: None, password, key_password: None, alias: None }),
        insecure_trust_any_server: false,
    }
}

/// A test of each scenario in each place, such as `modern::segments_come_once`.
macro_rules! in_all_places {
    ($($scenario:ident),* $(,)?) => {
        in_all_places!(@ modern Modern $($scenario)*);
        in_all_places!(@ oldest Oldest $($scenario)*);
        in_all_places!(@ users Users $($scenario)*);
        in_all_places!(@ certificates Certificates $($scenario)*);
    };
    (@ $module:ident $place:ident $($scenario:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(crate::places::Place::$place).await;
                }
            )*
        }
    };
}
pub(crate) use in_all_places;
