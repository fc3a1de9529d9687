//! Jobs whose inputs and segments are in object stores.

use arrow::array::{Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use pinotage_common::{ErrorKind, Secret};
use pinotage_store::{AzureOptions, GcsOptions, ListOptions, Location, PutMode, S3Options, Store, StoreOptions, quiet};
use pinotage_testkit::servers::{AZURE_ACCOUNT, AZURE_KEY, Server};

use super::*;
use pinotage_engine::{InputStatus, Prepared};

/// A job over a store, in a folder of its own.
struct StoreJob {
    folder: TempDir,
    store: Store,
    yaml: String,
    runtime: tokio::runtime::Runtime,
}

impl StoreJob {
    fn new(options: StoreOptions, store: &str, source: &str, sink: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let yaml = format!(
            "name: j\nsource: {{kind: files, {source}}}\nsink: {{kind: pinot, table: t, {sink}}}\nlimits: {{errors: 0}}\nstore: {{retries: 1, {store}}}\n"
        );
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { folder, store: Store::new(options).unwrap(), yaml, runtime }
    }

    fn s3(server: &Server, source: &str, sink: &str) -> Self {
        let s3 = S3Options {
            endpoint: Some(server.url.clone()),
            access_key: Some(Secret::new("key")),
            secret_key: Some(Secret::new("open-sesame")),
            ..S3Options::default()
        };
        let store = format!("s3: {{endpoint: \"{}\", accessKey: key, secretKey: open-sesame}}", server.url);
        Self::new(StoreOptions { s3, ..StoreOptions::default() }, &store, source, sink)
    }

    fn put(&self, uri: &str, bytes: &[u8]) {
        let file = self.folder.path().join("to put");
        fs::write(&file, bytes).unwrap();
        let to = Location::parse(uri).unwrap();
        self.runtime.block_on(self.store.put(&file, &to, PutMode::Replace, &quiet)).unwrap();
    }

    fn delete(&self, uri: &str) {
        self.runtime.block_on(self.store.delete(&Location::parse(uri).unwrap())).unwrap();
    }

    /// The keys below a folder.
    fn keys(&self, uri: &str) -> Vec<String> {
        let list = self.store.list(&Location::parse(uri).unwrap(), &ListOptions::default());
        let found: Vec<_> = self.runtime.block_on(list.try_collect()).unwrap();
        found.into_iter().map(|entry: pinotage_store::Entry| entry.location.key().to_owned()).collect()
    }

    fn prepare(&self) -> Result<Prepared> {
        prepare(Plan::from_yaml(&self.yaml, self.folder.path())?, true)
    }

    fn run(&self) -> Result<Summary> {
        start(&self.prepare()?)
    }

    fn ask(&self, sql: &str) -> Vec<String> {
        ask(sql, &[("t", self.folder.path().join("out"))])
    }

    /// Nothing of an input or a segment on its way is left.
    fn assert_clean(&self) {
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(!name.starts_with(".staging") && !name.starts_with(".input"), "{}", path.display());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
    }
}

fn start(job: &Prepared) -> Result<Summary> {
    let cancel = AtomicBool::new(false);
    let options =
        RunOptions { force: false, dry_run: false, threads: Some(2), cancel: &cancel, creation_time_millis: 1 };
    run(job, &options, &Silent)
}

fn built(summary: &Summary) -> Vec<&str> {
    let inputs = summary.inputs.iter().filter(|input| input.status == InputStatus::Built);
    inputs.map(|input| input.name.as_str()).collect()
}

fn parquet(rows: &[(&str, i64)]) -> Vec<u8> {
    let cities = StringArray::from_iter_values(rows.iter().map(|row| row.0));
    let numbers = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
    let batch = RecordBatch::try_from_iter([
        ("city", std::sync::Arc::new(cities) as _),
        ("n", std::sync::Arc::new(numbers) as _),
    ]);
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

const SUM: &str = "SELECT count(*), sum(n) FROM t";

#[test]
fn objects_are_built_once_and_again_when_they_change() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("inputs");
    let job = StoreJob::s3(&server, "paths: ['s3://inputs/rows/*.csv', 's3://inputs/more']", "output: out");
    job.put("s3://inputs/rows/a b.csv", b"city,n\nOslo,1\nParis,2\n");
    job.put("s3://inputs/rows/b.csv", b"city,n\nRome,4\n");
    job.put("s3://inputs/rows/_SUCCESS", b"");
    job.put("s3://inputs/rows/deep/c.csv", b"city,n\nBern,100\n");
    job.put("s3://inputs/more/c.parquet", &parquet(&[("Riga", 8), ("Kyiv", 16)]));
    job.put("s3://inputs/more/d.parquet", &parquet(&[("Bonn", 32)]));
    let first = job.run().unwrap();
    assert_eq!(
        built(&first),
        [
            "s3://inputs/more/c.parquet",
            "s3://inputs/more/d.parquet",
            "s3://inputs/rows/a%20b.csv",
            "s3://inputs/rows/b.csv"
        ]
    );
    assert_eq!(job.ask(SUM), ["6 63"]);
    job.assert_clean();
    assert!(built(&job.run().unwrap()).is_empty());
    // The same content once more is no change; other content of the same length is.
    job.put("s3://inputs/rows/a b.csv", b"city,n\nOslo,1\nParis,2\n");
    job.put("s3://inputs/rows/b.csv", b"city,n\nRome,5\n");
    job.delete("s3://inputs/more/c.parquet");
    let second = job.run().unwrap();
    assert_eq!(built(&second), ["s3://inputs/rows/b.csv"]);
    assert_eq!(second.vanished, ["s3://inputs/more/c.parquet"]);
    assert_eq!(job.ask(SUM), ["6 64"]);
}

#[test]
fn sql_over_all_inputs_reads_objects() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("inputs");
    let mut job = StoreJob::s3(&server, "paths: ['s3://inputs'], columns: {n: LONG}", "output: out");
    job.yaml += "transform: {sql: \"SELECT a.city, sum(a.n) AS n FROM source a JOIN source b ON a.city = b.city GROUP BY a.city ORDER BY 1\"}\n";
    job.put("s3://inputs/a.csv", b"city,n\nOslo,1\nParis,2\n");
    job.put("s3://inputs/b.csv", b"city,n\nRome,4\n");
    let summary = job.run().unwrap();
    assert_eq!(summary.inputs[0].counts.read, 3);
    assert_eq!(job.ask(SUM), ["3 7"]);
    job.assert_clean();
    job.put("s3://inputs/b.csv", b"city,n\nRome,bad\n");
    let error = job.run().unwrap_err().to_string();
    assert!(error.contains("s3://inputs/b.csv") || error.contains("bad rows"), "{error}");
    job.assert_clean();
}

