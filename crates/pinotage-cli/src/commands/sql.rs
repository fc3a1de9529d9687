//! `pinotage sql`

use std::process::ExitCode;

use arrow::util::pretty::pretty_format_batches_with_schema;
use clap::ValueEnum;
use pinotage_common::{Error, Result};
use pinotage_engine::TableSource;

use crate::output::print;

/// Answers SQL over segments, files and tables of clusters, in this process.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage sql --table flights=out/segments 'SELECT carrier, count(*) FROM flights GROUP BY carrier'
  pinotage sql --table f=out/segments --output csv 'SELECT * FROM f LIMIT 10' > ten.csv
  pinotage sql --table f=pinot://localhost:9000/flights --table a=airports.csv \\
      'SELECT a.city, count(*) FROM f JOIN a ON f.origin = a.code GROUP BY a.city'")]
pub(crate) struct Args {
    /// The query; names are case-sensitive
    sql: String,
    /// A table: its name and a segment, a folder of segments, a file, or a cluster's table such as
    /// `pinot://host:9000/flights?reader=direct`
    #[arg(long = "table", value_name = "NAME=PLACE", required = true, value_parser = table)]
    tables: Vec<(String, TableSource)>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    /// A table for people
    Text,
    /// One object a line
    Json,
    /// With a header
    Csv,
}

fn table(text: &str) -> Result<(String, TableSource)> {
    match text.split_once('=') {
        Some((name, place)) if !name.is_empty() && !place.is_empty() => {
            Ok((name.to_owned(), TableSource::parse(place)?))
        }
        _ => Err(Error::invalid_config("expected NAME=PLACE")),
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (schema, batches) = pinotage_engine::query(&args.sql, &args.tables)?;
    let failed = |error: arrow::error::ArrowError| Error::unexpected("cannot print the answer").caused_by(error);
    print(&match args.output {
        Output::Text => format!("{}\n", pretty_format_batches_with_schema(schema, &batches).map_err(failed)?),
        other => rows(&batches, other).map_err(failed)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Batches as CSV or JSON lines.
pub(crate) fn rows(batches: &[arrow::array::RecordBatch], output: Output) -> Result<String, arrow::error::ArrowError> {
    let mut bytes = Vec::new();
    match output {
        Output::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut bytes);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
        }
        _ => {
            let mut writer = arrow::json::writer::WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, arrow::json::writer::LineDelimited>(&mut bytes);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
