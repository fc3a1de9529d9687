//! `pinotage runs`

use std::process::ExitCode;

use chrono::DateTime;
use clap::ValueEnum;
use pinotage_common::{Error, Result};
use pinotage_engine::{Counts, EpochStatus, InputsStatus, JobStatus, SplitStatus, job_status};

use crate::commands::job::{Job, JobArgs};
use crate::output::{aligned, print};

/// Parts of the source that are shown.
const SHOWN: usize = 20;

/// Shows what a job's state says: how far it has come, what is under way, and who has it. Changes nothing, and can be asked
/// while the job runs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage runs job.yaml
  pinotage runs job.yaml --all
  pinotage runs job.yaml --output json | jq .epochs.counts")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Show all parts of the source, not only the first 20
    #[arg(long)]
    all: bool,
    /// How it is written; JSON has all parts of the source
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// How things are written that are not rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// One document
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let status = job_status(&plan(&args.job)?)?;
    print(&match args.output {
        Form::Text => describe(&status, if args.all { usize::MAX } else { SHOWN }),
        Form::Json => json(&status)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The plan of a job that has a state.
pub(crate) fn plan(job: &JobArgs) -> Result<pinotage_job::Plan> {
    match job.load()? {
        Job::Build(plan) => Ok(*plan),
        Job::Push(_) => {
            Err(Error::unsupported("a job spec that only pushes has no state")
                .action("name a job that builds segments"))
        }
    }
}

/// A document for machines.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::unexpected("cannot print JSON").caused_by(error))
}

/// A time for people.
pub(crate) fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map_or_else(|| millis.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn describe(status: &JobStatus, shown: usize) -> String {
    let mut lines = vec![("job", status.job.clone()), ("state", status.state.clone())];
    lines.push(("process", status.process.clone().unwrap_or_else(|| "none has the job now".into())));
    let mut splits = String::new();
    if let Some(epochs) = &status.epochs {
        of_epochs(epochs, &mut lines);
        splits = of_splits(&epochs.splits, shown);
    }
    if let Some(inputs) = &status.inputs {
        of_inputs(inputs, &mut lines);
    }
    if status.epochs.is_none() && status.inputs.is_none() {
        lines.push(("run", "none: the job has no state yet".into()));
    }
    let rows = lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    let replay = status.replay.as_ref().map(|replay| format!("\n{}", describe(replay, shown)));
    aligned(rows) + &splits + &replay.unwrap_or_default()
}

fn counts(counts: &Counts) -> String {
    let made = if counts.made > 0 { format!("{} made, ", counts.made) } else { String::new() };
    let merged = if counts.merged > 0 { format!("{} merged, ", counts.merged) } else { String::new() };
    let Counts { read, written, filtered, quarantined, .. } = counts;
    format!("{read} read, {made}{written} written, {merged}{filtered} filtered, {quarantined} quarantined")
}

fn of_epochs(epochs: &EpochStatus, lines: &mut Vec<(&str, String)>) {
    lines.push(("run", format!("{} since {}", epochs.run, time(epochs.created_millis))));
    let Some(millis) = epochs.millis else {
        lines.push(("epoch", "none has ended yet".into()));
        return;
    };
    lines.push(("epoch", format!("{}, ended {}", epochs.epoch, time(millis))));
    lines.push(("rows", counts(&epochs.counts)));
    lines.push(("open", format!("{} rows of {} segments", epochs.open_rows, epochs.open_segments)));
    let publishing = match epochs.publishing_through {
        Some(through) => format!("; a publication through epoch {through} is under way"),
        None => String::new(),
    };
    lines.push((
        "waiting",
        format!("{} segments with {} rows{publishing}", epochs.waiting_segments, epochs.waiting_rows),
    ));
    let ended = epochs.splits.iter().filter(|split| split.ended).count();
    let complete = if epochs.finished { ", complete" } else { "" };
    lines.push(("source", format!("{ended} of {} parts read to their end{complete}", epochs.splits.len())));
}

fn of_splits(splits: &[SplitStatus], shown: usize) -> String {
    if splits.is_empty() {
        return String::new();
    }
    let head = vec!["part".to_owned(), "position".to_owned(), String::new()];
    let row = |split: &SplitStatus| {
        let position = split.position.clone().unwrap_or_else(|| "-".into());
        vec![split.id.clone(), position, if split.ended { "end".into() } else { String::new() }]
    };
    let mut text = format!("\n{}", aligned(std::iter::once(head).chain(splits.iter().take(shown).map(row))));
    if let Some(more @ 1..) = splits.len().checked_sub(shown) {
        text += &format!("and {more} more; `--all` shows them\n");
    }
    text
}

fn of_inputs(inputs: &InputsStatus, lines: &mut Vec<(&str, String)>) {
    lines.push(("run", format!("{}, {} runs had something to do", inputs.run, inputs.runs)));
    lines.push(("inputs", format!("{} built", inputs.inputs)));
    lines.push(("rows", counts(&inputs.counts)));
    let pushed = if inputs.pushed > 0 { format!(", {} of them pushed", inputs.pushed) } else { String::new() };
    lines.push(("segments", format!("{} with {} rows{pushed}", inputs.segments, inputs.segment_rows)));
    if inputs.retired > 0 {
        lines.push(("retired", format!("{} segments have to go from their table", inputs.retired)));
    }
    for pending in &inputs.pending {
        let text = format!("{} segments come to {}, {} go", pending.to, pending.target, pending.from);
        lines.push(("pending", text));
    }
}
