//! The formats by name and by file extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use pinotage_common::{Error, Result};

/// A file format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text, RFC 4180 with the liberties of [`CsvOptions`](crate::CsvOptions).
    Csv,
    /// JSON objects: one a line, or in one array, or pretty-printed one after another.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Avro object container file.
    Avro,
    /// Arrow IPC, file or stream.
    Arrow,
    /// Apache ORC.
    Orc,
    /// Protobuf messages, each behind its length as a varint.
    Protobuf,
}

/// Extensions of outer compressions: looked through by [`Format::detect`].
const COMPRESSIONS: [&str; 6] = ["gz", "gzip", "zst", "zstd", "sz", "snappy"];

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 7] =
        [Format::Csv, Format::Json, Format::Parquet, Format::Avro, Format::Arrow, Format::Orc, Format::Protobuf];

    /// The name used in job files.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Parquet => "parquet",
            Format::Avro => "avro",
            Format::Arrow => "arrow",
            Format::Orc => "orc",
            Format::Protobuf => "protobuf",
        }
    }

    /// The format by the file's extension, `.gz`, `.zst` and `.sz` ignored; `None` when the extension says nothing.
    pub fn detect(path: impl AsRef<Path>) -> Option<Format> {
        let name = path.as_ref().file_name()?.to_str()?.to_ascii_lowercase();
        let mut parts = name.rsplit('.');
        let mut extension = parts.next()?;
        if COMPRESSIONS.contains(&extension) {
            extension = parts.next()?;
        }
        // A name without a dot is not an extension.
        parts.next()?;
        match extension {
            "tsv" => Some(Format::Csv),
            "pq" => Some(Format::Parquet),
            "arrows" | "feather" => Some(Format::Arrow),
            "pb" => Some(Format::Protobuf),
            // A description of messages, not messages.
            "proto" => None,
            other => other.parse().ok(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Csv),
            "json" | "ndjson" | "jsonl" => Ok(Format::Json),
            "parquet" => Ok(Format::Parquet),
            "avro" => Ok(Format::Avro),
            "arrow" | "ipc" => Ok(Format::Arrow),
            "orc" => Ok(Format::Orc),
            "protobuf" | "proto" => Ok(Format::Protobuf),
            _ => Err(Error::invalid_config(format!("expected a file format, found `{text}`"))
                .with("option", "format")
                .action("name one of: csv, json, parquet, avro, arrow, orc, protobuf")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_to_themselves() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert_eq!("ndjson".parse::<Format>().unwrap(), Format::Json);
        assert!("xlsx".parse::<Format>().is_err());
    }

    #[test]
    fn extension_is_found_under_a_compression() {
        for (path, format) in [
            ("a/b.csv", Some(Format::Csv)),
            ("b.CSV.gz", Some(Format::Csv)),
            ("b.jsonl.zst", Some(Format::Json)),
            ("part-0.snappy.parquet", Some(Format::Parquet)),
            ("x.arrow", Some(Format::Arrow)),
            ("x.orc", Some(Format::Orc)),
            ("x.pb.gz", Some(Format::Protobuf)),
            ("x.proto", None),
            ("csv", None),
            ("csv.gz", None),
            ("x.txt", None),
        ] {
            assert_eq!(Format::detect(path), format, "{path}");
        }
    }
}
