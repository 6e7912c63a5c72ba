//! The distance field, said as plainly as a dataflow can say it: one record a cell.
//!
//! **This is the specification.** The product's [engine](crate::engine) computes the same collections, bit for bit,
//! about two orders of magnitude faster; tests hold the one against the other.
//!
//! ```text
//!  cells (cell, cost)              sources (cell, label)
//!         │ cost > 0                       │
//!         ▼                                │
//!    open cells ───────────────────────▶ join ──▶ seeds: (cell, (0, label))
//!         │ each with its 14 neighbours                │
//!         ▼                                            │
//!  ┌─ iterate ─────────────────────────────────────────┼────────────────┐
//!  │    steps (u, (v, weight))                         ▼                │
//!  │      │                                         concat ──▶ reduce ──┼──▶ field (cell, (ticks, label))
//!  │      ▼                                            ▲     least │    │
//!  │    join: offers (v, (d(u) + weight, l(u))) ── in turn         │    │
//!  │      ▲                                                        │    │
//!  │      └──────────────── reached (u, (d, l)) ───────────────────┘    │
//!  └────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # What it computes
//! The least pairs (in lexicographic order) for which, at every open cell `v`,
//!
//! ```text
//! (d, l)(v) = min( (0, label) if v is a source,  min over open neighbours u of (d(u) + w(u, v), l(u)) )
//! w(u, v)   = half(u) + half(v),  half = (base · cost) >> 8,  base 1351 of a diagonal and 1560 of an axial step
//! ```
//!
//! found from nothing by applying the right-hand side until nothing changes. Weights are positive, so there is one such
//! fixed point. The least pair is the least distance, and among the sources at that distance the least label.
//!
//! # Frontiers
//! A time is an epoch; inside the loop it is a pair of an epoch and a round. A step takes a round, and an offer waits for
//! the round of its distance (1351 ticks each), so that the loop works outwards from the sources. The output's frontier
//! passes an epoch when both inputs have passed it and the loop holds nothing of it any more, which is how a reader
//! knows that the epoch's field is complete. Epochs may be under way together.
//!
//! # Invariants
//! - `cells` gives each cell one cost, `sources` each source one label or more, of which the least counts. Cells with
//!   cost 0 may be in `cells`: they are no nodes, and a source in one is dormant until the cell opens.
//! - The field holds each reached cell once, with a distance of 0…2³¹ − 2 ticks (0 at sources alone), and no other
//!   cell. A path that is longer leads nowhere here; the product makes it an error.
//! - The field is a function of the two collections as they stand at an epoch: what was there before leaves no trace,
//!   and the changes of an epoch are the difference of two fields.

use super::{Collection, Diff, Time};
use crate::brick::BrickId;
use crate::ghost::{Rings, Through};
use crate::lattice::{Cell, DIAGONAL_BASE, NEIGHBOURS, UNREACHED, axial_half, diagonal_half};
use differential_dataflow::operators::Iterate;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::ValSpine;
use timely::order::Product;

/// The distance in ticks and the label of a reached cell, in the order in which they are compared.
pub type Reach = (u32, u32);

/// What a cell is offered by a neighbour.
type Offer = (Cell, Reach);

/// Costs by cell, for the joins that need an open cell.
pub(super) type OpenCells<'scope> = Arranged<'scope, TraceAgent<ValSpine<Cell, u16, Time, Diff>>>;

/// The distance field: the distance of each open cell that a source reaches, and the label of that source.
///
/// `cells` are the map's cells and their stored costs (1/256, 0 is blocked), `sources` the sources and their labels.
/// See the [module](self) for what is computed and what is asked of the two.
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::dataflows::specification;
/// use octaflow::lattice::{Cell, UNIT_COST};
///
/// let cell = |x, y, z| Cell::new(x, y, z).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let open = [cell(0, 0, 0), cell(1, 1, 1), cell(3, 1, 1)].map(|c| (c, UNIT_COST));
///         let (_, cells) = scope.new_collection_from(open);
///         let (_, sources) = scope.new_collection_from([(cell(0, 0, 0), 7)]);
///         let (_, expected) = scope.new_collection_from([
///             (cell(0, 0, 0), (0, 7)),
///             (cell(1, 1, 1), (2702, 7)),
///             (cell(3, 1, 1), (2702 + 3120, 7)),
///         ]);
///         specification::field(cells, sources).assert_eq(expected);
///     });
/// });
/// ```
pub fn field<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    sources: Collection<'scope, (Cell, u32)>,
) -> Collection<'scope, (Cell, Reach)> {
    let open = open(cells);
    let steps = steps(open.clone()).arrange_by_key_named("Steps");
    let seeds = sources.join_core(open, |&cell, &label, _cost| Some((cell, (0, label))));
    seeds.scope().iterate(|round, reached| {
        reached
            .join_core(steps.enter(round), |_u, &(ticks, label), &(v, weight)| {
                let ticks = ticks + weight;
                (ticks < UNREACHED).then_some((v, (ticks, label)))
            })
            .join_function(in_turn)
            .concat(seeds.enter(round))
            .reduce_named("Least", |_v, offers, least| least.push((*offers[0].0, 1)))
    })
}

