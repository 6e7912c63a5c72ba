//! Pictures of routes through small worlds, decoded again.

use super::grid::{Grid, MOST_BINS};
use super::lines::{Lines, Style};
use super::plan::PROJECTIONS;
use super::render::{layout, legend};
use super::shown::Shown;
use super::trace::Trace;
use super::*;
use crate::brick::{BRICK_CELLS, BrickId, LOCAL_BY_INDEX};
use crate::lattice::Frame;
use crate::picture::Span;
use crate::picture::palette::{OBSTACLE, ROUTES, Rgb};
use crate::picture::tests::{World, cell, decode, rooms};

fn frame() -> Frame {
    Frame::new([-3.0, 10.0, 0.25], 0.1).unwrap()
}

fn span(low: [i32; 3], high: [i32; 3]) -> Span {
    Span { low, high }
}

fn route(query: i64, line: &[[i32; 3]]) -> DrawnRoute {
    let line = line.iter().map(|&[x, y, z]| cell(x, y, z)).collect();
    DrawnRoute { query, line }
}

fn paint(plan: &RoutePlan, world: &World) -> RouteSamples {
    let mut samples = plan.blank();
    for (&brick, (costs, _)) in &world.bricks {
        plan.paint(&mut samples, brick, costs);
    }
    samples
}

/// The pixel of the picture in the middle of each cell, in projection `v`.
fn colours(
    plan: &RoutePlan,
    samples: &RouteSamples,
    routes: &[DrawnRoute],
    (v, cells): (usize, &[[i32; 3]]),
) -> Vec<Rgb> {
    let png = plan.render(samples, routes, "Rooms").unwrap();
    let (size, pixels) = decode(&png);
    let lines = Lines::new(routes, &plan.frame);
    let shown = Shown::new(plan, samples, &lines);
    let counts = lines.count(&shown.views);
    let counts = (lines.style == Style::Count).then_some(&counts);
    let layout = layout(plan, &shown.views, legend(plan, &lines, counts).size());
    assert_eq!(size, layout.size);
    let (view, [x, y]) = (&shown.views[v], layout.images()[v]);
    let at = |cell: &[i32; 3]| {
        let [right, up] = [0, 1].map(|a| view.px(a, f64::from(cell[view.axes[a]])) as usize);
        pixels[(y + view.size[1] - 1 - up) * size[0] + x + right]
    };
    cells.iter().map(at).collect()
}

#[test]
fn the_picture_shows_what_is_where() {
    let world = rooms();
    let plan = RoutePlan::new(span([32, 16, 48], [191, 111, 111]), frame());
    let samples = paint(&plan, &world);
    let routes = [
        route(7, &[[60, 60, 80], [60, 100, 80], [180, 100, 80]]),
        route(-7, &[[40, 20, 60], [40, 20, 60]]),
    ];
    // The route, its start and its goal's core, the wall, the room behind it.
    let along_z = [
        [120, 100, 80],
        [60, 60, 80],
        [180, 100, 80],
        [102, 50, 80],
        [120, 50, 80],
    ];
    let [line, start, goal, wall, room] = colours(&plan, &samples, &routes, (0, &along_z))
        .try_into()
        .unwrap();
    assert_eq!(line, ROUTES[0]);
    assert_eq!(start, ROUTES[0]);
    assert_eq!(goal, [255; 3]);
    assert_eq!(wall, OBSTACLE);
    assert!(room[0] > 240, "{room:?}");
    let along_y = [[120, 100, 80], [40, 20, 60]];
    let [line, start] = colours(&plan, &samples, &routes, (1, &along_y))
        .try_into()
        .unwrap();
    assert_eq!(line, ROUTES[0]);
    assert_eq!(start, ROUTES[1]);
    // Seen along y, the wall leaves a door, and the shell around (150, 60, 80) takes some of its columns.
    let [wall, shell, room] = colours(
        &plan,
        &samples,
        &[],
        (1, &[[102, 0, 60], [162, 0, 80], [120, 0, 80]]),
    )
    .try_into()
    .unwrap();
    assert!(
        wall[0] < shell[0] && shell[0] < room[0],
        "{wall:?} {shell:?} {room:?}"
    );
}

