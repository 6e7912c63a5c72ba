//! The distance field as a timely dataflow: epochs of edits in, a differential collection of cells out.
//!
//! ```text
//!            gather ──► corners ──► apply ──► ┌─────────┐ ──► ┌───────┐ ──► ┌───────┐ ──► close ──► changes
//! rows ────►  (see `edits`: who must know      │ retract │     │ relax │     │ label │
//!              what; nothing is applied        └──◄───►──┘     └─◄───►─┘     └─◄───►─┘
//!              before all is sound)            messages of bricks to bricks of other workers
//! ```
//!
//! The engine of each worker ([`crate::engine`]) holds the bricks that the partition plan gives it. The operators
//! share it and take turns; each of the three loops is an iterative scope of its own, in which the engine visits
//! bricks in slices and messages between workers go round until none is left. What stands outside differential here
//! is the loops: their state is one version deep, and their fixed point is that of
//! [`super::specification`]. The changes that leave are a differential stream: `(record, time, ±1)`.
//!
//! **Frontiers.** A loop begins on a worker when the frontier of its tokens passes the epoch: then no worker has
//! anything left of the stage before. It has ended everywhere when the frontier behind it passes the epoch: timely's
//! progress tracking is the detection of termination.
//! **Invariants.** One epoch is under way at a time ([`EpochInput`] waits). A worker that has nothing to do is
//! parked. Messages of a loop may reach a worker before it has begun that loop, never after it has begun the next.

use super::Time;
use super::epochs::{EpochInput, LoopTime};
use super::wire::PodVec;
use crate::brick::{BrickId, Local};
use crate::engine::{CellChange, Engine, Message};
use crate::lattice::Index64;
use crate::partition::Plan;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::{CapacityContainerBuilder, DrainContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{
    Capability, ConnectLoop, Enter, Feedback, Leave, Operator, Probe,
};
use timely::dataflow::{Scope, StreamVec};
use timely::order::Product;

/// How many bricks are visited before messages are passed on.
const SLICE: usize = 160;

/// How many bricks' changes are given out at a time.
const CHANGES_SLICE: usize = 64;

/// A cell of the field: one record of the collection of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldRecord {
    /// The cell's brick.
    pub brick: BrickId,
    /// The cell's place in it.
    pub local: Local,
    /// The distance in ticks, finite.
    pub ticks: u32,
    /// The source's label; [`crate::engine::NO_LABEL`] where labels are not kept.
    pub label: u32,
    /// The next hop; [`crate::engine::NO_NEXT`] where next hops are not kept.
    pub next: i8,
}

/// The engine that the operators of one worker share.
pub type SharedEngine = Rc<RefCell<Engine>>;

/// Builds the dataflow of the field around an engine whose bricks are loaded.
///
/// Gives the input and the changes of every epoch: as a differential collection, consolidated in each time; empty
/// unless the engine keeps changes. An epoch after which a cell lies beyond the range of distances ends with
/// [`EpochError::Beyond`](super::epochs::EpochError::Beyond) and the bits of the cell's Index64.
pub fn field<'scope>(
    scope: Scope<'scope, Time>,
    engine: &SharedEngine,
    plan: &Arc<Plan>,
) -> (
    EpochInput,
    StreamVec<'scope, Time, (FieldRecord, Time, isize)>,
) {
    let (input, ready) = EpochInput::new(scope, engine, plan, None);
    let retracted = phase(
        scope,
        "Retract",
        ready,
        engine,
        plan,
        Engine::begin_retract,
        false,
    );
    let relaxed = phase(
        scope,
        "Relax",
        retracted,
        engine,
        plan,
        Engine::begin_relax,
        false,
    );
    let labelled = if engine.borrow().keeps_labels() {
        phase(
            scope,
            "Label",
            relaxed,
            engine,
            plan,
            Engine::begin_label,
            true,
        )
    } else {
        relaxed
    };
    let watched = engine.clone();
    let done = input.watch(labelled, move || {
        let cell = watched.borrow_mut().overflow()?;
        Index64::of_cell(cell).ok().map(|id| u64::from(id) as i64)
    });
    let changes = close(done, engine);
    let (probe, changes) = changes.probe();
    (input.until(probe), changes)
}

