//! The tile: a brick and its shell side by side, padded so that every row has its neighbours at fixed offsets.
//!
//! Rows are eight cells along x. In each parity's plane, row `(j, k)` starts at `(k + 1) · 160 + (j + 1) · 16 + 4`;
//! ghosts lie at −1 and 8 on each axis. A tile holds *sums* (distance + half of the step's weight), for that is what
//! a neighbour reads, and the halves of its own cells; distances stay in the brick.

use super::shell::{self, GHOSTS, SUM_WORDS};
use crate::brick::{BRICK_CELLS, Costs};
use crate::lattice::{AXIAL_BASE, DIAGONAL_BASE, UNREACHED};

/// Eight cells of a row.
pub(super) type Lanes = [u32; 8];

/// The distances, in ticks, of a brick's cells.
pub type Ticks = [u32; BRICK_CELLS];

/// A label that no source has: the label of unreached cells.
pub const NO_LABEL: u32 = u32::MAX;

const ROW: usize = 16;
const LAYER: usize = 10 * ROW;
const PLANE: usize = 10 * LAYER;
const FIRST: usize = LAYER + ROW + 4;

/// A padded array over both parities.
pub(super) type Padded = [u32; 2 * PLANE];

/// See the module's description.
pub(super) struct Tile {
    /// Distance + half of a diagonal step; [`UNREACHED`] for what is unreached, blocked or not there.
    pub diagonal: Padded,
    /// Distance + half of an axial step.
    pub axial: Padded,
    /// Halves of diagonal steps; [`UNREACHED`] for blocked cells, so that nothing reaches them.
    pub diagonal_half: Ticks,
    /// Halves of axial steps, likewise.
    pub axial_half: Ticks,
    /// The distance that a source offers its cell: 0, or [`UNREACHED`] elsewhere.
    pub seed: Ticks,
}

/// The offset of the padded row of `parity` with row number `row` (`k · 8 + j`).
#[inline(always)]
pub(super) fn padded_row(parity: usize, row: usize) -> usize {
    parity * PLANE + (row >> 3) * LAYER + (row & 7) * ROW + FIRST
}

/// The padded offset of a ghost or cell at `position` (each −1…8).
pub(super) const fn padded(parity: usize, position: [i32; 3]) -> usize {
    let [i, j, k] = position;
    (parity * PLANE + FIRST)
        .wrapping_add_signed(k as isize * LAYER as isize + j as isize * ROW as isize + i as isize)
}

/// A cell's half of a step, with the wall that a blocked cell is.
#[inline(always)]
fn half(base: u32, cost: u16) -> u32 {
    if cost == 0 {
        UNREACHED
    } else {
        (base * u32::from(cost)) >> 8
    }
}

/// Distance + half; finite sums are kept below [`UNREACHED`], whatever the half.
#[inline(always)]
pub(super) fn sum(ticks: u32, half: u32) -> u32 {
    if ticks == UNREACHED {
        UNREACHED
    } else {
        (ticks + half).min(UNREACHED - 1)
    }
}

/// The diagonal and the axial sum of a cell.
#[inline(always)]
pub(super) fn sums(ticks: u32, cost: u16) -> (u32, u32) {
    (
        sum(ticks, half(DIAGONAL_BASE, cost)),
        sum(ticks, half(AXIAL_BASE, cost)),
    )
}

#[inline(always)]
pub(super) fn lanes<const N: usize>(from: &[u32; N], at: usize) -> Lanes {
    from[at..at + 8].try_into().expect("eight lanes")
}

#[inline(always)]
pub(super) fn min(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i].min(b[i]))
}

#[inline(always)]
pub(super) fn add(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i].wrapping_add(b[i]))
}

#[inline(always)]
pub(super) fn any(differ: [bool; 8]) -> bool {
    differ.iter().fold(false, |any, d| any | d)
}

/// The six axial neighbours' values of the row at padded offset `at`.
#[inline(always)]
pub(super) fn axial_neighbours(from: &Padded, at: usize) -> [Lanes; 6] {
    let window: &[u32; 2 * LAYER + 8] = from[at - LAYER..at + LAYER + 8].try_into().expect("fits");
    [
        lanes(window, LAYER + 1),
        lanes(window, LAYER - 1),
        lanes(window, LAYER + ROW),
        lanes(window, LAYER - ROW),
        lanes(window, 2 * LAYER),
        lanes(window, 0),
    ]
}

/// The eight diagonal neighbours' values of the row of parity `P` at padded offset `at`.
#[inline(always)]
pub(super) fn diagonal_neighbours<const P: usize>(from: &Padded, at: usize) -> [Lanes; 8] {
    let start = if P == 0 {
        at + PLANE - LAYER - ROW - 1
    } else {
        at - PLANE
    };
    let window: &[u32; LAYER + ROW + 9] = from[start..start + LAYER + ROW + 9]
        .try_into()
        .expect("fits");
    [
        lanes(window, 0),
        lanes(window, 1),
        lanes(window, ROW),
        lanes(window, ROW + 1),
        lanes(window, LAYER),
        lanes(window, LAYER + 1),
        lanes(window, LAYER + ROW),
        lanes(window, LAYER + ROW + 1),
    ]
}

