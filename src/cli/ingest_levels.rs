//! The levels of detail of an ingest: kept up while changes of one are told of, and made whole at the end.

use super::ingest_run::{Counted, Run};
use crate::Result;
use crate::brick::{BrickId, Costs};
use crate::dataflows::ingest::Telling;
use crate::lattice::Header;
use crate::tally::{Added, Judged, Judging, Rule, add_differences, add_to_parents, owner_at};
use rustc_hash::FxHashMap;
use timely::worker::Worker;

/// How many bricks are gone through before others are sent what is theirs.
const SOME_BRICKS: usize = 1024;

impl Run<'_> {
    /// Begins to tell changes, if they are asked for: what is known now was told by `rule`, but for the bricks of `kept`,
    /// of which these costs were. The levels up to that which is told of are made from it.
    pub(super) fn settle(
        &mut self,
        worker: &mut Worker,
        rule: Rule,
        kept: FxHashMap<BrickId, Box<Costs>>,
    ) -> Result<()> {
        let Some(told_level) = self.told_level else {
            return Ok(());
        };
        self.ledger.borrow_mut().levels[0].settle(Judging::Finest(rule), kept);
        let nothing = Judged::nothing();
        for level in 1..=told_level {
            self.begin_round();
            let bricks = self.told_bricks(worker.index(), level - 1);
            for some in bricks.chunks(SOME_BRICKS) {
                {
                    let mut ledger = self.ledger.borrow_mut();
                    let (below, above) = ledger.levels.split_at_mut(level);
                    let is_own = |brick| owner_at(&self.plan, level, brick) == worker.index();
                    for &id in some {
                        let told = below[level - 1].told(id);
                        let (own, others) = (&mut above[0], &mut self.others);
                        add_differences(id, &nothing, &told, own, others, is_own);
                    }
                }
                self.send_others(worker, level);
            }
            self.end_round(worker, Ok(Counted::default()), Telling::Nothing)?;
            let mut ledger = self.ledger.borrow_mut();
            ledger.levels[level].settle(Judging::Coarser, FxHashMap::default());
        }
        Ok(())
    }

    /// The bricks of this worker of which anything was told at a level.
    fn told_bricks(&self, me: usize, level: usize) -> Vec<BrickId> {
        let ledger = self.ledger.borrow();
        let told = ledger.levels[level].told_by();
        let is_own = |brick| owner_at(&self.plan, level, brick) == me;
        told.map_or_else(Vec::new, |told| {
            ledger.levels[level].known_bricks(&told, is_own)
        })
    }

    /// Ends an input: agrees on what was counted, and has the owners tell of what has changed at the level asked for.
    pub(super) fn end_input(
        &mut self,
        worker: &mut Worker,
        counted: Result<Counted>,
    ) -> Result<()> {
        let Some(told_level) = self.told_level else {
            return self.end_round(worker, counted, Telling::Nothing);
        };
        let telling = |level| match level == told_level {
            true => Telling::Changes(level),
            false => Telling::Nothing,
        };
        self.end_round(worker, counted, telling(0))?;
        let me = worker.index();
        for level in 1..=told_level {
            self.begin_round();
            {
                let mut ledger = self.ledger.borrow_mut();
                let judging = ledger.judging(level - 1);
                let (below, above) = ledger.levels.split_at_mut(level);
                let (above, others) = (&mut above[0], &mut self.others);
                let is_own = |brick| owner_at(&self.plan, level, brick) == me;
                let is_own_below = |brick| owner_at(&self.plan, level - 1, brick) == me;
                below[level - 1].differences(judging, is_own_below, |id, before, now| {
                    add_differences(id, before, now, above, others, is_own);
                });
            }
            self.send_others(worker, level);
            self.end_round(worker, Ok(Counted::default()), telling(level))?;
        }
        Ok(())
    }

    /// The bricks of this worker at the finest level, ascending.
    pub fn finest_bricks(&self, me: usize) -> Vec<BrickId> {
        let ledger = self.ledger.borrow();
        let judging = ledger.judging(0);
        ledger.levels[0].known_bricks(&judging, |id| self.plan.owner(id) == me)
    }

    /// Makes each level from the one below it; of those that were kept up nothing but points and sums is missing.
    pub(super) fn make_levels(&mut self, worker: &mut Worker) {
        let me = worker.index();
        let kept_up = self.told_level.unwrap_or(0);
        let coarsest = self.shared.lods.last().copied().unwrap_or(Header::CELL.lod);
        for tallies in &mut self.ledger.borrow_mut().levels {
            tallies.stop_telling();
        }
        for level in 1..=usize::from(Header::CELL.lod - coarsest) {
            self.begin_round();
            let bricks = match level {
                1 => self.finest_bricks(me),
                _ => {
                    let ledger = self.ledger.borrow();
                    let bricks = ledger.levels[level - 1].bricks().iter();
                    bricks.map(|b| b.id()).collect()
                }
            };
            let what = if level <= kept_up {
                Added::Sums
            } else {
                Added::All
            };
            for some in bricks.chunks(SOME_BRICKS) {
                {
                    let mut ledger = self.ledger.borrow_mut();
                    let judging = ledger.judging(level - 1);
                    let (below, above) = ledger.levels.split_at_mut(level);
                    let is_own = |brick| owner_at(&self.plan, level, brick) == me;
                    for &id in some {
                        let tally = below[level - 1].get(id);
                        let judged = judging.judge(id, tally);
                        let (own, others) = (&mut above[0], &mut self.others);
                        add_to_parents(id, &judged, tally, what, own, others, is_own);
                    }
                }
                self.send_others(worker, level);
            }
            self.ledger.borrow_mut().telling = Telling::Nothing;
            self.input.end_round(worker);
        }
    }
}
