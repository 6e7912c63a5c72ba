//! Ghost zones: which cells of others each part of a map must hold beyond its own.
//!
//! ```text
//!  bricks: shape (the cells that exist) and part ──► Zones ──► differences of ghost words
//!                                                      │
//!             a brick that changed, and those within its reach, each by a Finder:
//!                                                      │
//!     ┌────── window: the brick and K rings around it, a row of cells a word ──────┐
//!     │  seeds: the cells of one other part       ring 1, 2 … K: all rows at once, │
//!     │  (again for each part within reach)       by shifts towards 14 neighbours  │
//!     └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # What it computes
//! A part owns the cells that exist in its bricks. The **ring** of a cell about a part is the least number of steps,
//! each to one of the 14 neighbours, from a cell of the part to it: [`Through::Lattice`] counts steps over any points of
//! the lattice, whether a cell exists there or not, [`Through::Cells`] over cells that exist alone. The **ghosts** of
//! a part are the cells of other parts in the rings 1…K; a ghost is a **mirror** to the part that owns it.
//!
//! Everything is said in lattice coordinates of one level, 0…65535 an axis, beyond which nothing lies. What the unit
//! is does not matter, so ghosts of any level of detail are found by giving the bricks of that level.
//!
//! This module is the state machine below the dataflow ([`crate::dataflows::ghost`]). A [`Finder`] finds the ghosts in one
//! brick from what lies around it; [`Zones`] remembers them and tells differences.
//!
//! Where values are kept a brick at a time and all of them change at once, as in a simulation, a join is the wrong tool:
//! a [`Lane`] is the order in which one part's mirrors travel to another, so that nothing but values is sent.
//!
//! # Invariants
//! - The ghost words of a brick are a function of the shapes and parts within [`Rings::reach`] bricks of it.
//! - All differences that were given out add up to the ghosts as they stand at the last update.
//! - A brick without a part is nobody's: its cells are neither ghosts nor seeds, but steps lead through them.
//!
//! # Size
//! 160 bytes a brick and 32 for each word of 64 places with ghosts; the window of a finder has 32 · (4 + K)³ bits or
//! somewhat more.

mod figures;
mod finder;
mod lane;
mod share;
mod window;
mod zones;

pub use figures::{Figures, PartFigures};
pub use finder::Finder;
pub use lane::{Lane, LaneWord, lanes};
pub use share::Share;
pub use zones::Zones;

use crate::brick::{BrickId, Local};
use serde::{Deserialize, Serialize};

/// How many rings of ghosts a part needs: 0…[`Rings::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rings(u32);

impl Rings {
    /// The most rings there can be: a brick and they make a window of 128 cells an axis.
    pub const MAX: u32 = 60;

    /// This many rings, or `None` above [`Rings::MAX`].
    ///
    /// # Example
    /// ```
    /// use octaflow::ghost::Rings;
    /// assert_eq!(Rings::new(9).unwrap().reach(), 2);
    /// assert!(Rings::new(61).is_none());
    /// ```
    pub const fn new(rings: u32) -> Option<Rings> {
        if rings > Rings::MAX {
            return None;
        }
        Some(Rings(rings))
    }

    /// How many they are.
    pub const fn count(self) -> u32 {
        self.0
    }

    /// How many bricks away the rings lead along an axis: a brick has 8 cells of each parity there, and a step leads
    /// to the next at most.
    pub const fn reach(self) -> i32 {
        self.0.div_ceil(8) as i32
    }
}

/// What the steps of rings lead through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Through {
    /// Any point of the lattice.
    #[default]
    Lattice,
    /// Cells that exist.
    Cells,
}

/// Ghosts of one part in one ring: some of 64 cells of a brick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GhostWord {
    /// The brick that the cells lie in.
    pub brick: BrickId,
    /// Which 64 places of it: those with the indices 64 · word and on.
    pub word: u8,
    /// The part that needs the cells.
    pub part: u32,
    /// How many steps they are from that part's own, 1…K.
    pub ring: u8,
    /// The part that owns them.
    pub owner: u32,
    /// The cells, bit `i` for the place 64 · word + i; at least one.
    pub cells: u64,
}

impl GhostWord {
    /// The places of the cells in the brick, ascending.
    pub fn locals(&self) -> impl Iterator<Item = Local> + use<> {
        let (first, mut cells) = (usize::from(self.word) << 6, self.cells);
        std::iter::from_fn(move || {
            let bit = cells.trailing_zeros() as usize;
            cells &= cells.wrapping_sub(1);
            // Without a cell left the bit is 64.
            (bit < 64).then(|| Local::new(first + bit).expect("a brick has 16 words"))
        })
    }

    /// True if the cell at a place of the brick is one of them.
    #[inline]
    pub fn contains(&self, local: Local) -> bool {
        usize::from(self.word) == local.index() >> 6 && self.cells >> (local.index() & 63) & 1 == 1
    }
}
