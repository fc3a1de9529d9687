//! Rows and bytes a second of a file that is read, by one thread unless more are asked for.
//!
//! `cargo run --release -p pinotage-formats --example throughput -- lineitem.csv [rounds [threads]]`
//! `cargo run --release -p pinotage-formats --example throughput -- --make lineitem.csv 1000000` writes a file shaped
//! like TPC-H lineitem; the extension chooses CSV or JSON lines.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use pinotage_formats::{Format, ReadOptions, Spawn, infer_schema, open_parallel};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--make", path, rows] => make(Path::new(path), rows.parse()?),
        [path] => measure(Path::new(path), 3, 1),
        [path, rounds] => measure(Path::new(path), rounds.parse()?, 1),
        [path, rounds, threads] => measure(Path::new(path), rounds.parse()?, threads.parse()?),
        _ => Err("expected a file, or --make with a file and a number of rows".into()),
    }
}

/// Tasks for so many threads, which end with the program.
fn pool(threads: usize) -> Arc<Spawn> {
    let senders: Vec<_> = (0..threads)
        .map(|_| {
            let (sender, tasks) = channel::<Box<dyn FnOnce() + Send>>();
            std::thread::spawn(move || tasks.iter().for_each(|task| task()));
            sender
        })
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move |task| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % senders.len();
        let _ = senders[at].send(task);
    })
}

fn measure(path: &Path, rounds: usize, threads: usize) -> Result<(), Box<dyn Error>> {
    let format = Format::detect(path).ok_or("expected a known file extension")?;
    let options = ReadOptions::default();
    let schema = infer_schema(path, format, &options)?;
    let megabytes = std::fs::metadata(path)?.len() as f64 / 1e6;
    for _ in 0..rounds {
        let start = Instant::now();
        let parts = (threads, pool(threads));
        let mut reader = open_parallel(path, format, &options, Some(schema.clone()), parts)?;
        let (mut rows, mut bad) = (0, 0);
        while let Some(batch) = reader.next_batch()? {
            rows += batch.batch.num_rows();
            bad += batch.bad.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{format}: {rows} rows, {bad} bad, {} columns in {seconds:.3} s: {:.0} thousand rows/s, {:.0} MB/s",
            schema.fields().len(),
            (rows + bad) as f64 / seconds / 1e3,
            megabytes / seconds
        );
    }
    Ok(())
}

const WORDS: [&str; 8] = ["carefully", "final", "deposits", "sleep", "quickly", "furiously", "regular", "requests"];

fn make(path: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let json = Format::detect(path) == Some(Format::Json);
    let names = [
        "l_orderkey",
        "l_partkey",
        "l_suppkey",
        "l_linenumber",
        "l_quantity",
        "l_extendedprice",
        "l_discount",
        "l_tax",
        "l_returnflag",
        "l_linestatus",
        "l_shipdate",
        "l_commitdate",
        "l_receiptdate",
        "l_shipinstruct",
        "l_shipmode",
        "l_comment",
    ];
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    if !json {
        writeln!(out, "{}", names.join(","))?;
    }
    let mut state = 42u64;
    let mut line = String::new();
    for row in 0..rows {
        // Any spread of digits will do.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 20;
        let word = |shift: u64| WORDS[(random >> shift) as usize % WORDS.len()];
        let date =
            |days: u64| format!("199{}-{:02}-{:02}", random % 8, (random + days) % 12 + 1, (random + days) % 28 + 1);
        let values = [
            (row / 4 + 1).to_string(),
            (random % 200_000).to_string(),
            (random % 10_000).to_string(),
            (row % 4 + 1).to_string(),
            (random % 50 + 1).to_string(),
            format!("{}.{:02}", 900 + random % 90_000, random % 100),
            format!("0.{:02}", random % 11),
            format!("0.{:02}", random % 9),
            ["N", "R", "A"][random as usize % 3].to_owned(),
            ["O", "F"][random as usize % 2].to_owned(),
            date(0),
            date(30),
            date(60),
            ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"][random as usize % 4].to_owned(),
            ["TRUCK", "MAIL", "REG AIR", "SHIP"][(random >> 3) as usize % 4].to_owned(),
            format!("{} {} {}", word(4), word(9), word(14)),
        ];
        line.clear();
        if json {
            for (i, (name, value)) in names.iter().zip(&values).enumerate() {
                let quote = if i < 8 { "" } else { "\"" };
                let before = if i == 0 { "{" } else { "," };
                write!(line, "{before}\"{name}\":{quote}{value}{quote}")?;
            }
            line.push('}');
        } else {
            line.push_str(&values.join(","));
        }
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}
