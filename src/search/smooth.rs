//! Smoothing: a route's zig-zag pulled tight into a line of few straight legs, at any angle.
//!
//! 1. **Lay**: from each end, greedily: the next bend is a cell of the route far ahead that is in sight, found by
//!    doubling strides, then halving. The shorter of the two lines stays.
//! 2. **Pull**: for each bend, drop it if its neighbours see each other; else slide it by the step that shortens its
//!    legs most, of those in the 14 directions after which the legs are in sight, with strides of 4, 2 and 1 steps, for
//!    as long as there is one; else slide it together with the next bend. [`ROUNDS`] rounds, passing over bends
//!    that could not move since a neighbour last did.
//! 3. **Cut** each corner: replace a bend by a point on each of its legs, if these see each other. Then pull again.
//!
//! Every change shortens the line, so that it is never longer than the route. A leg passes only cells that are open
//! ([`in_sight`]) and no dearer than the dearest of the route's cells that it stands for: where bends slide or are
//! cut, those between the bends before and after them. A bend that slides goes on standing for the cell of the route
//! that it was laid on.
//!
//! Work, for a route of n cells: O(n log n) cells looked at to lay the line; then each of at most `2 · ROUNDS` rounds
//! looks along a bend's legs a bounded number of times: O(n), as the legs are no longer than the route. The result
//! depends on the route and the costs of the cells alone: lengths are compared as sums of correctly rounded square
//! roots in a fixed order.

use super::{CostLookup, in_sight};
use crate::brick::BrickId;
use crate::lattice::{Cell, NEIGHBOURS};
use std::ops::RangeInclusive;

/// How many rounds of pulling there are at most, before corners are cut and after.
const ROUNDS: usize = 2;
/// The strides by which bends slide, in steps.
const STRIDES: [i32; 3] = [4, 2, 1];
/// How often a bend slides at most by the same stride in a round.
const SLIDES: usize = 4;
/// The parts of the legs, from the bend, at which a corner is cut: the first that can be.
const CUTS: [i32; 4] = [2, 4, 8, 16];

/// The bends of the line that `route`, pulled tight, becomes: its first cell, the bends between, its last cell.
///
/// `route` is a sequence of open cells, each a neighbour of the one before. The line is at most as long as the route,
/// meets only open cells and is the same in every run. A route of fewer than three cells is returned as it is.
///
/// # Errors
/// The first brick that is looked into and has not arrived; the call can be repeated once it has.
pub fn smooth(route: &[Cell], costs: &mut impl CostLookup) -> Result<Vec<Cell>, BrickId> {
    if route.len() < 3 {
        return Ok(route.to_vec());
    }
    let mut line = Line::lay(route, costs)?;
    line.pull()?;
    if line.bends.len() > 2 {
        line.cut_corners()?;
        line.pull()?;
    }
    Ok(tidy(line.bends.iter().map(|bend| bend.cell)))
}

/// The cells of a line without those in which it does not bend: one that comes twice, and one straight on from the cell
/// before it to that behind.
fn tidy(cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    let mut bends: Vec<Cell> = Vec::new();
    for cell in cells {
        if bends.last() == Some(&cell) {
            continue;
        }
        if let [.., a, b] = bends[..]
            && is_straight(a, b, cell)
        {
            bends.pop();
        }
        bends.push(cell);
    }
    bends
}

/// Whether the way from `a` to `b` goes straight on to `c`.
fn is_straight(a: Cell, b: Cell, c: Cell) -> bool {
    let leg = |from: Cell, to: Cell| -> [i64; 3] {
        std::array::from_fn(|k| i64::from(to.xyz()[k]) - i64::from(from.xyz()[k]))
    };
    let (p, q) = (leg(a, b), leg(b, c));
    let ahead = (0..3).map(|k| p[k] * q[k]).sum::<i64>() > 0;
    ahead && (0..3).all(|k| p[k] * q[(k + 1) % 3] == p[(k + 1) % 3] * q[k])
}

/// The Euclidean length of the line through these cells, in lattice units.
pub fn length_units(bends: &[Cell]) -> f64 {
    // A sum of no legs would be -0.0.
    bends
        .windows(2)
        .fold(0.0, |length, leg| length + distance_units(leg[0], leg[1]))
}

/// The Euclidean distance of two cells, in lattice units.
fn distance_units(a: Cell, b: Cell) -> f64 {
    let (a, b) = (a.xyz().map(f64::from), b.xyz().map(f64::from));
    let [x, y, z] = std::array::from_fn(|k| (a[k] - b[k]) * (a[k] - b[k]));
    (x + y + z).sqrt()
}

