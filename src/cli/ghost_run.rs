//! The run of `octaflow ghost`: find the ghosts in the bricks of every worker, write, add up.
//!
//! The parts' plan has nothing to do with the workers: it is made of the whole map. Every process has read the map and
//! keeps the shapes of all bricks, an eighth of a byte a cell, so a worker finds the ghosts in its bricks by itself.

use super::follow::Fed;
use super::ghost::GhostConfig;
use super::progress::Progress;
use super::run::{Outcome, Report, Shared, conclude, parts_of, peak_rss_bytes};
use super::start::Start;
use super::summary::{PartitionFigures, Summary};
use crate::brick::{BrickId, CellMap, LOCAL_BY_INDEX, Local, Planes};
use crate::dataflows::gather::{broadcast, gather};
use crate::ghost::{Figures, Finder, GhostWord, Rings, Through};
use crate::lake::checkpoint::Manifest;
use crate::lake::{GhostRow, GhostWriter, OwnedWriter};
use crate::map::Allow;
use crate::partition::{Partition, Plan};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::time::{Duration, Instant};
use timely::worker::Worker;

/// What the workers of a process share.
struct GhostShared {
    base: Shared,
    config: GhostConfig,
    shapes: Shapes,
    /// The part of each brick, in the order of the shapes, in the chosen plan.
    owners: Vec<u32>,
    /// How long all this took, the map being loaded.
    prepared: Duration,
}

/// The open cells of every brick of the map, ascending.
struct Shapes {
    bricks: Vec<(BrickId, Planes)>,
    places: FxHashMap<BrickId, u32>,
    /// How long it took to find them.
    made: Duration,
}

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct GhostReport {
    base: Report,
    /// Of the chosen plan; then of all partitions, if they are compared.
    figures: Vec<Figures>,
}

/// Runs `octaflow ghost`.
pub(super) fn run(config: GhostConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |start: Start| {
        let look = |map: &CellMap, _: Option<&Manifest>| Ok(Shapes::new(map));
        let (base, shapes) = Shared::load(&config.run, start, Allow::Sources, look)?;
        let begun = Instant::now();
        let owners = shapes.owners(config.run.cluster.partition, config.parts);
        Ok(GhostShared {
            prepared: shapes.made + begun.elapsed(),
            base,
            config,
            shapes,
            owners,
        })
    };
    super::run::run(&run_config, args, prepare, work)
}

impl Shapes {
    fn new(map: &CellMap) -> Self {
        let begun = Instant::now();
        let bricks: Vec<(BrickId, Planes)> = map
            .bricks
            .iter()
            .map(|(id, costs)| (*id, Planes::open(costs)))
            .collect();
        let places = (0..).zip(&bricks).map(|(at, (id, _))| (*id, at));
        Shapes {
            places: places.collect(),
            bricks,
            made: begun.elapsed(),
        }
    }

    /// The part of each brick in the plan of a partition.
    fn owners(&self, partition: Partition, parts: usize) -> Vec<u32> {
        let weight = |(id, shape): &(BrickId, Planes)| (*id, u64::from(shape.count()));
        let weights: Vec<(BrickId, u64)> = self.bricks.iter().map(weight).collect();
        let plan = Plan::build(partition, parts, &weights);
        let owner = |(id, _): &(BrickId, Planes)| plan.owner(*id) as u32;
        self.bricks.iter().map(owner).collect()
    }
}

fn work(worker: &mut Worker, shared: &GhostShared) -> Outcome {
    let taken = shared.base.take_part(worker);
    // The costs are of no use any more.
    let own: Vec<u32> = taken
        .into_iter()
        .map(|(id, _costs)| shared.shapes.places[&id])
        .collect();
    broadcast(worker, || ());
    let begun = Instant::now();
    let mut search = Search::new(shared, worker.index() == 0 && shared.base.shows());
    let mut words = Vec::new();
    let figures = search.figures("finding", &own, &shared.owners, |word| words.push(word));
    gather(worker, ());
    let fed = Fed {
        solve: shared.prepared + begun.elapsed(),
        ..Fed::default()
    };
    let mut report = GhostReport {
        figures: vec![figures],
        ..GhostReport::default()
    };
    if shared.config.compare {
        for partition in Partition::ALL {
            let owners = shared.shapes.owners(partition, shared.config.parts);
            let figures = search.figures("comparing", &own, &owners, |_| ());
            report.figures.push(figures);
        }
    }
    let begun = Instant::now();
    let written = write(worker.index(), shared, &own, &words, &mut report.base);
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    let reports = gather(worker, report);
    conclude(worker, None, || {
        publish(shared, reports, &fed, begun.elapsed())
    })
}

/// The search for ghosts in a worker's bricks.
struct Search<'a> {
    shapes: &'a Shapes,
    parts: usize,
    rings: Rings,
    finder: Finder,
    shows: bool,
}

