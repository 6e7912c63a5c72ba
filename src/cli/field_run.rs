//! The run of `octaflow field`: solve, follow updates, write.

use super::field::FieldConfig;
use super::progress::Progress;
use super::run::{
    Fed, Outcome, Report, Shared, Verdict, conclude, cost, error_of, parts_of, peak_rss_bytes,
    place,
};
use super::summary::Summary;
use crate::brick::CellMap;
use crate::dataflows::Time;
use crate::dataflows::edits::{Edit, Fault};
use crate::dataflows::epochs::EpochInput;
use crate::dataflows::field::{FieldRecord, SharedEngine, field};
use crate::dataflows::gather::{broadcast, gather};
use crate::engine::{Engine, EngineOptions};
use crate::lake::{Change, ChangeWriter, DEFAULT_BUDGET_ROWS, FieldColumns, FieldWriter};
use crate::lattice::Cell;
use crate::map::{Allow, Update, UpdateKind};
use crate::picture::PicturePlan;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::{Duration, Instant};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;
use timely::worker::Worker;

/// What the workers of a process share.
struct FieldShared {
    base: Shared,
    config: FieldConfig,
    sources: Vec<Cell>,
    picture: Option<PicturePlan>,
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct FieldReport {
    base: Report,
    reached: u64,
    /// A cell whose distance would be too great.
    overflow: Option<String>,
}

type Changes = Rc<RefCell<Option<Result<ChangeWriter>>>>;

/// Runs `octaflow field`.
pub(super) fn run(config: FieldConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |connected: &_| {
        let look = |map: &CellMap| place_sources(&config, map);
        let (base, sources) = Shared::load(&config.run, connected, Allow::Sources, look)?;
        let (low, high) = base.extent;
        let plan = || PicturePlan::new(low, high, base.frame, sources[0]);
        let picture = config.run.picture.as_ref().map(|_| plan());
        Ok(FieldShared {
            base,
            config,
            sources,
            picture,
        })
    };
    super::run::run(&run_config, args, prepare, work)
}

/// The sources' cells, each of which must be an open cell of the map.
fn place_sources(config: &FieldConfig, map: &CellMap) -> Result<Vec<Cell>> {
    let mut cells = Vec::with_capacity(config.sources.len());
    for (position, name) in &config.sources {
        let cell = map
            .frame
            .snap(*position)
            .map_err(|e| Error::input(format!("{name}: {e}")))?;
        if cost(map, cell) == 0 {
            return Err(Error::input(format!(
                "{name} lies in {}, which is blocked or not in the map; a source needs an open cell",
                place(&map.frame, cell)
            )));
        }
        cells.push(cell);
    }
    Ok(cells)
}

fn work(worker: &mut Worker, shared: &FieldShared) -> Outcome {
    let engine = load(worker, shared);
    let changes = open_changes(worker, shared);
    let (mut input, sink) = worker.dataflow::<Time, _, _>(|scope| {
        let (input, stream) = field(scope, &engine, &shared.base.plan);
        let sink = changes.map(|writer| write_changes(stream, writer));
        (input, sink)
    });
    // All engines are loaded when the clock starts.
    broadcast(worker, || ());
    let mut fed = Fed::default();
    if worker.index() == 0 {
        fed = feed(worker, shared, &mut input, &engine);
        input.close();
    }
    input.follow(worker);
    let stop: Verdict = broadcast(worker, || fed.stop.as_ref().map(parts_of));
    if let Some(stop) = stop {
        return Outcome::Failed(error_of(stop));
    }
    let begun = Instant::now();
    let report = write(worker, shared, &engine, sink);
    let reports = gather(worker, report);
    conclude(worker, fed.late.as_ref(), || {
        publish(shared, &reports, &fed, begun.elapsed())
    })
}

fn load(worker: &Worker, shared: &FieldShared) -> SharedEngine {
    let config = &shared.config;
    let options = EngineOptions {
        labels: config.label_sources,
        changes: config.run.updates.is_some(),
        next: config.next,
    };
    let plan = shared.base.plan.clone();
    let mut engine = Engine::new(worker.index(), plan, options);
    let exists = &shared.base.exists;
    engine.load(shared.base.take_part(worker), |brick| {
        exists.contains(&brick)
    });
    Rc::new(RefCell::new(engine))
}

fn columns(config: &FieldConfig) -> FieldColumns {
    FieldColumns {
        source: config.label_sources,
        next: config.next,
    }
}

/// The writer of this worker's changes, if there are updates.
fn open_changes(worker: &Worker, shared: &FieldShared) -> Option<Result<ChangeWriter>> {
    let (config, base) = (&shared.config, &shared.base);
    config.run.updates.as_ref()?;
    let path = base.part_path(worker.index(), "field_changes");
    Some(path.and_then(|path| {
        ChangeWriter::create(
            &path,
            &base.frame,
            columns(config),
            &base.metadata(),
            DEFAULT_BUDGET_ROWS,
        )
    }))
}

/// Writes the stream of changes; the first failure stays in place of the writer.
fn write_changes(
    stream: StreamVec<'_, Time, (FieldRecord, Time, isize)>,
    writer: Result<ChangeWriter>,
) -> Changes {
    let changes: Changes = Rc::new(RefCell::new(Some(writer)));
    let sink = changes.clone();
    stream.unary::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Pipeline,
        "WriteChanges",
        move |_, _| {
            move |input, _| {
                input.for_each(|_, batch| {
                    let mut sink = sink.borrow_mut();
                    for (record, time, diff) in batch.drain(..) {
                        let Some(Ok(writer)) = &mut *sink else { return };
                        if let Err(error) = writer.push(change_of(&record, time, diff)) {
                            *sink = Some(Err(error));
                        }
                    }
                });
            }
        },
    );
    changes
}

