//! Archives put where the cluster fetches them: the forms of a push.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures::FutureExt as _;
use pinotage_client::SegmentZkMetadata;
use pinotage_common::{ArchiveLevel, ByteSize, ErrorKind, Result, Secret};
use pinotage_sink::publish::{Form, Publication, PushObserver, PushOptions, publish};
use pinotage_sink::{LocalSegment, Target};
use pinotage_store::{S3Options, StoreOptions};
use pinotage_testkit::cluster::{Cluster, Options, Version, eventually};
use pinotage_testkit::servers::Server;

use crate::places::Place;
use crate::support::Fixture;

/// What a push said, in order.
#[derive(Default)]
struct Said {
    words: Mutex<Vec<&'static str>>,
    /// The process dies when the first archive is there.
    dies: bool,
}

impl PushObserver for Said {
    fn stored(&self, _bytes: ByteSize) {
        self.words.lock().unwrap().push("stored");
        assert!(!self.dies, "killed");
    }

    fn pushed(&self, bytes: ByteSize) {
        assert!(bytes.bytes() > 0);
        self.words.lock().unwrap().push("pushed");
    }

    fn note(&self, text: &str) {
        assert!(text.contains("one by one"), "{text}");
        self.words.lock().unwrap().push("note");
    }
}

/// Publishes and returns what was said.
async fn push(
    fixture: &Fixture,
    to: &[LocalSegment],
    from: &[LocalSegment],
    options: &PushOptions,
) -> Result<Vec<&'static str>> {
    let said = Said::default();
    publish(&fixture.target, fixture.table.json(), &publication(to, from), options, &said).await?;
    Ok(said.words.into_inner().unwrap())
}

fn publication(to: &[LocalSegment], from: &[LocalSegment]) -> Publication {
    let from = from.iter().map(|segment| (segment.name.clone(), segment.crc)).collect();
    Publication { to: to.to_vec(), from, own_prefix: Some("own_".into()), ..Publication::default() }
}

fn options(form: Form, deep_store: impl ToString) -> PushOptions {
    let options = PushOptions { form, deep_store: Some(deep_store.to_string()), ..PushOptions::default() };
    options.check().unwrap();
    options
}

/// A folder that the cluster has too, and its URI.
fn shared_folder(fixture: &Fixture) -> (PathBuf, String) {
    // With letters that a URI has to encode.
    let folder = fixture.folder.path().join("deep störe+1");
    let uri = format!("file://{}", folder.display()).replace(' ', "%20");
    (folder, uri)
}

