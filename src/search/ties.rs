//! Which cells can lie on a shortest route although the search has not reached them: those behind ties.
//!
//! Such a cell `u` has an estimate that equals the bound, and so has every cell of a shortest route from the last one `y`
//! that the search has queued up to `u` and on to the goal: the norm falls by each step's whole weight. Seen from the goal
//! the space falls into 24 cones, each spanned by one axial step and two diagonal ones, in which the norm is linear; steps
//! that lower it by their whole weight are steps of the cone. So `y - u` is a sum of the cone's steps, none negative: the
//! three coordinates of `y` in the cone's steps are at least those of `u`. The greatest coordinates of all queued cells
//! in a cone rule out most of it, and cones without a queued cell altogether.

/// What a search has queued at the bound, by the cones around the goal.
pub(super) struct Cones([[i32; 3]; 24]);

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

impl Cones {
    /// The cones of what is queued at the bound, as offsets from the goal in lattice units.
    pub fn new(queued: impl Iterator<Item = [i32; 3]>) -> Self {
        let mut most = [[-1; 3]; 24];
        for offset in queued {
            for (cone, most) in most.iter_mut().enumerate() {
                if let Some(at) = coordinates(cone, offset) {
                    for (most, at) in most.iter_mut().zip(at) {
                        *most = (*most).max(at);
                    }
                }
            }
        }
        Cones(most)
    }

    /// False if no queued cell can be behind the cell at `offset` from the goal.
    pub fn may_hold(&self, offset: [i32; 3]) -> bool {
        self.0.iter().enumerate().any(|(cone, most)| {
            most[0] >= 0
                && coordinates(cone, offset).is_some_and(|at| (0..3).all(|i| at[i] <= most[i]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::{Cell, NEIGHBOURS, UNIT_COST, free_distance_ticks};

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
                        if norm(behind) == norm([x, y, z]) + weight(step) {
                            let cones = Cones::new(std::iter::once(behind));
                            assert!(cones.may_hold([x, y, z]), "{x} {y} {z} {by:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_lies_behind_a_goal_that_is_reached_from_one_side() {
        let cones = Cones::new([[40, 20, 4], [38, 22, 2]].into_iter());
        assert!(cones.may_hold([2, 2, 0]));
        assert!(!cones.may_hold([-1, -1, -1]));
        assert!(!cones.may_hold([0, 2, 0]));
        assert!(!cones.may_hold([60, 20, 4]));
    }
}
