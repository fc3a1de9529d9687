//! Which engine runs a job.

use std::path::{Path, PathBuf};

use pinotage_client::Address;
use pinotage_common::{Error, Result};
use pinotage_engine::{Foreign, prepare_foreign};
use pinotage_job::{EngineFound, FlinkScript, Plan, pinot_spec};

use crate::commands::job::JobArgs;

/// Who runs the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    // With a line of documentation each, all options would be printed in the long form.
    #[default]
    Embedded,
    Flink,
    Spark,
}

/// The engine.
#[derive(clap::Args)]
pub(crate) struct EngineArgs {
    /// Who runs the job: this process, a session cluster of Flink, or Spark through spark-submit
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    pub(crate) engine: Engine,
}

/// How Spark is found, before what the job file says.
#[derive(clap::Args)]
pub(crate) struct SparkArgs {
    /// With `--engine spark`: the command spark-submit, if not that of SPARK_HOME or of the path
    #[arg(long, value_name = "FILE")]
    pub(crate) spark_submit: Option<String>,
    /// Spark's master, such as `local[4]` or `spark://host:7077`
    #[arg(long, value_name = "URL")]
    pub(crate) master: Option<String>,
    /// A setting of Spark
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) conf: Vec<String>,
}

/// How a cluster of Flink runs a job.
#[derive(clap::Args)]
pub(crate) struct FlinkArgs {
    /// With `--engine flink`: a JobManager's REST address, if not that of the job file; `localhost:8081` without both
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) flink: Option<String>,
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
        let text = args.text()?;
        if pinot_spec::is_job_spec(&text) {
            return Err(Error::unsupported("Pinot's own job specs do not run on Flink")
                .with("file", args.job.display())
                .action("leave `--engine flink` out, use `--engine spark`, or write a job file"));
        }
        let plan = Plan::for_engine(&args.job, args.controller().map(Address::parse).transpose()?)?;
        let foreign = prepare_foreign(&plan, offline)?;
        let found = found(&foreign, args);
        let script = FlinkScript::of(&text, &plan, &found).map_err(|error| error.with("file", args.job.display()))?;
        script.notes.iter().for_each(|note| eprintln!("note: {note}"));
        Ok(Self { plan, foreign, script })
    }
}

/// What the job file does not say, and what the command line says in its place.
pub(super) fn found(foreign: &Foreign, args: &JobArgs) -> EngineFound {
    EngineFound { controller: args.controller().map(ToOwned::to_owned), ..foreign.found.clone() }
}

/// What would change in Pinot.
pub(super) fn steps(foreign: &Foreign) -> String {
    let cluster = foreign.cluster.iter();
    cluster
        .flat_map(|cluster| cluster.steps.iter().map(|step| format!("-- table {}: {step}\n", cluster.key())))
        .collect()
}

/// The connector's jar whose name begins so, where releases have it.
pub(super) fn jar_beside(prefix: &str) -> Result<PathBuf> {
    let command = std::env::current_exe().map_err(|error| Error::io(error, "cannot find this command's file", "."))?;
    let folder = command.parent().unwrap_or(Path::new("."));
    let folders = [folder.to_owned(), folder.join("jars"), folder.join("../jars")];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let is_jar = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".jar")
    };
    let mut found: Vec<PathBuf> = files.map(|file| file.path()).filter(is_jar).collect();
    found.sort();
    found.pop().ok_or_else(|| {
        Error::not_found(format!("there is no `{prefix}<version>.jar` beside the command"))
            .with("folder", folder.display())
            .action("name the jar: `--jar FILE`; `cargo xtask jars` makes it")
    })
}
