//! Queries by the protocol of Pinot's own brokers.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use pinotage_client::{Address, Connection, Protocol, QueryServers, Remedy, ServerAddress, ServerFailure, ServerQuery};
use pinotage_common::{ByteSize, Error, ErrorKind};
use pinotage_spec::{Expression, Literal, Operator, PinotQuery};
use pinotage_testkit::fake::{Break, Line};
use proptest::prelude::*;
use serde_json::json;

use super::fuzz::payloads;
use super::places::{Place, ask, by_netty, connection, golden, netty, servers, table, table_of, tree, whole, without};

/// Where `cargo xtask test` says how to start Pinot's own parser.
const JUDGE: &str = "PINOTAGE_CONFORMANCE_CLASSPATH";

/// A server that reads a request, answers with bytes and hangs up; what it read comes out of the channel.
fn server(answers: impl Fn() -> Vec<u8> + Send + 'static) -> (ServerAddress, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    // It ends with the tests' process.
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut length = [0; 4];
            if client.read_exact(&mut length).is_ok() {
                let mut frame = vec![0; u32::from_be_bytes(length) as usize];
                client.read_exact(&mut frame).unwrap();
                // Who does not listen does not want to know.
                let _ = sender.send(frame);
                let _ = client.write_all(&answers());
            }
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    let address = ServerAddress {
        name: "Server_x_1".into(),
        host: "127.0.0.1".into(),
        port,
        tls: false,
        protocol: Protocol::Netty,
    };
    (address, requests)
}

/// Servers of no cluster.
fn strangers() -> QueryServers {
    servers(&Connection::new(Address::parse("http://controller.invalid:9000").unwrap()))
}

fn remedy(error: &Error) -> Remedy {
    ServerFailure::of(error).unwrap_or_else(|| panic!("{error:?}")).remedy
}

/// Names and texts with all that parsers stumble over.
const WORDS: [&str; 12] =
    ["a", "it's", "\"q\"", "é", "日本", "😀", "two\nlines\t", "\\", "", "$docId", "select", "(?s-i)^\\\\'x\\z"];

struct Draw(fastrand::Rng);

impl Draw {
    fn word(&mut self) -> String {
        let long = self.0.u8(..20) == 0;
        let word: String = (0..self.0.usize(1..4)).map(|_| WORDS[self.0.usize(..WORDS.len())]).collect();
        // Parsers of old releases make one quote of two.
        if long { word.repeat(100) } else { word }.replace("''", "'")
    }

    fn column(&mut self) -> Expression {
        // SQL has no names with line breaks or of more than 128 characters.
        let word = self.word().replace(char::is_control, "");
        Expression::column(format!("c{}", word.chars().take(120).collect::<String>()))
    }

    fn literal(&mut self) -> Expression {
        Expression::Literal(match self.0.u8(..6) {
            0 => Literal::Bool(self.0.bool()),
            1 => Literal::Long(self.0.i64(-200..200)),
            2 => Literal::Long(self.0.i32(..).into()),
            // The very least is a text, where it is sent.
            3 => Literal::Long(self.0.i64(i64::MIN + 1..)),
            _ => Literal::Text(self.word()),
        })
    }

    fn condition(&mut self, depth: u32) -> Expression {
        use Operator as O;
        if depth > 0 && self.0.u8(..3) > 0 {
            let parts: Vec<_> = (0..self.0.usize(1..6)).map(|_| self.condition(depth - 1)).collect();
            let operator = if self.0.bool() { O::And } else { O::Or };
            let joined = Expression::joined(operator, parts).unwrap();
            return if self.0.u8(..4) == 0 { joined.of(O::Not) } else { joined };
        }
        let column = self.column();
        match self.0.u8(..10) {
            0 => column.of(O::IsNull),
            1 => column.of(O::IsNotNull),
            2 => column.compare(O::RegexpLike, Expression::text(self.word())),
            3 | 4 => {
                let values: Vec<_> = (0..self.0.usize(1..40)).map(|_| self.literal()).collect();
                column.is_in(values)
            }
            _ => {
                let all =
                    [O::Equals, O::NotEquals, O::LessThan, O::LessThanOrEqual, O::GreaterThan, O::GreaterThanOrEqual];
                column.compare(all[self.0.usize(..6)], self.literal())
            }
        }
    }

