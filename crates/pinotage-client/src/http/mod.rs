//! The one way to a server: every request has time-outs, is tried again only where that is right, and fails with a
//! sentence that says what to do. Dropping a future stops its request at once; nothing goes on in the background.

mod address;
mod answer;
mod auth;
mod call;
mod connect;
mod failure;
mod limiter;
mod retry;
mod store;
mod tls;
mod transfer;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use pinotage_common::{Error, ErrorKind, Result, Secret};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use rustls::ClientConfig;
use url::Url;

use self::answer::MAX_REFUSAL_BYTES;
use self::auth::{Authorization, authorization};
use self::call::Payload;
use self::limiter::Limiter;
use self::retry::{Again, Failed};
use crate::options::{Connection, Proxy};

pub use address::Address;
pub(crate) use address::cut;
pub(crate) use answer::Answer;
pub(crate) use call::{Call, Content, Wait};
pub(crate) use connect::{Connector, Way};
pub(crate) use failure::connection;
pub use tls::configuration as tls_configuration;

/// The header that selects a logical database.
const DATABASE: HeaderName = HeaderName::from_static("database");

/// The database of tables that are named without one.
const DEFAULT_DATABASE: &str = "default";

/// Connections to one cluster, shared by the clients of its controllers, brokers and servers. Clones share them too.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    client: Client,
    options: Connection,
    /// `host:port`, for errors.
    proxy: Option<String>,
    database: Option<HeaderValue>,
    limiter: Option<Limiter>,
}

impl Http {
    /// Reads certificates and checks the options; connects to nothing.
    ///
    /// # Errors
    ///
    /// `invalid-config` for options that cannot be, and those of reading the files that they name.
    pub fn new(options: &Connection) -> Result<Self> {
        // A password that no header can hold is found here, not in the middle of a job. A token file may come later.
        if let Err(error) = authorization(&options.auth)
            && error.kind() == ErrorKind::InvalidConfig
        {
            return Err(error);
        }
        let database = options
            .database
            .as_deref()
            .map(HeaderValue::from_str)
            .transpose()
            .map_err(|_| Error::invalid_config("expected the name of a database").with("option", "database"))?;
        let mut builder = Client::builder()
            .user_agent(concat!("pinotage/", env!("CARGO_PKG_VERSION")))
            .use_preconfigured_tls(tls::configuration(&options.tls)?)
            .connect_timeout(options.timeouts.connect.duration())
            // Pinot closes what is idle for 30 s: a request that meets this could not be told from one that arrived.
            .pool_idle_timeout(Duration::from_secs(20))
            // The end of a replacement is silent for minutes, which what lies between takes for a dead connection.
            .tcp_keepalive(Duration::from_secs(60))
            // A redirect would carry the body, and any header but `Authorization`, to somebody else.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let mut proxy_shown = None;
        if let Some(proxy) = &options.proxy {
            let (proxy, shown) = self::proxy(proxy)?;
            builder = builder.proxy(proxy);
            proxy_shown = Some(shown);
        }
        let client = builder.build().map_err(|error| Error::unexpected("cannot build the client").caused_by(error))?;
        let limiter = options.upload_bandwidth.map(|rate| Limiter::new(rate.bytes())).transpose()?;
        Ok(Self(Arc::new(Inner { client, options: options.clone(), proxy: proxy_shown, database, limiter })))
    }

    /// The text at any URL, such as a schema that lies on a web server; who asks is told there as everywhere.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no http or https URL; `not-found`; `invalid-data` for what is no text; those of
    /// reaching the server.
    pub async fn document(&self, url: &str) -> Result<String> {
        // The text is not shown: it could hold a password.
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = parsed.ok_or_else(|| Error::invalid_config("expected an http or https URL"))?;
        let answer = self.send(&Call::new("get the document", Method::GET, url)).await?;
        String::from_utf8(answer.body().to_vec())
            .map_err(|_| Error::invalid_data("expected a document of text in UTF-8").with("request", &answer.request))
    }

    /// The name of a table with its database, as Pinot keeps it, where it does not look at the header.
    pub fn qualified(&self, table: &str) -> String {
        match self.0.options.database.as_deref() {
            Some(database) if database != DEFAULT_DATABASE && !table.contains('.') => format!("{database}.{table}"),
            _ => table.to_owned(),
        }
    }

    /// The TLS configuration of all connections, for those that are not HTTP.
    pub(crate) fn tls(&self) -> Result<ClientConfig> {
        tls::configuration(&self.0.options.tls)
    }

    /// The way of connections that are not HTTP; TLS with the host itself is not included.
    ///
    /// # Errors
    ///
    /// `invalid-config` for a proxy that cannot be.
    pub(crate) fn connector(&self, tls: &ClientConfig) -> Result<Connector> {
        Connector::new(self.0.options.proxy.as_ref(), tls)
    }

