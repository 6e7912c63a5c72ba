//! Borders: where pieces of two neighbouring bricks touch.
//!
//! Two bricks are a pair in one of seven directions upwards, from the **lower** brick to the **upper** one; a step
//! between them leads, counted in cells of a parity (see [`crate::engine::shell`]),
//!
//! ```text
//!  lower brick │ upper brick
//!     even (7) ├ even (0)          along the axis, across faces only: same place in the layer
//!      odd (7) ├ odd (0)           the same
//!      odd (7) ├ even (0)          diagonally: same place or one up on each free axis
//! ```
//!
//! and never from an even cell below to an odd one above. So what a piece of the lower brick can touch is a set of
//! cells in the upper brick's lowest layer, and what a piece of the upper brick offers is its cells there: the two
//! **borders**, of one shape. The pieces touch if the borders meet.

use super::planes::{Pieces, up};
use crate::brick::{Local, Planes};
use crate::engine::shell::DIRECTIONS;
use serde::{Deserialize, Serialize};

/// The directions upwards, as numbers in [`DIRECTIONS`]: three faces, three edges, a corner.
pub(super) const UPWARD: [usize; 7] = [0, 2, 4, 6, 7, 8, 12];

/// Cells in the lowest layer of the upper brick of a pair, by parity: for its own pieces those that they have, for
/// pieces of the lower brick those that they are beside. Odd ones matter across faces alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Border {
    /// Even cells: bit `u + 8 · v` of a face, bit `u` of an edge, bit 0 of a corner.
    pub even: u64,
    /// Odd cells, in the same order; 0 unless the pair shares a face.
    pub odd: u64,
}

impl Border {
    /// What cells of the lower brick of a pair are beside, in the direction numbered `upward` in [`UPWARD`].
    pub(super) fn of_lower(cells: &Planes, upward: usize) -> Border {
        let at = fixed(upward, 7);
        let odd = cells.layer(1, at);
        match upward {
            0..3 => Border {
                even: cells.layer(0, at) | up(odd),
                odd,
            },
            3..6 => Border {
                even: up(odd) & 0xff,
                odd: 0,
            },
            _ => Border { even: odd, odd: 0 },
        }
    }

    /// What cells of the upper brick of a pair offer.
    pub(super) fn of_upper(cells: &Planes, upward: usize) -> Border {
        let at = fixed(upward, 0);
        Border {
            even: cells.layer(0, at),
            odd: if upward < 3 { cells.layer(1, at) } else { 0 },
        }
    }

    /// True if nothing can be touched here.
    pub fn is_empty(self) -> bool {
        self.even | self.odd == 0
    }

    /// True if the piece of the lower brick and the piece of the upper brick, whose borders these are, touch.
    pub fn meets(self, other: Border) -> bool {
        self.even & other.even | self.odd & other.odd != 0
    }
}

/// The layers at `side` on the axes along which a direction leads.
fn fixed(upward: usize, side: u32) -> [Option<u32>; 3] {
    DIRECTIONS[UPWARD[upward]].map(|step| (step == 1).then_some(side))
}

/// The place in the upper brick of a cell of a border: bit `bit` of those of a parity.
pub(super) fn layer_place(parity: usize, bit: u32, upward: usize) -> Local {
    let mut free = [bit & 7, bit >> 3].into_iter();
    let at = fixed(upward, 0).map(|side| {
        side.or_else(|| free.next())
            .expect("at most two axes are free")
    });
    let [i, j, k] = at.map(|c| c as usize);
    Local::new(parity << 9 | k << 6 | j << 3 | i).expect("a place")
}

/// The even cells in the border of a pair over an edge or corner that need no contact of their own, found by what
/// lies in the brick one step down from the upper brick along `axis`.
///
/// The cell one axial step down from such a border cell lies in that brick and, like the border cell, is beside each
/// odd cell of the lower brick that is beside the border cell. Where it is open, the two bricks of the pair are joined
/// through it: by contacts across fewer axes, which are found in turn.
pub(super) fn joined_through(between: &Planes, upward: usize, axis: usize) -> u64 {
    let mut at = fixed(upward, 0);
    at[axis] = Some(7);
    between.layer(0, at)
}

/// Calls `found` with the numbers of each piece of the lower brick and each of the upper brick that touch it, in
/// ascending order.
pub(super) fn contacts(
    lower: &Pieces,
    upper: &Pieces,
    upward: usize,
    mut found: impl FnMut(u16, u16),
) {
    if let (Pieces::Whole, Pieces::Whole) = (lower, upper) {
        return found(0, 0);
    }
    let mut meet = |uppers: &[Border]| {
        for (a, piece) in lower.as_slice().iter().enumerate() {
            let border = Border::of_lower(piece, upward);
            for (b, _) in uppers.iter().enumerate().filter(|(_, u)| u.meets(border)) {
                found(a as u16, b as u16);
            }
        }
    };
    match upper.as_slice() {
        [one] => meet(&[Border::of_upper(one, upward)]),
        several => {
            let uppers = several.iter().map(|piece| Border::of_upper(piece, upward));
            meet(&uppers.collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::planes::tests::{contains, scattered};
    use super::*;
    use crate::brick::{BRICK_CELLS, BrickId, Local};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn piece_of(pieces: &[Planes], local: Local) -> Option<u16> {
        let piece = pieces
            .iter()
            .position(|piece| contains(piece, local.index()))?;
        Some(piece as u16)
    }

    proptest! {
        #[test]
        fn contacts_are_the_steps_of_the_lattice(
            seeds in any::<[u64; 2]>(), percents in [0..=100u64, 0..=100u64], upward in 0..7usize,
        ) {
            let brick = BrickId::new(7, 7, 7).unwrap();
            let beside = brick.offset(DIRECTIONS[UPWARD[upward]]).unwrap();
            let [lower, upper] = [0, 1].map(|n| {
                Pieces::of(Planes::open(&scattered(seeds[n], percents[n])))
            });
            let mut expected = BTreeSet::new();
            for local in (0..BRICK_CELLS).filter_map(Local::new) {
                let Some(a) = piece_of(lower.as_slice(), local) else { continue };
                for cell in brick.cell(local).neighbours() {
                    let (there, local) = BrickId::locate(cell).unwrap();
                    if there == beside && let Some(b) = piece_of(upper.as_slice(), local) {
                        expected.insert((a, b));
                    }
                }
            }
            let mut found = Vec::new();
            contacts(&lower, &upper, upward, |a, b| found.push((a, b)));
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
