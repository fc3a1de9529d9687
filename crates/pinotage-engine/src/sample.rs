//! Enough of an object to know its columns.

use std::io::{Seek, SeekFrom, Write};

use pinotage_common::{Error, Result};
use pinotage_store::{Entry, Store};

/// What a Parquet file ends with: the footer's length and the magic.
const TRAILER: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// A larger footer is not read apart.
const MAX_FOOTER: u64 = 64 << 20;

/// Writes a Parquet object's footer to its place in a file that is empty before it. Says no where that cannot be: then the
/// whole object tells what is wrong with it.
pub(crate) async fn parquet_footer(store: &Store, entry: &Entry, file: &mut std::fs::File) -> Result<bool> {
    let size = entry.size;
    if size < TRAILER + MAGIC.len() as u64 {
        return Ok(false);
    }
    let reader = store.open(&entry.location).await?;
    if reader.entry().size != size {
        return Ok(false);
    }
    let trailer = reader.read(size - TRAILER..size).await?;
    let Some((length, MAGIC)) = trailer.split_first_chunk() else { return Ok(false) };
    let length = u64::from(u32::from_le_bytes(*length));
    let Some(start) = size.checked_sub(TRAILER + length).filter(|_| length <= MAX_FOOTER) else { return Ok(false) };
    let footer = reader.read(start..size).await?;
    let mut write = || {
        file.write_all(MAGIC)?;
        file.set_len(size)?;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(&footer)
    };
    write().map_err(|error| Error::io(error, "cannot write a copy of the footer of", entry.location.to_string()))?;
    Ok(true)
}
