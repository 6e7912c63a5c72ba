//! What clap finds wrong with arguments, in one sentence: the flag, what is wrong with it, and what would be right.

use crate::map::input::{shown, told};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

/// The sentence of an error about arguments, the program's name first; `commands` are the names of all commands.
pub(super) fn sentence(error: &clap::Error, args: &[&str], commands: &[String]) -> String {
    let command = args.get(1).filter(|arg| commands.iter().any(|c| c == *arg));
    let given = first(error, ContextKind::InvalidArg).unwrap_or_default();
    let flag = name_of(&given);
    let value = first(error, ContextKind::InvalidValue);
    let command_words = command.map_or_else(|| "octaflow".to_owned(), |c| format!("octaflow {c}"));
    let what = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = first(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let (name, all) = (shown(name.as_bytes()), commands.join(", "));
            format!("{name} is no command: it should be one of {all}")
        }
        ErrorKind::UnknownArgument => {
            let near = first(error, ContextKind::SuggestedArg);
            let near = near.map_or_else(String::new, |near| {
                format!(": should it be {}?", name_of(&near))
            });
            let what = shown(given.as_bytes());
            match given.parse::<f64>() {
                Ok(number) if number < 0.0 => match args.windows(2).find(|two| two[1] == given) {
                    Some([flag, _]) if flag.starts_with('-') => {
                        format!("{} {what}: it should not be below 0", told(flag))
                    }
                    _ => format!("{what} belongs to no flag of {command_words}"),
                },
                _ if given.starts_with('-') => {
                    format!("{what} is no flag of {command_words}{near}")
                }
                _ => format!("{what} belongs to no flag of {command_words}"),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = all(error, ContextKind::InvalidArg);
            let names: Vec<&str> = missing.iter().map(|m| name_of(m)).collect();
            format!("{} must be given", names.join(" and "))
        }
        ErrorKind::ArgumentConflict => {
            let others = all(error, ContextKind::PriorArg);
            let others: Vec<&str> = others.iter().map(|o| name_of(o)).collect();
            match others[..] {
                [other] if other == flag => format!("{flag} can be given only once"),
                _ => format!("{flag} cannot be given with {}", others.join(" and ")),
            }
        }
        ErrorKind::InvalidValue if value.as_deref().unwrap_or_default().is_empty() => {
            match all(error, ContextKind::ValidValue) {
                valid if valid.is_empty() => format!("{flag} needs a value"),
                valid => format!("{flag} needs a value: {}", either(&valid)),
            }
        }
        ErrorKind::InvalidValue => {
            let value = value.unwrap_or_default();
            let valid = all(error, ContextKind::ValidValue);
            format!("{flag} {value}: it should be {}", either(&valid))
        }
        ErrorKind::TooManyValues => {
            let value = shown(value.unwrap_or_default().as_bytes());
            format!("{flag} takes no value, but {value} is given to it")
        }
        ErrorKind::ValueValidation => match value.as_deref().unwrap_or_default() {
            "" => format!("{flag} needs a value: {}", right(error, "")),
            value => format!("{flag} {value}: it should be {}", right(error, value)),
        },
        _ => own_words(error),
    };
    format!("{what}; {command_words} --help shows what can be given")
}

/// What a value should have been that could not be read.
fn right(error: &clap::Error, value: &str) -> String {
    let Some(source) = error.source() else {
        return "another value".to_owned();
    };
    if let Some(number) = source.downcast_ref::<ParseIntError>() {
        return match number.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                "nearer to 0: it is out of range"
            }
            _ if value.parse::<i128>().is_ok() => "a whole number of at least 0",
            _ => "a whole number",
        }
        .to_owned();
    }
    if source.downcast_ref::<ParseFloatError>().is_some() {
        return "a number".to_owned();
    }
    // A number outside a range, as clap tells it: "16 is not in 0..=15".
    let words = told(&source.to_string());
    let range = words.split_once(" is not in ").map(|(_, range)| range);
    match range.and_then(|range| range.split_once("..=")) {
        Some((least, most)) => format!("a whole number from {least} to {most}"),
        None => words,
    }
}

fn either(values: &[String]) -> String {
    match values {
        [one] => one.clone(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
        [] => "another value".to_owned(),
    }
}

/// `--map` of `--map <PATH>`.
fn name_of(shown: &str) -> &str {
    shown.split([' ', '=']).next().unwrap_or(shown)
}

fn first(error: &clap::Error, kind: ContextKind) -> Option<String> {
    all(error, kind).into_iter().next()
}

fn all(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![told(one)],
        Some(ContextValue::Strings(many)) => many.iter().map(|text| told(text)).collect(),
        _ => Vec::new(),
    }
}

/// The first paragraph of clap's message on one line.
fn own_words(error: &clap::Error) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let lines = message.lines().map(str::trim);
    let paragraph =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let parts: Vec<&str> = paragraph.filter(|line| !line.is_empty()).collect();
    told(parts.join(" ").trim_end_matches('.'))
}
