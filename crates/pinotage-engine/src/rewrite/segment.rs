//! One segment, read as it is and written as another table config wants it.

use std::path::Path;

use pinotage_common::{ArchiveLevel, Error, ErrorKind, Result};
use pinotage_segment::metadata::SegmentMetadata;
use pinotage_segment::read::Segment;
use pinotage_segment::write::{BuiltSegment, NameInput, SegmentBuilder};
use pinotage_sink::rewrite::{OldSegment, StoredRows};
use pinotage_spec::{
    ColumnPlan, FieldType, PinotVersion, Schema, SegmentNameGenerator, StarTreePlans, TableConfig, is_hidden,
};
use serde_json::json;
use xxhash_rust::xxh3::Xxh3;

use crate::manifest::SegmentRecord;

/// What segments are written for.
pub(super) struct Documents {
    schema: Schema,
    table: TableConfig,
    rows: StoredRows,
    version: PinotVersion,
    /// Changes whenever other bytes would be made of the same rows.
    pub(super) fingerprint: String,
}

impl Documents {
    /// # Errors
    ///
    /// Those of [`ColumnPlan::resolve`].
    pub(super) fn try_new(schema: Schema, table: TableConfig, version: PinotVersion) -> Result<Self> {
        let columns = ColumnPlan::resolve_for(&schema, &table, version)?;
        // The controller orders columns and keys as it likes; the plans of the columns are what the bytes depend on.
        let mut plans: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
        plans.sort();
        plans.push(format!("{:?}", StarTreePlans::resolve(&table, &columns, version)?));
        let mut hasher = Xxh3::new();
        for part in plans.iter().map(String::as_str).chain([table.time_column().unwrap_or_default()]) {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        let rows = StoredRows::new(&schema, &table, &columns);
        Ok(Self { schema, table, rows, version, fingerprint: format!("{:032x}", hasher.digest128()) })
    }

    /// Writes the segment of an archive again, as `<name>.tar.gz` in a folder.
    ///
    /// # Errors
    ///
    /// `commit-conflict` when the archive is not the segment that the cluster told of; `schema-mismatch` for columns that are
    /// not as in the schema; `cancelled`; those of reading and writing segments.
    pub(super) fn rewrite(
        &self,
        old: &OldSegment,
        archive: &Path,
        name: String,
        (folder, creation_time_millis): (&Path, i64),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<SegmentRecord> {
        let segment = old.open(archive)?;
        let built = self.rewritten(&segment, name, creation_time_millis, cancelled)?;
        let path = built.write_tar_gz(folder, ArchiveLevel::default())?;
        Ok(SegmentRecord::of(&built, path.file_name().unwrap_or_default().as_ref()))
    }

    /// The rows of a segment in a new one.
    fn rewritten(
        &self,
        segment: &Segment,
        name: String,
        creation_time_millis: i64,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<BuiltSegment> {
        let mut builder = SegmentBuilder::try_new_for(&self.schema, &self.table, self.version)?;
        for rows in self.rows.of(segment)? {
            if cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "the rewriting was stopped; what is rewritten is kept"));
            }
            builder.append(&rows?)?;
        }
        let generator = SegmentNameGenerator::Fixed { name };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, creation_time_millis)?;
        let (expected, found) = (segment.metadata().num_docs, built.num_docs());
        if found != expected {
            return Err(Error::unexpected(format!("expected {expected} rows, {found} were written")));
        }
        Ok(built)
    }
}

/// Writes a segment anew under a table config and for a release, without going through rows of text. Without a schema the segment's own columns
/// are written. The new segment is in memory until it is written somewhere.
///
/// # Errors
///
/// `schema-mismatch` for columns that are not as in the schema; `invalid-config` for a table config that does not fit the
/// columns; `unsupported` for what the release does not have; `cancelled`; those of reading and building segments.
pub fn rewrite_segment(
    segment: &Segment,
    schema: Option<&Schema>,
    (table, version): (&TableConfig, PinotVersion),
    name: &str,
    creation_time_millis: i64,
    cancelled: &dyn Fn() -> bool,
) -> Result<BuiltSegment> {
    let schema = match schema {
        Some(schema) => schema.clone(),
        None => schema_of(segment.metadata())?,
    };
    Documents::try_new(schema, table.clone(), version)?.rewritten(
        segment,
        name.to_owned(),
        creation_time_millis,
        cancelled,
    )
}

