//! The time steps of `octaflow diffuse`, in legs between which checkpoints are taken.

use super::checkpoint_args::Every;
use super::diffuse::Precision;
use super::diffuse_run::{BrickSeen, DiffuseShared, Heat, Notes, add_up};
use super::growing::GrowingTable;
use super::keep::{self, Draft, Order, Saved, Standing};
use super::progress::Progress;
use super::run::{Verdict, error_of, parts_of};
use crate::Result;
use crate::brick::BRICK_CELLS;
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::step::{SharedStepper, step};
use crate::lake::container::{FieldType, FieldValues};
use crate::lake::{Part, StateWriter};
use crate::stencil::{Observation, Value};
use rustc_hash::FxHashMap;
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

/// A run in legs, between which all workers stand at the same step and checkpoints are taken.
pub(super) struct Legs<'a, K: Heat> {
    pub shared: &'a DiffuseShared,
    pub stepper: &'a SharedStepper<K>,
    pub snapshots: Snapshots,
    /// What was seen of each brick at the first and the last step.
    pub seen: FxHashMap<u64, [f64; 4]>,
    /// The sum of all values at step 0, when worker 0 knows it.
    pub first_total: Option<f64>,
}

impl<K: Heat> Legs<'_, K> {
    /// Steps to the end; fails on all workers alike.
    pub(super) fn run(&mut self, worker: &mut Worker) -> Result<()> {
        let last = self.shared.config.steps;
        let mut at = self.shared.first_step();
        let mut pace = None;
        loop {
            let until = broadcast(worker, || self.next_stop(at, pace));
            let begun = Instant::now();
            self.stepper.borrow_mut().go_on(until);
            self.leg(worker);
            pace = Some(begun.elapsed().as_secs_f64() / (until - at).max(1) as f64);
            at = until;
            if at == last {
                return Ok(());
            }
            self.save(worker, at)?;
        }
    }

    /// The end of the leg from step `at` on, where a step took `pace` seconds so far.
    fn next_stop(&self, at: u64, pace: Option<f64>) -> u64 {
        /// How many steps tell the pace.
        const FIRST: u64 = 16;
        let last = self.shared.config.steps;
        let steps = match self.shared.config.run.checkpoint.as_ref().map(|c| c.every) {
            None => return last,
            Some(Every::Epochs(steps)) => steps,
            Some(Every::Time(time)) => match pace {
                None => FIRST,
                Some(pace) => (time.as_secs_f64() / pace.max(1e-9)).max(1.0) as u64,
            },
        };
        at.saturating_add(steps).min(last)
    }

    /// Steps to the end of a leg, writes snapshots when they are whole, and keeps what is seen at the first and the last
    /// step.
    fn leg(&mut self, worker: &mut Worker) {
        let shared = self.shared;
        let shows = worker.index() == 0 && shared.base.shows();
        let mut bar = Progress::steps("stepping", shows);
        let stepper = self.stepper;
        let probe =
            worker.dataflow(|scope| step(scope, [()].to_stream(scope), stepper, &shared.plan));
        loop {
            let done = probe.done();
            let mut stepper = stepper.borrow_mut();
            for observation in stepper.take_observations() {
                note(&mut self.seen, &observation, shared.config.steps);
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
            through: self.shared.through.xyz(),
        };
        let standing = Standing {
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
        let verdict: Verdict = broadcast(worker, || {
            let done = keep::commit(base, order, standing, 0, saved);
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
            file.push(brick, &shared.bricks[&brick], &[row])?;
        }
        let saved = Saved::bricks(bricks, file.finish()?);
        let snapshots = self.snapshots.as_mut().map(|table| table.save(order));
        Ok(saved.with_changes(snapshots.transpose()?.unwrap_or_default()))
    }
}

fn note(seen: &mut FxHashMap<u64, [f64; 4]>, observation: &Observation, last: u64) {
    let entry = seen.entry(observation.brick.code()).or_insert([0.0; 4]);
    if observation.step == 0 {
        entry[0] = observation.total;
    }
    if observation.step == last {
        [entry[1], entry[2], entry[3]] =
            [observation.total, observation.least, observation.greatest];
    }
}
