//! Checkpoints of an ingest: what was counted so far, between two stretches of its inputs, and how a run goes on from it.
//!
//! What is saved is the tallies of the bricks that have changed since the checkpoint before, as tables, by the worker that
//! owns them; where `--changes` is given also the cells that each input has changed, and in the middle of an input the costs
//! as they stood before it. The result that `--onto` names is the oldest of the tables, for as long as it is needed. Tallies
//! are sums: whoever takes them up on however many workers counts on to the same bits.

use super::checkpoint_args::Every;
use super::ingest::IngestConfig;
use super::ingest_run::{Counted, Run, cell_box};
use super::ingest_write::write_tally_rows;
use super::keep::{self, Draft, Order, Saved, Standing};
use super::resume::{costs_of, foreign};
use super::run::{Verdict, error_of, parts_of};
use crate::brick::{BrickId, Costs};
use crate::dataflows::Time;
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::ingest::Telling;
use crate::ingest::{Bounds, Facts, Stored, Whose, add_tallies};
use crate::lake::checkpoint::{
    Checkpoints, FileEntry, Manifest, SavedCell, SavedCellWriter, TOLD_CHANGES, read_cells,
};
use crate::lake::container::Container;
use crate::lake::{TALLIES, TallyWriter, fail, part_name};
use crate::lattice::{Cell, Index64};
use crate::tally::Rule;
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;
use timely::worker::Worker;

/// A file as it was when the run began, by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    bytes: u64,
    /// The CRC-32 of its first and its last 64 KiB.
    crc32: u32,
}

/// What a checkpoint keeps beside tallies; how many inputs are done, and stretches of the next, the manifest says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Notes {
    /// As [`Facts::to_setting`] tells them.
    facts: String,
    /// The box of the points when changes were told last.
    told: Option<[[i32; 3]; 2]>,
    points: u64,
    /// Into how many stretches the input under way is cut.
    stretches: u64,
    lods: Vec<u8>,
    /// The bits of the bounds of the inputs.
    bounds: [[u64; 3]; 2],
    inputs: Vec<Seen>,
    /// The tables of the earlier result, if its tallies are needed.
    onto: Option<Vec<Seen>>,
}

/// What an ingest begins with: nothing, an earlier result, or a checkpoint.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The earlier result whose tallies are to be taken up.
    pub former: Option<Stored>,
    /// What is known of what was counted before.
    pub facts: Option<Facts>,
    /// The levels that were written, the finest first.
    pub lods: Option<Vec<u8>>,
    /// The inputs and the tables of the earlier result as they are, for a run that keeps checkpoints.
    seen: (Vec<Seen>, Option<Vec<Seen>>),
    /// What the run goes on from.
    pub resumed: Option<Resumed>,
    /// True if the results replace the earlier one.
    overwrites: bool,
}

/// The checkpoint that a run goes on from.
#[derive(Debug)]
pub(super) struct Resumed {
    folder: PathBuf,
    manifest: Manifest,
    notes: Notes,
    /// The tables of each checkpoint, the newest first.
    tables: Vec<Vec<PathBuf>>,
}

/// When the next checkpoint is due.
pub(super) struct Pace {
    since: u64,
    last: Instant,
}

impl Pace {
    pub fn new() -> Self {
        Pace {
            since: 0,
            last: Instant::now(),
        }
    }
}

impl Beginning {
    /// Finds out what the run begins with; `manifest` is the checkpoint that it goes on from.
    pub fn find(config: &IngestConfig, manifest: Option<&Manifest>) -> Result<Beginning> {
        let resumed = manifest.map(|m| Resumed::of(config, m)).transpose()?;
        let needs_former = resumed.as_ref().is_none_or(|r| r.notes.onto.is_some());
        let dir = config.onto.as_ref().filter(|_| needs_former);
        let former = dir.map(|dir| Stored::open(dir)).transpose()?;
        let mut beginning = Beginning {
            facts: None,
            lods: former.as_ref().map(|f| f.levels().to_vec()),
            seen: (Vec::new(), None),
            overwrites: dir.is_some_and(|dir| is_same(dir, &config.run.out)),
            former,
            resumed,
        };
        if config.run.checkpoint.is_some() {
            let inputs = config.inputs.iter().map(|path| Seen::of(path));
            beginning.seen.0 = inputs.collect::<Result<_>>()?;
            if let Some(former) = &beginning.former {
                let files = former.tally_files()?;
                let files = files.iter().map(|path| Seen::of(path));
                beginning.seen.1 = Some(files.collect::<Result<_>>()?);
            }
        }
        match (&beginning.resumed, &beginning.former) {
            (Some(resumed), _) => {
                resumed.check(config, &beginning.seen)?;
                beginning.facts = Some(resumed.facts()?);
                beginning.lods = Some(resumed.notes.lods.clone());
            }
            (None, Some(former)) => beginning.facts = Some(former.facts()?),
            (None, None) => {}
        }
        Ok(beginning)
    }

