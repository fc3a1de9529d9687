//! The way to a host: straight, or through a proxy's tunnel.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::http::HeaderValue;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use pinotage_common::{Error, Result};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Address;
use crate::options::Proxy;

/// Sooner than what lies between takes an idle connection for dead. Servers refuse HTTP/2's own pings.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

type BoxError = Box<dyn StdError + Send + Sync>;

/// What carries bytes to a host; TLS with the host itself comes on top.
pub(crate) type Way = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Connects to hosts, through the proxy of the options where it is to be used.
#[derive(Clone)]
pub(crate) struct Connector {
    straight: HttpConnector,
    proxied: Option<Proxied>,
}

#[derive(Clone)]
struct Proxied {
    shown: String,
    matcher: Arc<Matcher>,
    tunnel: Tunnel<HttpsConnector<HttpConnector>>,
}

impl Connector {
    pub(super) fn new(proxy: Option<&Proxy>, tls: &ClientConfig) -> Result<Self> {
        let mut straight = HttpConnector::new();
        straight.enforce_http(false);
        straight.set_nodelay(true);
        straight.set_keepalive(Some(TCP_KEEPALIVE));
        let proxied = proxy.map(|proxy| Proxied::new(proxy, straight.clone(), tls)).transpose()?;
        Ok(Self { straight, proxied })
    }
}

impl Proxied {
    fn new(options: &Proxy, straight: HttpConnector, tls: &ClientConfig) -> Result<Self> {
        let address = Address::parse(&options.url).map_err(|error| error.with("option", "proxy.url"))?;
        let wrong = || Error::invalid_config("cannot use the proxy").with("option", "proxy.url");
        let uri: Uri = address.to_string().parse().map_err(|error| wrong().caused_by(error))?;
        let mut tunnel = Tunnel::new(uri, HttpsConnector::from((straight, tls.clone())));
        if let Some(user) = &options.user {
            let password = options.password.as_ref().map_or("", |password| password.expose());
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            tunnel = tunnel.with_auth(HeaderValue::try_from(value).map_err(|error| wrong().caused_by(error))?);
        }
        let matcher = Matcher::builder().all(address.to_string()).no(options.except.join(",")).build();
        Ok(Self { shown: address.to_string(), matcher: Arc::new(matcher), tunnel })
    }
}

impl Service<Uri> for Connector {
    type Response = Way;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Way, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.straight.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        if let Some(proxied) = self.proxied.as_mut().filter(|proxied| proxied.matcher.intercept(&target).is_some()) {
            let (proxy, tunnel) = (proxied.shown.clone(), proxied.tunnel.call(target));
            return Box::pin(
                async move { tunnel.await.map_err(|error| ProxyError { proxy, source: error.into() }.into()) },
            );
        }
        let straight = self.straight.call(target);
        Box::pin(async move { Ok(MaybeHttpsStream::Http(straight.await?)) })
    }
}

/// A proxy makes no way to a host.
#[derive(Debug)]
pub(super) struct ProxyError {
    /// Its address.
    pub(super) proxy: String,
    source: BoxError,
}

impl ProxyError {
    /// It wants to know who asks. The library's error has no other sign of it.
    pub(super) fn asks_who(&self) -> bool {
        self.source.to_string().contains("authorization required")
    }

    /// The library's words.
    pub(super) fn reason(&self) -> String {
        self.source.to_string()
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no way through the proxy {}", self.proxy)
    }
}

impl StdError for ProxyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
