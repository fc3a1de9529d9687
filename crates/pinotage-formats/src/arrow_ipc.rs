//! Arrow IPC, stream and file, read front to back.
//!
//! The messages are framed here and then decoded by `arrow-ipc`. Its own readers allocate what a length field says and
//! take the end of the bytes for the end of the stream; here every length is checked before memory is asked for, a
//! stream must end with its end marker, and a file must have as many batches as its footer says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{self, root_as_footer, root_as_message};
use pinotage_common::{Error, ErrorKind, Result};

use crate::compression::{Compression, Input, open_file, unsupported_compression};
use crate::conform::{Conform, plain_schema};
use crate::guard::{corrupt, guarded};
use crate::{ReadOptions, RowPositions, SourceBatch, SourceReader};

const FILE_MAGIC: &[u8] = b"ARROW1";
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Arrow batches are written for machines: this many times `max_row_bytes` (1 GiB by default) is allowed for one.
const BATCH_FACTOR: usize = 16;
/// Eight-byte words of zeros behind a file's magic at most.
const MAX_PADDING_WORDS: usize = 64;
/// Memory asked for at once, so that a wrong length in a short file costs nothing.
const STEP_BYTES: usize = 1 << 20;

/// Reads an Arrow IPC file or stream.
pub(crate) struct IpcReader {
    frames: Frames,
    decoder: StreamDecoder,
    conform: Conform,
    batch_rows: usize,
    /// What of the last decoded batch is not handed out yet.
    rest: Option<RecordBatch>,
    batches: usize,
    next_row: u64,
    finished: bool,
}

/// The messages of a stream.
struct Frames {
    input: Input,
    offset: u64,
    /// Bytes read ahead to tell file from stream.
    head: Vec<u8>,
    limit: usize,
    /// Record batches by the footer; `None` in a stream.
    expected_batches: Option<usize>,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    Ok(plain_schema(&Frames::open(path, options)?.1))
}

impl Frames {
    /// Opens a file and reads its schema. The bytes of the schema message are kept for the decoder.
    fn open(path: &Path, options: &ReadOptions) -> Result<(Self, SchemaRef, Vec<u8>)> {
        let mut frames = Frames {
            input: Input::open(path)?,
            offset: 0,
            head: Vec::new(),
            limit: options.max_row_bytes.saturating_mul(BATCH_FACTOR),
            expected_batches: None,
        };
        let mut head = Vec::new();
        frames.read_up_to(8, &mut head)?;
        if head.starts_with(FILE_MAGIC) {
            let compression = frames.input.compression();
            if compression != Compression::None {
                return Err(unsupported_compression(path, "Arrow", compression));
            }
            frames.expected_batches = Some(batches_by_footer(path)?);
            frames.skip_padding()?;
        } else {
            frames.offset = 0;
            frames.head = head;
        }
        let Some(message) = frames.next_message()? else {
            return Err(corrupt(path, "expected a schema, found the end of the stream"));
        };
        let schema = guarded(path, || {
            let metadata = metadata_of(&message);
            root_as_message(metadata)
                .ok()
                .and_then(|message| Some(fb_to_schema(message.header_as_schema()?)))
                .ok_or_else(|| corrupt(path, "expected the first message to be a schema"))
        })?;
        Ok((frames, SchemaRef::new(schema), message))
    }

    /// Passes the zeros behind a file's magic: two by the specification, up to an alignment of 64 by arrow-rs.
    fn skip_padding(&mut self) -> Result<()> {
        for _ in 0..MAX_PADDING_WORDS {
            let mut word = Vec::new();
            self.read_up_to(8, &mut word)?;
            if word.iter().any(|&byte| byte != 0) {
                self.offset -= word.len() as u64;
                self.head = word;
                break;
            }
        }
        Ok(())
    }

