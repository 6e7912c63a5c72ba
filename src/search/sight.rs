//! Lines of sight: which cells a straight segment meets, decided exactly.
//!
//! A cell is the Voronoi cell of its lattice point: the truncated octahedron `|x|, |y|, |z| ≤ 1`,
//! `|x| + |y| + |z| ≤ 3/2` about it. A segment is free if every cell is open whose **closed** octahedron it meets: it
//! never squeezes between two blocked cells that touch, and never runs along a blocked face. A step between two
//! neighbours crosses one face at its centre and meets those two cells alone, so no step of a route is forbidden. A
//! blocked voxel's cube is covered by its own cell and its eight corners' cells, which are all blocked, so a free
//! segment touches no blocked voxel.
//!
//! The segment is walked through the unit cubes between the planes of integer coordinates. Of a cube's eight corners
//! one has even offsets from the segment's start on all axes, and the opposite one has odd offsets: the only two
//! lattice points whose cells reach into the cube. They part it in the plane where `s`, the sum of the coordinates'
//! distances from the even corner, is 3/2:
//!
//! ```text
//!   even ●────────┐      s is linear inside a cube and continuous from cube to cube.
//!        │    ╱   │      The part of the segment in the cube meets the even corner's cell if s ≤ 3/2 at one of its
//!        │  ╱     │      ends, and the odd corner's cell if s ≥ 3/2 at one of its ends.
//!        └────────● odd
//! ```
//!
//! Where the segment passes an edge or a corner of cubes, the cubes that it only touches there are looked at too;
//! where it lies in a plane (it does not move along that axis), the cubes on both sides of it. The parameter runs from
//! 0 to the product of the spans along the axes, at most 2⁴⁸, so every crossing and every `s` is an integer.

use super::CostLookup;
use crate::brick::BrickId;
use crate::lattice::Cell;
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// True if the segment from `a` to `b` meets only open cells whose stored cost is at most `dearest`; the same from
/// `b` to `a`. The cells are looked up from `a` onwards until one is blocked or too dear: at most a few for each
/// lattice unit. A cell outside the coordinates of maps, 0…65535, is not in sight of any.
///
/// # Errors
/// The first brick on the way that has not arrived.
pub fn in_sight(
    a: Cell,
    b: Cell,
    dearest: u16,
    costs: &mut impl CostLookup,
) -> Result<bool, BrickId> {
    let Some(walk) = Walk::new(a, b) else {
        return Ok(false);
    };
    let ended = walk.meet_all(|cell| match costs.cost(cell) {
        Ok(cost) if cost != 0 && cost <= dearest => ControlFlow::Continue(()),
        Ok(_) => ControlFlow::Break(Ok(false)),
        Err(brick) => ControlFlow::Break(Err(brick)),
    });
    match ended {
        ControlFlow::Continue(()) => Ok(true),
        ControlFlow::Break(hidden) => hidden,
    }
}

/// The corner of a cube whose offsets from the segment's start are even: an index into [`Walk::corners`].
const EVEN: usize = 0;
/// The corner whose offsets are odd.
const ODD: usize = 1;

/// A walk along a segment, from unit cube to unit cube.
#[derive(Clone)]
struct Walk {
    /// By axis: 1 or −1 along the segment, 0 on an axis along which it does not move.
    sign: [i32; 3],
    /// The parameter at the end of the segment: the product of the spans of the axes along which it moves.
    end: i64,
    /// By axis: how far the parameter runs from one plane to the next; 0 without motion.
    spacing: [i64; 3],
    /// By axis: the parameter at the plane that leaves the cube; beyond the end without motion.
    leaves: [i64; 3],
    /// The cube's corners [`EVEN`] and [`ODD`]; without motion along an axis, the odd one is that on the upper side.
    corners: [[i32; 3]; 2],
    /// By axis: how `s · end` grows with the parameter: the span, positive on the way away from the even corner.
    slope: [i64; 3],
}

impl Walk {
    /// The walk from `a` to `b`, or `None` if one lies outside the coordinates of maps.
    fn new(a: Cell, b: Cell) -> Option<Self> {
        let (a, b) = (a.xyz(), b.xyz());
        if !a.iter().chain(&b).all(|&c| u16::try_from(c).is_ok()) {
            return None;
        }
        let span: [i64; 3] = std::array::from_fn(|k| i64::from((b[k] - a[k]).abs()));
        let end = span.iter().map(|&s| s.max(1)).product();
        let sign: [i32; 3] = std::array::from_fn(|k| (b[k] - a[k]).signum());
        let spacing = span.map(|s| if s == 0 { 0 } else { end / s });
        let odd = std::array::from_fn(|k| a[k] + if sign[k] < 0 { -1 } else { 1 });
        Some(Walk {
            sign,
            end,
            spacing,
            leaves: spacing.map(|s| if s == 0 { i64::MAX } else { s }),
            corners: [a, odd],
            slope: span,
        })
    }

