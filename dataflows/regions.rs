//! Which endpoints of queries are joined, from the graph of regions, without a look at the map.
//!
//! ```text
//!  profiles of pairs of bricks
//!  with two owners (lower │ upper)          edges                    endpoints (region, (query, end))
//!        └─ join by pair ─┘                   │                              │
//!             │ borders meet                  │                              │
//!             └───────► links (region, region) ◄                             │
//!                          │                                                 │
//!  ┌─ for cubes of 16³ bricks, of 64³, and of all ────────────────────────┐  │
//!  │       inside one cube │ across cubes ─────────────┐                  │  │
//!  │                       ▼                           │                  │  │
//!  │    reduce by cube: joined regions merge           │                  │  │
//!  │                       │                           ▼                  │  ▼
//!  │         moves (region, least joined region) ──► join, both ends     join
//!  │                                                   │                  │  │
//!  └───────────────────────────────────────────────────┼──────────────────┘  │
//!                                  links of the next ◄─┘                     ▼
//!                                                        (query, (end, component)) ── reduce ──► (query, reachable)
//! ```
//!
//! # What it computes
//! The components of the graph of regions ([`crate::regions`]), and for each query whether its two ends lie in one.
//! That is the fixed point of "the least label among mine and my neighbours'", which [`specification`] says with an
//! `iterate`. Its loop takes as many rounds as the graph is wide, and it remembers them all: an edge that comes or
//! goes shifts the round in which labels arrive far behind it. So [`reachable`] merges upwards instead, in three
//! steps. Regions that links inside one cube of 16³ bricks join become one, named by the least of them; links
//! that lead across take over the names; then cubes of 64³ bricks (269 M cells); then all that there is. A merged
//! region lies in the cube of its name, so a link that leads across a cube still does when its ends have moved. An
//! edge that changes is dealt with inside the least cube that holds it, and goes no further unless names change.
//!
//! Everything here is differential. The state machine that finds edges and profiles is not.
//!
//! # Frontiers
//! A time is an epoch; there is no loop. The output's frontier passes an epoch when the three inputs have passed it
//! and all workers have done its work. Epochs may be under way together.
//!
//! # Invariants
//! - The records of edges and profiles are there or not: more than one of a kind counts as one.
//! - The result is a function of the three collections as they stand at an epoch.
//! - Regions without links take no part: endpoints in them keep their names.

use super::{Collection, Diff, Time};
use crate::regions::{Border, Profile, Region};
#[cfg(any(doc, feature = "specification"))]
use differential_dataflow::operators::Iterate;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::ValSpine;

/// A query and which end of it: 0 is the start, 1 the goal.
pub type End = (i64, u8);

/// Two regions that touch.
type Link = (Region, Region);

/// The names that regions take on when they merge.
type Moves<'scope> = Arranged<'scope, TraceAgent<ValSpine<Region, Region, Time, Diff>>>;

/// The cubes in which regions merge, one after the other: their edges in bricks, as powers of two. The last holds
/// all bricks.
const LEVELS: [u32; 3] = [4, 6, 12];

/// Whether the two ends of each query are joined: `true` if they lie in one component of the regions, `false` if not.
/// A query of which an end is missing gives nothing.
///
/// `edges` and `profiles` are what all workers' [`Regions`](crate::regions::Regions) give out, `endpoints` the region
/// of each end of each query.
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::brick::{BRICK_CELLS, BrickId, Local};
/// use octaflow::dataflows::regions::reachable;
/// use octaflow::partition::{Partition, Plan};
/// use octaflow::regions::Regions;
/// use std::sync::Arc;
///
/// timely::execute_directly(|worker| {
///     let mut regions = Regions::new(0, Arc::new(Plan::build(Partition::Hash, 1, &[])));
///     let bricks = [3, 4, 6].map(|x| BrickId::new(x, 0, 0).unwrap());
///     let costs = [256; BRICK_CELLS];
///     regions.update(&bricks, |_| Some(&costs));
///     let [a, b, c] = bricks.map(|brick| {
///         regions.region_of(brick, Local::new(0).unwrap(), &costs).unwrap()
///     });
///     let edges: Vec<_> = regions.take_changes().edges.into_iter().map(|(edge, _)| edge).collect();
///     worker.dataflow(|scope| {
///         let (_, edges) = scope.new_collection_from(edges);
///         let (_, profiles) = scope.new_collection_from([]);
///         let ends = [(a, (7, 0)), (b, (7, 1)), (a, (8, 0)), (c, (8, 1)), (a, (9, 0))];
///         let (_, endpoints) = scope.new_collection_from(ends);
///         let (_, expected) = scope.new_collection_from([(7, true), (8, false)]);
///         reachable(edges, profiles, endpoints).assert_eq(expected);
///     });
/// });
/// ```
pub fn reachable<'scope>(
    edges: Collection<'scope, (Region, Region)>,
    profiles: Collection<'scope, Profile>,
    endpoints: Collection<'scope, (Region, End)>,
) -> Collection<'scope, (i64, bool)> {
    let (mut links, mut ends) = (edges.concat(met(profiles)), endpoints);
    for level in LEVELS {
        let moves = moves(links.clone(), level);
        links = across(links, moves.clone(), level);
        ends = renamed(ends, moves);
    }
    joined(ends)
}