/// The potential field of a distance field: for each reached cell, the index in [`NEIGHBOURS`] of the first step that
/// leads towards its source, −1 at the source itself.
///
/// A step leads towards the source if the distance behind it and the step's weight make up the cell's own distance.
pub fn next<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    field: Collection<'scope, (Cell, Reach)>,
) -> Collection<'scope, (Cell, i8)> {
    let distances = field.map(|(cell, (ticks, _label))| (cell, ticks));
    let sources = distances.clone().filter(|&(_, ticks)| ticks == 0);
    let distances = distances.arrange_by_key_named("Distances");
    steps(open(cells))
        .join_core(distances.clone(), |&u, &(v, weight), &ticks| {
            Some((v, (ticks + weight, u)))
        })
        .join_core(distances, |&v, &(ticks, u), &own| {
            (ticks == own).then(|| (v, direction(v, u)))
        })
        .concat(sources.map(|(source, _)| (source, -1)))
        .reduce_named("First", |_v, tight, first| first.push((*tight[0].0, 1)))
}

/// The routes of queries `(query, (start, goal))`: for each query whose ends are open and connected, the cells of its
/// route and the distance so far, in ticks.
///
/// One loop finds the distances from every start. Another walks back from every goal, each time to the first neighbour,
/// in the order of [`NEIGHBOURS`], whose distance and the step make up the cell's own.
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::dataflows::specification;
/// use octaflow::lattice::{Cell, UNIT_COST};
///
/// let cell = |x, y, z| Cell::new(x, y, z).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let open = [cell(0, 0, 0), cell(1, 1, 1), cell(3, 1, 1), cell(9, 9, 9)].map(|c| (c, UNIT_COST));
///         let (_, cells) = scope.new_collection_from(open);
///         let (near, far) = ((cell(0, 0, 0), cell(3, 1, 1)), (cell(0, 0, 0), cell(9, 9, 9)));
///         let (_, queries) = scope.new_collection_from([(1, near), (2, far)]);
///         let (_, expected) = scope.new_collection_from([
///             (1, (cell(0, 0, 0), 0)),
///             (1, (cell(1, 1, 1), 2702)),
///             (1, (cell(3, 1, 1), 2702 + 3120)),
///         ]);
///         specification::routes(cells, queries).assert_eq(expected);
///     });
/// });
/// ```
pub fn routes<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    queries: Collection<'scope, (i64, (Cell, Cell))>,
) -> Collection<'scope, (i64, (Cell, u32))> {
    let open = open(cells);
    let steps = steps(open.clone()).arrange_by_key_named("Steps");
    let queries = queries
        .map(|(query, (start, goal))| (start, (query, goal)))
        .join_core(open.clone(), |&start, &(query, goal), _| {
            Some((goal, (query, start)))
        })
        .join_core(open, |&goal, &(query, start), _| {
            Some(((start, goal), query))
        });
    let starts = queries
        .clone()
        .map(|((start, _), _)| ((start, start), 0))
        .distinct();
    let around = steps.clone();
    let distances = starts.scope().iterate(|round, reached| {
        reached
            .map(|((start, u), ticks): ((Cell, Cell), u32)| (u, (start, ticks)))
            .join_core(around.enter(round), |_u, &(start, ticks), &(v, weight)| {
                let ticks = ticks + weight;
                (ticks < UNREACHED).then_some(((start, v), ticks))
            })
            .concat(starts.enter(round))
            .reduce_named("Least", |_, offers, least| least.push((*offers[0].0, 1)))
    });
    let known = distances.clone().arrange_by_key_named("Distances");
    let back = distances
        .map(|((start, u), ticks)| (u, (start, ticks)))
        .join_core(steps, |&u, &(start, ticks), &(v, weight)| {
            Some(((start, v), (ticks, weight, u)))
        })
        .join_core(known.clone(), |&(start, v), &(ticks, weight, u), &own| {
            (ticks + weight == own).then(|| ((start, v), (direction(v, u), u, ticks)))
        })
        .reduce_named("First", |_, tight, first| first.push((*tight[0].0, 1)))
        .arrange_by_key_named("Back");
    let goals = queries.join_core(known, |&end, &query, &ticks| Some((end, (query, ticks))));
    let walked = goals.scope().iterate(|round, walked| {
        walked
            .join_core(
                back.enter(round),
                |&(start, _), &(query, _), &(_, u, ticks)| Some(((start, u), (query, ticks))),
            )
            .concat(goals.enter(round))
            .distinct()
    });
    walked.map(|((_, cell), (query, ticks))| (query, (cell, ticks)))
}

