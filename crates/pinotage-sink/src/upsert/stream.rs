//! What is to be known of the stream of a REALTIME table before rows come beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use pinotage_client::{Broker, Query};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{DataType, FieldSpec, PinotVersion, Schema, parse_hex};
use serde_json::Value as Json;

use super::{CreationTimes, StreamKey, Ties, check_parity};
use crate::Target;
use crate::writer::Upload;

/// Rows that are compared with where the stream has put them.
const SAMPLED: usize = 1000;

/// A table with a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamTable<'a> {
    /// Its REALTIME half.
    pub target: &'a Target,
    /// Its schema.
    pub schema: &'a Schema,
    /// The release of the cluster.
    pub version: PinotVersion,
    /// The stream's key, if a user says it.
    pub key: Option<&'a StreamKey>,
    /// Which of equal rows counts.
    pub ties: Ties,
}

impl StreamTable<'_> {
    /// Where the stream puts rows, and the creation times of segments that come now. When they are the `first` of a job, rows of
    /// the table have to lie where they would be put.
    ///
    /// # Errors
    ///
    /// Those of [`StreamKey::resolve`], [`check_parity`] and [`CreationTimes::of`]; those of controller and
    /// brokers.
    pub async fn upload(&self, first: bool, now_millis: i64) -> Result<(Upload, CreationTimes)> {
        let snapshot = self.target.snapshot().await?;
        let key = StreamKey::resolve(self.key, self.schema, &snapshot)?;
        if first {
            check_parity(&key, self.sample(&key).await?.into_iter().map(Ok))?;
        }
        let times = CreationTimes::of(&snapshot, self.ties, self.version, now_millis)?;
        Ok((Upload { version: self.version, key }, times))
    }

    /// Keys of rows that the stream has brought, with their partition.
    async fn sample(&self, key: &StreamKey) -> Result<Vec<(RecordBatch, u32)>> {
        let fields: Vec<&FieldSpec> = key.columns.iter().filter_map(|column| self.schema.field(column)).collect();
        let column = |field: &&FieldSpec| match field.data_type {
            DataType::Timestamp => format!("CAST(\"{}\" AS LONG)", field.name),
            _ => format!("\"{}\"", field.name),
        };
        let columns = fields.iter().map(column).collect::<Vec<_>>().join(", ");
        let table = self.target.table_type.of(&self.target.table);
        let sql = format!("SELECT {columns}, \"$segmentName\" FROM \"{table}\" LIMIT {SAMPLED}");
        let mut rows: BTreeMap<u32, Vec<Vec<Json>>> = BTreeMap::new();
        for row in ask(self.target, &Query::new(sql), "to see where its stream puts them").await? {
            let segment = row.last().and_then(Json::as_str).unwrap_or_default();
            let parts: Vec<&str> = segment.split("__").collect();
            let partition = (parts.len() == 4).then(|| parts[1].parse().ok()).flatten();
            if let Some(partition) = partition {
                rows.entry(partition).or_default().push(row);
            }
        }
        rows.into_iter().map(|(partition, rows)| Ok((batch(&fields, &rows)?, partition))).collect()
    }
}

/// The rows of a query, from the first broker that has all of them; `why` they are wanted.
pub(super) async fn ask(target: &Target, query: &Query, why: &str) -> Result<Vec<Vec<Json>>> {
    let controller = &target.controller;
    let mut failure = None;
    for broker in controller.brokers(&target.table).await? {
        let Some(port) = broker.port else { continue };
        let broker = Broker::new(controller.http(), controller.address().sibling(&broker.host, port)?);
        match broker.query(query).await {
            Ok(answer) if answer.is_complete() => {
                return Ok(answer.result_table.map(|table| table.rows).unwrap_or_default());
            }
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    let error = Error::new(ErrorKind::Unavailable, format!("no broker shows rows of the table, {why}"))
        .with("table", target.key())
        .action("start a broker of the table's tenant");
    Err(match failure {
        Some(failure) => error.caused_by(failure),
        None => error,
    })
}

/// Rows of a broker as canonical columns.
fn batch(fields: &[&FieldSpec], rows: &[Vec<Json>]) -> Result<RecordBatch> {
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let values = || rows.iter().map(|row| row.get(at).unwrap_or(&Json::Null));
        let column: ArrayRef = match field.data_type {
            DataType::Int => {
                Arc::new(values().map(|value| value.as_i64().map(|value| value as i32)).collect::<Int32Array>())
            }
            DataType::Long => Arc::new(values().map(Json::as_i64).collect::<Int64Array>()),
            DataType::Timestamp => {
                Arc::new(values().map(Json::as_i64).collect::<TimestampMillisecondArray>().with_timezone("UTC"))
            }
            DataType::Boolean => Arc::new(values().map(Json::as_bool).collect::<BooleanArray>()),
            DataType::Bytes => {
                let bytes: Vec<Option<Vec<u8>>> = values().map(|value| parse_hex(value.as_str()?)).collect();
                Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
            }
            _ => Arc::new(values().map(Json::as_str).collect::<StringArray>()),
        };
        columns.push((&field.name, column));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .map_err(|error| Error::unexpected("cannot make a batch of sampled keys").caused_by(error))
}
