//! What every dataflow begins with: epochs of edits that come in at one worker and are made on all of them.
//!
//! ```text
//! rows ──► gather ──► corners ──► apply ──► a token a worker: the epoch's edits are made here
//!          (see `edits`: who must know what; nothing is applied before all is sound)
//! ```
//!
//! **Frontiers.** Each stage acts for an epoch when its input's frontier passes it: then no worker has more to send.
//! **Invariants.** One epoch is under way at a time ([`EpochInput`] waits).

use super::Time;
use super::edits::{
    CornerRecord, Edit, EpochEdits, Fault, FaultRecord, RowRecord, Store, epoch_corner,
    epoch_records, fault_records, row_records,
};
use super::wire::PodVec;
use crate::partition::Plan;
use bytemuck::{Pod, Zeroable};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use timely::Container;
use timely::container::{CapacityContainerBuilder, DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::pact::{ExchangeCore, Pipeline};
use timely::dataflow::operators::core::concat::Concat;
use timely::dataflow::operators::core::input::Handle as InputHandle;
use timely::dataflow::operators::{Capability, Operator, probe};
use timely::dataflow::{Scope, Stream, StreamVec};
use timely::order::Product;
use timely::worker::Worker;

/// The longest time between two looks at the work.
const LOOK: Duration = Duration::from_millis(100);

/// The time inside a loop: the epoch, and the round.
pub(super) type LoopTime = Product<Time, u32>;

type Rows = CapacityContainerBuilder<PodVec<RowRecord>>;

/// Why an epoch did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EpochError {
    /// It cannot be applied, and has changed nothing.
    Fault(Fault),
    /// It was applied, and something lies beyond the range of distances (2³¹ − 2 ticks): whatever comes of it counts for
    /// nothing. Tells what, by a number that the dataflow's description gives a meaning.
    Beyond(i64),
}

/// Word of what lies beyond the range of distances, for a worker; or (where nothing does) that an epoch is done.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct BeyondRecord {
    what: i64,
    lies: u32,
    worker: u32,
}

/// Where epochs of edits enter the dataflow. Only one worker feeds it; the others drop or [`EpochInput::close`] it.
pub struct EpochInput {
    handle: Option<InputHandle<Time, Rows>>,
    probe: Option<probe::Handle<Time>>,
    plan: Arc<Plan>,
    faults: Rc<RefCell<Vec<Fault>>>,
    beyond: Rc<RefCell<Vec<i64>>>,
}

