//! Which engine runs a job.

use std::path::PathBuf;

use pinotage_client::Address;
use pinotage_common::{Error, Result};
use pinotage_engine::{Foreign, prepare_foreign};
use pinotage_job::{FlinkFound, FlinkScript, Plan, pinot_spec};

use crate::commands::job::JobArgs;

/// Who runs the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    // With a line of documentation each, all options would be printed in the long form.
    #[default]
    Embedded,
    Flink,
}

/// The engine.
#[derive(clap::Args)]
pub(crate) struct EngineArgs {
    /// Who runs the job: this process, or a session cluster of Flink
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    pub(crate) engine: Engine,
}

/// How a cluster of Flink runs a job.
#[derive(clap::Args)]
pub(crate) struct FlinkArgs {
    /// With `--engine flink`: a JobManager's REST address, if not that of the job file; `localhost:8081` without both
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) flink: Option<String>,
    /// The connector's jar, if it is not beside this command as `pinotage-flink-<line>-<version>.jar`
    #[arg(long, value_name = "FILE")]
    pub(crate) jar: Option<PathBuf>,
    /// Tasks of each operator, whatever the cluster's default is
    #[arg(long, value_name = "TASKS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parallelism: Option<u32>,
    /// Go on behind this savepoint or checkpoint
    #[arg(long, value_name = "PATH")]
    pub(crate) from: Option<String>,
    /// Where Ctrl-C puts the savepoint of a job with checkpoints, if not where the cluster says
    #[arg(long, value_name = "FOLDER")]
    pub(crate) savepoints: Option<String>,
    /// Submit the job and leave it alone
    #[arg(long)]
    pub(crate) detach: bool,
}

/// A job for Flink.
pub(crate) struct ForFlink {
    pub(crate) plan: Plan,
    pub(crate) foreign: Foreign,
    pub(crate) script: FlinkScript,
}

impl ForFlink {
    /// Reads the job, looks at its files, and asks its Pinot unless `offline`. Says on stderr what a person should know.
    pub(crate) fn load(args: &JobArgs, offline: bool) -> Result<Self> {
        let text = std::fs::read_to_string(&args.job)
            .map_err(|error| Error::io(error, "cannot read the job file", &args.job))?;
        if pinot_spec::is_job_spec(&text) {
            return Err(Error::unsupported("Pinot's own job specs run here, segment by segment")
                .with("file", args.job.display())
                .action("leave `--engine flink` out, or write a job file"));
        }
        let controller = args.controller().map(Address::parse).transpose()?;
        let plan = Plan::for_engine(&args.job, controller)?;
        let foreign = prepare_foreign(&plan, offline)?;
        let found = FlinkFound {
            files: foreign.files.as_ref().map(|(schema, format)| (schema.as_ref().clone(), format.clone())),
            primary_key: foreign.primary_key.clone(),
            controller: args.controller().map(ToOwned::to_owned),
        };
        let script = FlinkScript::of(&text, &plan, &found).map_err(|error| error.with("file", args.job.display()))?;
        script.notes.iter().for_each(|note| eprintln!("note: {note}"));
        Ok(Self { plan, foreign, script })
    }

    /// What would change in Pinot.
    pub(crate) fn steps(&self) -> String {
        let cluster = self.foreign.cluster.iter();
        cluster
            .flat_map(|cluster| cluster.steps.iter().map(|step| format!("-- table {}: {step}\n", cluster.key())))
            .collect()
    }
}
