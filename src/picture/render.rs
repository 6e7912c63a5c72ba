//! The whole picture of a field: a title, three slices and a legend.

use super::field::{FieldScale, draw_slice, subject};
use super::layout::Layout;
use super::legend::{LEGEND, Legend, draw_legend};
use super::panel::Panel;
use super::plan::{MOST_SHADE, OPEN, PicturePlan, Samples, Shade};
use super::scale::{number, position, round_step};
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
        from_ticks: 0.0,
    };

    let [x, y, z] = (plan.frame.position_m(plan.through)).map(|m| position(m, cell_size_m));
    let farthest = match most {
        Some(_) => format!("farthest cell shown {} m", position(most_m, cell_size_m)),
        None => "no cell shown is reached".to_owned(),
    };
    let subtitle = format!("cut through ({x}, {y}, {z}) m; {farthest}");
    let legend = Legend {
        quantity: "distance, m",
        is_field: true,
        range: most.map(|_| [0.0, most_m]),
        step: step_m,
    };
    draw(plan, samples, sources, &scale, &legend, [title, &subtitle])
}

/// The pixels of the picture of values, as a PNG.
pub(super) fn render_values(
    plan: &PicturePlan,
    samples: &Samples,
    shade: Shade,
    title: &str,
) -> Result<Vec<u8>> {
    let (least, span) = (shade.least, shade.greatest - shade.least);
    let step = round_step(span / ISOLINES);
    let ticks = |value: f64| value / span * f64::from(MOST_SHADE);
    let flat = span <= 0.0 || !span.is_finite();
    let scale = FieldScale {
        most: MOST_SHADE,
        step_ticks: if flat { f64::INFINITY } else { ticks(step) },
        from_ticks: if flat { 0.0 } else { ticks(least) },
    };
    let cell_size_m = plan.frame.cell_size_m();
    let [x, y, z] = (plan.frame.position_m(plan.through)).map(|m| position(m, cell_size_m));
    let subtitle = format!(
        "cut through ({x}, {y}, {z}) m; values from {} to {}",
        number(least, step / 100.0),
        number(shade.greatest, step / 100.0)
    );
    let legend = Legend {
        quantity: "value",
        is_field: false,
        range: (!flat).then_some([least, shade.greatest]),
        step,
    };
    draw(plan, samples, &[], &scale, &legend, [title, &subtitle])
}

fn draw(
    plan: &PicturePlan,
    samples: &Samples,
    sources: &[Cell],
    scale: &FieldScale,
    legend: &Legend,
    [title, subtitle]: [&str; 2],
) -> Result<Vec<u8>> {
    let layout = layout(plan);
    let mut canvas = layout.canvas(title, subtitle);
    let mut rest = samples.words();
    for (slice, corner) in plan.slices.iter().zip(layout.images()) {
        let (words, after) = rest.split_at(slice.view.pixels());
        let marks = (sources, plan.through);
        draw_slice(&mut canvas, corner, slice, words, scale, marks);
        rest = after;
    }
    layout.draw_panels(&mut canvas);
    let [left, top] = layout.legend;
    draw_legend(&mut canvas, left, top, scale, legend);
    canvas.png()
}
