//! What each worker of `octaflow field` does.

use super::field::FieldConfig;
use super::field_run::{Measured, metadata, place, summarise};
use super::progress::Progress;
use super::summary::{MapSummary, Summary};
use crate::brick::{BrickId, Costs};
use crate::dataflows::Time;
use crate::dataflows::edits::{Edit, Fault};
use crate::dataflows::epochs::EpochInput;
use crate::dataflows::field::{FieldRecord, SharedEngine, field};
use crate::dataflows::gather::{broadcast, gather};
use crate::engine::{Engine, EngineOptions};
use crate::lake::{
    Change, ChangeWriter, DEFAULT_BUDGET_ROWS, FieldColumns, FieldWriter, Stage, Written, part_name,
};
use crate::lattice::{Cell, Frame};
use crate::map::{Allow, Update, UpdateKind, UpdateReader};
use crate::partition::Plan;
use crate::picture::PicturePlan;
use crate::{Error, Result};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;
use timely::worker::Worker;

/// Bricks on their way to a worker.
pub(super) type Bricks = Vec<(BrickId, Box<Costs>)>;

/// What the workers of a process share.
pub(super) struct Shared {
    pub config: FieldConfig,
    pub frame: Frame,
    pub sources: Vec<Cell>,
    /// The bricks of each worker of this process, until it takes them.
    pub parts: Vec<Mutex<Bricks>>,
    /// Every brick of the map.
    pub exists: FxHashSet<BrickId>,
    pub plan: Arc<Plan>,
    pub updates: Mutex<Option<UpdateReader>>,
    pub stage: Mutex<Option<Stage>>,
    pub picture: Option<PicturePlan>,
    pub summary: MapSummary,
    pub load: Duration,
}

/// How a worker's run ended.
pub(super) enum Outcome {
    /// The results are published; worker 0 has the summary.
    Published(Option<Summary>),
    /// The run failed, on every worker with the same error.
    Failed(Error),
}

/// How the run goes on, as worker 0 tells the others: an exit status and a message, if it does not.
type Verdict = Option<(u8, String)>;

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Report {
    reached: u64,
    files: Vec<(String, u64)>,
    peak_rss_bytes: u64,
    /// A cell whose distance would be too great.
    overflow: Option<String>,
    failure: Verdict,
    /// What the worker painted of the picture.
    samples: Option<Vec<u32>>,
}

type Changes = Rc<RefCell<Option<Result<ChangeWriter>>>>;

