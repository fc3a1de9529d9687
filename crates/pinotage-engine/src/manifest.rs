//! The manifest: which input was built from which bytes into which segments. SQLite, in the job's state.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_segment::write::BuiltSegment;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::identity::InputRecord;
use crate::lock::Lock;

mod status;

pub use status::{InputsStatus, PendingStatus};

/// The manifest's name in the state folder.
const FILE: &str = "manifest.sqlite";

/// The rows of a unit: read + made = written + merged + filtered + quarantined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records in the files.
    pub read: u64,
    /// Rows that SQL over many rows put out, and those that unnesting made beside the ones that were read.
    pub made: u64,
    /// Rows in segments.
    pub written: u64,
    /// Rows that are part of another one, in a table that aggregates.
    #[serde(default)]
    pub merged: u64,
    /// Rows that the SQL's WHERE left out, or that SQL over many rows took in.
    pub filtered: u64,
    /// Bad rows.
    pub quarantined: u64,
}

impl Counts {
    /// Adds the rows of another part.
    pub(crate) fn add(&mut self, other: Self) {
        self.read += other.read;
        self.made += other.made;
        self.written += other.written;
        self.merged += other.merged;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
    }

    /// Whether every row is accounted for.
    pub fn are_complete(&self) -> bool {
        self.read + self.made == self.written + self.merged + self.filtered + self.quarantined
    }
}

/// A segment that was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Its name.
    pub name: String,
    /// The name of its folder or archive in the output.
    pub file: String,
    /// Its checksum.
    pub crc: u64,
    /// Its rows.
    pub num_docs: u64,
    /// Its latest time in milliseconds since the epoch, if its table has a time column.
    pub end_millis: Option<i64>,
    /// The tables of the clusters that have it, as [`crate::Cluster::key`].
    pub pushed: Option<String>,
}

impl SegmentRecord {
    /// A segment that was just written to a file.
    pub(crate) fn of(built: &BuiltSegment, file: &Path) -> Self {
        let time = built.metadata().time.as_ref();
        Self {
            name: built.name().to_owned(),
            file: file.to_string_lossy().into_owned(),
            crc: built.crc(),
            num_docs: built.num_docs().into(),
            end_millis: time.and_then(|time| time.range.map(|(_, end)| time.unit.to_millis(end))),
            pushed: None,
        }
    }
}

/// Segments on their way into a table, recorded before the first one is pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The names of the segments that come.
    pub(crate) to: Vec<String>,
    /// The names and CRCs of those that go.
    pub(crate) from: BTreeMap<String, u64>,
}

impl Pending {
    fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::unexpected("the state has a publication that makes no sense").caused_by(error))
    }
}

/// Each line brings the state of the version before it up to date; `user_version` counts the lines that it has seen.
const MIGRATIONS: [&str; 5] = [
    "CREATE TABLE IF NOT EXISTS input (uri TEXT PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, size INTEGER, mtime INTEGER,
         hash TEXT, fingerprint TEXT, read INTEGER, written INTEGER, filtered INTEGER, quarantined INTEGER);
     CREATE TABLE IF NOT EXISTS segment (name TEXT PRIMARY KEY, uri TEXT NOT NULL, file TEXT NOT NULL, crc INTEGER NOT NULL, docs INTEGER NOT NULL);",
    "ALTER TABLE input ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE run (id TEXT NOT NULL, epoch INTEGER NOT NULL);
     INSERT INTO run VALUES (lower(hex(randomblob(8))), 0);",
    "ALTER TABLE segment ADD COLUMN pushed TEXT;
     ALTER TABLE segment ADD COLUMN end_millis INTEGER;
     CREATE TABLE retired (target TEXT NOT NULL, name TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (target, name));
     CREATE TABLE pending (target TEXT PRIMARY KEY, publication TEXT NOT NULL);",
    "CREATE TABLE member (uri TEXT PRIMARY KEY, unit TEXT NOT NULL);",
    "ALTER TABLE input ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;",
];

/// A segment that went and one that came are the same.
const KEEP_SAME: &str = "
    UPDATE segment SET pushed = (SELECT target FROM retired WHERE retired.name = segment.name AND retired.crc = segment.crc)
        WHERE pushed IS NULL AND EXISTS (SELECT 1 FROM retired WHERE retired.name = segment.name AND retired.crc = segment.crc);
    DELETE FROM retired WHERE EXISTS (SELECT 1 FROM segment
        WHERE segment.name = retired.name AND segment.crc = retired.crc AND segment.pushed = retired.target);";

/// Gives an input its number, unless it has one.
const ADD_INPUT: &str = "INSERT INTO input (uri, sequence) VALUES (?1, (SELECT coalesce(max(sequence) + 1, 0) FROM input)) ON CONFLICT DO NOTHING";

const FORGET_INPUT: &str = "UPDATE input SET fingerprint = '' WHERE uri = ?1";

