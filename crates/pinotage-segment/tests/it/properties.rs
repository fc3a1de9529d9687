//! What holds for all rows: statistics are exact, and the way rows come in changes no byte.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use pinotage_common::ArchiveLevel;
use pinotage_segment::metadata::ColumnMetadata;
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_segment::write::{BuiltSegment, SegmentBuilder};
use pinotage_spec::{CompareOp, Predicate, Schema, TableConfig, Value};
use proptest::prelude::*;

use crate::write::finish;

/// Each type with a dictionary and raw.
fn build(text: &ArrayRef, long: &ArrayRef, batch_rows: usize, config: &str) -> BuiltSegment {
    let schema = r#"{"schemaName": "t", "enableColumnBasedNullHandling": true, "dimensionFieldSpecs": [
        {"name": "text", "dataType": "STRING"}, {"name": "rawText", "dataType": "STRING"},
        {"name": "long", "dataType": "LONG"}, {"name": "rawLong", "dataType": "LONG"}]}"#;
    let table = format!(
        r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {{"noDictionaryColumns": ["rawText", "rawLong"], {config}}}}}"#
    );
    let table = TableConfig::from_json(&table.replace(", }", "}")).unwrap();
    let mut builder = SegmentBuilder::try_new(&Schema::from_json(schema).unwrap(), &table).unwrap();
    let columns = [("text", text), ("rawText", text), ("long", long), ("rawLong", long)];
    let batch = RecordBatch::try_from_iter(columns.map(|(name, array)| (name, Arc::clone(array)))).unwrap();
    for start in (0..batch.num_rows()).step_by(batch_rows) {
        builder.append(&batch.slice(start, batch_rows.min(batch.num_rows() - start))).unwrap();
    }
    finish(builder, "t")
}

/// A text, a long and a double of each row, with a dictionary and raw, and lists of longs.
fn indexed(rows: &[(u8, i64, f64)], indexes: &str) -> Segment {
    let columns = ["text", "long", "double", "rawText", "rawLong", "rawDouble"];
    let types = ["STRING", "LONG", "DOUBLE"];
    let mut fields: Vec<String> = columns
        .iter()
        .zip(types.iter().cycle())
        .map(|(name, data_type)| format!(r#"{{"name": "{name}", "dataType": "{data_type}"}}"#))
        .collect();
    fields.extend(
        ["lists", "rawLists"]
            .map(|name| format!(r#"{{"name": "{name}", "dataType": "LONG", "singleValueField": false}}"#)),
    );
    let schema = format!(r#"{{"schemaName": "t", "dimensionFieldSpecs": [{}]}}"#, fields.join(","));
    let table = format!(
        r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {{
            "noDictionaryColumns": ["rawText", "rawLong", "rawDouble", "rawLists"] {indexes}}}}}"#
    );
    let (schema, table) = (Schema::from_json(&schema).unwrap(), TableConfig::from_json(&table).unwrap());
    let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(text, ..)| format!("t{text}"))));
    let long: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, long, _)| *long)));
    let double: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|(.., double)| *double)));
    let items = rows.iter().flat_map(|(text, long, _)| [*long, i64::from(*text)]);
    let item = Arc::new(arrow::datatypes::Field::new("item", DataType::Int64, false));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(rows.iter().map(|_| 2));
    let lists: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(Int64Array::from_iter_values(items)), None));
    let arrays = [&text, &long, &double, &text, &long, &double, &lists, &lists].map(Arc::clone);
    let batch = RecordBatch::try_from_iter(columns.into_iter().chain(["lists", "rawLists"]).zip(arrays)).unwrap();
    builder.append(&batch).unwrap();
    let folder = tempfile::tempdir().unwrap();
    Segment::open(&finish(builder, "t").write_tar_gz(folder.path(), ArchiveLevel::default()).unwrap()).unwrap()
}

/// Compares statistics with those of all values, nulls replaced.
fn check<T: Ord + Clone>(
    found: &ColumnMetadata,
    values: &[T],
    value: impl Fn(T) -> Value,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.cardinality as usize, values.iter().collect::<BTreeSet<_>>().len());
    prop_assert_eq!(&found.min, &values.iter().min().cloned().map(&value));
    prop_assert_eq!(&found.max, &values.iter().max().cloned().map(&value));
    prop_assert_eq!(found.sorted, values.is_sorted());
    Ok(())
}

