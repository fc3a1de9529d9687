//! Documents in a PostgreSQL database, for one process at a time on any machine.
//!
//! A job has one row in `pinotage_lease`. Who takes the lease gets the next token, and keeps it for as long as it says in time
//! that it lives, by the clock of the server. Each change looks at the token in its own transaction, with the row locked: who
//! has lost the lease changes nothing, however late it finds out.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use pinotage_client::{Tls, TrustStore, tls_configuration};
use pinotage_common::{Error, ErrorKind, Result, Retry, Secret};
use tokio::runtime::Runtime;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::sqlite::taken_over;
use super::state::Documents;

/// How long a process that says nothing keeps a job.
const LEASE: Duration = Duration::from_secs(30);

/// How long a server may take for an answer.
const ANSWER: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// Every job of the database is in these two tables. Whoever may not create them finds them there.
const TABLES: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(hashtext('pinotage'));
    CREATE TABLE IF NOT EXISTS pinotage_lease (job text PRIMARY KEY, token bigint NOT NULL, owner text NOT NULL,
        holder text NOT NULL, expires timestamptz NOT NULL);
    CREATE TABLE IF NOT EXISTS pinotage_document (job text, key text, text text NOT NULL, PRIMARY KEY (job, key));
    COMMIT;";

const ARE_TABLES: &str =
    "SELECT to_regclass('pinotage_lease') IS NOT NULL AND to_regclass('pinotage_document') IS NOT NULL";

/// What was committed survives a power failure, unless somebody has asked for more.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

const TAKE: &str = "
    INSERT INTO pinotage_lease AS lease VALUES ($1, 1, $2,
        $3::text || coalesce(' at ' || host(inet_client_addr()), '') || to_char(clock_timestamp() AT TIME ZONE 'UTC', '\" since \"YYYY-MM-DD HH24:MI:SS\" UTC\"'),
        clock_timestamp() + make_interval(secs => $4))
    ON CONFLICT (job) DO UPDATE SET token = lease.token + 1, owner = excluded.owner, holder = excluded.holder, expires = excluded.expires
        WHERE lease.expires <= clock_timestamp() OR lease.owner = excluded.owner
    RETURNING token";

const RENEW: &str =
    "UPDATE pinotage_lease SET expires = clock_timestamp() + make_interval(secs => $3) WHERE job = $1 AND token = $2";

const RELEASE: &str = "UPDATE pinotage_lease SET expires = '-infinity' WHERE job = $1 AND token = $2";

const HOLDER: &str = "SELECT holder FROM pinotage_lease WHERE job = $1 AND expires > clock_timestamp()";

/// A connection and the threads that it lives on.
struct Link {
    client: Mutex<Client>,
    runtime: Runtime,
}

/// The documents of a job, while this process has its lease.
pub(crate) struct PostgresDocuments {
    link: Arc<Link>,
    job: String,
    token: i64,
    lease: f64,
    /// Says from time to time that this process lives, until the channel is closed.
    keeper: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Link {
    fn open(url: &Secret) -> Result<Self> {
        let (config, tls) = settings(url)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("state")
            .enable_all()
            .build()
            .map_err(|error| Error::unexpected("cannot start threads").caused_by(error))?;
        let client = runtime.block_on(async {
            Ok::<_, Error>(match tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                    tokio::spawn(connection);
                    client
                }
                Some(tls) => {
                    let tls = MakeRustlsConnect::new(tls_configuration(&tls)?);
                    let (client, connection) = config.connect(tls).await.map_err(failed)?;
                    tokio::spawn(connection);
                    client
                }
            })
        })?;
        Ok(Self { client: Mutex::new(client), runtime })
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, call: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(ANSWER, call).await });
        match answer {
            Ok(answer) => answer.map_err(failed),
            Err(_) => {
                Err(Error::new(ErrorKind::Unavailable, "the database that has the job's state does not answer in time"))
            }
        }
    }

    fn has_tables(&self) -> Result<bool> {
        let client = self.client();
        self.wait(async { client.query_one(ARE_TABLES, &[]).await?.try_get(0) })
    }

    fn read(&self, job: &str, prefix: &str) -> Result<BTreeMap<String, String>> {
        let client = self.client();
        self.wait(async {
            let sql = "SELECT key, text FROM pinotage_document WHERE job = $1 AND left(key, length($2)) = $2";
            let rows = client.query(sql, &[&job, &prefix]).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        })
    }

    fn renew(&self, job: &str, token: i64, lease: f64) -> Result<u64> {
        let client = self.client();
        self.wait(client.execute(RENEW, &[&job, &token, &lease]))
    }
}

