//! The flags that have a run keep checkpoints.

use crate::lake::checkpoint::Checkpoints;
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// See the module's description.
#[derive(Args, Clone, Debug)]
pub(super) struct CheckpointArgs {
    /// Keeps checkpoints in this folder, from which octaflow resume goes on if the run is killed
    #[arg(help_heading = "Checkpoints", long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,

    /// How often a checkpoint is taken: after N epochs (or time steps, or stretches of inputs), or after a time as in
    /// 30s, 5m or 1h [default: 60s]
    #[arg(help_heading = "Checkpoints", long, value_name = "N|T")]
    checkpoint_every: Option<String>,
}

/// How often a checkpoint is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Every {
    /// After so many epochs, time steps, or stretches of inputs.
    Epochs(u64),
    /// After so much time.
    Time(Duration),
}

/// Where checkpoints are kept, and how often one is taken.
#[derive(Clone, Debug)]
pub(super) struct CheckpointConfig {
    pub folder: PathBuf,
    pub every: Every,
}

impl CheckpointArgs {
    /// The folder.
    pub fn folder(&self) -> Option<&Path> {
        self.checkpoint.as_deref()
    }

    /// Checks the flags of a run whose results go to `out`; one that goes on finds its own checkpoints there.
    pub fn check(self, out: &Path, resumes: bool) -> Result<Option<CheckpointConfig>> {
        let Some(folder) = self.checkpoint else {
            return match self.checkpoint_every {
                Some(_) => Err(Error::input(
                    "--checkpoint-every tells how often --checkpoint DIR keeps one: give both, or neither",
                )),
                None => Ok(None),
            };
        };
        let every = every(self.checkpoint_every.as_deref())?;
        let (inner, outer) = (absolute(&folder), absolute(out));
        if inner.starts_with(&outer) || outer.starts_with(&inner) {
            return Err(Error::input(format!(
                "--checkpoint {} and --out {} lie one in the other; give folders apart",
                folder.display(),
                out.display()
            )));
        }
        if !resumes {
            Checkpoints::check_target(&folder)?;
        }
        Ok(Some(CheckpointConfig { folder, every }))
    }
}

/// Reads the value of `--checkpoint-every`.
pub(super) fn every(text: Option<&str>) -> Result<Every> {
    let Some(text) = text else {
        return Ok(Every::Time(Duration::from_secs(60)));
    };
    let refuse = || {
        Error::input(format!(
            "--checkpoint-every {text}: it should be a number of epochs above 0, or a time as in 30s, 5m or 1h"
        ))
    };
    let unit = text.chars().last().filter(|c| c.is_ascii_alphabetic());
    let number: u64 = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .parse()
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(refuse)?;
    let seconds = match unit {
        None => return Ok(Every::Epochs(number)),
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some(_) => return Err(refuse()),
    };
    let tail = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if tail.len() != 1 {
        return Err(refuse());
    }
    let time = number.checked_mul(seconds).ok_or_else(refuse)?;
    Ok(Every::Time(Duration::from_secs(time)))
}

/// A path without links where that can be told, for comparing.
fn absolute(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        let there = if ancestor.as_os_str().is_empty() {
            Path::new(".")
        } else {
            ancestor
        };
        if let Ok(found) = there.canonicalize() {
            return missing.iter().rev().fold(found, |p, name| p.join(name));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Every, every};
    use std::time::Duration;

    #[test]
    fn an_interval_is_a_number_of_epochs_or_a_time() {
        assert_eq!(every(Some("7")).unwrap(), Every::Epochs(7));
        assert_eq!(
            every(Some("5m")).unwrap(),
            Every::Time(Duration::from_secs(300))
        );
        for bad in [
            "",
            "0",
            "0s",
            "s",
            "-1",
            "1.5s",
            "3ms",
            "7d",
            "1 s",
            "99999999999999999999",
        ] {
            assert!(every(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
