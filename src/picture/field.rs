//! One slice drawn: the field, its isolines and its sources.

use super::canvas::Canvas;
use super::depth::depth;
use super::palette::{self, INK, Rgb, SOURCE, WHITE};
use super::panel::{NAMES, metres};
use super::plan::{BLOCKED, OPEN, OUTSIDE};
use super::scale::position;
use super::slice::Slice;
use super::view::View;
use crate::lattice::{Cell, Frame};

/// How colours and isolines follow from ticks: shared by all panels and the legend.
pub(super) struct FieldScale {
    /// The greatest distance that a slice shows, in ticks; 0 if none is reached.
    pub(super) most: u32,
    /// The distance between isolines, in ticks.
    pub(super) step_ticks: f64,
    /// What stands for 0 ticks, in ticks: isolines run at multiples of the step from there.
    pub(super) from_ticks: f64,
}

impl FieldScale {
    pub(super) fn colour(&self, ticks: f64) -> Rgb {
        palette::ramp(ticks / f64::from(self.most.max(1)))
    }

    /// Whether an isoline runs between two samples.
    fn parts(&self, a: u32, b: u32) -> bool {
        let level = |ticks: u32| ((f64::from(ticks) + self.from_ticks) / self.step_ticks).floor();
        a < OPEN && b < OPEN && level(a) != level(b)
    }
}

/// What is cut where.
pub(super) fn subject(slice: &Slice, frame: &Frame) -> String {
    let [right, up] = slice.view.axes.map(|a| NAMES[a]);
    let across = slice.view.across();
    let at = metres(frame, across, f64::from(slice.at));
    let at = position(at, frame.cell_size_m());
    format!("{right}{up} at {} = {at} m", NAMES[across])
}

/// Draws the image of a slice with its upper left corner at `corner`.
pub(super) fn draw_slice(
    canvas: &mut Canvas,
    corner: [usize; 2],
    slice: &Slice,
    words: &[u32],
    scale: &FieldScale,
    (sources, through): (&[Cell], Cell),
) {
    draw_field(canvas, corner, &slice.view, words, scale);
    for source in sources.iter().filter(|&&source| source != through) {
        draw_source(canvas, corner, slice, *source, 3.5);
    }
    if sources.contains(&through) {
        draw_source(canvas, corner, slice, through, 5.5);
    }
}

/// Draws what was painted of a slice, with the image's upper left corner at `(x, y)`.
fn draw_field(
    canvas: &mut Canvas,
    [x, y]: [usize; 2],
    view: &View,
    words: &[u32],
    scale: &FieldScale,
) {
    let [width, height] = view.size;
    let at = |i: usize, j: usize| words[j * width + i];
    let depth = depth(words.iter().map(|&word| word <= OPEN), width);
    let px_per_cell = 2.0 / view.units_per_px(0);
    for j in 0..height {
        for i in 0..width {
            let word = at(i, j);
            let colour = match word {
                OUTSIDE => WHITE,
                BLOCKED => palette::obstacle(depth[j * width + i], px_per_cell),
                OPEN => palette::unreached(i, j),
                ticks => scale.colour(f64::from(ticks)),
            };
            canvas.set(x + i, y + j, colour);
            let crossed = i + 1 < width && scale.parts(word, at(i + 1, j))
                || j + 1 < height && scale.parts(word, at(i, j + 1));
            if crossed {
                canvas.blend(x + i, y + j, INK, 0.75);
            }
        }
    }
}

/// Marks a source if it lies in the slice.
fn draw_source(canvas: &mut Canvas, [x, y]: [usize; 2], slice: &Slice, source: Cell, radius: f64) {
    if slice.marks(source) {
        let (view, cell) = (&slice.view, source.xyz());
        let at = view.axes.map(|a| f64::from(cell[a]));
        let column = x as f64 + view.px(0, at[0]);
        let row = (y + view.size[1]) as f64 - view.px(1, at[1]);
        canvas.disc(column, row, radius + 1.5, WHITE);
        canvas.disc(column, row, radius, SOURCE);
    }
}
