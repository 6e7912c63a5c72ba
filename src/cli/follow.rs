//! Epochs of updates, as worker 0 follows them.

use super::progress::Progress;
use super::run::Shared;
use crate::map::{Allow, Epoch, UpdateReader};
use crate::{Error, Result};
use crc32fast::Hasher;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What worker 0 knows after the last epoch.
#[derive(Default)]
pub(super) struct Fed {
    pub solve: Duration,
    pub epochs: Vec<Duration>,
    /// Why nothing is published.
    pub stop: Option<Error>,
    /// Why the run fails though the epochs before are published: a bad row on standard input.
    pub late: Option<Error>,
}

/// Why a run does not follow the updates to their end.
pub(super) enum Halt {
    /// A row cannot be used: the epochs before it stand.
    Row(Error),
    /// The run cannot go on, and what was computed last counts for nothing.
    Run(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Row(error)
    }
}

/// That something, which `what` says, lies beyond the range of distances after the epoch of a time, or at first.
pub(super) fn beyond(time: Option<i64>, what: &str, advice: &str) -> Error {
    let when = time.map_or_else(String::new, |time| format!("at time {time} "));
    Error::input(format!(
        "{when}{what} 2147483646 ticks (688,296 cell sizes at cost 1): {advice}"
    ))
}

/// What computes the epochs of updates, on worker 0.
pub(super) trait Follow {
    /// Computes one epoch.
    fn compute(&mut self, epoch: &Epoch) -> Result<(), Halt>;

    /// Takes a checkpoint if one is due after the epoch of that time and number.
    fn save(&mut self, time: i64, number: u64) -> Result<()>;
}

/// The epochs of a table of updates that a run has not followed yet. Those before, which a run that goes on passes over,
/// must be the ones that it followed before it was killed.
pub(super) struct Epochs<'a> {
    shared: &'a Shared,
    reader: UpdateReader,
    /// The CRC-32 of the epochs so far.
    crc: Hasher,
    passed: bool,
    checked: bool,
}

impl Epochs<'_> {
    /// Looks whether the epochs that were passed over are those that the run has followed. If they are not, nothing comes of
    /// the run, so that it can be resumed with the right ones.
    fn check(&mut self) -> Result<(), Halt> {
        if std::mem::replace(&mut self.checked, true) {
            return Ok(());
        }
        let Some(resumed) = &self.shared.resumed else {
            return Ok(());
        };
        // A stream may begin where the run stopped.
        let begins_later = self.shared.streams() && !self.passed;
        match resumed.updates_crc32 {
            Some(crc) if crc != self.crc.clone().finalize() && !begins_later => {
                Err(Halt::Run(Error::input(format!(
                    "{}: its rows up to time {} are not those that the run had followed when it was killed: give the \
                     table that it was started with",
                    self.shared.updates_name(),
                    resumed.time
                ))))
            }
            Some(crc) if begins_later => {
                self.crc = Hasher::new_with_initial(crc);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Iterator for Epochs<'_> {
    type Item = Result<Epoch, Halt>;

    fn next(&mut self) -> Option<Result<Epoch, Halt>> {
        let before = self.shared.resumed.as_ref().map(|m| m.time);
        loop {
            let epoch = match self.reader.next() {
                Some(Ok(epoch)) => epoch,
                Some(Err(error)) => return Some(Err(error.into())),
                None => return self.check().err().map(Err),
            };
            let passes = before.is_some_and(|time| epoch.time <= time);
            if !passes && let Err(error) = self.check() {
                return Some(Err(error));
            }
            epoch.feed(&mut self.crc);
            if !passes {
                self.shared
                    .note_epoch(epoch.time, self.crc.clone().finalize());
                return Some(Ok(epoch));
            }
            self.passed = true;
        }
    }
}

impl Shared {
    /// The table of updates, if there is one.
    pub fn open_updates(&self, allow: Allow) -> Result<Option<Epochs<'_>>> {
        let reader = match &self.config.updates {
            Some(path) if path.as_os_str() == "-" => Some(UpdateReader::open(
                path,
                &self.frame,
                self.config.start,
                allow,
            )?),
            _ => self.updates.lock().expect("no worker panics here").take(),
        };
        Ok(reader.map(|reader| Epochs {
            shared: self,
            reader,
            crc: Hasher::new(),
            passed: false,
            checked: false,
        }))
    }

    /// How messages call the table of updates.
    pub fn updates_name(&self) -> String {
        match self.config.updates.as_deref().unwrap_or(Path::new("-")) {
            path if path.as_os_str() == "-" => "standard input".to_owned(),
            path => path.display().to_string(),
        }
    }

    /// Follows the updates to their end or to the first bad row: `follower` computes their epochs.
    pub fn follow_updates(&self, fed: &mut Fed, allow: Allow, follower: &mut impl Follow) {
        let updates = match self.open_updates(allow) {
            Ok(Some(updates)) => updates,
            Ok(None) => return,
            Err(error) => {
                fed.stop = Some(error);
                return;
            }
        };
        let mut bar = Progress::epochs("updating", self.shows());
        for epoch in updates {
            let done = epoch.and_then(|epoch| {
                let begun = Instant::now();
                follower.compute(&epoch)?;
                fed.epochs.push(begun.elapsed());
                self.last_time.store(epoch.time, Ordering::Relaxed);
                Ok(epoch.time)
            });
            bar.show(fed.epochs.len() as u64, 0);
            let number = self.epochs_before() + fed.epochs.len() as u64;
            let saved = done
                .as_ref()
                .map_or(Ok(()), |&time| follower.save(time, number));
            if let Err(failure) = saved {
                fed.stop = Some(failure);
                break;
            }
            match done {
                Ok(_) => {}
                Err(Halt::Row(failure)) if self.streams() => {
                    self.keep_checkpoints();
                    fed.late = Some(failure);
                    break;
                }
                Err(Halt::Row(failure) | Halt::Run(failure)) => {
                    fed.stop = Some(failure);
                    break;
                }
            }
        }
    }
}
