//! One input, pushed in each form, and queried through the broker: every answer is DataFusion's over the input.

mod queries;
mod rows;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use pinotage_engine::{RunOptions, Silent, TableSource, prepare, query, run};
use pinotage_job::Plan;
use pinotage_testkit::cluster::{Cluster, Options, Version};
use pinotage_testkit::servers::Server;
use serde_json::Value as Json;
use tempfile::TempDir;

use queries::{Dialect, queries};
use rows::{ROWS, Random};

/// The column of lists of bytes, which servers do not send.
const LISTS_OF_BYTES: &str = "hashes";

/// The column of decimals.
const DECIMALS: &str = "amount";

/// A question with DataFusion's answer.
type Case = (String, Vec<Vec<String>>);

/// The input as a file, and the questions about it.
struct Input {
    folder: TempDir,
    version: Version,
    cases: Vec<Case>,
}

impl Input {
    fn new(version: Version) -> Self {
        let seed = u64::from(std::process::id());
        eprintln!("seed {seed}");
        let mut random = Random(seed);
        let rows = rows::rows(&mut random);
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("input.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        let ask = asker(rows);
        let cases =
            queries(&mut random, version == Version::V1_5).into_iter().map(|sql| (sql.clone(), ask(&sql))).collect();
        Self { folder, version, cases }
    }

    /// Builds and pushes the rows as several segments.
    fn push(&self, cluster: &Cluster, table: &str, push: &str) {
        let path = self.folder.path();
        fs::write(path.join("schema.json"), rows::schema(table).to_string()).unwrap();
        fs::write(path.join("table.json"), rows::table(table, self.version).to_string()).unwrap();
        let yaml = format!(
            "name: {table}\nsource: {{kind: files, paths: [input.parquet]}}\nsink: {{kind: pinot, table: {table}, \
             controller: \"{}\", schema: schema.json, tableConfig: table.json, segment: {{maxRows: 6000}}, push: {push}}}\n",
            cluster.controller
        );
        let job = prepare(Plan::from_yaml(&yaml, path).unwrap(), false).unwrap();
        let cancel = AtomicBool::new(false);
        let options =
            RunOptions { force: false, dry_run: false, threads: None, cancel: &cancel, creation_time_millis: 1 };
        let summary = run(&job, &options, &Silent).unwrap();
        assert_eq!(summary.push.unwrap().pushed.len(), ROWS.div_ceil(6000));
        cluster.await_count(table, ROWS as u64);
    }

    /// Asks the broker every question; all answers that differ are shown.
    fn compare(&self, cluster: &Cluster, table: &str) {
        let mut wrong = Vec::new();
        // A server that is asked alone would otherwise answer with default values for groups of nulls.
        let options = match self.version {
            Version::V1_5 => "SET enableNullHandling=true; SET serverReturnFinalResult=false; ",
            Version::V0_11 => "",
        };
        for (sql, expected) in &self.cases {
            let limit = if sql.contains(" LIMIT ") { "" } else { " LIMIT 100000" };
            let asked = Dialect::Pinot.write(sql).replace("FROM t", &format!("FROM {table}"));
            let asked = format!("{options}{asked}{limit}");
            let answer = cluster.query(&asked);
            let found = in_order(sql, pinot_rows(&answer));
            if found != *expected {
                let first = found.iter().zip(expected).find(|(found, expected)| found != expected);
                let (few, many) = (found.len(), expected.len());
                wrong.push(format!(
                    "{asked}\n  {few} rows instead of {many}, the first that differs (found, expected): {first:?}\n  {}",
                    answer["exceptions"]
                ));
            }
        }
        let all = self.cases.len();
        assert!(wrong.is_empty(), "{table}: {} of {all} answers differ:\n{}", wrong.len(), wrong.join("\n"));
        println!("{table}: {all} answers are DataFusion's");
    }
}

impl Input {
    /// Asks the questions of the table in the cluster itself, every so many of them, as SQL over a scan by a reader.
    fn compare_scan(&self, cluster: &Cluster, table: &str, reader: &str, every: usize) {
        let place = cluster.controller.replace("http://", "pinot://");
        let source = TableSource::parse(&format!("{place}/{table}?reader={reader}")).unwrap();
        let tables = [("t".to_owned(), source)];
        // Decimals are texts on their way out, which are compared as such.
        let unsent = |sql: &str| sql.contains(DECIMALS) || (reader == "server" && sql.contains(LISTS_OF_BYTES));
        let asked = self.cases.iter().filter(|(sql, _)| !unsent(sql)).step_by(every);
        let (mut wrong, mut all) = (Vec::new(), 0);
        for (sql, expected) in asked {
            let written = Dialect::DataFusion.write(sql);
            let found = query(&written, &tables).map(|(_, batches)| in_order(sql, cells(&batches)));
            all += 1;
            match found {
                Ok(found) if found == *expected => {}
                Ok(found) => {
                    let first = found.iter().zip(expected).find(|(found, expected)| found != expected);
                    let (few, many) = (found.len(), expected.len());
                    wrong
                        .push(format!("{written}\n  {few} rows instead of {many}, first (found, expected): {first:?}"));
                }
                Err(error) => wrong.push(format!("{written}\n  {error}")),
            }
        }
        assert!(
            wrong.is_empty(),
            "{table} by {reader}: {} of {all} answers differ:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        println!("{table}: {all} answers by {reader} are those over the input");
    }
}

/// The rows of batches in the form in which answers are compared.
fn cells(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Vec<String>> = batch.columns().iter().map(texts).collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
    }
    rows
}

/// DataFusion over the rows of the input.
fn asker(rows: RecordBatch) -> impl Fn(&str) -> Vec<Vec<String>> {
    let context = SessionContext::new();
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    move |sql| {
        let written = Dialect::DataFusion.write(sql);
        let answer = runtime.block_on(async { context.sql(&written).await?.collect().await });
        let batches = answer.unwrap_or_else(|error| panic!("{written}: {error}"));
        in_order(sql, cells(&batches))
    }
}

/// Rows in the order of the query, or in one of their own.
fn in_order(sql: &str, mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    if !sql.contains("ORDER BY") {
        rows.sort();
    }
    rows
}

/// A number in one form, whatever it was counted with.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).to_string() } else { format!("{value:?}") }
}