    fn query(&mut self) -> PinotQuery {
        use Operator as O;
        let mut options = BTreeMap::from([("timeoutMs", self.0.u32(1..).to_string())]);
        if self.0.bool() {
            options.insert("enableNullHandling", "true".into());
        }
        let columns: Vec<Expression> =
            (0..self.0.usize(1..20)).map(|at| Expression::column(format!("k{at}"))).collect();
        let (mut select, mut group_by) = (columns.clone(), Vec::new());
        match self.0.u8(..3) {
            0 => {}
            kind => {
                let functions = [O::Min, O::Max, O::MinLong, O::MaxLong, O::Sum, O::SumLong, O::Count];
                let calls = functions.map(|function| self.column().of(function));
                let calls = std::iter::once(Expression::Star.of(O::Count)).chain(calls);
                (select, group_by) = if kind == 1 { (Vec::new(), Vec::new()) } else { (select, columns) };
                select.extend(calls);
            }
        }
        let order_by = (0..self.0.usize(..3)).map(|_| {
            let key = self.column();
            let key = if self.0.bool() { key } else { key.of(O::IsNull) };
            key.of(if self.0.bool() { O::Asc } else { O::Desc })
        });
        let order_by = order_by.collect();
        PinotQuery {
            table: "t_OFFLINE".into(),
            options,
            select,
            filter: (self.0.u8(..5) > 0).then(|| self.condition(3)),
            group_by,
            order_by,
            limit: self.0.u32(1..=i32::MAX as u32),
        }
    }
}

/// Pinot's own parser makes of the SQL the very bytes that are sent by Netty: both say the same.
#[tokio::test]
async fn requests_are_the_bytes_that_pinot_makes_of_the_sql() {
    let Ok(class_path) = std::env::var(JUDGE) else {
        eprintln!("SKIPPED: no judge, because {JUDGE} is not set; `cargo xtask test` builds it and sets it");
        return;
    };
    let seed =
        std::env::var("PINOTAGE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("seed {seed}: run again with PINOTAGE_SEED={seed}");
    let mut draw = Draw(fastrand::Rng::with_seed(seed));
    let (server, requests) = server(Vec::new);
    let servers = strangers();
    let mut asked = Vec::new();
    for _ in 0..400 {
        let query = draw.query();
        let segments: Vec<String> = (0..draw.0.usize(..40)).map(|_| draw.word()).collect();
        let client = draw.word();
        let query = ServerQuery { client, ..ServerQuery::new("t_OFFLINE", query, segments) };
        let error = ask(&servers, &server, &query).await.map(|_| ()).unwrap_err();
        let id = error.context().iter().find(|(name, _)| *name == "request id").unwrap().1.parse::<i64>().unwrap();
        asked.push((id, query, requests.recv().unwrap()));
    }
    let lines = asked.iter().map(|(id, query, _)| {
        let (sql, segments) = (query.statement.to_string(), &query.segments);
        json!({"requestId": id, "sql": sql, "segments": segments, "brokerId": query.client}).to_string() + "\n"
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.collect::<String>()).unwrap();
    let output = Command::new("java")
        .args(["-Xmx1g", "-cp", &class_path, "io.pinotage.conformance.Conformance", "requests"])
        .arg(file.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Whatever Pinot logs stands on other lines.
    let theirs: Vec<&str> = text.lines().filter(|line| line.bytes().all(|byte| byte.is_ascii_hexdigit())).collect();
    assert_eq!(theirs.len(), asked.len(), "{text:.1000}");
    for ((_, query, ours), theirs) in asked.iter().zip(theirs) {
        assert_eq!(hex(ours), theirs, "{}", query.statement);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_taken_for_an_answer(
        length in prop_oneof![any::<u32>(), 0..200_u32, Just(u32::MAX), Just(i32::MAX as u32)],
        head in prop_oneof![Just(vec![]), Just(vec![0, 0, 0, 3]), Just(vec![0, 0, 0, 4])],
        rest in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0..8_usize,
    ) {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(head.into_iter().chain(rest));
        if cut < 4 {
            bytes.truncate(cut);
        }
        let (server, _requests) = server(move || bytes.clone());
        let query = ServerQuery::new("t_OFFLINE", tree("t", "", &["a"]), vec!["s".into()]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(ask(&strangers(), &server, &query)).map(|_| ()).unwrap_err();
        prop_assert!(error.to_string().contains("Server_x_1"), "{}", error);
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_no_answer() {
    let mut refused = 0;
    for payload in payloads() {
        let framed: Vec<u8> = [&(payload.len() as u32).to_be_bytes(), payload.as_ref()].concat();
        let (server, _requests) = server(move || framed.clone());
        let query = ServerQuery::new("t_OFFLINE", tree("t", "", &["a"]), vec!["s".into()]);
        let error = ask(&strangers(), &server, &query).await.map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), remedy(&error)), (ErrorKind::Unavailable, Remedy::OtherReplica), "{error}");
        refused += usize::from(error.to_string().contains("another question"));
    }
    assert!(refused >= 6);
}

#[tokio::test]
async fn an_answer_that_is_announced_but_too_long_is_not_waited_for() {
    let (server, _requests) = server(|| [&(100_u32 << 20).to_be_bytes()[..], &[0; 1 << 16]].concat());
    let query = ServerQuery::new("t_OFFLINE", tree("t", "", &["a"]), vec!["s".into()]);
    let limited = strangers().with_max_message(ByteSize::mib(99));
    let error = ask(&limited, &server, &query).await.map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), remedy(&error)), (ErrorKind::ResourceExhausted, Remedy::Nobody), "{error}");
    let error = ask(&strangers(), &server, &query).await.map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), remedy(&error)), (ErrorKind::Unavailable, Remedy::OtherReplica), "{error}");
}

