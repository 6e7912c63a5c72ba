//! From rows of an epoch to edits of the engines: who must know of a row, what corners become, whether sources are
//! sound.
//!
//! ```text
//! rows ─(to every owner concerned)─► gather ─(parts of corners)─► corners ─(faults, to everybody)─► apply
//! ```
//!
//! A voxel row sets an even cell and its up to eight corners, each the mean of eight voxels that up to eight workers
//! own. The row goes to all of them; each sends the owner of a corner the part that it knows (a sum and how many are
//! open), as the cells stand after the epoch's rows.
//!
//! **Frontiers.** Each stage acts for an epoch when no worker can send it more of that epoch.
//! **Invariants.** Nothing is applied before every row of the epoch is known to be sound on every worker; a faulty
//! epoch leaves no trace. The row with the greatest number wins a cell, whatever the order of arrival.

use crate::brick::{BrickId, Local};
use crate::engine::Engine;
use crate::lattice::Cell;
use crate::partition::{Partition, Plan};
use crate::search::Router;
use bytemuck::{Pod, Zeroable};
use rustc_hash::FxHashMap;

/// What one row of an epoch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Sets the stored cost of one cell.
    Cost {
        /// The cell.
        cell: Cell,
        /// Its stored cost; 0 blocks it.
        cost: u16,
    },
    /// Sets the stored cost of a voxel's even cell and derives its corners anew.
    Voxel {
        /// The even cell.
        cell: Cell,
        /// Its stored cost; 0 blocks it.
        cost: u16,
    },
    /// Makes a cell a source.
    AddSource {
        /// The cell.
        cell: Cell,
        /// The label of the source.
        label: u32,
    },
    /// Makes a source an ordinary cell again; nothing if it is none.
    RemoveSource {
        /// The cell.
        cell: Cell,
    },
}

/// What edits are made in: the state of one worker.
pub trait Store: 'static {
    /// The stored cost of a cell of this worker; 0 for one that is blocked or not in the map.
    fn cost(&self, brick: BrickId, local: Local) -> u16;

    /// Sets the stored cost of a cell of this worker; 0 blocks it.
    fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16);

    /// Makes a cell of this worker a source with a label; nothing where there are no sources.
    fn add_source(&mut self, _brick: BrickId, _local: Local, _label: u32) {}

    /// Makes a source of this worker an ordinary cell again; nothing if it is none.
    fn remove_source(&mut self, _brick: BrickId, _local: Local) {}
}

impl Store for Engine {
    fn cost(&self, brick: BrickId, local: Local) -> u16 {
        Engine::cost(self, brick, local)
    }

    fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16) {
        Engine::set_cost(self, brick, local, cost);
    }

    fn add_source(&mut self, brick: BrickId, local: Local, label: u32) {
        Engine::add_source(self, brick, local, label);
    }

    fn remove_source(&mut self, brick: BrickId, local: Local) {
        Engine::remove_source(self, brick, local);
    }
}

/// Routes have no sources: readers refuse such rows.
impl Store for Router {
    fn cost(&self, brick: BrickId, local: Local) -> u16 {
        Router::cost(self, brick, local)
    }

    fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16) {
        Router::set_cost(self, brick, local, cost);
    }
}

/// Why an epoch cannot be applied: a row makes a source of a cell that is blocked, or not in the map, after the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The number of the row, as it was given.
    pub row: u64,
}

/// A row on its way to a worker that it concerns.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct RowRecord {
    cell: u64,
    row: u64,
    value: u32,
    kind: u16,
    /// The worker that it goes to.
    pub worker: u16,
}

/// What one worker knows of a corner, on its way to the corner's owner.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct CornerRecord {
    cell: u64,
    row: u64,
    sum: u32,
    open: u16,
    /// The worker that it goes to.
    pub worker: u16,
}

/// A fault on its way to every worker, or (where not faulty) the word that there is an epoch.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FaultRecord {
    row: u64,
    faulty: u32,
    /// The worker that it goes to.
    pub worker: u32,
}

const EPOCH: u16 = 0;
const COST: u16 = 1;
const VOXEL: u16 = 2;
const ADD_SOURCE: u16 = 3;
const REMOVE_SOURCE: u16 = 4;

/// The cell that stands for no cell, in records that only tell that there is an epoch.
const NO_CELL: u64 = u64::MAX;

