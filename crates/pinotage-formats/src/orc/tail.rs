//! The end of an ORC file, looked at before `orc-rust` reads it.

use std::io::Read;

use flate2::read::DeflateDecoder;
use orc_rust::reader::ChunkReader;

use super::source::Source;

const MAGIC: &[u8] = b"ORC";
/// The length of a chunk has 23 bits.
const MAX_BLOCK_BYTES: u64 = 1 << 23;
/// Types nest at most this deep.
const MAX_DEPTH: u32 = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    None,
    Zlib,
    Snappy,
    Lz4,
    Zstd,
}

/// How a file's streams and footers are packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    codec: Codec,
    /// Bytes that a chunk unpacks to at most.
    block: u64,
}

/// A chunk, and whether it is packed.
type Chunk<'a> = (&'a [u8], bool);

impl Packing {
    /// The chunks of a stream.
    fn chunks(self, mut bytes: &[u8]) -> impl Iterator<Item = Result<Chunk<'_>, String>> {
        std::iter::from_fn(move || {
            if bytes.is_empty() {
                return None;
            }
            if self.codec == Codec::None {
                return Some(Ok((std::mem::take(&mut bytes), false)));
            }
            let Some(([a, b, c], rest)) = bytes.split_first_chunk::<3>() else {
                bytes = &[];
                return Some(Err("a chunk has no length".to_owned()));
            };
            let head = u32::from_le_bytes([*a, *b, *c, 0]);
            let Some((chunk, rest)) = rest.split_at_checked(head as usize >> 1) else {
                bytes = &[];
                return Some(Err(format!("a chunk of {} bytes is longer than its stream", head >> 1)));
            };
            bytes = rest;
            Some(Ok((chunk, head & 1 == 0)))
        })
    }

    /// Whether every chunk is whole and says a size that is possible.
    pub(super) fn check(self, bytes: &[u8]) -> Result<(), String> {
        for chunk in self.chunks(bytes) {
            if let (chunk, true) = chunk?
                && self.codec == Codec::Snappy
                && snap::raw::decompress_len(chunk).map_err(|error| error.to_string())? as u64 > self.block
            {
                return Err(format!("a chunk says that it unpacks to more than {} bytes", self.block));
            }
        }
        Ok(())
    }

    /// The bytes of a footer, at most `limit`.
    fn unpack(self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, String> {
        self.check(bytes)?;
        let mut out = Vec::new();
        for chunk in self.chunks(bytes) {
            let (chunk, is_packed) = chunk?;
            let most = self.block + 1;
            let failed = |error: &dyn std::fmt::Display| format!("a chunk of the footer cannot be unpacked: {error}");
            let codec = if is_packed { self.codec } else { Codec::None };
            let before = out.len();
            match codec {
                Codec::None => out.extend_from_slice(chunk),
                Codec::Zlib => {
                    DeflateDecoder::new(chunk).take(most).read_to_end(&mut out).map_err(|error| failed(&error))?;
                }
                Codec::Zstd => {
                    let decoder = zstd::stream::read::Decoder::new(chunk).map_err(|error| failed(&error))?;
                    decoder.take(most).read_to_end(&mut out).map_err(|error| failed(&error))?;
                }
                Codec::Snappy => {
                    let unpacked = snap::raw::Decoder::new().decompress_vec(chunk);
                    out.extend(unpacked.map_err(|error| failed(&error))?);
                }
                Codec::Lz4 => {
                    let unpacked = lz4_flex::block::decompress(chunk, self.block as usize);
                    out.extend(unpacked.map_err(|error| failed(&error))?);
                }
            }
            if is_packed && (out.len() - before) as u64 > self.block || out.len() > limit {
                return Err("its footer is larger than it may be".to_owned());
            }
        }
        Ok(out)
    }
}

/// Reads postscript and footer as far as it takes to know that `orc-rust` can.
pub(super) fn check(source: &Source, limit: usize) -> Result<Packing, String> {
    let size = source.len();
    let get = |offset: u64, length: u64| source.get_bytes(offset, length).map_err(|error| error.to_string());
    if size < 16 || get(0, 3)? != MAGIC {
        return Err("it does not begin with `ORC`".to_owned());
    }
    let length = u64::from(get(size - 1, 1)?.first().copied().unwrap_or_default());
    let Some(start) = (size - 1).checked_sub(length) else {
        return Err("its end is missing".to_owned());
    };
    let postscript = get(start, length)?;
    let (mut footer, mut metadata, mut codec, mut block, mut is_orc) = (0, 0, 0, 256 << 10, false);
    for field in Fields(&postscript) {
        match field.map_err(|()| "its end is damaged".to_owned())? {
            (1, Value::Number(value)) => footer = value,
            (2, Value::Number(value)) => codec = value,
            (3, Value::Number(value)) => block = value,
            (5, Value::Number(value)) => metadata = value,
            (8000, Value::Bytes(magic)) => is_orc = magic == MAGIC,
            _ => {}
        }
    }
    if !is_orc {
        return Err("its end is missing".to_owned());
    }
    let codec = match codec {
        0 => Codec::None,
        1 => Codec::Zlib,
        2 => Codec::Snappy,
        4 => Codec::Lz4,
        5 => Codec::Zstd,
        3 => {
            return Err(
                "but its columns are packed with LZO, which is not read: write it with zlib, lz4 or zstd".into()
            );
        }
        other => return Err(format!("but there is no compression {other}")),
    };
    if block > MAX_BLOCK_BYTES {
        return Err(format!("but chunks of {block} bytes are larger than its format allows"));
    }
    let packing = Packing { codec, block };
    let footer_start = start.checked_sub(footer).filter(|start| *start >= metadata);
    let Some(footer_start) = footer_start else {
        return Err("its footer is longer than the file".to_owned());
    };
    packing.unpack(&get(footer_start - metadata, metadata)?, limit)?;
    types(&packing.unpack(&get(footer_start, footer)?, limit)?)?;
    Ok(packing)
}

/// Whether the types of a footer are a tree, in the order of its branches.
fn types(footer: &[u8]) -> Result<(), String> {
    let damaged = || "its footer is damaged".to_owned();
    let mut subtypes: Vec<Vec<u64>> = Vec::new();
    for field in Fields(footer) {
        let (4, Value::Bytes(bytes)) = field.map_err(|()| damaged())? else { continue };
        let mut below = Vec::new();
        for field in Fields(bytes) {
            match field.map_err(|()| damaged())? {
                (2, Value::Number(one)) => below.push(one),
                (2, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        below.push(varint(&mut packed).ok_or_else(damaged)?);
                    }
                }
                _ => {}
            }
        }
        subtypes.push(below);
    }
    let mut depths = vec![0; subtypes.len()];
    for (at, below) in subtypes.iter().enumerate() {
        let depth = depths.get(at).copied().unwrap_or_default();
        for &child in below {
            match usize::try_from(child).ok().and_then(|child| depths.get_mut(child)) {
                // A second time below another type, or below itself.
                Some(known) if child > at as u64 && *known == 0 && depth < MAX_DEPTH => *known = depth + 1,
                _ => return Err("its types are no tree of at most 128 levels".to_owned()),
            }
        }
    }
    Ok(())
}

/// A number of 7 bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a Protobuf message.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), ()>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.field().ok_or(()).inspect_err(|()| self.0 = &[]))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Value::Bytes(self.skip(length)?)
            }
            1 => self.skip(8).map(|_| Value::Other)?,
            5 => self.skip(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}