pub(super) fn run(worker: &mut Worker, shared: &Shared) -> Outcome {
    let engine = load(worker, shared);
    let changes = open_changes(worker, shared);
    let (mut input, sink) = worker.dataflow::<Time, _, _>(|scope| {
        let (input, stream) = field(scope, &engine, &shared.plan);
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
    let mut summary = None;
    let verdict: Verdict = {
        let measured = Measured {
            solve: fed.solve.as_secs_f64(),
            epochs: std::mem::take(&mut fed.epochs),
            write: begun.elapsed().as_secs_f64(),
        };
        broadcast(worker, || match publish(shared, reports, measured) {
            Ok(published) => {
                summary = Some(published);
                fed.late.as_ref().map(parts_of)
            }
            Err(error) => Some(parts_of(&error)),
        })
    };
    match verdict {
        None => Outcome::Published(summary),
        Some(failure) => Outcome::Failed(error_of(failure)),
    }
}

fn parts_of(error: &Error) -> (u8, String) {
    (error.exit_status(), error.to_string())
}

fn error_of((status, message): (u8, String)) -> Error {
    match status {
        1 => Error::machine(message),
        3 => Error::peer(message),
        _ => Error::input(message),
    }
}

fn load(worker: &Worker, shared: &Shared) -> SharedEngine {
    let config = &shared.config;
    let options = EngineOptions {
        labels: config.label_sources,
        changes: config.updates.is_some(),
        next: config.next,
    };
    let mut engine = Engine::new(worker.index(), shared.plan.clone(), options);
    let part = &shared.parts[worker.index() % config.cluster.workers];
    let bricks = std::mem::take(&mut *part.lock().expect("no worker panics here"));
    engine.load(bricks, |brick| shared.exists.contains(&brick));
    Rc::new(RefCell::new(engine))
}

fn columns(config: &FieldConfig) -> FieldColumns {
    FieldColumns {
        source: config.label_sources,
        next: config.next,
    }
}

fn part_path(worker: usize, shared: &Shared, folder: &str) -> Result<std::path::PathBuf> {
    let stage = shared.stage.lock().expect("no worker panics here");
    let stage = stage
        .as_ref()
        .expect("the stage is open until it is published");
    Ok(stage.folder(folder)?.join(part_name(worker)))
}

/// The writer of this worker's changes, if there are updates.
fn open_changes(worker: &Worker, shared: &Shared) -> Option<Result<ChangeWriter>> {
    let config = &shared.config;
    config.updates.as_ref()?;
    Some(
        part_path(worker.index(), shared, "field_changes").and_then(|path| {
            let settings = metadata(&config.settings);
            ChangeWriter::create(
                &path,
                &shared.frame,
                columns(config),
                &settings,
                DEFAULT_BUDGET_ROWS,
            )
        }),
    )
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

/// What worker 0 knows after the last epoch.
#[derive(Default)]
struct Fed {
    solve: Duration,
    epochs: Vec<Duration>,
    /// Why nothing is published.
    stop: Option<Error>,
    /// Why the run fails though the epochs before are published: a bad row on standard input.
    late: Option<Error>,
}

/// Solves, then follows the updates to their end or to the first bad row.
fn feed(
    worker: &mut Worker,
    shared: &Shared,
    input: &mut EpochInput,
    engine: &SharedEngine,
) -> Fed {
    let config = &shared.config;
    let mut fed = Fed::default();
    let shows = !config.quiet && config.cluster.process == 0;
    let sources = (shared.sources.iter().enumerate()).map(|(label, &cell)| {
        let label = label as u32;
        (u64::from(label), Edit::AddSource { cell, label })
    });
    let mut bar = Progress::bricks("solving", shows);
    let begun = Instant::now();
    let solved = input.epoch_with(worker, config.start, sources, || {
        let engine = engine.borrow();
        bar.show(engine.touched_count() as u64, engine.brick_count() as u64);
    });
    fed.solve = begun.elapsed();
    drop(bar);
    solved.expect("the sources have been checked against the map");
    let updates = match open_updates(shared) {
        Ok(Some(updates)) => updates,
        Ok(None) => return fed,
        Err(error) => {
            fed.stop = Some(error);
            return fed;
        }
    };
    let mut next_label = shared.sources.len() as u32;
    let mut bar = Progress::epochs("updating", shows);
    for epoch in updates {
        let failure = match epoch {
            Ok(epoch) => {
                let begun = Instant::now();
                let edits = edits_of(&epoch.updates, &mut next_label);
                let done = input.epoch(worker, epoch.time, edits);
                fed.epochs.push(begun.elapsed());
                bar.show(fed.epochs.len() as u64, 0);
                match done {
                    Ok(()) => continue,
                    Err(fault) => {
                        fed.epochs.pop();
                        fault_error(shared, fault, &epoch.updates)
                    }
                }
            }
            Err(error) => error,
        };
        if config.updates.as_deref() == Some(Path::new("-")) {
            fed.late = Some(failure);
        } else {
            fed.stop = Some(failure);
        }
        break;
    }
    fed
}

/// The table of updates, if there is one.
fn open_updates(shared: &Shared) -> Result<Option<UpdateReader>> {
    let config = &shared.config;
    match &config.updates {
        Some(path) if path.as_os_str() == "-" => {
            UpdateReader::open(path, &shared.frame, config.start, Allow::Sources).map(Some)
        }
        _ => Ok(shared.updates.lock().expect("no worker panics here").take()),
    }
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
    let path = shared.config.updates.as_deref().unwrap_or(Path::new("-"));
    let file = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    };
    Error::input(format!(
        "{file} row {}: source+ names {place}, which is blocked or not in the map after its epoch; a source needs an open cell",
        fault.row
    ))
}

/// Writes this worker's part of the results.
fn write(
    worker: &Worker,
    shared: &Shared,
    engine: &SharedEngine,
    changes: Option<Changes>,
) -> Report {
    let mut engine = engine.borrow_mut();
    let mut report = Report {
        reached: engine.reached(),
        peak_rss_bytes: peak_rss_bytes(),
        overflow: engine.overflow().map(|cell| cell.to_string()),
        ..Report::default()
    };
    if report.overflow.is_some() {
        return report;
    }
    let written = write_field(worker.index(), shared, &mut engine, &mut report)
        .and_then(|()| finish_changes(worker.index(), changes, &mut report));
    report.failure = written.err().as_ref().map(parts_of);
    report.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_field(
    worker: usize,
    shared: &Shared,
    engine: &mut Engine,
    report: &mut Report,
) -> Result<()> {
    let config = &shared.config;
    let settings = metadata(&config.settings);
    let path = part_path(worker, shared, "field")?;
    let mut file = FieldWriter::create(&path, &shared.frame, columns(config), &settings)?;
    let mut samples = shared.picture.as_ref().map(|plan| (plan, plan.blank()));
    let mut bar = Progress::bricks("writing", worker == 0 && !config.quiet);
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
    note_file(report, "field", worker, file.finish()?);
    report.samples = samples.map(|(_, samples)| samples.into_words());
    Ok(())
}

fn finish_changes(worker: usize, changes: Option<Changes>, report: &mut Report) -> Result<()> {
    if let Some(writer) = changes.and_then(|changes| changes.borrow_mut().take()) {
        note_file(report, "field_changes", worker, writer?.finish()?);
    }
    Ok(())
}

fn note_file(report: &mut Report, folder: &str, worker: usize, written: Written) {
    if written.bytes > 0 {
        let name = format!("{folder}/{}", part_name(worker));
        report.files.push((name, written.bytes));
    }
}

/// Publishes the results of all workers, on worker 0.
fn publish(shared: &Shared, reports: Vec<Report>, measured: Measured) -> Result<Summary> {
    if let Some(cell) = reports.iter().find_map(|r| r.overflow.as_ref()) {
        return Err(Error::input(format!(
            "the distance of cell {cell} would pass 2147483646 ticks (688,296 cell sizes at cost 1): lower the costs or add sources"
        )));
    }
    if let Some(failure) = reports.iter().find_map(|r| r.failure.clone()) {
        return Err(error_of(failure));
    }
    let stage = shared.stage.lock().expect("no worker panics here").take();
    let stage = stage.expect("published once");
    let files: Vec<(String, u64)> = reports.iter().flat_map(|r| r.files.clone()).collect();
    stage.verify(&files)?;
    let reached = reports.iter().map(|r| r.reached).sum();
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let rss = reports.iter().map(|r| r.peak_rss_bytes).max().unwrap_or(0);
    let picture = draw(shared, &reports)?;
    let summary = summarise(shared, measured, reached, bytes, rss);
    stage.publish(&summary.to_json())?;
    if let (Some(path), Some(png)) = (&shared.config.picture, picture) {
        write_whole(path, &png)?;
    }
    Ok(summary)
}

fn draw(shared: &Shared, reports: &[Report]) -> Result<Option<Vec<u8>>> {
    let Some(plan) = &shared.picture else {
        return Ok(None);
    };
    let mut samples = plan.blank();
    for words in reports.iter().filter_map(|r| r.samples.clone()) {
        let painted = plan.samples(words).expect("all workers share the plan");
        samples.merge(&painted);
    }
    let map = shared.config.map.path.file_name().unwrap_or_default();
    let title = format!("Distance field of {}", map.to_string_lossy());
    plan.render(&samples, &shared.sources, &title).map(Some)
}

/// Writes a file that appears whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(name);
    std::fs::write(&draft, bytes)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|e| {
            let _ = std::fs::remove_file(&draft);
            super::refused(
                &format!("--picture {} could not be written", path.display()),
                &e,
            )
        })
}

/// The most memory that this process ever had resident, in bytes; 0 where the machine does not tell.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
