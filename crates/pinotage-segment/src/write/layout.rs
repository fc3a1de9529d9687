//! One column once all rows are in: ranks, statistics and the payloads of its indexes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use bigdecimal::BigDecimal;
use pinotage_common::{Error, Result};
use pinotage_spec::{
    BigDecimalBytes, ColumnPlan, DataType, DictionaryRule, ForwardOptions, PartitionConfig, RangeLayout, StoredType,
    Value,
};

use super::column::{ColumnBuilder, Distinct};
use super::ids::Ids;
use super::interner::{BytesInterner, Fixed, FixedInterner};
use super::maps;
use super::ranking::Ranking;
use super::rows::{BytesLists, BytesRows, FixedLists};
use crate::bits::bits_per_id;
use crate::dictionary::{write_fixed, write_var_length};
use crate::forward::{multi_value_ids, raw_fixed, raw_variable, single_value_ids, sorted_ranges};
use crate::index::slices::{double_ordinal, float_ordinal};
use crate::index::{bloom, inverted, json, null_vector, range};
use crate::metadata::{ColumnMetadata, PartitionMetadata};
use crate::staged::{Out, PayloadBytes};

/// A padded dictionary larger than this is written with variable width instead, which every reader accepts.
const MAX_PADDED_DICTIONARY: usize = 256 << 20;

/// The payload of one index of a column.
pub(super) struct Payload {
    /// The index id in `index_map`.
    pub(super) index: &'static str,
    /// What the file's name would end with in the v1 layout; the data CRC goes by these names.
    pub(super) v1_suffix: &'static str,
    pub(super) bytes: PayloadBytes,
}

/// A column ready to be written.
pub(super) struct ColumnLayout {
    pub(super) metadata: ColumnMetadata,
    pub(super) payloads: Vec<Payload>,
}

/// The order of a segment's docs: position to row as it came in.
pub(super) fn sort_order(column: &ColumnBuilder) -> Result<Option<Vec<u32>>> {
    let ranking = Values::of(column)?.ranking();
    let ranks = column.ids.iter().map(|id| ranking.rank[id as usize]);
    if ranks.clone().is_sorted() {
        return Ok(None);
    }
    // A stable counting sort: rows of equal value keep their order, so the result does not depend on threads.
    let mut next = vec![0u32; ranking.order.len() + 1];
    ranks.clone().for_each(|rank| next[rank as usize + 1] += 1);
    for rank in 1..next.len() {
        next[rank] += next[rank - 1];
    }
    let mut order = vec![0; column.ids.len()];
    for (row, rank) in (0..).zip(ranks) {
        let place = &mut next[rank as usize];
        order[*place as usize] = row;
        *place += 1;
    }
    Ok(Some(order))
}

