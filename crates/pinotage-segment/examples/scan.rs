//! Rows a second of one thread that scans a segment: the first five columns of every row, then of the rows where one of
//! them has its greatest value.
//!
//! `cargo run --release -p pinotage-segment --example scan -- <segment> [rounds]`
//! `cargo run --release -p pinotage-segment --example scan -- --make <folder> 1000000` writes a segment to scan: sorted,
//! with an inverted index, with a dictionary alone, raw numbers and raw texts.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_segment::write::{NameInput, SegmentBuilder};
use pinotage_spec::{CompareOp, Predicate, Schema, SegmentNameGenerator, TableConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--make", folder, rows] => make(Path::new(folder), rows.parse()?),
        [path] => measure(Path::new(path), 3),
        [path, rounds] => measure(Path::new(path), rounds.parse()?),
        _ => Err("expected a segment, or --make with a folder and a number of rows".into()),
    }
}

fn measure(path: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let segment = Segment::open(path)?;
    let columns: Vec<String> = segment.columns().take(5).map(str::to_owned).collect();
    let greatest = columns.iter().filter_map(|column| {
        let value = segment.metadata().columns.get(column)?.max.clone()?;
        Some(Predicate::Compare { column: column.clone(), op: CompareOp::Eq, value })
    });
    for predicate in std::iter::once(None).chain(greatest.map(Some)) {
        let mut best = f64::INFINITY;
        let mut rows = 0;
        for _ in 0..rounds {
            let start = Instant::now();
            let options =
                ScanOptions { columns: Some(columns.clone()), predicate: predicate.clone(), ..ScanOptions::default() };
            rows = 0;
            for batch in segment.scan(options)? {
                rows += batch?.num_rows();
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "{}: {rows} of {} rows in {:.3} ms: {:.1} million rows/s",
            predicate.map_or_else(|| "all".to_owned(), |predicate| predicate.to_string()),
            segment.metadata().num_docs,
            best * 1e3,
            f64::from(segment.metadata().num_docs) / best / 1e6
        );
    }
    Ok(())
}

const SCHEMA: &str = r#"{"schemaName": "scan", "dimensionFieldSpecs": [
    {"name": "day", "dataType": "INT"}, {"name": "mode", "dataType": "STRING"}, {"name": "part", "dataType": "LONG"},
    {"name": "price", "dataType": "DOUBLE"}, {"name": "text", "dataType": "STRING"}]}"#;

const TABLE: &str = r#"{"tableName": "scan", "tableType": "OFFLINE", "tableIndexConfig": {
    "invertedIndexColumns": ["mode"], "createInvertedIndexDuringSegmentGeneration": true,
    "noDictionaryColumns": ["price", "text"]}}"#;

const WORDS: [&str; 8] = ["carefully", "final", "deposits", "sleep", "quickly", "furiously", "regular", "requests"];

fn make(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let mut builder = SegmentBuilder::try_new(&Schema::from_json(SCHEMA)?, &TableConfig::from_json(TABLE)?)?;
    // Any spread of digits will do.
    let random = |row: u64| row.wrapping_mul(6_364_136_223_846_793_005) >> 20;
    for start in (0..rows).step_by(1 << 16) {
        let rows = start..rows.min(start + (1 << 16));
        let day = Int32Array::from_iter_values(rows.clone().map(|row| (row / 400) as i32));
        let mode = StringArray::from_iter_values(rows.clone().map(|row| format!("mode {}", random(row) % 1000)));
        let part = Int64Array::from_iter_values(rows.clone().map(|row| (random(row) % 20_000) as i64));
        let price = Float64Array::from_iter_values(rows.clone().map(|row| (random(row) % 10_000_000) as f64 / 100.0));
        let text = StringArray::from_iter_values(rows.map(|row| {
            let word = |shift: u64| WORDS[(random(row) >> shift) as usize % WORDS.len()];
            format!("{} {} {} {}", word(4), word(9), word(14), random(row) % 100)
        }));
        let columns: [(&str, ArrayRef); 5] = [
            ("day", Arc::new(day)),
            ("mode", Arc::new(mode)),
            ("part", Arc::new(part)),
            ("price", Arc::new(price)),
            ("text", Arc::new(text)),
        ];
        builder.append(&RecordBatch::try_from_iter(columns)?)?;
    }
    let generator = SegmentNameGenerator::Fixed { name: "scan_0".into() };
    let segment = builder.finish(&NameInput { generator: &generator, sequence: None }, 0)?;
    println!("{}", segment.write_dir(folder)?.display());
    Ok(())
}