    /// Shows `meet` every cell that the segment meets, from the start on, a few of them more than once.
    fn meet_all<B>(mut self, mut meet: impl FnMut(Cell) -> ControlFlow<B>) -> ControlFlow<B> {
        self.show(EVEN, &mut meet)?;
        if self.sign == [0; 3] {
            return ControlFlow::Continue(());
        }
        let mut is_met = [true, false];
        let [mut s, mut now] = [0, 0];
        loop {
            let axis = self.next_axis();
            s += (self.slope[0] + self.slope[1] + self.slope[2]) * (self.leaves[axis] - now);
            now = self.leaves[axis];
            let side = (2 * s).cmp(&(3 * self.end));
            let is_near = [side != Ordering::Greater, side != Ordering::Less];
            for corner in [EVEN, ODD] {
                if is_near[corner] && !is_met[corner] {
                    self.show(corner, &mut meet)?;
                    is_met[corner] = true;
                }
            }
            if now == self.end {
                return ControlFlow::Continue(());
            }
            // The corners that the next cube does not share; one that is near is met here, else perhaps inside.
            let mut is_new = [false; 2];
            let crossed = self.leaves.map(|leaves| leaves == now);
            if crossed == std::array::from_fn(|k| k == axis) {
                is_new[self.cross(axis)] = true;
            } else {
                self.show_touched(crossed, is_near, &mut meet)?;
                for k in (0..3).filter(|&k| crossed[k]) {
                    is_new[self.cross(k)] = true;
                }
            }
            for corner in [EVEN, ODD] {
                if is_new[corner] {
                    is_met[corner] = is_near[corner];
                    if is_near[corner] {
                        self.show(corner, &mut meet)?;
                    }
                }
            }
        }
    }

    /// The axis whose plane the segment reaches next.
    fn next_axis(&self) -> usize {
        let first = usize::from(self.leaves[1] < self.leaves[0]);
        if self.leaves[2] < self.leaves[first] {
            2
        } else {
            first
        }
    }

    /// The corner that changes where the segment crosses the next plane of an axis: the one that it leaves behind.
    fn changing(&self, axis: usize) -> usize {
        if self.slope[axis] > 0 { EVEN } else { ODD }
    }

    /// Enters the cube behind the next plane of an axis; tells which corner changed.
    fn cross(&mut self, axis: usize) -> usize {
        let corner = self.changing(axis);
        self.corners[corner][axis] += 2 * self.sign[axis];
        self.slope[axis] = -self.slope[axis];
        self.leaves[axis] += self.spacing[axis];
        corner
    }

