//! Reads the chunks of a raw forward index (`spec/forward.md`).

use std::borrow::Cow;
use std::ops::Range;

use pinotage_common::{Error, Result};
use pinotage_spec::StoredType;

use super::docs::Docs;
use crate::codec::ChunkCodec;
use crate::constants::{HUGE_CHUNK_FLAG, RAW_HEADER, RAW_V4_HEADER};
use crate::metadata::ColumnMetadata;

/// The header of version 1, which no current writer makes.
const RAW_V1_HEADER: usize = 16;

/// No chunk may decompress to more than this; Pinot's own limit is the largest Java array.
const MAX_CHUNK: usize = i32::MAX as usize;

/// A raw forward index: chunks of rows.
#[derive(Debug)]
pub struct RawReader<'a> {
    bytes: &'a [u8],
    codec: ChunkCodec,
    /// The first doc and the place of each chunk, and whether it is one row alone.
    chunks: Vec<Chunk>,
    num_docs: usize,
    layout: Layout,
    /// Multi-value rows begin with their number of values.
    counted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    first_doc: usize,
    offset: usize,
    huge: bool,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Values of this width.
    Fixed(usize),
    /// Versions 2 and 3: this many offsets before the rows of each chunk, and the longest row.
    Offsets(usize, usize),
    /// Versions 4 to 6: a count and offsets or, in version 6, lengths; and the limit of a chunk.
    Counted { limit: usize, lengths: bool },
}

/// The chunk that was decompressed last; batches that end inside a chunk would decompress it again.
#[derive(Debug, Default)]
pub struct ChunkCache(Option<(usize, Vec<u8>)>);

impl<'a> RawReader<'a> {
    /// Opens the payload of a raw forward index.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for a header that does not fit the payload; `unsupported` for an unknown version or codec.
    pub fn try_new(bytes: &'a [u8], column: &ColumnMetadata, num_docs: usize) -> Result<Self> {
        Self::open(bytes, column.data_type.stored(), column.single_value, num_docs)
    }

    /// As [`RawReader::try_new`] of a column of such values.
    pub(super) fn open(bytes: &'a [u8], stored: StoredType, single_value: bool, num_docs: usize) -> Result<Self> {
        let version = be32(bytes, 0)?;
        let fixed = stored.fixed_width().filter(|_| single_value);
        let reader = match (version, fixed) {
            (4..=6, None) => Self::open_counted(bytes, version, num_docs),
            (1..=6, _) => Self::open_table(bytes, version, fixed, num_docs),
            _ => Err(Error::unsupported(format!("raw forward indexes of version {version} cannot be read"))
                .action("build the segment again with `rawIndexWriterVersion` 4")),
        }?;
        Ok(Self { counted: version < 5 || stored.fixed_width().is_none(), ..reader })
    }