/// One loop of the engine: begun on a worker by its token when all workers are done with the stage before.
fn phase<'scope>(
    scope: Scope<'scope, Time>,
    name: &str,
    tokens: StreamVec<'scope, Time, ()>,
    engine: &SharedEngine,
    plan: &Arc<Plan>,
    begin: fn(&mut Engine),
    labels: bool,
) -> StreamVec<'scope, Time, ()> {
    scope.iterative::<u32, _, _>(|inner| {
        let one_round = Product::new(Default::default(), 1);
        let (handle, cycle) = inner.feedback::<PodVec<Message>>(one_round);
        let mut builder = OperatorBuilder::new(name.to_owned(), inner);
        let activator = inner.activator_for(builder.operator_info().address);
        let mut tokens_in = builder.new_input(tokens.enter(inner), Pipeline);
        let mut owner = owner_of(plan);
        let to_owner = ExchangeCore::new(move |message: &Message| owner(message.brick()));
        let mut messages_in = builder.new_input(cycle, to_owner);
        let (messages_out, messages) = builder.new_output();
        let (done_out, done) = builder.new_output();
        let engine = engine.clone();
        builder.build(move |_| {
            let mut messages_out: OutputBuilder<_, CapacityContainerBuilder<PodVec<Message>>> =
                OutputBuilder::from(messages_out);
            let mut done_out: OutputBuilder<_, CapacityContainerBuilder<Vec<()>>> =
                OutputBuilder::from(done_out);
            let mut waiting: Option<Capability<LoopTime>> = None;
            let mut working: Option<Capability<LoopTime>> = None;
            move |frontiers| {
                let mut engine = engine.borrow_mut();
                tokens_in.for_each(|cap, tokens| {
                    for time in cap.stamp().iter() {
                        waiting = Some(cap.delayed(time, 0));
                        let done = cap.delayed(time, 1);
                        done_out.activate().session(&done).give_container(tokens);
                    }
                });
                messages_in.for_each(|cap, messages| {
                    engine.receive(messages.drain(), labels);
                    if working.is_none() {
                        working = cap.stamp().iter().next().map(|time| cap.delayed(time, 0));
                    }
                });
                if let Some(token) = &waiting {
                    if frontiers[0].less_equal(token.time()) {
                        // Some worker is still at the stage before; what came early waits in the engine.
                        return;
                    }
                    begin(&mut engine);
                    working = waiting.take();
                }
                if let Some(cap) = &working {
                    let more = engine.work(SLICE);
                    let mut output = messages_out.activate();
                    let mut session = output.session(cap);
                    engine.take_messages(|message| session.give(message));
                    drop(session);
                    if more {
                        activator.activate();
                    } else {
                        working = None;
                    }
                }
            }
        });
        messages.connect_loop(handle);
        done.leave(scope)
    })
}

/// Who owns a brick. Messages to one mostly come together, so the last owner is kept.
pub(super) fn owner_of(plan: &Arc<Plan>) -> impl FnMut(BrickId) -> u64 + 'static {
    let (owners, mut last) = (plan.clone(), None);
    move |brick| match last {
        Some((same, owner)) if same == brick => owner,
        _ => last.insert((brick, owners.owner(brick) as u64)).1,
    }
}

/// Closes epochs on the engine and gives out their changes, a slice of bricks at a time.
fn close<'scope>(
    tokens: StreamVec<'scope, Time, ()>,
    engine: &SharedEngine,
) -> StreamVec<'scope, Time, (FieldRecord, Time, isize)> {
    let engine = engine.clone();
    let scope = tokens.scope();
    tokens.unary_frontier(Pipeline, "CloseEpoch", move |_, info| {
        let activator = scope.activator_for(info.address);
        let mut epoch: Option<Capability<Time>> = None;
        let mut closing = false;
        move |(input, frontier), output| {
            input.for_each(|cap, _| epoch = cap.retain_least(0));
            let Some(cap) = &epoch else { return };
            let mut engine = engine.borrow_mut();
            if !closing && !frontier.less_equal(cap.time()) {
                engine.close_epoch();
                closing = true;
            }
            if closing {
                let mut session = output.session(cap);
                let time = *cap.time();
                let more = engine.take_changes(CHANGES_SLICE, |change| {
                    session.give((FieldRecord::from(&change), time, isize::from(change.diff)));
                });
                drop(session);
                if more {
                    activator.activate();
                } else {
                    (epoch, closing) = (None, false);
                }
            }
        }
    })
}

impl From<&CellChange> for FieldRecord {
    fn from(change: &CellChange) -> Self {
        FieldRecord {
            brick: change.brick,
            local: change.local,
            ticks: change.ticks,
            label: change.label,
            next: change.next,
        }
    }
}
