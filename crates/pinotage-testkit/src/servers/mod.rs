//! Real servers of object stores, a database and streams, each on a free loopback port and in a temporary folder.
//!
//! A server ends with the value that holds it, and with the process that started it however that dies. `cargo xtask test`
//! installs the programs and names them in environment variables; a test whose server is not there is skipped aloud.

mod kafka;
mod postgres;
pub(crate) mod process;

pub use kafka::Kafka;
pub use postgres::Postgres;
use process::{Process, free_port, program};

/// The account that Azurite knows, and its key, which is no secret.
pub const AZURE_ACCOUNT: &str = "devstoreaccount1";
/// See [`AZURE_ACCOUNT`].
pub const AZURE_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A signature of that account for everything, valid until 2099.
pub const AZURE_SAS: &str = "sv=2021-08-06&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00%3A00%3A00Z&spr=https,http&sig=kV1%2FDJNn7340SUtIltqF6L9gEwifTOYTqBxfQeMSrhM%3D";

/// A running server.
pub struct Server {
    /// Its URL, without a slash at its end.
    pub url: String,
    _processes: Vec<Process>,
}

impl Server {
    /// S3 by moto (`PINOTAGE_MOTO` names `moto_server`).
    pub fn s3() -> Option<Self> {
        let program = program("S3 server", "PINOTAGE_MOTO")?;
        let port = free_port();
        let process = Process::start(&program, &["-H", "127.0.0.1", "-p", &port.to_string()], port);
        Some(Self { url: format!("http://127.0.0.1:{port}"), _processes: vec![process] })
    }

    /// Azure Blob Storage by Azurite (`PINOTAGE_AZURITE` names `azurite-blob`); the URL ends with the account.
    pub fn azure() -> Option<Self> {
        let program = program("Azure server", "PINOTAGE_AZURITE")?;
        let port = free_port();
        let number = port.to_string();
        let args = [
            "--silent",
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            // Otherwise it calls home.
            "--disableTelemetry",
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            &number,
        ];
        let process = Process::start(&program, &args, port);
        Some(Self { url: format!("http://127.0.0.1:{port}/{AZURE_ACCOUNT}"), _processes: vec![process] })
    }

    /// Google Cloud Storage by fake-gcs-server (`PINOTAGE_FAKE_GCS` names it), behind a shim for the XML uploads that it
    /// does not know.
    pub fn gcs() -> Option<Self> {
        let program = program("GCS server", "PINOTAGE_FAKE_GCS")?;
        let (server_port, port) = (free_port(), free_port());
        let (server_number, number) = (server_port.to_string(), port.to_string());
        let public = format!("127.0.0.1:{server_port}");
        let args = [
            "-scheme",
            "http",
            "-host",
            "127.0.0.1",
            "-port",
            &server_number,
            "-backend",
            "memory",
            "-public-host",
            &public,
        ];
        let server = Process::start(&program, &args, server_port);
        let shim = Process::start("python3", &["-c", include_str!("gcs_shim.py"), &server_number, &number], port);
        Some(Self { url: format!("http://127.0.0.1:{port}"), _processes: vec![shim, server] })
    }

    /// Makes a bucket of S3.
    pub fn make_s3_bucket(&self, name: &str) {
        made(ureq::put(format!("{}/{name}", self.url)).send_empty());
    }

    /// Puts an object into a bucket of S3, at `bucket/key`.
    pub fn put_s3_object(&self, at: &str, content: &str) {
        // The server wants a signature and does not check it.
        let put = ureq::put(format!("{}/{at}", self.url)).header("Authorization", "AWS key:signature").send(content);
        put.unwrap_or_else(|error| panic!("cannot put {at}: {error}"));
    }

    /// The keys of a bucket of S3, sorted; a thousand at most.
    pub fn s3_keys(&self, bucket: &str) -> Vec<String> {
        let answer = ureq::get(format!("{}/{bucket}?list-type=2", self.url)).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        let text = text.unwrap_or_else(|error| panic!("cannot list {bucket}: {error}"));
        let mut keys: Vec<String> =
            text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect();
        keys.sort();
        keys
    }

    /// Makes a bucket of S3 whose objects anybody may read, by plain HTTP at `<url>/<bucket>/<key>`.
    pub fn make_public_s3_bucket(&self, name: &str) {
        made(ureq::put(format!("{}/{name}", self.url)).header("x-amz-acl", "public-read").send_empty());
    }

    /// Makes a container of Azure Blob Storage.
    pub fn make_azure_container(&self, name: &str) {
        made(ureq::put(format!("{}/{name}?restype=container&{AZURE_SAS}", self.url)).send_empty());
    }

    /// Makes a bucket of Google Cloud Storage.
    pub fn make_gcs_bucket(&self, name: &str) {
        let request = ureq::post(format!("{}/storage/v1/b?project=test", self.url));
        made(request.header("Content-Type", "application/json").send(format!("{{\"name\":\"{name}\"}}")));
    }
}

fn made(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) {
    answer.unwrap_or_else(|error| panic!("cannot make a bucket: {error}"));
}