    /// Shows the cells of the cubes that the segment only touches, where it crosses the planes of several axes at
    /// once: behind some, but not all, of the planes that change the same corner.
    fn show_touched<B>(
        &self,
        crossed: [bool; 3],
        is_near: [bool; 2],
        meet: &mut impl FnMut(Cell) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for corner in [EVEN, ODD] {
            let all = (0..3)
                .filter(|&k| crossed[k] && self.changing(k) == corner)
                .fold(0, |axes, k| axes | 1_usize << k);
            for some in (1..all).filter(|some| is_near[corner] && some & !all == 0) {
                let mut touched = self.clone();
                for k in (0..3).filter(|k| some >> k & 1 == 1) {
                    touched.cross(k);
                }
                touched.show(corner, meet)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Shows the cell of a corner; of the odd corners on both sides where the segment lies in a plane. (Where it lies
    /// in two planes, s is at most 1: it meets no odd corner's cell.)
    fn show<B>(
        &self,
        corner: usize,
        meet: &mut impl FnMut(Cell) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut at = self.corners[corner];
        meet(cell(at))?;
        match self.sign.iter().position(|&sign| sign == 0) {
            Some(still) if corner == ODD => {
                at[still] -= 2;
                meet(cell(at))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// The cell of a cube's corner.
fn cell([x, y, z]: [i32; 3]) -> Cell {
    Cell::new(x, y, z).expect("offsets from a cell that are all even or all odd lead to a cell")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::NEIGHBOURS;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn cells_met(a: Cell, b: Cell) -> BTreeSet<Cell> {
        let mut met = BTreeSet::new();
        let ended = Walk::new(a, b).unwrap().meet_all(|cell| {
            met.insert(cell);
            ControlFlow::<()>::Continue(())
        });
        assert!(ended.is_continue());
        met
    }

    /// The plain version: every lattice point about the segment whose 14 closed half-spaces leave some of it.
    fn cells_met_by_clipping(a: Cell, b: Cell) -> BTreeSet<Cell> {
        let (a, b) = (a.xyz(), b.xyz());
        let range = |k: usize| a[k].min(b[k]) - 2..=a[k].max(b[k]) + 2;
        range(0)
            .flat_map(|x| range(1).flat_map(move |y| range(2).map(move |z| (x, y, z))))
            .filter_map(|(x, y, z)| Cell::new(x, y, z).ok())
            .filter(|c| is_met_by_clipping(a, b, c.xyz()))
            .collect()
    }

    fn is_met_by_clipping(a: [i32; 3], b: [i32; 3], centre: [i32; 3]) -> bool {
        // The part from..=to of the segment, as fractions (numerator, positive denominator).
        let (mut from, mut to) = ((0, 1), (1, 1));
        for normal in NEIGHBOURS {
            // The face half-way to that neighbour: 2 · normal · (p − centre) ≤ normal · normal.
            let dot = |v: [i32; 3]| (0..3).map(|k| i128::from(normal[k] * v[k])).sum::<i128>();
            let growth = 2 * dot(std::array::from_fn(|k| b[k] - a[k]));
            let room = dot(normal) - 2 * dot(std::array::from_fn(|k| a[k] - centre[k]));
            let less = |p: (i128, i128), q: (i128, i128)| p.0 * q.1 < q.0 * p.1;
            if growth == 0 && room < 0 {
                return false;
            } else if growth > 0 && less((room, growth), to) {
                to = (room, growth);
            } else if growth < 0 && less(from, (-room, -growth)) {
                from = (-room, -growth);
            }
        }
        from.0 * to.1 <= to.0 * from.1
    }

    /// A cell from any three numbers: of the first one's parity.
    fn any_cell([x, y, z]: [i32; 3]) -> Cell {
        let like_x = |c: i32| c ^ ((c ^ x) & 1);
        Cell::new(x, like_x(y), like_x(z)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_segment_meets_the_cells_that_clipping_finds(
            a in prop::array::uniform3(2..18),
            b in prop::array::uniform3(2..18),
        ) {
            let (a, b) = (any_cell(a), any_cell(b));
            prop_assert_eq!(cells_met(a, b), cells_met_by_clipping(a, b));
        }
    }

    #[test]
    fn every_short_segment_meets_the_cells_that_clipping_finds() {
        for start in [any_cell([10, 10, 10]), any_cell([11, 11, 11])] {
            for (x, y) in (4..=17).flat_map(|x| (4..=17).map(move |y| (x, y))) {
                for z in 4..=17 {
                    if let Ok(end) = Cell::new(x, y, z) {
                        let met = cells_met(start, end);
                        assert_eq!(met, cells_met_by_clipping(start, end), "{start} {end}");
                        assert_eq!(met, cells_met(end, start), "{start} {end}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_step_meets_its_two_cells_alone() {
        let start = any_cell([10, 10, 10]);
        for end in start.neighbours() {
            assert_eq!(cells_met(start, end), BTreeSet::from([start, end]));
        }
        assert_eq!(cells_met(start, start), BTreeSet::from([start]));
    }

    #[test]
    fn the_longest_segments_of_a_map_are_walked_exactly() {
        let corner = any_cell([0, 0, 0]);
        let far = any_cell([65535, 65535, 65535]);
        assert_eq!(cells_met(corner, far).len(), 65536);
        let skew = any_cell([65534, 65532, 32766]);
        let (there, back) = (cells_met(corner, skew), cells_met(skew, corner));
        assert!(there.contains(&corner) && there.contains(&skew));
        assert_eq!(there, back);
    }

    struct World<F>(F);

    impl<F: Fn(Cell) -> Result<u16, BrickId>> CostLookup for World<F> {
        fn cost(&mut self, cell: Cell) -> Result<u16, BrickId> {
            (self.0)(cell)
        }
    }

    #[test]
    fn blocked_dear_and_distant_cells_hide_and_a_missing_brick_is_told() {
        let (a, b) = (any_cell([0, 0, 0]), any_cell([20, 20, 0]));
        let on_the_way = any_cell([9, 9, 1]);
        let world = |cost: u16| World(move |c| Ok(if c == on_the_way { cost } else { 256 }));
        assert_eq!(in_sight(a, b, 256, &mut world(256)), Ok(true));
        assert_eq!(in_sight(a, b, 256, &mut world(0)), Ok(false));
        assert_eq!(in_sight(a, b, 256, &mut world(257)), Ok(false));
        assert_eq!(in_sight(a, b, 257, &mut world(257)), Ok(true));

        let far = any_cell([65536, 0, 0]);
        assert_eq!(in_sight(a, far, 256, &mut world(256)), Ok(false));

        let brick = BrickId::new(1, 1, 0).unwrap();
        let mut partial = World(|c| match BrickId::locate(c) {
            Some((b, _)) if b == brick => Err(brick),
            _ => Ok(256),
        });
        assert_eq!(in_sight(a, b, 256, &mut partial), Err(brick));
    }
}
