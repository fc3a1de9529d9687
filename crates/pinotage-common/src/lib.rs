//! What every layer of Pinotage shares: one error type, sizes and durations with units.
//!
//! Nothing here knows Pinot. [`Error`] says what failed, whose move it is, whether to try again and where;
//! [`ByteSize`] is how every size is written in a job file,
//! [`TimeSpan`] every length of time, [`ArchiveLevel`] how hard archives are compressed; a [`Secret`] is never shown.
#![forbid(unsafe_code)]

mod archive_level;
mod error;
mod secret;
mod size;
mod time_span;

pub use archive_level::ArchiveLevel;
pub use error::{Error, ErrorKind, Origin, Result, Retry, error_reference};
pub use secret::Secret;
pub use size::ByteSize;
pub use time_span::TimeSpan;
