//! One of the two tables, and its rows in the form in which they are compared.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampMillisecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use pinotage_common::{Error, Result};
use xxhash_rust::xxh3::xxh3_128;

use super::canon::Canon;
use super::only::Only;
use super::{BucketBy, PARTS, ReconcileOptions};
use crate::query::{Again, Answer, Session, TableSource};

/// A table that is compared.
pub(super) struct Side {
    role: &'static str,
    session: Arc<Session>,
    pub(super) schema: SchemaRef,
}

impl Side {
    pub(super) fn open(role: &'static str, source: &TableSource, options: &ReconcileOptions) -> Result<Self> {
        let failed = |error: Error| error.with("side", role);
        let session = Session::open(&[("table".into(), source.clone())], None, &options.cancel).map_err(failed)?;
        let schema = session.plan("SELECT * FROM \"table\" LIMIT 0").map_err(failed)?.schema();
        Ok(Self { role, session, schema })
    }

    /// What a person should know about it.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.session.warnings().take().into_iter().map(|warning| format!("{}: {warning}", self.role)).collect()
    }

    /// Waits when the table has changed since it was looked at, so that all of it can be read again; otherwise gives the
    /// error back.
    pub(super) fn look_again(&self, error: Error, again: &mut Again) -> Result<()> {
        self.session.look_again(error, again)
    }

    /// Gives all rows, or at least those of some buckets, batch by batch.
    pub(super) fn each(
        &self,
        layout: &Layout,
        options: &ReconcileOptions,
        only: Option<&Only>,
        mut give: impl FnMut(Prepared) -> Result<()>,
    ) -> Result<()> {
        let failed = |error: Error| error.with("side", self.role);
        let names: Vec<String> = layout.columns.iter().map(|(name, _)| crate::export::quoted(name)).collect();
        let data_type = layout.by.and_then(|(at, _)| self.schema.field_with_name(&layout.columns[at].0).ok());
        let only = only.zip(data_type).and_then(|(only, field)| only.sql(field.data_type()));
        let conditions: Vec<String> =
            options.filter.iter().chain(&only).map(|condition| format!("({condition})")).collect();
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let sql = format!("SELECT {} FROM \"table\"{filter}", names.join(", "));
        let answer: Answer = self.session.plan(&sql).and_then(|plan| self.session.answer(plan)).map_err(failed)?;
        for batch in answer {
            let prepared = layout
                .prepare(&batch.map_err(failed)?)
                .map_err(|error| failed(Error::invalid_data("values cannot be compared").caused_by(error)))?;
            give(prepared)?;
        }
        Ok(())
    }
}

/// What the rows of both sides are brought to.
pub(super) struct Layout {
    pub(super) columns: Vec<(String, Canon)>,
    keys: Vec<usize>,
    by: Option<(usize, Option<i64>)>,
    rows: RowConverter,
    key_rows: RowConverter,
    bucket_rows: RowConverter,
    bucket_type: DataType,
}

impl Layout {
    pub(super) fn new(
        names: &[String],
        left: &SchemaRef,
        right: &SchemaRef,
        options: &ReconcileOptions,
    ) -> Result<Self> {
        let missing = |error| Error::unexpected("a column has gone").caused_by(error);
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let sides = (left.field_with_name(name).map_err(missing)?, right.field_with_name(name).map_err(missing)?);
            columns.push((name.clone(), Canon::of(sides.0, sides.1)?));
        }
        let at = |name: &String| names.iter().position(|column| column == name);
        let by = match &options.by {
            None => None,
            Some(BucketBy::Value(column)) => at(column).map(|at| (at, None)),
            Some(BucketBy::Steps(column, width)) => {
                let place = at(column).filter(|at| matches!(columns[*at].1, Canon::Millis | Canon::Whole));
                let place = place.ok_or_else(|| {
                    Error::invalid_config("expected a column of times or of whole numbers")
                        .with("column", column)
                        .action("divide by the column's values with `--by`")
                })?;
                let width = i64::try_from(*width).ok().filter(|width| *width > 0);
                let width = width.ok_or_else(|| Error::invalid_config("a bucket is longer than nothing"))?;
                Some((place, Some(width)))
            }
        };
        let converter = |types: Vec<DataType>| {
            RowConverter::new(types.into_iter().map(SortField::new).collect())
                .map_err(|error| Error::unsupported("these columns cannot be compared").caused_by(error))
        };
        let keys: Vec<usize> = options.keys.iter().filter_map(at).collect();
        let bucket_type = by.map_or(DataType::Int64, |(at, _)| columns[at].1.data_type());
        Ok(Self {
            rows: converter(columns.iter().map(|(_, canon)| canon.data_type()).collect())?,
            key_rows: converter(keys.iter().map(|at| columns[*at].1.data_type()).collect())?,
            bucket_rows: converter(vec![bucket_type.clone()])?,
            bucket_type,
            columns,
            keys,
            by,
        })
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn is_key(&self, at: usize) -> bool {
        self.keys.contains(&at)
    }

