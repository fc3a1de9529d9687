//! Chunk compression: one tagged enum for every codec of a raw forward index.

use std::borrow::Cow;
use std::io::{Read, Write};

use pinotage_common::{Error, Result};
use pinotage_spec::Codec;

/// A codec as it stands in a file (`ChunkCompressionType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ChunkCodec {
    /// As it is.
    PassThrough = 0,
    /// A raw Snappy block.
    Snappy = 1,
    /// One Zstandard frame.
    Zstandard = 2,
    /// A raw LZ4 block.
    Lz4 = 3,
    /// A little-endian length and a raw LZ4 block.
    Lz4LengthPrefixed = 4,
    /// A zlib stream and its length, big-endian in fixed-width and old files, little-endian from version 4 on.
    Gzip = 5,
    /// Differences of 32- or 64-bit words.
    Delta = 6,
    /// Differences of differences.
    DeltaDelta = 7,
}

impl ChunkCodec {
    /// Every codec.
    pub const ALL: [ChunkCodec; 8] = [
        ChunkCodec::PassThrough,
        ChunkCodec::Snappy,
        ChunkCodec::Zstandard,
        ChunkCodec::Lz4,
        ChunkCodec::Lz4LengthPrefixed,
        ChunkCodec::Gzip,
        ChunkCodec::Delta,
        ChunkCodec::DeltaDelta,
    ];

    /// The number in a file's header.
    pub const fn to_tag(self) -> u32 {
        self as u32
    }

    /// Reads the number in a file's header.
    pub fn try_from_tag(tag: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.to_tag() == tag)
    }

    /// Pinot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassThrough => "PASS_THROUGH",
            Self::Snappy => "SNAPPY",
            Self::Zstandard => "ZSTANDARD",
            Self::Lz4 => "LZ4",
            Self::Lz4LengthPrefixed => "LZ4_LENGTH_PREFIXED",
            Self::Gzip => "GZIP",
            Self::Delta => "DELTA",
            Self::DeltaDelta => "DELTADELTA",
        }
    }

    /// The codec that a configured one becomes: variable-width files from version 4 on need LZ4's length.
    pub const fn of(codec: Codec, length_prefixed: bool) -> Self {
        match codec {
            Codec::PassThrough => Self::PassThrough,
            Codec::Snappy => Self::Snappy,
            Codec::Zstandard => Self::Zstandard,
            Codec::Lz4 if length_prefixed => Self::Lz4LengthPrefixed,
            Codec::Lz4 => Self::Lz4,
            Codec::Gzip => Self::Gzip,
        }
    }

    /// Appends a compressed chunk. `little_endian` is the byte order of GZIP's length.
    ///
    /// # Errors
    ///
    /// `unexpected` when the codec's library fails, `unsupported` for the two delta codecs.
    pub fn compress(self, chunk: &[u8], little_endian: bool, out: &mut Vec<u8>) -> Result<()> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::unexpected(format!("cannot compress a chunk of {} bytes with {}", chunk.len(), self.name()))
                .caused_by(error)
        };
        match self {
            Self::PassThrough => out.extend_from_slice(chunk),
            Self::Snappy => {
                let start = out.len();
                out.resize(start + snap::raw::max_compress_len(chunk.len()), 0);
                let len = snap::raw::Encoder::new().compress(chunk, &mut out[start..]).map_err(|e| failed(e.into()))?;
                out.truncate(start + len);
            }
            // Pinot's writer uses zstd's default level.
            Self::Zstandard => {
                out.extend_from_slice(&zstd::bulk::compress(chunk, 3).map_err(|e| failed(e.into()))?);
            }
            Self::Lz4 | Self::Lz4LengthPrefixed => {
                if self == Self::Lz4LengthPrefixed {
                    out.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
                }
                let start = out.len();
                out.resize(start + lz4_flex::block::get_maximum_output_size(chunk.len()), 0);
                let len = lz4_flex::block::compress_into(chunk, &mut out[start..]).map_err(|e| failed(e.into()))?;
                out.truncate(start + len);
            }
            Self::Gzip => {
                let mut encoder = flate2::write::ZlibEncoder::new(&mut *out, flate2::Compression::default());
                encoder.write_all(chunk).and_then(|()| encoder.finish()).map_err(|e| failed(e.into()))?;
                let len = chunk.len() as u32;
                out.extend_from_slice(&if little_endian { len.to_le_bytes() } else { len.to_be_bytes() });
            }
            Self::Delta | Self::DeltaDelta => {
                return Err(Error::unsupported(format!("{} is read and not written", self.name())));
            }
        }
        Ok(())
    }

    /// Decompresses a chunk of at most `limit` bytes; `None` when the bytes are not what the codec writes or longer.
    ///
    /// `limit` comes from the file's header, which the caller has checked; nothing larger is ever allocated.
    pub fn decompress(self, chunk: &[u8], limit: usize, little_endian: bool) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Self::PassThrough => (chunk.len() <= limit).then_some(chunk)?.into(),
            Self::Snappy => {
                let len = snap::raw::decompress_len(chunk).ok().filter(|len| *len <= limit)?;
                let mut out = vec![0; len];
                let read = snap::raw::Decoder::new().decompress(chunk, &mut out).ok()?;
                out.truncate(read);
                out.into()
            }
            // A frame may claim far more than it holds; what is unlikely gets memory only as it comes.
            Self::Zstandard if limit / ZSTANDARD_LIKELY > chunk.len() => {
                let mut out = Vec::new();
                zstd::Decoder::new(chunk).ok()?.take(limit as u64 + 1).read_to_end(&mut out).ok()?;
                (out.len() <= limit).then_some(out)?.into()
            }
            Self::Zstandard => zstd::bulk::decompress(chunk, limit).ok()?.into(),
            Self::Lz4 => lz4(chunk, limit)?.into(),
            Self::Lz4LengthPrefixed => {
                let (len, block) = chunk.split_first_chunk::<4>()?;
                let len = u32::from_le_bytes(*len) as usize;
                let out = lz4(block, (len <= limit).then_some(len)?)?;
                (out.len() == len).then_some(out)?.into()
            }
            Self::Gzip => {
                let (stream, len) = chunk.split_last_chunk::<4>()?;
                let len = if little_endian { u32::from_le_bytes(*len) } else { u32::from_be_bytes(*len) } as usize;
                let mut out = Vec::with_capacity((len <= limit).then_some(len)?);
                flate2::read::ZlibDecoder::new(stream).take(len as u64 + 1).read_to_end(&mut out).ok()?;
                (out.len() == len).then_some(out)?.into()
            }
            Self::Delta => delta(chunk, limit, false)?.into(),
            Self::DeltaDelta => delta(chunk, limit, true)?.into(),
        })
    }
}

