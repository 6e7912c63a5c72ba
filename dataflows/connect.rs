//! Which queries' ends are connected, kept up to date with the map: the regions of each worker's bricks, the ends of
//! queries that lie in them, and the differential components of all regions ([`super::regions`]).
//!
//! ```text
//! tokens ─► look: what changed of regions and ends ─► facts ─► reachable ─► to every worker ─┐
//!    └──────────────────────────────────────────────────────────────────────────────────────┴─► learn ─► tokens
//! ```
//!
//! An unreachable goal is known from this alone; no search floods the map for it.
//!
//! **Frontiers.** A worker learns of an epoch's connections when its input's frontier passes the epoch.
//! **Invariants.** An end is kept by the worker that owns its brick. A query with a blocked end has no connection.

use super::Time;
use super::epochs::stage;
use super::regions::{End, reachable};
use super::route::SharedRouter;
use super::wire::PodVec;
use crate::brick::BrickId;
use crate::partition::Plan;
use crate::regions::{Profile, Region, Regions};
use crate::search::CellKey;
use bytemuck::{Pod, Zeroable};
use differential_dataflow::AsCollection;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;
use timely::dataflow::operators::core::concat::Concat;

/// What one worker knows of connections: the regions of its bricks, and the ends of queries in them.
pub struct Connections {
    regions: Regions,
    ends: FxHashMap<BrickId, Vec<(CellKey, End)>>,
    bricks: FxHashMap<End, BrickId>,
    named: FxHashMap<End, Region>,
    /// Bricks with ends that have come since the last look, and ends that have gone.
    fresh: Vec<BrickId>,
    gone: Vec<(Region, End)>,
}

/// The connections that the operators of one worker share.
pub type SharedConnections = Rc<RefCell<Connections>>;

/// A difference of what the components are made from.
#[derive(Clone, Debug)]
enum Fact {
    Edge((Region, Region)),
    Profile(Profile),
    End((Region, End)),
}

/// Whether a query's ends are connected, by how much that changes, on its way to a worker; or the word that there is an
/// epoch, where `diff` is 0.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct ReachRecord {
    query: i64,
    diff: i32,
    connected: u16,
    worker: u16,
}