impl PostgresDocuments {
    /// Takes the lease of a job's state, which is made when it is not there yet.
    pub(crate) fn open(url: &Secret, job: &str) -> Result<Self> {
        // This process may take over from itself: after an error it opens its state anew.
        static OWNER: OnceLock<String> = OnceLock::new();
        Self::open_as(OWNER.get_or_init(|| format!("{:016x}", fastrand::u64(..))), LEASE, url, job)
    }

    fn open_as(owner: &str, lease: Duration, url: &Secret, job: &str) -> Result<Self> {
        let link = Arc::new(Link::open(url)?);
        if !link.has_tables()? {
            link.wait(link.client().batch_execute(TABLES))?;
        }
        let holder = format!("process {}", std::process::id());
        let seconds = lease.as_secs_f64();
        let taken = {
            let client = link.client();
            link.wait(async {
                client.batch_execute(DURABLE).await?;
                let row = client.query_opt(TAKE, &[&job, &owner, &holder, &seconds]).await?;
                row.map(|row| row.try_get::<_, i64>(0)).transpose()
            })?
        };
        let Some(token) = taken else {
            let error = Error::new(
                ErrorKind::Unavailable,
                "another run of this job is going on, or has just been killed",
            )
            .with("state", shown(url))
            .action(format!(
                "wait until it has ended, at most {} s after it was killed; or give this job another `name` or `state`",
                lease.as_secs()
            ));
            return Err(match link.holder(job)? {
                Some(holder) => error.with("by", holder),
                None => error,
            });
        };
        let (stop, stopped) = channel::<()>();
        let keeper = {
            let (link, job) = (Arc::clone(&link), job.to_owned());
            std::thread::Builder::new().name("lease".into()).spawn(move || {
                // What fails here is told by the next change, which looks at the token itself.
                while stopped.recv_timeout(lease / 3) == Err(RecvTimeoutError::Timeout) {
                    if let Err(error) = link.renew(&job, token, seconds) {
                        tracing::warn!(%error, "the lease of the job's state was not renewed");
                    }
                }
            })
        };
        let keeper = keeper.map_err(|error| Error::unexpected("cannot start a thread").caused_by(error))?;
        Ok(Self { link, job: job.to_owned(), token, lease: seconds, keeper: Some((stop, keeper)) })
    }

    /// All documents of a job as they are now, whoever has it; none when there is none.
    pub(crate) fn look(url: &Secret, job: &str) -> Result<BTreeMap<String, String>> {
        let link = Link::open(url)?;
        match link.has_tables()? {
            true => link.read(job, ""),
            false => Ok(BTreeMap::new()),
        }
    }

    /// The process that has a job now.
    pub(crate) fn holder(url: &Secret, job: &str) -> Result<Option<String>> {
        let link = Link::open(url)?;
        match link.has_tables()? {
            true => link.holder(job),
            false => Ok(None),
        }
    }
}

impl Link {
    fn holder(&self, job: &str) -> Result<Option<String>> {
        let client = self.client();
        self.wait(async {
            let row = client.query_opt(HOLDER, &[&job]).await?;
            row.map(|row| row.try_get(0)).transpose()
        })
    }
}

impl Documents for PostgresDocuments {
    fn read(&mut self, prefix: &str) -> Result<BTreeMap<String, String>> {
        self.link.read(&self.job, prefix)
    }

    fn write(&mut self, changes: &[(String, Option<String>)]) -> Result<()> {
        let mut client = self.link.client();
        let written = self.link.wait(async {
            let transaction = client.transaction().await?;
            let lease = "SELECT token FROM pinotage_lease WHERE job = $1 FOR UPDATE";
            let token = transaction.query_opt(lease, &[&self.job]).await?.map(|row| row.try_get::<_, i64>(0));
            if token.transpose()? != Some(self.token) {
                transaction.rollback().await?;
                return Ok(false);
            }
            for (key, text) in changes {
                match text {
                    Some(text) => {
                        let sql = "INSERT INTO pinotage_document VALUES ($1, $2, $3)
                            ON CONFLICT (job, key) DO UPDATE SET text = excluded.text";
                        transaction.execute(sql, &[&self.job, key, text]).await?
                    }
                    None => {
                        let sql = "DELETE FROM pinotage_document WHERE job = $1 AND key = $2";
                        transaction.execute(sql, &[&self.job, key]).await?
                    }
                };
            }
            transaction.execute(RENEW, &[&self.job, &self.token, &self.lease]).await?;
            transaction.commit().await?;
            Ok(true)
        })?;
        if written { Ok(()) } else { Err(taken_over()) }
    }
}

