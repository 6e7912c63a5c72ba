//! Plans on disk: JSON, checked before it is believed.

use super::order::{Order, ascending_fault};
use super::{Partition, Plan};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The version of the file's layout.
const VERSION: u32 = 1;

/// The greatest epoch that is read: there is always a next one.
const MAX_EPOCH: u64 = 1 << 53;

/// The longest file that is read: a plan of the most parts of eight ranges each takes 150 megabytes.
const MAX_BYTES: u64 = 256 << 20;

/// A plan as it stands in a file: nothing here is checked yet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    octaflow_plan: u32,
    epoch: u64,
    partition: Partition,
    parts: usize,
    order: Order,
    starts: Vec<u64>,
    owners: Vec<u32>,
}

impl From<Plan> for PlanFile {
    fn from(plan: Plan) -> Self {
        PlanFile {
            octaflow_plan: VERSION,
            epoch: plan.epoch,
            partition: plan.partition,
            parts: plan.parts,
            order: plan.order,
            starts: plan.starts,
            owners: plan.owners,
        }
    }
}

impl TryFrom<PlanFile> for Plan {
    type Error = String;

    fn try_from(file: PlanFile) -> Result<Self, String> {
        match file.fault() {
            Some(fault) => Err(fault),
            None => Ok(Plan {
                epoch: file.epoch,
                partition: file.partition,
                parts: file.parts,
                order: file.order,
                starts: file.starts,
                owners: file.owners,
            }),
        }
    }
}

impl PlanFile {
    /// What keeps this from being a plan, if anything does.
    fn fault(&self) -> Option<String> {
        if self.octaflow_plan != VERSION {
            return Some(format!(
                "octaflow_plan {} must be {VERSION}",
                self.octaflow_plan
            ));
        }
        if self.epoch > MAX_EPOCH {
            return Some(format!("epoch {} must be at most {MAX_EPOCH}", self.epoch));
        }
        if !(1..=Plan::MAX_PARTS).contains(&self.parts) {
            return Some(format!(
                "parts {} must be 1 to {}",
                self.parts,
                Plan::MAX_PARTS
            ));
        }
        let order_fits = match self.partition {
            Partition::Hash => matches!(self.order, Order::Hash { .. }),
            Partition::Morton | Partition::Octant => self.order == Order::Morton,
            Partition::Hilbert => self.order == Order::Hilbert,
            Partition::Slab => matches!(self.order, Order::Slab { .. }),
            Partition::Hybrid => matches!(self.order, Order::Hybrid { .. }),
        };
        if !order_fits {
            return Some(format!(
                "order must be the one of partition {}",
                self.partition
            ));
        }
        if self.starts.len() != self.owners.len() {
            return Some(format!(
                "starts and owners must be equally many, not {} and {}",
                self.starts.len(),
                self.owners.len()
            ));
        }
        if let Some(owner) = (self.owners.iter()).find(|owner| **owner as usize >= self.parts) {
            return Some(format!("owner {owner} must be below {}", self.parts));
        }
        (self.order.fault())
            .or_else(|| ascending_fault("starts", &self.starts, self.order.keys().end))
    }
}

impl Plan {
    /// Writes the plan as JSON, whole or not at all: to a file beside `path`, synced, then renamed.
    ///
    /// # Errors
    /// [`PlanError::Machine`] if the disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), PlanError> {
        let refused = |error: io::Error| {
            PlanError::Machine(format!(
                "{}: the plan cannot be written: {error}",
                path.display()
            ))
        };
        let mut text = serde_json::to_vec(self).map_err(|error| refused(error.into()))?;
        text.push(b'\n');
        let staged = staged(path);
        let written = File::create(&staged)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&staged, path));
        written.map_err(|error| {
            // What was staged is of no use; that it cannot be removed either adds nothing to the error.
            let _ = fs::remove_file(&staged);
            refused(error)
        })
    }

    /// Reads a plan that [`Plan::save`] wrote.
    ///
    /// # Errors
    /// [`PlanError::Unusable`] if there is no such file or it does not hold a plan, [`PlanError::Machine`] if the
    /// machine refuses to read it.
    pub fn load(path: &Path) -> Result<Plan, PlanError> {
        let unusable = |what: String| PlanError::Unusable(format!("{}: {what}", path.display()));
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text))
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                    unusable(format!("there must be a plan to read: {error}"))
                }
                _ => PlanError::Machine(format!(
                    "{}: the plan cannot be read: {error}",
                    path.display()
                )),
            })?;
        if text.len() as u64 > MAX_BYTES {
            return Err(unusable(format!(
                "the file is longer than a plan can be ({MAX_BYTES} bytes)"
            )));
        }
        serde_json::from_slice(&text).map_err(|error| {
            unusable(format!(
                "the file must hold a plan as octaflow writes it: {}",
                reason(&error)
            ))
        })
    }
}

/// Why a text is no plan, without more of the text than a message can hold.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.len() <= 300 && !text.contains(char::is_control) {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    format!("what ends at line {line} column {column} is no part of a plan")
}

/// A name beside `path`, of this process alone.
fn staged(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The file or the request is unusable: exit status 2.
    Unusable(String),
    /// The disk refused: exit status 1.
    Machine(String),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Unusable(message) | PlanError::Machine(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for PlanError {}
