//! Uploads in parts, scripted: how many at a time, and what is left after a failure.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use pinotage_common::ErrorKind;
use pinotage_store::{Location, PutMode, Store, quiet};
use tempfile::tempdir;

use crate::support::{Request, Scripted, answer, bytes, refusal, s3_options};

/// Six parts and a bit.
const SIZE: usize = (48 << 20) + 1;

/// The answers of S3 but for the parts.
fn around_the_parts(request: &Request) -> Option<Vec<u8>> {
    let xml = |body: &str| answer("200 OK", &[("ETag", "\"e\"")], body.len(), body.as_bytes());
    match request.method.as_str() {
        "POST" if request.target.contains("uploadId") => {
            xml("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>")
        }
        "POST" => xml("<InitiateMultipartUploadResult><UploadId>upload</UploadId></InitiateMultipartUploadResult>"),
        _ => answer("204 No Content", &[], 0, b""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_parts_are_under_way_than_allowed() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let under_way = (Mutex::new(0), Condvar::new());
    let server = Scripted::start(move |_, request| {
        if request.method != "PUT" {
            return around_the_parts(request);
        }
        let (count, changed) = &under_way;
        let mut now = count.lock().unwrap();
        *now += 1;
        seen.fetch_max(*now, Ordering::Relaxed);
        changed.notify_all();
        // Gives a third part the time to come, which it must not.
        let wait = changed.wait_timeout_while(now, Duration::from_millis(200), |now| *now < 3);
        *wait.unwrap().0 -= 1;
        answer("200 OK", &[("ETag", "\"e\"")], 0, b"")
    });
    let mut options = s3_options(&server.url);
    options.concurrency = 2;
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, bytes(SIZE)).unwrap();
    let at = Location::parse("s3://bucket/large").unwrap();
    assert_eq!(Store::new(options).unwrap().put(&file, &at, PutMode::Replace, &quiet).await.unwrap(), SIZE as u64);
    assert_eq!(most.load(Ordering::Relaxed), 2);
    assert_eq!(server.requests().iter().filter(|request| request.method == "PUT").count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upload_removes_its_parts() {
    let server = Scripted::start(|_, request| match request.method.as_str() {
        "PUT" if request.target.contains("partNumber=2") => refusal("403 Forbidden", "AccessDenied"),
        "PUT" => answer("200 OK", &[("ETag", "\"e\"")], 0, b""),
        _ => around_the_parts(request),
    });
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, bytes(SIZE)).unwrap();
    let at = Location::parse("s3://bucket/large").unwrap();
    let store = Store::new(s3_options(&server.url)).unwrap();
    let error = store.put(&file, &at, PutMode::Replace, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let requests = server.requests();
    let last = requests.last().unwrap();
    assert!(last.method == "DELETE" && last.target.contains("uploadId=upload"), "{last:?}");
    assert_eq!(requests.iter().filter(|request| request.method == "POST").count(), 1, "never completed");
}
