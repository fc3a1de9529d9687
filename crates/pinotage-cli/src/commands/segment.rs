//! `pinotage segment inspect|cat|verify|diff|rewrite`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use clap::Subcommand;
use comfy_table::{CellAlignment, Table, presets};
use pinotage_common::{ArchiveLevel, Error, Result};
use pinotage_engine::rewrite_segment;
use pinotage_segment::read::{ScanOptions, Segment, Severity};
use pinotage_segment::star_tree::{AggregationMetadata, StarTree, StarTrees};
use pinotage_spec::{PinotVersion, Schema, TableConfig, Value};

use crate::output::{bytes, print};
use crate::rows::{self, Output};

/// Looks into segments: folders or archives.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows where the bytes are: per column type, encoding, cardinality, indexes and share
    #[command(after_help = "Examples:
  pinotage segment inspect out/segments/flights_0
  pinotage segment inspect flights_0.tar.gz flights_1.tar.gz")]
    Inspect {
        /// Segments
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Prints rows
    #[command(after_help = "Examples:
  pinotage segment cat out/segments/flights_0 --limit 5
  pinotage segment cat out/segments/flights_0 --columns carrier,dest --output csv")]
    Cat {
        /// A segment
        path: PathBuf,
        /// Columns, separated by commas; all by default
        #[arg(long, value_delimiter = ',')]
        columns: Option<Vec<String>>,
        /// Rows at most
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// How rows are printed
        #[arg(long, value_enum, default_value_t = Output::Json)]
        output: Output,
    },
    /// Reads every byte and says what is not as the metadata promises
    #[command(after_help = "Examples:
  pinotage segment verify out/segments/flights_0
  pinotage segment verify out/segments/*")]
    Verify {
        /// Segments
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Shows what differs between two segments: metadata, encodings, indexes, rows
    ///
    /// Exits with 0 when there is no difference, and with 1 when there is one.
    #[command(after_help = "Examples:
  pinotage segment diff out/segments/flights_0 downloaded/flights_0.tar.gz
  pinotage segment diff --rows before/flights_0 after/flights_0")]
    Diff {
        /// A segment
        left: PathBuf,
        /// Another one
        right: PathBuf,
        /// Only differences that change the answers of queries: rows, columns and types
        #[arg(long)]
        rows: bool,
    },
    /// Writes segments anew under another table config: sorted column, encodings, indexes, partitions
    ///
    /// Rows stay in their segment. A table of a cluster is rewritten by `pinotage table rewrite`.
    #[command(after_help = "Examples:
  pinotage segment rewrite out/segments/flights_0 --table-config new.json --output rewritten
  pinotage segment rewrite *.tar.gz --table-config new.json --schema schema.json --output rewritten --archive")]
    Rewrite(Rewrite),
}

#[derive(clap::Args)]
pub(crate) struct Rewrite {
    /// Segments; each needs memory for all its rows
    #[arg(required = true, value_name = "SEGMENT")]
    paths: Vec<PathBuf>,
    /// The table config to write for
    #[arg(long, value_name = "FILE")]
    table_config: PathBuf,
    /// The schema, when it gets new columns; without it the columns of each segment are written
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The release of Pinot that shall load them, `0.11` or later
    #[arg(long, value_name = "VERSION", default_value_t = PinotVersion::NEWEST)]
    pinot_version: PinotVersion,
    /// The folder for the new segments, under their names; nothing in it is overwritten
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// The name of the new segment instead of the old one's; with a single segment
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write `.tar.gz` archives instead of folders
    #[arg(long)]
    archive: bool,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Inspect { paths } => {
            for path in paths {
                print(&inspect(&Segment::open(path)?)?)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Cat { path, columns, limit, output } => {
            cat(&Segment::open(path)?, columns.clone(), *limit, *output)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify { paths } => {
            let mut intact = true;
            for path in paths {
                let segment = Segment::open(path)?;
                let findings = segment.verify()?;
                let damaged = findings.iter().any(|finding| finding.severity == Severity::Error);
                intact &= !damaged;
                let verdict = if damaged { "damaged" } else { "intact" };
                let mut text = format!(
                    "{}: {verdict}, {} rows, {} columns\n",
                    path.display(),
                    segment.metadata().num_docs,
                    segment.columns().count()
                );
                findings.iter().for_each(|finding| text.push_str(&format!("  {finding}\n")));
                print(&text)?;
            }
            Ok(if intact { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Diff { left, right, rows } => {
            let differences = Segment::open(left)?.diff(&Segment::open(right)?)?;
            let shown: Vec<_> = differences.iter().filter(|difference| difference.in_rows || !rows).collect();
            print(&shown.iter().map(|difference| format!("{difference}\n")).collect::<String>())?;
            Ok(if shown.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Rewrite(args) => rewrite(args),
    }
}

fn rewrite(args: &Rewrite) -> Result<ExitCode> {
    let table = TableConfig::from_file(&args.table_config)?;
    let schema = args.schema.as_deref().map(Schema::from_file).transpose()?;
    if args.name.is_some() && args.paths.len() > 1 {
        return Err(Error::invalid_config("several segments cannot have one name")
            .with("option", "--name")
            .action("rewrite one segment at a time, or let each keep its name"));
    }
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    std::fs::create_dir_all(&args.output)
        .map_err(|error| Error::io(error, "cannot create the output folder", &args.output))?;
    for path in &args.paths {
        let segment = Segment::open(path)?;
        let name = args.name.as_deref().unwrap_or(&segment.metadata().name);
        let target = args.output.join(if args.archive { format!("{name}.tar.gz") } else { name.to_owned() });
        if target.exists() {
            return Err(Error::invalid_config("the new segment's place is taken")
                .with("file", target.display())
                .action("choose another `--output` or `--name`, or remove what is there"));
        }
        let cancelled = || cancel.load(Ordering::Relaxed);
        let table = (&table, args.pinot_version);
        let built = rewrite_segment(&segment, schema.as_ref(), table, name, super::run::creation_time(), &cancelled)
            .map_err(|error| error.with("segment", path.display()))?;
        match args.archive {
            true => built.write_tar_gz(&args.output, ArchiveLevel::default())?,
            false => built.write_dir(&args.output)?,
        };
        let (rows, old, new) = (built.num_docs(), bytes(segment.len_bytes()), bytes(built.len_bytes()));
        print(&format!("{}: {rows} rows, {old}, now {new}\n", target.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn inspect(segment: &Segment) -> Result<String> {
    let metadata = segment.metadata();
    let mut text = format!(
        "segment {} of table {}: {} rows, {}\n",
        metadata.name,
        metadata.table_name,
        metadata.num_docs,
        bytes(segment.len_bytes())
    );
    if let Some(creation) = segment.creation() {
        text.push_str(&format!("crc {}, created at {} ms\n", creation.crc, creation.creation_time_millis));
    }
    if let Some((time, (start, end))) = metadata.time.as_ref().and_then(|time| Some((time, time.range?))) {
        text.push_str(&format!("time {} from {start} to {end} {}\n", time.column, time.unit.name()));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["column", "type", "encoding", "cardinality", "min", "max", "indexes", "bytes", "share", ""]);
    let total: u64 = segment.columns().flat_map(|name| segment.indexes(name)).map(|index| index.len_bytes).sum();
    for (name, column) in &metadata.columns {
        let indexes = segment.indexes(name);
        let size: u64 = indexes.iter().map(|index| index.len_bytes).sum();
        let share = size as f64 / total.max(1) as f64;
        let many = if column.single_value { "" } else { "[]" };
        let encoding = match (column.forward_is_dictionary, column.sorted && column.single_value) {
            (true, true) => "dictionary, sorted".to_owned(),
            (true, false) => format!("dictionary, {} bits", column.bits_per_id),
            (false, _) => "raw".to_owned(),
        };
        let others: Vec<&str> = indexes
            .iter()
            .map(|index| index.id.as_str())
            .filter(|id| !matches!(*id, "dictionary" | "forward_index"))
            .map(|id| id.trim_end_matches("_index").trim_end_matches("_vector"))
            .collect();
        table.add_row([
            name.clone(),
            format!("{}{many}", column.data_type),
            encoding,
            column.cardinality.to_string(),
            short(column.min.as_ref()),
            short(column.max.as_ref()),
            others.join(", "),
            size.to_string(),
            format!("{:.1}%", 100.0 * share),
            "█".repeat((20.0 * share).ceil() as usize),
        ]);
    }
    for column in [3, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.to_string();
    lines.lines().for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
    let trees = segment.star_trees()?;
    for number in 0..trees.as_ref().map_or(0, StarTrees::len) {
        if let Some(tree) = trees.as_ref().map(|trees| trees.tree(number)).transpose()? {
            text.push_str(&star_tree(&tree));
        }
    }
    Ok(text)
}

/// A star-tree in one line.
fn star_tree(tree: &StarTree<'_>) -> String {
    let metadata = tree.metadata();
    let metrics: Vec<String> = metadata.aggregations.iter().map(AggregationMetadata::metric).collect();
    let skipped: Vec<&str> = metadata.skip_star_nodes.iter().map(String::as_str).collect();
    let skipped = match skipped.is_empty() {
        true => String::new(),
        false => format!(", no star nodes for {}", skipped.join(", ")),
    };
    format!(
        "star-tree {} by {}: {} docs, {} nodes, leaves of at most {} docs{skipped}, {}\n",
        metrics.join(", "),
        metadata.dimensions.join(", "),
        metadata.num_docs,
        tree.nodes().len(),
        metadata.max_leaf_records,
        bytes(tree.len_bytes())
    )
}

/// A bound, cut so that the table stays readable.
fn short(value: Option<&Value>) -> String {
    let text: String = value
        .map(Value::to_java_string)
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match text.chars().count() {
        0..=20 => text,
        _ => text.chars().take(19).chain(['…']).collect(),
    }
}

fn cat(segment: &Segment, columns: Option<Vec<String>>, limit: usize, output: Output) -> Result<()> {
    let batches = segment.scan(ScanOptions { columns, batch_rows: limit.clamp(1, 8192), ..ScanOptions::default() })?;
    let schema = batches.schema();
    let mut left = limit;
    let first = batches.map_while(|batch| {
        let batch = batch.map(|batch| batch.slice(0, left.min(batch.num_rows())));
        left -= batch.as_ref().map_or(0, RecordBatch::num_rows);
        (!matches!(&batch, Ok(batch) if batch.num_rows() == 0)).then_some(batch)
    });
    rows::write(&schema, first, output)
}