/// Lays out a column; `order` is the order of docs when the segment is sorted, `folder` where payloads wait.
pub(super) fn lay_out(mut column: ColumnBuilder, order: Option<&[u32]>, folder: Option<&Path>) -> Result<ColumnLayout> {
    if let Some(order) = order {
        reorder(&mut column, order);
    }
    let values = Values::of(&column)?;
    let plan = &column.plan;
    let field = &plan.field;
    let single_value = field.single_value;
    let num_docs = if single_value { column.ids.len() } else { column.ends.len() };
    let ranking = (values.may_repeat() || plan.dictionary != DictionaryRule::Never).then(|| values.ranking());
    let is_map = field.data_type == DataType::Map;
    let cardinality = ranking.as_ref().map_or_else(|| values.cardinality(), |ranking| ranking.order.len());
    let cardinality = if is_map { values.variable().map_or(0, maps::count_keys) } else { cardinality };
    let lengths = values.lengths();
    let is_dictionary = has_dictionary(plan, num_docs, cardinality, lengths);
    let bits = bits_per_id(cardinality as u32);
    let max_row = if single_value { 0 } else { row_lengths(&column.ends).max().unwrap_or(0) };
    let max_row_bytes = (!single_value && lengths.is_some()).then(|| longest_row(&values, &column));

    let mut payloads = Vec::new();
    let mut add = |index, v1_suffix, out: Out<'_>| {
        payloads.push(Payload { index, v1_suffix, bytes: out.finish()? });
        Ok::<_, Error>(())
    };
    let mut entry_width = 0;
    let (min, max);
    let sorted;
    match (&ranking, is_dictionary) {
        (Some(ranking), true) => {
            let mut out = Out::new(folder);
            entry_width = values.dictionary(plan, &ranking.order, lengths, &mut out)?;
            add("dictionary", ".dict", out)?;
            let ids = column.ids.iter().map(|id| ranking.rank[id as usize]);
            sorted = single_value && ids.clone().is_sorted();
            let mut out = Out::new(folder);
            let v1_suffix = match (single_value, sorted) {
                (true, true) => sorted_ranges(ids.clone(), &mut out).map(|()| ".sv.sorted.fwd"),
                (true, false) => single_value_ids(ids.clone(), num_docs, bits, &mut out).map(|()| ".sv.unsorted.fwd"),
                (false, _) => multi_value_ids(ids.clone(), &column.ends, bits, &mut out).map(|()| ".mv.fwd"),
            }?;
            add("forward_index", v1_suffix, out)?;
            if plan.inverted && !sorted {
                let ends = (!single_value).then_some(column.ends.as_slice());
                let mut out = Out::new(folder);
                inverted::write(ids, ends, cardinality as u32, &mut out)?;
                add("inverted_index", ".bitmap.inv", out)?;
            }
            if let Some(layout) = plan.range.filter(|_| !sorted) {
                let bytes = match layout {
                    RangeLayout::Slices => {
                        let ids = column.ids.iter().map(|id| u64::from(ranking.rank[id as usize]));
                        range::write_slices(ids, num_docs, 0, (cardinality as u64).saturating_sub(1))?
                    }
                    RangeLayout::Ranges => {
                        let id = |id: u32| ranking.rank[id as usize] as i32;
                        range::write_ranges(i32::NAME, with_docs(&column, id), Ord::cmp, Fixed::write)?
                    }
                };
                add("range_index", ".bitmap.range", whole(folder, &bytes)?)?;
            }
            (min, max) = (ranking.order.first().copied(), ranking.order.last().copied());
        }
        _ => {
            sorted = single_value
                && !is_map
                && column.ids.iter().is_sorted_by(|a, b| a == b || values.compare(*a, *b).is_le());
            let mut out = Out::new(folder);
            values.raw(&column, max_row, max_row_bytes, &mut out)?;
            add("forward_index", if single_value { ".sv.raw.fwd" } else { ".mv.raw.fwd" }, out)?;
            let bounds = if is_map { None } else { values.bounds() };
            if let Some((layout, bounds)) = plan.range.zip(bounds).filter(|_| !sorted) {
                add("range_index", ".bitmap.range", whole(folder, &values.range(&column, layout, bounds)?)?)?;
            }
            (min, max) = bounds.unzip();
        }
    }
    if let Some(options) = &plan.bloom {
        let ids = 0..values.len() as u32;
        let bytes = match &values {
            Values::Text(texts) => bloom::write(ids.map(|id| texts.get(id)), cardinality, options),
            _ => bloom::write(ids.map(|id| values.value(id).to_java_string()), cardinality, options),
        };
        add("bloom_filter", ".bloom", whole(folder, &bytes)?)?;
    }
    if let (Some(options), Values::Text(texts)) = (&plan.json, &values) {
        let bytes = json::write(column.ids.iter(), |id| texts.get(id), options)?;
        add("json_index", ".json.idx", whole(folder, &bytes)?)?;
    }
    if plan.tracks_nulls && !column.null_docs.is_empty() {
        let mut out = Out::new(folder);
        null_vector::write(&column.null_docs, &mut out)?;
        add("nullvalue_vector", ".bitmap.nullvalue", out)?;
    }
    let metadata = ColumnMetadata {
        data_type: field.data_type,
        field_type: field.field_type,
        single_value,
        default_null_value: Some(field.default_null_value.clone()),
        max_length: field.max_length_is_explicit.then(|| (field.max_length, field.max_length_strategy.name().into())),
        date_time: field.date_time.as_ref().map(|spec| (spec.format_text.clone(), spec.granularity.clone())),
        cardinality: cardinality as u32,
        has_dictionary: is_dictionary,
        forward_is_dictionary: is_dictionary,
        sorted,
        non_null: plan.tracks_nulls && column.null_docs.is_empty(),
        element_lengths: lengths.map(|(shortest, longest)| (shortest as u32, longest as u32)),
        ascii: values.is_ascii(),
        max_row_bytes: max_row_bytes.map(|bytes| bytes as u32),
        dictionary_entry_width: entry_width,
        bits_per_id: bits,
        max_values_per_doc: max_row,
        num_values: column.ids.len() as u32,
        min: min.map(|id| values.value(id)),
        max: max.map(|id| values.value(id)),
        partition: plan.partition.as_ref().map(|config| partitions(config, &values)).transpose()?,
        children: field.children.clone(),
    };
    Ok(ColumnLayout { metadata, payloads })
}

