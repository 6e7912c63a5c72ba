//! The whole picture of routes: a title, three projections and a legend.

use super::backdrop::Backdrop;
use super::legend::{Legend, draw_legend};
use super::lines::{Counts, Lines, Style};
use super::plan::{DrawnRoute, RoutePlan, RouteSamples};
use super::shown::Shown;
use crate::error::Result;
use crate::picture::layout::Layout;
use crate::picture::panel::{NAMES, Panel};
use crate::picture::scale::{grouped, position};
use crate::picture::view::View;

/// The pixels of the picture, as a PNG.
pub(super) fn render(
    plan: &RoutePlan,
    samples: &RouteSamples,
    routes: &[DrawnRoute],
    title: &str,
) -> Result<Vec<u8>> {
    assert_eq!(
        samples.words().len(),
        plan.words(),
        "samples of a different picture cannot be drawn"
    );
    let lines = Lines::new(routes, &plan.frame);
    let shown = Shown::new(plan, samples, &lines);
    let counts = (lines.style == Style::Count).then(|| lines.count(&shown.views));
    let legend = legend(plan, &lines, counts.as_ref());

    let layout = layout(plan, &shown.views, legend.size());
    let mut canvas = layout.canvas(title, &heading(plan, &lines));
    for (v, (view, corner)) in shown.views.iter().zip(layout.images()).enumerate() {
        let backdrop = Backdrop::new(&plan.grid, &shown.projections[v], &shown.bins, view);
        backdrop.draw(&mut canvas, corner, view);
        match &counts {
            Some(counts) => lines.draw_counts(&mut canvas, corner, (v, view), counts),
            None => lines.draw(&mut canvas, corner, view),
        }
    }
    layout.draw_panels(&mut canvas);
    let [left, top] = layout.legend;
    draw_legend(&mut canvas, left, top, &legend);
    canvas.png()
}

/// The legend of a plan's picture.
pub(super) fn legend(plan: &RoutePlan, lines: &Lines, counts: Option<&Counts>) -> Legend {
    Legend::new(lines, counts, plan.frame.cell_size_m())
}

/// How many routes there are, and how long.
fn heading(plan: &RoutePlan, lines: &Lines) -> String {
    let metres = |m: f64| position(m, plan.frame.cell_size_m());
    let routes = match lines.extremes_m() {
        None => "no route".to_owned(),
        Some([_, m]) if lines.routes.len() == 1 => format!("1 route, {} m long", metres(m)),
        Some([least, most]) => {
            let count = grouped(lines.routes.len());
            format!(
                "{count} routes, {} to {} m long",
                metres(least),
                metres(most)
            )
        }
    };
    format!("{routes}; the darker, the more is blocked along the line of sight")
}

/// Where everything is on the picture of three views.
pub(super) fn layout<'a>(plan: &RoutePlan, views: &'a [View; 3], legend: [usize; 2]) -> Layout<'a> {
    let panel = |view: &'a View| {
        let [right, up] = view.axes.map(|a| NAMES[a]);
        let subject = format!("{right}{up} along {}", NAMES[view.across()]);
        Panel::new(view, plan.frame, subject)
    };
    Layout::new(views.each_ref().map(panel), legend)
}
