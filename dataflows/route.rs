//! Routes as a dataflow: epochs of edits and of queries in, a differential collection of answers out.
//!
//! ```text
//! queries ─► take ─┐
//!                  ▼
//! rows ─► gather ─► corners ─► apply ─► tell ─► hear ─► connect ─► ┌────────┐ ─► heavy ─► close ─► consolidate ─► changes
//!           (see `epochs` and `edits`)   every edit,   (see there)  │ search │  (see there)
//!                                        to everybody               └─◄───►──┘
//!                                                  requests and bricks, from worker to worker
//! ```
//!
//! Each worker has a [`Router`] with its bricks and with the queries that [`Homes`] gives it. Every worker hears
//! of every edit of an epoch, brings its copies of bricks up to date, and finds out which of its answers the edits can
//! change. These are answered anew inside the loop, in which bricks go to the workers that ask for them.
//!
//! **Frontiers.** A worker begins to search when the frontier of the tokens passes the epoch: then every worker has
//! made its edits and heard of all others, so every brick it can be sent is up to date. The search has ended everywhere
//! when the frontier behind the loop passes the epoch: timely's progress tracking detects it.
//! **Bounds.** A query's bounds stay with the query while it is searched at home; once all workers answer it together,
//! all know them (see `heavy`). From above, that is the least cost found, in a corridor at first that of the route
//! which the coarse graph shows; from below, the least estimate of either side. What all searches share is the least
//! cost of the map, which every worker knows from the same records, and a worker's portals and tolls, which are
//! functions of the bricks that it has.
//! **Invariants.** One epoch is under way at a time. While a query rests, its worker goes on with others; a worker that
//! can do nothing is parked.

use super::Time;
use super::connect::{Connections, SharedConnections, connect};
use super::edits::{Edit, RowRecord};
use super::epochs::{EpochError, EpochInput, LoopTime, stage};
use super::heavy::heavy;
use super::wire::PodVec;
use crate::partition::Plan;
use crate::search::{CellEdit, CellKey, Extremes, Homes, Parcel, Request, RouteRecord, Router};
use bytemuck::{Pod, Zeroable};
use differential_dataflow::AsCollection;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::{CapacityContainerBuilder, DrainContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::core::input::Handle as InputHandle;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{
    Capability, ConnectLoop, Enter, Feedback, Leave, Operator, Probe,
};
use timely::dataflow::{Scope, Stream, StreamVec};
use timely::order::Product;
use timely::worker::Worker;

/// How many times a search goes on before messages are passed on.
const SLICE: usize = 4;

/// A change of the queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryEdit {
    /// Adds a query.
    Add {
        /// Its id, which no other query has.
        query: i64,
        /// Where its route starts.
        start: CellKey,
        /// Where it ends.
        goal: CellKey,
    },
    /// Takes a query away.
    Remove {
        /// Its id.
        query: i64,
    },
}

/// The router that the operators of one worker share.
pub type SharedRouter = Rc<RefCell<Router>>;

/// A change of a query on its way to a worker.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct QueryRecord {
    query: i64,
    /// The place in the order of the epoch's changes.
    row: u64,
    /// The start, or the end of the query that the record is about.
    start: u64,
    goal: u64,
    kind: u32,
    worker: u32,
}

/// A query for its home.
const ADDED: u32 = 0;
/// A query that goes, for everybody.
const REMOVED: u32 = 1;
/// The start of a query, for the owner of its brick.
const START: u32 = 2;
/// The goal of a query, for the owner of its brick.
const GOAL: u32 = 3;

/// An edit of a cell on its way to a worker, or the extremes of the costs of one worker's cells.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct EditRecord {
    /// [`EXTREMES`] for these: the least is then in `before`, the greatest in `after`.
    cell: u64,
    before: u16,
    after: u16,
    worker: u32,
}

const EXTREMES: u64 = u64::MAX;

type QueryRows = CapacityContainerBuilder<PodVec<QueryRecord>>;

/// Where epochs of edits and queries enter the dataflow. Only one worker feeds it; the others drop or close it.
pub struct RouteInput {
    edits: EpochInput,
    queries: Option<InputHandle<Time, QueryRows>>,
    homes: Homes,
    plan: Arc<Plan>,
}