/// A cell where the line bends, or ends.
#[derive(Clone, Copy, Debug)]
struct Bend {
    cell: Cell,
    /// The index of the route's cell that it stands for.
    at: usize,
    /// True if the bend could not move when last tried, and no neighbour has moved since.
    settled: bool,
}

impl Bend {
    fn new(cell: Cell, at: usize) -> Self {
        Bend {
            cell,
            at,
            settled: false,
        }
    }
}

/// The line as it is pulled tight.
struct Line<'a, C> {
    /// The stored costs of the route's cells.
    route_costs: Vec<u16>,
    /// The start, the bends, the goal.
    bends: Vec<Bend>,
    costs: &'a mut C,
}

impl<'a, C: CostLookup> Line<'a, C> {
    /// The shorter of the lines laid greedily from the start and from the goal.
    fn lay(route: &[Cell], costs: &'a mut C) -> Result<Self, BrickId> {
        let route_costs = route
            .iter()
            .map(|&cell| costs.cost(cell))
            .collect::<Result<_, _>>()?;
        let mut line = Line {
            route_costs,
            bends: Vec::new(),
            costs,
        };
        let last = route.len() - 1;
        let laid = if line.is_seen(route, 0, last)? {
            vec![0, last]
        } else {
            let ahead = line.lay_towards(route, |step| step)?;
            let back = line.lay_towards(route, |step| last - step)?;
            let length = |laid: &[usize]| {
                let cells: Vec<Cell> = laid.iter().map(|&at| route[at]).collect();
                length_units(&cells)
            };
            if length(&back) < length(&ahead) {
                back.into_iter().rev().collect()
            } else {
                ahead
            }
        };
        line.bends = laid.iter().map(|&at| Bend::new(route[at], at)).collect();
        Ok(line)
    }

    /// The indices of the route's cells at which a line bends that is laid greedily from the cell of step 0 on.
    fn lay_towards(
        &mut self,
        route: &[Cell],
        at: impl Fn(usize) -> usize,
    ) -> Result<Vec<usize>, BrickId> {
        let last = route.len() - 1;
        let mut laid = vec![at(0)];
        let mut from = 0;
        while from < last {
            let (mut seen, mut stride) = (from + 1, 1);
            let mut hidden = last + 1;
            while seen + 1 < hidden {
                let next = if hidden > last {
                    (seen + stride).min(last)
                } else {
                    seen.midpoint(hidden)
                };
                if self.is_seen(route, at(from), at(next))? {
                    seen = next;
                    stride *= 2;
                } else {
                    hidden = next;
                }
            }
            laid.push(at(seen));
            from = seen;
        }
        Ok(laid)
    }

    /// True if two cells of the route see each other, through cells no dearer than those of the route between them.
    fn is_seen(&mut self, route: &[Cell], a: usize, b: usize) -> Result<bool, BrickId> {
        let dearest = self.dearest(a.min(b), a.max(b));
        in_sight(route[a], route[b], dearest, self.costs)
    }

    /// The greatest cost of the route's cells from one index to another.
    fn dearest(&self, from: usize, to: usize) -> u16 {
        self.route_costs[from..=to]
            .iter()
            .copied()
            .max()
            .unwrap_or(0)
    }

    /// Drops and slides bends until they are settled, or the rounds are over.
    fn pull(&mut self) -> Result<(), BrickId> {
        for _ in 0..ROUNDS {
            let mut i = 1;
            while i + 1 < self.bends.len() {
                if self.bends[i].settled {
                    i += 1;
                } else if self.is_idle(i)? {
                    self.bends.remove(i);
                    self.unsettle(i - 1..=i);
                } else {
                    self.bends[i].settled = true;
                    if self.slide(i..=i)? {
                        self.unsettle(i - 1..=i + 1);
                    } else if i + 2 < self.bends.len() && self.slide(i..=i + 1)? {
                        self.unsettle(i - 1..=i + 2);
                    }
                    i += 1;
                }
            }
        }
        Ok(())
    }

    /// Marks bends as able to move again.
    fn unsettle(&mut self, bends: RangeInclusive<usize>) {
        for bend in &mut self.bends[bends] {
            bend.settled = false;
        }
    }

    /// True if the neighbours of a bend see each other.
    fn is_idle(&mut self, i: usize) -> Result<bool, BrickId> {
        let (a, c) = (self.bends[i - 1], self.bends[i + 1]);
        in_sight(a.cell, c.cell, self.dearest(a.at, c.at), self.costs)
    }

