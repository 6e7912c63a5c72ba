//! The whole picture: a title, three panels and a legend.

use super::canvas::{Canvas, Text};
use super::legend::{LEGEND, draw_legend};
use super::palette::INK;
use super::panel::{FieldScale, Panel};
use super::plan::{OPEN, PicturePlan, Samples};
use super::scale::{position, round_step};
use crate::error::Result;
use crate::lattice::{Cell, TICKS_PER_CELL_SIZE, distance_m};

/// Room around the picture and between its panels.
const PAD: usize = 20;

/// The height of the title and the line below it.
const HEAD: usize = 56;

/// At most so many isolines.
const ISOLINES: f64 = 12.0;

/// Where everything is on the canvas.
///
/// ```text
/// title
/// xz | yz
/// xy | legend
/// ```
pub(super) struct Layout<'a> {
    /// The panels xy, xz, yz, and their upper left corners.
    pub(super) panels: [(Panel<'a>, [usize; 2]); 3],
    legend: [usize; 2],
    pub(super) size: [usize; 2],
}

impl<'a> Layout<'a> {
    pub(super) fn new(plan: &'a PicturePlan, samples: &'a Samples) -> Self {
        let mut rest = samples.words();
        let [mut xy, mut xz, yz] = plan.slices.each_ref().map(|slice| {
            let (words, after) = rest.split_at(slice.pixels());
            rest = after;
            Panel::new(slice, words, plan.frame)
        });
        let margin = xy.margin.max(xz.margin);
        (xy.margin, xz.margin) = (margin, margin);
        let widths = [
            xz.width().max(xy.width()),
            yz.width().max(yz.margin + LEGEND[0]),
        ];
        let heights = [xz.height().max(yz.height()), xy.height().max(LEGEND[1])];
        let (left, top) = (PAD, PAD + HEAD);
        let (right, bottom) = (left + widths[0], top + heights[0] + PAD);
        Layout {
            legend: [right + yz.margin, bottom],
            size: [right + widths[1] + PAD, bottom + heights[1] + PAD],
            panels: [(xy, [left, bottom]), (xz, [left, top]), (yz, [right, top])],
        }
    }
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

    let layout = Layout::new(plan, samples);
    let mut canvas = Canvas::new(layout.size[0], layout.size[1]);
    for (panel, [left, top]) in &layout.panels {
        panel.draw(&mut canvas, *left, *top, &scale, sources);
    }
    let [left, top] = layout.legend;
    draw_legend(
        &mut canvas,
        left,
        top,
        &scale,
        most.map(|_| (most_m, step_m)),
    );

    let [x, y, z] = (plan.frame.position_m(plan.through)).map(|m| position(m, cell_size_m));
    let farthest = match most {
        Some(_) => format!("farthest cell shown {} m", position(most_m, cell_size_m)),
        None => "no cell shown is reached".to_owned(),
    };
    let cut = format!("cut through ({x}, {y}, {z}) m; {farthest}");
    let lines = [(Text::Title, title, 0), (Text::Small, cut.as_str(), 26)];
    for (face, line, down) in lines {
        let line = face.fitted(line, canvas.width - 2 * PAD);
        canvas.text(PAD, PAD + down, face, &line, INK);
    }
    canvas.png()
}
