//! The costs that a worker holds: of its own bricks, and copies of those that its searches have looked into.

use super::CellKey;
use crate::brick::{BRICK_CELLS, BrickId, Costs, Local};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What a worker holds of a brick.
pub(super) enum Held<'a> {
    /// Its costs.
    Here(&'a Costs),
    /// There is no such brick: all its cells are blocked.
    Absent,
    /// Another worker has it.
    Elsewhere,
}

/// See the module's description.
pub(super) struct Bricks {
    own: FxHashMap<BrickId, Box<Costs>>,
    copies: FxHashMap<BrickId, Box<Costs>>,
    /// The bricks of the map, whoever has them, as it was read.
    exists: Arc<FxHashSet<BrickId>>,
    /// Bricks that edits have added.
    created: FxHashSet<BrickId>,
    /// How many own cells have each cost above 0.
    counts: Box<[u64]>,
}

impl Bricks {
    pub fn new(exists: Arc<FxHashSet<BrickId>>) -> Self {
        Bricks {
            own: FxHashMap::default(),
            copies: FxHashMap::default(),
            exists,
            created: FxHashSet::default(),
            counts: vec![0; 1 << 16].into(),
        }
    }

    /// Takes in an own brick.
    pub fn load(&mut self, brick: BrickId, costs: Box<Costs>) {
        for &cost in costs.iter() {
            self.counts[usize::from(cost)] += 1;
        }
        self.own.insert(brick, costs);
    }

    pub fn held(&self, brick: BrickId) -> Held<'_> {
        if let Some(costs) = self.own.get(&brick).or_else(|| self.copies.get(&brick)) {
            Held::Here(costs)
        } else if self.exists.contains(&brick) || self.created.contains(&brick) {
            Held::Elsewhere
        } else {
            Held::Absent
        }
    }

    /// The least cost of an own open cell; 0 if there is none.
    pub fn least_cost(&self) -> u16 {
        let least = self.counts.iter().skip(1).position(|&n| n > 0);
        least.map_or(0, |c| c as u16 + 1)
    }

    pub fn own(&self) -> impl Iterator<Item = (BrickId, &Costs)> {
        self.own.iter().map(|(&id, costs)| (id, &**costs))
    }

    pub fn own_costs(&self, brick: BrickId) -> Option<&Costs> {
        self.own.get(&brick).map(|c| &**c)
    }

    /// The cost of an own cell.
    pub fn own_cost(&self, brick: BrickId, local: Local) -> u16 {
        self.own.get(&brick).map_or(0, |c| c[local.index()])
    }

    /// Sets the cost of an own cell; gives the one before.
    pub fn set_own(&mut self, brick: BrickId, local: Local, cost: u16) -> u16 {
        let costs = self
            .own
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]));
        let before = std::mem::replace(&mut costs[local.index()], cost);
        self.counts[usize::from(before)] = self.counts[usize::from(before)].saturating_sub(1);
        self.counts[usize::from(cost)] += 1;
        before
    }

    /// Takes in a copy of another worker's brick.
    pub fn copy(&mut self, brick: BrickId, costs: Box<Costs>) {
        self.copies.insert(brick, costs);
    }

    /// Learns of another worker's edit.
    pub fn hear(&mut self, key: CellKey, cost: u16) {
        let (brick, local) = (key.brick(), key.local());
        if let Some(costs) = self.copies.get_mut(&brick) {
            costs[local.index()] = cost;
        } else if !self.own.contains_key(&brick) && !self.exists.contains(&brick) {
            self.created.insert(brick);
        }
    }
}
