//! Which cells can lie on a shortest route although the search has not reached them: those behind ties.
//!
//! Such a cell `u` has an estimate that equals the bound, and so has every cell of a shortest route from the last one `y`
//! that the search has queued up to `u` and on to the goal: the norm falls by each step's whole weight. Seen from the goal
//! the space falls into 24 cones, each spanned by one axial step and two diagonal ones, in which the norm is linear; steps
//! that lower it by their whole weight are steps of the cone. So `y - u` is a sum of the cone's steps, none negative: the
//! three coordinates of `y` in the cone's steps are at least those of `u`. The greatest coordinates of all queued cells
//! in a cone rule out most of it, and cones without a queued cell altogether.
//!
//! What the cones leave is gone through cell by cell, at 50 ns each, most of it branches that cannot be foretold. In large open
//! maps that is most of the longest queries' time: a thousandth of them has more than a hundred thousand dead cells. These
//! are sheets of lines, hundreds of cells long, along the faces of the cones, with a wall at their far end. Measured, and left
//! out:
//!
//! - To go on with the search until no tie is queued takes more cells than are dead.
//! - To take sets of dead cells at once, a bit a cell, by brick: lines fill no words. From where the walk has left known
//!   distances, the set is millions of cells, most of them alive; from the ends of the lines it is one line.
//! - To look at a tie from the other side, along all ways from queued cells to it: one that is dead is known to be after some
//!   fifty cells most often, but one that is alive takes far more to be found out. Whichever ties were looked at, single
//!   queries became ten times as fast and others slower.

use crate::lattice::NEIGHBOURS;

/// What a search has queued at the bound, by the cones around the goal: in each, the coordinates that no other queued
/// cell's exceed in all three.
#[derive(Default)]
pub(super) struct Cones([Vec<[i32; 3]>; 24]);

/// How many such coordinates are told apart in a cone; more become one that none of them exceeds.
const MOST: usize = 24;

/// The coordinates of an offset from the goal in the steps of a cone, or `None` outside it.
///
/// With `a` and `b` along the cone's first and second axis and `c` along the third, `(a, b, c)` is `(a − b) / 2` axial
/// steps along the first axis, and `(b ± c) / 2` of the two diagonal steps.
#[inline]
fn coordinates(cone: usize, offset: [i32; 3]) -> Option<[i32; 3]> {
    let (order, signs) = (cone >> 2, cone & 3);
    let [first, second, third] = ORDERS[order];
    let a = if signs & 1 == 0 {
        offset[first]
    } else {
        -offset[first]
    };
    let b = if signs & 2 == 0 {
        offset[second]
    } else {
        -offset[second]
    };
    let c = offset[third];
    (a >= b && b >= c.abs()).then_some([(a - b) / 2, (b + c) / 2, (b - c) / 2])
}

const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// The only cone that holds an offset from the goal, or `None` if it lies between several.
#[inline]
fn only(offset: [i32; 3]) -> Option<usize> {
    let [x, y, z] = offset.map(i32::abs);
    if x == y || y == z || x == z {
        return None;
    }
    let order = match (x > y, y > z, x > z) {
        (true, true, _) => 0,
        (true, false, true) => 1,
        (true, false, false) => 4,
        (false, _, true) => 2,
        (false, true, false) => 3,
        (false, false, false) => 5,
    };
    let [first, second, _] = ORDERS[order];
    let signs = usize::from(offset[first] < 0) | usize::from(offset[second] < 0) << 1;
    Some(order << 2 | signs)
}

/// Calls `found` with the cones that hold an offset from the goal, and its coordinates there, until it says yes.
#[inline]
fn around(offset: [i32; 3], mut found: impl FnMut(usize, [i32; 3]) -> bool) -> bool {
    let cones = match only(offset) {
        Some(cone) => cone..cone + 1,
        None => 0..24,
    };
    for cone in cones {
        if let Some(at) = coordinates(cone, offset)
            && found(cone, at)
        {
            return true;
        }
    }
    false
}

impl Cones {
    /// Takes in a queued cell at `offset` from the goal, in lattice units.
    pub fn add(&mut self, offset: [i32; 3]) {
        around(offset, |cone, at| {
            add(&mut self.0[cone], at);
            false
        });
    }

    /// The steps that lead from the cell at `offset` from the goal to those behind it, as [`rising`]; `None` if none of the
    /// queued cells taken in can be one of them.
    #[inline]
    pub fn behind(&self, offset: [i32; 3]) -> Option<u16> {
        let within = |cone: usize, at| self.0[cone].iter().any(|top| exceeds(*top, at));
        match only(offset) {
            Some(cone) => coordinates(cone, offset)
                .is_some_and(|at| within(cone, at))
                .then_some(RISING[cone]),
            None => around(offset, within).then(|| rising(offset)),
        }
    }
}

/// Whether `a` is at least `b` in each coordinate.
fn exceeds(a: [i32; 3], b: [i32; 3]) -> bool {
    (0..3).all(|i| a[i] >= b[i])
}

