//! The map behind the routes: a projection of it as tones of grey.

use super::grid::Grid;
use super::projection::Projection;
use crate::picture::canvas::Canvas;
use crate::picture::depth::depth;
use crate::picture::palette::{self, Rgb, mix};
use crate::picture::view::View;
use std::ops::Range;

/// A projection of the map, bin by bin.
pub(super) struct Backdrop {
    width: usize,
    /// Row by row from the low end.
    colours: Vec<Rgb>,
}

impl Backdrop {
    /// The part of a projection that lies in the bins `shown` along each axis, as it is drawn in `view`.
    pub(super) fn new(
        grid: &Grid,
        projection: &Projection,
        shown: &[Range<usize>; 3],
        view: &View,
    ) -> Self {
        let [columns, rows] = view.axes.map(|a| shown[a].clone());
        let width = columns.len();
        let tones: Vec<Option<f64>> = rows
            .flat_map(|j| columns.clone().map(move |i| projection.tone([i, j])))
            .collect();
        let px_per_bin = grid.bin_units() / view.units_per_px(0);
        let px_per_cell = 2.0 / view.units_per_px(0);
        let depth = depth(tones.iter().map(Option::is_some), width);
        let colour = |(tone, depth): (&Option<f64>, f32)| match tone {
            Some(tone) => palette::clutter(*tone),
            None => palette::obstacle(depth * px_per_bin as f32, px_per_cell),
        };
        Backdrop {
            width,
            colours: tones.iter().zip(depth).map(colour).collect(),
        }
    }

    /// Draws the projection with the image's upper left corner at `(x, y)`. A pixel across the edge of two bins has a
    /// tone between theirs.
    pub(super) fn draw(&self, canvas: &mut Canvas, [x, y]: [usize; 2], view: &View) {
        let [width, height] = view.size;
        let columns = taps(self.width, width);
        let rows = taps(self.colours.len() / self.width, height);
        for (j, &[below, above]) in rows.iter().enumerate() {
            for (i, &[left, right]) in columns.iter().enumerate() {
                let row = |bin: usize| {
                    let tone = |column: usize| self.colours[bin * self.width + column];
                    mix(tone(left.0), tone(right.0), right.1)
                };
                let tone = mix(row(below.0), row(above.0), above.1);
                canvas.set(x + i, y + height - 1 - j, tone);
            }
        }
    }
}

/// For each of `px` pixels, the first and the last of the `bins` bins below it, and their shares of it.
fn taps(bins: usize, px: usize) -> Vec<[(usize, f64); 2]> {
    let bins_per_px = bins as f64 / px as f64;
    let tap = |i: usize| {
        let (left, right) = (i as f64 * bins_per_px, (i + 1) as f64 * bins_per_px);
        let first = (left as usize).min(bins - 1);
        let last = (right as usize).min(bins - 1);
        let share = if last > first {
            ((right - last as f64) / bins_per_px).clamp(0.0, 1.0)
        } else {
            0.0
        };
        [(first, 1.0 - share), (last, share)]
    };
    (0..px).map(tap).collect()
}
