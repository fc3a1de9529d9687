//! `pinotage check`

use std::process::ExitCode;

use pinotage_common::Result;
use pinotage_engine::prepare;

use crate::commands::job::JobArgs;
use crate::output::print;

/// Says whether a job can run: options, schema, table config, inputs, SQL and types. Builds nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage check job.yaml
  pinotage check job.yaml && pinotage run job.yaml")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let job = prepare(args.job.load()?)?;
    print(&format!(
        "{}: {} inputs, {} columns, can run\n",
        args.job.job.display(),
        job.inputs.len(),
        job.columns.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
