//! Pictures of small worlds, decoded again.

use super::layout::Layout;
use super::palette::{OBSTACLE, Rgb, SOURCE, UNREACHED_FILL, UNREACHED_HATCH, WHITE, ramp};
use super::render::layout;
use super::{PicturePlan, Samples, Span};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::lattice::{Cell, Frame, NEIGHBOURS, UNREACHED, axial_half, diagonal_half};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A world of bricks, with its distances.
pub(super) struct World {
    low: [i32; 3],
    high: [i32; 3],
    pub(super) bricks: BTreeMap<BrickId, (Box<Costs>, Box<[u32; BRICK_CELLS]>)>,
}

impl World {
    /// The cells of the box `low…high` (both included) with the costs that `cost` gives.
    pub(super) fn new(low: [i32; 3], high: [i32; 3], cost: impl Fn([i32; 3]) -> u16) -> Self {
        let mut bricks = BTreeMap::new();
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                for x in low[0]..=high[0] {
                    let (Ok(cell), cost) = (Cell::new(x, y, z), cost([x, y, z])) else {
                        continue;
                    };
                    if cost > 0 {
                        let (brick, local) = BrickId::locate(cell).unwrap();
                        let blank = || {
                            (
                                Box::new([0; BRICK_CELLS]),
                                Box::new([UNREACHED; BRICK_CELLS]),
                            )
                        };
                        bricks.entry(brick).or_insert_with(blank).0[local.index()] = cost;
                    }
                }
            }
        }
        World { low, high, bricks }
    }

    /// Dijkstra from `source`, cell by cell.
    fn solve(mut self, source: Cell) -> Self {
        let mut heap = BinaryHeap::from([Reverse((0u32, source))]);
        self.set(source, 0);
        while let Some(Reverse((ticks, cell))) = heap.pop() {
            let (cost, now) = self.get(cell);
            if ticks > now {
                continue;
            }
            for (direction, _) in NEIGHBOURS.iter().enumerate() {
                let half = if direction < 8 {
                    diagonal_half
                } else {
                    axial_half
                };
                let Some(to) = cell.neighbour(direction) else {
                    continue;
                };
                let (to_cost, old) = self.get(to);
                let ticks = now + half(cost) + half(to_cost);
                if to_cost > 0 && ticks < old {
                    self.set(to, ticks);
                    heap.push(Reverse((ticks, to)));
                }
            }
        }
        self
    }

    fn get(&self, cell: Cell) -> (u16, u32) {
        let found = BrickId::locate(cell).and_then(|(brick, local)| {
            let (costs, ticks) = self.bricks.get(&brick)?;
            Some((costs[local.index()], ticks[local.index()]))
        });
        found.unwrap_or((0, UNREACHED))
    }

    fn set(&mut self, cell: Cell, ticks: u32) {
        let (brick, local) = BrickId::locate(cell).unwrap();
        self.bricks.get_mut(&brick).unwrap().1[local.index()] = ticks;
    }

    fn plan(&self, cell_size_m: f64, through: Cell) -> PicturePlan {
        let frame = Frame::new([-3.0, 10.0, 0.25], cell_size_m).unwrap();
        PicturePlan::new(
            Span {
                low: self.low,
                high: self.high,
            },
            frame,
            through,
        )
    }

    fn paint(&self, plan: &PicturePlan) -> Samples {
        let mut samples = plan.blank();
        for (&brick, (costs, ticks)) in &self.bricks {
            plan.paint(&mut samples, brick, costs, ticks);
        }
        samples
    }
}

pub(super) fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
}

/// A decoded picture: its width and height, and its pixels row by row.
pub(super) fn decode(png: &[u8]) -> ([usize; 2], Vec<Rgb>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight)
    );
    let size = [info.width as usize, info.height as usize];
    (size, bytes.as_chunks().0.to_vec())
}

/// The pixel of the canvas that shows the middle of a cell in slice `s`.
fn pixel_of(plan: &PicturePlan, layout: &Layout, s: usize, cell: Cell) -> [usize; 2] {
    let view = &plan.slices[s].view;
    let [x, y] = layout.images()[s];
    let [right, up] = [0, 1].map(|a| view.px(a, f64::from(cell.xyz()[view.axes[a]])) as usize);
    [x + right, y + view.size[1] - 1 - up]
}

