//! One column while rows come in.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, GenericByteArray, ListArray, StringArray, new_null_array,
};
use arrow::datatypes::{
    ArrowPrimitiveType, ByteArrayType, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType,
};
use bigdecimal::BigDecimal;
use pinotage_common::{Error, Result};
use pinotage_spec::{ColumnPlan, DataType, DictionaryRule, StoredType, Value, arrow_field};

use super::ids::Ids;
use super::interner::{BytesInterner, Fixed, FixedInterner, KnownIds};
use super::maps;
use crate::index::flat_size::FlatTotals;
use crate::star_tree::Size;

/// The values of a column, by stored type: each once, or all of a raw column. Decimals are kept as their text until the column is laid out.
pub(super) enum Distinct {
    Int(FixedInterner<i32>),
    Long(FixedInterner<i64>),
    Float(FixedInterner<f32>),
    Double(FixedInterner<f64>),
    Bytes(BytesInterner),
}

macro_rules! each_distinct {
    ($distinct:expr, $values:ident => $result:expr) => {
        match $distinct {
            Distinct::Int($values) => $result,
            Distinct::Long($values) => $result,
            Distinct::Float($values) => $result,
            Distinct::Double($values) => $result,
            Distinct::Bytes($values) => $result,
        }
    };
}

impl Distinct {
    /// Each value is held once.
    pub(super) fn is_distinct(&self) -> bool {
        each_distinct!(self, values => values.is_distinct())
    }

    /// Bytes of values of variable width.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Bytes(values) => values.text_bytes(),
            _ => 0,
        }
    }
}

/// So many dictionaries of rows are known at the same time.
const SOURCES: usize = 4;

/// What a column takes for payloads and chunks on their way.
const LAYOUT_BUFFERS: usize = 1 << 20;

/// One column while rows come in: the ids of its values in row order, and the distinct values.
pub(super) struct ColumnBuilder {
    pub(super) plan: ColumnPlan,
    pub(super) distinct: Distinct,
    /// The id of every value.
    pub(super) ids: Ids,
    /// Multi-value: the number of values up to and including each doc. Empty for a single-value column.
    pub(super) ends: Vec<u32>,
    /// The docs that are null, ascending.
    pub(super) null_docs: Vec<u32>,
    /// The dictionaries that rows came with lately, the last one first, and the ids of their values. The batches of a row group share
    /// one, and row groups of several files may come in turns.
    sources: Vec<(ArrayRef, KnownIds)>,
    /// What a JSON index makes of the documents so far.
    flat: FlatTotals,
}

impl ColumnBuilder {
    pub(super) fn new(plan: ColumnPlan) -> Self {
        let stored = plan.field.data_type.stored();
        // Without a dictionary nothing has to be done once for each distinct value, but for decimals, which are parsed, for
        // partitions and for bloom filters.
        let distinct = plan.dictionary != DictionaryRule::Never
            || stored == StoredType::BigDecimal
            || plan.partition.is_some()
            || plan.bloom.is_some();
        Self {
            distinct: match stored {
                StoredType::Int => Distinct::Int(FixedInterner::new(distinct)),
                StoredType::Long => Distinct::Long(FixedInterner::new(distinct)),
                StoredType::Float => Distinct::Float(FixedInterner::new(distinct)),
                StoredType::Double => Distinct::Double(FixedInterner::new(distinct)),
                StoredType::BigDecimal | StoredType::String | StoredType::Bytes | StoredType::Map => {
                    Distinct::Bytes(BytesInterner::new(distinct))
                }
            },
            ids: Ids::default(),
            ends: Vec::new(),
            null_docs: Vec::new(),
            sources: Vec::new(),
            flat: FlatTotals::default(),
            plan,
        }
    }

    /// Bytes held for this column now.
    pub(super) fn len_bytes(&self) -> usize {
        let distinct = each_distinct!(&self.distinct, values => values.len_bytes());
        let of_source = |(values, known): &(ArrayRef, KnownIds)| values.get_array_memory_size() + known.len_bytes();
        let sources: usize = self.sources.iter().map(of_source).sum();
        let numbers = self.null_docs.len().next_power_of_two() + self.ends.len().next_power_of_two();
        distinct + sources + self.ids.len_bytes() + 4 * numbers
    }

