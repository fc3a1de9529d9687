//! Files of every type beside Pinot's own readers (`java/readers`; 0.11.0 is the last release of which they are in a public registry):
//! the table of `docs/reference/file-types.md`. Avro, Parquet, ORC and Protobuf files are written by the formats' own Java libraries.

mod files;
mod messages;
mod orc;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use pinotage_common::{ErrorKind, Result};
use pinotage_engine::{RunOptions, Silent, TableSource, prepare, query, run};
use pinotage_job::Plan;
use pinotage_testkit::stored;
use serde_json::{Value as Json, json};

const READERS: &str = "PINOTAGE_READERS_CLASSPATH";
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/file-types.md");
const TITLE: &str = "| file | type | column | Pinot 0.11.0 | here |";
const SAME: &str = "The same values are stored here and there of:\n\n";

/// A file with one column `v`, and the types of columns that it goes into; `[]` is behind those of several values a row.
struct Case {
    format: &'static str,
    name: String,
    /// The schema, as the format has it, with the rows; CSV and JSON have their text.
    made: Option<(String, Json)>,
    text: String,
    columns: &'static [&'static str],
    /// Pinot's configuration of the reader, and ours.
    reader: Json,
    source: &'static str,
    /// How the file is made.
    writer: Json,
}

fn made(format: &'static str, name: &str, schema: String, rows: Json, columns: &'static [&'static str]) -> Case {
    let name = name.to_owned();
    Case {
        format,
        name,
        made: Some((schema, rows)),
        text: String::new(),
        columns,
        reader: Json::Null,
        source: "",
        writer: Json::Null,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = files::avros();
    cases.extend(files::parquets());
    cases.extend(orc::orcs());
    cases.extend(files::texts());
    cases.extend(messages::messages());
    cases
}

fn schema(column: &str) -> Json {
    let (data_type, single) = (column.trim_end_matches("[]"), !column.ends_with("[]"));
    let field = json!({"name": "v", "dataType": data_type, "singleValueField": single});
    // The oldest release has decimals as metrics alone.
    let list = if data_type == "BIG_DECIMAL" { "metricFieldSpecs" } else { "dimensionFieldSpecs" };
    json!({"schemaName": "t", list: [field]})
}

/// What our job stores, a text a row.
fn here(case: &Case, file: &Path, column: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::copy(file, folder.path().join("in").join(file.file_name().unwrap())).unwrap();
    if case.format == "PROTO" {
        fs::copy(file.with_extension("desc"), folder.path().join("v.desc")).unwrap();
    }
    fs::write(folder.path().join("schema.json"), schema(column).to_string()).unwrap();
    let table = json!({"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {"nullHandlingEnabled": true}});
    fs::write(folder.path().join("table.json"), table.to_string()).unwrap();
    let yaml = format!(
        "name: j\nsource: {{kind: files, paths: [in]{}}}\nsink: {{kind: pinot, table: t, output: out, schema: schema.json, \
         tableConfig: table.json}}\nquarantine: bad\nlimits: {{errors: 100}}\n",
        case.source
    );
    match rows(&yaml, folder.path()) {
        Ok(rows) => rows,
        Err(error) => {
            assert!(
                matches!(error.kind(), ErrorKind::SchemaMismatch | ErrorKind::Unsupported),
                "{}: {error}",
                case.name
            );
            vec!["refused".to_owned()]
        }
    }
}

fn rows(yaml: &str, folder: &Path) -> Result<Vec<String>> {
    let job = prepare(Plan::from_yaml(yaml, folder)?, true)?;
    let cancel = AtomicBool::new(false);
    let options =
        RunOptions { force: false, dry_run: false, threads: Some(1), cancel: &cancel, creation_time_millis: 1 };
    let counts = run(&job, &options, &Silent)?.inputs[0].counts;
    let mut rows: Vec<Option<String>> = vec![None; counts.read as usize];
    if counts.quarantined > 0 {
        let file = fs::read_dir(folder.join("bad")).unwrap().next().unwrap().unwrap().path();
        let tables: [(String, TableSource); 1] = [("bad".to_owned(), file.into())];
        for batch in query("SELECT row_number, rule FROM bad", &tables)?.1 {
            for at in 0..batch.num_rows() {
                let number: usize = stored(batch.column(0), at).as_str().unwrap().parse().unwrap();
                rows[number] = Some(format!("bad row, {}", stored(batch.column(1), at).as_str().unwrap()));
            }
        }
    }
    let mut good = Vec::new();
    if counts.written > 0 {
        let tables: [(String, TableSource); 1] = [("t".to_owned(), folder.join("out").into())];
        for batch in query("SELECT v FROM t", &tables)?.1 {
            good.extend((0..batch.num_rows()).map(|at| shown(&stored(batch.column(0), at))));
        }
    }
    let mut good = good.into_iter();
    Ok(rows.into_iter().map(|row| row.unwrap_or_else(|| good.next().unwrap())).collect())
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What Pinot stores, a text a row.
fn theirs(rows: &Json) -> Vec<String> {
    let row = |row: &Json| match row {
        Json::Object(row) => shown(&row["v"]),
        error => {
            let text = error.as_str().unwrap();
            let class = text.split([':', ' ']).next().unwrap_or_default();
            class.rsplit('.').next().unwrap_or_default().to_owned()
        }
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn files_of_every_type_are_stored_as_the_page_says() {
    let Ok(class_path) = std::env::var(READERS) else {
        eprintln!("SKIPPED: no readers, because {READERS} is not set; `cargo xtask test` builds them and sets it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    let file = |at: usize| {
        let extension = if cases[at].format == "PROTO" { "pb".to_owned() } else { cases[at].format.to_lowercase() };
        folder.path().join(format!("{at}.{extension}"))
    };
    let mut asked = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let schemas: Vec<Json> = case.columns.iter().map(|column| schema(column)).collect();
        let mut one = json!({"file": file(at), "format": case.format, "schemas": schemas});
        match &case.made {
            Some((schema, rows)) => {
                one["type"] = schema.as_str().into();
                one["rows"] = rows.clone();
            }
            None => fs::write(file(at), &case.text).unwrap(),
        }
        if case.format == "PROTO" {
            one["reader"] = json!({"descriptorFile": format!("file://{}", file(at).with_extension("desc").display())});
        } else if !case.reader.is_null() {
            one["reader"] = case.reader.clone();
        }
        if !case.writer.is_null() {
            one["writer"] = case.writer.clone();
        }
        asked.push(one);
    }
    let input = folder.path().join("cases.json");
    fs::write(&input, json!(asked).to_string()).unwrap();
    let output = Command::new("java")
        .args([
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            &class_path,
            "io.pinotage.readers.ReadFiles",
        ])
        .arg(&input)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len(), "{}", String::from_utf8_lossy(&output.stderr));

    let (mut table, mut same) = (format!("{TITLE}\n| --- | --- | --- | --- | --- |\n"), SAME.to_owned());
    for (at, (case, answers)) in cases.iter().zip(&answers).enumerate() {
        let format = match case.format {
            "AVRO" => "Avro",
            "PARQUET" => "Parquet",
            "PROTO" => "Protobuf",
            other => other,
        };
        let mut alike = Vec::new();
        for (column, answer) in case.columns.iter().zip(answers.as_array().unwrap()) {
            let (pinots, ours) = (theirs(answer), here(case, &file(at), column));
            if pinots == ours {
                alike.push(*column);
                continue;
            }
            // Of many rows some that differ.
            let differs = |at: &usize| pinots.len() <= 10 || pinots.get(*at) != ours.get(*at);
            let cell = |values: &[String]| {
                let values: Vec<String> = (0..values.len())
                    .filter(differs)
                    .take(10)
                    .map(|at| values[at].replace('|', "\\|").replace('\n', "\\n"))
                    .collect();
                format!("`{}`", values.join("`, `")).replace("``", "`\u{2009}`")
            };
            table.push_str(&format!(
                "| {format} | `{}` | {column} | {} | {} |\n",
                case.name,
                cell(&pinots),
                cell(&ours)
            ));
        }
        if !alike.is_empty() {
            same.push_str(&format!("- {format} `{}`: {}\n", case.name, alike.join(", ")));
        }
    }
    let page = fs::read_to_string(PAGE).unwrap();
    if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
        let (before, rest) = page.split_once(TITLE).unwrap();
        let (_, behind) = rest.split_once(SAME).unwrap();
        let behind = behind.split_once("\n\n").map_or(String::new(), |(_, behind)| format!("\n{behind}"));
        fs::write(PAGE, format!("{before}{table}\n{same}{behind}")).unwrap();
    } else {
        assert!(
            page.contains(&table) && page.contains(&same),
            "run again with PINOTAGE_UPDATE_DOCS=1; expected\n{table}\n{same}"
        );
    }
}