impl Connections {
    /// The connections of worker `me`: none yet.
    pub fn new(me: usize, plan: Arc<Plan>) -> Self {
        Connections {
            regions: Regions::new(me, plan),
            ends: FxHashMap::default(),
            bricks: FxHashMap::default(),
            named: FxHashMap::default(),
            fresh: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Takes in an end of a query, in a brick of this worker.
    pub(super) fn add(&mut self, end: End, cell: CellKey) {
        self.ends.entry(cell.brick()).or_default().push((cell, end));
        self.bricks.insert(end, cell.brick());
        self.fresh.push(cell.brick());
    }

    /// Forgets the ends of a query.
    pub(super) fn remove(&mut self, query: i64) {
        for end in [(query, 0), (query, 1)] {
            if let Some(brick) = self.bricks.remove(&end)
                && let Some(ends) = self.ends.get_mut(&brick)
            {
                ends.retain(|e| e.1 != end);
                if ends.is_empty() {
                    self.ends.remove(&brick);
                }
            }
            self.gone
                .extend(self.named.remove(&end).map(|region| (region, end)));
        }
    }

    /// What has changed since the last look: `each` gets the differences.
    fn look(&mut self, router: &SharedRouter, mut each: impl FnMut(Fact, isize)) {
        let mut router = router.borrow_mut();
        let reopened = router.take_reopened();
        self.regions
            .update(&reopened, |brick| router.own_costs(brick));
        let changes = self.regions.take_changes();
        for (edge, diff) in changes.edges {
            each(Fact::Edge(edge), diff);
        }
        for (profile, diff) in changes.profiles {
            each(Fact::Profile(profile), diff);
        }
        for gone in self.gone.drain(..) {
            each(Fact::End(gone), -1);
        }
        let mut bricks = std::mem::take(&mut self.fresh);
        bricks.extend(
            changes
                .moved
                .iter()
                .filter(|brick| self.ends.contains_key(brick)),
        );
        bricks.sort_unstable();
        bricks.dedup();
        for brick in bricks {
            let costs = router.own_costs(brick);
            for (cell, end) in self.ends.get(&brick).into_iter().flatten() {
                let region = costs.and_then(|c| self.regions.region_of(brick, cell.local(), c));
                let before = match region {
                    Some(region) => self.named.insert(*end, region),
                    None => self.named.remove(end),
                };
                if before != region {
                    before
                        .into_iter()
                        .for_each(|r| each(Fact::End((r, *end)), -1));
                    region
                        .into_iter()
                        .for_each(|r| each(Fact::End((r, *end)), 1));
                }
            }
        }
    }
}

/// Has the router learn which queries' ends are connected; gives a token a worker when it has.
pub fn connect<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
    connections: &SharedConnections,
) -> StreamVec<'scope, Time, ()> {
    let me = tokens.scope().index();
    let epochs = tokens
        .clone()
        .unary::<CapacityContainerBuilder<PodVec<ReachRecord>>, _, _, _>(
            Pipeline,
            "TellEpoch",
            move |_, _| {
                move |input, output| {
                    input.for_each(|cap, _| {
                        output.session(&cap).give(ReachRecord {
                            query: 0,
                            diff: 0,
                            connected: 0,
                            worker: me as u16,
                        });
                    });
                }
            },
        );
    let facts = look(tokens, router, connections).as_collection();
    let edges = facts.clone().flat_map(|fact| match fact {
        Fact::Edge(edge) => Some(edge),
        _ => None,
    });
    let profiles = facts.clone().flat_map(|fact| match fact {
        Fact::Profile(profile) => Some(profile),
        _ => None,
    });
    let ends = facts.flat_map(|fact| match fact {
        Fact::End(end) => Some(end),
        _ => None,
    });
    let reached = tell(reachable(edges, profiles, ends).inner);
    let heard: Rc<RefCell<BTreeMap<Time, Vec<ReachRecord>>>> = Rc::default();
    let (hearing, router) = (heard.clone(), router.clone());
    stage::<_, _, Vec<()>>(
        reached.concat(epochs),
        "LearnConnections",
        |record: &ReachRecord| u64::from(record.worker),
        move |time, record| hearing.borrow_mut().entry(time).or_default().push(record),
        move |time, out| {
            let mut records = heard.borrow_mut().remove(&time).unwrap_or_default();
            records.retain(|r| r.diff != 0);
            // What goes comes before what is there instead.
            records.sort_unstable_by_key(|r| (r.query, r.diff));
            let mut router = router.borrow_mut();
            for of_query in records.chunk_by(|a, b| a.query == b.query) {
                let last = of_query[of_query.len() - 1];
                let connected = (last.diff > 0).then_some(last.connected == 1);
                router.set_connected(last.query, connected);
            }
            out.push(());
        },
    )
}

/// Gives out what has changed of regions and ends.
fn look<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    router: &SharedRouter,
    connections: &SharedConnections,
) -> StreamVec<'scope, Time, (Fact, Time, isize)> {
    let (router, connections) = (router.clone(), connections.clone());
    tokens.unary::<CapacityContainerBuilder<Vec<(Fact, Time, isize)>>, _, _, _>(
        Pipeline,
        "LookAtRegions",
        move |_, _| {
            move |input, output| {
                input.for_each(|cap, _| {
                    let Some(&time) = cap.least() else { return };
                    let mut session = output.session(&cap);
                    let mut connections = connections.borrow_mut();
                    connections.look(&router, |fact, diff| session.give((fact, time, diff)));
                });
            }
        },
    )
}

/// Tells every worker of changed connections: only a query's home needs them, which whoever feeds the queries has chosen.
fn tell<'scope>(
    reached: StreamVec<'scope, Time, ((i64, bool), Time, isize)>,
) -> timely::dataflow::Stream<'scope, Time, PodVec<ReachRecord>> {
    let workers = reached.scope().peers() as u16;
    reached.unary::<CapacityContainerBuilder<PodVec<ReachRecord>>, _, _, _>(
        Pipeline,
        "TellConnections",
        move |_, _| {
            move |input, output| {
                input.for_each(|cap, data| {
                    let mut session = output.session(&cap);
                    for ((query, connected), _, diff) in data.drain(..) {
                        for worker in 0..workers {
                            session.give(ReachRecord {
                                query,
                                diff: diff as i32,
                                connected: u16::from(connected),
                                worker,
                            });
                        }
                    }
                });
            }
        },
    )
}
