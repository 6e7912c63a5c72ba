//! Routes as lines, and their ends as marks.
//!
//! A few routes have a colour each; where they run together, they are striped. More of them are coloured by their
//! length. Of very many, the lines are counted: how many pass through each pixel.

use super::plan::DrawnRoute;
use super::trace::Trace;
use crate::lattice::{Cell, Frame};
use crate::picture::canvas::Canvas;
use crate::picture::palette::{self, GOAL, ROUTES, Rgb, START, WHITE};
use crate::picture::view::View;
use crate::search::length_units;

/// At most so many routes are coloured by their length.
const FEW_HUNDRED: usize = 200;

/// Points of a line that are nearer than this, in pixels, are drawn as one.
const FINE_PX: f64 = 0.4;

/// The width of the stripes where routes run together, in pixels.
const STRIPE_PX: usize = 7;

/// How routes are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// By a colour each.
    Each,
    /// By their length.
    Length,
    /// Not at all, they are counted.
    Count,
}

/// The routes of a picture: those that have a cell.
pub(super) struct Lines<'a> {
    pub(super) routes: Vec<&'a DrawnRoute>,
    pub(super) lengths_m: Vec<f64>,
    pub(super) style: Style,
}

/// How many lines pass through the pixels of all views, and through the one with the most.
pub(super) struct Counts {
    views: [Vec<f32>; 3],
    pub(super) most: f64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(routes: &'a [DrawnRoute], frame: &Frame) -> Self {
        let routes: Vec<_> = routes.iter().filter(|r| !r.line.is_empty()).collect();
        let length_m = |route: &&DrawnRoute| length_units(&route.line) * frame.cell_size_m() / 2.0;
        Lines {
            lengths_m: routes.iter().map(length_m).collect(),
            style: match routes.len() {
                n if n <= ROUTES.len() => Style::Each,
                n if n <= FEW_HUNDRED => Style::Length,
                _ => Style::Count,
            },
            routes,
        }
    }

    /// The lengths of the shortest and the longest route, or `None` without one.
    pub(super) fn extremes_m(&self) -> Option<[f64; 2]> {
        let lengths = || self.lengths_m.iter().copied();
        let (least, most) = (lengths().reduce(f64::min)?, lengths().reduce(f64::max)?);
        Some([least, most])
    }

    /// The share of the colour ramp that a route of this length has.
    pub(super) fn share(&self, length_m: f64) -> f64 {
        match self.extremes_m() {
            Some([least, most]) if most > least => (length_m - least) / (most - least),
            _ => 0.0,
        }
    }

    /// Draws the routes in a view with its image's upper left corner at `corner`.
    pub(super) fn draw(&self, canvas: &mut Canvas, corner: [usize; 2], view: &View) {
        match self.style {
            Style::Each => self.draw_each(canvas, corner, view),
            Style::Length => self.draw_by_length(canvas, corner, view),
            Style::Count => {}
        }
    }

    fn draw_each(&self, canvas: &mut Canvas, [x, y]: [usize; 2], view: &View) {
        let width = view.size[0];
        let mut trace = Trace::new(view.size);
        for route in &self.routes {
            trace.line(points(view, &route.line), 5.5);
        }
        trace.drain(|pixel, cover| {
            let share = 0.85 * f64::from(cover);
            canvas.blend(x + pixel % width, y + pixel / width, WHITE, share);
        });
        // Which routes cover a pixel, a bit each, and how much of it the one that covers most.
        let mut covers = vec![(0u16, 0f32); view.pixels()];
        for (r, route) in self.routes.iter().enumerate() {
            trace.line(points(view, &route.line), 2.6);
            trace.drain(|pixel, cover| {
                covers[pixel].0 |= 1 << r;
                covers[pixel].1 = covers[pixel].1.max(cover);
            });
        }
        for (pixel, (routes, cover)) in covers.into_iter().enumerate() {
            if routes != 0 {
                let (i, j) = (pixel % width, pixel / width);
                let stripe = (i + j) / STRIPE_PX % routes.count_ones() as usize;
                let route = (0..ROUTES.len())
                    .filter(|r| routes >> r & 1 == 1)
                    .nth(stripe);
                let colour = ROUTES[route.unwrap_or(0)];
                canvas.blend(x + i, y + j, colour, f64::from(cover));
            }
        }
        for (route, colour) in self.routes.iter().zip(ROUTES) {
            draw_ends(canvas, [x, y], view, &route.line, 5.0, colour);
        }
    }

    fn draw_by_length(&self, canvas: &mut Canvas, [x, y]: [usize; 2], view: &View) {
        let mut order: Vec<usize> = (0..self.routes.len()).collect();
        // The short ones last, or the long ones would hide them.
        order.sort_by(|&a, &b| self.lengths_m[b].total_cmp(&self.lengths_m[a]));
        let colour = |r: usize| palette::heat(self.share(self.lengths_m[r]));
        let mut trace = Trace::new(view.size);
        for &r in &order {
            trace.line(points(view, &self.routes[r].line), 1.6);
            trace.drain(|pixel, cover| {
                let (i, j) = (pixel % view.size[0], pixel / view.size[0]);
                canvas.blend(x + i, y + j, colour(r), 0.85 * f64::from(cover));
            });
        }
        for &r in &order {
            draw_ends(canvas, [x, y], view, &self.routes[r].line, 2.6, colour(r));
        }
    }

