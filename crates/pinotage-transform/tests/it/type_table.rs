//! The page that shows which Arrow type goes into which column is true.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema as ArrowSchema, TimeUnit, UnionFields, UnionMode};
use pinotage_transform::{ConformOptions, Conformer};

use super::plan;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/type-table.md");

/// The columns of the page, by their titles.
const COLUMNS: [(&str, &str); 12] = [
    ("INT", r#""dataType": "INT""#),
    ("LONG", r#""dataType": "LONG""#),
    ("FLOAT", r#""dataType": "FLOAT""#),
    ("DOUBLE", r#""dataType": "DOUBLE""#),
    ("BIG_DECIMAL", r#""dataType": "BIG_DECIMAL""#),
    ("BOOLEAN", r#""dataType": "BOOLEAN""#),
    ("TIMESTAMP", r#""dataType": "TIMESTAMP""#),
    ("STRING", r#""dataType": "STRING""#),
    ("JSON", r#""dataType": "JSON""#),
    ("BYTES", r#""dataType": "BYTES""#),
    ("EPOCH", r#""dataType": "LONG", "format": "EPOCH|DAYS", "granularity": "1:DAYS""#),
    ("pattern", r#""dataType": "STRING", "format": "SIMPLE_DATE_FORMAT|yyyyMMdd", "granularity": "1:DAYS""#),
];

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// Every kind of Arrow type, by the name of its row.
fn rows() -> Vec<(&'static str, Vec<DataType>)> {
    let item = || Arc::new(Field::new("item", DataType::Int32, true));
    let entries = |key: DataType| {
        let fields = vec![Field::new("keys", key, false), Field::new("values", DataType::Int32, true)];
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
    };
    let union = UnionFields::from_fields(vec![Field::new("a", DataType::Int32, true)]);
    let runs = |item: DataType| {
        DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            Arc::new(Field::new("values", item, true)),
        )
    };
    let times = |units: [TimeUnit; 2]| {
        let zones =
            |unit| [None, Some("UTC".into()), Some("+05:00".into())].map(|zone| DataType::Timestamp(unit, zone));
        units.into_iter().flat_map(zones).collect()
    };
    vec![
        ("Null", vec![DataType::Null]),
        ("Boolean", vec![DataType::Boolean]),
        (
            "Int8, Int16, Int32, UInt8, UInt16, UInt32, UInt64",
            vec![
                DataType::Int8,
                DataType::Int16,
                DataType::Int32,
                DataType::UInt8,
                DataType::UInt16,
                DataType::UInt32,
                DataType::UInt64,
            ],
        ),
        ("Int64", vec![DataType::Int64]),
        ("Float16, Float32, Float64", vec![DataType::Float16, DataType::Float32, DataType::Float64]),
        (
            "Decimal32, 64, 128, 256",
            vec![
                DataType::Decimal32(5, 2),
                DataType::Decimal64(12, 2),
                DataType::Decimal128(38, 10),
                DataType::Decimal256(76, 10),
            ],
        ),
        (
            "Utf8, LargeUtf8, Utf8View",
            vec![
                DataType::Utf8,
                DataType::LargeUtf8,
                DataType::Utf8View,
                DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
                runs(DataType::Utf8),
            ],
        ),
        (
            "Binary, LargeBinary, BinaryView, FixedSizeBinary",
            vec![DataType::Binary, DataType::LargeBinary, DataType::BinaryView, DataType::FixedSizeBinary(16)],
        ),
        ("Timestamp of s or ms, any zone", times([TimeUnit::Second, TimeUnit::Millisecond])),
        ("Timestamp of µs or ns, any zone", times([TimeUnit::Microsecond, TimeUnit::Nanosecond])),
        ("Date32, Date64", vec![DataType::Date32, DataType::Date64]),
        ("Time32, Time64", vec![DataType::Time32(TimeUnit::Second), DataType::Time64(TimeUnit::Microsecond)]),
        (
            "Duration, Interval, Union",
            vec![
                DataType::Duration(TimeUnit::Second),
                DataType::Interval(IntervalUnit::DayTime),
                DataType::Union(union, UnionMode::Sparse),
            ],
        ),
        (
            "Struct, Map with text keys",
            vec![DataType::Struct(vec![Field::new("a", list(DataType::Date32), true)].into()), entries(DataType::Utf8)],
        ),
        ("Map with other keys", vec![entries(DataType::Int32)]),
        (
            "List of any layout",
            vec![
                list(DataType::Int32),
                list(list(DataType::Utf8)),
                DataType::LargeList(item()),
                DataType::FixedSizeList(item(), 3),
                DataType::ListView(item()),
                DataType::LargeListView(item()),
            ],
        ),
    ]
}

fn accepts(field: &str, arrow: &DataType) -> bool {
    let input = ArrowSchema::new(vec![Field::new("c", arrow.clone(), true)]);
    Conformer::try_new(&plan(field), None, &input, ConformOptions::default()).is_ok()
}

#[test]
fn every_pair_is_as_the_page_says() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches(['|', ' ']).split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let titles = page.lines().find(|line| line.starts_with("| from")).map(cells).unwrap();
    assert_eq!(titles[1..], COLUMNS.map(|(title, _)| title.to_owned()));
    for (name, types) in rows() {
        let line = page.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let line = line.map(cells).unwrap_or_else(|| panic!("{PAGE} has no row `{name}`"));
        for ((title, field), cell) in COLUMNS.iter().zip(&line[1..]) {
            for arrow in &types {
                assert_eq!(accepts(field, arrow), cell != "–", "{arrow} into {title}: the page says `{cell}`");
            }
        }
    }
    // Every rule is explained.
    for rule in pinotage_transform::rule::ALL {
        assert!(page.contains(&format!("| `{rule}` |")), "{PAGE} does not explain `{rule}`");
    }
}

/// Into a multi-value column go lists of what goes into a single-value one, and single values.
#[test]
fn multi_value_columns_take_lists_of_the_same_types() {
    for (name, types) in rows() {
        for arrow in types {
            for (title, field) in COLUMNS.iter().filter(|(title, _)| !["JSON", "EPOCH", "pattern"].contains(title)) {
                let many = format!(r#"{field}, "singleValueField": false"#);
                let single = accepts(field, &arrow);
                assert_eq!(accepts(&many, &list(arrow.clone())), single, "list of {arrow} into {title} ({name})");
                if name != "List of any layout" {
                    assert_eq!(accepts(&many, &arrow), single, "{arrow} into multi-value {title}");
                }
            }
        }
    }
}
