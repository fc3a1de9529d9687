//! `pinotage reconcile`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ArgGroup;
use pinotage_common::{Error, Result, TimeSpan};
use pinotage_engine::{BucketBy, Difference, ReconcileOptions, Reconciliation, RowDifference, TableSource, reconcile};

use crate::output::{print, warn};
use crate::rows::Counter;

/// Buckets that are listed.
const LISTED: usize = 50;

/// Compares two tables: counts, sums and checksums by bucket, and the rows that differ.
///
/// The exit code is 0 when both have the same rows and 1 when not.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("buckets").args(["time_column", "by"]), after_help = "Examples:
  pinotage reconcile flights.parquet pinot://localhost:9000/flights
  pinotage reconcile flights.parquet pinot://localhost:9000/flights --time-column time_hour --bucket 1d
  pinotage reconcile flights.parquet out/segments --by carrier --keys carrier,flight,time_hour
  pinotage reconcile a.csv b.csv --columns id,amount --keys id --filter 'amount > 0'")]
pub(crate) struct Args {
    /// What should be there: a file, a segment, a folder of segments, or a cluster's table such as
    /// `pinot://host:9000/flights`
    #[arg(value_name = "SOURCE", value_parser = TableSource::parse)]
    source: TableSource,
    /// What is there, named alike
    #[arg(value_name = "TABLE", value_parser = TableSource::parse)]
    table: TableSource,
    /// Compare in buckets of this column: times, or whole numbers
    #[arg(long, value_name = "COLUMN", requires = "bucket")]
    time_column: Option<String>,
    /// How long a bucket is: `1d`, `6h`; of a column of whole numbers so many of its units
    #[arg(long, value_name = "LENGTH", requires = "time_column", value_parser = length)]
    bucket: Option<u64>,
    /// Compare in one bucket for each value of this column
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Columns to compare, separated by commas; by default all, which both have to have
    #[arg(long, value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Columns that tell which rows belong together, so that changed values are shown as such
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    keys: Vec<String>,
    /// Compare only these rows: a condition of SQL, for both
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Rows that are shown; with 0 they are not looked for
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

fn length(text: &str) -> Result<u64> {
    match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => match text.parse::<TimeSpan>()?.duration().as_millis() as u64 {
            0 => Err(Error::invalid_config("a bucket is longer than nothing")),
            millis => Ok(millis),
        },
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    let by = match (&args.time_column, args.bucket, &args.by) {
        (Some(column), Some(length), _) => Some(BucketBy::Steps(column.clone(), length)),
        (_, _, Some(column)) => Some(BucketBy::Value(column.clone())),
        _ => None,
    };
    let options = ReconcileOptions {
        columns: args.columns.clone(),
        filter: args.filter.clone(),
        by,
        keys: args.keys.clone(),
        limit: args.limit,
        cancel,
    };
    let counter = Counter::new();
    let found = reconcile(&args.source, &args.table, &options, &|rows| counter.add(rows));
    drop(counter);
    let found = found?;
    warn(&found.warnings);
    print(&describe(&found, args))?;
    Ok(if found.is_same() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn describe(found: &Reconciliation, args: &Args) -> String {
    let mut text = String::new();
    let [source, table] = found.rows;
    let buckets = if args.by.is_some() || args.bucket.is_some() {
        format!(" in {} buckets", found.buckets)
    } else {
        String::new()
    };
    if found.is_same() {
        return format!("the same: {source} rows{buckets}, {} columns\n", found.columns.len());
    }
    let _ = writeln!(text, "different: {source} rows in the source, {table} in the table{buckets}");
    for bucket in found.different.iter().take(LISTED) {
        let name = if bucket.bucket.is_empty() { "all rows" } else { &bucket.bucket };
        let _ = write!(text, "  {name}: {} rows, {} in the table", bucket.rows[0], bucket.rows[1]);
        for (column, [source, table]) in &bucket.sums {
            let _ = write!(text, "; sum of {column} {source}, {table} in the table");
        }
        text.push('\n');
    }
    if found.different.len() > LISTED {
        let _ = writeln!(text, "  and {} more buckets", found.different.len() - LISTED);
    }
    if args.limit == 0 {
        return text;
    }
    let _ = writeln!(text, "rows that differ:");
    for row in &found.differences {
        let _ = writeln!(text, "  {}", line(row));
    }
    if found.more {
        let _ = writeln!(text, "  and more; `--limit` shows more, `--filter` looks closer");
    }
    text
}

fn line(row: &RowDifference) -> String {
    let values: Vec<String> = row.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let values = values.join(", ");
    let [source, table] = row.times;
    match row.difference {
        Difference::Missing if source > 1 => format!("missing in the table, {source} times: {values}"),
        Difference::Missing => format!("missing in the table: {values}"),
        Difference::Extra if table > 1 => format!("only in the table, {table} times: {values}"),
        Difference::Extra => format!("only in the table: {values}"),
        Difference::Times => format!("{source} times, {table} times in the table: {values}"),
        Difference::Changed => {
            let changes =
                row.changes.iter().map(|(name, [source, table])| format!("{name} {source}, {table} in the table"));
            format!("changed, {values}: {}", changes.collect::<Vec<_>>().join("; "))
        }
    }
}
