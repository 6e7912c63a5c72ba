//! Where a cell lies: its brick, and its place inside the brick.

use super::{BRICK_CELLS, BRICK_UNITS};
use crate::lattice::{Cell, Header, Index64, morton_decode, morton_encode};
use serde::{Deserialize, Serialize};

/// A brick, as the 36 bits that its cells' Index64 share: the Morton code of its coordinates, 12 bits an axis.
///
/// Bricks in ascending order hold cells in ascending Index64 order. A brick is serialised as its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BrickId(u64);

impl BrickId {
    /// How many bits a brick id has.
    pub const BITS: u32 = 36;

    /// How many bricks the lattice coordinates 0…65535 hold along an axis.
    pub const AXIS: i32 = 4096;

    /// The brick with brick coordinates `(x, y, z)`, or `None` outside 0…4095.
    pub fn new(x: i32, y: i32, z: i32) -> Option<Self> {
        let inside = |c: i32| (0..Self::AXIS).contains(&c);
        (inside(x) && inside(y) && inside(z))
            .then(|| BrickId(morton_encode([x as u16, y as u16, z as u16])))
    }

    /// The brick whose Morton code is `code`, or `None` above 36 bits.
    pub fn from_code(code: u64) -> Option<Self> {
        (code >> Self::BITS == 0).then_some(BrickId(code))
    }

    /// The Morton code: bits 12…47 of the Index64 of the brick's cells.
    pub const fn code(self) -> u64 {
        self.0
    }

    /// The brick coordinates, each 0…4095; the brick spans lattice units `16 · c … 16 · c + 15`.
    pub fn xyz(self) -> [i32; 3] {
        morton_decode(self.0).map(i32::from)
    }

    /// The brick `step` bricks away, or `None` outside the range.
    pub fn offset(self, step: [i32; 3]) -> Option<Self> {
        let [x, y, z] = self.xyz();
        BrickId::new(x + step[0], y + step[1], z + step[2])
    }

    /// The brick and the place in it of a cell, or `None` if a coordinate lies outside 0…65535.
    pub fn locate(cell: Cell) -> Option<(Self, Local)> {
        let [x, y, z] = cell.xyz();
        let brick = BrickId::new(
            x.div_euclid(BRICK_UNITS),
            y.div_euclid(BRICK_UNITS),
            z.div_euclid(BRICK_UNITS),
        )?;
        Some((
            brick,
            Local::of_units(
                x.rem_euclid(BRICK_UNITS),
                y.rem_euclid(BRICK_UNITS),
                z.rem_euclid(BRICK_UNITS),
            ),
        ))
    }

    /// The brick and the place in it of a map's cell by its identifier, or `None` for a key of another tier, frame
    /// or level.
    pub fn locate_index64(id: Index64) -> Option<(Self, Local)> {
        (id.header() == Header::CELL)
            .then(|| (BrickId(id.morton() >> 12), Local::of_morton(id.morton())))
    }

    /// The identifier of the cell at `local` in this brick: the brick's 36 bits before the place's 12.
    #[inline]
    pub fn index64(self, local: Local) -> Index64 {
        Index64::of_morton(self.0 << 12 | u64::from(MORTON_BY_LOCAL[local.index()]))
    }

    /// The cell at `local` in this brick.
    pub fn cell(self, local: Local) -> Cell {
        let corner = self.xyz();
        let units = local.units();
        let [x, y, z] = std::array::from_fn(|a| corner[a] * BRICK_UNITS + units[a]);
        Cell::new(x, y, z).expect("a brick's places are lattice points")
    }
}

impl TryFrom<u64> for BrickId {
    type Error = String;

    fn try_from(code: u64) -> Result<Self, String> {
        let brick = BrickId::from_code(code);
        brick.ok_or_else(|| format!("{code} is no brick's code: it must be below 2^36"))
    }
}

impl From<BrickId> for u64 {
    fn from(brick: BrickId) -> u64 {
        brick.code()
    }
}

/// A cell's place inside its brick: `parity · 512 + k · 64 + j · 8 + i`, where the cell lies
/// `(2i + parity, 2j + parity, 2k + parity)` lattice units from the brick's corner. A row along x is eight
/// consecutive places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local(u16);

impl Local {
    /// The place with index `index`, or `None` from 1024 on.
    pub fn new(index: usize) -> Option<Self> {
        (index < BRICK_CELLS).then_some(Local(index as u16))
    }

    /// The place of a cell in its brick, wherever that lies.
    #[inline]
    pub(crate) fn of_cell(cell: Cell) -> Self {
        let [x, y, z] = cell.xyz().map(|c| c & (BRICK_UNITS - 1));
        Local::of_units(x, y, z)
    }

    /// The index, 0…1023.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The offset from the brick's corner, in lattice units, each 0…15 and all of one parity.
    pub fn units(self) -> [i32; 3] {
        let l = i32::from(self.0);
        let parity = l >> 9;
        [
            2 * (l & 7) + parity,
            2 * (l >> 3 & 7) + parity,
            2 * (l >> 6 & 7) + parity,
        ]
    }

    /// The place with the Morton code in the 12 low bits, whose parity the caller has proven.
    const fn of_morton(code: u64) -> Self {
        let [x, y, z] = morton_decode(code & 0xfff);
        Local::of_units(x as i32, y as i32, z as i32)
    }

    /// The place at an offset from the brick's corner, each 0…15 and all of one parity.
    pub(crate) const fn of_units(x: i32, y: i32, z: i32) -> Self {
        Local(((x & 1) << 9 | (z >> 1) << 6 | (y >> 1) << 3 | x >> 1) as u16)
    }
}

/// The places of a brick in ascending Index64 order: entry `r` is the place with the `r`-th smallest identifier.
pub static LOCAL_BY_INDEX: [Local; BRICK_CELLS] = local_orders().0;

/// The 12 low bits of the Index64 of each place.
static MORTON_BY_LOCAL: [u16; BRICK_CELLS] = local_orders().1;

const fn local_orders() -> ([Local; BRICK_CELLS], [u16; BRICK_CELLS]) {
    let (mut by_index, mut morton) = ([Local(0); BRICK_CELLS], [0; BRICK_CELLS]);
    let (mut code, mut rank) = (0, 0);
    while code < 4096 {
        if code & 7 == 0 || code & 7 == 7 {
            let local = Local::of_morton(code);
            by_index[rank] = local;
            morton[local.index()] = code as u16;
            rank += 1;
        }
        code += 1;
    }
    (by_index, morton)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bricks_and_places_round_trip_in_identifier_order() {
        for corner in [[0, 0, 0], [1, 2, 3], [4095, 0, 77], [4095, 4095, 4095]] {
            let brick = BrickId::new(corner[0], corner[1], corner[2]).unwrap();
            assert_eq!(brick.xyz(), corner);
            for local in LOCAL_BY_INDEX {
                assert_eq!(BrickId::locate(brick.cell(local)), Some((brick, local)));
                let id = brick.index64(local);
                assert_eq!(Ok(id), Index64::of_cell(brick.cell(local)));
                assert_eq!(BrickId::locate_index64(id), Some((brick, local)));
            }
            assert!(LOCAL_BY_INDEX.is_sorted_by_key(|&local| brick.index64(local)));
        }
        assert_eq!(BrickId::new(4096, 0, 0), None);
        assert_eq!(BrickId::from_code(1 << 36), None);
    }
}
