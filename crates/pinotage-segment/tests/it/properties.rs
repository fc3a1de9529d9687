//! What holds for all rows: statistics are exact, and the way rows come in changes no byte.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use pinotage_segment::metadata::ColumnMetadata;
use pinotage_segment::write::{BuiltSegment, SegmentBuilder};
use pinotage_spec::{Schema, TableConfig, Value};
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
}