proptest! {
    #[test]
    fn statistics_are_exact(
        mut texts in prop::collection::vec(prop::option::of("[a-c]{0,3}"), 1..60),
        mut longs in prop::collection::vec(prop::option::of(prop_oneof![-3..3i64, any::<i64>()]), 60),
        sorted: bool,
    ) {
        longs.truncate(texts.len());
        if sorted {
            // Nulls are stored as "null" and the least number.
            texts.sort_by_key(|text| text.clone().unwrap_or("null".into()));
            longs.sort_by_key(|long| long.unwrap_or(i64::MIN));
        }
        let (text, long): (ArrayRef, ArrayRef) = (Arc::new(StringArray::from(texts.clone())), Arc::new(Int64Array::from(longs.clone())));
        let segment = build(&text, &long, 7, "");
        let texts: Vec<String> = texts.into_iter().map(|text| text.unwrap_or("null".into())).collect();
        let longs: Vec<i64> = longs.into_iter().map(|long| long.unwrap_or(i64::MIN)).collect();
        for name in ["text", "rawText"] {
            let found = &segment.metadata().columns[name];
            check(found, &texts, Value::String)?;
            let lengths = texts.iter().map(|text| text.len() as u32);
            prop_assert_eq!(found.element_lengths, lengths.clone().min().zip(lengths.max()));
        }
        for name in ["long", "rawLong"] {
            check(&segment.metadata().columns[name], &longs, Value::Long)?;
        }
    }

    #[test]
    fn dictionaries_and_batches_change_no_byte(
        words in prop::collection::vec(prop::option::of("[a-c]{0,3}"), 1..6),
        keys in prop::collection::vec(prop::option::of(0..6i32), 1..60),
        batch_rows in 1..60usize,
    ) {
        let long: ArrayRef = Arc::new(keys.iter().map(|key| key.map(i64::from)).collect::<Int64Array>());
        let keys: Int32Array = keys.iter().map(|key| key.map(|key| key % words.len() as i32)).collect();
        let dictionary: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(words))));
        let plain = cast(&dictionary, &DataType::Utf8).unwrap();
        for config in ["", r#""sortedColumn": ["long"]"#, r#""sortedColumn": ["text"]"#] {
            let expected = build(&plain, &long, 1000, config);
            prop_assert_eq!(build(&dictionary, &long, batch_rows, config).crc(), expected.crc());
            prop_assert_eq!(build(&plain, &long, batch_rows, config).crc(), expected.crc());
        }
    }
    #[test]
    fn range_indexes_and_bloom_filters_change_no_answer(
        rows in prop::collection::vec((0..20u8, prop_oneof![-9..9i64, any::<i64>()], prop_oneof![Just(f64::NAN), Just(-0.0),
            Just(0.0), Just(f64::NEG_INFINITY), Just(f64::INFINITY), any::<f64>()]), 1..40),
        conditions in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize, any::<bool>()), 12),
    ) {
        use CompareOp::*;
        let ranges = r#", "rangeIndexColumns": ["text", "long", "double", "rawLong", "rawDouble", "lists", "rawLists"]"#;
        let blooms = r#", "bloomFilterColumns": ["text", "long", "rawText", "rawLong", "rawLists"]"#;
        let plain = indexed(&rows, "");
        let segments = [ranges.to_owned(), format!(r#"{ranges}, "rangeIndexVersion": 1"#), format!("{ranges}{blooms}"), blooms.into()];
        for segment in segments.iter().map(|indexes| indexed(&rows, indexes)) {
            prop_assert!(segment.verify().unwrap().is_empty(), "{:?}", segment.verify());
            for (row, op, near) in &conditions {
                let (text, long, double) = *row.get(&rows);
                let long = if *near { long.wrapping_add(1) } else { long };
                for (column, value) in [
                    ("text", Value::String(format!("t{text}"))), ("rawText", Value::String(format!("t{}", text / 2))),
                    ("long", Value::Long(long)), ("rawLong", Value::Long(long)),
                    ("lists", Value::Long(long)), ("rawLists", Value::Long(long)),
                    ("double", Value::Double(double)), ("rawDouble", Value::Double(double)),
                ] {
                    let op = [Eq, NotEq, Lt, LtEq, Gt, GtEq][*op];
                    let predicate = Predicate::Compare { column: column.into(), op, value };
                    let rows = |segment: &Segment| {
                        let options = ScanOptions { predicate: Some(predicate.clone()), ..ScanOptions::default() };
                        segment.scan(options).unwrap().map(|batch| format!("{:?}", batch.unwrap())).collect::<String>()
                    };
                    prop_assert_eq!(rows(&segment), rows(&plain), "{}", predicate);
                }
            }
        }
    }
}
