//! The run of `octaflow ingest`: lay the lattice, count input after input, make the levels, write.

use super::ingest::IngestConfig;
use super::ingest_begin::{Beginning, check_stretches};
use super::ingest_changes::ChangeTable;
use super::ingest_inputs::{Input, Inputs, Whole};
use super::ingest_keep::Pace;
use super::ingest_place::{agree, check_former, place, plan};
use super::ingest_write::write;
use super::progress::Progress;
use super::run::{Outcome, Shared, conclude};
use super::start::Start;
use crate::brick::CellMap;
use crate::dataflows::Time;
use crate::dataflows::gather::gather;
use crate::dataflows::ingest::{ChangedCells, Ledger, SharedLedger, TallyInput, Telling, ingest};
use crate::ingest::{Bounds, Count, Facts, Layer, Shelves};
use crate::lake::checkpoint::FileEntry;
use crate::lattice::{Frame, Header};
use crate::map::limit::BRICK_BYTES;
use crate::map::{Allow, Unknown, available_memory_bytes};
use crate::partition::Plan;
use crate::tally::{CellBox, Rule, Tallies};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use timely::worker::Worker;

/// Counts for others travel when they take so much memory.
const OTHERS_BYTES: u64 = 16 << 20;

/// How many points are counted between two looks at the memory that is taken.
const LOOK_POINTS: u64 = 1 << 18;

/// What the workers of a process share.
pub(super) struct IngestShared {
    pub base: Shared,
    pub config: IngestConfig,
    pub inputs: Inputs,
    pub beginning: Beginning,
    /// The levels that are written, the finest first.
    pub lods: Vec<u8>,
    /// How many bytes of memory a worker may take.
    limit_bytes: u64,
}

/// What a worker has in hand while it counts.
pub(super) struct Run<'a> {
    pub shared: &'a IngestShared,
    pub frame: Frame,
    pub plan: Arc<Plan>,
    pub ledger: SharedLedger,
    pub facts: Facts,
    pub input: TallyInput,
    changed: ChangedCells,
    pub changes: Option<ChangeTable>,
    pub bounds: Bounds,
    /// How many inputs are done, and how many stretches of the next.
    pub done: [u64; 2],
    /// True as long as checkpoints need the earlier result.
    pub needs_former: bool,
    /// Tables of changes for the next checkpoint.
    pub told_changes: Vec<FileEntry>,
    pub pace: Pace,
    pub others: Tallies,
    /// How many levels above the finest changes are told of, if they are.
    pub told_level: Option<usize>,
    /// The round under way.
    round: Time,
    points: u64,
}

/// What a share of an input was counted as, as it travels.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    points: u64,
    cells: Option<[[i32; 3]; 2]>,
}

/// Runs `octaflow ingest`.
pub(super) fn run(config: IngestConfig, args: &[OsString]) -> Result<()> {
    let run_config = config.run.clone();
    let prepare = |start: Start| {
        let beginning = Beginning::find(&config, start.resumed())?;
        if let (Some(dir), Some(facts)) = (&config.onto, &beginning.facts) {
            check_former(&config, dir, facts)?;
        }
        let inputs = Inputs::open(&config, beginning.facts.as_ref())?;
        if let Some(resumed) = &beginning.resumed
            && let Some(input) = inputs.list.get(beginning.position()[0] as usize)
        {
            check_stretches(resumed, inputs.stretches(input))?;
        }
        let nothing = CellMap {
            frame: Frame::new([0.0; 3], 1.0).expect("a frame"),
            bricks: Vec::new(),
            cells: 0,
            open: 0,
            voxels: None,
        };
        let base = Shared::of(&config.run, start, Allow::Sources, &nothing)?;
        for note in inputs.notes().iter().filter(|_| base.shows()) {
            eprintln!("{note}");
        }
        let written = beginning.lods.clone();
        let mut lods = config.lods.clone().or(written).unwrap_or_default();
        lods.push(Header::CELL.lod);
        lods.sort_unstable_by(|a, b| b.cmp(a));
        lods.dedup();
        let workers = config.run.cluster.workers as u64;
        Ok(IngestShared {
            base,
            inputs,
            beginning,
            lods,
            limit_bytes: available_memory_bytes() / workers,
            config,
        })
    };
    super::run::run(&run_config, args, prepare, work)
}