#[test]
fn pieces_merge_to_the_whole_in_any_order() {
    let world = rooms();
    let plan = RoutePlan::new(span([32, 16, 48], [191, 111, 111]), frame());
    let whole = paint(&plan, &world);
    let mut pieces = [plan.blank(), plan.blank(), plan.blank()];
    for (i, (&brick, (costs, _))) in world.bricks.iter().enumerate() {
        plan.paint(&mut pieces[i * 7 % 3], brick, costs);
    }
    let routes = [route(1, &[[60, 60, 80], [60, 100, 80]])];
    let picture = |samples: &RouteSamples| plan.render(samples, &routes, "Rooms").unwrap();
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut sum = plan.blank();
        for piece in order {
            let words = pieces[piece].clone().into_words();
            sum.merge(&plan.samples(words).unwrap());
        }
        assert_eq!(sum, whole);
        assert_eq!(picture(&sum), picture(&whole));
    }
    assert_eq!(plan.samples(vec![0; 5]), None);
}

/// Each word is the number of open cells of the box in its column, counted cell by cell.
#[test]
fn words_count_the_open_cells_of_their_columns() {
    let world = World::new([3, 0, 18], [37, 40, 50], |[x, y, z]| {
        u16::from((x * 7 + y * 13 + z * 29) % 5 > 1)
    });
    let boxes = [
        ([0, 0, 16], [47, 47, 63]),
        ([5, 9, 20], [20, 40, 31]),
        // Bins of 2.5 lattice units.
        ([1, 0, 16], [1800, 47, 63]),
    ];
    for (low, high) in boxes {
        let plan = RoutePlan::new(span(low, high), frame());
        let mut expected = vec![0; plan.words()];
        for (&brick, (costs, _)) in &world.bricks {
            for local in LOCAL_BY_INDEX.into_iter().filter(|l| costs[l.index()] > 0) {
                let xyz = brick.cell(local).xyz();
                if !(0..3).all(|a| (low[a]..=high[a]).contains(&xyz[a])) {
                    continue;
                }
                let mut first = 0;
                for [right, up] in PROJECTIONS {
                    let [i, j] = [right, up].map(|a| plan.grid.bin(a, xyz[a]));
                    expected[first + j * plan.grid.bins[right] + i] += 1;
                    first += plan.grid.bins[right] * plan.grid.bins[up];
                }
            }
        }
        assert_eq!(paint(&plan, &world).words(), expected, "{low:?}");
    }
}

#[test]
fn pictures_of_every_shape_can_be_drawn() {
    let boxes = [
        ([20, 30, 40], [20, 30, 40]),
        ([9, 9, 9], [-9, -9, -9]),
        ([0, 0, 40], [3000, 2000, 40]),
        ([0, 30, 40], [65535, 30, 40]),
        ([0, 0, 0], [65535, 65535, 65535]),
        ([i32::MIN; 3], [i32::MAX; 3]),
        ([i32::MAX; 3], [i32::MIN; 3]),
    ];
    let frames = [
        ([0.0; 3], 0.05),
        ([1e15, -1e15, 0.0], 1e-9),
        ([1e308; 3], 1e100),
        ([-1.0; 3], 5e-324),
    ];
    let routes = [
        route(i64::MIN, &[[20, 30, 40], [22, 30, 40], [23, 31, 41]]),
        route(0, &[]),
        route(0, &[[20, 30, 40]]),
        route(0, &[[i32::MIN; 3], [i32::MAX; 3], [i32::MAX; 3]]),
    ];
    for (b, (low, high)) in boxes.into_iter().enumerate() {
        // Every box in one frame, and every frame around one box.
        let used = if b == 0 { &frames[..] } else { &frames[..1] };
        for &(origin_m, cell_size_m) in used {
            let plan = RoutePlan::new(span(low, high), Frame::new(origin_m, cell_size_m).unwrap());
            assert!(plan.words() as i64 <= 3 * MOST_BINS * MOST_BINS);
            let (brick, local) = BrickId::locate(cell(20, 30, 40)).unwrap();
            let mut costs = [0; BRICK_CELLS];
            costs[local.index()] = 256;
            let mut samples = plan.blank();
            plan.paint(&mut samples, brick, &costs);
            let title = "Größe, 地図 und \u{7}: ".repeat(20);
            for routes in [&routes[..], &[]] {
                let (size, _) = decode(&plan.render(&samples, routes, &title).unwrap());
                assert!(
                    size.into_iter().all(|px| (300..2200).contains(&px)),
                    "{size:?}"
                );
            }
            plan.render(&plan.blank(), &[], "").unwrap();
        }
    }
}

