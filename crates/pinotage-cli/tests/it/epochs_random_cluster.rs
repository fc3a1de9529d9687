//! As `epochs_random`, into real clusters whose controller fails at random: a call is cut off, its answer comes too late or not at
//! all, though it took effect, or says that it failed.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pinotage_testkit::cluster::{Cluster, eventually};
use pinotage_testkit::fake::{Action, Fake, Relay, Request};
use pinotage_testkit::is_full;

use crate::epochs::Random;
use crate::epochs_random::{Drawn, Found, rounds};
use crate::epochs_upsert::Stream;
use crate::kills::{lineage, oldest};
use crate::ok;

/// Longer than a request may take.
const SLOW: Duration = Duration::from_millis(1500);

/// A real controller in front of which things go wrong.
struct Faulty {
    fake: Fake,
    /// Of a thousand calls so many go wrong.
    share: Arc<AtomicU64>,
}

impl Faulty {
    fn new(real: &str, seed: u64) -> Self {
        let share = Arc::new(AtomicU64::new(0));
        let (now, random) = (Arc::clone(&share), Mutex::new(Random::of(seed)));
        let (relay, real) = (Relay::new(real), real.to_owned());
        let act = Action::decide(move |request| {
            let fault = {
                let mut random = random.lock().unwrap();
                // What changes something goes wrong more often.
                let share = now.load(Ordering::Relaxed) * if request.method == "GET" { 1 } else { 4 };
                (random.below(1000) < share).then(|| random.one_of(kinds()))
            };
            let Some(fault) = fault else { return relay.forward(request) };
            eprintln!("    fault {fault}: {} {}", request.method, request.path);
            match (fault, relay_of(&request.method)) {
                (0 | 1, _) => {
                    relay.forward(request);
                    Action::DropAfter
                }
                (2, _) => {
                    relay.forward(request);
                    Action::error(500, "on purpose, behind the effect")
                }
                (3, _) => Action::DropAfter,
                (4, _) => Action::error(503, "on purpose"),
                (5, true) => Action::error(409, "on purpose"),
                (6, true) if !request.body.is_empty() => {
                    half(&real, request);
                    Action::DropAfter
                }
                (7, _) => {
                    std::thread::sleep(SLOW);
                    relay.forward(request)
                }
                (8, _) => match relay.forward(request) {
                    Action::Answer { body, .. } if body.len() > 1 => Action::Truncate(body.clone(), body.len() / 2),
                    other => other,
                },
                _ => Action::error(500, "on purpose"),
            }
        });
        Self { fake: Fake::new().otherwise(act).start(), share }
    }

    fn fail(&self, share: u64) {
        self.share.store(share, Ordering::Relaxed);
    }
}

/// What goes wrong. What is refused for certain takes a publication back, and what comes and goes at once may stay with the cluster for
/// minutes: the external view keeps it, and its name is taken.
fn kinds() -> &'static [u64] {
    if is_full() { &[0, 1, 2, 3, 4, 5, 6, 7, 8] } else { &[0, 1, 3, 4, 7, 8] }
}

/// It changes something.
fn relay_of(method: &str) -> bool {
    method == "POST"
}

/// Half of a request comes to the real server, and no more.
fn half(real: &str, request: &Request) {
    let mut stream = TcpStream::connect(real.trim_start_matches("http://")).unwrap();
    let mut head = format!("{} {}?{} HTTP/1.1\r\n", request.method, request.path, request.query);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let _ = stream.write_all((head + "\r\n").as_bytes());
    let _ = stream.write_all(&request.body[..request.body.len() / 2]);
}

fn sink(faulty: &Faulty, random: &mut Random) -> String {
    format!(
        "  connection: {{controller: '{}', timeouts: {{request: 1s, transfer: 1s, publish: 8s}}, retries: {{attempts: {}, pause: 20ms, maxPause: 100ms}}}}\n  \
         publish: PUBLISH\n  push: {{foreign: replace, waitSeconds: 40, parallelism: {}}}\n",
        faulty.fake.url(),
        1 + random.below(3),
        1 + random.below(4),
    )
}

/// Rows as the broker has them; nothing where it cannot say.
fn in_table(cluster: &Cluster, table: &str, drawn: &Drawn) -> Option<Found> {
    let answer = cluster.query(&format!("SELECT id, key, n FROM {table} LIMIT 1000000"));
    if answer["exceptions"].as_array().is_some_and(|exceptions| !exceptions.is_empty()) {
        return None;
    }
    let mut found = Found::new();
    for row in answer["resultTable"]["rows"].as_array()? {
        let key = if drawn.key() == "key" { row[1].as_str()? } else { "" };
        *found.entry((row[0].as_i64()?, key.to_owned(), row[2].as_i64()?)).or_default() += 1;
    }
    Some(found)
}

