//! Segments that must be loaded before servers forget the keys of their rows.

use std::collections::BTreeMap;
use std::path::Path;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_segment::read::SegmentDocuments;
use pinotage_spec::Value;

use super::PushObserver;
use crate::upsert::{TimeToLive, greatest};
use crate::{LocalSegment, Target};

/// How far back the rows of segments reach.
pub(super) struct Reach<'a> {
    ttl: &'a TimeToLive,
    /// The least comparison value of each segment.
    least: BTreeMap<&'a str, f64>,
    /// The greatest of all of them: whichever is loaded first, others come behind it.
    greatest: f64,
}

impl<'a> Reach<'a> {
    /// Reads what segments say of themselves.
    pub(super) async fn of(ttl: &'a TimeToLive, segments: &'a [LocalSegment]) -> Result<Self> {
        let mut reach = Self { ttl, least: BTreeMap::new(), greatest: f64::NEG_INFINITY };
        for segment in segments {
            let (least, greatest) = reach_of_segment(segment, &ttl.column).await?;
            reach.least.insert(&segment.name, least);
            reach.greatest = reach.greatest.max(greatest);
        }
        Ok(reach)
    }

    /// The first of these segments that is too far behind now, with its least value and the greatest.
    async fn first_behind<'s>(
        &self,
        target: &Target,
        mut segments: impl Iterator<Item = &'s LocalSegment>,
    ) -> Result<Option<(&'s LocalSegment, f64, f64)>> {
        let greatest = greatest(target, self.ttl).await?.max(self.greatest);
        let least = |segment: &LocalSegment| self.least.get(segment.name.as_str()).copied();
        let behind = segments.find(|segment| least(segment).is_some_and(|least| least < greatest - self.ttl.span));
        Ok(behind.and_then(|segment| Some((segment, least(segment)?, greatest))))
    }

    /// Refuses segments that servers could not load any more as they should. None of these is in the table.
    pub(super) async fn before(&self, target: &Target, coming: impl Iterator<Item = &'a LocalSegment>) -> Result<()> {
        let Some((segment, least, greatest)) = self.first_behind(target, coming).await? else { return Ok(()) };
        let error = Error::invalid_data(
            "rows came too late: servers may have forgotten their keys, and would show them beside newer ones",
        );
        Err(self.explained(error, segment, least, greatest).action(
            "start the job with a new state, rows outside go to the quarantine then (`sink.upsert.ttlMargin` says how early); a job whose own rows span more wants them in parts, or before the table has the option",
        ))
    }

    /// Looks again when servers have loaded the segments, those that were `there` before the call too.
    pub(super) async fn after(
        &self,
        target: &Target,
        (came, there): (&[&'a LocalSegment], &[&'a LocalSegment]),
        observer: &dyn PushObserver,
    ) -> Result<()> {
        let all = came.iter().chain(there).copied();
        let Some((segment, least, greatest)) = self.first_behind(target, all).await? else { return Ok(()) };
        let error = Error::new(
            ErrorKind::CommitConflict,
            "the stream has gone on while servers loaded segments, and keys of their rows may be there twice",
        );
        let error = self.explained(error, segment, least, greatest);
        let error = error.action("compare rows of the segment with others of their keys; a larger `sink.upsert.ttlMargin` leaves more time. The job goes on when it is run again");
        if came.iter().any(|new| new.name == segment.name) {
            return Err(error);
        }
        // When they were loaded, and how far the stream was, only the try knew that pushed them.
        observer.warning(&format!("of a segment that was pushed before: {error}"));
        Ok(())
    }

    fn explained(&self, error: Error, segment: &LocalSegment, least: f64, greatest: f64) -> Error {
        error
            .with("segment", &segment.name)
            .with("column", &self.ttl.column)
            .with("least", least)
            .with("greatest", greatest)
            .with("option", format!("upsertConfig.{}", self.ttl.option))
    }
}

async fn reach_of_segment(segment: &LocalSegment, column: &str) -> Result<(f64, f64)> {
    let (path, _copy) = match &segment.stored {
        Some(stored) => stored.fetch().await.map(|(path, copy)| (path, Some(copy)))?,
        None => (segment.path.clone(), None),
    };
    let column = column.to_owned();
    let found = super::upload::blocking(move || reach_of(&path, &column)).await;
    found.map_err(|error| error.with("segment", &segment.name))
}

/// The least and the greatest value of a column of numbers, by what a segment's folder or archive says of itself.
pub(crate) fn reach_of(segment: &Path, column: &str) -> Result<(f64, f64)> {
    let documents = SegmentDocuments::read(segment)?;
    let found = documents.metadata.columns.get(column);
    let ends = found.and_then(|column| Some((number(column.min.as_ref()?)?, number(column.max.as_ref()?)?)));
    ends.ok_or_else(|| {
        Error::new(ErrorKind::CorruptSegment, "a segment does not say how far back its rows reach")
            .with("column", column)
    })
}

/// As servers compute with it.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(f64::from(*value)),
        Value::Long(value) => Some(*value as f64),
        Value::Float(value) => Some(f64::from(*value)),
        Value::Double(value) => Some(*value),
        Value::BigDecimal(value) => value.to_plain_string().parse().ok(),
        Value::String(_) | Value::Bytes(_) => None,
    }
}
