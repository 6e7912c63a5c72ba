//! The end of an epoch: what changed, as cells that leave and cells that come.

use super::kernel::NO_NEXT;
use super::tile::NO_LABEL;
use super::{Engine, Phase};
use crate::brick::{BrickId, LOCAL_BY_INDEX, Local};
use crate::lattice::UNREACHED;

/// A cell's record before (`diff` −1) or after (`diff` +1) an epoch that changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellChange {
    /// The cell's brick.
    pub brick: BrickId,
    /// The cell's place in it.
    pub local: Local,
    /// The distance, always finite.
    pub ticks: u32,
    /// The label of the source that it leads to; [`NO_LABEL`] where labels are not kept.
    pub label: u32,
    /// The next hop; [`NO_NEXT`] where next hops are not kept.
    pub next: i8,
    /// −1 or +1.
    pub diff: i8,
}

impl Engine {
    /// Closes the epoch after its last phase (label, or relax if no labels are kept). Its changes can then be taken, and edits of the next one made.
    pub fn close_epoch(&mut self) {
        debug_assert!(match self.phase {
            Phase::Relax => !self.options.labels,
            phase => phase == Phase::Label,
        });
        debug_assert!(self.queue.is_empty());
        self.phase = Phase::Edit;
        if self.restoring {
            self.settled = true;
            self.close_restoring();
            return;
        }
        let mut touched = std::mem::take(&mut self.touched);
        if self.options.changes {
            touched.sort_unstable_by_key(|&s| std::cmp::Reverse(self.bricks[s as usize].id));
            self.closing = touched;
        } else {
            for &slot in &touched {
                self.bricks[slot as usize].touched = super::Rows::NONE;
            }
            touched.clear();
            self.touched = touched;
        }
        self.settled = true;
    }

    /// Gives out the changes of up to `bricks` bricks of the epoch just closed, in ascending Index64 order, a cell's
    /// −1 before its +1; false when none is left. All must be taken before the next epoch's edits.
    pub fn take_changes(&mut self, bricks: usize, mut each: impl FnMut(CellChange)) -> bool {
        for _ in 0..bricks {
            let Some(slot) = self.closing.pop() else {
                break;
            };
            self.changes_of(slot, &mut each);
        }
        !self.closing.is_empty()
    }

    fn changes_of(&mut self, slot: u32, each: &mut impl FnMut(CellChange)) {
        let new_next = self.options.next.then(|| Box::new(self.next_hops(slot)));
        let brick = &mut *self.bricks[slot as usize];
        brick.touched = super::Rows::NONE;
        let before = brick.before.take();
        let old_next = match new_next.clone() {
            Some(next) => brick.next.replace(next),
            None => None,
        };
        for local in LOCAL_BY_INDEX {
            let at = local.index();
            let record = |ticks: u32, label: Option<u32>, next: Option<i8>, diff| CellChange {
                brick: brick.id,
                local,
                ticks,
                label: label.unwrap_or(NO_LABEL),
                next: next.unwrap_or(NO_NEXT),
                diff,
            };
            let old = before.as_ref().map_or(UNREACHED, |b| b.ticks[at]);
            let old_label = before
                .as_ref()
                .and_then(|b| b.labels.as_ref().map(|l| l[at]));
            let old = record(old, old_label, old_next.as_ref().map(|n| n[at]), -1);
            let label = brick.labels.as_ref().map(|l| l.own[at]);
            let new = record(brick.ticks[at], label, new_next.as_ref().map(|n| n[at]), 1);
            if (old.ticks, old.label, old.next) != (new.ticks, new.label, new.next) {
                if old.ticks != UNREACHED {
                    each(old);
                }
                if new.ticks != UNREACHED {
                    each(new);
                }
            }
        }
    }
}

impl Engine {
    /// Computes one epoch of an engine that is alone: all phases, from its edits to its close.
    pub fn solve(&mut self) {
        self.begin_retract();
        while self.work(usize::MAX) {}
        self.begin_relax();
        while self.work(usize::MAX) {}
        self.begin_label();
        while self.work(usize::MAX) {}
        self.close_epoch();
    }
}