fn work(worker: &mut Worker, shared: &IngestShared) -> Outcome {
    let begun = Instant::now();
    let mut run = match Run::begin(worker, shared).and_then(|run| run.count_all(worker)) {
        Ok(run) => run,
        Err(error) => return Outcome::Failed(error),
    };
    let load = begun.elapsed();
    let begun = Instant::now();
    run.make_levels(worker);
    let solve = begun.elapsed();
    let begun = Instant::now();
    let report = write(worker, &run);
    let reports = gather(worker, report);
    conclude(worker, None, || {
        run.publish(&reports, [load, solve, begun.elapsed()])
    })
}

impl<'a> Run<'a> {
    /// Lays the lattice and takes in the earlier result.
    fn begin(worker: &mut Worker, shared: &'a IngestShared) -> Result<Run<'a>> {
        let (frame, bounds) = place(worker, shared)?;
        let plan = Arc::new(plan(shared, &frame, &bounds));
        let former = shared.beginning.facts.as_ref();
        let facts = Facts {
            frame,
            attributes: shared.inputs.attributes.clone(),
            epochs: former.map_or(0, |facts| facts.epochs),
            min_points: former.map_or(shared.config.min_points.unwrap_or(1), |f| f.min_points),
            unknown_open: former.map_or(shared.config.unknown == Some(Unknown::Open), |f| {
                f.unknown_open
            }),
            cells: former.and_then(|facts| facts.cells),
        };
        let coarsest = shared.lods.last().copied().unwrap_or(Header::CELL.lod);
        let told_level = shared.config.changes.as_ref();
        let told_level =
            told_level.map(|_| usize::from(Header::CELL.lod - shared.config.changes_lod));
        let levels = usize::from(Header::CELL.lod - coarsest).max(told_level.unwrap_or(0)) + 1;
        let rule = Rule {
            min_points: facts.min_points,
            open: None,
        };
        let attributes = facts.attributes.len();
        let ledger = Rc::new(RefCell::new(Ledger::new(levels, attributes, rule)));
        let (input, changed) = worker.dataflow(|scope| ingest(scope, &plan, &ledger));
        let mut run = Run {
            shared,
            frame,
            plan,
            ledger,
            input,
            changed,
            others: Tallies::new(attributes),
            told_level,
            changes: None,
            bounds,
            done: shared.beginning.position(),
            needs_former: shared.beginning.former.is_some(),
            told_changes: Vec::new(),
            pace: Pace::new(),
            round: 0,
            points: 0,
            facts,
        };
        run.open_changes(worker)?;
        run.take_up(worker)?;
        Ok(run)
    }

    /// Begins the table of changes, on worker 0.
    fn open_changes(&mut self, worker: &mut Worker) -> Result<()> {
        let mut frame = Some(self.frame);
        while let Some(finer) = frame.filter(|f| f.lod() > self.shared.config.changes_lod) {
            frame = finer.coarser();
        }
        let table = || {
            let Some(path) = &self.shared.config.changes else {
                return Ok(None);
            };
            let frame =
                frame.ok_or_else(|| Error::input("--changes-lod: its cells are too large"))?;
            let base = &self.shared.base;
            let run = base.checkpoints().as_ref().map(|c| c.record().run.clone());
            let mut table = ChangeTable::create(path, run.as_deref(), frame, &base.metadata())?;
            if let Some(resumed) = &self.shared.beginning.resumed {
                resumed.for_each_change(|time, changed| table.write(time, changed))?;
            }
            Ok(Some(table))
        };
        let mine = if worker.index() == 0 {
            table()
        } else {
            Ok(None)
        };
        let (table, verdict) = match mine {
            Ok(table) => (table, Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.changes = table;
        agree(worker, verdict, |_| Ok(()))
    }

    /// Counts what is left of all inputs, an epoch each.
    fn count_all(mut self, worker: &mut Worker) -> Result<Run<'a>> {
        let shared = self.shared;
        let shows = shared.base.shows() && worker.index() == 0;
        let template = "{msg:>12} {bar:32} {human_pos} of {human_len} points, {elapsed}";
        let mut bar = Progress::new("counting", template, shows);
        while let Some(input) = shared.inputs.list.get(self.done[0] as usize) {
            self.count_stretch(worker, input, &mut bar)?;
            self.keep_if_due(worker)?;
        }
        Ok(self)
    }

    /// Counts the next stretch of an input; the last one ends it.
    fn count_stretch(
        &mut self,
        worker: &mut Worker,
        input: &Input,
        bar: &mut Progress,
    ) -> Result<()> {
        let [inputs, stretch] = self.done;
        let inputs_of = &self.shared.inputs;
        let is_last = stretch + 1 >= inputs_of.stretches(input);
        self.begin_round();
        let counted = self.count(worker, input, stretch, bar);
        self.send_others(worker, 0);
        if !is_last {
            self.done = [inputs, stretch + 1];
            return self.end_round(worker, counted, Telling::Nothing);
        }
        self.done = [inputs + 1, 0];
        self.facts.epochs += 1;
        self.end_input(worker, counted)?;
        inputs_of.forget(input);
        self.write_changes(worker)
    }

    /// Begins a round.
    pub fn begin_round(&mut self) {
        self.round += 1;
        self.input.begin_round(self.round);
    }

    /// Sends what was counted for others.
    pub fn send_others(&mut self, worker: &mut Worker, level: usize) {
        self.input.send(worker, level, &mut self.others);
    }

    /// Counts this worker's share of a stretch of an input.
    fn count(
        &mut self,
        worker: &mut Worker,
        input: &Input,
        stretch: u64,
        bar: &mut Progress,
    ) -> Result<Counted> {
        let (shared, frame) = (self.shared, self.frame);
        let Some(scan) = shared.inputs.scan(input, frame) else {
            return self.fill(worker, input);
        };
        let (me, peers) = (worker.index(), worker.peers());
        let (mut count, mut looked) = (Count::default(), 0);
        let plan = self.plan.clone();
        let before = shared.beginning.points();
        shared
            .inputs
            .read_points(input, stretch, [me, peers], |points| {
                let counted = {
                    let mut ledger = self.ledger.borrow_mut();
                    let mut shelves = Shelves::new(&mut ledger.levels[0], &mut self.others);
                    scan.count(points, &mut shelves, |brick| plan.owner(brick) == me)?
                };
                count = count.with(&counted);
                if count.points - looked >= LOOK_POINTS {
                    looked = count.points;
                    self.look(input)?;
                }
                if peers > 1 && self.others.bytes() > OTHERS_BYTES {
                    self.input.send(worker, 0, &mut self.others);
                }
                bar.show(
                    before + (self.points + count.points) * peers as u64,
                    shared.inputs.total(),
                );
                Ok(())
            })?;
        self.look(input)?;
        self.points += count.points;
        Ok(Counted {
            points: count.points,
            cells: count.cells.map(|cells| [cells.least, cells.greatest]),
        })
    }

    /// Gives this worker's cells what terrain or a map says of them.
    fn fill(&mut self, worker: &Worker, input: &Input) -> Result<Counted> {
        let me = worker.index();
        let mut ledger = self.ledger.borrow_mut();
        let tallies = &mut ledger.levels[0];
        let is_own = |brick| self.plan.owner(brick) == me;
        match &*self.shared.inputs.whole(input)? {
            Whole::Terrain(terrain) => {
                let cells = terrain.cells(&self.frame)?;
                self.afford(input, cells.brick_count() / worker.peers() as u64)?;
                for id in cells.bricks().filter(|&id| is_own(id)) {
                    terrain.fill(&self.frame, id, tallies);
                }
            }
            Whole::Map(map, closed) => {
                let file = input.path.display().to_string();
                let layer = Layer::new(&file, map, closed, &self.frame)?;
                self.afford(input, layer.brick_count() / worker.peers() as u64)?;
                layer.fill(tallies, is_own);
            }
        }
        Ok(Counted::default())
    }

    /// Looks whether what was counted still fits into memory.
    fn look(&self, input: &Input) -> Result<()> {
        let ledger = self.ledger.borrow();
        let bytes = ledger.levels[0].bytes() + self.others.bytes();
        too_large(input, bytes, self.shared.limit_bytes)
    }

    /// Looks whether so many bricks of this worker would fit into memory.
    fn afford(&self, input: &Input, bricks: u64) -> Result<()> {
        too_large(
            input,
            bricks.saturating_mul(BRICK_BYTES),
            self.shared.limit_bytes,
        )
    }

    /// Agrees on what was counted, and has every worker tell of its cells.
    pub fn end_round(
        &mut self,
        worker: &mut Worker,
        counted: Result<Counted>,
        telling: Telling,
    ) -> Result<()> {
        let (before, is_open) = (self.facts.cells, self.facts.unknown_open);
        let limit = self.shared.limit_bytes;
        let counted = agree(worker, counted, |all| {
            let cells = all.iter().filter_map(|c| c.cells).map(cell_box);
            let cells = cells.chain(before).reduce(|a, b| a.with(&b));
            let bricks = cells
                .filter(|_| is_open)
                .map_or(0, |cells| cells.brick_count());
            if bricks.saturating_mul(BRICK_BYTES) > limit {
                return Err(Error::input(format!(
                    "--unknown open: the box of the points has {bricks} bricks of 8 cells an axis, more than fit into \
                     memory: give a greater --cell-size, or leave unknown cells blocked"
                )));
            }
            Ok(Counted {
                points: all.iter().map(|c| c.points).sum(),
                cells: cells.map(|cells| [cells.least, cells.greatest]),
            })
        })?;
        self.facts.cells = counted.cells.map(cell_box);
        {
            let mut ledger = self.ledger.borrow_mut();
            ledger.rule.open = self.facts.cells.filter(|_| is_open);
            ledger.telling = telling;
        }
        self.input.end_round(worker);
        Ok(())
    }

    /// Writes the changes of the last input, on worker 0.
    fn write_changes(&mut self, worker: &mut Worker) -> Result<()> {
        if self.shared.config.changes.is_none() {
            return Ok(());
        }
        let changed = self
            .changed
            .borrow_mut()
            .remove(&self.round)
            .unwrap_or_default();
        let mut written = match &mut self.changes {
            Some(table) => table.write(self.facts.epochs, &changed),
            None => Ok(()),
        };
        if written.is_ok() && worker.index() == 0 {
            let kept = self.keep_changes(&changed);
            written = kept.map(|entry| self.told_changes.extend(entry));
        }
        agree(worker, written, |_| Ok(()))
    }

    /// How many points this worker has counted.
    pub fn points(&self) -> u64 {
        self.points
    }
}

pub(super) fn cell_box([least, greatest]: [[i32; 3]; 2]) -> CellBox {
    CellBox { least, greatest }
}

fn too_large(input: &Input, bytes: u64, limit_bytes: u64) -> Result<()> {
    if bytes <= limit_bytes {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Error::input(format!(
        "{}: its cells need at least {:.2} GiB of memory a worker, but {:.2} GiB are available: give a greater \
         --cell-size, or run where there is more memory",
        input.path.display(),
        gib(bytes),
        gib(limit_bytes),
    )))
}
