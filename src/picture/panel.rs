//! What surrounds an image: axes in metres, a title and a scale bar.

use super::canvas::{Canvas, Text};
use super::palette::{FRAME, INK};
use super::scale::{multiples, number, round_step};
use super::view::View;
use crate::lattice::Frame;

/// The names of the axes.
pub(super) const NAMES: [&str; 3] = ["x", "y", "z"];

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

/// A view, and how it is written.
pub(super) struct Panel<'a> {
    view: &'a View,
    frame: Frame,
    /// What the view shows.
    subject: String,
    /// Metres along the axes to the right and upwards.
    steps_m: [f64; 2],
    /// From the panel's left edge to the image: room for the labels, and more where panels are to line up.
    pub(super) margin: usize,
}

impl<'a> Panel<'a> {
    pub(super) fn new(view: &'a View, frame: Frame, subject: String) -> Self {
        let mut panel = Panel {
            view,
            frame,
            subject,
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
        self.margin + self.view.size[0].max(LEAST_WIDTH) + RIGHT
    }

    /// The height of the panel with its margins.
    pub(super) fn height(&self) -> usize {
        ABOVE + self.view.size[1] + BELOW
    }

    /// Where the image's upper left corner is if the panel's is at `(left, top)`.
    pub(super) fn image(&self, left: usize, top: usize) -> (usize, usize) {
        (left + self.margin, top + ABOVE)
    }

    /// Draws all but the image: its outline, axes, title and scale bar, with the panel's upper left corner at
    /// `(left, top)`.
    pub(super) fn draw(&self, canvas: &mut Canvas, left: usize, top: usize) {
        let (x, y) = self.image(left, top);
        let [width, height] = self.view.size;
        canvas.outline(x, y, width, height, FRAME);
        self.draw_axes(canvas, x, y);
        canvas.text(x, top, Text::Strong, &self.title(), INK);
    }

    fn draw_axes(&self, canvas: &mut Canvas, x: usize, y: usize) {
        let [width, height] = self.view.size;
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
        let name = |a: usize| format!("{}, m", NAMES[self.view.axes[a]]);
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

    /// What the view shows, and how much an axis is stretched, if one is.
    fn title(&self) -> String {
        let [right, up] = self.view.axes.map(|a| NAMES[a]);
        let [over_right, over_up] = [0, 1].map(|a| 1.0 / self.view.units_per_px(a));
        let subject = &self.subject;
        if over_up > 1.2 * over_right {
            format!("{subject} ({up} drawn ×{:.1})", over_up / over_right)
        } else if over_right > 1.2 * over_up {
            format!("{subject} ({right} drawn ×{:.1})", over_right / over_up)
        } else {
            subject.clone()
        }
    }

    /// A bar of a round length along the axis to the right, and where its label ends.
    fn draw_scale_bar(&self, canvas: &mut Canvas, x: usize, top: usize) -> usize {
        let m_per_px = self.m_per_px(0);
        let length_m = round_step(m_per_px * (self.view.size[0].min(2 * LEAST_BAR) / 2) as f64);
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
            return round_step(m_per_px * (self.view.size[a] / 3).clamp(18, 40) as f64);
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
        let last = self.view.size[a] - 1;
        let px = |m: f64| ((m - low) / self.m_per_px(a)).floor() as usize;
        multiples(step, low, high)
            .into_iter()
            .map(|m| (px(m).min(last), number(m, step)))
            .collect()
    }

    fn m_per_px(&self, a: usize) -> f64 {
        self.view.units_per_px(a) * self.frame.cell_size_m() / 2.0
    }

    fn ends_m(&self, a: usize) -> [f64; 2] {
        let axis = self.view.axes[a];
        [self.view.low[a], self.view.high[a]].map(|c| metres(&self.frame, axis, c))
    }
}

/// The position along an axis of a lattice coordinate.
pub(super) fn metres(frame: &Frame, axis: usize, coordinate: f64) -> f64 {
    frame.origin_m()[axis] + coordinate * (frame.cell_size_m() / 2.0)
}
