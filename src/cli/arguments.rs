//! What clap leaves to be done: several positions after one flag, and errors of one sentence.

use super::usage;
use crate::{Error, Result};
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Flags that take one or more positions.
const POSITION_FLAGS: [&str; 2] = ["--source", "--query"];

/// Writes `--source A B` as `--source=A --source=B`, so that coordinates may be negative and other flags follow.
pub(super) fn separate_positions(args: Vec<OsString>) -> Vec<OsString> {
    let mut separated = Vec::with_capacity(args.len());
    let mut flag: Option<&str> = None;
    let mut fresh = false;
    for arg in args {
        let text = arg.to_str();
        if let (Some(name), Some(value)) = (flag, text)
            && (fresh && !value.starts_with("--") || looks_like_a_position(value))
        {
            separated.push(OsString::from(format!("{name}={value}")));
            fresh = false;
            continue;
        }
        if let (Some(name), true) = (flag, fresh) {
            separated.push(OsString::from(format!("{name}=")));
        }
        flag = POSITION_FLAGS.into_iter().find(|f| Some(*f) == text);
        fresh = flag.is_some();
        if !fresh {
            separated.push(arg);
        }
    }
    if let (Some(name), true) = (flag, fresh) {
        separated.push(OsString::from(format!("{name}=")));
    }
    separated
}

fn looks_like_a_position(text: &str) -> bool {
    text.contains(',')
        && text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && !text.starts_with("--")
}

/// Prints help where that was asked for; makes one sentence of an error. `commands` are the names of all commands.
pub(super) fn help_or_error(
    error: &clap::Error,
    args: &[OsString],
    commands: &[String],
) -> Result<()> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            // A reader that has gone away has seen enough.
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(super::refused("the help could not be printed", &e))
            }
            _ => Ok(()),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Err(Error::input(format!(
                "no command is given: it should be one of {}, as in octaflow field --help",
                commands.join(", ")
            )))
        }
        _ => {
            let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
            let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
            Err(Error::input(usage::sentence(error, &args, commands)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::separate_positions;
    use std::ffi::OsString;

    #[test]
    fn positions_may_follow_one_flag_and_be_negative() {
        let args = "octaflow field --source -1,2,3 4,5,-6 --json --source 7,8,9 --out x";
        let separated = separate_positions(args.split(' ').map(OsString::from).collect());
        let expected =
            "octaflow field --source=-1,2,3 --source=4,5,-6 --json --source=7,8,9 --out x";
        let expected: Vec<OsString> = expected.split(' ').map(OsString::from).collect();
        assert_eq!(separated, expected);
        let bare: Vec<OsString> = ["octaflow", "field", "--source", "--json"]
            .map(OsString::from)
            .into();
        let without: Vec<OsString> = ["octaflow", "field", "--source=", "--json"]
            .map(OsString::from)
            .into();
        assert_eq!(separate_positions(bare), without);
    }
}