#[tokio::test]
async fn text_is_for_grpc_only() {
    let (server, _requests) = server(Vec::new);
    let query = ServerQuery::new("t_OFFLINE", "SELECT 1", vec![]);
    assert_eq!(strangers().submit(&server, &query).await.map(|_| ()).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_a_server_cannot_answer_by_netty_names_it_and_the_segments() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let (servers, server) = (servers(&connection(cluster)), netty(cluster, 0).await);
        let (schema, rows) = without(&golden("indexes"), &[]);
        let segment = table_of(cluster, "netty_failures", schema, &rows);
        let error = async |query: &ServerQuery| ask(&servers, &server, query).await.map(|_| ()).unwrap_err();

        let missing = by_netty("netty_failures", "", &["i"], &[&segment, "no_1", "no_2"]);
        let found = error(&missing).await;
        let failure = ServerFailure::of(&found).unwrap();
        assert_eq!((failure.remedy, failure.exceptions[0].error_code), (Remedy::OtherReplica, 235), "{found}");
        let mut names = failure.missing_segments.clone();
        names.sort();
        assert_eq!(names, ["no_1", "no_2"]);
        let text = found.to_string();
        assert!(text.contains(&server.name) && text.contains("netty_failures_OFFLINE"), "{text}");

        if place == Place::Modern {
            let ignored = by_netty("netty_failures", "ignoreMissingSegments", &["i"], &[&segment, "no_1"]);
            let found = error(&ignored).await;
            assert!(found.to_string().contains("found 1 segments where 2"), "{found}");
        }

        let found = error(&by_netty("no_such_table", "", &["i"], &[&segment])).await;
        assert_eq!(ServerFailure::of(&found).unwrap().exceptions[0].error_code, 230, "{found}");

        let found = error(&by_netty("netty_failures", "", &["no_such_column"], &[&segment])).await;
        assert!(found.to_string().contains("no_such_column") || found.advice().contains("reload"), "{found}");

        let mut short = by_netty("netty_failures", "", &["i"], &[&segment]);
        let mut query = tree("netty_failures", "", &["i"]);
        query.options.insert("timeoutMs", "1".into());
        query.filter = Some(Expression::column("s").compare(Operator::RegexpLike, Expression::text(".*9.*9.*9")));
        short.statement = query.into();
        // So few rows may be found in time.
        if let Err(found) = ask(&servers, &server, &short).await {
            assert_eq!((found.kind(), remedy(&found)), (ErrorKind::Unavailable, Remedy::OtherReplica), "{found}");
        }

        // Nothing of it harms the next query.
        let (tables, _) = ask(&servers, &server, &by_netty("netty_failures", "", &["i"], &[&segment])).await.unwrap();
        assert_eq!(tables.iter().map(|table| table.num_rows()).sum::<usize>(), rows.num_rows());
    }
}

