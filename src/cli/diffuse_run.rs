//! The run of `octaflow diffuse`: step, write snapshots on the way, write the end.

use super::diffuse::{DiffuseConfig, DtUnit, Precision};
use super::diffuse_ground::Ground;
use super::diffuse_legs::{Legs, Snapshots, open_snapshots};
use super::diffuse_updates::check_updates;
use super::drawing::agree_on_span;
use super::resume::{for_each_newest, foreign};
use super::run::{self, Outcome, Report, Shared, conclude, parts_of, peak_rss_bytes};
use super::start::Start;
use super::summary::{DiffusionSummary, MapChanges, Summary, Totals};
use crate::brick::{BrickId, CellMap, Costs};
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::step::SharedStepper;
use crate::lake::checkpoint::Manifest;
use crate::lake::container::FieldValues;
use crate::lake::{StateWriter, Written};
use crate::lattice::{Cell, UNIT_COST};
use crate::map::{Allow, InitialValues, read_initial};
use crate::partition::Plan;
use crate::picture::{PicturePlan, Shade, Span};
use crate::stencil::{
    Boundary, Diffusion, GREATEST_STEP, Kernel, Stepper, StepperMap, StepperOptions, Value,
    VariableDiffusion, weigh,
};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;
use timely::worker::Worker;

/// The share of the greatest stable step that is taken without --dt.
const DEFAULT_SHARE: f64 = 0.9;

/// By how much a step may pass the greatest stable one: rounding.
const SLACK: f64 = 1e-9;

/// What the workers of a process share.
pub(super) struct DiffuseShared {
    pub base: Shared,
    pub config: DiffuseConfig,
    /// The values at the start, or those that the run goes on from.
    pub values: Values,
    /// The sum of all values at step 0, if the run goes on.
    pub first_total: Option<f64>,
    /// The cell that the picture's slices meet in, if it is not the middle.
    pub through: Option<Cell>,
    /// What changes of the map have done, if the run goes on.
    pub tally: Tally,
    ground: RwLock<Ground>,
    pub plan: Arc<Plan>,
}

impl DiffuseShared {
    /// The map as it stands, as far as this process has it.
    pub fn ground(&self) -> RwLockReadGuard<'_, Ground> {
        self.ground.read().expect("no worker panics here")
    }

    /// The same, to be changed by one worker while no other looks at it.
    pub fn ground_mut(&self) -> RwLockWriteGuard<'_, Ground> {
        self.ground.write().expect("no worker panics here")
    }
}

/// Where a field stands when its run begins.
pub(super) enum Values {
    Initial(InitialValues),
    /// The values of this process's bricks at a step.
    Saved(FxHashMap<BrickId, Vec<f64>>),
}

impl Values {
    fn value(&self, brick: BrickId, place: usize) -> f64 {
        match self {
            Values::Initial(initial) => initial.value(brick, place),
            Values::Saved(bricks) => bricks.get(&brick).map_or(0.0, |values| values[place]),
        }
    }
}

/// What a checkpoint keeps beside the field, as bits: the first total, and the cell that the picture's slices meet in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Notes {
    pub first_total: u64,
    pub through: Option<[i32; 3]>,
    #[serde(default)]
    pub tally: Tally,
}

/// What changes of the map have done to a field; sums as bits.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub opened: u64,
    pub blocked: u64,
    /// The sum of what cells held that were blocked.
    pub lost: u64,
    /// The time that had passed when the map last changed, in lattice units.
    time: u64,
    /// The step after which it did.
    since: u64,
}

impl Tally {
    /// Has the time pass to a step, at so much a step.
    pub fn pass(&mut self, step: u64, dt_lattice: f64) {
        let steps = (step - self.since) as f64;
        self.time = (f64::from_bits(self.time) + steps * dt_lattice).to_bits();
        self.since = step;
    }

