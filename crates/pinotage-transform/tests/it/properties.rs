//! What holds for every value.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type};
use bigdecimal::BigDecimal;
use pinotage_transform::{ConformOptions, rule};
use proptest::prelude::*;

use super::conform_with;

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
