//! The same promises on S3, Azure Blob Storage and Google Cloud Storage, each by a real server.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use pinotage_common::{ErrorKind, Origin, Retry, Secret};
use pinotage_store::{AzureOptions, GcsOptions, ListOptions, Location, PutMode, Store, StoreOptions, quiet};
use pinotage_testkit::servers::{AZURE_ACCOUNT, AZURE_KEY, AZURE_SAS, Server};
use tempfile::tempdir;

use crate::support::{bytes, names, s3_options};

/// Above the size from which uploads go in parts, and no multiple of it.
const LARGE: usize = (20 << 20) + 4711;

#[tokio::test(flavor = "multi_thread")]
async fn s3() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("bucket");
    keeps_its_promises(s3_options(&server.url), "s3://bucket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure() {
    let Some(server) = Server::azure() else { return };
    server.make_azure_container("container");
    let azure = AzureOptions {
        account: Some(AZURE_ACCOUNT.into()),
        access_key: Some(Secret::new(AZURE_KEY)),
        endpoint: Some(server.url.clone()),
        ..AzureOptions::default()
    };
    let options = |azure| StoreOptions { azure, retries: 1, ..StoreOptions::default() };
    keeps_its_promises(options(azure.clone()), "az://container").await;
    let long = format!("abfss://container@{AZURE_ACCOUNT}.dfs.core.windows.net");
    keeps_its_promises(options(azure.clone()), &long).await;
    let signed = AzureOptions { access_key: None, sas: Some(Secret::new(AZURE_SAS)), ..azure.clone() };
    // Azurite cannot delete with a signature of the account.
    writes_and_reads(&Store::new(options(signed)).unwrap(), "az://container", &[1000, LARGE]).await;

    let wrong = AzureOptions { access_key: Some(Secret::new("aGlkZGVua2V5NDcxMQ==")), ..azure };
    let store = Store::new(options(wrong)).unwrap();
    let error = store.list(&location("az://container", ""), &ListOptions::default()).try_next().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.origin(), error.retry()),
        (ErrorKind::PermissionDenied, Origin::User, Retry::Permanent)
    );
    assert!(error.advice().contains("account key"), "{}", error.advice());
    assert!(!format!("{error:?}").contains("aGlkZGVua2V5NDcxMQ"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gcs() {
    let Some(server) = Server::gcs() else { return };
    server.make_gcs_bucket("bucket");
    let folder = tempdir().unwrap();
    let account = folder.path().join("account.json");
    // Google's libraries know this key for emulators: no token is fetched.
    fs::write(&account, r#"{"disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}"#).unwrap();
    let gcs = GcsOptions {
        endpoint: Some(server.url.clone()),
        service_account_file: Some(account.to_str().unwrap().into()),
        ..GcsOptions::default()
    };
    let options = |gcs| StoreOptions { gcs, retries: 1, ..StoreOptions::default() };
    // Of the client's XML requests this server knows none for parts and copies; a missing bucket is a 500.
    let store = Store::new(options(gcs.clone())).unwrap();
    writes_and_reads(&store, "gs://bucket", &[0, 1000]).await;
    lists(&store, "gs://bucket").await;
    creates_only_once(&store, "gs://bucket").await;
    says_what_is_missing(&store, "gs://bucket").await;

    let anonymous = GcsOptions { service_account_file: None, anonymous: true, ..gcs };
    let store = Store::new(options(anonymous)).unwrap();
    assert!(store.exists(&location("gs://bucket", "listed/not.csv")).await.unwrap());
}

fn location(base: &str, key: &str) -> Location {
    Location::parse(&format!("{base}/{key}")).unwrap()
}

async fn keeps_its_promises(options: StoreOptions, base: &str) {
    let store = Store::new(options).unwrap();
    writes_and_reads(&store, base, &[0, 1000, LARGE]).await;
    copies(&store, base).await;
    lists(&store, base).await;
    creates_only_once(&store, base).await;
    says_what_is_missing(&store, base).await;
    says_that_a_bucket_is_missing(&store, base).await;
}

async fn writes_and_reads(store: &Store, base: &str, sizes: &[usize]) {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    for &size in sizes {
        let content = bytes(size);
        fs::write(&from, &content).unwrap();
        let at = Location::parse(base).unwrap().join(&format!("x/a b=ä+1%.{size}")).unwrap();
        let progress = AtomicU64::new(0);
        let sent =
            store.put(&from, &at, PutMode::Replace, &|done| progress.store(done, Ordering::Relaxed)).await.unwrap();
        assert_eq!((sent, progress.into_inner()), (size as u64, size as u64), "{at}");

        let head = store.head(&at).await.unwrap();
        assert_eq!(head.size, size as u64, "{at}");
        assert!(head.etag.is_some() && head.modified.is_some(), "{head:?}");

        let got = store.get(&at, &to, size as u64, &quiet).await.unwrap();
        assert_eq!((got.size, got.etag), (head.size, head.etag), "{at}");
        assert!(fs::read(&to).unwrap() == content, "{at}");
        let listed = store.list(&at, &ListOptions::default()).try_next().await.unwrap().unwrap();
        store.get_version(&listed, &to, &quiet).await.unwrap();

        let reader = store.open(&at).await.unwrap();
        assert_eq!(reader.read(size as u64 / 2..size as u64).await.unwrap(), content[size / 2..], "{at}");

        fs::write(&from, "another object").unwrap();
        store.put(&from, &at, PutMode::Replace, &quiet).await.unwrap();
        if size > 0 {
            assert_eq!(reader.read(0..1).await.unwrap_err().kind(), ErrorKind::CommitConflict, "it was replaced");
        }
        let replaced = store.get_version(&listed, &folder.path().join("none"), &quiet).await.unwrap_err();
        assert_eq!(replaced.kind(), ErrorKind::CommitConflict, "{replaced}");
        let too_large = store.get(&at, &folder.path().join("none"), 13, &quiet).await.unwrap_err();
        assert_eq!(too_large.kind(), ErrorKind::ResourceExhausted);
        assert_eq!(names(folder.path()), ["from", "to"]);
    }
}

async fn copies(store: &Store, base: &str) {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, "content").unwrap();
    let (local, other) = (Location::local(&from).unwrap(), Location::local(&to).unwrap());
    let (one, two) = (location(base, "copies/one"), location(base, "copies/two"));
    for (from, to) in [(&local, &one), (&one, &two), (&two, &other)] {
        assert_eq!(store.copy(from, to).await.unwrap(), 7, "{from} to {to}");
    }
    assert_eq!(fs::read(&to).unwrap(), b"content");
}

async fn lists(store: &Store, base: &str) {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "12").unwrap();
    let keys = ["list/a.csv", "list/b-1.csv", "list/b.csv", "list/b/1.csv", "list/b/2.json", "list/ä.csv"];
    for key in keys.iter().chain(&["listed/not.csv"]) {
        let at = Location::parse(base).unwrap().join(key).unwrap();
        store.put(&file, &at, PutMode::Replace, &quiet).await.unwrap();
    }
    let list = async |key: &str, options: &ListOptions| -> Vec<String> {
        let entries: Vec<_> = store.list(&location(base, key), options).try_collect().await.unwrap();
        assert!(entries.iter().all(|entry| entry.size == 2 && entry.etag.is_some() && entry.modified.is_some()));
        entries.into_iter().map(|entry| entry.location.key().to_owned()).collect()
    };
    assert_eq!(list("list", &ListOptions::default()).await, keys);
    let flat = ListOptions { recursive: false, ..ListOptions::default() };
    assert_eq!(list("list/", &flat).await, ["list/a.csv", "list/b-1.csv", "list/b.csv", "list/ä.csv"]);
    let chosen = ListOptions {
        include: Some("glob:**/list/**.csv".parse().unwrap()),
        exclude: Some("glob:**/b/*".parse().unwrap()),
        ..ListOptions::default()
    };
    assert_eq!(list("list", &chosen).await, ["list/a.csv", "list/b-1.csv", "list/b.csv", "list/ä.csv"]);
    assert_eq!(list("list/a.csv", &ListOptions::default()).await, ["list/a.csv"]);
    assert!(list("nothing", &ListOptions::default()).await.is_empty());

    // What is listed is what a look at the object says.
    let entry = store.list(&location(base, "list/a.csv"), &ListOptions::default()).try_next().await.unwrap().unwrap();
    let listed = store.list(&location(base, "list"), &ListOptions::default()).try_next().await.unwrap().unwrap();
    assert_eq!((entry.etag, entry.location), (listed.etag, listed.location));

    for key in keys {
        store.delete(&Location::parse(base).unwrap().join(key).unwrap()).await.unwrap();
    }
    assert!(list("list", &ListOptions::default()).await.is_empty());
}

async fn creates_only_once(store: &Store, base: &str) {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let lock = location(base, "lock");
    fs::write(&from, "first").unwrap();
    store.put(&from, &lock, PutMode::Create, &quiet).await.unwrap();
    fs::write(&from, "second").unwrap();
    let error = store.put(&from, &lock, PutMode::Create, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error:?}");
    store.get(&lock, &to, 100, &quiet).await.unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"first");
    store.delete(&lock).await.unwrap();

    fs::write(&from, bytes(LARGE)).unwrap();
    let error = store.put(&from, &lock, PutMode::Create, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!store.exists(&lock).await.unwrap());
}

async fn says_what_is_missing(store: &Store, base: &str) {
    let none = location(base, "none");
    assert!(!store.exists(&none).await.unwrap());
    store.delete(&none).await.unwrap();
    let error = store.head(&none).await.unwrap_err();
    assert_eq!((error.kind(), error.origin()), (ErrorKind::NotFound, Origin::User), "{error:?}");
    assert!(error.context().contains(&("uri", none.to_string())), "{error}");
}

async fn says_that_a_bucket_is_missing(store: &Store, base: &str) {
    let elsewhere = base.replace("bucket", "no-bucket").replace("//container", "//no-container");
    let error = store.list(&location(&elsewhere, "x"), &ListOptions::default()).try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}