/// The values of a column in the form in which answers are compared.
fn texts(array: &ArrayRef) -> Vec<String> {
    if let DataType::List(_) = array.data_type() {
        let lists = array.as_list::<i32>();
        let text = |row| if lists.is_null(row) { Vec::new() } else { texts(&lists.value(row)) };
        return (0..array.len()).map(|row| list(text(row))).collect();
    }
    let of = |array: &ArrayRef, to: &DataType| cast(array, to).unwrap();
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    let array = match array.data_type() {
        DataType::Float32 | DataType::Decimal128(..) => of(array, &DataType::Float64),
        DataType::Timestamp(..) => of(&of(array, &millis), &DataType::Int64),
        _ => Arc::clone(array),
    };
    if array.data_type() == &DataType::Float64 {
        let number = |value: Option<f64>| value.map_or("null".into(), number);
        return array.as_primitive::<Float64Type>().iter().map(number).collect();
    }
    let options = FormatOptions::new().with_null("null");
    let shown = ArrayFormatter::try_new(&array, &options).unwrap();
    (0..array.len()).map(|row| shown.value(row).to_string()).collect()
}

/// Pinot has no empty lists.
fn list(values: Vec<String>) -> String {
    if values.is_empty() { "null".into() } else { values.join("|") }
}

fn pinot_rows(answer: &Json) -> Vec<Vec<String>> {
    let table = &answer["resultTable"];
    let types = table["dataSchema"]["columnDataTypes"].as_array().cloned().unwrap_or_default();
    let row = |row: &Json| types.iter().zip(row.as_array().unwrap()).map(|(kind, cell)| text(kind, cell)).collect();
    table["rows"].as_array().into_iter().flatten().map(row).collect()
}

fn text(kind: &Json, cell: &Json) -> String {
    let kind = kind.as_str().unwrap();
    match cell {
        Json::Null => "null".into(),
        Json::Array(cells) => {
            let of = Json::from(kind.trim_end_matches("_ARRAY"));
            list(cells.iter().map(|cell| text(&of, cell)).collect())
        }
        Json::Number(value) => {
            value.as_i64().map_or_else(|| number(value.as_f64().unwrap()), |value| value.to_string())
        }
        Json::String(value) if kind == "TIMESTAMP" => {
            (string_to_timestamp_nanos(value).unwrap() / 1_000_000).to_string()
        }
        // A decimal is text.
        Json::String(value) if kind != "BYTES" => value.parse().map_or_else(|_| value.clone(), number),
        Json::String(value) => value.clone(),
        other => other.to_string(),
    }
}

/// `push` of the job file for each form.
fn forms(server: &Server, folder: &Path) -> [(&'static str, String); 4] {
    let shared = folder.join("shared").display().to_string();
    let web = format!(
        "{{form: uri, deepStore: 's3://segments/deep', downloadUri: '{0}/segments/deep', \
         store: {{s3: {{endpoint: '{0}', accessKey: KEY, secretKey: SECRET}}}}}}",
        server.url
    );
    [
        ("tar", "{form: tar}".into()),
        ("uri", web),
        ("metadata", format!("{{form: metadata, deepStore: '{shared}'}}")),
        ("metadata_batch", format!("{{form: metadataBatch, deepStore: '{shared}'}}")),
    ]
}

#[test]
fn answers_are_those_of_the_input_in_each_form_of_push() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(server) = Server::s3() else { return };
    server.make_public_s3_bucket("segments");
    let input = Input::new(Version::V1_5);
    for (form, push) in forms(&server, input.folder.path()) {
        let table = format!("answers_{form}");
        input.push(cluster, &table, &push);
        input.compare(cluster, &table);
        if form == "tar" {
            input.compare_scan(cluster, &table, "server", 2);
            input.compare_scan(cluster, &table, "direct", 2);
        }
    }
}

/// Which knows no batches of metadata, and no nulls but for `IS NULL`.
#[test]
fn the_oldest_release_gives_the_same_answers() {
    let Some(server) = Server::s3() else { return };
    let Some(cluster) = Cluster::start(&Options { version: Version::V0_11, ..Options::default() }) else { return };
    server.make_public_s3_bucket("segments");
    let input = Input::new(Version::V0_11);
    for (form, push) in forms(&server, input.folder.path()).into_iter().take(3) {
        let table = format!("answers_{form}");
        input.push(&cluster, &table, &push);
        input.compare(&cluster, &table);
        if form == "tar" {
            // Nulls are read directly, the rest by servers.
            input.compare_scan(&cluster, &table, "auto", 4);
        }
    }
}
