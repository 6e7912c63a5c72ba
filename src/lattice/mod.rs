//! The body-centred-cubic lattice: cells, neighbours, hierarchy, identifiers, curves, metric and frames.
//!
//! A **cell** is a lattice point whose three coordinates are all even or all odd. It has 14 neighbours: eight
//! across hexagonal faces (diagonal steps (±1,±1,±1), length √3) and six across square faces (axial steps of 2).
//!
//! | identifier | bits | coordinates | order | text |
//! |---|---|---|---|---|
//! | [`Index64`] | 64 | 0…65535 | Morton curve | `i3d11…` |
//! | [`Hilbert64`] | 64 | 0…65535 | Hilbert curve | `h3d11…` |
//! | [`Route64`] | 64 | −524288…524287 | tier, x, y, z | `r3d11…` |
//! | [`Galactic128`] | 128 | 32 bits, signed | fields, then x, y, z | `g3d11…` |

mod cell;
mod error;
mod frame;
mod galactic128;
mod header;
mod hierarchy;
mod hilbert;
mod hilbert64;
mod index64;
mod metric;
mod morton;
mod route64;
mod text;

pub use cell::{Cell, NEIGHBOURS};
pub use error::{LatticeError, TextError};
pub(crate) use frame::Legible;
pub use frame::{Frame, FrameError};
pub use galactic128::{Galactic128, GalacticHeader};
pub use header::Header;
pub use hierarchy::CHILDREN;
pub use hilbert::{gray_of_morton, hilbert_decode, hilbert_encode, morton_of_gray};
pub use hilbert64::Hilbert64;
pub use index64::Index64;
pub(crate) use metric::Norm;
pub use metric::{
    AXIAL_BASE, DIAGONAL_BASE, TICKS_PER_CELL_SIZE, UNIT_COST, UNREACHED, axial_half,
    diagonal_half, distance_m, free_distance_ticks,
};
pub use morton::{morton_decode, morton_encode};
pub use route64::Route64;

#[cfg(test)]
mod tests;
