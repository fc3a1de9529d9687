//! Faults of networks and servers, scripted.

use std::path::Path;

use futures::TryStreamExt;
use pinotage_common::{ErrorKind, Origin, Retry, Secret};
use pinotage_store::{HttpOptions, ListOptions, Location, PutMode, Store, StoreOptions, quiet};
use tempfile::tempdir;

use crate::support::{Request, Scripted, answer, bytes, names, refusal, s3_options};

const SIZE: usize = 1_000_000;
const MODIFIED: (&str, &str) = ("Last-Modified", "Sat, 21 Nov 2026 07:28:00 GMT");
const ETAG: (&str, &str) = ("ETag", "\"one\"");

fn s3(server: &Scripted) -> (Store, Location) {
    (Store::new(s3_options(&server.url)).unwrap(), Location::parse("s3://bucket/key.bin").unwrap())
}

/// Up to `length` bytes of the object from where the request wants them, announced in full.
fn part(request: &Request, etag: (&str, &str), length: usize) -> Option<Vec<u8>> {
    let content = bytes(SIZE);
    let start = request.range_start().unwrap_or(0);
    let sent = &content[start..(start + length).min(SIZE)];
    let range = format!("bytes {start}-{}/{SIZE}", SIZE - 1);
    match request.range_start() {
        Some(_) => answer("206 Partial Content", &[etag, MODIFIED, ("Content-Range", &range)], SIZE - start, sent),
        None => answer("200 OK", &[etag, MODIFIED], SIZE, sent),
    }
}

fn is_whole(path: &Path) -> bool {
    std::fs::read(path).unwrap() == bytes(SIZE)
}

#[tokio::test]
async fn a_download_that_is_cut_again_and_again_goes_on() {
    let server = Scripted::start(|_, request| part(request, ETAG, 150_000));
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    let to = folder.path().join("to");
    store.get(&at, &to, u64::MAX, &quiet).await.unwrap();
    assert!(is_whole(&to));
    let starts: Vec<_> = server.requests().iter().map(Request::range_start).collect();
    assert!(starts.len() > 5 && starts.is_sorted() && starts[1..].iter().all(Option::is_some), "{starts:?}");
}

#[tokio::test]
async fn without_a_version_a_download_starts_anew() {
    for etag in [("X-None", "x"), ("ETag", "W/\"weak\"")] {
        let server = Scripted::start(move |number, request| part(request, etag, if number == 0 { 1000 } else { SIZE }));
        let at = Location::parse(&format!("{}/key.bin", server.url)).unwrap();
        let folder = tempdir().unwrap();
        let to = folder.path().join("to");
        let store = Store::new(StoreOptions { retries: 1, ..StoreOptions::default() }).unwrap();
        store.get(&at, &to, u64::MAX, &quiet).await.unwrap();
        assert!(is_whole(&to), "{etag:?}");
        assert!(server.requests().iter().all(|request| request.header("if-match").is_none()), "{etag:?}");
    }
}

#[tokio::test]
async fn a_download_that_never_comes_further_is_given_up() {
    let server = Scripted::start(|_, request| part(request, ("X-None", "x"), 1000));
    let at = Location::parse(&format!("{}/key.bin", server.url)).unwrap();
    let folder = tempdir().unwrap();
    let store = Store::new(StoreOptions { retries: 1, ..StoreOptions::default() }).unwrap();
    let error = store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Temporary), "{error:?}");
    assert_eq!((server.requests().len(), names(folder.path()).len()), (3, 0));
}

#[tokio::test]
async fn a_server_without_ranges_is_read_from_the_start() {
    let server = Scripted::start(|number, _| {
        let content = bytes(SIZE);
        answer("200 OK", &[ETAG, MODIFIED], SIZE, &content[..if number == 0 { 1000 } else { SIZE }])
    });
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    let to = folder.path().join("to");
    store.get(&at, &to, u64::MAX, &quiet).await.unwrap();
    assert!(is_whole(&to));
}

#[tokio::test]
async fn an_object_that_is_replaced_meanwhile_is_not_mixed() {
    let server = Scripted::start(|number, request| match request.header("if-match") {
        Some(etag) if etag != "\"two\"" => refusal("412 Precondition Failed", "PreconditionFailed"),
        _ if number == 0 => part(request, ETAG, 1000),
        _ => part(request, ("ETag", "\"two\""), SIZE),
    });
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    let error = store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::CommitConflict, Retry::Temporary), "{error:?}");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_server_that_goes_away_leaves_nothing_behind() {
    let server = Scripted::start(|number, request| (number == 0).then(|| part(request, ETAG, 1000)).flatten());
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    let error = store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.origin(), error.retry()),
        (ErrorKind::Unavailable, Origin::Remote, Retry::Temporary),
        "{error:?}"
    );
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_passing_fault_is_not_seen() {
    let server = Scripted::start(|number, request| match number {
        0 => refusal("503 Service Unavailable", "SlowDown"),
        _ => part(request, ETAG, SIZE),
    });
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_lasting_fault_is_the_servers_move() {
    for (status, code) in [("503 Service Unavailable", "SlowDown"), ("500 Internal Server Error", "InternalError")] {
        let server = Scripted::start(move |_, _| refusal(status, code));
        let (store, at) = s3(&server);
        let folder = tempdir().unwrap();
        let error = store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Temporary), "{error:?}");
        assert_eq!(server.requests().len(), 2, "one retry was asked for");
    }
}

