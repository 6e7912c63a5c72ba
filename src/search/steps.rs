//! The steps from the places of a brick to their neighbours, and what a cell offers along them.

use crate::brick::{BRICK_CELLS, BRICK_UNITS};
use crate::engine::shell::DIRECTIONS;
use crate::lattice::{NEIGHBOURS, axial_half, diagonal_half};

/// The number of steps that stay inside a brick, in place of a direction.
pub(super) const INSIDE: u16 = 14;

/// Where each of a place's 14 neighbours lies: direction · 1024 + place, in the fixed order.
pub(super) static STEPS: [[u16; 14]; BRICK_CELLS] = steps().0;

/// The directions that a place's neighbours lie in, a bit each.
pub(super) static NEEDS: [u16; BRICK_CELLS] = steps().1;

const fn steps() -> ([[u16; 14]; BRICK_CELLS], [u16; BRICK_CELLS]) {
    let (mut table, mut needs) = ([[0; 14]; BRICK_CELLS], [0; BRICK_CELLS]);
    let mut place = 0;
    while place < BRICK_CELLS {
        let parity = (place >> 9) as i32;
        let units = [
            2 * (place & 7) as i32 + parity,
            2 * (place >> 3 & 7) as i32 + parity,
            2 * (place >> 6 & 7) as i32 + parity,
        ];
        let mut step = 0;
        while step < 14 {
            let (mut to, mut brick) = ([0; 3], [0; 3]);
            let mut a = 0;
            while a < 3 {
                let c = units[a] + NEIGHBOURS[step][a];
                brick[a] = c.div_euclid(BRICK_UNITS);
                to[a] = c.rem_euclid(BRICK_UNITS);
                a += 1;
            }
            let [x, y, z] = to;
            let local = (x & 1) << 9 | (z >> 1) << 6 | (y >> 1) << 3 | x >> 1;
            let mut direction = INSIDE;
            let mut d = 0;
            while d < 14 {
                let [dx, dy, dz] = DIRECTIONS[d];
                if dx == brick[0] && dy == brick[1] && dz == brick[2] {
                    direction = d as u16;
                }
                d += 1;
            }
            table[place][step] = direction << 10 | local as u16;
            if direction != INSIDE {
                needs[place] |= 1 << direction;
            }
            step += 1;
        }
        place += 1;
    }
    (table, needs)
}

/// How many places the diagonal neighbours of a place inside lie behind the first of them.
pub(super) const DIAGONAL: [usize; 8] = [73, 9, 65, 1, 72, 8, 64, 0];

/// How many places the axial neighbours of a place inside lie behind the first of them.
pub(super) const AXIAL: [usize; 6] = [65, 63, 72, 56, 128, 0];

/// All steps of the fixed order, a bit each.
pub(super) const ALL_STEPS: u16 = (1 << 14) - 1;

/// What led to a start.
pub(super) const NO_STEP: u8 = 14;

/// The steps that lead on from a cell that a step led to, a bit each: to neighbours that are not neighbours of the cell
/// before too. Those are no farther from there, where no cost is above [`EVEN`] times another.
pub(super) static ONWARD: [u16; 15] = onward();

/// See [`ONWARD`]. An axial step is no longer than two diagonal ones past a cell of a quarter of its ends' cost: 1560 · 2 · 4
/// to 1351 · (2 · 4 + 2). Ways of other steps around a straight one are longer still.
pub(super) const EVEN: u16 = 4;

const fn onward() -> [u16; 15] {
    let mut onward = [0; 15];
    onward[NO_STEP as usize] = ALL_STEPS;
    let mut by = 0;
    while by < 14 {
        let mut step = 0;
        while step < 14 {
            let mut sum = [0; 3];
            let mut a = 0;
            while a < 3 {
                sum[a] = NEIGHBOURS[by][a] + NEIGHBOURS[step][a];
                a += 1;
            }
            let back = sum[0] == 0 && sum[1] == 0 && sum[2] == 0;
            let mut near = back;
            let mut other = 0;
            while other < 14 {
                let n = NEIGHBOURS[other];
                near = near || n[0] == sum[0] && n[1] == sum[1] && n[2] == sum[2];
                other += 1;
            }
            if !near {
                onward[by] |= 1 << step;
            }
            step += 1;
        }
        by += 1;
    }
    onward
}

/// What a cell offers its neighbours: its distance and its half of the step there, in ticks.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    diagonal: u32,
    axial: u32,
}

impl Offer {
    /// Of a cell at a distance, of a cost.
    #[inline(always)]
    pub fn new(ticks: u32, cost: u16) -> Self {
        Offer {
            diagonal: ticks + diagonal_half(cost),
            axial: ticks + axial_half(cost),
        }
    }

    /// The distance of the neighbour in a step of the fixed order, of a cost.
    #[inline(always)]
    pub fn to(self, step: usize, cost: u16) -> u32 {
        if step < 8 {
            self.diagonal + diagonal_half(cost)
        } else {
            self.axial + axial_half(cost)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_tried_is_nearer_from_the_cell_before() {
        let half = |step: usize, cost: u16| {
            if step < 8 {
                diagonal_half(cost)
            } else {
                axial_half(cost)
            }
        };
        let step_of = |by: [i32; 3]| NEIGHBOURS.iter().position(|n| *n == by);
        for least in (1..=300).chain([1000, 16383]) {
            let most = EVEN * least;
            for (before, at, after) in [
                (least, least, least),
                (most, least, most),
                (least, most, most),
                (most, least, least),
                (least, most, least),
            ] {
                for by in 0..14 {
                    for step in (0..14).filter(|step| ONWARD[by] >> step & 1 == 0) {
                        let sum = std::array::from_fn(|a| NEIGHBOURS[by][a] + NEIGHBOURS[step][a]);
                        let direct = step_of(sum).map_or(0, |s| half(s, before) + half(s, after));
                        let round =
                            half(by, before) + half(by, at) + half(step, at) + half(step, after);
                        assert!(direct <= round, "{before} {at} {after}: {by} {step}");
                    }
                }
            }
        }
        assert!(ONWARD[..8].iter().all(|o| o.count_ones() == 7));
        assert!(ONWARD[8..14].iter().all(|o| o.count_ones() == 9));
    }
}
