//! Lists: the values of a multi-value column.

use pinotage_spec::java::compare_utf16;
use serde_json::Value;

use super::super::column::{Cell, Kind};
use super::super::function::{Answer, Function, Row, Want};
use super::{DOUBLE, INT, LONG, STRING, STRINGS, plain, value};

const INTS: Want = value(Kind::Ints);
const LONGS: Want = value(Kind::Longs);
const DOUBLES: Want = value(Kind::Doubles);

/// The longest list that a function makes.
const MAX_LEN: usize = 1 << 20;

/// The single value of a parameter, as an item.
fn item(row: &Row<'_>, at: usize) -> Value {
    match row.cell(at) {
        Cell::Int(value) => value.into(),
        Cell::Long(value) => value.into(),
        Cell::Double(value) => serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number),
        Cell::Text(text) => text.into_owned().into(),
        _ => Value::Null,
    }
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => compare_utf16(a.as_bytes(), b.as_bytes()),
        _ => a.as_i64().cmp(&b.as_i64()),
    }
}

fn sorted(row: &Row<'_>) -> Vec<Value> {
    let mut items = row.list(0).to_vec();
    items.sort_by(compare);
    items
}

fn distinct<'v>(items: impl Iterator<Item = &'v Value>) -> Answer<'static> {
    let mut seen = std::collections::HashSet::new();
    let kept = items.filter(|item| seen.insert(item.to_string())).cloned();
    Ok(Cell::value(kept.collect::<Vec<_>>()))
}

fn without(row: &Row<'_>) -> Vec<Value> {
    let mut items = row.list(0).to_vec();
    let element = item(row, 1);
    if let Some(at) = items.iter().position(|item| *item == element) {
        items.remove(at);
    }
    items
}

/// `Arrays.copyOfRange`, which fills what lies behind the end.
fn slice(row: &Row<'_>, filler: Value) -> Answer<'static> {
    let items = row.list(0);
    let (start, end) = (row.int(1), row.int(2));
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(format!("the range {start} to {end}"));
    };
    if from > items.len() || to < from || to - from > MAX_LEN {
        return Err(format!("the range {start} to {end}"));
    }
    let mut out = items.get(from..to.min(items.len())).unwrap_or_default().to_vec();
    out.resize(to - from, filler);
    Ok(Cell::value(out))
}

fn joined(row: &Row<'_>) -> Vec<Value> {
    [row.list(0), row.list(1)].concat()
}

/// The item at a position, the first is 1.
fn element<'a>(row: &Row<'a>) -> Option<&'a Value> {
    usize::try_from(row.int(1)).ok().and_then(|at| row.list(0).get(at.checked_sub(1)?))
}

fn texts<'a>(row: &Row<'a>) -> impl Iterator<Item = &'a str> {
    row.list(0).iter().map(|item| item.as_str().unwrap_or("null"))
}

macro_rules! concat_list {
    ($name:literal, $want:ident, $kind:ident) => {
        plain(&[$name], &[$want, $want], Kind::$kind, "the second behind the first", |row| {
            Ok(Cell::value(joined(&row)))
        })
    };
}

macro_rules! push_list {
    ($back:literal, $front:literal, $want:ident, $item:ident, $kind:ident) => {
        [
            plain(&[$back], &[$want, $item], Kind::$kind, "with one more at its end", |row| {
                let mut items = row.list(0).to_vec();
                items.push(item(&row, 1));
                Ok(Cell::value(items))
            }),
            plain(&[$front], &[$want, $item], Kind::$kind, "with one more at its beginning", |row| {
                let mut items = vec![item(&row, 1)];
                items.extend_from_slice(row.list(0));
                Ok(Cell::value(items))
            }),
        ]
    };
}

