//! The command line: arguments in, checked configurations out, and the commands that run them.
//!
//! `main` prints errors and nobody else does. Data and `--json` go to stdout, everything for people to stderr.

mod arguments;
mod cluster;
mod diffuse;
mod diffuse_run;
mod field;
mod field_run;
mod ghost;
mod ghost_run;
mod ghost_words;
mod ingest;
mod ingest_changes;
mod ingest_inputs;
mod ingest_place;
mod ingest_run;
mod ingest_write;
mod progress;
mod route;
mod route_run;
mod run;
mod run_args;
mod summary;

use crate::{Error, Result};
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// Exact, incremental answers about 3D space on a body-centred-cubic lattice, from a laptop to a cluster.
#[derive(Debug, Parser)]
#[command(name = "octaflow", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Field(field::FieldArgs),
    Route(route::RouteArgs),
    Diffuse(diffuse::DiffuseArgs),
    Ghost(ghost::GhostArgs),
    Ingest(ingest::IngestArgs),
}

/// Runs the program with its arguments, the program's own name first.
///
/// # Errors
/// As the contract sorts them: unusable arguments or input, a lost peer, or what the machine refused.
pub fn run(args: Vec<OsString>) -> Result<()> {
    let args = arguments::separate_positions(args);
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return arguments::help_or_error(&error, &args),
    };
    match cli.command {
        Command::Field(field) => field_run::run(field.check()?, &args),
        Command::Route(route) => route_run::run(route.check()?, &args),
        Command::Diffuse(diffuse) => diffuse_run::run(diffuse.check()?, &args),
        Command::Ghost(ghost) => ghost_run::run(ghost.check()?, &args),
        Command::Ingest(ingest) => ingest_run::run(ingest.check()?, &args),
    }
}

/// What the machine refused while results were written or printed.
fn refused(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::machine(format!("{what}: {error}"))
}
