//! The rows of one segment, summed up.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, Scalar, StringArray, TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_not_null, take_record_batch};
use arrow::datatypes::{Float64Type, Schema as ArrowSchema, SchemaRef, UInt32Type};
use arrow::row::{RowConverter, SortField};
use foldhash::fast::FixedState;
use pinotage_common::{Error, Result};
use pinotage_spec::{
    ColumnPlan, DataType, FieldSpec, FieldType, HyperLogLogs, Rollup, RollupFunction, StoredType, Value, arrow_field,
};

use crate::expression::extreme;

/// The rows of a segment so far, one for all with the same dimensions and times.
///
/// # Pinot equivalent
///
/// `MutableSegmentImpl.index` of a segment that aggregates
#[derive(Debug)]
pub struct Rolled {
    schema: SchemaRef,
    /// The columns that rows must share, with what their nulls are stored as.
    keys: Vec<(usize, FieldSpec)>,
    merges: bool,
    converter: RowConverter,
    known: HashMap<Box<[u8]>, u32, FixedState>,
    /// The first row of each group, in batches.
    first: Vec<RecordBatch>,
    metrics: Vec<Metric>,
    groups: usize,
    key_bytes: usize,
}

/// A metric of every group.
#[derive(Debug)]
struct Metric {
    name: String,
    at: usize,
    to: DataType,
    function: RollupFunction,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Numbers(Vec<f64>),
    Sketches(HyperLogLogs, usize),
}

/// Up to here every whole number is a double.
const EXACT: f64 = (1_i64 << 53) as f64;

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::unexpected("cannot sum up rows").caused_by(error)
}

impl Rolled {
    /// Without rows.
    ///
    /// # Errors
    ///
    /// `unexpected` for a rollup of other columns.
    pub fn try_new(rollup: &Rollup, columns: &[ColumnPlan]) -> Result<Self> {
        let fields = columns.iter().map(|column| &column.field);
        let schema = ArrowSchema::new(fields.clone().map(|field| arrow_field(field, true)).collect::<Vec<_>>());
        let schema = Arc::new(schema);
        let is_key = |(_, field): &(usize, &FieldSpec)| field.field_type != FieldType::Metric;
        let keys: Vec<(usize, FieldSpec)> =
            fields.clone().enumerate().filter(is_key).map(|(at, field)| (at, field.clone())).collect();
        let sorts =
            keys.iter().filter_map(|(at, _)| Some(SortField::new(schema.fields().get(*at)?.data_type().clone())));
        let converter = RowConverter::new(sorts.collect()).map_err(failed)?;
        let metric = |metric: &pinotage_spec::RollupMetric| {
            let missing = || Error::unexpected("a metric of the schema has no column").with("column", &metric.column);
            let found = columns.iter().enumerate().find(|(_, column)| column.field.name == metric.column);
            let (at, column) = found.ok_or_else(missing)?;
            let values = match metric.function {
                RollupFunction::DistinctCountHll { log2m } => Values::Sketches(HyperLogLogs::new(log2m), 0),
                _ => Values::Numbers(Vec::new()),
            };
            let (to, function) = (column.field.data_type, metric.function);
            Ok(Metric { name: metric.column.clone(), at, to, function, values })
        };
        let metrics = rollup.metrics.iter().map(metric).collect::<Result<Vec<Metric>>>()?;
        Ok(Self {
            schema,
            keys,
            merges: rollup.merges,
            converter,
            known: HashMap::default(),
            first: Vec::new(),
            metrics,
            groups: 0,
            key_bytes: 0,
        })
    }

    /// The rows that come out.
    pub fn num_rows(&self) -> usize {
        self.groups
    }

    /// Bytes that are held, about.
    pub fn len_bytes(&self) -> usize {
        let first: usize = self.first.iter().map(RecordBatch::get_array_memory_size).sum();
        let sketches = self.metrics.iter().map(|metric| match &metric.values {
            Values::Numbers(_) => 8,
            Values::Sketches(sketches, _) => sketches.len_bytes(),
        });
        // A key has its length and place beside its bytes.
        first + self.key_bytes + 32 * self.known.capacity() + self.groups * sketches.sum::<usize>()
    }

