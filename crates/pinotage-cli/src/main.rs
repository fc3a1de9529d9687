//! The `pinotage` command.
#![forbid(unsafe_code)]

mod allocator;
mod commands;
mod log;
mod output;
mod progress;
mod rows;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pinotage_common::Result;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Moves data into and out of Apache Pinot, without a JVM.
#[derive(Parser)]
#[command(
    name = "pinotage",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  pinotage run job.yaml
  pinotage sql --table flights=out/segments 'SELECT count(*) FROM flights'"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Tell on stderr what is tried again, with `-vv` every request; so does PINOTAGE_LOG=off|warn|info|debug
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Run(commands::run::Args),
    Check(commands::check::Args),
    Plan(commands::plan::Args),
    Infer(commands::infer::Args),
    Runs(commands::runs::Args),
    Sql(commands::sql::Args),
    Scan(commands::scan::Args),
    Reconcile(commands::reconcile::Args),
    Push(commands::push::Args),
    #[command(subcommand)]
    Quarantine(commands::quarantine::Command),
    #[command(subcommand)]
    Segment(commands::segment::Command),
    #[command(subcommand)]
    Staging(commands::staging::Command),
    #[command(subcommand)]
    Table(commands::table::Command),
}

fn main() -> ExitCode {
    allocator::give_back_soon();
    let cli = Cli::parse();
    let result = log::start(cli.verbose).and_then(|()| run(&cli.command));
    match result {
        Ok(code) => code,
        Err(error) => output::fail(&error),
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Run(args) => commands::run::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Plan(args) => commands::plan::run(args),
        Command::Infer(args) => commands::infer::run(args),
        Command::Runs(args) => commands::runs::run(args),
        Command::Push(args) => commands::push::run(args),
        Command::Sql(args) => commands::sql::run(args),
        Command::Scan(args) => commands::scan::run(args),
        Command::Reconcile(args) => commands::reconcile::run(args),
        Command::Quarantine(command) => commands::quarantine::run(command),
        Command::Segment(command) => commands::segment::run(command),
        Command::Staging(command) => commands::staging::run(command),
        Command::Table(command) => commands::table::run(command),
    }
}
