//! `pinotage check`

use std::process::ExitCode;

use pinotage_common::Result;
use pinotage_engine::{prepare, warning_of_old_inputs};

use crate::commands::engine::{Engine, EngineArgs, ForFlink};
use crate::commands::job::{Job, JobArgs};
use crate::commands::spark::ForSpark;
use crate::commands::spec_push;
use crate::output::print;

/// Says whether a job can run: options, schema, table config, inputs, SQL and types. Builds nothing, and asks no cluster
/// unless it is told to; inputs are looked for in their store.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage check job.yaml
  pinotage check job.yaml --online
  pinotage check job.yaml && pinotage run job.yaml")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    /// Ask the job's cluster too: whether it can be reached, and whether its table fits
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let elsewhere = match args.engine.engine {
        Engine::Embedded => None,
        Engine::Flink => ForFlink::load(&args.job, !args.online).map(|_| Some("Flink"))?,
        Engine::Spark => ForSpark::load(&args.job, None, !args.online).map(|_| Some("Spark"))?,
    };
    if let Some(engine) = elsewhere {
        print(&format!("{}: can run on {engine}, if it has the connectors and formats\n", args.job.job.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let job = match args.job.load()? {
        Job::Build(plan) => prepare(*plan, !args.online)?,
        Job::Push(wishes) if args.online => return spec_push::run(&wishes, true),
        Job::Push(wishes) => {
            let segments = spec_push::segments(&wishes)?.len();
            print(&format!("{}: {segments} segments, can be pushed\n", args.job.job.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(warning) = warning_of_old_inputs(&job) {
        eprintln!("warning: {warning}");
    }
    let cluster = match &job.cluster {
        Some(cluster) => format!(", table {}", cluster.key()),
        None => String::new(),
    };
    let computed = match job.ingestion.as_ref().map(|ingestion| (ingestion.computed().count(), ingestion.filter())) {
        None => String::new(),
        Some((computed, None)) => format!(", {computed} computed"),
        Some((computed, Some(_))) => format!(", {computed} computed, rows filtered"),
    };
    let columns = job.columns.len();
    let inputs = match &job.plan.file.source.generator {
        Some(_) => "generated rows".to_owned(),
        None => format!("{} inputs", job.inputs.len()),
    };
    print(&format!("{}: {inputs}, {columns} columns{computed}{cluster}, can run\n", args.job.job.display()))?;
    Ok(ExitCode::SUCCESS)
}