/// A payload that is made as a whole.
fn whole<'a>(folder: Option<&'a Path>, bytes: &[u8]) -> Result<Out<'a>> {
    let mut out = Out::new(folder);
    out.extend(bytes)?;
    Ok(out)
}

/// Brings ids, rows and nulls into the order of the docs.
fn reorder(column: &mut ColumnBuilder, order: &[u32]) {
    let lookup = column.ids.lookup();
    if column.plan.field.single_value {
        column.ids = order.iter().map(|row| lookup.get(*row as usize)).collect();
    } else {
        let mut ids = Ids::default();
        let mut ends = Vec::with_capacity(column.ends.len());
        for row in order {
            let start = row.checked_sub(1).map_or(0, |before| column.ends[before as usize]);
            ids.extend((start..column.ends[*row as usize]).map(|at| lookup.get(at as usize)));
            ends.push(ids.len() as u32);
        }
        (column.ids, column.ends) = (ids, ends);
    }
    if !column.null_docs.is_empty() {
        let mut is_null = vec![false; order.len()];
        column.null_docs.iter().for_each(|row| is_null[*row as usize] = true);
        column.null_docs = (0..).zip(order).filter(|(_, row)| is_null[**row as usize]).map(|(doc, _)| doc).collect();
    }
}

/// Segment-format section 4.4.
fn has_dictionary(plan: &ColumnPlan, num_docs: usize, cardinality: usize, lengths: Option<(usize, usize)>) -> bool {
    match plan.dictionary {
        DictionaryRule::Always => true,
        DictionaryRule::Never => false,
        DictionaryRule::IfSmaller { size_ratio, cardinality_ratio } => match lengths {
            None => {
                let width = plan.field.fixed_width().unwrap_or(8);
                let encoded = cardinality * width + crate::bits::packed_len(num_docs, bits_per_id(cardinality as u32));
                (num_docs * width) as f64 / encoded as f64 > size_ratio
            }
            Some(_) => cardinality_ratio.is_none_or(|ratio| ratio * num_docs as f64 > cardinality as f64),
        },
    }
}

fn row_lengths(ends: &[u32]) -> impl Iterator<Item = u32> + '_ {
    ends.iter().scan(0, |start, end| Some(end - std::mem::replace(start, *end)))
}

fn longest_row(values: &Values<'_>, column: &ColumnBuilder) -> usize {
    let mut ids = column.ids.iter();
    let lengths =
        row_lengths(&column.ends).map(|len| ids.by_ref().take(len as usize).map(|id| values.len_bytes(id)).sum());
    lengths.max().unwrap_or(0)
}

fn partitions(config: &PartitionConfig, values: &Values<'_>) -> Result<PartitionMetadata> {
    let mut partitions = BTreeSet::new();
    for id in 0..values.len() as u32 {
        partitions.insert(config.partition(&values.value(id).to_partition_string())?);
    }
    Ok(PartitionMetadata {
        function: config.function_name.clone(),
        num_partitions: config.num_partitions,
        partitions: partitions.into_iter().collect(),
        config: config.config.clone(),
    })
}

