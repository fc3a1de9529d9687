//! `pinotage sql`

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use pinotage_common::{Error, Result};
use pinotage_engine::{Answer, TableSource};

use crate::output::{print, warn};
use crate::rows::Target;

/// Answers SQL over segments, files and tables of clusters, in this process.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage sql --table flights=out/segments 'SELECT carrier, count(*) FROM flights GROUP BY carrier'
  pinotage sql --table f=out/segments --output csv 'SELECT * FROM f LIMIT 10' > ten.csv
  pinotage sql --table f=pinot://localhost:9000/flights --to late.parquet 'SELECT * FROM f WHERE dep_delay > 60'
  pinotage sql --table f=pinot://localhost:9000/flights --explain 'SELECT count(*) FROM f'
  pinotage sql --table f=pinot://localhost:9000/flights --table a=airports.csv \\
      'SELECT a.city, count(*) FROM f JOIN a ON f.origin = a.code GROUP BY a.city'")]
pub(crate) struct Args {
    /// The query; names are case-sensitive
    sql: String,
    /// A table: its name and a segment, a folder of segments, a file, or a cluster's table such as
    /// `pinot://host:9000/flights?reader=direct`
    #[arg(long = "table", value_name = "NAME=PLACE", required = true, value_parser = table)]
    tables: Vec<(String, TableSource)>,
    #[command(flatten)]
    target: Target,
    /// Print how the query would be answered: which segments are read, by whom and why
    #[arg(long, conflicts_with_all = ["output", "to"])]
    explain: bool,
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
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    if args.explain {
        explain(Answer::open(&format!("EXPLAIN {}", args.sql), &args.tables, &cancel)?)?;
    } else {
        let answer = Answer::open(&args.sql, &args.tables, &cancel)?;
        let warnings = answer.warnings().clone();
        warn(&warnings.take());
        let written = args.target.write(answer);
        warn(&warnings.take());
        written?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints kinds of plans, and below each of them the plan.
fn explain(answer: Answer) -> Result<()> {
    warn(&answer.warnings().take());
    for batch in answer {
        let failed = |error| Error::unexpected("cannot print the plan").caused_by(error);
        let texts = batch?.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>();
        if let [kinds, plans] = texts.map_err(failed)?.as_slice() {
            for (kind, plan) in kinds.as_string::<i32>().iter().zip(plans.as_string::<i32>()) {
                print(&format!("{}:\n{}\n", kind.unwrap_or_default(), plan.unwrap_or_default()))?;
            }
        }
    }
    Ok(())
}
