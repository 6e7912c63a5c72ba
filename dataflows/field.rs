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
//! **Invariants.** One epoch is under way at a time ([`FieldInput`] waits). A worker that has nothing to do is
//! parked. Messages of a loop may reach a worker before it has begun that loop, never after it has begun the next.

use super::Time;
use super::edits::{
    CornerRecord, Edit, EpochEdits, Fault, FaultRecord, RowRecord, epoch_corner, epoch_records,
    fault_records, row_records,
};
use super::wire::PodVec;
use crate::brick::{BrickId, Local};
use crate::engine::{CellChange, Engine, Message};
use crate::partition::Plan;
use bytemuck::Pod;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use timely::Container;
use timely::container::{CapacityContainerBuilder, DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::core::input::Handle as InputHandle;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{
    Capability, ConnectLoop, Enter, Feedback, Leave, Operator, Probe, probe,
};
use timely::dataflow::{Scope, Stream, StreamVec};
use timely::order::Product;
use timely::worker::Worker;

/// How many bricks are visited before messages are passed on.
const SLICE: usize = 160;

/// How many bricks' changes are given out at a time.
const CHANGES_SLICE: usize = 64;

/// The longest time between two looks at the work.
const LOOK: Duration = Duration::from_millis(100);

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

type Rows = CapacityContainerBuilder<PodVec<RowRecord>>;

/// Where epochs of edits enter the dataflow. Only one worker feeds it; the others drop or [`FieldInput::close`] it.
pub struct FieldInput {
    handle: Option<InputHandle<Time, Rows>>,
    probe: probe::Handle<Time>,
    plan: Arc<Plan>,
    faults: Rc<RefCell<Vec<Fault>>>,
}

impl FieldInput {
    /// Computes one epoch: sends its edits, each with the number of its row, and works until every worker is done.
    ///
    /// # Errors
    /// The fault of the least row, if the epoch is unsound; then it has changed nothing.
    ///
    /// # Panics
    /// If `time` is not greater than that of the epoch before.
    pub fn epoch(
        &mut self,
        worker: &mut Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
    ) -> Result<(), Fault> {
        self.epoch_with(worker, time, edits, || ())
    }

    /// As [`FieldInput::epoch`]; calls `look` now and then while it works.
    ///
    /// # Errors
    /// As [`FieldInput::epoch`].
    pub fn epoch_with(
        &mut self,
        worker: &mut Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
        mut look: impl FnMut(),
    ) -> Result<(), Fault> {
        let handle = self.handle.as_mut().expect("the input is open");
        handle.advance_to(time);
        for record in epoch_records(worker.peers()) {
            handle.send(record);
        }
        for (row, edit) in edits {
            row_records(edit, row, &self.plan, |record| handle.send(record));
        }
        match time.checked_add(1) {
            Some(next) => handle.advance_to(next),
            None => self.handle = None,
        }
        while self.probe.less_equal(&time) {
            worker.step_or_park(Some(LOOK));
            look();
        }
        match self.faults.borrow_mut().drain(..).min() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Ends the input.
    pub fn close(&mut self) {
        self.handle = None;
    }

    /// True while an epoch may still come.
    pub fn is_open(&self) -> bool {
        self.handle.is_some()
    }

    /// Works on what the feeding worker sends until it closes its input.
    pub fn follow(&mut self, worker: &mut Worker) {
        self.close();
        worker.step_or_park_while(None, || !self.probe.done());
    }
}

/// Builds the dataflow of the field around an engine whose bricks are loaded.
///
/// Gives the input and the changes of every epoch: as a differential collection, consolidated in each time; empty
/// unless the engine keeps changes.
pub fn field<'scope>(
    scope: Scope<'scope, Time>,
    engine: &SharedEngine,
    plan: &Arc<Plan>,
) -> (
    FieldInput,
    StreamVec<'scope, Time, (FieldRecord, Time, isize)>,
) {
    let mut handle: InputHandle<Time, Rows> = InputHandle::new_with_builder();
    let rows = handle.to_stream(scope);
    let faults = Rc::new(RefCell::new(Vec::new()));
    let ready = apply(rows, engine, plan, &faults);
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
    let changes = close(labelled, engine);
    let (probe, changes) = changes.probe();
    let input = FieldInput {
        handle: Some(handle),
        probe,
        plan: Arc::clone(plan),
        faults,
    };
    (input, changes)
}

/// Gathers an epoch's rows, settles corners, checks sources, and applies what is sound; gives a token an epoch.
fn apply<'scope>(
    rows: Stream<'scope, Time, PodVec<RowRecord>>,
    engine: &SharedEngine,
    plan: &Arc<Plan>,
    faults: &Rc<RefCell<Vec<Fault>>>,
) -> StreamVec<'scope, Time, ()> {
    let (me, workers) = (rows.scope().index(), rows.scope().peers());
    let epochs: Rc<RefCell<BTreeMap<Time, EpochEdits>>> = Rc::default();

    let (taking, epochs_1) = (epochs.clone(), epochs.clone());
    let (state, owners) = (engine.clone(), plan.clone());
    let corners = stage::<_, _, PodVec<CornerRecord>>(
        rows,
        "GatherRows",
        |row: &RowRecord| u64::from(row.worker),
        move |time, row| taking.borrow_mut().entry(time).or_default().take_row(row),
        move |time, out| {
            out.push(epoch_corner(me));
            let mut epochs = epochs_1.borrow_mut();
            let epoch = epochs.entry(time).or_default();
            epoch.settle(me, &owners, &state.borrow(), |part| out.push(part));
        },
    );
    let (taking, epochs_2, state) = (epochs.clone(), epochs.clone(), engine.clone());
    let verdicts = stage::<_, _, PodVec<FaultRecord>>(
        corners,
        "SettleCorners",
        |part: &CornerRecord| u64::from(part.worker),
        move |time, part| {
            taking
                .borrow_mut()
                .entry(time)
                .or_default()
                .take_corner(part)
        },
        move |time, out| {
            let mut epochs = epochs_2.borrow_mut();
            let fault = epochs.entry(time).or_default().check(&state.borrow());
            out.extend(fault_records(fault, me, workers));
        },
    );
    let (faults, state) = (faults.clone(), engine.clone());
    let sound: Rc<RefCell<BTreeMap<Time, bool>>> = Rc::default();
    let verdict_of = sound.clone();
    stage::<_, _, Vec<()>>(
        verdicts,
        "ApplyEdits",
        |record: &FaultRecord| u64::from(record.worker),
        move |time, record| {
            let mut sound = sound.borrow_mut();
            let sound = sound.entry(time).or_insert(true);
            if let Some(fault) = record.fault() {
                *sound = false;
                faults.borrow_mut().push(fault);
            }
        },
        move |time, out| {
            let edits = epochs.borrow_mut().remove(&time).unwrap_or_default();
            if verdict_of.borrow_mut().remove(&time) == Some(true) {
                edits.apply(&mut state.borrow_mut());
            }
            out.push(());
        },
    )
}

