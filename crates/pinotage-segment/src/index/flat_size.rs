//! How many flat records a JSON document makes, without making them.

use pinotage_spec::JsonOptions;

/// The flat records of JSON documents, at most: paths that the options leave out count as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FlatSize {
    /// The records.
    pub(crate) records: usize,
    /// The paths with their values, of all records.
    pub(crate) entries: usize,
}

/// A list or an object that has begun.
struct Open {
    is_list: bool,
    /// What its lists make: in a list one after the other, in an object each with each.
    lists: FlatSize,
    /// Entries that all records of an object have.
    common: usize,
    /// In an object: the value of a key comes, not a key.
    at_value: bool,
}

impl FlatSize {
    /// The size of one document. What is no JSON has some size, too.
    pub(crate) fn of(document: &[u8], options: &JsonOptions) -> Self {
        let mut open: Vec<Open> = Vec::new();
        let mut at = 0;
        while let Some(byte) = document.get(at) {
            at += 1;
            let done = match byte {
                b'{' | b'[' => {
                    let is_list = *byte == b'[';
                    open.push(Open { is_list, lists: Self::default(), common: 0, at_value: is_list });
                    continue;
                }
                b'}' | b']' => match open.pop() {
                    Some(closed) => closed.size(),
                    None => break,
                },
                b':' => {
                    if let Some(object) = open.last_mut() {
                        object.at_value = true;
                    }
                    continue;
                }
                b',' | b' ' | b'\t' | b'\n' | b'\r' => continue,
                b'"' => {
                    at = behind_string(document, at);
                    match open.last() {
                        Some(object) if !object.at_value => continue,
                        _ => Self { records: 1, entries: 1 },
                    }
                }
                first => {
                    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                    at += document[at..].iter().position(ends).unwrap_or(document.len() - at);
                    match first {
                        b'n' => Self::default(),
                        _ => Self { records: 1, entries: 1 },
                    }
                }
            };
            match open.last_mut() {
                Some(around) => around.add(done, options.separate_arrays),
                // What follows the end is not read.
                None => return done,
            }
        }
        open.pop().map_or(Self::default(), |unfinished| unfinished.size())
    }
}

impl Open {
    fn add(&mut self, child: FlatSize, separate: bool) {
        let FlatSize { records, entries } = &mut self.lists;
        self.at_value = self.is_list;
        match child.records {
            0 => {}
            // Each item has its number as well.
            more if self.is_list => {
                *records = records.saturating_add(more);
                *entries = entries.saturating_add(child.entries).saturating_add(more);
            }
            1 => self.common = self.common.saturating_add(child.entries),
            more if separate || *records == 0 => {
                *records = records.saturating_add(more);
                *entries = entries.saturating_add(child.entries);
            }
            more => {
                *entries = entries.saturating_mul(more).saturating_add(child.entries.saturating_mul(*records));
                *records = records.saturating_mul(more);
            }
        }
    }

    fn size(&self) -> FlatSize {
        if self.is_list || self.lists.records == 0 {
            let records = if self.is_list { self.lists.records } else { usize::from(self.common > 0) };
            return FlatSize { records, entries: self.lists.entries.saturating_add(self.common) };
        }
        let common = self.common.saturating_mul(self.lists.records);
        FlatSize { records: self.lists.records, entries: self.lists.entries.saturating_add(common) }
    }
}

/// The place behind the end of a string that begins before `at`.
fn behind_string(document: &[u8], mut at: usize) -> usize {
    while let Some(byte) = document.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    document.len()
}

/// What an index of documents takes while it is made.
#[derive(Debug, Default)]
pub(crate) struct FlatTotals {
    records: usize,
    entries: usize,
    /// Bytes of the records of the document that has most, when they are made.
    largest: usize,
}

impl FlatTotals {
    /// Counts a document.
    pub(crate) fn add(&mut self, document: &[u8], options: &JsonOptions) {
        let FlatSize { records, entries } = FlatSize::of(document, options);
        self.records = self.records.saturating_add(records);
        self.entries = self.entries.saturating_add(entries);
        // A path and a value as text of their own, in the records of two lists and in those of both.
        let texts = entries.saturating_mul(160).saturating_add(records.saturating_mul(2 * document.len()));
        self.largest = self.largest.max(texts);
    }

    /// Bytes at most: each entry as two numbers of its document, twice in the records of its path and of its value as they
    /// grow, and in the index; each record with its doc.
    pub(crate) fn len_bytes(&self) -> usize {
        let entries = self.entries.saturating_mul(40);
        entries.saturating_add(self.records.saturating_mul(32)).saturating_add(self.largest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::flatten::Flattener;
    use super::*;

    fn document() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i32>().prop_map(Json::from),
            "[a\\\\\"{}\\[\\],: é]{0,6}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                proptest::collection::btree_map("[a-d\"]{1,2}", inner, 0..4)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn records_are_counted_as_they_are_made(json in document(), separate: bool, pretty: bool) {
            let options = JsonOptions { separate_arrays: separate, ..JsonOptions::default() };
            let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
            let found = FlatSize::of(text.as_bytes(), &options);
            let records = Flattener::new(&options).records(text.as_bytes()).unwrap();
            prop_assert_eq!(found.records, records.len(), "{}", text);
            prop_assert_eq!(found.entries, records.iter().map(|record| record.len()).sum::<usize>(), "{}", text);
        }

        #[test]
        fn any_bytes_have_a_size(bytes in proptest::collection::vec(prop_oneof![Just(b'{'), Just(b'['), Just(b'"'), Just(b']'), Just(b'}'), any::<u8>()], 0..40)) {
            FlatSize::of(&bytes, &JsonOptions::default());
        }
    }

    #[test]
    fn lists_multiply() {
        let items: Vec<u32> = (0..30).collect();
        let text = json!({"a": items, "b": items, "c": items, "d": 1}).to_string();
        let found = FlatSize::of(text.as_bytes(), &JsonOptions::default());
        assert_eq!(found, FlatSize { records: 27_000, entries: 27_000 * 7 });
        let mut totals = FlatTotals::default();
        totals.add(text.as_bytes(), &JsonOptions::default());
        assert!(totals.len_bytes() > 7 * 27_000 * 40);
    }
}
