//! What a job's state says, also while the job runs.

use pinotage_common::Result;
use pinotage_job::Plan;
use serde::Serialize;

use crate::epochs::{EpochStatus, store};
use crate::manifest::{InputsStatus, Manifest};
use crate::quarantine::replay_plan;

/// What is known of a job's runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The job's name.
    pub job: String,
    /// Where its state is.
    pub state: String,
    /// The process that has the job now.
    pub process: Option<String>,
    /// How far it has come, if it runs in epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<EpochStatus>,
    /// What it has built, if it remembers inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<InputsStatus>,
    /// The replay of its bad rows, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Box<JobStatus>>,
}

/// Reads the state of a job and changes nothing.
///
/// # Errors
///
/// Those of reading it; `unsupported` when another version wrote it.
pub fn job_status(plan: &Plan) -> Result<JobStatus> {
    let replay = status(&replay_plan(plan))?;
    Ok(JobStatus { replay: replay.epochs.is_some().then(|| Box::new(replay)), ..status(plan)? })
}

fn status(plan: &Plan) -> Result<JobStatus> {
    Ok(JobStatus {
        job: plan.file.name.clone(),
        state: store::place(plan),
        process: store::holder(plan)?,
        epochs: EpochStatus::look(plan)?,
        inputs: Manifest::look(&plan.state)?,
        replay: None,
    })
}
