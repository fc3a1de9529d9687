//! Writes the payload of a forward index (`spec/forward.md`).

use std::ops::Range;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::ForwardOptions;

use crate::bits::{pack, packed_len};
use crate::codec::ChunkCodec;
use crate::constants::{HUGE_CHUNK_FLAG, MULTI_VALUE_CHUNK, RAW_HEADER, RAW_V4_HEADER};

/// The first and last doc id of each dictionary id of a sorted column.
///
/// # Pinot equivalent
///
/// `SingleValueSortedForwardIndexCreator`
pub(crate) fn sorted_ranges(ids: impl Iterator<Item = u32>, cardinality: usize) -> Vec<u8> {
    let mut docs = vec![0; cardinality];
    ids.for_each(|id| docs[id as usize] += 1);
    let mut bytes = Vec::with_capacity(8 * cardinality);
    let mut start = 0u32;
    for docs in docs {
        bytes.extend_from_slice(&start.to_be_bytes());
        start += docs;
        bytes.extend_from_slice(&(start - 1).to_be_bytes());
    }
    bytes
}

/// The dictionary ids as a bit stream.
///
/// # Pinot equivalent
///
/// `SingleValueUnsortedForwardIndexCreator`
pub(crate) fn single_value_ids(ids: impl Iterator<Item = u32>, num_docs: usize, bits: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_len(num_docs, bits));
    pack(ids, bits, &mut bytes);
    bytes
}

/// Chunk offsets, a bit per value that begins a row, and the dictionary ids as a bit stream.
///
/// `ends` holds the number of values up to and including each row; every row has at least one value.
///
/// # Errors
///
/// `resource-exhausted` beyond 2 GiB.
///
/// # Pinot equivalent
///
/// `FixedBitMVForwardIndexWriter`
pub(crate) fn multi_value_ids(ids: impl Iterator<Item = u32>, ends: &[u32], bits: u8) -> Result<Vec<u8>> {
    let num_values = ends.last().map_or(0, |end| *end as usize);
    let average = (num_values / ends.len()).max(1);
    let docs_per_chunk = MULTI_VALUE_CHUNK.div_ceil(average);
    let num_chunks = ends.len().div_ceil(docs_per_chunk);
    let total = 4 * num_chunks + num_values.div_ceil(8) + packed_len(num_values, bits);
    if i32::try_from(total).is_err() {
        return Err(too_large(total, "2 GiB"));
    }
    let mut bytes = Vec::with_capacity(total);
    let start_of = |doc: usize| if doc == 0 { 0 } else { ends[doc - 1] };
    for chunk in 0..num_chunks {
        bytes.extend_from_slice(&start_of(chunk * docs_per_chunk).to_be_bytes());
    }
    let bitmap = bytes.len();
    bytes.resize(bitmap + num_values.div_ceil(8), 0);
    for doc in 0..ends.len() {
        let value = start_of(doc) as usize;
        bytes[bitmap + value / 8] |= 0x80 >> (value % 8);
    }
    pack(ids, bits, &mut bytes);
    Ok(bytes)
}

/// A raw forward index of fixed-width values; `write` appends the big-endian values of a range of docs.
///
/// # Errors
///
/// `resource-exhausted` when version 2's 32-bit offsets do not reach.
///
/// # Pinot equivalent
///
/// `FixedByteChunkForwardIndexWriter`
pub(crate) fn raw_fixed(
    num_docs: usize,
    width: usize,
    options: &ForwardOptions,
    mut write: impl FnMut(Range<usize>, &mut Vec<u8>),
) -> Result<Vec<u8>> {
    let docs_per_chunk = options.fixed_docs_per_chunk();
    let codec = ChunkCodec::of(options.codec, false);
    let mut file =
        ChunkFile::new(options.version, num_docs.div_ceil(docs_per_chunk), docs_per_chunk, width, num_docs, codec);
    let mut chunk = Vec::with_capacity(docs_per_chunk * width);
    for start in (0..num_docs).step_by(docs_per_chunk) {
        chunk.clear();
        write(start..num_docs.min(start + docs_per_chunk), &mut chunk);
        file.push(&chunk)?;
    }
    Ok(file.bytes)
}

/// Rows of a raw forward index of variable width.
pub(crate) trait Rows {
    /// Bytes of a row's payload.
    fn len_bytes(&self, doc: usize) -> usize;
    /// Appends a row's payload.
    fn write(&self, doc: usize, out: &mut Vec<u8>);
}

