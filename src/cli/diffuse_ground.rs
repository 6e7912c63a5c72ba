//! The map below a field that is stepped: what a process has of it, and how updates change it.
//!
//! Every process is told of every row and keeps the bricks near its blocks. A corner is derived from voxels that may lie a
//! brick further on: so where there are updates one more layer of bricks is kept, whose own corners nobody reads.

use super::cluster::Cluster;
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs, Local};
use crate::dataflows::edits::{Edit, Store, edit_alone};
use crate::partition::Plan;
use crate::stencil::{MapChange, block_of};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What a process has of the map.
pub(super) struct Ground {
    /// The bricks of this process's blocks and those near them.
    bricks: FxHashMap<BrickId, Box<Costs>>,
    reach: Reach,
    /// The blocks of the whole map.
    blocks: FxHashSet<BrickId>,
    /// The bricks that the last epoch has changed, of those that are kept.
    changed: FxHashSet<BrickId>,
    /// The blocks that the last epoch has added.
    new_blocks: Vec<BrickId>,
    /// What the last epoch found in the cells that it has changed.
    former: Vec<(BrickId, Local, u16)>,
}

/// Which bricks a process keeps: those at most so many bricks away from where a block of its own can be.
struct Reach {
    plan: Arc<Plan>,
    workers: usize,
    /// The process; none if there is but one.
    process: Option<usize>,
    bricks: i32,
}

impl Reach {
    fn holds(&self, brick: BrickId) -> bool {
        let Some(process) = self.process else {
            return true;
        };
        let span = -self.bricks..=self.bricks;
        let mut around = span.clone().flat_map(|z| {
            let span = span.clone();
            span.clone()
                .flat_map(move |y| span.clone().map(move |x| [x, y, z]))
        });
        around.any(|way| {
            let beside = brick.offset(way);
            beside.is_some_and(|b| self.plan.owner(block_of(b)) / self.workers == process)
        })
    }
}

impl Ground {
    /// What this process keeps of a map whose blocks `plan` divides; `changes` says whether updates will come.
    pub fn of(
        map: CellMap,
        blocks: FxHashSet<BrickId>,
        plan: &Arc<Plan>,
        cluster: &Cluster,
        changes: bool,
    ) -> Self {
        let reach = Reach {
            plan: plan.clone(),
            workers: cluster.workers,
            process: (cluster.processes > 1).then_some(cluster.process),
            bricks: 1 + i32::from(changes),
        };
        let bricks = map.bricks.into_iter().filter(|(b, _)| reach.holds(*b));
        Ground {
            bricks: bricks.collect(),
            reach,
            blocks,
            changed: FxHashSet::default(),
            new_blocks: Vec::new(),
            former: Vec::new(),
        }
    }

    /// The costs of a brick that is kept.
    pub fn costs(&self, brick: BrickId) -> Option<&Costs> {
        self.bricks.get(&brick).map(|costs| &**costs)
    }

    /// The blocks of the whole map.
    pub fn blocks(&self) -> &FxHashSet<BrickId> {
        &self.blocks
    }

    /// Makes the edits of an epoch, of costs alone, each with the number of its row.
    pub fn change(&mut self, edits: &[(u64, Edit)]) {
        self.changed.clear();
        self.new_blocks.clear();
        self.former.clear();
        for (_, edit) in edits {
            if let Edit::Cost { cell, cost } | Edit::Voxel { cell, cost } = edit
                && *cost > 0
                && let Some((brick, _)) = BrickId::locate(*cell)
                && self.blocks.insert(block_of(brick))
            {
                // A corner opens with its voxels only, of which one lies in the corner's own block.
                self.new_blocks.push(block_of(brick));
            }
        }
        edit_alone(edits.iter().copied(), self).expect("edits of costs are sound");
    }

    /// Takes the last epoch's changes back, but for its new blocks, which stay without open cells.
    pub fn revert(&mut self) {
        self.new_blocks.clear();
        for (brick, local, cost) in std::mem::take(&mut self.former) {
            if let Some(costs) = self.bricks.get_mut(&brick) {
                costs[local.index()] = cost;
            }
        }
    }

    /// What the last epoch has changed.
    pub fn last_change(&self) -> MapChange<'_> {
        MapChange {
            bricks: &self.changed,
            blocks: &self.blocks,
            new_blocks: &self.new_blocks,
        }
    }
}

impl Store for Ground {
    fn cost(&self, brick: BrickId, local: Local) -> u16 {
        self.costs(brick).map_or(0, |costs| costs[local.index()])
    }

    fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16) {
        let former = self.cost(brick, local);
        if former == cost || !self.reach.holds(brick) {
            return;
        }
        let costs = self.bricks.entry(brick);
        costs.or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
        self.changed.insert(brick);
        self.former.push((brick, local, former));
    }

    /// A field that is stepped has no sources: readers refuse such rows.
    fn add_source(&mut self, _brick: BrickId, _local: Local, _label: u32) {}

    fn remove_source(&mut self, _brick: BrickId, _local: Local) {}
}
