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
