//! The run of `octaflow route`: answer, follow updates, write.

use super::progress::Progress;
use super::route::RouteConfig;
use super::run::{
    Fed, Outcome, Report, Shared, Verdict, conclude, error_of, parts_of, peak_rss_bytes,
};
use super::summary::{Percentiles, QueryCounts, Summary};
use crate::dataflows::Time;
use crate::dataflows::edits::Edit;
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::route::{QueryEdit, RouteInput, SharedRouter, route};
use crate::lake::{RouteCellWriter, RouteChange, RouteChangeWriter, RouteRow, RouteWriter};
use crate::lattice::{Cell, Frame};
use crate::map::{Allow, Update, UpdateKind, read_queries};
use crate::picture::{DrawnRoute, RoutePlan};
use crate::search::{Answer, CellKey, RouteRecord, RouteStatus, Router, RouterOptions};
use crate::{Error, Result};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::{Duration, Instant};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Operator;
use timely::worker::Worker;

/// A query: its id, its start and its goal.
type Query = (i64, CellKey, CellKey);

/// What the workers of a process share.
struct RouteShared {
    base: Shared,
    config: RouteConfig,
    queries: Vec<Query>,
    picture: Option<RoutePlan>,
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct RouteReport {
    base: Report,
    queries: [u64; 3],
    micros: Vec<u64>,
    /// A query whose route would cost too much.
    overflow: Option<i64>,
    /// The routes to be drawn: the query and its cells.
    drawn: Vec<(i64, Vec<Cell>)>,
}

/// What is to be written of an epoch's changes.
type Changes = Rc<RefCell<Option<Result<RouteChangeWriter>>>>;

/// Runs `octaflow route`.
pub(super) fn run(config: RouteConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |connected: &_| {
        let look = |map: &crate::brick::CellMap| place_queries(&config, &map.frame);
        let (base, queries) = Shared::load(&config.run, connected, Allow::Queries, look)?;
        let (low, high) = base.extent;
        let plan = || RoutePlan::new(low, high, base.frame);
        let picture = config.run.picture.as_ref().map(|_| plan());
        Ok(RouteShared {
            base,
            config,
            queries,
            picture,
        })
    };
    super::run::run(&run_config, args, prepare, work)
}

/// The queries of the flags, whose ids are their places, and of the table.
fn place_queries(config: &RouteConfig, frame: &Frame) -> Result<Vec<Query>> {
    let mut queries: Vec<Query> = Vec::new();
    for (id, (start, goal, name)) in (0..).zip(&config.flags) {
        let key = |position: &[f64; 3]| {
            let cell = frame.snap(*position);
            cell.map(key_of)
                .map_err(|e| Error::input(format!("{name}: {e}")))
        };
        queries.push((id, key(start)?, key(goal)?));
    }
    if let Some(path) = &config.queries {
        for query in read_queries(path, frame)? {
            if (0..config.flags.len() as i64).contains(&query.id) {
                return Err(Error::input(format!(
                    "{}: query {} is the id of a --query flag too, whose ids count from 0; ids should differ",
                    path.display(),
                    query.id
                )));
            }
            queries.push((query.id, key_of(query.start), key_of(query.goal)));
        }
    }
    Ok(queries)
}

fn key_of(cell: Cell) -> CellKey {
    CellKey::of(cell).expect("readers keep cells in range")
}

fn work(worker: &mut Worker, shared: &RouteShared) -> Outcome {
    let router = load(worker, shared);
    let changes = open_changes(worker, shared);
    let (mut input, sink) = worker.dataflow::<Time, _, _>(|scope| {
        let (input, stream) = route(scope, &router, &shared.base.plan);
        let sink = changes.map(|writer| write_changes(stream, writer, shared.base.frame));
        (input, sink)
    });
    // All routers are loaded when the clock starts.
    broadcast(worker, || ());
    let mut fed = Fed::default();
    if worker.index() == 0 {
        fed = feed(worker, shared, &mut input, &router);
        input.close();
    }
    input.follow(worker);
    let stop: Verdict = broadcast(worker, || fed.stop.as_ref().map(parts_of));
    if let Some(stop) = stop {
        return Outcome::Failed(error_of(stop));
    }
    let begun = Instant::now();
    let report = write(worker, shared, &router.borrow(), sink);
    let reports = gather(worker, report);
    conclude(worker, fed.late.as_ref(), || {
        publish(shared, &reports, &fed, begun.elapsed())
    })
}

fn load(worker: &Worker, shared: &RouteShared) -> SharedRouter {
    let options = RouterOptions {
        mode: shared.config.mode,
        smooth: shared.config.smooth,
        updates: shared.config.run.updates.is_some(),
    };
    let mut router = Router::new(options, shared.base.exists.clone());
    router.load(shared.base.take_part(worker));
    Rc::new(RefCell::new(router))
}

/// The writer of this worker's changes, if there are updates.
fn open_changes(worker: &Worker, shared: &RouteShared) -> Option<Result<RouteChangeWriter>> {
    let (config, base) = (&shared.config, &shared.base);
    config.run.updates.as_ref()?;
    let path = base.part_path(worker.index(), "routes_changes");
    Some(path.and_then(|path| {
        RouteChangeWriter::create(&path, &base.frame, config.smooth, &base.metadata())
    }))
}

/// Writes the stream of changes, each epoch's in the order of queries; the first failure stays in place of the writer.
fn write_changes(
    stream: StreamVec<'_, Time, (RouteRecord, Time, isize)>,
    writer: Result<RouteChangeWriter>,
    frame: Frame,
) -> Changes {
    let changes: Changes = Rc::new(RefCell::new(Some(writer)));
    let sink = changes.clone();
    let mut epochs: BTreeMap<Time, Vec<(RouteRecord, isize)>> = BTreeMap::new();
    stream.unary_frontier::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Pipeline,
        "WriteChanges",
        move |_, _| {
            move |(input, frontier), _| {
                input.for_each(|_, batch| {
                    for (record, time, diff) in batch.drain(..) {
                        epochs.entry(time).or_default().push((record, diff));
                    }
                });
                while let Some(first) = epochs.first_entry()
                    && !frontier.less_equal(first.key())
                {
                    let (time, mut records) = first.remove_entry();
                    records.sort_unstable_by_key(|r| (r.0.query, r.1));
                    let mut sink = sink.borrow_mut();
                    for (record, diff) in records {
                        let Some(Ok(writer)) = &mut *sink else { return };
                        let row = row_of(&record, &frame, 0, 0);
                        let change = RouteChange::of(&row, time, diff as i32);
                        if let Err(error) = writer.push(change) {
                            *sink = Some(Err(error));
                        }
                    }
                }
            }
        },
    );
    changes
}

