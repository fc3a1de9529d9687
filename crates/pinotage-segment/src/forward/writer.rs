//! Writes the payload of a forward index (`spec/forward.md`).

use std::ops::Range;

use pinotage_common::{Error, ErrorKind, Result};
use pinotage_spec::ForwardOptions;

use crate::bits::{pack, packed_len};
use crate::codec::ChunkCodec;
use crate::constants::{HUGE_CHUNK_FLAG, MULTI_VALUE_CHUNK, RAW_HEADER, RAW_V4_HEADER};
use crate::staged::Out;

/// Ids that are packed at a time; so many always end with a byte.
const PACKED_RUN: usize = 1 << 16;

/// The first and last doc id of each dictionary id of a sorted column, in which every id occurs.
///
/// # Pinot equivalent
///
/// `SingleValueSortedForwardIndexCreator`
pub(crate) fn sorted_ranges(ids: impl Iterator<Item = u32>, out: &mut Out<'_>) -> Result<()> {
    let mut last = None;
    let mut docs = 0u32;
    for id in ids {
        if last != Some(id) {
            if docs > 0 {
                out.extend(&(docs - 1).to_be_bytes())?;
            }
            out.extend(&docs.to_be_bytes())?;
            last = Some(id);
        }
        docs += 1;
    }
    if docs > 0 {
        out.extend(&(docs - 1).to_be_bytes())?;
    }
    Ok(())
}

