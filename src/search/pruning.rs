//! Which neighbours a cell need offer its distance to: symmetric ways through free space are followed once.
//!
//! In free space a great many shortest ways lead from one cell to another, and a search that offers every distance to all
//! 14 neighbours finds each of them. Of the ways of one length only the one whose steps come first in the fixed order (the
//! eight diagonal ones before the six axial ones) is followed: where a cell was reached by the step `m`, the step `n` after it
//! is left out if another way from before `m` to behind `n` is shorter, or as short and first in order. That other way must
//! be open, which the 14 neighbours of the cell tell:
//!
//! | reached by | goes on with | and, if what would be the other way is blocked, with |
//! |---|---|---|
//! | a diagonal step `m` | `m`, the three axial steps between which it lies, the later of the three diagonal steps beside it | the earlier of these three: the way by it first |
//! | an axial step `m` | `m` | the four diagonal steps around it: the way by it first; the four axial steps across: both diagonal ways around |
//!
//! All other pairs of steps end beside where they began, and the single step there is shorter.
//!
//! Distances stay exact: of the shortest ways to a cell take the one that comes first in order. None of its pairs of steps
//! is left out, or the way with the other pair in its place would be shorter or come first; and its beginnings are the
//! first ways to the cells on it. A cell that is reached by several steps at one distance goes on with what each of them
//! asks for. The exchange of a pair needs equal costs: a cell among whose open neighbours is one of another cost offers
//! its distance to all of them.
//!
//! The idea is that of canonical orderings and of jump point search on square grids (D. Harabor and A. Grastien, 2011;
//! N. Sturtevant and S. Rabin, 2016); the rules for this lattice were derived here.

use crate::lattice::NEIGHBOURS;

/// All 14 steps, a bit each, in the fixed order.
pub(super) const ALL_STEPS: u16 = (1 << 14) - 1;

const DIAGONAL: usize = 8;

/// What a diagonal step leads on to, by which of the six axial neighbours are open.
static AFTER_DIAGONAL: [[u16; 64]; 8] = after_diagonal();

/// What an axial step leads on to, by which of the eight diagonal neighbours are open.
static AFTER_AXIAL: [[u16; 256]; 6] = after_axial();

/// The steps to offer a cell's distance by, if it was reached by each of the steps `reached` and the steps `open` lead from
/// it to open cells, all of its own cost.
#[inline(always)]
pub(super) fn successors(reached: u16, open: u16) -> u16 {
    let (axial, diagonal) = (usize::from(open >> DIAGONAL), usize::from(open & 0xff));
    let (mut left, mut steps) = (reached, 0);
    while left != 0 {
        let step = left.trailing_zeros() as usize;
        left &= left - 1;
        steps |= if step < DIAGONAL {
            AFTER_DIAGONAL[step][axial & 63]
        } else {
            AFTER_AXIAL[(step - DIAGONAL) % 6][diagonal]
        };
    }
    steps & open
}

const fn after_diagonal() -> [[u16; 64]; 8] {
    let mut table = [[0; 64]; 8];
    let mut step = 0;
    while step < 8 {
        let mut open = 0;
        while open < 64 {
            table[step][open] = after(step, (open as u16) << DIAGONAL);
            open += 1;
        }
        step += 1;
    }
    table
}

const fn after_axial() -> [[u16; 256]; 6] {
    let mut table = [[0; 256]; 6];
    let mut step = 0;
    while step < 6 {
        let mut open = 0;
        while open < 256 {
            table[step][open] = after(DIAGONAL + step, open as u16);
            open += 1;
        }
        step += 1;
    }
    table
}

/// The steps that one step leads on to, if the steps `open` lead to open cells.
const fn after(step: usize, open: u16) -> u16 {
    let mut steps = 0;
    let mut next = 0;
    while next < 14 {
        if leads(step, next, open) {
            steps |= 1 << next;
        }
        next += 1;
    }
    steps
}

const fn leads(step: usize, next: usize, open: u16) -> bool {
    let (m, n) = (NEIGHBOURS[step], NEIGHBOURS[next]);
    let both = [m[0] + n[0], m[1] + n[1], m[2] + n[2]];
    if step == next {
        return true;
    }
    if step_of(both).is_some() || (both[0] == 0 && both[1] == 0 && both[2] == 0) {
        return false;
    }
    if step >= DIAGONAL && next >= DIAGONAL {
        // Across: the two diagonal steps whose sum is the same lead around on either side, and are shorter.
        let mut way = 0;
        while way < DIAGONAL {
            let d = NEIGHBOURS[way];
            let rest = step_of([both[0] - d[0], both[1] - d[1], both[2] - d[2]]);
            if rest.is_some() && is_open(open, [d[0] - m[0], d[1] - m[1], d[2] - m[2]]) {
                return false;
            }
            way += 1;
        }
        return true;
    }
    // The same two steps, the other first.
    step < next || !is_open(open, [n[0] - m[0], n[1] - m[1], n[2] - m[2]])
}

const fn is_open(open: u16, offset: [i32; 3]) -> bool {
    match step_of(offset) {
        Some(step) => open >> step & 1 != 0,
        None => false,
    }
}

/// The number of a step in the fixed order.
const fn step_of(offset: [i32; 3]) -> Option<usize> {
    let mut step = 0;
    while step < 14 {
        let by = NEIGHBOURS[step];
        if by[0] == offset[0] && by[1] == offset[1] && by[2] == offset[2] {
            return Some(step);
        }
        step += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_free_space_an_axial_step_leads_straight_on_and_a_diagonal_one_to_its_own_side() {
        for step in 8..14 {
            assert_eq!(successors(1 << step, ALL_STEPS), 1 << step);
        }
        for step in 0..8 {
            let steps = successors(1 << step, ALL_STEPS);
            let later = (step + 1..8).filter(|&n: &usize| (step ^ n).count_ones() == 1);
            let later = later.fold(0, |bits, n| bits | 1 << n);
            assert_eq!(steps & 0xff, 1 << step | later);
            assert_eq!((steps >> 8).count_ones(), 3);
        }
    }

    #[test]
    fn walls_open_the_other_ways() {
        // Along x with all the rest blocked but the corner ahead and the cell across.
        let ahead = 1 << 0 | 1 << 8 | 1 << 10;
        assert_eq!(successors(1 << 8, ahead), ahead);
        assert_eq!(successors(ALL_STEPS, ALL_STEPS), ALL_STEPS);
    }
}
