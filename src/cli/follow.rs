//! Epochs of updates, as worker 0 follows them.

use super::progress::Progress;
use super::run::Shared;
use crate::map::{Allow, Epoch, UpdateReader};
use crate::{Error, Result};
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

/// What computes the epochs of updates, on worker 0.
pub(super) trait Follow {
    /// Computes one epoch.
    fn compute(&mut self, epoch: &Epoch) -> Result<()>;

    /// Takes a checkpoint if one is due after the epoch of that time and number.
    fn save(&mut self, time: i64, number: u64) -> Result<()>;
}

impl Shared {
    /// The table of updates, if there is one.
    pub fn open_updates(&self, allow: Allow) -> Result<Option<UpdateReader>> {
        match &self.config.updates {
            Some(path) if path.as_os_str() == "-" => {
                UpdateReader::open(path, &self.frame, self.config.start, allow).map(Some)
            }
            _ => Ok(self.updates.lock().expect("no worker panics here").take()),
        }
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
        let before = self.resumed.as_ref().map(|m| m.time);
        for epoch in updates {
            if matches!((&epoch, before), (Ok(epoch), Some(time)) if epoch.time <= time) {
                continue;
            }
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
            if let Err(failure) = done {
                if self.streams() {
                    fed.late = Some(failure);
                } else {
                    fed.stop = Some(failure);
                }
                break;
            }
        }
    }
}
