//! From raw data to tallies of cells: scans of points, terrain, maps, and the result of an earlier run.
//!
//! ```text
//! Points ─ nearest cell ─┬─ counted, attributes summed ─┐
//! sensors ─ rays ────────┴─ cells seen to be free ──────┤
//! Terrain, Layer (a map) ─ costs given ─────────────────┼─► Tallies ─► cells/, tallies/
//! Stored (an earlier result) ───────────────────────────┘
//! ```

mod layer;
mod names;
mod place;
mod ray;
mod scan;
mod stored;
mod terrain;

pub use layer::{Closed, Layer};
pub use names::column_names;
pub use place::{Bounds, default_origin};
pub use ray::walk;
pub use scan::{Count, Scan, Sensor, Shelves};
pub use stored::{Facts, Stored, Whose, add_tallies};
pub use terrain::Terrain;