impl RouteInput {
    /// Computes one epoch: sends its edits and queries, and works until every worker is done; calls `look` now and then.
    ///
    /// # Errors
    /// [`EpochError::Beyond`] with the least id of a query whose route would cost more than 2³¹ − 2 ticks. Faults are those of
    /// sources alone.
    ///
    /// # Panics
    /// If `time` is not greater than that of the epoch before, or if a query is added that exists.
    pub fn epoch_with(
        &mut self,
        worker: &mut Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
        queries: impl IntoIterator<Item = QueryEdit>,
        look: impl FnMut(),
    ) -> Result<(), EpochError> {
        let workers = worker.peers() as u64;
        let queries: Vec<QueryEdit> = queries.into_iter().collect();
        let added = queries.iter().filter_map(|query| match *query {
            QueryEdit::Add { start, goal, .. } => Some((start, goal)),
            QueryEdit::Remove { .. } => None,
        });
        let added: Vec<_> = added.collect();
        let mut homes = self.homes.assign(&added).into_iter();
        let handle = self.queries.as_mut().expect("the input is open");
        handle.advance_to(time);
        for (row, query) in (0..).zip(queries) {
            let mut send = |query, start: CellKey, goal: CellKey, kind, worker| {
                handle.send(QueryRecord {
                    query,
                    row,
                    start: start.bits(),
                    goal: goal.bits(),
                    kind,
                    worker: worker as u32,
                });
            };
            match query {
                QueryEdit::Add { query, start, goal } => {
                    let home = homes.next().expect("a home for each");
                    send(query, start, goal, ADDED, u64::from(home));
                    for (kind, end) in [(START, start), (GOAL, goal)] {
                        let owner = self.plan.owner(end.brick()) as u64;
                        send(query, end, end, kind, owner);
                    }
                }
                QueryEdit::Remove { query } => {
                    let none = CellKey::from_bits(0).expect("the first cell");
                    for worker in 0..workers {
                        send(query, none, none, REMOVED, worker);
                    }
                }
            }
        }
        match time.checked_add(1) {
            Some(next) => handle.advance_to(next),
            None => self.queries = None,
        }
        self.edits.send(worker, time, edits);
        self.edits.wait(worker, time, look)
    }

    /// Ends the input.
    pub fn close(&mut self) {
        self.queries = None;
        self.edits.close();
    }

    /// Works on what the feeding worker sends until it closes its input.
    pub fn follow(&mut self, worker: &mut Worker) {
        self.close();
        self.edits.follow(worker);
    }
}

/// Builds the dataflow of routes around a router whose bricks are loaded.
///
/// Gives the input and the changes of every epoch, consolidated in each time.
pub fn route<'scope>(
    scope: Scope<'scope, Time>,
    router: &SharedRouter,
    plan: &Arc<Plan>,
) -> (
    RouteInput,
    StreamVec<'scope, Time, (RouteRecord, Time, isize)>,
) {
    let mut queries: InputHandle<Time, QueryRows> = InputHandle::new_with_builder();
    let connections = Connections::new(scope.index(), Arc::clone(plan));
    let connections = Rc::new(RefCell::new(connections));
    let taken = take(queries.to_stream(scope), router, &connections);
    let (edits, applied) = EpochInput::new(scope, router, plan, Some(taken));
    let heard = hear(tell(applied, router), router);
    let connected = connect(heard, router, &connections);
    let mut searched = search(scope, connected, router, plan, Router::begin);
    let options = router.borrow().options();
    if options.heavy.is_some() {
        searched = heavy(scope, searched, router, plan);
        if options.smooth {
            // Their routes are pulled tight where the queries are at home, and need bricks for that.
            searched = search(scope, searched, router, plan, |_| ());
        }
    }
    let watched = router.clone();
    let searched = edits.watch(searched, move || watched.borrow().overflow());
    let changes = close(searched, router).as_collection().consolidate().inner;
    let (probe, changes) = changes.probe();
    let input = RouteInput {
        edits: edits.until(probe),
        queries: Some(queries),
        homes: Homes::new(scope.peers()),
        plan: Arc::clone(plan),
    };
    (input, changes)
}

