//! Pinot's known answers, and where we deliberately refuse to lose a number.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_spec::{ColumnPlan, Schema, TableConfig};
use pinotage_transform::{ConformOptions, Conformed, Conformer, rule};

fn plan(field: &str) -> Vec<ColumnPlan> {
    let list = if field.contains("\"format\"") { "dateTimeFieldSpecs" } else { "dimensionFieldSpecs" };
    let schema = Schema::from_json(&format!(r#"{{"schemaName": "t", "{list}": [{{"name": "c", {field}}}]}}"#)).unwrap();
    ColumnPlan::resolve(&schema, &TableConfig::from_json(r#"{"tableName": "t"}"#).unwrap()).unwrap()
}

fn conform_with(field: &str, array: ArrayRef, options: ConformOptions) -> pinotage_common::Result<Conformed> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
    Conformer::try_new(&plan(field), None, &batch.schema(), options)?.conform(&batch)
}

fn conform(field: &str, array: impl Array + 'static) -> Conformed {
    conform_with(field, Arc::new(array), ConformOptions::default()).unwrap()
}

/// What is stored for each text, `Err` with the rule that it breaks.
fn texts(data_type: &str, values: &[&str]) -> Vec<Result<String, &'static str>> {
    values
        .iter()
        .map(|value| {
            let rows = conform(&format!(r#""dataType": "{data_type}""#), StringArray::from(vec![*value]));
            match rows.bad.first() {
                Some(bad) => Err(bad.rule),
                None => {
                    let column = rows.batch.column(0);
                    Ok(arrow::util::display::array_value_to_string(column, 0).unwrap())
                }
            }
        })
        .collect()
}

#[test]
fn texts_become_numbers_or_bad_rows() {
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(
        texts("INT", &[" 12 ", "1.5", "", "5000000000", "-2147483648", "+7", "x"]),
        [
            ok("12"),
            Err(rule::WRONG_TYPE),
            Err(rule::WRONG_TYPE),
            Err(rule::OUT_OF_RANGE),
            ok("-2147483648"),
            ok("7"),
            Err(rule::WRONG_TYPE)
        ]
    );
    assert_eq!(
        texts("LONG", &["1.0", "9223372036854775807", "1e19"]),
        [Err(rule::WRONG_TYPE), ok("9223372036854775807"), Err(rule::WRONG_TYPE)]
    );
    assert_eq!(
        texts("DOUBLE", &["1.5", "-Infinity", "1e999", "inf", "abc"]),
        [ok("1.5"), ok("-inf"), Err(rule::OUT_OF_RANGE), Err(rule::WRONG_TYPE), Err(rule::WRONG_TYPE)]
    );
    assert_eq!(
        texts("BOOLEAN", &["TRUE", "1", "yes", "0"]),
        [ok("true"), ok("true"), Err(rule::WRONG_TYPE), ok("false")]
    );
    assert_eq!(
        texts("BIG_DECIMAL", &["1.500", "1E3", "1000", "x", "-0.00"]),
        [ok("1.5"), ok("1000"), ok("1000"), Err(rule::WRONG_TYPE), ok("0")]
    );
    assert_eq!(texts("BYTES", &["01fF", "0g"]), [ok("01ff"), Err(rule::WRONG_TYPE)]);
}

#[test]
fn texts_become_timestamps() {
    let rows = conform(
        r#""dataType": "TIMESTAMP""#,
        StringArray::from(vec!["2023-11-14 22:13:20", "2023-11-14T22:13:20Z", "2023-11-14", "1700000000000", "soon"]),
    );
    let millis = rows.batch.column(0).as_primitive::<TimestampMillisecondType>().values().to_vec();
    assert_eq!(millis, [1_700_000_000_000, 1_700_000_000_000, 1_699_920_000_000, 1_700_000_000_000]);
    assert_eq!((rows.bad[0].row, rows.kept), (4, Some(vec![0, 1, 2, 3])));
    let chatham = ConformOptions { time_zone: "Pacific/Chatham".parse().unwrap(), ..ConformOptions::default() };
    let local: ArrayRef = Arc::new(TimestampSecondArray::from(vec![1_700_000_000]));
    let rows = conform_with(r#""dataType": "TIMESTAMP""#, local, chatham).unwrap();
    assert_eq!(
        rows.batch.column(0).as_primitive::<TimestampMillisecondType>().value(0),
        1_700_000_000_000 - (13 * 60 + 45) * 60_000
    );
}

#[test]
fn json_is_written_as_jackson_does() {
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(
        texts(
            "JSON",
            &[r#"{"b": 1.50, "a":1e3}"#, "not json", "", r#"[ 1, 2.0 ,"é\u0001"]"#, "12345678901234567890123"]
        ),
        [
            ok(r#"{"b":1.5,"a":1E+3}"#),
            ok(r#""not json""#),
            ok(""),
            ok(r#"[1,2,"é\u0001"]"#),
            ok("12345678901234567890123")
        ]
    );
    let fields: Fields = vec![Field::new("k", DataType::Float64, true)].into();
    let inner: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
    let rows = conform(r#""dataType": "JSON""#, StructArray::new(fields, vec![inner], None));
    assert_eq!(
        rows.batch.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
        [r#"{"k":1}"#, r#"{"k":null}"#]
    );
}
use arrow::datatypes::{DataType, Field, Fields};

/// Pinot wraps, saturates or truncates here; a number that would change is a bad row with us.
#[test]
fn no_number_is_changed_in_silence() {
    let rows = conform(r#""dataType": "INT""#, Int64Array::from(vec![5_000_000_000, 7]));
    assert_eq!((rows.bad[0].rule, rows.batch.column(0).as_primitive::<Int32Type>().value(0)), (rule::OUT_OF_RANGE, 7));
    let rows = conform(r#""dataType": "INT""#, Float64Array::from(vec![1.9, 3e10, 2.0, f64::INFINITY]));
    assert_eq!(
        rows.bad.iter().map(|bad| bad.rule).collect::<Vec<_>>(),
        [rule::NOT_EXACT, rule::OUT_OF_RANGE, rule::OUT_OF_RANGE]
    );
    let rows = conform(r#""dataType": "LONG""#, UInt64Array::from(vec![u64::MAX, 1]));
    assert_eq!((rows.bad.len(), rows.batch.column(0).as_primitive::<Int64Type>().value(0)), (1, 1));
    let rows = conform(r#""dataType": "DOUBLE""#, Int64Array::from(vec![(1 << 53) + 1, 1 << 60]));
    assert_eq!((rows.bad[0].row, rows.bad[0].rule, rows.bad.len()), (0, rule::NOT_EXACT, 1));
    // Both ways a decimal becomes a double agree: the short one and the one through text.
    for value in [0, 1, -1, 7, 10, 12_345, 999_999_999_999_999, -314_159_265_358_979] {
        let short = Decimal128Array::from(vec![value]).with_precision_and_scale(20, 4).unwrap();
        let long =
            Decimal128Array::from(vec![Some(value), Some(10_i128.pow(16))]).with_precision_and_scale(20, 4).unwrap();
        let double = |array: Decimal128Array| {
            conform(r#""dataType": "DOUBLE""#, array).batch.column(0).as_primitive::<Float64Type>().value(0)
        };
        assert_eq!(double(short), double(long), "{value}");
    }
    let decimals = Decimal128Array::from(vec![150, 123]).with_precision_and_scale(10, 2).unwrap();
    let rows = conform(r#""dataType": "DOUBLE""#, decimals);
    assert_eq!(rows.batch.column(0).as_primitive::<Float64Type>().values().to_vec(), [1.5, 1.23]);
}

#[test]
fn what_the_schema_demands_is_done_and_counted() {
    let count = |rows: &Conformed, rule| rows.changes.0.get(&("c".to_owned(), rule)).copied().unwrap_or(0);
    let rows = conform(r#""dataType": "DOUBLE""#, Float64Array::from(vec![f64::NAN, -0.0, 1.0]));
    assert!(
        rows.batch.column(0).is_null(0)
            && rows.batch.column(0).as_primitive::<Float64Type>().value(1).is_sign_positive()
    );
    assert_eq!((count(&rows, rule::NAN_TO_NULL), count(&rows, rule::NEGATIVE_ZERO)), (1, 1));
    let long = format!("{}😀", "q".repeat(511));
    let rows = conform(r#""dataType": "STRING""#, StringArray::from(vec!["a\0b", long.as_str(), "c"]));
    let stored: Vec<&str> = rows.batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(stored, ["a", &format!("{}?", "q".repeat(511)), "c"]);
    assert_eq!((count(&rows, rule::CUT_AT_NUL), count(&rows, rule::TRIMMED)), (1, 1));
    let strict = ConformOptions { strict: true, ..ConformOptions::default() };
    let rows = conform_with(r#""dataType": "STRING""#, Arc::new(StringArray::from(vec!["a\0b", "c"])), strict).unwrap();
    assert_eq!((rows.bad[0].rule, rows.batch.num_rows()), (rule::STRICT, 1));
    let rows = conform(
        r#""dataType": "STRING", "maxLength": 2, "maxLengthExceedStrategy": "ERROR""#,
        StringArray::from(vec!["abc", "ab"]),
    );
    assert_eq!((rows.bad[0].rule, rows.batch.num_rows()), (rule::TOO_LONG, 1));
    let rows = conform(
        r#""dataType": "STRING", "maxLength": 2, "maxLengthExceedStrategy": "SUBSTITUTE_DEFAULT_VALUE""#,
        StringArray::from(vec!["abc"]),
    );
    assert_eq!(rows.batch.column(0).as_string::<i32>().value(0), "null");
}

#[test]
fn lists_lose_nulls_and_empty_ones_are_null() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None, Some(2)]),
        Some(vec![]),
        None,
        Some(vec![None]),
        Some(vec![Some(7)]),
    ]);
    let rows = conform(r#""dataType": "INT", "singleValueField": false"#, lists);
    let found: Vec<Option<Vec<i32>>> = rows
        .batch
        .column(0)
        .as_list::<i32>()
        .iter()
        .map(|list| list.map(|list| list.as_primitive::<Int32Type>().values().to_vec()))
        .collect();
    assert_eq!(found, [Some(vec![1, 2]), None, None, None, Some(vec![7])]);
    let rows =
        conform(r#""dataType": "INT", "singleValueField": false"#, StringArray::from(vec![Some("8"), None, Some("x")]));
    assert_eq!((rows.batch.num_rows(), rows.bad[0].row), (2, 2));
}

#[test]
fn what_never_converts_is_refused_before_the_first_row() {
    for (field, array) in [
        (r#""dataType": "INT""#, Arc::new(Time32SecondArray::from(vec![1])) as ArrayRef),
        (r#""dataType": "TIMESTAMP""#, Arc::new(Int32Array::from(vec![5]))),
        (r#""dataType": "INT""#, Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]))),
        (r#""dataType": "BYTES""#, Arc::new(Int64Array::from(vec![5]))),
    ] {
        let error = conform_with(field, array, ConformOptions::default()).unwrap_err();
        assert!(error.to_string().contains("column: c"), "{error}");
    }
}

#[test]
fn a_time_column_holds_times_that_pinot_takes() {
    let field = r#""dataType": "INT", "format": "EPOCH|DAYS", "granularity": "1:DAYS""#;
    let batch = RecordBatch::try_from_iter_with_nullable([(
        "c",
        Arc::new(Int32Array::from(vec![Some(19_000), None, Some(-5), Some(40_000)])) as ArrayRef,
        true,
    )])
    .unwrap();
    let conformer = Conformer::try_new(&plan(field), Some("c"), &batch.schema(), ConformOptions::default()).unwrap();
    let rows = conformer.conform(&batch).unwrap();
    assert_eq!(
        rows.bad.iter().map(|bad| bad.rule).collect::<Vec<_>>(),
        [rule::NULL_TIME, rule::TIME_OUT_OF_RANGE, rule::TIME_OUT_OF_RANGE]
    );
    let dates = conform(field, Date32Array::from(vec![19_000]));
    assert_eq!(dates.batch.column(0).as_primitive::<Int32Type>().value(0), 19_000);
}

#[test]
fn canonical_arrays_pass_uncopied() {
    let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let rows = conform_with(r#""dataType": "STRING""#, Arc::clone(&array), ConformOptions::default()).unwrap();
    assert_eq!(rows.batch.column(0).to_data().buffers()[1].as_ptr(), array.to_data().buffers()[1].as_ptr());
}
