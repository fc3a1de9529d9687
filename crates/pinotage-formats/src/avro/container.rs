//! The container: header, blocks, sync markers, codecs. Hands out the same file again, checked and uncompressed.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

use flate2::read::DeflateDecoder;
use pinotage_common::{Error, Result};

use super::walk::Walker;
use crate::compression::Input;
use crate::guard::corrupt;
use crate::sequence::Sequence;

const MAGIC: &[u8] = b"Obj\x01";

/// What the reader on the other side of `arrow-avro` needs to know.
#[derive(Default)]
pub(super) struct Shared {
    /// Why the feed stopped; `arrow-avro` only sees that it did.
    pub(super) error: Option<Error>,
    /// Blocks and records handed on so far.
    pub(super) blocks: u64,
    pub(super) records: u64,
    pub(super) bytes_read: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

/// The checked file as a `BufRead`.
pub(super) struct Feed {
    source: Sequence,
    codec: Codec,
    sync: [u8; 16],
    walker: Walker,
    shared: Arc<Mutex<Shared>>,
    chunk: Vec<u8>,
    position: usize,
}

/// What only Avro has.
impl Sequence {
    /// A signed number; `None` only when the file ends before its first byte.
    fn long(&mut self) -> Result<Option<i64>> {
        Ok(self.number()?.map(|value| (value >> 1) as i64 ^ -((value & 1) as i64)))
    }

    fn needed_long(&mut self) -> Result<i64> {
        match self.long()? {
            Some(value) => Ok(value),
            None => Err(self.broken("expected a number, found the end of the file")),
        }
    }

    fn length(&mut self) -> Result<usize> {
        let length = self.needed_long()?;
        let Ok(length) = usize::try_from(length) else {
            return Err(self.broken(format!("expected a length, found {length}")));
        };
        if length > self.limit {
            return Err(self.too_large(length));
        }
        Ok(length)
    }

    fn marker(&mut self) -> Result<[u8; 16]> {
        let bytes = self.bytes(16)?;
        bytes.first_chunk().copied().ok_or_else(|| self.broken("expected a sync marker"))
    }
}

impl Feed {
    /// Reads the header.
    pub(super) fn open(path: &Path, limit: usize) -> Result<Self> {
        let mut source = Sequence::new(Input::open(path)?, limit, "blocks");
        if source.bytes(MAGIC.len())? != MAGIC {
            return Err(corrupt(path, "expected an Avro container file, found other first bytes"));
        }
        let mut schema = None;
        let mut codec = Codec::Null;
        loop {
            let mut count = source.needed_long()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                source.needed_long()?;
                count = count.saturating_neg();
            }
            for _ in 0..count {
                let length = source.length()?;
                let key = source.bytes(length)?;
                let length = source.length()?;
                let value = source.bytes(length)?;
                match key.as_slice() {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => codec = codec_of(path, &value)?,
                    _ => {}
                }
            }
        }
        let sync = source.marker()?;
        let Some(schema) = schema else {
            return Err(corrupt(path, "expected a schema in the header"));
        };
        let (walker, schema) =
            Walker::try_new(schema).map_err(|problem| corrupt(path, format!("expected an Avro schema, {problem}")))?;
        let mut chunk = MAGIC.to_vec();
        put_long(&mut chunk, 1);
        put_bytes(&mut chunk, b"avro.schema");
        put_bytes(&mut chunk, &schema);
        put_long(&mut chunk, 0);
        chunk.extend_from_slice(&sync);
        Ok(Self { source, codec, sync, walker, shared: Arc::default(), chunk, position: 0 })
    }

    pub(super) fn shared(&self) -> Arc<Mutex<Shared>> {
        self.shared.clone()
    }

    /// The next block as a chunk; an empty chunk at the end of the file.
    fn next_block(&mut self) -> Result<()> {
        self.chunk.clear();
        self.position = 0;
        let source = &mut self.source;
        let start = source.offset;
        let Some(count) = source.long()? else {
            return Ok(());
        };
        let number = super::lock(&self.shared).blocks + 1;
        let path = source.input.path().to_owned();
        let located = |error: Error| error.with("block", number);
        let broken = |message: String| corrupt(&path, message).with("offset", start).with("block", number);
        let length = source.length().map_err(located)?;
        let packed = source.bytes(length).map_err(located)?;
        let marker = source.marker().map_err(located)?;
        if marker != self.sync {
            return Err(broken("expected the file's sync marker after a block".to_owned()));
        }
        let data = match unpack(self.codec, packed, source.limit) {
            Ok(Some(data)) => data,
            Ok(None) => return Err(source.too_large(source.limit + 1)),
            Err(error) => {
                return Err(broken("expected a block that can be unpacked".to_owned()).caused_by(error));
            }
        };
        let count = u64::try_from(count).map_err(|_| broken(format!("expected a count of records, found {count}")))?;
        let data = self
            .walker
            .records(data, count)
            .map_err(|problem| broken(format!("expected {count} records in the block, {problem}")))?;
        put_long(&mut self.chunk, count as i64);
        put_bytes(&mut self.chunk, &data);
        self.chunk.extend_from_slice(&self.sync);
        let mut shared = super::lock(&self.shared);
        shared.blocks = number;
        shared.records += count;
        shared.bytes_read = self.source.input.bytes_read();
        Ok(())
    }
}

fn codec_of(path: &Path, name: &[u8]) -> Result<Codec> {
    match name {
        b"null" | b"" => Ok(Codec::Null),
        b"deflate" => Ok(Codec::Deflate),
        b"snappy" => Ok(Codec::Snappy),
        b"zstandard" => Ok(Codec::Zstandard),
        other => Err(Error::unsupported(format!(
            "expected one of the codecs null, deflate, snappy, zstandard, found `{}`",
            String::from_utf8_lossy(other)
        ))
        .with("file", path.display())
        .action("write the file again with one of the codecs named above")),
    }
}

/// The block's records; `None` when they are larger than `limit`.
fn unpack(codec: Codec, packed: Vec<u8>, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut data = Vec::new();
    let most = limit as u64 + 1;
    match codec {
        Codec::Null => data = packed,
        Codec::Deflate => {
            DeflateDecoder::new(packed.as_slice()).take(most).read_to_end(&mut data)?;
        }
        Codec::Zstandard => {
            let decoder = zstd::stream::read::Decoder::new(packed.as_slice())?;
            decoder.take(most).read_to_end(&mut data)?;
        }
        Codec::Snappy => {
            // The last four bytes are the CRC-32 of the data, big-endian.
            let Some((packed, crc)) = packed.split_last_chunk::<4>() else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if snap::raw::decompress_len(packed)? > limit {
                return Ok(None);
            }
            data = snap::raw::Decoder::new().decompress_vec(packed)?;
            let mut found = flate2::Crc::new();
            found.update(&data);
            if found.sum() != u32::from_be_bytes(*crc) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "checksum differs"));
            }
        }
    }
    Ok((data.len() <= limit).then_some(data))
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.chunk.len()
            && let Err(error) = self.next_block()
        {
            self.chunk.clear();
            super::lock(&self.shared).error = Some(error);
            return Err(io::Error::other("the container is broken"));
        }
        Ok(self.chunk.get(self.position..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}
