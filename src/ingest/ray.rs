//! Rays: the cells that a straight line passes through.

use crate::lattice::{Cell, NEIGHBOURS};

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
    let planes = Planes::new(from, along);
    let mut cell = start;
    let mut entered = 0.0;
    while cell != goal {
        let Some((step, leaves)) = planes.next(cell) else {
            return;
        };
        if leaves.min(1.0) > entered {
            visit(cell);
        }
        let Some(next) = cell.neighbour(step) else {
            return;
        };
        if leaves >= 1.0 {
            return;
        }
        entered = leaves.max(entered);
        cell = next;
    }
}

/// The planes of a cell's body that a line crosses on its way out.
struct Planes {
    /// The steps that lead on along the line: of two opposite ones no more than one does.
    steps: [Step; 7],
    count: usize,
}

#[derive(Clone, Copy, Default)]
struct Step {
    neighbour: usize,
    d: [i32; 3],
    /// `(d/2 − from) · d`.
    offset: f64,
    /// `1 / ((to − from) · d)`.
    per_unit: f64,
}

impl Planes {
    fn new(from: [f64; 3], along: [f64; 3]) -> Self {
        let mut planes = Planes {
            steps: Default::default(),
            count: 0,
        };
        for (neighbour, d) in NEIGHBOURS.into_iter().enumerate() {
            let dot = |v: [f64; 3]| (0..3).map(|a| v[a] * f64::from(d[a])).sum::<f64>();
            let speed = dot(along);
            if speed > 0.0 && planes.count < planes.steps.len() {
                planes.steps[planes.count] = Step {
                    neighbour,
                    d,
                    offset: f64::from(d.map(|c| c * c).iter().sum::<i32>()) / 2.0 - dot(from),
                    per_unit: 1.0 / speed,
                };
                planes.count += 1;
            }
        }
        planes
    }

    /// The step through the first plane that the line crosses, and where on the line (0 at its start, 1 at its end).
    #[inline]
    fn next(&self, cell: Cell) -> Option<(usize, f64)> {
        let c = cell.xyz();
        let mut first: Option<(usize, f64)> = None;
        for step in &self.steps[..self.count] {
            let at = c[0] * step.d[0] + c[1] * step.d[1] + c[2] * step.d[2];
            let t = (f64::from(at) + step.offset) * step.per_unit;
            if first.is_none_or(|(_, least)| t < least) {
                first = Some((step.neighbour, t));
            }
        }
        first
    }
}