    /// Takes in rows with what they add to the metrics ([`Contributions`](super::Contributions)), until so many rows would
    /// come out. Gives the number of rows taken.
    ///
    /// # Errors
    ///
    /// `invalid-data` for a sum beyond what the metric holds exactly, naming it.
    pub fn push(&mut self, batch: &RecordBatch, max_rows: usize) -> Result<usize> {
        let mut groups: Vec<usize> = Vec::with_capacity(batch.num_rows());
        let mut new: Vec<u32> = Vec::new();
        if !self.merges {
            let taken = batch.num_rows().min(max_rows.saturating_sub(self.groups));
            groups.extend(self.groups..self.groups + taken);
            new.extend(0..taken as u32);
        } else {
            let array = |(at, field): &(usize, FieldSpec)| {
                let array =
                    batch.columns().get(*at).ok_or_else(|| Error::unexpected("a column of a key is not there"))?;
                let wanted = self.schema.field(*at).data_type();
                let plain = cast(array, wanted).map_err(failed)?;
                with_default(&plain, field)
            };
            let keys = self.keys.iter().map(array).collect::<Result<Vec<ArrayRef>>>()?;
            // Without dimensions all rows are one.
            let rows = match keys.is_empty() {
                true => None,
                false => Some(self.converter.convert_columns(&keys).map_err(failed)?),
            };
            for row in 0..batch.num_rows() {
                let key = rows.as_ref().map(|rows| rows.row(row));
                let key = key.as_ref().map_or(&[][..], |key| key.as_ref());
                let next = self.groups + new.len();
                let group = match self.known.get(key) {
                    Some(group) => *group as usize,
                    None if next >= max_rows => break,
                    None => {
                        self.known.insert(key.into(), next as u32);
                        self.key_bytes += key.len();
                        new.push(row as u32);
                        next
                    }
                };
                groups.push(group);
            }
        }
        self.groups += new.len();
        for metric in &mut self.metrics {
            let array = batch.columns().get(metric.at).ok_or_else(|| Error::unexpected("a metric is not there"))?;
            metric.add(array, &groups, self.groups)?;
        }
        if !new.is_empty() {
            self.first.push(take_record_batch(batch, &UInt32Array::from(new)).map_err(failed)?);
        }
        Ok(groups.len())
    }

    /// The rows, in the order in which they came first, in canonical batches.
    ///
    /// # Errors
    ///
    /// `invalid-data` for a metric beyond its type.
    pub fn finish(self) -> Result<Vec<RecordBatch>> {
        let mut start = 0;
        let mut batches = Vec::with_capacity(self.first.len());
        for first in self.first {
            let rows = start..start + first.num_rows();
            start = rows.end;
            let mut arrays = first.columns().to_vec();
            for metric in &self.metrics {
                if let Some(array) = arrays.get_mut(metric.at) {
                    *array = metric.array(rows.clone())?;
                }
            }
            // Text may come as dictionaries.
            let fields = self.schema.fields().iter().zip(&arrays);
            let fields = fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
            let schema = ArrowSchema::new(fields.collect::<Vec<_>>());
            batches.push(RecordBatch::try_new(Arc::new(schema), arrays).map_err(failed)?);
        }
        Ok(batches)
    }
}

impl Metric {
    fn too_large(&self) -> Error {
        Error::invalid_data(format!("an aggregation is beyond what a column of type {} holds exactly", self.to))
            .with("column", &self.name)
            .action("declare the column as DOUBLE, or as LONG if it is an INT")
    }

