//! The oracle: routes by the words of the contract alone, a sequential Dijkstra and a walk back over a map of points.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// A cell by its lattice coordinates.
pub type Point = [i32; 3];

/// The fixed neighbour order.
pub const STEPS: [Point; 14] = [
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
    [-1, 1, 1],
    [-1, 1, -1],
    [-1, -1, 1],
    [-1, -1, -1],
    [2, 0, 0],
    [-2, 0, 0],
    [0, 2, 0],
    [0, -2, 0],
    [0, 0, 2],
    [0, 0, -2],
];

/// Costs above 0.
pub type World = BTreeMap<Point, u16>;

/// How a query ends by the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Invalid,
    Unreachable,
    /// The cells from the start to the goal, with the ticks so far.
    Found(Vec<(Point, u32)>),
}

fn plus(at: Point, step: Point) -> Point {
    std::array::from_fn(|a| at[a] + step[a])
}

/// The weight of a step between two open cells.
pub fn weight(world: &World, from: Point, step: usize, to: Point) -> Option<u32> {
    let base: u32 = if step < 8 { 1351 } else { 1560 };
    let half = |at: Point| world.get(&at).map(|&c| (base * u32::from(c)) >> 8);
    Some(half(from)? + half(to)?)
}

/// The answer to a query.
pub fn expected(world: &World, start: Point, goal: Point) -> Expected {
    if !world.contains_key(&start) || !world.contains_key(&goal) {
        return Expected::Invalid;
    }
    let mut distances: HashMap<Point, u32> = HashMap::new();
    let mut queue = BinaryHeap::from([Reverse((0u32, start))]);
    distances.insert(start, 0);
    while let Some(Reverse((ticks, at))) = queue.pop() {
        if distances[&at] < ticks {
            continue;
        }
        for (step, by) in STEPS.iter().enumerate() {
            let to = plus(at, *by);
            let Some(weight) = weight(world, at, step, to) else {
                continue;
            };
            if distances.get(&to).is_none_or(|&d| ticks + weight < d) {
                distances.insert(to, ticks + weight);
                queue.push(Reverse((ticks + weight, to)));
            }
        }
    }
    let Some(&cost) = distances.get(&goal) else {
        return Expected::Unreachable;
    };
    let mut route = vec![(goal, cost)];
    while route[route.len() - 1].0 != start {
        let (at, ticks) = route[route.len() - 1];
        let back = STEPS.iter().enumerate().find_map(|(step, by)| {
            let to = plus(at, *by);
            let weight = weight(world, at, step, to)?;
            let known = *distances.get(&to)?;
            (known + weight == ticks).then_some((to, known))
        });
        route.push(back.expect("a distance has a reason"));
    }
    route.reverse();
    Expected::Found(route)
}
