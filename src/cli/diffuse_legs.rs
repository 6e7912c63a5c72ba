//! The time steps of `octaflow diffuse`, in legs between which checkpoints are taken and the map changes.

use super::checkpoint_args::Every;
use super::diffuse::Precision;
use super::diffuse_run::{
    BrickSeen, DiffuseShared, Heat, Notes, Tally, add_up, agree_on_step, conductance, stepper_map,
};
use super::diffuse_updates::{RowsOfEpoch, Updates};
use super::follow::{Fed, Halt};
use super::growing::GrowingTable;
use super::keep::{self, Draft, Order, Saved, Standing};
use super::progress::Progress;
use super::run::{Verdict, error_of, parts_of};
use crate::Result;
use crate::brick::{BRICK_CELLS, BrickId};
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::step::{SharedStepper, step};
use crate::lake::container::{FieldType, FieldValues};
use crate::lake::{Part, StateWriter};
use crate::lattice::Cell;
use crate::stencil::{Changed, Observation, Value};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use std::time::Instant;
use timely::dataflow::operators::ToStream;
use timely::worker::Worker;

pub(super) type Snapshots = Option<GrowingTable<StateWriter>>;

pub(super) fn open_snapshots(worker: usize, shared: &DiffuseShared) -> Snapshots {
    let (config, base) = (&shared.config, &shared.base);
    config.every?;
    let (frame, settings) = (base.frame, base.metadata());
    let open = move |part: &Part| StateWriter::create(part, &frame, true, &settings);
    Some(GrowingTable::new(
        base,
        worker,
        "snapshots",
        open,
        StateWriter::finish,
    ))
}

impl DiffuseShared {
    /// The step at which the field stands when the run begins.
    pub(super) fn first_step(&self) -> u64 {
        self.base.resumed.as_ref().map_or(0, |m| m.step)
    }
}

/// What worker 0 tells all workers to do next.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Next {
    /// To step on, and then to take a checkpoint if one is due.
    Step {
        until: u64,
        saves: bool,
    },
    /// To change the map.
    Change(RowsOfEpoch),
    /// To end where the field stands.
    End,
    Fail((u8, String)),
}

/// A run in legs, between which all workers stand at the same step; there checkpoints are taken and the map changes.
pub(super) struct Legs<'a, K: Heat> {
    pub shared: &'a DiffuseShared,
    pub stepper: &'a SharedStepper<K>,
    pub snapshots: Snapshots,
    /// What was seen of each brick.
    pub seen: FxHashMap<u64, [f64; 4]>,
    /// The sum of all values at step 0, when worker 0 knows it.
    pub first_total: Option<f64>,
    /// What changes of the map did, as worker 0 knows it.
    pub tally: Tally,
    /// The time of a step in lattice units.
    pub dt_lattice: f64,
    pub updates: Updates<'a>,
    /// The epochs that are done, and why the run ends before its last step.
    pub fed: Fed,
    pace: Pace,
    /// Whether the field has been looked at as it stands.
    is_seen: bool,
}

impl<'a, K: Heat> Legs<'a, K> {
    pub(super) fn new(
        shared: &'a DiffuseShared,
        stepper: &'a SharedStepper<K>,
        snapshots: Snapshots,
        dt_lattice: f64,
    ) -> Self {
        let every = shared.config.run.checkpoint.as_ref().map(|c| c.every);
        Legs {
            shared,
            stepper,
            snapshots,
            seen: FxHashMap::default(),
            first_total: shared.first_total,
            tally: shared.tally,
            dt_lattice,
            updates: Updates::of(&shared.base, shared.config.steps),
            fed: Fed::default(),
            pace: Pace::from(every, shared.first_step()),
            is_seen: false,
        }
    }

    /// Steps to the end, and tells at which step that is; fails on all workers alike.
    pub(super) fn run(&mut self, worker: &mut Worker) -> Result<u64> {
        let mut at = self.shared.first_step();
        loop {
            match broadcast(worker, || self.next(at)) {
                Next::Step { until, saves } => {
                    self.stepper.borrow_mut().go_on(until);
                    self.leg(worker);
                    at = until;
                    if saves {
                        self.save(worker, at)?;
                        self.pace.pause(at);
                    }
                }
                Next::Change(rows) => match self.change(worker, at, rows) {
                    Err(late) if self.shared.base.streams() => {
                        self.shared.base.keep_checkpoints();
                        self.fed.late = Some(late);
                    }
                    changed => changed?,
                },
                Next::End => {
                    self.tally.pass(at, self.dt_lattice);
                    return Ok(at);
                }
                Next::Fail(failure) => return Err(error_of(failure)),
            }
        }
    }

