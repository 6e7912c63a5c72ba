//! The costs that a worker holds: of its own bricks, and copies of those that its searches have looked into.

use super::CellKey;
use crate::brick::{BRICK_CELLS, BrickId, Costs, Local};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What a worker holds of a brick.
pub(super) enum Held<'a> {
    /// Its costs.
    Here(&'a Costs, Span),
    /// There is no such brick: all its cells are blocked.
    Absent,
    /// Another worker has it.
    Elsewhere,
}

/// What the costs of a brick lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// No open cell's cost less one is less than this.
    least: u16,
    /// No cell's cost is above this.
    most: u16,
    /// Whether a cell may be blocked.
    blocked: bool,
}

impl Span {
    /// Of a brick without an open cell.
    pub const NONE: Span = Span {
        least: u16::MAX,
        most: 0,
        blocked: true,
    };

    pub fn of(costs: &[u16]) -> Self {
        let (mut least, mut most, mut blocked) = (u16::MAX, 0, false);
        for &cost in costs {
            least = least.min(cost.wrapping_sub(1));
            most = most.max(cost);
            blocked |= cost == 0;
        }
        Span {
            least,
            most,
            blocked,
        }
    }

    /// What two bricks' costs lie in.
    pub fn and(self, other: Span) -> Self {
        Span {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
            blocked: self.blocked || other.blocked,
        }
    }

    /// The cost of all cells, if they are open and have the same.
    pub fn uniform(self) -> Option<u16> {
        (!self.blocked && self.least + 1 == self.most).then_some(self.most)
    }

    /// The cost of all open cells, if they are known to have the same.
    pub fn even(self) -> Option<u16> {
        (self.least < u16::MAX && self.least + 1 == self.most).then_some(self.most)
    }

    /// Whether surely no open cell costs more than `times` another.
    #[inline(always)]
    pub fn is_within(self, times: u16) -> bool {
        u32::from(self.most) <= u32::from(times) * (u32::from(self.least) + 1)
    }
}

/// The least and the greatest cost of some open cells, each 0 without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extremes {
    /// The least.
    pub least: u16,
    /// The greatest.
    pub most: u16,
}

impl Extremes {
    /// Those of both.
    pub fn and(self, other: Extremes) -> Self {
        // 0 is above all others where the least is asked for.
        let least = self.least.wrapping_sub(1).min(other.least.wrapping_sub(1));
        Extremes {
            least: least.wrapping_add(1),
            most: self.most.max(other.most),
        }
    }

    /// Whether all open cells cost the same.
    pub fn is_even(self) -> bool {
        self.least == self.most
    }
}

/// A brick's costs and what they lie in.
struct Stored {
    costs: Box<Costs>,
    span: Span,
}

impl Stored {
    fn new(costs: Box<Costs>) -> Self {
        let span = Span::of(&*costs);
        Stored { costs, span }
    }

    /// Sets the cost of a cell; gives the one before, which stays in the span.
    fn set(&mut self, local: Local, cost: u16) -> u16 {
        self.span = self.span.and(Span::of(&[cost]));
        std::mem::replace(&mut self.costs[local.index()], cost)
    }
}

/// See the module's description.
pub(super) struct Bricks {
    own: FxHashMap<BrickId, Stored>,
    copies: FxHashMap<BrickId, Stored>,
    /// The bricks of the map, whoever has them, as it was read.
    exists: Arc<FxHashSet<BrickId>>,
    /// Bricks that edits have added.
    created: FxHashSet<BrickId>,
    /// How many own cells have each cost above 0.
    counts: Box<[u64]>,
    /// The greatest cost of an own open cell.
    most: u16,
}

impl Bricks {
    pub fn new(exists: Arc<FxHashSet<BrickId>>) -> Self {
        Bricks {
            own: FxHashMap::default(),
            copies: FxHashMap::default(),
            exists,
            created: FxHashSet::default(),
            counts: vec![0; 1 << 16].into(),
            most: 0,
        }
    }

    /// Takes in an own brick.
    pub fn load(&mut self, brick: BrickId, costs: Box<Costs>) {
        for &cost in costs.iter() {
            self.counts[usize::from(cost)] += 1;
            self.most = self.most.max(cost);
        }
        self.own.insert(brick, Stored::new(costs));
    }

    pub fn held(&self, brick: BrickId) -> Held<'_> {
        if let Some(stored) = self.own.get(&brick).or_else(|| self.copies.get(&brick)) {
            Held::Here(&stored.costs, stored.span)
        } else if self.is_known(brick) {
            Held::Elsewhere
        } else {
            Held::Absent
        }
    }

    /// Whether the map has a brick of another worker.
    pub fn is_known(&self, brick: BrickId) -> bool {
        self.exists.contains(&brick) || self.created.contains(&brick)
    }

    /// The least and the greatest cost of an own open cell; 0 if there is none.
    pub fn extremes(&self) -> Extremes {
        let least = self.counts.iter().skip(1).position(|&n| n > 0);
        Extremes {
            least: least.map_or(0, |c| c as u16 + 1),
            most: self.most,
        }
    }

    pub fn own(&self) -> impl Iterator<Item = (BrickId, &Costs)> {
        self.own.iter().map(|(&id, stored)| (id, &*stored.costs))
    }

    pub fn own_costs(&self, brick: BrickId) -> Option<&Costs> {
        self.own.get(&brick).map(|stored| &*stored.costs)
    }

    /// The cost of an own cell.
    pub fn own_cost(&self, brick: BrickId, local: Local) -> u16 {
        self.own_costs(brick)
            .map_or(0, |costs| costs[local.index()])
    }

    /// Sets the cost of an own cell; gives the one before.
    pub fn set_own(&mut self, brick: BrickId, local: Local, cost: u16) -> u16 {
        let stored = self
            .own
            .entry(brick)
            .or_insert_with(|| Stored::new(Box::new([0; BRICK_CELLS])));
        let before = stored.set(local, cost);
        self.counts[usize::from(before)] = self.counts[usize::from(before)].saturating_sub(1);
        self.counts[usize::from(cost)] += 1;
        self.most = self.most.max(cost);
        while self.most > 0 && self.counts[usize::from(self.most)] == 0 {
            self.most -= 1;
        }
        before
    }

    /// Takes in a copy of another worker's brick.
    pub fn copy(&mut self, brick: BrickId, costs: Box<Costs>) {
        self.copies.insert(brick, Stored::new(costs));
    }

    /// Learns of another worker's edit.
    pub fn hear(&mut self, key: CellKey, cost: u16) {
        let (brick, local) = (key.brick(), key.local());
        if let Some(stored) = self.copies.get_mut(&brick) {
            stored.set(local, cost);
        } else if !self.own.contains_key(&brick) && !self.exists.contains(&brick) {
            self.created.insert(brick);
        }
    }
}