#[tokio::test]
async fn wrong_credentials_are_the_users_move() {
    for (status, code, advice) in [
        ("403 Forbidden", "InvalidAccessKeyId", "check access key"),
        ("403 Forbidden", "SignatureDoesNotMatch", "check access key"),
        ("403 Forbidden", "AccessDenied", "the right to"),
        ("400 Bad Request", "ExpiredToken", "temporary credentials"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock"),
    ] {
        let server = Scripted::start(move |_, _| {
            let body = format!("<Error><Code>{code}</Code><AWSAccessKeyId>ACCESSKEY4711</AWSAccessKeyId></Error>");
            answer(status, &[], body.len(), body.as_bytes())
        });
        let (store, at) = s3(&server);
        let error = store.open(&at).await.err();
        // A HEAD has no body that names the reason, a listing has.
        let error = store.list(&at, &ListOptions::default()).try_next().await.err().or(error).unwrap();
        assert_eq!(
            (error.kind(), error.origin(), error.retry()),
            (ErrorKind::PermissionDenied, Origin::User, Retry::Permanent),
            "{code}: {error:?}"
        );
        assert!(error.advice().contains(advice), "{code}: {}", error.advice());
        assert!(!format!("{error:?}").contains("4711"), "{error:?}");
        assert_eq!(server.requests().len(), 2, "{code}: not tried again");
    }
}

#[tokio::test]
async fn a_bucket_elsewhere_names_the_option() {
    let server = Scripted::start(|_, _| refusal("301 Moved Permanently", "PermanentRedirect"));
    let (store, at) = s3(&server);
    let error = store.list(&at, &ListOptions::default()).try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
    assert!(error.advice().contains("s3.region"), "{}", error.advice());
}

#[tokio::test]
async fn a_key_that_reads_like_a_code_is_no_code() {
    let server = Scripted::start(|_, _| refusal("404 Not Found", "NoSuchKey"));
    let store = Store::new(s3_options(&server.url)).unwrap();
    let at = Location::parse("s3://bucket/SlowDown-NoSuchBucket").unwrap();
    let folder = tempdir().unwrap();
    let error = store.get(&at, &folder.path().join("to"), u64::MAX, &quiet).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "cannot get the object: not found"));
}

#[tokio::test]
async fn a_large_object_is_refused_by_its_announced_size() {
    let server = Scripted::start(|_, request| part(request, ETAG, 1000));
    let (store, at) = s3(&server);
    let folder = tempdir().unwrap();
    let error = store.get(&at, &folder.path().join("to"), 999_999, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error:?}");
    assert_eq!((server.requests().len(), names(folder.path()).len()), (1, 0));
}

#[tokio::test]
async fn the_signature_of_a_url_is_sent_and_never_shown() {
    let server = Scripted::start(|_, request| match request.target.as_str() {
        "/a%20b.csv?sig=4711" => answer("200 OK", &[], 3, b"1,2"),
        _ => answer("403 Forbidden", &[], 0, b""),
    });
    let store = Store::new(StoreOptions::default()).unwrap();
    let folder = tempdir().unwrap();
    let to = folder.path().join("to");
    let at = |key: &str| Location::parse(&format!("{}/{key}", server.url)).unwrap();
    let got = store.get(&at("a%20b.csv?sig=4711"), &to, 3, &quiet).await.unwrap();
    assert_eq!((got.size, got.etag, got.modified), (3, None, None));
    assert_eq!(std::fs::read(&to).unwrap(), b"1,2");
    let error = store.get(&at("other.csv?sig=4711"), &to, 3, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(!format!("{error:?}").contains("4711"), "{error:?}");
}

#[tokio::test]
async fn web_servers_are_only_read_and_not_listed() {
    let store = Store::new(StoreOptions::default()).unwrap();
    let at = Location::parse("https://host.invalid/a.csv").unwrap();
    let listed = store.list(&at, &ListOptions::default()).try_next().await.unwrap_err();
    let put = store.put(Path::new("/dev/null"), &at, PutMode::Replace, &quiet).await.unwrap_err();
    let deleted = store.delete(&at).await.unwrap_err();
    for error in [listed, put, deleted] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear_unless_that_is_asked_for() {
    let server = Scripted::start(|_, request| match request.header("authorization") {
        Some("Bearer token4711") => answer("200 OK", &[], 0, b""),
        _ => answer("401 Unauthorized", &[], 0, b""),
    });
    let at = Location::parse(&format!("{}/a.csv", server.url)).unwrap();
    let with = |allow_http| {
        let http = HttpOptions { token: Some(Secret::new("token4711")), allow_http };
        Store::new(StoreOptions { http, ..StoreOptions::default() }).unwrap()
    };
    let error = with(false).head(&at).await.unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::InvalidConfig, 0));
    assert_eq!(with(true).head(&at).await.unwrap().size, 0);
}