fn row_of(record: &RouteRecord, frame: &Frame, brick_visits: u64, micros: u64) -> RouteRow {
    RouteRow {
        query: record.query,
        status: record.status,
        cost_ticks: record.cost,
        lower_bound_ticks: record.lower_bound,
        smooth_length_m: record.smooth_units().map(|u| u * frame.cell_size_m() / 2.0),
        cells: record.cells as i32,
        brick_visits: brick_visits as i64,
        micros: micros as i64,
    }
}

/// Answers all queries, then follows the updates to their end or to the first bad row.
fn feed(
    worker: &mut Worker,
    shared: &RouteShared,
    input: &mut RouteInput,
    router: &SharedRouter,
) -> Fed {
    let (config, base) = (&shared.config, &shared.base);
    let mut fed = Fed::default();
    let queries = shared
        .queries
        .iter()
        .map(|&(query, start, goal)| QueryEdit::Add { query, start, goal });
    let mut bar = Progress::queries("routing", base.shows());
    let begun = Instant::now();
    let solved = input.epoch_with(worker, config.run.start, [], queries, || {
        let (done, of) = router.borrow().progress();
        bar.show(done as u64, of as u64);
    });
    fed.solve = begun.elapsed();
    drop(bar);
    solved.expect("routes have no sources");
    let mut standing: FxHashSet<i64> = shared.queries.iter().map(|q| q.0).collect();
    base.follow_updates(&mut fed, Allow::Queries, |epoch| {
        let (edits, queries) = edits_of(base, &epoch.updates, &mut standing)?;
        let done = input.epoch_with(worker, epoch.time, edits, queries, || ());
        done.expect("routes have no sources");
        Ok(())
    });
    fed
}

/// The edits of an epoch, with their rows, and its changes of queries.
type EpochRows = (Vec<(u64, Edit)>, Vec<QueryEdit>);

/// The edits and the changes of queries of an epoch; `standing` are the ids of the queries that stand.
fn edits_of(base: &Shared, updates: &[Update], standing: &mut FxHashSet<i64>) -> Result<EpochRows> {
    let (mut edits, mut queries) = (Vec::new(), Vec::new());
    let refuse = |row: u64, what: String| {
        Err(Error::input(format!(
            "{} row {row}: {what}",
            base.updates_name()
        )))
    };
    for update in updates {
        match update.kind {
            UpdateKind::Cost { cell, cost } => edits.push((update.row, Edit::Cost { cell, cost })),
            UpdateKind::Voxel { cell, cost } => {
                edits.push((update.row, Edit::Voxel { cell, cost }));
            }
            UpdateKind::QueryAdd { query, start, goal } => {
                if !standing.insert(query) {
                    let what = format!(
                        "query+ names query {query}, which stands already; take it away with query- first or give another id"
                    );
                    return refuse(update.row, what);
                }
                queries.push(QueryEdit::Add {
                    query,
                    start: key_of(start),
                    goal: key_of(goal),
                });
            }
            UpdateKind::QueryRemove { query } => {
                if !standing.remove(&query) {
                    let what = format!(
                        "query- names query {query}, which does not stand; it should be the id of a query that does"
                    );
                    return refuse(update.row, what);
                }
                queries.push(QueryEdit::Remove { query });
            }
            UpdateKind::SourceAdd { .. } | UpdateKind::SourceRemove { .. } => {
                unreachable!("the reader refuses sources here")
            }
        }
    }
    Ok((edits, queries))
}