fn pack(cell: Cell) -> Option<u64> {
    BrickId::locate(cell).map(|(brick, local)| brick.code() << 10 | local.index() as u64)
}

fn unpack(cell: u64) -> (BrickId, Local) {
    let brick = BrickId::from_code(cell >> 10).expect("a packed cell");
    (brick, Local::new((cell & 1023) as usize).expect("10 bits"))
}

/// The records that tell every worker of an epoch.
pub(super) fn epoch_records(workers: usize) -> impl Iterator<Item = RowRecord> {
    (0..workers).map(|worker| RowRecord {
        cell: NO_CELL,
        row: 0,
        value: 0,
        kind: EPOCH,
        worker: worker as u16,
    })
}

/// Calls `each` with the records of an edit, one for every worker that it concerns.
///
/// # Panics
/// If the cell lies outside the lattice coordinates 0…65535: readers refuse such rows.
pub(super) fn row_records(edit: Edit, row: u64, plan: &Plan, mut each: impl FnMut(RowRecord)) {
    let (cell, kind, value) = match edit {
        Edit::Cost { cell, cost } => (cell, COST, u32::from(cost)),
        Edit::Voxel { cell, cost } => (cell, VOXEL, u32::from(cost)),
        Edit::AddSource { cell, label } => (cell, ADD_SOURCE, label),
        Edit::RemoveSource { cell } => (cell, REMOVE_SOURCE, 0),
    };
    let packed = pack(cell).expect("cells of edits lie in range");
    let mut record = |worker: usize| {
        each(RowRecord {
            cell: packed,
            row,
            value,
            kind,
            worker: worker as u16,
        });
    };
    let (brick, _) = unpack(packed);
    if kind != VOXEL {
        record(plan.owner(brick));
        return;
    }
    // The voxels one step around lie in up to eight bricks.
    let span = cell.xyz().map(|c| match c & 15 {
        0 => -1..=0,
        14 => 0..=1,
        _ => 0..=0,
    });
    let mut told: Vec<usize> = Vec::with_capacity(8);
    for z in span[2].clone() {
        for y in span[1].clone() {
            for x in span[0].clone() {
                let Some(beside) = brick.offset([x, y, z]) else {
                    continue;
                };
                let worker = plan.owner(beside);
                if !told.contains(&worker) {
                    told.push(worker);
                    record(worker);
                }
            }
        }
    }
}

/// The edits of one epoch that concern one worker.
#[derive(Debug, Default)]
pub(super) struct EpochEdits {
    /// The rows as they came.
    rows: Vec<RowRecord>,
    /// What cells become, by the row that decides.
    costs: FxHashMap<u64, (u64, u16)>,
    /// Parts of corners: the deciding row, the sum of costs and the number of open voxels.
    corners: FxHashMap<u64, (u64, u32, u16)>,
}

impl EpochEdits {
    /// Takes in a row.
    pub fn take_row(&mut self, row: RowRecord) {
        if row.kind != EPOCH {
            self.rows.push(row);
        }
    }

    /// Settles cost and voxel rows, when all rows are in, and gives the parts of corners that this worker knows.
    pub fn settle(
        &mut self,
        me: usize,
        plan: &Plan,
        store: &impl Store,
        mut each: impl FnMut(CornerRecord),
    ) {
        self.rows.sort_unstable_by_key(|r| r.row);
        let mut corners: FxHashMap<u64, u64> = FxHashMap::default();
        for row in &self.rows {
            if row.kind != COST && row.kind != VOXEL {
                continue;
            }
            let (brick, local) = unpack(row.cell);
            if plan.owner(brick) == me {
                self.costs.insert(row.cell, (row.row, row.value as u16));
            }
            if row.kind == VOXEL {
                for corner in diagonal_neighbours(brick.cell(local)).filter_map(pack) {
                    corners.insert(corner, row.row);
                }
            }
        }
        for (corner, row) in corners {
            let (brick, local) = unpack(corner);
            let (mut known, mut sum, mut open) = (false, 0, 0);
            for voxel in diagonal_neighbours(brick.cell(local)).filter_map(pack) {
                let (brick, local) = unpack(voxel);
                if plan.owner(brick) == me {
                    let settled = self.costs.get(&voxel).map(|&(_, cost)| cost);
                    let cost = settled.unwrap_or_else(|| store.cost(brick, local));
                    known = true;
                    sum += u32::from(cost);
                    open += u16::from(cost > 0);
                }
            }
            if known {
                each(CornerRecord {
                    cell: corner,
                    row,
                    sum,
                    open,
                    worker: plan.owner(brick) as u16,
                });
            }
        }
    }