    /// Slides one bend, or two together, while that shortens the legs to their neighbours; tells whether it did.
    fn slide(&mut self, bends: RangeInclusive<usize>) -> Result<bool, BrickId> {
        let (first, last) = (*bends.start(), *bends.end());
        let dearest = self.dearest(self.bends[first - 1].at, self.bends[last + 1].at);
        let mut is_moved = false;
        for stride in STRIDES {
            for _ in 0..SLIDES {
                let Some([p, q]) = self.better_places(first, last, stride, dearest)? else {
                    break;
                };
                (self.bends[first].cell, self.bends[last].cell) = (p, q);
                is_moved = true;
            }
        }
        Ok(is_moved)
    }

    /// Where the bends `first` and `last` (one bend, or two neighbours) come by the step of one stride that shortens
    /// the line most, of those after which all is in sight.
    fn better_places(
        &mut self,
        first: usize,
        last: usize,
        stride: i32,
        dearest: u16,
    ) -> Result<Option<[Cell; 2]>, BrickId> {
        let (a, c) = (self.bends[first - 1].cell, self.bends[last + 1].cell);
        let (p, q) = (self.bends[first].cell, self.bends[last].cell);
        let now_units = distance_units(a, p) + distance_units(q, c);
        let mut shorter = [(0.0, p, q); NEIGHBOURS.len()];
        let mut count = 0;
        for direction in NEIGHBOURS {
            let offset = direction.map(|d| d * stride);
            let (Some(p), Some(q)) = (moved(p, offset), moved(q, offset)) else {
                continue;
            };
            let units = distance_units(a, p) + distance_units(q, c);
            if units < now_units {
                shorter[count] = (units, p, q);
                count += 1;
            }
        }
        // Stable: of equal lengths, the first direction in the fixed order.
        shorter[..count].sort_by(|one, other| one.0.total_cmp(&other.0));
        for &(_, p, q) in &shorter[..count] {
            if in_sight(p, a, dearest, self.costs)?
                && in_sight(q, c, dearest, self.costs)?
                && (first == last || in_sight(p, q, dearest, self.costs)?)
            {
                return Ok(Some([p, q]));
            }
        }
        Ok(None)
    }

    /// Cuts every corner that can be cut.
    fn cut_corners(&mut self) -> Result<(), BrickId> {
        let mut i = 1;
        while i + 1 < self.bends.len() {
            if let Some(cut) = self.cut(i)? {
                let at = self.bends[i].at;
                self.unsettle(i - 1..=i + 1);
                self.bends
                    .splice(i..=i, cut.map(|cell| Bend::new(cell, at)));
                i += 1;
            }
            i += 1;
        }
        Ok(())
    }

    /// Two cells near a bend's legs, in sight of the bends beside it and of each other, between which the line is
    /// shorter than through the bend.
    fn cut(&mut self, i: usize) -> Result<Option<[Cell; 2]>, BrickId> {
        let (a, b, c) = (self.bends[i - 1], self.bends[i].cell, self.bends[i + 1]);
        let dearest = self.dearest(a.at, c.at);
        let now_units = length_units(&[a.cell, b, c.cell]);
        for part in CUTS {
            let (p, q) = (part_way(b, a.cell, part), part_way(b, c.cell, part));
            if length_units(&[a.cell, p, q, c.cell]) < now_units
                && in_sight(p, q, dearest, self.costs)?
                && in_sight(p, a.cell, dearest, self.costs)?
                && in_sight(q, c.cell, dearest, self.costs)?
            {
                return Ok(Some([p, q]));
            }
        }
        Ok(None)
    }
}

/// The cell of `from`'s parity that lies one `part`-th of the way towards `to`, or just before it.
fn part_way(from: Cell, to: Cell, part: i32) -> Cell {
    let (start, end) = (from.xyz(), to.xyz());
    let offset = |k: usize| {
        let way = (i64::from(end[k]) - i64::from(start[k])) / i64::from(part);
        (way - way % 2) as i32
    };
    moved(from, [offset(0), offset(1), offset(2)]).expect("a cell between two cells is one")
}

/// The cell at an offset from `from`, or `None` where `i32` ends or the parities differ.
fn moved(from: Cell, offset: [i32; 3]) -> Option<Cell> {
    let [x, y, z] = from.xyz();
    Cell::new(
        x.checked_add(offset[0])?,
        y.checked_add(offset[1])?,
        z.checked_add(offset[2])?,
    )
    .ok()
}

#[cfg(test)]
mod tests;