#[test]
fn segments_are_put_into_a_store_and_kept_there() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("inputs");
    server.make_s3_bucket("outputs");
    let job = StoreJob::s3(&server, "paths: ['s3://inputs']", "output: 's3://outputs/segments'");
    job.put("s3://inputs/a.csv", b"city,n\nOslo,1\n");
    job.put("s3://inputs/b.csv", b"city,n\nRome,4\n");
    let first = job.run().unwrap();
    assert_eq!(first.inputs[0].segments[0].file, "s3://outputs/segments/t_0.tar.gz");
    assert_eq!(job.keys("s3://outputs"), ["segments/t_0.tar.gz", "segments/t_1.tar.gz"]);
    let waiting = fs::read_dir(job.folder.path().join(".pinotage/j/segments")).unwrap().count();
    assert_eq!(waiting, 0);
    assert!(built(&job.run().unwrap()).is_empty());
    // What somebody removed is built again, and only that.
    job.delete("s3://outputs/segments/t_1.tar.gz");
    assert_eq!(built(&job.run().unwrap()), ["s3://inputs/b.csv"]);
    assert_eq!(job.keys("s3://outputs").len(), 2);
    // An input without rows has no segment any more.
    job.put("s3://inputs/b.csv", b"city,n\n");
    job.run().unwrap();
    assert_eq!(job.keys("s3://outputs"), ["segments/t_0.tar.gz"]);
    let got = job.folder.path().join("got.tar.gz");
    let at = Location::parse("s3://outputs/segments/t_0.tar.gz").unwrap();
    job.runtime.block_on(job.store.get(&at, &got, 1 << 20, &quiet)).unwrap();
    assert_eq!(ask(SUM, &[("t", got)]), ["1 1"]);
}