#[tokio::test]
async fn connections_are_used_again_unless_their_query_was_dropped() {
    for place in [Place::Modern, Place::Oldest] {
        let Some(cluster) = place.cluster() else { return };
        let segment = table(cluster, &golden("indexes"), "netty_connections");
        let servers = servers(&connection(cluster));
        let server = netty(cluster, 0).await;
        let line = Line::new(server.port, usize::MAX, Break::Cut);
        let server = ServerAddress { port: line.port(), ..server };
        let query = by_netty("netty_connections", "", &["i"], &[&segment]);
        for _ in 0..5 {
            ask(&servers, &server, &query).await.unwrap();
        }
        assert_eq!(line.connections(), 1, "one after the other");
        let (first, second, third) = tokio::join!(
            ask(&servers, &server, &query),
            ask(&servers, &server, &query),
            ask(&servers, &server, &query)
        );
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(line.connections(), 3, "at the same time");

        // One is dropped before its answer, three before they are read.
        drop(tokio::time::timeout(Duration::ZERO, servers.submit(&server, &query)).await);
        let mut begun = Vec::new();
        for _ in 0..3 {
            begun.push(servers.submit(&server, &query).await.unwrap());
        }
        let before = line.connections();
        drop(begun);
        let (tables, _) = whole(servers.submit(&server, &query).await.unwrap()).await.unwrap();
        assert_eq!(tables[0].num_rows(), 60);
        assert_eq!(line.connections(), before + 1, "a connection with half an answer is not used again");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_made_again() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let segment = table(cluster, &golden("indexes"), "netty_again");
    let servers = servers(&connection(cluster));
    let server = netty(cluster, 0).await;
    let query = by_netty("netty_again", "", &["i"], &[&segment]);
    let whole = Line::new(server.port, usize::MAX, Break::Cut);
    ask(&servers, &ServerAddress { port: whole.port(), ..server.clone() }, &query).await.unwrap();

    // Each connection has room for one answer and a few bytes: its second answer is cut off, or it is closed.
    for more in [0, 2] {
        let line = Line::new(server.port, whole.brought() + more, Break::Cut);
        let server = ServerAddress { port: line.port(), ..server.clone() };
        for _ in 0..3 {
            ask(&servers, &server, &query).await.unwrap();
        }
        assert_eq!(line.connections(), 3);
    }
}

#[tokio::test]
async fn who_answers_and_who_asks_is_checked_by_tls() {
    let Some(cluster) = Place::Secure.cluster() else { return };
    let right = connection(cluster);
    let segment = table(cluster, &golden("indexes"), "netty_secure");
    let port = cluster.servers[0].netty_tls_port;
    let server = ServerAddress { port, tls: true, ..netty(cluster, 0).await };
    let query = by_netty("netty_secure", "", &["i"], &[&segment]);
    for _ in 0..2 {
        let (tables, _) = ask(&servers(&right), &server, &query).await.unwrap();
        assert_eq!(tables[0].num_rows(), 60);
    }

    let error = async |connection: &Connection, server: &ServerAddress| {
        ask(&servers(connection), server, &query).await.map(|_| ()).unwrap_err()
    };
    let mut stranger = right.clone();
    stranger.tls.key_store = None;
    let found = error(&stranger, &server).await;
    assert!(found.advice().contains("tls.keyStore"), "{found}");
    let mut distrusting = right.clone();
    distrusting.tls.trust_store = None;
    let found = error(&distrusting, &server).await;
    assert!(found.advice().contains("tls.trustStore"), "{found}");
    assert_eq!((found.kind(), remedy(&found)), (ErrorKind::InvalidConfig, Remedy::Nobody), "{found}");
    let found = error(&right, &ServerAddress { tls: false, ..server.clone() }).await;
    assert!(found.advice().contains("TLS"), "{found}");
    let plain = ServerAddress { port: cluster.servers[0].netty_port, ..server.clone() };
    assert_ne!(error(&right, &plain).await.kind(), ErrorKind::Unexpected);
}

/// Bytes of an answer are not mistaken when they come one by one.
#[tokio::test]
async fn an_answer_may_come_in_small_pieces() {
    let Some(cluster) = Place::Modern.cluster() else { return };
    let segment = table(cluster, &golden("dict-all-types"), "netty_pieces");
    let servers = servers(&connection(cluster));
    let server = netty(cluster, 0).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, target) = (listener.local_addr().unwrap().port(), server.port);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.set_nodelay(true).unwrap();
        let mut server = std::net::TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut byte = [0];
        while server.read_exact(&mut byte).is_ok() && client.write_all(&byte).is_ok() {}
    });
    let query = by_netty("netty_pieces", "", &["s", "l"], &[&segment]);
    let (tables, _) = ask(&servers, &ServerAddress { port, ..server.clone() }, &query).await.unwrap();
    let (expected, _) = ask(&servers, &server, &query).await.unwrap();
    assert_eq!(tables[0].num_rows(), expected[0].num_rows());
}
