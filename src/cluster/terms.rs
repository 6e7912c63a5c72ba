//! What processes must agree on, and the sentences for when they do not.
//!
//! Every sentence names processes by index, so that it is true on whichever side it is shown.

use super::frame::{Frame, Greeting, PROTOCOL};
use crate::Error;

/// A sentence from elsewhere is cut here.
const REASON_CHARS: usize = 2000;

impl Greeting {
    /// What differs between this process and one that calls it, as a sentence that is true on both sides.
    pub fn disagreement(&self, theirs: &Greeting) -> Option<String> {
        let (me, they) = (self.process, theirs.process);
        let differ = |what: &str, mine: Option<&str>, yours: Option<&str>| {
            let with = |value: Option<&str>| match value {
                Some(value) => format!(
                    "with {what} {}",
                    value.chars().take(200).collect::<String>()
                ),
                None => format!("without {what}"),
            };
            Some(format!(
                "process {me} was started {} but process {they} {}: they should be the same",
                with(mine),
                with(yours)
            ))
        };
        let numbers = |mine: u32, yours: u32| (mine.to_string(), yours.to_string());
        if theirs.processes != self.processes {
            let (mine, yours) = numbers(self.processes, theirs.processes);
            return differ("-n", Some(&mine), Some(&yours));
        }
        if theirs.to != me {
            return Some(misplaced(theirs.to as usize, me).to_string());
        }
        if they == me {
            return Some(same_index(me));
        }
        if they < me || they >= self.processes {
            return Some(format!(
                "process {they} called process {me}, which it should not: correct its -p"
            ));
        }
        if theirs.workers != self.workers {
            let (mine, yours) = numbers(self.workers, theirs.workers);
            return differ("-w", Some(&mine), Some(&yours));
        }
        let value = |of: &Greeting, name: &str| {
            let found = of.settings.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let names = self.settings.iter().chain(&theirs.settings);
        names
            .map(|(name, _)| (name, value(self, name), value(theirs, name)))
            .find(|(_, mine, yours)| mine != yours)
            .and_then(|(name, mine, yours)| differ(name, mine.as_deref(), yours.as_deref()))
    }
}

/// The words for `error`, to a process that cannot be part of the run.
pub(super) fn refuse(error: &Error) -> Frame {
    let reason = error.to_string().chars().take(REASON_CHARS).collect();
    Frame::Refuse(error.exit_status(), reason)
}

/// The error that another process found, in its own words.
pub(super) fn refusal(status: u8, reason: &str) -> Error {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let reason: String = reason.chars().take(REASON_CHARS).map(printable).collect();
    match status {
        1 => Error::peer(format!("another process could not start: {reason}")),
        2 => Error::input(reason),
        _ => Error::peer(reason),
    }
}

/// Process `found` answers at the address of process `expected`.
pub(super) fn misplaced(expected: usize, found: u32) -> Error {
    Error::input(format!(
        "process {found} listens where process {expected} should: every process should have the same --hostfile, and \
         -p the line that is its own"
    ))
}

/// Two processes have one index.
pub(super) fn same_index(process: u32) -> String {
    format!("two processes were started with -p {process}: every process should have its own")
}

/// `who` is of another version.
pub(super) fn other_version(who: &str, version: u32) -> Error {
    Error::input(format!(
        "{who} speaks version {version} of the cluster protocol, this process version {PROTOCOL}: every process should \
         be the same octaflow"
    ))
}
