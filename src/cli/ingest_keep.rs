//! Checkpoints of an ingest: what was counted so far, between two stretches of its inputs, and how a run goes on from it.
//!
//! What is saved is the tallies of the bricks that have changed since the checkpoint before, as tables, by the worker that
//! owns them; where `--changes` is given also the cells that each input has changed, and in the middle of an input the costs
//! as they stood before it. The result that `--onto` names is the oldest of the tables, for as long as it is needed. Tallies
//! are sums: whoever takes them up on however many workers counts on to the same bits.

use super::checkpoint_args::Every;
use super::ingest_begin::Notes;
use super::ingest_place::agree;
use super::ingest_run::{Counted, Run, cell_box};
use super::ingest_write::write_tally_rows;
use super::keep::{self, Draft, Order, Saved, Standing};
use super::run::{Verdict, error_of, parts_of};
use crate::brick::BrickId;
use crate::dataflows::gather::{broadcast, gather};
use crate::dataflows::ingest::Telling;
use crate::ingest::{Bounds, Whose, add_tallies};
use crate::lake::checkpoint::{Checkpoints, FileEntry, SavedCell, SavedCellWriter, TOLD_CHANGES};
use crate::lake::{TALLIES, TallyWriter, fail, part_name};
use crate::lattice::{Cell, Index64};
use crate::tally::{BrickTally, Rule};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;
use timely::worker::Worker;

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

/// Waits for all workers.
fn in_step(worker: &mut Worker) -> Result<()> {
    agree(worker, Ok(()), |_| Ok(()))
}

impl Run<'_> {
    /// Takes up what the earlier result has counted, or what a checkpoint has.
    pub(super) fn take_up(&mut self, worker: &mut Worker) -> Result<()> {
        self.take_up_all(worker)?;
        // Nobody counts on before all have noted what is on disk already.
        in_step(worker)
    }

    fn take_up_all(&mut self, worker: &mut Worker) -> Result<()> {
        let Some(resumed) = &self.shared.beginning.resumed else {
            self.take_tables(worker, None)?;
            // What is on disk already need not be written again.
            self.ledger.borrow_mut().levels[0].take_unsaved(false);
            let rule = self.ledger.borrow().rule;
            self.settle(worker, rule, FxHashMap::default())?;
            if self.shared.base.config.checkpoint.is_some() && self.shared.beginning.overwrites {
                self.keep(worker)?;
            }
            return Ok(());
        };
        for tables in &resumed.tables {
            self.take_tables(worker, Some(tables))?;
            let mut ledger = self.ledger.borrow_mut();
            let whole: Vec<BrickId> = ledger.levels[0].bricks().iter().map(|b| b.id()).collect();
            ledger.closed.extend(whole);
            drop(ledger);
            // What is older must find the bricks closed wherever it is sent.
            in_step(worker)?;
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
        agree(worker, failure.map_or(Ok(()), Err), |_| Ok(()))?;
        self.take_tables(worker, None)?;
        let rule = {
            let mut ledger = self.ledger.borrow_mut();
            ledger.closed.clear();
            ledger.levels[0].take_unsaved(false);
            let open = resumed.notes.told.map(cell_box);
            Rule {
                open: open.filter(|_| self.facts.unknown_open),
                ..ledger.rule
            }
        };
        self.settle(worker, rule, told)
    }

    /// Takes up the tables of a checkpoint, or those of the earlier result if there is one, as a round.
    fn take_tables(&mut self, worker: &mut Worker, tables: Option<&[PathBuf]>) -> Result<()> {
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
        self.end_round(worker, taken.map(|()| Counted::default()), Telling::Nothing)
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
        let told = self.ledger.borrow().levels[0].told_by();
        let told = told.and_then(|judging| judging.open());
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
        let ids = ledger.levels[0].take_unsaved(order.full);
        let store = &ledger.levels[0];
        let bricks = store.bricks().len() as u64;
        let tallies: Vec<&BrickTally> = ids.into_iter().filter_map(|id| store.get(id)).collect();
        let mut told_costs = draft.told_costs(order);
        for tally in tallies.iter().filter(|t| tells && t.is_touched()) {
            told_costs.push(tally.id(), &store.told(tally.id()).costs, &[])?;
        }
        let told_costs = told_costs.finish()?;
        let mut tables = Vec::new();
        if !tallies.is_empty() {
            let attributes = self.facts.attributes.len();
            let path = draft.folder(order.number, TALLIES)?.join(part_name(me));
            let mut writer = TallyWriter::create(&path, &self.frame, attributes, draft.settings())?;
            write_tally_rows(&mut writer, &tallies, attributes)?;
            fail::point();
            for (n, file) in writer.finish()?.files.iter().enumerate() {
                let rows = if n == 0 { tallies.len() as u64 } else { 0 };
                tables.push(draft.entry(order.number, TALLIES, &file.path, rows)?);
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