/// With many failures a publication may be tried for minutes, until the controller forgets an upload that was cut off.
fn shares() -> &'static [u64] {
    if is_full() { &[0, 10, 40, 100] } else { &[0, 5, 10] }
}

fn lives(random: &mut Random) -> u64 {
    1 + random.below(if is_full() { 6 } else { 3 })
}

/// Rows that a REFRESH table has before.
const BEFORE: usize = 50;

/// Another job makes the table.
fn before(cluster: &Cluster, drawn: &Drawn, table: &str) {
    let job = format!(
        "name: before\nsource:\n  kind: generator\n  generator:\n    rows: {BEFORE}\n    columns: {{id: {{type: LONG, values: {{sequence: {{start: -1000}}}}}}}}\n\
         sink: {{kind: pinot, table: {table}, schema: schema.json, tableConfig: table.json, controller: '{}'}}\ncheckpoint: {{}}\n",
        cluster.controller
    );
    std::fs::write(drawn.path().join("before.yaml"), job).unwrap();
    ok(drawn.path(), &["run", "before.yaml"]);
    cluster.await_count(table, BEFORE as u64);
}

fn into_tables(cluster: &Cluster, seed: u64) {
    let faulty = Faulty::new(&cluster.controller, seed);
    let table = format!("random{seed}");
    let mut random = Random::of(seed + 1);
    let mut drawn = Drawn::new(seed, &table, &sink(&faulty, &mut random), 30_000);
    let refreshed = random.below(3) == 0;
    if refreshed {
        drawn = drawn.refreshing();
        before(cluster, &drawn, &table);
    }
    eprintln!("{drawn}");
    for _ in 0..lives(&mut random) {
        faulty.fail(random.one_of(shares()));
        drawn.live(4000);
        if let Some(mut found) = in_table(cluster, &table, &drawn) {
            let all = found.len();
            found.retain(|(id, ..), _| *id >= 0);
            // What was there before goes in the step in which everything comes.
            let before = all - found.len();
            assert!(before == 0 || before == BEFORE && found.is_empty(), "{before} old and {} new rows", found.len());
            assert!(!refreshed || all > 0, "nothing is there");
            drawn.is_never_doubled(&found);
        }
        drawn.change();
    }
    faulty.fail(0);
    drawn.complete();
    eventually("each row once", || drawn.is_exact(&in_table(cluster, &table, &drawn).ok_or("no answer")?));
    let left = lineage(cluster, &table).into_iter().find(|(_, entry)| entry["state"] == "IN_PROGRESS");
    assert!(left.is_none(), "{left:?}");
}

fn beside_streams(cluster: &Cluster, seed: u64) {
    let faulty = Faulty::new(&cluster.controller, seed);
    let table: &'static str = format!("streamed{seed}").leak();
    let mut stream = Stream::new(cluster, table);
    stream.produce((0..20).map(|key| (format!("k{key}"), 1_700_000_000_000 + key * 1000)));
    let mut random = Random::of(seed + 1);
    let mut drawn = Drawn::beside_stream(seed, table, &sink(&faulty, &mut random), 20_000);
    eprintln!("{drawn}");
    for life in 0..lives(&mut random) {
        faulty.fail(random.one_of(shares()));
        drawn.live(4000);
        stream.found();
        drawn.change();
        stream.produce(std::iter::once((format!("live{life}"), 1_700_000_000_000)));
    }
    faulty.fail(0);
    drawn.complete();
    for (id, key, n) in drawn.expected(false).into_keys() {
        stream.expect(key, 1_700_000_000_000 + id, format!("v{n}"));
    }
    stream.shows_what_is_expected();
}

#[test]
fn jobs_into_tables_bring_each_row_once() {
    let Some(cluster) = Cluster::shared() else { return };
    rounds(1, 30, |seed| into_tables(cluster, seed));
}

#[test]
fn jobs_beside_streams_bring_each_key_once() {
    let Some(cluster) = Cluster::shared() else { return };
    rounds(1, 15, |seed| beside_streams(cluster, seed));
}

#[test]
fn jobs_into_the_oldest_pinot_bring_each_row_once() {
    if !is_full() {
        return;
    }
    let Some(cluster) = oldest() else { return };
    rounds(0, 10, |seed| match seed % 3 {
        0 => beside_streams(cluster, seed),
        _ => into_tables(cluster, seed),
    });
}
