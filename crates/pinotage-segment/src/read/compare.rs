//! Comparisons with literals and patterns: of arrays, of dictionaries and of bounds.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use pinotage_common::Result;
use pinotage_spec::java::compare_utf16;
use pinotage_spec::{CompareOp, DataType, StoredType, TextPattern, Value};

use crate::dictionary::DictionaryReader;

/// A comparison with one literal, or with several of which one has to be equal, or with a pattern.
#[derive(Debug)]
pub(super) struct Test {
    op: CompareOp,
    /// Of one stored type, ascending.
    values: Vec<Value>,
    /// What texts are compared with in place of values.
    pattern: Option<TextPattern>,
    /// A multi-value row passes when none of its values passes.
    pub(super) none: bool,
}

impl Test {
    /// A test of single values, or of rows with several: there, unequal means that no value is equal.
    pub(super) fn new(op: CompareOp, mut values: Vec<Value>, single_value: bool) -> Self {
        let none = op == CompareOp::NotEq && !single_value;
        values.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
        Self { op: if none { CompareOp::Eq } else { op }, values, pattern: None, none }
    }

    /// A test of texts.
    pub(super) fn matching(pattern: TextPattern) -> Self {
        Self { op: CompareOp::Eq, values: Vec::new(), pattern: Some(pattern), none: false }
    }

    /// Whether each row passes, from whether each of its values does.
    pub(super) fn rows(&self, values: &[bool], lengths: impl Iterator<Item = usize>) -> Vec<bool> {
        let mut start = 0;
        lengths
            .map(|len| {
                let row = values.get(start..start + len).unwrap_or_default();
                start += len;
                row.contains(&true) != self.none
            })
            .collect()
    }

    /// Whether the value of each dictionary id passes: literals by binary search.
    pub(super) fn ids(&self, dictionary: &DictionaryReader<'_>) -> Result<Vec<bool>> {
        if let Some(pattern) = &self.pattern {
            let texts = dictionary.to_array()?;
            return Ok(texts.as_string::<i32>().iter().flatten().map(|text| pattern.matches(text)).collect());
        }
        let mut passes = vec![false; dictionary.len()];
        for value in &self.values {
            for range in dictionary.ids_where(self.op, value)? {
                if let Some(ids) = passes.get_mut(range.start as usize..range.end as usize) {
                    ids.fill(true);
                }
            }
        }
        Ok(passes)
    }

    /// The operator and the literals; none of a pattern.
    pub(super) fn comparison(&self) -> Option<(CompareOp, &[Value])> {
        self.pattern.is_none().then_some((self.op, self.values.as_slice()))
    }

    /// Whether a value passes the comparison with literals.
    pub(super) fn passes(&self, value: &Value) -> bool {
        self.values.iter().any(|literal| value.compare(literal).is_some_and(|ordering| self.op.accepts(ordering)))
    }

    /// Whether a value between two bounds passes in any case; `None` when it depends on the value.
    pub(super) fn decide(&self, min: Option<&Value>, max: Option<&Value>) -> Option<bool> {
        let (min, max) = min.zip(max).filter(|_| self.pattern.is_none())?;
        let mut open = false;
        for value in &self.values {
            let (min, max) = (min.compare(value)?, max.compare(value)?);
            let (never, always) = match self.op {
                CompareOp::Eq => (min.is_gt() || max.is_lt(), min.is_eq() && max.is_eq()),
                CompareOp::NotEq => (min.is_eq() && max.is_eq(), min.is_gt() || max.is_lt()),
                CompareOp::Lt => (min.is_ge(), max.is_lt()),
                CompareOp::LtEq => (min.is_gt(), max.is_le()),
                CompareOp::Gt => (max.is_le(), min.is_gt()),
                CompareOp::GtEq => (max.is_lt(), min.is_ge()),
            };
            if always {
                return Some(true);
            }
            open |= !never;
        }
        (!open).then_some(false)
    }

