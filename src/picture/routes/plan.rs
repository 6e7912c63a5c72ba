//! What a picture of routes samples, and the samples.

use super::grid::Grid;
use super::render;
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::error::Result;
use crate::lattice::{Cell, Frame};
use crate::picture::Span;

/// The axes to the right and upwards of the three projections: along z, along y, along x.
pub(super) const PROJECTIONS: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];

/// Eight numbers below 256, the first in the lowest byte.
type Lanes = u64;

/// A route as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnRoute {
    /// The query that it answers.
    pub query: i64,
    /// Its cells, or those where it bends, from the start to the goal. A route without any is not drawn.
    pub line: Vec<Cell>,
}

/// How many open cells there are in each column of the map, as painted so far.
///
/// Samples are flat words, so that they can travel between workers and processes. Where samples are merged, words add
/// up: a brick is to be painted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSamples(Vec<u32>);

impl RouteSamples {
    /// Adds what another worker has painted. In whatever order samples are merged, the sum is the same.
    ///
    /// # Panics
    /// If the samples are of different plans.
    pub fn merge(&mut self, other: &RouteSamples) {
        assert_eq!(
            self.0.len(),
            other.0.len(),
            "samples of different pictures cannot be merged"
        );
        for (mine, &theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The samples as words, one a column: projection by projection (along z, y, x), row by row from the low end.
    pub fn words(&self) -> &[u32] {
        &self.0
    }

    /// The words themselves; [`RoutePlan::samples`] takes them back.
    pub fn into_words(self) -> Vec<u32> {
        self.0
    }
}

/// What a picture of routes samples: three projections of the map's box, and what they mean in metres.
///
/// It follows from its arguments alone, so all workers of a run make the same plan.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutePlan {
    pub(super) frame: Frame,
    pub(super) grid: Grid,
}

impl RoutePlan {
    /// The picture of a map whose open cells have the box `span`. The box may be too large, for the picture shows no more
    /// of it than holds open cells and routes; cells beyond it are not shown.
    pub fn new(span: Span, frame: Frame) -> Self {
        let Span { mut low, mut high } = span;
        if low[0] > high[0] {
            // Of no open cell one place is shown.
            (low, high) = (span.centre().xyz(), span.centre().xyz());
        }
        RoutePlan {
            frame,
            grid: Grid::new(low, high),
        }
    }

    /// Samples on which no brick is painted: as if no cell were open.
    pub fn blank(&self) -> RouteSamples {
        RouteSamples(vec![0; self.words()])
    }

    /// The samples that another worker made into words, or `None` if those are not as many as this plan's.
    pub fn samples(&self, words: Vec<u32>) -> Option<RouteSamples> {
        (words.len() == self.words()).then_some(RouteSamples(words))
    }

    /// How many words the samples are: at most 1.6 million.
    pub fn words(&self) -> usize {
        PROJECTIONS.iter().map(|&axes| self.columns(axes)).sum()
    }

    /// How many words a projection has.
    fn columns(&self, [right, up]: [usize; 2]) -> usize {
        self.grid.bins[right] * self.grid.bins[up]
    }

    /// The words of the three projections.
    pub(super) fn split<'a>(&self, samples: &'a RouteSamples) -> [&'a [u32]; 3] {
        let mut rest = samples.words();
        PROJECTIONS.map(|axes| {
            let (words, after) = rest.split_at(self.columns(axes));
            rest = after;
            words
        })
    }

    /// Paints a brick, given the costs of its cells by [`Local`]: adds its open cells to
    /// their columns.
    ///
    /// # Panics
    /// If the samples are of a different plan.
    pub fn paint(&self, samples: &mut RouteSamples, brick: BrickId, costs: &Costs) {
        let corner = brick.xyz().map(|c| c * BRICK_UNITS);
        let open = self.open(corner, costs);
        let bins: [[usize; 16]; 3] = std::array::from_fn(|a| {
            std::array::from_fn(|u| self.grid.bin(a, corner[a] + u as i32))
        });
        let mut rest = samples.0.as_mut_slice();
        for (axes, counts) in PROJECTIONS.into_iter().zip(column_counts(&open)) {
            let (words, after) = rest.split_at_mut(self.columns(axes));
            let [right, up] = axes.map(|a| &bins[a]);
            let width = self.grid.bins[axes[0]];
            for (row, counts) in counts.into_iter().enumerate() {
                let (parity, j, counts) = (row / 8, row % 8, counts.to_le_bytes());
                let words = &mut words[up[2 * j + parity] * width..][..width];
                let (first, last) = (right[parity], right[14 + parity]);
                // Two units further is at most a bin further, so these are eight bins in a row.
                if last == first + 7 {
                    for (word, count) in words[first..=last].iter_mut().zip(counts) {
                        *word = word.saturating_add(u32::from(count));
                    }
                } else {
                    for (i, count) in counts.into_iter().enumerate() {
                        let word = &mut words[right[2 * i + parity]];
                        *word = word.saturating_add(u32::from(count));
                    }
                }
            }
            rest = after;
        }
    }

    /// For each row of a brick's cells along x, 1 in the lanes of those that are open and in the box.
    fn open(&self, corner: [i32; 3], costs: &Costs) -> [Lanes; BRICK_CELLS / 8] {
        let mut open = costs.map(|cost| u8::from(cost != 0));
        let Grid { low, high, .. } = &self.grid;
        if (0..3).any(|a| corner[a] < low[a] || corner[a] + BRICK_UNITS - 1 > high[a]) {
            for (index, open) in open.iter_mut().enumerate() {
                let units = Local::new(index).map_or([0; 3], Local::units);
                let inside = |a: usize| (low[a]..=high[a]).contains(&(corner[a] + units[a]));
                *open &= u8::from((0..3).all(inside));
            }
        }
        let rows = open.as_chunks::<8>().0;
        std::array::from_fn(|row| Lanes::from_le_bytes(rows[row]))
    }

    /// Draws the picture: a PNG's bytes, the same for the same samples, routes and title.
    ///
    /// Few routes have a colour each, more are coloured by their length, and of very many it is shown how many pass
    /// through each pixel. Characters of the title beyond Latin-1 become `?`.
    ///
    /// # Panics
    /// If the samples are of a different plan.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) if the PNG cannot be encoded.
    pub fn render(
        &self,
        samples: &RouteSamples,
        routes: &[DrawnRoute],
        title: &str,
    ) -> Result<Vec<u8>> {
        render::render(self, samples, routes, title)
    }
}

/// How many cells are open in each of a brick's columns along z, y and x: a lane for each column to the right, and
/// `parity · 8 + up` for the rest.
fn column_counts(open: &[Lanes; BRICK_CELLS / 8]) -> [[Lanes; 16]; 3] {
    let mut counts = [[0; 16]; 3];
    for (row, cells) in open.iter().enumerate() {
        let (parity, k, j) = (row / 64, row / 8 % 8, row % 8);
        // A column has eight cells: no lane overflows.
        counts[0][parity * 8 + j] += cells;
        counts[1][parity * 8 + k] += cells;
        // The highest lane of the product is the sum of all lanes.
        let sum = cells.wrapping_mul(0x0101_0101_0101_0101) >> 56;
        counts[2][parity * 8 + k] |= sum << (8 * j);
    }
    counts
}
