//! The whole picture: a title, three panels and a legend.

use super::canvas::{Canvas, Text};
use super::palette::{self, FRAME, INK, SOURCE, WHITE};
use super::panel::{FieldScale, Panel};
use super::plan::{OPEN, PicturePlan, Samples};
use super::scale::{multiples, number, position, round_step};
use crate::error::Result;
use crate::lattice::{Cell, TICKS_PER_CELL_SIZE, distance_m};

/// Room around the picture and between its panels.
const PAD: usize = 20;

/// The height of the title and the line below it.
const HEAD: usize = 56;

/// The legend's least size, and the height of its colour bar.
const LEGEND: [usize; 2] = [340, 330];
const BAR: [usize; 2] = [22, 270];

/// At most so many isolines.
const ISOLINES: f64 = 12.0;

/// The pixels of the picture, as a PNG.
///
/// ```text
/// title
/// xz | yz
/// xy | legend
/// ```
pub(super) fn render(
    plan: &PicturePlan,
    samples: &Samples,
    sources: &[Cell],
    title: &str,
) -> Result<Vec<u8>> {
    let cell_size_m = plan.frame.cell_size_m();
    let most = samples
        .words()
        .iter()
        .copied()
        .filter(|&word| word < OPEN)
        .max();
    let most_m = distance_m(most.unwrap_or(0), cell_size_m);
    let step_m = round_step(most_m.max(cell_size_m) / ISOLINES);
    let scale = FieldScale {
        most: most.unwrap_or(0),
        step_ticks: step_m * f64::from(TICKS_PER_CELL_SIZE) / cell_size_m,
    };

    let mut rest = samples.words();
    let [mut xy, mut xz, yz] = plan.slices.each_ref().map(|slice| {
        let (words, after) = rest.split_at(slice.pixels());
        rest = after;
        Panel::new(slice, words, plan.frame)
    });
    let margin = xy.margin.max(xz.margin);
    (xy.margin, xz.margin) = (margin, margin);
    let columns = [
        xz.width().max(xy.width()),
        yz.width().max(yz.margin + LEGEND[0]),
    ];
    let rows = [xz.height().max(yz.height()), xy.height().max(LEGEND[1])];
    let mut canvas = Canvas::new(
        columns[0] + columns[1] + 2 * PAD,
        HEAD + rows[0] + rows[1] + 3 * PAD,
    );
    let (left, top) = (PAD, PAD + HEAD);
    let (right, bottom) = (left + columns[0], top + rows[0] + PAD);
    xz.draw(&mut canvas, left, top, &scale, sources);
    yz.draw(&mut canvas, right, top, &scale, sources);
    xy.draw(&mut canvas, left, bottom, &scale, sources);
    draw_legend(
        &mut canvas,
        right + yz.margin,
        bottom,
        &scale,
        most.map(|_| (most_m, step_m)),
    );

    let width = canvas.width - 2 * PAD;
    let [x, y, z] = plan
        .frame
        .position_m(plan.through)
        .map(|m| position(m, cell_size_m));
    let line = match most {
        Some(_) => format!(
            "cut through ({x}, {y}, {z}) m; farthest cell shown {} m",
            position(most_m, cell_size_m)
        ),
        None => format!("cut through ({x}, {y}, {z}) m; no cell shown is reached"),
    };
    canvas.text(
        left,
        PAD,
        Text::Title,
        &Text::Title.fitted(title, width),
        INK,
    );
    canvas.text(
        left,
        PAD + 26,
        Text::Small,
        &Text::Small.fitted(&line, width),
        INK,
    );
    canvas.png()
}

/// The colour bar with the distances at which isolines run, and what the other tones mean. `distances` are the
/// greatest distance and the step between isolines, in metres.
fn draw_legend(
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
        key += BAR[0] + labels + 2 * PAD;
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
                Tone::Blocked => palette::obstacle(2.0 * i as f32, 2.0),
                Tone::Unreached => palette::unreached(i, j),
                Tone::Source => WHITE,
            };
            canvas.set(left + i, top + j, colour);
        }
    }
    canvas.outline(left, top, 24, 16, FRAME);
}