    /// Who asks as of now, for what is not HTTP: the name in lower case, the value, and the secrets in it.
    pub(crate) fn authorization(&self) -> Result<Option<(String, String, Vec<Secret>)>> {
        let Some(Authorization { name, value, secrets }) = authorization(&self.0.options.auth)? else {
            return Ok(None);
        };
        let value = String::from_utf8(value.as_bytes().to_vec())
            .map_err(|_| Error::invalid_config("expected a password or token of text").with("option", "auth"))?;
        Ok(Some((name.as_str().to_owned(), value, secrets)))
    }

    /// How long a connection may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.options.timeouts.connect.duration()
    }

    /// Sends a request until it is answered for good. Refusals are answers too: [`Answer::ok`] makes errors of them.
    pub(crate) async fn exchange(&self, call: &Call) -> Result<Answer> {
        let Inner { options, .. } = &*self.0;
        let begin = Instant::now();
        let mut attempt = 1;
        let mut token_renewed = false;
        loop {
            let outcome = self.attempt(call, attempt).await;
            if let Ok(answer) = &outcome
                && answer.status == StatusCode::UNAUTHORIZED
                && !token_renewed
                && answer.secrets != authorization(&options.auth)?.map(|now| now.secrets).unwrap_or_default()
            {
                // The token file was written again since.
                token_renewed = true;
                continue;
            }
            let (again, after) = match &outcome {
                Ok(answer) => (retry::answered(answer), retry::named_pause(&answer.headers)),
                Err(failed) => (failed.again, failed.after),
            };
            let plan = (again, after);
            let Some(pause) =
                retry::pause(&options.retries, call.repeat, plan, attempt, begin.elapsed(), fastrand::f64())
            else {
                return outcome
                    .map_err(|failed| if attempt > 1 { failed.error.with("attempts", attempt) } else { failed.error });
            };
            let reason = match outcome {
                Ok(answer) => answer.refusal(),
                Err(failed) => failed.error,
            };
            tracing::warn!(attempt, pause_ms = pause.as_millis() as u64, error = %reason, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// [`Http::exchange`], where a refusal is an error.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer> {
        self.exchange(call).await?.ok()
    }

    async fn attempt(&self, call: &Call, attempt: u32) -> Result<Answer, Failed> {
        let Inner { client, options, proxy, database, limiter } = &*self.0;
        let mut request = client
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone())
            .timeout(call.wait.time(&options.timeouts).0);
        if let Some(database) = database {
            request = request.header(DATABASE, database);
        }
        let mut secrets = Vec::new();
        if let Some(Authorization { name, value, secrets: sent }) =
            authorization(&options.auth).map_err(token_missing)?
        {
            request = request.header(name, value);
            secrets = sent;
        }
        request = match &call.body {
            Payload::None => request,
            Payload::Bytes(bytes) => request.body(bytes.clone()),
            Payload::Part(name, content) => {
                request.multipart(transfer::form(name, content, limiter.as_ref()).await.map_err(Failed::never)?)
            }
        };
        tracing::debug!(request = call.shown(), attempt, "request");
        let lost = |error| failure::failed(call, &options.timeouts, proxy.as_deref(), error);
        let response = request.send().await.map_err(lost)?;
        let mut answer = Answer {
            what: call.what,
            request: call.shown(),
            status: response.status(),
            headers: response.headers().clone(),
            body: Bytes::new(),
            saved: 0,
            attempts: attempt,
            secrets,
        };
        if !answer.status.is_success() {
            // The status says enough when the words are too many, or are cut off.
            answer.body = read(response, MAX_REFUSAL_BYTES as u64).await.ok().flatten().unwrap_or_default();
            return Ok(answer);
        }
        match &call.save {
            Some(path) => {
                answer.saved = transfer::save(response, path, options.timeouts.request, lost, &answer).await?;
            }
            None => {
                answer.body = read(response, options.max_answer.bytes()).await.map_err(lost)?.ok_or_else(|| {
                    Failed::never(
                        answer.place(
                            Error::new(
                                ErrorKind::ResourceExhausted,
                                format!("cannot {}: the answer is longer than {}", call.what, options.max_answer),
                            )
                            .action("raise `maxAnswer` of the connection, or ask for less"),
                        ),
                    )
                })?;
            }
        }
        Ok(answer)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.0.options).finish()
    }
}

/// A body of at most `limit` bytes.
async fn read(mut response: Response, limit: u64) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// A token file that is just being replaced comes back.
fn token_missing(error: Error) -> Failed {
    let temporary = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable);
    Failed { error, again: if temporary { Again::Harmless } else { Again::Never }, after: None }
}

fn proxy(options: &Proxy) -> Result<(reqwest::Proxy, String)> {
    let address = Address::parse(&options.url).map_err(|error| error.with("option", "proxy.url"))?;
    let mut proxy = reqwest::Proxy::all(address.to_string())
        .map_err(|error| Error::invalid_config("cannot use the proxy").with("option", "proxy.url").caused_by(error))?
        .no_proxy(reqwest::NoProxy::from_string(&options.except.join(",")));
    if let Some(user) = &options.user {
        proxy = proxy.basic_auth(user, options.password.as_ref().map_or("", |password| password.expose()));
    }
    Ok((proxy, address.to_string()))
}
