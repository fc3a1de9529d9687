//! `pinotage quarantine list|show|replay`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pinotage_common::{Error, Result};
use pinotage_engine::{
    Cancel, Observer, QuarantineFile, QuarantineFilter, QuarantineRows, job_quarantine_files, prepare_replay,
    quarantine_files, run_epochs,
};

use crate::commands::job::JobArgs;
use crate::commands::run::{describe_epochs, stop_on_ctrl_c};
use crate::commands::runs::{Form, json, plan};
use crate::output::{aligned, print};
use crate::progress::Progress;
use crate::rows::Target;

/// Looks at bad rows, and brings them into the table when the job can read them
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Lists the files of a quarantine, with the rules that their rows break
    ///
    /// A folder of quarantine files may stand in place of the job.
    #[command(after_help = "Examples:
  pinotage quarantine list job.yaml
  pinotage quarantine list out/quarantine --output json")]
    List {
        #[command(flatten)]
        job: JobArgs,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Form::Text)]
        output: Form,
    },
    /// Shows bad rows: where they stood, what is wrong with them, and how they were written there
    ///
    /// A folder of quarantine files may stand in place of the job. Bytes that are no text are shown as `�`; the quarantine file has
    /// them as they were.
    #[command(after_help = "Examples:
  pinotage quarantine show job.yaml --limit 10
  pinotage quarantine show job.yaml --rule out-of-range --column amount --output csv
  pinotage quarantine show out/quarantine --file in/b.csv --to b.parquet")]
    Show {
        #[command(flatten)]
        job: JobArgs,
        /// Only rows that break this rule
        #[arg(long)]
        rule: Option<String>,
        /// Only rows of this input, which the end of its path names too
        #[arg(long)]
        file: Option<String>,
        /// Only rows with a wrong value in this column
        #[arg(long)]
        column: Option<String>,
        /// Rows at most
        #[arg(long)]
        limit: Option<usize>,
        #[command(flatten)]
        target: Target,
    },
    /// Takes the bad rows of a job with epochs through the job once more, into the same table
    ///
    /// Correct the job first. A replay is a run of its own beside the job, which may be running: it remembers which rows it has
    /// brought, so that each comes once, whatever is killed or repeated. Rows that fail again are in the replay's own
    /// quarantine, and part of the next replay.
    #[command(after_help = "Examples:
  pinotage quarantine replay job.yaml
  pinotage quarantine replay job.yaml && pinotage quarantine list job.yaml")]
    Replay {
        #[command(flatten)]
        job: JobArgs,
        /// Worker threads, before the job's own number
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        threads: Option<u16>,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List { job, output } => {
            let files = files(job)?;
            print(&match output {
                Form::Text => describe(&files),
                Form::Json => json(&files)?,
            })?;
        }
        Command::Show { job, rule, file, column, limit, target } => {
            let filter =
                QuarantineFilter { rule: rule.clone(), file: file.clone(), column: column.clone(), limit: *limit };
            let paths: Vec<PathBuf> = files(job)?.into_iter().map(|file| file.path).collect();
            let rows = QuarantineRows::new(paths, filter);
            target.write_rows(&Arc::clone(rows.schema()), rows)?;
        }
        Command::Replay { job, threads } => return replay(job, threads.map(usize::from)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The quarantine files of a job, or of a folder.
fn files(job: &JobArgs) -> Result<Vec<QuarantineFile>> {
    match job.job.is_dir() {
        true => quarantine_files(&job.job),
        false => job_quarantine_files(&plan(job)?),
    }
}

fn describe(files: &[QuarantineFile]) -> String {
    if files.is_empty() {
        return "no bad rows\n".into();
    }
    let head = ["file", "rows", "replayed", "job", "run", "epoch", "rules"].map(str::to_owned).to_vec();
    let row = |file: &QuarantineFile| {
        let rules: Vec<String> = file.rules.iter().map(|(rule, rows)| format!("{rule} {rows}")).collect();
        vec![
            file.path.display().to_string(),
            file.rows.to_string(),
            file.replayed.map_or_else(|| "-".to_owned(), |rows| rows.to_string()),
            file.job.clone(),
            file.run.clone(),
            file.epoch.to_string(),
            rules.join(", "),
        ]
    };
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let table = aligned(std::iter::once(head).chain(files.iter().map(row)));
    format!("{table}\n{rows} rows in {} files\n", files.len())
}

fn replay(args: &JobArgs, threads: Option<usize>) -> Result<ExitCode> {
    if args.job.is_dir() {
        return Err(Error::invalid_config("a replay needs the job whose rows it brings")
            .with("folder", args.job.display())
            .action("name the job file"));
    }
    let Some(job) = prepare_replay(plan(args)?)? else {
        print("nothing to replay: no row of this job is in the quarantine\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let cancel = Arc::new(AtomicBool::new(false));
    stop_on_ctrl_c(&cancel);
    let progress = Arc::new(Progress::default());
    let observer: Arc<dyn Observer + Send + Sync> = progress.clone();
    let result = run_epochs(&job, threads, &Cancel::from(cancel), &observer);
    progress.finish();
    print(&describe_epochs(&result?))?;
    Ok(ExitCode::SUCCESS)
}
