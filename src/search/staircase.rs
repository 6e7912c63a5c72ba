//! Staircases: the steps along a straight line, which cost what the norm says.

use crate::lattice::NEIGHBOURS;

/// A way from one lattice point to another by the steps of the cone that the displacement lies in: one kind of axial step and
/// two of diagonal ones, each as often as the displacement has it (see `ties.rs`). Any order of them costs the same at equal
/// costs; the kinds take turns, so that the way stays close to the straight line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staircase {
    at: [i32; 3],
    /// The kinds of steps, as indices into the fixed order.
    steps: [u8; 3],
    /// How many of each are left.
    left: [i32; 3],
    /// How many of each there are, and of all.
    share: [i32; 3],
    total: i32,
    /// How far each kind is behind its share, in parts of a step.
    behind: [i32; 3],
}

impl Staircase {
    /// The way from `a` to `b`, which stands at `a`.
    pub fn new(a: [i32; 3], b: [i32; 3]) -> Self {
        let by: [i32; 3] = std::array::from_fn(|k| b[k] - a[k]);
        let far = by.map(i32::abs);
        let mut order = [0, 1, 2];
        order.sort_unstable_by_key(|&k| std::cmp::Reverse(far[k]));
        let [first, second, third] = order;
        let sign = by.map(|c| if c < 0 { -1 } else { 1 });
        let share = [
            (far[first] - far[second]) / 2,
            (far[second] + far[third]) / 2,
            (far[second] - far[third]) / 2,
        ];
        let mut kinds = [[0; 3], sign, sign];
        kinds[0][first] = 2 * sign[first];
        kinds[2][third] = -sign[third];
        Staircase {
            at: a,
            steps: kinds.map(step_of),
            left: share,
            share,
            total: share.iter().sum(),
            behind: [0; 3],
        }
    }

    /// Whether it has come to its end.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.left == [0; 3]
    }

    /// Takes a step, of those that are left: the one farthest behind its share for which `enter` gives something, asked for the
    /// point that it leads to and its index in the fixed order. `None` if there is no such step.
    ///
    /// # Errors
    /// The first that `enter` gives.
    #[inline]
    pub fn step<T, E>(
        &mut self,
        mut enter: impl FnMut([i32; 3], usize) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        for kind in 0..3 {
            self.behind[kind] += self.share[kind];
        }
        let mut left = self.left.map(|left| left > 0);
        loop {
            let kinds = (0..3).filter(|&kind| left[kind]);
            let Some(kind) = kinds.min_by_key(|&kind| -self.behind[kind]) else {
                return Ok(None);
            };
            let step = usize::from(self.steps[kind]);
            let to = std::array::from_fn(|k| self.at[k] + NEIGHBOURS[step][k]);
            if let Some(entered) = enter(to, step)? {
                self.behind[kind] -= self.total;
                self.left[kind] -= 1;
                self.at = to;
                return Ok(Some(entered));
            }
            left[kind] = false;
        }
    }
}

/// The points behind the start, each with the index of the step that leads there.
impl Iterator for Staircase {
    type Item = ([i32; 3], usize);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let all = |to, step| Ok::<_, std::convert::Infallible>(Some((to, step)));
        match self.step(all) {
            Ok(next) => next,
        }
    }
}

/// The index of a step in the fixed order.
fn step_of(by: [i32; 3]) -> u8 {
    let down = |a: usize| u8::from(by[a] < 0);
    match by.map(|c| c != 0) {
        [true, true, true] => down(0) << 2 | down(1) << 1 | down(2),
        [true, _, _] => 8 + down(0),
        [_, true, _] => 10 + down(1),
        _ => 12 + down(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::{Cell, UNIT_COST, free_distance_ticks};

    const A: [i32; 3] = [40, 50, 60];

    fn everywhere() -> impl Iterator<Item = [i32; 3]> {
        let cube = (0..29 * 29 * 29).map(|n| [n / 841, n / 29 % 29, n % 29].map(|c| c - 14));
        let lattice = cube.filter(|[x, y, z]| (x ^ y) & 1 == 0 && (x ^ z) & 1 == 0);
        lattice.map(|by| std::array::from_fn(|k| A[k] + by[k]))
    }

    fn norm(a: [i32; 3], b: [i32; 3]) -> u64 {
        let cell = |p: [i32; 3]| Cell::new(p[0], p[1], p[2]).unwrap();
        free_distance_ticks(cell(a), cell(b), UNIT_COST)
    }

    fn weight(step: usize) -> u64 {
        if step < 8 { 2702 } else { 3120 }
    }

    #[test]
    fn staircases_lead_there_for_what_the_norm_says_and_stay_close() {
        for b in everywhere() {
            let count = Staircase::new(A, b).count();
            let (mut at, mut ticks) = (A, 0);
            for (n, (to, step)) in Staircase::new(A, b).enumerate() {
                assert_eq!(NEIGHBOURS[step], std::array::from_fn(|k| to[k] - at[k]));
                (at, ticks) = (to, ticks + weight(step));
                for k in 0..3 {
                    let part = (n + 1) as f64 / count as f64;
                    let straight = f64::from(A[k]) + f64::from(b[k] - A[k]) * part;
                    assert!((f64::from(at[k]) - straight).abs() <= 2.0, "{b:?}");
                }
            }
            assert_eq!((at, ticks), (b, norm(A, b)));
        }
    }

    #[test]
    fn what_is_in_the_way_is_passed_at_no_cost_or_ends_it() {
        let mut passed = 0;
        for b in everywhere().filter(|&b| b != A) {
            let blocked = Staircase::new(A, b).nth(1);
            let Some((blocked, _)) = blocked.filter(|p| p.0 != b) else {
                continue;
            };
            let (mut stairs, mut ticks, mut at) = (Staircase::new(A, b), 0, A);
            while !stairs.is_done() {
                let open = |to, step| Ok::<_, ()>((to != blocked).then_some((to, step)));
                let Some((to, step)) = stairs.step(open).unwrap() else {
                    break;
                };
                (at, ticks) = (to, ticks + weight(step));
            }
            if stairs.is_done() {
                assert_eq!((at, ticks), (b, norm(A, b)));
                passed += 1;
            }
        }
        assert!(passed > 3000, "{passed}");
    }
}
