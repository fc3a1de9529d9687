//! Segments of a table as they are, to be written again: the one rule of what can be, for whole tables and for rows that stay
//! when others of their segment are replaced.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{FieldRef, Schema as ArrowSchema, SchemaRef};
use pinotage_client::SegmentZkMetadata;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_segment::metadata::SegmentMetadata;
use pinotage_segment::read::{ScanOptions, Segment};
use pinotage_spec::{ColumnPlan, Schema, TableConfig, arrow_field, is_hidden};
use serde_json::Value as Json;

/// Which segment a segment was made of; stays with it in the cluster.
pub const REWRITTEN: &str = "pinotage.rewritten";

/// A segment as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSegment {
    /// Its name.
    pub name: String,
    /// Its checksum.
    pub crc: u64,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its archive; 0 where the cluster does not know.
    pub bytes: u64,
}

impl OldSegment {
    /// A segment of which the cluster keeps this.
    ///
    /// # Errors
    ///
    /// `unsupported` for an encrypted segment, and for one of which checksum or rows are not known.
    pub fn of(segment: &SegmentZkMetadata) -> Result<Self> {
        if let Some(class) = &segment.crypter {
            return Err(Error::unsupported("encrypted segments cannot be rewritten")
                .with("segment", &segment.name)
                .with("class", class)
                .action("push the segment again without encryption"));
        }
        let (Some(crc), Some(rows)) = (segment.crc, segment.total_docs) else {
            return Err(Error::unsupported("the cluster does not know checksum and rows of a segment")
                .with("segment", &segment.name)
                .action("look at the segment's record on the controller; push the segment again"));
        };
        Ok(Self { name: segment.name.clone(), crc, rows, bytes: segment.size_bytes.unwrap_or_default() })
    }

    /// Opens its archive.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the archive is not the segment that the cluster told of; those of [`Segment::open`].
    pub fn open(&self, archive: &Path) -> Result<Segment> {
        let segment = Segment::open(archive)?;
        let found = (segment.creation().map(|creation| creation.crc), u64::from(segment.metadata().num_docs));
        if found == (Some(self.crc), self.rows) {
            return Ok(segment);
        }
        Err(Error::new(
            ErrorKind::CommitConflict,
            format!("expected CRC {} and {} rows, found CRC {:?} and {} rows", self.crc, self.rows, found.0, found.1),
        )
        .action("find out who pushes this segment, and run again"))
    }
}

/// Rows of segments as rows of their table now.
#[derive(Debug, Clone)]
pub struct StoredRows {
    schema: Schema,
    /// Columns that the table computes from others.
    derived: Vec<String>,
    canonical: SchemaRef,
}

impl StoredRows {
    /// Those of a table with these columns.
    pub fn new(schema: &Schema, table: &TableConfig, columns: &[ColumnPlan]) -> Self {
        // What a server adds to a segment that lacks a column: nulls, stored as the default null value.
        let own = columns.iter().filter(|column| column.timestamp_index.is_none());
        let fields: Vec<_> = own.map(|column| arrow_field(&column.field, true)).collect();
        let derived = table.json().pointer("/ingestionConfig/transformConfigs").and_then(Json::as_array);
        let derived = derived.into_iter().flatten().filter_map(|transform| transform["columnName"].as_str());
        let derived = derived.filter(|column| schema.field(column).is_some()).map(str::to_owned).collect();
        Self { schema: schema.clone(), derived, canonical: Arc::new(ArrowSchema::new(fields)) }
    }

    /// All rows of a segment, in canonical batches.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for columns that are not as in the schema; `unsupported` for a segment that lacks a derived column;
    /// those of reading.
    pub fn of<'s>(&'s self, segment: &'s Segment) -> Result<impl Iterator<Item = Result<RecordBatch>> + 's> {
        let metadata = segment.metadata();
        self.check(metadata)?;
        let names = self.canonical.fields().iter().map(|field| field.name());
        let present = names.filter(|name| metadata.columns.contains_key(*name)).cloned().collect();
        let scan = segment.scan(ScanOptions { columns: Some(present), ..ScanOptions::default() })?;
        Ok(scan.map(|batch| batch.and_then(|batch| self.completed(&batch))))
    }

    fn completed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
            Some(array) => Arc::clone(array),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let arrays = self.canonical.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.canonical), arrays, &options)
            .map_err(|error| Error::unexpected("cannot make a canonical batch").caused_by(error))
    }

    fn check(&self, found: &SegmentMetadata) -> Result<()> {
        // Columns that Pinot makes of others, such as those of a timestamp index, are made anew.
        for (name, column) in found.columns.iter().filter(|(name, _)| !is_hidden(name)) {
            let Some(field) = self.schema.field(name) else {
                return Err(Error::schema_mismatch("a segment has a column that the schema does not have")
                    .with("column", name)
                    .action("its values would be lost: add the column to the schema, or load these rows anew"));
            };
            if (field.data_type, field.single_value) != (column.data_type, column.single_value) {
                let list = |single| if single { "" } else { " multi-value" };
                return Err(Error::schema_mismatch(format!(
                    "expected {}{}, found {}{}",
                    field.data_type,
                    list(field.single_value),
                    column.data_type,
                    list(column.single_value)
                ))
                .with("column", name)
                .action("load these rows anew: types are not converted when segments are rewritten"));
            }
        }
        match self.derived.iter().find(|column| !found.columns.contains_key(*column)) {
            None => Ok(()),
            Some(column) => Err(Error::unsupported("a segment lacks a column that the table derives from others")
                .with("option", "ingestionConfig.transformConfigs")
                .with("column", column)
                .action("load these rows anew, with the column in them")),
        }
    }
}
