//! Bricks: blocks of 16³ lattice units, 1024 cells each, the unit of ownership, storage and scheduling.

mod coarser;
mod id;
mod map;
mod planes;

pub use coarser::{FEWEST_OPEN_CHILDREN, coarse_cost};
pub use id::{BrickId, LOCAL_BY_INDEX, Local};
pub use map::CellMap;
pub use planes::Planes;
pub(crate) use planes::{FIRST_OF_ROWS, compress};

/// How many cells a brick has: 512 even and 512 odd ones.
pub const BRICK_CELLS: usize = 1024;

/// How many lattice units a brick spans along an axis.
pub const BRICK_UNITS: i32 = 16;

/// The stored costs of a brick's cells, indexed by [`Local`]; 0 is blocked (or not in the map).
pub type Costs = [u16; BRICK_CELLS];
