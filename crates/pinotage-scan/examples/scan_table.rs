//! Scans a table again and again and says how fast it came: what `benches/scan.py` measures, a line of JSON a round.
//!
//! `cargo run --release -p pinotage-scan --example scan_table -- localhost:9000 lineitem l_orderkey,l_tax "" '{"reader": "direct"}' 3`
//! reads two columns three times; no columns are all of them, and `l_shipmode=AIR` in place of `""` is a filter. A path in place of
//! the address is a folder of segments, read without a cluster.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::{TryStreamExt as _, stream};
use pinotage_client::{Address, Connection, Controller};
use pinotage_scan::{ScanOptions, ScanRequest, Scanner, Table};
use pinotage_segment::read::{self, Segment};
use pinotage_spec::{CompareOp, DataType, Predicate, Value};
use pinotage_store::{Store, StoreOptions};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, table, columns, filter, options, rounds] = arguments.as_slice() else {
        return Err(
            "expected an address or a folder, a table, columns, a filter, options and a number of rounds".into()
        );
    };
    let columns = (!columns.is_empty()).then(|| columns.split(',').map(str::to_owned).collect::<Vec<_>>());
    let filter = filter.split_once('=');
    let options: ScanOptions = serde_json::from_str(options)?;
    let mut reader = None;
    if !Path::new(place).is_dir() {
        let controller = Controller::new(&Connection::new(Address::parse(place)?))?;
        let table = Table::open(&controller, table).await?;
        let data_type = |column: &str| Some(table.schema().field(column)?.data_type);
        let predicate = filter.map(|filter| equals(filter, data_type)).transpose()?;
        let parallelism = std::thread::available_parallelism()?.get();
        let request = ScanRequest { columns: columns.clone(), predicate, parallelism, ..ScanRequest::default() };
        reader = Some((Scanner::new(table, Store::new(StoreOptions::default())?, options)?, request));
    }
    for _ in 0..rounds.parse::<usize>()? {
        let start = Instant::now();
        let (rows, splits) = match &reader {
            Some((scanner, request)) => by_scanner(scanner, request).await?,
            None => by_folder(Path::new(place), columns.as_deref(), filter)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        let peak = peak_kib()?;
        println!("{}", serde_json::json!({"rows": rows, "seconds": seconds, "peakKib": peak, "splits": splits}));
    }
    Ok(())
}

/// The most memory that this process held.
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(peak.ok_or("the system does not tell the peak of memory")?.parse()?)
}

/// Rows, and the segments of each split.
type Read = (usize, Vec<Vec<String>>);

async fn by_scanner(scanner: &Scanner, request: &ScanRequest) -> Outcome<Read> {
    let plan = Arc::new(scanner.plan(request).await?);
    let threads = std::thread::available_parallelism()?.get();
    let splits = plan.splits.iter().map(|split| Ok(scanner.read(&plan, split)));
    let batches = stream::iter(splits).try_flatten_unordered(threads);
    let rows = batches.try_fold(0, async |rows, batch| Ok(rows + batch.num_rows())).await?;
    Ok((rows, plan.splits.iter().map(|split| split.segments().map(str::to_owned).collect()).collect()))
}

/// A thread for each segment.
fn by_folder(folder: &Path, columns: Option<&[String]>, filter: Option<(&str, &str)>) -> Outcome<Read> {
    let paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let read = |path: &Path| -> Outcome<usize> {
        let segment = Segment::open(path)?;
        let data_type = |column: &str| Some(segment.metadata().columns.get(column)?.data_type);
        let predicate = filter.map(|filter| equals(filter, data_type)).transpose()?;
        let options = read::ScanOptions { columns: columns.map(<[_]>::to_vec), predicate, ..Default::default() };
        let mut rows = 0;
        for batch in segment.scan(options)? {
            rows += batch?.num_rows();
        }
        Ok(rows)
    };
    let rows: Result<Vec<usize>, String> = std::thread::scope(|scope| {
        let readers = paths.iter().map(|path| scope.spawn(|| read(path).map_err(|error| error.to_string())));
        let readers: Vec<_> = readers.collect();
        readers.into_iter().map(|reader| reader.join().map_err(|_| "a reader broke down".to_owned())?).collect()
    });
    Ok((rows?.iter().sum(), Vec::new()))
}

fn equals((column, text): (&str, &str), data_type: impl Fn(&str) -> Option<DataType>) -> Outcome<Predicate> {
    let data_type = data_type(column).ok_or("the filter's column is not there")?;
    Ok(Predicate::Compare { column: column.into(), op: CompareOp::Eq, value: Value::parse(data_type, text)? })
}