/// Rooms of 10 × 6 × 4 bricks: a wall with a door, and a closed box.
pub(super) fn rooms() -> World {
    World::new([32, 16, 48], [190, 110, 110], |[x, y, z]| {
        let wall = (100..104).contains(&x) && y < 90;
        let shell = [x - 150, y - 60, z - 80].map(i32::abs).into_iter().max() == Some(12);
        let shell = shell || [x - 150, y - 60, z - 80].map(i32::abs).into_iter().max() == Some(11);
        if wall || shell {
            0
        } else {
            256 + (x as u16 & 1)
        }
    })
}

#[test]
fn the_picture_shows_what_is_where() {
    let source = cell(60, 60, 80);
    let world = rooms().solve(source);
    let plan = world.plan(0.1, source);
    let samples = world.paint(&plan);
    let (size, pixels) = decode(&plan.render(&samples, &[source], "Rooms").unwrap());
    let layout = layout(&plan);
    assert_eq!(size, layout.size);
    assert!(
        plan.slices
            .iter()
            .all(|slice| slice.view.size.iter().all(|&px| px <= 640))
    );
    assert_eq!(plan.slices[0].view.size[0], 640);

    let at = |s: usize, cell: Cell| {
        let [x, y] = pixel_of(&plan, &layout, s, cell);
        pixels[y * size[0] + x]
    };
    let most = *samples
        .words()
        .iter()
        .filter(|&&word| word < UNREACHED)
        .max()
        .unwrap();
    let mut on_ramp = 0;
    for (s, shown) in [
        (0, [[80, 40, 80], [180, 100, 80], [140, 20, 80]]),
        (1, [[80, 60, 60], [92, 60, 108], [184, 60, 80]]),
        (2, [[60, 20, 60], [60, 96, 60], [60, 30, 108]]),
    ] {
        for [x, y, z] in shown {
            let (_, ticks) = world.get(cell(x, y, z));
            let expected = ramp(f64::from(ticks) / f64::from(most));
            on_ramp += usize::from(at(s, cell(x, y, z)) == expected);
        }
        assert_eq!(at(s, source), SOURCE);
    }
    // A place may lie on an isoline, but not many can.
    assert!(
        on_ramp >= 7,
        "{on_ramp} of 9 places have the colour of their distance"
    );
    for (s, [x, y, z]) in [(0, [102, 50, 80]), (0, [162, 60, 80]), (1, [102, 60, 100])] {
        assert_eq!(at(s, cell(x, y, z)), OBSTACLE);
    }
    let closed = at(0, cell(150, 60, 80));
    assert!([UNREACHED_FILL, UNREACHED_HATCH].contains(&closed));
    assert_eq!(pixels[0], WHITE);
}

#[test]
fn pieces_merge_to_the_whole_in_any_order() {
    let source = cell(60, 60, 80);
    let world = rooms().solve(source);
    let plan = world.plan(0.1, source);
    let whole = world.paint(&plan);
    let mut pieces = [plan.blank(), plan.blank(), plan.blank()];
    for (i, (&brick, (costs, ticks))) in world.bricks.iter().enumerate() {
        plan.paint(&mut pieces[i * 7 % 3], brick, costs, ticks);
    }
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let mut sum = plan.blank();
        for piece in order {
            let words = pieces[piece].clone().into_words();
            sum.merge(&plan.samples(words).unwrap());
        }
        assert_eq!(sum, whole);
        let picture = |samples| plan.render(samples, &[source], "Rooms").unwrap();
        assert_eq!(picture(&sum), picture(&whole));
    }
    assert_eq!(plan.samples(vec![0; 5]), None);
}

/// Every pixel of a slice shows the cell nearest to its centre, as a search among all cells near it finds.
#[test]
fn pixels_show_their_nearest_cells() {
    let through = cell(7, 5, 9);
    let (low, high) = ([1, 2, 3], [14, 9, 17]);
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    let plan = PicturePlan::new(Span { low, high }, frame, through);
    for slice in &plan.slices {
        let mut shown = vec![Vec::new(); slice.view.pixels()];
        slice.visit([0; 3], [15; 3], |pixel, cell| shown[pixel].push(cell));
        slice.visit([0, 0, 16], [15, 15, 31], |pixel, cell| {
            shown[pixel].push(cell)
        });
        for (pixel, shown) in shown.iter().enumerate().step_by(97) {
            let mut point = [f64::from(slice.at); 3];
            let row = slice.view.size[1] - 1 - pixel / slice.view.size[0];
            for (a, i) in [(0, pixel % slice.view.size[0]), (1, row)] {
                point[slice.view.axes[a]] =
                    slice.view.low[a] + (i as f64 + 0.5) * slice.view.units_per_px(a);
            }
            let square = |cell: Cell| -> f64 {
                (0..3)
                    .map(|a| (f64::from(cell.xyz()[a]) - point[a]).powi(2))
                    .sum()
            };
            let all =
                (0..20i32.pow(3)).filter_map(|i| Cell::new(i % 20, i / 20 % 20, i / 400).ok());
            let least = all.map(square).fold(f64::INFINITY, f64::min);
            for &cell in shown {
                assert!(square(cell) < least + 1e-6, "{cell} at {point:?}");
            }
            let inside = (0..3).all(|a| {
                point[a] > [1, 2, 3][a] as f64 + 0.5 && point[a] < [14, 9, 17][a] as f64 - 0.5
            });
            assert!(!inside || !shown.is_empty(), "nothing at {point:?}");
        }
    }
}

