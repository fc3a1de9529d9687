//! What is wrong is said in one sentence, with whose move it is, and without a secret.

use std::fmt::{Debug, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use pinotage_client::{Address, Auth, Connection, Controller, Retries, Tls, TrustStore};
use pinotage_common::{Error, Secret, TimeSpan};
use pinotage_sink::publish::{Publication, PushOptions, publish};
use pinotage_sink::{LocalSegment, Target, bootstrap};
use pinotage_spec::Schema;
use pinotage_testkit::fake::{Action, Fake};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tracing::field::Visit;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::places::{Place, connection};
use crate::support::{Fixture, config};

/// A password that a test gives, and what a header makes of it.
const SECRETS: [&str; 3] = ["hunter2", "YWRtaW46aHVudGVyM", "verysecret"];

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}: {value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The page of all that went wrong, and what is shown of it anywhere.
#[derive(Default)]
struct Page {
    sentences: String,
    shown: String,
}

impl Page {
    /// Adds an error; ports are others in each run.
    fn add(&mut self, case: &str, error: Error, ports: &[u16]) {
        writeln!(self.shown, "{error} {error:?} {}", error.advice()).unwrap();
        let mut message = error.message().to_owned();
        for port in ports {
            message = message.replace(&format!(":{port}"), ":PORT");
        }
        let (kind, origin) = (error.kind(), error.origin());
        writeln!(self.sentences, "{case}\n  {kind} ({origin:?}): {message}\n  → {}", error.advice()).unwrap();
    }
}

fn hasty(mut connection: Connection) -> Connection {
    connection.retries = Retries { attempts: 2, pause: TimeSpan::millis(1), ..Retries::default() };
    connection
}

fn with_password(address: &str) -> Connection {
    let mut connection = hasty(Connection::new(Address::parse(address).unwrap()));
    connection.auth = Auth::Basic { user: "admin".into(), password: Secret::new("hunter2") };
    connection
}

async fn asked(connection: &Connection) -> Error {
    let target = Target::offline(Controller::new(connection).unwrap(), "nothing");
    bootstrap::documents(&target).await.unwrap_err()
}

async fn pushed(target: &Target, segment: LocalSegment) -> Error {
    let publication = Publication { to: vec![segment], ..Publication::default() };
    publish(target, &json!({}), &publication, &PushOptions::default(), &()).await.unwrap_err()
}

/// A server whose certificate nobody signed but itself, and the options of trusting it.
fn secure(folder: &std::path::Path, host: &str, change: impl FnOnce(&mut CertificateParams)) -> (Fake, Connection) {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let path = folder.join(format!("{host}.pem"));
    std::fs::write(&path, certificate.pem()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let fake = Fake::new().on("GET", "/tables/nothing", Action::status(200, "{}")).start_tls(config);
    let mut connection = with_password(&fake.url());
    connection.tls = Tls { trust_store: Some(TrustStore { path, password: None }), ..Tls::default() };
    (fake, connection)
}

#[tokio::test]
async fn bad_input() {
    let start = |place: Place| tokio::task::spawn_blocking(move || place.cluster());
    let started = tokio::try_join!(start(Place::Modern), start(Place::Users), start(Place::Certificates));
    let (Some(plain), Some(users), Some(tls)) = started.unwrap() else { return };
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let mut page = Page::default();
    let port = |url: &str| url.rsplit(':').next().unwrap().parse::<u16>().unwrap();

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    page.add("no controller", asked(&with_password(&format!("http://127.0.0.1:{nobody}"))).await, &[nobody]);
    page.add("unknown host", asked(&with_password("http://controller.invalid:9000")).await, &[]);
    let grpc = plain.servers[0].grpc_port;
    page.add("the port of another protocol", asked(&with_password(&format!("http://127.0.0.1:{grpc}"))).await, &[grpc]);
    let broker = Target::offline(Controller::new(&with_password(&plain.broker)).unwrap(), "nothing");
    page.add("the broker's port", broker.snapshot().await.unwrap_err(), &[]);
    let mut as_tls = with_password(&plain.controller.replace("http:", "https:"));
    // Pinot says nothing to the beginning of TLS.
    as_tls.timeouts.connect = TimeSpan::secs(1);
    page.add("TLS to a plain port", asked(&as_tls).await, &[port(&plain.controller)]);
    let as_plain = with_password(&tls.controller.replace("https:", "http:"));
    page.add("plain to a TLS port", asked(&as_plain).await, &[port(&tls.controller)]);

    let folder = tempfile::tempdir().unwrap();
    let (fake, expired) = secure(folder.path(), "127.0.0.1", |it| it.not_after = rcgen::date_time_ymd(2001, 1, 1));
    page.add("expired certificate", asked(&expired).await, &[fake.port()]);
    let (fake, other) = secure(folder.path(), "pinot.example", |_| {});
    page.add("certificate of another host", asked(&other).await, &[fake.port()]);
    let mut strange = hasty(connection(tls));
    strange.tls = Tls { trust_store: other.tls.trust_store, ..strange.tls };
    page.add("unknown authority", asked(&strange).await, &[port(&tls.controller)]);
    let mut bare = hasty(connection(tls));
    bare.tls.key_store = None;
    page.add("no certificate of ours", asked(&bare).await, &[port(&tls.controller)]);

    page.add("wrong password", asked(&with_password(&users.controller)).await, &[]);
    let mut fixture = Fixture::of(users, "bad");
    fixture.bootstrap().await;
    let mut reader = connection(users);
    let user = users.reader.as_ref().unwrap();
    reader.auth = Auth::Basic { user: user.name.clone(), password: Secret::new(&user.password) };
    let reader = Target::offline(Controller::new(&reader).unwrap(), "bad");
    page.add("a user who may only read", pushed(&reader, fixture.segment("s", &[1])).await, &[]);

    let missing = Target { table: "missing".into(), ..fixture.target.clone() };
    page.add("missing table", pushed(&missing, fixture.segment("s", &[1])).await, &[]);
    let found = bootstrap::documents(&fixture.target).await.unwrap();
    let text = json!({"schemaName": "bad", "dimensionFieldSpecs": [{"name": "k", "dataType": "STRING"}]});
    let text = Schema::from_document(text).unwrap();
    let unfit = bootstrap::compare(&fixture.target, &found, &text, &fixture.table).await.unwrap_err();
    page.add("a schema that does not fit", unfit, &[]);
    let timeless = config("bad", json!({"segmentsConfig": {"timeColumnName": "t"}}));
    let timeless = bootstrap::compare(&fixture.target, &found, &fixture.schema, &timeless).await.unwrap_err();
    page.add("no time column in the schema", timeless, &[]);

    // A segment that was built for another config.
    let segment = fixture.segment("untimed", &[1]);
    let mut timed = Fixture::of(users, "bad_time");
    let time = json!({"name": "t", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:DAYS"});
    let document = json!({"schemaName": "bad_time", "dateTimeFieldSpecs": [time],
        "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}]});
    timed.schema = Schema::from_document(document).unwrap();
    timed.table = config("bad_time", json!({"segmentsConfig": {"timeColumnName": "t"}}));
    timed.bootstrap().await;
    page.add("no times in the segment", pushed(&timed.target, segment).await, &[]);
    fixture.target.table = "bad_quota".into();
    fixture.schema = crate::support::schema("bad_quota", &["k"]);
    fixture.table = config("bad_quota", json!({"quota": {"storage": "1B"}}));
    fixture.bootstrap().await;
    page.add("quota exceeded", pushed(&fixture.target, fixture.segment("s", &[1])).await, &[]);

    insta::assert_snapshot!("bad_input", page.sentences);
    let logged = log.0.lock().unwrap();
    assert!(logged.contains("trying again"), "the log is heard: {logged}");
    let controllers = format!("{:?} {:?} {:?} {other:?}", fixture.target, reader, strange, other = as_tls);
    for secret in SECRETS.into_iter().chain([user.password.as_str(), pinotage_testkit::cluster::TlsFiles::PASSWORD]) {
        for (place, text) in [("log", &*logged), ("errors", &page.shown), ("Debug", &controllers)] {
            assert!(!text.contains(secret), "{secret} is in the {place}: {text}");
        }
    }
}