impl EpochInput {
    /// An input, and the tokens of epochs whose edits are made in `store`, one a worker. Epochs wait for those of
    /// `before`, which brings no rows.
    pub(super) fn new<'scope, S: Store>(
        scope: Scope<'scope, Time>,
        store: &Rc<RefCell<S>>,
        plan: &Arc<Plan>,
        before: Option<Stream<'scope, Time, PodVec<RowRecord>>>,
    ) -> (Self, StreamVec<'scope, Time, ()>) {
        let mut handle: InputHandle<Time, Rows> = InputHandle::new_with_builder();
        let mut rows = handle.to_stream(scope);
        if let Some(before) = before {
            rows = rows.concat(before);
        }
        let faults = Rc::new(RefCell::new(Vec::new()));
        let tokens = apply(rows, store, plan, &faults);
        let input = EpochInput {
            handle: Some(handle),
            probe: None,
            plan: Arc::clone(plan),
            faults,
            beyond: Rc::default(),
        };
        (input, tokens)
    }

    /// Has all workers hear of what `find` finds beyond the range of distances when every worker is done with an epoch: it then
    /// ends with [`EpochError::Beyond`]. Gives the tokens on.
    pub(super) fn watch<'scope>(
        &self,
        tokens: StreamVec<'scope, Time, ()>,
        mut find: impl FnMut() -> Option<i64> + 'static,
    ) -> StreamVec<'scope, Time, ()> {
        let (me, workers) = (tokens.scope().index() as u32, tokens.scope().peers() as u32);
        let told = tokens
            .unary_frontier::<CapacityContainerBuilder<PodVec<BeyondRecord>>, _, _, _>(
                Pipeline,
                "TellBeyond",
                move |_, _| {
                    let mut epoch: Option<Capability<Time>> = None;
                    move |(input, frontier), output| {
                        input.for_each(|cap, _| epoch = cap.retain_least(0));
                        // Tokens of a loop come before its end.
                        let Some(cap) = epoch.take_if(|cap| !frontier.less_equal(cap.time()))
                        else {
                            return;
                        };
                        let found = find();
                        let to = if found.is_some() {
                            0..workers
                        } else {
                            me..me + 1
                        };
                        let records = to.map(|worker| BeyondRecord {
                            what: found.unwrap_or(0),
                            lies: u32::from(found.is_some()),
                            worker,
                        });
                        output.session(&cap).give_iterator(records);
                    }
                },
            );
        let beyond = self.beyond.clone();
        stage::<_, _, Vec<()>>(
            told,
            "HearBeyond",
            |record: &BeyondRecord| u64::from(record.worker),
            move |_, record| {
                if record.lies != 0 {
                    beyond.borrow_mut().push(record.what);
                }
            },
            |_, out| out.push(()),
        )
    }

    /// Has the input wait for the end of an epoch at `probe`.
    pub(super) fn until(self, probe: probe::Handle<Time>) -> Self {
        EpochInput {
            probe: Some(probe),
            ..self
        }
    }

    /// Computes one epoch: sends its edits, each with the number of its row, and works until every worker is done.
    ///
    /// # Errors
    /// The fault of the least row, if the epoch is unsound, or the least of what lies beyond the range of distances.
    ///
    /// # Panics
    /// If `time` is not greater than that of the epoch before.
    pub fn epoch(
        &mut self,
        worker: &mut Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
    ) -> Result<(), EpochError> {
        self.epoch_with(worker, time, edits, || ())
    }

    /// As [`EpochInput::epoch`]; calls `look` now and then while it works.
    ///
    /// # Errors
    /// As [`EpochInput::epoch`].
    pub fn epoch_with(
        &mut self,
        worker: &mut Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
        look: impl FnMut(),
    ) -> Result<(), EpochError> {
        self.send(worker, time, edits);
        self.wait(worker, time, look)
    }

    /// Sends the edits of an epoch.
    pub(super) fn send(
        &mut self,
        worker: &Worker,
        time: Time,
        edits: impl IntoIterator<Item = (u64, Edit)>,
    ) {
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
    }

    /// Works until every worker is done with an epoch.
    pub(super) fn wait(
        &mut self,
        worker: &mut Worker,
        time: Time,
        mut look: impl FnMut(),
    ) -> Result<(), EpochError> {
        let probe = self.probe.as_ref().expect("a finished dataflow");
        while probe.less_equal(&time) {
            worker.step_or_park(Some(LOOK));
            look();
        }
        let fault = self.faults.borrow_mut().drain(..).min();
        let beyond = self.beyond.borrow_mut().drain(..).min();
        match (fault, beyond) {
            (Some(fault), _) => Err(EpochError::Fault(fault)),
            (None, Some(what)) => Err(EpochError::Beyond(what)),
            (None, None) => Ok(()),
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
        let probe = self.probe.as_ref().expect("a finished dataflow");
        worker.step_or_park_while(None, || !probe.done());
    }
}

/// Gathers an epoch's rows, settles corners, checks sources, and applies what is sound; gives a token an epoch.
fn apply<'scope, S: Store>(
    rows: Stream<'scope, Time, PodVec<RowRecord>>,
    store: &Rc<RefCell<S>>,
    plan: &Arc<Plan>,
    faults: &Rc<RefCell<Vec<Fault>>>,
) -> StreamVec<'scope, Time, ()> {
    let (me, workers) = (rows.scope().index(), rows.scope().peers());
    let epochs: Rc<RefCell<BTreeMap<Time, EpochEdits>>> = Rc::default();

    let (taking, epochs_1) = (epochs.clone(), epochs.clone());
    let (state, owners) = (store.clone(), plan.clone());
    let corners = stage::<_, _, PodVec<CornerRecord>>(
        rows,
        "GatherRows",
        |row: &RowRecord| u64::from(row.worker),
        move |time, row| taking.borrow_mut().entry(time).or_default().take_row(row),
        move |time, out| {
            out.push(epoch_corner(me));
            let mut epochs = epochs_1.borrow_mut();
            let epoch = epochs.entry(time).or_default();
            epoch.settle(me, &owners, &*state.borrow(), |part| out.push(part));
        },
    );
    let (taking, epochs_2, state) = (epochs.clone(), epochs.clone(), store.clone());
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
            let fault = epochs.entry(time).or_default().check(&*state.borrow());
            out.extend(fault_records(fault, me, workers));
        },
    );
    let (faults, state) = (faults.clone(), store.clone());
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
                edits.apply(&mut *state.borrow_mut());
            }
            out.push(());
        },
    )
}

/// An operator that takes records in, and when an epoch has no more of them to come, gives what `finish` makes.
pub(super) fn stage<'scope, R: Pod + Send, O: 'static, C>(
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