    fn in_summary(&self) -> MapChanges {
        MapChanges {
            opened: self.opened,
            blocked: self.blocked,
            lost: f64::from_bits(self.lost),
            time_lattice: f64::from_bits(self.time),
        }
    }
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct DiffuseReport {
    base: Report,
    cells: u64,
}

/// A brick's totals when it was seen first and last, and its extrema then.
pub(super) type BrickSeen = (u64, [f64; 4]);

/// A kernel of the heat equation.
pub(super) trait Heat: Kernel {
    /// The kernel for a step in lattice units.
    fn with_step(step: f64) -> Self;
}

impl<V: Value> Heat for Diffusion<V> {
    fn with_step(step: f64) -> Self {
        Diffusion {
            step: V::from_f64(step),
        }
    }
}

impl<V: Value> Heat for VariableDiffusion<V> {
    fn with_step(step: f64) -> Self {
        VariableDiffusion {
            step: V::from_f64(step),
        }
    }
}

/// Runs `octaflow diffuse`.
pub(super) fn run(config: DiffuseConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |start: Start| prepare(config, start);
    run::run(&run_config, args, prepare, work)
}

fn prepare(config: DiffuseConfig, start: Start) -> Result<DiffuseShared> {
    let begun = Instant::now();
    let map = start.read_map(&config.run)?;
    let initial = match start.resumed() {
        None => Some(read_values(&config, &map)?),
        Some(_) => None,
    };
    let mut base = Shared::of(&config.run, start, Allow::Map, &map)?;
    check_updates(&config, &base)?;
    let weights = weigh(map.bricks.iter().map(|(b, c)| (*b, &**c)));
    let cluster = &config.run.cluster;
    let plan = Arc::new(Plan::build(cluster.partition, cluster.parts(), &weights));
    let notes = match &base.resumed {
        Some(manifest) => Some(notes_of(manifest)?),
        None => None,
    };
    let through = match (&initial, notes) {
        (Some(initial), _) => initial.place_of_most(),
        (None, notes) => notes.and_then(|n| Cell::try_from(n.through?).ok()),
    };
    let blocks = weights.into_iter().map(|w| w.0).collect();
    let changes = config.run.updates.is_some();
    let ground = Ground::of(map, blocks, &plan, cluster, changes);
    let values = match initial {
        Some(initial) => Values::Initial(initial),
        None => saved_values(&config, &base, &ground)?,
    };
    base.load = begun.elapsed();
    Ok(DiffuseShared {
        base,
        config,
        values,
        first_total: notes.map(|n| f64::from_bits(n.first_total)),
        through,
        tally: notes.map(|n| n.tally).unwrap_or_default(),
        ground: RwLock::new(ground),
        plan,
    })
}

/// The values that the field starts with.
fn read_values(config: &DiffuseConfig, map: &CellMap) -> Result<InitialValues> {
    let initial = read_initial(&config.initial, map, config.run.map.axes)?;
    let most = initial.most();
    if config.precision == Precision::F32 && most.abs() > f64::from(f32::MAX) {
        return Err(Error::input(format!(
            "{}: the value {most} is beyond single precision: take --precision f64",
            config.initial.display()
        )));
    }
    Ok(initial)
}

fn notes_of(manifest: &Manifest) -> Result<Notes> {
    serde_json::from_value(manifest.notes.clone())
        .map_err(|e| Error::input(format!("checkpoint {}: {e}", manifest.number)))
}

/// The values of the bricks that this process reads, as the run left them.
fn saved_values(config: &DiffuseConfig, base: &Shared, ground: &Ground) -> Result<Values> {
    let mut saved = FxHashMap::default();
    if let (Some(manifest), Some(checkpoint)) = (&base.resumed, &config.run.checkpoint) {
        let folder = &checkpoint.folder;
        for_each_newest(folder, manifest, |_, id, fields| {
            let values = match fields.get(1) {
                Some(FieldValues::F64(values)) => values.to_vec(),
                Some(FieldValues::F32(values)) => values.iter().map(|&v| f64::from(v)).collect(),
                _ => return Err(foreign(folder)),
            };
            if ground.costs(id).is_some() {
                saved.insert(id, values);
            }
            Ok(())
        })?;
    }
    Ok(Values::Saved(saved))
}

fn work(worker: &mut Worker, shared: &DiffuseShared) -> Outcome {
    match (shared.config.precision, shared.config.cost_diffusivity) {
        (Precision::F64, false) => solve::<Diffusion<f64>>(worker, shared),
        (Precision::F32, false) => solve::<Diffusion<f32>>(worker, shared),
        (Precision::F64, true) => solve::<VariableDiffusion<f64>>(worker, shared),
        (Precision::F32, true) => solve::<VariableDiffusion<f32>>(worker, shared),
    }
}

fn solve<K: Heat>(worker: &mut Worker, shared: &DiffuseShared) -> Outcome {
    let mut stepper = load::<K>(worker, shared);
    let agreed = agree_on_step(worker, shared, conductance(&mut stepper), None);
    let (step, flows) = match agreed {
        Ok(agreed) => agreed,
        Err(error) => return Outcome::Failed(error),
    };
    stepper.set_kernel(K::with_step(if flows { step } else { 0.0 }));
    let stepper = Rc::new(RefCell::new(stepper));
    let snapshots = open_snapshots(worker.index(), shared);
    // All steppers are loaded when the clock starts.
    broadcast(worker, || ());
    let begun = Instant::now();
    let mut legs = Legs::new(shared, &stepper, snapshots, step);
    let steps = match legs.run(worker) {
        Ok(steps) => steps,
        Err(error) => return Outcome::Failed(error),
    };
    let Legs {
        snapshots,
        seen,
        first_total,
        tally,
        dt_lattice,
        mut fed,
        ..
    } = legs;
    fed.solve = begun.elapsed();
    let seen: Vec<BrickSeen> = seen.into_iter().collect();
    let all = gather(worker, seen);
    let (mut diffusion, is_finite) = broadcast(worker, || add_up(all, steps, dt_lattice));
    let changes = (shared.config.run.updates.as_ref()).map(|_| tally.in_summary());
    diffusion.total.first = first_total.unwrap_or(diffusion.total.first);
    let begun = Instant::now();
    let picture = plan_picture(worker, shared, &stepper);
    let written = (snapshots, &diffusion, picture.as_ref());
    let report = write(worker.index(), shared, &stepper.borrow(), written);
    let reports = gather(worker, report);
    conclude(worker, fed.late.as_ref(), || {
        if !is_finite {
            return Err(overflow(shared));
        }
        let summary = Summary {
            reached: reports.iter().map(|r| r.cells).sum(),
            diffusion: Some(diffusion),
            changes,
            ..shared
                .base
                .summarise(&fed, begun.elapsed(), &base_reports(&reports))
        };
        publish(shared, &reports, picture.as_ref(), diffusion, summary)
    })
}

fn load<K: Heat>(worker: &Worker, shared: &DiffuseShared) -> Stepper<K> {
    let config = &shared.config;
    let options = StepperOptions {
        rings: config.rings,
        first: shared.first_step(),
        last: shared.first_step(),
        every: config.every,
        boundary: Boundary::Reflecting,
    };
    let ground = shared.ground();
    let values = |brick, place| [K::Value::from_f64(shared.values.value(brick, place)); 2];
    let costs = |brick| ground.costs(brick);
    let map = stepper_map::<K>(&costs, &values);
    let (plan, blocks) = (&shared.plan, ground.blocks());
    let kernel = K::with_step(0.0);
    Stepper::new(kernel, options, worker.index(), plan, blocks, &map)
}

/// What a stepper is made from: the map as it stands, and values.
pub(super) fn stepper_map<'a, K: Heat>(
    costs: &'a dyn Fn(BrickId) -> Option<&'a Costs>,
    values: &'a dyn Fn(BrickId, usize) -> [K::Value; 2],
) -> StepperMap<'a, K::Value> {
    let factor: &dyn Fn(u16) -> K::Value =
        &|cost| K::Value::from_f64(f64::from(cost) / f64::from(UNIT_COST));
    StepperMap {
        costs,
        coefficients: K::COEFFICIENTS.then_some(factor),
        values,
    }
}

