//! A job's source as tables of Flink.

use arrow::datatypes::Schema;
use pinotage_common::{Error, Result};
use pinotage_store::Location;

use super::{ENGINE, with};
use crate::Plan;
use crate::engines::sink::{file_uri, text_of};
use crate::engines::text::named;
use crate::engines::types::{FLINK, sql_type};
use crate::engines::{Declared, no_format};
use crate::file::Csv;

pub(super) fn source_tables(
    plan: &Plan,
    declared: Option<Declared<'_>>,
    notes: &mut Vec<String>,
) -> Result<Vec<String>> {
    match declared {
        Some(Declared::Files { columns, format }) => files(plan, columns, format, notes),
        Some(Declared::Spark(_)) | None => Err(Error::unsupported("Flink has no source of this kind")
            .with("option", "source.kind")
            .action("use `kind: flink`, of which `connector: datagen` computes rows, or files")),
        Some(Declared::Flink(words)) => {
            let options: Vec<(String, String)> = words["options"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), text_of(value)))
                .collect();
            let columns = words["columns"].as_str().unwrap_or_default();
            Ok(vec![table("source", columns, &options)])
        }
    }
}

fn table(name: &str, columns: &str, options: &[(String, String)]) -> String {
    format!("CREATE TEMPORARY TABLE {} (\n  {columns}\n) WITH (\n{}\n)", named(name), with(options))
}

fn files(plan: &Plan, columns: &Schema, format: &str, notes: &mut Vec<String>) -> Result<Vec<String>> {
    let mut options = vec![("connector".to_owned(), "filesystem".to_owned()), ("format".to_owned(), format.to_owned())];
    match format {
        "csv" => options.extend(csv(&plan.file.source.csv)?),
        "json" => notes.push("Flink leaves out keys of JSON that the first rows did not have".to_owned()),
        "parquet" | "avro" | "orc" => {}
        other => return Err(no_format(&ENGINE, other)),
    }
    let columns: Result<Vec<String>> = columns
        .fields()
        .iter()
        .map(|field| Ok(format!("{} {}", named(field.name()), sql_type(&FLINK, field)?)))
        .collect();
    let columns = columns?.join(",\n  ");
    let paths = &plan.file.source.paths;
    let mut statements = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        let name = if paths.len() == 1 { "source".to_owned() } else { format!("source_{}", at + 1) };
        let place = if Location::is_uri(path) { path.clone() } else { file_uri(&plan.base.join(path)) };
        statements.push(table(&name, &columns, &[at_place(&place), options.clone()].concat()));
    }
    if paths.len() > 1 {
        let all: Vec<String> = (1..=paths.len()).map(|at| format!("SELECT * FROM `source_{at}`")).collect();
        statements.push(format!("CREATE TEMPORARY VIEW `source` AS\n{}", all.join("\nUNION ALL\n")));
    }
    Ok(statements)
}

/// The folder of a path whose last part has stars, and which of its files.
fn at_place(place: &str) -> Vec<(String, String)> {
    let path = |text: &str| ("path".to_owned(), text.to_owned());
    match place.rsplit_once('/') {
        Some((folder, last)) if last.contains('*') => {
            let last: Vec<String> = last.split('*').map(regex::escape).collect();
            let pattern = format!(".*/{}", last.join("[^/]*"));
            vec![path(folder), ("source.path.regex-pattern".to_owned(), pattern)]
        }
        _ => vec![path(place)],
    }
}

fn csv(csv: &Csv) -> Result<Vec<(String, String)>> {
    let refused = |option: &'static str, reason: &str, action: &str| {
        Err(Error::unsupported(reason).with("option", option).action(action))
    };
    if csv.header {
        return refused(
            "source.csv.header",
            "Flink's csv format takes the first line for a row",
            "load these files with our own engine; or without the line, with `header: false` and `columnNames`",
        );
    }
    if csv.trim {
        return refused(
            "source.csv.trim",
            "Flink's csv format keeps blanks",
            "remove it, and use TRIM in `transform.sql`",
        );
    }
    if csv.comment.is_some_and(|comment| comment != '#') {
        return refused("source.csv.comment", "Flink's csv format knows comments behind `#` alone", "remove it");
    }
    let [null] = csv.null_values.as_slice() else {
        return refused("source.csv.nullValues", "Flink's csv format has one text for null", "give one");
    };
    let mut options = vec![("csv.field-delimiter", csv.delimiter.to_string()), ("csv.null-literal", null.clone())];
    match csv.quote {
        Some(quote) => options.push(("csv.quote-character", quote.to_string())),
        None => options.push(("csv.disable-quote-character", "true".into())),
    }
    options.extend(csv.escape.map(|escape| ("csv.escape-character", escape.to_string())));
    options.extend(csv.comment.map(|_| ("csv.allow-comments", "true".to_owned())));
    options.extend(csv.multi_value_delimiter.map(|c| ("csv.array-element-delimiter", c.to_string())));
    Ok(options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