/// The values held in the form in which they are written and compared.
enum Values<'a> {
    Int(&'a FixedInterner<i32>),
    Long(&'a FixedInterner<i64>),
    Float(&'a FixedInterner<f32>),
    Double(&'a FixedInterner<f64>),
    Text(&'a BytesInterner),
    Bytes(&'a BytesInterner),
    Decimal { parsed: Vec<BigDecimal>, bytes: BytesInterner },
}

macro_rules! each_fixed {
    ($values:expr, $interner:ident => $fixed:expr, $other:pat => $rest:expr) => {
        match $values {
            Values::Int($interner) => $fixed,
            Values::Long($interner) => $fixed,
            Values::Float($interner) => $fixed,
            Values::Double($interner) => $fixed,
            $other => $rest,
        }
    };
}

impl<'a> Values<'a> {
    fn of(column: &'a ColumnBuilder) -> Result<Self> {
        let field = &column.plan.field;
        Ok(match &column.distinct {
            Distinct::Int(values) => Self::Int(values),
            Distinct::Long(values) => Self::Long(values),
            Distinct::Float(values) => Self::Float(values),
            Distinct::Double(values) => Self::Double(values),
            Distinct::Bytes(values) if field.data_type == DataType::BigDecimal => {
                let mut parsed = Vec::with_capacity(values.len());
                let bytes = values.map(|text, out| {
                    let value = parse_decimal(text, field.allow_trailing_zeros).ok_or_else(|| {
                        Error::invalid_data(format!(
                            "expected a decimal number, found `{}`",
                            String::from_utf8_lossy(text)
                        ))
                    })?;
                    BigDecimalBytes::encode(&value, out)?;
                    parsed.push(value);
                    Ok(())
                })?;
                Self::Decimal { parsed, bytes }
            }
            Distinct::Bytes(values) if field.data_type.stored() == StoredType::String => {
                let dictionary = column.plan.dictionary != DictionaryRule::Never;
                // A NUL would end the value in a padded dictionary; the rule for STRING is to cut there on the way in.
                if dictionary && (0..values.len() as u32).any(|id| values.get(id).contains(&0)) {
                    return Err(Error::invalid_data("expected strings without NUL characters")
                        .action("cut the strings at the NUL, as Pinot does, before building the segment"));
                }
                Self::Text(values)
            }
            Distinct::Bytes(values) => Self::Bytes(values),
        })
    }

    fn len(&self) -> usize {
        each_fixed!(self, values => values.len(), other => other.variable().map_or(0, BytesInterner::len))
    }

    /// The distinct values, as the metadata of a column without dictionary has them.
    fn cardinality(&self) -> usize {
        each_fixed!(self, values => values.cardinality(), other => other.variable().map_or(0, BytesInterner::cardinality))
    }

    /// Two ids may stand for equal values (decimals written in two ways).
    fn may_repeat(&self) -> bool {
        matches!(self, Self::Decimal { .. })
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        each_fixed!(self, values => values.compare(a, b), other => match other {
            Values::Text(values) => pinotage_spec::java::compare_utf16(values.get(a), values.get(b)),
            Values::Bytes(values) => values.get(a).cmp(values.get(b)),
            Values::Decimal { parsed, .. } => parsed[a as usize].cmp(&parsed[b as usize]),
            _ => Ordering::Equal,
        })
    }

    /// The ids of the least and the greatest value.
    fn bounds(&self) -> Option<(u32, u32)> {
        fn bounds(len: usize, compare: impl Fn(u32, u32) -> Ordering) -> Option<(u32, u32)> {
            (0..len as u32).map(|id| (id, id)).reduce(|(min, max), (id, _)| {
                (if compare(id, min).is_lt() { id } else { min }, if compare(id, max).is_ge() { id } else { max })
            })
        }
        each_fixed!(self, values => bounds(values.len(), |a, b| values.compare(a, b)), other => match other {
            Values::Text(values) => bounds(values.len(), values.text_order()),
            _ => bounds(other.len(), |a, b| other.compare(a, b)),
        })
    }

    fn ranking(&self) -> Ranking {
        each_fixed!(self, values => values.ranking(), other => match other {
            Values::Text(values) => values.text_ranking(),
            Values::Bytes(values) => values.ranking(),
            _ => Ranking::of(other.len(), |a, b| other.compare(a, b)),
        })
    }

    fn value(&self, id: u32) -> Value {
        match self {
            Self::Int(values) => Value::Int(values.get(id)),
            Self::Long(values) => Value::Long(values.get(id)),
            Self::Float(values) => Value::Float(values.get(id)),
            Self::Double(values) => Value::Double(values.get(id)),
            Self::Text(values) => Value::String(String::from_utf8_lossy(values.get(id)).into_owned()),
            Self::Bytes(values) => Value::Bytes(values.get(id).to_vec()),
            Self::Decimal { parsed, .. } => Value::BigDecimal(parsed[id as usize].clone()),
        }
    }

    /// The bytes of values of variable width.
    fn variable(&self) -> Option<&BytesInterner> {
        match self {
            Self::Text(values) | Self::Bytes(values) => Some(values),
            Self::Decimal { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    fn len_bytes(&self, id: u32) -> usize {
        self.variable().map_or(0, |values| values.get(id).len())
    }

    /// Shortest and longest value in bytes, for types of variable width.
    fn lengths(&self) -> Option<(usize, usize)> {
        let values = self.variable()?;
        let lengths = (0..values.len() as u32).map(|id| values.get(id).len());
        Some(lengths.fold((usize::MAX, 0), |(shortest, longest), len| (shortest.min(len), longest.max(len))))
    }

    fn is_ascii(&self) -> Option<bool> {
        match self {
            Self::Text(values) => Some(values.is_ascii()),
            _ => None,
        }
    }

    /// Writes the dictionary and returns the width of its entries, as the metadata repeats it: 0 for numbers.
    fn dictionary(
        &self,
        plan: &ColumnPlan,
        order: &[u32],
        lengths: Option<(usize, usize)>,
        out: &mut Out<'_>,
    ) -> Result<u32> {
        each_fixed!(self, values => {
            for id in order {
                values.get(*id).write(out.buffer());
                out.settle()?;
            }
            Ok(0)
        }, other => {
            let (Some(values), Some((shortest, longest))) = (other.variable(), lengths) else {
                return Err(Error::unexpected("a column of variable width without lengths"));
            };
            let padded = match other {
                Values::Text(_) => !plan.var_length_dictionary && longest.saturating_mul(order.len()) <= MAX_PADDED_DICTIONARY,
                // Padding cannot be told from content here, so the fixed layout needs equal lengths.
                _ => shortest == longest,
            };
            let entries = order.iter().map(|id| values.get(*id));
            if padded { write_fixed(entries, longest, out) } else { write_var_length(entries, out) }?;
            Ok(longest as u32)
        })
    }

    /// The range index of a column without dictionary, with the ids of its least and greatest value.
    fn range(&self, column: &ColumnBuilder, layout: RangeLayout, (min, max): (u32, u32)) -> Result<Vec<u8>> {
        let ids = || column.ids.iter();
        let num_docs = column.ids.len();
        match (self, layout) {
            (_, RangeLayout::Ranges) => each_fixed!(self, values => raw_ranges(values, column), _ => Err(no_numbers())),
            (Self::Int(values), _) => {
                let (min, max) = (i64::from(values.get(min)), i64::from(values.get(max)));
                let numbers = ids().map(|id| (i64::from(values.get(id)) - min) as u64);
                range::write_slices(numbers, num_docs, min, (max - min) as u64)
            }
            (Self::Long(values), _) => {
                let (min, max) = (values.get(min), values.get(max));
                let numbers = ids().map(|id| values.get(id).wrapping_sub(min) as u64);
                range::write_slices(numbers, num_docs, min, max.wrapping_sub(min) as u64)
            }
            (Self::Float(values), _) => {
                let numbers = ids().map(|id| float_ordinal(values.get(id)));
                range::write_slices(numbers, num_docs, 0, u64::from(u32::MAX))
            }
            (Self::Double(values), _) => {
                range::write_slices(ids().map(|id| double_ordinal(values.get(id))), num_docs, 0, u64::MAX)
            }
            _ => Err(no_numbers()),
        }
    }

    fn raw(&self, column: &ColumnBuilder, max_row: u32, max_row_bytes: Option<usize>, out: &mut Out<'_>) -> Result<()> {
        let options = &column.plan.forward;
        match self {
            Self::Int(values) => raw_numbers(values, column, max_row, options, out),
            Self::Long(values) => raw_numbers(values, column, max_row, options, out),
            Self::Float(values) => raw_numbers(values, column, max_row, options, out),
            Self::Double(values) => raw_numbers(values, column, max_row, options, out),
            Self::Text(_) | Self::Bytes(_) | Self::Decimal { .. } => {
                let Some(values) = self.variable() else {
                    return Err(Error::unexpected("a column of variable width without bytes"));
                };
                // Version 5 exists for multi-value rows of fixed width only; Pinot writes 4 for all others.
                let options = ForwardOptions { version: options.version.min(4), ..*options };
                let (ids, ends) = (&column.ids.lookup(), column.ends.as_slice());
                match max_row_bytes {
                    None => {
                        let longest = self.lengths().map_or(0, |(_, longest)| longest);
                        raw_variable(column.ids.len(), longest, false, &options, &BytesRows { values, ids }, out)
                    }
                    Some(row_bytes) => {
                        let longest = 4 + 4 * max_row as usize + row_bytes;
                        raw_variable(ends.len(), longest, true, &options, &BytesLists { values, ids, ends }, out)
                    }
                }
            }
        }
    }
}

fn no_numbers() -> Error {
    Error::unexpected("a range index of values that are no numbers")
}

/// Each value with its doc.
fn with_docs<T>(column: &ColumnBuilder, value: impl Fn(u32) -> T) -> Vec<(T, u32)> {
    let values = column.ids.iter().map(value);
    if column.plan.field.single_value {
        return values.zip(0..).collect();
    }
    let docs = (0..).zip(row_lengths(&column.ends)).flat_map(|(doc, len)| std::iter::repeat_n(doc, len as usize));
    values.zip(docs).collect()
}

fn raw_ranges<T: Fixed>(values: &FixedInterner<T>, column: &ColumnBuilder) -> Result<Vec<u8>> {
    range::write_ranges(T::NAME, with_docs(column, |id| values.get(id)), |a, b| a.key().cmp(&b.key()), Fixed::write)
}

fn raw_numbers<T: Fixed>(
    values: &FixedInterner<T>,
    column: &ColumnBuilder,
    max_row: u32,
    options: &ForwardOptions,
    out: &mut Out<'_>,
) -> Result<()> {
    let (ids, ends) = (&column.ids.lookup(), column.ends.as_slice());
    if column.plan.field.single_value {
        let write =
            |docs: Range<usize>, chunk: &mut Vec<u8>| docs.for_each(|doc| values.get(ids.get(doc)).write(chunk));
        return raw_fixed(column.ids.len(), T::WIDTH, options, write, out);
    }
    let rows = FixedLists { values, ids, ends, counted: options.version < 5 };
    let longest = max_row as usize * T::WIDTH + if rows.counted { 4 } else { 0 };
    raw_variable(ends.len(), longest, false, options, &rows, out)
}

/// Reads a decimal; trailing zeros are stripped unless the column keeps them, so that 1.50 is stored as 1.5.
fn parse_decimal(text: &[u8], keep_zeros: bool) -> Option<BigDecimal> {
    let value: BigDecimal = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(if keep_zeros { value } else { value.normalized() })
}
