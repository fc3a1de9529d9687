//! One column while rows come in.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, DataType, StoredType, Value, arrow_field};

use super::interner::{BytesInterner, Fixed, FixedInterner};

/// The distinct values of a column, by stored type. Decimals are kept as their text until the column is laid out.
pub(super) enum Distinct {
    Int(FixedInterner<i32>),
    Long(FixedInterner<i64>),
    Float(FixedInterner<f32>),
    Double(FixedInterner<f64>),
    Bytes(BytesInterner),
}

/// One column while rows come in: the ids of its values in row order, and the distinct values.
pub(super) struct ColumnBuilder {
    pub(super) plan: ColumnPlan,
    pub(super) distinct: Distinct,
    /// The id of every value.
    pub(super) ids: Vec<u32>,
    /// Multi-value: the number of values up to and including each doc. Empty for a single-value column.
    pub(super) ends: Vec<u32>,
    /// The docs that are null, ascending.
    pub(super) null_docs: Vec<u32>,
    default_id: Option<u32>,
}

impl ColumnBuilder {
    pub(super) fn new(plan: ColumnPlan) -> Self {
        Self {
            distinct: match plan.field.data_type.stored() {
                StoredType::Int => Distinct::Int(FixedInterner::new()),
                StoredType::Long => Distinct::Long(FixedInterner::new()),
                StoredType::Float => Distinct::Float(FixedInterner::new()),
                StoredType::Double => Distinct::Double(FixedInterner::new()),
                StoredType::BigDecimal | StoredType::String | StoredType::Bytes => {
                    Distinct::Bytes(BytesInterner::new())
                }
            },
            ids: Vec::new(),
            ends: Vec::new(),
            null_docs: Vec::new(),
            default_id: None,
            plan,
        }
    }

    /// Bytes held for this column now.
    pub(super) fn len_bytes(&self) -> usize {
        let distinct = match &self.distinct {
            Distinct::Int(values) => values.len_bytes(),
            Distinct::Long(values) => values.len_bytes(),
            Distinct::Float(values) => values.len_bytes(),
            Distinct::Double(values) => values.len_bytes(),
            Distinct::Bytes(values) => values.len_bytes(),
        };
        distinct + 4 * (self.ids.capacity() + self.null_docs.capacity() + self.ends.capacity())
    }

    /// Adds the rows of a canonical array behind `first_doc` rows.
    pub(super) fn append(&mut self, array: &ArrayRef, first_doc: u32) -> Result<()> {
        let field = &self.plan.field;
        let expected = arrow_field(field, true);
        if array.data_type() != expected.data_type() && !same_list(array, &expected) {
            return Err(Error::schema_mismatch(format!(
                "expected an array of type {}, found {}",
                expected.data_type(),
                array.data_type()
            ))
            .with("column", &field.name));
        }
        if let Some(nulls) = array.logical_nulls() {
            self.null_docs.extend((first_doc..).zip(nulls.iter()).filter(|(_, valid)| !valid).map(|(doc, _)| doc));
        }
        match field.single_value {
            true => self.append_values(array),
            false => self.append_lists(array.as_list::<i32>(), first_doc),
        }
    }

    fn append_values(&mut self, array: &dyn Array) -> Result<()> {
        let null_id = if array.null_count() > 0 { self.default_id()? } else { 0 };
        let ids = &mut self.ids;
        match (&mut self.distinct, self.plan.field.data_type) {
            (Distinct::Int(values), DataType::Boolean) => append_booleans(values, array.as_boolean(), null_id, ids),
            (Distinct::Int(values), _) => append_fixed(values, array.as_primitive::<Int32Type>(), null_id, ids),
            (Distinct::Long(values), DataType::Timestamp) => {
                append_fixed(values, array.as_primitive::<TimestampMillisecondType>(), null_id, ids);
            }
            (Distinct::Long(values), _) => append_fixed(values, array.as_primitive::<Int64Type>(), null_id, ids),
            (Distinct::Float(values), _) => append_fixed(values, array.as_primitive::<Float32Type>(), null_id, ids),
            (Distinct::Double(values), _) => append_fixed(values, array.as_primitive::<Float64Type>(), null_id, ids),
            (Distinct::Bytes(values), DataType::Bytes) => {
                let array = array.as_binary::<i32>();
                append_bytes(values, array.len(), |row| array.value(row), |row| array.is_null(row), null_id, ids);
            }
            (Distinct::Bytes(values), _) => {
                let array = array.as_string::<i32>();
                append_bytes(
                    values,
                    array.len(),
                    |row| array.value(row).as_bytes(),
                    |row| array.is_null(row),
                    null_id,
                    ids,
                );
            }
        }
        Ok(())
    }

