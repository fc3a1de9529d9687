//! Collects the rows of one segment.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType as Arrow, Int64Type, TimeUnit, TimestampMillisecondType};
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::{
    CalendarUnit, ColumnPlan, DictionaryRule, PinotVersion, Schema, SegmentNameGenerator, SegmentNameParts,
    StarTreeCandidate, StarTreePlans, TableConfig, Value,
};
use rayon::prelude::*;

use super::built::BuiltSegment;
use super::column::ColumnBuilder;
use super::layout::{ColumnLayout, lay_out, sort_order};
use crate::metadata::{ColumnMetadata, PartitionMetadata, SegmentMetadata, TimeInterval};
use crate::star_tree::{self, StarTreeFiles};

/// How a segment gets its name.
#[derive(Debug, Clone)]
pub struct NameInput<'a> {
    /// The rule.
    pub generator: &'a SegmentNameGenerator,
    /// Distinguishes the segments of a job.
    pub sequence: Option<String>,
}

/// Rows in which memory may grow unseen: [`SegmentBuilder::peak_bytes`] is to be asked as often, always behind the same rows.
pub const ROWS_BETWEEN_CHECKS: usize = 4096;

/// Where a segment is finished, and in how much memory.
#[derive(Debug, Clone, Copy)]
pub struct Workspace<'a> {
    /// Payloads wait there in files without a name.
    pub folder: &'a Path,
    /// Bytes that the builder may hold while it finishes, with what it holds already. Columns are laid out one after the other if
    /// need be, and one that needs more gets it.
    pub memory: usize,
}

/// Collects rows and makes one segment of them.
///
/// Memory grows with the rows: one to four bytes a value and every distinct value once, or all values of a raw column; see
/// [`SegmentBuilder::peak_bytes`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, RecordBatch, StringArray};
/// use pinotage_segment::write::{NameInput, SegmentBuilder};
/// use pinotage_spec::{Schema, SegmentNameGenerator, TableConfig};
///
/// let schema = Schema::from_json(r#"{"schemaName": "t", "dimensionFieldSpecs": [{"name": "city", "dataType": "STRING"}]}"#)?;
/// let table = TableConfig::from_json(r#"{"tableName": "t", "tableType": "OFFLINE"}"#)?;
/// let mut builder = SegmentBuilder::try_new(&schema, &table)?;
/// let city: ArrayRef = Arc::new(StringArray::from(vec!["Oslo", "Paris"]));
/// builder.append(&RecordBatch::try_from_iter([("city", city)]).unwrap())?;
/// let generator = SegmentNameGenerator::Simple { prefix: "t".into(), postfix: None };
/// let segment = builder.finish(&NameInput { generator: &generator, sequence: Some("0".into()) }, 0)?;
/// assert_eq!((segment.name(), segment.num_docs()), ("t_0", 2));
/// # Ok::<(), pinotage_common::Error>(())
/// ```
///
/// # Pinot equivalent
///
/// `SegmentIndexCreationDriverImpl`, without its record transformers: rows come in the canonical Arrow types of
/// `pinotage_spec::arrow_field`, single-value STRING columns also as dictionaries with 32-bit keys; a null is stored as the column's default null value.
pub struct SegmentBuilder {
    columns: Vec<ColumnBuilder>,
    num_docs: usize,
    table_name: String,
    time_column: Option<String>,
    star_trees: StarTreePlans,
    /// The one column with partition metadata.
    partition: Option<(String, PartitionMetadata)>,
}

impl SegmentBuilder {
    /// Plans the columns of a segment.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentBuilder::try_new_for`].
    pub fn try_new(schema: &Schema, table: &TableConfig) -> Result<Self> {
        Self::try_new_for(schema, table, PinotVersion::NEWEST)
    }

