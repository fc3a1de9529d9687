//! A job's source as Spark reads it.

use std::fmt::Write as _;
use std::path::Path;

use arrow::datatypes::{DataType, Schema};
use pinotage_common::{Error, Result};
use pinotage_store::Location;
use serde_json::Value as Json;

use super::ENGINE;
use crate::Plan;
use crate::engines::sink::{file_uri, text_of};
use crate::engines::text::named;
use crate::engines::types::{SPARK, sql_type};
use crate::engines::{Declared, no_format};
use crate::file::Csv;

/// The view that a query reads.
const SOURCE: &str = "source";

/// What is read, where [`SOURCE`] is made of it.
const READ: &str = "source_read";

/// Files that are shown before there are only more of them.
const SHOWN_FILES: usize = 10;

/// How Spark reads a job's source: `spark.read.format(…).schema(…).options(…).load(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparkReading {
    /// The format.
    pub format: String,
    /// The columns; the format's own without.
    pub columns: Option<String>,
    /// The format's options.
    pub options: Vec<(String, String)>,
    /// The files.
    pub paths: Vec<String>,
    /// The query over `source_read` that is `source`; without it what is read is.
    pub view: Option<String>,
}

impl SparkReading {
    /// For a person.
    pub(super) fn describe(&self, text: &mut String) {
        let name = if self.view.is_some() { READ } else { SOURCE };
        let _ = writeln!(text, "read  {} as {name}", self.format);
        for (key, value) in &self.options {
            let _ = writeln!(text, "        {key} = {value}");
        }
        self.columns.iter().for_each(|columns| {
            let _ = writeln!(text, "        columns {columns}");
        });
        for path in self.paths.iter().take(SHOWN_FILES) {
            let _ = writeln!(text, "        {path}");
        }
        if self.paths.len() > SHOWN_FILES {
            let _ = writeln!(text, "        and {} more", self.paths.len() - SHOWN_FILES);
        }
        self.view.iter().for_each(|view| {
            let _ = writeln!(text, "view  {SOURCE} AS {view}");
        });
    }
}

pub(super) fn reading(
    plan: &Plan,
    declared: Option<Declared<'_>>,
    inputs: &[String],
    notes: &mut Vec<String>,
) -> Result<SparkReading> {
    match declared {
        Some(Declared::Files { columns, format }) => files(plan, columns, format, inputs, notes),
        Some(Declared::Spark(words)) => Ok(connector(words)),
        Some(Declared::Flink(_)) | None => Err(Error::unsupported("Spark has no source of this kind")
            .with("option", "source.kind")
            .action("use `kind: spark` with any format that Spark reads, or files")),
    }
}

fn connector(words: &Json) -> SparkReading {
    let options = words["options"].as_object().into_iter().flatten();
    SparkReading {
        format: words["format"].as_str().unwrap_or_default().to_owned(),
        columns: words["columns"].as_str().map(ToOwned::to_owned),
        options: options.map(|(key, value)| (key.clone(), text_of(value))).collect(),
        paths: Vec::new(),
        view: None,
    }
}

