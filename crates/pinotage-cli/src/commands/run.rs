//! `pinotage run`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pinotage_common::{Error, Result};
use pinotage_engine::{
    Cancel, Cluster, EpochSummary, InputStatus, Observer, Prepared, PushSummary, RunOptions, Summary, prepare,
    run_epochs,
};

use crate::commands::engine::{Engine, EngineArgs, FlinkArgs, ForFlink, SparkArgs, steps};
use crate::commands::job::{Job, JobArgs};
use crate::commands::spark::ForSpark;
use crate::commands::{flink, spark, spec_push};
use crate::output::print;
use crate::progress::Progress;

/// Builds what is missing of a job: files, optional SQL, segments; and pushes what its cluster does not have yet. A second
/// run does nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage run job.yaml
  pinotage run job.yaml --controller localhost:9000
  pinotage run job.yaml --dry-run
  pinotage run job-spec.yaml --values year=2014
  pinotage run job.yaml --engine flink --flink jobmanager:8081
  pinotage run job.yaml --engine spark --master 'local[4]'")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Worker threads, before the job's own number
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Say what would be built and what would change in the cluster, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Build every input, changed or not
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    engine: EngineArgs,
    /// With another engine: the connector's jar, if it is not beside this command as `pinotage-<engine>-….jar`
    #[arg(long, value_name = "FILE")]
    jar: Option<PathBuf>,
    #[command(flatten, next_help_heading = "On Flink")]
    flink: FlinkArgs,
    #[command(flatten, next_help_heading = "On Spark")]
    spark: SparkArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match args.engine.engine {
        Engine::Embedded => {}
        Engine::Flink => return run_on_flink(args),
        Engine::Spark => return run_on_spark(args),
    }
    let job = match args.job.load()? {
        Job::Build(plan) => prepare(*plan, false)?,
        Job::Push(wishes) => return spec_push::run(&wishes, args.dry_run),
    };
    let is_inferred = job.plan.schema.is_none() || job.plan.table_config.is_none();
    if is_inferred && job.cluster.as_ref().is_none_or(|cluster| !cluster.steps.is_empty()) {
        eprintln!("note: schema or table config are inferred; `pinotage infer` prints them to be saved and edited");
    }
    let cancel = Arc::new(AtomicBool::new(false));
    stop_on_ctrl_c(&cancel);
    if job.plan.checkpoint.is_some() {
        return run_in_epochs(&job, args, &cancel);
    }
    let progress = Progress::default();
    let options = RunOptions {
        force: args.force,
        dry_run: args.dry_run,
        threads: args.threads.map(usize::from),
        cancel: &cancel,
        creation_time_millis: creation_time(),
    };
    let result = pinotage_engine::run(&job, &options, &progress);
    progress.finish();
    print(&(describe(&result?, args.dry_run) + &progress.uploaded()))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses what our own engine has alone.
fn no_own_options(args: &Args) -> Result<()> {
    for (option, is_given) in [("--force", args.force), ("--threads", args.threads.is_some())] {
        if is_given {
            return Err(Error::unsupported(format!("`{option}` is for our own engine")).with("option", option));
        }
    }
    Ok(())
}

fn run_on_flink(args: &Args) -> Result<ExitCode> {
    no_own_options(args)?;
    let job = ForFlink::load(&args.job, false)?;
    if args.dry_run {
        print(&(steps(&job.foreign) + &job.script.to_sql()))?;
        return Ok(ExitCode::SUCCESS);
    }
    flink::run(&job, &args.flink, args.jar.as_deref())
}

