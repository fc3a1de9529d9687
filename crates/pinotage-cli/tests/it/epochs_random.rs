//! Jobs with epochs that are drawn at random, and the ends of their lives too: whatever comes together, each row is there once.
//!
//! `PINOTAGE_SEED` is the seed of the first round, `PINOTAGE_ROUNDS` how many there are; each says its own.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pinotage_testkit::is_full;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::epochs::{Random, SmallDisk};
use crate::{ok, pinotage};

/// Id, key and number.
pub(crate) type Row = (i64, String, i64);

/// Rows and how often they are there.
pub(crate) type Found = BTreeMap<Row, u64>;

/// Rows of files as those of a table with a stream.
const STREAMED: &str = "SELECT key AS k, concat('v', n) AS v, id + 1700000000000 AS t FROM source";

/// The number of rows that have none.
const NO_NUMBER: i64 = i32::MIN as i64;

/// Who is asked to stop takes no longer than this, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs rounds of so many, in the small size and in the large one.
pub(crate) fn rounds(small: u64, full: u64, round: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("PINOTAGE_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 1000);
    for seed in first..first + number("PINOTAGE_ROUNDS").unwrap_or(if is_full() { full } else { small }) {
        eprintln!("PINOTAGE_SEED={seed} PINOTAGE_ROUNDS=1");
        round(seed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Generator,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sql {
    None,
    Filter,
    Whole,
}

/// A job, and what it has to bring.
pub(crate) struct Drawn {
    pub(crate) random: Random,
    folder: TempDir,
    kind: Kind,
    sql: Sql,
    splits: u64,
    /// Rows of a file or, together, of a generator.
    rows: u64,
    /// Of so many rows one is bad; none when 0.
    bad: u64,
    /// Texts that mean no value: bad rows of CSV files are good then.
    corrected: bool,
    table: String,
    sink: String,
    further: String,
    pub(crate) disk: Option<SmallDisk>,
    /// Bad rows may be replayed beside the job.
    pub(crate) is_replayed: bool,
    /// The table is that of a stream.
    pub(crate) is_streamed: bool,
    pub(crate) segment_push: &'static str,
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, sql, splits, rows, bad, segment_push, .. } = self;
        write!(f, "{kind:?} {sql:?} {splits} splits of {rows} rows, bad {bad}, {segment_push}")
    }
}

impl Drawn {
    /// A job into the table of this name, which takes `sink` to come to.
    pub(crate) fn new(seed: u64, table: &str, sink: &str, size: u64) -> Self {
        let mut random = Random::of(seed);
        let kind = random.one_of(&[Kind::Generator, Kind::Csv, Kind::Csv, Kind::Json, Kind::Parquet]);
        let sql = random.one_of(&[Sql::None, Sql::None, Sql::Filter, Sql::Filter, Sql::Whole]);
        let bad = match (kind, sql) {
            (Kind::Generator, _) | (_, Sql::Whole) => 0,
            _ => random.one_of(&[0, 100, 37]),
        };
        let splits = 1 + random.below(4);
        let rows = size / 4 + random.below(size);
        let rows = if kind == Kind::Generator { rows } else { rows / splits };
        let folder = tempfile::tempdir().unwrap();
        let sink = sink.to_owned();
        let table = table.to_owned();
        let drawn = Self {
            random,
            folder,
            kind,
            sql,
            splits,
            rows,
            bad,
            corrected: false,
            table,
            sink,
            further: "quarantine: bad\n".into(),
            disk: None,
            is_replayed: bad > 0,
            is_streamed: false,
            segment_push: "APPEND",
        };
        fs::create_dir(drawn.path().join("in")).unwrap();
        (0..if kind == Kind::Generator { 0 } else { splits }).for_each(|file| drawn.write_file(file));
        drawn.write_table();
        drawn
    }

    /// Good rows of files, of which the stream's table keeps the latest of each key.
    pub(crate) fn beside_stream(seed: u64, table: &str, sink: &str, size: u64) -> Self {
        let from = (0..).map(|step| Self::new(seed + step * 1_000_003, table, sink, size));
        let mut drawn =
            { from }.find(|drawn| drawn.kind != Kind::Generator && drawn.sql != Sql::Whole && drawn.bad == 0).unwrap();
        drawn.is_streamed = true;
        drawn
    }

    /// A table that is wholly what its job makes.
    pub(crate) fn refreshing(mut self) -> Self {
        self.segment_push = "REFRESH";
        self.is_replayed = false;
        self.write_table();
        self
    }

    /// Generated keys are not computed here.
    pub(crate) fn key(&self) -> &'static str {
        if self.kind == Kind::Generator && self.sql != Sql::Whole { "''" } else { "key" }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write_table(&self) {
        let schema = format!(
            r#"{{"schemaName": "{}", "dimensionFieldSpecs": [{{"name": "id", "dataType": "LONG"}}, {{"name": "key", "dataType": "STRING"}}, {{"name": "n", "dataType": "INT"}}]}}"#,
            self.table
        );
        fs::write(self.path().join("schema.json"), schema).unwrap();
        let mut random = Random::of(self.rows);
        let partitions = random.one_of(&[0, 2, 5, 8]);
        let partitioned = match partitions {
            0 => String::new(),
            _ => format!(
                r#", "segmentPartitionConfig": {{"columnPartitionMap": {{"key": {{"functionName": "Murmur", "numPartitions": {partitions}}}}}}}"#
            ),
        };
        let table = format!(
            r#"{{"tableName": "{0}_OFFLINE", "tableType": "OFFLINE", "tenants": {{}}, "metadata": {{}},
            "segmentsConfig": {{"replication": "1", "segmentPushType": "{1}"}}, "tableIndexConfig": {{"loadMode": "MMAP"{partitioned}}}}}"#,
            self.table, self.segment_push
        );
        fs::write(self.path().join("table.json"), table).unwrap();
    }

    fn row(&self, id: u64) -> (Row, bool) {
        let key = format!("k{}", id * 7919 % 97);
        let bad = self.bad > 0 && id % self.bad == 7;
        ((id as i64, key, (id % 1000) as i64), bad)
    }

    fn write_file(&self, file: u64) {
        let mut text = if self.kind == Kind::Json { "" } else { "id,key,n\n" }.to_owned();
        for id in file * self.rows..(file + 1) * self.rows {
            let ((_, key, n), bad) = self.row(id);
            match (self.kind, bad) {
                (Kind::Csv, true) => writeln!(text, "{id},{key},none").unwrap(),
                (Kind::Json, true) if id % 2 == 0 => writeln!(text, "{{\"id\": {id}, \"key\": ").unwrap(),
                (Kind::Json, _) => {
                    let n = if bad { "\"none\"".to_owned() } else { n.to_string() };
                    writeln!(text, "{{\"id\": {id}, \"key\": \"{key}\", \"n\": {n}}}").unwrap();
                }
                (_, true) => writeln!(text, "{id},{key},5000000000").unwrap(),
                _ => writeln!(text, "{id},{key},{n}").unwrap(),
            }
        }
        let end = if self.kind == Kind::Json { "json" } else { "csv" };
        match self.kind {
            Kind::Parquet => {
                fs::write(self.path().join("one.csv"), text).unwrap();
                let sql = "SELECT id, key, arrow_cast(n, 'Int64') AS n FROM one";
                let to = format!("in/{file}.parquet");
                ok(self.path(), &["sql", sql, "--table", "one=one.csv", "--to", &to]);
            }
            _ => fs::write(self.path().join(format!("in/{file}.{end}")), text).unwrap(),
        }
    }

    /// All rows that have to come; those of an uncorrected job without bad ones.
    pub(crate) fn expected(&self, corrected: bool) -> Found {
        let all = self.rows * if self.kind == Kind::Generator { 1 } else { self.splits };
        let mut found = Found::new();
        let mut groups: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for id in 0..all {
            let ((id, key, n), bad) = self.row(id);
            if bad && !corrected || self.sql == Sql::Filter && id % 3 == 1 {
                continue;
            }
            if self.sql == Sql::Whole {
                let group = groups.entry(key).or_default();
                *group = (group.0 + id, group.1.max(n));
                continue;
            }
            let n = if bad { NO_NUMBER } else { n };
            found.insert((id, if self.kind == Kind::Generator { String::new() } else { key }, n), 1);
        }
        found.extend(groups.into_iter().map(|(key, (id, n))| ((id, key, n), 1)));
        found
    }

    /// Rows that are there already are some of those that have to come, and none twice.
    pub(crate) fn is_never_doubled(&self, found: &Found) {
        let all = self.expected(self.corrected);
        let fewer = self.expected(false);
        let wrong =
            found.iter().find(|(row, count)| **count > 1 || !all.contains_key(*row) && !fewer.contains_key(*row));
        assert!(wrong.is_none(), "{wrong:?} of {} rows", found.len());
    }

    /// Every row is there, once.
    pub(crate) fn is_exact(&self, found: &Found) -> Result<(), String> {
        let expected = self.expected(self.corrected);
        if *found == expected {
            return Ok(());
        }
        let missing: Vec<&Row> = expected.keys().filter(|row| !found.contains_key(*row)).collect();
        let more: Vec<_> = found.iter().filter(|(row, count)| expected.get(*row) != Some(*count)).take(3).collect();
        Err(format!(
            "{} of {} rows; {} are missing, first {:?}; not expected {more:?}",
            found.len(),
            expected.len(),
            missing.len(),
            missing.first()
        ))
    }

    /// The job of the next life: what may change does.
    pub(crate) fn write_job(&mut self) {
        let Self { random, kind, sql, splits, rows, table, sink, further, .. } = self;
        let documents = match self.is_streamed {
            true => "tableType: REALTIME",
            false => "schema: schema.json\n  tableConfig: table.json",
        };
        let source = match kind {
            Kind::Generator => format!(
                "kind: generator\n  generator:\n    rows: {rows}\n    splits: {splits}\n    rowsPerSecond: {}\n    columns:\n      \
                 id: {{type: LONG, values: {{sequence: {{}}}}}}\n      key: {{type: STRING, values: {{key: {{distinct: 97, prefix: k}}}}}}\n      \
                 n: {{type: INT, values: {{sequence: {{}}}}}}\n",
                10_000 + random.below(300_000)
            ),
            Kind::Csv if self.corrected => "kind: files\n  paths: [in]\n  csv: {nullValues: ['', none]}\n".to_owned(),
            _ => "kind: files\n  paths: [in]\n".to_owned(),
        };
        // Numbers of generated rows are as those of files.
        let n = if *kind == Kind::Generator { "n % 1000 AS n" } else { "n" };
        let transform = match (&sql, &kind) {
            (Sql::None, Kind::Generator) => format!("transform: {{sql: 'SELECT id, {n} FROM source'}}\n"),
            (Sql::None, _) => String::new(),
            (Sql::Filter, Kind::Generator) => {
                format!("transform: {{sql: 'SELECT id, {n} FROM source WHERE id % 3 <> 1'}}\n")
            }
            (Sql::Filter, _) => "transform: {sql: 'SELECT * FROM source WHERE id % 3 <> 1'}\n".to_owned(),
            (Sql::Whole, Kind::Generator) => format!(
                "transform: {{sql: \"SELECT CAST(sum(id) AS BIGINT) AS id, concat('k', id * 7919 % 97) AS key, max({}) AS n FROM source GROUP BY 2\"}}\n",
                "n % 1000"
            ),
            (Sql::Whole, _) => {
                "transform: {sql: 'SELECT CAST(sum(id) AS BIGINT) AS id, key, max(n) AS n FROM source GROUP BY key'}\n"
                    .to_owned()
            }
        };
        let transform = match (self.is_streamed, &sql) {
            (false, _) => transform,
            (true, Sql::Filter) => format!("transform: {{sql: \"{STREAMED} WHERE id % 3 <> 1\"}}\n"),
            _ => format!("transform: {{sql: \"{STREAMED}\"}}\n"),
        };
        let mut segment = format!("maxRows: {}", (*rows / (1 + random.below(40))).max(2));
        write!(segment, ", maxBytes: {}MiB, queue: {}", random.one_of(&[1, 4, 16, 32]), 1 + random.below(3)).unwrap();
        if random.below(3) == 0 {
            write!(segment, ", maxAge: {}ms", random.one_of(&[1, 30, 200])).unwrap();
        }
        let job = format!(
            "name: j\nsource:\n  {source}{transform}sink:\n  kind: pinot\n  table: {table}\n  {documents}\n  segment: {{{segment}}}\n{sink}\
             checkpoint: {{interval: {}ms, restarts: {}, restartDelay: 50ms}}\nlimits: {{memory: {}MiB, errors: 10%}}\n{further}",
            random.one_of(&[10, 20, 50, 200]),
            random.below(4),
            random.one_of(&[if *sql == Sql::Whole { 256 } else { 48 }, 128, 512]),
        );
        let job = job.replace(
            "PUBLISH",
            &format!("{{interval: {}ms, waiting: {}}}", random.one_of(&[1, 200, 1000]), random.one_of(&[1, 5, 1000])),
        );
        fs::write(self.path().join("job.yaml"), job).unwrap();
    }

    /// A life ends by SIGKILL, SIGTERM, a full disk or by itself, and what it had begun stays as it is.
    pub(crate) fn live(&mut self, until: u64) {
        self.write_job();
        let threads = (1 + self.random.below(5)).to_string();
        let after = Duration::from_millis(self.random.below(until));
        let end = self.random.below(10);
        eprintln!("  {threads} threads, end {end} after {after:?}");
        if self.random.below(4) == 0 {
            ok(self.path(), &["staging", "gc", "job.yaml", "--delete"]);
        }
        if let Some(disk) = self.disk.as_ref().filter(|_| end >= 7) {
            disk.leave(self.random.below(500_000));
            self.ends(self.start(&["run", "job.yaml", "--threads", &threads]));
            disk.leave(1 << 30);
            return;
        }
        let mut child = self.start(&["run", "job.yaml", "--threads", &threads]);
        let replay = self.is_replayed && self.random.below(3) == 0;
        let beside = replay.then(|| self.start(&["quarantine", "replay", "job.yaml"]));
        std::thread::sleep(after);
        if end < 2 {
            assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        } else if end < 8 {
            child.kill().unwrap();
        }
        self.ends(child);
        if let Some(mut replay) = beside {
            replay.kill().unwrap();
            replay.wait().unwrap();
        }
    }

    /// What it says is in `log`.
    fn start(&self, args: &[&str]) -> Child {
        let log = fs::File::options().append(true).create(true).open(self.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinotage"));
        command.args(args).current_dir(self.path()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    /// A job may go on trying for long; then it is asked to stop, and who is asked stops.
    fn ends(&self, mut child: Child) {
        for asks in 0..2 {
            let end = Instant::now() + PATIENCE;
            while Instant::now() < end {
                if child.try_wait().unwrap().is_some() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            eprintln!("  it goes on: {}", fs::read_to_string(self.path().join("log")).unwrap());
            if asks == 0 {
                assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
            }
        }
        let _ = child.kill();
        panic!("the job does not end");
    }

    /// New files come, and bad rows become good ones.
    pub(crate) fn change(&mut self) {
        if self.kind == Kind::Csv && self.is_replayed && self.random.below(3) == 0 {
            self.corrected = true;
        }
        if self.kind != Kind::Generator && self.sql != Sql::Whole && self.random.below(4) == 0 {
            self.write_file(self.splits);
            self.splits += 1;
        }
    }

    /// Brings the job to its end, and its bad rows where they are good by now.
    pub(crate) fn complete(&mut self) {
        self.write_job();
        let text = self.at_last(&["run", "job.yaml"]);
        assert!(text.contains("complete"), "{text}");
        if self.corrected {
            self.at_last(&["quarantine", "replay", "job.yaml"]);
        }
        let text = ok(self.path(), &["run", "job.yaml"]);
        assert!(text.contains("published 0 segments"), "{text}");
        self.is_accounted_for();
    }

    /// What the controller is still doing of earlier lives may be in the way for a while.
    fn at_last(&self, args: &[&str]) -> String {
        for _ in 0..5 {
            let output = pinotage(self.path(), args);
            if output.status.code() != Some(75) {
                break;
            }
            eprintln!("  again: {}", String::from_utf8_lossy(&output.stderr));
        }
        ok(self.path(), args)
    }

    /// Each row that was read was written, filtered or quarantined, and the quarantine has each of those once.
    fn is_accounted_for(&self) {
        let status: Json = serde_json::from_str(&ok(self.path(), &["runs", "job.yaml", "--output", "json"])).unwrap();
        let count = |name: &str| status["epochs"]["counts"][name].as_u64().unwrap();
        let all = self.rows * if self.kind == Kind::Generator { 1 } else { self.splits };
        assert_eq!(count("read"), all, "{status}");
        if self.sql != Sql::Whole {
            assert_eq!(count("written") + count("filtered") + count("quarantined"), all, "{status}");
        }
        let files: Json =
            serde_json::from_str(&ok(self.path(), &["quarantine", "list", "job.yaml", "--output", "json"])).unwrap();
        let own = |file: &&Json| file["job"] == "j";
        let listed: u64 = files.as_array().unwrap().iter().filter(own).map(|file| file["rows"].as_u64().unwrap()).sum();
        assert_eq!(listed, count("quarantined"), "{files}");
        ok(self.path(), &["staging", "gc", "job.yaml", "--delete"]);
        let gc: Json =
            serde_json::from_str(&ok(self.path(), &["staging", "gc", "job.yaml", "--output", "json"])).unwrap();
        assert!(!gc.to_string().contains("\"path\""), "{gc}");
    }
}

/// Rows as a table of text.
fn parse(text: &str) -> Found {
    let mut found = Found::new();
    for line in text.lines().skip(1) {
        let mut parts = line.split(',');
        let mut next = || parts.next().unwrap();
        let (id, key, n) = (next().parse().unwrap(), next().to_owned(), next().parse().unwrap_or(NO_NUMBER));
        *found.entry((id, key, n)).or_default() += 1;
    }
    found
}

fn in_folder(drawn: &Drawn) -> Found {
    let is_segment = |entry: fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    if !fs::read_dir(drawn.path().join("out")).into_iter().flatten().flatten().any(is_segment) {
        return Found::new();
    }
    let sql = format!("SELECT id, {} AS key, n FROM t", drawn.key());
    parse(&ok(drawn.path(), &["sql", &sql, "--table", "t=out", "--output", "csv"]))
}

#[test]
fn jobs_into_folders_bring_each_row_once() {
    rounds(4, 300, |seed| {
        let archive = if seed % 2 == 0 { "  archive: tarGz\n" } else { "" };
        let mut drawn = Drawn::new(seed, "t", &format!("  output: out\n{archive}"), 60_000);
        drawn.disk = SmallDisk::mount(&drawn.path().join("small"), 1 << 30).filter(|_| seed % 3 != 0);
        let at = |what: &str| if drawn.disk.is_some() { format!("small/{what}") } else { what.to_owned() };
        drawn.further = format!("staging: {}\nquarantine: {}\nstate: {}\n", at("staging"), at("bad"), at("state"));
        eprintln!("{drawn}");
        for _ in 0..1 + drawn.random.below(if is_full() { 9 } else { 4 }) {
            drawn.live(1200);
            drawn.is_never_doubled(&in_folder(&drawn));
            drawn.change();
        }
        drawn.complete();
        drawn.is_exact(&in_folder(&drawn)).unwrap();
    });
}
