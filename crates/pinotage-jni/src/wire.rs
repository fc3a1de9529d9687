//! Committables and open buffers as bytes, for states of engines. What has been written once is read for ever.
//!
//! | bytes | committable | open buffer |
//! | --- | --- | --- |
//! | 0..4 | 1, the form | 1, the form |
//! | 4.. | epoch (8), rows (8), version of the text (4) | partition (4), rows (8) |
//! | to the end | the sink's own text, UTF-8 | the same |
//!
//! Numbers are big-endian, as Java reads them.

use pinotage_common::{Error, Result};
use pinotage_connector::{Committable, OpenBuffer};

const FORM: u32 = 1;

/// A committable, with the epoch that sealed it.
pub(crate) fn committable_bytes(committable: &Committable, epoch: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24 + committable.detail.len());
    bytes.extend(FORM.to_be_bytes());
    bytes.extend(epoch.to_be_bytes());
    bytes.extend(committable.rows.to_be_bytes());
    bytes.extend(committable.version.to_be_bytes());
    bytes.extend(committable.detail.as_bytes());
    bytes
}

/// Reads a committable.
///
/// # Errors
///
/// `unsupported` for a later form; `invalid-data` for what is none.
pub(crate) fn committable(bytes: &[u8]) -> Result<Committable> {
    let mut rest = after_form(bytes)?;
    let _epoch = u64::from_be_bytes(take(&mut rest)?);
    let rows = u64::from_be_bytes(take(&mut rest)?);
    let version = u32::from_be_bytes(take(&mut rest)?);
    Ok(Committable { version, rows, detail: detail(rest)? })
}

/// An open buffer.
pub(crate) fn open_bytes(open: &OpenBuffer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + open.detail.len());
    bytes.extend(FORM.to_be_bytes());
    bytes.extend(open.partition.to_be_bytes());
    bytes.extend(open.rows.to_be_bytes());
    bytes.extend(open.detail.as_bytes());
    bytes
}

/// Reads an open buffer.
///
/// # Errors
///
/// As [`committable`].
pub(crate) fn open(bytes: &[u8]) -> Result<OpenBuffer> {
    let mut rest = after_form(bytes)?;
    let partition = u32::from_be_bytes(take(&mut rest)?);
    let rows = u64::from_be_bytes(take(&mut rest)?);
    Ok(OpenBuffer { partition, rows, detail: detail(rest)? })
}

fn after_form(bytes: &[u8]) -> Result<&[u8]> {
    let mut rest = bytes;
    match u32::from_be_bytes(take(&mut rest)?) {
        FORM => Ok(rest),
        other => Err(Error::unsupported(format!("a state has bytes of form {other}, and this version reads {FORM}"))
            .action("go on with the version that wrote the state")),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (head, tail) = rest.split_first_chunk().ok_or_else(senseless)?;
    *rest = tail;
    Ok(*head)
}

fn detail(rest: &[u8]) -> Result<String> {
    String::from_utf8(rest.to_vec()).map_err(|_| senseless())
}

fn senseless() -> Error {
    Error::invalid_data("bytes of a state make no sense").action("restore an intact state")
}
