//! The texts of a data table, each once.

use std::collections::HashMap;

use arrow::array::{Array, Int32Array, StringArray, StringBuilder};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use pinotage_common::Result;

use super::cursor::{Cursor, malformed};

/// The texts that ids stand for.
pub(super) enum Dictionary {
    /// V4: one for all columns.
    Shared(StringArray),
    /// V3: one for each column, by the column's name.
    ByColumn(HashMap<String, StringArray>),
}

impl Dictionary {
    pub(super) fn read(bytes: &[u8], version: i32) -> Result<Self> {
        let mut cursor = Cursor::new("dictionary", bytes);
        if version >= 4 {
            let count = if bytes.is_empty() { 0 } else { cursor.count(4)? };
            let mut texts = StringBuilder::with_capacity(count, cursor.remaining().saturating_sub(4 * count));
            for _ in 0..count {
                texts.append_value(cursor.text()?);
            }
            return Ok(Self::Shared(texts.finish()));
        }
        let mut columns = HashMap::new();
        let count = if bytes.is_empty() { 0 } else { cursor.count(8)? };
        for _ in 0..count {
            let column = cursor.text()?.to_owned();
            columns.insert(column, by_id(&mut cursor)?);
        }
        Ok(Self::ByColumn(columns))
    }

    /// The texts of a column.
    pub(super) fn of(&self, column: &str) -> Result<&StringArray> {
        match self {
            Self::Shared(texts) => Ok(texts),
            Self::ByColumn(columns) => {
                columns.get(column).ok_or_else(|| malformed("a dictionary of the column, found none"))
            }
        }
    }
}

/// The texts of a column of V3: each comes with its id, in the order of Java's hash map.
fn by_id(cursor: &mut Cursor<'_>) -> Result<StringArray> {
    let count = cursor.count(8)?;
    let mut texts: Vec<Option<&str>> = vec![None; count];
    let mut bytes = 0;
    for _ in 0..count {
        let id = cursor.int()?;
        let text = cursor.text()?;
        bytes += text.len();
        match usize::try_from(id).ok().and_then(|id| texts.get_mut(id)) {
            Some(free @ None) => *free = Some(text),
            _ => return Err(malformed(format!("every id below {count} once in the dictionary, found {id}"))),
        }
    }
    let mut builder = StringBuilder::with_capacity(count, bytes);
    // Every place is taken: there are as many texts as places.
    texts.into_iter().flatten().for_each(|text| builder.append_value(text));
    Ok(builder.finish())
}

/// Ids as an array, every one of them in the dictionary. The cell of a null holds anything.
pub(super) fn checked_ids(ids: Vec<i32>, nulls: Option<&NullBuffer>, texts: &StringArray) -> Result<Int32Array> {
    let known = |id: i32| usize::try_from(id).is_ok_and(|id| id < texts.len());
    if let Some(nulls) = nulls {
        let mut ids = ids;
        for (row, id) in ids.iter_mut().enumerate() {
            if nulls.is_null(row) {
                *id = 0;
            } else if !known(*id) {
                return Err(unknown_id(*id, texts));
            }
        }
        return Ok(Int32Array::new(ScalarBuffer::from(ids), Some(nulls.clone())));
    }
    // As unsigned numbers the negative ones are the largest: one comparison for all.
    let largest = ids.iter().map(|id| id.cast_unsigned()).max();
    if let Some(largest) = largest
        && !known(largest.cast_signed())
    {
        return Err(unknown_id(largest.cast_signed(), texts));
    }
    Ok(Int32Array::new(ScalarBuffer::from(ids), None))
}

fn unknown_id(id: i32, texts: &StringArray) -> pinotage_common::Error {
    malformed(format!("ids below {} of the dictionary, found {id}", texts.len()))
}
