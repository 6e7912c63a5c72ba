//! One slice: a plane across an axis, cut into pixels, each showing the cells whose Voronoi cell holds its centre.

use super::view::View;
use crate::lattice::Cell;
use std::ops::Range;

/// The longest side of a slice, in pixels.
const LONG_SIDE_PX: f64 = 640.0;

/// A box at least this long, in lattice units, is drawn to half a unit beyond its outermost cells, where their
/// octagons still close up; a shorter one to a whole unit, so that its outermost cells are seen whole.
const LONG_BOX: f64 = 60.0;

/// A plane across the axis along which its view looks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slice {
    pub(super) view: View,
    /// The plane's coordinate across the view, in lattice units: that of a cell.
    pub(super) at: i32,
    /// The box of the cells that are shown.
    cells: [[i32; 3]; 2],
}

impl Slice {
    /// The slice of the box `low…high` (both included, lattice units) through `through`.
    pub(super) fn new(axes: [usize; 2], low: [i32; 3], high: [i32; 3], through: Cell) -> Self {
        let span = |a: usize| f64::from(high[a]) - f64::from(low[a]);
        let rim = if (0..3).any(|a| span(a) >= LONG_BOX) {
            0.5
        } else {
            1.0
        };
        let low_edges = low.map(|c| f64::from(c) - rim);
        let high_edges = high.map(|c| f64::from(c) + rim);
        let view = View::new(axes, low_edges, high_edges, LONG_SIDE_PX);
        Slice {
            at: through.xyz()[view.across()],
            view,
            cells: [low, high],
        }
    }

    /// Whether a source in a cell is marked: one in the plane or beside it.
    pub(super) fn marks(&self, source: Cell) -> bool {
        let (view, cell) = (&self.view, source.xyz());
        let at = view.axes.map(|a| f64::from(cell[a]));
        let inside = (0..2).all(|a| (view.low[a]..=view.high[a]).contains(&at[a]));
        inside && (cell[view.across()] - self.at).abs() <= 1
    }

    /// The pixels whose centres may lie in a cell with coordinates `low…high` along drawn axis `a`.
    fn reach(&self, a: usize, low: i32, high: i32) -> Range<usize> {
        let first = self.view.px(a, f64::from(low) - 1.0).floor().max(0.0) as usize;
        let end = self.view.px(a, f64::from(high) + 1.0).ceil().max(0.0) as usize + 1;
        first..end.min(self.view.size[a])
    }

    /// Calls `show(pixel)` for each pixel that shows a cell of the box.
    pub(super) fn visit_box(&self, mut show: impl FnMut(usize)) {
        let [low, high] = self.cells;
        self.visit(low, high, |pixel, _| show(pixel));
    }

    /// Calls `show(pixel, cell)` for each pixel and each cell of the box with coordinates in `low…high` whose Voronoi cell holds
    /// the pixel's centre. In the plane of a cell an octagon of it shows, and between the octagons squares in which
    /// the cells before and behind the plane are equally near: both are shown.
    pub(super) fn visit(&self, low: [i32; 3], high: [i32; 3], mut show: impl FnMut(usize, Cell)) {
        let low: [i32; 3] = std::array::from_fn(|a| low[a].max(self.cells[0][a]));
        let high: [i32; 3] = std::array::from_fn(|a| high[a].min(self.cells[1][a]));
        let across = self.view.across();
        if low[across] > self.at + 1 || high[across] < self.at - 1 {
            return;
        }
        let [right, up] = self.view.axes;
        for j in self.reach(1, low[up], high[up]) {
            let v = self.view.centre(1, j);
            // Rows of pixels run from the top down.
            let row = (self.view.size[1] - 1 - j) * self.view.size[0];
            for i in self.reach(0, low[right], high[right]) {
                let (offset, [u, v]) = self.nearest([self.view.centre(0, i), v]);
                for &step in if offset { &[-1, 1][..] } else { &[0] } {
                    let mut xyz = [0; 3];
                    (xyz[right], xyz[up], xyz[across]) = (u, v, self.at + step);
                    if (0..3).all(|a| (low[a]..=high[a]).contains(&xyz[a])) {
                        let [x, y, z] = xyz;
                        show(
                            row + i,
                            Cell::new(x, y, z).expect("nearest keeps the parity"),
                        );
                    }
                }
            }
        }
    }

    /// Calls `show(pixel, cell)` for each cell of the box with coordinates in `low…high` that shows in the plane, where
    /// cells are smaller than pixels: with the pixel that it lies in. [`Slice::visit`] passes most of them over then.
    pub(super) fn visit_small(
        &self,
        low: [i32; 3],
        high: [i32; 3],
        mut show: impl FnMut(usize, Cell),
    ) {
        if (0..2).all(|a| self.view.units_per_px(a) <= 1.0) {
            return;
        }
        let (low, high): ([i32; 3], [i32; 3]) = (
            std::array::from_fn(|a| low[a].max(self.cells[0][a])),
            std::array::from_fn(|a| high[a].min(self.cells[1][a])),
        );
        let (across, [right, up]) = (self.view.across(), self.view.axes);
        let pixel = |a: usize, c: i32| {
            let px = self.view.px(a, f64::from(c)).max(0.0) as usize;
            px.min(self.view.size[a] - 1)
        };
        for w in low[across].max(self.at - 1)..=high[across].min(self.at + 1) {
            for v in low[up]..=high[up] {
                let row = (self.view.size[1] - 1 - pixel(1, v)) * self.view.size[0];
                for u in low[right]..=high[right] {
                    let mut xyz = [0; 3];
                    (xyz[right], xyz[up], xyz[across]) = (u, v, w);
                    if let Ok(cell) = Cell::try_from(xyz) {
                        show(row + pixel(0, u), cell);
                    }
                }
            }
        }
    }

    /// The coordinates along `axes` of the cells nearest to a point of the plane, and whether they lie one unit
    /// before and behind the plane instead of in it.
    fn nearest(&self, point: [f64; 2]) -> (bool, [i32; 2]) {
        let parity = f64::from(self.at.rem_euclid(2));
        let round = |parity: f64| point.map(|c| 2.0 * ((c - parity) / 2.0).round() + parity);
        let square = |p: [f64; 2]| (p[0] - point[0]).powi(2) + (p[1] - point[1]).powi(2);
        let (inside, beside) = (round(parity), round(1.0 - parity));
        // A point on an octagon's edge is inside, whatever rounding says.
        let offset = square(beside) + 1.0 + 1e-9 < square(inside);
        (
            offset,
            if offset { beside } else { inside }.map(|c| c as i32),
        )
    }
}
