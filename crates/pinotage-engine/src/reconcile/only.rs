//! Conditions with which the second reading leaves out buckets that do not differ: never a row too few.

use std::collections::BTreeSet;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMillisecondType};

use super::canon::Canon;
use crate::export::quoted;

/// The most ranges of a condition; with more, close ones are one.
const MAX_RANGES: usize = 64;

const DAY_MILLIS: i64 = 86_400_000;

/// The values of some buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Only {
    column: String,
    values: Values,
    nulls: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// From the first to the last one, in whole numbers or milliseconds.
    Ranges(Vec<(i64, i64)>),
    Texts(BTreeSet<String>),
}

impl Only {
    /// The values of buckets, which are those of a column or starts of steps of it; nothing for forms whose order or equality
    /// is not that of SQL, and for too many texts.
    pub(super) fn new(column: &str, canon: &Canon, buckets: &[ArrayRef], width: Option<i64>) -> Option<Self> {
        let nulls = buckets.iter().any(|bucket| bucket.is_null(0));
        let buckets = buckets.iter().filter(|bucket| bucket.is_valid(0));
        let values = match canon {
            Canon::Text => {
                let texts: BTreeSet<String> =
                    buckets.map(|bucket| bucket.as_string::<i32>().value(0).to_owned()).collect();
                (texts.len() <= MAX_RANGES).then_some(Values::Texts(texts))?
            }
            Canon::Whole | Canon::Millis => {
                let range = |bucket: &ArrayRef| {
                    let first = match bucket.as_primitive_opt::<Int64Type>() {
                        Some(numbers) => numbers.value(0),
                        None => bucket.as_primitive::<TimestampMillisecondType>().value(0),
                    };
                    (first, first.saturating_add(width.unwrap_or(1) - 1))
                };
                Values::Ranges(joined(buckets.map(range).collect()))
            }
            _ => return None,
        };
        Some(Self { column: column.to_owned(), values, nulls })
    }

    /// The condition on a column of this type; nothing when it would not be sure.
    pub(super) fn sql(&self, data_type: &DataType) -> Option<String> {
        let column = quoted(&self.column);
        let mut any = match &self.values {
            Values::Texts(texts) => {
                let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
                is_text.then_some(())?;
                let equals = |text: &String| format!("{column} = '{}'", text.replace('\'', "''"));
                texts.iter().map(equals).collect::<Vec<_>>()
            }
            Values::Ranges(ranges) => {
                let range = |(first, last): &(i64, i64)| {
                    let [first, last] = bounds(data_type, *first, *last)?;
                    let bounds =
                        [first.map(|it| format!("{column} >= {it}")), last.map(|it| format!("{column} <= {it}"))];
                    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
                    Some(if bounds.is_empty() { "true".into() } else { format!("({})", bounds.join(" AND ")) })
                };
                ranges.iter().map(range).collect::<Option<Vec<_>>>()?
            }
        };
        if self.nulls {
            any.push(format!("{column} IS NULL"));
        }
        Some(if any.is_empty() { "false".into() } else { any.join(" OR ") })
    }
}

/// Ranges in their order, those that touch as one, and no more than the most.
fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut().filter(|before| first <= before.1.saturating_add(1)) {
            Some(before) => before.1 = before.1.max(last),
            None => joined.push((first, last)),
        }
    }
    let together = joined.len().div_ceil(MAX_RANGES).max(1);
    joined.chunks(together).map(|chunk| (chunk[0].0, chunk[chunk.len() - 1].1)).collect()
}

/// The first and the last value of a type within a range of whole numbers or milliseconds, as literals; none where the type has
/// no such value or SQL no such literal.
fn bounds(data_type: &DataType, first: i64, last: i64) -> Option<[Option<String>; 2]> {
    // So many milliseconds are one of the type, or so many of the type one millisecond.
    let (millis, parts) = match data_type {
        data_type if data_type.is_integer() => (1, 1),
        DataType::Date32 => (DAY_MILLIS, 1),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => (1, 1),
        DataType::Timestamp(TimeUnit::Second, _) => (1000, 1),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (1, 1000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => (1, 1_000_000),
        _ => return None,
    };
    let up = first.div_euclid(millis) + i64::from(first.rem_euclid(millis) > 0);
    let first = up.checked_mul(parts).filter(|first| *first > i64::MIN);
    let last = last.div_euclid(millis).checked_mul(parts).and_then(|last| last.checked_add(parts - 1));
    let last = last.filter(|last| *last > i64::MIN);
    let literal = |value: i64| match data_type {
        DataType::Date32 => {
            i32::try_from(value).ok().map(|days| format!("arrow_cast(arrow_cast({days}, 'Int32'), 'Date32')"))
        }
        data_type if data_type.is_integer() => Some(value.to_string()),
        data_type => Some(format!("arrow_cast({value}, '{data_type}')")),
    };
    Some([first, last].map(|bound| bound.and_then(literal)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn ranges_that_touch_are_one_and_there_are_not_too_many() {
        assert_eq!(joined(vec![(20, 29), (0, 9), (10, 19), (40, 49)]), [(0, 29), (40, 49)]);
        assert_eq!(joined(vec![(i64::MAX - 1, i64::MAX), (i64::MAX, i64::MAX)]), [(i64::MAX - 1, i64::MAX)]);
        let many = joined((0..1000).map(|at| (at * 10, at * 10 + 1)).collect());
        assert_eq!((many.len(), many[0], many[many.len() - 1].1), (63, (0, 151), 9991));
    }

    #[test]
    fn conditions_are_in_the_columns_own_type() {
        let bucket = |value: Option<i64>| Arc::new(TimestampMillisecondArray::from(vec![value])) as ArrayRef;
        let only = Only::new("at", &Canon::Millis, &[bucket(Some(-1)), bucket(None)], Some(2500)).unwrap();
        let sql = |data_type| only.sql(&data_type);
        assert_eq!(sql(DataType::Int64).unwrap(), "(\"at\" >= -1 AND \"at\" <= 2498) OR \"at\" IS NULL");
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(
            sql(nanos.clone()).unwrap(),
            format!(
                "(\"at\" >= arrow_cast(-1000000, '{nanos}') AND \"at\" <= arrow_cast(2498999999, '{nanos}')) OR \"at\" IS NULL"
            )
        );
        let seconds = sql(DataType::Timestamp(TimeUnit::Second, None)).unwrap();
        assert!(seconds.contains(">= arrow_cast(0, ") && seconds.contains("<= arrow_cast(2, "), "{seconds}");
        assert_eq!(sql(DataType::Float64), None);

        let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let only = Only::new("a\"b", &Canon::Text, &[text("it's")], None).unwrap();
        assert_eq!(only.sql(&DataType::Utf8View).unwrap(), "\"a\"\"b\" = 'it''s'");
        assert_eq!(Only::new("x", &Canon::Double, &[], None), None);
        let all: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN]));
        let only = Only::new("n", &Canon::Whole, &[all], Some(i64::MAX)).unwrap();
        assert_eq!(only.sql(&DataType::Int64).unwrap(), "(\"n\" <= -2)");
    }
}
