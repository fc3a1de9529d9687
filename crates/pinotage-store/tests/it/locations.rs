//! Texts and what they mean.

use std::path::Path;

use pinotage_common::ErrorKind;
use pinotage_store::{Location, Scheme};
use proptest::prelude::*;

fn parse(text: &str) -> pinotage_common::Result<Location> {
    Location::parse_in(text, Path::new("/base"))
}

#[test]
fn uris_and_paths_have_one_form() {
    for (text, scheme, bucket, key, shown) in [
        ("a.csv", Scheme::File, "", "/base/a.csv", "/base/a.csv"),
        ("./x/../a b.csv", Scheme::File, "", "/base/a b.csv", "/base/a b.csv"),
        ("/data//a%20b.csv", Scheme::File, "", "/data/a%20b.csv", "/data/a%20b.csv"),
        ("c:x", Scheme::File, "", "/base/c:x", "/base/c:x"),
        ("file:///data/a%20b.csv", Scheme::File, "", "/data/a b.csv", "/data/a b.csv"),
        ("file:/data/a.csv", Scheme::File, "", "/data/a.csv", "/data/a.csv"),
        ("file://localhost/data", Scheme::File, "", "/data", "/data"),
        ("s3://bucket", Scheme::S3, "bucket", "", "s3://bucket/"),
        ("s3a://bucket/x/y/", Scheme::S3, "bucket", "x/y", "s3://bucket/x/y"),
        ("S3N://bucket/%C3%A4=1", Scheme::S3, "bucket", "ä=1", "s3://bucket/%C3%A4=1"),
        ("gs://b/k", Scheme::Gs, "b", "k", "gs://b/k"),
        ("gcs://b/k", Scheme::Gs, "b", "k", "gs://b/k"),
        ("az://container/k", Scheme::Az, "container", "k", "az://container/k"),
        ("abfss://c@acc.dfs.core.windows.net/k", Scheme::Abfss, "c", "k", "abfss://c@acc.dfs.core.windows.net/k"),
        ("abfs://c@acc.dfs.core.windows.net/k", Scheme::Abfs, "c", "k", "abfs://c@acc.dfs.core.windows.net/k"),
        ("wasbs://c@acc.blob.core.windows.net/k", Scheme::Wasbs, "c", "k", "wasbs://c@acc.blob.core.windows.net/k"),
        ("https://Host.example:443/a?sig=s", Scheme::Https, "host.example", "a", "https://host.example/a"),
        ("http://127.0.0.1:8080/a", Scheme::Http, "127.0.0.1:8080", "a", "http://127.0.0.1:8080/a"),
    ] {
        let location = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((location.scheme(), location.bucket(), location.key()), (scheme, bucket, key), "{text}");
        assert_eq!(location.to_string(), shown, "{text}");
    }
}

#[test]
fn uris_are_told_from_paths_and_have_parents() {
    for (text, is_uri) in
        [("s3://b/k", true), ("file:/k", true), ("nosuch://k", true), ("a:b", false), ("/s3://b", false)]
    {
        assert_eq!(Location::is_uri(text), is_uri, "{text}");
    }
    for (text, parent) in [
        ("s3://b/x/y", "s3://b/x"),
        ("s3://b/x", "s3://b/"),
        ("s3://b", "s3://b/"),
        ("/x/y", "/x"),
        ("/x", "/"),
        ("/", "/"),
    ] {
        assert_eq!(parse(text).unwrap().parent().to_string(), parent, "{text}");
    }
}

#[test]
fn patterns_see_one_slash_after_the_scheme() {
    assert_eq!(parse("s3a://bucket/x/a%20b").unwrap().match_text(), "s3:/bucket/x/a b");
    assert_eq!(parse("file:///x/a").unwrap().match_text(), "/x/a");
}

#[test]
fn what_would_open_something_else_is_refused() {
    for text in [
        "s3://bucket/../x",
        "s3://bucket/%2e%2e/x",
        "s3://bucket/a//b",
        "s3://bucket/a%2Fb",
        "s3://bucket/a%0ab",
        "s3://bucket/a%zz",
        "s3://bucket/a?versionId=1",
        "s3://bucket/a#b",
        "s3:///a",
        "s3:/bucket/a",
        "s3://key:secret@bucket/a",
        "file://host/a",
        "file:///a/../b",
        "/a/../../b",
        "abfss://c@acc.example.com/k",
        "https://user:password@host/a",
        "https:///a",
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}: {error}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("password@"), "{error:?}");
    }
}

#[test]
fn schemes_without_a_client_say_what_to_use_instead() {
    let hdfs = parse("hdfs://namenode:8020/data").unwrap_err();
    assert_eq!(hdfs.kind(), ErrorKind::Unsupported);
    assert!(hdfs.to_string().contains("no pure Rust HDFS client is shipped yet"), "{hdfs}");
    assert!(hdfs.advice().contains("Spark") && hdfs.advice().contains("distcp"), "{}", hdfs.advice());
    for text in ["ftp://host/a", "adl://x/y", "webhdfs://x/y"] {
        assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
    }
}

#[test]
fn signatures_of_urls_are_never_shown() {
    let location = parse("https://host.example/a?X-Signature=4711").unwrap();
    assert!(!format!("{location} {location:?} {}", location.match_text()).contains("4711"));
    let error = parse("https://host.example/a//b?X-Signature=4711").unwrap_err();
    assert!(!format!("{error:?}").contains("4711"), "{error:?}");
}

#[test]
fn joined_parts_stay_below() {
    let folder = parse("s3://bucket/x").unwrap();
    assert_eq!(folder.join("y/a b.csv").unwrap().to_string(), "s3://bucket/x/y/a%20b.csv");
    assert_eq!(parse("s3://bucket").unwrap().join("a").unwrap().key(), "a");
    for part in ["", "..", "a/../b", "/a", "a//b"] {
        assert!(folder.join(part).is_err(), "{part}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_means_the_same(text in "(s3|gs|az|https?)://[a-z]{3}/[ -~ä]{0,20}") {
        if let Ok(location) = parse(&text) && !text.contains('?') {
            prop_assert_eq!(parse(&location.to_string()).unwrap(), location);
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = parse(&text);
    }
}