#[test]
fn pictures_of_every_shape_can_be_drawn() {
    let through = cell(20, 30, 40);
    let boxes = [
        ([20, 30, 40], [20, 30, 40]),
        ([9, 9, 9], [-9, -9, -9]),
        ([0, 0, 40], [3000, 2000, 40]),
        ([0, 30, 40], [65535, 30, 40]),
        ([0, 0, 0], [65535, 65535, 65535]),
    ];
    let frames = [
        ([0.0; 3], 0.05),
        ([4e5, 5.5e6, -30.0], 0.25),
        ([1e15, -1e15, 0.0], 1e-9),
        ([0.0; 3], 1e-300),
        ([1e308; 3], 1e100),
        ([-1.0; 3], 5e-324),
    ];
    for (b, (low, high)) in boxes.into_iter().enumerate() {
        // Every box in one frame, and every frame around one box.
        let used = if b == 1 { &frames[..] } else { &frames[..1] };
        for &(origin_m, cell_size_m) in used {
            let frame = Frame::new(origin_m, cell_size_m).unwrap();
            let plan = PicturePlan::new(Span { low, high }, frame, through);
            assert!(plan.words() <= 3 * 640 * 640);
            let (brick, local) = BrickId::locate(through).unwrap();
            let (mut costs, mut ticks) = ([0; BRICK_CELLS], [UNREACHED; BRICK_CELLS]);
            (costs[local.index()], ticks[local.index()]) = (256, 0);
            let mut samples = plan.blank();
            plan.paint(&mut samples, brick, &costs, &ticks);
            let title = "Größe, 地図 und \u{7}: ".repeat(20);
            let (size, _) = decode(&plan.render(&samples, &[through], &title).unwrap());
            assert!(
                size.into_iter().all(|px| (300..2000).contains(&px)),
                "{size:?}"
            );
            if cell_size_m == 0.05 {
                plan.render(&plan.blank(), &[], "").unwrap();
            }
        }
    }
}

/// Where pixels are larger than cells, each open cell in a slice's plane lights the pixel that it lies in.
#[test]
fn a_cell_smaller_than_a_pixel_is_seen() {
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    let through = cell(20, 20, 20);
    let (low, high) = ([0; 3], [60_000; 3]);
    let plan = PicturePlan::new(Span { low, high }, frame, through);
    let (brick, local) = BrickId::locate(through).unwrap();
    let (mut costs, mut ticks) = ([0; BRICK_CELLS], [UNREACHED; BRICK_CELLS]);
    (costs[local.index()], ticks[local.index()]) = (256, 7);
    let mut samples = plan.blank();
    plan.paint(&mut samples, brick, &costs, &ticks);
    let seen = samples.words().iter().filter(|&&word| word == 7).count();
    assert_eq!(seen, 3);
}

/// The box of open cells grows brick by brick, to the cells and no further.
#[test]
fn a_span_is_the_box_of_open_cells() {
    let world = rooms();
    let open = world.bricks.iter().flat_map(|(&brick, (costs, _))| {
        let open = (0..BRICK_CELLS).filter(|&index| costs[index] > 0);
        open.map(move |index| brick.cell(crate::brick::Local::new(index).unwrap()).xyz())
    });
    let expected = open.fold(Span::NONE, |span, xyz| Span {
        low: std::array::from_fn(|a| span.low[a].min(xyz[a])),
        high: std::array::from_fn(|a| span.high[a].max(xyz[a])),
    });
    let (mut first, mut second) = (Span::NONE, Span::NONE);
    for (n, (&brick, (costs, _))) in world.bricks.iter().enumerate() {
        if n % 3 == 0 { &mut first } else { &mut second }.add(brick, costs);
    }
    first.merge(&second);
    assert_eq!(first, expected);
    assert!(
        first
            .low
            .iter()
            .zip(first.high)
            .all(|(&low, high)| low < high)
    );
    assert_eq!(Span::NONE.centre(), cell(0, 0, 0));
}
