//! Every rule with its exact place, column and raw text.

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type};
use pinotage_formats::{BadRow, CsvOptions, ReadOptions, rule};

use crate::{batches_of, file, read};

fn declared(name: &str, data_type: DataType) -> ReadOptions {
    ReadOptions { declared: vec![Field::new(name, data_type, false)], ..ReadOptions::default() }
}

/// The one bad row of a text whose other rows are good.
fn only_bad(name: &str, text: &[u8], options: &ReadOptions, good: usize) -> BadRow {
    let data = file(name, text);
    let mut everything = read(&data.path, options).unwrap();
    assert_eq!(everything.batch.num_rows(), good, "{:?}", everything.bad);
    assert_eq!(everything.bad.len(), 1, "{:?}", everything.bad);
    let bad = everything.bad.remove(0);
    let offset = bad.offset.unwrap() as usize;
    assert_eq!(text[offset..offset + bad.raw.len()], bad.raw);
    let line = 1 + text[..offset].iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(bad.line, Some(line as u64));
    bad
}

#[test]
fn csv_rules() {
    let integer = declared("b", DataType::Int32);
    for (text, options, rule, row_number, column, raw) in [
        (&b"a,b\n1,2\n1,2,3\n4,5\n"[..], &integer, rule::ROW_WIDTH, 1, None, &b"1,2,3"[..]),
        (b"a,b\n1,2\n1\r\n4,5\n", &integer, rule::ROW_WIDTH, 1, None, b"1"),
        (b"a,b\n1,2\n4,5\n\"x\"y,2\n", &integer, rule::MALFORMED_CSV, 2, None, b"\"x\"y,2"),
        (b"a,b\n1,2\n4,5\n6,\"7\n8,9\n", &integer, rule::MALFORMED_CSV, 2, None, b"6,\"7\n8,9\n"),
        (b"a,b\n\"x\ny\",1.5\n1,2\n4,5\n", &integer, rule::WRONG_TYPE, 0, Some("b"), b"\"x\ny\",1.5"),
        (b"a,b\r\n1,2\r\n\r\n3,5000000000\r\n4,5\r\n", &integer, rule::OUT_OF_RANGE, 1, Some("b"), b"3,5000000000"),
        (b"a,b\n\xff,2\n4,5\nx,6", &integer, rule::INVALID_UTF8, 0, Some("a"), b"\xff,2"),
        (b"a,b\nx,1\ny,2\nz,1e999", &declared("b", DataType::Float64), rule::OUT_OF_RANGE, 2, Some("b"), b"z,1e999"),
        (b"a,b\nx,1\ny,2\nz,FALSE", &declared("b", DataType::Boolean), rule::WRONG_TYPE, 1, Some("b"), b"y,2"),
    ] {
        let bad = only_bad("d.csv", text, options, 2);
        assert_eq!(bad.rule, rule, "{bad:?}");
        assert_eq!(bad.row_number, row_number, "{bad:?}");
        assert_eq!(bad.column.as_deref(), column, "{bad:?}");
        assert_eq!(bad.raw, raw, "{bad:?}");
        assert!(!bad.message.is_empty());
    }
}

