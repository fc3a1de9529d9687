//! JSON beyond single rules: layouts, types, exact numbers.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use pinotage_common::ErrorKind;
use pinotage_formats::{Format, ReadOptions, UnknownColumns, infer_schema, open};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{batches_of, file, read};

#[test]
fn lines_arrays_and_pretty_printed_objects_give_the_same_rows() {
    let rows: Vec<Value> = (0..50)
        .map(|i| json!({"n": i, "s": format!("a \"{i}\" ü\n\\ [{{"), "o": {"x": [i, null]}, "f": f64::from(i) / 3.0}))
        .collect();
    let lines: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
    let pretty: String = rows.iter().map(|row| serde_json::to_string_pretty(row).unwrap() + "\n").collect();
    let texts = [lines, Value::Array(rows.clone()).to_string(), serde_json::to_string_pretty(&rows).unwrap(), pretty];
    for batch_rows in [1, 7, 1000] {
        let found: Vec<_> =
            texts.iter().map(|text| read(&file("d.json", text).path, &batches_of(batch_rows)).unwrap()).collect();
        for (other, text) in found.iter().zip(&texts) {
            assert!(other.bad.is_empty(), "{:?}", other.bad);
            assert_eq!(other.batch, found[0].batch);
            for (place, row) in other.places.iter().zip(&rows) {
                let raw = place.3.as_ref().unwrap();
                assert_eq!(&serde_json::from_slice::<Value>(raw).unwrap(), row);
                let offset = place.2.unwrap() as usize;
                assert_eq!(&text.as_bytes()[offset..offset + raw.len()], raw.as_slice());
                let line = 1 + text[..offset].matches('\n').count() as u64;
                assert_eq!(place.1, Some(line));
            }
        }
        assert_eq!(found[0].batch.column(0).as_primitive::<Int64Type>().value(49), 49);
    }
}

