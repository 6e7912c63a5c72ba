//! A projection of the map: how much of each of its columns is blocked, and which columns are worth showing.

use super::grid::Grid;
use std::ops::Range;

/// Of all columns with an open cell, this share is darker than any tone or lighter: a few odd ones do not decide about the
/// contrast.
const ODD_SHARE: f64 = 0.002;

/// A column below this tone is as good as open.
const FAINT: f64 = 0.1;

/// The tone of the middle one among the columns that are not faint.
const MIDDLE: f64 = 0.45;

/// An axis with fewer bins has none to spare.
const FEW: usize = 5;

/// The columns within the bins that open cells span, row by row from the low end.
pub(super) struct Projection {
    /// The bins to the right and upwards.
    bins: [Range<usize>; 2],
    /// How much of each column is blocked, or `None` where nothing in it is open.
    blocked: Vec<Option<f64>>,
    /// The shares of the lightest and the darkest tone.
    ends: [f64; 2],
    /// The power that spreads the tones between.
    power: f64,
}

impl Projection {
    /// The projection along the axis that is not among `axes`, whose columns have `open` open cells; `spanned` are the
    /// bins along each axis that open cells span.
    pub(super) fn new(
        grid: &Grid,
        axes: [usize; 2],
        open: &[u32],
        spanned: &[Range<usize>; 3],
    ) -> Self {
        let bins = axes.map(|a| spanned[a].clone());
        let mut projection = Projection {
            blocked: blocked(grid, axes, open, spanned),
            bins,
            ends: [0.0; 2],
            power: 1.0,
        };
        projection.set_contrast();
        projection
    }

    /// The tone of a column from 0, the most open, to 1; `None` where nothing in it is open.
    pub(super) fn tone(&self, bin: [usize; 2]) -> Option<f64> {
        self.blocked[self.index(bin)].map(|share| self.linear(share).powf(self.power))
    }

    /// Calls `show` for the columns that are partly blocked or beside one without any open cell. The outermost are not
    /// asked, for they may lie partly beyond the map.
    pub(super) fn visit_features(&self, mut show: impl FnMut([usize; 2])) {
        let is_closed = |[i, j]: [usize; 2]| {
            let inside = self.bins[0].contains(&i) && self.bins[1].contains(&j);
            inside && self.blocked[self.index([i, j])].is_none()
        };
        for bin in self.inner() {
            let [i, j] = bin;
            let (left, below) = (i.wrapping_sub(1), j.wrapping_sub(1));
            let beside = [[left, j], [i + 1, j], [i, below], [i, j + 1]];
            let is_feature = self.blocked[self.index(bin)].is_some_and(|share| {
                self.linear(share) > FAINT || beside.into_iter().any(is_closed)
            });
            if is_feature {
                show(bin);
            }
        }
    }

    fn index(&self, [i, j]: [usize; 2]) -> usize {
        (j - self.bins[1].start) * self.bins[0].len() + i - self.bins[0].start
    }

    /// The bins without the outermost, along axes that have some to spare.
    fn inner(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [columns, rows] = (self.bins.clone()).map(|bins| match bins.len() {
            ..FEW => bins,
            _ => bins.start + 1..bins.end - 1,
        });
        rows.flat_map(move |j| columns.clone().map(move |i| [i, j]))
    }

    fn linear(&self, share: f64) -> f64 {
        let [least, most] = self.ends;
        if most > least {
            ((share - least) / (most - least)).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn set_contrast(&mut self) {
        let inner = self.inner().filter_map(|bin| self.blocked[self.index(bin)]);
        let mut shares: Vec<f64> = inner.collect();
        shares.sort_unstable_by(f64::total_cmp);
        let odd = (shares.len() as f64 * ODD_SHARE) as usize;
        let (Some(&least), Some(&most)) = (shares.get(odd), shares.iter().rev().nth(odd)) else {
            return;
        };
        self.ends = [least, most];
        let faint = shares.partition_point(|&share| self.linear(share) <= FAINT);
        if let Some(&middle) = shares[faint..].get((shares.len() - faint) / 2) {
            self.power = (MIDDLE.ln() / self.linear(middle).min(0.999).ln()).clamp(0.4, 2.5);
        }
    }
}

fn blocked(
    grid: &Grid,
    [right, up]: [usize; 2],
    open: &[u32],
    spanned: &[Range<usize>; 3],
) -> Vec<Option<f64>> {
    let across = 3 - right - up;
    let deep = grid.coordinates(across)[spanned[across].clone()]
        .iter()
        .fold([0; 2], |sum, bin| [sum[0] + bin[0], sum[1] + bin[1]]);
    let (columns, rows) = (grid.coordinates(right), grid.coordinates(up));
    let share = |i: usize, j: usize| {
        let open = open[j * grid.bins[right] + i];
        let cells = |parity: usize| columns[i][parity] * rows[j][parity] * deep[parity];
        let cells = (cells(0) + cells(1)).max(u64::from(open));
        (open > 0).then(|| 1.0 - f64::from(open) / cells as f64)
    };
    let bins = spanned[up]
        .clone()
        .flat_map(|j| spanned[right].clone().map(move |i| (i, j)));
    bins.map(|(i, j)| share(i, j)).collect()
}