    /// A table of chunk offsets: fixed width, and versions 2 and 3 of everything.
    fn open_table(bytes: &'a [u8], version: usize, fixed: Option<usize>, num_docs: usize) -> Result<Self> {
        let (num_chunks, docs_per_chunk, width) = (be32(bytes, 4)?, be32(bytes, 8)?, be32(bytes, 12)?);
        // Version 1 knew one codec, and its offsets follow at once.
        let (docs, codec, table) = match version {
            1 => (num_docs, ChunkCodec::Snappy, RAW_V1_HEADER),
            _ => (be32(bytes, 16)?, codec(be32(bytes, 20)?)?, be32(bytes, 24)?),
        };
        let sensible = docs == num_docs
            && docs_per_chunk > 0
            && num_chunks == num_docs.div_ceil(docs_per_chunk)
            && fixed.is_none_or(|fixed| fixed == width)
            && [docs_per_chunk, width].iter().all(|count| i32::try_from(*count).is_ok())
            && table >= if version == 1 { RAW_V1_HEADER } else { RAW_HEADER };
        if !sensible {
            return Err(Error::corrupt(format!(
                "expected the header of {num_docs} docs, found {docs} docs of {width} bytes in {num_chunks} chunks of {docs_per_chunk}"
            )));
        }
        let offset_width = if version <= 2 { 4 } else { 8 };
        let offsets = num_chunks.checked_mul(offset_width).and_then(|len| bytes.get(table..table.checked_add(len)?));
        let offsets = offsets.ok_or_else(|| short(bytes, num_chunks))?;
        let chunks = offsets
            .chunks_exact(offset_width)
            .enumerate()
            .map(|(chunk, offset)| Chunk {
                first_doc: chunk * docs_per_chunk,
                offset: offset.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte)) as usize,
                huge: false,
            })
            .collect();
        let layout = match fixed {
            Some(width) => Layout::Fixed(width),
            None => Layout::Offsets(docs_per_chunk, width),
        };
        Self { bytes, codec, chunks, num_docs, layout, counted: true }.checked()
    }

    /// Chunks that say how many rows they hold: variable width from version 4 on.
    fn open_counted(bytes: &'a [u8], version: usize, num_docs: usize) -> Result<Self> {
        let (limit, codec, body) = (be32(bytes, 4)?, codec(be32(bytes, 8)?)?, be32(bytes, 12)?);
        let table = bytes.get(RAW_V4_HEADER..body).ok_or_else(|| short(bytes, body))?;
        if limit > MAX_CHUNK || table.len() % 8 != 0 {
            return Err(Error::corrupt(format!(
                "expected chunks of at most {MAX_CHUNK} bytes in a table of 8 bytes each, found chunks of {limit} in {} bytes",
                table.len()
            )));
        }
        let chunks = table
            .as_chunks::<8>()
            .0
            .iter()
            .map(|[a, b, c, d, e, f, g, h]| {
                let doc = u32::from_le_bytes([*a, *b, *c, *d]);
                Chunk {
                    first_doc: (doc & !HUGE_CHUNK_FLAG) as usize,
                    offset: body + u32::from_le_bytes([*e, *f, *g, *h]) as usize,
                    huge: doc & HUGE_CHUNK_FLAG != 0,
                }
            })
            .collect();
        let lengths = version == 6 && codec != ChunkCodec::PassThrough;
        Self { bytes, codec, chunks, num_docs, layout: Layout::Counted { limit, lengths }, counted: true }.checked()
    }

    /// Chunks follow each other inside the payload, from doc 0 on.
    fn checked(self) -> Result<Self> {
        let starts_at_zero = self.chunks.first().map_or(self.num_docs == 0, |chunk| chunk.first_doc == 0);
        let ascend = self.chunks.is_sorted_by(|a, b| a.first_doc < b.first_doc && a.offset <= b.offset);
        let inside =
            self.chunks.last().is_none_or(|chunk| chunk.first_doc < self.num_docs && chunk.offset <= self.bytes.len());
        if starts_at_zero && ascend && inside {
            return Ok(self);
        }
        Err(Error::corrupt("expected chunks that follow each other inside the index"))
    }

    /// The values of fixed width in a multi-value row: before version 5 their number stands before them.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` when the row does not hold whole values.
    pub(crate) fn values<'r>(&self, row: &'r [u8], width: usize) -> Result<&'r [u8]> {
        if !self.counted {
            let bad = || Error::corrupt(format!("expected values of {width} bytes, found a row of {}", row.len()));
            return row.len().is_multiple_of(width).then_some(row).ok_or_else(bad);
        }
        let count = be32(row, 0)?;
        count
            .checked_mul(width)
            .and_then(|len| row.get(4..len.checked_add(4)?))
            .ok_or_else(|| Error::corrupt(format!("expected {count} values in a row of {} bytes", row.len())))
    }

    /// Whether multi-value rows begin with their number of values.
    pub(crate) fn is_counted(&self) -> bool {
        self.counted
    }

    /// The codec of the chunks.
    pub fn codec(&self) -> ChunkCodec {
        self.codec
    }

    fn chunk_of(&self, doc: usize) -> usize {
        self.chunks.partition_point(|chunk| chunk.first_doc <= doc).saturating_sub(1)
    }

    /// The docs of a chunk.
    fn docs_of(&self, chunk: usize) -> Range<usize> {
        let first = |chunk: usize| self.chunks.get(chunk).map_or(self.num_docs, |chunk| chunk.first_doc);
        first(chunk)..first(chunk + 1)
    }

    fn decompress(&self, number: usize) -> Result<Cow<'a, [u8]>> {
        let bad = |what: &str| {
            Error::corrupt(format!("chunk {number} {what}"))
                .with("codec", self.codec.name())
                .with("byte", self.chunks.get(number).map_or(0, |chunk| chunk.offset))
        };
        let chunk = self.chunks.get(number).ok_or_else(|| bad("does not exist"))?;
        let end = self.chunks.get(number + 1).map_or(self.bytes.len(), |next| next.offset);
        let compressed = self.bytes.get(chunk.offset..end).ok_or_else(|| bad("lies outside of the index"))?;
        let docs = self.docs_of(number).len();
        let (limit, little_endian) = match self.layout {
            Layout::Fixed(width) => (docs * width, false),
            // Both are below 2³¹, so nothing overflows; rows beyond the last doc take no room but their offsets do.
            Layout::Offsets(slots, longest) => (slots * 4 + docs.min(slots) * longest, false),
            Layout::Counted { limit, .. } if !chunk.huge => (limit, true),
            Layout::Counted { .. } => (MAX_CHUNK, true),
        };
        // Compression cannot shrink without bound: LZ4 at most 255 to 1, zlib about 1032, Zstandard far more on runs.
        let ratio = if self.codec == ChunkCodec::Zstandard { 1 << 16 } else { 1100 };
        let mut limit = limit.min(compressed.len().saturating_mul(ratio).saturating_add(64));
        if self.codec == ChunkCodec::Zstandard
            && let Ok(Some(len)) = zstd::zstd_safe::get_frame_content_size(compressed)
        {
            // The frame says how long it is, so no buffer of the largest size is needed for a small chunk.
            limit = usize::try_from(len).map_or(limit, |len| len.min(limit));
        }
        let chunk =
            self.codec.decompress(compressed, limit, little_endian).ok_or_else(|| bad("cannot be decompressed"))?;
        if let Layout::Fixed(width) = self.layout
            && chunk.len() != docs * width
        {
            return Err(bad(&format!("should hold {docs} values of {width} bytes and holds {} bytes", chunk.len())));
        }
        Ok(chunk)
    }

    /// Appends the big-endian values of docs of a fixed-width column.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for a chunk that cannot be read.
    pub fn fixed<'d>(&self, docs: impl Into<Docs<'d>>, cache: &mut ChunkCache, out: &mut Vec<u8>) -> Result<()> {
        let Layout::Fixed(width) = self.layout else {
            return Err(Error::unexpected("expected values of fixed width"));
        };
        self.each_chunk(docs.into(), cache, |number, chunk, docs| {
            let first = self.docs_of(number).start;
            for run in docs.runs() {
                let values = chunk.get((run.start - first) * width..(run.end - first) * width);
                out.extend_from_slice(values.ok_or_else(|| Error::corrupt("a chunk is shorter than its values"))?);
            }
            Ok(())
        })
    }

    /// Calls `row` with the payload of each of the docs of a variable-width column.
    ///
    /// # Errors
    ///
    /// `corrupt-segment` for a chunk that cannot be read, and what `row` returns.
    pub fn rows<'d>(
        &self,
        docs: impl Into<Docs<'d>>,
        cache: &mut ChunkCache,
        mut row: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.each_chunk(docs.into(), cache, |number, chunk, docs| {
            let bad = || {
                Error::corrupt(format!("the rows of chunk {number} do not lie inside it"))
                    .with("byte", self.chunks.get(number).map_or(0, |chunk| chunk.offset))
            };
            let first = self.docs_of(number).start;
            let rows = docs.iter().map(|doc| doc - first);
            if self.chunks.get(number).is_some_and(|chunk| chunk.huge) {
                // A huge chunk is one row; more docs would all be the same bytes.
                return if self.docs_of(number).len() == 1 { row(chunk) } else { Err(bad()) };
            }
            match self.layout {
                Layout::Fixed(_) => Err(Error::unexpected("expected rows of variable width")),
                Layout::Offsets(slots, _) => {
                    for at in rows {
                        let start = be32(chunk, 4 * at)?;
                        let next = if at + 1 < slots { be32(chunk, 4 * (at + 1))? } else { 0 };
                        let end = if next == 0 { chunk.len() } else { next };
                        if start < 4 * slots {
                            return Err(bad());
                        }
                        row(chunk.get(start..end).ok_or_else(bad)?)?;
                    }
                    Ok(())
                }
                Layout::Counted { lengths, .. } => {
                    let count = le32(chunk, 0)?;
                    let body = 4 * (count + 1);
                    if count != self.docs_of(number).len() || chunk.len() < body {
                        return Err(bad());
                    }
                    // With lengths a row begins where the ones before it end; `passed` of them are summed up.
                    let (mut passed, mut place) = (0, body);
                    for at in rows {
                        let (start, end) = if lengths {
                            while passed < at {
                                place += le32(chunk, 4 + 4 * passed)?;
                                passed += 1;
                            }
                            (place, place + le32(chunk, 4 + 4 * at)?)
                        } else {
                            let next = if at + 1 < count { le32(chunk, 8 + 4 * at)? } else { chunk.len() };
                            (le32(chunk, 4 + 4 * at)?, next)
                        };
                        if start < body {
                            return Err(bad());
                        }
                        row(chunk.get(start..end).ok_or_else(bad)?)?;
                    }
                    Ok(())
                }
            }
        })
    }

    /// Calls `read` with each chunk that the docs touch, and those of the docs that lie in it.
    fn each_chunk(
        &self,
        mut docs: Docs<'_>,
        cache: &mut ChunkCache,
        mut read: impl FnMut(usize, &[u8], Docs<'_>) -> Result<()>,
    ) -> Result<()> {
        while let Some(first) = docs.first() {
            let number = self.chunk_of(first);
            let (here, later) = docs.split_before(self.docs_of(number).end);
            if here.is_empty() {
                return Err(Error::unexpected(format!("doc {first} lies beyond the segment")));
            }
            docs = later;
            match &cache.0 {
                Some((cached, chunk)) if *cached == number => read(number, chunk, here)?,
                _ => match self.decompress(number)? {
                    Cow::Borrowed(chunk) => read(number, chunk, here)?,
                    Cow::Owned(chunk) => {
                        read(number, &chunk, here)?;
                        cache.0 = Some((number, chunk));
                    }
                },
            }
        }
        Ok(())
    }
}