fn add(tops: &mut Vec<[i32; 3]>, at: [i32; 3]) {
    if tops.iter().any(|&top| exceeds(top, at)) {
        return;
    }
    tops.retain(|&top| !exceeds(at, top));
    tops.push(at);
    if tops.len() > MOST {
        let top = tops
            .drain(..)
            .reduce(|a, b| std::array::from_fn(|i| a[i].max(b[i])));
        tops.extend(top);
    }
}

/// For each axis, the diagonal steps that go up it, a bit each.
const UP: [u16; 3] = [0x0f, 0x33, 0x55];

/// The steps that raise the norm by their whole weight within a cone, a bit each.
static RISING: [u16; 24] = {
    let mut steps = [0; 24];
    let mut cone = 0;
    while cone < 24 {
        let [first, second, _] = ORDERS[cone >> 2];
        let [a, b] = [1 - 2 * (cone as i32 & 1), 1 - (cone as i32 & 2)];
        let mut step = 0;
        while step < 14 {
            let by = NEIGHBOURS[step];
            if by[first] == a && by[second] == b || by[first] == 2 * a {
                steps[cone] |= 1 << step;
            }
            step += 1;
        }
        cone += 1;
    }
    steps
};

/// The steps that raise the norm by their whole weight from a cell at `offset` from the goal, a bit each.
///
/// A diagonal step does if it leads away along the two axes on which the cell is farthest, an axial one if it leads away
/// along the farthest.
#[inline]
fn rising(offset: [i32; 3]) -> u16 {
    let far = offset.map(i32::abs);
    let away = |a: usize| match offset[a].signum() {
        1 => UP[a],
        -1 => !UP[a] & 0xff,
        _ => 0xff,
    };
    let away = [away(0), away(1), away(2)];
    let mut steps = 0;
    for (a, b, c) in [(0, 1, 2), (0, 2, 1), (1, 2, 0)] {
        if far[c] <= far[a] && far[c] <= far[b] {
            steps |= away[a] & away[b];
        }
    }
    let most = far[0].max(far[1]).max(far[2]);
    for a in 0..3 {
        if far[a] == most {
            steps |=
                u16::from(offset[a] >= 0) << (8 + 2 * a) | u16::from(offset[a] <= 0) << (9 + 2 * a);
        }
    }
    steps
}

/// The steps towards the goal from a cell at `offset` from it along which the estimate stays, a bit each; close to the
/// goal some beside.
#[inline(always)]
pub(super) fn falling([x, y, z]: [i32; 3]) -> u16 {
    let (a, b, c) = (x.abs(), y.abs(), z.abs());
    // Those that go down each axis, by the sign of the offset.
    let down = |axis: usize, at: i32| if at > 0 { !UP[axis] & 0xff } else { UP[axis] };
    let (dx, dy, dz) = (down(0, x), down(1, y), down(2, z));
    let (most, diagonal) = if a >= b && a >= c {
        (8 + u32::from(x > 0), dx & if b >= c { dy } else { dz })
    } else if b >= c {
        (10 + u32::from(y > 0), dy & if a >= c { dx } else { dz })
    } else {
        (12 + u32::from(z > 0), dz & if a >= b { dx } else { dy })
    };
    diagonal | 1 << most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::{Cell, UNIT_COST, free_distance_ticks};

    #[test]
    fn steps_of_their_whole_weight_stay_within_cones() {
        let origin = Cell::new(0, 0, 0).unwrap();
        let weight = |step: usize| if step < 8 { 2702 } else { 3120 };
        let norm = |at: [i32; 3]| {
            free_distance_ticks(Cell::new(at[0], at[1], at[2]).unwrap(), origin, UNIT_COST)
        };
        for x in -6..=6 {
            for y in -6..=6 {
                for z in -6..=6 {
                    if Cell::new(x, y, z).is_err() {
                        continue;
                    }
                    for (step, by) in NEIGHBOURS.iter().enumerate() {
                        let behind: [i32; 3] = std::array::from_fn(|a| [x, y, z][a] + by[a]);
                        let rises = norm(behind) == norm([x, y, z]) + weight(step);
                        assert_eq!(rising([x, y, z]) >> step & 1 != 0, rises);
                        let holding = |cone: &usize| coordinates(*cone, [x, y, z]).is_some();
                        let cones: Vec<usize> = (0..24).filter(holding).collect();
                        assert_eq!(
                            only([x, y, z])
                                .map(|cone| vec![cone])
                                .unwrap_or_else(|| cones.clone()),
                            cones
                        );
                        if rises {
                            let mut cones = Cones::default();
                            cones.add(behind);
                            let steps = cones.behind([x, y, z]);
                            assert_eq!(steps, Some(rising([x, y, z])), "{x} {y} {z} {by:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_lies_behind_a_goal_that_is_reached_from_one_side() {
        let mut cones = Cones::default();
        cones.add([40, 20, 4]);
        cones.add([38, 22, 2]);
        assert!(cones.behind([2, 2, 0]).is_some());
        assert!(cones.behind([-1, -1, -1]).is_none());
        assert!(cones.behind([0, 2, 0]).is_none());
        assert!(cones.behind([60, 20, 4]).is_none());
    }
}