/// A raw forward index of variable-width rows: single-value text and bytes, and every raw multi-value column.
///
/// `longest` is Pinot's bound of a row's payload; it decides the size of a chunk.
///
/// # Errors
///
/// `resource-exhausted` when the 32-bit offsets do not reach.
///
/// # Pinot equivalent
///
/// `VarByteChunkForwardIndexWriter` (versions 2 and 3), `VarByteChunkForwardIndexWriterV4`
pub(crate) fn raw_variable(
    num_docs: usize,
    longest: usize,
    derive_docs: bool,
    options: &ForwardOptions,
    rows: &impl Rows,
) -> Result<Vec<u8>> {
    if options.version < 4 {
        return raw_variable_old(num_docs, longest, derive_docs, options, rows);
    }
    let limit = chunk_size(longest, options);
    let codec = ChunkCodec::of(options.codec, true);
    let (chunks, len) = cut(num_docs, limit, rows);
    let base = RAW_V4_HEADER + 8 * chunks.len();
    // Chunks rarely grow when they are compressed; what is not needed of this stays untouched memory.
    let mut bytes = Vec::with_capacity(base + len);
    // Version 5 differs only in multi-value rows of fixed width; everything else stays 4 (the caller has seen to it).
    for word in [u32::from(options.version), limit as u32, codec.to_tag(), base as u32] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.resize(base, 0);
    let mut chunk = Vec::with_capacity(limit);
    for (number, (docs, huge)) in chunks.into_iter().enumerate() {
        let offset = bytes.len() - base;
        let offset = u32::try_from(offset).map_err(|_| too_large(offset, "4 GiB"))?;
        let entry = RAW_V4_HEADER + 8 * number;
        let first = docs.start as u32 | if huge { HUGE_CHUNK_FLAG } else { 0 };
        bytes[entry..entry + 4].copy_from_slice(&first.to_le_bytes());
        bytes[entry + 4..entry + 8].copy_from_slice(&offset.to_le_bytes());
        chunk.clear();
        if !huge {
            chunk.extend_from_slice(&(docs.len() as u32).to_le_bytes());
            let mut at = 4 * (docs.len() + 1);
            for doc in docs.clone() {
                chunk.extend_from_slice(&(at as u32).to_le_bytes());
                at += rows.len_bytes(doc);
            }
        }
        docs.for_each(|doc| rows.write(doc, &mut chunk));
        codec.compress(&chunk, true, &mut bytes)?;
    }
    Ok(bytes)
}

/// The docs of each chunk of version 4, whether it is a single row beyond the limit, and the bytes of all chunks together.
fn cut(num_docs: usize, limit: usize, rows: &impl Rows) -> (Vec<(Range<usize>, bool)>, usize) {
    let mut chunks = Vec::new();
    let (mut first, mut used, mut len) = (0, 4, 0);
    for doc in 0..num_docs {
        let need = 4 + rows.len_bytes(doc);
        len += need;
        if used + need > limit {
            chunks.push((first..doc, false));
            (first, used) = (doc, 4);
            if need > limit - 4 {
                chunks.push((doc..doc + 1, true));
                first = doc + 1;
                continue;
            }
        }
        used += need;
    }
    chunks.push((first..num_docs, false));
    chunks.retain(|(docs, _)| !docs.is_empty());
    let len = len + 4 * chunks.len();
    (chunks, len)
}

fn raw_variable_old(
    num_docs: usize,
    longest: usize,
    derive_docs: bool,
    options: &ForwardOptions,
    rows: &impl Rows,
) -> Result<Vec<u8>> {
    let docs_per_chunk = if derive_docs || options.derive_num_docs_per_chunk {
        (options.target_max_chunk_size / (longest + 4)).max(1)
    } else {
        options.target_docs_per_chunk.unwrap_or(1000).max(1)
    };
    let codec = ChunkCodec::of(options.codec, false);
    let mut file =
        ChunkFile::new(options.version, num_docs.div_ceil(docs_per_chunk), docs_per_chunk, longest, num_docs, codec);
    let mut chunk = Vec::new();
    for start in (0..num_docs).step_by(docs_per_chunk) {
        let docs = start..num_docs.min(start + docs_per_chunk);
        chunk.clear();
        let mut at = 4 * docs_per_chunk;
        for doc in docs.clone() {
            chunk.extend_from_slice(&(at as u32).to_be_bytes());
            at += rows.len_bytes(doc);
        }
        // Rows that the last chunk does not have get the offset 0.
        chunk.resize(4 * docs_per_chunk, 0);
        docs.for_each(|doc| rows.write(doc, &mut chunk));
        file.push(&chunk)?;
    }
    Ok(file.bytes)
}