/// From one route to very many: all of them are drawn, and the same ones alike.
#[test]
fn any_number_of_routes_can_be_drawn() {
    let world = rooms();
    let plan = RoutePlan::new(span([32, 16, 48], [191, 111, 111]), frame());
    let samples = paint(&plan, &world);
    let styles = [
        (1, Style::Each),
        (12, Style::Each),
        (13, Style::Length),
        (200, Style::Length),
        (201, Style::Count),
        (3000, Style::Count),
    ];
    for (count, style) in styles {
        let routes: Vec<DrawnRoute> = (0..count)
            .map(|i| {
                let up = 50 + 2 * (i % 20);
                route(
                    i64::from(i),
                    &[[40, 20, up], [40, 60 + 2 * (i % 7), up], [90, 60, 80]],
                )
            })
            .collect();
        assert_eq!(Lines::new(&routes, &plan.frame).style, style);
        let picture = |samples: &RouteSamples| plan.render(samples, &routes, "Rooms").unwrap();
        assert_eq!(picture(&samples), picture(&samples.clone()));
        let [on, off] = colours(&plan, &samples, &routes, (0, &[[40, 40, 80], [80, 30, 80]]))
            .try_into()
            .unwrap();
        assert!(
            on.iter().max() > on.iter().min().map(|c| c + 60).as_ref(),
            "{on:?}"
        );
        assert!(off.iter().min() > Some(&240), "{off:?}");
    }
}

/// A line covers a pixel as far as the nearest of its segments says, found among all.
#[test]
fn lines_cover_what_is_near_them() {
    let lines = [
        vec![[3.0, 4.0], [50.0, 9.5], [50.0, 30.0], [49.5, 2.0]],
        vec![[10.5, 10.5]],
        vec![[-1e6, -1e6], [1e6, 1e6]],
        vec![[20.0, -5.0], [20.0, 70.0], [20.0, 70.0], [-9.0, 33.3]],
    ];
    for (line, width) in lines
        .iter()
        .flat_map(|line| [0.4, 1.3, 5.5].map(|w| (line, w)))
    {
        let mut trace = Trace::new([60, 40]);
        trace.line(line.iter().copied(), width);
        let mut covers = [0f32; 60 * 40];
        trace.drain(|pixel, cover| {
            assert_eq!(covers[pixel], 0.0, "a pixel is shown once");
            covers[pixel] = cover;
        });
        for (pixel, &cover) in covers.iter().enumerate() {
            let [x, y] = [(pixel % 60) as f64 + 0.5, (pixel / 60) as f64 + 0.5];
            let off = |from: [f64; 2], to: [f64; 2]| {
                let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
                let along = (x - from[0]) * dx + (y - from[1]) * dy;
                let share = (along / (dx * dx + dy * dy)).clamp(0.0, 1.0);
                let share = if share.is_nan() { 0.0 } else { share };
                (from[0] + share * dx - x).hypot(from[1] + share * dy - y)
            };
            let own = line.iter().map(|&p| off(p, p));
            let between = line.windows(2).map(|pair| off(pair[0], pair[1]));
            let nearest = own.chain(between).fold(f64::INFINITY, f64::min);
            let expected = (width / 2.0 + 0.5 - nearest).clamp(0.0, width.min(1.0));
            assert!(
                (f64::from(cover) - expected).abs() < 1e-3,
                "{line:?} at {x}, {y}"
            );
        }
        trace.drain(|_, _| panic!("the line is forgotten"));
    }
}

#[test]
fn bins_cut_the_box_evenly() {
    for (low, high) in [(0, 1439), (16, 1456), (1, 65535), (0, 2879)] {
        let grid = Grid::new([low, 0, 3], [high, 9, 3]);
        let coordinates = grid.coordinates(0);
        assert_eq!(coordinates.len(), grid.bins[0]);
        assert_eq!(
            coordinates.iter().flatten().sum::<u64>(),
            (high - low) as u64 + 1
        );
        let inner = &coordinates[..coordinates.len() - 1];
        assert!(inner.iter().flatten().all(|&count| count > 0));
        let middle = (low + high) / 2;
        let bin = grid.bin(0, middle);
        let edges = grid.edge(0, bin)..grid.edge(0, bin + 1);
        let middle = f64::from(middle);
        assert!(edges.start < middle + 1e-6 && middle < edges.end + 1e-6);
    }
}
