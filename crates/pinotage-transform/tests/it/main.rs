//! Pinot's known answers, and where we deliberately refuse to lose a number.

mod answers;
mod complex_types;
mod functions_page;
mod limits;
mod lossy;
mod pinot_answers;
mod properties;
mod rollup;
mod transforms;
mod type_table;

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{
    DataType, Field, Fields, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType,
};
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
    let micros = || Arc::new(TimestampMicrosecondArray::from(vec![-1, 1_000]).with_timezone("+05:00"));
    let rows = conform_with(r#""dataType": "TIMESTAMP""#, micros(), ConformOptions::default()).unwrap();
    assert_eq!(rows.batch.column(0).as_primitive::<TimestampMillisecondType>().values().to_vec(), [-1, 1]);
    assert_eq!(rows.changes.count("c", rule::TIMESTAMP_FLOORED), 1);
    let exact = ConformOptions { timestamp_loss_is_error: true, ..ConformOptions::default() };
    let rows = conform_with(r#""dataType": "TIMESTAMP""#, micros(), exact).unwrap();
    assert_eq!((rows.bad[0].rule, rows.changes.0.len()), (rule::NOT_EXACT, 0));
    let rows = conform(r#""dataType": "TIMESTAMP""#, TimestampSecondArray::from(vec![i64::MAX]));
    assert_eq!(rows.bad[0].rule, rule::OUT_OF_RANGE);
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
    assert_eq!((rows.bad[0].rule, rows.batch.num_rows()), (rule::CUT_AT_NUL, 1));
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

#[test]
fn a_float_takes_what_its_shortest_text_is() {
    let rows = conform(r#""dataType": "FLOAT""#, Float64Array::from(vec![0.1, 1.5, 0.123456789012, 1e300, f64::NAN]));
    assert_eq!(rows.batch.column(0).as_primitive::<Float32Type>().values()[..2], [0.1_f32, 1.5]);
    assert!(rows.batch.column(0).is_null(2));
    assert_eq!(rows.bad.iter().map(|bad| bad.rule).collect::<Vec<_>>(), [rule::NOT_EXACT, rule::OUT_OF_RANGE]);
    assert!(rows.bad[0].message.contains("CAST"), "{}", rows.bad[0].message);
    let decimals = Decimal128Array::from(vec![110, 12345678901]).with_precision_and_scale(20, 2).unwrap();
    let rows = conform(r#""dataType": "FLOAT""#, decimals);
    assert_eq!((rows.batch.column(0).as_primitive::<Float32Type>().value(0), rows.bad.len()), (1.1, 1));
}

#[test]
fn decimals_are_exact_everywhere() {
    let decimals =
        |values: Vec<i128>, scale| Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap();
    let rows = conform(r#""dataType": "BIG_DECIMAL""#, decimals(vec![150, -5, 0, 10000], 2));
    let stored: Vec<&str> = rows.batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(stored, ["1.5", "-0.05", "0", "100"]);
    let rows = conform(r#""dataType": "STRING""#, decimals(vec![150, -5, 0], 2));
    let stored: Vec<&str> = rows.batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(stored, ["1.50", "-0.05", "0.00"]);
    let rows = conform(r#""dataType": "INT""#, decimals(vec![300, 150, 300_000_000_000], 2));
    assert_eq!(rows.batch.column(0).as_primitive::<Int32Type>().values().to_vec(), [3]);
    assert_eq!(rows.bad.iter().map(|bad| bad.rule).collect::<Vec<_>>(), [rule::NOT_EXACT, rule::OUT_OF_RANGE]);
    let rows = conform(r#""dataType": "LONG""#, decimals(vec![7], -3));
    assert_eq!(rows.batch.column(0).as_primitive::<Int64Type>().value(0), 7000);
    let rows = conform(r#""dataType": "DOUBLE""#, decimals(vec![12345678901234567890123456789, 1 << 60], 10));
    assert_eq!(rows.bad.len(), 2);
    let rows = conform(r#""dataType": "BIG_DECIMAL", "allowTrailingZeros": true"#, StringArray::from(vec!["1.500"]));
    assert_eq!(rows.batch.column(0).as_string::<i32>().value(0), "1.500");
    assert!(rows.changes.0.is_empty());
}

#[test]
fn dates_are_written_by_the_pattern() {
    let dates = || Date32Array::from(vec![19_675]);
    let text = |format: &str| {
        let rows = conform(&format!(r#""dataType": "STRING", "format": "{format}", "granularity": "1:DAYS""#), dates());
        match rows.bad.first() {
            Some(bad) => Err(bad.rule),
            None => Ok(rows.batch.column(0).as_string::<i32>().value(0).to_owned()),
        }
    };
    for (format, expected) in [
        ("SIMPLE_DATE_FORMAT|yyyy/MM/dd", "2023/11/14"),
        ("1:DAYS:SIMPLE_DATE_FORMAT:yyyyMMdd", "20231114"),
        ("1:DAYS:SIMPLE_DATE_FORMAT:yyyyMMdd tz(America/New_York)", "20231114"),
        ("SIMPLE_DATE_FORMAT|yyyy-MM-dd'T'HH:mm:ss.SSS", "2023-11-14T00:00:00.000"),
        ("SIMPLE_DATE_FORMAT|dd MMM yyyy", "14 Nov 2023"),
    ] {
        assert_eq!(text(format), Ok(expected.to_owned()), "{format}");
    }
    // The day would be lost.
    assert_eq!(text("SIMPLE_DATE_FORMAT|yyyy-MM"), Err(rule::NOT_EXACT));
    let rows = conform(r#""dataType": "STRING""#, dates());
    assert_eq!(rows.batch.column(0).as_string::<i32>().value(0), "2023-11-14");
    let hours = r#""dataType": "LONG", "format": "EPOCH|HOURS", "granularity": "1:HOURS""#;
    let rows = conform(hours, TimestampSecondArray::from(vec![7_200, 7_201]));
    assert_eq!((rows.batch.column(0).as_primitive::<Int64Type>().value(0), rows.bad[0].rule), (2, rule::NOT_EXACT));
    let rows = conform(r#""dataType": "TIMESTAMP""#, Date64Array::from(vec![86_400_000, 1]));
    assert_eq!((rows.batch.num_rows(), rows.bad[0].rule), (1, rule::NOT_EXACT));
}

#[test]
fn a_column_that_is_no_time_has_days_and_milliseconds() {
    let int = conform(r#""dataType": "INT""#, Date32Array::from(vec![Some(19_675), None, Some(-1)]));
    assert_eq!(int.batch.column(0).as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(19_675), None, Some(-1)]));
    let long = conform(r#""dataType": "LONG""#, Date64Array::from(vec![86_400_000, 1]));
    assert_eq!(long.batch.column(0).as_primitive::<Int64Type>().values()[..], [1]);
    assert_eq!(long.bad[0].rule, rule::NOT_EXACT);
    let times = conform(r#""dataType": "LONG""#, TimestampSecondArray::from(vec![-1, 1_700_000_000]));
    assert_eq!(times.batch.column(0).as_primitive::<Int64Type>().values()[..], [-1_000, 1_700_000_000_000]);
    // Milliseconds of a wall clock are those of its zone.
    let options = ConformOptions { time_zone: "Pacific/Chatham".parse().unwrap(), ..ConformOptions::default() };
    let rows = conform_with(r#""dataType": "LONG""#, Arc::new(TimestampSecondArray::from(vec![0])), options).unwrap();
    assert_eq!(rows.batch.column(0).as_primitive::<Int64Type>().value(0), -45_900_000);
}

#[test]
fn a_time_column_of_text_is_read_by_its_pattern() {
    let field = r#""dataType": "STRING", "format": "SIMPLE_DATE_FORMAT|yyyy-MM-dd", "granularity": "1:DAYS""#;
    let array: ArrayRef = Arc::new(StringArray::from(vec!["2023-11-14", "14.11.2023", "1970-01-02"]));
    let batch = RecordBatch::try_from_iter([("c", array)]).unwrap();
    let conformer = Conformer::try_new(&plan(field), Some("c"), &batch.schema(), ConformOptions::default()).unwrap();
    let rows = conformer.conform(&batch).unwrap();
    assert_eq!(
        rows.bad.iter().map(|bad| (bad.row, bad.rule)).collect::<Vec<_>>(),
        [(1, rule::TIME_OUT_OF_RANGE), (2, rule::TIME_OUT_OF_RANGE)]
    );
    let numbers = r#""dataType": "INT", "format": "1:DAYS:SIMPLE_DATE_FORMAT:yyyyMMdd", "granularity": "1:DAYS""#;
    let array: ArrayRef = Arc::new(Int32Array::from(vec![20_231_114, 5]));
    let batch = RecordBatch::try_from_iter([("c", array)]).unwrap();
    let conformer = Conformer::try_new(&plan(numbers), Some("c"), &batch.schema(), ConformOptions::default()).unwrap();
    assert_eq!(conformer.conform(&batch).unwrap().kept, Some(vec![0]));
}

#[test]
fn views_dictionaries_and_runs_are_unpacked() {
    let view: ArrayRef = Arc::new(StringViewArray::from(vec!["5", "6"]));
    let dictionary: ArrayRef = Arc::new(vec!["5", "6"].into_iter().collect::<DictionaryArray<Int32Type>>());
    let runs: ArrayRef =
        Arc::new(RunArray::try_new(&Int32Array::from(vec![1, 2]), &StringArray::from(vec!["5", "6"])).unwrap());
    let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["5", "6"]));
    for array in [view, dictionary, runs, large] {
        let rows = conform_with(r#""dataType": "INT""#, Arc::clone(&array), ConformOptions::default()).unwrap();
        assert_eq!(rows.batch.column(0).as_primitive::<Int32Type>().values().to_vec(), [5, 6], "{}", array.data_type());
    }
    let bytes = FixedSizeBinaryArray::try_from_iter([[1_u8, 255]].into_iter()).unwrap();
    let rows = conform(r#""dataType": "STRING""#, bytes);
    assert_eq!(rows.batch.column(0).as_string::<i32>().value(0), "01ff");
}

#[test]
fn lists_of_every_layout_keep_their_rows() {
    // A slice, a null that hides items, and a bad item: rows must not shift.
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(9)]),
        Some(vec![Some(1), Some(2)]),
        None,
        Some(vec![Some(3), Some(1 << 40)]),
        Some(vec![Some(4)]),
    ]);
    let rows = conform(r#""dataType": "INT", "singleValueField": false"#, lists.slice(1, 4));
    assert_eq!((rows.bad[0].row, rows.bad.len(), rows.kept), (2, 1, Some(vec![0, 1, 3])));
    let items = Int32Array::from(vec![1, 2, 3, 4, 5, 6]);
    let fixed = FixedSizeListArray::try_new(
        Arc::new(Field::new("x", DataType::Int32, true)),
        2,
        Arc::new(items),
        Some(vec![true, false, true].into()),
    );
    let rows = conform(r#""dataType": "STRING", "singleValueField": false"#, fixed.unwrap());
    let list = rows.batch.column(0).as_list::<i32>();
    assert!(list.is_null(1));
    assert_eq!(list.value(2).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["5", "6"]);
    let nan = ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), Some(f64::NAN), Some(-0.0)]),
        Some(vec![Some(f64::NAN)]),
    ]);
    let rows = conform(r#""dataType": "DOUBLE", "singleValueField": false"#, nan);
    let list = rows.batch.column(0).as_list::<i32>();
    assert_eq!((list.value(0).len(), list.is_null(1)), (2, true));
    assert_eq!((rows.changes.count("c", rule::NAN_TO_NULL), rows.changes.count("c", rule::EMPTY_TO_NULL)), (2, 1));
}

#[test]
fn changes_of_bad_rows_are_not_counted() {
    let schema = r#"{"schemaName": "t", "dimensionFieldSpecs": [
        {"name": "a", "dataType": "STRING"}, {"name": "b", "dataType": "INT"}, {"name": "none", "dataType": "LONG"}]}"#;
    let columns = ColumnPlan::resolve(
        &Schema::from_json(schema).unwrap(),
        &TableConfig::from_json(r#"{"tableName": "t"}"#).unwrap(),
    );
    let a: ArrayRef = Arc::new(StringArray::from(vec!["x\0", "y\0"]));
    let b: ArrayRef = Arc::new(StringArray::from(vec!["1", "one"]));
    let batch = RecordBatch::try_from_iter([("b", b), ("a", a.clone()), ("other", a)]).unwrap();
    let conformer = Conformer::try_new(&columns.unwrap(), None, &batch.schema(), ConformOptions::default()).unwrap();
    assert_eq!(
        (conformer.missing_columns(), conformer.ignored_columns()),
        (&["none".into()][..], &["other".into()][..])
    );
    let rows = conformer.conform(&batch).unwrap();
    assert_eq!((rows.changes.count("a", rule::CUT_AT_NUL), rows.batch.num_rows()), (1, 1));
    assert_eq!((rows.bad[0].column.as_str(), rows.bad[0].value.as_str()), ("b", "one"));
    assert_eq!(rows.batch.schema(), conformer.schema());
    // A batch of another schema is an error, never a panic.
    let other = RecordBatch::try_from_iter([("b", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
    assert!(conformer.conform(&other).is_err());
}
