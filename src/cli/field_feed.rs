//! Worker 0's side of `octaflow field`: the first solve, then the epochs of updates.

use super::field_run::FieldShared;
use super::follow::{self, Fed, Follow, Halt};
use super::keep::{Keeper, Standing};
use super::progress::Progress;
use super::run::{Shared, place};
use crate::dataflows::edits::{Edit, Fault};
use crate::dataflows::epochs::{EpochError, EpochInput};
use crate::dataflows::field::SharedEngine;
use crate::lattice::Index64;
use crate::map::{Allow, Epoch, Update, UpdateKind};
use crate::{Error, Result};
use std::time::Instant;
use timely::worker::Worker;

/// Worker 0's side of a run.
pub(super) struct Feed<'a, 'w> {
    pub worker: &'w mut Worker,
    pub shared: &'a FieldShared,
    pub input: &'w mut EpochInput,
    pub keeper: &'w mut Keeper<'a>,
    pub next_label: u32,
}

impl Feed<'_, '_> {
    /// Solves, or takes up the field that the run goes on from; then follows the updates to their end or to the first
    /// bad row.
    pub(super) fn run(mut self, engine: &SharedEngine) -> Fed {
        let base = &self.shared.base;
        let mut fed = Fed::default();
        let sources = (self.shared.sources.iter().enumerate()).map(|(label, &cell)| {
            let label = label as u32;
            (u64::from(label), Edit::AddSource { cell, label })
        });
        // The sources of a run that goes on are in the engines already.
        let sources = sources.filter(|_| base.resumed.is_none());
        let mut bar = Progress::bricks("solving", base.shows());
        let begun = Instant::now();
        let solved = (self.input).epoch_with(self.worker, base.first_time(), sources, || {
            let engine = engine.borrow();
            bar.show(engine.touched_count() as u64, engine.brick_count() as u64);
        });
        fed.solve = begun.elapsed();
        drop(bar);
        if let Err(EpochError::Beyond(cell)) = solved {
            fed.stop = Some(beyond(cell, None));
            return fed;
        }
        solved.expect("the sources have been checked against the map");
        if base.resumed.is_none() {
            let standing = self.standing(base.first_time());
            if let Err(error) = self.keeper.solved(self.worker, standing) {
                fed.stop = Some(error);
                return fed;
            }
        }
        base.follow_updates(&mut fed, Allow::Sources, &mut self);
        fed
    }

    fn standing(&self, time: i64) -> Standing {
        Standing {
            time,
            next_label: self.next_label,
            ..Standing::default()
        }
    }
}

impl Follow for Feed<'_, '_> {
    fn compute(&mut self, epoch: &Epoch) -> Result<(), Halt> {
        let edits = edits_of(&epoch.updates, &mut self.next_label);
        let done = self.input.epoch(self.worker, epoch.time, edits);
        done.map_err(|error| match error {
            EpochError::Fault(fault) => {
                fault_error(&self.shared.base, fault, &epoch.updates).into()
            }
            EpochError::Beyond(cell) => Halt::Run(beyond(cell, Some(epoch.time))),
        })
    }

    fn save(&mut self, time: i64, number: u64) -> Result<()> {
        if !self.keeper.is_due() {
            return Ok(());
        }
        let standing = self.standing(time);
        self.keeper.take(self.worker, number, standing)
    }
}

fn edits_of(updates: &[Update], next_label: &mut u32) -> Vec<(u64, Edit)> {
    let edit = |update: &Update| {
        let edit = match update.kind {
            UpdateKind::Cost { cell, cost } => Edit::Cost { cell, cost },
            UpdateKind::Voxel { cell, cost } => Edit::Voxel { cell, cost },
            UpdateKind::SourceAdd { cell } => {
                *next_label += 1;
                let label = *next_label - 1;
                Edit::AddSource { cell, label }
            }
            UpdateKind::SourceRemove { cell } => Edit::RemoveSource { cell },
            UpdateKind::QueryAdd { .. } | UpdateKind::QueryRemove { .. } => {
                unreachable!("the reader refuses queries here")
            }
        };
        (update.row, edit)
    };
    updates.iter().map(edit).collect()
}

/// That a cell, by the bits of its Index64, lies too far from the sources after the epoch of a time, or at first.
fn beyond(cell: i64, time: Option<i64>) -> Error {
    let cell =
        Index64::try_from(cell as u64).map_or_else(|e| e.to_string(), |id| id.cell().to_string());
    let what = format!("the distance of cell {cell} would pass");
    follow::beyond(time, &what, "lower the costs or add sources")
}

fn fault_error(shared: &Shared, fault: Fault, updates: &[Update]) -> Error {
    let cell = updates
        .iter()
        .find(|u| u.row == fault.row)
        .and_then(|u| match u.kind {
            UpdateKind::SourceAdd { cell } => Some(cell),
            _ => None,
        });
    let place = cell.map_or_else(String::new, |cell| place(&shared.frame, cell));
    let file = shared.updates_name();
    Error::input(format!(
        "{file}, row {}: source+ names {place}, which is blocked or not in the map after its epoch; a source needs an open cell",
        fault.row
    ))
}