/// The ghosts of each part of a plan, `(part, (cell, payload, ring))`: the cells of others that 1…K steps to one of the 14
/// neighbours reach from its own, with the least number of steps.
///
/// One loop gives every point within reach the least number of steps from each part. `plan` gives each brick at most
/// one part, and cells lie within 0…65535.
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::brick::BrickId;
/// use octaflow::dataflows::specification;
/// use octaflow::ghost::{Rings, Through};
/// use octaflow::lattice::Cell;
///
/// let cell = |x| Cell::new(x, 2, 2).unwrap();
/// let brick = |x| BrickId::new(x, 0, 0).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let (_, cells) = scope.new_collection_from([(cell(14), 'a'), (cell(16), 'b'), (cell(20), 'c')]);
///         let (_, plan) = scope.new_collection_from([(brick(0), 7), (brick(1), 9)]);
///         let ghosts = specification::ghosts(cells, plan, Rings::new(2).unwrap(), Through::Lattice);
///         let (_, expected) = scope.new_collection_from([(7, (cell(16), 'b', 1)), (9, (cell(14), 'a', 1))]);
///         ghosts.assert_eq(expected);
///     });
/// });
/// ```
pub fn ghosts<'scope, Payload: differential_dataflow::ExchangeData>(
    cells: Collection<'scope, (Cell, Payload)>,
    plan: Collection<'scope, (BrickId, u32)>,
    rings: Rings,
    through: Through,
) -> Collection<'scope, (u32, (Cell, Payload, u32))> {
    let payloads = cells.flat_map(|(cell, payload)| {
        let (brick, _) = BrickId::locate(cell)?;
        Some((brick, (cell, payload)))
    });
    let existing = payloads.clone().map(|(_, (cell, _))| (cell, ())).distinct();
    let owned = payloads.join_map(plan, |_brick, (cell, payload), &part| {
        (*cell, (part, payload.clone()))
    });
    let seeds = owned.clone().map(|(cell, (part, _))| ((cell, part), 0));
    let seeds = seeds.distinct();
    let most = rings.count();
    let steps = seeds.scope().iterate(|round, reached| {
        let further = reached.flat_map(move |((cell, part), ring): ((Cell, u32), u32)| {
            let beside = move |direction| Some((cell.neighbour(direction)?, part));
            let open = (0..NEIGHBOURS.len()).filter(move |_| ring < most);
            open.filter_map(beside).map(move |at| (at, ring + 1))
        });
        let further = match through {
            Through::Lattice => further,
            Through::Cells => further
                .map(|((cell, part), ring)| (cell, (part, ring)))
                .join_map(existing.enter(round), |&cell, &(part, ring), ()| {
                    ((cell, part), ring)
                }),
        };
        further
            .concat(seeds.enter(round))
            .reduce_named("Least", |_, rings, least| least.push((*rings[0].0, 1)))
    });
    let steps = steps.map(|((cell, part), ring)| (cell, (part, ring)));
    let ghosts = owned.join_map(steps, |&cell, (owner, payload), &(part, ring)| {
        (*owner != part).then(|| (part, (cell, payload.clone(), ring)))
    });
    ghosts.flat_map(|ghost| ghost)
}

/// How many ticks a round of the loop stands for: half a diagonal step at cost 1.0.
const ROUND_TICKS: u32 = DIAGONAL_BASE;

/// Puts an offer off until the round of its distance: its time is joined with that round of the earliest epoch.
///
/// The fixed point is the same without it. But so short offers come before long ones, as in Dijkstra's algorithm,
/// and few cells take one that they must give up again: a third of the work, and of an edit's far less.
fn in_turn(offer: Offer) -> Option<(Offer, Product<Time, u64>, Diff)> {
    let (_v, (ticks, _label)) = offer;
    let round = u64::from(ticks / ROUND_TICKS);
    Some((offer, Product::new(Time::MIN, round), 1))
}

/// The open cells and their costs, arranged by cell.
pub(super) fn open<'scope>(cells: Collection<'scope, (Cell, u16)>) -> OpenCells<'scope> {
    let open = cells.filter(|&(_, cost)| cost > 0);
    open.arrange_by_key_named("Open cells")
}

/// Every step `(u, (v, weight))` from an open cell to an open neighbour, its weight in ticks.
///
/// A cell shows its cost to all around it; those that are open themselves add the halves up.
pub(super) fn steps<'scope>(open: OpenCells<'scope>) -> Collection<'scope, (Cell, (Cell, u32))> {
    let shown = open.clone().as_collection(|&u, &cost| (u, cost));
    let shown = shown.flat_map(|(u, cost)| {
        let beside = move |direction: usize| Some((u.neighbour(direction)?, (u, direction, cost)));
        (0..NEIGHBOURS.len()).filter_map(beside)
    });
    shown.join_core(open, |&v, &(u, direction, cost_u), &cost_v| {
        let weight = half(direction, cost_u) + half(direction, cost_v);
        Some((u, (v, weight)))
    })
}

/// A cell's half of the weight of a step in a direction of [`NEIGHBOURS`], in ticks.
fn half(direction: usize, cost: u16) -> u32 {
    let axial = NEIGHBOURS[direction].contains(&0);
    if axial {
        axial_half(cost)
    } else {
        diagonal_half(cost)
    }
}

/// The direction in [`NEIGHBOURS`] from a cell to one that is its neighbour.
fn direction(from: Cell, to: Cell) -> i8 {
    let leads = |&direction: &usize| from.neighbour(direction) == Some(to);
    let found = (0..NEIGHBOURS.len()).find(leads);
    found.expect("a step leads to a neighbour") as i8
}
