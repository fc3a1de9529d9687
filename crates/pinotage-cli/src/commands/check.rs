//! `pinotage check`

use std::process::ExitCode;

use pinotage_common::Result;
use pinotage_engine::prepare;

use crate::commands::job::JobArgs;
use crate::output::print;

/// Says whether a job can run: options, schema, table config, inputs, SQL and types. Builds nothing, and uses no network
/// unless it is told to.
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
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let job = prepare(args.job.load()?, !args.online)?;
    let cluster = match &job.cluster {
        Some(cluster) => format!(", table {}", cluster.target.key()),
        None => String::new(),
    };
    let (inputs, columns) = (job.inputs.len(), job.columns.len());
    print(&format!("{}: {inputs} inputs, {columns} columns{cluster}, can run\n", args.job.job.display()))?;
    Ok(ExitCode::SUCCESS)
}