#[test]
fn objects_of_google_and_azure_are_read_as_well() {
    for (_server, options, store, uri, _account) in [google(), azure()].into_iter().flatten() {
        let job = StoreJob::new(options, &store, &format!("paths: ['{uri}/rows']"), "output: out");
        job.put(&format!("{uri}/rows/a.csv"), b"city,n\nOslo,1\nParis,2\n");
        job.put(&format!("{uri}/rows/b.csv"), b"city,n\nRome,4\n");
        assert_eq!(built(&job.run().unwrap()).len(), 2);
        assert_eq!(job.ask(SUM), ["3 7"]);
        assert!(built(&job.run().unwrap()).is_empty());
        job.put(&format!("{uri}/rows/b.csv"), b"city,n\nRome,5\n");
        assert_eq!(built(&job.run().unwrap()).len(), 1);
        assert_eq!(job.ask(SUM), ["3 8"]);
    }
}

/// A server, how it is written and read, a place in it, and what goes with it.
type Case = (Server, StoreOptions, String, &'static str, Option<TempDir>);

fn google() -> Option<Case> {
    let server = Server::gcs()?;
    server.make_gcs_bucket("rows");
    // Google's libraries know this key for emulators: no token is fetched.
    let account = TempDir::new().unwrap();
    let file = account.path().join("account.json");
    fs::write(&file, r#"{"disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}"#).unwrap();
    let gcs = GcsOptions {
        endpoint: Some(server.url.clone()),
        service_account_file: Some(file.to_str().unwrap().into()),
        ..GcsOptions::default()
    };
    let store = format!("gcs: {{endpoint: \"{}\", anonymous: true}}", server.url);
    Some((server, StoreOptions { gcs, ..StoreOptions::default() }, store, "gs://rows", Some(account)))
}

fn azure() -> Option<Case> {
    let server = Server::azure()?;
    server.make_azure_container("rows");
    let azure = AzureOptions {
        account: Some(AZURE_ACCOUNT.into()),
        access_key: Some(Secret::new(AZURE_KEY)),
        endpoint: Some(server.url.clone()),
        ..AzureOptions::default()
    };
    let store =
        format!("azure: {{account: {AZURE_ACCOUNT}, accessKey: \"{AZURE_KEY}\", endpoint: \"{}\"}}", server.url);
    Some((server, StoreOptions { azure, ..StoreOptions::default() }, store, "az://rows", None))
}

#[test]
fn a_file_of_a_web_server_is_an_input() {
    let Some(server) = Server::s3() else { return };
    server.make_public_s3_bucket("open");
    let url = format!("{}/open/a.csv", server.url);
    let job = StoreJob::s3(&server, &format!("paths: ['{url}']"), "output: out");
    job.put("s3://open/a.csv", b"city,n\nOslo,1\n");
    assert_eq!(built(&job.run().unwrap()), [url.as_str()]);
    assert!(built(&job.run().unwrap()).is_empty());
    assert_eq!(job.ask(SUM), ["1 1"]);
}

#[test]
fn what_is_wrong_with_a_store_is_said_and_leaves_nothing() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("inputs");
    let job = |paths: &str, sink: &str| StoreJob::s3(&server, &format!("paths: ['{paths}']"), sink);
    let failed = |job: &StoreJob, kind: ErrorKind, expected: &str| {
        let error = job.run().unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == kind && text.contains(expected) && !text.contains("sesame"), "{text}");
        job.assert_clean();
        assert!(!job.folder.path().join("out").exists());
    };
    failed(&job("s3://nowhere/rows", "output: out"), ErrorKind::NotFound, "s3://nowhere/rows");
    failed(&job("s3://inputs/rows/*.csv", "output: out"), ErrorKind::NotFound, "s3://inputs/rows/*.csv");
    failed(&job("hdfs://name/rows", "output: out"), ErrorKind::Unsupported, "HDFS");
    let to_nowhere = job("s3://inputs/a.csv", "output: 's3://nowhere/segments'");
    to_nowhere.put("s3://inputs/a.csv", b"city,n\nOslo,1\n");
    failed(&to_nowhere, ErrorKind::NotFound, "s3://nowhere/segments/t_0.tar.gz");
    let folders = job("s3://inputs/a.csv", "archive: directory, output: 's3://outputs'");
    failed(&folders, ErrorKind::InvalidConfig, "archive");
    failed(&job("s3://inputs/a.csv", "output: 'https://host/out'"), ErrorKind::Unsupported, "only read");
}

