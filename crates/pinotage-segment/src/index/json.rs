//! The JSON index: the docs of each path and each value in JSON documents.

use std::collections::HashMap;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::JsonOptions;
use pinotage_spec::java::compare_utf16;

use super::flatten::Flattener;
use super::null_vector::write_bitmap;
use crate::dictionary::write_var_length;

/// The payload of a JSON index of version 2. `ids` has the number of each doc's document.
///
/// # Errors
///
/// `invalid-data` for a document that is no JSON, unless the options skip it; `resource-exhausted` beyond 4 GiB.
///
/// # Pinot equivalent
///
/// `OnHeapJsonIndexCreator`
pub fn write<'a>(
    ids: impl Iterator<Item = u32>,
    document: impl Fn(u32) -> &'a [u8],
    options: &JsonOptions,
) -> Result<Vec<u8>> {
    let flattener = Flattener::new(options);
    // The records of each document as numbers of entries.
    let mut known: HashMap<u32, Vec<Vec<u32>>> = HashMap::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    // The flat records that have each entry.
    let mut postings: Vec<Vec<u32>> = Vec::new();
    let mut docs: Vec<u8> = Vec::new();
    let too_many = || {
        Error::new(ErrorKind::ResourceExhausted, "expected a JSON index below 4 GiB")
            .action("make smaller segments (`segment.maxRows`)")
    };
    let mut next = 0u32;
    for (doc, id) in (0u32..).zip(ids) {
        let records = match known.entry(id) {
            std::collections::hash_map::Entry::Occupied(records) => records.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let mut number = |entry: String| {
                    let next = postings.len() as u32;
                    *numbers.entry(entry).or_insert_with(|| {
                        postings.push(Vec::new());
                        next
                    })
                };
                let records = flattener.records(document(id))?.into_iter();
                place.insert(
                    records
                        .map(|record| {
                            let entries = record.into_iter().flat_map(|(key, text)| [format!("{key}\0{text}"), key]);
                            entries.map(&mut number).collect()
                        })
                        .collect(),
                )
            }
        };
        for record in records.iter() {
            record.iter().for_each(|entry| postings[*entry as usize].push(next));
            docs.extend_from_slice(&doc.to_le_bytes());
            next = next.checked_add(1).ok_or_else(too_many)?;
        }
    }
    let mut entries: Vec<(&str, u32)> = numbers.iter().map(|(entry, number)| (entry.as_str(), *number)).collect();
    entries.sort_unstable_by(|(a, _), (b, _)| compare_utf16(a.as_bytes(), b.as_bytes()));
    let longest = entries.iter().map(|(entry, _)| entry.len()).max().unwrap_or(0);
    let dictionary = write_var_length(entries.iter().map(|(entry, _)| entry.as_bytes()), longest)?.bytes;
    let mut inverted = vec![0; 4 * (entries.len() + 1)];
    for (at, number) in entries.iter().map(|(_, number)| Some(*number)).chain([None]).enumerate() {
        let offset = u32::try_from(inverted.len()).map_err(|_| too_many())?;
        inverted[4 * at..4 * at + 4].copy_from_slice(&offset.to_be_bytes());
        if let Some(number) = number {
            // Two paths may be written alike; a record is in their docs once.
            let records = &mut postings[number as usize];
            records.dedup();
            write_bitmap(records, &mut inverted)?;
        }
    }
    let mut bytes = Vec::with_capacity(32 + dictionary.len() + inverted.len() + docs.len());
    bytes.extend_from_slice(&2i32.to_be_bytes());
    bytes.extend_from_slice(&(longest as i32).to_be_bytes());
    [&dictionary, &inverted, &docs].iter().for_each(|part| bytes.extend_from_slice(&(part.len() as u64).to_be_bytes()));
    [dictionary, inverted, docs].iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(bytes)
}
