//! `pinotage plan`

use std::fmt::Write as _;
use std::process::ExitCode;

use pinotage_common::Result;
use pinotage_engine::{SqlWay, prepare, warning_of_old_inputs};
use pinotage_spec::{ColumnPlan, DictionaryRule, StarTreePlans};

use crate::commands::engine::{Engine, EngineArgs, ForFlink, SparkArgs, steps};
use crate::commands::job::{Job, JobArgs};
use crate::commands::spark::ForSpark;
use crate::commands::spec_push;
use crate::output::print;

/// Prints what a job would do: inputs, columns with their encodings and indexes, limits, and what would change in its
/// cluster. Builds and changes nothing.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage plan job.yaml
  pinotage plan job.yaml | less
  pinotage plan job.yaml --engine flink")]
pub(crate) struct Args {
    #[command(flatten)]
    job: JobArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten, next_help_heading = "On Spark")]
    spark: SparkArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let elsewhere = match args.engine.engine {
        Engine::Embedded => None,
        Engine::Flink => {
            let job = ForFlink::load(&args.job, false)?;
            Some(steps(&job.foreign) + &job.script.to_sql())
        }
        Engine::Spark => Some(ForSpark::load(&args.job, Some(&args.spark), false)?.described()?),
    };
    if let Some(text) = elsewhere {
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let job = match args.job.load()? {
        Job::Build(plan) => prepare(*plan, false)?,
        Job::Push(wishes) => return spec_push::run(&wishes, true),
    };
    if let Some(warning) = warning_of_old_inputs(&job) {
        eprintln!("warning: {warning}");
    }
    let file = &job.plan.file;
    let mut text = format!("job {}\n", file.name);
    for input in &job.inputs {
        let _ = writeln!(text, "  read   {} as {}", input.file, input.format);
    }
    if let Some(generator) = &file.source.generator {
        let rows = generator.rows.map_or("rows without an end".to_owned(), |rows| format!("{rows} rows"));
        let _ = writeln!(text, "  read   {rows} of a generator, {} splits", generator.splits);
    }
    let _ = writeln!(text, "  zone   times without one are read in {}", file.source.time_zone);
    if let Some(transform) = &file.transform {
        let _ = writeln!(text, "  sql    {}", transform.sql.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    match &job.sql {
        Some(SqlWay::ByRow) => text.push_str("         row by row: each input has its own segments\n"),
        Some(SqlWay::Whole(node)) => {
            let _ = writeln!(
                text,
                "         all inputs together, for `{node}`: any changed input builds all segments again"
            );
        }
        None => {}
    }
    if let Some(ingestion) = &job.ingestion {
        for list in ingestion.unnested() {
            let _ = writeln!(text, "  unnest {list}: each item becomes a row");
        }
        for (column, expression) in ingestion.computed() {
            let _ = writeln!(text, "  make   {column} = {expression}");
        }
        if let Some(filter) = ingestion.filter() {
            let _ = writeln!(text, "  drop   rows for which {filter}");
        }
    }
    let size = match &job.plan.one_to_one {
        Some(_) => "one for each input".to_owned(),
        None => format!("at most {} rows and {} each", file.sink.segment.max_rows, file.sink.segment.max_bytes),
    };
    match &job.plan.checkpoint {
        None => {
            let _ =
                writeln!(text, "  write  table {} as segments in {}, {size}", file.sink.table, job.plan.output_text());
        }
        Some(checkpoint) => {
            let _ = writeln!(text, "  write  table {} as segments, {size}", file.sink.table);
            let _ = writeln!(
                text,
                "  epoch  every {}; rows of segments that are not full wait in {}",
                checkpoint.interval,
                job.plan.staging_text()
            );
        }
    }
    let _ = writeln!(text, "  for    {}", job.release);
    if let Some(cluster) = &job.cluster {
        let stay = match job.plan.checkpoint {
            Some(_) => format!(", full segments together, every {}", file.sink.publish.interval),
            None if job.plan.keeps_segments => String::new(),
            None => "; they are removed once they are pushed".to_owned(),
        };
        let _ = writeln!(text, "  push   to {}{stay}", cluster.key());
        let push = &file.sink.push;
        if let Some(folder) = &push.deep_store {
            let table = cluster.target.controller.http().qualified(&cluster.target.table);
            let folder = folder.trim_end_matches('/');
            let _ =
                writeln!(text, "         archives go to {folder}/{table}, the controller gets them as {}", push.form);
        }
        for step in &cluster.steps {
            let _ = writeln!(text, "         {step}");
        }
    }
    let of = if job.plan.checkpoint.is_some() { "" } else { " an input" };
    let _ = writeln!(text, "  bad    to {}, at most {}{of}", job.plan.quarantine.display(), file.limits.errors);
    let columns = ColumnPlan::resolve_for(&job.schema, &job.table, job.version)?;
    for column in &columns {
        let _ = writeln!(text, "  column {}", described(column));
    }
    let trees = StarTreePlans::resolve(&job.table, &columns, job.version)?;
    for tree in &trees.trees {
        let _ = writeln!(text, "  tree   {tree}");
    }
    if trees.default_tree {
        text.push_str("  tree   the default star-tree, by the dimensions of each segment\n");
    }
    for left in &trees.left_to_server {
        let who = if trees.dynamic { "left to the server" } else { "not made: `enableDynamicStarTreeCreation` is off" };
        let _ = writeln!(text, "  tree   {left}: {who}");
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A column with its encoding and indexes.
fn described(column: &ColumnPlan) -> String {
    let encoding = match column.dictionary {
        DictionaryRule::Always => "dictionary".to_owned(),
        DictionaryRule::Never => format!("raw {}", column.forward.codec.name()),
        DictionaryRule::IfSmaller { .. } => "dictionary if smaller".to_owned(),
    };
    let mut notes = vec![encoding];
    notes.extend(column.sort.then(|| "sorted".to_owned()));
    notes.extend(column.inverted.then(|| "inverted index".to_owned()));
    notes.extend(column.range.map(|_| "range index".to_owned()));
    notes.extend(column.bloom.map(|_| "bloom filter".to_owned()));
    notes.extend(column.json.as_ref().map(|_| "JSON index".to_owned()));
    notes.extend(column.tracks_nulls.then(|| "nulls kept".to_owned()));
    notes.extend(column.partition.as_ref().map(|p| format!("{} partitions by {}", p.num_partitions, p.function_name)));
    notes.extend(column.timestamp_index.as_ref().map(|index| format!("hidden, of `{}`", index.source)));
    notes.extend(column.left_to_server.iter().map(|index| format!("{index} index left to the server")));
    let many = if column.field.single_value { "" } else { "[]" };
    format!("{} {}{many}: {}", column.field.name, column.field.data_type, notes.join(", "))
}
