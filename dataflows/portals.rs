//! The coarse graph of routes, said as plainly as a dataflow can say it: portals, tolls, and the least cost of chains.
//!
//! **This is the specification.** The product gives out the same pieces, portals and tolls brick by brick
//! ([`super::graph`]); a search keeps those of the bricks that it comes to ([`crate::search`]), brings them up to date
//! with each epoch's edits, and goes through them by A*, a query at a time. Tests hold the ones against the others. Said
//! so, the portals and tolls of 196 bricks of rooms take 28 s instead of 0.14
//! (`cargo test --test portals -- --ignored --nocapture`). What an `iterate` over (query, portal) remembers of 10,000
//! queries is out of proportion to a coarse search of some two hundred portals, which takes tens of microseconds.
//!
//! ```text
//!  cells (cell, cost) ─► open ─► links inside bricks ─► iterate: pieces (cell, least cell joined with it)
//!                          │             │                        │
//!                          │             │         touching (pieces of two bricks, cells of a step between)
//!                          │             │                        │ reduce: the step in the middle
//!                          │             ▼                        ▼
//!                          │      iterate: distances inside ◄── portals ──┐
//!                          │                     │ at portals             │ steps
//!                          │                     ▼                        ▼
//!                          │                   tolls ────────────────► edges ─► iterate: (query, portal) ─► chains
//! ```
//!
//! # Frontiers
//! A time is an epoch; loops add rounds. An output's frontier passes an epoch when all inputs have passed it and no
//! loop holds anything of it.
//!
//! # Invariants
//! - `cells` gives each cell one cost. The results are functions of the collections as they stand at an epoch.
//! - A portal stands for all steps between two pieces of two bricks. Of the cells of the upper brick that such steps
//!   touch, it leads to the one nearest to the mean of their coordinates beside the direction of the bricks (even cells
//!   before odd ones, then by place), from that one's first neighbour in the fixed order.
//! - A toll is the least cost between two portals' cells of one brick by ways inside it.
//! - No chain costs less than the best route.

use super::Collection;
use super::graph::Toll;
use super::specification::{OpenCells, open, steps};
use crate::brick::BrickId;
use crate::lattice::{Cell, UNREACHED};
use differential_dataflow::operators::Iterate;

/// A step between bricks: a cell, and its neighbour in another brick.
pub type Step = (Cell, Cell);

/// The portals between the bricks of a map, each from both of its sides.
///
/// `cells` are the map's cells and their stored costs (1/256, 0 is blocked).
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::dataflows::portals::portals;
/// use octaflow::lattice::{Cell, UNIT_COST};
///
/// let cell = |x, y, z| Cell::new(x, y, z).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let row = [cell(14, 0, 0), cell(16, 0, 0), cell(18, 0, 0)].map(|c| (c, UNIT_COST));
///         let (_, cells) = scope.new_collection_from(row);
///         let (_, both) = scope.new_collection_from([
///             (cell(14, 0, 0), cell(16, 0, 0)),
///             (cell(16, 0, 0), cell(14, 0, 0)),
///         ]);
///         portals(cells).assert_eq(both);
///     });
/// });
/// ```
pub fn portals<'scope>(cells: Collection<'scope, (Cell, u16)>) -> Collection<'scope, Step> {
    let open = open(cells);
    let steps = steps(open.clone());
    let pieces = joined(open, inside(steps.clone()));
    let up = steps.filter(|&(u, (v, _))| is_below(brick(u), brick(v)));
    let touching = up
        .map(|(u, (v, _))| (u, v))
        .join_map(pieces.clone(), |&u, &v, &lower| (v, (u, lower)))
        .join_map(pieces, |&v, &(u, lower), &upper| ((lower, upper), (v, u)));
    let middles = touching.reduce_named("Middle", |_pieces, steps, middle| {
        let steps: Vec<(Cell, Cell)> = steps.iter().map(|&(&step, _)| step).collect();
        middle.push((in_the_middle(&steps), 1));
    });
    middles.flat_map(|(_pieces, (v, u))| [(u, v), (v, u)])
}

/// The pieces of the bricks of a map: each open cell, and the least cell that it is joined with inside its brick.
pub fn pieces<'scope>(cells: Collection<'scope, (Cell, u16)>) -> Collection<'scope, (Cell, Cell)> {
    let open = open(cells);
    let links = inside(steps(open.clone()));
    joined(open, links)
}

/// Each open cell, and the least one that it is joined with by links.
fn joined<'scope>(
    open: OpenCells<'scope>,
    links: Collection<'scope, (Cell, (Cell, u32))>,
) -> Collection<'scope, (Cell, Cell)> {
    let alone = open.as_collection(|&cell, _cost| (cell, cell));
    alone.scope().iterate(|round, pieces| {
        pieces
            .join_map(links.enter(round), |_u, &piece, &(v, _)| (v, piece))
            .concat(alone.enter(round))
            .reduce_named("Least", |_cell, pieces, least| {
                least.push((*pieces[0].0, 1));
            })
    })
}