/// Takes in the changes of queries, in the order of their rows; gives nothing but the end of each epoch.
fn take<'scope>(
    queries: Stream<'scope, Time, PodVec<QueryRecord>>,
    router: &SharedRouter,
    connections: &SharedConnections,
) -> Stream<'scope, Time, PodVec<RowRecord>> {
    let epochs: Rc<RefCell<BTreeMap<Time, Vec<QueryRecord>>>> = Rc::default();
    let (taking, router, connections) = (epochs.clone(), router.clone(), connections.clone());
    stage::<_, RowRecord, _>(
        queries,
        "TakeQueries",
        |record: &QueryRecord| u64::from(record.worker),
        move |time, record| taking.borrow_mut().entry(time).or_default().push(record),
        move |time, _| {
            let mut records = epochs.borrow_mut().remove(&time).unwrap_or_default();
            records.sort_unstable_by_key(|r| r.row);
            let (mut router, mut connections) = (router.borrow_mut(), connections.borrow_mut());
            for record in records {
                let key = |bits| CellKey::from_bits(bits).expect("a query's cell");
                match record.kind {
                    REMOVED => {
                        router.remove_query(record.query);
                        connections.remove(record.query);
                    }
                    START => connections.add((record.query, 0), key(record.start)),
                    GOAL => connections.add((record.query, 1), key(record.start)),
                    _ => router.add_query(record.query, key(record.start), key(record.goal)),
                }
            }
        },
    )
}

/// Tells every worker of this one's edits and of the extremes of its costs.
fn tell<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
) -> Stream<'scope, Time, PodVec<EditRecord>> {
    let workers = tokens.scope().peers() as u32;
    let router = router.clone();
    tokens.unary::<CapacityContainerBuilder<PodVec<EditRecord>>, _, _, _>(
        Pipeline,
        "TellEdits",
        move |_, _| {
            move |input, output| {
                input.for_each(|cap, _| {
                    let (edits, extremes) = router.borrow_mut().take_edits();
                    let mut session = output.session(&cap);
                    for worker in 0..workers {
                        session.give(EditRecord {
                            cell: EXTREMES,
                            before: extremes.least,
                            after: extremes.most,
                            worker,
                        });
                        for edit in &edits {
                            session.give(EditRecord {
                                cell: edit.cell.bits(),
                                before: edit.before,
                                after: edit.after,
                                worker,
                            });
                        }
                    }
                });
            }
        },
    )
}

/// The edits of an epoch as far as they were heard of, and the extremes of the costs.
type Heard = (Vec<CellEdit>, Extremes);

/// Hears of all workers' edits; gives a token a worker.
fn hear<'scope>(
    edits: Stream<'scope, Time, PodVec<EditRecord>>,
    router: &SharedRouter,
) -> StreamVec<'scope, Time, ()> {
    let epochs: Rc<RefCell<BTreeMap<Time, Heard>>> = Rc::default();
    let (hearing, router) = (epochs.clone(), router.clone());
    stage::<_, _, Vec<()>>(
        edits,
        "HearEdits",
        |record: &EditRecord| u64::from(record.worker),
        move |time, record| {
            let mut epochs = hearing.borrow_mut();
            let (edits, extremes) = epochs.entry(time).or_default();
            if record.cell == EXTREMES {
                *extremes = extremes.and(Extremes {
                    least: record.before,
                    most: record.after,
                });
            } else {
                edits.push(CellEdit {
                    cell: CellKey::from_bits(record.cell).expect("an edited cell"),
                    before: record.before,
                    after: record.after,
                });
            }
        },
        move |time, out| {
            let (edits, extremes) = epochs.borrow_mut().remove(&time).unwrap_or_default();
            router.borrow_mut().hear(&edits, extremes);
            out.push(());
        },
    )
}