    /// The next message with its prefix, metadata and body; `None` at the end marker.
    fn next_message(&mut self) -> Result<Option<Vec<u8>>> {
        let start = self.offset;
        let mut message = Vec::new();
        self.read_exactly(4, &mut message, start, "the end marker of the stream")?;
        if message == CONTINUATION {
            self.read_exactly(4, &mut message, start, "the length of a message")?;
        }
        let length = match message.as_slice() {
            [.., a, b, c, d] => i32::from_le_bytes([*a, *b, *c, *d]),
            _ => 0,
        };
        if length == 0 {
            return Ok(None);
        }
        let length = self.check_length(i64::from(length), start)?;
        let metadata_start = message.len();
        self.read_exactly(length, &mut message, start, "the header of a message")?;
        let path = self.input.path();
        let body = guarded(path, || {
            let metadata = message.get(metadata_start..).unwrap_or_default();
            let parsed = root_as_message(metadata).map_err(|error| {
                let error = corrupt(path, format!("expected a message header: {error}"));
                error.with("offset", start)
            })?;
            Ok(parsed.bodyLength())
        })?;
        let body = self.check_length(body, start)?;
        let body_start = message.len();
        self.read_exactly(body, &mut message, start, "the body of a message")?;
        let path = self.input.path();
        guarded(path, || {
            let (metadata, body) = message.split_at_checked(body_start).unwrap_or_default();
            let metadata = metadata.get(metadata_start..).unwrap_or_default();
            let unpacked = unpacked_bytes(metadata, body);
            if unpacked.is_none_or(|bytes| bytes > self.limit as u64) {
                return Err(self.too_large(unpacked.unwrap_or(u64::MAX), start));
            }
            Ok(())
        })?;
        Ok(Some(message))
    }

    fn check_length(&self, length: i64, start: u64) -> Result<usize> {
        let Ok(length) = usize::try_from(length) else {
            let error = corrupt(self.input.path(), format!("expected a length, found {length}"));
            return Err(error.with("offset", start));
        };
        if length > self.limit {
            return Err(self.too_large(length as u64, start));
        }
        Ok(length)
    }

    fn too_large(&self, found: u64, start: u64) -> Error {
        Error::new(
            ErrorKind::ResourceExhausted,
            format!("expected batches of at most {} bytes, found {found}", self.limit),
        )
        .with("file", self.input.path().display())
        .with("offset", start)
        .with("option", "max_row_bytes")
        .action(format!(
            "write the file with smaller batches, or raise `max_row_bytes` to {}; if that is not plausible the file is damaged",
            found.div_ceil(BATCH_FACTOR as u64)
        ))
    }

    fn read_exactly(&mut self, count: usize, out: &mut Vec<u8>, start: u64, what: &str) -> Result<()> {
        let read = self.read_up_to(count, out)?;
        if read < count {
            let message = format!("expected {what}, found the end of the file");
            return Err(corrupt(self.input.path(), message).with("offset", start));
        }
        Ok(())
    }

