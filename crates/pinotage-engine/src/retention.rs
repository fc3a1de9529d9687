//! Rows that the table does not keep, told before they are built.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::temporal_conversions::timestamp_ms_to_datetime;
use pinotage_common::Result;
use pinotage_job::InputFile;
use pinotage_sink::retention_millis;
use pinotage_transform::{Conversion, latest_time};
use serde_json::Value as Json;

use crate::prepare::{Input, Prepared};
use crate::sql::{RowSql, SqlWay};
use crate::unit::open_input;

const HOUR: i64 = 3_600_000;

/// How long a table keeps rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    kept_millis: i64,
    since_millis: i64,
}

impl Retention {
    /// Nothing for a table that keeps rows for ever.
    pub(crate) fn of(table: &Json) -> Option<Self> {
        let kept_millis = retention_millis(table)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        Some(Self { kept_millis, since_millis: now.saturating_sub(kept_millis) })
    }

    /// Whether the controller deletes a segment whose latest time this is.
    pub(crate) fn is_over(self, latest_millis: i64) -> bool {
        latest_millis < self.since_millis
    }

    /// The inputs whose first rows are all older than that, each with their latest time.
    ///
    /// Inputs that cannot be read are left out: who builds them says what is wrong.
    pub(crate) fn old<'a>(self, job: &Prepared, inputs: impl Iterator<Item = &'a Input>) -> Vec<(&'a Input, i64)> {
        let latest = |input| first_rows(job, input).ok().flatten();
        inputs.filter_map(|input| Some((input, latest(input).filter(|time| self.is_over(*time))?))).collect()
    }

    /// What a person should know about old inputs, of so many; nothing when there is none.
    pub(crate) fn warning(self, old: &[(&Input, i64)], all: usize) -> Option<String> {
        let (first, latest) = old.first()?;
        let time = timestamp_ms_to_datetime(*latest).map_or_else(|| latest.to_string(), |time| time.to_string());
        let path = &first.file;
        Some(format!(
            "the first rows of {} of {all} inputs, such as {path} with times up to {time} UTC, are older than the {self} that the \
             table keeps: the controller will delete segments without later ones",
            old.len()
        ))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept_millis / HOUR {
            hours if hours % 24 == 0 => write!(f, "{} days", hours / 24),
            hours => write!(f, "{hours} hours"),
        }
    }
}

/// What to know about inputs whose first rows are older than the job's table keeps rows; nothing when there are none.
pub fn warning_of_old_inputs(job: &Prepared) -> Option<String> {
    let retention = job.cluster.as_ref()?.retention()?;
    retention.warning(&retention.old(job, job.inputs.iter()), job.inputs.len())
}

/// The latest time in the first batch of an input; nothing for SQL that needs more rows than that, and for objects.
fn first_rows(job: &Prepared, input: &Input) -> Result<Option<i64>> {
    let Some(column) = job.table.time_column() else { return Ok(None) };
    let Some(field) = job.schema.field(column) else { return Ok(None) };
    // An object would be fetched for this alone.
    let (false, InputFile::Local(path)) = (matches!(job.sql, Some(SqlWay::Whole(_))), &input.file) else {
        return Ok(None);
    };
    let mut reader = open_input(job, input, path)?;
    let Some(rows) = reader.next_batch()? else { return Ok(None) };
    let selected = match &job.plan.file.transform {
        Some(transform) => RowSql::try_new(&transform.sql, &reader.schema())?.apply(&rows.batch)?.batch,
        None => rows.batch,
    };
    let conformed = Conversion::try_new(&job.destined(), &selected.schema())?.convert(&selected)?.batch;
    Ok(conformed.column_by_name(column).and_then(|times| latest_time(field, times)))
}
