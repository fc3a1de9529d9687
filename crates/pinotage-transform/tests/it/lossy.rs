//! Every conversion in which Pinot changes a value: the table of `docs/reference/type-table.md`, beside Pinot's own pipeline.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::Float64Type;
use pinotage_transform::{ConformOptions, rule};
use serde_json::{Value, json};

use super::conform_with;
use super::transforms::{asked, judged};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/type-table.md");
const TITLE: &str = "| column | value | Pinot 1.5.1 stores | here |";

/// A value on its way into a column.
enum Input {
    Long(i64),
    Double(f64),
    /// Unscaled digits and a scale.
    Decimal(i128, i8),
    Text(&'static str),
    Doubles(&'static [Option<f64>]),
}

use Input::{Decimal, Double, Doubles, Long, Text};

impl Input {
    /// Pinot's type, the value for the judge, the value for us, and the text for the page.
    fn forms(&self) -> (&'static str, Value, ArrayRef, String) {
        match self {
            Long(value) => ("LONG", json!(value), Arc::new(Int64Array::from(vec![*value])), format!("Int64 {value}")),
            Double(value) => {
                // JSON has no NaN.
                let text = if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") };
                ("DOUBLE", json!(text), Arc::new(Float64Array::from(vec![*value])), format!("Float64 {text}"))
            }
            Decimal(digits, scale) => {
                let array = Decimal128Array::from(vec![*digits]).with_precision_and_scale(38, *scale).unwrap();
                let text = arrow::util::display::array_value_to_string(&array, 0).unwrap();
                ("BIG_DECIMAL", json!(text), Arc::new(array), format!("Decimal {text}"))
            }
            Text(text) => {
                let shown = text.replace('\0', "\\0");
                ("STRING", json!(text), Arc::new(StringArray::from(vec![*text])), format!("text `{shown}`"))
            }
            Doubles(items) => {
                let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(items.to_vec())]);
                let shown: Vec<String> =
                    items.iter().map(|item| item.map_or("null".to_owned(), |item| format!("{item:?}"))).collect();
                ("LIST", json!(items), Arc::new(list), format!("list [{}]", shown.join(", ")))
            }
        }
    }
}

