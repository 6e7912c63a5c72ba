//! Lattice points whose parity is proven.

use super::LatticeError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The 14 steps to a cell's neighbours, in the one fixed order that ties are broken by: first the eight diagonal
/// steps across hexagonal faces, then the six axial steps across square faces.
pub const NEIGHBOURS: [[i32; 3]; 14] = [
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
    [-1, 1, 1],
    [-1, 1, -1],
    [-1, -1, 1],
    [-1, -1, -1],
    [2, 0, 0],
    [-2, 0, 0],
    [0, 2, 0],
    [0, -2, 0],
    [0, 0, 2],
    [0, 0, -2],
];

/// A point of the BCC lattice: three coordinates (lattice units) that are all even or all odd.
///
/// It is serialised as an array of the three, whose parity is proven again where it is read.
///
/// # Example
/// ```
/// use octaflow::lattice::Cell;
/// assert!(Cell::new(1, 3, -5).is_ok());
/// assert!(Cell::new(1, 2, 3).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "[i32; 3]", into = "[i32; 3]")]
pub struct Cell {
    x: i32,
    y: i32,
    z: i32,
}

impl Cell {
    /// The cell at `(x, y, z)` lattice units.
    ///
    /// # Errors
    /// [`LatticeError::MixedParity`] unless the coordinates are all even or all odd.
    #[inline]
    pub const fn new(x: i32, y: i32, z: i32) -> Result<Self, LatticeError> {
        if (x ^ y) & 1 == 0 && (x ^ z) & 1 == 0 {
            Ok(Cell { x, y, z })
        } else {
            Err(LatticeError::MixedParity { x, y, z })
        }
    }

    /// The cell at `(x, y, z)`, whose parity the caller has proven.
    pub(super) const fn proven(x: i32, y: i32, z: i32) -> Self {
        debug_assert!((x ^ y) & 1 == 0 && (x ^ z) & 1 == 0);
        Cell { x, y, z }
    }

    /// The x coordinate in lattice units.
    pub const fn x(self) -> i32 {
        self.x
    }

    /// The y coordinate in lattice units.
    pub const fn y(self) -> i32 {
        self.y
    }

    /// The z coordinate in lattice units.
    pub const fn z(self) -> i32 {
        self.z
    }

    /// The three coordinates in lattice units.
    pub const fn xyz(self) -> [i32; 3] {
        [self.x, self.y, self.z]
    }

    /// True for a cell whose coordinates are all odd.
    pub const fn is_odd(self) -> bool {
        self.x & 1 == 1
    }

    /// The neighbour in direction `direction` (an index into [`NEIGHBOURS`]), or `None` where `i32` ends.
    pub fn neighbour(self, direction: usize) -> Option<Self> {
        let [dx, dy, dz] = NEIGHBOURS[direction];
        Some(Cell {
            x: self.x.checked_add(dx)?,
            y: self.y.checked_add(dy)?,
            z: self.z.checked_add(dz)?,
        })
    }

    /// The up to 14 neighbours in the fixed order.
    pub fn neighbours(self) -> impl Iterator<Item = Cell> {
        (0..NEIGHBOURS.len()).filter_map(move |direction| self.neighbour(direction))
    }
}

impl TryFrom<[i32; 3]> for Cell {
    type Error = LatticeError;

    fn try_from([x, y, z]: [i32; 3]) -> Result<Self, LatticeError> {
        Cell::new(x, y, z)
    }
}

impl From<Cell> for [i32; 3] {
    fn from(cell: Cell) -> Self {
        cell.xyz()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.x, self.y, self.z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_back_only_with_its_parity() {
        let cell = Cell::new(1, 3, -5).unwrap();
        let written = serde_json::to_string(&cell).unwrap();
        assert_eq!(written, "[1,3,-5]");
        assert_eq!(serde_json::from_str::<Cell>(&written).unwrap(), cell);
        let refused = serde_json::from_str::<Cell>("[1,2,3]").unwrap_err();
        assert!(refused.to_string().contains("no lattice point"));
    }
}