    /// As [`SegmentBuilder::try_new`], for servers of a release.
    ///
    /// # Errors
    ///
    /// Those of [`ColumnPlan::resolve_for`] and [`StarTreePlans::resolve`].
    pub fn try_new_for(schema: &Schema, table: &TableConfig, version: PinotVersion) -> Result<Self> {
        let columns = ColumnPlan::resolve_for(schema, table, version)?;
        Ok(Self {
            star_trees: StarTreePlans::resolve(table, &columns, version)?,
            columns: columns.into_iter().map(ColumnBuilder::new).collect(),
            num_docs: 0,
            table_name: table.raw_name().to_owned(),
            time_column: table.time_column().map(str::to_owned),
            partition: None,
        })
    }

    /// Says which partition of a stream the rows are in, in place of what the table config's partition functions say of their
    /// values: they may hash keys otherwise than the stream's producer does.
    pub fn set_partition(&mut self, column: impl Into<String>, partition: PartitionMetadata) {
        self.partition = Some((column.into(), partition));
    }

    /// Adds rows. Columns are found by name; columns that the schema does not have are ignored. Those of timestamp indexes are made
    /// here.
    ///
    /// # Errors
    ///
    /// `schema-mismatch` for a column that is missing or not of its canonical type; `resource-exhausted` beyond
    /// 2^31 - 1 rows. After an error the builder must be dropped.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let first_doc = self.num_docs as u32;
        let num_docs = self.num_docs + batch.num_rows();
        if i32::try_from(num_docs).is_err() {
            return Err(Error::new(ErrorKind::ResourceExhausted, "expected fewer than 2^31 rows in a segment")
                .action("make smaller segments (`segment.maxRows`)"));
        }
        self.columns.par_iter_mut().try_for_each(|column| {
            let index = column.plan.timestamp_index.as_ref();
            let name = index.map_or(&column.plan.field.name, |index| &index.source);
            let array = batch.column_by_name(name).ok_or_else(|| {
                Error::schema_mismatch("a column of the schema is missing in the rows").with("column", name)
            })?;
            match index {
                Some(index) => column.append(&cut(array, index.unit), first_doc),
                None => column.append(array, first_doc),
            }
        })?;
        self.num_docs = num_docs;
        Ok(())
    }

    /// The columns that rows come with, which those of timestamp indexes are not.
    pub(super) fn sources(&self) -> impl Iterator<Item = &ColumnBuilder> {
        self.columns.iter().filter(|column| column.plan.timestamp_index.is_none())
    }

    /// The rows so far.
    pub fn num_docs(&self) -> usize {
        self.num_docs
    }

    /// Bytes of memory that are needed at most until the segment is finished by [`SegmentBuilder::finish_in`], without further rows:
    /// what is held now, and what the largest column takes to be laid out. It depends on the rows alone, not on the
    /// batches they came in, except for dictionaries that text came with.
    pub fn peak_bytes(&self) -> usize {
        let (sort, is_sorted) = self.sort_bytes();
        let column = self.columns.iter().map(|column| column.layout_bytes(is_sorted)).max().unwrap_or(0);
        let trees = self.star_tree_bytes().into_iter().max().unwrap_or(0);
        // Columns are given back before star-trees are made of what was laid out.
        (self.len_bytes() + sort + column).max(trees)
    }

    /// What each star-tree takes.
    fn star_tree_bytes(&self) -> Vec<usize> {
        let size =
            |name: &str| self.columns.iter().find(|column| column.plan.field.name == name).map(ColumnBuilder::size);
        let mut trees: Vec<usize> =
            self.star_trees.trees.iter().map(|tree| star_tree::estimated_bytes(tree, self.num_docs, size)).collect();
        if self.star_trees.default_tree {
            let candidates = self.columns.iter().map(|column| StarTreeCandidate {
                field: &column.plan.field,
                has_dictionary: column.plan.dictionary != DictionaryRule::Never,
                cardinality: column.size().distinct as u32,
            });
            let tree = StarTreePlans::default_tree(&candidates.collect::<Vec<_>>());
            trees.extend(tree.map(|tree| star_tree::estimated_bytes(&tree, self.num_docs, size)));
        }
        trees
    }

    fn len_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuilder::len_bytes).sum()
    }

    /// What sorting takes, if the segment is to be sorted.
    fn sort_bytes(&self) -> (usize, bool) {
        let sort = self.columns.iter().find(|column| column.plan.sort).map(ColumnBuilder::sort_bytes);
        (sort.unwrap_or(0), sort.is_some())
    }

    /// Sorts, lays out and names the segment. `creation_time_millis` is covered by no checksum.
    ///
    /// # Errors
    ///
    /// `invalid-data` without rows, for a value of a time column that its format cannot read and for a decimal or
    /// string that cannot be stored; `invalid-config` for an impossible name; `resource-exhausted` where the format's
    /// 32-bit offsets do not reach.
    pub fn finish(self, name: &NameInput<'_>, creation_time_millis: i64) -> Result<BuiltSegment> {
        self.finished(name, creation_time_millis, None)
    }

    /// As [`SegmentBuilder::finish`], with payloads in files instead of memory. They have no name and go with the segment; a payload
    /// of at most 64 KiB stays in memory.
    ///
    /// # Errors
    ///
    /// As [`SegmentBuilder::finish`], and those of the file system.
    pub fn finish_in(
        self,
        workspace: Workspace<'_>,
        name: &NameInput<'_>,
        creation_time_millis: i64,
    ) -> Result<BuiltSegment> {
        self.finished(name, creation_time_millis, Some(workspace))
    }

    fn finished(
        mut self,
        name: &NameInput<'_>,
        creation_time_millis: i64,
        workspace: Option<Workspace<'_>>,
    ) -> Result<BuiltSegment> {
        if self.num_docs == 0 {
            return Err(Error::invalid_data("expected at least one row for a segment"));
        }
        self.columns.par_iter_mut().for_each(ColumnBuilder::close);
        let (sort, is_sorted) = self.sort_bytes();
        let trees = self.star_tree_bytes().into_iter().fold(0, usize::saturating_add);
        let order = match self.columns.iter().find(|column| column.plan.sort) {
            Some(column) => sort_order(column)?,
            None => None,
        };
        let folder = workspace.map(|workspace| workspace.folder);
        let memory = workspace.map_or(usize::MAX, |workspace| workspace.memory);
        let mut laid_out = Vec::with_capacity(self.columns.len());
        while !self.columns.is_empty() {
            // A column that is laid out is given back; as many as fit beside those that wait are laid out together.
            let mut left = memory.saturating_sub(self.len_bytes() + sort);
            let mut is_first = true;
            let together: Vec<_> = self
                .columns
                .extract_if(.., |column| {
                    let needed = column.layout_bytes(is_sorted);
                    let fits = is_first || needed <= left;
                    if fits {
                        left = left.saturating_sub(needed);
                        is_first = false;
                    }
                    fits
                })
                .collect();
            let together = together.into_par_iter().map(|column| {
                let plan = column.plan.clone();
                let layout = lay_out(column, order.as_deref(), folder)
                    .map_err(|error| error.with("column", &plan.field.name))?;
                Ok((plan, layout))
            });
            laid_out.extend(together.collect::<Result<Vec<_>>>()?);
        }
        let mut parts = SegmentNameParts { sequence: name.sequence.clone(), ..SegmentNameParts::default() };
        let mut time = None;
        if let Some((plan, layout)) =
            laid_out.iter().find(|(plan, _)| Some(&plan.field.name) == self.time_column.as_ref())
        {
            time = Some(interval(plan, &layout.metadata, &mut parts)?);
        }
        let star_trees = build_star_trees(self.star_trees, &laid_out, self.num_docs, trees <= memory)?;
        if let Some((column, partition)) = self.partition {
            for (plan, layout) in &mut laid_out {
                layout.metadata.partition = (plan.field.name == column).then(|| partition.clone());
            }
        }
        let metadata = SegmentMetadata {
            name: name.generator.generate(&parts)?,
            table_name: self.table_name,
            num_docs: self.num_docs as u32,
            time,
            columns: laid_out.iter().map(|(plan, layout)| (plan.field.name.clone(), layout.metadata.clone())).collect(),
            star_trees: star_trees.as_ref().map_or_else(Vec::new, |files| files.metadata.clone()),
            custom: Default::default(),
        };
        let payloads = laid_out.into_iter().map(|(plan, layout)| (plan.field.name, layout.payloads)).collect();
        Ok(BuiltSegment::new(metadata, payloads, star_trees, creation_time_millis))
    }
}

