//! Routes: point-to-point shortest paths over the cells of the map, as a state machine below any dataflow.
//!
//! ```text
//!            a shared end: one side, grown query by query
//! queries ─► A* from start ⇄ goal ─► walk back ─► smooth ─► answers     edits ─► which answers can they change?
//!                 │ ▲   far?             │ ▲        │ ▲                              │
//!        a brick? ▼ │   floods (heavy)   ▼ │        ▼ │                              ▼
//!             bricks of this worker, copies of others'                        queries to answer anew
//! ```
//!
//! **Reachability** is known before a search begins, from the components of the map's regions ([`crate::regions`]), which the
//! dataflow keeps up to date.
//!
//! **Where a query is computed.** On one worker, its *home* ([`Homes`] balances them). A search reads few bricks of a large
//! map (2 KiB each), and its frontier would cross partitions often; so bricks come to the queries. A search that needs a brick of another worker asks for it, rests, and another query goes on. The
//! copies stay and are kept up to date by the edits, which every worker hears of. A search that goes far, as many do where
//! costs differ from cell to cell, is given up: all workers go on with it together, on the engine's tiles (`heavy.rs`).
//!
//! **The search** is A* with the lattice's norm at the least cost of the map ([`free_distance_ticks`]), which never
//! overestimates and never falls by more than a step's weight: a cell taken from the queue has its exact distance. Among
//! equal estimates the last comes first, so that in free space a search goes straight at its goal, though a great many
//! routes tie. A search that does not come straight through is met by a second one from its goal: the least estimate that
//! each has queued is a lower bound, the best cell that both have reached an upper one, and the side whose bound rises
//! faster goes on, until the two are equal (`fronts.rs`).
//!
//! Of queries that share a start or a goal, one after the other is answered on a worker; the side that went out from there
//! is grown to the next query where that is less work than to begin anew.
//!
//! **The walk back** finds the one route of the contract: from the goal, each time the first neighbour, in the fixed
//! order, that lies on a shortest route. Cells below the bound of the search from the start have exact distances. Others
//! may lie on a shortest route if their estimate equals the bound, or if the search from the goal knows them to be as far
//! from there as the way to them. Whether such a cell does is decided by going back from it, from one such cell to the
//! next, until a cell with a known distance says yes, or none is left to go back to. Whole cones of ties are ruled out
//! at once (`ties.rs`).
//!
//! **Edits.** A search is a function of the costs that it has read, and these are kept, a bit a cell. An edit of any
//! other cell cannot change its answer. Of those it has read, a cell that became dearer matters only on the route
//! itself; one that became cheaper only if the norm allows a route through it that is as short. So routes are what a
//! run from scratch gives, ties included; see [`Router::hear`].
//!
//! **Two modes.** [`Mode::Exact`] proves its routes optimal. [`Mode::Corridor`] ends when the lower bound is
//! 20/21 of the best route's cost, and leaves out what cannot lead to a route cheaper than that: its cost is at most 1.05
//! times the optimum, which its lower bound proves. Floods are exact in both.
//!
//! **The coarse graph** shows a corridor its first route. Its nodes are *portals*, where pieces of neighbouring bricks touch
//! (`portals.rs`); its edges are *tolls*, the least costs between two portals through a brick, by the sweeps of the field's
//! engine. A coarse search (`coarse.rs`) finds a cheap chain of portals, which is pulled tight along the lattice (`line.rs`):
//!
//! ```text
//! query ─► coarse search ─► chain ─► first route ─► does the norm prove it? ─ yes ─► answer
//!            │ ▲ portals              cost: a bound        │ no
//!            ▼ │ and tolls            from above           ▼
//!          bricks, as needed                      A* from both ends, of cells that can lead to a cheaper route
//! ```
//!
//! More than half of all corridors on a map of rooms need no search of cells at all. Portals and tolls are kept; an epoch's
//! edits make anew those of their bricks, and queries that hang on one that changed are answered anew. The plain
//! differential formulation is [`crate::dataflows::portals`].
//!
//! **What the coarse graph does not do.** It does not guide or bound exact searches. Measured on hard queries of a map of
//! 15 M cells in rooms and of mazes of 2.7 M cells: a first route's cost as a bound from above saves 3 of 100 cells and
//! takes a third of an exact search's time. Least costs from contact to contact of regions, as a heuristic or to rule regions
//! out, save no cell in rooms, 15 of 100 in a perfect maze and none in one with loops: contacts are wide, so the sum of what
//! lies between them is below the norm. Only those regions that lie on simple paths between both ends: none, 46 and 3 of
//! 100. Where costs vary, the least costs of blocks of 8³ lattice units make a sharper bound than the norm at the map's least
//! cost: a potential on the corners and centres of bricks, linear on the tetrahedra between them and so consistent. Measured on
//! maps of 8 and 16 M cells: with roads at a quarter of the other costs 42 of 100 cells are saved, where costs roll over
//! some ten bricks 56, where they change within a brick or two, or near walls alone, none; 90 where a handful of cells is far
//! cheaper than all others. It takes some 10 ms a query, and edits would have to be held against it. Nor are there portals of portals: a coarse search takes two hundred portals on that map, and most of its time goes
//! into bringing them from memory. Portals closer together make first routes better (four on a face: 1.017 times the
//! optimum in the median of hard queries instead of 1.026), but take more time than cells they save.