/// The greatest sum of a cell's face coefficients on a worker, if cells have coefficients.
pub(super) fn conductance<K: Heat>(stepper: &mut Stepper<K>) -> Option<f64> {
    K::COEFFICIENTS.then(|| stepper.greatest_conductance())
}

/// The step in lattice units, which all workers' conductances bound, and whether anything flows at all, after the updates
/// of a time if there were any.
pub(super) fn agree_on_step(
    worker: &mut Worker,
    shared: &DiffuseShared,
    conductance: Option<f64>,
    time: Option<i64>,
) -> Result<(f64, bool)> {
    let config = &shared.config;
    let all = gather(worker, conductance);
    let greatest: Option<f64> = broadcast(worker, || all.into_iter().flatten().reduce(f64::max));
    // With cells that have no neighbours, nothing flows and any step is stable.
    let flows = greatest != Some(0.0);
    let bound = match greatest {
        None => GREATEST_STEP,
        Some(greatest) => 1.0 / greatest,
    };
    let Some(dt) = config.dt else {
        let most = if flows { bound } else { GREATEST_STEP };
        return Ok((DEFAULT_SHARE * most, flows));
    };
    let half_cell_m = shared.base.frame.cell_size_m() / 2.0;
    // What a lattice unit of time is in the unit of --dt.
    let unit = match config.dt_unit {
        DtUnit::S => half_cell_m * half_cell_m / config.diffusivity,
        DtUnit::Lattice => 1.0,
    };
    let step = dt / unit;
    if step.is_finite() && step <= bound * (1.0 + SLACK) {
        return Ok((step, flows));
    }
    let name = match config.dt_unit {
        DtUnit::S => "s",
        DtUnit::Lattice => "lattice units",
    };
    let place = match time {
        None => "here".to_owned(),
        Some(time) => format!("in the map of time {time}"),
    };
    Err(Error::input(format!(
        "--dt {dt} {name} is not stable {place}: it should be at most {:?} {name}",
        bound * unit
    )))
}