impl Drop for PostgresDocuments {
    /// The next process need not wait until the lease has run out.
    fn drop(&mut self) {
        if let Some((stop, keeper)) = self.keeper.take() {
            drop(stop);
            let _ = keeper.join();
        }
        let client = self.link.client();
        if !client.is_closed() {
            let _ = self.link.wait(client.execute(RELEASE, &[&self.job, &self.token]));
        }
    }
}

/// What a URL says; without TLS only where it says so.
fn settings(url: &Secret) -> Result<(Config, Option<Tls>)> {
    let wrong = |message: String| Error::invalid_config(message).with("option", "state");
    let mut parsed =
        Url::parse(url.expose()).map_err(|error| wrong("the URL of the database is none".into()).caused_by(error))?;
    let mut tls = Some(Tls::default());
    let mut others = Vec::new();
    for (key, value) in parsed.query_pairs().into_owned() {
        match (key.as_str(), value.as_str()) {
            ("sslmode", "disable") => tls = None,
            ("sslmode", "require" | "verify-ca" | "verify-full") => {}
            ("sslmode", _) => {
                return Err(wrong("`sslmode` may be `verify-full`, which is the default, or `disable`".into())
                    .action("leave it out, or write `sslmode=disable` where nobody can read or change what is sent"));
            }
            ("sslrootcert", _) => {
                let trust_store = Some(TrustStore { path: value.into(), password: None });
                tls = tls.map(|tls| Tls { trust_store, ..tls });
            }
            _ => others.push((key, value)),
        }
    }
    parsed.set_query(None);
    if !others.is_empty() {
        parsed.query_pairs_mut().extend_pairs(others);
    }
    let understood = parsed.as_str().parse::<Config>();
    let mut config =
        understood.map_err(|error| wrong("the URL of the database cannot be understood".into()).caused_by(error))?;
    config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_application_name().is_none() {
        config.application_name("pinotage");
    }
    Ok((config, tls))
}

/// Refuses a URL that cannot be used, without a network.
pub(super) fn check(url: &Secret) -> Result<()> {
    let (_, tls) = settings(url)?;
    tls.map_or(Ok(()), |tls| tls_configuration(&tls).map(drop))
}

