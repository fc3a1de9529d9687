//! `pinotage infer`

use std::path::PathBuf;
use std::process::ExitCode;

use pinotage_common::{Error, Result};
use pinotage_formats::{Format, ReadOptions, infer_schema};

use crate::output::print;

/// Prints a schema and a table config for a file, to be saved and edited.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage infer flights.csv --table flights
  pinotage infer flights.csv --table flights --schema-out schema.json --table-config-out table.json")]
pub(crate) struct Args {
    /// The file
    file: PathBuf,
    /// The table's name
    #[arg(long)]
    table: String,
    /// Write the schema to this file
    #[arg(long)]
    schema_out: Option<PathBuf>,
    /// Write the table config to this file
    #[arg(long)]
    table_config_out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let format = Format::detect(&args.file).ok_or_else(|| {
        Error::invalid_config("the format cannot be told from the file's name")
            .with("file", args.file.display())
            .action("rename the file so that it ends in .csv, .json, .parquet, .avro or .arrow")
    })?;
    let columns = infer_schema(&args.file, format, &ReadOptions::default())?;
    let schema = pinotage_job::infer_schema(&args.table, &columns);
    let table = pinotage_job::infer_table_config(&args.table, &schema);
    for (document, target) in [(schema, &args.schema_out), (table, &args.table_config_out)] {
        let text = serde_json::to_string_pretty(&document)
            .map_err(|error| Error::unexpected("cannot print JSON").caused_by(error))?
            + "\n";
        match target {
            Some(path) => {
                std::fs::write(path, text).map_err(|error| Error::io(error, "cannot write the document", path))?
            }
            None => print(&text)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