    /// Bytes at most that laying out takes beside those held; `is_sorted` when docs may get another order.
    pub(super) fn layout_bytes(&self, is_sorted: bool) -> usize {
        let (distinct, num_values) = (each_distinct!(&self.distinct, values => values.len()), self.ids.len());
        let plan = &self.plan;
        let is_decimal = plan.field.data_type == DataType::BigDecimal;
        let mut bytes = LAYOUT_BUFFERS;
        if is_decimal {
            // Each value as a number, whose digits are elsewhere, and as bytes.
            bytes += distinct * (size_of::<BigDecimal>() + 32)
                + each_distinct!(&self.distinct, values => values.len_bytes());
        }
        if is_decimal || plan.dictionary != DictionaryRule::Never {
            // The ranking, and keys of values while it is made.
            bytes += 24 * distinct;
        }
        if plan.inverted {
            bytes += 4 * (num_values + distinct);
        }
        if plan.range.is_some() {
            // Values with their docs, or a bitmap for each of their bits.
            bytes += 16 * num_values;
        }
        if plan.json.is_some() {
            // Each path and each value as text, their records, and the finished index. Where lists multiply, records outweigh the text.
            let documents = each_distinct!(&self.distinct, values => values.len_bytes());
            let texts = 10 * documents + num_values * (24 + documents / distinct.max(1));
            bytes = bytes.saturating_add(texts.max((4 * documents).saturating_add(self.flat.len_bytes())));
        }
        if is_sorted {
            // The ids in both orders, and null docs.
            bytes += 8 * num_values + 4 * self.ends.len() + num_values;
        }
        if plan.dictionary != DictionaryRule::Always {
            bytes += 4 * num_values;
        }
        // A bit a value in rows of many, and null docs.
        bytes + num_values / 8 + 4 * self.null_docs.len()
    }

    /// What star-trees depend on.
    pub(super) fn size(&self) -> Size {
        Size { distinct: each_distinct!(&self.distinct, values => values.len()), values: self.ids.len() }
    }

    /// Bytes of ranking the docs by this column.
    pub(super) fn sort_bytes(&self) -> usize {
        12 * each_distinct!(&self.distinct, values => values.len()) + 4 * self.ids.len()
    }

    /// Gives back what is needed only to take in rows.
    pub(super) fn close(&mut self) {
        self.sources = Vec::new();
        each_distinct!(&mut self.distinct, values => values.close());
    }

