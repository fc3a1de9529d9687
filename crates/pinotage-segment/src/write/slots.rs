//! Ids of small whole numbers, such as keys that are counted up, without hashing.

/// In place of an id.
const UNKNOWN: u32 = u32::MAX;

/// Remembers the id of a number at its own place, as long as that takes little memory: numbers up to four times as large as there
/// are distinct values. All others, and what is not remembered, are left to the hash table.
#[derive(Default)]
pub(super) struct Slots(Vec<u32>);

impl Slots {
    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<u32> {
        self.0.get(number as usize).copied().filter(|id| *id != UNKNOWN)
    }

    /// Remembers an id when there are so many distinct values.
    pub(super) fn put(&mut self, number: u64, id: u32, distinct: usize) {
        let number = number as usize;
        if number >= self.0.len() && number < 4 * distinct {
            self.0.resize((4 * distinct).next_power_of_two(), UNKNOWN);
        }
        if let Some(slot) = self.0.get_mut(number) {
            *slot = id;
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        size_of::<u32>() * self.0.capacity()
    }
}
