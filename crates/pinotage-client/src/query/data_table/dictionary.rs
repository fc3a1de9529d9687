//! The texts of a data table, each once.

use std::collections::HashMap;
use std::sync::OnceLock;

use arrow::array::{Int32Array, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use bytes::Bytes;
use pinotage_common::{Error, Result};

use super::cursor::{Cursor, malformed};
use super::too_long;

/// Texts of up to this length are copied with all that follows them up to it: a copy of a fixed length is no call.
const WIDE: usize = 32;

/// The texts that ids stand for.
pub(super) enum Dictionary {
    /// V4: one for all columns.
    Shared(Texts),
    /// V3: one for each column, by the column's name.
    ByColumn(HashMap<String, Texts>),
}

impl Dictionary {
    pub(super) fn read(bytes: Bytes, version: i32) -> Result<Self> {
        let mut cursor = Cursor::new("dictionary", &bytes);
        if version >= 4 {
            let count = if bytes.is_empty() { 0 } else { cursor.count(4)? };
            let places = (0..count).map(|_| place(&mut cursor, &bytes)).collect::<Result<_>>()?;
            return Ok(Self::Shared(Texts::new(bytes.clone(), places)));
        }
        let mut columns = HashMap::new();
        let count = if bytes.is_empty() { 0 } else { cursor.count(8)? };
        for _ in 0..count {
            let column = cursor.text()?.to_owned();
            columns.insert(column, Texts::new(bytes.clone(), by_id(&mut cursor, &bytes)?));
        }
        Ok(Self::ByColumn(columns))
    }

    /// The texts of a column.
    pub(super) fn of(&self, column: &str) -> Result<&Texts> {
        match self {
            Self::Shared(texts) => Ok(texts),
            Self::ByColumn(columns) => {
                columns.get(column).ok_or_else(|| malformed("a dictionary of the column, found none"))
            }
        }
    }
}

/// Where a text is in the dictionary. What it says lies inside.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u32,
}

/// Texts where they came, found by their ids. Whether they are UTF-8 is looked at where they are used, all of a column at once.
pub(super) struct Texts {
    bytes: Bytes,
    places: Vec<Place>,
    all: OnceLock<StringArray>,
}

impl Texts {
    fn new(bytes: Bytes, places: Vec<Place>) -> Self {
        Self { bytes, places, all: OnceLock::new() }
    }

    /// The texts of these ids, one after the other. The id of a null is anything.
    pub(super) fn gather(&self, ids: &[i32], nulls: Option<NullBuffer>) -> Result<StringArray> {
        let (mut end, mut unknown) = (0_u64, None);
        let mut add = |id: i32| {
            match self.place(id) {
                Some(place) => end += u64::from(place.length),
                None => unknown = Some(id),
            }
            // More than an array can hold is refused below.
            end as i32
        };
        let mut offsets = Vec::with_capacity(ids.len() + 1);
        offsets.push(0);
        match &nulls {
            None => offsets.extend(ids.iter().map(|id| add(*id))),
            Some(nulls) => {
                let mut last = 0;
                offsets.extend(ids.iter().zip(nulls).map(|(id, valid)| {
                    last = if valid { add(*id) } else { last };
                    last
                }));
            }
        }
        if let Some(id) = unknown {
            return Err(self.unknown(id));
        }
        let length = i32::try_from(end).map_err(|_| too_long())? as usize;
        let mut values = Vec::with_capacity(length + WIDE);
        match &nulls {
            None => ids.iter().for_each(|id| self.append(*id, &mut values)),
            Some(nulls) => nulls.valid_indices().for_each(|row| self.append(ids[row], &mut values)),
        }
        StringArray::try_new(OffsetBuffer::new(offsets.into()), values.into(), nulls)
            .map_err(|error| malformed("text in UTF-8 in the dictionary").caused_by(error))
    }

