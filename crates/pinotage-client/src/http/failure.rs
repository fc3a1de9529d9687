//! What a lost or impossible connection means, in one sentence.

use std::error::Error as StdError;
use std::io;

use pinotage_common::{Error, ErrorKind};
use rustls::{AlertDescription, CertificateError};

use super::call::Call;
use super::connect::ProxyError;
use super::retry::{Again, Failed};
use crate::options::Timeouts;

/// The sentence of a failed exchange.
pub(super) fn failed(call: &Call, timeouts: &Timeouts, proxy: Option<&str>, error: reqwest::Error) -> Failed {
    // The URL could hold secrets; the error gets the shown form below.
    let error = error.without_url();
    // Our own side failed to give the body.
    if let Some((kind, reason, advice)) =
        find::<Error>(&error).map(|own| (own.kind(), own.message().to_owned(), own.advice().to_owned()))
    {
        let error = Error::new(kind, format!("cannot {}: {reason}", call.what)).action(advice).caused_by(error);
        return Failed::never(error.with("request", call.shown()));
    }
    let target = match proxy {
        Some(proxy) => format!("{} (through the proxy {proxy})", call.target()),
        None => call.target(),
    };
    let (kind, reason, advice, again) = explain(call, &target, timeouts, &error);
    let error = Error::new(kind, format!("cannot {}: {reason}", call.what))
        .with("request", call.shown())
        .action(advice)
        .caused_by(error);
    Failed { error, again, after: None }
}

/// What a lost or impossible connection that is not HTTP means, where that is known: kind, reason and advice.
pub(crate) fn connection(target: &str, error: &(dyn StdError + 'static)) -> Option<(ErrorKind, String, String)> {
    if let Some(proxy) = find::<ProxyError>(error) {
        return Some(explain_proxy(target, proxy));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        let (kind, reason, advice, _) = explain_tls(target, tls);
        return Some((kind, reason, advice));
    }
    let refused = find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    refused.then(|| {
        let advice = "start the server, or correct the address";
        (ErrorKind::Unavailable, format!("nothing listens at {target}"), advice.to_owned())
    })
}

fn explain_proxy(target: &str, error: &ProxyError) -> (ErrorKind, String, String) {
    let proxy = &error.proxy;
    if let Some(source) = error.source()
        && let Some(explained) = connection(&format!("the proxy {proxy}"), source)
    {
        return explained;
    }
    if error.asks_who() {
        let advice = "set or correct `proxy.user` and `proxy.password`".to_owned();
        return (ErrorKind::InvalidConfig, format!("the proxy {proxy} asks who we are"), advice);
    }
    (
        ErrorKind::Unavailable,
        format!("the proxy {proxy} makes no way to {target} ({})", error.reason()),
        "let the proxy allow CONNECT to the query ports of servers, or name servers that are reached without it in `proxy.except`"
            .to_owned(),
    )
}

type Explained = (ErrorKind, String, String, Again);

fn explain(call: &Call, target: &str, timeouts: &Timeouts, error: &reqwest::Error) -> Explained {
    // Before the connection stands nothing can have arrived.
    let again = if error.is_connect() { Again::Harmless } else { Again::Lost };
    let later = |reason: String, advice: &str| (ErrorKind::Unavailable, reason, advice.to_owned(), again);
    if let Some(tls) = find::<rustls::Error>(error) {
        return explain_tls(target, tls);
    }
    if error.is_timeout() {
        return if error.is_connect() {
            let reason = format!("no connection to {target} within {}", timeouts.connect);
            let plain = match call.url.scheme() {
                "https" => "; if the port speaks plain HTTP write `http://` before the address",
                _ => "",
            };
            later(reason, &format!("check the address and the firewalls between, or raise `timeouts.connect`{plain}"))
        } else {
            let (time, option) = call.wait.time(timeouts);
            let reason = format!("no whole answer from {target} within {} s", time.as_secs_f64());
            later(reason, &format!("look at the server's load and log, or raise `{option}`"))
        };
    }
    if chain(error).any(|cause| cause.to_string() == "dns error") {
        let host = call.url.host_str().unwrap_or_default();
        return later(format!("the host name `{host}` is not known"), "correct the name, or this machine's DNS");
    }
    let parse = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse);
    if parse && call.url.scheme() == "http" {
        return (
            ErrorKind::InvalidConfig,
            format!("expected an HTTP answer from {target}, found other bytes"),
            "if the port speaks TLS write `https://` before the address, else use the port of the REST API".into(),
            Again::Never,
        );
    }
    let io = find::<io::Error>(error).map(io::Error::kind);
    match io {
        Some(io::ErrorKind::ConnectionRefused) => {
            later(format!("nothing listens at {target}"), "start the server, or correct the address")
        }
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            later(format!("there is no way to {target}"), "check the address and this machine's network")
        }
        _ if error.is_connect() && call.url.scheme() == "https" => later(
            format!("the connection to {target} was closed before TLS stood"),
            "if the port speaks plain HTTP write `http://` before the address; if it asks for certificates set `tls.keyStore`",
        ),
        _ if call.url.scheme() == "http" && !error.is_body() && find::<hyper::Error>(error).is_some() => later(
            format!("the connection to {target} was lost"),
            "try again; if it is always so, perhaps the port speaks TLS: then write `https://` before the address",
        ),
        _ => later(format!("the connection to {target} was lost"), "look at the server's log, then try again"),
    }
}

fn explain_tls(target: &str, error: &rustls::Error) -> Explained {
    use CertificateError as Bad;
    let config = |reason: String, advice: &str| (ErrorKind::InvalidConfig, reason, advice.to_owned(), Again::Never);
    match error {
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => config(
            format!("the certificate of {target} has expired"),
            "have it renewed by whoever runs the server; check this machine's clock too",
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            config(format!("the certificate of {target} is not valid yet"), "check this machine's clock")
        }
        // A signature that is wrong is mostly that of another authority of the same name.
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => config(
            format!("the certificate of {target} is of an authority that is not trusted"),
            "name the authority's certificate in `tls.trustStore`",
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => config(
            format!("the certificate of {target} is for another host"),
            "use the host name that the certificate is for",
        ),
        rustls::Error::InvalidCertificate(_) => config(
            format!("the certificate of {target} is not acceptable"),
            "have it replaced by whoever runs the server",
        ),
        rustls::Error::InvalidMessage(_) => config(
            format!("expected TLS at {target}, found something else"),
            "write `http://` before the address, or use the port that speaks TLS",
        ),
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::AccessDenied,
        ) => config(
            format!("{target} asks for a client certificate and does not accept ours"),
            "set `tls.keyStore` to a certificate that the server trusts",
        ),
        _ => config(
            format!("no TLS version or method that {target} and we both have"),
            "let the server offer TLS 1.2 or 1.3 with an usual cipher",
        ),
    }
}

/// All causes, those inside an I/O error too, which `source` leaves out.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &(dyn StdError + 'static)),
        None => error.source(),
    })
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}
