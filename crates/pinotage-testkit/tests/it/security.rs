//! Users and certificates.

use std::process::{Command, Stdio};

use pinotage_testkit::cluster::{Cluster, Http, Options, Tls, TlsFiles};
use serde_json::json;

use crate::{golden, load};

/// Loads a segment, counts it, and asks the controller for what it asks the servers for.
fn works(cluster: &Cluster) {
    let case = golden("times");
    load(cluster, &case, 1);
    cluster.await_count("times", case.rows.len() as u64);
    let size = cluster.get_json(&format!("{}/tables/times/size", cluster.controller));
    assert_eq!(size["offlineSegments"]["missingSegments"], 0, "{size}");
    let archive = format!("{}/segments/times_OFFLINE/times_0", cluster.servers[0].admin);
    assert!(!cluster.get(&archive).is_empty());
}

#[track_caller]
fn refused(answer: Result<Vec<u8>, String>, why: &str) {
    let error = answer.expect_err("a refusal");
    assert!(error.contains(why), "{error} is not about {why}");
}

#[test]
fn nobody_is_let_in_without_a_user_and_a_reader_changes_nothing() {
    let Some(cluster) = Cluster::start(&Options { auth: true, ..Options::default() }) else { return };
    works(&cluster);
    let stranger = Http::new(None, false, None);
    let segment = format!("{}/segments/times_OFFLINE/times_0", cluster.servers[0].admin);
    let tables = format!("{}/tables", cluster.controller);
    let sql = json!({"sql": "SELECT COUNT(*) FROM times"});
    refused(stranger.get(&tables), "401");
    refused(stranger.post_json(&format!("{}/query/sql", cluster.broker), &sql), "401");
    refused(stranger.get(&segment), "403");

    let reader = Http::new(None, false, cluster.reader.as_ref());
    reader.get(&tables).unwrap();
    reader.get(&segment).unwrap();
    reader.post_json(&format!("{}/query/sql", cluster.broker), &sql).unwrap();
    refused(reader.delete(&format!("{tables}/times")), "403");
    cluster.await_count("times", golden("times").rows.len() as u64);

    cluster.stop_controller();
    cluster.start_controller();
    load(&cluster, &golden("sorted"), 1);
}

#[test]
fn with_tls_clients_check_the_authority_and_nothing_is_plain() {
    let Some(cluster) = Cluster::start(&Options { tls: Tls::Server, ..Options::default() }) else { return };
    works(&cluster);
    let admin = &cluster.servers[0].admin;
    for url in
        [format!("{}/health", cluster.controller), format!("{}/health", cluster.broker), format!("{admin}/health")]
    {
        assert!(url.starts_with("https://"), "{url}");
        Http::new(cluster.tls.as_ref(), false, None).get(&url).unwrap();
        refused(Http::new(None, false, None).get(&url), "UnknownIssuer");
        Http::new(None, false, None).get(&url.replace("https://", "http://")).unwrap_err();
    }
    let grpc = format!("https://127.0.0.1:{}", cluster.servers[0].grpc_port);
    refused(Http::new(None, false, None).get(&grpc), "UnknownIssuer");
}

#[test]
fn with_mutual_tls_a_client_needs_a_certificate_too() {
    let options = Options { auth: true, tls: Tls::Mutual, ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    works(&cluster);
    let bare = Http::new(cluster.tls.as_ref(), false, cluster.admin.as_ref());
    for url in [&cluster.controller, &cluster.broker, &cluster.servers[0].admin] {
        bare.get(&format!("{url}/health")).unwrap_err();
        cluster.get(&format!("{url}/health"));
    }

    let files = cluster.tls.as_ref().unwrap();
    for (store, entry) in [
        (&files.truststore_p12, "trustedCertEntry"),
        (&files.truststore_jks, "trustedCertEntry"),
        (&files.client_p12, "PrivateKeyEntry"),
        (&files.client_jks, "PrivateKeyEntry"),
    ] {
        let mut keytool = Command::new("keytool");
        keytool.args(["-list", "-storepass", TlsFiles::PASSWORD, "-keystore"]).arg(store).stderr(Stdio::null());
        let list = String::from_utf8(keytool.output().unwrap().stdout).unwrap();
        assert!(list.contains(entry), "{}: {list}", store.display());
    }
}