    fn prepare(&self, batch: &RecordBatch) -> Result<Prepared, ArrowError> {
        let columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|((_, canon), column)| canon.apply(column))
            .collect::<Result<_, _>>()?;
        let bucket = match self.by {
            None => Arc::new(Int64Array::from(vec![0; batch.num_rows()])),
            Some((at, None)) => Arc::clone(&columns[at]),
            Some((at, Some(width))) => steps(&columns[at], width),
        };
        let rows = self.rows.convert_columns(&columns)?;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|at| Arc::clone(&columns[*at])).collect();
        let keys = if keys.is_empty() { None } else { Some(self.key_rows.convert_columns(&keys)?) };
        Ok(Prepared { buckets: self.bucket_rows.convert_columns(&[bucket])?, rows, keys, columns })
    }

    /// The values of buckets, by their bytes, as a condition.
    pub(super) fn only<'b>(&self, buckets: impl Iterator<Item = &'b [u8]>) -> Option<Only> {
        let (at, width) = self.by?;
        let parser = self.bucket_rows.parser();
        let value = |bucket| self.bucket_rows.convert_rows([parser.parse(bucket)]).ok()?.pop();
        let (column, canon) = &self.columns[at];
        Only::new(column, canon, &buckets.map(value).collect::<Option<Vec<_>>>()?, width)
    }

    /// A bucket's bytes as a text.
    pub(super) fn label(&self, bucket: &[u8]) -> Result<String, ArrowError> {
        if self.by.is_none() {
            return Ok(String::new());
        }
        let columns = self.bucket_rows.convert_rows([self.bucket_rows.parser().parse(bucket)])?;
        debug_assert_eq!(columns[0].data_type(), &self.bucket_type);
        shown(&columns[0], 0)
    }

    /// A row's bytes as the texts of its values.
    pub(super) fn values(&self, row: &[u8]) -> Result<Vec<String>, ArrowError> {
        let columns = self.rows.convert_rows([self.rows.parser().parse(row)])?;
        columns.iter().map(|column| shown(column, 0)).collect()
    }
}

fn shown(column: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    let options = arrow::util::display::FormatOptions::default().with_null("null");
    Ok(arrow::util::display::ArrayFormatter::try_new(column, &options)?.value(row).to_string())
}

/// The start of each value's step.
fn steps(column: &ArrayRef, width: i64) -> ArrayRef {
    let start = |value: i64| value.div_euclid(width).saturating_mul(width);
    match column.data_type() {
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMillisecondType>();
            Arc::new(times.unary::<_, TimestampMillisecondType>(start).with_timezone("UTC"))
        }
        _ => Arc::new(column.as_primitive::<Int64Type>().unary::<_, Int64Type>(start)),
    }
}

/// The rows of a batch, ready to be compared.
pub(super) struct Prepared {
    pub(super) columns: Vec<ArrayRef>,
    buckets: Rows,
    rows: Rows,
    keys: Option<Rows>,
}

/// One row.
pub(super) struct Row<'a> {
    pub(super) bucket: &'a [u8],
    pub(super) bytes: &'a [u8],
    pub(super) hash: u128,
    /// The same for rows that belong together.
    pub(super) key: u128,
}

impl Row<'_> {
    /// The part of its bucket.
    pub(super) fn part(&self) -> usize {
        self.key as usize % PARTS
    }
}

impl Prepared {
    pub(super) fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    pub(super) fn row(&self, at: usize) -> Row<'_> {
        let bytes = self.rows.row(at).data();
        let hash = xxh3_128(bytes);
        let key = self.keys.as_ref().map_or(hash, |keys| xxh3_128(keys.row(at).data()));
        Row { bucket: self.buckets.row(at).data(), bytes, hash, key }
    }
}
