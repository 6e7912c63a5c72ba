//! Where a cell lies: its brick, and its place inside the brick.

use super::{BRICK_CELLS, BRICK_UNITS};
use crate::lattice::Cell;

/// A brick, as the 36 bits that its cells' Index64 share: the Morton code of its coordinates, 12 bits an axis.
///
/// Bricks in ascending order hold cells in ascending Index64 order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
            .then(|| BrickId(spread(x as u64) | spread(y as u64) << 1 | spread(z as u64) << 2))
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
        [
            gather(self.0) as i32,
            gather(self.0 >> 1) as i32,
            gather(self.0 >> 2) as i32,
        ]
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

    /// The cell at `local` in this brick.
    pub fn cell(self, local: Local) -> Cell {
        let corner = self.xyz();
        let units = local.units();
        let [x, y, z] = std::array::from_fn(|a| corner[a] * BRICK_UNITS + units[a]);
        Cell::new(x, y, z).expect("a brick's places are lattice points")
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

    const fn of_units(x: i32, y: i32, z: i32) -> Self {
        Local(((x & 1) << 9 | (z >> 1) << 6 | (y >> 1) << 3 | x >> 1) as u16)
    }
}

/// The places of a brick in ascending Index64 order: entry `r` is the place with the `r`-th smallest identifier.
pub static LOCAL_BY_INDEX: [Local; BRICK_CELLS] = local_by_index();

const fn local_by_index() -> [Local; BRICK_CELLS] {
    let mut order = [Local(0); BRICK_CELLS];
    let (mut code, mut rank) = (0u32, 0);
    while code < 4096 {
        let (x, y, z) = (axis4(code), axis4(code >> 1), axis4(code >> 2));
        if (x ^ y) & 1 == 0 && (x ^ z) & 1 == 0 {
            order[rank] = Local::of_units(x, y, z);
            rank += 1;
        }
        code += 1;
    }
    order
}

/// Every third of the twelve low bits.
const fn axis4(code: u32) -> i32 {
    (code & 1 | code >> 2 & 2 | code >> 4 & 4 | code >> 6 & 8) as i32
}

/// Puts two zero bits between each of the low 12 bits.
const fn spread(v: u64) -> u64 {
    let v = (v | v << 16) & 0xff00_00ff;
    let v = (v | v << 8) & 0xf0_0f00_f00f;
    let v = (v | v << 4) & 0xc30_c30c_30c3;
    (v | v << 2) & 0x249_2492_4924_9249
}

/// Takes every third bit: undoes `spread`.
const fn gather(v: u64) -> u64 {
    let v = v & 0x249_2492_4924_9249;
    let v = (v | v >> 2) & 0xc30_c30c_30c3;
    let v = (v | v >> 4) & 0xf0_0f00_f00f;
    let v = (v | v >> 8) & 0xff00_00ff;
    (v | v >> 16) & 0xfff
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
            }
        }
        assert_eq!(BrickId::new(4096, 0, 0), None);
        assert_eq!(BrickId::from_code(1 << 36), None);
    }
}
