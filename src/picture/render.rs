//! The whole picture of a field: a title, three slices and a legend.

use super::field::{FieldScale, draw_slice, subject};
use super::layout::Layout;
use super::legend::{LEGEND, draw_legend};
use super::panel::Panel;
use super::plan::{OPEN, PicturePlan, Samples};
use super::scale::{position, round_step};
use crate::error::Result;
use crate::lattice::{Cell, TICKS_PER_CELL_SIZE, distance_m};

/// At most so many isolines.
const ISOLINES: f64 = 12.0;

/// Where everything is on the picture of a plan.
pub(super) fn layout(plan: &PicturePlan) -> Layout<'_> {
    let panel = |slice| {
        let subject = subject(slice, &plan.frame);
        Panel::new(&slice.view, plan.frame, subject)
    };
    Layout::new(plan.slices.each_ref().map(panel), LEGEND)
}

/// The pixels of the picture, as a PNG.
pub(super) fn render(
    plan: &PicturePlan,
    samples: &Samples,
    sources: &[Cell],
    title: &str,
) -> Result<Vec<u8>> {
    let cell_size_m = plan.frame.cell_size_m();
    let reached = samples.words().iter().filter(|&&word| word < OPEN);
    let most = reached.max().copied();
    let most_m = distance_m(most.unwrap_or(0), cell_size_m);
    let step_m = round_step(most_m.max(cell_size_m) / ISOLINES);
    let scale = FieldScale {
        most: most.unwrap_or(0),
        step_ticks: step_m * f64::from(TICKS_PER_CELL_SIZE) / cell_size_m,
    };

    let [x, y, z] = (plan.frame.position_m(plan.through)).map(|m| position(m, cell_size_m));
    let farthest = match most {
        Some(_) => format!("farthest cell shown {} m", position(most_m, cell_size_m)),
        None => "no cell shown is reached".to_owned(),
    };
    let layout = layout(plan);
    let mut canvas = layout.canvas(title, &format!("cut through ({x}, {y}, {z}) m; {farthest}"));
    let mut rest = samples.words();
    for (slice, corner) in plan.slices.iter().zip(layout.images()) {
        let (words, after) = rest.split_at(slice.view.pixels());
        draw_slice(&mut canvas, corner, slice, words, &scale, sources);
        rest = after;
    }
    layout.draw_panels(&mut canvas);
    let [left, top] = layout.legend;
    let distances = most.map(|_| (most_m, step_m));
    draw_legend(&mut canvas, left, top, &scale, distances);
    canvas.png()
}