/// Between the listing and the reading.
#[test]
fn an_object_that_changes_or_goes_meanwhile_stops_the_run() {
    let Some(server) = Server::s3() else { return };
    server.make_s3_bucket("inputs");
    let job = StoreJob::s3(&server, "paths: ['s3://inputs']", "output: out");
    // The first input tells the columns, so its listed version is here already.
    job.put("s3://inputs/a.csv", b"city,n\nOslo,1\n");
    job.put("s3://inputs/b.csv", b"city,n\nRome,2\n");
    let prepared = job.prepare().unwrap();
    job.put("s3://inputs/b.csv", b"city,n\nRome,3\n");
    let error = start(&prepared).unwrap_err();
    assert!(error.kind() == ErrorKind::CommitConflict && error.to_string().contains("s3://inputs/b.csv"), "{error}");
    job.assert_clean();
    let prepared = job.prepare().unwrap();
    job.delete("s3://inputs/b.csv");
    let error = start(&prepared).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("s3://inputs/b.csv"), "{error}");
    job.assert_clean();
    job.put("s3://inputs/b.csv", b"city,n\nRome,4\n");
    job.run().unwrap();
    assert_eq!(job.ask(SUM), ["2 5"]);
}

/// moto checks no signatures; a server of ours answers as Amazon does to a wrong key, and cuts connections.
#[test]
fn wrong_keys_and_cut_connections_are_told_apart() {
    let body = b"city,n\nOslo,1\nParis,2\n";
    for (status, expected, kind) in [
        ("403", "does not know these credentials", ErrorKind::PermissionDenied),
        ("cut", "s3://inputs/a.csv", ErrorKind::Unavailable),
    ] {
        let url = scripted(status, body);
        let store = format!("s3: {{endpoint: \"{url}\", accessKey: key, secretKey: open-sesame}}");
        let job = StoreJob::new(StoreOptions::default(), &store, "paths: ['s3://inputs/a.csv']", "output: out");
        let error = job.run().unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == kind && text.contains(expected) && !text.contains("sesame"), "{text}");
        job.assert_clean();
    }
    // One cut is nothing that a job notices.
    let url = scripted("once", body);
    let store = format!("s3: {{endpoint: \"{url}\", accessKey: key, secretKey: secret}}");
    let job = StoreJob::new(StoreOptions::default(), &store, "paths: ['s3://inputs/a.csv']", "output: out");
    job.run().unwrap();
    assert_eq!(job.ask(SUM), ["2 3"]);
}

/// A server with the one object `in/a.csv`; it refuses, or cuts every body or the first one in the middle.
fn scripted(behaviour: &'static str, body: &'static [u8]) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut gets = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(&stream).lines().map_while(|line| line.ok().filter(|line| !line.is_empty()));
            let lines: Vec<String> = lines.collect();
            let request = lines.first().cloned().unwrap_or_default();
            let start = lines.iter().find_map(|line| {
                let range = line.to_ascii_lowercase();
                range.strip_prefix("range: bytes=")?.split('-').next()?.parse::<usize>().ok()
            });
            let mut head = |status: &str, length: usize, more: &str| {
                let tag = "ETag: \"v1\"\r\nLast-Modified: Tue, 01 Jul 2025 00:00:00 GMT\r\n";
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{tag}{more}\r\n"
                );
            };
            if behaviour == "403" {
                let text = "<Error><Code>InvalidAccessKeyId</Code></Error>";
                head("403 Forbidden", text.len(), "");
                let _ = stream.write_all(text.as_bytes());
            } else if request.contains("list-type") {
                let text = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
                head("200 OK", text.len(), "");
                let _ = stream.write_all(text.as_bytes());
            } else if request.starts_with("HEAD") {
                head("200 OK", body.len(), "");
            } else {
                gets += 1;
                let start = start.unwrap_or(0);
                let more = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
                let (status, more) = if start > 0 { ("206 Partial Content", more.as_str()) } else { ("200 OK", "") };
                head(status, body.len() - start, more);
                let cut = behaviour == "cut" || gets == 1;
                let end = if cut { (start + 1).min(body.len() / 2).max(start) } else { body.len() };
                let _ = stream.write_all(&body[start..end]);
            }
        }
    });
    url
}