    /// Adds the rows of a canonical array behind `first_doc` rows.
    pub(super) fn append(&mut self, array: &ArrayRef, first_doc: u32) -> Result<()> {
        let field = &self.plan.field;
        let expected = arrow_field(field, true);
        let is_dictionary = is_dictionary(array, &expected);
        if array.data_type() != expected.data_type() && !same_list(array, &expected) && !is_dictionary {
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
        if let (Some(options), true) = (&self.plan.json, field.single_value) {
            let count = |document: Option<&str>| self.flat.add(document.unwrap_or_default().as_bytes(), options);
            match array.as_dictionary_opt::<Int32Type>().and_then(|keyed| keyed.downcast_dict::<StringArray>()) {
                Some(texts) => texts.into_iter().for_each(count),
                None => array.as_string_opt::<i32>().into_iter().flatten().for_each(count),
            }
        }
        match field.single_value {
            true if is_dictionary => self.append_dictionary(array.as_dictionary::<Int32Type>()),
            true => self.append_values(array),
            false => self.append_lists(array.as_list::<i32>(), first_doc),
        }
    }

    fn append_values(&mut self, array: &dyn Array) -> Result<()> {
        let ids = &mut self.ids;
        let field = &self.plan.field;
        let null = field.stored_null();
        match (&mut self.distinct, null.as_ref()) {
            (Distinct::Int(values), Value::Int(null)) if field.data_type == DataType::Boolean => {
                values.intern_all(array.as_boolean().iter().map(|value| value.map_or(*null, i32::from)), ids);
            }
            (Distinct::Int(values), Value::Int(null)) => append_fixed::<Int32Type>(values, array, *null, ids),
            (Distinct::Long(values), Value::Long(null)) if field.data_type == DataType::Timestamp => {
                append_fixed::<TimestampMillisecondType>(values, array, *null, ids);
            }
            (Distinct::Long(values), Value::Long(null)) => append_fixed::<Int64Type>(values, array, *null, ids),
            (Distinct::Float(values), Value::Float(null)) => append_fixed::<Float32Type>(values, array, *null, ids),
            (Distinct::Double(values), Value::Double(null)) => append_fixed::<Float64Type>(values, array, *null, ids),
            (Distinct::Bytes(values), Value::Bytes(null)) if field.data_type == DataType::Map => {
                append_bytes(values, &maps::stored(array.as_map())?, null, ids);
            }
            (Distinct::Bytes(values), Value::Bytes(null)) => {
                append_bytes(values, array.as_binary::<i32>(), null, ids);
            }
            (Distinct::Bytes(values), Value::String(null)) => {
                append_bytes(values, array.as_string::<i32>(), null.as_bytes(), ids);
            }
            (Distinct::Bytes(values), Value::BigDecimal(null)) => {
                append_bytes(values, array.as_string::<i32>(), null.to_plain_string().as_bytes(), ids);
            }
            _ => return Err(Error::unexpected("the default null value is of another type than its column")),
        }
        Ok(())
    }

    /// Text that comes as a dictionary.
    fn append_dictionary(&mut self, array: &DictionaryArray<Int32Type>) -> Result<()> {
        let null = self.plan.field.stored_null();
        let (Distinct::Bytes(interner), Value::String(null)) = (&mut self.distinct, null.as_ref()) else {
            return Err(Error::unexpected("a dictionary for a column that is no text"));
        };
        let values = array.values().to_data();
        match self.sources.iter().position(|(source, _)| source.to_data().ptr_eq(&values)) {
            Some(at) => self.sources[..=at].rotate_right(1),
            None => {
                self.sources.truncate(SOURCES - 1);
                self.sources.insert(0, (Arc::clone(array.values()), KnownIds::new(values.len() + 1)));
            }
        }
        let (_, known) = &mut self.sources[0];
        let texts = array.values().as_string::<i32>();
        // Behind the last key stands null.
        let keys = array.keys().iter().map(|key| key.map_or(texts.len(), |key| key as usize));
        let text = |key: usize| match key < texts.len() && texts.is_valid(key) {
            true => texts.value(key).as_bytes(),
            false => null.as_bytes(),
        };
        interner.intern_keys(keys, text, known, &mut self.ids);
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
        let null = new_null_array(lists.values().data_type(), 1);
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
                self.append_values(&null)?;
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
}

/// Text may come as a dictionary too.
fn is_dictionary(array: &ArrayRef, expected: &Field) -> bool {
    use arrow::datatypes::DataType::{Dictionary, Int32, Utf8};
    let is_text = *expected.data_type() == Utf8 && expected.metadata().is_empty();
    is_text && matches!(array.data_type(), Dictionary(key, value) if **key == Int32 && **value == Utf8)
}

/// Lists whose item field has another name or nullability are the same to us.
fn same_list(array: &ArrayRef, expected: &Field) -> bool {
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
    array: &dyn Array,
    null: A::Native,
    ids: &mut Ids,
) {
    let array = array.as_primitive::<A>();
    match array.null_count() {
        0 => values.intern_all(array.values().iter().copied(), ids),
        _ => values.intern_all(array.iter().map(|value| value.unwrap_or(null)), ids),
    }
}

fn append_bytes<T: ByteArrayType<Native: AsRef<[u8]>>>(
    values: &mut BytesInterner,
    array: &GenericByteArray<T>,
    null: &[u8],
    ids: &mut Ids,
) {
    values.intern_all(array.iter().map(|value| value.map_or(null, AsRef::as_ref)), ids);
}