    /// Adds what rows have for their groups.
    fn add(&mut self, array: &ArrayRef, groups: &[usize], num_groups: usize) -> Result<()> {
        let other = || Error::unexpected("a metric has other values than were planned for");
        let (function, to) = (self.function, self.to);
        let is_exact = match &mut self.values {
            Values::Sketches(sketches, len) => {
                (*len..num_groups).for_each(|_| sketches.push());
                *len = num_groups;
                let hashes = array.as_primitive_opt::<UInt32Type>().ok_or_else(other)?;
                for (row, group) in groups.iter().enumerate().filter(|(row, _)| hashes.is_valid(*row)) {
                    sketches.offer_to(*group, hashes.value(row));
                }
                true
            }
            Values::Numbers(values) => {
                let start = match function {
                    RollupFunction::Min => f64::INFINITY,
                    RollupFunction::Max => f64::NEG_INFINITY,
                    _ => 0.0,
                };
                values.resize(num_groups, start);
                let added = array.as_primitive_opt::<Float64Type>().ok_or_else(other)?;
                let mut is_exact = true;
                for (row, group) in groups.iter().enumerate().filter(|(row, _)| added.is_valid(*row)) {
                    let Some(value) = values.get_mut(*group) else { return Err(other()) };
                    let (old, new) = (*value, added.value(row));
                    *value = match function {
                        RollupFunction::Min => extreme(old, new, true),
                        RollupFunction::Max => extreme(old, new, false),
                        _ => old + new,
                    };
                    if to == DataType::Float {
                        *value = f64::from(*value as f32);
                        is_exact &= value.is_finite() || !old.is_finite() || !new.is_finite();
                    }
                    // A single value was looked at before.
                    let sums = function == RollupFunction::Sum && old != start;
                    is_exact &= !sums || value.abs() <= EXACT || matches!(to, DataType::Float | DataType::Double);
                }
                is_exact
            }
        };
        if is_exact { Ok(()) } else { Err(self.too_large()) }
    }

    fn array(&self, rows: std::ops::Range<usize>) -> Result<ArrayRef> {
        let values = match &self.values {
            Values::Sketches(sketches, _) => {
                let mut out = BinaryBuilder::with_capacity(rows.len(), rows.len() * sketches.len_bytes());
                let mut bytes = Vec::with_capacity(sketches.len_bytes());
                for row in rows {
                    bytes.clear();
                    sketches.write(row, &mut bytes);
                    out.append_value(&bytes);
                }
                return Ok(Arc::new(out.finish()));
            }
            Values::Numbers(values) => values.get(rows).unwrap_or_default(),
        };
        let (low, high) = match self.to.stored() {
            StoredType::Int => (f64::from(i32::MIN), f64::from(i32::MAX)),
            StoredType::Long => (i64::MIN as f64, i64::MAX as f64),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        // The infinite numbers are those of groups without a value; Pinot has the largest and smallest number there.
        if values.iter().any(|value| value.is_finite() && !(low..=high).contains(value)) {
            return Err(self.too_large());
        }
        let values = values.iter().copied();
        Ok(match self.to.stored() {
            StoredType::Int => Arc::new(values.map(|value| value as i32).collect::<Int32Array>()),
            StoredType::Long => Arc::new(values.map(|value| value as i64).collect::<Int64Array>()),
            StoredType::Float => Arc::new(values.map(|value| value as f32).collect::<Float32Array>()),
            _ => Arc::new(values.collect::<Float64Array>()),
        })
    }
}

/// A canonical column with its default in the place of nulls, which is how Pinot stores it.
pub(super) fn with_default(array: &ArrayRef, field: &FieldSpec) -> Result<ArrayRef> {
    if array.null_count() == 0 {
        return Ok(Arc::clone(array));
    }
    let default: ArrayRef = match (&field.default_null_value, field.data_type) {
        (Value::Int(value), DataType::Boolean) => Arc::new(BooleanArray::from(vec![*value != 0])),
        (Value::Int(value), _) => Arc::new(Int32Array::from(vec![*value])),
        (Value::Long(value), DataType::Timestamp) => {
            Arc::new(TimestampMillisecondArray::from(vec![*value]).with_timezone("UTC"))
        }
        (Value::Long(value), _) => Arc::new(Int64Array::from(vec![*value])),
        (Value::Float(value), _) => Arc::new(Float32Array::from(vec![*value])),
        (Value::Double(value), _) => Arc::new(Float64Array::from(vec![*value])),
        (Value::BigDecimal(value), _) => Arc::new(StringArray::from(vec![value.to_plain_string()])),
        (Value::String(text), _) => Arc::new(StringArray::from(vec![text.as_str()])),
        (Value::Bytes(bytes), _) => Arc::new(BinaryArray::from(vec![bytes.as_slice()])),
    };
    let plain = cast(array, default.data_type()).map_err(failed)?;
    zip(&is_not_null(&plain).map_err(failed)?, &plain, &Scalar::new(default)).map_err(failed)
}
