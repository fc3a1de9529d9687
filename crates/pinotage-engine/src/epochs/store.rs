//! Which store has the state of a job with epochs.

use std::collections::BTreeMap;
use std::fs;

use pinotage_common::{Error, Result};
use pinotage_job::Plan;

use super::postgres::PostgresDocuments;
use super::sqlite::SqliteDocuments;
use super::state::Documents;
use crate::lock::Lock;

/// The file in a state's folder that is locked by the process which has the job.
const LOCK: &str = "lock";

/// Takes the lease of a job's state, which is made when it is not there yet.
pub(crate) fn open(plan: &Plan) -> Result<Box<dyn Documents>> {
    Ok(match &plan.database {
        Some(url) => Box::new(PostgresDocuments::open(url, &plan.file.name)?),
        None => Box::new(SqliteDocuments::open(&plan.state)?),
    })
}

/// All documents of a state as they are now, whoever has it; none when there is none.
pub(crate) fn look(plan: &Plan) -> Result<BTreeMap<String, String>> {
    match &plan.database {
        Some(url) => PostgresDocuments::look(url, &plan.file.name),
        None => SqliteDocuments::look(&plan.state),
    }
}

/// The process that has a job now.
pub(crate) fn holder(plan: &Plan) -> Result<Option<String>> {
    match &plan.database {
        Some(url) => PostgresDocuments::holder(url, &plan.file.name),
        None => Lock::holder(&plan.state.join(LOCK)),
    }
}

/// What keeps other processes from a job for as long as it lives.
pub(super) enum Hold {
    /// A file.
    File { _lock: Lock },
    /// A lease.
    Lease { _documents: PostgresDocuments },
}

/// Keeps runs out of a job, which need not have a state yet.
pub(super) fn hold(plan: &Plan) -> Result<Hold> {
    if let Some(url) = &plan.database {
        return Ok(Hold::Lease { _documents: PostgresDocuments::open(url, &plan.file.name)? });
    }
    fs::create_dir_all(&plan.state).map_err(|error| Error::io(error, "cannot create the job's state", &plan.state))?;
    let busy = "a run of this job is going on";
    Ok(Hold::File { _lock: Lock::take(&plan.state.join(LOCK), busy, "stop it, or wait until it has ended")? })
}

/// Where a state is, for a person.
pub(crate) fn place(plan: &Plan) -> String {
    match &plan.database {
        Some(url) => super::postgres::shown(url),
        None => plan.state.display().to_string(),
    }
}