mod answer;
mod astar;
mod bricks;
mod coarse;
mod first;
mod fronts;
mod graph;
mod heavy;
mod homes;
mod line;
mod meeting;
mod noted;
mod patch;
mod portals;
mod queue;
mod readers;
mod router;
mod sight;
mod smooth;
mod staircase;
mod steps;
mod ties;
mod tolls;
mod walk;
mod work;

pub use answer::{Answer, Route, RouteRecord, RouteStatus};
pub use astar::Mode;
pub use bricks::Extremes;
pub use graph::{GraphFact, RegionGraph};
pub use heavy::{HEAVY, Word};
pub use homes::Homes;
pub use portals::BrickPortals;
pub use router::{AnswerChange, CellEdit, Router, RouterOptions, RouterStats};
pub use sight::in_sight;
pub use smooth::{length_units, smooth};
pub use work::{Parcel, Request};

use crate::brick::{BrickId, Local};
use crate::lattice::Cell;

#[cfg(doc)]
use crate::lattice::free_distance_ticks;

/// A cell of the map, as the 36 bits of its brick before the 10 of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey(u64);

impl CellKey {
    /// The key of a place in a brick.
    pub fn new(brick: BrickId, local: Local) -> Self {
        CellKey(brick.code() << 10 | local.index() as u64)
    }

    /// The key of a cell, or `None` outside the coordinates 0…65535.
    pub fn of(cell: Cell) -> Option<Self> {
        BrickId::locate(cell).map(|(brick, local)| CellKey::new(brick, local))
    }

    /// The key with these bits, or `None` above 46 of them.
    pub fn from_bits(bits: u64) -> Option<Self> {
        BrickId::from_code(bits >> 10).map(|_| CellKey(bits))
    }

    /// The bits.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The brick.
    pub fn brick(self) -> BrickId {
        BrickId::from_code(self.0 >> 10).expect("36 bits")
    }

    /// The place in the brick.
    pub fn local(self) -> Local {
        Local::new((self.0 & 1023) as usize).expect("10 bits")
    }

    /// The cell.
    pub fn cell(self) -> Cell {
        self.brick().cell(self.local())
    }
}

/// Where costs are looked up.
pub trait CostLookup {
    /// The stored cost of a cell; 0 for one that is blocked or not in the map.
    ///
    /// # Errors
    /// The brick, if its costs have not arrived.
    fn cost(&mut self, cell: Cell) -> Result<u16, BrickId>;
}
