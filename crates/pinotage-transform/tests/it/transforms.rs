//! Expressions and filters beside Pinot's own transform pipeline (`java/conformance`), row by row.

use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, TimeUnit};
use pinotage_common::Result;
use pinotage_spec::{ColumnPlan, PinotVersion, Schema, TableConfig};
use pinotage_testkit::stored;
use pinotage_transform::{ConformOptions, Conformer, Ingested, Ingestion, function_reference};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

/// Where `cargo xtask test` says how to start the judge.
const JUDGE: &str = "PINOTAGE_CONFORMANCE_CLASSPATH";

/// The columns of the rows, with Pinot's type and ours.
fn columns() -> Vec<(&'static str, &'static str, DataType)> {
    let list = |item| DataType::new_list(item, true);
    let nested = DataType::Struct(
        vec![
            Field::new("k", DataType::Utf8, true),
            Field::new("p", DataType::Struct(vec![Field::new("q", DataType::Int32, true)].into()), true),
            Field::new("r", list(DataType::Float64), true),
        ]
        .into(),
    );
    vec![
        ("s", "STRING", DataType::Utf8),
        ("t", "STRING", DataType::Utf8),
        ("n", "LONG", DataType::Int64),
        ("i", "INT", DataType::Int32),
        ("d", "DOUBLE", DataType::Float64),
        ("f", "FLOAT", DataType::Float32),
        ("b", "BOOLEAN", DataType::Boolean),
        ("ts", "LONG", DataType::Int64),
        ("tt", "TIMESTAMP", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        ("x", "BYTES", DataType::Binary),
        ("j", "STRING", DataType::Utf8),
        ("m", "MAP", nested),
        ("ss", "LIST", list(DataType::Utf8)),
        ("ii", "LIST", list(DataType::Int32)),
        ("iso", "STRING", DataType::Utf8),
        ("dt", "STRING", DataType::Utf8),
        ("nul", "STRING", DataType::Utf8),
    ]
}

/// The rows: plain ones, and the edges of every column.
fn rows() -> Vec<Value> {
    let texts: &[(&str, &str)] = &[
        ("hello world", "a,b,c"),
        ("", ""),
        ("  x blanks\t\n", ","),
        ("h\u{e9}llo \u{1F600} w\u{f6}rld", "a,,b,"),
        ("20231114", " a  b "),
        ("2023", "l"),
        ("12:30", "a,b,c,d"),
        ("12:30 pm", ",a"),
        ("14 nov 2023", "\u{1F600}"),
        ("14/11/2023", "null"),
        ("1.5", "x"),
        ("-7", "a, b"),
        ("TRUE", "1"),
        ("2023365", "b"),
        ("ff", "0xff"),
        ("\u{DF}\u{130}\u{3A3}", "\u{3c3}"),
        ("{\"a\": 1} rest", "a\u{a0}b"),
        ("123059", "\n"),
        ("12-31", "%41"),
        ("a%20b+c", "a%2"),
    ];
    let numbers: &[i64] =
        &[0, 1, -1, 7, 42, -1000, 123_456_789, i64::from(i32::MAX), 9_007_199_254_740_993, i64::MAX, i64::MIN];
    let ints: &[i32] = &[0, 1, -1, 65, 128_512, i32::MAX, i32::MIN, 3];
    let doubles: &[f64] = &[0.0, -0.0, 1.5, -1.5, 2.5, 0.5, -0.25, 123.456, 1e10, 1e-7, 12345.05, 0.1, 1e300];
    let times: &[i64] = &[
        1_700_000_000_123,
        0,
        -1,
        -86_400_001,
        1_709_164_800_000,     // a leap day
        1_698_541_200_000 - 1, // before the clocks of Europe go back
        1_699_163_999_000,     // where New York has an hour twice
        1_710_054_000_000,     // where it lacks one
        1_508_036_400_000,     // where Sao Paulo lacks midnight
        1_508_039_999_999,
        1_682_629_200_000, // where Cairo does
        1_706_659_200_000, // a 31st of January
        253_402_300_799_999,
        -600_000_000_000,
        1_704_067_199_999, // the last of a year
    ];
    let documents = [
        r#"{"a": 1, "b": {"c": "x", "e": null}, "l": [1, "two", 3.50, null], "o": [{"k": 1}, {}, {"k": "z"}], "ok": true, "ts": 1700000000000}"#,
        r#"{"a": "12", "b": {"c": 2.0}, "l": [], "o": {}, "ok": "false", "ts": 5}"#,
        r#"{"a": 1.9, "l": ["one"], "b": [1]}"#,
        r#"{"a": 5000000000, "b": {"c": {"d": [true, false]}}, "l": "no list"}"#,
        r#"{"a": null, "b": null}"#,
        r#"{"a": "\u00e9\ud83d\ude00 \"quoted\"\n", "b": {"c": ""}}"#,
        r#"{"a": 1e3, "b": {"c": 12345678901234567890}, "a": -0.0}"#,
        "[1, 2, 3]",
        "not json",
        "",
        "null",
        "\"text\"",
        "{\"a\": 1} {\"a\": 2}",
        "{\"a\": 1",
        " 7 ",
    ];
    let isos = [
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.123+01:00",
        "2023-11-14T22:13:20-0530",
        "2023-11-14t22:13:20z",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13Z",
        "",
        "2023-11-14T22:13:20.1+02",
        "2023-02-29T00:00:00Z",
    ];
    let dates = [
        "2023-11-14 22:13:20",
        "2023-1-5 1:2:3",
        "2024-03-10 02:30:00",
        "2023-11-05 01:30:00",
        "2017-10-15 00:30:00",
        "2023-10-29 02:30:00",
        "1969-12-31 23:59:59",
        "2023-11-14 24:00:00",
        "2023-11-14",
        " 2023-11-14 22:13:20",
        "1700000000000",
        "-0044-03-15 12:00:00",
        "12023-01-01 00:00:00",
        "",
    ];
    let lists =
        [json!(["a", "b", "c"]), json!([]), json!(["b", "b", ""]), json!(["\u{1F600}", "\u{FFFD}", "z"]), json!(["1"])];
    let int_lists = [json!([3, 1, 2]), json!([]), json!([2, 2, -5]), json!([i32::MAX, 1]), json!([7])];
    let maps = [
        json!({"k": "v", "p": {"q": 1}, "r": [1.5, 2.0, 1e10]}),
        json!({"k": "\u{e9}\"", "p": {"q": -3}, "r": []}),
        json!({"k": "", "p": {"q": 0}, "r": [0.1]}),
    ];
    let bytes = ["", "00ff", "68656c6c6f", "c3a9f09f9880", "ff80"];
    let mut rows = Vec::new();
    for at in 0..30_usize {
        let (s, t) = texts[at % texts.len()];
        rows.push(json!({
            "s": s, "t": t, "n": numbers[at % numbers.len()], "i": ints[at % ints.len()],
            "d": doubles[at % doubles.len()], "f": doubles[at % (doubles.len() - 1)] as f32, "b": at % 2 == 0,
            "ts": times[at % times.len()], "tt": times[at % times.len()], "x": bytes[at % bytes.len()],
            "j": documents[at % documents.len()], "m": maps[at % maps.len()], "ss": lists[at % lists.len()],
            "ii": int_lists[at % int_lists.len()], "iso": isos[at % isos.len()], "dt": dates[at % dates.len()],
        }));
    }
    rows.push(json!({}));
    rows
}

pub(super) fn batch_of(columns: &[(&str, &str, DataType)], rows: &[Value]) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, _, arrow)| Field::new(*name, arrow.clone(), true)).collect();
    let mut decoder = arrow::json::ReaderBuilder::new(Arc::new(ArrowSchema::new(fields)))
        .with_batch_size(1024)
        .build_decoder()
        .unwrap();
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(decoder.decode(lines.as_bytes()).unwrap(), lines.len());
    decoder.flush().unwrap().unwrap()
}

