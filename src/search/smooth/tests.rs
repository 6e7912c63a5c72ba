use super::*;
use std::collections::{HashMap, VecDeque};

/// A box of cells with costs; what lies outside is blocked. `missing` bricks have not arrived.
#[derive(Default)]
struct World {
    costs: HashMap<Cell, u16>,
    missing: Option<BrickId>,
}

impl CostLookup for World {
    fn cost(&mut self, cell: Cell) -> Result<u16, BrickId> {
        match (BrickId::locate(cell), self.missing) {
            (Some((brick, _)), Some(missing)) if brick == missing => Err(brick),
            _ => Ok(self.costs.get(&cell).copied().unwrap_or(0)),
        }
    }
}

impl World {
    /// Voxels of a cube `side` wide with these costs, and the corners with eight open voxels, at their mean cost.
    fn of_voxels(side: i32, cost: impl Fn([i32; 3]) -> u16) -> Self {
        let inside = 0..side;
        let cost = |v: [i32; 3]| match v.iter().all(|c| inside.contains(c)) {
            true => cost(v),
            false => 0,
        };
        let mut world = World::default();
        for voxel in cube(side) {
            let [x, y, z] = voxel.map(|c| 2 * c);
            let even = Cell::new(x, y, z).unwrap();
            world.costs.insert(even, cost(voxel));
            let eight: Vec<u16> = cube(2)
                .map(|d| cost(std::array::from_fn(|k| voxel[k] + d[k])))
                .collect();
            let sum: u32 = eight.iter().copied().map(u32::from).sum();
            let corner_cost = if eight.contains(&0) {
                0
            } else {
                (sum + 4) >> 3
            };
            let odd = Cell::new(x + 1, y + 1, z + 1).unwrap();
            world.costs.insert(odd, corner_cost as u16);
        }
        world.costs.retain(|_, cost| *cost > 0);
        world
    }

    /// A route of fewest steps, or `None`.
    fn route(&self, start: Cell, goal: Cell) -> Option<Vec<Cell>> {
        let mut before = HashMap::from([(start, start)]);
        let mut queue = VecDeque::from([start]);
        while let Some(cell) = queue.pop_front() {
            for next in cell.neighbours().filter(|n| self.costs.contains_key(n)) {
                before.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    cell
                });
            }
        }
        let mut route = vec![goal];
        while *route.last()? != start {
            route.push(*before.get(route.last()?)?);
        }
        route.reverse();
        Some(route)
    }
}

fn cube(side: i32) -> impl Iterator<Item = [i32; 3]> {
    (0..side.pow(3)).map(move |i| [i / side / side, i / side % side, i % side])
}

fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
}

/// A number below `range` that looks random, from a seed and a place.
fn noise(seed: i32, [x, y, z]: [i32; 3], range: u32) -> u32 {
    let mixed = [x, y, z, 1].iter().fold(seed as u32, |hash, &c| {
        (hash ^ c as u32).wrapping_mul(0x9E37_79B1).rotate_left(13)
    });
    (mixed >> 7) % range
}

#[test]
fn lines_in_random_worlds_are_free_and_no_longer_than_their_routes() {
    let (mut lines, mut bends, mut shorter) = (0, 0, 0);
    for seed in 0..300 {
        // One voxel in 4 to 11 is blocked; every third world has costs.
        let cost = |v| match noise(seed, v, 4 + seed as u32 % 8) {
            0 => 0,
            other if seed % 3 == 0 => 128 * other as u16,
            _ => 256,
        };
        let mut world = World::of_voxels(12, cost);
        let Some(route) = world.route(cell(2, 4, 2), cell(20, 18, 22)) else {
            continue;
        };
        if !world.costs.contains_key(&route[0]) {
            continue;
        }
        let line = smooth(&route, &mut world).unwrap();
        let dearest = route.iter().map(|c| world.costs[c]).max().unwrap();
        assert_eq!((line.first(), line.last()), (route.first(), route.last()));
        assert!(length_units(&line) <= length_units(&route));
        for leg in line.windows(2) {
            assert_eq!(in_sight(leg[0], leg[1], dearest, &mut world), Ok(true));
        }
        assert_eq!(smooth(&route, &mut world), Ok(line.clone()));
        lines += 1;
        bends += line.len() - 2;
        shorter += usize::from(length_units(&line) < length_units(&route));
    }
    assert!(lines > 150 && bends > lines && shorter > lines / 2);
}

#[test]
fn a_zig_zag_in_the_open_becomes_one_leg() {
    let mut world = World::of_voxels(12, |_| 256);
    let route = world.route(cell(0, 4, 2), cell(22, 10, 16)).unwrap();
    assert!(route.len() > 5);
    let line = smooth(&route, &mut world).unwrap();
    assert_eq!(line, [cell(0, 4, 2), cell(22, 10, 16)]);
    assert_eq!(
        length_units(&line),
        f64::from(22 * 22 + 6 * 6 + 14 * 14).sqrt()
    );
}

#[test]
fn a_line_about_a_wall_bends_at_its_edge() {
    let mut world = World::of_voxels(12, |[x, y, _]| if x == 6 && y < 9 { 0 } else { 256 });
    let (start, goal) = (cell(2, 10, 12), cell(22, 10, 12));
    let route = world.route(start, goal).unwrap();
    let line = smooth(&route, &mut world).unwrap();
    // The wall's last voxels lie at y = 16 and block the corners at y = 17, x = 11 and x = 13: a taut line runs along
    // y = 18 above them. A lone bend could not come to z = 12: both must go together.
    let about = [start, cell(10, 18, 12), cell(14, 18, 12), goal];
    assert!(length_units(&line) <= length_units(&about));
    assert!(line.len() <= 4);
}

#[test]
fn a_line_keeps_out_of_ground_dearer_than_the_routes() {
    let cost = |[x, y, _]: [i32; 3]| if x == 6 && y < 9 { 2560 } else { 256 };
    let mut dear = World::of_voxels(12, cost);
    let mut walled = World::of_voxels(12, |v| cost(v) % 2560);
    let route = walled.route(cell(2, 10, 12), cell(22, 10, 12)).unwrap();
    let about = smooth(&route, &mut dear).unwrap();
    assert!(about.len() > 2);
    assert_eq!(Ok(about), smooth(&route, &mut walled));
    let through = dear.route(route[0], cell(22, 10, 12)).unwrap();
    assert_eq!(smooth(&through, &mut dear).unwrap().len(), 2);
}

#[test]
fn short_routes_stay_as_they_are() {
    let mut world = World::default();
    let pair = [cell(0, 0, 0), cell(1, 1, 1)];
    for n in 0..=2 {
        assert_eq!(smooth(&pair[..n], &mut world), Ok(pair[..n].to_vec()));
    }
    assert_eq!(length_units(&pair[..1]), 0.0);
    assert_eq!(length_units(&pair), 3f64.sqrt());
}

#[test]
fn a_brick_that_has_not_arrived_is_asked_for() {
    let mut world = World::of_voxels(12, |_| 256);
    let route = world.route(cell(0, 4, 2), cell(22, 10, 16)).unwrap();
    let brick = BrickId::locate(cell(22, 10, 16)).unwrap().0;
    world.missing = Some(brick);
    assert_eq!(smooth(&route, &mut world), Err(brick));
    world.missing = None;
    assert_eq!(smooth(&route, &mut world).unwrap().len(), 2);
}
