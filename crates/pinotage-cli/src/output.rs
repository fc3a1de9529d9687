//! What goes to the terminal: results on stdout, talk and errors on stderr.

use std::error::Error as StdError;
use std::io::{self, ErrorKind as Io, Write};
use std::process::ExitCode;

use pinotage_common::{Error, Result};

/// Prints an error as a chain of causes that ends with what to do, and gives the exit code.
pub(crate) fn fail(error: &Error) -> ExitCode {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("  caused by: {source}\n"));
        cause = source.source();
    }
    text.push_str(&format!("  what to do: {}\n", error.advice()));
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(error.kind().exit_code())
}

/// Prints warnings.
pub(crate) fn warn(warnings: &[String]) {
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
}

/// Prints results. A reader that has gone away is no error: that is how `head` ends.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != Io::BrokenPipe => Err(Error::io(error, "cannot write the result", "<stdout>")),
        _ => Ok(()),
    }
}

/// Bytes for a person.
pub(crate) fn bytes(bytes: u64) -> String {
    pinotage_common::ByteSize(bytes).to_string()
}

/// Rows of texts in columns as wide as their widest text; numbers stand at the left, as all texts do.
pub(crate) fn aligned(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|text| text.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
