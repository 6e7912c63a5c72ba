//! Tallies: what points, rays, maps and terrain say of cells, added up; and what a cell is then.
//!
//! ```text
//! points counted, attributes summed ─┐
//! cells seen to be free ─────────────┼─► Tallies ─ Rule ─► known cells and costs of a brick
//! costs given by maps and terrain ───┘      ▲                        │
//!                                           └── eight children a cell ┘ the next coarser level
//! ```
//!
//! All that is kept of points adds up: counts, exact sums, sets of cells. So a tally is the same bits in whatever order
//! and on however many workers it is taken, and a new scan is added to what a former run kept.

mod background;
mod judge;
mod level;
mod record;
mod sum;
mod tallies;
mod telling;

pub use background::CellBox;
pub use judge::{CellState, Judged, Judging, Rule};
pub use level::{Added, add_differences, add_to_parents, owner_at};
pub use record::TallyRecord;
pub use sum::Sum;
pub use tallies::{BrickTally, Children, Counted, Tallies};
