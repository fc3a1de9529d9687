//! What holds for every value.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use bigdecimal::BigDecimal;
use pinotage_transform::{ConformOptions, Conformer, rule};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{conform_with, plan};

const TYPES: [&str; 10] =
    ["INT", "LONG", "FLOAT", "DOUBLE", "BIG_DECIMAL", "BOOLEAN", "TIMESTAMP", "STRING", "JSON", "BYTES"];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "-?[0-9]{1,25}",
        "[+-]?[0-9]{0,12}\\.?[0-9]{0,12}([eE][+-]?[0-9]{1,3})?",
        "[0-9a-fA-F]{0,12}",
        "\\PC{0,4}\u{0}?\\PC{0,4}",
        "[\\[\\]{},:\"0-9. ae\\\\u-]{0,16}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?Z?",
        any_json(),
    ]
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_filter("JSON has no NaN", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            prop::collection::vec(("[a-c]", inner), 0..12).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                format!("{{ {} }}", entries.join(","))
            }),
        ]
    })
}

/// Conforms an array with dictionaries kept, and a plain one without, as the table's time column where the field is a time.
fn same_with_dictionaries(field: &str, array: ArrayRef, plain: ArrayRef) -> Result<(), TestCaseError> {
    let conform = |array: ArrayRef, keep_dictionaries: bool| {
        let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
        let options = ConformOptions { keep_dictionaries, ..ConformOptions::default() };
        Conformer::try_new(&plan(field), Some("c"), &batch.schema(), options).unwrap().conform(&batch).unwrap()
    };
    let (kept, plain) = (conform(array, true), conform(plain, false));
    let column = cast(kept.batch.column(0), plain.batch.column(0).data_type()).unwrap();
    prop_assert_eq!(&column, plain.batch.column(0));
    prop_assert_eq!((kept.kept, kept.bad, kept.changes), (plain.kept, plain.bad, plain.changes));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What came out goes in again unchanged, uncounted and uncopied; no text panics; every row is accounted for.
    #[test]
    fn canonical_values_are_fixed_points(texts in prop::collection::vec(prop::option::of(any_text()), 0..20)) {
        for data_type in TYPES {
            let field = format!(r#""dataType": "{data_type}""#);
            let array: ArrayRef = Arc::new(StringArray::from(texts.clone()));
            let first = conform_with(&field, array, ConformOptions::default()).unwrap();
            prop_assert_eq!(first.batch.num_rows() + first.bad.len(), texts.len());
            let again = conform_with(&field, first.batch.column(0).clone(), ConformOptions { strict: true, ..ConformOptions::default() }).unwrap();
            prop_assert_eq!(&again.bad, &[]);
            prop_assert!(again.changes.0.is_empty() && again.kept.is_none());
            prop_assert!(Arc::ptr_eq(again.batch.column(0), first.batch.column(0)) || again.batch == first.batch);
        }
    }

    /// A dictionary that is kept makes the same rows, changes and bad rows as its plain text, whatever else is in it.
    #[test]
    fn kept_dictionaries_are_their_plain_text(
        texts in prop::collection::vec(prop::option::of(any_text()), 1..6),
        keys in prop::collection::vec(prop::option::of(0..6i32), 0..20),
        max_length in 0..20usize,
    ) {
        let keys: Int32Array = keys.iter().map(|key| key.map(|key| key % texts.len() as i32)).collect();
        let dictionary = DictionaryArray::new(keys, Arc::new(StringArray::from(texts)));
        let plain = cast(&dictionary, &DataType::Utf8).unwrap();
        for field in [
            format!(r#""dataType": "STRING", "maxLength": {max_length}"#),
            r#""dataType": "STRING", "maxLengthExceedStrategy": "ERROR""#.into(),
            r#""dataType": "STRING", "singleValueField": false"#.into(),
            r#""dataType": "STRING", "format": "SIMPLE_DATE_FORMAT|yyyy-MM-dd", "granularity": "1:DAYS""#.into(),
            r#""dataType": "INT""#.into(),
        ] {
            same_with_dictionaries(&field, Arc::new(dictionary.clone()), plain.clone())?;
        }
    }

    #[test]
    fn dates_are_the_same_as_a_dictionary(days in prop::collection::vec(prop::option::of(-800_000..3_000_000i32), 0..20)) {
        let dates: ArrayRef = Arc::new(Date32Array::from(days));
        for format in ["yyyy-MM-dd", "yyyy-MM", "dd.MM.yyyy"] {
            let field = format!(r#""dataType": "STRING", "format": "SIMPLE_DATE_FORMAT|{format}", "granularity": "1:DAYS""#);
            same_with_dictionaries(&field, dates.clone(), dates.clone())?;
        }
        same_with_dictionaries(r#""dataType": "STRING""#, dates.clone(), dates.clone())?;
        // ISO as chrono writes it.
        let rows = conform_with(r#""dataType": "STRING""#, dates.clone(), ConformOptions::default()).unwrap();
        prop_assert_eq!(rows.batch.column(0), &cast(&dates, &DataType::Utf8).unwrap());
    }

    #[test]
    fn decimals_equal_those_of_another_library(text in "[+-]?[0-9]{1,30}(\\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?") {
        let array: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
        let rows = conform_with(r#""dataType": "BIG_DECIMAL""#, array, ConformOptions::default()).unwrap();
        let expected: BigDecimal = text.parse().unwrap();
        prop_assert_eq!(rows.batch.column(0).as_string::<i32>().value(0), expected.normalized().to_plain_string());
    }

    #[test]
    fn json_keeps_its_meaning(text in any_json()) {
        let array: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
        let rows = conform_with(r#""dataType": "JSON", "maxLength": 100000"#, array, ConformOptions::default()).unwrap();
        let written = rows.batch.column(0).as_string::<i32>().value(0);
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&text).unwrap(), serde_json::from_str(written).unwrap());
        prop_assert!(same(&before, &after), "{} {}", text, written);
    }

    /// A number is stored as it is or not at all.
    #[test]
    fn numbers_are_exact_or_bad(long in any::<i64>(), small in -1000_i64..1000, double in any::<f64>()) {
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![long, small]));
        let rows = conform_with(r#""dataType": "INT""#, longs.clone(), ConformOptions::default()).unwrap();
        prop_assert!(rows.batch.column(0).as_primitive::<Int32Type>().values().iter().all(|v| [long, small].contains(&i64::from(*v))));
        let rows = conform_with(r#""dataType": "DOUBLE""#, longs, ConformOptions::default()).unwrap();
        prop_assert!(rows.batch.column(0).as_primitive::<Float64Type>().values().iter().all(|v| [long as i128, small as i128].contains(&(*v as i128))));
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![double]));
        let rows = conform_with(r#""dataType": "FLOAT""#, doubles, ConformOptions::default()).unwrap();
        if let Some(float) = rows.batch.column(0).as_primitive::<Float32Type>().iter().flatten().next() {
            prop_assert!(float.to_string().parse::<f64>() == Ok(double) || f64::from(float) == double);
        } else {
            prop_assert!(double.is_nan() || [rule::NOT_EXACT, rule::OUT_OF_RANGE].contains(&rows.bad[0].rule));
        }
    }
}

/// Equal but for the spelling of numbers.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => {
            let [a, b] = [a, b].map(|number| number.to_string().parse::<BigDecimal>().unwrap());
            a == b
        }
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b)),
        (a, b) => a == b,
    }
}
