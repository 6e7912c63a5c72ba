//! The legend of a picture of routes: whose lines are whose, and what tones and marks mean.

use super::lines::{Counts, Lines, Style, draw_end};
use crate::picture::canvas::{Canvas, Text};
use crate::picture::legend::{BAR, draw_bar, draw_swatch};
use crate::picture::palette::{self, GOAL, INK, ROUTES, START};
use crate::picture::scale::{grouped, multiples, number, position, round_step};

/// From one row to the next.
const ROW: usize = 28;

/// From the legend's top to its first row.
const HEAD: usize = 34;

/// From a swatch's left edge to its label.
const LABEL: usize = 34;

/// How many lengths are written beside the colour bar, at most.
const LENGTHS: f64 = 10.0;

/// What a legend says.
pub(super) struct Legend {
    heading: String,
    style: Style,
    /// What is written beside the colours of single routes.
    names: Vec<String>,
    /// Places on the colour bar, 0…1, and what is written there.
    ticks: Vec<(f64, String)>,
}

impl Legend {
    /// The legend of lines, and of their counts where those are drawn.
    pub(super) fn new(lines: &Lines, counts: Option<&Counts>, cell_size_m: f64) -> Self {
        let heading = match lines.style {
            Style::Each => "routes",
            Style::Length => "length of route, m",
            Style::Count => "routes through a pixel",
        };
        let name =
            |(query, m): (i64, f64)| format!("query {query}, {} m", position(m, cell_size_m));
        let queries = lines.routes.iter().map(|route| route.query);
        Legend {
            heading: heading.to_owned(),
            style: lines.style,
            names: match lines.style {
                Style::Each => queries
                    .zip(lines.lengths_m.iter().copied())
                    .map(name)
                    .collect(),
                _ => Vec::new(),
            },
            ticks: match (counts, lines.extremes_m()) {
                (Some(counts), _) => count_ticks(counts),
                (None, Some([least, most])) => length_ticks(lines, least, most),
                (None, None) => Vec::new(),
            },
        }
    }

    /// The width and height that it takes.
    pub(super) fn size(&self) -> [usize; 2] {
        let names = self.names.iter().map(|name| Text::Small.width(name));
        let widest = names
            .max()
            .unwrap_or(0)
            .max(Text::Small.width(&self.heading));
        let height = match self.style {
            Style::Each => (self.names.len() + self.entries().len() + 1) * ROW,
            _ => BAR[1] + 24,
        };
        [(LABEL + widest + 16).max(380), HEAD + height]
    }

    /// What tones and marks mean.
    fn entries(&self) -> [(&'static str, Tone); 4] {
        [
            ("start", Tone::Start),
            ("goal", Tone::Goal),
            ("open to mostly blocked", Tone::Clutter),
            ("blocked or unknown", Tone::Blocked),
        ]
    }
}

/// What is no line.
#[derive(Clone, Copy)]
enum Tone {
    Start,
    Goal,
    Clutter,
    Blocked,
}

/// Draws a legend with its upper left corner at `(left, top)`.
pub(super) fn draw_legend(canvas: &mut Canvas, left: usize, top: usize, legend: &Legend) {
    canvas.text(left, top, Text::Strong, &legend.heading, INK);
    let (mut key, mut row) = (left, top + HEAD);
    if legend.style == Style::Each {
        for (name, colour) in legend.names.iter().zip(ROUTES) {
            canvas.fill(left, row + 7, 24, 3, colour);
            canvas.text(left + LABEL, row, Text::Small, name, INK);
            row += ROW;
        }
        row += ROW / 2;
    } else {
        let labels = draw_bar(canvas, left, row, palette::heat, &legend.ticks);
        key += BAR[0] + labels + 40;
    }
    for (label, tone) in legend.entries() {
        draw_tone(canvas, key, row, tone, legend.style);
        canvas.text(key + LABEL, row, Text::Small, label, INK);
        row += ROW;
    }
}

fn draw_tone(canvas: &mut Canvas, left: usize, top: usize, tone: Tone, style: Style) {
    let middle = [left as f64 + 12.0, top as f64 + 8.0];
    let is_goal = matches!(tone, Tone::Goal);
    match (tone, style) {
        (Tone::Start, Style::Count) => canvas.disc(middle[0], middle[1], 3.0, START),
        (Tone::Goal, Style::Count) => canvas.disc(middle[0], middle[1], 3.0, GOAL),
        (Tone::Start | Tone::Goal, _) => draw_end(canvas, middle, 5.0, is_goal, INK),
        (Tone::Clutter, _) => draw_swatch(canvas, left, top, |i, _| {
            palette::clutter(f64::from(i as u32) / 23.0)
        }),
        (Tone::Blocked, _) => {
            draw_swatch(canvas, left, top, |i, _| palette::obstacle(i as f32, 2.0))
        }
    }
}

/// The round lengths between the least and the greatest.
fn length_ticks(lines: &Lines, least: f64, most: f64) -> Vec<(f64, String)> {
    let step = round_step((most - least) / LENGTHS);
    multiples(step, least, most)
        .into_iter()
        .map(|m| (lines.share(m), number(m, step)))
        .collect()
}

/// 1, 2, 5, 10, … up to the greatest count, without those so near to each other that their labels would touch.
fn count_ticks(counts: &Counts) -> Vec<(f64, String)> {
    let decades = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10usize.pow(power)));
    let tick = |count: usize| (counts.share(count as f64), grouped(count));
    decades
        .take_while(|&count| count as f64 <= counts.most)
        .map(tick)
        .collect()
}