    /// What is to be done at step `at`, as worker 0 decides.
    fn next(&mut self, at: u64) -> Next {
        let next = match self.updates.next_step() {
            Ok(step) => step.filter(|_| self.fed.late.is_none()),
            Err(Halt::Row(error)) if self.shared.base.streams() => {
                self.shared.base.keep_checkpoints();
                self.fed.late = Some(error);
                None
            }
            Err(Halt::Row(error) | Halt::Run(error)) => return Next::Fail(parts_of(&error)),
        };
        let last = match self.fed.late {
            Some(_) => at,
            None => self.shared.config.steps,
        };
        if next == Some(at) {
            return Next::Change(self.updates.take_rows());
        }
        if at == last && self.is_seen {
            return Next::End;
        }
        let until = last.min(next.unwrap_or(last)).min(self.pace.due);
        let saves = until == self.pace.due && until < last;
        Next::Step { until, saves }
    }

    /// Makes the changes of an epoch in the map below the field, after step `at`. Where they make --dt unstable, all is as
    /// it was before them.
    fn change(&mut self, worker: &mut Worker, at: u64, mut rows: RowsOfEpoch) -> Result<()> {
        let begun = Instant::now();
        let (shared, time) = (self.shared, rows.time);
        // One worker of a process changes what they share.
        let workers = shared.config.run.cluster.workers;
        let leads = worker.index().is_multiple_of(workers);
        let mut edits = Vec::new();
        loop {
            if leads {
                edits.extend(rows.edits());
            }
            if !rows.more {
                break;
            }
            rows = broadcast(worker, || self.updates.take_rows());
        }
        if leads {
            shared.ground_mut().change(&edits);
        }
        let changed = self.change_stepper(worker, &FxHashMap::default());
        let conductance = conductance(&mut self.stepper.borrow_mut());
        let agreed = agree_on_step(worker, shared, conductance, Some(time));
        let (dt_lattice, flows) = match agreed {
            Ok(agreed) => agreed,
            Err(error) => {
                if leads {
                    shared.ground_mut().revert();
                }
                let lost = changed.lost.into_iter().map(|(b, p, held)| ((b, p), held));
                self.change_stepper(worker, &lost.collect());
                return Err(error);
            }
        };
        self.count(worker, at, &changed);
        let kernel = K::with_step(if flows { dt_lattice } else { 0.0 });
        self.stepper.borrow_mut().set_kernel(kernel);
        self.dt_lattice = dt_lattice;
        shared.base.last_time.store(time, Ordering::Relaxed);
        self.fed.epochs.push(begun.elapsed());
        Ok(())
    }

    /// Has the stepper follow what has changed in the map, when it has changed in every process; cells that open begin with
    /// what `held` has of them, or 0.
    fn change_stepper(
        &mut self,
        worker: &mut Worker,
        held: &FxHashMap<(BrickId, usize), [K::Value; 2]>,
    ) -> Changed<K::Value> {
        broadcast(worker, || ());
        let ground = self.shared.ground();
        let values = |brick, place| held.get(&(brick, place)).copied().unwrap_or_default();
        let costs = |brick| ground.costs(brick);
        let map = stepper_map::<K>(&costs, &values);
        let (plan, me) = (&self.shared.plan, worker.index());
        let mut stepper = self.stepper.borrow_mut();
        let changed = stepper.change_map(plan, me, &ground.last_change(), &map);
        // Bricks without open cells are not seen again.
        for [_, total, least, greatest] in self.seen.values_mut() {
            [*total, *least, *greatest] = NOTHING_SEEN;
        }
        self.is_seen = false;
        changed
    }

    /// Counts what an epoch did, on worker 0: in the order of the bricks, whoever has them.
    fn count(&mut self, worker: &mut Worker, at: u64, changed: &Changed<K::Value>) {
        let lost = changed.lost.chunk_by(|a, b| a.0 == b.0).map(|brick| {
            let total: f64 = brick.iter().map(|(_, _, [now, _])| now.to_f64()).sum();
            (brick[0].0.code(), total)
        });
        let lost: Vec<(u64, f64)> = lost.collect();
        let all = gather(worker, (changed.opened, changed.lost.len() as u64, lost));
        self.tally.pass(at, self.dt_lattice);
        let mut lost = Vec::new();
        for (opened, blocked, of_bricks) in all {
            self.tally.opened += opened;
            self.tally.blocked += blocked;
            lost.extend(of_bricks);
        }
        lost.sort_unstable_by_key(|l| l.0);
        let lost: f64 = lost.into_iter().map(|l| l.1).sum();
        self.tally.lost = (f64::from_bits(self.tally.lost) + lost).to_bits();
    }

    /// Steps to the end of a leg, writes snapshots when they are whole, and keeps what is seen first and last.
    fn leg(&mut self, worker: &mut Worker) {
        let shared = self.shared;
        let shows = worker.index() == 0 && shared.base.shows();
        let mut bar = Progress::steps("stepping", shows);
        let stepper = self.stepper;
        let probe =
            worker.dataflow(|scope| step(scope, [()].to_stream(scope), stepper, &shared.plan));
        self.is_seen = true;
        loop {
            let done = probe.done();
            let mut stepper = stepper.borrow_mut();
            for observation in stepper.take_observations() {
                note(&mut self.seen, &observation);
            }
            while let Some(snapshot) = stepper.take_snapshot() {
                let Some(table) = &mut self.snapshots else {
                    continue;
                };
                for (brick, values) in snapshot.bricks {
                    let values = values.into_iter().map(|(place, v)| (place, v.to_f64()));
                    table.write(|writer| writer.write_brick(snapshot.step, brick, values));
                }
            }
            if done {
                return;
            }
            if shows {
                let (done, all) = stepper.progress();
                bar.show(done, all);
            }
            drop(stepper);
            worker.step_or_park(None);
        }
    }

