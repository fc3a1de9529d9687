//! Log messages taken apart (`compressionCodec` CLP and CLPV2): what they have in common, and their variables.

use pinotage_common::{Error, Result};
use pinotage_spec::StoredType;

use super::docs::Docs;
use super::raw::{ChunkCache, RawReader, be32};
use super::reader::{ForwardReader, multi_value};
use crate::bits::{bits_per_id, packed_len};
use crate::dictionary::DictionaryReader;
use crate::read::array::BytesBuilder;

/// The places of variables in a message's type.
const INTEGER: u8 = 0x11;
const DICTIONARY: u8 = 0x12;
const FLOAT: u8 = 0x13;

/// Pinot 1.3 wrote the length of the name before it, and could not read that itself.
const NAME_LENGTH: [u8; 4] = [0, 0, 0, 6];

/// The chunks that were decompressed last, of each index inside.
pub type ClpCaches = [ChunkCache; 3];

/// A forward index of log messages.
///
/// # Pinot equivalent
///
/// `CLPForwardIndexReaderV1`, `CLPForwardIndexReaderV2`
#[derive(Debug)]
pub struct ClpReader<'a>(Messages<'a>);

#[derive(Debug)]
enum Messages<'a> {
    /// As they are: version 2 chooses this for messages that have little in common.
    Plain(RawReader<'a>),
    Parts(Box<Parts<'a>>),
}

#[derive(Debug)]
struct Parts<'a> {
    /// Messages without their variables.
    types: DictionaryReader<'a>,
    type_ids: ForwardReader<'a>,
    /// Variables that are no numbers.
    texts: DictionaryReader<'a>,
    text_ids: ForwardReader<'a>,
    /// Variables that are numbers, several a message.
    numbers: RawReader<'a>,
    /// Each byte of a text is stored as the character of its number.
    latin: bool,
}

/// Takes one part after the other from a payload.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn word(&mut self) -> Result<usize> {
        let word = be32(self.bytes, self.at)?;
        self.at += 4;
        Ok(word)
    }

    fn part(&mut self, len: usize) -> Result<&'a [u8]> {
        let part = self.bytes.get(self.at..).and_then(|rest| rest.get(..len)).ok_or_else(|| {
            Error::corrupt(format!("expected {len} bytes at {}, found an index of {}", self.at, self.bytes.len()))
        })?;
        self.at += len;
        Ok(part)
    }
}

impl<'a> ClpReader<'a> {
    /// Whether a payload is such an index.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.strip_prefix(&NAME_LENGTH).unwrap_or(bytes).starts_with(b"CLP.v")
    }

    /// Opens the payload.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for parts that do not fit the payload; `unsupported` for an unknown version.
    pub fn try_new(bytes: &'a [u8], num_docs: usize) -> Result<Self> {
        let bytes = bytes.strip_prefix(&NAME_LENGTH).unwrap_or(bytes);
        let mut cursor = Cursor { bytes, at: 6 };
        match (bytes.get(..6), cursor.word()?) {
            (Some(b"CLP.v1"), 1) => Self::open_v1(cursor, num_docs),
            (Some(b"CLP.v2"), 2) => Self::open_v2(cursor, num_docs),
            (_, version) => Err(Error::unsupported(format!("CLP forward indexes of version {version} cannot be read"))
                .action("build the segment again with another compression codec for this column")),
        }
    }

    /// Ids as bit streams, like those of other dictionaries.
    fn open_v1(mut cursor: Cursor<'a>, num_docs: usize) -> Result<Self> {
        let num_texts = cursor.word()?;
        // The longest entry of each dictionary, which entries of variable length do not need.
        let _ = (cursor.word()?, cursor.word()?);
        let lengths = [cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?];
        let [types, texts, type_ids, text_ids, numbers] = lengths.map(|len| cursor.part(len));
        let (types, texts) = (DictionaryReader::of_texts(types?)?, DictionaryReader::of_texts(texts?)?);
        let (bits, stream) = (bits_per_id(types.len() as u32), type_ids?);
        if packed_len(num_docs, bits) > stream.len() {
            return Err(Error::corrupt(format!("expected {num_docs} ids of types, found {} bytes", stream.len())));
        }
        let text_ids = multi_value(text_ids?, bits_per_id(texts.len() as u32), num_texts, num_docs)?;
        let numbers = RawReader::open(numbers?, StoredType::Long, false, num_docs)?;
        let type_ids = ForwardReader::SingleValue { stream, bits };
        Ok(Self(Messages::Parts(Box::new(Parts { types, type_ids, texts, text_ids, numbers, latin: true }))))
    }

    /// Ids in chunks, or no parts at all.
    fn open_v2(mut cursor: Cursor<'a>, num_docs: usize) -> Result<Self> {
        if cursor.word()? != 1 {
            let len = cursor.word()?;
            let messages = RawReader::open(cursor.part(len)?, StoredType::String, true, num_docs)?;
            return Ok(Self(Messages::Plain(messages)));
        }
        // The dictionaries say themselves how many entries they have.
        let _ = (cursor.word()?, cursor.word()?);
        let lengths = [cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?];
        let [types, texts, type_ids, text_ids, numbers] = lengths.map(|len| cursor.part(len));
        Ok(Self(Messages::Parts(Box::new(Parts {
            types: DictionaryReader::of_texts(types?)?,
            texts: DictionaryReader::of_texts(texts?)?,
            type_ids: ForwardReader::Raw(RawReader::open(type_ids?, StoredType::Int, true, num_docs)?),
            text_ids: ForwardReader::Raw(RawReader::open(text_ids?, StoredType::Int, false, num_docs)?),
            numbers: RawReader::open(numbers?, StoredType::Long, false, num_docs)?,
            latin: false,
        }))))
    }

    /// Appends the messages of docs.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for parts that do not fit each other, and those of the builder.
    pub(crate) fn read(&self, docs: Docs<'_>, caches: &mut ClpCaches, out: &mut BytesBuilder) -> Result<()> {
        match &self.0 {
            Messages::Plain(messages) => messages.rows(docs, &mut caches[0], |message| out.push(message)),
            Messages::Parts(parts) => parts.read(docs, caches, out),
        }
    }
}