    /// Takes in a part of a corner.
    pub fn take_corner(&mut self, part: CornerRecord) {
        if part.cell != NO_CELL {
            let corner = self.corners.entry(part.cell).or_insert((part.row, 0, 0));
            *corner = (
                corner.0.max(part.row),
                corner.1 + part.sum,
                corner.2 + part.open,
            );
        }
    }

    /// Settles corners, when all parts are in, and checks the source rows: the fault of the least row, if any.
    pub fn check(&mut self, store: &impl Store) -> Option<Fault> {
        for (&cell, &(row, sum, open)) in &self.corners {
            let cost = if open == 8 {
                ((sum + 4) >> 3) as u16
            } else {
                0
            };
            let later = self.costs.get(&cell).is_some_and(|&(r, _)| r > row);
            if !later {
                self.costs.insert(cell, (row, cost));
            }
        }
        let blocked = |row: &&RowRecord| {
            let (brick, local) = unpack(row.cell);
            let settled = self.costs.get(&row.cell).map(|&(_, cost)| cost);
            row.kind == ADD_SOURCE && settled.unwrap_or_else(|| store.cost(brick, local)) == 0
        };
        let fault = self.rows.iter().find(blocked);
        fault.map(|row| Fault { row: row.row })
    }

    /// Makes the edits.
    pub fn apply(self, store: &mut impl Store) {
        for (cell, (_, cost)) in self.costs {
            let (brick, local) = unpack(cell);
            store.set_cost(brick, local, cost);
        }
        for row in self.rows {
            let (brick, local) = unpack(row.cell);
            match row.kind {
                ADD_SOURCE => store.add_source(brick, local, row.value),
                REMOVE_SOURCE => store.remove_source(brick, local),
                _ => {}
            }
        }
    }
}

/// Makes the edits of an epoch, each with the number of its row, in a store that has all cells which they concern.
///
/// # Errors
/// The fault of the least row, if the epoch is unsound; then it has changed nothing.
pub fn edit_alone(
    edits: impl IntoIterator<Item = (u64, Edit)>,
    store: &mut impl Store,
) -> Result<(), Fault> {
    let plan = Plan::build(Partition::Morton, 1, &[]);
    let mut epoch = EpochEdits::default();
    for (row, edit) in edits {
        row_records(edit, row, &plan, |record| epoch.take_row(record));
    }
    let mut parts = Vec::new();
    epoch.settle(0, &plan, store, |part| parts.push(part));
    parts.into_iter().for_each(|part| epoch.take_corner(part));
    match epoch.check(store) {
        Some(fault) => Err(fault),
        None => {
            epoch.apply(store);
            Ok(())
        }
    }
}

/// The word that there is an epoch, for the next stage on the same worker.
pub(super) fn epoch_corner(worker: usize) -> CornerRecord {
    CornerRecord {
        cell: NO_CELL,
        row: 0,
        sum: 0,
        open: 0,
        worker: worker as u16,
    }
}

/// A fault for every worker; without one, the word that there is an epoch for this worker.
pub(super) fn fault_records(
    fault: Option<Fault>,
    me: usize,
    workers: usize,
) -> impl Iterator<Item = FaultRecord> {
    let (row, faulty) = fault.map_or((0, 0), |fault| (fault.row, 1));
    let to = if fault.is_some() {
        0..workers
    } else {
        me..me + 1
    };
    to.map(move |worker| FaultRecord {
        row,
        faulty,
        worker: worker as u32,
    })
}

impl FaultRecord {
    /// The fault, unless the record only tells that there is an epoch.
    pub fn fault(&self) -> Option<Fault> {
        (self.faulty != 0).then_some(Fault { row: self.row })
    }
}

/// The up to eight diagonal neighbours: a voxel's corners, or a corner's voxels.
fn diagonal_neighbours(cell: Cell) -> impl Iterator<Item = Cell> {
    (0..8).filter_map(move |direction| cell.neighbour(direction))
}