#[test]
fn text_columns_keep_numbers_and_nested_values_exactly() {
    let text = r#"{"a":123456789012345678901234567890.10}
{"a": {"k" : [1, 2.50, "x \" y" ], "z":null}}
{"a":[ ]}
{"a":true}
{"a":"plain \u00fc \ud83c\udf77"}
{"a":null}
{}"#;
    let found = read(&file("d.json", text).path, &ReadOptions::default()).unwrap();
    assert!(found.bad.is_empty(), "{:?}", found.bad);
    let expected = StringArray::from(vec![
        Some("123456789012345678901234567890.10"),
        Some(r#"{"k":[1,2.50,"x \" y"],"z":null}"#),
        Some("[]"),
        Some("true"),
        Some("plain ü 🍷"),
        None,
        None,
    ]);
    assert_eq!(found.batch.column(0).as_string::<i32>(), &expected);
}

#[test]
fn numbers_are_exact_or_refused() {
    let declared = vec![Field::new("a", DataType::Int64, true), Field::new("f", DataType::Float64, true)];
    let options = ReadOptions { declared, ..ReadOptions::default() };
    let text = "{\"a\":1.0}\n{\"a\":12e2}\n{\"a\":\"42\"}\n{\"a\":9223372036854775807}\n{\"f\":\"1.5\"}\n{\"f\":0.1}\n{\"a\":-0}\n";
    let found = read(&file("d.json", text).path, &options).unwrap();
    assert!(found.bad.is_empty(), "{:?}", found.bad);
    let ints: Vec<_> = found.batch.column(0).as_primitive::<Int64Type>().iter().flatten().collect();
    assert_eq!(ints, [1, 1200, 42, i64::MAX, 0]);
    let floats: Vec<_> = found.batch.column(1).as_primitive::<Float64Type>().iter().flatten().collect();
    assert_eq!(floats, [1.5, 0.1]);
}

#[test]
fn unknown_keys_can_be_ignored_and_projected_columns_are_not_unknown() {
    let text = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\",\"c\":[1,{\"d\":\"}\"}]}\n";
    let data = file("d.json", text);
    let sampled = ReadOptions { sample_rows: 1, ..ReadOptions::default() };
    assert_eq!(read(&data.path, &sampled).unwrap().bad.len(), 1);
    let ignore = ReadOptions { unknown_columns: UnknownColumns::Ignore, ..sampled.clone() };
    assert_eq!(read(&data.path, &ignore).unwrap().batch.num_rows(), 2);
    let projected = ReadOptions { columns: Some(vec!["b".into()]), ..ReadOptions::default() };
    let found = read(&data.path, &projected).unwrap();
    assert_eq!((found.batch.num_rows(), found.batch.num_columns()), (2, 1));
    let none = ReadOptions { columns: Some(vec![]), ..ReadOptions::default() };
    assert_eq!(read(&data.path, &none).unwrap().batch.num_rows(), 2);
}

#[test]
fn single_values_become_lists_of_one() {
    let declared = vec![Field::new("l", DataType::new_list(DataType::Int64, true), true)];
    let options = ReadOptions { declared, ..ReadOptions::default() };
    let found = read(&file("d.json", "{\"l\":5}\n{\"l\":[1,2]}\n{\"l\":null}\n").path, &options).unwrap();
    let lists = found.batch.column(0).as_list::<i32>();
    assert_eq!(lists.value(0).as_primitive::<Int64Type>().values(), &[5]);
    assert_eq!((lists.value_length(1), lists.is_null(2)), (2, true));
}

#[test]
fn empty_files_have_no_rows() {
    for text in ["", "\n\n", "[]", " [ ] \n"] {
        let data = file("d.json", text);
        let found = read(&data.path, &ReadOptions::default()).unwrap();
        assert_eq!((found.batch.num_rows(), found.batch.num_columns()), (0, 0));
        let declared = vec![Field::new("a", DataType::Int64, false)];
        let options = ReadOptions { declared, ..ReadOptions::default() };
        let schema = infer_schema(&data.path, Format::Json, &options).unwrap();
        assert_eq!(schema.field(0), &Field::new("a", DataType::Int64, true));
        assert!(open(&data.path, Format::Json, &options, Some(schema)).unwrap().next_batch().unwrap().is_none());
    }
}

#[test]
fn a_truncated_array_is_an_error() {
    let whole = "[{\"a\":1},\n{\"a\":\"x,]\"},{\"a\":[1]}]";
    for cut in 1..whole.len() {
        let data = file("d.json", &whole[..cut]);
        let schema = Arc::new(arrow::datatypes::Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let mut reader = open(&data.path, Format::Json, &ReadOptions::default(), Some(schema)).unwrap();
        let error = loop {
            match reader.next_batch() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{cut} bytes were silent"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::CorruptSegment);
        assert!(error.to_string().contains("offset"), "{error}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~ü\n\"\\\\\u{0}-\u{1f}🍷]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c\"ü]{1,3}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_value_survives_as_text(values in prop::collection::vec(value(), 1..20), pretty in any::<bool>(), batch_rows in 1usize..7) {
        let rows: Vec<Value> = values.iter().map(|value| json!({"v": value, "w": 1})).collect();
        let text = if pretty { serde_json::to_string_pretty(&rows).unwrap() } else { Value::Array(rows).to_string() };
        let options = ReadOptions { declared: vec![Field::new("v", DataType::Utf8, true)], ..batches_of(batch_rows) };
        let found = read(&file("d.json", text).path, &options).unwrap();
        prop_assert!(found.bad.is_empty(), "{:?}", found.bad);
        for (value, text) in values.iter().zip(found.batch.column(0).as_string::<i32>()) {
            let expected = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            prop_assert_eq!(text.map(str::to_owned), expected);
        }
    }

    #[test]
    fn any_line_is_good_exactly_when_serde_json_says_so(row in "[{}\\[\\]a\":,0-9.e\\-\\\\ untrefals]{1,24}") {
        // Starting with a key and a good first line keeps the file a file of lines.
        let row = format!("{{\"v\":{row}");
        let text = format!("{{\"v\":1}}\n{row}\n");
        let options = ReadOptions {
            declared: vec![Field::new("v", DataType::Utf8, true)],
            unknown_columns: UnknownColumns::Ignore,
            ..ReadOptions::default()
        };
        let found = read(&file("d.json", text).path, &options).unwrap();
        let oracle = serde_json::from_str::<Map<String, Value>>(row.trim_end());
        let duplicate = found.bad.iter().any(|bad| bad.rule == pinotage_formats::rule::DUPLICATE_KEY);
        prop_assert!(duplicate || found.bad.is_empty() == oracle.is_ok(), "{} {:?} {:?}", row, oracle, found.bad);
    }
}