/// `ForwardIndexUtils.getDynamicTargetChunkSize`
fn chunk_size(longest: usize, options: &ForwardOptions) -> usize {
    let by_docs = options
        .target_docs_per_chunk
        .and_then(|docs| longest.checked_mul(docs))
        .filter(|size| i32::try_from(*size).is_ok());
    match by_docs {
        Some(size) => size.min(options.target_max_chunk_size).max(4096),
        None => options.target_max_chunk_size.max(4096),
    }
}

/// A file of chunks behind a table of their offsets.
struct ChunkFile {
    bytes: Vec<u8>,
    version: u8,
    next: usize,
    codec: ChunkCodec,
}

impl ChunkFile {
    fn new(
        version: u8,
        num_chunks: usize,
        docs_per_chunk: usize,
        width: usize,
        num_docs: usize,
        codec: ChunkCodec,
    ) -> Self {
        let mut bytes = Vec::with_capacity(RAW_HEADER + 8 * num_chunks + num_docs * width / 2);
        for word in [
            u32::from(version),
            num_chunks as u32,
            docs_per_chunk as u32,
            width as u32,
            num_docs as u32,
            codec.to_tag(),
            RAW_HEADER as u32,
        ] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        let offset_width = if version == 2 { 4 } else { 8 };
        bytes.resize(RAW_HEADER + offset_width * num_chunks, 0);
        Self { bytes, version, next: RAW_HEADER, codec }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<()> {
        let offset = self.bytes.len();
        if self.version == 2 {
            let offset = i32::try_from(offset).map_err(|_| too_large(offset, "2 GiB"))?;
            self.bytes[self.next..self.next + 4].copy_from_slice(&offset.to_be_bytes());
            self.next += 4;
        } else {
            self.bytes[self.next..self.next + 8].copy_from_slice(&(offset as u64).to_be_bytes());
            self.next += 8;
        }
        self.codec.compress(chunk, false, &mut self.bytes)
    }
}

fn too_large(found: usize, limit: &str) -> Error {
    Error::new(
        ErrorKind::ResourceExhausted,
        format!("expected a forward index below {limit}, found at least {found} bytes"),
    )
    .action("make smaller segments (`segment.maxRows`)")
}

#[cfg(test)]
mod tests {
    use pinotage_spec::Codec;

    use super::*;

    fn options(version: u8) -> ForwardOptions {
        ForwardOptions {
            codec: Codec::PassThrough,
            version,
            target_max_chunk_size: 16 << 10,
            target_docs_per_chunk: Some(1000),
            derive_num_docs_per_chunk: false,
        }
    }

    struct Text(Vec<String>);

    impl Rows for Text {
        fn len_bytes(&self, doc: usize) -> usize {
            self.0[doc].len()
        }
        fn write(&self, doc: usize, out: &mut Vec<u8>) {
            out.extend_from_slice(self.0[doc].as_bytes());
        }
    }

    #[test]
    fn the_worked_example_is_written() {
        assert_eq!(
            sorted_ranges([0, 0, 1, 1, 2].into_iter(), 3).as_chunks::<4>().0.iter().map(|b| b[3]).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 4]
        );
        assert_eq!(
            multi_value_ids([0, 1, 2, 1, 0, 2, 1].into_iter(), &[2, 3, 4, 6, 7], 2).unwrap(),
            [0, 0, 0, 0, 0xba, 0x19, 0x24]
        );
    }

    #[test]
    fn sizes_are_those_that_pinot_writes() {
        let fixed =
            |version| raw_fixed(2500, 8, &options(version), |docs, out| out.resize(8 * docs.len(), 0)).unwrap().len();
        assert_eq!((fixed(4), fixed(2)), (20052, 20040));
        let text = Text((0..2500).map(|i| format!("row-{i}-{}", "z".repeat(i % 17))).collect());
        let longest = text.0.iter().map(String::len).max().unwrap();
        assert_eq!(raw_variable(2500, longest, false, &options(4), &text).unwrap().len(), 51446);
        assert_eq!(raw_variable(2500, longest, false, &options(3), &text).unwrap().len(), 53434);
    }

    #[test]
    fn a_row_beyond_the_chunk_stands_alone() {
        let text = Text(vec!["a".into(), "b".repeat(20_000), "c".into()]);
        let bytes = raw_variable(3, 20_000, false, &options(4), &text).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(bytes[15], 16 + 3 * 8);
        assert_eq!((word(16), word(24), word(32)), (0, 1 | HUGE_CHUNK_FLAG, 2));
    }
}
