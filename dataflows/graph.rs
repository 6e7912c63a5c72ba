//! The region graph as differential collections: what pieces each brick's open cells make, the portals where pieces of
//! neighbouring bricks touch, and the tolls, the least costs between two portals through a brick.
//!
//! ```text
//! rows ─► gather ─► corners ─► apply ─► tell ─(bricks, to the owners of bricks beside)─► look ─► differences
//!           (see `epochs` and `edits`)
//! ```
//!
//! An edit touches its own brick, and the bricks around if its pieces come out differently; of these, what is different is
//! given out and nothing else. The components of this graph are a fixed point in [`super::regions`], where regions merge
//! in cubes of bricks, level by level; `octaflow route` keeps those, and portals and tolls of the bricks alone that its
//! searches come to, since most queries come to few ([`crate::search`]). The plain formulation, cell by cell, is
//! [`super::portals`]; it takes 200 times as long.
//!
//! **Frontiers.** A worker looks at an epoch when its input's frontier passes it: then all bricks beside its own have
//! come as they stand after the epoch.
//! **Invariants.** A brick's pieces, portals and tolls are given out by its owner, so that each is there once. They are
//! functions of the map as it stands. Of the portals of a brick, those behind the 32nd are left out on its side, though the
//! bricks beyond may tell of them: only bricks of many crumbs have so many.

use super::edits::Store;
use super::epochs::{EpochInput, stage};
use super::wire::PodVec;
use super::{Collection, Time};
use crate::brick::{BrickId, Local};
use crate::lattice::Cell;
use crate::partition::Plan;
use crate::search::{GraphFact, Parcel, RegionGraph};
use differential_dataflow::AsCollection;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{Scope, Stream, StreamVec};

/// A piece of a brick: the first of its cells in the order of places, which names it, and how many there are.
pub type Piece = (Cell, u32);

/// A portal: the piece that it leads out of, and a step between bricks, a cell and its neighbour in the other one.
pub type Portal = (Cell, [Cell; 2]);

/// A toll: two cells at portals of one brick, and the least cost between them inside it, in ticks.
pub type Toll = ([Cell; 2], u32);

/// The graph that the operators of one worker share.
pub type SharedGraph = Rc<RefCell<RegionGraph>>;

/// The region graph of a map.
pub struct Graph<'scope> {
    /// The pieces of all bricks.
    pub pieces: Collection<'scope, Piece>,
    /// The portals between them, each from both of its sides; of a brick, no more than 32.
    pub portals: Collection<'scope, Portal>,
    /// The tolls between a brick's cells at portals, in both directions; each between a cell and itself is 0.
    pub tolls: Collection<'scope, Toll>,
}

impl Store for RegionGraph {
    fn cost(&self, brick: BrickId, local: Local) -> u16 {
        RegionGraph::cost(self, brick, local)
    }

    fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16) {
        RegionGraph::set_cost(self, brick, local, cost);
    }
}

/// Builds the dataflow of the region graph around a state whose bricks are loaded: the input, of which only edits of costs
/// and voxels count, and the graph. The first epoch gives out the graph of the map as it was loaded and edited by then. Rows
/// of sources change nothing, but one that names a blocked cell is a fault of its epoch, as it is for a field.
pub fn graph<'scope>(
    scope: Scope<'scope, Time>,
    state: &SharedGraph,
    plan: &Arc<Plan>,
) -> (EpochInput, Graph<'scope>) {
    let (input, applied) = EpochInput::new(scope, state, plan, None);
    let looked = look(tell(applied, state), state);
    let (probe, facts) = looked.probe();
    let facts = facts.as_collection();
    let graph = Graph {
        pieces: facts.clone().flat_map(|fact| match fact {
            GraphFact::Piece(first, cells) => Some((first, cells)),
            _ => None,
        }),
        portals: facts.clone().flat_map(|fact| match fact {
            GraphFact::Portal(piece, step) => Some((piece, step)),
            _ => None,
        }),
        tolls: facts.flat_map(|fact| match fact {
            GraphFact::Toll(between, ticks) => Some((between, ticks)),
            _ => None,
        }),
    };
    (input.until(probe), graph)
}

/// Sends bricks that have changed to the owners of bricks beside, and a word to this worker that there is an epoch.
fn tell<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    state: &SharedGraph,
) -> Stream<'scope, Time, PodVec<Parcel>> {
    let (me, state) = (tokens.scope().index(), state.clone());
    tokens.unary::<CapacityContainerBuilder<PodVec<Parcel>>, _, _, _>(
        Pipeline,
        "TellBricks",
        move |_, _| {
            move |input, output| {
                input.for_each(|cap, _| {
                    let mut session = output.session(&cap);
                    session.give(Parcel::nothing(me));
                    (state.borrow_mut()).take_parcels(|parcel| session.give(parcel));
                });
            }
        },
    )
}

/// Takes in bricks of other workers; when all of an epoch have come, gives what has changed of the graph.
fn look<'scope>(
    parcels: Stream<'scope, Time, PodVec<Parcel>>,
    state: &SharedGraph,
) -> StreamVec<'scope, Time, (GraphFact, Time, isize)> {
    let (receiving, looking) = (state.clone(), state.clone());
    stage::<_, _, Vec<(GraphFact, Time, isize)>>(
        parcels,
        "LookAtRegions",
        |parcel: &Parcel| parcel.worker,
        move |_, parcel| receiving.borrow_mut().receive_parcels([parcel]),
        move |time, out| {
            let mut state = looking.borrow_mut();
            state.look(|fact, diff| out.push((fact, time, diff)));
        },
    )
}