    /// How many inputs are done, and how many stretches of the next.
    pub fn position(&self) -> [u64; 2] {
        let manifest = self.resumed.as_ref().map(|r| &r.manifest);
        manifest.map_or([0; 2], |m| [m.epochs, m.step])
    }

    /// How many points were counted before.
    pub fn points(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |r| r.notes.points)
    }

    /// In how many rounds the tallies are taken up.
    pub fn rounds(&self) -> Time {
        self.resumed.as_ref().map_or(0, |r| r.tables.len() as Time) + 1
    }
}

impl Resumed {
    fn of(config: &IngestConfig, manifest: &Manifest) -> Result<Resumed> {
        let checkpoint = config.run.checkpoint.as_ref();
        let folder = checkpoint.expect("checkpoints are kept").folder.clone();
        let notes = serde_json::from_value(manifest.notes.clone()).map_err(|_| foreign(&folder))?;
        let mut tables: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        for entry in &manifest.segments {
            let (number, ..) = entry.place().ok_or_else(|| foreign(&folder))?;
            let tables = tables.entry(number).or_default();
            tables.push(folder.join(&entry.path));
        }
        Ok(Resumed {
            folder,
            manifest: manifest.clone(),
            notes,
            tables: tables.into_values().rev().collect(),
        })
    }

    /// What was known of what had been counted.
    fn facts(&self) -> Result<Facts> {
        let facts = Facts::of_json(self.manifest.frame()?, &self.notes.facts);
        facts.ok_or_else(|| foreign(&self.folder))
    }

    /// Holds the files that the run reads against what they were.
    fn check(
        &self,
        config: &IngestConfig,
        (inputs, onto): &(Vec<Seen>, Option<Vec<Seen>>),
    ) -> Result<()> {
        let changed = |path: &Path, of: &str| {
            Error::input(format!(
                "{}: {of} is not what it was when the run was begun: put it back, or ingest anew without resume",
                path.display()
            ))
        };
        if inputs.len() != self.notes.inputs.len() {
            return Err(foreign(&self.folder));
        }
        let known = inputs.iter().zip(&self.notes.inputs);
        for (path, (now, then)) in config.inputs.iter().zip(known) {
            if now != then {
                return Err(changed(path, "the input"));
            }
        }
        match (&config.onto, &self.notes.onto) {
            (Some(dir), Some(_)) if *onto != self.notes.onto => {
                Err(changed(dir, "the earlier result"))
            }
            _ => Ok(()),
        }
    }

    /// The costs as they were told last of the bricks that are `mine` and were touched since.
    fn told_costs(&self, mine: impl Fn(BrickId) -> bool) -> Result<FxHashMap<BrickId, Box<Costs>>> {
        let mut told = FxHashMap::default();
        for entry in &self.manifest.told_costs {
            Container::open(&self.folder.join(&entry.path))?.for_each(|id, fields| {
                if mine(id) {
                    told.insert(id, Box::new(costs_of(fields, &self.folder)?));
                }
                Ok(())
            })?;
        }
        Ok(told)
    }

    /// Calls `each` with the cells that each input has changed, input by input.
    pub fn for_each_change(
        &self,
        mut each: impl FnMut(Time, &BTreeMap<Cell, u16>) -> Result<()>,
    ) -> Result<()> {
        for entry in &self.manifest.told_changes {
            let time = entry.place().and_then(|(.., file)| time_of(file));
            let time = time.ok_or_else(|| foreign(&self.folder))?;
            let mut changed = BTreeMap::new();
            read_cells(&self.folder.join(&entry.path), |saved| {
                changed.insert(saved.cell, saved.cost);
                Ok(())
            })?;
            each(time, &changed)?;
        }
        Ok(())
    }
}

impl Seen {
    /// A look at a file; what is none is told of when it is read.
    fn of(path: &Path) -> Result<Seen> {
        const END_BYTES: u64 = 1 << 16;
        let look = || {
            let mut file = File::open(path)?;
            let bytes = file.metadata()?.len();
            let mut crc = crc32fast::Hasher::new();
            for start in [0, bytes.saturating_sub(END_BYTES)] {
                let mut end = Vec::new();
                file.seek(SeekFrom::Start(start))?;
                (&mut file).take(END_BYTES).read_to_end(&mut end)?;
                crc.update(&end);
            }
            Ok(Seen {
                bytes,
                crc32: crc.finalize(),
            })
        };
        look().map_err(|e| crate::map::input::read_error(&path.display().to_string(), &e))
    }
}

