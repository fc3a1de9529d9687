//! Credentials of the environment, in a process of its own.

use std::env;
use std::process::Command;

use pinotage_store::{Location, S3Options, Store, StoreOptions};

use crate::support::{Scripted, answer};

const INSIDE: &str = "PINOTAGE_TEST_INSIDE";

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_endpoint_come_from_the_environment() {
    if env::var_os(INSIDE).is_some() {
        return look(StoreOptions::default()).await;
    }
    let server = server();
    let test = "environment::credentials_and_endpoint_come_from_the_environment";
    run_inside(test, &[("AWS_REGION", "eu-north-1"), ("AWS_ENDPOINT_URL", &server.url)]);
    let requests = server.requests();
    let signature = requests[0].header("authorization").unwrap();
    assert!(signature.contains("Credential=OFTHEENVIRONMENT/") && signature.contains("/eu-north-1/s3/"), "{signature}");
    assert_eq!(requests[0].target, "/bucket/key");
}

/// Through a proxy, because no name server knows the host.
#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_stands_before_the_host_when_that_is_asked_for() {
    if env::var_os(INSIDE).is_some() {
        let s3 =
            S3Options { endpoint: Some("http://s3.test:9000".into()), path_style: Some(false), ..S3Options::default() };
        return look(StoreOptions { s3, ..StoreOptions::default() }).await;
    }
    let server = server();
    let test = "environment::the_bucket_stands_before_the_host_when_that_is_asked_for";
    run_inside(test, &[("http_proxy", &server.url), ("no_proxy", ""), ("NO_PROXY", "")]);
    assert_eq!(server.requests()[0].target, "http://bucket.s3.test:9000/key");
}

fn server() -> Scripted {
    Scripted::start(|_, _| answer("200 OK", &[("Last-Modified", "Sat, 21 Nov 2026 07:28:00 GMT")], 0, b""))
}

async fn look(options: StoreOptions) {
    let store = Store::new(options).unwrap();
    assert_eq!(store.head(&Location::parse("s3a://bucket/key").unwrap()).await.unwrap().size, 0);
}

/// Runs one test of this program in a process with these variables.
fn run_inside(test: &str, variables: &[(&str, &str)]) {
    let mut inside = Command::new(env::current_exe().unwrap());
    inside.args(["--exact", test]).env(INSIDE, "1");
    inside.env("AWS_ACCESS_KEY_ID", "OFTHEENVIRONMENT").env("AWS_SECRET_ACCESS_KEY", "secret");
    let output = inside.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