/// Times cut to a unit, for a timestamp index. Nulls stay.
fn cut(times: &ArrayRef, unit: CalendarUnit) -> ArrayRef {
    let cut = |time| unit.floor(time);
    match times.data_type() {
        Arrow::Int64 => {
            Arc::new(times.as_primitive::<Int64Type>().unary::<_, TimestampMillisecondType>(cut).with_timezone("UTC"))
        }
        Arrow::Timestamp(TimeUnit::Millisecond, _) => Arc::new(
            times
                .as_primitive::<TimestampMillisecondType>()
                .unary::<_, TimestampMillisecondType>(cut)
                .with_timezone("UTC"),
        ),
        // The column itself is refused.
        _ => Arc::clone(times),
    }
}

/// The star-trees of finished columns; `None` without any.
fn build_star_trees(
    plans: StarTreePlans,
    columns: &[(ColumnPlan, ColumnLayout)],
    num_docs: usize,
    at_once: bool,
) -> Result<Option<StarTreeFiles>> {
    let mut trees = plans.trees;
    if plans.default_tree {
        let candidates = columns.iter().map(|(plan, layout)| StarTreeCandidate {
            field: &plan.field,
            has_dictionary: layout.metadata.has_dictionary,
            cardinality: layout.metadata.cardinality,
        });
        let tree = StarTreePlans::default_tree(&candidates.collect::<Vec<_>>())?;
        if !trees.contains(&tree) {
            trees.push(tree);
        }
    }
    if trees.is_empty() {
        return Ok(None);
    }
    let columns = columns
        .iter()
        .map(|(plan, layout)| {
            let payload = |index| layout.payloads.iter().find(|payload| payload.index == index);
            let column = star_tree::Column {
                metadata: &layout.metadata,
                dictionary: payload("dictionary").map(|payload| &*payload.bytes),
                forward: payload("forward_index").map_or(&[], |payload| &*payload.bytes),
                num_docs,
            };
            (plan.field.name.clone(), column)
        })
        .collect();
    star_tree::write(&trees, &columns, num_docs as u32, at_once).map(Some)
}

