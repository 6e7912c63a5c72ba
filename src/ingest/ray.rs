//! Rays: the cells that a straight line passes through.

use crate::lattice::{Cell, NEIGHBOURS};
use std::hint::select_unpredictable;

/// Visits the cells that the line `from` … `to` (in lattice units) passes through, in order, from `start`, the cell
/// of `from`, to before `goal`, the cell of `to`: what lies between a sensor and what it sees.
///
/// A cell's body is where its centre is the nearest lattice point: the 14 half-spaces before the planes midway to its
/// neighbours. The line leaves the cell through the first of these planes that it crosses, into that neighbour:
///
/// ```text
/// t(d) = ((c + d/2 − from) · d) / ((to − from) · d)   for the steps d with (to − from) · d > 0;   c ← c + d of least t(d)
/// ```
///
/// Where the line touches an edge or a corner, planes are crossed at once; cells of which it has no stretch inside are
/// not visited. Each step leads on along the line, so that no cell comes twice and the walk ends.
pub fn walk(from: [f64; 3], to: [f64; 3], start: Cell, goal: Cell, mut visit: impl FnMut(Cell)) {
    let along: [f64; 3] = std::array::from_fn(|a| to[a] - from[a]);
    let mut planes = Planes::new(from, along, start);
    if planes.count == 0 {
        return;
    }
    let mut cell = start;
    let mut entered = 0.0;
    while cell != goal {
        let (lane, leaves) = planes.first();
        if leaves.min(1.0) > entered {
            visit(cell);
        }
        let Some(next) = cell.neighbour(usize::from(planes.neighbours[lane])) else {
            return;
        };
        if leaves >= 1.0 {
            return;
        }
        entered = leaves.max(entered);
        planes.cross(lane);
        cell = next;
    }
}

/// How many planes are kept: of two opposite steps no more than one leads on along the line, so that seven do at most. The
/// eighth is never crossed.
const LANES: usize = 8;

/// The planes of a cell's body that a line crosses on its way out, one a lane: `t = (at + offset) · per_unit`.
///
/// Morally `at` is `c · d` of the cell `c`, a sum of three products of integers. It is kept up from cell to cell instead, by
/// `e · d` for the step `e` taken: whole numbers, so that nothing is rounded.
struct Planes {
    count: usize,
    /// The steps in the fixed order of neighbours.
    neighbours: [u8; LANES],
    at: [f64; LANES],
    /// `(d/2 − from) · d`.
    offset: [f64; LANES],
    /// `1 / ((to − from) · d)`.
    per_unit: [f64; LANES],
    /// For each step taken what is added to `at`.
    change: [[f64; LANES]; LANES],
}

impl Planes {
    fn new(from: [f64; 3], along: [f64; 3], start: Cell) -> Self {
        let mut planes = Planes {
            count: 0,
            neighbours: [0; LANES],
            at: [f64::INFINITY; LANES],
            offset: [0.0; LANES],
            per_unit: [1.0; LANES],
            change: [[0.0; LANES]; LANES],
        };
        let whole = |v: [i32; 3], d: [i32; 3]| (0..3).map(|a| v[a] * d[a]).sum::<i32>();
        for (neighbour, d) in NEIGHBOURS.into_iter().enumerate() {
            let dot = |v: [f64; 3]| (0..3).map(|a| v[a] * f64::from(d[a])).sum::<f64>();
            let speed = dot(along);
            if speed > 0.0 && planes.count < LANES - 1 {
                let lane = planes.count;
                planes.neighbours[lane] = neighbour as u8;
                planes.at[lane] = f64::from(whole(start.xyz(), d));
                planes.offset[lane] = f64::from(whole(d, d)) / 2.0 - dot(from);
                planes.per_unit[lane] = 1.0 / speed;
                planes.count += 1;
            }
        }
        for step in 0..planes.count {
            let taken = NEIGHBOURS[usize::from(planes.neighbours[step])];
            for lane in 0..planes.count {
                let d = NEIGHBOURS[usize::from(planes.neighbours[lane])];
                planes.change[step][lane] = f64::from(whole(taken, d));
            }
        }
        planes
    }

    /// The lane of the first plane that the line crosses, the least of several, and where on the line (0 at its start, 1 at
    /// its end).
    #[inline]
    fn first(&self) -> (usize, f64) {
        let t: [f64; LANES] =
            std::array::from_fn(|lane| (self.at[lane] + self.offset[lane]) * self.per_unit[lane]);
        // Which plane comes first is as good as random from cell to cell: a branch on it would be mispredicted.
        let first = |a: (usize, f64), b: (usize, f64)| {
            let is_less = b.1 < a.1;
            let lane = select_unpredictable(is_less, b.0, a.0);
            (lane, if is_less { b.1 } else { a.1 })
        };
        let of = |lane: usize| (lane, t[lane]);
        let halves = [
            first(first(of(0), of(1)), first(of(2), of(3))),
            first(first(of(4), of(5)), of(6)),
        ];
        first(halves[0], halves[1])
    }

    /// Goes on into the cell behind the plane of a lane.
    #[inline]
    fn cross(&mut self, lane: usize) {
        for (at, change) in self.at.iter_mut().zip(&self.change[lane]) {
            *at += change;
        }
    }
}
