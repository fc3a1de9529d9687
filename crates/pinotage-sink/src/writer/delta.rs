//! Rows in staging: files of Arrow IPC that are written once and never changed.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use pinotage_common::{Error, ErrorKind, Result};
use pinotage_segment::write::unpacked;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::staging::RunStaging;

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeltaFile {
    /// Its name in the folder of the run.
    pub(super) name: String,
    /// Its rows.
    pub(super) rows: u64,
    /// Its size.
    pub(super) bytes: u64,
    /// XXH3 of its bytes.
    pub(super) hash: u64,
}

/// Writes and sums up.
struct Hashing<W> {
    to: W,
    hasher: Xxh3,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A file that rows go to, until it is finished.
pub(super) struct DeltaWriter {
    name: String,
    rows: u64,
    schema: SchemaRef,
    writer: StreamWriter<Hashing<BufWriter<File>>>,
}

impl DeltaWriter {
    pub(super) fn create(folder: &Path, name: String, schema: &SchemaRef) -> Result<Self> {
        let path = folder.join(&name);
        let file = File::create(&path).map_err(|error| Error::io(error, "cannot keep open rows", &path))?;
        let to = Hashing { to: BufWriter::with_capacity(1 << 18, file), hasher: Xxh3::new(), bytes: 0 };
        let writer = StreamWriter::try_new(to, schema).map_err(|error| unwritten(&path, error))?;
        Ok(Self { name, rows: 0, schema: SchemaRef::clone(schema), writer })
    }

    pub(super) fn write(&mut self, folder: &Path, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| unwritten(&folder.join(&self.name), error))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Rows so far.
    pub(super) fn num_rows(&self) -> u64 {
        self.rows
    }

    /// The columns of the rows.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The file, complete and on disk; it still has to be [kept](RunStaging::keep).
    pub(super) fn finish(self, folder: &Path) -> Result<DeltaFile> {
        let path = folder.join(&self.name);
        let to = self.writer.into_inner().map_err(|error| unwritten(&path, error))?;
        let (hash, bytes) = (to.hasher.digest(), to.bytes);
        let failed = |error| Error::io(error, "cannot keep open rows", &path);
        let file = to.to.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(DeltaFile { name: self.name, rows: self.rows, bytes, hash })
    }

    /// Gives the file up.
    pub(super) fn remove(self, folder: &Path) {
        let _ = fs::remove_file(folder.join(&self.name));
    }
}

/// Reads the rows of a file, after its bytes were compared with what was recorded of them.
pub(super) fn read(
    staging: &RunStaging,
    file: &DeltaFile,
    each: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let Some(fetched) = staging.fetch(&file.name)? else {
        return Err(Error::not_found(format!("{} rows that were kept in staging are gone", file.rows))
            .with("file", staging.place(&file.name))
            .action("bring the file back; without it the rows are lost, unless the job reads its source again with a new state"));
    };
    let path = &fetched.path;
    let opened = File::open(path).map_err(|error| Error::io(error, "cannot read kept rows", path))?;
    let spoilt = |reason: String| {
        Error::new(ErrorKind::CorruptSegment, "kept rows are not what was written")
            .with("file", staging.place(&file.name))
            .with("reason", reason)
            .action("bring back the file from a copy")
    };
    let mut hasher = Xxh3::new();
    let (mut bytes, mut buffer) = (0_u64, vec![0; 1 << 18]);
    let mut reader = BufReader::new(opened);
    loop {
        match reader.read(&mut buffer).map_err(|error| Error::io(error, "cannot read kept rows", path))? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    if (bytes, hasher.digest()) != (file.bytes, file.hash) {
        return Err(spoilt(format!("expected {} bytes with hash {}, found {bytes}", file.bytes, file.hash)));
    }
    let opened = File::open(path).map_err(|error| Error::io(error, "cannot read kept rows", path))?;
    let mut rows = 0;
    for batch in StreamReader::try_new_buffered(opened, None).map_err(|error| spoilt(error.to_string()))? {
        let batch = batch.map_err(|error| spoilt(error.to_string()))?;
        rows += batch.num_rows() as u64;
        each(unpacked(&batch)?)?;
    }
    match rows == file.rows {
        true => Ok(()),
        false => Err(spoilt(format!("expected {} rows, found {rows}", file.rows))),
    }
}

fn unwritten(path: &Path, error: arrow::error::ArrowError) -> Error {
    match error {
        arrow::error::ArrowError::IoError(_, error) => Error::io(error, "cannot keep open rows", path),
        other => Error::unexpected("cannot keep open rows").with("file", path.display()).caused_by(other),
    }
}