macro_rules! of_one_kind {
    ($reverse:literal, $sort:literal, $index:literal, $contains:literal, $slice:literal, $distinct:literal,
     $remove:literal, $union:literal, $at:literal, $want:ident, $item:ident, $kind:ident, $one:ident, $filler:expr,
     $missing:expr) => {
        [
            plain(&[$reverse], &[$want], Kind::$kind, "from its end", |row| {
                Ok(Cell::value(row.list(0).iter().rev().cloned().collect::<Vec<_>>()))
            }),
            plain(&[$sort], &[$want], Kind::$kind, "in order", |row| Ok(Cell::value(sorted(&row)))),
            plain(
                &[$index],
                &[$want, $item],
                Kind::Int,
                "where an item is first, the first place is 0; or -1",
                |row| {
                    let element = item(&row, 1);
                    Ok(Cell::Int(row.list(0).iter().position(|item| *item == element).map_or(-1, |at| at as i32)))
                },
            ),
            plain(&[$contains], &[$want, $item], Kind::Boolean, "", |row| {
                Ok(Cell::Boolean(row.list(0).contains(&item(&row, 1))))
            }),
            plain(
                &[$slice],
                &[$want, INT, INT],
                Kind::$kind,
                "from a position up to another, which it leaves out",
                |row| slice(&row, $filler),
            ),
            plain(&[$distinct], &[$want], Kind::$kind, "each item once", |row| distinct(row.list(0).iter())),
            plain(&[$remove], &[$want, $item], Kind::$kind, "without the first such item", |row| {
                Ok(Cell::value(without(&row)))
            }),
            plain(&[$union], &[$want, $want], Kind::$kind, "the items of both, each once", |row| {
                distinct(row.list(0).iter().chain(row.list(1)))
            }),
            plain(
                &[$at],
                &[$want, INT],
                Kind::$one,
                "an item, the first is 1; Pinot's default where there is none",
                |row| {
                    Ok(match element(&row) {
                        Some(Value::String(text)) => Cell::Text(text.into()),
                        Some(number) => Cell::Int(number.as_i64().unwrap_or_default() as i32),
                        None => $missing,
                    })
                },
            ),
        ]
    };
}

pub(crate) const INT_LISTS: &[Function] = &of_one_kind!(
    "arrayReverseInt",
    "arraySortInt",
    "arrayIndexOfInt",
    "arrayContainsInt",
    "arraySliceInt",
    "arrayDistinctInt",
    "arrayRemoveInt",
    "arrayUnionInt",
    "arrayElementAtInt",
    INTS,
    INT,
    Ints,
    Int,
    0.into(),
    Cell::Int(0)
);
pub(crate) const STRING_LISTS: &[Function] = &of_one_kind!(
    "arrayReverseString",
    "arraySortString",
    "arrayIndexOfString",
    "arrayContainsString",
    "arraySliceString",
    "arrayDistinctString",
    "arrayRemoveString",
    "arrayUnionString",
    "arrayElementAtString",
    STRINGS,
    STRING,
    Strings,
    String,
    Value::Null,
    Cell::text("")
);
pub(crate) const PUSH_INT: &[Function] = &push_list!("arrayPushBackInt", "arrayPushFrontInt", INTS, INT, Ints);
pub(crate) const PUSH_LONG: &[Function] = &push_list!("arrayPushBackLong", "arrayPushFrontLong", LONGS, LONG, Longs);
pub(crate) const PUSH_DOUBLE: &[Function] =
    &push_list!("arrayPushBackDouble", "arrayPushFrontDouble", DOUBLES, DOUBLE, Doubles);
pub(crate) const PUSH_STRING: &[Function] =
    &push_list!("arrayPushBackString", "arrayPushFrontString", STRINGS, STRING, Strings);
pub(crate) const ALL: &[Function] = &[
    plain(&["arrayLength", "cardinality"], &[STRINGS], Kind::Int, "how many items", |row| {
        Ok(Cell::Int(row.list(0).len() as i32))
    }),
    plain(&["arrayElementAtLong"], &[LONGS, INT], Kind::Long, "an item, the first is 1; else 0", |row| {
        Ok(Cell::Long(element(&row).and_then(Value::as_i64).unwrap_or_default()))
    }),
    plain(&["arrayElementAtDouble"], &[DOUBLES, INT], Kind::Double, "an item, the first is 1; else 0", |row| {
        Ok(Cell::Double(element(&row).and_then(Value::as_f64).unwrap_or_default()))
    }),
    plain(&["arrayToString"], &[STRINGS, STRING], Kind::String, "all items, with a text between", |row| {
        Ok(Cell::text(texts(&row).collect::<Vec<_>>().join(row.text(1))))
    }),
    plain(&["arrayToString"], &[STRINGS, STRING, STRING], Kind::String, "with a text for empty items", |row| {
        let filled = texts(&row).map(|text| if text.is_empty() { row.text(2) } else { text });
        Ok(Cell::text(filled.collect::<Vec<_>>().join(row.text(1))))
    }),
    concat_list!("arrayConcatInt", INTS, Ints),
    concat_list!("arrayConcatLong", LONGS, Longs),
    concat_list!("arrayConcatDouble", DOUBLES, Doubles),
    concat_list!("arrayConcatString", STRINGS, Strings),
    plain(&["arraySumInt"], &[INTS], Kind::Int, "", |row| {
        let items = row.list(0).iter().map(|item| item.as_i64().unwrap_or_default() as i32);
        Ok(Cell::Int(items.fold(0, i32::wrapping_add)))
    }),
    plain(&["arraySumLong"], &[LONGS], Kind::Long, "", |row| {
        let items = row.list(0).iter().map(|item| item.as_i64().unwrap_or_default());
        Ok(Cell::Long(items.fold(0, i64::wrapping_add)))
    }),
];