fn run_on_spark(args: &Args) -> Result<ExitCode> {
    no_own_options(args)?;
    let job = ForSpark::load(&args.job, Some(&args.spark), false)?;
    if args.dry_run {
        print(&job.described()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    spark::run(&job, args.jar.as_deref())
}

/// A job that runs in epochs, until its source ends or it is stopped.
fn run_in_epochs(job: &Prepared, args: &Args, cancel: &Arc<AtomicBool>) -> Result<ExitCode> {
    if args.force {
        return Err(Error::unsupported("a job with epochs reads its source once")
            .with("option", "--force")
            .action("give the job a new `state` to read everything again"));
    }
    if args.dry_run {
        let target = job.cluster.as_ref().map_or_else(|| job.plan.output_text(), Cluster::key);
        let mut text = format!("would run in epochs into {target}\n");
        for step in job.cluster.iter().flat_map(|cluster| &cluster.steps) {
            let _ = writeln!(text, "table {target}: would {step}");
        }
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let progress = Arc::new(Progress::default());
    let observer: Arc<dyn Observer + Send + Sync> = progress.clone();
    let cancel = Cancel::from(Arc::clone(cancel));
    let result = run_epochs(job, args.threads.map(usize::from), &cancel, &observer);
    progress.finish();
    print(&describe_epochs(&result?))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn describe_epochs(summary: &EpochSummary) -> String {
    let EpochSummary { counts, target, .. } = summary;
    let mut text = String::new();
    for step in &summary.steps {
        let _ = writeln!(text, "table {target}: {step} (done)");
    }
    for key in &summary.ignored {
        let _ = writeln!(text, "table {target}: Pinot does not know `{key}` and left it out");
    }
    let made = if counts.made > 0 { format!("{} made, ", counts.made) } else { String::new() };
    let _ = writeln!(
        text,
        "epoch {}: {} rows read, {made}{} written, {} filtered, {} quarantined since the job began",
        summary.epoch, counts.read, counts.written, counts.filtered, counts.quarantined
    );
    for ((column, rule), count) in &summary.changes.0 {
        let _ = writeln!(text, "changed {count} values of {column}: {rule}");
    }
    if summary.superseded > 0 {
        let _ = writeln!(text, "left out {} rows: later ones of the same key are written", summary.superseded);
    }
    let _ = writeln!(text, "published {} segments to {target}", summary.published);
    match summary.is_complete {
        true => text.push_str("complete: the source has been read to its end\n"),
        false => {
            let _ = writeln!(
                text,
                "stopped: {} segments wait to be published, {} rows for their segment to be full; run the job again to go on",
                summary.waiting, summary.open_rows
            );
        }
    }
    text
}

/// The first Ctrl-C stops cleanly, the second one at once.
pub(super) fn stop_on_ctrl_c(cancel: &Arc<AtomicBool>) {
    let flag = Arc::clone(cancel);
    let handler = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    if handler.is_err() {
        eprintln!("note: Ctrl-C stops at once, without cleaning up");
    }
}

/// Now, or what `SOURCE_DATE_EPOCH` says, so that builds can be repeated to the byte.
pub(super) fn creation_time() -> i64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse::<i64>().ok());
    fixed.map_or_else(
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64),
        |seconds| seconds.saturating_mul(1000),
    )
}

fn describe(summary: &Summary, dry_run: bool) -> String {
    let mut text = String::new();
    let mut built = 0;
    for input in &summary.inputs {
        let counts = input.counts;
        match input.status {
            InputStatus::Unchanged => continue,
            InputStatus::Missing => {
                let _ = writeln!(text, "would build {}", input.name);
            }
            InputStatus::Built => {
                built += 1;
                let _ = writeln!(
                    text,
                    "built {}: {} rows read, {}{} written, {}{} filtered, {} quarantined",
                    input.name,
                    counts.read,
                    if counts.made > 0 { format!("{} made, ", counts.made) } else { String::new() },
                    counts.written,
                    if counts.merged > 0 { format!("{} merged, ", counts.merged) } else { String::new() },
                    counts.filtered,
                    counts.quarantined
                );
                for segment in &input.segments {
                    let _ = writeln!(
                        text,
                        "  segment {} with {} rows, crc {}",
                        segment.name, segment.num_docs, segment.crc
                    );
                }
            }
        }
    }
    for ((column, rule), count) in &summary.changes.0 {
        let _ = writeln!(text, "changed {count} values of {column}: {rule}");
    }
    for uri in &summary.vanished {
        let _ = writeln!(text, "vanished {uri}: its segments are left in place, except in a REFRESH table");
    }
    let unchanged = summary.inputs.iter().filter(|input| input.status == InputStatus::Unchanged).count();
    if unchanged > 0 {
        let _ = writeln!(text, "unchanged: {unchanged} of {} inputs", summary.inputs.len());
    }
    let pushed = summary.push.as_ref().is_some_and(|push| !push.pushed.is_empty() || !push.replaced.is_empty());
    if let Some(push) = &summary.push {
        describe_push(push, dry_run, &mut text);
    }
    if built == 0 && !pushed && !dry_run {
        let _ = writeln!(text, "nothing to do: every input is built");
    }
    text
}

fn describe_push(push: &PushSummary, dry_run: bool, text: &mut String) {
    let table = &push.target;
    let (would, done) = if dry_run { ("would ", "") } else { ("", " (done)") };
    for step in &push.steps {
        let _ = writeln!(text, "table {table}: {would}{step}{done}");
    }
    for key in &push.ignored {
        let _ = writeln!(text, "table {table}: Pinot does not know `{key}` and left it out");
    }
    if !push.pushed.is_empty() || !push.replaced.is_empty() {
        let _ = writeln!(text, "pushed {} segments to {table}, {} went", push.pushed.len(), push.replaced.len());
    }
    if let Some(first) = push.missing.first() {
        let _ = writeln!(
            text,
            "gone: {} segments of earlier runs have been deleted from {table}, the first is {first}; `--force` builds all again",
            push.missing.len()
        );
    }
}
