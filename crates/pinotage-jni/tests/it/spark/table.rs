//! Numbered rows that Spark writes into a table of a cluster.

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
        Some(Self::on(Cluster::shared()?, name, line))
    }

    /// The same on a cluster of its own.
    pub(super) fn on(cluster: &'static Cluster, name: &str, line: Line) -> Self {
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

    /// The options of a scenario that writes so many rows; `further` has more of them, `o:` before those of the table.
    pub(super) fn options(&self, rows: u64, further: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("o:controller", self.cluster.controller.clone()),
            ("o:table", self.name.clone()),
            ("o:staging", self.folder("staging").display().to_string()),
            ("rows", rows.to_string()),
        ];
        options.retain(|(name, _)| further.iter().all(|(other, _)| other != name));
        options.extend(further.iter().map(|(name, value)| (*name, (*value).to_owned())));
        options
    }

    /// A write has begun.
    pub(super) fn has_staging(&self) -> bool {
        std::fs::read_dir(self.folder("staging")).unwrap().next().is_some()
    }

    /// Nothing is left in staging.
    pub(super) fn has_no_staging(&self) {
        let left: Vec<_> =
            std::fs::read_dir(self.folder("staging")).unwrap().flatten().map(|file| file.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// A replacement of segments is under way.
    pub(super) fn is_being_published(&self) -> bool {
        let url = format!("{}/segments/{}/lineage?type=OFFLINE", self.cluster.controller, self.name);
        // Nothing at all, where there never was one.
        String::from_utf8_lossy(&self.cluster.get(&url)).contains("IN_PROGRESS")
    }

    /// The table has no row, as soon as brokers know it.
    pub(super) fn is_empty(&self) {
        eventually("no row", || match self.found() {
            Some(found) if found.0 > 0 => Err(format!("{found:?}")),
            _ => Ok(()),
        });
    }

    /// Rows, distinct ids, the sum of ids and of prices.
    fn found(&self) -> Option<(u64, u64, f64, f64)> {
        let sql = format!("SELECT COUNT(*), DISTINCTCOUNT(id), SUM(id), SUM(price) FROM {}", self.name);
        let answer = self.cluster.query(&sql);
        let row = answer["resultTable"]["rows"][0].as_array()?;
        Some((row[0].as_u64()?, row[1].as_u64()?, row[2].as_f64()?, row[3].as_f64()?))
    }

    /// Each row is there once, with its values.
    pub(super) fn is_exact(&self, rows: u64) {
        self.is_counted(rows);
        let sql = format!(
            "SELECT COUNT(*), SUM(CASE WHEN key = CONCAT('k', CAST(MOD(id, 500) AS INT), '') THEN 1 ELSE 0 END), \
             MIN(CAST(at AS LONG) - id), MAX(CAST(at AS LONG) - id), SUM(ARRAYLENGTH(tags)) FROM {}",
            self.name
        );
        let (begin, tags) = (1_700_000_000_000_f64, (rows.div_ceil(2) * 2 + rows / 2) as f64);
        assert_eq!(self.numbers(&sql), [rows as f64, rows as f64, begin, begin, tags]);
    }

    /// Each row is there once.
    pub(super) fn is_counted(&self, rows: u64) {
        let sum = (rows * (rows - 1) / 2) as f64;
        let wanted = Some((rows, rows, sum, sum * 0.25));
        eventually(&format!("{wanted:?} in {}", self.name), || {
            let found = self.found();
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }

    /// The one row of an answer, all numbers.
    pub(super) fn numbers(&self, sql: &str) -> Vec<f64> {
        let answer = self.cluster.query(sql);
        let row = answer["resultTable"]["rows"][0].as_array().unwrap_or_else(|| panic!("{answer}"));
        row.iter().map(|value| value.as_f64().unwrap()).collect()
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