    /// All texts in the order of their ids.
    pub(super) fn all(&self) -> Result<&StringArray> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        // Each takes at least four of fewer than 2³¹ bytes.
        let ids: Vec<i32> = (0..self.places.len() as i32).collect();
        let all = self.gather(&ids, None)?;
        Ok(self.all.get_or_init(|| all))
    }

    /// Ids as an array, every one of them known.
    pub(super) fn checked_ids(&self, mut ids: Vec<i32>, nulls: Option<NullBuffer>) -> Result<Int32Array> {
        for (row, id) in ids.iter_mut().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                *id = 0;
            } else if self.place(*id).is_none() {
                return Err(self.unknown(*id));
            }
        }
        Ok(Int32Array::new(ids.into(), nulls))
    }

    fn place(&self, id: i32) -> Option<Place> {
        // As an unsigned number a negative one is larger than all.
        self.places.get(id.cast_unsigned() as usize).copied()
    }

    /// Appends a text; nothing of an unknown one.
    fn append(&self, id: i32, values: &mut Vec<u8>) {
        let Some(place) = self.place(id) else { return };
        let (start, length) = (place.start as usize, place.length as usize);
        let rest = self.bytes.get(start..).unwrap_or_default();
        match rest.first_chunk::<WIDE>() {
            Some(chunk) if length <= WIDE => {
                let end = values.len() + length;
                values.extend_from_slice(chunk);
                values.truncate(end);
            }
            _ => values.extend_from_slice(rest.get(..length).unwrap_or_default()),
        }
    }

    fn unknown(&self, id: i32) -> Error {
        malformed(format!("ids below {} of the dictionary, found {id}", self.places.len()))
    }
}

/// Where the next text is.
fn place(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<Place> {
    let length = cursor.length()?;
    let start = bytes.len() - cursor.remaining();
    cursor.bytes(length)?;
    // A section has fewer than 2³¹ bytes.
    Ok(Place { start: start as u32, length: length as u32 })
}

/// The texts of a column of V3: each comes with its id, in the order of Java's hash map.
fn by_id(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<Vec<Place>> {
    let count = cursor.count(8)?;
    let mut places: Vec<Option<Place>> = vec![None; count];
    for _ in 0..count {
        let id = cursor.int()?;
        let place = place(cursor, bytes)?;
        match usize::try_from(id).ok().and_then(|id| places.get_mut(id)) {
            Some(free @ None) => *free = Some(place),
            _ => return Err(malformed(format!("every id below {count} once in the dictionary, found {id}"))),
        }
    }
    // Every place is taken: there are as many texts as places.
    Ok(places.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(texts: &[&[u8]]) -> Result<Texts> {
        let mut bytes = (texts.len() as i32).to_be_bytes().to_vec();
        for text in texts {
            bytes.extend((text.len() as i32).to_be_bytes());
            bytes.extend(*text);
        }
        let Dictionary::Shared(texts) = Dictionary::read(bytes.into(), 4)? else { panic!("one for all columns") };
        Ok(texts)
    }

    #[test]
    fn texts_of_any_length_are_gathered_from_any_place() {
        let all: Vec<String> =
            [0, 1, 15, 31, 32, 33, 100, 7].map(|length| "aé€😀".chars().cycle().take(length).collect()).into();
        let texts = dictionary(&all.iter().map(|text| text.as_bytes()).collect::<Vec<_>>()).unwrap();
        let ids: Vec<i32> = (0..200).map(|row| row * 7 % all.len() as i32).collect();
        let expected = StringArray::from_iter_values(ids.iter().map(|id| &all[*id as usize]));
        assert_eq!(texts.gather(&ids, None).unwrap(), expected);
        assert_eq!(*texts.all().unwrap(), StringArray::from_iter_values(&all));

        // Below a null stands anything.
        let nulls = NullBuffer::from_iter((0..200).map(|row| row % 3 != 0));
        let spoilt: Vec<i32> = ids.iter().zip(&nulls).map(|(id, valid)| if valid { *id } else { -1 }).collect();
        let expected: StringArray =
            ids.iter().zip(&nulls).map(|(id, valid)| valid.then(|| &all[*id as usize])).collect();
        assert_eq!(texts.gather(&spoilt, Some(nulls)).unwrap(), expected);
        for id in [-1, all.len() as i32, i32::MAX, i32::MIN] {
            assert!(texts.gather(&[0, id], None).unwrap_err().to_string().contains("ids below 8"));
            assert!(texts.checked_ids(vec![0, id], None).is_err());
        }
    }

    #[test]
    fn every_text_has_to_be_utf8_by_itself() {
        let (first, second) = "é".as_bytes().split_at(1);
        let halves = dictionary(&[first, second, b"whole"]).unwrap();
        assert!(halves.gather(&[0, 1], None).is_err(), "together they would be a character");
        assert!(halves.gather(&[2], None).is_ok());
        assert!(halves.all().is_err());
    }
}