    /// Takes a checkpoint at step `at`.
    fn save(&mut self, worker: &mut Worker, at: u64) -> Result<()> {
        let base = &self.shared.base;
        if self.first_total.is_none() {
            let seen: Vec<BrickSeen> = self.seen.iter().map(|(k, v)| (*k, *v)).collect();
            let all = gather(worker, seen);
            self.first_total = Some(broadcast(worker, || add_up(all, 0, 0.0).0.total.first));
        }
        let notes = Notes {
            first_total: self.first_total.unwrap_or_default().to_bits(),
            through: self.shared.through.map(Cell::xyz),
            tally: self.tally,
        };
        let standing = Standing {
            time: base.last_time.load(Ordering::Relaxed),
            step: at,
            notes: serde_json::to_value(notes).expect("plain data"),
            ..Standing::default()
        };
        let order = broadcast(worker, || keep::order(base, &standing));
        // Every brick has changed.
        let order = Order {
            full: true,
            ..order
        };
        let saved = self.save_part(worker.index(), order);
        let saved = gather(worker, saved.unwrap_or_else(|e| Saved::failed(&e)));
        let epochs = base.epochs_before() + self.fed.epochs.len() as u64;
        let verdict: Verdict = broadcast(worker, || {
            let done = keep::commit(base, order, standing, epochs, saved);
            done.err().as_ref().map(parts_of)
        });
        verdict.map_or(Ok(()), |failure| Err(error_of(failure)))
    }

    fn save_part(&mut self, worker: usize, order: Order) -> Result<Saved> {
        let shared = self.shared;
        let draft = Draft::of(&shared.base, worker).expect("checkpoints are kept");
        let single = shared.config.precision == Precision::F32;
        let field = if single {
            FieldType::F32
        } else {
            FieldType::F64
        };
        let mut file = draft.bricks(order, &[("value", field)]);
        let (mut doubles, mut singles) = ([0.0; BRICK_CELLS], [0.0; BRICK_CELLS]);
        let mut bricks = 0;
        let ground = shared.ground();
        for (brick, values) in self.stepper.borrow().bricks() {
            bricks += 1;
            let values = values.into_iter().map(|(place, v)| (place, v.to_f64()));
            let row = if single {
                singles.fill(0.0);
                values.for_each(|(place, v)| singles[place] = v as f32);
                FieldValues::F32(&singles)
            } else {
                doubles.fill(0.0);
                values.for_each(|(place, v)| doubles[place] = v);
                FieldValues::F64(&doubles)
            };
            let costs = ground.costs(brick).expect("a brick of a block");
            file.push(brick, costs, &[row])?;
        }
        let saved = Saved::bricks(bricks, file.finish()?);
        let snapshots = self.snapshots.as_mut().map(|table| table.save(order));
        Ok(saved.with_changes(snapshots.transpose()?.unwrap_or_default()))
    }
}

/// The sum, the least and the greatest value where no cell is open.
const NOTHING_SEEN: [f64; 3] = [0.0, f64::INFINITY, f64::NEG_INFINITY];

fn note(seen: &mut FxHashMap<u64, [f64; 4]>, observation: &Observation) {
    let [total, least, greatest] = NOTHING_SEEN;
    let entry = seen.entry(observation.brick.code());
    let entry = entry.or_insert([0.0, total, least, greatest]);
    if observation.step == 0 {
        entry[0] = observation.total;
    }
    [entry[1], entry[2], entry[3]] = [observation.total, observation.least, observation.greatest];
}

/// When checkpoints are due, as worker 0 reckons it.
struct Pace {
    every: Option<Every>,
    /// The step after which the next one is due.
    due: u64,
    /// The step after which the last one was taken, and when.
    last: (u64, Instant),
}

impl Pace {
    fn from(every: Option<Every>, step: u64) -> Self {
        /// How many steps tell the pace.
        const FIRST: u64 = 16;
        let steps = match every {
            None => u64::MAX,
            Some(Every::Epochs(steps)) => steps,
            Some(Every::Time(_)) => FIRST,
        };
        Pace {
            every,
            due: step.saturating_add(steps),
            last: (step, Instant::now()),
        }
    }

    /// Notes that a checkpoint has been taken.
    fn pause(&mut self, step: u64) {
        let (from, since) = self.last;
        let a_step = since.elapsed().as_secs_f64() / step.saturating_sub(from).max(1) as f64;
        let steps = match self.every {
            None => u64::MAX,
            Some(Every::Epochs(steps)) => steps,
            Some(Every::Time(time)) => (time.as_secs_f64() / a_step.max(1e-9)).max(1.0) as u64,
        };
        self.due = step.saturating_add(steps);
        self.last = (step, Instant::now());
    }
}