/// The dictionary ids as a bit stream.
///
/// # Pinot equivalent
///
/// `SingleValueUnsortedForwardIndexCreator`
pub(crate) fn single_value_ids(
    mut ids: impl Iterator<Item = u32>,
    num_docs: usize,
    bits: u8,
    out: &mut Out<'_>,
) -> Result<()> {
    for _ in (0..num_docs).step_by(PACKED_RUN) {
        pack(ids.by_ref().take(PACKED_RUN), bits, out.buffer());
        out.settle()?;
    }
    Ok(())
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
pub(crate) fn multi_value_ids(ids: impl Iterator<Item = u32>, ends: &[u32], bits: u8, out: &mut Out<'_>) -> Result<()> {
    let num_values = ends.last().map_or(0, |end| *end as usize);
    let average = (num_values / ends.len()).max(1);
    let docs_per_chunk = MULTI_VALUE_CHUNK.div_ceil(average);
    let num_chunks = ends.len().div_ceil(docs_per_chunk);
    let total = 4 * num_chunks + num_values.div_ceil(8) + packed_len(num_values, bits);
    if i32::try_from(total).is_err() {
        return Err(too_large(total, "2 GiB"));
    }
    let start_of = |doc: usize| if doc == 0 { 0 } else { ends[doc - 1] };
    for chunk in 0..num_chunks {
        out.extend(&start_of(chunk * docs_per_chunk).to_be_bytes())?;
    }
    let mut begins = vec![0; num_values.div_ceil(8)];
    for doc in 0..ends.len() {
        let value = start_of(doc) as usize;
        begins[value / 8] |= 0x80 >> (value % 8);
    }
    out.extend(&begins)?;
    single_value_ids(ids, num_values, bits, out)
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
    out: &mut Out<'_>,
) -> Result<()> {
    let docs_per_chunk = options.fixed_docs_per_chunk();
    let codec = ChunkCodec::of(options.codec, false);
    let mut file = ChunkFile::new(options.version, docs_per_chunk, width, num_docs, codec, out)?;
    let mut chunk = Vec::with_capacity(docs_per_chunk * width);
    for start in (0..num_docs).step_by(docs_per_chunk) {
        chunk.clear();
        write(start..num_docs.min(start + docs_per_chunk), &mut chunk);
        file.push(&chunk)?;
    }
    file.finish()
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
    out: &mut Out<'_>,
) -> Result<()> {
    if options.version < 4 {
        return raw_variable_old(num_docs, longest, derive_docs, options, rows, out);
    }
    let limit = chunk_size(longest, options);
    let codec = ChunkCodec::of(options.codec, true);
    let chunks = cut(num_docs, limit, rows);
    let base = RAW_V4_HEADER + 8 * chunks.len();
    // Version 5 differs only in multi-value rows of fixed width; everything else stays 4 (the caller has seen to it).
    for word in [u32::from(options.version), limit as u32, codec.to_tag(), base as u32] {
        out.extend(&word.to_be_bytes())?;
    }
    out.reserve(8 * chunks.len())?;
    let mut table = Vec::with_capacity(8 * chunks.len());
    let mut chunk = Vec::with_capacity(limit);
    for (docs, huge) in chunks {
        let offset = out.len() - base;
        let offset = u32::try_from(offset).map_err(|_| too_large(offset, "4 GiB"))?;
        let first = docs.start as u32 | if huge { HUGE_CHUNK_FLAG } else { 0 };
        table.extend_from_slice(&first.to_le_bytes());
        table.extend_from_slice(&offset.to_le_bytes());
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
        codec.compress(&chunk, true, out.buffer())?;
        out.settle()?;
    }
    out.replace(RAW_V4_HEADER, &table)
}

/// The docs of each chunk of version 4, and whether it is a single row beyond the limit.
fn cut(num_docs: usize, limit: usize, rows: &impl Rows) -> Vec<(Range<usize>, bool)> {
    let mut chunks = Vec::new();
    let (mut first, mut used) = (0, 4);
    for doc in 0..num_docs {
        let need = 4 + rows.len_bytes(doc);
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
    chunks
}

fn raw_variable_old(
    num_docs: usize,
    longest: usize,
    derive_docs: bool,
    options: &ForwardOptions,
    rows: &impl Rows,
    out: &mut Out<'_>,
) -> Result<()> {
    let docs_per_chunk = if derive_docs || options.derive_num_docs_per_chunk {
        (options.target_max_chunk_size / (longest + 4)).max(1)
    } else {
        options.target_docs_per_chunk.unwrap_or(1000).max(1)
    };
    let codec = ChunkCodec::of(options.codec, false);
    let mut file = ChunkFile::new(options.version, docs_per_chunk, longest, num_docs, codec, out)?;
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
    file.finish()
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
struct ChunkFile<'a, 'o> {
    out: &'a mut Out<'o>,
    table: Vec<u8>,
    version: u8,
    codec: ChunkCodec,
}

impl<'a, 'o> ChunkFile<'a, 'o> {
    fn new(
        version: u8,
        docs_per_chunk: usize,
        width: usize,
        num_docs: usize,
        codec: ChunkCodec,
        out: &'a mut Out<'o>,
    ) -> Result<Self> {
        let num_chunks = num_docs.div_ceil(docs_per_chunk);
        for word in [
            u32::from(version),
            num_chunks as u32,
            docs_per_chunk as u32,
            width as u32,
            num_docs as u32,
            codec.to_tag(),
            RAW_HEADER as u32,
        ] {
            out.extend(&word.to_be_bytes())?;
        }
        let table_len = num_chunks * if version == 2 { 4 } else { 8 };
        out.reserve(table_len)?;
        Ok(Self { out, table: Vec::with_capacity(table_len), version, codec })
    }

    fn push(&mut self, chunk: &[u8]) -> Result<()> {
        let offset = self.out.len();
        if self.version == 2 {
            let offset = i32::try_from(offset).map_err(|_| too_large(offset, "2 GiB"))?;
            self.table.extend_from_slice(&offset.to_be_bytes());
        } else {
            self.table.extend_from_slice(&(offset as u64).to_be_bytes());
        }
        self.codec.compress(chunk, false, self.out.buffer())?;
        self.out.settle()
    }

    fn finish(self) -> Result<()> {
        self.out.replace(RAW_HEADER, &self.table)
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
    use crate::staged::written;

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
            written(|out| sorted_ranges([0, 0, 1, 1, 2].into_iter(), out)).unwrap(),
            [0, 1, 2, 3, 4, 4].map(u32::to_be_bytes).concat()
        );
        assert_eq!(
            written(|out| multi_value_ids([0, 1, 2, 1, 0, 2, 1].into_iter(), &[2, 3, 4, 6, 7], 2, out)).unwrap(),
            [0, 0, 0, 0, 0xba, 0x19, 0x24]
        );
    }

    #[test]
    fn sizes_are_those_that_pinot_writes() {
        let zeros = |docs: Range<usize>, out: &mut Vec<u8>| out.resize(8 * docs.len(), 0);
        let fixed = |version| written(|out| raw_fixed(2500, 8, &options(version), zeros, out)).unwrap().len();
        assert_eq!((fixed(4), fixed(2)), (20052, 20040));
        let text = Text((0..2500).map(|i| format!("row-{i}-{}", "z".repeat(i % 17))).collect());
        let longest = text.0.iter().map(String::len).max().unwrap();
        let len =
            |version| written(|out| raw_variable(2500, longest, false, &options(version), &text, out)).unwrap().len();
        assert_eq!((len(4), len(3)), (51446, 53434));
    }

    #[test]
    fn a_row_beyond_the_chunk_stands_alone() {
        let text = Text(vec!["a".into(), "b".repeat(20_000), "c".into()]);
        let bytes = written(|out| raw_variable(3, 20_000, false, &options(4), &text, out)).unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(bytes[15], 16 + 3 * 8);
        assert_eq!((word(16), word(24), word(32)), (0, 1 | HUGE_CHUNK_FLAG, 2));
    }
}