/// Few chunks compress better than this; the format allows for far more.
const ZSTANDARD_LIKELY: usize = 1 << 10;

/// Decompresses a block whose length is at most `limit`.
fn lz4(block: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; limit];
    let len = lz4_flex::block::decompress_into(block, &mut out).ok()?;
    out.truncate(len);
    Some(out)
}

/// Restores words from their differences (`spec/forward.md`).
fn delta(chunk: &[u8], limit: usize, twice: bool) -> Option<Vec<u8>> {
    let (flag, rest) = chunk.split_first()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    let width = match flag {
        0 => 4,
        1 => 8,
        _ => return None,
    };
    let total = count.checked_mul(width).filter(|total| *total <= limit)?;
    if count == 0 {
        return Some(Vec::new());
    }
    let word = |bytes: &[u8]| bytes.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    let (first, rest) = rest.split_at_checked(width)?;
    let mut out = Vec::with_capacity(total);
    let mut value = word(first);
    out.extend_from_slice(first);
    if count > 1 {
        let (size, block) = rest.split_first_chunk::<4>()?;
        let size = usize::try_from(i32::from_be_bytes(*size)).ok()?;
        let deltas = lz4(block.get(..size)?, total - width)?;
        if deltas.len() != total - width {
            return None;
        }
        let mut step = 0u64;
        for bytes in deltas.chunks_exact(width) {
            // 32-bit words are kept in the low half; the high half is cut off below.
            step = if twice { step.wrapping_add(word(bytes)) } else { word(bytes) };
            value = value.wrapping_add(step);
            out.extend_from_slice(&value.to_be_bytes()[8 - width..]);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks() -> Vec<Vec<u8>> {
        vec![
            Vec::new(),
            vec![7],
            b"abcabcabcabcabcabcabc".to_vec(),
            (0..10_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect(),
        ]
    }

    #[test]
    fn every_codec_restores_every_chunk() {
        for codec in ChunkCodec::ALL.into_iter().filter(|codec| (codec.to_tag()) < 6) {
            for chunk in chunks() {
                for little_endian in [true, false] {
                    let mut out = vec![9];
                    codec.compress(&chunk, little_endian, &mut out).unwrap();
                    let back = codec.decompress(&out[1..], chunk.len(), little_endian);
                    assert_eq!(back.as_deref(), Some(chunk.as_slice()), "{codec:?}");
                }
            }
        }
    }

    #[test]
    fn damaged_chunks_are_refused_and_allocate_nothing_large() {
        for codec in ChunkCodec::ALL.into_iter().filter(|codec| codec.to_tag() < 6) {
            let mut out = Vec::new();
            codec.compress(&chunks()[2], true, &mut out).unwrap();
            for end in 0..out.len() {
                if let Some(found) = codec.decompress(&out[..end], 21, true) {
                    assert!(found.len() <= 21);
                }
            }
            assert!(codec.decompress(&out, 20, true).is_none(), "{codec:?} passes its limit");
        }
    }

    #[test]
    fn zeros_of_any_length_are_restored_within_their_limit() {
        let zeros = vec![0; 4 << 20];
        let mut out = Vec::new();
        ChunkCodec::Zstandard.compress(&zeros, true, &mut out).unwrap();
        assert!(zeros.len() / ZSTANDARD_LIKELY > out.len());
        assert_eq!(ChunkCodec::Zstandard.decompress(&out, zeros.len(), true).as_deref(), Some(zeros.as_slice()));
        assert!(ChunkCodec::Zstandard.decompress(&out, zeros.len() - 1, true).is_none());
    }

    #[test]
    fn deltas_wrap() {
        let mut words = vec![0u8];
        words.extend_from_slice(&2i32.to_be_bytes());
        words.extend_from_slice(&i32::MAX.to_be_bytes());
        let block = lz4_flex::block::compress(&1i32.to_be_bytes());
        words.extend_from_slice(&(block.len() as i32).to_be_bytes());
        words.extend_from_slice(&block);
        let back = ChunkCodec::Delta.decompress(&words, 8, false).unwrap();
        assert_eq!(back[4..], i32::MIN.to_be_bytes());
    }
}