    /// Counts the lines through each pixel of the views.
    pub(super) fn count(&self, views: &[View; 3]) -> Counts {
        let views = views.each_ref().map(|view| {
            let mut counts = vec![0.0; view.pixels()];
            let mut trace = Trace::new(view.size);
            for route in &self.routes {
                trace.line(points(view, &route.line), 1.3);
                trace.drain(|pixel, cover| counts[pixel] += cover);
            }
            counts
        });
        let most = views.iter().flatten().fold(1.0, |a: f32, &b| a.max(b));
        Counts {
            views,
            most: f64::from(most).round(),
        }
    }

    /// Draws the counts of the view `v` of three, and the ends of all routes.
    pub(super) fn draw_counts(
        &self,
        canvas: &mut Canvas,
        [x, y]: [usize; 2],
        (v, view): (usize, &View),
        counts: &Counts,
    ) {
        for (pixel, &count) in counts.views[v].iter().enumerate() {
            if count > 0.0 {
                let share = counts.share(f64::from(count));
                let opacity = f64::from(count.min(1.0)) * (0.5 + 0.5 * share);
                let (i, j) = (pixel % view.size[0], pixel / view.size[0]);
                canvas.blend(x + i, y + j, palette::heat(share), opacity);
            }
        }
        let starts = self.routes.iter().filter_map(|r| r.line.first());
        let goals = self.routes.iter().filter_map(|r| r.line.last());
        // Ends of ever more routes must not hide the counts.
        let opacity = 0.8 * (FEW_HUNDRED as f64 / self.routes.len() as f64).powf(0.3);
        let mut trace = Trace::new(view.size);
        for (cells, colour) in [
            (goals.collect::<Vec<_>>(), GOAL),
            (starts.collect::<Vec<_>>(), START),
        ] {
            for &&cell in cells.iter().filter(|cell| is_inside(view, ***cell)) {
                trace.line([point(view, cell)], 2.4);
            }
            trace.drain(|pixel, cover| {
                let (i, j) = (pixel % view.size[0], pixel / view.size[0]);
                canvas.blend(x + i, y + j, colour, opacity * f64::from(cover));
            });
        }
    }
}

impl Counts {
    /// The share of the colour ramp that a count has, by its logarithm.
    pub(super) fn share(&self, count: f64) -> f64 {
        if self.most > 1.0 && count > 1.0 {
            (count.ln() / self.most.ln()).min(1.0)
        } else {
            0.0
        }
    }
}

/// A start as a disc, and a goal as a ring, if they lie in the view.
fn draw_ends(
    canvas: &mut Canvas,
    [x, y]: [usize; 2],
    view: &View,
    line: &[Cell],
    radius: f64,
    colour: Rgb,
) {
    let ends = [(line.last(), true), (line.first(), false)];
    for (end, is_goal) in ends {
        if let Some(&cell) = end.filter(|&&cell| is_inside(view, cell)) {
            let [i, j] = point(view, cell);
            draw_end(
                canvas,
                [x as f64 + i, y as f64 + j],
                radius,
                is_goal,
                colour,
            );
        }
    }
}

/// The mark of a start or a goal around the point `(x, y)`.
pub(super) fn draw_end(
    canvas: &mut Canvas,
    [x, y]: [f64; 2],
    radius: f64,
    is_goal: bool,
    colour: Rgb,
) {
    canvas.disc(x, y, 1.3 * radius, WHITE);
    canvas.disc(x, y, radius, colour);
    if is_goal {
        canvas.disc(x, y, 0.5 * radius, WHITE);
    }
}

fn is_inside(view: &View, cell: Cell) -> bool {
    (0..2).all(|a| {
        let c = f64::from(cell.xyz()[view.axes[a]]);
        (view.low[a]..=view.high[a]).contains(&c)
    })
}

/// Where a cell falls in a view, in pixels from its upper left corner.
fn point(view: &View, cell: Cell) -> [f64; 2] {
    let [i, j] = [0, 1].map(|a| view.px(a, f64::from(cell.xyz()[view.axes[a]])));
    [i, view.size[1] as f64 - j]
}

/// Where a line bends, without the bends that fall where the one before does.
fn points<'a>(view: &'a View, line: &'a [Cell]) -> impl Iterator<Item = [f64; 2]> + 'a {
    let mut last = [f64::NAN; 2];
    line.iter().enumerate().filter_map(move |(n, &cell)| {
        let is_end = n == 0 || n + 1 == line.len();
        if !is_end && step(line[n - 1], cell) == step(cell, line[n + 1]) {
            return None;
        }
        let point = point(view, cell);
        let is_near = (0..2).all(|a| (point[a] - last[a]).abs() < FINE_PX);
        (is_end || !is_near).then(|| {
            last = point;
            point
        })
    })
}

fn step(from: Cell, to: Cell) -> [f64; 3] {
    let (from, to) = (from.xyz(), to.xyz());
    std::array::from_fn(|a| f64::from(to[a]) - f64::from(from[a]))
}
