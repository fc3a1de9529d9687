//! What a user says about rows beside a stream.

use pinotage_common::{Error, Result};
use pinotage_spec::Schema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StreamKey, Ties, stream_partitions};
use crate::Snapshot;

/// How rows are loaded into a table that consumes a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpsertOptions {
    /// The key of the stream's records. Default: the primary key, one column as text and several as JSON, and the partitions of
    /// the table's stream.
    pub stream_key: Option<StreamKey>,
    /// Which row counts when one of the stream and an uploaded one have the same key and compare as equal.
    pub ties: Ties,
}

impl UpsertOptions {
    /// The key by which rows are sent to partitions.
    ///
    /// # Errors
    ///
    /// Those of [`StreamKey::check`] and [`stream_partitions`]; `invalid-config` when the table's stream has another number of
    /// partitions, or has not begun and nothing says how many there will be.
    pub fn stream_key(&self, schema: &Schema, table: &Snapshot) -> Result<StreamKey> {
        let bad = |message: String| Err(Error::invalid_config(message).with("option", "upsert.streamKey"));
        match (&self.stream_key, stream_partitions(table)?) {
            (Some(key), Some(found)) if key.partitions != found => {
                bad(format!("the table consumes {found} partitions, and the key has {}", key.partitions))
            }
            (Some(key), _) => {
                key.check(schema)?;
                Ok(key.clone())
            }
            (None, Some(found)) => StreamKey::of_primary_key(schema, found),
            (None, None) => {
                bad("the table has no segments of a stream that would say how many partitions there are".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pinotage_common::ErrorKind;
    use serde_json::json;

    use super::*;
    use crate::upsert::KeySerializer;
    use crate::upsert::upload::tests::segment;

    #[test]
    fn the_streams_partitions_are_the_keys() {
        let schema = Schema::from_document(json!({"schemaName": "t", "primaryKeyColumns": ["k"],
            "dimensionFieldSpecs": [{"name": "k", "dataType": "LONG"}]}));
        let schema = schema.unwrap();
        let table = |names: &[&str]| Snapshot {
            segments: names.iter().map(|&name| (name.to_owned(), segment(name, 0))).collect(),
            ..Snapshot::default()
        };
        let stream =
            table(&["t__0__3__20231114T2213Z", "t__2__0__20231114T2213Z", "j-r__t__7__20231114T2213Z__0-0", "t_9"]);
        let key = |serializer, partitions| StreamKey { columns: vec!["k".into()], serializer, partitions };
        let options = |stream_key| UpsertOptions { stream_key, ..UpsertOptions::default() };
        let long = options(Some(key(KeySerializer::Long, 3)));
        assert_eq!(options(None).stream_key(&schema, &stream).unwrap(), key(KeySerializer::String, 3));
        assert_eq!(long.stream_key(&schema, &stream).unwrap(), key(KeySerializer::Long, 3));
        assert_eq!(long.stream_key(&schema, &table(&[])).unwrap(), key(KeySerializer::Long, 3));
        let refused =
            |options: &UpsertOptions, table: &Snapshot| options.stream_key(&schema, table).unwrap_err().kind();
        assert_eq!(refused(&options(Some(key(KeySerializer::Long, 4))), &stream), ErrorKind::InvalidConfig);
        assert_eq!(refused(&options(Some(key(KeySerializer::Bytes, 3))), &stream), ErrorKind::InvalidConfig);
        assert_eq!(refused(&options(None), &table(&["t_9"])), ErrorKind::InvalidConfig);
        assert_eq!(refused(&options(None), &table(&["t__10000__0__20231114T2213Z"])), ErrorKind::Unsupported);
        assert!(serde_json::from_value::<UpsertOptions>(json!({"tie": "live"})).is_err());
        assert_eq!(serde_json::from_value::<UpsertOptions>(json!({"ties": "backfill"})).unwrap().ties, Ties::Backfill);
    }
}
