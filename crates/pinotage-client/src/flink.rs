//! The REST interface of a Flink cluster, as far as jobs are run with it.

use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::http::{Address, Answer, Call, Content, Http, Wait};
use crate::options::Connection;
use crate::trace::{first_line, last_cause, thrown};

/// A running Flink cluster.
pub struct FlinkCluster {
    http: Http,
    address: Address,
}

/// A program of a jar, and how it is run.
#[derive(Debug, Clone, Default)]
pub struct FlinkProgram {
    /// The class with `main`.
    pub class: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Tasks of each operator; none for the cluster's own default.
    pub parallelism: Option<u32>,
    /// The savepoint or checkpoint that it goes on behind.
    pub from: Option<String>,
}

/// How a job is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlinkJob {
    /// `RUNNING`, `FINISHED`, `FAILED` and so on, as Flink calls it.
    pub state: String,
    /// Rows that its sources have given to other tasks.
    pub rows: u64,
}

impl FlinkJob {
    /// It never runs again.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "FINISHED" | "FAILED" | "CANCELED")
    }
}

impl FlinkCluster {
    /// Connects to nothing yet; `controller` of the connection is the address of a JobManager.
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`].
    pub fn new(connection: &Connection) -> Result<Self> {
        Ok(Self { http: Http::new(connection)?, address: connection.controller.clone() })
    }

    fn call(&self, what: &'static str, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call> {
        Ok(Call::new(what, method, self.address.url(&[&["v1"], path].concat(), query)?))
    }

    async fn get<T: DeserializeOwned>(&self, what: &'static str, path: &[&str]) -> Result<T> {
        self.http.send(&self.call(what, Method::GET, path, &[])?).await?.json()
    }

    /// Flink's version, such as `1.20.3`.
    ///
    /// # Errors
    ///
    /// Those of reaching it.
    pub async fn version(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Overview {
            #[serde(rename = "flink-version")]
            version: String,
        }
        Ok(self.get::<Overview>("ask the Flink cluster for its version", &["overview"]).await?.version)
    }

    /// Uploads a jar; its id.
    ///
    /// # Errors
    ///
    /// Those of reading the file and of reaching the cluster; `permission-denied` for clusters that take no jars.
    pub async fn upload_jar(&self, jar: &Path) -> Result<String> {
        #[derive(Deserialize)]
        struct Uploaded {
            filename: String,
        }
        let name = jar.file_name().unwrap_or_default().to_string_lossy();
        let call = self.call("upload the jar", Method::POST, &["jars", "upload"], &[])?.wait(Wait::Transfer);
        let answer = self.http.exchange(&call.part(&name, Content::File(jar.to_owned()))).await?;
        if answer.status().as_u16() == 404 {
            return Err(answer.error(
                ErrorKind::PermissionDenied,
                "the cluster takes no jars",
                "set `web.submit.enable: true` there, with `flink-runtime-web` on its class path",
            ));
        }
        let Uploaded { filename } = answer.json()?;
        Ok(filename.rsplit('/').next().unwrap_or(&filename).to_owned())
    }

    /// Runs a program of an uploaded jar until it has submitted a job; the job's id.
    ///
    /// # Errors
    ///
    /// What the program threw: an error of ours as it was, anything else as `unexpected`.
    pub async fn run_jar(&self, jar: &str, program: &FlinkProgram) -> Result<String> {
        #[derive(Deserialize)]
        struct Submitted {
            jobid: String,
        }
        let mut body = json!({"entryClass": program.class, "programArgsList": program.arguments});
        if let Some(parallelism) = program.parallelism {
            body["parallelism"] = parallelism.into();
        }
        if let Some(from) = &program.from {
            body["savepointPath"] = from.as_str().into();
        }
        let call = self.call("submit the job", Method::POST, &["jars", jar, "run"], &[])?.wait(Wait::Publish);
        let answer = self.http.exchange(&call.json(&body)?).await?;
        match answer.status().is_success() {
            true => Ok(answer.json::<Submitted>()?.jobid),
            false => Err(flink_threw("the job was not submitted", &trace(&answer)).with("request", "POST …/run")),
        }
    }

    /// Removes an uploaded jar; jobs that run keep what they need of it.
    ///
    /// # Errors
    ///
    /// Those of reaching the cluster.
    pub async fn remove_jar(&self, jar: &str) -> Result<()> {
        self.http.send(&self.call("remove the jar", Method::DELETE, &["jars", jar], &[])?).await?;
        Ok(())
    }

    /// How a job is doing.
    ///
    /// # Errors
    ///
    /// `not-found` for a job that the cluster does not know, or has forgotten.
    pub async fn job(&self, id: &str) -> Result<FlinkJob> {
        let job: Json = self.get("look at the job", &["jobs", id]).await?;
        let written = |vertex: &Json| {
            let metrics = &vertex["metrics"];
            match metrics["read-records"].as_u64() {
                Some(0) => metrics["write-records"].as_u64(),
                _ => None,
            }
        };
        let rows = job["vertices"].as_array().into_iter().flatten().filter_map(written).sum();
        Ok(FlinkJob { state: job["state"].as_str().unwrap_or("UNKNOWN").to_owned(), rows })
    }

    /// Checkpoints that were completed.
    ///
    /// # Errors
    ///
    /// As [`FlinkCluster::job`].
    pub async fn checkpoints(&self, id: &str) -> Result<u64> {
        let all: Json = self.get("look at the checkpoints", &["jobs", id, "checkpoints"]).await?;
        Ok(all["counts"]["completed"].as_u64().unwrap_or_default())
    }

    /// Why a job failed.
    ///
    /// # Errors
    ///
    /// As [`FlinkCluster::job`].
    pub async fn failure(&self, id: &str) -> Result<Error> {
        let all: Json = self.get("look at the exceptions", &["jobs", id, "exceptions"]).await?;
        let latest = all["exceptionHistory"]["entries"][0]["stacktrace"].as_str();
        Ok(flink_threw("the job failed", latest.or(all["root-exception"].as_str()).unwrap_or_default()).with("job", id))
    }

    /// Stops a job with a savepoint, in this folder or the cluster's own; the id to ask [`FlinkCluster::savepoint`] with.
    ///
    /// # Errors
    ///
    /// `invalid-config` when nobody names a folder.
    pub async fn stop(&self, id: &str, folder: Option<&str>) -> Result<String> {
        #[derive(Deserialize)]
        struct Begun {
            #[serde(rename = "request-id")]
            request: String,
        }
        let mut body = json!({"drain": false});
        if let Some(folder) = folder {
            body["targetDirectory"] = folder.into();
        }
        let call = self.call("stop the job", Method::POST, &["jobs", id, "stop"], &[])?.json(&body)?;
        let answer = self.http.exchange(&call).await?;
        match answer.status().is_success() {
            true => Ok(answer.json::<Begun>()?.request),
            false => Err(Error::invalid_config(format!(
                "cannot stop the job with a savepoint: {}",
                first_line(&trace(&answer))
            ))
            .action("name a folder for it, or set `execution.checkpointing.savepoint-dir` in the cluster")),
        }
    }

    /// The savepoint of a stop, when it is there.
    ///
    /// # Errors
    ///
    /// `unavailable` when it failed, with the reason.
    pub async fn savepoint(&self, id: &str, request: &str) -> Result<Option<String>> {
        let found: Json = self.get("look at the savepoint", &["jobs", id, "savepoints", request]).await?;
        if found["status"]["id"] != "COMPLETED" {
            return Ok(None);
        }
        match found["operation"]["location"].as_str() {
            Some(location) => Ok(Some(location.to_owned())),
            None => {
                let trace = found["operation"]["failure-cause"]["stack-trace"].as_str().unwrap_or_default();
                Err(Error::new(ErrorKind::Unavailable, format!("there is no savepoint: {}", last_cause(trace)))
                    .action("the job runs on; try again, or cancel it"))
            }
        }
    }

    /// Cancels a job.
    ///
    /// # Errors
    ///
    /// As [`FlinkCluster::job`].
    pub async fn cancel(&self, id: &str) -> Result<()> {
        self.http.send(&self.call("cancel the job", Method::PATCH, &["jobs", id], &[("mode", "cancel")])?).await?;
        Ok(())
    }
}

/// The stack trace in a refusal.
fn trace(answer: &Answer) -> String {
    let body: Json = serde_json::from_slice(answer.body()).unwrap_or_default();
    let errors = body["errors"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let text: Vec<&str> = errors.collect();
    if text.is_empty() { format!("{} {}", answer.status(), answer.words()) } else { text.join("\n") }
}

/// The error of a stack trace, with what a person does in Flink.
fn flink_threw(what: &str, trace: &str) -> Error {
    let error = thrown(what, trace);
    let cause = last_cause(trace);
    match error.kind() == ErrorKind::Unexpected {
        true if cause.contains("NoClassDefFoundError: org/apache/flink/table/") => error.action("put Flink's `flink-table-planner-loader`, `flink-table-runtime` and `flink-table-api-java-uber` into its `lib`"),
        true if !trace.contains(crate::trace::OURS) => error.action("the logs of the JobManager have the whole of it"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flink_lacks_is_named() {
        let lacking =
            flink_threw("x", "Caused by: java.lang.NoClassDefFoundError: org/apache/flink/table/api/TableEnvironment");
        assert!(lacking.advice().contains("flink-table-planner-loader"));
        assert!(flink_threw("x", "Caused by: java.io.IOException: disk full").advice().contains("JobManager"));
    }
}
