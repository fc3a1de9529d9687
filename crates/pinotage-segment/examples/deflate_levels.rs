//! Size and CPU of each level of the archive's deflate, over the files of a segment.
//!
//! `cargo run --release -p pinotage-segment --example deflate_levels -- out/segments/lineitem_0`

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;

fn read(folder: &Path, into: &mut Vec<u8>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => read(&path, into)?,
            false => into.extend(fs::read(&path)?),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected the folder of a segment")?;
    let mut bytes = Vec::new();
    read(Path::new(&folder), &mut bytes)?;
    println!("{:.1} MB", bytes.len() as f64 / 1e6);
    for level in 0..=9 {
        // The best of three: this is one thread, and others may be at work.
        let mut best = f64::INFINITY;
        let mut size = 0;
        for _ in 0..3 {
            let start = Instant::now();
            let mut gzip = GzEncoder::new(Vec::with_capacity(bytes.len()), Compression::new(level));
            gzip.write_all(&bytes)?;
            size = gzip.finish()?.len();
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "| {level} | {:.1} MB | {:.1} % | {best:.2} s | {:.0} MB/s |",
            size as f64 / 1e6,
            100.0 * size as f64 / bytes.len() as f64,
            bytes.len() as f64 / 1e6 / best
        );
    }
    Ok(())
}