/// The loop in which queries are answered and bricks go round, after `begin`; gives a token a worker.
fn search<'scope>(
    scope: Scope<'scope, Time>,
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
    plan: &Arc<Plan>,
    begin: fn(&mut Router),
) -> StreamVec<'scope, Time, ()> {
    let me = scope.index();
    scope.iterative::<u32, _, _>(|inner| {
        let one_round = Product::new(Default::default(), 1);
        let (request_handle, request_cycle) = inner.feedback::<PodVec<Request>>(one_round);
        let (parcel_handle, parcel_cycle) = inner.feedback::<PodVec<Parcel>>(one_round);
        let mut builder = OperatorBuilder::new("Search".to_owned(), inner);
        let activator = inner.activator_for(builder.operator_info().address);
        let mut tokens_in = builder.new_input(tokens.enter(inner), Pipeline);
        let owners = plan.clone();
        let to_owner = move |request: &Request| owners.owner(request.brick()) as u64;
        let mut requests_in = builder.new_input(request_cycle, ExchangeCore::new(to_owner));
        let to_asker = |parcel: &Parcel| parcel.worker;
        let mut parcels_in = builder.new_input(parcel_cycle, ExchangeCore::new(to_asker));
        let (requests_out, requests) = builder.new_output();
        let (parcels_out, parcels) = builder.new_output();
        let (done_out, done) = builder.new_output();
        let router = router.clone();
        builder.build(move |_| {
            let mut requests_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Request>>> =
                OutputBuilder::from(requests_out);
            let mut parcels_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Parcel>>> =
                OutputBuilder::from(parcels_out);
            let mut done_out: OutputBuilder<_, CapacityContainerBuilder<Vec<()>>> =
                OutputBuilder::from(done_out);
            let mut waiting: Option<Capability<LoopTime>> = None;
            // Capabilities for requests, parcels and the end, while there is work.
            let mut working: Option<[Capability<LoopTime>; 2]> = None;
            let mut ending: Option<Capability<LoopTime>> = None;
            move |frontiers| {
                let mut router = router.borrow_mut();
                tokens_in.for_each(|cap, _| {
                    for time in cap.stamp().iter() {
                        waiting = Some(cap.delayed(time, 0));
                        working.get_or_insert_with(|| [cap.delayed(time, 0), cap.delayed(time, 1)]);
                        ending = Some(cap.delayed(time, 2));
                    }
                });
                requests_in.for_each(|cap, requests| {
                    router.receive_requests(requests.drain());
                    if let (None, Some(time)) = (&working, cap.stamp().iter().next()) {
                        working = Some([cap.delayed(time, 0), cap.delayed(time, 1)]);
                    }
                });
                parcels_in.for_each(|cap, parcels| {
                    router.receive_parcels(parcels.drain());
                    if let (None, Some(time)) = (&working, cap.stamp().iter().next()) {
                        working = Some([cap.delayed(time, 0), cap.delayed(time, 1)]);
                    }
                });
                if let Some(token) = &waiting
                    && !frontiers[0].less_equal(token.time())
                {
                    begin(&mut router);
                    waiting = None;
                }
                let Some([to_owners, to_askers]) = &working else {
                    return;
                };
                let mut more = false;
                if waiting.is_none() {
                    for _ in 0..SLICE {
                        more = router.work();
                        if !more {
                            break;
                        }
                    }
                }
                let mut output = requests_out.activate();
                let mut session = output.session(to_owners);
                router.take_requests(me, |request| session.give(request));
                drop(session);
                let mut output = parcels_out.activate();
                let mut session = output.session(to_askers);
                router.take_parcels(|parcel| session.give(parcel));
                drop(session);
                if more {
                    activator.activate();
                } else if waiting.is_none() && !router.is_busy() {
                    working = None;
                    if let Some(cap) = ending.take() {
                        done_out.activate().session(&cap).give(());
                    }
                }
            }
        });
        requests.connect_loop(request_handle);
        parcels.connect_loop(parcel_handle);
        done.leave(scope)
    })
}

/// Closes epochs on the router and gives out what became of the queries.
fn close<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
) -> StreamVec<'scope, Time, (RouteRecord, Time, isize)> {
    let router = router.clone();
    tokens.unary::<CapacityContainerBuilder<Vec<(RouteRecord, Time, isize)>>, _, _, _>(
        Pipeline,
        "CloseEpoch",
        move |_, _| {
            move |input, output| {
                input.for_each(|cap, _| {
                    let Some(&time) = cap.least() else { return };
                    let mut session = output.session(&cap);
                    for (before, after) in router.borrow_mut().close() {
                        session.give_iterator(before.map(|r| (r, time, -1)).into_iter());
                        session.give_iterator(after.map(|r| (r, time, 1)).into_iter());
                    }
                });
            }
        },
    )
}