/// The steps that a state has not seen yet, behind the number of those that it has.
fn unseen(connection: &Connection) -> Result<(i64, &'static [&'static str])> {
    let seen: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let unseen = usize::try_from(seen).ok().and_then(|seen| MIGRATIONS.get(seen..));
    unseen.map(|unseen| (seen, unseen)).ok_or_else(|| {
        Error::unsupported("the job's state was written by a newer version")
            .action("use that version, or give the job another `state` and let it build everything again")
    })
}

fn migrate(connection: &Connection) -> Result<()> {
    let (seen, unseen) = unseen(connection)?;
    for (at, step) in unseen.iter().enumerate() {
        let version = seen + at as i64 + 1;
        connection.execute_batch(&format!("BEGIN; {step} PRAGMA user_version = {version}; COMMIT;")).map_err(failed)?;
    }
    Ok(())
}

/// The open manifest; holding it keeps other runs of the job out.
pub(crate) struct Manifest {
    connection: Connection,
    _lock: Lock,
}

impl Manifest {
    /// Whether the job has a state yet.
    pub(crate) fn exists(state: &Path) -> bool {
        state.join(FILE).exists()
    }

    /// Opens or creates the manifest in a job's state folder.
    pub(crate) fn open(state: &Path) -> Result<Self> {
        fs::create_dir_all(state).map_err(|error| Error::io(error, "cannot create the job's state", state))?;
        let advice = "wait until it has ended, or give this job another `name` or `state`";
        let lock = Lock::take(&state.join("lock"), "another run of this job is going on", advice)
            .map_err(|error| error.with("state", state.display()))?;
        let connection = Connection::open(state.join(FILE)).map_err(failed)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(failed)?;
        migrate(&connection)?;
        Ok(Self { connection, _lock: lock })
    }