/// What the column is, the rest of its field, the value, and what Pinot stores.
fn cases() -> Vec<(&'static str, &'static str, Input, &'static str)> {
    let short = r#""dataType": "STRING", "maxLength": 3, "maxLengthExceedStrategy""#;
    let trimming: &'static str = Box::leak(format!(r#"{short}: "TRIM_LENGTH""#).into_boxed_str());
    let substituting: &'static str = Box::leak(format!(r#"{short}: "SUBSTITUTE_DEFAULT_VALUE""#).into_boxed_str());
    let failing: &'static str = Box::leak(format!(r#"{short}: "ERROR""#).into_boxed_str());
    let int = ("INT", r#""dataType": "INT""#);
    let long = ("LONG", r#""dataType": "LONG""#);
    let float = ("FLOAT", r#""dataType": "FLOAT""#);
    let double = ("DOUBLE", r#""dataType": "DOUBLE""#);
    let boolean = ("BOOLEAN", r#""dataType": "BOOLEAN""#);
    let decimal = ("BIG_DECIMAL", r#""dataType": "BIG_DECIMAL""#);
    let string = ("STRING", r#""dataType": "STRING""#);
    let json = ("JSON", r#""dataType": "JSON""#);
    let doubles = ("DOUBLE, multi-value", r#""dataType": "DOUBLE", "singleValueField": false"#);
    let case = |(column, field), input, pinot| (column, field, input, pinot);
    vec![
        case(int, Long(4_294_967_297), "1"),
        case(int, Double(1.9), "1"),
        case(int, Double(1e10), "2147483647"),
        case(int, Double(f64::NAN), "0"),
        case(int, Decimal(15, 1), "1"),
        case(int, Decimal(4_294_967_297, 0), "1"),
        case(long, Double(0.5), "0"),
        case(long, Double(1e300), "9223372036854775807"),
        case(long, Decimal(100_000_000_000_000_000_001, 0), "7766279631452241921"),
        case(float, Long(16_777_217), "1.6777216E7"),
        case(float, Double(0.123456789), "0.12345679"),
        case(float, Double(1e300), "Infinity"),
        case(float, Text("1e39"), "Infinity"),
        case(float, Decimal(123_456_789, 9), "0.12345679"),
        case(double, Long(9_007_199_254_740_993), "9.007199254740992E15"),
        case(double, Decimal(1_234_567_890_123_456_789, 19), "0.12345678901234568"),
        case(double, Text("1e999"), "Infinity"),
        case(double, Text("0x1p3"), "8.0"),
        case(double, Text("1.5f"), "1.5"),
        case(boolean, Text("yes"), "0"),
        case(boolean, Text("t"), "0"),
        case(json, Text("[1] [2]"), "[1]"),
        case(double, Double(f64::NAN), "null"),
        case(double, Double(-0.0), "0.0"),
        case(doubles, Doubles(&[]), "null"),
        case(doubles, Doubles(&[Some(1.0), None]), "[1.0]"),
        case(doubles, Doubles(&[Some(-0.0), Some(f64::NAN)]), "[0.0]"),
        case(decimal, Text("1.50"), "1.5"),
        case(string, Text("a\0b"), "a"),
        case(("STRING, `maxLength` 3, TRIM_LENGTH", trimming), Text("abcd"), "abc"),
        case(("STRING, `maxLength` 3, TRIM_LENGTH", trimming), Text("ab\u{1F600}"), "ab?"),
        case(("STRING, `maxLength` 3, SUBSTITUTE_DEFAULT_VALUE", substituting), Text("abcd"), "null"),
        case(("STRING, `maxLength` 3, ERROR", failing), Text("abcd"), "an error"),
        case(json, Text(r#"{"b": 1.50, "b": 1e3}"#), r#"{"b":1E+3}"#),
        case(json, Text("no json"), r#""no json""#),
    ]
}

/// What is stored here.
fn here(field: &str, array: ArrayRef) -> String {
    let rows = conform_with(field, array, ConformOptions::default()).unwrap();
    if let Some(bad) = rows.bad.first() {
        return format!("bad row, `{}`", bad.rule);
    }
    let column = rows.batch.column(0);
    let value = match column.is_null(0) {
        true => "null".to_owned(),
        false => format!("`{}`", arrow::util::display::array_value_to_string(column, 0).unwrap()),
    };
    let rules: Vec<String> = rows.changes.0.keys().map(|(_, rule)| format!("`{rule}`")).collect();
    match rules.is_empty() {
        true => value,
        false => format!("{value}, counted as {}", rules.join(" and ")),
    }
}

#[test]
fn conversions_that_lose_something_are_as_the_page_says() {
    let cases = cases();
    let mut lines = format!("{TITLE}\n| --- | --- | --- | --- |\n");
    for (column, field, input, pinot) in &cases {
        let (.., array, shown) = input.forms();
        let stored = if matches!(*pinot, "null" | "an error") { (*pinot).to_owned() } else { format!("`{pinot}`") };
        lines.push_str(&format!("| {column} | {shown} | {stored} | {} |\n", here(field, array)));
    }
    // Nothing that Pinot changes in a number is stored here in silence.
    let silent: Vec<&str> =
        lines.lines().skip(2).filter(|line| !line.contains("bad row") && !line.contains("counted")).collect();
    assert!(silent.is_empty(), "{silent:#?}");
    for rule in [rule::NOT_EXACT, rule::OUT_OF_RANGE, rule::WRONG_TYPE] {
        assert!(lines.contains(&format!("bad row, `{rule}`")), "{rule}");
    }

    let page = std::fs::read_to_string(PAGE).unwrap();
    if std::env::var_os("PINOTAGE_UPDATE_DOCS").is_some() {
        let (before, rest) = page.split_once(TITLE).unwrap();
        let behind = rest.split_once("\n\n").unwrap().1;
        std::fs::write(PAGE, format!("{before}{lines}\n{behind}")).unwrap();
    } else {
        assert!(page.contains(&lines), "run again with PINOTAGE_UPDATE_DOCS=1; expected\n{lines}");
    }

    let columns: Vec<Value> =
        ["LONG", "DOUBLE", "BIG_DECIMAL", "STRING", "LIST"].map(|kind| json!({"name": kind, "type": kind})).into();
    let asked_of = |(at, (_, field, input, _)): (usize, &(&str, &str, Input, &str))| {
        let (kind, value, ..) = input.forms();
        let mut field: Value = serde_json::from_str(&format!("{{{field}}}")).unwrap();
        field["name"] = kind.into();
        json!({"id": at, "schema": {"schemaName": "t", "dimensionFieldSpecs": [field]}, "rows": [{kind: value}],
            "table": {"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"}, "tenants": {},
                "tableIndexConfig": {}, "metadata": {}}})
    };
    let input =
        json!({"columns": columns, "rows": [], "cases": cases.iter().enumerate().map(asked_of).collect::<Vec<_>>()});
    let Some(answers) = asked("transforms", Some(&input)) else { return };
    let mut wrong = Vec::new();
    for (answer, (column, _, input, expected)) in answers.lines().zip(&cases) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let (kind, .., shown) = input.forms();
        let found = match &answer["rows"][0] {
            Value::Array(rows) => match &rows[0][kind] {
                Value::Null => "null".to_owned(),
                Value::Array(items) => {
                    format!("[{}]", items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(", "))
                }
                value => value.as_str().unwrap().to_owned(),
            },
            Value::String(_) => "an error".to_owned(),
            _ => answer.to_string(),
        };
        if found != *expected {
            wrong.push(format!("{column} of {shown}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the readers of 1.5.1 make of dates (days) and of timestamps, in columns that are no times.
#[test]
fn dates_and_timestamps_are_counted_as_pinot_counts_them() {
    let millis = 1_700_000_000_123_i64;
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![millis]).with_timezone("UTC"));
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![19_675]));
    let cases = [
        ("LONG", "TIMESTAMP", json!(millis), &times, "1700000000123"),
        ("INT", "INT", json!(19_675), &dates, "19675"),
        ("LONG", "INT", json!(19_675), &dates, "19675"),
    ];
    let mut asked_of = Vec::new();
    for (at, (column, kind, value, array, stored)) in cases.iter().enumerate() {
        assert_eq!(here(&format!(r#""dataType": "{column}""#), Arc::clone(array)), format!("`{stored}`"), "{kind}");
        let field = json!({"name": kind, "dataType": column});
        asked_of.push(
            json!({"id": at, "schema": {"schemaName": "t", "dimensionFieldSpecs": [field]}, "rows": [{*kind: value}],
            "table": {"tableName": "t", "tableType": "OFFLINE", "segmentsConfig": {"replication": "1"}, "tenants": {},
                "tableIndexConfig": {}, "metadata": {}}}),
        );
    }
    let columns: Vec<Value> = ["TIMESTAMP", "INT"].map(|kind| json!({"name": kind, "type": kind})).into();
    let Some(answers) = judged(&json!({"columns": columns, "rows": [], "cases": asked_of})) else { return };
    for (answer, (_, kind, .., stored)) in answers.iter().zip(&cases) {
        assert_eq!(answer["rows"][0][0][kind], json!(stored), "{answer}");
    }
}
