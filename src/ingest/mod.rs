//! From raw data to cells: what points, rays, maps and terrain say of each cell, and what a cell is then.
//!
//! ```text
//! points ─ nearest cell ─┬─ counted, attributes summed ─┐
//! sensors ─ rays ────────┴─ cells seen to be free ──────┤                 ┌─ costs ─ cells/lod=15
//! maps, terrain ─ costs given ──────────────────────────┴─► Tallies ─ Rule ┤
//!                                                                         └─ eight children a cell ─ cells/lod=14 …
//! ```
//!
//! All that is kept of points adds up: counts, exact sums, sets of cells. So a tally is the same bits in whatever order
//! and on however many workers it is taken, and a new scan is added to what a former run kept.

mod background;
mod layer;
mod level;
mod names;
mod place;
mod ray;
mod record;
mod scan;
mod stored;
mod sum;
mod tally;
mod terrain;

pub use background::CellBox;
pub use layer::Layer;
pub use level::{add_to_parents, owner_at};
pub use names::column_names;
pub use place::{Bounds, default_origin};
pub use ray::walk;
pub use record::TallyRecord;
pub use scan::{Count, Scan, Sensor, Shelves};
pub use stored::{Facts, Stored};
pub use sum::Sum;
pub use tally::{BrickTally, CellState, Children, Counted, Judged, Rule, Tallies, judge_children};
pub use terrain::Terrain;
