//! The run of `octaflow field`: solve, follow updates, write.

use super::drawing::agree_on_span;
use super::field::FieldConfig;
use super::field_feed::Feed;
use super::follow::Fed;
use super::growing::GrowingTable;
use super::keep::{CellFile, Draft, Keeper, Order, Saved};
use super::progress::Progress;
use super::resume::{BrickField, read_field};
use super::run::{
    Outcome, Report, Shared, Verdict, conclude, cost, error_of, parts_of, peak_rss_bytes, place,
};
use super::start::Start;
use super::summary::Summary;
use crate::brick::{BrickId, CellMap, LOCAL_BY_INDEX};
use crate::dataflows::Time;
use crate::dataflows::field::{FieldRecord, SharedEngine, field};
use crate::dataflows::gather::{broadcast, gather};
use crate::engine::shell::Rows;
use crate::engine::{Engine, EngineOptions, NO_LABEL};
use crate::lake::checkpoint::{Manifest, SavedCell};
use crate::lake::container::{FieldType, FieldValues};
use crate::lake::{Change, ChangeWriter, DEFAULT_BUDGET_ROWS, FieldColumns, FieldWriter, Part};
use crate::lattice::{Cell, Index64};
use crate::map::Allow;
use crate::picture::{PicturePlan, Span};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;
use timely::worker::Worker;

