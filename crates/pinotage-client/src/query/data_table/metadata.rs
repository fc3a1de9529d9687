//! What a server says about how it answered.

use pinotage_common::Result;

use super::cursor::{Cursor, malformed};

/// What a server says about how it answered. A number that it does not tell is `None`.
///
/// # Pinot equivalent
///
/// `org.apache.pinot.common.datatable.DataTable.MetadataKey`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The request that was answered; only in answers to brokers' own protocol.
    pub request_id: Option<i64>,
    /// Segments that were asked for and are there.
    pub num_segments_queried: Option<i32>,
    /// Segments that were looked into.
    pub num_segments_processed: Option<i32>,
    /// Segments with rows that matched.
    pub num_segments_matched: Option<i32>,
    /// Segments left out without a look, for any reason.
    pub num_segments_pruned_by_server: Option<i32>,
    /// Segments left out because they lack a column of the query: their rows are missing in the answer.
    pub num_segments_pruned_by_invalid: Option<i32>,
    /// Segments that still consume, among those that were queried.
    pub num_consuming_segments_queried: Option<i32>,
    /// How far the consuming segments are, in milliseconds since the epoch.
    pub min_consuming_freshness_time_ms: Option<i64>,
    /// Rows that matched.
    pub num_docs_scanned: Option<i64>,
    /// Values that were read to find them.
    pub num_entries_scanned_in_filter: Option<i64>,
    /// Values that were read of them.
    pub num_entries_scanned_post_filter: Option<i64>,
    /// Rows of the segments that were queried.
    pub total_docs: Option<i64>,
    /// How long it took, in milliseconds.
    pub time_used_ms: Option<i64>,
    /// Groups are missing: there were more than `numGroupsLimit`.
    pub num_groups_limit_reached: bool,
    /// Groups were dropped, those with the worst order.
    pub groups_trimmed: bool,
    /// The server stopped before the end, and why.
    pub early_termination_reason: Option<String>,
    /// Not all segments' results were merged.
    pub incomplete_merge: bool,
    /// The limit of the lite mode cut the answer.
    pub lite_mode_leaf_stage_limit_reached: bool,
}

/// How the value of a key is stored.
#[derive(Clone, Copy)]
enum Kind {
    Int,
    Long,
    Bool,
    Text,
}

/// The kinds of values by key.
const KINDS: [Kind; 45] = {
    use Kind::{Bool as B, Int as I, Long as L, Text as S};
    [
        S, S, L, L, L, I, I, I, I, L, // 0 unknown … 9 minConsumingFreshnessTimeMs
        L, S, L, S, L, I, L, L, L, L, // 10 totalDocs … 19 responseSerializationCpuTimeNs
        I, I, I, I, I, I, I, I, I, I, // 20 numSegmentsPrunedByServer … 29 numRows
        L, S, L, L, S, S, L, L, B, S, // 30 operatorExecutionTimeMs … 39 groupsTrimmed
        S, S, S, S, S, // 40 workloadName … 44 liteModeLeafStageLimitReached
    ]
};

impl Metadata {
    /// Reads the section. It ends at the first key that this client does not know: nothing says how long its value is.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut metadata = Self::default();
        if bytes.is_empty() {
            return Ok(metadata);
        }
        let mut cursor = Cursor::new("metadata", bytes);
        for _ in 0..cursor.length()? {
            // The number counts keys too that the server left out.
            if cursor.remaining() == 0 {
                break;
            }
            let key = cursor.int()?;
            let Some(kind) = usize::try_from(key).ok().and_then(|key| KINDS.get(key)) else { break };
            match kind {
                Kind::Int => metadata.int(key, cursor.int()?),
                Kind::Long => metadata.long(key, cursor.long()?),
                Kind::Bool => _ = cursor.byte()?,
                Kind::Text => metadata.text(key, cursor.text()?)?,
            }
        }
        Ok(metadata)
    }

    fn int(&mut self, key: i32, value: i32) {
        let field = match key {
            5 => &mut self.num_segments_queried,
            6 => &mut self.num_segments_processed,
            7 => &mut self.num_segments_matched,
            8 => &mut self.num_consuming_segments_queried,
            20 => &mut self.num_segments_pruned_by_server,
            21 => &mut self.num_segments_pruned_by_invalid,
            _ => return,
        };
        *field = Some(value);
    }

    fn long(&mut self, key: i32, value: i64) {
        let field = match key {
            2 => &mut self.num_docs_scanned,
            3 => &mut self.num_entries_scanned_in_filter,
            4 => &mut self.num_entries_scanned_post_filter,
            9 => &mut self.min_consuming_freshness_time_ms,
            10 => &mut self.total_docs,
            12 => &mut self.time_used_ms,
            14 => &mut self.request_id,
            _ => return,
        };
        *field = Some(value);
    }

    fn text(&mut self, key: i32, value: &str) -> Result<()> {
        let flag = match key {
            11 => &mut self.num_groups_limit_reached,
            39 => &mut self.groups_trimmed,
            43 => &mut self.incomplete_merge,
            44 => &mut self.lite_mode_leaf_stage_limit_reached,
            42 => {
                self.early_termination_reason = Some(value.to_owned());
                return Ok(());
            }
            _ => return Ok(()),
        };
        *flag = match value {
            "true" => true,
            "false" => false,
            // What cuts an answer must not be taken for a no.
            _ => return Err(malformed(format!("`true` or `false` for key {key} of the metadata"))),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_a_key_of_a_later_release() {
        let mut bytes = vec![0, 0, 0, 4];
        let mut put = |key: i32, value: &[u8]| {
            bytes.extend(key.to_be_bytes());
            bytes.extend(value);
        };
        put(5, &7_i32.to_be_bytes());
        put(11, b"\0\0\0\x04true");
        put(99, b"whatever");
        put(6, &1_i32.to_be_bytes());
        let metadata = Metadata::read(&bytes).unwrap();
        assert_eq!((metadata.num_segments_queried, metadata.num_segments_processed), (Some(7), None));
        assert!(metadata.num_groups_limit_reached);
        bytes[23] = b'x';
        assert!(Metadata::read(&bytes).is_err());
        assert!(Metadata::read(&bytes[..22]).is_err());
    }
}
