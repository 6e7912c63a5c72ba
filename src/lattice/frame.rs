//! Frames: where the lattice lies in the world, in metres, and how fine it is.

use super::{Cell, Header};
use std::fmt;

/// Places the lattice in the world: `position = origin + lattice · cell_size / 2`, all in metres. The frame of a map
/// that was coarsened has a lower level of detail and a cell size that has doubled with each level; its identifiers
/// carry that level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    origin_m: [f64; 3],
    cell_size_m: f64,
    lod: u8,
}

/// The greatest cell size in metres: positions and distances stay finite.
const MOST_CELL_SIZE_M: f64 = 1e100;

impl Frame {
    /// A frame of the finest level of detail whose cell (0, 0, 0) lies at `origin_m` and whose axial neighbours are `cell_size_m` apart.
    ///
    /// # Errors
    /// [`FrameError::CellSize`] unless the cell size is above 0 and at most 10¹⁰⁰, [`FrameError::Origin`] unless the origin
    /// is finite.
    pub fn new(origin_m: [f64; 3], cell_size_m: f64) -> Result<Self, FrameError> {
        if !(cell_size_m > 0.0 && cell_size_m <= MOST_CELL_SIZE_M) {
            return Err(FrameError::CellSize(cell_size_m));
        }
        if !origin_m.iter().all(|c| c.is_finite()) {
            return Err(FrameError::Origin(origin_m));
        }
        Ok(Frame {
            origin_m,
            cell_size_m,
            lod: Header::CELL.lod,
        })
    }

    /// The frame of the lattice twice as coarse: the same origin, cells of twice the size, one level of detail down;
    /// `None` at level 0, or where the cell size would be infinite.
    pub fn coarser(&self) -> Option<Self> {
        let cell_size_m = self.cell_size_m * 2.0;
        Some(Frame {
            lod: self.lod.checked_sub(1)?,
            cell_size_m: Some(cell_size_m).filter(|size| size.is_finite())?,
            ..*self
        })
    }

    /// The same frame, its cells those of level of detail `lod`, 0…15, whatever their size.
    ///
    /// # Panics
    /// If the level is above 15.
    pub fn at_lod(self, lod: u8) -> Self {
        assert!(lod <= Header::CELL.lod, "levels of detail are 0…15");
        Frame { lod, ..self }
    }

    /// The level of detail of the cells, 0…15: 15 is the finest.
    pub fn lod(&self) -> u8 {
        self.lod
    }

    /// The position of cell (0, 0, 0), in metres.
    pub fn origin_m(&self) -> [f64; 3] {
        self.origin_m
    }

    /// The spacing of axial neighbours, in metres.
    pub fn cell_size_m(&self) -> f64 {
        self.cell_size_m
    }

    /// The position of `cell`, in metres.
    pub fn position_m(&self, cell: Cell) -> [f64; 3] {
        let lattice = cell.xyz();
        std::array::from_fn(|a| self.origin_m[a] + f64::from(lattice[a]) * (self.cell_size_m / 2.0))
    }

    /// The lattice point nearest to a position in metres; at equal distance the even one, then the one of least
    /// x, then y, then z. The position is taken in lattice units as `(position − origin) · 2 / cell_size` in `f64`.
    ///
    /// # Errors
    /// [`FrameError::Position`] if a coordinate is not finite, [`FrameError::Range`] if the lattice point has a
    /// coordinate outside 0…65535.
    pub fn snap(&self, position_m: [f64; 3]) -> Result<Cell, FrameError> {
        let u = self.lattice_units(position_m)?;
        let even = u.map(nearest_even);
        // The odd point lies on the same side of the even one as the position on each axis.
        let off: [f64; 3] = std::array::from_fn(|a| u[a] - even[a]);
        let nearest = if is_beyond_hexagon(off.map(f64::abs)) {
            std::array::from_fn(|a| even[a] + if off[a] > 0.0 { 1.0 } else { -1.0 })
        } else {
            even
        };
        self.cell_in_range(nearest, position_m)
    }

    /// The even cell of the voxel whose centre is nearest to a position in metres; at equal distance the one of
    /// least x, then y, then z.
    ///
    /// # Errors
    /// As [`Frame::snap`].
    pub fn snap_voxel(&self, position_m: [f64; 3]) -> Result<Cell, FrameError> {
        let u = self.lattice_units(position_m)?;
        self.cell_in_range(u.map(nearest_even), position_m)
    }

    /// The position in lattice units: the one place where it is rounded, to `f64`. All after it is exact.
    ///
    /// # Errors
    /// [`FrameError::Position`] if a coordinate is not finite.
    pub fn lattice_units(&self, position_m: [f64; 3]) -> Result<[f64; 3], FrameError> {
        if !position_m.iter().all(|c| c.is_finite()) {
            return Err(FrameError::Position(position_m));
        }
        Ok(std::array::from_fn(|a| {
            (position_m[a] - self.origin_m[a]) * 2.0 / self.cell_size_m
        }))
    }

    fn cell_in_range(&self, lattice: [f64; 3], position_m: [f64; 3]) -> Result<Cell, FrameError> {
        if lattice.iter().all(|&c| (0.0..=65535.0).contains(&c)) {
            let [x, y, z] = lattice.map(|c| c as i32);
            Ok(Cell::new(x, y, z).expect("snapping keeps the parity"))
        } else {
            Err(FrameError::Range(position_m))
        }
    }
}

/// The even integer nearest to `c`, the lesser of two.
fn nearest_even(c: f64) -> f64 {
    let below = 2.0 * (c / 2.0).floor();
    if c > below + 1.0 { below + 2.0 } else { below }
}

/// True if a point `off` an even lattice point (0…1 an axis) is nearer to the odd one at (1, 1, 1): beyond the plane
/// `x + y + z = 3/2` between them. Exact: each side of `x + y > 3/2 − z` is a sum and what rounding took from it.
fn is_beyond_hexagon([x, y, z]: [f64; 3]) -> bool {
    let exact_sum = |a: f64, b: f64| {
        let sum = a + b;
        let b_in_sum = sum - a;
        (sum, (a - (sum - b_in_sum)) + (b - b_in_sum))
    };
    let (left, right) = (exact_sum(x, y), exact_sum(1.5, -z));
    left.0 > right.0 || left.0 == right.0 && left.1 > right.1
}

/// Why a frame or a position is unusable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FrameError {
    /// The cell size is not above 0 and at most 10¹⁰⁰ metres.
    CellSize(f64),
    /// The origin has a coordinate that is not finite.
    Origin([f64; 3]),
    /// The position has a coordinate that is not finite.
    Position([f64; 3]),
    /// The position lies outside the lattice coordinates 0…65535.
    Range([f64; 3]),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::CellSize(size) => {
                write!(
                    f,
                    "the cell size {size:e} must be above 0 and at most 1e100 metres"
                )
            }
            FrameError::Origin([x, y, z]) => {
                write!(f, "the origin {x},{y},{z} must have finite coordinates")
            }
            FrameError::Position([x, y, z]) => {
                write!(f, "the position {x},{y},{z} must have finite coordinates")
            }
            FrameError::Range([x, y, z]) => write!(
                f,
                "the position {},{},{} lies outside the lattice coordinates 0…65535 of this frame (see --origin)",
                Legible(*x),
                Legible(*y),
                Legible(*z)
            ),
        }
    }
}

impl std::error::Error for FrameError {}

/// A number for a message: with a power of ten where it would have more digits than anybody reads.
pub(crate) struct Legible(pub f64);

impl fmt::Display for Legible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (1e-6..1e15).contains(&size) {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

#[cfg(test)]
mod tests;
