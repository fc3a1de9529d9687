//! Rows that a table beside its stream does not take.

use arrow::array::{Array as _, RecordBatch};
use pinotage_common::{Error, Result};
use pinotage_connector::{Committable, Context, OpenBuffer, Refused};

use super::committable::Kept;
use super::{PinotSink, Routing, StagedSegment, delta};
use crate::publish::reach_of;
use crate::upsert::{OUTSIDE_TTL, TimeToLive, UpsertTable};

/// The rule of rows without a key in a table that keeps one row of each.
pub const NO_KEY: &str = "no-key";

impl PinotSink {
    /// Takes note of rows that an earlier process has accepted, so that later ones have to keep up with them.
    ///
    /// # Errors
    ///
    /// Those of reading what is in staging.
    pub fn recall<'a>(
        &self,
        open: impl IntoIterator<Item = &'a OpenBuffer>,
        waiting: impl IntoIterator<Item = &'a Committable>,
        context: &Context,
    ) -> Result<()> {
        let (Some(watch), Some(upserts)) = (&self.watch, &self.upserts) else { return Ok(()) };
        let staging = self.staging(context)?;
        for file in open.into_iter().map(Kept::of).collect::<Result<Vec<_>>>()?.iter().flat_map(|kept| &kept.files) {
            delta::read(&staging, file, &mut |rows| {
                upserts.greatest(&rows)?.map(|own| watch.note(own));
                Ok(())
            })?;
        }
        for segment in waiting {
            // One that is not there any more is in the table, or said to be missing when it is to go there.
            if let Some(file) = staging.fetch(&StagedSegment::of(segment)?.file)? {
                watch.note(reach_of(&file.path, watch.column())?.1);
            }
        }
        Ok(())
    }

    /// How long servers remember keys, where a stream makes them forget some.
    pub fn time_to_live(&self) -> Option<TimeToLive> {
        self.upload.as_ref().and(self.upserts.as_ref()).and_then(UpsertTable::time_to_live)
    }

    /// Rows without a key, and rows whose key servers may have forgotten.
    pub(super) fn refusals(&self, batch: &RecordBatch) -> Result<Vec<Refused>> {
        let (Routing::Stream(key), Some(upserts)) = (&self.routing, &self.upserts) else { return Ok(Vec::new()) };
        let partitions = key.partitions(batch)?;
        let column = key.columns.join(", ");
        let keyless = (0..batch.num_rows()).filter(|row| partitions.is_null(*row)).map(|row| Refused {
            row: row as u32,
            column: Some(column.clone()),
            rule: NO_KEY,
            message: "the row has no key, so that nobody knows its partition of the stream".into(),
        });
        let mut refused: Vec<Refused> = keyless.collect();
        let Some(ttl) = self.time_to_live() else { return Ok(refused) };
        let watch = self.watch.as_ref().ok_or_else(|| {
            Error::unexpected("nobody looks how far the table has come")
                .with("option", format!("upsertConfig.{}", ttl.option))
        })?;
        let late = watch.late(upserts, batch, |row| partitions.is_valid(row))?;
        refused.extend(late.into_iter().map(|(row, message)| Refused {
            row,
            column: Some(ttl.column.clone()),
            rule: OUTSIDE_TTL,
            message,
        }));
        refused.sort_by_key(|refused| refused.row);
        Ok(refused)
    }
}
