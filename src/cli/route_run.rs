//! The run of `octaflow route`: answer, follow updates, write.

use super::drawing::agree_on_span;
use super::follow::Fed;
use super::growing::GrowingTable;
use super::keep::{Draft, Keeper, Order, Saved};
use super::route::RouteConfig;
use super::route_feed::Feed;
use super::run::{Outcome, Report, Shared, Verdict, conclude, error_of, parts_of, peak_rss_bytes};
use super::start::Start;
use super::summary::{Percentiles, QueryCounts, Summary};
use crate::brick::CellMap;
use crate::dataflows::Time;
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::route::{SharedRouter, route};
use crate::lake::checkpoint::Manifest;
use crate::lake::{Part, RouteCellWriter, RouteChange, RouteChangeWriter, RouteRow, RouteWriter};
use crate::lattice::{Cell, Frame, Index64};
use crate::map::{Allow, read_queries};
use crate::picture::{DrawnRoute, RoutePlan, Span};
use crate::search::{CellKey, HEAVY, RouteRecord, RouteStatus, Router, RouterOptions};
use crate::{Error, Result};
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
pub(super) type Query = (i64, CellKey, CellKey);

/// What the workers of a process share.
pub(super) struct RouteShared {
    pub base: Shared,
    pub config: RouteConfig,
    pub queries: Vec<Query>,
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct RouteReport {
    base: Report,
    queries: [u64; 3],
    micros: Vec<u64>,
    /// How many queries each epoch has answered.
    answered: Vec<u32>,
    search_bytes: u64,
    /// The routes to be drawn, pulled tight if that is asked for: the query and its cells.
    drawn: Vec<(i64, Vec<Cell>)>,
}

type ChangeTable = GrowingTable<RouteChangeWriter>;

type Changes = Rc<RefCell<Option<ChangeTable>>>;

/// Runs `octaflow route`.
pub(super) fn run(config: RouteConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |start: Start| {
        let look = |map: &CellMap, resumed: Option<&Manifest>| match resumed {
            Some(manifest) => standing_queries(manifest),
            None => place_queries(&config, &map.frame),
        };
        let (base, queries) = Shared::load(&config.run, start, Allow::Queries, look)?;
        Ok(RouteShared {
            base,
            config,
            queries,
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

/// The queries that a run goes on with.
fn standing_queries(manifest: &Manifest) -> Result<Vec<Query>> {
    let key = |id: u64| {
        let id = Index64::try_from(id).map_err(|e| Error::input(format!("a saved query: {e}")))?;
        Ok(key_of(id.cell()))
    };
    let queries = manifest.queries.iter();
    queries
        .map(|&(query, start, goal)| Ok((query, key(start)?, key(goal)?)))
        .collect()
}

pub(super) fn key_of(cell: Cell) -> CellKey {
    CellKey::of(cell).expect("readers keep cells in range")
}

fn work(worker: &mut Worker, shared: &RouteShared) -> Outcome {
    let router = load(worker, shared);
    let changes = open_changes(worker, shared);
    let (mut input, sink) = worker.dataflow::<Time, _, _>(|scope| {
        let (input, stream) = route(scope, &router, &shared.base.plan);
        let from = shared.base.resumed.as_ref().map(|m| m.time);
        let sink = changes.map(|table| write_changes(stream, table, shared.base.frame, from));
        (input, sink)
    });
    let save = saver(&router, sink.clone());
    let mut keeper = Keeper::new(worker, &shared.base, save);
    // All routers are loaded when the clock starts.
    broadcast(worker, || ());
    let mut fed = Fed::default();
    if worker.index() == 0 {
        let feed = Feed {
            worker,
            shared,
            input: &mut input,
            keeper: &mut keeper,
            standing: shared.queries.iter().map(|q| (q.0, (q.1, q.2))).collect(),
        };
        fed = feed.run(&router);
        input.close();
    }
    keeper.close();
    input.follow(worker);
    let stop: Verdict = broadcast(worker, || fed.stop.as_ref().map(parts_of));
    if let Some(stop) = stop {
        return Outcome::Failed(error_of(stop));
    }
    let begun = Instant::now();
    let picture = plan_picture(worker, shared, &router);
    let report = write(worker, shared, &router.borrow(), sink, picture.as_ref());
    let reports = gather(worker, report);
    conclude(worker, fed.late.as_ref(), || {
        publish(shared, &reports, &fed, picture.as_ref(), begun.elapsed())
    })
}

fn load(worker: &Worker, shared: &RouteShared) -> SharedRouter {
    let options = RouterOptions {
        mode: shared.config.mode,
        smooth: shared.config.smooth,
        updates: shared.config.run.updates.is_some(),
        heavy: Some(HEAVY),
    };
    let mut router = Router::new(options, shared.base.exists.clone());
    router.load(shared.base.take_part(worker));
    Rc::new(RefCell::new(router))
}

/// What saves this worker's part of the map.
fn saver(
    router: &SharedRouter,
    changes: Option<Changes>,
) -> impl FnMut(&Draft, Order) -> Result<Saved> + use<> {
    let router = router.clone();
    move |draft, order| {
        let mut router = router.borrow_mut();
        let mut ids = router.take_unsaved();
        if order.full {
            ids = router.own_bricks().map(|(id, _)| id).collect();
            ids.sort_unstable();
        }
        let mut bricks = draft.bricks(order, &[]);
        for id in ids {
            if let Some(costs) = router.own_costs(id) {
                bricks.push(id, costs, &[])?;
            }
        }
        let saved = Saved::bricks(router.own_bricks().count() as u64, bricks.finish()?);
        let changes = changes.as_ref().map(|changes| {
            let mut table = changes.borrow_mut();
            table
                .as_mut()
                .map_or(Ok(Vec::new()), |table| table.save(order))
        });
        Ok(saved.with_changes(changes.transpose()?.unwrap_or_default()))
    }
}

/// This worker's part of the table of changes, if there are updates.
fn open_changes(worker: &Worker, shared: &RouteShared) -> Option<ChangeTable> {
    let (config, base) = (&shared.config, &shared.base);
    config.run.updates.as_ref()?;
    let (frame, smooth, settings) = (base.frame, config.smooth, base.metadata());
    let open = move |part: &Part| RouteChangeWriter::create(part, &frame, smooth, &settings);
    let finish = RouteChangeWriter::finish;
    Some(GrowingTable::new(
        base,
        worker.index(),
        "routes_changes",
        open,
        finish,
    ))
}

/// Writes the stream of changes, each epoch's in the order of queries; what a run goes on `from` has been written.
fn write_changes(
    stream: StreamVec<'_, Time, (RouteRecord, Time, isize)>,
    table: ChangeTable,
    frame: Frame,
    from: Option<Time>,
) -> Changes {
    let changes: Changes = Rc::new(RefCell::new(Some(table)));
    let sink = changes.clone();
    let mut epochs: BTreeMap<Time, Vec<(RouteRecord, isize)>> = BTreeMap::new();
    stream.unary_frontier::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
        Pipeline,
        "WriteChanges",
        move |_, _| {
            move |(input, frontier), _| {
                input.for_each(|_, batch| {
                    for (record, time, diff) in batch.drain(..) {
                        if from == Some(time) {
                            continue;
                        }
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
                        let Some(table) = &mut *sink else { return };
                        let row = row_of(&record, &frame, 0, 0);
                        let change = RouteChange::of(&row, time, diff as i32);
                        table.write(|writer| writer.push(change));
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

/// What the picture shows, if one is asked for: the map as it stands at the end.
fn plan_picture(
    worker: &mut Worker,
    shared: &RouteShared,
    router: &SharedRouter,
) -> Option<RoutePlan> {
    shared.config.run.picture.as_ref()?;
    let mut span = Span::NONE;
    for (brick, costs) in router.borrow().own_bricks() {
        span.add(brick, costs);
    }
    let span = agree_on_span(worker, span);
    Some(RoutePlan::new(span, shared.base.frame))
}

/// Writes this worker's part of the results.
fn write(
    worker: &Worker,
    shared: &RouteShared,
    router: &Router,
    changes: Option<Changes>,
    picture: Option<&RoutePlan>,
) -> RouteReport {
    let mut report = RouteReport {
        answered: router.answered_by_epoch().to_vec(),
        search_bytes: router.stats().search_bytes,
        ..RouteReport::default()
    };
    let written = write_routes(worker.index(), shared, router, &mut report, picture)
        .and_then(|()| finish_changes(&shared.base, changes, &mut report.base));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

fn write_routes(
    worker: usize,
    shared: &RouteShared,
    router: &Router,
    report: &mut RouteReport,
    picture: Option<&RoutePlan>,
) -> Result<()> {
    let (config, base) = (&shared.config, &shared.base);
    let settings = base.metadata();
    let path = base.part_path(worker, "routes")?;
    let mut routes = RouteWriter::create(&path, &base.frame, config.smooth, &settings)?;
    let path = base.part_path(worker, "route_cells")?;
    let mut cells = RouteCellWriter::create(&path, &base.frame, &settings)?;
    let mut lines = match config.smooth_cells {
        true => {
            let path = base.part_path(worker, "smooth_cells")?;
            Some(RouteCellWriter::create_smooth(
                &path,
                &base.frame,
                &settings,
            )?)
        }
        false => None,
    };
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
        let Some(route) = &answer.route else {
            continue;
        };
        let line = route.cells.iter().map(|&(key, ticks)| (key.cell(), ticks));
        let line: Vec<(Cell, u32)> = line.collect();
        cells.write_route(query, &line)?;
        if let (Some(lines), Some(bends)) = (&mut lines, &route.bends) {
            lines.write_line(query, bends)?;
        }
        if picture.is_some() {
            let whole = || line.iter().map(|c| c.0).collect();
            let drawn = route.bends.clone().unwrap_or_else(whole);
            report.drawn.push((query, drawn));
        }
    }
    report.base.note_files("routes", routes.finish()?);
    report.base.note_files("route_cells", cells.finish()?);
    if let Some(lines) = lines {
        report.base.note_files("smooth_cells", lines.finish()?);
    }
    if let Some(plan) = picture {
        let mut samples = plan.blank();
        for (brick, costs) in router.own_bricks() {
            plan.paint(&mut samples, brick, costs);
        }
        report.base.samples = Some(samples.into_words());
    }
    Ok(())
}

fn finish_changes(base: &Shared, changes: Option<Changes>, report: &mut Report) -> Result<()> {
    let table = changes.and_then(|changes| changes.borrow_mut().take());
    table.map_or(Ok(()), |table| table.finish(base, report))
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &RouteShared,
    reports: &[RouteReport],
    fed: &Fed,
    picture: Option<&RoutePlan>,
    write: Duration,
) -> Result<Summary> {
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
        queries_anew: (shared.config.run.updates.is_some())
            .then(|| Percentiles::of_numbers(answered_anew(reports))),
        search_bytes: reports.iter().map(|r| r.search_bytes).max(),
        ..shared.base.summarise(fed, write, &base)
    };
    let picture = picture
        .map(|plan| draw(plan, shared, reports))
        .transpose()?;
    shared.base.publish(&base, &summary, picture)?;
    Ok(summary)
}

/// How many queries each epoch of updates has answered, over all workers.
fn answered_anew(reports: &[RouteReport]) -> Vec<u64> {
    let epochs = reports.iter().map(|r| r.answered.len()).max().unwrap_or(0);
    let all = |epoch: usize| {
        let each = reports.iter().filter_map(|r| r.answered.get(epoch));
        each.map(|&n| u64::from(n)).sum()
    };
    (1..epochs).map(all).collect()
}

fn draw(plan: &RoutePlan, shared: &RouteShared, reports: &[RouteReport]) -> Result<Vec<u8>> {
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
    plan.render(&samples, &routes, &title)
}