fn change_of(record: &FieldRecord, time: Time, diff: isize) -> Change {
    Change {
        brick: record.brick,
        local: record.local,
        time,
        diff: diff as i32,
        ticks: record.ticks,
        source: record.label,
        next: record.next,
    }
}

/// Solves, then follows the updates to their end or to the first bad row.
fn feed(
    worker: &mut Worker,
    shared: &FieldShared,
    input: &mut EpochInput,
    engine: &SharedEngine,
) -> Fed {
    let (config, base) = (&shared.config, &shared.base);
    let mut fed = Fed::default();
    let sources = (shared.sources.iter().enumerate()).map(|(label, &cell)| {
        let label = label as u32;
        (u64::from(label), Edit::AddSource { cell, label })
    });
    let mut bar = Progress::bricks("solving", base.shows());
    let begun = Instant::now();
    let solved = input.epoch_with(worker, config.run.start, sources, || {
        let engine = engine.borrow();
        bar.show(engine.touched_count() as u64, engine.brick_count() as u64);
    });
    fed.solve = begun.elapsed();
    drop(bar);
    solved.expect("the sources have been checked against the map");
    let mut next_label = shared.sources.len() as u32;
    base.follow_updates(&mut fed, Allow::Sources, |epoch| {
        let edits = edits_of(&epoch.updates, &mut next_label);
        let done = input.epoch(worker, epoch.time, edits);
        done.map_err(|fault| fault_error(base, fault, &epoch.updates))
    });
    fed
}

fn edits_of(updates: &[Update], next_label: &mut u32) -> Vec<(u64, Edit)> {
    let edit = |update: &Update| {
        let edit = match update.kind {
            UpdateKind::Cost { cell, cost } => Edit::Cost { cell, cost },
            UpdateKind::Voxel { cell, cost } => Edit::Voxel { cell, cost },
            UpdateKind::SourceAdd { cell } => {
                *next_label += 1;
                let label = *next_label - 1;
                Edit::AddSource { cell, label }
            }
            UpdateKind::SourceRemove { cell } => Edit::RemoveSource { cell },
            UpdateKind::QueryAdd { .. } | UpdateKind::QueryRemove { .. } => {
                unreachable!("the reader refuses queries here")
            }
        };
        (update.row, edit)
    };
    updates.iter().map(edit).collect()
}

