//! Files to Arrow, one bounded batch at a time, with every row accounted for.
//!
//! CSV, JSON (lines, arrays, concatenated objects), Parquet, Avro, Arrow IPC, ORC and Protobuf. The outer compressions gzip
//! (many members), zstd (many frames) and snappy (framing format) are found by their first bytes. Nothing here is
//! asynchronous, nothing opens a network, nothing knows Pinot.
//!
//! Two kinds of failure are kept apart. A **bad row** ([`BadRow`]) is a record of a text format that cannot become the
//! schema's types: it is handed out beside the good rows with its place, column, [`rule`] and raw text, and reading goes
//! on. A **broken container** (truncated gzip, bad Avro block, Parquet page that does not decode) ends the reader with
//! an [`Error`](pinotage_common::Error) that names file and place; no batch is ever shortened in silence.
//!
//! # Examples
//!
//! ```
//! use pinotage_formats::{Format, ReadOptions, infer_schema, open, rule};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("people.csv");
//! std::fs::write(&path, "name,age\nAda,36\nAlan,41,extra\nGrace,85\n")?;
//!
//! let options = ReadOptions::default();
//! let schema = infer_schema(&path, Format::Csv, &options)?;
//! let mut reader = open(&path, Format::Csv, &options, Some(schema))?;
//! while let Some(rows) = reader.next_batch()? {
//!     assert_eq!(rows.batch.num_rows(), 2);
//!     assert_eq!(rows.rows.line(1), Some(4)); // Grace stands on line 4
//!     assert_eq!(rows.bad[0].rule, rule::ROW_WIDTH);
//!     assert_eq!(rows.bad[0].raw, b"Alan,41,extra");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes what
//!
//! | file | Arrow |
//! | --- | --- |
//! | CSV | Int64, Float64, Boolean, Utf8 by a sample, or the declared type |
//! | JSON | the same, arrays as List, objects as Struct; anything mixed as Utf8 holding the exact JSON text |
//! | Parquet, Arrow | the file's own types; views and dictionaries are unpacked to plain types |
//! | Avro | `arrow-avro`'s mapping, strings as Utf8 |
//! | ORC | the file's own types; both kinds of timestamps in microseconds, those with a zone in UTC; no unions |
//! | Protobuf | the descriptor's types: messages as Struct, enums as Utf8 by name, maps as Map with keys as Utf8 |
//!
//! Of Protobuf, null is what Pinot makes null: a field that tells whether it is set and is not, an empty list, map or message.
//! Fields without presence have their default at the top of a message, and are null inside of others.
//!
//! An integer that does not fit 64 bits is never rounded: by inference its column is Utf8 with the digits as they stand,
//! in a declared integer column it is a bad row ([`rule::OUT_OF_RANGE`]).
#![forbid(unsafe_code)]

mod arrow_ipc;
mod avro;
mod column;
mod compression;
mod conform;
mod csv;
mod format;
mod guard;
mod json;
mod number;
mod options;
mod orc;
mod parquet;
mod parts;
mod position;
mod protobuf;
mod reader;
pub mod rule;
mod sequence;
mod text;

pub use format::Format;
pub use options::{CsvOptions, ReadOptions, UnknownColumns, json_values};
pub use parts::Spawn;
pub use position::{BadRow, RowPositions, SourceBatch};
pub use protobuf::ProtobufSchema;
pub use reader::{SourceReader, infer_schema, open, open_parallel};