/// An operator that takes records in, and when an epoch has no more of them to come, gives what `finish` makes.
fn stage<'scope, R: Pod + Send, O: 'static, C>(
    records: Stream<'scope, Time, PodVec<R>>,
    name: &str,
    to_worker: impl Fn(&R) -> u64 + 'static,
    mut take: impl FnMut(Time, R) + 'static,
    mut finish: impl FnMut(Time, &mut Vec<O>) + 'static,
) -> Stream<'scope, Time, C>
where
    C: Container + SizableContainer + PushInto<O> + Clone,
{
    let pact = ExchangeCore::new(move |record: &R| to_worker(record));
    records.unary_frontier::<CapacityContainerBuilder<C>, _, _, _>(pact, name, move |_, _| {
        let mut epochs: BTreeMap<Time, Capability<Time>> = BTreeMap::new();
        let mut out = Vec::new();
        move |(input, frontier), output| {
            input.for_each(|cap, records| {
                if let Some(&time) = cap.least() {
                    let held = || cap.delayed(&time, 0);
                    epochs.entry(time).or_insert_with(held);
                    records.drain().for_each(|record| take(time, record));
                }
            });
            while let Some(first) = epochs.first_entry()
                && !frontier.less_equal(first.key())
            {
                let (time, cap) = first.remove_entry();
                finish(time, &mut out);
                output.session(&cap).give_iterator(out.drain(..));
            }
        }
    })
}

type LoopTime = Product<Time, u32>;

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
        // Messages to one brick mostly come together, so the last owner is kept.
        let (owners, mut last) = (plan.clone(), None);
        let to_owner = ExchangeCore::new(move |message: &Message| {
            let brick = message.brick();
            match last {
                Some((same, owner)) if same == brick => owner,
                _ => last.insert((brick, owners.owner(brick) as u64)).1,
            }
        });
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