#[test]
fn json_rules() {
    let integer = declared("a", DataType::Int32);
    let long = declared("a", DataType::Int64);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    for (row, options, rule, column) in [
        (r#"{"a":1"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"a":01}"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"a":1} x"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"a" 1}"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"a":1,}"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"s":"\ud800"}"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"s":"\x"}"#, &integer, rule::MALFORMED_JSON, None),
        (r#"{"s":nul}"#, &integer, rule::MALFORMED_JSON, None),
        (deep.as_str(), &integer, rule::MALFORMED_JSON, None),
        ("[1]", &integer, rule::NOT_AN_OBJECT, None),
        ("17", &integer, rule::NOT_AN_OBJECT, None),
        (r#"{"a":1.5}"#, &integer, rule::WRONG_TYPE, Some("a")),
        (r#"{"a":"x"}"#, &integer, rule::WRONG_TYPE, Some("a")),
        (r#"{"a":true}"#, &integer, rule::WRONG_TYPE, Some("a")),
        (r#"{"a":[1,2]}"#, &integer, rule::WRONG_TYPE, Some("a")),
        (r#"{"a":{"x":1}}"#, &integer, rule::WRONG_TYPE, Some("a")),
        (r#"{"a":5000000000}"#, &integer, rule::OUT_OF_RANGE, Some("a")),
        (r#"{"a":9223372036854775808}"#, &long, rule::OUT_OF_RANGE, Some("a")),
        (r#"{"a":1e30}"#, &long, rule::OUT_OF_RANGE, Some("a")),
        (r#"{"a":1,"later":2}"#, &integer, rule::UNKNOWN_COLUMN, Some("later")),
        (r#"{"o":{"x":1,"y":2}}"#, &integer, rule::UNKNOWN_COLUMN, Some("o.y")),
        (r#"{"o":{"x":"u"}}"#, &integer, rule::WRONG_TYPE, Some("o.x")),
        (r#"{"l":[1,"u"]}"#, &integer, rule::WRONG_TYPE, Some("l")),
        (r#"{"a":1,"a":2}"#, &integer, rule::DUPLICATE_KEY, Some("a")),
        (r#"{"o":{"x":1,"x":1}}"#, &integer, rule::DUPLICATE_KEY, Some("o.x")),
    ] {
        let good = r#"{"a":1,"s":"t","o":{"x":1},"l":[1]}"#;
        let options = ReadOptions { sample_rows: 1, ..options.clone() };
        let text = format!("{good}\n\n  {row}\n{good}\n");
        let bad = only_bad("d.json", text.as_bytes(), &options, 2);
        assert_eq!(bad.rule, rule, "{row}: {bad:?}");
        assert_eq!(bad.column.as_deref(), column, "{row}: {bad:?}");
        assert_eq!((bad.row_number, bad.line, bad.raw), (1, Some(3), row.as_bytes().to_vec()));
    }
    let text = b"{\"s\":\"x\"}\n{\"s\":\"\xff\"}\n";
    let bad = only_bad("d.json", text, &ReadOptions::default(), 1);
    assert_eq!((bad.rule, bad.offset), (rule::INVALID_UTF8, Some(10)));
}

#[test]
fn all_rules_are_kebab_case_and_unique() {
    let unique: std::collections::HashSet<_> = rule::ALL.iter().collect();
    assert_eq!(unique.len(), rule::ALL.len());
    assert!(rule::ALL.iter().all(|rule| rule.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b == b'8')));
}

#[test]
fn good_rows_keep_order_and_place_around_bad_ones_at_every_border() {
    // Bad rows at the start, the end, in runs and alone, against batches of every small size.
    for pattern in ["b", "g", "bg", "gb", "ggbgg", "bbgbb", "gbgbgbg", "ggggbbbb", "bbbbgggg"] {
        for rows in 1..6 {
            for format in ["csv", "json", "array"] {
                let mut text = String::from(match format {
                    "csv" => "n\n",
                    "json" => "",
                    _ => "[\n",
                });
                let mut expected = Vec::new();
                for (i, kind) in pattern.chars().enumerate() {
                    let value = if kind == 'g' { i.to_string() } else { "\"x\"".to_owned() };
                    let row = if format == "csv" { value } else { format!("{{\"n\":{value}}}") };
                    if kind == 'g' {
                        let line = 1 + text.matches('\n').count() as u64;
                        expected.push((i as u64, Some(line), Some(text.len() as u64), Some(row.clone().into_bytes())));
                    }
                    text.push_str(&row);
                    let last = i + 1 == pattern.len();
                    text.push_str(if format == "array" && !last { ",\n" } else { "\n" });
                }
                if format == "array" {
                    text.push(']');
                }
                let options =
                    ReadOptions { declared: vec![Field::new("n", DataType::Int64, true)], ..batches_of(rows) };
                let name = if format == "csv" { "d.csv" } else { "d.json" };
                let data = file(name, &text);
                let found = read(&data.path, &options).unwrap();
                assert_eq!(found.places, expected, "{pattern} {rows} {format}");
                let values: Vec<u64> = found
                    .batch
                    .column(0)
                    .as_primitive::<Int64Type>()
                    .values()
                    .iter()
                    .map(|&value| value as u64)
                    .collect();
                let numbers: Vec<u64> = expected.iter().map(|place| place.0).collect();
                assert_eq!(values, numbers);
                assert_eq!(found.bad.len(), pattern.matches('b').count());
                assert!(found.bad.iter().all(|bad| bad.rule == rule::WRONG_TYPE));
            }
        }
    }
}

#[test]
fn a_bad_row_is_reported_once_with_its_leftmost_column() {
    let options = ReadOptions {
        declared: ["a", "b"].map(|name| Field::new(name, DataType::Int64, true)).to_vec(),
        csv: CsvOptions { null_values: vec!["NULL".into()], ..CsvOptions::default() },
        ..ReadOptions::default()
    };
    let data = file("d.csv", "b,a\nx,y\nNULL,1\n,2\n");
    let found = read(&data.path, &options).unwrap();
    assert_eq!(found.bad.len(), 2);
    assert_eq!(found.bad[0].column.as_deref(), Some("b"));
    // Without the empty text among the nulls, it is not a number.
    assert_eq!(found.bad[1].rule, rule::WRONG_TYPE);
    assert_eq!(found.batch.column(0).as_ref(), &Int64Array::from(vec![None::<i64>]));
}
