//! The legend: which colour is which distance, and what the other tones mean.

use super::canvas::{Canvas, Text};
use super::palette::{self, FRAME, INK, SOURCE, WHITE};
use super::panel::FieldScale;
use super::scale::{multiples, number};

/// The legend's least width and height, and those of its colour bar.
pub(super) const LEGEND: [usize; 2] = [340, 330];
const BAR: [usize; 2] = [22, 270];

/// The colour bar with the distances at which isolines run, and what the other tones mean. `distances` are the
/// greatest distance and the step between isolines, in metres.
pub(super) fn draw_legend(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    scale: &FieldScale,
    distances: Option<(f64, f64)>,
) {
    let mut key = left;
    if let Some((most_m, step_m)) = distances {
        canvas.text(left, top, Text::Strong, "distance, m", INK);
        let labels = draw_bar(canvas, left, top + 34, scale, most_m, step_m);
        key += BAR[0] + labels + 40;
    }
    let entries = [
        ("source", Tone::Source),
        ("blocked or unknown", Tone::Blocked),
        ("open, unreached", Tone::Unreached),
    ];
    let mut row = top + 34;
    for (label, tone) in entries {
        draw_tone(canvas, key, row, tone);
        canvas.text(key + 34, row, Text::Small, label, INK);
        row += 28;
    }
    if let Some((_, step_m)) = distances {
        canvas.fill(key, row + 8, 24, 1, INK);
        let label = format!("isoline every {} m", number(step_m, step_m));
        canvas.text(key + 34, row, Text::Small, &label, INK);
    }
}

/// Draws the colour bar, and gives the width of its labels.
fn draw_bar(
    canvas: &mut Canvas,
    left: usize,
    top: usize,
    scale: &FieldScale,
    most_m: f64,
    step_m: f64,
) -> usize {
    let [width, height] = BAR;
    for j in 0..height {
        let share = 1.0 - (j as f64 + 0.5) / height as f64;
        let colour = scale.colour(share * f64::from(scale.most.max(1)));
        canvas.fill(left, top + j, width, 1, colour);
    }
    let mut widest = 0;
    for m in multiples(step_m, 0.0, most_m) {
        let share = if most_m > 0.0 { m / most_m } else { 0.0 };
        let row = top + ((1.0 - share) * (height - 1) as f64).round() as usize;
        if m > 0.0 {
            for i in left..left + width {
                canvas.blend(i, row, INK, 0.75);
            }
        }
        canvas.fill(left + width + 1, row, 5, 1, FRAME);
        let label = number(m, step_m);
        canvas.text(
            left + width + 11,
            row - Text::Small.height() / 2,
            Text::Small,
            &label,
            INK,
        );
        widest = widest.max(Text::Small.width(&label));
    }
    canvas.outline(left, top, width, height, FRAME);
    widest
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
    for j in 0..16 {
        for i in 0..24 {
            let colour = match tone {
                Tone::Blocked => palette::obstacle(i as f32, 2.0),
                Tone::Unreached => palette::unreached(i, j),
                Tone::Source => WHITE,
            };
            canvas.set(left + i, top + j, colour);
        }
    }
    canvas.outline(left, top, 24, 16, FRAME);
}
