//! Where the lattice is laid when nobody says.

use crate::lattice::Legible;
use crate::{Error, Result};

/// How many cell sizes lie between the origin and the first point, at least: a brick.
const MARGIN_CELLS: f64 = 8.0;

/// How many cell sizes the lattice coordinates 0…65535 span on an axis.
const MOST_CELLS: f64 = 32_767.0;

/// The least and the greatest coordinates of positions, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least on each axis; infinite if there is no position.
    pub least: [f64; 3],
    /// The greatest on each axis.
    pub greatest: [f64; 3],
}

impl Bounds {
    /// Those of no position.
    pub const NONE: Bounds = Bounds {
        least: [f64::INFINITY; 3],
        greatest: [f64::NEG_INFINITY; 3],
    };

    /// Takes in a position.
    #[inline]
    pub fn add(&mut self, position_m: [f64; 3]) {
        for (a, c) in position_m.into_iter().enumerate() {
            self.least[a] = self.least[a].min(c);
            self.greatest[a] = self.greatest[a].max(c);
        }
    }

    /// Takes in the positions of other bounds.
    pub fn merge(&mut self, other: &Bounds) {
        for a in 0..3 {
            self.least[a] = self.least[a].min(other.least[a]);
            self.greatest[a] = self.greatest[a].max(other.greatest[a]);
        }
    }

    /// True if there is no position.
    pub fn is_empty(&self) -> bool {
        self.least[0] > self.greatest[0]
    }
}

/// The origin for cells of `cell_size_m` that leaves a brick (8 cell sizes) before the least coordinates:
/// `(floor(least / cell_size) − 8) · cell_size` on each axis, so that scans of the same cell size share a lattice
/// wherever they begin.
///
/// # Errors
/// [`Error::Input`] if the bounds span more cells than the lattice coordinates hold, or lie so far from 0 that cells of
/// this size cannot be told apart.
///
/// # Example
/// ```
/// use octaflow::ingest::{Bounds, default_origin};
/// let bounds = Bounds { least: [0.7, -0.2, 10.0], greatest: [5.0, 5.0, 12.0] };
/// assert_eq!(default_origin(&bounds, 0.5)?, [-3.5, -4.5, 6.0]);
/// # Ok::<(), octaflow::Error>(())
/// ```
pub fn default_origin(bounds: &Bounds, cell_size_m: f64) -> Result<[f64; 3]> {
    let cells = bounds
        .least
        .map(|c| (c / cell_size_m).floor() - MARGIN_CELLS);
    for (a, first) in cells.into_iter().enumerate() {
        let span_m = bounds.greatest[a] - bounds.least[a];
        let fits = bounds.greatest[a] / cell_size_m - first < MOST_CELLS;
        if fits && first.abs() > 2f64.powi(52) {
            return Err(Error::input(format!(
                "--cell-size {}: the input lies at {} m on axis {}, too far from 0 for cells of this size to be told \
                 apart: give a greater --cell-size, or shift the input",
                Legible(cell_size_m),
                Legible(bounds.least[a]),
                ["x", "y", "z"][a],
            )));
        }
        if !fits {
            return Err(Error::input(format!(
                "--cell-size {}: the input spans {} m on axis {}, from {} m on, which is more cells \
                 than the lattice coordinates 0…65535 hold: give a greater --cell-size, or --origin and a part of it",
                Legible(cell_size_m),
                Legible(span_m),
                ["x", "y", "z"][a],
                Legible(bounds.least[a])
            )));
        }
    }
    Ok(cells.map(|c| c * cell_size_m))
}