async fn kept(fixture: &Fixture, segment: &str) -> SegmentZkMetadata {
    let Target { controller, table, table_type } = &fixture.target;
    controller.segment_metadata(table, *table_type, segment).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_metadata_brings_segments_and_replaces_them() {
    for (form, copies, table) in [
        (Form::Metadata, false, "form_metadata"),
        (Form::Metadata, true, "form_copy"),
        (Form::MetadataBatch, false, "form_batch"),
        (Form::MetadataBatch, true, "form_batch_copy"),
    ] {
        let Some(fixture) = Fixture::with_table(Place::Modern, table).await else { return };
        let (folder, uri) = shared_folder(&fixture);
        let options = PushOptions { copy_to_deep_store: copies, ..options(form, uri) };
        let mut old = [fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
        for (segment, input) in old.iter_mut().zip(["a.csv", "b.csv"]) {
            segment.custom = [("job", "j"), ("input", input)].map(|(key, value)| (key.into(), value.into())).into();
        }
        let mut said = push(&fixture, &old, &[], &options).await.unwrap();
        said.sort_unstable();
        assert_eq!(said, ["pushed", "pushed", "stored", "stored"]);
        fixture.keys(&[1, 2]).await;
        assert!(folder.join(table).join("own_1.tar.gz").is_file());
        let first = kept(&fixture, "own_1").await;
        assert_eq!(first.custom.get("job").map(String::as_str), Some("j"));
        assert_eq!(first.custom.contains_key("input"), form == Form::Metadata);
        let there = first.download_url.unwrap();
        let expected = format!("/deep%20st%C3%B6re%2B1/{table}/own_1.tar.gz");
        assert_eq!((there.starts_with("file:"), there.ends_with(&expected)), (!copies, !copies), "{there}");

        assert_eq!(push(&fixture, &old, &[], &options).await.unwrap(), [""; 0]);
        // In one step, and by name.
        let new = [fixture.segment("own_3", &[3]), fixture.segment("own_4", &[4])];
        push(&fixture, &new, &old, &options).await.unwrap();
        fixture.keys(&[3, 4]).await;
        let again = [fixture.segment("own_3", &[33]), fixture.segment("own_5", &[5])];
        push(&fixture, &again, &new, &options).await.unwrap();
        fixture.keys(&[5, 33]).await;
        // Somebody else's bytes under our name are not overwritten in the cluster.
        let error = push(&fixture, &[fixture.segment("own_5", &[6])], &[], &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
        fixture.keys(&[5, 33]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_in_a_bucket_are_fetched_by_the_controller_and_by_servers() {
    let Some(server) = Server::s3() else { return };
    server.make_public_s3_bucket("segments");
    // The cluster has no S3, so it reads the bucket as a web server.
    for (form, table) in [(Form::Uri, "s3_uri"), (Form::Metadata, "s3_metadata"), (Form::MetadataBatch, "s3_batch")] {
        let Some(fixture) = Fixture::with_table(Place::Modern, table).await else { return };
        let options = PushOptions {
            download_uri: Some(format!("{}/segments/deep/", server.url)),
            store: s3_options(&server),
            ..options(form, "s3://segments/deep")
        };
        assert!(!format!("{options:?}").contains("KEY4711"));
        let segments = [fixture.segment("own_1", &[1, 2]), fixture.segment("own_2", &[3])];
        push(&fixture, &segments, &[], &options).await.unwrap();
        fixture.keys(&[1, 2, 3]).await;
        let url = kept(&fixture, "own_2").await.download_url.unwrap();
        let ours = format!("{}/segments/deep/{table}/own_2.tar.gz", server.url);
        assert_eq!(url == ours, form != Form::Uri, "{url}");
        let refreshed = [fixture.segment("own_2", &[30])];
        push(&fixture, &refreshed, &segments[1..], &options).await.unwrap();
        fixture.keys(&[1, 2, 30]).await;
        let wrong = PushOptions { deep_store: Some("s3://nowhere/deep".into()), ..options };
        let error = push(&fixture, &[fixture.segment("own_3", &[4])], &[], &wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(!error.to_string().contains("KEY4711"));
    }
}

/// The oldest release is the one whose plugin for S3 there is.
#[tokio::test(flavor = "multi_thread")]
async fn controller_and_servers_fetch_from_s3_themselves() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("segments");
    let with_s3 = Options { version: Version::V0_11, s3: Some(server.url.clone()), ..Options::default() };
    let Some(cluster) = Cluster::start(&with_s3) else { return };
    let cluster = Box::leak(Box::new(cluster));
    for (form, table) in [(Form::Uri, "s3_uri"), (Form::Metadata, "s3_metadata")] {
        let fixture = Fixture::of(cluster, table);
        fixture.bootstrap().await;
        let options = PushOptions { store: s3_options(&server), ..options(form, "s3a://segments/d%20e+p") };
        push(&fixture, &[fixture.segment("own_1", &[1, 2])], &[], &options).await.unwrap();
        fixture.keys(&[1, 2]).await;
        let url = kept(&fixture, "own_1").await.download_url.unwrap();
        assert_eq!(url == format!("s3://segments/d%20e%2Bp/{table}/own_1.tar.gz"), form == Form::Metadata, "{url}");
    }
}

fn s3_options(server: &Server) -> StoreOptions {
    let s3 = S3Options {
        endpoint: Some(server.url.clone()),
        region: Some("us-east-1".into()),
        access_key: Some(Secret::new("ACCESSKEY4711")),
        secret_key: Some(Secret::new("SECRETKEY4711")),
        ..S3Options::default()
    };
    StoreOptions { s3, retries: 1, ..StoreOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_before_the_process_died_is_found_again() {
    for (form, table) in [(Form::Metadata, "form_killed"), (Form::MetadataBatch, "form_batch_killed")] {
        let Some(fixture) = Fixture::with_table(Place::Modern, table).await else { return };
        let (folder, uri) = shared_folder(&fixture);
        let options = options(form, uri);
        let to = vec![fixture.segment("own_1", &[1]), fixture.segment("own_2", &[2])];
        let said = Said { dies: true, ..Said::default() };
        let publication = publication(&to, &[]);
        let killed = publish(&fixture.target, fixture.table.json(), &publication, &options, &said);
        assert!(AssertUnwindSafe(killed).catch_unwind().await.is_err());
        let there: Vec<PathBuf> = std::fs::read_dir(folder.join(table))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
            .collect();
        assert!(!there.is_empty());
        assert!(!fixture.target.snapshot().await.unwrap().holds("own_1"));
        let before: Vec<_> = there.iter().map(|path| written(path)).collect();
        push(&fixture, &to, &[], &options).await.unwrap();
        fixture.keys(&[1, 2]).await;
        assert_eq!(there.iter().map(|path| written(path)).collect::<Vec<_>>(), before, "{there:?}");
    }
}

/// Changes whenever a file is replaced.
fn written(path: &Path) -> (u64, std::time::SystemTime) {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).unwrap();
    (metadata.ino(), metadata.modified().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_the_same_length_with_other_rows_is_overwritten() {
    let Some(fixture) = Fixture::with_table(Place::Modern, "form_stale").await else { return };
    let (folder, uri) = shared_folder(&fixture);
    let segment = fixture.segment("own_1", &[1]);
    let place = folder.join("form_stale/own_1.tar.gz");
    pinotage_segment::write::archive_folder(&segment.path, ArchiveLevel::default(), &place).unwrap();
    // As an archive of other rows would be: the checksum at its end differs.
    let mut bytes = std::fs::read(&place).unwrap();
    let right = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    std::fs::write(&place, &bytes).unwrap();
    push(&fixture, &[segment], &[], &options(Form::Metadata, uri)).await.unwrap();
    fixture.keys(&[1]).await;
    assert_eq!(std::fs::read(&place).unwrap(), right);
}

/// What is said about archives of segments that went.
#[tokio::test(flavor = "multi_thread")]
async fn archives_go_with_their_segments_in_the_controllers_own_folder_only() {
    let Some(fixture) = Fixture::with_table(Place::Modern, "form_deleted").await else { return };
    let (elsewhere, uri) = shared_folder(&fixture);
    let own = &fixture.cluster.deep_store;
    let outside = [fixture.segment("own_1", &[1])];
    push(&fixture, &outside, &[], &options(Form::Metadata, uri)).await.unwrap();
    let inside = [fixture.segment("own_2", &[2])];
    push(&fixture, &inside, &[], &options(Form::Metadata, own.display())).await.unwrap();
    fixture.keys(&[1, 2]).await;
    let archive = own.join("form_deleted/own_2.tar.gz");
    assert!(archive.is_file());
    let gone = [outside[0].clone(), inside[0].clone()];
    push(&fixture, &[], &gone, &PushOptions::default()).await.unwrap();
    fixture.keys(&[]).await;
    eventually("the archive in the controller's folder is gone", || {
        if archive.exists() { Err(archive.display().to_string()) } else { Ok(()) }
    });
    assert!(elsewhere.join("form_deleted/own_1.tar.gz").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_the_cluster_has_already_is_not_put_again() {
    let Some(fixture) = Fixture::with_table(Place::Modern, "form_there").await else { return };
    let mut segment = fixture.segment("own_1", &[1]);
    let archive = fixture.folder.path().join("elsewhere/any name.tar.gz");
    pinotage_segment::write::archive_folder(&segment.path, ArchiveLevel::default(), &archive).unwrap();
    segment.archive_uri = Some(format!("file://{}", archive.display()).replace(' ', "%20"));
    let options = PushOptions { form: Form::Metadata, ..PushOptions::default() };
    let quiet = ();
    let to = publication(&[segment.clone()], &[]);
    publish(&fixture.target, fixture.table.json(), &to, &options, &quiet).await.unwrap();
    fixture.keys(&[1]).await;
    assert_eq!(kept(&fixture, "own_1").await.download_url, segment.archive_uri);
    segment.name = "own_2".into();
    let by_uri = PushOptions { form: Form::Uri, ..options.clone() };
    let error = push(&fixture, &[segment], &[], &by_uri).await.unwrap_err();
    assert!(error.to_string().contains("controllers fetch no `file:` URIs"), "{error}");
    let error = push(&fixture, &[fixture.segment("own_3", &[3])], &[], &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_release_gets_metadata_one_by_one() {
    let options_of_cluster = Options { version: Version::V0_11, ..Options::default() };
    let Some(cluster) = Cluster::start(&options_of_cluster) else { return };
    let fixture = Fixture::of(Box::leak(Box::new(cluster)), "form_oldest");
    fixture.bootstrap().await;
    let (folder, uri) = shared_folder(&fixture);
    let segments = [fixture.segment("own_1", &[1])];
    let said = push(&fixture, &segments, &[], &options(Form::MetadataBatch, &uri)).await.unwrap();
    assert_eq!(said, ["stored", "note", "pushed"]);
    fixture.keys(&[1]).await;
    let copied = PushOptions { copy_to_deep_store: true, ..options(Form::Metadata, uri) };
    push(&fixture, &[fixture.segment("own_2", &[2])], &[], &copied).await.unwrap();
    fixture.keys(&[1, 2]).await;
    let url = kept(&fixture, "own_2").await.download_url.unwrap();
    assert!(url.starts_with("http:"), "{url}");
    assert!(folder.join("form_oldest/own_2.tar.gz").is_file());
}