fn files(
    plan: &Plan,
    columns: &Schema,
    format: &str,
    inputs: &[String],
    notes: &mut Vec<String>,
) -> Result<SparkReading> {
    let mut reading = SparkReading {
        format: format.to_owned(),
        columns: None,
        options: Vec::new(),
        paths: inputs.iter().map(|input| place(input)).collect::<Result<_>>()?,
        view: None,
    };
    // What Spark cannot read would else become nulls.
    let strict = ("mode".to_owned(), "FAILFAST".to_owned());
    match format {
        "csv" => {
            reading.options = csv(&plan.file.source.csv)?;
            reading.options.push(strict);
            // Text, as the files have it; a header has to be the same in all of them.
            let texts = columns.fields().iter().map(|field| format!("{} STRING", named(field.name())));
            reading.columns = Some(texts.collect::<Vec<_>>().join(", "));
            reading.view = csv_view(plan, columns)?;
        }
        "json" => {
            reading.options.push(strict);
            let declared: Result<Vec<String>> = columns
                .fields()
                .iter()
                .map(|field| Ok(format!("{} {}", named(field.name()), sql_type(&SPARK, field)?)))
                .collect();
            reading.columns = Some(declared?.join(", "));
            notes.push("Spark leaves out keys of JSON that the first rows did not have".to_owned());
        }
        "parquet" | "avro" | "orc" => {}
        other => return Err(no_format(&ENGINE, other)),
    }
    let has_stores = reading.paths.iter().any(|path| !path.starts_with("file:"));
    if has_stores {
        notes.push("inputs are read by Spark, as its own `spark.hadoop.fs.…` say; `store` is for `staging`".to_owned());
    }
    Ok(reading)
}

/// A file as Spark names it. Files are named one by one: no character of them is a pattern.
fn place(input: &str) -> Result<String> {
    let uri = if Location::is_uri(input) { input.to_owned() } else { file_uri(Path::new(input)) };
    if uri.starts_with("http:") || uri.starts_with("https:") {
        return Err(Error::unsupported("Spark reads no files of web servers")
            .with("uri", input)
            .action("load them with our own engine, or from a store"));
    }
    // What Hadoop calls it.
    let uri = uri.strip_prefix("s3://").map_or(uri.clone(), |rest| format!("s3a://{rest}"));
    Ok(uri.chars().fold(String::new(), |mut path, c| {
        if "*?[]{}\\".contains(c) {
            path.push('\\');
        }
        path.push(c);
        path
    }))
}

fn csv(csv: &Csv) -> Result<Vec<(String, String)>> {
    let [null] = csv.null_values.as_slice() else {
        return Err(Error::unsupported("Spark's csv format has one text for null")
            .with("option", "source.csv.nullValues")
            .action("give one"));
    };
    let mut options = vec![
        ("sep", csv.delimiter.to_string()),
        ("header", csv.header.to_string()),
        ("enforceSchema", (!csv.header).to_string()),
        ("nullValue", null.clone()),
        // Nothing, if quotes are plain text.
        ("quote", csv.quote.map(String::from).unwrap_or_default()),
    ];
    // Without one a quote stands twice.
    let escape = csv.escape.or(csv.quote);
    options.extend(escape.map(|escape| ("escape", escape.to_string())));
    options.extend(csv.comment.map(|comment| ("comment", comment.to_string())));
    if csv.trim {
        options
            .extend(["ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace"].map(|option| (option, "true".to_owned())));
    }
    Ok(options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// Texts as what they stand for: lists always; other types for a query alone, because what goes to the table as it is becomes what
/// the table wants there, and is refused there.
fn csv_view(plan: &Plan, columns: &Schema) -> Result<Option<String>> {
    let mut selected = Vec::new();
    for field in columns.fields() {
        let (name, wanted) = (named(field.name()), sql_type(&SPARK, field)?);
        let is_list = matches!(field.data_type(), DataType::List(_) | DataType::LargeList(_));
        selected.push(match plan.file.source.csv.multi_value_delimiter.filter(|_| is_list) {
            Some(delimiter) => format!("CAST(split({name}, {}) AS {wanted}) AS {name}", pattern(delimiter)),
            None if wanted == "STRING" || plan.file.transform.is_none() => name,
            None => format!("CAST({name} AS {wanted}) AS {name}"),
        });
    }
    let is_same = selected.iter().all(|column| column.starts_with('`'));
    Ok((!is_same).then(|| format!("SELECT {} FROM `{READ}`", selected.join(", "))))
}

/// The text of a pattern of Java that is this character.
fn pattern(c: char) -> String {
    let pattern = regex::escape(&c.to_string());
    format!("'{}'", pattern.replace('\\', "\\\\").replace('\'', "\\'"))
}
