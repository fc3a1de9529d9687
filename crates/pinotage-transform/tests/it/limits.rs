//! `maxLength`, `maxLengthExceedStrategy` and the checks of times beside Pinot's own transform pipeline.

use arrow::datatypes::DataType;
use pinotage_spec::{ColumnPlan, DEFAULT_MAX_LENGTH, Schema, TableConfig};
use pinotage_testkit::stored;
use pinotage_transform::{ConformOptions, Conformer};
use serde_json::{Value, json};

use crate::transforms::{batch_of, judged};

fn rows() -> Vec<Value> {
    let texts = [
        "abc",
        "abcde",
        "abcdef",
        "abcd\u{1F600}",
        "\u{1F600}\u{1F600}\u{1F600}",
        "a\0bcdefgh",
        "\0",
        "",
        "abcdefgh\0",
    ];
    let documents = ["{\"a\":1}", "{\"a\":1234567}", "\"\\u0000\"", "[1, 2, 3]", "{}", "1", "no json at all", "", "[]"];
    let bytes = ["", "00", "001122", "00112233", "ff", "ffffffffff", "aa", "bb", "cc"];
    let times = [
        1_700_000_000_000_i64,
        31_536_000_000,
        31_535_999_999,
        0,
        -1,
        3_187_296_000_000,
        i64::MAX,
        3_187_296_000_001,
        5,
    ];
    let mut rows: Vec<Value> = (0..9)
        .map(|at| json!({"s": texts[at], "j": documents[at], "x": bytes[at], "ss": [texts[at], "z"], "ts": times[at]}))
        .collect();
    // Within the limit of columns that say none, and one beyond it.
    for length in [DEFAULT_MAX_LENGTH, DEFAULT_MAX_LENGTH + 1] {
        let document = format!("{{\"a\":\"{}\"}}", "d".repeat(length - 8));
        rows.push(json!({"s": "\u{e9}".repeat(length), "j": document, "x": "0a".repeat(length), "ss": ["y", "t".repeat(length)], "ts": 5}));
    }
    rows.push(json!({"ts": 1_700_000_000_000_i64}));
    for (at, row) in rows.iter_mut().enumerate() {
        row["id"] = at.to_string().into();
        row["day"] = row["s"].clone();
        row["sum"] = row["x"].clone();
        row["xx"] = if row["x"].is_null() { Value::Null } else { json!([row["x"], "0b"]) };
    }
    rows
}

const COLUMNS: [(&str, &str, DataType); 7] = [
    ("id", "STRING", DataType::Utf8),
    ("s", "STRING", DataType::Utf8),
    ("day", "STRING", DataType::Utf8),
    ("j", "STRING", DataType::Utf8),
    ("x", "BYTES", DataType::Binary),
    ("sum", "BYTES", DataType::Binary),
    ("ts", "LONG", DataType::Int64),
];

/// A column of the schema: name, list of the schema, type, `maxLength`, `defaultNullValue`.
type Limited = (&'static str, &'static str, &'static str, usize, &'static str);

const LIMITED: [Limited; 7] = [
    ("s", "dimensionFieldSpecs", "STRING", 5, "none"),
    ("ss", "dimensionFieldSpecs", "STRING", 5, "none at all"),
    ("day", "dateTimeFieldSpecs", "STRING", 5, "1970-01-01"),
    ("j", "dimensionFieldSpecs", "JSON", 8, "{\"none\":1}"),
    ("x", "dimensionFieldSpecs", "BYTES", 3, "abcdef01"),
    ("xx", "dimensionFieldSpecs", "BYTES", 3, "ab"),
    ("sum", "metricFieldSpecs", "BYTES", 3, "ff"),
];

const STRATEGIES: [Option<&str>; 5] =
    [None, Some("TRIM_LENGTH"), Some("ERROR"), Some("SUBSTITUTE_DEFAULT_VALUE"), Some("NO_ACTION")];

struct Case {
    id: String,
    compared: Vec<&'static str>,
    schema: Value,
    table: Value,
}

