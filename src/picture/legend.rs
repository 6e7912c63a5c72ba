//! The legend: which colour is which distance, and what the other tones mean.

use super::canvas::{Canvas, Text};
use super::field::FieldScale;
use super::palette::{self, FRAME, INK, Rgb, SOURCE, WHITE};
use super::scale::{multiples, number};

/// The legend's least width and height, and those of its colour bar.
pub(super) const LEGEND: [usize; 2] = [340, 330];
pub(super) const BAR: [usize; 2] = [22, 270];

/// What a legend tells.
pub(super) struct Legend {
    /// What the colours are of, with its unit.
    pub(super) quantity: &'static str,
    /// Whether it is a distance field, with sources and cells that none reaches.
    pub(super) is_field: bool,
    /// The least and the greatest of the quantity, if colours tell it.
    pub(super) range: Option<[f64; 2]>,
    /// The step between isolines.
    pub(super) step: f64,
}

/// The colour bar with the quantities at which isolines run, and what the other tones mean.
pub(super) fn draw_legend(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    scale: &FieldScale,
    legend: &Legend,
) {
    let mut key = left;
    if let Some(range) = legend.range {
        canvas.text(left, top, Text::Strong, legend.quantity, INK);
        let labels = draw_range(canvas, left, top + 34, scale, range, legend.step);
        key += BAR[0] + labels + 40;
    }
    let entries = [
        ("source", Tone::Source),
        ("blocked or unknown", Tone::Blocked),
        ("open, unreached", Tone::Unreached),
    ];
    let mut row = top + 34;
    let of_any = |tone: &Tone| matches!(tone, Tone::Blocked);
    for (label, tone) in entries.iter().filter(|e| legend.is_field || of_any(&e.1)) {
        draw_tone(canvas, key, row, *tone);
        canvas.text(key + 34, row, Text::Small, label, INK);
        row += 28;
    }
    if legend.range.is_some() {
        canvas.fill(key, row + 8, 24, 1, INK);
        let unit = if legend.is_field { " m" } else { "" };
        let label = format!("isoline every {}{unit}", number(legend.step, legend.step));
        canvas.text(key + 34, row, Text::Small, &label, INK);
    }
}

/// Draws the colour bar of a quantity with its isolines, and gives the width of its labels.
fn draw_range(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    scale: &FieldScale,
    [least, greatest]: [f64; 2],
    step: f64,
) -> usize {
    let span = greatest - least;
    let share = |value: f64| {
        if span > 0.0 {
            (value - least) / span
        } else {
            0.0
        }
    };
    let ticks: Vec<_> = multiples(step, least, greatest)
        .into_iter()
        .map(|value| (share(value).clamp(0.0, 1.0), number(value, step)))
        .collect();
    let colour = |share: f64| scale.colour(share * f64::from(scale.most.max(1)));
    let labels = draw_bar(canvas, left, top, colour, &ticks);
    // No isoline runs at the least value.
    for (share, _) in ticks.iter().filter(|t| t.0 > 0.0) {
        for i in left..left + BAR[0] {
            canvas.blend(i, bar_row(top, *share), INK, 0.75);
        }
    }
    labels
}

/// Draws a colour bar with ticks, places 0…1 from its low end and their labels, and gives the width of the labels.
pub(super) fn draw_bar(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    colour: impl Fn(f64) -> Rgb,
    ticks: &[(f64, String)],
) -> usize {
    let [width, height] = BAR;
    for j in 0..height {
        let share = 1.0 - (j as f64 + 0.5) / height as f64;
        canvas.fill(left, top + j, width, 1, colour(share));
    }
    let mut widest = 0;
    for (share, label) in ticks {
        let row = bar_row(top, *share);
        canvas.fill(left + width + 1, row, 5, 1, FRAME);
        let middle = row - Text::Small.height() / 2;
        canvas.text(left + width + 11, middle, Text::Small, label, INK);
        widest = widest.max(Text::Small.width(label));
    }
    canvas.outline(left, top, width, height, FRAME);
    widest
}

/// The row of a place 0…1 on a colour bar.
fn bar_row(top: usize, share: f64) -> usize {
    top + ((1.0 - share) * (BAR[1] - 1) as f64).round() as usize
}

/// What is not a distance.
#[derive(Clone, Copy)]
enum Tone {
    Source,
    Blocked,
    Unreached,
}

/// A sample of a tone, 24 × 16 pixels.
fn draw_tone(canvas: &mut Canvas, left: usize, top: usize, tone: Tone) {
    if let Tone::Source = tone {
        canvas.disc(left as f64 + 12.0, top as f64 + 8.0, 5.5, SOURCE);
        return;
    }
    draw_swatch(canvas, left, top, |i, j| match tone {
        Tone::Blocked => palette::obstacle(i as f32, 2.0),
        Tone::Unreached => palette::unreached(i, j),
        Tone::Source => WHITE,
    });
}

/// A framed sample of 24 × 16 pixels.
pub(super) fn draw_swatch(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    colour: impl Fn(usize, usize) -> Rgb,
) {
    for j in 0..16 {
        for i in 0..24 {
            canvas.set(left + i, top + j, colour(i, j));
        }
    }
    canvas.outline(left, top, 24, 16, FRAME);
}
