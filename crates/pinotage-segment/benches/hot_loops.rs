//! The hot loops of the builder, one column each: `cargo bench -p pinotage-segment --bench hot_loops`.
//!
//! A segment of one column takes in its rows and is laid out; what a column's configuration adds is the difference between two of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use divan::Bencher;
use divan::counter::ItemsCount;
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{Schema, SegmentNameGenerator, TableConfig};

const ROWS: usize = 200_000;

fn main() {
    divan::main();
}

/// The same numbers in every run.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(42_u64), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|state| state >> 20)
    .take(ROWS)
}

fn build(bencher: Bencher, data_type: &str, index: &str, column: ArrayRef) {
    let field =
        format!(r#"{{"schemaName": "t", "dimensionFieldSpecs": [{{"name": "c", "dataType": "{data_type}"}}]}}"#);
    let schema = Schema::from_json(&field).unwrap();
    let table = format!(r#"{{"tableName": "t", "tableType": "OFFLINE", "tableIndexConfig": {{{index}}}}}"#);
    let table = TableConfig::from_json(&table).unwrap();
    let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
    let generator = SegmentNameGenerator::Fixed { name: "t".into() };
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
        for start in (0..ROWS).step_by(8192) {
            builder.append(&batch.slice(start, 8192.min(ROWS - start))).unwrap();
        }
        builder.finish(&NameInput { generator: &generator, sequence: None }, 0).unwrap()
    });
}

fn ints(distinct: u64) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(numbers().map(|number| (number % distinct) as i32)))
}

fn texts(distinct: u64) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(numbers().map(|number| format!("customer {:08}", number % distinct))))
}

fn text() -> ArrayRef {
    let words = ["carefully", "final", "deposits", "sleep", "quickly", "furiously", "regular", "requests"];
    let line = |number: u64| (0..6).map(|at| words[(number >> (3 * at)) as usize % 8]).collect::<Vec<_>>().join(" ");
    Arc::new(StringArray::from_iter_values(numbers().map(line)))
}

/// Values are found in a hash table; ids of few bits are packed.
#[divan::bench(args = [2, 50, 5_000, 1_000_000_000])]
fn dictionary_of_int_by_distinct_values(bencher: Bencher, distinct: u64) {
    build(bencher, "INT", "", ints(distinct));
}

#[divan::bench(args = [4, 1_000, 1_000_000_000])]
fn dictionary_of_string_by_distinct_values(bencher: Bencher, distinct: u64) {
    build(bencher, "STRING", "", texts(distinct));
}

/// Ids that are packed, and a roaring bitmap a value.
#[divan::bench(args = [2, 50, 5_000])]
fn inverted_index_by_distinct_values(bencher: Bencher, distinct: u64) {
    build(bencher, "INT", r#""invertedIndexColumns": ["c"]"#, ints(distinct));
}

/// Bit slices of a range index.
#[divan::bench]
fn range_index(bencher: Bencher) {
    build(bencher, "INT", r#""rangeIndexColumns": ["c"]"#, ints(5_000));
}

#[divan::bench]
fn bloom_filter(bencher: Bencher) {
    build(bencher, "STRING", r#""bloomFilterColumns": ["c"]"#, texts(100_000));
}

/// Values of a fixed width in chunks.
#[divan::bench(args = ["PASS_THROUGH", "LZ4", "SNAPPY", "ZSTANDARD"])]
fn raw_double_by_codec(bencher: Bencher, codec: &str) {
    let index = format!(r#""noDictionaryColumns": ["c"], "noDictionaryConfig": {{"c": "{codec}"}}"#);
    build(
        bencher,
        "DOUBLE",
        &index,
        Arc::new(Float64Array::from_iter_values(numbers().map(|n| (n % 9_000_000) as f64 / 100.0))),
    );
}

/// Text in chunks.
#[divan::bench(args = ["PASS_THROUGH", "LZ4", "SNAPPY", "ZSTANDARD"])]
fn raw_string_by_codec(bencher: Bencher, codec: &str) {
    let index = format!(r#""noDictionaryColumns": ["c"], "noDictionaryConfig": {{"c": "{codec}"}}"#);
    build(bencher, "STRING", &index, text());
}

/// Rows that are put in the order of a column.
#[divan::bench]
fn sorted_column(bencher: Bencher) {
    let longs = Int64Array::from_iter_values(numbers().map(|number| (number % 1_000_000) as i64));
    build(bencher, "LONG", r#""sortedColumn": ["c"]"#, Arc::new(longs));
}
