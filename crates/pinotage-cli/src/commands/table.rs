//! `pinotage table rewrite`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pinotage_common::Result;
use pinotage_engine::{OldSegment, RewriteOptions, RewritePlan, RewriteSummary, Rewriter, default_rewrite_state};
use pinotage_spec::{Schema, TableConfig};

use crate::commands::place::place;
use crate::output::{bytes, print};
use crate::progress::Progress;

/// Changes tables of a cluster
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Rewrite(Args),
}

/// Rewrites all segments of an OFFLINE table under another table config (sorted column, encodings, indexes, partitions) and
/// replaces them in one step: queries see all old or all new segments. Each segment becomes one; rows do not move between
/// segments, so a partitioned column gets the partitions that the rows of each segment have. Run again after a stop or an
/// error it goes on where it ended.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage table rewrite pinot://localhost:9000/flights --table-config new.json --dry-run
  pinotage table rewrite pinot://localhost:9000/flights --table-config new.json
  pinotage table rewrite flights --connection cluster.yaml --table-config new.json --schema schema.json")]
pub(crate) struct Args {
    /// The table as `pinot://host:port/table` (`pinot+https://…` with TLS); with `--connection` its name alone
    #[arg(value_name = "TABLE")]
    table: String,
    /// The table config to rewrite for; what it does not mention stays as it is in the cluster
    #[arg(long, value_name = "FILE")]
    table_config: PathBuf,
    /// The schema, when it gets new columns; old rows have their default null values
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// A YAML file with the keys of a job's `sink.connection`: controller, auth, tls, proxy, …
    #[arg(long, value_name = "FILE")]
    connection: Option<PathBuf>,
    /// Where the rewritten segments wait until all are there, by default `.pinotage/rewrite-TABLE`
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Segments at the same time, each of which needs memory for all its rows
    #[arg(long, default_value = "2", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallelism: u16,
    /// Seconds to wait until servers have loaded the new segments
    #[arg(long, default_value = "600", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(60..))]
    wait: u64,
    /// Say what would be rewritten and what would change in the cluster, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let Command::Rewrite(args) = command;
    let (connection, table) = place(&args.table, args.connection.as_deref(), "TABLE")?;
    let config = TableConfig::from_file(&args.table_config)?;
    let schema = args.schema.as_deref().map(Schema::from_file).transpose()?;
    let state = args.state.clone().unwrap_or_else(|| default_rewrite_state(&table));
    let rewriter = Rewriter::new(&connection, &table, schema, config, state)?;
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    if args.dry_run {
        print(&describe_plan(&rewriter.key(), &rewriter.plan(&cancel)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let progress = Progress::default();
    let options = RewriteOptions {
        parallelism: usize::from(args.parallelism),
        wait_seconds: args.wait,
        cancel: &cancel,
        creation_time_millis: super::run::creation_time(),
    };
    let result = rewriter.run(&options, &progress);
    progress.finish();
    print(&(describe(&rewriter.key(), &result?) + &progress.uploaded()))?;
    Ok(ExitCode::SUCCESS)
}

/// Segments, rows, bytes.
fn total(segments: &[OldSegment]) -> String {
    let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
    let size: u64 = segments.iter().map(|segment| segment.bytes).sum();
    format!("{} segments with {rows} rows, {}", segments.len(), bytes(size))
}

fn describe_plan(key: &str, plan: &RewritePlan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let _ = writeln!(text, "table {key}: would {step}");
    }
    let _ = writeln!(text, "table {key}: would rewrite {}", total(&plan.missing));
    for segment in &plan.missing {
        let _ = writeln!(text, "  {} with {} rows, {}", segment.name, segment.rows, bytes(segment.bytes));
    }
    if !plan.rewritten.is_empty() {
        let _ = writeln!(text, "rewritten by an earlier run, to be published: {}", total(&plan.rewritten));
    }
    describe_rest(&mut text, &plan.fitting, &plan.empty);
    text
}

fn describe(key: &str, summary: &RewriteSummary) -> String {
    let mut text = String::new();
    for step in &summary.steps {
        let _ = writeln!(text, "table {key}: {step}");
    }
    for ignored in &summary.ignored {
        let _ = writeln!(text, "table {key}: Pinot does not know `{ignored}` and left it out");
    }
    if summary.replaced.is_empty() {
        let _ = writeln!(text, "nothing to do: table {key} has no segments to be rewritten");
    } else {
        let (old, new) = (total(&summary.replaced), bytes(summary.bytes));
        let _ = writeln!(text, "rewrote {old}, now {new}; replaced in one step in {key}");
    }
    describe_rest(&mut text, &summary.fitting, &summary.empty);
    if let Some(first) = summary.late.first() {
        let count = summary.late.len();
        let _ = writeln!(
            text,
            "late: {count} segments came meanwhile and are as they were pushed, the first is {first}; run again to rewrite them"
        );
    }
    text
}

fn describe_rest(text: &mut String, fitting: &[String], empty: &[String]) {
    if !fitting.is_empty() {
        let _ = writeln!(text, "unchanged: {} segments of an earlier rewriting are as they are wanted", fitting.len());
    }
    if let Some(first) = empty.first() {
        let _ = writeln!(text, "without rows, left alone: {} segments, the first is {first}", empty.len());
    }
}
