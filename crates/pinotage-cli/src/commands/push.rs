//! `pinotage push`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pinotage_common::Result;
use pinotage_engine::{Pusher, Replace, segments_at};
use pinotage_sink::publish::{Form, PushOptions};

use crate::commands::place::place;
use crate::output::print;
use crate::progress::Progress;

/// Pushes segments to a table, all of them or none, and waits until servers have loaded them. What the table has already
/// is not pushed again.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  pinotage push out/segments --table pinot://localhost:9000/flights
  pinotage push out/segments --table flights --connection cluster.yaml --replace everything
  pinotage push out/segments --table pinot://localhost:9000/flights --form metadata --deep-store s3://bucket/segments
  pinotage push --list --table pinot://localhost:9000/flights
  pinotage push --revert --table pinot://localhost:9000/flights")]
pub(crate) struct Args {
    /// Segments' folders or `tar.gz` archives, or folders of them
    #[arg(required_unless_present_any = ["list", "revert"])]
    segments: Vec<PathBuf>,
    /// The table as `pinot://host:port/table` (`pinot+https://…` with TLS); with `--connection` its name alone
    #[arg(long, value_name = "TABLE")]
    table: String,
    /// A YAML file with the keys of a job's `sink.connection`: controller, auth, tls, proxy, …
    #[arg(long, value_name = "FILE")]
    connection: Option<PathBuf>,
    /// What happens to segments that the table has
    #[arg(long, value_enum, default_value = "nothing")]
    replace: Replaced,
    /// Uploads at the same time
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    parallelism: u16,
    /// Seconds to wait until servers have loaded the segments; 0 does not wait
    #[arg(long, default_value = "600", value_name = "SECONDS")]
    wait: u64,
    /// What the controller gets of a segment
    #[arg(long, value_enum, default_value = "tar")]
    form: Sent,
    /// The folder for archives in all forms but `tar`: `s3://`, `gs://`, `abfss://`, or a path that the cluster has too;
    /// credentials come from the environment
    #[arg(long, value_name = "URI")]
    deep_store: Option<String>,
    /// Say what would be pushed and what would go, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Show the table's replacements of segments
    #[arg(long, conflicts_with_all = ["segments", "revert"])]
    list: bool,
    /// Take replacements back: those in progress, or the one of this id
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", conflicts_with = "segments")]
    revert: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Replaced {
    /// They stay; other bytes under the same name are refused
    Nothing,
    /// Those of the same names are replaced one by one
    SameNames,
    /// All go when the new ones come
    Everything,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sent {
    /// The archive
    Tar,
    /// The URI of the archive in the deep store, of which it makes a copy
    Uri,
    /// The segment's metadata; servers fetch the archive from the deep store
    Metadata,
    /// The same, new segments in one request: all of them come or none
    MetadataBatch,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let options = options(args);
    options.check()?;
    let (connection, table) = place(&args.table, args.connection.as_deref(), "--table")?;
    let pusher = Pusher::new(&connection, &table)?;
    if args.list {
        let mut text = String::new();
        for entry in pusher.replacements()? {
            let (from, to) = (entry.segments_from.len(), entry.segments_to.len());
            let first = entry.segments_to.first().map_or("", String::as_str);
            let _ = writeln!(text, "{} {:?}: {from} segments by {to}, the first is {first}", entry.id, entry.state);
        }
        print(if text.is_empty() { "no replacements\n" } else { &text })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(id) = &args.revert {
        let reverted = pusher.revert(Some(id.as_str()).filter(|id| !id.is_empty()))?;
        let lines = reverted.iter().map(|entry| {
            format!("taken back {}: queries see {} segments again\n", entry.id, entry.segments_from.len())
        });
        print(&lines.collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let segments = segments_at(&args.segments)?;
    let replace = match args.replace {
        Replaced::Nothing => Replace::Nothing,
        Replaced::SameNames => Replace::SameNames,
        Replaced::Everything => Replace::Everything,
    };
    let publication = pusher.plan(&segments, replace)?;
    let (coming, going) = (publication.to.len(), publication.from.len());
    if args.dry_run {
        let mut text = format!("table {}: would push {coming} segments, {going} would go\n", pusher.key());
        publication.to.iter().for_each(|segment| {
            let _ = writeln!(text, "  push {} with {} rows, crc {}", segment.name, segment.num_docs, segment.crc);
        });
        publication.from.keys().for_each(|name| {
            let _ = writeln!(text, "  replace {name}");
        });
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if coming == 0 && going == 0 {
        print(&format!("nothing to do: table {} has all {} segments\n", pusher.key(), segments.len()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = Arc::new(AtomicBool::new(false));
    super::run::stop_on_ctrl_c(&cancel);
    let progress = Progress::default();
    let result = pusher.push(&publication, &options, &cancel, &progress);
    progress.finish();
    result?;
    let loaded = if args.wait == 0 { "" } else { ", loaded by all their servers" };
    let uploaded = progress.uploaded();
    print(&format!("pushed {coming} segments to {}{loaded}; {going} went\n{uploaded}", pusher.key()))?;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args) -> PushOptions {
    PushOptions {
        parallelism: usize::from(args.parallelism),
        wait_seconds: args.wait,
        form: match args.form {
            Sent::Tar => Form::Tar,
            Sent::Uri => Form::Uri,
            Sent::Metadata => Form::Metadata,
            Sent::MetadataBatch => Form::MetadataBatch,
        },
        deep_store: args.deep_store.clone(),
        ..PushOptions::default()
    }
}