/// The database without who asks it.
pub(super) fn shown(url: &Secret) -> String {
    match Url::parse(url.expose()) {
        Ok(url) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        Err(_) => "postgres://***".into(),
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    let kind = match error.code().map(|code| code.code()) {
        Some(code) if code.starts_with("28") || code == "42501" => ErrorKind::PermissionDenied,
        Some(code) if code.starts_with("3D") || code.starts_with("42") => ErrorKind::InvalidConfig,
        _ => ErrorKind::Unavailable,
    };
    let advice = match kind {
        ErrorKind::Unavailable => "check that the database runs and can be reached",
        _ => {
            "check user, password, database and rights of `state`: it needs two tables, `pinotage_lease` and `pinotage_document`"
        }
    };
    let retry = if kind == ErrorKind::Unavailable { Retry::Temporary } else { Retry::Permanent };
    Error::new(kind, "the job's state cannot be read or written").retry_as(retry).caused_by(error).action(advice)
}

#[cfg(test)]
mod tests {
    use pinotage_testkit::servers::Postgres;

    use super::*;

    fn changes(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), text.map(str::to_owned))).collect()
    }

    fn texts(documents: &mut PostgresDocuments, prefix: &str) -> Vec<String> {
        documents.read(prefix).unwrap().into_values().collect()
    }

    /// While it lives nobody else gets in; when its lease has run out the next one does, and then it writes no more.
    #[test]
    fn who_has_lost_the_lease_writes_nothing() {
        let Some(server) = Postgres::start() else { return };
        let url = Secret::new(server.url("pinot"));
        assert_eq!(PostgresDocuments::look(&url, "j").unwrap(), BTreeMap::new());
        let open = |owner, seconds| PostgresDocuments::open_as(owner, Duration::from_secs(seconds), &url, "j");
        let mut first = open("first", 1).unwrap();
        first.write(&changes(&[("a/1", Some("x")), ("a/2", Some("y\u{1F377}")), ("b", Some("z"))])).unwrap();
        // It says often enough that it lives.
        std::thread::sleep(Duration::from_millis(2500));
        let error = open("second", 1).err().unwrap();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Temporary));
        assert!(
            error.to_string().contains(&format!("by: process {} at 127.0.0.1 since 20", std::process::id())),
            "{error}"
        );
        assert!(PostgresDocuments::holder(&url, "j").unwrap().is_some());
        // Another job is not kept out.
        let mut other = PostgresDocuments::open_as("second", LEASE, &url, "j-replay").unwrap();
        other.write(&changes(&[("a/1", Some("other"))])).unwrap();
        // As a process does that is killed, or stopped for long.
        drop(first.keeper.take().map(|(stop, keeper)| (drop(stop), keeper.join())));
        let mut second = loop {
            match open("second", 60) {
                Ok(second) => break second,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        assert_eq!(texts(&mut second, "a/"), ["x", "y\u{1F377}"]);
        let error = first.write(&changes(&[("a/1", None), ("c", Some("w"))])).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::CommitConflict, Retry::Permanent));
        assert_eq!(first.link.renew("j", first.token, 60.0).unwrap(), 0, "a lost lease was renewed");
        drop(first);
        assert!(open("third", 1).is_err(), "who has lost the lease gave it away");
        second.write(&changes(&[("a/1", None), ("b", Some("v"))])).unwrap();
        assert_eq!(texts(&mut second, ""), ["y\u{1F377}", "v"]);
        assert_eq!(texts(&mut other, ""), ["other"]);
        // This process takes over from itself, and who is done keeps nobody waiting.
        let second = open("second", 60).unwrap();
        drop(second);
        assert!(PostgresDocuments::holder(&url, "j").unwrap().is_none());
        assert_eq!(texts(&mut open("third", 60).unwrap(), "b"), ["v"]);
    }

    /// Without a word of the user's the server has to show who it is, to whoever asks it by the right name.
    #[test]
    fn servers_are_verified() {
        let Some(server) = Postgres::start_with_tls() else { return };
        let ca = server.certificate();
        let url = |host: &str, options: &str| {
            Secret::new(format!("postgres://pinot@{host}:{}/postgres?{options}", server.port()))
        };
        let own = format!("sslrootcert={}", ca.display());
        let mut documents = PostgresDocuments::open(&url("localhost", &own), "j").unwrap();
        documents.write(&changes(&[("a", Some("x"))])).unwrap();
        drop(documents);
        for (url, expected) in [
            (url("localhost", ""), "certificate"),
            (url("localhost", "sslmode=require"), "certificate"),
            (url("127.0.0.1", &own), "certificate"),
            (url("127.0.0.1", "sslmode=disable"), "no encryption"),
        ] {
            let error = PostgresDocuments::open(&url, "j").err().unwrap();
            assert!(format!("{error:?}").contains(expected), "{error:?}");
        }
    }

    /// Nothing is changed when the database fails in the middle, and the error says whose move it is.
    #[test]
    fn failures_say_whose_move_it_is() {
        let Some(server) = Postgres::start() else { return };
        let secret = "hunter2";
        for (url, kind) in [
            (server.url(&format!("nobody:{secret}")), ErrorKind::PermissionDenied),
            (server.url("pinot").replace("/postgres?", "/nothing?"), ErrorKind::InvalidConfig),
            // It has no TLS.
            (server.url("pinot").replace("sslmode=disable", ""), ErrorKind::Unavailable),
            (server.url("pinot").replace("sslmode=disable", "sslmode=prefer"), ErrorKind::InvalidConfig),
            (format!("postgres://u:{secret}@127.0.0.1:port/d"), ErrorKind::InvalidConfig),
            (format!("postgres://u:{secret}@127.0.0.1/d?colour=red"), ErrorKind::InvalidConfig),
        ] {
            let error = PostgresDocuments::open(&Secret::new(&url), "j").err().unwrap();
            assert_eq!(error.kind(), kind, "{url}: {error:?}");
            assert!(!format!("{error:?} {}", error.advice()).contains(secret), "{error:?}");
        }
        assert_eq!(shown(&Secret::new("postgres://u:p@h:7/d?sslmode=disable")), "postgres://h:7/d");
        let mut documents = PostgresDocuments::open(&Secret::new(server.url("pinot")), "j").unwrap();
        documents.write(&changes(&[("a", Some("x"))])).unwrap();
        drop(server);
        let error = documents.write(&changes(&[("a", Some("y"))])).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Temporary), "{error:?}");
    }
}
