//! What is answered to a query, and what the answer was read from.

use super::{CellKey, length_units};
use crate::brick::BrickId;
use crate::lattice::Cell;
use serde::{Deserialize, Serialize};

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RouteStatus {
    /// There is a route.
    Found,
    /// Start and goal are open, and not connected.
    Unreachable,
    /// The start or the goal is blocked or not in the map.
    Invalid,
}

impl RouteStatus {
    /// The name in results.
    pub fn name(self) -> &'static str {
        match self {
            RouteStatus::Found => "found",
            RouteStatus::Unreachable => "unreachable",
            RouteStatus::Invalid => "invalid",
        }
    }
}

/// A route: what makes two answers different.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The cost in ticks.
    pub cost: u32,
    /// What no route can be below, in ticks.
    pub lower_bound: u32,
    /// The cells in which the line pulled tight begins, bends and ends, if asked for.
    pub bends: Option<Vec<Cell>>,
    /// The cells from the start to the goal, and the cost so far in ticks.
    pub cells: Vec<(CellKey, u32)>,
}

impl Route {
    /// The length of the line pulled tight, in lattice units, if asked for.
    pub fn smooth_units(&self) -> Option<f64> {
        self.bends.as_deref().map(length_units)
    }
}

/// An answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How it ended.
    pub status: RouteStatus,
    /// The route, if one was found.
    pub route: Option<Route>,
    /// How many bricks the search looked into.
    pub brick_visits: u64,
    /// How long it took, in microseconds, waiting for other workers left out.
    pub micros: u64,
}

/// What results tell of an answer: what makes two of them different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteRecord {
    /// The query's id.
    pub query: i64,
    /// How it ended.
    pub status: RouteStatus,
    /// The cost in ticks, if a route was found.
    pub cost: Option<u32>,
    /// What no route can be below, in ticks, if one was found.
    pub lower_bound: Option<u32>,
    /// The bits of the length of the line pulled tight, in lattice units, if asked for.
    smooth_bits: Option<u64>,
    /// How many cells the route has.
    pub cells: u32,
}

impl RouteRecord {
    /// The length of the line pulled tight, in lattice units, if asked for.
    pub fn smooth_units(&self) -> Option<f64> {
        self.smooth_bits.map(f64::from_bits)
    }
}

impl Answer {
    /// What results tell of the answer.
    pub fn record(&self, query: i64) -> RouteRecord {
        let route = self.route.as_ref();
        RouteRecord {
            query,
            status: self.status,
            cost: route.map(|r| r.cost),
            lower_bound: route.map(|r| r.lower_bound),
            smooth_bits: route.and_then(Route::smooth_units).map(f64::to_bits),
            cells: route.map_or(0, |r| r.cells.len() as u32),
        }
    }
}

/// The cells that an answer was read from, a bit each, ascending by brick.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reads(Vec<(BrickId, [u64; 16])>);

impl Reads {
    /// Those of some bricks, which may come more than once.
    pub fn new(mut bricks: Vec<(BrickId, [u64; 16])>) -> Self {
        bricks.sort_unstable_by_key(|b| b.0);
        bricks.dedup_by(|more, all| {
            let same = more.0 == all.0;
            if same {
                all.1
                    .iter_mut()
                    .zip(more.1)
                    .for_each(|(all, more)| *all |= more);
            }
            same
        });
        bricks.shrink_to_fit();
        Reads(bricks)
    }

    /// Adds those of some bricks, which may come more than once.
    pub fn add(&mut self, bricks: impl IntoIterator<Item = (BrickId, [u64; 16])>) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(bricks);
        *self = Reads::new(all);
    }

    pub fn bricks(&self) -> impl Iterator<Item = BrickId> {
        self.0.iter().map(|b| b.0)
    }

    pub fn contains(&self, key: CellKey) -> bool {
        let at = self.0.binary_search_by_key(&key.brick(), |b| b.0);
        let place = key.local().index();
        at.is_ok_and(|at| self.0[at].1[place >> 6] >> (place & 63) & 1 != 0)
    }

    pub fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(BrickId, [u64; 16])>()
    }
}
