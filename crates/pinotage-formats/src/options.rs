//! What a reader can be told.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use pinotage_common::{Error, Result};

use crate::ProtobufSchema;

/// Text of one batch above which the batch ends early: what is made of it then stays in the processor's cache, and its memory is used
/// again before the allocator gives it back.
pub(crate) const BATCH_TEXT_BYTES: usize = 3 << 19;
/// Text that inference looks at, at most.
pub(crate) const SAMPLE_TEXT_BYTES: usize = 32 << 20;
/// The largest `max_row_bytes`: Arrow's 32-bit offsets and our own spans must hold a batch of text.
const MAX_ROW_BYTES_LIMIT: usize = 1 << 29;

/// How to read a file. The defaults read what most tools write.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Rows of a batch at most; a batch of text also ends at 1.5 MiB, one of Avro at 4,096. Default 16,384.
    pub batch_rows: usize,
    /// Only these columns, in this order; `None` is all of them. An unknown name is an error.
    pub columns: Option<Vec<String>>,
    /// Types that the user or the target demands, by column name; they override inference in CSV and JSON.
    ///
    /// A name that a CSV file does not have is ignored. In JSON, where a key may be missing from any row, it becomes a
    /// column, and one of [`json_values`] takes what it has of any kind. Fields are always read as nullable.
    pub declared: Vec<Field>,
    /// CSV only.
    pub csv: CsvOptions,
    /// Protobuf only, which cannot be read without: the type of the messages.
    pub protobuf: Option<ProtobufSchema>,
    /// What happens to a JSON key that the schema does not have.
    pub unknown_columns: UnknownColumns,
    /// Rows looked at by inference. Default 10,000.
    pub sample_rows: usize,
    /// Bytes of one row (CSV, JSON, Protobuf) or of one block (Avro) at most, a sixteenth of what one Arrow batch may have, and
    /// half of the items that lists of one ORC stripe may have; more is an error that names the limit. Default 64 MiB, at most 512 MiB. Parquet is bounded by `batch_rows` and
    /// by the page sizes of its writer.
    pub max_row_bytes: usize,
    /// Text that a Parquet file holds in dictionaries throughout comes as Arrow dictionaries with 32-bit keys, unless a schema is
    /// given. Default false. Each file decides for itself, and inference always gives plain text.
    pub keep_dictionaries: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            batch_rows: 16_384,
            columns: None,
            declared: Vec::new(),
            csv: CsvOptions::default(),
            protobuf: None,
            unknown_columns: UnknownColumns::default(),
            sample_rows: 10_000,
            max_row_bytes: 64 << 20,
            keep_dictionaries: false,
        }
    }
}

/// The key of a field's metadata that says so.
pub(crate) const JSON_VALUES: &str = "pinotage.json";

/// A column to declare that holds the JSON values of a key, whatever they are, as their text without blanks: text has its
/// quotes.
pub fn json_values(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_metadata([(JSON_VALUES.to_owned(), "any".to_owned())].into())
}

/// The dialect of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between fields; one ASCII byte. Default `,`.
    pub delimiter: u8,
    /// Around fields; a doubled one inside stands for itself. Default `"`; `None`: quotes are plain text.
    pub quote: Option<u8>,
    /// Before a byte that is meant literally (`\n`, `\t`, `\r` become control characters, as Pinot does); before a byte that
    /// needs none it is text. Default none.
    pub escape: Option<u8>,
    /// Whether the first record is the header. Default true.
    pub header: bool,
    /// Names instead of the header's; needed when there is no header.
    pub column_names: Option<Vec<String>>,
    /// Texts that mean null, quoted or not (Pinot makes no difference either). Default: the empty text.
    pub null_values: Vec<String>,
    /// Records starting with this byte are skipped and are not rows. Default none.
    pub comment: Option<u8>,
    /// Splits the values of columns declared as List; Pinot's own default is `;`. Default none: Lists are refused.
    pub multi_value_delimiter: Option<u8>,
    /// Whether blanks around fields are dropped, as Pinot does by default. Default false.
    ///
    /// Numbers, booleans and times are read without surrounding blanks in any case.
    pub trim: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            header: true,
            column_names: None,
            null_values: vec![String::new()],
            comment: None,
            multi_value_delimiter: None,
            trim: false,
        }
    }
}

/// What happens to a row with a key that the schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownColumns {
    /// The row is bad ([`rule::UNKNOWN_COLUMN`](crate::rule::UNKNOWN_COLUMN)): nothing is dropped in silence.
    #[default]
    Quarantine,
    /// The key is ignored.
    Ignore,
}

impl ReadOptions {
    /// Refuses combinations that cannot work, before a file is opened.
    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |option: &'static str, message: &str| Err(Error::invalid_config(message).with("option", option));
        if self.batch_rows == 0 {
            return wrong("batch_rows", "expected at least one row a batch");
        }
        if self.max_row_bytes == 0 || self.max_row_bytes > MAX_ROW_BYTES_LIMIT {
            return wrong("max_row_bytes", "expected 1 byte to 512 MiB");
        }
        let csv = &self.csv;
        let specials: Vec<u8> =
            [Some(csv.delimiter), csv.quote, csv.escape, csv.comment].into_iter().flatten().collect();
        if specials.iter().any(|byte| !byte.is_ascii() || matches!(byte, b'\r' | b'\n')) {
            return wrong("csv", "expected delimiter, quote, escape and comment to be ASCII and no line break");
        }
        // The same byte as quote and escape is the usual way to say that quotes are doubled.
        let clash = [csv.quote, csv.escape, csv.comment].into_iter().flatten().any(|byte| byte == csv.delimiter)
            || (csv.comment.is_some() && (csv.comment == csv.quote || csv.comment == csv.escape));
        if clash {
            return wrong("csv", "expected delimiter, quote, escape and comment to differ");
        }
        Ok(())
    }

    /// The declared field of that name, made nullable: no file can promise the absence of nulls.
    pub(crate) fn declared_field(&self, name: &str) -> Option<Field> {
        self.declared.iter().find(|field| field.name() == name).map(nullable)
    }
}

/// The field with nulls allowed at every level: text may lack any value.
pub(crate) fn nullable(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(Arc::new(nullable(item))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| nullable(field)).collect()),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type).with_nullable(true)
}

/// Indices of the wanted columns in `schema`, in the order asked for.
pub(crate) fn projection(schema: &Schema, columns: Option<&[String]>) -> Result<Vec<usize>> {
    let Some(columns) = columns else {
        return Ok((0..schema.fields().len()).collect());
    };
    let mut indices = Vec::with_capacity(columns.len());
    for name in columns {
        let index = schema.index_of(name).map_err(|_| {
            let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            Error::schema_mismatch(format!("expected a column `{name}`, the file has no such column"))
                .with("column", name)
                .action(format!("name one of: {}", shorten(&known)))
        })?;
        if indices.contains(&index) {
            return Err(Error::invalid_config("expected every column once").with("column", name));
        }
        indices.push(index);
    }
    Ok(indices)
}

/// The schema of the projected columns.
pub(crate) fn project(schema: &SchemaRef, indices: &[usize]) -> Result<SchemaRef> {
    schema
        .project(indices)
        .map(SchemaRef::new)
        .map_err(|error| Error::unexpected("cannot project the schema").caused_by(error))
}

/// A list of names for a message, cut after 20.
pub(crate) fn shorten(names: &[&str]) -> String {
    let mut text = names.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 20 {
        text.push_str(", …");
    }
    text
}
