//! The command line: arguments in, checked configurations out, and the commands that run them.
//!
//! `main` prints errors and nobody else does. Data and `--json` go to stdout, everything for people to stderr.

mod arguments;
mod checkpoint_args;
mod cluster;
mod compact;
mod diffuse;
mod diffuse_ground;
mod diffuse_legs;
mod diffuse_run;
mod diffuse_updates;
mod drawing;
mod field;
mod field_feed;
mod field_run;
mod follow;
mod ghost;
mod ghost_run;
mod ghost_words;
mod growing;
mod hive;
mod ingest;
mod ingest_begin;
mod ingest_changes;
mod ingest_inputs;
mod ingest_keep;
mod ingest_levels;
mod ingest_place;
mod ingest_run;
mod ingest_write;
mod inspect;
mod inspect_words;
mod keep;
mod live;
mod progress;
mod resume;
mod route;
mod route_feed;
mod route_run;
mod run;
mod run_args;
mod start;
mod summary;
mod usage;
mod verify;

use crate::{Error, Result};
use clap::{CommandFactory, Parser, Subcommand};
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
    Ingest(ingest::IngestArgs),
    Field(field::FieldArgs),
    Route(route::RouteArgs),
    Diffuse(diffuse::DiffuseArgs),
    Ghost(ghost::GhostArgs),
    Resume(resume::ResumeArgs),
    Compact(compact::CompactArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
}

/// Runs the program with its arguments, the program's own name first.
///
/// # Errors
/// As the contract sorts them: unusable arguments or input, a lost peer, or what the machine refused.
pub fn run(args: Vec<OsString>) -> Result<()> {
    let args = arguments::separate_positions(args);
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return arguments::help_or_error(&error, &args, &commands()),
    };
    start(cli.command, &args)
}

/// The names of all commands.
fn commands() -> Vec<String> {
    let cli = Cli::command();
    let names = cli.get_subcommands().map(|c| c.get_name().to_owned());
    names.collect()
}

fn start(command: Command, args: &[OsString]) -> Result<()> {
    match command {
        Command::Field(field) => field_run::run(field.check()?, args),
        Command::Route(route) => route_run::run(route.check()?, args),
        Command::Diffuse(diffuse) => diffuse_run::run(diffuse.check()?, args),
        Command::Ghost(ghost) => ghost_run::run(ghost.check()?, args),
        Command::Ingest(ingest) => ingest_run::run(ingest.check()?, args),
        Command::Resume(resume) => go_on(resume.find()?, args),
        Command::Compact(compact) => compact.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Verify(verify) => verify.run(),
    }
}

/// Prints lines on stdout; a reader that has gone away has seen enough.
fn print(text: &str) -> Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(refused("the output could not be printed", &e))
        }
        _ => Ok(()),
    }
}

/// Goes on with the command of a run that was killed, in the folder where it was started.
fn go_on(resumption: resume::Resumption, args: &[OsString]) -> Result<()> {
    let record = resumption.record.clone();
    let told =
        std::iter::once(OsString::from("octaflow")).chain(record.args.iter().map(OsString::from));
    let mut command = Cli::try_parse_from(told)
        .map_err(|_| {
            Error::input(format!(
                "{}: its run was started with arguments that this version of octaflow does not know",
                resumption.folder.display()
            ))
        })?
        .command;
    if record.complete {
        crate::lake::checkpoint::Checkpoints::tidy(&resumption.folder)?;
        if !resumption.args.quiet {
            eprintln!(
                "The run is complete: its results are published, and nothing is left to be done."
            );
        }
        return Ok(());
    }
    std::env::set_current_dir(&record.folder).map_err(|e| {
        refused(
            &format!(
                "{}, where the run was started, could not be entered",
                record.folder
            ),
            &e,
        )
    })?;
    let args = resumption.spell_out(args);
    match &mut command {
        Command::Field(field) => field.run.resume(resumption),
        Command::Route(route) => route.run.resume(resumption),
        Command::Diffuse(diffuse) => diffuse.run.resume(resumption),
        Command::Ghost(ghost) => ghost.run.resume_as_divided(resumption),
        Command::Ingest(ingest) => ingest.resume(resumption),
        _ => return Err(resume::foreign(&resumption.folder)),
    }
    start(command, &args)
}

/// What the machine refused while results were written or printed.
fn refused(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::machine(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Cli, commands, usage};
    use clap::Parser;

    fn told(args: &str) -> String {
        let args = format!("octaflow {args}");
        let error = Cli::try_parse_from(args.split(' ')).expect_err(&args);
        let args: Vec<&str> = args.split(' ').collect();
        usage::sentence(&error, &args, &commands())
    }

    #[test]
    fn what_is_wrong_with_arguments_is_one_sentence_that_names_them() {
        let field = "field --map m.npy --out o";
        let cases = [
            (
                "fields",
                "\"fields\" is no command: it should be one of ingest, field",
            ),
            (
                "field --out o",
                "--map must be given; octaflow field --help",
            ),
            (
                "ghost --map m.npy --out o",
                "--parts and --rings must be given",
            ),
            (
                &format!("{field} --soruces s.csv"),
                "\"--soruces\" is no flag of octaflow field: should it be --sources?",
            ),
            (
                &format!("{field} extra"),
                "\"extra\" belongs to no flag of octaflow field;",
            ),
            (
                &format!("{field} 2"),
                "\"2\" belongs to no flag of octaflow field;",
            ),
            (
                &format!("{field} -1"),
                "\"-1\" belongs to no flag of octaflow field;",
            ),
            (
                &format!("{field} a=b"),
                "\"a=b\" belongs to no flag of octaflow field;",
            ),
            (
                &format!("{field} nan"),
                "\"nan\" belongs to no flag of octaflow field;",
            ),
            (
                &format!("{field} --cell-size="),
                "--cell-size needs a value: a number;",
            ),
            (
                &format!("{field} -w -1"),
                "-w \"-1\": it should not be below 0;",
            ),
            (
                &format!("{field} --json=1"),
                "--json takes no value, but \"1\" is given to it;",
            ),
            (&format!("{field} --out p"), "--out can be given only once"),
            (
                &format!("{field} --unknown maybe"),
                "--unknown maybe: it should be blocked or open;",
            ),
            (
                &format!("{field} --partition"),
                "--partition needs a value: hash, morton",
            ),
            (&format!("{field} --map"), "--map"),
            (
                &format!("{field} --start x"),
                "--start x: it should be a whole number;",
            ),
            (
                &format!("{field} --start 99999999999999999999"),
                "out of range",
            ),
            (
                &format!("{field} --cell-size wide"),
                "--cell-size wide: it should be a number;",
            ),
            (
                &format!("{field} -w two"),
                "--workers two: it should be a whole number;",
            ),
            (
                &format!("{field} -w=-2"),
                "--workers -2: it should be a whole number of at least 0;",
            ),
            (
                &format!("{field} --lod 16"),
                "--lod 16: it should be a whole number from 0 to 15;",
            ),
            (
                "ghost --map m --out o --rings 1 --parts 0",
                "--parts 0: it should be a whole number from 1 to 1048576;",
            ),
        ];
        for (args, expected) in cases {
            let told = told(args);
            assert!(told.contains(expected), "{args}: {told}");
            assert!(
                !told.contains('\n') && told.ends_with("shows what can be given"),
                "{told}"
            );
        }
    }
}
