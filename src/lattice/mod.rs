//! The body-centred-cubic lattice: cells, neighbours, metric and frames.
//!
//! A **cell** is a lattice point whose three coordinates are all even or all odd. It has 14 neighbours: eight
//! across hexagonal faces (diagonal steps (±1,±1,±1), length √3) and six across square faces (axial steps of 2).

mod cell;
mod frame;
mod metric;

pub use cell::{Cell, LatticeError, NEIGHBOURS};
pub use frame::{Frame, FrameError};
pub use metric::{
    AXIAL_BASE, DIAGONAL_BASE, TICKS_PER_CELL_SIZE, UNIT_COST, UNREACHED, axial_half,
    diagonal_half, distance_m,
};