/// What [`reachable`] computes, said plainly: each region takes the least label among its own name and those of the regions
/// that it touches, until nothing changes.
#[cfg(any(doc, feature = "specification"))]
pub fn specification<'scope>(
    edges: Collection<'scope, (Region, Region)>,
    profiles: Collection<'scope, Profile>,
    endpoints: Collection<'scope, (Region, End)>,
) -> Collection<'scope, (i64, bool)> {
    let links = edges.concat(met(profiles)).distinct();
    let links = links.clone().concat(links.map(|(a, b)| (b, a)));
    let ends = endpoints.clone().map(|(region, _end)| region);
    let names = links.clone().map(|(region, _)| region).concat(ends);
    let names = names.distinct().map(|region| (region, region));
    let links = links.arrange_by_key_named("Links");
    let components = names.clone().iterate(|round, labels| {
        labels
            .join_core(links.enter(round), |_a, &label, &b| Some((b, label)))
            .concat(names.enter(round))
            .reduce_named("Least", |_region, labels, least| {
                least.push((*labels[0].0, 1));
            })
    });
    joined(components.join_map(endpoints, |_region, &component, &end| (component, end)))
}

/// The links between regions of different workers: those whose profiles of one pair of bricks meet.
fn met<'scope>(profiles: Collection<'scope, Profile>) -> Collection<'scope, Link> {
    let side = |is_upper: bool| {
        let profiles = profiles.clone().filter(move |p| p.is_upper == is_upper);
        profiles.map(|p| (p.pair, (p.region, p.border)))
    };
    let lower = side(false).arrange_by_key_named("Lower profiles");
    let upper = side(true).arrange_by_key_named("Upper profiles");
    lower.join_core(upper, |_pair, a: &(Region, Border), b| {
        a.1.meets(b.1).then_some((a.0, b.0))
    })
}

/// Which regions take on another name when those merge that links join inside a cube.
fn moves<'scope>(links: Collection<'scope, Link>, level: u32) -> Moves<'scope> {
    let inside = links.filter(move |&(a, b)| a.cube(level) == b.cube(level));
    inside
        .map(move |(a, b)| (a.cube(level), (a, b)))
        .reduce_named("Merge", |_cube, links, moves| {
            let links = links.iter().map(|&(&link, _count)| link);
            moves.extend(merged(links).into_iter().map(|link| (link, 1)));
        })
        .map(|(_cube, link)| link)
        .arrange_by_key_named("Moves")
}

/// The links that lead from cube to cube, by the names that their ends have taken on.
fn across<'scope>(
    links: Collection<'scope, Link>,
    moves: Moves<'scope>,
    level: u32,
) -> Collection<'scope, Link> {
    let across = links.filter(move |&(a, b)| a.cube(level) != b.cube(level));
    let turned = renamed(across, moves.clone()).map(|(a, b)| (b, a));
    renamed(turned, moves)
}

/// The records by the names that their regions have taken on; those of other regions stay as they are.
fn renamed<'scope, Record: differential_dataflow::ExchangeData>(
    records: Collection<'scope, (Region, Record)>,
    moves: Moves<'scope>,
) -> Collection<'scope, (Region, Record)> {
    let moved = records
        .clone()
        .join_core(moves, |&from, record, &to| Some((from, to, record.clone())));
    records.concat(
        moved.explode(|(from, to, record)| [((from, record.clone()), -1), ((to, record), 1)]),
    )
}

/// The queries of which both ends are there, and whether their components are the same.
fn joined<'scope>(ends: Collection<'scope, (Region, End)>) -> Collection<'scope, (i64, bool)> {
    ends.map(|(component, (query, end))| (query, (end, component)))
        .reduce_named("Reachable", |_query, ends, reachable| {
            let side = |end: u8| ends.iter().map(|(e, _)| *e).filter(move |e| e.0 == end);
            let (starts, goals) = (side(0), side(1));
            if starts.clone().next().is_some() && goals.clone().next().is_some() {
                let mut starts = starts;
                let met = starts.any(|start| goals.clone().any(|goal| goal.1 == start.1));
                reachable.push((met, 1));
            }
        })
}

/// For each region that is joined with a lesser one by some of the links: it, and the least of them.
fn merged(links: impl Iterator<Item = Link>) -> Vec<Link> {
    let links: Vec<Link> = links.collect();
    let mut regions: Vec<Region> = links.iter().flat_map(|&(a, b)| [a, b]).collect();
    regions.sort_unstable();
    regions.dedup();
    let number = |region| regions.partition_point(|&r| r < region);
    let mut leaders: Vec<usize> = (0..regions.len()).collect();
    for (a, b) in links {
        let a = leader(&mut leaders, number(a));
        let b = leader(&mut leaders, number(b));
        leaders[a.max(b)] = a.min(b);
    }
    let all = (0..regions.len()).map(|n| (regions[n], regions[leader(&mut leaders, n)]));
    all.filter(|(region, least)| region != least).collect()
}

/// The least number that `number` is joined with, and shorter ways to it.
fn leader(leaders: &mut [usize], mut number: usize) -> usize {
    while leaders[number] != number {
        leaders[number] = leaders[leaders[number]];
        number = leaders[number];
    }
    number
}
