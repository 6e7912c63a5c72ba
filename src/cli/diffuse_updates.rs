//! Updates of the map below a field that is stepped: when they take effect, and how all workers are told of them.

use super::diffuse::DiffuseConfig;
use super::follow::{Epochs, Halt};
use super::run::Shared;
use crate::dataflows::edits::Edit;
use crate::lattice::Cell;
use crate::map::{Allow, Epoch, Update, UpdateKind, UpdateReader};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How many rows travel at once.
const ROWS: usize = 1 << 16;

/// A row as it travels to all workers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct RowOfCost {
    row: u64,
    cell: [i32; 3],
    cost: u16,
    voxel: bool,
}

/// Some rows of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RowsOfEpoch {
    pub time: i64,
    rows: Vec<RowOfCost>,
    /// True if more rows of the epoch follow.
    pub more: bool,
}

impl RowsOfEpoch {
    /// The edits that the rows ask for, each with the number of its row.
    pub fn edits(&self) -> impl Iterator<Item = (u64, Edit)> {
        self.rows.iter().map(|row| {
            let cell = Cell::try_from(row.cell).expect("a cell that was sent");
            let cost = row.cost;
            let edit = match row.voxel {
                true => Edit::Voxel { cell, cost },
                false => Edit::Cost { cell, cost },
            };
            (row.row, edit)
        })
    }
}

/// The epochs that are to come, as worker 0 reads them.
pub(super) struct Updates<'a> {
    base: &'a Shared,
    steps: u64,
    reader: Option<Epochs<'a>>,
    is_open: bool,
    /// The next epoch, the step after which it takes effect, and how many of its rows are given.
    next: Option<(u64, Epoch, usize)>,
}

impl<'a> Updates<'a> {
    /// Nothing is read before it is asked for.
    pub fn of(base: &'a Shared, steps: u64) -> Self {
        Updates {
            base,
            steps,
            reader: None,
            is_open: false,
            next: None,
        }
    }

    /// The step after which the next epoch takes effect; none if no more will come.
    pub fn next_step(&mut self) -> Result<Option<u64>, Halt> {
        if !self.is_open {
            self.is_open = true;
            self.reader = self.base.open_updates(Allow::Map)?;
        }
        if self.next.is_none()
            && let Some(epoch) = self.reader.as_mut().and_then(Iterator::next)
        {
            let epoch = epoch?;
            let step = step_after(&epoch, self.base, self.steps)?;
            self.next = Some((step, epoch, 0));
        }
        Ok(self.next.as_ref().map(|n| n.0))
    }

    /// Gives rows of the next epoch, until it has given all of them.
    pub fn take_rows(&mut self) -> RowsOfEpoch {
        let (_, epoch, given) = self.next.as_mut().expect("an epoch is there");
        let rows = epoch.updates[*given..].iter().take(ROWS).map(row_of);
        let rows = RowsOfEpoch {
            time: epoch.time,
            rows: rows.collect(),
            more: epoch.updates.len() - *given > ROWS,
        };
        *given += ROWS;
        if !rows.more {
            self.next = None;
        }
        rows
    }
}

/// The step after which an epoch takes effect, which no run of `steps` steps may end before.
fn step_after(epoch: &Epoch, base: &Shared, steps: u64) -> Result<u64> {
    let start = base.config.start;
    let step = i128::from(epoch.time) - i128::from(start);
    match u64::try_from(step) {
        Ok(step) if step <= steps => Ok(step),
        _ => Err(Error::input(format!(
            "{}, row {}: time {} lies beyond the last step, that of time {}: take more --steps, or leave the row out",
            base.updates_name(),
            epoch.updates.first().map_or(0, |u| u.row),
            epoch.time,
            i128::from(start) + i128::from(steps),
        ))),
    }
}

/// Reads a table of updates through before the first step: a row that cannot be used is told of at once.
pub(super) fn check_updates(config: &DiffuseConfig, base: &Shared) -> Result<()> {
    let leads = config.run.cluster.process == 0;
    let Some(path) = config.run.updates.as_ref().filter(|_| leads) else {
        return Ok(());
    };
    if base.streams() {
        return Ok(());
    }
    for epoch in UpdateReader::open(path, &base.frame, config.run.start, Allow::Map)? {
        step_after(&epoch?, base, config.steps)?;
    }
    Ok(())
}

fn row_of(update: &Update) -> RowOfCost {
    let (cell, cost, voxel) = match update.kind {
        UpdateKind::Cost { cell, cost } => (cell, cost, false),
        UpdateKind::Voxel { cell, cost } => (cell, cost, true),
        _ => unreachable!("the reader refuses other kinds here"),
    };
    RowOfCost {
        row: update.row,
        cell: cell.xyz(),
        cost,
        voxel,
    }
}
