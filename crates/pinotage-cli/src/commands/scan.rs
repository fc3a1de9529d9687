//! `pinotage scan`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::ValueEnum;
use pinotage_common::{Error, Result};
use pinotage_engine::{Export, ExportOptions, ExportSummary, RowFormat, TableSource};

use crate::output::{bytes, print, warn};
use crate::rows::Counter;

/// Exports a table of a cluster: into one file, or into a folder that can be brought up to date.
///
/// A file appears when it is complete. A folder gets a file or more for each part of the table and a record of the segments and
/// CRCs in them: run again, after a stop or when the table has changed, only what is missing is read, and files with rows that the
/// table does not have any more are removed.
///
/// The exit code is 1 when rows are missing because `missingSegments=skip` left segments out that no server has loaded.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage scan pinot://localhost:9000/flights --output flights.parquet
  pinotage scan 'pinot://localhost:9000/flights?reader=direct' --output flights/ --dry-run
  pinotage scan pinot://localhost:9000/flights --output by-carrier/ --partition-by carrier
  pinotage scan pinot://localhost:9000/flights --columns carrier,dest --filter 'dep_delay > 60' --output late.csv")]
pub(crate) struct Args {
    /// The table as `pinot://host:port/table?option=value` (`pinot+https://…` with TLS)
    #[arg(value_name = "TABLE", value_parser = TableSource::parse)]
    table: TableSource,
    /// A file, or a folder when its name ends with `/`, it exists, or `--partition-by` is given
    #[arg(long, value_name = "PLACE")]
    output: PathBuf,
    /// What is written [default: as the file's name ends, parquet in a folder]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Columns, separated by commas; all by default
    #[arg(long, value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Which rows: a condition of SQL
    #[arg(long, value_name = "CONDITION")]
    filter: Option<String>,
    /// Divide rows into folders `COLUMN=value`
    #[arg(long, value_name = "COLUMN")]
    partition_by: Option<String>,
    /// Parts that are read at the same time
    #[arg(long, default_value = "4", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallelism: u16,
    /// Say what would be read, by whom and why, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Parquet,
    Arrow,
    Csv,
    Json,
}

impl From<Format> for RowFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Arrow => Self::Arrow,
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let is_folder =
        args.partition_by.is_some() || args.output.is_dir() || args.output.as_os_str().to_string_lossy().ends_with('/');
    let named = if is_folder { Some(RowFormat::Parquet) } else { RowFormat::of(&args.output) };
    let format = args.format.map(RowFormat::from).or(named).ok_or_else(|| {
        Error::invalid_config("the format cannot be told from the file's name")
            .with("file", args.output.display())
            .action("add `--format`, end the name with .parquet, .arrow, .csv or .json, or with / for a folder")
    })?;
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    let options = ExportOptions {
        columns: args.columns.clone(),
        filter: args.filter.clone(),
        format,
        partition_by: args.partition_by.clone(),
        parallelism: usize::from(args.parallelism),
        cancel,
    };
    let export = Export::open(&args.table, options)?;
    if args.dry_run {
        warn(&export.warnings().take());
        print(&describe_plan(&export))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (started, counter) = (Instant::now(), Counter::new());
    let progress = |rows| counter.add(rows);
    let summary = match is_folder {
        true => export.to_folder(&args.output, &progress),
        false => export.to_file(&args.output, &progress),
    };
    drop(counter);
    let summary = summary.inspect_err(|_| warn(&export.warnings().take()))?;
    warn(&summary.warnings);
    print(&describe(&summary, started.elapsed().as_secs_f64()))?;
    Ok(if summary.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn describe_plan(export: &Export) -> String {
    let Some(plan) = export.plan() else { return "no row can pass the filter: nothing would be read\n".into() };
    let mut text = String::new();
    for half in &plan.halves {
        let name = half.table_type.of(&plan.table);
        let _ = writeln!(text, "{name}: would read {} segments, {} cannot have such rows", half.segments, half.pruned);
        let _ = writeln!(text, "  reader: {}, because {}", half.reader.name(), half.reason);
        let _ = writeln!(text, "  about {} rows, {}", half.expected_rows, bytes(half.expected_bytes));
        if let Some(predicate) = &half.predicate {
            let _ = writeln!(text, "  filter: {predicate}");
        }
    }
    let _ = writeln!(text, "in {} parts, {} of them requests to servers", plan.splits.len(), plan.requests());
    text
}

fn describe(summary: &ExportSummary, seconds: f64) -> String {
    let mut text = String::new();
    if summary.kept.0 > 0 {
        let _ = writeln!(text, "kept {} files with {} rows", summary.kept.0, summary.kept.1);
    }
    if summary.removed > 0 {
        let _ = writeln!(text, "removed {} files that are not right any more or were not complete", summary.removed);
    }
    if !summary.missing.is_empty() {
        let _ =
            writeln!(text, "rows of {} segments are missing: {}", summary.missing.len(), summary.missing.join(", "));
    } else if summary.files == 0 {
        return text + "nothing to do: every part is there\n";
    }
    let rate = summary.rows as f64 / seconds.max(1e-9);
    let _ = writeln!(
        text,
        "wrote {} rows into {} files, {}, in {seconds:.2} s, {rate:.0} rows/s",
        summary.rows,
        summary.files,
        bytes(summary.bytes)
    );
    text
}
