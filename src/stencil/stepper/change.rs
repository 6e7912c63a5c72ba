//! How the map below a field changes while its stepper stands still.
//!
//! A block whose own cells or ghosts have changed is loaded again from the map as it is now. What its cells hold is not
//! asked of the map again: a cell that stays open keeps it.

use super::{Standing, Stepper, StepperMap, load, places};
use crate::brick::BrickId;
use crate::partition::Plan;
use crate::stencil::block::{Block, block_of, brick_of};
use crate::stencil::{Kernel, Value};
use rustc_hash::FxHashSet;

/// What has changed in a map, as every worker is told of it alike.
#[derive(Clone, Copy, Debug)]
pub struct MapChange<'a> {
    /// The bricks in which a cost has changed; those far from a worker's blocks may be left out there.
    pub bricks: &'a FxHashSet<BrickId>,
    /// All blocks of the map as it is now: those of before, and more.
    pub blocks: &'a FxHashSet<BrickId>,
    /// Those of them that are new.
    pub new_blocks: &'a [BrickId],
}

/// What a cell held that is blocked now: the brick, the cell's place in it, the value and the one a step before.
pub type Lost<V> = (BrickId, usize, [V; 2]);

/// What a change of the map did to the cells of one worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed<V> {
    /// How many cells have opened.
    pub opened: u64,
    /// What those held that are blocked now, ascending by brick and place.
    pub lost: Vec<Lost<V>>,
}

impl<K: Kernel> Stepper<K> {
    /// Has a stepper whose blocks are all at its last step go on in a map that has changed. Cells that stay open keep their
    /// values, those that open take the values of `map`, and those that are blocked lose theirs, which are given back.
    ///
    /// All workers call it for the same change before any of them goes on.
    ///
    /// # Panics
    /// If the stepper has not come to its last step.
    pub fn change_map(
        &mut self,
        plan: &Plan,
        me: usize,
        change: &MapChange<'_>,
        map: &StepperMap<'_, K::Value>,
    ) -> Changed<K::Value> {
        assert!(self.has_arrived() && self.snapshots.is_empty());
        let near: FxHashSet<BrickId> = (change.bricks.iter())
            .flat_map(|&brick| blocks_beside(brick))
            .collect();
        let mut changed = Changed::default();
        for standing in &mut self.blocks {
            let id = standing.block.id;
            if near.contains(&id) {
                let block = load::<K>(id, &self.options, map);
                let former = std::mem::replace(&mut standing.block, block);
                take_over::<K>(&mut standing.block, &former, &mut changed);
                standing.conductance = None;
            }
        }
        let own = change.new_blocks.iter().filter(|&&b| plan.owner(b) == me);
        for &id in own {
            let block = load::<K>(id, &self.options, map);
            changed.opened += open_indices(&block).count() as u64;
            let step = self.options.last;
            self.blocks.push(Standing::new(block, step));
        }
        if !change.new_blocks.is_empty() {
            self.blocks.sort_unstable_by_key(|s| s.block.id);
            self.find_neighbours(change.blocks);
        }
        changed.lost.sort_unstable_by_key(|l| (l.0, l.1));
        changed
    }
}

/// Gives the cells of a block that was loaded anew what they held before, where they were open.
fn take_over<K: Kernel>(
    block: &mut Block<K::Value>,
    former: &Block<K::Value>,
    changed: &mut Changed<K::Value>,
) {
    let now: Vec<usize> = open_indices(block).collect();
    for index in now {
        if !former.is_open(index) {
            changed.opened += 1;
            continue;
        }
        block.now[index] = former.now[index];
        if K::BEFORE {
            block.before[index] = former.before[index];
        }
    }
    for place in places(former.bricks) {
        for (index, local) in former.open_cells(place) {
            if !block.is_open(index) {
                let before = former.before.get(index).copied();
                let held = [former.now[index], before.unwrap_or_default()];
                let brick = brick_of(former.id, place);
                changed.lost.push((brick, local, held));
            }
        }
    }
}

/// Where the open cells of a block stand in its arrays.
fn open_indices<V: Value>(block: &Block<V>) -> impl Iterator<Item = usize> {
    let cells = places(block.bricks).flat_map(|place| block.open_cells(place));
    cells.map(|(index, _)| index)
}

/// The blocks that have a brick among their own cells or their ghosts.
fn blocks_beside(brick: BrickId) -> impl Iterator<Item = BrickId> {
    (0..27).filter_map(move |n| {
        let beside = brick.offset([n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1])?;
        Some(block_of(beside))
    })
}
