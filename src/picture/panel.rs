//! One slice drawn: the field, its isolines and sources, axes in metres, a title and a scale bar.

use super::canvas::{Canvas, Text};
use super::palette::{self, FRAME, INK, Rgb, SOURCE, WHITE};
use super::plan::{BLOCKED, OPEN, OUTSIDE};
use super::scale::{multiples, number, position, round_step};
use super::slice::Slice;
use crate::lattice::{Cell, Frame};
use std::f32::consts::SQRT_2;

/// The names of the axes.
const NAMES: [&str; 3] = ["x", "y", "z"];

/// A panel is at least this wide, so that its title has room.
const LEAST_WIDTH: usize = 300;

/// From the image up to the top of the title.
const ABOVE: usize = 28;

/// From the image down to the bottom of the axis name.
const BELOW: usize = 44;

/// Room at the right for half of the last tick's label.
const RIGHT: usize = 36;

/// A scale bar is at least this long where the image is twice as wide.
const LEAST_BAR: usize = 40;

/// The length of a tick, and the gap to its label.
const TICK: usize = 5;

/// How colours and isolines follow from ticks: shared by all panels and the legend.
pub(super) struct FieldScale {
    /// The greatest distance that a slice shows, in ticks; 0 if none is reached.
    pub(super) most: u32,
    /// The distance between isolines, in ticks.
    pub(super) step_ticks: f64,
}

impl FieldScale {
    pub(super) fn colour(&self, ticks: f64) -> Rgb {
        palette::ramp(ticks / f64::from(self.most.max(1)))
    }

    /// Whether an isoline runs between two samples.
    fn parts(&self, a: u32, b: u32) -> bool {
        let level = |ticks: u32| (f64::from(ticks) / self.step_ticks).floor();
        a < OPEN && b < OPEN && level(a) != level(b)
    }
}

/// A slice, its samples, and how it is written.
pub(super) struct Panel<'a> {
    slice: &'a Slice,
    words: &'a [u32],
    frame: Frame,
    /// Metres along the axes to the right and upwards.
    steps_m: [f64; 2],
    /// From the panel's left edge to the image: room for the labels, and more where panels are to line up.
    pub(super) margin: usize,
}

impl<'a> Panel<'a> {
    pub(super) fn new(slice: &'a Slice, words: &'a [u32], frame: Frame) -> Self {
        let mut panel = Panel {
            slice,
            words,
            frame,
            steps_m: [0.0; 2],
            margin: 0,
        };
        panel.steps_m = [0, 1].map(|a| panel.tick_step_m(a));
        let widest = panel
            .ticks(1)
            .into_iter()
            .map(|(_, label)| Text::Small.width(&label));
        panel.margin = widest.max().unwrap_or(0).max(Text::Small.width("x, m")) + 2 * TICK + 4;
        panel
    }

    /// The width of the panel with its margins.
    pub(super) fn width(&self) -> usize {
        self.margin + self.slice.size[0].max(LEAST_WIDTH) + RIGHT
    }

    /// The height of the panel with its margins.
    pub(super) fn height(&self) -> usize {
        ABOVE + self.slice.size[1] + BELOW
    }

    /// Where the image's upper left corner is if the panel's is at `(left, top)`.
    pub(super) fn image(&self, left: usize, top: usize) -> (usize, usize) {
        (left + self.margin, top + ABOVE)
    }

