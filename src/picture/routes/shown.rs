//! Which part of the map a picture shows.

use super::grid::Grid;
use super::lines::Lines;
use super::plan::{PROJECTIONS, RoutePlan, RouteSamples};
use super::projection::Projection;
use crate::picture::view::View;
use std::ops::Range;

/// The longest side of what is shown, in pixels.
const LONG_SIDE_PX: f64 = 720.0;

/// The room left around routes and obstacles: one part in so many of their longest side.
const MARGIN: usize = 25;

/// The part of the map around its routes and obstacles. What is empty beyond, and what is solid, is left out.
pub(super) struct Shown {
    pub(super) projections: [Projection; 3],
    /// The bins along each axis.
    pub(super) bins: [Range<usize>; 3],
    pub(super) views: [View; 3],
}

impl Shown {
    pub(super) fn new(plan: &RoutePlan, samples: &RouteSamples, lines: &Lines) -> Self {
        let grid = &plan.grid;
        let routes = Reach::of_routes(grid, lines);
        let mut spanned = routes.clone();
        let words = plan.split(samples);
        for ([right, up], words) in PROJECTIONS.into_iter().zip(words) {
            for (at, _) in words.iter().enumerate().filter(|(_, open)| **open > 0) {
                spanned.take(right, at % grid.bins[right]);
                spanned.take(up, at / grid.bins[right]);
            }
        }
        let spanned = spanned.bins(&grid.bins.map(|n| 0..n), 0);

        let projections: [Projection; 3] =
            std::array::from_fn(|v| Projection::new(grid, PROJECTIONS[v], words[v], &spanned));
        let mut worth = routes;
        for (axes, projection) in PROJECTIONS.into_iter().zip(&projections) {
            projection.visit_features(|bin| (0..2).for_each(|a| worth.take(axes[a], bin[a])));
        }
        let bins = worth.bins(&spanned, worth.longest().div_ceil(MARGIN) + 1);
        let low = std::array::from_fn(|a| grid.edge(a, bins[a].start));
        let high = std::array::from_fn(|a| grid.edge(a, bins[a].end));
        Shown {
            projections,
            views: PROJECTIONS.map(|axes| View::new(axes, low, high, LONG_SIDE_PX)),
            bins,
        }
    }
}

/// The least and the greatest bin along each axis, if there is any.
#[derive(Clone)]
struct Reach([Option<[usize; 2]>; 3]);

impl Reach {
    fn of_routes(grid: &Grid, lines: &Lines) -> Self {
        let mut reach = Reach([None; 3]);
        for cell in lines.routes.iter().flat_map(|route| &route.line) {
            let cell = cell.xyz();
            if (0..3).all(|a| (grid.low[a]..=grid.high[a]).contains(&cell[a])) {
                (0..3).for_each(|a| reach.take(a, grid.bin(a, cell[a])));
            }
        }
        reach
    }

    fn take(&mut self, a: usize, bin: usize) {
        let [first, last] = self.0[a].unwrap_or([bin; 2]);
        self.0[a] = Some([first.min(bin), last.max(bin)]);
    }

    /// How many bins there are along the axis with the most.
    fn longest(&self) -> usize {
        let lengths = self
            .0
            .iter()
            .flatten()
            .map(|[first, last]| last - first + 1);
        lengths.max().unwrap_or(0)
    }

    /// The bins with `margin` more on either side, as far as they lie `within`; all of those where there is none.
    fn bins(&self, within: &[Range<usize>; 3], margin: usize) -> [Range<usize>; 3] {
        std::array::from_fn(|a| match self.0[a] {
            Some([first, last]) => {
                let first = first.saturating_sub(margin).max(within[a].start);
                first..(last + 1 + margin).min(within[a].end)
            }
            None => within[a].clone(),
        })
    }
}
