//! Whether a stream key puts rows where the stream does.

use arrow::array::RecordBatch;
use pinotage_common::{Error, Result};

use super::StreamKey;

/// How many keys are looked at.
const KEYS: usize = 1000;

/// Compares the partitions of rows that came by the stream with those that the key says, for up to 1,000 rows: what
/// committed segments or the stream itself hold, each batch with the partition that it is of. Returns how many were compared;
/// of an empty table that is none, and nothing is known.
///
/// # Errors
///
/// `invalid-config` for a row that is somewhere else; those of [`StreamKey::partitions`] and of the rows.
pub fn check_parity(key: &StreamKey, known: impl IntoIterator<Item = Result<(RecordBatch, u32)>>) -> Result<usize> {
    let mut compared = 0;
    for batch in known {
        let (rows, partition) = batch?;
        let rows = rows.slice(0, rows.num_rows().min(KEYS - compared));
        for found in &key.partitions(&rows)? {
            if found != Some(partition) {
                let found = found.map_or("no partition".into(), |found| format!("partition {found}"));
                return Err(Error::invalid_config(format!(
                    "a row that the stream has in partition {partition} would go to {found} of {}",
                    key.partitions
                ))
                .with("option", "upsert.streamKey")
                .action("correct the key's columns, its `serializer` or `partitions`; a producer with a partitioner of its own cannot be followed"));
            }
            compared += 1;
        }
        if compared == KEYS {
            break;
        }
    }
    Ok(compared)
}