fn codec(tag: usize) -> Result<ChunkCodec> {
    u32::try_from(tag).ok().and_then(ChunkCodec::try_from_tag).ok_or_else(|| {
        Error::unsupported(format!("compression codec {tag} cannot be read"))
            .action("build the segment again with LZ4 or ZSTANDARD")
    })
}

fn short(bytes: &[u8], expected: usize) -> Error {
    Error::corrupt(format!("the header speaks of {expected} chunks or bytes, the index has {} bytes", bytes.len()))
}

fn word(bytes: &[u8], at: usize) -> Result<[u8; 4]> {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|word| word.try_into().ok())
        .ok_or_else(|| Error::corrupt(format!("expected a number at byte {at}, found {} bytes", bytes.len())))
}

/// A big-endian count or offset.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(u32::from_be_bytes(word(bytes, at)?) as usize)
}

fn le32(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(u32::from_le_bytes(word(bytes, at)?) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::SegmentMetadata;

    fn column(data_type: &str, single_value: bool) -> ColumnMetadata {
        let text = format!(
            "segment.total.docs = 4\nsegment.dimension.column.names = a\ncolumn.a.columnType = DIMENSION\n\
             column.a.dataType = {data_type}\ncolumn.a.cardinality = 4\ncolumn.a.hasDictionary = false\n\
             column.a.isSingleValues = {single_value}\n"
        );
        SegmentMetadata::parse(text.as_bytes()).unwrap().columns["a"].clone()
    }

    fn rows(reader: &RawReader<'_>, docs: Docs<'_>) -> Result<Vec<Vec<u8>>> {
        let mut rows = Vec::new();
        reader.rows(docs, &mut ChunkCache::default(), |row| {
            rows.push(row.to_vec());
            Ok(())
        })?;
        Ok(rows)
    }

    fn be(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Three rows in a chunk, with lengths, and a huge row after them.
    fn version_6() -> Vec<u8> {
        let mut chunk: Vec<u8> = [3u32, 1, 0, 2].iter().flat_map(|word| word.to_le_bytes()).collect();
        chunk.extend(b"abb");
        let mut bytes = be(&[6, 64, ChunkCodec::Lz4LengthPrefixed.to_tag(), 32]);
        let mut chunks = Vec::new();
        ChunkCodec::Lz4LengthPrefixed.compress(&chunk, true, &mut chunks).unwrap();
        let huge_at = chunks.len() as u32;
        ChunkCodec::Lz4LengthPrefixed.compress(&[b'z'; 100], true, &mut chunks).unwrap();
        [0, 0, 3 | HUGE_CHUNK_FLAG, huge_at].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(chunks);
        bytes
    }

    #[test]
    fn version_6_keeps_lengths() {
        let bytes = version_6();
        let reader = RawReader::try_new(&bytes, &column("STRING", true), 4).unwrap();
        let all = rows(&reader, Docs::Range(0, 4)).unwrap();
        assert_eq!(all, [b"a".to_vec(), Vec::new(), b"bb".to_vec(), vec![b'z'; 100]]);
        assert_eq!(rows(&reader, Docs::List(&[0, 2])).unwrap(), [b"a".to_vec(), b"bb".to_vec()]);
        assert_eq!(rows(&reader, Docs::List(&[2, 3])).unwrap(), all[2..]);
        assert!(rows(&reader, Docs::Range(3, 5)).is_err());
    }

    /// One chunk of version 6 after the other.
    fn version_6_of(codec: ChunkCodec, limit: usize, chunks: &[&[Vec<u8>]]) -> Vec<u8> {
        let base = RAW_V4_HEADER + 8 * chunks.len();
        let mut bytes = be(&[6, limit as u32, codec.to_tag(), base as u32]);
        let (mut body, mut first) = (Vec::new(), 0u32);
        for rows in chunks {
            [first, body.len() as u32].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
            first += rows.len() as u32;
            let mut chunk = (rows.len() as u32).to_le_bytes().to_vec();
            let mut at = 4 * (rows.len() + 1);
            for row in *rows {
                let word = if codec == ChunkCodec::PassThrough { at } else { row.len() };
                chunk.extend((word as u32).to_le_bytes());
                at += row.len();
            }
            rows.iter().for_each(|row| chunk.extend(row));
            codec.compress(&chunk, true, &mut body).unwrap();
        }
        bytes.extend(body);
        bytes
    }

    /// Not verified by Pinot: no release writes version 6 yet. The number of bytes is what its snapshot wrote of the same rows.
    #[test]
    fn version_6_has_the_size_that_pinot_gave_it() {
        let all: Vec<Vec<u8>> = (0..2500).map(|i| format!("row-{i}-{}", "z".repeat(i % 17)).into_bytes()).collect();
        let (mut ends, mut used) = (vec![0], 4);
        for (doc, row) in all.iter().enumerate() {
            if used + 4 + row.len() > 16 << 10 {
                ends.push(doc);
                used = 4;
            }
            used += 4 + row.len();
        }
        ends.push(all.len());
        let chunks: Vec<&[Vec<u8>]> = ends.windows(2).map(|pair| &all[pair[0]..pair[1]]).collect();
        let column = column("STRING", true);
        for (codec, len) in [(ChunkCodec::Zstandard, 5769), (ChunkCodec::PassThrough, 51446)] {
            let bytes = version_6_of(codec, 16 << 10, &chunks);
            assert_eq!(bytes.len(), len, "{codec:?}");
            let reader = RawReader::try_new(&bytes, &column, all.len()).unwrap();
            assert_eq!(rows(&reader, Docs::Range(0, all.len())).unwrap(), all);
            let some = [0, 999, 2499].map(|doc: usize| all[doc].clone());
            assert_eq!(rows(&reader, Docs::List(&[0, 999, 2499])).unwrap(), some);
        }
    }

    #[test]
    fn version_6_does_not_count_values_of_fixed_width() {
        let all = [be(&[1, 2]), Vec::new(), be(&[3]), be(&[4, 5, 6])];
        for codec in [ChunkCodec::PassThrough, ChunkCodec::Lz4LengthPrefixed] {
            let bytes = version_6_of(codec, 4096, &[&all]);
            let reader = RawReader::try_new(&bytes, &column("INT", false), 4).unwrap();
            let found = rows(&reader, Docs::Range(0, 4)).unwrap();
            let found: Vec<_> = found.iter().map(|row| reader.values(row, 4).unwrap()).collect();
            assert_eq!(found, all);
            assert!(reader.values(&[0; 7], 4).is_err());
        }
    }

    #[test]
    fn version_1_is_snappy_after_a_short_header() {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        ChunkCodec::Snappy.compress(&be(&[1, 2, 3]), false, &mut first).unwrap();
        ChunkCodec::Snappy.compress(&be(&[4]), false, &mut second).unwrap();
        let mut bytes = be(&[1, 2, 3, 4, 24, 24 + first.len() as u32]);
        bytes.extend(first);
        bytes.extend(second);
        let reader = RawReader::try_new(&bytes, &column("INT", true), 4).unwrap();
        let mut out = Vec::new();
        reader.fixed(Docs::List(&[0, 2, 3]), &mut ChunkCache::default(), &mut out).unwrap();
        assert_eq!(out, be(&[1, 3, 4]));
    }

    #[test]
    fn damage_never_panics() {
        for (bytes, column) in [
            (version_6(), column("STRING", true)),
            // Version 2 with one chunk of many slots and a longest row, both as large as a header can say.
            (be(&[2, 1, u32::MAX, u32::MAX, 4, 0, 28, 32, 16, 16, 16, 16]), column("STRING", true)),
            (be(&[2, 1, 4, 4, 4, 0, 28, 32, 16, 16, 16, 16, 7]), column("INT", false)),
        ] {
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= 1 << bit;
                    let cut = bytes.get(..at).unwrap_or_default();
                    for bytes in [damaged.as_slice(), cut] {
                        if let Ok(reader) = RawReader::try_new(bytes, &column, 4) {
                            let _ = rows(&reader, Docs::Range(0, 4));
                        }
                    }
                }
            }
        }
    }
}