impl Parts<'_> {
    fn read(&self, docs: Docs<'_>, [types, texts, numbers]: &mut ClpCaches, out: &mut BytesBuilder) -> Result<()> {
        let type_ids = match &self.type_ids {
            ForwardReader::Raw(raw) => {
                let mut bytes = Vec::with_capacity(4 * docs.len());
                raw.fixed(docs, types, &mut bytes)?;
                bytes.as_chunks().0.iter().map(|id| u32::from_be_bytes(*id)).collect()
            }
            ids => ids.ids(docs)?,
        };
        let (text_lengths, text_ids) = match &self.text_ids {
            ForwardReader::Raw(raw) => words(raw, docs, texts, u32::from_be_bytes)?,
            ids => ids.lists(docs)?,
        };
        let (number_lengths, all_numbers) = words(&self.numbers, docs, numbers, u64::from_be_bytes)?;
        let (mut text_ids, mut all_numbers) = (text_ids.as_slice(), all_numbers.as_slice());
        for (row, id) in type_ids.into_iter().enumerate() {
            let take = |lengths: &[usize]| lengths.get(row).copied().unwrap_or_default();
            let texts = text_ids.split_off(..take(&text_lengths)).unwrap_or_default();
            let numbers = all_numbers.split_off(..take(&number_lengths)).unwrap_or_default();
            self.message(self.types.bytes(id)?, texts, numbers, out)?;
        }
        Ok(())
    }

    /// Puts the variables of one message into their places. Some writers give a message more of them than it has places.
    fn message(&self, kind: &[u8], texts: &[u32], numbers: &[u64], out: &mut BytesBuilder) -> Result<()> {
        let (mut texts, mut numbers) = (texts.iter(), numbers.iter());
        let missing = || Error::corrupt("expected a variable for every place in a message");
        for part in kind.split_inclusive(|byte| (INTEGER..=FLOAT).contains(byte)) {
            let (text, place) = match part.split_last() {
                Some((place @ INTEGER..=FLOAT, text)) => (text, Some(*place)),
                _ => (part, None),
            };
            self.append(text, out)?;
            match place {
                None => {}
                Some(DICTIONARY) => self.append(self.texts.bytes(*texts.next().ok_or_else(missing)?)?, out)?,
                Some(INTEGER) => {
                    out.append((*numbers.next().ok_or_else(missing)? as i64).to_string().as_bytes())?;
                }
                Some(_) => out.append(&float(*numbers.next().ok_or_else(missing)?)?)?,
            }
        }
        out.end();
        Ok(())
    }

    /// Appends a text from a dictionary.
    fn append(&self, text: &[u8], out: &mut BytesBuilder) -> Result<()> {
        if !self.latin || text.is_ascii() {
            return out.append(text);
        }
        let bytes: Option<Vec<u8>> = str::from_utf8(text)
            .ok()
            .and_then(|text| text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect());
        out.append(&bytes.ok_or_else(|| Error::corrupt("expected a part of a message as Latin-1"))?)
    }
}

/// Lengths of the rows of docs, and their numbers.
fn words<const N: usize, T>(
    raw: &RawReader<'_>,
    docs: Docs<'_>,
    cache: &mut ChunkCache,
    word: impl Fn([u8; N]) -> T,
) -> Result<(Vec<usize>, Vec<T>)> {
    let (mut lengths, mut all) = (Vec::with_capacity(docs.len()), Vec::new());
    raw.rows(docs, cache, |row| {
        let values = raw.values(row, N)?.as_chunks().0;
        lengths.push(values.len());
        all.extend(values.iter().map(|bytes| word(*bytes)));
        Ok(())
    })?;
    Ok((lengths, all))
}

/// The text of a decimal number: a bit for the sign, an unused one, 54 for the digits, 4 for how many they are less one, 4
/// for how many of them follow the point less one.
fn float(encoded: u64) -> Result<Vec<u8>> {
    let (after, count) = ((encoded & 15) as usize + 1, (encoded >> 4 & 15) as usize + 1);
    let mut text = format!("{:0count$}", encoded >> 8 & ((1 << 54) - 1)).into_bytes();
    if text.len() != count || after > count {
        return Err(Error::corrupt(format!("expected {count} digits of a number, found {}", text.len())));
    }
    text.insert(count - after, b'.');
    if encoded >> 63 == 1 {
        text.insert(0, b'-');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_zeros() {
        let encode = |negative: u64, digits: u64, count: u64, after: u64| {
            negative << 63 | digits << 8 | (count - 1) << 4 | (after - 1)
        };
        for (encoded, text) in [
            (encode(0, 15, 2, 1), "1.5"),
            (encode(1, 120, 4, 2), "-01.20"),
            (encode(0, 25, 2, 2), ".25"),
            (encode(0, 1_234_567_890_123_456, 16, 1), "123456789012345.6"),
        ] {
            assert_eq!(String::from_utf8(float(encoded).unwrap()).unwrap(), text);
        }
        assert!(float(encode(0, 150, 2, 1)).is_err() && float(encode(0, 15, 2, 3)).is_err());
    }
}