/// What the workers of a process share.
pub(super) struct FieldShared {
    pub base: Shared,
    pub config: FieldConfig,
    pub sources: Vec<Cell>,
    /// What each worker of this process goes on from, until it takes it.
    pub fields: Vec<Mutex<Vec<BrickField>>>,
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct FieldReport {
    base: Report,
    reached: u64,
    /// The sources that the picture marks.
    marked: Vec<Cell>,
}

type ChangeTable = GrowingTable<ChangeWriter>;

type Changes = Rc<RefCell<Option<ChangeTable>>>;

/// Runs `octaflow field`.
pub(super) fn run(config: FieldConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |start: Start| {
        let look = |map: &CellMap, resumed: Option<&Manifest>| {
            place_sources(&config, map, resumed.is_some())
        };
        let (base, sources) = Shared::load(&config.run, start, Allow::Sources, look)?;
        let fields = read_fields(&config, &base)?;
        Ok(FieldShared {
            base,
            config,
            sources,
            fields,
        })
    };
    super::run::run(&run_config, args, prepare, work)
}

/// What the workers of this process go on from.
fn read_fields(config: &FieldConfig, base: &Shared) -> Result<Vec<Mutex<Vec<BrickField>>>> {
    let cluster = &config.run.cluster;
    let mut fields: Vec<Vec<BrickField>> = (0..cluster.workers).map(|_| Vec::new()).collect();
    if let (Some(manifest), Some(checkpoint)) = (&base.resumed, &config.run.checkpoint) {
        let mine = |brick| base.plan.owner(brick) / cluster.workers == cluster.process;
        let labels = config.label_sources;
        for field in read_field(&checkpoint.folder, manifest, labels, mine)? {
            fields[base.plan.owner(field.0) % cluster.workers].push(field);
        }
    }
    Ok(fields.into_iter().map(Mutex::new).collect())
}

/// The sources' cells, each of which must be an open cell of the map when the run begins.
fn place_sources(config: &FieldConfig, map: &CellMap, resumed: bool) -> Result<Vec<Cell>> {
    let mut cells = Vec::with_capacity(config.sources.len());
    for (position, name) in &config.sources {
        let cell = map
            .frame
            .snap(*position)
            .map_err(|e| Error::input(format!("{name}: {e}")))?;
        if !resumed && cost(map, cell) == 0 {
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
    let save = saver(shared, &engine, sink.clone());
    let mut keeper = Keeper::new(worker, &shared.base, save);
    // All engines are loaded when the clock starts.
    broadcast(worker, || ());
    let mut fed = Fed::default();
    if worker.index() == 0 {
        let (input, keeper) = (&mut input, &mut keeper);
        let next_label = match &shared.base.resumed {
            Some(manifest) => manifest.next_label,
            None => shared.sources.len() as u32,
        };
        let feed = Feed {
            worker,
            shared,
            input,
            keeper,
            next_label,
        };
        fed = feed.run(&engine);
        input.close();
    }
    keeper.close();
    input.follow(worker);
    let stop: Verdict = broadcast(worker, || fed.stop.as_ref().map(parts_of));
    if let Some(stop) = stop {
        return Outcome::Failed(error_of(stop));
    }
    let begun = Instant::now();
    let picture = plan_picture(worker, shared, &engine);
    let report = write(worker, shared, &engine, sink, picture.as_ref());
    let reports = gather(worker, report);
    conclude(worker, fed.late.as_ref(), || {
        publish(shared, &reports, &fed, picture.as_ref(), begun.elapsed())
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
    if let Some(manifest) = &shared.base.resumed {
        restore(worker, shared, &mut engine, manifest);
    }
    Rc::new(RefCell::new(engine))
}

/// Puts the field that the run goes on from into the engine.
fn restore(worker: &Worker, shared: &FieldShared, engine: &mut Engine, manifest: &Manifest) {
    let place = worker.index() % shared.config.run.cluster.workers;
    let fields = std::mem::take(&mut *shared.fields[place].lock().expect("no worker panics here"));
    engine.begin_restoring();
    for (brick, ticks, labels) in fields {
        engine.restore(brick, &ticks, labels.as_deref());
    }
    for &(cell, label) in &manifest.sources {
        let key = Index64::try_from(cell)
            .ok()
            .and_then(|id| BrickId::locate(id.cell()));
        if let Some((brick, local)) = key
            && shared.base.plan.owner(brick) == worker.index()
        {
            engine.add_source(brick, local, label);
        }
    }
}

/// Of a brick of which no more rows have changed, their cells are saved one by one.
const MOST_ROWS_AS_CELLS: u32 = 48;

/// Saves the cells of some rows of a brick.
fn save_cells(engine: &Engine, slot: u32, rows: Rows, cells: &mut CellFile) -> Result<()> {
    let (id, costs, ticks) = engine.brick(slot);
    let labels = engine.labels(slot);
    for local in LOCAL_BY_INDEX
        .into_iter()
        .filter(|&local| rows.holds(local))
    {
        let at = local.index();
        cells.push(&SavedCell {
            cell: id.cell(local),
            cost: costs[at],
            ticks: ticks[at],
            label: labels.map_or(NO_LABEL, |labels| labels[at]),
        })?;
    }
    Ok(())
}

/// What saves this worker's part of the field.
fn saver(
    shared: &FieldShared,
    engine: &SharedEngine,
    changes: Option<Changes>,
) -> impl FnMut(&Draft, Order) -> Result<Saved> + use<> {
    let engine = engine.clone();
    let labels = shared.config.label_sources;
    move |draft, order| {
        let mut engine = engine.borrow_mut();
        let changed = engine.take_unsaved();
        let slots = match order.full {
            true => engine
                .slots_by_id()
                .into_iter()
                .map(|slot| (slot, Rows::ALL))
                .collect(),
            false => changed,
        };
        let mut fields = vec![("distance", FieldType::U32)];
        fields.extend(labels.then_some(("source", FieldType::U32)));
        let mut bricks = draft.bricks(order, &fields);
        let mut cells = draft.cells(order);
        for (slot, rows) in slots {
            if rows.count() <= MOST_ROWS_AS_CELLS {
                save_cells(&engine, slot, rows, &mut cells)?;
                continue;
            }
            let (id, costs, ticks) = engine.brick(slot);
            let mut values = vec![FieldValues::U32(ticks)];
            values.extend(engine.labels(slot).map(|labels| FieldValues::U32(labels)));
            bricks.push(id, costs, &values)?;
        }
        let (segments, cells) = (bricks.finish()?, cells.finish()?);
        let sources = engine.sources().filter_map(|(cell, label)| {
            let id = Index64::of_cell(cell).ok()?;
            Some((id.into(), label))
        });
        let saved = Saved::bricks(engine.brick_count() as u64, segments);
        let saved = saved.with_cells(cells).with_sources(sources.collect());
        let changes = changes.as_ref().map(|changes| {
            let mut table = changes.borrow_mut();
            table
                .as_mut()
                .map_or(Ok(Vec::new()), |table| table.save(order))
        });
        Ok(saved.with_changes(changes.transpose()?.unwrap_or_default()))
    }
}

fn columns(config: &FieldConfig) -> FieldColumns {
    FieldColumns {
        source: config.label_sources,
        next: config.next,
    }
}

/// This worker's part of the table of changes, if there are updates.
fn open_changes(worker: &Worker, shared: &FieldShared) -> Option<ChangeTable> {
    let (config, base) = (&shared.config, &shared.base);
    config.run.updates.as_ref()?;
    let (frame, columns, settings) = (base.frame, columns(config), base.metadata());
    let open = move |part: &Part| {
        ChangeWriter::create(part, &frame, columns, &settings, DEFAULT_BUDGET_ROWS)
    };
    let finish = ChangeWriter::finish;
    Some(GrowingTable::new(
        base,
        worker.index(),
        "field_changes",
        open,
        finish,
    ))
}

/// Writes the stream of changes.
fn write_changes(
    stream: StreamVec<'_, Time, (FieldRecord, Time, isize)>,
    table: ChangeTable,
) -> Changes {
    let changes: Changes = Rc::new(RefCell::new(Some(table)));
    let sink = changes.clone();
    stream.unary::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Pipeline,
        "WriteChanges",
        move |_, _| {
            move |input, _| {
                input.for_each(|_, batch| {
                    let mut sink = sink.borrow_mut();
                    for (record, time, diff) in batch.drain(..) {
                        let Some(table) = &mut *sink else { return };
                        table.write(|writer| writer.push(change_of(&record, time, diff)));
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

/// What the picture shows, if one is asked for: the map as it stands at the end, through the source of the least index.
fn plan_picture(
    worker: &mut Worker,
    shared: &FieldShared,
    engine: &SharedEngine,
) -> Option<PicturePlan> {
    shared.config.run.picture.as_ref()?;
    // While workers agree, operators may have the engine.
    let (span, first) = {
        let (engine, mut span) = (engine.borrow(), Span::NONE);
        for slot in engine.slots_by_id() {
            let (id, costs, _) = engine.brick(slot);
            span.add(id, costs);
        }
        let sources = engine.sources().map(|(cell, label)| (label, cell));
        (span, sources.min())
    };
    let span = agree_on_span(worker, span);
    let firsts = gather(worker, first);
    let first = broadcast(worker, || firsts.into_iter().flatten().min());
    let through = first.map_or_else(|| span.centre(), |(_, cell)| cell);
    Some(PicturePlan::new(span, shared.base.frame, through))
}

/// Writes this worker's part of the results.
fn write(
    worker: &Worker,
    shared: &FieldShared,
    engine: &SharedEngine,
    changes: Option<Changes>,
    picture: Option<&PicturePlan>,
) -> FieldReport {
    let mut engine = engine.borrow_mut();
    let mut report = FieldReport {
        reached: engine.reached(),
        ..FieldReport::default()
    };
    if let Some(plan) = picture {
        let cells = engine.sources().map(|(cell, _)| cell);
        report.marked = cells.filter(|&cell| plan.marks(cell)).collect();
    }
    let written = write_field(worker.index(), shared, &mut engine, &mut report, picture)
        .and_then(|()| finish_changes(&shared.base, changes, &mut report.base));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_field(
    worker: usize,
    shared: &FieldShared,
    engine: &mut Engine,
    report: &mut FieldReport,
    picture: Option<&PicturePlan>,
) -> Result<()> {
    let config = &shared.config;
    let base = &shared.base;
    let path = base.part_path(worker, "field")?;
    let mut file = FieldWriter::create(&path, &base.frame, columns(config), &base.metadata())?;
    let mut samples = picture.map(|plan| (plan, plan.blank()));
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

fn finish_changes(base: &Shared, changes: Option<Changes>, report: &mut Report) -> Result<()> {
    let table = changes.and_then(|changes| changes.borrow_mut().take());
    table.map_or(Ok(()), |table| table.finish(base, report))
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &FieldShared,
    reports: &[FieldReport],
    fed: &Fed,
    picture: Option<&PicturePlan>,
    write: Duration,
) -> Result<Summary> {
    let base_reports: Vec<Report> = reports.iter().map(|r| r.base.clone()).collect();
    let summary = Summary {
        reached: reports.iter().map(|r| r.reached).sum(),
        ..shared.base.summarise(fed, write, &base_reports)
    };
    let picture = picture
        .map(|plan| draw(plan, shared, reports))
        .transpose()?;
    shared.base.publish(&base_reports, &summary, picture)?;
    Ok(summary)
}

fn draw(plan: &PicturePlan, shared: &FieldShared, reports: &[FieldReport]) -> Result<Vec<u8>> {
    let mut samples = plan.blank();
    for words in reports.iter().filter_map(|r| r.base.samples.clone()) {
        let painted = plan.samples(words).expect("all workers share the plan");
        samples.merge(&painted);
    }
    let title = format!("Distance field of {}", shared.base.map_name());
    let mut sources: Vec<Cell> = reports.iter().flat_map(|r| r.marked.clone()).collect();
    sources.sort_unstable();
    plan.render(&samples, &sources, &title)
}