    /// Draws the panel with its upper left corner at `(left, top)`.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        left: usize,
        top: usize,
        scale: &FieldScale,
        sources: &[Cell],
    ) {
        let (x, y) = self.image(left, top);
        self.draw_field(canvas, x, y, scale);
        let [width, height] = self.slice.size;
        canvas.outline(x, y, width, height, FRAME);
        for source in sources.iter().skip(1) {
            self.draw_source(canvas, x, y, *source, 3.5);
        }
        if let Some(first) = sources.first() {
            self.draw_source(canvas, x, y, *first, 5.5);
        }
        self.draw_axes(canvas, x, y);
        canvas.text(x, top, Text::Strong, &self.title(), INK);
    }

    fn draw_field(&self, canvas: &mut Canvas, x: usize, y: usize, scale: &FieldScale) {
        let [width, height] = self.slice.size;
        let at = |i: usize, j: usize| self.words[j * width + i];
        let depth = depth(self.words, width);
        let px_per_cell = 2.0 / self.slice.units_per_px(0);
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
    fn draw_source(&self, canvas: &mut Canvas, x: usize, y: usize, source: Cell, radius: f64) {
        let (slice, cell) = (self.slice, source.xyz());
        let at = slice.axes.map(|a| f64::from(cell[a]));
        let inside = (0..2).all(|a| (slice.low[a]..=slice.high[a]).contains(&at[a]));
        if inside && (cell[slice.across] - slice.at).abs() <= 1 {
            let column = x as f64 + slice.px(0, at[0]);
            let row = (y + slice.size[1]) as f64 - slice.px(1, at[1]);
            canvas.disc(column, row, radius + 1.5, WHITE);
            canvas.disc(column, row, radius, SOURCE);
        }
    }

    fn draw_axes(&self, canvas: &mut Canvas, x: usize, y: usize) {
        let [width, height] = self.slice.size;
        let (right, bottom) = (x + width, y + height);
        for (px, label) in self.ticks(0) {
            canvas.fill(x + px, bottom + 1, 1, TICK, FRAME);
            let left = (x + px).saturating_sub(Text::Small.width(&label) / 2);
            canvas.text(left, bottom + TICK + 3, Text::Small, &label, INK);
        }
        for (px, label) in self.ticks(1) {
            let row = bottom - 1 - px;
            canvas.fill(x - 1 - TICK, row, TICK, 1, FRAME);
            let left = x - 2 * TICK - Text::Small.width(&label);
            canvas.text(
                left,
                row - Text::Small.height() / 2,
                Text::Small,
                &label,
                INK,
            );
        }
        let name = |a: usize| format!("{}, m", NAMES[self.slice.axes[a]]);
        let row = bottom + TICK + 22;
        let bar_end = self.draw_scale_bar(canvas, x, row);
        let across = name(0);
        let left = (right - Text::Small.width(&across)).max(bar_end + 16);
        canvas.text(left, row, Text::Small, &across, INK);
        let up = name(1);
        canvas.text(
            x - 2 * TICK - Text::Small.width(&up),
            y - ABOVE,
            Text::Small,
            &up,
            INK,
        );
    }

    /// What is cut where, and how much an axis is stretched, if one is.
    fn title(&self) -> String {
        let slice = self.slice;
        let [right, up] = slice.axes.map(|a| NAMES[a]);
        let at = self.metres(slice.across, f64::from(slice.at));
        let at = position(at, self.frame.cell_size_m());
        let mut title = format!("{right}{up} at {} = {at} m", NAMES[slice.across]);
        let [over_right, over_up] = [0, 1].map(|a| 1.0 / slice.units_per_px(a));
        if over_up > 1.2 * over_right {
            title += &format!(" ({up} drawn ×{:.1})", over_up / over_right);
        } else if over_right > 1.2 * over_up {
            title += &format!(" ({right} drawn ×{:.1})", over_right / over_up);
        }
        title
    }

    /// A bar of a round length along the axis to the right, and where its label ends.
    fn draw_scale_bar(&self, canvas: &mut Canvas, x: usize, top: usize) -> usize {
        let m_per_px = self.m_per_px(0);
        let length_m = round_step(m_per_px * (self.slice.size[0].min(2 * LEAST_BAR) / 2) as f64);
        let length = ((length_m / m_per_px).round() as usize).min(3 * LEAST_BAR);
        let middle = top + Text::Small.height() / 2;
        canvas.fill(x, middle - 1, length, 3, INK);
        for edge in [x, x + length] {
            canvas.fill(edge, middle - 4, 1, 9, INK);
        }
        let (left, label) = (x + length + 8, format!("{} m", number(length_m, length_m)));
        canvas.text(left, top, Text::Small, &label, INK);
        left + Text::Small.width(&label)
    }

    /// The metres between ticks along drawn axis `a`, so that their labels do not touch.
    fn tick_step_m(&self, a: usize) -> f64 {
        let m_per_px = self.m_per_px(a);
        if a == 1 {
            return round_step(m_per_px * (self.slice.size[a] / 3).clamp(18, 40) as f64);
        }
        let [low, high] = self.ends_m(a);
        let mut step = round_step(m_per_px * 50.0);
        for _ in 0..3 {
            let widest = [low, high].map(|m| Text::Small.width(&number(m, step)));
            let room = widest[0].max(widest[1]) + 14;
            step = round_step((m_per_px * room as f64).max(step));
        }
        step
    }

    /// The ticks along drawn axis `a`: pixels from the low edge, and the label.
    fn ticks(&self, a: usize) -> Vec<(usize, String)> {
        let [low, high] = self.ends_m(a);
        let step = self.steps_m[a];
        let last = self.slice.size[a] - 1;
        let px = |m: f64| ((m - low) / self.m_per_px(a)).floor() as usize;
        multiples(step, low, high)
            .into_iter()
            .map(|m| (px(m).min(last), number(m, step)))
            .collect()
    }

    fn m_per_px(&self, a: usize) -> f64 {
        self.slice.units_per_px(a) * self.frame.cell_size_m() / 2.0
    }

    fn ends_m(&self, a: usize) -> [f64; 2] {
        [self.slice.low[a], self.slice.high[a]].map(|c| self.metres(self.slice.axes[a], c))
    }

    /// The position along an axis of a lattice coordinate.
    fn metres(&self, axis: usize, coordinate: f64) -> f64 {
        self.frame.origin_m()[axis] + coordinate * (self.frame.cell_size_m() / 2.0)
    }
}

/// How far each pixel is from the nearest open one, in pixels, by steps of 1 and √2; 0 on open ones.
fn depth(words: &[u32], width: usize) -> Vec<f32> {
    let height = words.len() / width;
    let mut depth: Vec<f32> = (words.iter())
        .map(|&word| if word <= OPEN { 0.0 } else { f32::INFINITY })
        .collect();
    let mut relax =
        |at: usize, from: usize, step: f32| depth[at] = depth[at].min(depth[from] + step);
    // Forth from the upper left corner, then back: each pixel asks the four that were visited before it.
    for back in [false, true] {
        let turn = |c: usize, end: usize| if back { end - 1 - c } else { c };
        let pixel = |i: usize, j: usize| turn(j, height) * width + turn(i, width);
        for j in 0..height {
            for i in 0..width {
                let at = pixel(i, j);
                if i > 0 {
                    relax(at, pixel(i - 1, j), 1.0);
                }
                if j > 0 {
                    relax(at, pixel(i, j - 1), 1.0);
                    if i > 0 {
                        relax(at, pixel(i - 1, j - 1), SQRT_2);
                    }
                    if i + 1 < width {
                        relax(at, pixel(i + 1, j - 1), SQRT_2);
                    }
                }
            }
        }
    }
    depth
}
