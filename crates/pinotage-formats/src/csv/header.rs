//! The names of a CSV file's columns, and their types by declaration, a given schema or a sample.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use pinotage_common::{Error, Result};

use super::cells::NullTexts;
use super::infer::Guess;
use super::scan::{self, Scanned, Scanner};
use crate::options::{nullable, shorten};
use crate::text::Text;
use crate::{ReadOptions, UnknownColumns};

/// A file whose header has been read; the scanner stands on the first row.
pub(super) struct Opened {
    pub(super) text: Text,
    pub(super) scanner: Scanner,
    /// Names in file order.
    pub(super) names: Vec<String>,
    /// All columns with their types, before projection.
    pub(super) full: SchemaRef,
}

pub(crate) fn infer_schema(path: &Path, options: &ReadOptions) -> Result<SchemaRef> {
    Ok(open(path, options, None)?.full)
}

pub(super) fn open(path: &Path, options: &ReadOptions, schema: Option<SchemaRef>) -> Result<Opened> {
    let mut text = Text::open(path, options.max_row_bytes)?;
    let mut scanner = Scanner::new(&options.csv);
    let names = names(&mut text, &mut scanner, options)?;
    let full = match schema {
        Some(schema) => given(path, &names, &schema, options)?,
        None => sample(&mut text, &mut scanner, &names, options)?,
    };
    Ok(Opened { text, scanner, names, full })
}

fn names(text: &mut Text, scanner: &mut Scanner, options: &ReadOptions) -> Result<Vec<String>> {
    let csv = &options.csv;
    let path = text.path().to_owned();
    let mut names = None;
    if csv.header {
        let mut fields = Vec::new();
        let mut scratch = Vec::new();
        let scanned = next(text, scanner, &mut fields, &mut scratch)?;
        match scanned {
            Scanned::Record(place) => {
                let header: Result<Vec<String>> = fields
                    .iter()
                    .map(|field| {
                        let name = field.bytes(&text.bytes, &scratch);
                        String::from_utf8(name.to_vec()).map_err(|_| {
                            Error::invalid_data("expected column names in UTF-8")
                                .with("file", path.display())
                                .with("line", place.line)
                        })
                    })
                    .collect();
                names = Some(header?);
            }
            Scanned::Malformed(place, problem) => {
                return Err(Error::invalid_data(format!("expected a header, {problem}"))
                    .with("file", path.display())
                    .with("line", place.line));
            }
            // An empty file has no rows and needs names from elsewhere.
            Scanned::End | Scanned::Incomplete => {}
        }
    }
    let names = match (&csv.column_names, names) {
        (Some(given), Some(header)) if given.len() != header.len() => {
            return Err(Error::schema_mismatch(format!(
                "expected {} columns as named in `csv.column_names`, the header has {}",
                given.len(),
                header.len()
            ))
            .with("file", path.display()));
        }
        (Some(given), _) => given.clone(),
        (None, Some(header)) => header,
        (None, None) if csv.header => {
            return Err(Error::invalid_data("expected a header, the file is empty")
                .with("file", path.display())
                .action("remove the file, or name its columns in `csv.column_names`"));
        }
        (None, None) => {
            return Err(Error::invalid_config("expected column names: the file is read without a header")
                .with("file", path.display())
                .with("option", "csv.column_names")
                .action("name the columns in `csv.column_names`, or set `csv.header`"));
        }
    };
    check_names(&path, &names)?;
    Ok(names)
}

fn check_names(path: &Path, names: &[String]) -> Result<()> {
    for (i, name) in names.iter().enumerate() {
        let wrong = if name.is_empty() {
            format!("expected a name for every column, column {} has none", i + 1)
        } else if names[..i].contains(name) {
            format!("expected every column name once, found `{name}` again as column {}", i + 1)
        } else {
            continue;
        };
        return Err(Error::invalid_data(wrong)
            .with("file", path.display())
            .with("column", name)
            .action("correct the header, or name the columns in `csv.column_names`"));
    }
    Ok(())
}

/// The next record; reads more text as needed.
fn next(
    text: &mut Text,
    scanner: &mut Scanner,
    fields: &mut Vec<scan::Field>,
    scratch: &mut Vec<u8>,
) -> Result<Scanned> {
    loop {
        let scanned = scanner.next(&text.bytes, text.eof, fields, scratch);
        if scanned != Scanned::Incomplete {
            return Ok(scanned);
        }
        text.fill_row(scanner.position, scanner.line)?;
    }
}

/// A schema made for several files, matched by name: the order in this file may differ.
fn given(path: &Path, names: &[String], schema: &SchemaRef, options: &ReadOptions) -> Result<SchemaRef> {
    for field in schema.fields() {
        if !names.contains(field.name()) {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(Error::schema_mismatch(format!(
                "expected a column `{}`, the header has no such name",
                field.name()
            ))
            .with("file", path.display())
            .with("column", field.name())
            .action(format!("the header has: {}", shorten(&known))));
        }
    }
    if options.unknown_columns == UnknownColumns::Quarantine {
        for name in names {
            if schema.index_of(name).is_err() {
                return Err(Error::schema_mismatch(format!(
                    "expected only columns of the schema, the header has `{name}` too"
                ))
                .with("file", path.display())
                .with("column", name)
                .action("add the column to the schema, or set `unknown_columns` to ignore"));
            }
        }
    }
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let declared = options.declared_field(field.name());
            declared.unwrap_or_else(|| nullable(field))
        })
        .collect();
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// Looks at the first rows and leaves the scanner on the first of them: the sampled text stays in the window.
fn sample(text: &mut Text, scanner: &mut Scanner, names: &[String], options: &ReadOptions) -> Result<SchemaRef> {
    let start = (scanner.position, scanner.line);
    let null_texts = NullTexts::new(&options.csv.null_values);
    let mut guesses = vec![Guess::default(); names.len()];
    let mut fields = Vec::new();
    let mut scratch = Vec::new();
    for _ in 0..options.sample_rows {
        fields.clear();
        scratch.clear();
        // The sample is held in memory, so it ends at a batch's worth of text.
        if scanner.position > crate::options::SAMPLE_TEXT_BYTES {
            break;
        }
        match next(text, scanner, &mut fields, &mut scratch)? {
            Scanned::Record(_) if fields.len() == names.len() => {
                for (guess, field) in guesses.iter_mut().zip(&fields) {
                    guess.add(field.bytes(&text.bytes, &scratch), &null_texts);
                }
            }
            Scanned::Record(_) | Scanned::Malformed(..) => {}
            Scanned::Incomplete | Scanned::End => break,
        }
    }
    (scanner.position, scanner.line) = start;
    let fields: Vec<Field> = names
        .iter()
        .zip(guesses)
        .map(|(name, guess)| options.declared_field(name).unwrap_or_else(|| Field::new(name, guess.data_type(), true)))
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}
