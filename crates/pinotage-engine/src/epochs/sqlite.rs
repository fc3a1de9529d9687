//! Documents in a file of SQLite, for one process at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pinotage_common::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags, params};

use super::state::Documents;
use crate::lock::Lock;

const FILE: &str = "epochs.sqlite";

/// How long somebody who only reads waits for who recovers what a killed process left.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// The process that has the lease may write; taking it makes the token of whoever had it before worthless.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS document (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS lease (token INTEGER NOT NULL);
    INSERT INTO lease SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM lease);";

/// An open file; the operating system frees it when the process ends, however that dies.
pub(crate) struct SqliteDocuments {
    connection: Connection,
    token: i64,
    _lock: Lock,
}

impl SqliteDocuments {
    /// Whether there is a state.
    pub(crate) fn exists(state: &Path) -> bool {
        state.join(FILE).exists()
    }

    /// All documents of a state as they are now, whoever has it; none when there is none.
    pub(crate) fn look(state: &Path) -> Result<BTreeMap<String, String>> {
        if !Self::exists(state) {
            return Ok(BTreeMap::new());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(state.join(FILE), flags).map_err(failed)?;
        connection.busy_timeout(LOOK_TIMEOUT).map_err(failed)?;
        let is_made = "SELECT count(*) FROM sqlite_master WHERE name = 'document'";
        match connection.query_row(is_made, [], |row| row.get::<_, i64>(0)).map_err(failed)? {
            0 => Ok(BTreeMap::new()),
            _ => read(&connection, ""),
        }
    }

    /// Takes the lease of a state, which is made when it is not there yet.
    pub(crate) fn open(state: &Path) -> Result<Self> {
        fs::create_dir_all(state).map_err(|error| Error::io(error, "cannot create the job's state", state))?;
        let advice = "wait until it has ended, or give this job another `name` or `state`";
        let lock = Lock::take(&state.join("lock"), "another run of this job is going on", advice)
            .map_err(|error| error.with("state", state.display()))?;
        let connection = Connection::open(state.join(FILE)).map_err(failed)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(failed)?;
        connection.execute_batch(TABLES).map_err(failed)?;
        let token = connection
            .query_row("UPDATE lease SET token = token + 1 RETURNING token", [], |row| row.get(0))
            .map_err(failed)?;
        Ok(Self { connection, token, _lock: lock })
    }
}

impl Documents for SqliteDocuments {
    fn read(&mut self, prefix: &str) -> Result<BTreeMap<String, String>> {
        read(&self.connection, prefix)
    }

    fn write(&mut self, changes: &[(String, Option<String>)]) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        let token: i64 = transaction.query_row("SELECT token FROM lease", [], |row| row.get(0)).map_err(failed)?;
        if token != self.token {
            return Err(taken_over());
        }
        for (key, text) in changes {
            match text {
                Some(text) => {
                    transaction.execute("INSERT OR REPLACE INTO document VALUES (?1, ?2)", params![key, text])
                }
                None => transaction.execute("DELETE FROM document WHERE key = ?1", [key]),
            }
            .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }
}

fn read(connection: &Connection, prefix: &str) -> Result<BTreeMap<String, String>> {
    let mut statement = connection
        .prepare_cached("SELECT key, text FROM document WHERE substr(key, 1, length(?1)) = ?1")
        .map_err(failed)?;
    let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).map_err(failed)
}

/// The error of a process that thinks that it still has the lease.
pub(super) fn taken_over() -> Error {
    Error::new(ErrorKind::CommitConflict, "another run of this job has taken over; this one writes no more")
        .retry_as(pinotage_common::Retry::Permanent)
        .action("let the other run go on; give this job another `name` or `state` if both are meant to run")
}

fn failed(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the job's state cannot be read or written")
        .caused_by(error)
        .action("check that the state's folder is writable and its disk is not full")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), text.map(str::to_owned))).collect()
    }

    #[test]
    fn who_has_lost_the_lease_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = SqliteDocuments::open(folder.path()).unwrap();
        first.write(&changes(&[("a/1", Some("x")), ("a/2", Some("y")), ("b", Some("z"))])).unwrap();
        assert!(SqliteDocuments::open(folder.path()).is_err(), "two processes at a time");
        // As a file system does that forgets locks.
        first.connection.execute("UPDATE lease SET token = token + 1", []).unwrap();
        let error = first.write(&changes(&[("a/1", None), ("c", Some("w"))])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommitConflict);
        drop(first);
        let mut second = SqliteDocuments::open(folder.path()).unwrap();
        assert_eq!(second.read("a/").unwrap().into_values().collect::<Vec<_>>(), ["x", "y"]);
        second.write(&changes(&[("a/1", None), ("b", Some("v"))])).unwrap();
        assert_eq!(second.read("").unwrap().into_values().collect::<Vec<_>>(), ["y", "v"]);
    }
}