fn fault_error(shared: &Shared, fault: Fault, updates: &[Update]) -> Error {
    let cell = updates
        .iter()
        .find(|u| u.row == fault.row)
        .and_then(|u| match u.kind {
            UpdateKind::SourceAdd { cell } => Some(cell),
            _ => None,
        });
    let place = cell.map_or_else(String::new, |cell| place(&shared.frame, cell));
    let file = shared.updates_name();
    Error::input(format!(
        "{file} row {}: source+ names {place}, which is blocked or not in the map after its epoch; a source needs an open cell",
        fault.row
    ))
}

/// Writes this worker's part of the results.
fn write(
    worker: &Worker,
    shared: &FieldShared,
    engine: &SharedEngine,
    changes: Option<Changes>,
) -> FieldReport {
    let mut engine = engine.borrow_mut();
    let mut report = FieldReport {
        reached: engine.reached(),
        overflow: engine.overflow().map(|cell| cell.to_string()),
        ..FieldReport::default()
    };
    report.base.peak_rss_bytes = peak_rss_bytes();
    if report.overflow.is_some() {
        return report;
    }
    let written = write_field(worker.index(), shared, &mut engine, &mut report)
        .and_then(|()| finish_changes(changes, &mut report));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_field(
    worker: usize,
    shared: &FieldShared,
    engine: &mut Engine,
    report: &mut FieldReport,
) -> Result<()> {
    let config = &shared.config;
    let base = &shared.base;
    let path = base.part_path(worker, "field")?;
    let mut file = FieldWriter::create(&path, &base.frame, columns(config), &base.metadata())?;
    let mut samples = shared.picture.as_ref().map(|plan| (plan, plan.blank()));
    let mut bar = Progress::bricks("writing", worker == 0 && base.shows());
    let slots = engine.slots_by_id();
    for (done, &slot) in slots.iter().enumerate() {
        let next = config.next.then(|| engine.next_hops(slot));
        let (id, costs, ticks) = engine.brick(slot);
        file.write_brick(id, ticks, engine.labels(slot), next.as_ref())?;
        if let Some((plan, samples)) = &mut samples {
            plan.paint(samples, id, costs, ticks);
        }
        if done % 256 == 0 {
            bar.show(done as u64, slots.len() as u64);
        }
    }
    report.base.note_files("field", file.finish()?);
    report.base.samples = samples.map(|(_, samples)| samples.into_words());
    Ok(())
}

fn finish_changes(changes: Option<Changes>, report: &mut FieldReport) -> Result<()> {
    if let Some(writer) = changes.and_then(|changes| changes.borrow_mut().take()) {
        report.base.note_files("field_changes", writer?.finish()?);
    }
    Ok(())
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &FieldShared,
    reports: &[FieldReport],
    fed: &Fed,
    write: Duration,
) -> Result<Summary> {
    if let Some(cell) = reports.iter().find_map(|r| r.overflow.as_ref()) {
        return Err(Error::input(format!(
            "the distance of cell {cell} would pass 2147483646 ticks (688,296 cell sizes at cost 1): lower the costs or add sources"
        )));
    }
    let base_reports: Vec<Report> = reports.iter().map(|r| r.base.clone()).collect();
    let summary = Summary {
        reached: reports.iter().map(|r| r.reached).sum(),
        ..shared.base.summarise(fed, write, &base_reports)
    };
    let picture = draw(shared, &base_reports)?;
    shared.base.publish(&base_reports, &summary, picture)?;
    Ok(summary)
}

fn draw(shared: &FieldShared, reports: &[Report]) -> Result<Option<Vec<u8>>> {
    let Some(plan) = &shared.picture else {
        return Ok(None);
    };
    let mut samples = plan.blank();
    for words in reports.iter().filter_map(|r| r.samples.clone()) {
        let painted = plan.samples(words).expect("all workers share the plan");
        samples.merge(&painted);
    }
    let title = format!("Distance field of {}", shared.base.map_name());
    plan.render(&samples, &shared.sources, &title).map(Some)
}
