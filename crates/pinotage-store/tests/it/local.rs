//! The local file system.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use pinotage_common::ErrorKind;
use pinotage_store::{ListOptions, Location, PutMode, Store, StoreOptions, quiet};
use tempfile::tempdir;

use crate::support::{bytes, names};

fn store() -> Store {
    Store::new(StoreOptions::default()).unwrap()
}

fn at(path: &Path) -> Location {
    Location::local(path).unwrap()
}

async fn list(folder: &Path, options: &ListOptions) -> Vec<String> {
    let entries: Vec<_> = store().list(&at(folder), options).try_collect().await.unwrap();
    let prefix = format!("{}/", folder.display());
    entries.iter().map(|entry| entry.location.key().strip_prefix(&prefix).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn files_are_listed_in_the_order_of_object_stores() {
    let folder = tempdir().unwrap();
    for file in ["b/1.csv", "b/2.json", "b.csv", "b-1.csv", "a/x/y.csv", ".hidden.csv", "ä.csv", "empty/"] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !file.ends_with('/') {
            fs::write(path, file).unwrap();
        }
    }
    symlink(folder.path().join("b.csv"), folder.path().join("link.csv")).unwrap();
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();

    let all = [".hidden.csv", "a/x/y.csv", "b-1.csv", "b.csv", "b/1.csv", "b/2.json", "link.csv", "ä.csv"];
    assert_eq!(list(folder.path(), &ListOptions::default()).await, all);

    let flat = ListOptions { recursive: false, ..ListOptions::default() };
    assert_eq!(list(folder.path(), &flat).await, [".hidden.csv", "b-1.csv", "b.csv", "link.csv", "ä.csv"]);

    let chosen = ListOptions {
        include: Some("glob:**/*.csv".parse().unwrap()),
        exclude: Some("regex:.*/[.al][^/]*".parse().unwrap()),
        ..ListOptions::default()
    };
    assert_eq!(list(folder.path(), &chosen).await, ["a/x/y.csv", "b-1.csv", "b.csv", "b/1.csv", "ä.csv"]);

    let file = at(&folder.path().join("b.csv"));
    let itself: Vec<_> = store().list(&file, &ListOptions::default()).try_collect().await.unwrap();
    assert_eq!((itself.len(), &itself[0].location, itself[0].size), (1, &file, 5));

    let nothing = store().list(&at(&folder.path().join("none")), &ListOptions::default()).try_next().await;
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_comes_as_a_whole_and_replaces_the_old_one() {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("made/to"));
    let content = bytes(3_000_000);
    fs::write(&from, &content).unwrap();
    let progress = AtomicU64::new(0);
    let got = store().get(&at(&from), &to, 3_000_000, &|done| progress.store(done, Ordering::Relaxed)).await.unwrap();
    assert_eq!((got.size, progress.into_inner()), (3_000_000, 3_000_000));
    assert!(fs::read(&to).unwrap() == content);

    fs::write(&from, "new").unwrap();
    assert_eq!(store().put(&from, &at(&to), PutMode::Replace, &quiet).await.unwrap(), 3);
    assert_eq!(fs::read(&to).unwrap(), b"new");
    assert_eq!(names(to.parent().unwrap()), ["to"]);
}

#[tokio::test]
async fn what_must_not_exist_is_not_replaced() {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, "1").unwrap();
    store().put(&from, &at(&to), PutMode::Create, &quiet).await.unwrap();
    fs::write(&from, "2").unwrap();
    let error = store().put(&from, &at(&to), PutMode::Create, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&to).unwrap(), b"1");
    assert_eq!(names(folder.path()), ["from", "to"]);
}

#[tokio::test]
async fn a_file_above_the_limit_is_not_touched() {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, "12345").unwrap();
    let error = store().get(&at(&from), &to, 4, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    assert!(error.advice().contains("5 bytes"), "{}", error.advice());
    assert_eq!(names(folder.path()), ["from"]);
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing() {
    let folder = tempdir().unwrap();
    let from = folder.path().join("from");
    fs::write(&from, "1").unwrap();
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    assert!(store().put(&from, &at(&target), PutMode::Replace, &quiet).await.is_err());
    let (none, to) = (folder.path().join("none"), at(&folder.path().join("to")));
    let error = store().put(&none, &to, PutMode::Replace, &quiet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(names(folder.path()), ["from", "target"]);
}

#[tokio::test]
async fn ranges_are_of_the_version_that_was_opened() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "0123456789").unwrap();
    let reader = store().open(&at(&path)).await.unwrap();
    assert_eq!(reader.entry().size, 10);
    assert_eq!(reader.read(2..5).await.unwrap(), "234");
    assert_eq!(reader.read(10..10).await.unwrap(), "");
    #[expect(clippy::reversed_empty_ranges, reason = "this is the mistake")]
    for range in [5..11, 7..3, 0..u64::MAX] {
        assert_eq!(reader.read(range).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
    // Another file of the same size takes its place.
    fs::write(folder.path().join("b"), "abcdefghij").unwrap();
    fs::rename(folder.path().join("b"), &path).unwrap();
    assert_eq!(reader.read(2..5).await.unwrap_err().kind(), ErrorKind::CommitConflict);
}

#[tokio::test]
async fn what_is_not_there_is_no_file_and_is_deleted_already() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a");
    assert!(!store().exists(&at(&path)).await.unwrap());
    assert!(!store().exists(&at(folder.path())).await.unwrap());
    store().delete(&at(&path)).await.unwrap();
    fs::write(&path, "1").unwrap();
    let copy = folder.path().join("b");
    assert_eq!(store().copy(&at(&path), &at(&copy)).await.unwrap(), 1);
    assert!(store().exists(&at(&copy)).await.unwrap());
    store().delete(&at(&path)).await.unwrap();
    assert_eq!(names(folder.path()), ["b"]);
}