    fn read_up_to(&mut self, count: usize, out: &mut Vec<u8>) -> Result<usize> {
        let start = out.len();
        let from_head = count.min(self.head.len());
        out.extend(self.head.drain(..from_head));
        while out.len() - start < count {
            let at = out.len();
            let room = (count - (at - start)).min(STEP_BYTES);
            out.resize(at + room, 0);
            let slice = out.get_mut(at..).unwrap_or_default();
            let read = self.input.read(slice)?;
            out.truncate(at + read);
            if read == 0 {
                break;
            }
        }
        let read = out.len() - start;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The metadata part of a message; the body behind it does not disturb the parser.
fn metadata_of(message: &[u8]) -> &[u8] {
    let prefix = if message.starts_with(&CONTINUATION) { 8 } else { 4 };
    message.get(prefix..).unwrap_or_default()
}

/// Bytes of a message's buffers after decompression; `None` when they contradict the body.
fn unpacked_bytes(metadata: &[u8], body: &[u8]) -> Option<u64> {
    let message = root_as_message(metadata).ok()?;
    let batch = match message.header_type() {
        ipc::MessageHeader::RecordBatch => message.header_as_record_batch()?,
        ipc::MessageHeader::DictionaryBatch => message.header_as_dictionary_batch()?.data()?,
        _ => return Some(0),
    };
    if batch.compression().is_none() {
        return Some(0);
    }
    let mut total = 0u64;
    for buffer in batch.buffers()? {
        let start = usize::try_from(buffer.offset()).ok()?;
        let length = usize::try_from(buffer.length()).ok()?;
        let bytes = body.get(start..start.checked_add(length)?)?;
        if let Some(prefix) = bytes.first_chunk::<8>() {
            // -1: this buffer is not compressed.
            let unpacked = i64::from_le_bytes(*prefix).max(-1);
            total = total.checked_add(u64::try_from(unpacked).unwrap_or(length as u64))?;
        }
    }
    Some(total)
}

/// The number of record batches by the footer at the end of the file.
fn batches_by_footer(path: &Path) -> Result<usize> {
    let failed = |error| Error::io(error, "cannot read", path);
    let mut file: File = open_file(path)?;
    let broken = |what: &str| corrupt(path, format!("expected an Arrow file, {what}"));
    let size = file.metadata().map_err(failed)?.len();
    if size < 20 {
        return Err(broken("it is too short"));
    }
    file.seek(SeekFrom::End(-10)).map_err(failed)?;
    let mut tail = [0u8; 10];
    file.read_exact(&mut tail).map_err(failed)?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = i64::from(i32::from_le_bytes([a, b, c, d]));
    if magic.as_slice() != FILE_MAGIC || length <= 0 || length as u64 > size - 18 {
        return Err(broken("its end is missing").with("offset", size - 10));
    }
    file.seek(SeekFrom::End(-10 - length)).map_err(failed)?;
    let mut footer = Vec::new();
    file.take(length as u64).read_to_end(&mut footer).map_err(failed)?;
    guarded(path, || {
        let footer = root_as_footer(&footer).map_err(|_| broken("its footer is damaged"))?;
        Ok(footer.recordBatches().map_or(0, |batches| batches.len()))
    })
}

impl IpcReader {
    pub(crate) fn try_new(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Self> {
        let (frames, found, message) = Frames::open(path, options)?;
        let conform = Conform::try_new(path, &plain_schema(&found), schema.as_ref(), options)?;
        let mut reader = Self {
            frames,
            decoder: StreamDecoder::new(),
            conform,
            batch_rows: options.batch_rows,
            rest: None,
            batches: 0,
            next_row: 0,
            finished: false,
        };
        reader.decode(message)?;
        Ok(reader)
    }

    /// Decodes one message; a batch is kept in `rest`.
    fn decode(&mut self, message: Vec<u8>) -> Result<()> {
        let offset = self.frames.offset - message.len() as u64;
        let Self { frames, decoder, conform, batches, rest, .. } = self;
        let path = frames.input.path();
        guarded(path, || {
            let broken =
                |error| corrupt(path, "expected a readable Arrow message").with("offset", offset).caused_by(error);
            let mut buffer = Buffer::from_vec(message);
            while !buffer.is_empty() {
                if let Some(batch) = decoder.decode(&mut buffer).map_err(broken)? {
                    let batch = conform.apply(&batch, &conform.indices).map_err(broken)?;
                    *batches += 1;
                    // A batch without bytes in its body comes out together with the next message.
                    *rest = Some(match rest.take() {
                        None => batch,
                        Some(first) => {
                            let both = [&first, &batch];
                            arrow::compute::concat_batches(&conform.schema, both).map_err(broken)?
                        }
                    });
                }
            }
            Ok(())
        })
    }

    fn read(&mut self) -> Result<Option<SourceBatch>> {
        loop {
            if let Some(batch) = self.rest.take() {
                let rows = batch.num_rows().min(self.batch_rows);
                if rows < batch.num_rows() {
                    self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
                }
                if rows > 0 {
                    let positions = RowPositions::consecutive(self.next_row, rows);
                    self.next_row += rows as u64;
                    return Ok(Some(SourceBatch { batch: batch.slice(0, rows), rows: positions, bad: Vec::new() }));
                }
                continue;
            }
            if self.finished {
                return Ok(None);
            }
            match self.frames.next_message()? {
                Some(message) => self.decode(message)?,
                None => self.end()?,
            }
        }
    }

    /// At the end marker: everything was there, and nothing follows a stream.
    fn end(&mut self) -> Result<()> {
        self.finished = true;
        self.decode([CONTINUATION, [0; 4]].concat())?;
        let path = self.frames.input.path().to_owned();
        match self.frames.expected_batches {
            Some(expected) if expected != self.batches => {
                Err(corrupt(&path, format!("expected {expected} batches by the footer, found {}", self.batches)))
            }
            Some(_) => Ok(()),
            None => {
                let mut rest = Vec::new();
                let offset = self.frames.offset;
                if self.frames.read_up_to(1, &mut rest)? > 0 {
                    let message = "expected the end of the file after the end of the stream";
                    return Err(corrupt(&path, message).with("offset", offset));
                }
                Ok(())
            }
        }
    }
}

impl SourceReader for IpcReader {
    fn schema(&self) -> SchemaRef {
        self.conform.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<SourceBatch>> {
        let result = self.read();
        if result.is_err() {
            self.finished = true;
            self.rest = None;
        }
        result
    }

    fn bytes_read(&self) -> u64 {
        self.frames.input.bytes_read()
    }
}