/// A table with one column that is computed.
#[derive(Debug)]
struct Case {
    name: String,
    /// A difference that is known.
    differs: bool,
    schema: Value,
    table: Value,
}

fn case(type_name: &str, column: &str, expression: &str) -> Case {
    let differs = type_name.starts_with('!');
    let plain = type_name.trim_start_matches('!');
    let single = !plain.ends_with("[]");
    let field = json!({"name": column, "dataType": plain.trim_end_matches("[]"), "singleValueField": single});
    Case {
        name: format!("{plain} {column} = {expression}"),
        differs,
        schema: json!({"schemaName": "t", "dimensionFieldSpecs": [field]}),
        table: json!({"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"},
            "tenants": {}, "tableIndexConfig": {}, "metadata": {},
            "ingestionConfig": {"transformConfigs": [{"columnName": column, "transformFunction": expression}]}}),
    }
}

fn cases() -> Vec<Case> {
    let lines = include_str!("transforms.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut cases: Vec<Case> = lines
        .map(|line| {
            let (kind, expression) = line.split_once(" | ").unwrap();
            case(kind, "out", expression)
        })
        .collect();
    // Columns that the rows have already.
    for (kind, column, expression) in [
        ("STRING", "s", "upper(t)"),
        ("STRING", "nul", "upper(t)"),
        ("LONG", "n", "length(s)"),
        ("STRING", "n", "s"),
        ("STRING[]", "ss", "split(t, ',')"),
        ("STRING", "ss", "upper(t)"),
        ("STRING", "m", "jsonPathString(j, '$.b.c', 'none')"),
    ] {
        cases.push(case(kind, column, expression));
    }
    for continues in [false, true] {
        let mut one = case("LONG", "out", "fromDateTime(dt, 'yyyy-MM-dd HH:mm:ss')");
        one.name = format!("{} continueOnError {continues}", one.name);
        one.table["ingestionConfig"]["continueOnError"] = continues.into();
        cases.push(one);
    }
    for filter in
        ["n > 10", "s is null", "startsWith(s, 'h')", "not (d > 0)", "out = 0", "jsonPathExists(j, '$.a') and b"]
    {
        let mut one = case("LONG", "out", "length(s)");
        one.name = format!("{} filter {filter}", one.name);
        one.table["ingestionConfig"]["filterConfig"] = json!({"filterFunction": filter});
        cases.push(one);
    }
    // Enrichers come first, in their order, and overwrite.
    let enriched = |kind: &str, column: &str, enrichers: Value, transforms: Value, continues: bool| {
        let mut one = case(kind, column, "null");
        one.name = format!("{column} = {enrichers} {transforms} continueOnError {continues}");
        one.table["ingestionConfig"] =
            json!({"enrichmentConfigs": enrichers, "transformConfigs": transforms, "continueOnError": continues});
        one
    };
    let generate =
        |functions: Value| json!({"enricherType": "generateColumn", "properties": {"fieldToFunctionMap": functions}});
    let out = |function: &str| json!([{"columnName": "out", "transformFunction": function}]);
    cases.push(enriched("STRING", "s", json!([generate(json!({"s": "upper(t)"}))]), json!([]), false));
    cases.push(enriched(
        "STRING",
        "out",
        json!([generate(json!({"z": "upper(t)", "a": "concat(z, s)"}))]),
        out("reverse(a)"),
        false,
    ));
    cases.push(enriched(
        "STRING",
        "out",
        json!([generate(json!({"out": "nul", "s": "'x'"})), generate(json!({"t": "concat(s, s)"}))]),
        out("t"),
        false,
    ));
    cases.push(enriched(
        "LONG",
        "n",
        json!([generate(json!({"n": "length(s)", "i": "n"}))]),
        json!([{"columnName": "n", "transformFunction": "i"}]),
        false,
    ));
    let mut first = generate(json!({"out": "upper(y)"}));
    first["preComplexTypeTransform"] = true.into();
    cases.push(enriched(
        "STRING",
        "out",
        json!([generate(json!({"y": "s", "out": "concat(y, out)"})), first]),
        json!([]),
        false,
    ));
    for continues in [false, true] {
        let fails = json!([generate(json!({"out": "fromDateTime(dt, 'yyyy-MM-dd HH:mm:ss')"}))]);
        cases.push(enriched("LONG", "out", fails, json!([]), continues));
    }
    let mut chain = case("STRING", "out", "concat(y, z)");
    chain.table["ingestionConfig"]["transformConfigs"] = json!([
        {"columnName": "out", "transformFunction": "concat(y, z, '|')"},
        {"columnName": "y", "transformFunction": "upper(z)"},
        {"columnName": "z", "transformFunction": "jsonPath(j, '$.a')"},
    ]);
    chain.name = "a chain of columns".into();
    cases.push(chain);
    cases
}

/// What becomes of each row: `Err` for a bad one, no value for a dropped one.
fn ours(case: &Case, batch: &RecordBatch) -> Result<Vec<Result<Option<Value>, String>>> {
    let schema = Schema::from_document(case.schema.clone())?;
    let table = TableConfig::from_document(case.table.clone())?;
    let plan = ColumnPlan::resolve(&schema, &table)?;
    let ingestion = Ingestion::try_new(&schema, &table, &batch.schema(), PinotVersion::NEWEST)?.unwrap();
    let conformer = Conformer::try_new(&plan, None, &ingestion.schema(), ConformOptions::default())?;
    let Ingested { batch: made, rows, bad, .. } = ingestion.apply(batch)?;
    let mut answers: Vec<Result<Option<Value>, String>> = vec![Ok(None); batch.num_rows()];
    for bad in bad {
        answers[bad.row as usize] = Err(bad.message);
    }
    let origin = |row: u32| rows.as_ref().map_or(row, |rows| rows[row as usize]) as usize;
    let conformed = conformer.conform(&made)?;
    for bad in conformed.bad {
        answers[origin(bad.row)] = Err(format!("{}: {}", bad.rule, bad.message));
    }
    let kept = conformed.kept.unwrap_or_else(|| (0..made.num_rows() as u32).collect());
    let column = conformed.batch.column(0);
    for (at, row) in kept.into_iter().enumerate() {
        answers[origin(row)] = Ok(Some(stored(column, at)));
    }
    Ok(answers)
}

pub(super) fn judged(input: &Value) -> Option<Vec<Value>> {
    let lines = asked("transforms", Some(input))?;
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// What the judge prints.
pub(super) fn asked(command: &str, input: Option<&Value>) -> Option<String> {
    let Ok(class_path) = std::env::var(JUDGE) else {
        eprintln!("SKIPPED: no judge, because {JUDGE} is not set; `cargo xtask test` builds it and sets it");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.json");
    let mut java = Command::new("java");
    java.args(["-Xmx1g", "-cp", &class_path, "io.pinotage.conformance.Conformance", command]);
    if let Some(input) = input {
        std::fs::write(&file, input.to_string()).unwrap();
        java.arg(&file);
    }
    let output = java.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Rows for functions that are judged by what nobody thought of.
fn random_rows() -> Vec<Value> {
    let url = "((https?|ftp|mailto|HTTP|a-b\\+c)?:?)(/{0,3})((user(:p%41ss)?@)?((www\\.|shop\\.)?(www\\.)?(example|b\\.c|münchen|10)(\\.(com|co\\.uk|de|io|1))?\\.?|10\\.0\\.0\\.[0-9]{1,3}|\\[::1\\]|a_b))?(:[0-9]{0,5})?((/|//|[a-z%20é ]{1,4}|%[0-9a-f]{0,2}){0,4})(\\?((a|b|é|c%20d|[ +]|%)=?([x-z&é%20+]{0,3})&?){0,3})?(#([a-z%20?]{0,3}))?";
    let text = prop_oneof!["[a-c]{0,6}", "\\PC{0,10}", "[0-9b-hjkmnp-z]{1,12}"];
    let row = (
        (prop_oneof![4 => url, 1 => "\\PC{0,12}"], text, prop::sample::select(vec!["a", "b", "é", "c d", "", "www"])),
        vec(any::<u8>(), 0..40),
        (any::<i32>(), -2..14_i32, any::<i64>()),
        (-100.0..100.0_f64, -200.0..200.0_f64),
        vec("[a-c😀]{0,5}", 0..4),
    );
    let row = row.prop_map(|((url, text, name), bytes, (seed, small, long), (lat, lon), list)| {
        json!({"url": url, "s": text, "name": name, "x": pinotage_spec::to_hex(&bytes), "seed": seed, "i": small, "n": long,
            "lat": lat, "lon": lon, "b": seed % 2 == 0, "ss": list, "nn": [long, 7], "dd": [lat, lon, 0.5],
            "p": pinotage_spec::to_hex(&[&[if seed % 3 == 0 { 0x80 } else { (seed % 7 == 0) as u8 }][..], &lat.to_be_bytes(), &lon.to_be_bytes()].concat())})
    });
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut rows: Vec<Value> = (0..500).map(|_| row.new_tree(&mut runner).unwrap().current()).collect();
    rows.push(json!({}));
    rows
}

#[test]
fn functions_give_what_pinots_give_for_random_rows() {
    let list = |item| DataType::new_list(item, true);
    let columns = vec![
        ("url", "STRING", DataType::Utf8),
        ("s", "STRING", DataType::Utf8),
        ("name", "STRING", DataType::Utf8),
        ("x", "BYTES", DataType::Binary),
        ("p", "BYTES", DataType::Binary),
        ("seed", "INT", DataType::Int32),
        ("i", "INT", DataType::Int32),
        ("n", "LONG", DataType::Int64),
        ("lat", "DOUBLE", DataType::Float64),
        ("lon", "DOUBLE", DataType::Float64),
        ("b", "BOOLEAN", DataType::Boolean),
        ("ss", "LIST", list(DataType::Utf8)),
        ("nn", "LIST", list(DataType::Int64)),
        ("dd", "LIST", list(DataType::Float64)),
    ];
    let lines = include_str!("transforms_random.txt").lines().filter(|line| !line.is_empty());
    let cases = lines.map(|line| line.split_once(" | ").unwrap()).map(|(kind, text)| case(kind, "out", text));
    compare(&columns, &random_rows(), &cases.collect::<Vec<_>>());
}

/// Pinot has no function that the page says nothing of, and the page names none that is not there.
#[test]
fn the_page_names_every_function_of_pinots() {
    let Some(theirs) = asked("functions", None) else { return };
    let canonical = |text: &str| text.replace('_', "").to_lowercase();
    let page = function_reference();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let (given, refused): (Vec<&str>, Vec<&str>) = (
        rows.clone().filter(|line| line.split(" | ").next().is_some_and(|cell| cell.contains('('))).collect(),
        rows.filter(|line| !line.split(" | ").next().is_some_and(|cell| cell.contains('('))).collect(),
    );
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(canonical).collect::<Vec<_>>();
    let mut ours: Vec<String> = given
        .iter()
        .flat_map(|line| {
            let (call, rest) = line.trim_start_matches("| `").split_once('(').unwrap();
            let also = rest.split_once("also ").map_or(Vec::new(), |(_, also)| quoted(also));
            also.into_iter().filter(|name| name.chars().all(char::is_alphanumeric)).chain([canonical(call)])
        })
        .collect();
    ours.extend(refused.iter().flat_map(|line| quoted(line.split(" | ").next().unwrap())));
    ours.sort();
    ours.dedup();
    let missing: Vec<&str> = theirs.lines().filter(|name| !ours.iter().any(|ours| ours == name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let unknown: Vec<&String> = ours.iter().filter(|name| !theirs.lines().any(|theirs| theirs == *name)).collect();
    // What queries alone have.
    assert_eq!(
        unknown,
        ["agomv", "in", "jsonextractscalar"]
            .iter()
            .filter(|name| unknown.iter().any(|it| it == *name))
            .collect::<Vec<_>>()
    );
}

#[test]
fn expressions_give_what_pinots_own_pipeline_gives() {
    compare(&columns(), &rows(), &cases());
}

/// Our answers beside the judge's.
fn compare(columns: &[(&str, &str, DataType)], rows: &[Value], cases: &[Case]) {
    let batch = batch_of(columns, rows);
    let names: Vec<Value> = columns.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
    let asked: Vec<Value> =
        cases.iter().map(|case| json!({"id": case.name, "schema": case.schema, "table": case.table})).collect();
    let Some(answers) = judged(&json!({"columns": names, "rows": rows, "cases": asked})) else { return };
    assert_eq!(answers.len(), cases.len());
    let (mut same, mut different, mut known, mut refused) = (0, Vec::new(), 0, Vec::new());
    for (case, theirs) in cases.iter().zip(&answers) {
        assert_eq!(theirs["id"], case.name.as_str());
        let column = case.schema["dimensionFieldSpecs"][0]["name"].as_str().unwrap();
        let is_nothing = |row: &Value| row.is_string() || row[0][column].is_null();
        let theirs_failed = !theirs["plan"].is_null() || theirs["rows"].as_array().unwrap().iter().all(is_nothing);
        let ours = match ours(case, &batch) {
            // What Pinot takes for no row needs no rows here.
            Err(_) if theirs_failed => {
                same += 1;
                continue;
            }
            Err(error) => {
                refused.push(format!("{}: {error}", case.name));
                continue;
            }
            Ok(ours) => ours,
        };
        if let Some(plan) = theirs["plan"].as_str() {
            different.push(format!("{}\n    Pinot takes no such table: {plan}", case.name));
            continue;
        }
        let mut lines = Vec::new();
        for (row, (ours, theirs)) in ours.iter().zip(theirs["rows"].as_array().unwrap()).enumerate() {
            let theirs = match theirs {
                Value::String(error) => Err(error.clone()),
                Value::Array(made) => Ok(made.first().map(|row| row[column].clone())),
                other => panic!("{other}"),
            };
            if *ours != theirs && !(ours.is_err() && theirs.is_err()) {
                lines.push(format!("    row {row}: ours {ours:?}, Pinot's {theirs:?} of {}", rows[row]));
            }
        }
        match (lines.is_empty(), case.differs) {
            (true, _) => same += 1,
            (false, true) => known += 1,
            (false, false) => different.push(format!("{}\n{}", case.name, lines.join("\n"))),
        }
    }
    println!("{same} expressions over {} rows are Pinot's, {known} differ as is known", rows.len());
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(refused.is_empty(), "{} are refused:\n{}", refused.len(), refused.join("\n"));
}

/// What a page says of a function is only said when Pinot has been asked.
#[test]
fn every_function_is_compared_with_pinot() {
    let canonical = |text: &str| text.replace('_', "").to_lowercase();
    let asked = canonical(&[include_str!("transforms.txt"), include_str!("transforms_random.txt")].concat());
    let page = function_reference();
    let names =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('(')).map(|(name, _)| canonical(name));
    let (mut count, mut missing) = (0, Vec::new());
    for name in names {
        count += 1;
        // The operators have no name in an expression.
        let operators = [
            "not",
            "case",
            "times",
            "minus",
            "notequals",
            "greaterthan",
            "greaterthanorequal",
            "lessthan",
            "lessthanorequal",
            "between",
        ];
        if !asked.contains(&format!("{name}(")) && !operators.contains(&name.as_str()) {
            missing.push(name);
        }
    }
    assert!(count > 200, "{count}");
    assert_eq!(missing, Vec::<String>::new());
}

/// Nothing many times is nothing, and takes no memory.
#[test]
fn nothing_is_repeated_in_no_time() {
    let batch = batch_of(&columns(), &[json!({"s": "", "i": i32::MAX})]);
    let answers = ours(&case("STRING", "out", "repeat(s, i)"), &batch).unwrap();
    assert_eq!(answers, [Ok(Some(json!("")))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whatever stands in the rows, they come out or are bad.
    #[test]
    fn no_row_stops_an_expression(texts in vec("\\PC{0,12}|[-0-9 :TZ+./]{0,24}|[\\[\\]{}\":,a-z0-9]{0,16}", 8), n in any::<i64>(), d in any::<f64>()) {
        let rows: Vec<Value> = texts
            .iter()
            .map(|text| json!({"s": text, "t": text, "j": text, "iso": text, "dt": text, "n": n, "ts": n, "i": n as i32,
                "d": if d.is_finite() { d } else { 0.0 }, "ss": [text, text], "ii": [n as i32]}))
            .collect();
        let batch = batch_of(&columns(), &rows);
        for case in cases() {
            if let Ok(answers) = ours(&case, &batch) {
                prop_assert_eq!(answers.len(), rows.len());
            }
        }
    }

    /// Whatever stands in a table config, it is planned or refused.
    #[test]
    fn no_expression_stops_a_plan(text in "\\PC{0,40}|([a-z]{1,6}[(),'\"+*/<=-]{0,3}){0,8}|(upper[(]){0,200}") {
        let batch = batch_of(&columns(), &[json!({"s": "x"})]);
        let _ = ours(&case("STRING", "out", &text), &batch);
    }
}
