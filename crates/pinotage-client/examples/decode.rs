//! How fast answers of servers become Arrow: `cargo run --release -p pinotage-client --example decode [PAYLOAD…]`.
//!
//! Without files: blocks of 10,000 rows as Pinot 1.5 streams them, beside a plain copy of their bytes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use pinotage_client::DataTable;

const ROWS: i64 = 10_000;

/// Each figure is the best of several rounds of this length: the machine does other things, too.
const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 5;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    println!("{:<34} {:>10} {:>12} {:>10} {:>10}", "block", "bytes", "rows/s", "MB/s", "copy MB/s");
    for file in &files {
        measure(file, std::fs::read(file).expect("the file").into());
    }
    if files.is_empty() {
        measure("LONG", block(&["LONG"], 1));
        measure("STRING, 100 values", block(&["STRING"], 100));
        measure("STRING, all different", block(&["STRING"], ROWS));
        let sixteen = [["LONG", "INT", "DOUBLE", "STRING"]; 4].concat();
        measure("16 columns, strings of 100 values", block(&sixteen, 100));
    }
}

fn measure(name: &str, payload: Bytes) {
    let table = DataTable::parse(payload.clone()).expect("a data table");
    let field = |column: &pinotage_client::Column| Some(Field::new(&column.name, column.data_type.to_arrow()?, true));
    let schema = Arc::new(Schema::new(table.columns().iter().filter_map(field).collect::<Vec<_>>()));
    let decode = best(|| {
        let table = DataTable::parse(black_box(&payload).clone()).expect("a data table");
        black_box(table.batch(&schema).expect("a batch"));
    });
    let copy = best(|| drop(black_box(black_box(&payload).to_vec())));
    let bytes = payload.len() as f64 / 1e6;
    let rows = table.num_rows() as f64 / decode;
    println!("{name:<34} {:>10} {rows:>12.0} {:>10.0} {:>10.0}", payload.len(), bytes / decode, bytes / copy);
}

/// Seconds of one call.
fn best(mut call: impl FnMut()) -> f64 {
    let mut round = || {
        let (begin, mut calls) = (Instant::now(), 0);
        while begin.elapsed() < ROUND {
            call();
            calls += 1;
        }
        begin.elapsed().as_secs_f64() / f64::from(calls)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// A block of version 4; columns of texts share their values.
fn block(types: &[&str], values: i64) -> Bytes {
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as i32).to_be_bytes());
        out.extend(text.as_bytes());
    };
    let mut dictionary = (values as i32).to_be_bytes().to_vec();
    (0..values).for_each(|value| text(&mut dictionary, &format!("value number {value:07}")));
    let mut schema = (types.len() as i32).to_be_bytes().to_vec();
    (0..types.len()).for_each(|at| text(&mut schema, &format!("c{at}")));
    types.iter().for_each(|name| text(&mut schema, name));
    let mut rows = Vec::new();
    for row in 0..ROWS {
        for name in types {
            match *name {
                "LONG" => rows.extend(row.to_be_bytes()),
                "DOUBLE" => rows.extend((row as f64).to_be_bytes()),
                _ => rows.extend(((row * 7_919 % values) as i32).to_be_bytes()),
            }
        }
    }
    let exceptions = 0_i32.to_be_bytes().to_vec();
    let mut header = vec![4, ROWS as i32, types.len() as i32];
    let mut start = 52;
    for section in [&exceptions, &dictionary, &schema, &rows, &Vec::new()] {
        header.extend([start, section.len() as i32]);
        start += section.len() as i32;
    }
    let mut out: Vec<u8> = header.into_iter().flat_map(i32::to_be_bytes).collect();
    [exceptions, dictionary, schema, rows].iter().for_each(|section| out.extend(section));
    // No metadata.
    out.extend([0; 4]);
    out.into()
}