/// Totals in the order of the bricks, whoever has them: so they do not depend on how the run was divided. False if a
/// value has left the range of its numbers.
pub(super) fn add_up(all: Vec<Vec<BrickSeen>>, steps: u64, step: f64) -> (DiffusionSummary, bool) {
    let mut bricks: Vec<BrickSeen> = all.into_iter().flatten().collect();
    bricks.sort_unstable_by_key(|b| b.0);
    let mut summary = DiffusionSummary {
        steps,
        dt_lattice: step,
        total: Totals::default(),
        least: f64::INFINITY,
        greatest: f64::NEG_INFINITY,
    };
    let mut is_finite = true;
    for (_, [first, last, least, greatest]) in bricks {
        summary.total.first += first;
        if least > greatest {
            // No cell of the brick is open any more.
            continue;
        }
        summary.total.last += last;
        summary.least = summary.least.min(least);
        summary.greatest = summary.greatest.max(greatest);
        is_finite &= least.is_finite() && greatest.is_finite();
    }
    if summary.least > summary.greatest {
        (summary.least, summary.greatest) = (0.0, 0.0);
    }
    (summary, is_finite)
}

/// What the picture shows, if one is asked for: the map as it stands at the end.
fn plan_picture<K: Heat>(
    worker: &mut Worker,
    shared: &DiffuseShared,
    stepper: &SharedStepper<K>,
) -> Option<PicturePlan> {
    shared.config.run.picture.as_ref()?;
    let mut span = Span::NONE;
    for (brick, _) in stepper.borrow().bricks() {
        let ground = shared.ground();
        span.add(brick, ground.costs(brick).expect("a brick of a block"));
    }
    let span = agree_on_span(worker, span);
    let through = shared.through.unwrap_or_else(|| span.centre());
    Some(PicturePlan::new(span, shared.base.frame, through))
}

/// Writes this worker's part of the results.
fn write<K: Heat>(
    worker: usize,
    shared: &DiffuseShared,
    stepper: &Stepper<K>,
    (snapshots, diffusion, picture): (Snapshots, &DiffusionSummary, Option<&PicturePlan>),
) -> DiffuseReport {
    let mut report = DiffuseReport::default();
    let written = snapshots
        .map_or(Ok(()), |table| table.finish(&shared.base, &mut report.base))
        .and_then(|()| write_state(worker, shared, stepper, (diffusion, picture), &mut report));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_state<K: Heat>(
    worker: usize,
    shared: &DiffuseShared,
    stepper: &Stepper<K>,
    (diffusion, picture): (&DiffusionSummary, Option<&PicturePlan>),
    report: &mut DiffuseReport,
) -> Result<()> {
    let base = &shared.base;
    let path = base.part_path(worker, "state")?;
    let mut file = StateWriter::create(&path, &base.frame, false, &base.metadata())?;
    let shade = Shade::new(diffusion.least, diffusion.greatest);
    let mut samples = picture.map(|plan| (plan, plan.blank()));
    let ground = shared.ground();
    for (brick, values) in stepper.bricks() {
        if let Some((plan, samples)) = &mut samples {
            let mut words = [0; 1024];
            for (place, value) in &values {
                words[*place] = shade.word(value.to_f64());
            }
            let costs = ground.costs(brick).expect("a brick of a block");
            plan.paint(samples, brick, costs, &words);
        }
        let values = values.into_iter().map(|(place, v)| (place, v.to_f64()));
        file.write_brick(0, brick, values)?;
    }
    let written: Written = file.finish()?;
    report.cells = written.rows;
    report.base.note_files("state", written);
    report.base.samples = samples.map(|(_, samples)| samples.into_words());
    Ok(())
}

fn overflow(shared: &DiffuseShared) -> Error {
    Error::input(format!(
        "{}: the values overflow on the way; they should be smaller, or --precision f64",
        shared.config.initial.display()
    ))
}

fn base_reports(reports: &[DiffuseReport]) -> Vec<Report> {
    reports.iter().map(|r| r.base.clone()).collect()
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &DiffuseShared,
    reports: &[DiffuseReport],
    picture: Option<&PicturePlan>,
    diffusion: DiffusionSummary,
    summary: Summary,
) -> Result<Summary> {
    let reports = base_reports(reports);
    let picture = picture.map(|plan| draw(plan, shared, &reports, diffusion));
    let picture = picture.transpose()?;
    shared.base.publish(&reports, &summary, picture)?;
    Ok(summary)
}

fn draw(
    plan: &PicturePlan,
    shared: &DiffuseShared,
    reports: &[Report],
    diffusion: DiffusionSummary,
) -> Result<Vec<u8>> {
    let mut samples = plan.blank();
    for words in reports.iter().filter_map(|r| r.samples.clone()) {
        let painted = plan.samples(words).expect("all workers share the plan");
        samples.merge(&painted);
    }
    let title = format!(
        "Diffusion in {} after {} steps",
        shared.base.map_name(),
        diffusion.steps
    );
    let shade = Shade::new(diffusion.least, diffusion.greatest);
    plan.render_values(&samples, shade, &title)
}
