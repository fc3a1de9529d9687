//! Numbered rows in a table of a cluster.

use std::path::PathBuf;

use pinotage_testkit::cluster::{Cluster, eventually};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::lines::Line;

/// A table, and the folders of the jobs that write to it.
pub(super) struct Table {
    pub(super) cluster: &'static Cluster,
    pub(super) name: String,
    folder: TempDir,
}

impl Table {
    /// An OFFLINE table of its own; none without a cluster.
    pub(super) fn create(name: &str, line: Line) -> Option<Self> {
        Self::create_with(name, line, |_| {})
    }

    /// The same with another table config.
    pub(super) fn create_with(name: &str, line: Line, change: impl FnOnce(&mut Json)) -> Option<Self> {
        let table = Self::unmade(name, line)?;
        let mut config = table.config();
        change(&mut config);
        table.cluster.create_table(&table.schema(), &config);
        Some(table)
    }

    /// The name of a table that does not exist.
    pub(super) fn unmade(name: &str, line: Line) -> Option<Self> {
        line.class_path()?;
        Some(Self::unmade_in(Cluster::shared()?, name, line))
    }

    /// The same in a cluster of its own.
    pub(super) fn create_in(cluster: &'static Cluster, name: &str, line: Line) -> Self {
        let table = Self::unmade_in(cluster, name, line);
        table.cluster.create_table(&table.schema(), &table.config());
        table
    }

    fn unmade_in(cluster: &'static Cluster, name: &str, line: Line) -> Self {
        let name = format!("{name}_{line:?}").to_lowercase();
        Self { cluster, name, folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn schema(&self) -> Json {
        json!({"schemaName": self.name,
            "dimensionFieldSpecs": [
                {"name": "id", "dataType": "LONG"},
                {"name": "key", "dataType": "STRING"},
                {"name": "tags", "dataType": "STRING", "singleValueField": false}],
            "metricFieldSpecs": [{"name": "price", "dataType": "DOUBLE"}],
            "dateTimeFieldSpecs": [
                {"name": "at", "dataType": "TIMESTAMP", "format": "1:MILLISECONDS:TIMESTAMP", "granularity": "1:MILLISECONDS"}]})
    }

    pub(super) fn config(&self) -> Json {
        json!({"tableName": format!("{}_OFFLINE", self.name), "tableType": "OFFLINE", "tenants": {}, "metadata": {},
            "segmentsConfig": {"replication": "1", "segmentPushType": "APPEND", "timeColumnName": "at"},
            "tableIndexConfig": {"loadMode": "MMAP"}})
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The options of a job of so many rows; further ones take the place of these.
    pub(super) fn options(&self, rows: u64, further: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let text = |name: &str| self.folder(name).display().to_string();
        let mut options = vec![
            ("controller", self.cluster.controller.clone()),
            ("table", self.name.clone()),
            ("staging", text("staging")),
            ("checkpoints", format!("file://{}", text("checkpoints"))),
            ("savepoints", format!("file://{}", text("savepoints"))),
            ("rows", rows.to_string()),
            ("checkpointMillis", "500".to_owned()),
        ];
        options.retain(|(name, _)| further.iter().all(|(other, _)| other != name));
        options.extend(further.iter().map(|(name, value)| (*name, (*value).to_owned())));
        options
    }

    /// Each row is there so often: its job has ended, and brokers hear of it soon.
    pub(super) fn is_there_times(&self, rows: u64, times: u64) {
        let sum = (rows * (rows - 1) / 2 * times) as f64;
        self.has((rows * times, rows, sum, sum * 0.25));
    }

    fn has(&self, wanted: (u64, u64, f64, f64)) {
        eventually(&format!("{wanted:?} in {}", self.name), || {
            let found = self.found();
            if found == Some(wanted) { Ok(()) } else { Err(format!("{found:?}, {}", self.gaps())) }
        });
    }

    /// Which thousands of ids are not whole, and the segments that are there.
    fn gaps(&self) -> String {
        let counts = format!(
            "SELECT FLOOR(id / 1000), COUNT(*) FROM {} GROUP BY 1 HAVING COUNT(*) <> 1000 LIMIT 100",
            self.name
        );
        let segments = format!(
            "SELECT $segmentName, COUNT(*), MIN(id), MAX(id) FROM {} GROUP BY $segmentName LIMIT 300",
            self.name
        );
        [counts, segments].map(|sql| self.cluster.query(&sql)["resultTable"]["rows"].to_string()).join("; ")
    }

    /// Rows, distinct ids, the sum of ids and of prices.
    fn found(&self) -> Option<(u64, u64, f64, f64)> {
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), SUM(id), SUM(price) FROM {}", self.name);
        let answer = self.cluster.query(&sql);
        let row = answer["resultTable"]["rows"][0].as_array()?;
        Some((row[0].as_u64()?, row[1].as_u64()?, row[2].as_f64()?, row[3].as_f64()?))
    }

    /// Each row is there, once or more often.
    pub(super) fn has_each_row(&self, rows: u64) {
        eventually(&format!("{rows} different rows in {}", self.name), || match self.found() {
            Some((_, different, ..)) if different == rows => Ok(()),
            found => Err(format!("{found:?}, {}", self.gaps())),
        });
    }

    /// The rows that queries see now.
    pub(super) fn rows(&self) -> u64 {
        self.found().map_or(0, |found| found.0)
    }

    /// Whatever has happened: no row twice, and no more than there are.
    pub(super) fn is_never_doubled(&self, rows: u64) {
        let found = self.found();
        assert!(found.is_none_or(|found| found.0 == found.1 && found.0 <= rows), "{found:?}");
    }

    /// Each row is there once, with its values.
    pub(super) fn is_exact(&self, rows: u64) {
        let sum = (rows * (rows - 1) / 2) as f64;
        self.has((rows, rows, sum, sum * 0.25));
        let sql = format!(
            "SELECT COUNT(*), SUM(CASE WHEN key = CONCAT('k', CAST(MOD(id, 500) AS INT), '') THEN 1 ELSE 0 END), \
             MIN(CAST(at AS LONG) - id), MAX(CAST(at AS LONG) - id), SUM(ARRAYLENGTH(tags)) FROM {}",
            self.name
        );
        let row = self.cluster.query(&sql)["resultTable"]["rows"][0].clone();
        let (begin, tags) = (1_700_000_000_000_f64, (rows.div_ceil(2) * 2 + rows / 2) as f64);
        let found: Vec<f64> = row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        assert_eq!(found, [rows as f64, rows as f64, begin, begin, tags], "{row}");
    }

    /// The rows of each segment that queries see.
    pub(super) fn segments(&self) -> Vec<u64> {
        let sql = format!("SELECT $segmentName, COUNT(*) FROM {} GROUP BY $segmentName LIMIT 10000", self.name);
        let answer = self.cluster.query(&sql);
        let mut rows: Vec<u64> =
            answer["resultTable"]["rows"].as_array().unwrap().iter().map(|row| row[1].as_u64().unwrap()).collect();
        rows.sort_unstable();
        rows
    }
}