    /// Begins a run that has something to do: the run id of the state, and the run's number in it.
    pub(crate) fn begin(&mut self) -> Result<(String, u64)> {
        self.connection
            .query_row("UPDATE run SET epoch = epoch + 1 RETURNING id, epoch", [], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
            })
            .map_err(failed)
    }

    /// The run id of the state, and the number of the last run that had something to do.
    pub(crate) fn run(&self) -> Result<(String, u64)> {
        self.connection
            .query_row("SELECT id, epoch FROM run", [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))
            .map_err(failed)
    }

    /// The segments that have to go from a table, by name, with their CRCs.
    pub(crate) fn retired(&self, target: &str) -> Result<BTreeMap<String, u64>> {
        let mut statement =
            self.connection.prepare("SELECT name, crc FROM retired WHERE target = ?1").map_err(failed)?;
        let rows = statement.query_map([target], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// The publication that was begun and of which nobody knows yet how it ended.
    pub(crate) fn pending(&self, target: &str) -> Result<Option<Pending>> {
        let found: Option<String> = self
            .connection
            .query_row("SELECT publication FROM pending WHERE target = ?1", [target], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        found.map(|text| Pending::parse(&text)).transpose()
    }

    /// Records that a publication is about to begin.
    pub(crate) fn publish(&self, target: &str, publication: &Pending) -> Result<()> {
        let text = serde_json::to_string(publication)
            .map_err(|error| Error::unexpected("a publication cannot be written down").caused_by(error))?;
        self.connection.execute("INSERT OR REPLACE INTO pending VALUES (?1, ?2)", [target, &text]).map_err(failed)?;
        Ok(())
    }

    /// Records that a publication has ended well.
    pub(crate) fn published(&mut self, target: &str, publication: &Pending) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        for name in &publication.to {
            transaction.execute("UPDATE segment SET pushed = ?1 WHERE name = ?2", [target, name]).map_err(failed)?;
        }
        for (name, crc) in &publication.from {
            transaction
                .execute(
                    "DELETE FROM retired WHERE target = ?1 AND name = ?2 AND crc = ?3",
                    params![target, name, *crc as i64],
                )
                .map_err(failed)?;
        }
        transaction.execute("DELETE FROM pending WHERE target = ?1", [target]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Forgets a publication whose segments are not there any more.
    pub(crate) fn give_up(&self, target: &str) -> Result<()> {
        self.connection.execute("DELETE FROM pending WHERE target = ?1", [target]).map_err(failed)?;
        Ok(())
    }

    /// The number of an input, given at first sight and kept for ever, so that names do not depend on other inputs.
    pub(crate) fn sequence(&self, uri: &str) -> Result<u64> {
        self.connection.execute(ADD_INPUT, [uri]).map_err(failed)?;
        self.connection
            .query_row("SELECT sequence FROM input WHERE uri = ?1", [uri], |row| row.get::<_, i64>(0))
            .map(|sequence| sequence as u64)
            .map_err(failed)
    }

    /// What an input was when it was built, if it was.
    pub(crate) fn input(&self, uri: &str) -> Result<Option<InputRecord>> {
        self.connection
            .query_row(
                "SELECT size, mtime, hash, fingerprint, read, made, written, filtered, quarantined, merged FROM input WHERE uri = ?1 AND hash IS NOT NULL",
                [uri],
                |row| {
                    let count = |at| row.get::<_, i64>(at).map(|count| count as u64);
                    Ok(InputRecord {
                        size: count(0)?,
                        mtime_nanos: row.get(1)?,
                        hash: row.get(2)?,
                        fingerprint: row.get(3)?,
                        counts: Counts { read: count(4)?, made: count(5)?, written: count(6)?, filtered: count(7)?, quarantined: count(8)?, merged: count(9)? },
                    })
                },
            )
            .optional()
            .map_err(failed)
    }

    /// The units that inputs were built in together with others, by input.
    pub(crate) fn members(&self) -> Result<BTreeMap<String, String>> {
        let mut statement = self.connection.prepare("SELECT uri, unit FROM member").map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// The input that a segment belongs to.
    pub(crate) fn owner(&self, segment: &str) -> Result<Option<String>> {
        self.connection
            .query_row("SELECT uri FROM segment WHERE name = ?1", [segment], |row| row.get(0))
            .optional()
            .map_err(failed)
    }

    /// The segments of every input.
    pub(crate) fn segments(&self) -> Result<BTreeMap<String, Vec<SegmentRecord>>> {
        let mut statement = self
            .connection
            .prepare("SELECT uri, name, file, crc, docs, pushed, end_millis FROM segment ORDER BY uri, name")
            .map_err(failed)?;
        let rows = statement
            .query_map([], |row| {
                let segment = SegmentRecord {
                    name: row.get(1)?,
                    file: row.get(2)?,
                    crc: row.get::<_, i64>(3)? as u64,
                    num_docs: row.get::<_, i64>(4)? as u64,
                    pushed: row.get(5)?,
                    end_millis: row.get(6)?,
                };
                Ok((row.get::<_, String>(0)?, segment))
            })
            .map_err(failed)?;
        let mut segments: BTreeMap<String, Vec<SegmentRecord>> = BTreeMap::new();
        for row in rows {
            let (uri, segment) = row.map_err(failed)?;
            segments.entry(uri).or_default().push(segment);
        }
        Ok(segments)
    }

    /// Records a unit as built, with its segments, in one transaction. Behind the unit itself come its inputs, when it has several.
    pub(crate) fn commit(
        &mut self,
        records: &[(String, InputRecord)],
        counts: Counts,
        segments: &[SegmentRecord],
    ) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        for (at, (uri, input)) in records.iter().enumerate() {
            transaction.execute(ADD_INPUT, [uri]).map_err(failed)?;
            let counts = if at == 0 { counts } else { Counts::default() };
            transaction
                .execute(
                    "UPDATE input SET size = ?2, mtime = ?3, hash = ?4, fingerprint = ?5, read = ?6, made = ?7, written = ?8, filtered = ?9,
                         quarantined = ?10, merged = ?11 WHERE uri = ?1",
                    params![
                        uri, input.size as i64, input.mtime_nanos, input.hash, input.fingerprint, counts.read as i64, counts.made as i64,
                        counts.written as i64, counts.filtered as i64, counts.quarantined as i64, counts.merged as i64
                    ],
                )
                .map_err(failed)?;
        }
        if let Some(((unit, _), inputs)) = records.split_first() {
            retire(&transaction, unit)?;
            // An input that is a unit of its own is no part of another one.
            transaction.execute("DELETE FROM member WHERE ?1 IN (unit, uri)", [unit]).map_err(failed)?;
            for (input, _) in inputs {
                transaction.execute("INSERT OR REPLACE INTO member VALUES (?1, ?2)", [input, unit]).map_err(failed)?;
            }
            for segment in segments {
                transaction
                    .execute(
                        "INSERT INTO segment (name, uri, file, crc, docs, end_millis) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        params![
                            segment.name,
                            unit,
                            segment.file,
                            segment.crc as i64,
                            segment.num_docs as i64,
                            segment.end_millis
                        ],
                    )
                    .map_err(failed)?;
            }
            // The same segment once more: the cluster has it already.
            transaction.execute_batch(KEEP_SAME).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Forgets the segments of a unit, and that it was built. Its number stays its own.
    pub(crate) fn forget(&mut self, uri: &str) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        retire(&transaction, uri)?;
        transaction.execute("DELETE FROM member WHERE unit = ?1", [uri]).map_err(failed)?;
        transaction.execute(FORGET_INPUT, [uri]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    /// Forgets a unit whose segments stay wherever they are.
    pub(crate) fn abandon(&mut self, uri: &str) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        transaction.execute("DELETE FROM segment WHERE uri = ?1", [uri]).map_err(failed)?;
        transaction.execute(FORGET_INPUT, [uri]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }
}

/// Forgets the segments of a unit, except that those in a cluster have to go from there.
fn retire(transaction: &Transaction<'_>, unit: &str) -> Result<()> {
    transaction
        .execute(
            "INSERT OR REPLACE INTO retired SELECT pushed, name, crc FROM segment WHERE uri = ?1 AND pushed IS NOT NULL",
            [unit],
        )
        .map_err(failed)?;
    transaction.execute("DELETE FROM segment WHERE uri = ?1", [unit]).map_err(failed)?;
    Ok(())
}

fn failed(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the job's state cannot be read or written")
        .caused_by(error)
        .action("check that the state's folder is writable and its disk is not full")
}
