//! What a picture samples, and the samples.

use super::render;
use super::slice::Slice;
use super::span::Span;
use crate::brick::{BRICK_UNITS, BrickId, Costs};
use crate::error::Result;
use crate::lattice::{Cell, Frame, UNREACHED};

/// The sample of an open cell that no source reaches. Ticks are smaller.
pub(super) const OPEN: u32 = UNREACHED;

/// The sample of a blocked cell, and of one that no brick holds.
pub(super) const BLOCKED: u32 = UNREACHED + 1;

/// The sample of a pixel that shows no cell of the map's box.
pub(super) const OUTSIDE: u32 = u32::MAX;

/// What a picture shows of each of its pixels, as painted so far: the distance in ticks, or that the cell is
/// unreached, blocked or outside the map's box.
///
/// Samples are flat words, so that they can travel between workers and processes. Where two cells share a pixel,
/// and where samples are merged, the least word wins: what is open stands before what is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples(Vec<u32>);

impl Samples {
    /// Adds what another worker has painted. In whatever order samples are merged, the sum is the same.
    ///
    /// # Panics
    /// If the samples are of different plans.
    pub fn merge(&mut self, other: &Samples) {
        assert_eq!(
            self.0.len(),
            other.0.len(),
            "samples of different pictures cannot be merged"
        );
        for (mine, &theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).min(theirs);
        }
    }

    /// The samples as words, one a pixel: slice by slice, row by row from the top.
    pub fn words(&self) -> &[u32] {
        &self.0
    }

    /// The words themselves; [`PicturePlan::samples`] takes them back.
    pub fn into_words(self) -> Vec<u32> {
        self.0
    }
}

/// What a picture samples: three slices through a cell, across z, y and x, and what they mean in metres.
///
/// It follows from its arguments alone, so all workers of a run make the same plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PicturePlan {
    pub(super) frame: Frame,
    pub(super) through: Cell,
    /// The slices xy, xz, yz.
    pub(super) slices: [Slice; 3],
}

impl PicturePlan {
    /// The picture of a map whose open cells have the box `span`, cut through the cell `through`; if that lies beyond,
    /// the picture reaches to it.
    ///
    /// All slices have one scale, by which the map's longest side is 640 pixels, unless a slice would be too small to
    /// see.
    pub fn new(span: Span, frame: Frame, through: Cell) -> Self {
        let (Span { low, high }, cell) = (span, through.xyz());
        // An empty box has its low above its high: the cell alone remains.
        let low: [i32; 3] = std::array::from_fn(|a| low[a].min(cell[a]));
        let high: [i32; 3] = std::array::from_fn(|a| high[a].max(cell[a]));
        PicturePlan {
            frame,
            through,
            slices: [[0, 1], [0, 2], [1, 2]].map(|axes| Slice::new(axes, low, high, through)),
        }
    }

    /// Samples on which no brick is painted: as if all cells of the box were blocked, since bricks without an open
    /// cell are never there to be painted.
    pub fn blank(&self) -> Samples {
        let mut words = vec![OUTSIDE; self.words()];
        let mut rest = words.as_mut_slice();
        for slice in &self.slices {
            let (own, after) = rest.split_at_mut(slice.view.pixels());
            slice.visit_box(|pixel| own[pixel] = BLOCKED);
            rest = after;
        }
        Samples(words)
    }

    /// The samples that another worker made into words, or `None` if those are not as many as this plan's.
    pub fn samples(&self, words: Vec<u32>) -> Option<Samples> {
        (words.len() == self.words()).then_some(Samples(words))
    }

    /// How many words the samples are: at most 1.3 million.
    pub fn words(&self) -> usize {
        self.slices.iter().map(|slice| slice.view.pixels()).sum()
    }

    /// Paints a brick, given the costs and the distances in ticks of its cells, both indexed by
    /// [`Local`](crate::brick::Local). A brick that meets no slice costs a few comparisons.
    ///
    /// # Panics
    /// If the samples are of a different plan.
    pub fn paint(&self, samples: &mut Samples, brick: BrickId, costs: &Costs, ticks: &[u32; 1024]) {
        let low = brick.xyz().map(|c| c * BRICK_UNITS);
        let high = low.map(|c| c + BRICK_UNITS - 1);
        let mut rest = samples.0.as_mut_slice();
        for slice in &self.slices {
            let (words, after) = rest.split_at_mut(slice.view.pixels());
            let mut show = |pixel: usize, cell| {
                let (_, local) = BrickId::locate(cell).expect("the cell lies in the brick");
                let sample = match costs[local.index()] {
                    0 => BLOCKED,
                    _ => ticks[local.index()].min(OPEN),
                };
                words[pixel] = words[pixel].min(sample);
            };
            slice.visit(low, high, &mut show);
            slice.visit_small(low, high, &mut show);
            rest = after;
        }
    }

    /// Whether a picture marks a source in a cell.
    pub fn marks(&self, source: Cell) -> bool {
        self.slices.iter().any(|slice| slice.marks(source))
    }

    /// Draws the picture: a PNG's bytes, the same for the same samples, sources and title.
    ///
    /// Of `sources`, those that lie in a slice are marked, the one that the slices meet in by a larger mark. Characters of
    /// the title beyond Latin-1 become `?`.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) if the PNG cannot be encoded.
    pub fn render(&self, samples: &Samples, sources: &[Cell], title: &str) -> Result<Vec<u8>> {
        render::render(self, samples, sources, title)
    }

    /// Draws the picture of values that were painted as [`Shade::word`]s: a PNG's bytes.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) if the PNG cannot be encoded.
    pub fn render_values(&self, samples: &Samples, shade: Shade, title: &str) -> Result<Vec<u8>> {
        render::render_values(self, samples, shade, title)
    }
}

/// How numbers become samples: from the least to the greatest of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shade {
    pub(super) least: f64,
    pub(super) greatest: f64,
}

/// The sample of the greatest value.
pub(super) const MOST_SHADE: u32 = 1 << 30;

impl Shade {
    /// The samples of values between these two.
    pub fn new(least: f64, greatest: f64) -> Self {
        Shade { least, greatest }
    }

    /// The sample of a value.
    pub fn word(&self, value: f64) -> u32 {
        let share = (value - self.least) / (self.greatest - self.least);
        // Where all values are one, any colour is theirs; a cast takes what is not a number for 0.
        (share.clamp(0.0, 1.0) * f64::from(MOST_SHADE)) as u32
    }
}