impl<'a> Search<'a> {
    fn new(shared: &'a GhostShared, shows: bool) -> Self {
        // The surface is what lies in the first ring, whether it is asked for or not.
        let first = Rings::new(1).expect("one ring");
        Search {
            shapes: &shared.shapes,
            parts: shared.config.parts,
            rings: shared.config.rings,
            finder: Finder::new(shared.config.rings.max(first), Through::Lattice),
            shows,
        }
    }

    /// What a plan costs in the bricks at the places `own`; gives the ghosts there, by brick, part and ring.
    fn figures(
        &mut self,
        what: &'static str,
        own: &[u32],
        owners: &[u32],
        mut each: impl FnMut(GhostWord),
    ) -> Figures {
        let shapes = self.shapes;
        let look = |id: BrickId| {
            let place = *shapes.places.get(&id)? as usize;
            Some((&shapes.bricks[place].1, Some(owners[place])))
        };
        let rings = self.rings.count();
        let mut figures = Figures::new(self.parts);
        let mut bar = Progress::bricks(what, self.shows);
        let mut words = Vec::new();
        for (done, &place) in own.iter().enumerate() {
            let (id, shape) = &shapes.bricks[place as usize];
            words.clear();
            self.finder.find(*id, look, |word| words.push(word));
            figures.count_brick(owners[place as usize], shape, &words, rings);
            let asked = words.iter().filter(|word| u32::from(word.ring) <= rings);
            asked.for_each(|word| each(*word));
            if done % 256 == 0 {
                bar.show(done as u64, own.len() as u64);
            }
        }
        figures.settle();
        figures
    }
}

/// Writes this worker's part of the tables.
fn write(
    worker: usize,
    shared: &GhostShared,
    own: &[u32],
    words: &[GhostWord],
    report: &mut Report,
) -> Result<()> {
    let base = &shared.base;
    let mut bar = Progress::bricks("writing", worker == 0 && base.shows());
    let path = base.part_path(worker, "ghosts")?;
    let mut file = GhostWriter::create(&path, &base.frame, &base.metadata())?;
    for brick in words.chunk_by(|a, b| a.brick == b.brick) {
        file.write_brick(brick[0].brick, rows(brick))?;
    }
    report.note_files("ghosts", file.finish()?);
    if !shared.config.owned {
        return Ok(());
    }
    let path = base.part_path(worker, "owned")?;
    let mut file = OwnedWriter::create(&path, &base.frame, &base.metadata())?;
    for (done, &place) in own.iter().enumerate() {
        let (id, shape) = &shared.shapes.bricks[place as usize];
        let cells = LOCAL_BY_INDEX.into_iter().filter(|l| shape.contains(*l));
        file.write_brick(*id, shared.owners[place as usize], cells)?;
        if done % 256 == 0 {
            bar.show(done as u64, own.len() as u64);
        }
    }
    report.note_files("owned", file.finish()?);
    Ok(())
}

/// The ghosts in one brick by cell, then part; the words are sorted by part.
fn rows(words: &[GhostWord]) -> Vec<GhostRow> {
    let mut rows = Vec::new();
    for word in words {
        let row = |local: Local| GhostRow {
            part: word.part,
            owner: word.owner,
            local,
            ring: u32::from(word.ring),
        };
        rows.extend(word.locals().map(row));
    }
    let brick = words[0].brick;
    rows.sort_unstable_by_key(|row| (brick.index64(row.local), row.part));
    rows
}

/// Publishes the results of all workers, on worker 0.
fn publish(
    shared: &GhostShared,
    reports: Vec<GhostReport>,
    fed: &Fed,
    write: Duration,
) -> Result<Summary> {
    let base_reports: Vec<Report> = reports.iter().map(|r| r.base.clone()).collect();
    let mut reports = reports.into_iter().map(|r| r.figures);
    let mut all = reports.next().ok_or_else(no_report)?;
    for figures in reports {
        for (sum, figures) in all.iter_mut().zip(&figures) {
            sum.add(figures);
        }
    }
    let mut all = all.iter().map(Figures::parts);
    let parts = all.next().ok_or_else(no_report)?;
    let compare = Partition::ALL
        .into_iter()
        .zip(all)
        .map(|(partition, parts)| PartitionFigures {
            partition: partition.name(),
            parts,
        });
    let compare: Vec<PartitionFigures> = compare.collect();
    let summary = Summary {
        reached: parts.iter().map(|p| p.ghosts).sum(),
        parts: Some(parts),
        compare: shared.config.compare.then_some(compare),
        ..shared.base.summarise(fed, write, &base_reports)
    };
    shared.base.publish(&base_reports, &summary, None)?;
    Ok(summary)
}

/// Every worker reports, whatever becomes of it.
fn no_report() -> Error {
    Error::peer("a worker has sent no report")
}