/// The interval of the time column, and the same for the segment's name.
fn interval(plan: &ColumnPlan, column: &ColumnMetadata, parts: &mut SegmentNameParts) -> Result<TimeInterval> {
    let name = &plan.field.name;
    let missing = || Error::unexpected("the time column has no bounds").with("column", name);
    let format = &plan.field.date_time.as_ref().ok_or_else(missing)?.format;
    let stored = |value: &Value| -> Result<(i64, i64)> {
        let number = match value {
            Value::Int(number) => Some(i64::from(*number)),
            Value::Long(number) => Some(*number),
            Value::String(text) => {
                let millis = format.text_to_millis(text).ok_or_else(|| {
                    Error::invalid_data(format!("expected a time in the column's format, found `{text}`"))
                        .with("column", name)
                        .action("correct the value or the `format` of the column in the schema")
                })?;
                // Text that counts units since the epoch stays in its unit, dates become milliseconds.
                return Ok((text.parse().unwrap_or(millis), millis));
            }
            _ => None,
        };
        let number = number.ok_or_else(|| {
            Error::invalid_config(format!("a column of type {} cannot be the time column", plan.field.data_type))
                .with("column", name)
        })?;
        Ok((number, format.number_to_millis(number)))
    };
    let (min, max) = (column.min.as_ref().ok_or_else(missing)?, column.max.as_ref().ok_or_else(missing)?);
    let ((start, start_millis), (end, end_millis)) = (stored(min)?, stored(max)?);
    parts.time_values = Some((min.to_java_string(), max.to_java_string()));
    parts.time_millis = Some((start_millis, end_millis));
    let is_date = matches!(format, pinotage_spec::DateTimeFormat::SimpleDate { .. });
    Ok(TimeInterval {
        column: name.clone(),
        range: Some(if is_date { (start_millis, end_millis) } else { (start, end) }),
        unit: format.segment_unit(),
    })
}
