//! `pinotage run --engine flink`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pinotage_client::{Address, FlinkCluster, FlinkJob, FlinkProgram};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_engine::Cancel;
use pinotage_job::FLINK_RUNNER;

use crate::commands::engine::{FlinkArgs, ForFlink, jar_beside};
use crate::commands::run::stop_on_ctrl_c;
use crate::output::print;

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How long a savepoint is waited for.
const SAVEPOINT_LOOKS: u32 = 1200;

/// Submits a job, and stays with it until it is over.
pub(crate) fn run(job: &ForFlink, args: &FlinkArgs, jar: Option<&Path>) -> Result<ExitCode> {
    let cancel = Arc::new(AtomicBool::new(false));
    stop_on_ctrl_c(&cancel);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unexpected("cannot start a runtime").caused_by(error))?;
    let address =
        args.flink.as_deref().map(Address::parse).transpose().map_err(|error| error.with("option", "--flink"))?;
    let connection = job.plan.file.engine.flink.connection(address)?;
    let flink = FlinkCluster::new(&connection).map_err(|error| error.with("within", "engine.flink"))?;
    let version = runtime.block_on(flink.version())?;
    let jar = match jar {
        Some(jar) => jar.to_owned(),
        None => jar_beside(&format!("pinotage-flink-{}-", line(&version)?))?,
    };
    if let Some(cluster) = &job.foreign.cluster {
        for step in cluster.make_table(&Cancel::from(Arc::clone(&cancel)))? {
            print(&format!("table {}: {step} (done)\n", cluster.key()))?;
        }
    }
    let id = runtime.block_on(submit(&flink, &jar, job, args))?;
    if args.detach {
        print(&format!("submitted {} to Flink {version} as {id}\n", job.plan.file.name))?;
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("submitted {} to Flink {version} as {id}", job.plan.file.name);
    let watch = Watch { flink: &flink, id: &id, cancel: &cancel };
    print(&runtime.block_on(watch.to_its_end(job.plan.checkpoint.is_some(), args.savepoints.as_deref()))?)?;
    Ok(ExitCode::SUCCESS)
}

/// The line of Flink that there is a jar for.
fn line(version: &str) -> Result<&'static str> {
    match version {
        version if version.starts_with("1.20.") => Ok("1.20"),
        version if version.starts_with("2.") => Ok("2"),
        other => {
            Err(Error::unsupported(format!("the cluster is of Flink {other}, and the connector knows 1.20 and 2.x"))
                .action("use a cluster of one of these"))
        }
    }
}

async fn submit(flink: &FlinkCluster, jar: &Path, job: &ForFlink, args: &FlinkArgs) -> Result<String> {
    let uploaded = flink.upload_jar(jar).await?;
    let program = FlinkProgram {
        class: FLINK_RUNNER.to_owned(),
        arguments: job.script.arguments(),
        parallelism: args.parallelism,
        from: args.from.clone(),
    };
    let submitted = flink.run_jar(&uploaded, &program).await;
    // The job has what it needs of it.
    if let Err(error) = flink.remove_jar(&uploaded).await {
        eprintln!("note: the jar stays in the cluster's upload folder: {error}");
    }
    submitted
}

/// A job that runs.
struct Watch<'a> {
    flink: &'a FlinkCluster,
    id: &'a str,
    cancel: &'a AtomicBool,
}

impl Watch<'_> {
    /// Waits for the end and says what it was.
    async fn to_its_end(&self, has_checkpoints: bool, savepoints: Option<&str>) -> Result<String> {
        let mut shown = String::new();
        loop {
            let job = self.flink.job(self.id).await?;
            // Flink finds nothing where there are none.
            let checkpoints = match has_checkpoints {
                true => format!("{} checkpoints", self.flink.checkpoints(self.id).await?),
                false => "without checkpoints".to_owned(),
            };
            if job.is_over() {
                return self.end(&job, &checkpoints).await;
            }
            let now = format!("{}: {checkpoints}, {} rows read", job.state.to_lowercase(), job.rows);
            if now != shown {
                eprintln!("{now}");
                shown = now;
            }
            if self.cancel.load(Ordering::Relaxed) && job.state == "RUNNING" {
                return self.stop(has_checkpoints, savepoints).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn end(&self, job: &FlinkJob, checkpoints: &str) -> Result<String> {
        match job.state.as_str() {
            "FINISHED" => Ok(format!("finished {}: {checkpoints}\n", self.id)),
            "FAILED" => Err(self.flink.failure(self.id).await?),
            _ => Err(cancelled("somebody cancelled the job", self.id)),
        }
    }

    /// With checkpoints a savepoint, from which the job goes on; otherwise nothing of it stays.
    async fn stop(&self, has_checkpoints: bool, savepoints: Option<&str>) -> Result<String> {
        if !has_checkpoints {
            self.flink.cancel(self.id).await?;
            return Err(cancelled("the job was asked to stop, and nothing of it is in the table", self.id));
        }
        let request = self.flink.stop(self.id, savepoints).await.map_err(|error| {
            error
                .with("job", self.id)
                .action("the job runs on: name a folder next time with `--savepoints`, or cancel it in Flink")
        })?;
        eprintln!("stopping with a savepoint");
        for _ in 0..SAVEPOINT_LOOKS {
            if let Some(place) = self.flink.savepoint(self.id, &request).await? {
                return Ok(format!("stopped {}: go on with `--from {place}`\n", self.id));
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Error::new(ErrorKind::Unavailable, "the savepoint is not there after ten minutes")
            .with("job", self.id)
            .action("look at the job in Flink: it stops when the savepoint is there"))
    }
}

fn cancelled(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::Cancelled, what).with("job", id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_jars() {
        assert_eq!((line("1.20.3").unwrap(), line("2.3.0").unwrap()), ("1.20", "2"));
        assert_eq!(line("1.19.1").unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(jar_beside("pinotage-flink-1.20-").unwrap_err().to_string().contains("pinotage-flink-1.20-"));
    }
}
