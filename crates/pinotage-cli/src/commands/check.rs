//! `pinotage check`

use std::path::PathBuf;
use std::process::ExitCode;

use pinotage_common::Result;
use pinotage_engine::prepare;
use pinotage_job::Plan;

use crate::output::print;

/// Says whether a job can run: options, schema, table config, inputs, SQL and types. Builds nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage check job.yaml
  pinotage check job.yaml && pinotage run job.yaml")]
pub(crate) struct Args {
    /// The job file
    job: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let job = prepare(Plan::from_file(&args.job)?)?;
    print(&format!("{}: {} inputs, {} columns, can run\n", args.job.display(), job.inputs.len(), job.columns.len()))?;
    Ok(ExitCode::SUCCESS)
}