impl Run<'_> {
    /// Takes up what the earlier result has counted, or what a checkpoint has.
    pub(super) fn take_up(&mut self, worker: &mut Worker) -> Result<()> {
        let Some(resumed) = &self.shared.beginning.resumed else {
            self.take_tables(worker, None, Telling::Changes)?;
            // What is on disk already need not be written again.
            self.ledger.borrow_mut().levels[0].take_unsaved(false);
            if self.shared.base.config.checkpoint.is_some() && self.shared.beginning.overwrites {
                self.keep(worker)?;
            }
            return Ok(());
        };
        {
            let mut ledger = self.ledger.borrow_mut();
            let told = resumed.notes.told.map(cell_box);
            ledger.told = Rule {
                open: told.filter(|_| self.facts.unknown_open),
                ..ledger.rule
            };
        }
        for tables in &resumed.tables {
            self.take_tables(worker, Some(tables), Telling::Nothing)?;
            let mut ledger = self.ledger.borrow_mut();
            let whole: Vec<BrickId> = ledger.levels[0].bricks().iter().map(|b| b.id()).collect();
            ledger.closed.extend(whole);
        }
        let me = worker.index();
        let told = match self.shared.config.changes {
            Some(_) => resumed.told_costs(|brick| self.plan.owner(brick) == me),
            None => Ok(FxHashMap::default()),
        };
        let (told, failure) = match told {
            Ok(told) => (told, None),
            Err(error) => (FxHashMap::default(), Some(error)),
        };
        super::ingest_place::agree(worker, failure.map_or(Ok(()), Err), |_| Ok(()))?;
        self.take_tables(worker, None, Telling::Again(told))?;
        let mut ledger = self.ledger.borrow_mut();
        ledger.closed.clear();
        ledger.levels[0].take_unsaved(false);
        Ok(())
    }

    /// Takes up the tables of a checkpoint, or those of the earlier result if there is one, as a round.
    fn take_tables(
        &mut self,
        worker: &mut Worker,
        tables: Option<&[PathBuf]>,
        telling: Telling,
    ) -> Result<()> {
        self.begin_round();
        let share = [worker.index(), worker.peers()];
        let taken = {
            let mut ledger = self.ledger.borrow_mut();
            let ledger = &mut *ledger;
            let closed = &ledger.closed;
            let whose = |brick| match self.plan.owner(brick) == share[0] {
                true if closed.contains(&brick) => Whose::Settled,
                true => Whose::Own,
                false => Whose::Other,
            };
            let (own, others) = (&mut ledger.levels[0], &mut self.others);
            match (tables, &self.shared.beginning.former) {
                (Some(tables), _) => add_tallies(tables, share, own, others, whose),
                (None, Some(former)) => former.add_tallies(share, own, others, whose),
                (None, None) => Ok(()),
            }
        };
        self.send_others(worker, 0);
        self.end_round(worker, taken.map(|()| Counted::default()), telling)
    }

    /// Takes a checkpoint if one is due after a stretch.
    pub(super) fn keep_if_due(&mut self, worker: &mut Worker) -> Result<()> {
        let Some(config) = &self.shared.base.config.checkpoint else {
            return Ok(());
        };
        self.pace.since += 1;
        let is_due = broadcast(worker, || match config.every {
            Every::Epochs(every) => self.pace.since >= every,
            Every::Time(every) => self.pace.last.elapsed() >= every,
        });
        if is_due { self.keep(worker) } else { Ok(()) }
    }

    /// Takes a checkpoint.
    fn keep(&mut self, worker: &mut Worker) -> Result<()> {
        let base = &self.shared.base;
        let [inputs, stretches] = self.done;
        let mut standing = Standing {
            time: self.facts.epochs,
            step: stretches,
            frame: Some(self.frame),
            ..Standing::default()
        };
        let order = broadcast(worker, || keep::order(base, &standing));
        // What the earlier result has is written only if it is to be replaced.
        let order = Order {
            full: order.full && (order.number > 1 || self.shared.beginning.overwrites),
            ..order
        };
        self.needs_former &= !order.full;
        let saved = self.save_part(worker.index(), order);
        let saved = saved.unwrap_or_else(|error| Saved::failed(&error));
        let all = gather(worker, (saved, self.points()));
        let verdict: Verdict = broadcast(worker, || {
            let (saved, points): (Vec<Saved>, Vec<u64>) = all.into_iter().unzip();
            let notes = self.notes(points.iter().sum());
            standing.notes = serde_json::to_value(notes).expect("plain data");
            let done = keep::commit(base, order, standing, inputs, saved);
            done.err().as_ref().map(parts_of)
        });
        self.pace = Pace::new();
        verdict.map_or(Ok(()), |failure| Err(error_of(failure)))
    }

    fn notes(&self, points: u64) -> Notes {
        let beginning = &self.shared.beginning;
        let told = self.ledger.borrow().told.open;
        let input = self.shared.inputs.list.get(self.done[0] as usize);
        let Bounds { least, greatest } = self.bounds;
        Notes {
            facts: self.facts.to_setting().1,
            told: told.map(|told| [told.least, told.greatest]),
            points: beginning.points() + points,
            stretches: input.map_or(0, |input| self.shared.inputs.stretches(input)),
            lods: self.shared.lods.clone(),
            bounds: [least, greatest].map(|corner| corner.map(f64::to_bits)),
            inputs: beginning.seen.0.clone(),
            onto: beginning.seen.1.clone().filter(|_| self.needs_former),
        }
    }

    /// Saves what this worker has.
    fn save_part(&mut self, me: usize, order: Order) -> Result<Saved> {
        let draft = Draft::of(&self.shared.base, me).expect("checkpoints are kept");
        let draft = draft.with_frame(self.frame);
        let told_changes = std::mem::take(&mut self.told_changes);
        let tells = self.shared.config.changes.is_some() && self.done[1] > 0;
        let mut ledger = self.ledger.borrow_mut();
        let before = ledger.told;
        let bricks = ledger.levels[0].bricks().len() as u64;
        let tallies = ledger.levels[0].take_unsaved(order.full);
        let mut told_costs = draft.told_costs(order);
        for tally in tallies.iter().filter(|t| tells && t.is_touched()) {
            let told = match tally.told() {
                Some(told) => Box::new(*told),
                None => before.judge(tally.id(), None).costs,
            };
            told_costs.push(tally.id(), &told, &[])?;
        }
        let told_costs = told_costs.finish()?;
        let mut tables = Vec::new();
        if !tallies.is_empty() {
            let attributes = self.facts.attributes.len();
            let path = draft.folder(order.number, TALLIES)?.join(part_name(me));
            let mut writer = TallyWriter::create(&path, &self.frame, attributes, draft.settings())?;
            write_tally_rows(&mut writer, &tallies, attributes)?;
            fail::point();
            for (n, (file, _)) in writer.finish()?.files.iter().enumerate() {
                let rows = if n == 0 { tallies.len() as u64 } else { 0 };
                tables.push(draft.entry(order.number, TALLIES, file, rows)?);
            }
        }
        Ok(Saved::bricks(bricks, tables).with_told(told_changes, told_costs))
    }

    /// Keeps the cells that an input has changed for the next checkpoint, on worker 0.
    pub(super) fn keep_changes(&self, changed: &BTreeMap<Cell, u16>) -> Result<Option<FileEntry>> {
        let base = &self.shared.base;
        let Some(number) = base.checkpoints().as_ref().map(Checkpoints::next_number) else {
            return Ok(None);
        };
        if changed.is_empty() {
            return Ok(None);
        }
        let draft = Draft::of(base, 0).expect("checkpoints are kept");
        let name = format!("time-{:012}.parquet", self.facts.epochs);
        let path = draft.folder(number, TOLD_CHANGES)?.join(&name);
        let mut cells = Vec::with_capacity(changed.len());
        for (&cell, &cost) in changed {
            let id = Index64::of_cell(cell).map_err(|e| Error::input(e.to_string()))?;
            cells.push((id, cell, cost));
        }
        cells.sort_unstable_by_key(|(id, ..)| *id);
        let mut writer = SavedCellWriter::create(&path, &self.frame, draft.settings())?;
        for (_, cell, cost) in cells {
            writer.push(&SavedCell {
                cell,
                cost,
                ticks: 0,
                label: 0,
            })?;
        }
        fail::point();
        let rows = writer.finish()?.rows;
        let entry = draft.entry(number, TOLD_CHANGES, &name, rows)?;
        Ok(Some(entry))
    }
}

/// The bounds of the inputs as a run that goes on knows them.
pub(super) fn bounds_of(resumed: &Resumed) -> Bounds {
    let [least, greatest] = resumed.notes.bounds.map(|c| c.map(f64::from_bits));
    Bounds { least, greatest }
}

/// Asserts that an input is cut as it was.
pub(super) fn check_stretches(resumed: &Resumed, stretches: u64) -> Result<()> {
    let is_within = resumed.manifest.step == 0 || stretches == resumed.notes.stretches;
    is_within.then_some(()).ok_or_else(|| {
        Error::input(format!(
            "{}: it was left in the middle of an input by a version of octaflow that cuts inputs otherwise: go on with \
             that one, or ingest anew",
            resumed.folder.display()
        ))
    })
}

fn time_of(file: &str) -> Option<Time> {
    file.strip_prefix("time-")?
        .strip_suffix(".parquet")?
        .parse()
        .ok()
}

/// True if two paths are one folder.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