/// The tolls between the cells at portals, and between those and some further `ends`; each between a cell and itself is 0.
pub fn tolls<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    portals: Collection<'scope, Step>,
    ends: Collection<'scope, Cell>,
) -> Collection<'scope, Toll> {
    let open = open(cells);
    let links = inside(steps(open.clone()));
    let at = portals.map(|(u, _)| u).concat(ends).distinct();
    let at = at
        .map(|cell| (cell, ()))
        .join_core(open, |&cell, &(), _| Some(cell));
    let seeds = at.clone().map(|cell| (cell, (cell, 0)));
    let reached = spread(seeds, links);
    reached.join_map(at.map(|cell| (cell, ())), |&to, &(from, ticks), &()| {
        ([from, to], ticks)
    })
}

/// The least cost of a chain of portals and tolls for each query `(query, (start, goal))` that has one, in ticks.
pub fn chains<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    queries: Collection<'scope, (i64, (Cell, Cell))>,
) -> Collection<'scope, (i64, u32)> {
    let portals = portals(cells.clone());
    let ends = queries
        .clone()
        .flat_map(|(_query, (start, goal))| [start, goal]);
    let tolls = tolls(cells.clone(), portals.clone(), ends);
    let across = steps(open(cells))
        .filter(|&(u, (v, _))| brick(u) != brick(v))
        .map(|(u, (v, weight))| ((u, v), weight))
        .semijoin(portals);
    let edges = tolls.map(|([u, v], ticks)| (u, (v, ticks)));
    let edges = edges.concat(across.map(|((u, v), ticks)| (u, (v, ticks))));
    let starts = queries
        .clone()
        .map(|(query, (start, _))| (start, (query, 0)));
    let reached = spread(starts, edges);
    reached
        .map(|(cell, (query, ticks))| ((query, cell), ticks))
        .join_map(
            queries.map(|(query, (_, goal))| ((query, goal), ())),
            |&(query, _goal), &ticks, &()| (query, ticks),
        )
}

/// The least cost at which each origin reaches each cell, `(cell, (origin, ticks))`: from seeds of the same form, along
/// edges `(from, (to, ticks))`.
fn spread<'scope, Origin: differential_dataflow::ExchangeData + Copy + std::hash::Hash>(
    seeds: Collection<'scope, (Cell, (Origin, u32))>,
    edges: Collection<'scope, (Cell, (Cell, u32))>,
) -> Collection<'scope, (Cell, (Origin, u32))> {
    let seeded = seeds
        .clone()
        .map(|(cell, (origin, ticks))| ((cell, origin), ticks));
    seeds.scope().iterate(|round, reached| {
        reached
            .join_map(edges.enter(round), |_u, &(origin, ticks), &(v, weight)| {
                ((v, origin), ticks + weight)
            })
            .filter(|&(_, ticks)| ticks < UNREACHED)
            .concat(seeded.enter(round))
            .reduce_named("Least", |_at, ticks, least| {
                least.push((*ticks[0].0, 1));
            })
            .map(|((v, origin), ticks)| (v, (origin, ticks)))
    })
}

/// The steps that stay inside a brick.
fn inside<'scope>(
    steps: Collection<'scope, (Cell, (Cell, u32))>,
) -> Collection<'scope, (Cell, (Cell, u32))> {
    steps.filter(|&(u, (v, _))| brick(u) == brick(v))
}

/// The brick of a cell; outside the coordinates of maps there is none.
fn brick(cell: Cell) -> Option<BrickId> {
    BrickId::locate(cell).map(|(brick, _)| brick)
}

/// Whether steps lead up from one brick to another: on no axis down.
fn is_below(lower: Option<BrickId>, upper: Option<BrickId>) -> bool {
    let (Some(lower), Some(upper)) = (lower, upper) else {
        return false;
    };
    lower != upper && (0..3).all(|a| lower.xyz()[a] <= upper.xyz()[a])
}

/// Of the steps `(upper cell, lower cell)` between two pieces, the one in the middle.
fn in_the_middle(steps: &[(Cell, Cell)]) -> (Cell, Cell) {
    let mut tops: Vec<Cell> = steps.iter().map(|s| s.0).collect();
    tops.sort_unstable();
    tops.dedup();
    let corners = steps[0..1].iter().map(|&(v, u)| [v, u].map(brick));
    let free: Vec<usize> = corners
        .flat_map(|[upper, lower]| {
            let [upper, lower] = [upper, lower].map(|b| b.expect("a brick").xyz());
            (0..3).filter(move |&a| upper[a] == lower[a])
        })
        .collect();
    let count = tops.len() as i32;
    let sum = |a: usize| tops.iter().map(|top| top.xyz()[a]).sum::<i32>();
    let off = |top: Cell| -> i32 {
        let along = free.iter().map(|&a| (top.xyz()[a] * count - sum(a)).pow(2));
        along.sum()
    };
    let place = |top: Cell| BrickId::locate(top).map(|(_, local)| local);
    let top = tops
        .iter()
        .copied()
        .min_by_key(|&top| (off(top), place(top)));
    let top = top.expect("pieces that touch");
    let beside = |&(v, u): &(Cell, Cell)| v == top && top.neighbours().any(|n| n == u);
    let order = |u: Cell| top.neighbours().position(|n| n == u);
    let below = steps.iter().filter(|s| beside(s)).map(|s| s.1);
    let below = below.min_by_key(|&u| order(u));
    (top, below.expect("a step to it"))
}
