//! The engine as its callers meet it: a job file in, segments, quarantine and a summary out.

mod answers;
mod bad_rows;
mod bounds;
mod cluster_sql;
mod formats;
mod ingestion;
mod live_sql;
mod packs;
mod parts;
mod readers;
mod reconcile;
mod rewrite;
mod stores;
mod whole_sql;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use pinotage_common::Result;
use pinotage_engine::{RunOptions, Silent, Summary, TableSource, prepare, query, run};
use pinotage_job::Plan;
use tempfile::TempDir;

/// A folder with inputs and the job over them.
struct Job {
    folder: TempDir,
    sql: Option<String>,
    source: String,
    extra: String,
}

impl Job {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let job = Self { folder, sql: None, source: String::new(), extra: String::new() };
        files.iter().for_each(|(name, text)| job.write(name, text));
        job
    }

    fn sql(mut self, sql: &str) -> Self {
        self.sql = Some(sql.into());
        self
    }

    /// More keys of `source`, each with a comma before it.
    fn source(mut self, yaml: &str) -> Self {
        self.source = yaml.into();
        self
    }

    fn extra(mut self, yaml: &str) -> Self {
        self.extra = yaml.into();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join("in").join(name), text).unwrap();
    }

    fn run(&self) -> Result<Summary> {
        self.run_with(2, &AtomicBool::new(false))
    }

    fn run_with(&self, threads: usize, cancel: &AtomicBool) -> Result<Summary> {
        self.run_as(&RunOptions {
            force: false,
            dry_run: false,
            threads: Some(threads),
            cancel,
            creation_time_millis: 1,
        })
    }

    fn run_as(&self, options: &RunOptions<'_>) -> Result<Summary> {
        let transform = self.sql.as_ref().map(|sql| format!("transform: {{sql: \"{sql}\"}}\n")).unwrap_or_default();
        let yaml = format!(
            "name: j\nsource: {{kind: files, paths: [in], columns: {{n: LONG}}{}}}\nsink: {{kind: pinot, table: t, output: out}}\nquarantine: bad\n{transform}{}",
            self.source, self.extra
        );
        let job = prepare(Plan::from_yaml(&yaml, self.path())?, true)?;
        run(&job, options, &Silent)
    }

    /// What is in the output, by name.
    fn segments(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = match fs::read_dir(self.path().join("out")) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => Vec::new(),
        };
        paths.sort();
        paths
    }

    /// Every file of the segments with its bytes, but for the creation time.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for segment in self.segments() {
            for entry in fs::read_dir(segment.join("v3")).unwrap() {
                let path = entry.unwrap().path();
                files.insert(path.strip_prefix(self.path()).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
        files
    }

    /// Answers SQL over the segments: a line a row.
    fn ask(&self, sql: &str) -> Vec<String> {
        ask(sql, &[("t", self.path().join("out"))])
    }

    /// Answers SQL over the quarantine.
    fn ask_bad(&self, sql: &str) -> Vec<String> {
        let file = fs::read_dir(self.path().join("bad")).unwrap().next().unwrap().unwrap().path();
        ask(sql, &[("bad", file)])
    }
}

fn ask(sql: &str, tables: &[(&str, PathBuf)]) -> Vec<String> {
    let tables: Vec<(String, TableSource)> =
        tables.iter().map(|(name, path)| ((*name).to_owned(), path.clone().into())).collect();
    lines(&query(sql, &tables).unwrap().1)
}

/// A line a row.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        let options = FormatOptions::new().with_null("null");
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" "));
        }
    }
    lines
}
