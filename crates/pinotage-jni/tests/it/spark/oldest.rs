//! Pinot 0.11, the oldest release that is supported.

use std::sync::OnceLock;

use pinotage_testkit::cluster::{Cluster, Options, Version};

use super::lines::Line;
use super::table::Table;
use super::{failed, ok, on_each_line};

fn oldest() -> Option<&'static Cluster> {
    static OLDEST: OnceLock<Option<Cluster>> = OnceLock::new();
    OLDEST.get_or_init(|| Cluster::start(&Options { version: Version::V0_11, ..Options::default() })).as_ref()
}

on_each_line!(
    /// Rows are added, and a table is overwritten, all of it or a range of its times.
    tables_are_written,
    |line: Line| {
        if line.class_path().is_none() {
            return;
        }
        let Some(cluster) = oldest() else { return };
        let table = Table::on(cluster, "spark_oldest", line);
        table.cluster.create_table(&table.schema(), &table.config());
        ok(line, "write", &table.options(20_000, &[("tasks", "2"), ("o:sink.segment.maxRows", "6000")]));
        table.is_counted(20_000);
        ok(line, "write", &table.options(5_000, &[("tasks", "1"), ("from", "20000")]));
        table.is_counted(25_000);
        let range = "at~>=~timestamp_millis(1700000005000)~AND~at~<~timestamp_millis(1700000015000)";
        let error = failed(line, "write", &table.options(10_000, &[("mode", "where"), ("where", range), ("from", "5000")])).unwrap();
        assert!(error.contains("commit-conflict") && error.contains("rewriteStraddling"), "{error}");
        let rewriting = [("mode", "where"), ("where", range), ("from", "5000"), ("o:overwrite.rewriteStraddling", "true")];
        ok(line, "write", &table.options(10_000, &rewriting));
        table.is_counted(25_000);
        ok(line, "write", &table.options(9_000, &[("mode", "overwrite"), ("o:sink.segment.maxRows", "4000")]));
        table.is_counted(9_000);
        table.has_no_staging();
    }
);