impl Tile {
    /// A tile of nothing.
    pub fn new() -> Box<Self> {
        Box::new(Tile {
            diagonal: [UNREACHED; 2 * PLANE],
            axial: [UNREACHED; 2 * PLANE],
            diagonal_half: [UNREACHED; BRICK_CELLS],
            axial_half: [UNREACHED; BRICK_CELLS],
            seed: [UNREACHED; BRICK_CELLS],
        })
    }

    /// Takes in a brick and its shell.
    #[inline(always)]
    pub fn load(&mut self, costs: &Costs, ticks: &Ticks, shell: &[u32; SUM_WORDS]) {
        for parity in 0..2 {
            for row in 0..64 {
                let (at, cell) = (padded_row(parity, row), parity << 9 | row << 3);
                let cost: [u16; 8] = costs[cell..cell + 8].try_into().expect("eight lanes");
                let own = lanes(ticks, cell);
                let diagonal_half: Lanes = std::array::from_fn(|i| half(DIAGONAL_BASE, cost[i]));
                let axial_half: Lanes = std::array::from_fn(|i| half(AXIAL_BASE, cost[i]));
                self.diagonal_half[cell..cell + 8].copy_from_slice(&diagonal_half);
                self.axial_half[cell..cell + 8].copy_from_slice(&axial_half);
                self.store_sums(at, own, diagonal_half, axial_half);
            }
        }
        self.load_shell(shell);
    }

    #[inline(always)]
    fn load_shell(&mut self, shell: &[u32; SUM_WORDS]) {
        for direction in 0..6 {
            let region = &shell[shell::sum_offset(direction)..][..192];
            let near = shell::parity(direction, 0);
            load_face(&mut self.diagonal, direction, near, &region[..64]);
            load_face(&mut self.axial, direction, near, &region[64..128]);
            load_face(&mut self.axial, direction, 1 - near, &region[128..]);
        }
        for direction in 6..14 {
            let region = &shell[shell::sum_offset(direction)..];
            for (ghost, &value) in region[..shell::ghosts(direction)].iter().enumerate() {
                let at = padded(
                    shell::parity(direction, ghost),
                    shell::position(direction, ghost),
                );
                self.diagonal[at] = value;
            }
        }
    }

    /// Writes the sums of the row at padded offset `at`.
    #[inline(always)]
    pub fn store_sums(&mut self, at: usize, ticks: Lanes, diagonal_half: Lanes, axial_half: Lanes) {
        let diagonal: Lanes = std::array::from_fn(|i| sum(ticks[i], diagonal_half[i]));
        let axial: Lanes = std::array::from_fn(|i| sum(ticks[i], axial_half[i]));
        self.diagonal[at..at + 8].copy_from_slice(&diagonal);
        self.axial[at..at + 8].copy_from_slice(&axial);
    }
}

#[inline(always)]
fn load_face(into: &mut Padded, direction: usize, parity: usize, from: &[u32]) {
    let start = padded(parity, shell::position(direction, 0));
    match direction {
        0 | 1 => {
            for (ghost, &value) in from.iter().enumerate() {
                into[start + (ghost >> 3) * LAYER + (ghost & 7) * ROW] = value;
            }
        }
        2 | 3 => {
            for (v, row) in from.chunks_exact(8).enumerate() {
                into[start + v * LAYER..][..8].copy_from_slice(row);
            }
        }
        _ => {
            for (v, row) in from.chunks_exact(8).enumerate() {
                into[start + v * ROW..][..8].copy_from_slice(row);
            }
        }
    }
}

/// Takes the labels of a brick and its shell into a padded array.
pub(super) fn load_labels(into: &mut Padded, own: &Ticks, shell: &[u32; GHOSTS]) {
    for parity in 0..2 {
        for row in 0..64 {
            let (at, cell) = (padded_row(parity, row), parity << 9 | row << 3);
            into[at..at + 8].copy_from_slice(&own[cell..cell + 8]);
        }
    }
    for direction in 0..14 {
        let region = &shell[shell::ghost_offset(direction)..];
        for (ghost, &label) in region[..shell::ghosts(direction)].iter().enumerate() {
            let parity = shell::parity(direction, ghost);
            into[padded(parity, shell::position(direction, ghost))] = label;
        }
    }
}

/// A padded array of labels of nothing.
pub(super) fn blank_labels() -> Box<Padded> {
    Box::new([NO_LABEL; 2 * PLANE])
}