/// Writes this worker's part of the results.
fn write(
    worker: &Worker,
    shared: &RouteShared,
    router: &Router,
    changes: Option<Changes>,
) -> RouteReport {
    let mut report = RouteReport {
        overflow: router.overflow(),
        ..RouteReport::default()
    };
    report.base.peak_rss_bytes = peak_rss_bytes();
    if report.overflow.is_some() {
        return report;
    }
    let written = write_routes(worker.index(), shared, router, &mut report)
        .and_then(|()| finish_changes(changes, &mut report));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_routes(
    worker: usize,
    shared: &RouteShared,
    router: &Router,
    report: &mut RouteReport,
) -> Result<()> {
    let (config, base) = (&shared.config, &shared.base);
    let settings = base.metadata();
    let path = base.part_path(worker, "routes")?;
    let mut routes = RouteWriter::create(&path, &base.frame, config.smooth, &settings)?;
    let path = base.part_path(worker, "route_cells")?;
    let mut cells = RouteCellWriter::create(&path, &base.frame, &settings)?;
    for (query, answer) in router.answers() {
        let record = answer.record(query);
        routes.push(&row_of(
            &record,
            &base.frame,
            answer.brick_visits,
            answer.micros,
        ))?;
        report.queries[match answer.status {
            RouteStatus::Found => 0,
            RouteStatus::Unreachable => 1,
            RouteStatus::Invalid => 2,
        }] += 1;
        report.micros.push(answer.micros);
        let Some(line) = line_of(answer) else {
            continue;
        };
        cells.write_route(query, &line)?;
        if shared.picture.is_some() {
            report
                .drawn
                .push((query, line.into_iter().map(|c| c.0).collect()));
        }
    }
    report.base.note_files("routes", routes.finish()?);
    report.base.note_files("route_cells", cells.finish()?);
    if let Some(plan) = &shared.picture {
        let mut samples = plan.blank();
        for (brick, costs) in router.own_bricks() {
            plan.paint(&mut samples, brick, costs);
        }
        report.base.samples = Some(samples.into_words());
    }
    Ok(())
}

/// The cells of a route and the ticks so far.
fn line_of(answer: &Answer) -> Option<Vec<(Cell, u32)>> {
    let route = answer.route.as_ref()?;
    Some(
        route
            .cells
            .iter()
            .map(|&(key, ticks)| (key.cell(), ticks))
            .collect(),
    )
}

fn finish_changes(changes: Option<Changes>, report: &mut RouteReport) -> Result<()> {
    if let Some(writer) = changes.and_then(|changes| changes.borrow_mut().take()) {
        report.base.note_files("routes_changes", writer?.finish()?);
    }
    Ok(())
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &RouteShared,
    reports: &[RouteReport],
    fed: &Fed,
    write: Duration,
) -> Result<Summary> {
    if let Some(query) = reports.iter().find_map(|r| r.overflow) {
        return Err(Error::input(format!(
            "the route of query {query} would cost more than 2147483646 ticks (688,296 cell sizes at cost 1): lower the costs or move its ends together"
        )));
    }
    let base: Vec<Report> = reports.iter().map(|r| r.base.clone()).collect();
    let [found, unreachable, invalid] =
        std::array::from_fn(|i| reports.iter().map(|r| r.queries[i]).sum());
    let micros = reports.iter().flat_map(|r| &r.micros);
    let micros = micros.map(|&m| Duration::from_micros(m)).collect();
    let summary = Summary {
        reached: found,
        queries: Some(QueryCounts {
            found,
            unreachable,
            invalid,
        }),
        query_micros: Some(Percentiles::of(micros)),
        ..shared.base.summarise(fed, write, &base)
    };
    let picture = draw(shared, reports)?;
    shared.base.publish(&base, &summary, picture)?;
    Ok(summary)
}

fn draw(shared: &RouteShared, reports: &[RouteReport]) -> Result<Option<Vec<u8>>> {
    let Some(plan) = &shared.picture else {
        return Ok(None);
    };
    let mut samples = plan.blank();
    for words in reports.iter().filter_map(|r| r.base.samples.clone()) {
        let painted = plan.samples(words).expect("all workers share the plan");
        samples.merge(&painted);
    }
    let lines = reports.iter().flat_map(|r| &r.drawn);
    let mut routes: Vec<DrawnRoute> = lines
        .map(|(query, line)| DrawnRoute {
            query: *query,
            line: line.clone(),
        })
        .collect();
    routes.sort_unstable_by_key(|r| r.query);
    let title = format!("Routes through {}", shared.base.map_name());
    plan.render(&samples, &routes, &title).map(Some)
}
