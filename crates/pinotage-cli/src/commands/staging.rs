//! `pinotage staging gc`

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use pinotage_common::Result;
use pinotage_engine::{GcOptions, StagedEntry, StagingReport, staging_gc};

use crate::commands::job::JobArgs;
use crate::commands::runs::{Form, json, plan};
use crate::output::{aligned, bytes, print};

/// Looks after what jobs with epochs keep in their staging folders
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Gc(Args),
}

/// Shows what lies in a job's staging folder and its state does not refer to, as killed runs leave it behind, and removes it
/// with `--delete`. What the state refers to is never touched. A run removes such files by itself when they are a week old.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage staging gc job.yaml
  pinotage staging gc job.yaml --delete
  pinotage staging gc job.yaml --delete --all-runs")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Remove what belongs to the job's own run; refused while another process has the job
    #[arg(long)]
    delete: bool,
    /// Remove that of other runs too: of states that were lost, and of every other job with the same staging folder
    #[arg(long, requires = "delete")]
    all_runs: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let Command::Gc(args) = command;
    let options = GcOptions { delete: args.delete, all_runs: args.all_runs };
    let reports = staging_gc(&plan(&args.job)?, options)?;
    print(&match args.output {
        Form::Text => reports.iter().map(|report| describe(report, args.delete)).collect(),
        Form::Json => json(&reports)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// How long ago something was.
fn age(millis: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    match (now - millis).max(0) / 1000 {
        seconds @ ..120 => format!("{seconds}s"),
        seconds @ ..7200 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

fn sum(entries: &[StagedEntry]) -> String {
    format!("{} entries with {}", entries.len(), bytes(entries.iter().map(|entry| entry.bytes).sum()))
}

fn describe(report: &StagingReport, delete: bool) -> String {
    if report.runs.is_empty() {
        return format!("{}: nothing that the job's state does not refer to\n", report.staging);
    }
    let mut text = format!("{}\n", report.staging);
    for run in &report.runs {
        let what = match (run.is_own, run.removed, delete) {
            (_, true, _) => "removed",
            (true, ..) => "of the job's run, removed with `--delete`",
            (false, _, false) => "of another run, removed with `--delete --all-runs`",
            (false, ..) => "of another run, stays without `--all-runs`",
        };
        text += &format!("run {}: {}, {what}\n", run.run, sum(&run.entries));
        let row =
            |entry: &StagedEntry| vec![format!("  {}", entry.path), bytes(entry.bytes), age(entry.changed_millis)];
        text += &aligned(run.entries.iter().map(row));
    }
    if let Some(process) = report.process.as_ref().filter(|_| !delete) {
        text += &format!("{process} has the job: what it is writing is listed too\n");
    }
    text
}
