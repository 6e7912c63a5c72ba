//! Sets of cells of one brick, a bit each.

use super::{Costs, Local};
use serde::{Deserialize, Serialize};

/// A set of cells of one brick: bit `8 · j + i` of word `[parity][k]` is the cell at [`Local`]
/// `parity · 512 + k · 64 + j · 8 + i`, so that the bits in order are the places in order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Planes(pub [[u64; 8]; 2]);

/// The bits with i = 0.
pub(crate) const FIRST_OF_ROWS: u64 = 0x0101_0101_0101_0101;

impl Planes {
    /// No cell.
    pub const NONE: Planes = Planes([[0; 8]; 2]);

    /// All cells.
    pub const ALL: Planes = Planes([[!0; 8]; 2]);

    /// The cells with a cost above 0.
    pub fn open(costs: &Costs) -> Planes {
        if costs.iter().fold(true, |all, &cost| all & (cost > 0)) {
            return Planes::ALL;
        }
        let (mut planes, (cells, _)) = (Planes::NONE, costs.as_chunks());
        for (plane, cells) in planes.0.as_flattened_mut().iter_mut().zip(cells) {
            *plane = open_plane(cells);
        }
        planes
    }

    /// True if the cell at `local` is in the set.
    #[inline]
    pub fn contains(&self, local: Local) -> bool {
        self.0.as_flattened()[local.index() >> 6] >> (local.index() & 63) & 1 == 1
    }

    /// Adds the cell at `local`, or takes it out.
    #[inline]
    pub fn set(&mut self, local: Local, is_in: bool) {
        let word = &mut self.0.as_flattened_mut()[local.index() >> 6];
        let bit = local.index() & 63;
        *word = *word & !(1 << bit) | u64::from(is_in) << bit;
    }

    /// How many cells are in the set.
    pub fn count(&self) -> u32 {
        let words = self.0.as_flattened().iter();
        words.map(|word| word.count_ones()).sum()
    }

    /// True if no cell is in the set.
    pub fn is_empty(&self) -> bool {
        *self == Planes::NONE
    }
}

/// The open ones of 64 cells, a bit each.
///
/// By way of a byte each, which the compiler turns into vectors: measured four times as fast as a bit at a time.
fn open_plane(costs: &[u16; 64]) -> u64 {
    let bytes = costs.map(|cost| u8::from(cost > 0));
    (0..8).fold(0, |plane, j| {
        let row = u64::from_le_bytes(std::array::from_fn(|i| bytes[8 * j + i]));
        plane | compress(row) << (8 * j)
    })
}

/// Every eighth bit, side by side.
#[inline]
pub(crate) const fn compress(bits: u64) -> u64 {
    // Each product bit 56 + n collects bit 8n.
    (bits & FIRST_OF_ROWS).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