    /// A null or empty list is stored as the default value and counts as null.
    fn append_lists(&mut self, lists: &ListArray, first_doc: u32) -> Result<()> {
        if lists.values().null_count() > 0 && lists.iter().flatten().any(|list| list.null_count() > 0) {
            return Err(
                Error::schema_mismatch("expected lists without null items").with("column", &self.plan.field.name)
            );
        }
        if u32::try_from(self.ids.len() + lists.values().len() + lists.len()).is_err() {
            return Err(too_many_values(&self.plan.field.name));
        }
        // Runs of non-empty lists lie back to back in the items.
        let offsets = lists.value_offsets();
        let mut run = 0;
        for row in 0..=lists.len() {
            let full = row < lists.len() && lists.is_valid(row) && offsets[row] < offsets[row + 1];
            if full {
                continue;
            }
            if run < row {
                let (start, end) = (offsets[run] as usize, offsets[row] as usize);
                let base = self.ids.len();
                self.append_values(&lists.values().slice(start, end - start))?;
                let ends = offsets[run + 1..=row].iter().map(|end| (base + *end as usize - start) as u32);
                self.ends.extend(ends);
            }
            if row < lists.len() {
                let id = self.default_id()?;
                self.ids.push(id);
                self.ends.push(self.ids.len() as u32);
                if lists.is_valid(row) {
                    // An empty list is null to Pinot; the arrays' own nulls were taken before, so keep the order.
                    self.null_docs.push(first_doc + row as u32);
                }
            }
            run = row + 1;
        }
        self.null_docs.sort_unstable();
        Ok(())
    }

    fn default_id(&mut self) -> Result<u32> {
        if let Some(id) = self.default_id {
            return Ok(id);
        }
        let id = match (&mut self.distinct, &self.plan.field.default_null_value) {
            (Distinct::Int(values), Value::Int(value)) => values.intern(*value),
            (Distinct::Long(values), Value::Long(value)) => values.intern(*value),
            (Distinct::Float(values), Value::Float(value)) => values.intern(*value),
            (Distinct::Double(values), Value::Double(value)) => values.intern(*value),
            (Distinct::Bytes(values), Value::Bytes(value)) => values.intern(value),
            (Distinct::Bytes(values), Value::String(value)) => values.intern(value.as_bytes()),
            (Distinct::Bytes(values), Value::BigDecimal(value)) => values.intern(value.to_plain_string().as_bytes()),
            _ => return Err(Error::unexpected("the default null value is of another type than its column")),
        };
        self.default_id = Some(id);
        Ok(id)
    }
}

/// Lists whose item field has another name or nullability are the same to us.
fn same_list(array: &ArrayRef, expected: &arrow::datatypes::Field) -> bool {
    use arrow::datatypes::DataType::List;
    matches!((array.data_type(), expected.data_type()), (List(a), List(b)) if a.data_type() == b.data_type())
}

fn too_many_values(column: &str) -> Error {
    Error::new(pinotage_common::ErrorKind::ResourceExhausted, "expected fewer than 2^32 values in a column")
        .with("column", column)
        .action("make smaller segments (`segment.maxRows`)")
}

fn append_fixed<A: ArrowPrimitiveType<Native: Fixed>>(
    values: &mut FixedInterner<A::Native>,
    array: &PrimitiveArray<A>,
    null_id: u32,
    ids: &mut Vec<u32>,
) {
    if array.null_count() == 0 {
        return values.intern_all(array.values().iter().copied(), ids);
    }
    ids.extend(array.iter().map(|value| value.map_or(null_id, |value| values.intern(value))));
}

fn append_booleans(values: &mut FixedInterner<i32>, array: &BooleanArray, null_id: u32, ids: &mut Vec<u32>) {
    ids.extend(array.iter().map(|value| value.map_or(null_id, |value| values.intern(i32::from(value)))));
}

fn append_bytes<'a>(
    values: &mut BytesInterner,
    len: usize,
    value: impl Fn(usize) -> &'a [u8],
    is_null: impl Fn(usize) -> bool,
    null_id: u32,
    ids: &mut Vec<u32>,
) {
    let mut run = 0;
    for row in (0..len).filter(|row| is_null(*row)).chain([len]) {
        values.intern_all((run..row).map(&value), ids);
        if row < len {
            ids.push(null_id);
        }
        run = row + 1;
    }
}
