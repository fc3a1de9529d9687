//! Short texts of a dictionary, each in a slot of its own: to copy one is a move of a fixed size, whatever its length.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use pinotage_common::{Error, Result};

use super::array::too_long;

/// The texts of a dictionary whose longest one fits a slot.
pub(super) enum ShortTexts {
    Four(Slots<4>),
    Sixteen(Slots<16>),
    ThirtyTwo(Slots<32>),
}

impl ShortTexts {
    /// `None` for values that are no texts, and when one is too long.
    pub(super) fn of(values: &ArrayRef) -> Option<Self> {
        let texts = (values.data_type() == &DataType::Utf8).then(|| values.as_string::<i32>())?;
        let longest = texts.offsets().lengths().max().unwrap_or_default();
        Some(match longest {
            0..=4 => Self::Four(Slots::new(texts)?),
            5..=16 => Self::Sixteen(Slots::new(texts)?),
            17..=32 => Self::ThirtyTwo(Slots::new(texts)?),
            _ => return None,
        })
    }

    /// The texts of some ids, in their order.
    pub(super) fn take(&self, ids: &[u32]) -> Result<StringArray> {
        match self {
            Self::Four(slots) => slots.take(ids),
            Self::Sixteen(slots) => slots.take(ids),
            Self::ThirtyTwo(slots) => slots.take(ids),
        }
    }
}

/// Texts of at most `N` bytes with zeros behind them, and their lengths.
pub(super) struct Slots<const N: usize>(Vec<([u8; N], u8)>);

impl<const N: usize> Slots<N> {
    fn new(texts: &StringArray) -> Option<Self> {
        let slot = |text: Option<&str>| {
            let text = text.unwrap_or_default().as_bytes();
            let mut slot = [0; N];
            slot.get_mut(..text.len())?.copy_from_slice(text);
            Some((slot, u8::try_from(text.len()).ok()?))
        };
        texts.iter().map(slot).collect::<Option<_>>().map(Self)
    }

    fn take(&self, ids: &[u32]) -> Result<StringArray> {
        let unknown = |id: u32| Error::corrupt(format!("expected dictionary ids below {}, found {id}", self.0.len()));
        let mut offsets = Vec::with_capacity(ids.len() + 1);
        let mut total = 0;
        offsets.push(0);
        for id in ids {
            let (_, length) = self.0.get(*id as usize).ok_or_else(|| unknown(*id))?;
            total += usize::from(*length);
            // Cut off here, it is refused below.
            offsets.push(total as i32);
        }
        if i32::try_from(total).is_err() {
            return Err(too_long());
        }
        // Every text is copied with the zeros behind it; the next one covers them.
        let mut bytes = vec![0; total + N];
        for (id, start) in ids.iter().zip(&offsets) {
            if let (Some((slot, _)), Some(room)) =
                (self.0.get(*id as usize), bytes.get_mut(*start as usize..*start as usize + N))
            {
                room.copy_from_slice(slot);
            }
        }
        bytes.truncate(total);
        StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None)
            .map_err(|error| Error::unexpected("cannot copy texts").caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn texts_come_as_they_are_in_the_dictionary() {
        for longest in [0, 1, 4, 5, 16, 17, 32] {
            let texts = ["", "é", "ab", "日本", &"x".repeat(longest)].map(str::to_owned);
            let texts: Vec<String> = texts.into_iter().filter(|text| text.len() <= longest).collect();
            let values: ArrayRef = Arc::new(StringArray::from_iter_values(&texts));
            let short = ShortTexts::of(&values).unwrap();
            let ids: Vec<u32> = (0..100).map(|at| at * 7 % texts.len() as u32).collect();
            let expected = StringArray::from_iter_values(ids.iter().map(|id| &texts[*id as usize]));
            assert_eq!(short.take(&ids).unwrap(), expected, "{longest}");
            assert_eq!(short.take(&[]).unwrap().len(), 0);
            assert!(short.take(&[texts.len() as u32]).is_err());
        }
        let long: ArrayRef = Arc::new(StringArray::from_iter_values(["x".repeat(33)]));
        assert!(ShortTexts::of(&long).is_none());
    }
}