fn case(id: String, compared: Vec<&'static str>, fields: Vec<(&str, Value)>, ingestion: Value) -> Case {
    let time =
        json!({"name": "ts", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"});
    let mut schema = json!({"schemaName": "t", "dimensionFieldSpecs": [{"name": "id", "dataType": "STRING"}],
        "metricFieldSpecs": [], "dateTimeFieldSpecs": [time]});
    for (list, field) in fields {
        schema[list].as_array_mut().unwrap().push(field);
    }
    let table = json!({"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1", "timeColumnName": "ts"},
        "tenants": {}, "tableIndexConfig": {}, "metadata": {}, "ingestionConfig": ingestion});
    Case { id, compared, schema, table }
}

fn field(
    (name, list, kind, ..): Limited,
    strategy: Option<&str>,
    limit: Option<usize>,
    default: Option<&str>,
) -> Value {
    let mut field = json!({"name": name, "dataType": kind});
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            field[key] = value;
        }
    };
    set("maxLengthExceedStrategy", strategy.map(Value::from));
    set("maxLength", limit.map(Value::from));
    set("defaultNullValue", default.map(Value::from));
    set("singleValueField", matches!(name, "ss" | "xx").then(|| false.into()));
    if list == "dateTimeFieldSpecs" {
        set("format", Some("1:DAYS:SIMPLE_DATE_FORMAT:yyyy-MM-dd".into()));
        set("granularity", Some("1:DAYS".into()));
    }
    field
}

/// Each kind of column with each strategy, with and without `maxLength` and `defaultNullValue`; columns that have different
/// ones beside each other; and times. Times of the other cases are not checked.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for column in LIMITED {
        let (name, list, _, limit, default) = column;
        for strategy in STRATEGIES {
            for (limit, default) in [
                (Some(limit), None),
                (Some(limit), Some(default)),
                (None, None),
                (None, Some(default)),
                (Some(0), None),
            ] {
                let id = format!("{name} {strategy:?} {limit:?} {default:?}");
                cases.push(case(id, vec![name], vec![(list, field(column, strategy, limit, default))], json!({})));
            }
        }
    }
    for turn in 0..STRATEGIES.len() {
        let fields = LIMITED.iter().enumerate().map(|(at, column)| {
            let strategy = STRATEGIES[(at + turn) % STRATEGIES.len()];
            (column.1, field(*column, strategy, Some(column.3 + turn % 2), Some(column.4)))
        });
        let compared = LIMITED.iter().map(|column| column.0).collect();
        cases.push(case(format!("all of them, turn {turn}"), compared, fields.collect(), json!({})));
    }
    cases.push(case("ts".to_owned(), vec!["ts"], vec![], json!({"rowTimeValueCheck": true})));
    cases
}

#[test]
fn lengths_and_times_are_limited_as_in_pinot() {
    let (rows, cases) = (rows(), cases());
    let mut names: Vec<Value> = COLUMNS.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
    names.extend(["ss", "xx"].map(|name| json!({"name": name, "type": "ANY"})));
    let asked: Vec<Value> =
        cases.iter().map(|case| json!({"id": case.id, "schema": case.schema, "table": case.table})).collect();
    let Some(answers) = judged(&json!({"columns": names, "rows": rows, "cases": asked})) else { return };
    let mut columns: Vec<(&str, &str, DataType)> = COLUMNS.to_vec();
    columns.extend(["ss", "xx"].map(|name| (name, "ANY", DataType::new_list(DataType::Utf8, true))));
    let batch = batch_of(&columns, &rows);
    let (mut different, mut bad) = (Vec::new(), 0);
    assert_eq!(answers.len(), cases.len());
    for (case, theirs) in cases.iter().zip(&answers) {
        let schema = Schema::from_document(case.schema.clone()).unwrap();
        let table = TableConfig::from_document(case.table.clone()).unwrap();
        let plan = ColumnPlan::resolve(&schema, &table).unwrap();
        let time = (case.id == "ts").then_some("ts");
        let conformer = Conformer::try_new(&plan, time, &batch.schema(), ConformOptions::default()).unwrap();
        let made = conformer.conform(&batch).unwrap();
        let kept = made.kept.unwrap_or_else(|| (0..rows.len() as u32).collect());
        let answers = theirs["rows"].as_array().unwrap_or_else(|| panic!("{}: {theirs}", case.id));
        assert_eq!(answers.len(), rows.len());
        for (row, theirs) in answers.iter().enumerate() {
            let at = kept.iter().position(|kept| *kept as usize == row);
            bad += usize::from(at.is_none());
            if at.is_none() != theirs.is_string() {
                different.push(format!("{} row {row}: {at:?}, Pinot's {theirs} of {}", case.id, rows[row]));
            }
            let Some(at) = at.filter(|_| theirs.is_array()) else { continue };
            for column in &case.compared {
                let (ours, theirs) = (stored(made.batch.column_by_name(column).unwrap(), at), &theirs[0][*column]);
                if ours != *theirs {
                    different.push(format!(
                        "{} {column} row {row}: ours {ours}, Pinot's {theirs} of {}",
                        case.id, rows[row]
                    ));
                }
            }
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(bad > 100, "{bad}");
}