    /// Whether each value of an array passes; nulls of the array are compared as what is stored for them.
    pub(super) fn apply(&self, array: &ArrayRef, data_type: DataType) -> Vec<bool> {
        let len = array.len();
        if let Some(pattern) = &self.pattern {
            let texts = array.as_string::<i32>();
            return (0..len).map(|at| pattern.matches(texts.value(at))).collect();
        }
        match data_type.stored() {
            StoredType::Int => {
                let literals = self.literals(|value| if let Value::Int(value) = value { Some(*value) } else { None });
                if data_type == DataType::Boolean {
                    let values = array.as_boolean().values();
                    return self.each(len, |at| i32::from(values.value(at)), &literals, Ord::cmp);
                }
                let values = array.as_primitive::<Int32Type>().values();
                self.each(len, |at| values[at], &literals, Ord::cmp)
            }
            StoredType::Long => {
                let literals = self.literals(|value| if let Value::Long(value) = value { Some(*value) } else { None });
                let values = match data_type {
                    DataType::Timestamp => array.as_primitive::<TimestampMillisecondType>().values(),
                    _ => array.as_primitive::<Int64Type>().values(),
                };
                self.each(len, |at| values[at], &literals, Ord::cmp)
            }
            StoredType::Float => {
                let literals = self.literals(|value| {
                    if let Value::Float(value) = value { Some(java_order(f64::from(*value))) } else { None }
                });
                let values = array.as_primitive::<Float32Type>().values();
                self.each(len, |at| java_order(f64::from(values[at])), &literals, Ord::cmp)
            }
            StoredType::Double => {
                let literals = self
                    .literals(|value| if let Value::Double(value) = value { Some(java_order(*value)) } else { None });
                let values = array.as_primitive::<Float64Type>().values();
                self.each(len, |at| java_order(values[at]), &literals, Ord::cmp)
            }
            StoredType::String => {
                let literals =
                    self.literals(|value| if let Value::String(value) = value { Some(value.as_str()) } else { None });
                let values = array.as_string::<i32>();
                let compare = |a: &&str, b: &&str| compare_utf16(a.as_bytes(), b.as_bytes());
                self.each(len, |at| values.value(at), &literals, compare)
            }
            StoredType::Bytes => {
                let literals =
                    self.literals(|value| if let Value::Bytes(value) = value { Some(value.as_slice()) } else { None });
                let values = array.as_binary::<i32>();
                self.each(len, |at| values.value(at), &literals, Ord::cmp)
            }
            // There is no literal of a map: who asks for one has been refused.
            StoredType::Map => vec![false; len],
            StoredType::BigDecimal => {
                let literals =
                    self.literals(
                        |value| {
                            if let Value::BigDecimal(value) = value { Some(Some(value.clone())) } else { None }
                        },
                    );
                let values = array.as_string::<i32>();
                // The texts come from decimals, so all of them parse.
                self.each(len, |at| values.value(at).parse().ok(), &literals, Ord::cmp)
            }
        }
    }

    fn literals<'s, T>(&'s self, get: impl Fn(&'s Value) -> Option<T>) -> Vec<T> {
        self.values.iter().filter_map(get).collect()
    }

    fn each<T>(
        &self,
        len: usize,
        value: impl Fn(usize) -> T,
        literals: &[T],
        compare: impl Fn(&T, &T) -> Ordering,
    ) -> Vec<bool> {
        match literals {
            [literal] => (0..len).map(|at| self.op.accepts(compare(&value(at), literal))).collect(),
            // Several literals are those of `IN`.
            _ => (0..len)
                .map(|at| {
                    let value = value(at);
                    literals.binary_search_by(|literal| compare(literal, &value)).is_ok()
                })
                .collect(),
        }
    }
}

/// A number that stands to others as `Double.compare` says, the order of a dictionary: every NaN is equal and greatest.
fn java_order(value: f64) -> i64 {
    let bits = if value.is_nan() { f64::NAN } else { value }.to_bits() as i64;
    // The greater a negative number's bits, the less it is.
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use CompareOp::*;
    use arrow::array::{Float64Array, Int32Array};

    use super::*;

    #[test]
    fn bounds_decide_only_what_every_value_between_them_agrees_on() {
        let ints: Vec<i32> = (3..=7).collect();
        let array: ArrayRef = Arc::new(Int32Array::from(ints));
        for op in [Eq, NotEq, Lt, LtEq, Gt, GtEq] {
            for literal in 0..10 {
                let test = Test::new(op, vec![Value::Int(literal)], true);
                let passes = test.apply(&array, DataType::Int);
                let expected = match (passes.contains(&true), passes.contains(&false)) {
                    (true, true) => None,
                    (all, _) => Some(all),
                };
                assert_eq!(test.decide(Some(&Value::Int(3)), Some(&Value::Int(7))), expected, "{op:?} {literal}");
                assert_eq!(test.decide(None, Some(&Value::Int(7))), None);
            }
        }
        let test = Test::new(Eq, vec![Value::Int(9), Value::Int(1)], true);
        assert_eq!(test.decide(Some(&Value::Int(3)), Some(&Value::Int(7))), Some(false));
    }

    #[test]
    fn lists_of_literals_and_odd_numbers_are_found() {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, -f64::NAN, 1.0, -0.0, 0.0]));
        let literals = [0.0, f64::NAN].map(Value::Double).to_vec();
        assert_eq!(Test::new(Eq, literals, true).apply(&array, DataType::Double), [true, true, false, false, true]);
        assert_eq!(Test::new(Eq, Vec::new(), true).apply(&array, DataType::Double), [false; 5]);
    }
}