/// What the metadata of a segment says about its schema: all but primary keys and transforms.
fn schema_of(metadata: &SegmentMetadata) -> Result<Schema> {
    let mut lists = [
        (FieldType::Dimension, "dimension"),
        (FieldType::Metric, "metric"),
        (FieldType::DateTime, "dateTime"),
        (FieldType::Complex, "complex"),
    ]
    .map(|(field_type, list)| (field_type, format!("{list}FieldSpecs"), Vec::new()));
    for (name, column) in metadata.columns.iter().filter(|(name, _)| !is_hidden(name)) {
        let mut field = json!({"name": name, "dataType": column.data_type.to_string()});
        if column.field_type == FieldType::Dimension {
            field["singleValueField"] = column.single_value.into();
        }
        if let Some(value) = column.default_null_value.as_ref().filter(|_| column.field_type != FieldType::Complex) {
            field["defaultNullValue"] = value.to_java_string().into();
        }
        if let Some((length, strategy)) = &column.max_length {
            field["maxLength"] = (*length).into();
            field["maxLengthExceedStrategy"] = strategy.as_str().into();
        }
        for child in &column.children {
            field["childFieldSpecs"][&child.name] = json!({"name": child.name, "dataType": child.data_type.to_string(),
                "singleValueField": child.single_value});
        }
        if let Some((format, granularity)) = &column.date_time {
            field["format"] = format.as_str().into();
            field["granularity"] = granularity.as_str().into();
        }
        lists
            .iter_mut()
            .filter(|(field_type, ..)| *field_type == column.field_type)
            .for_each(|list| list.2.push(field.clone()));
    }
    let mut document = json!({"schemaName": metadata.table_name});
    for (_, list, fields) in lists {
        document[list] = fields.into();
    }
    Schema::from_document(document)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use arrow::array::{ArrayRef, Int32Array, RecordBatch};
    use serde_json::Value as Json;

    fn documents(fields: Json, table: Json) -> Documents {
        let schema = Schema::from_document(json!({"schemaName": "t", "dimensionFieldSpecs": fields})).unwrap();
        let mut config = json!({"tableName": "t", "tableType": "OFFLINE"});
        config.as_object_mut().unwrap().extend(table.as_object().unwrap().clone());
        Documents::try_new(schema, TableConfig::from_document(config).unwrap(), PinotVersion::NEWEST).unwrap()
    }

    fn archive(folder: &Path) -> (OldSegment, PathBuf) {
        let Documents { schema, table, .. } = documents(json!([{"name": "n", "dataType": "INT"}]), json!({}));
        let mut builder = SegmentBuilder::try_new(&schema, &table).unwrap();
        let rows: ArrayRef = Arc::new(Int32Array::from(vec![3, 1, 2]));
        builder.append(&RecordBatch::try_from_iter([("n", rows)]).unwrap()).unwrap();
        let generator = SegmentNameGenerator::Fixed { name: "old".into() };
        let built = builder.finish(&NameInput { generator: &generator, sequence: None }, 1).unwrap();
        let old = OldSegment { name: "old".into(), crc: built.crc(), rows: 3, bytes: 1 };
        (old, built.write_tar_gz(folder, ArchiveLevel::default()).unwrap())
    }

    #[test]
    fn only_the_same_columns_of_the_same_segment_are_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let (old, archive) = archive(folder.path());
        let rewrite = |documents: &Documents, old: &OldSegment| {
            documents.rewrite(old, &archive, "new".into(), (folder.path(), 1), &|| false)
        };
        let derived =
            json!({"ingestionConfig": {"transformConfigs": [{"columnName": "m", "transformFunction": "n + 1"}]}});
        let n = json!({"name": "n", "dataType": "INT"});
        let m = json!({"name": "m", "dataType": "INT"});
        for (fields, table, kind, column) in [
            (json!([m]), json!({}), ErrorKind::SchemaMismatch, "n"),
            (json!([{"name": "n", "dataType": "LONG"}]), json!({}), ErrorKind::SchemaMismatch, "n"),
            (json!([n, m]), derived, ErrorKind::Unsupported, "m"),
        ] {
            let error = rewrite(&documents(fields, table), &old).unwrap_err();
            assert!(error.kind() == kind && error.context().contains(&("column", column.into())), "{error}");
        }
        let same = documents(json!([n, m]), json!({}));
        let error = rewrite(&same, &OldSegment { crc: 7, ..old.clone() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommitConflict, "{error}");
        assert_eq!(rewrite(&same, &old).unwrap().num_docs, 3);
    }

    #[test]
    fn the_fingerprint_changes_with_the_bytes_alone() {
        let (n, m) = (json!({"name": "n", "dataType": "INT"}), json!({"name": "m", "dataType": "INT"}));
        let of = |fields: Json, table: Json| documents(fields, table).fingerprint;
        let first = of(json!([n, m]), json!({}));
        assert_eq!(of(json!([m, n]), json!({"quota": {"storage": "1G"}})), first);
        assert_ne!(of(json!([n, m]), json!({"tableIndexConfig": {"sortedColumn": ["n"]}})), first);
        assert_ne!(of(json!([n]), json!({})), first);
        let tree = json!({"dimensionsSplitOrder": ["n"], "functionColumnPairs": ["COUNT__*"]});
        assert_ne!(of(json!([n, m]), json!({"tableIndexConfig": {"starTreeIndexConfigs": [tree]}})), first);
    }
}
