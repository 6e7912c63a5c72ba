//! The phases: visits to bricks.

use super::kernel::{self, LabelView, Swept};
use super::shell::Rows;
use super::state::Queue;
use super::tile::NO_LABEL;
use super::{Engine, Phase};
use crate::lattice::UNREACHED;

impl Engine {
    /// Begins the retract phase of an epoch whose edits are all made.
    pub fn begin_retract(&mut self) {
        debug_assert_eq!(self.phase, Phase::Edit);
        self.phase = Phase::Retract;
    }

    /// Begins the relax phase: no worker has anything left to retract.
    pub fn begin_relax(&mut self) {
        debug_assert_eq!(self.phase, Phase::Retract);
        debug_assert!(self.queue.is_empty());
        self.phase = Phase::Relax;
        if self.restoring {
            self.restore_shells();
        }
        for slot in std::mem::take(&mut self.waiting) {
            self.set_seeds(slot);
            let brick = &mut self.bricks[slot as usize];
            let least = kernel::probe(
                &mut self.tile,
                &brick.costs,
                &brick.ticks,
                &brick.shell,
                brick.relax,
            );
            match least {
                Some(least) => {
                    brick.bucket = Queue::bucket(least);
                    self.queue.push(brick.bucket, slot);
                }
                None => brick.relax = Rows::NONE,
            }
            self.clear_seeds(slot);
        }
    }

    /// Begins the label phase: no worker has anything left to relax.
    pub fn begin_label(&mut self) {
        debug_assert_eq!(self.phase, Phase::Relax);
        debug_assert!(self.queue.is_empty());
        self.phase = Phase::Label;
        if !self.options.labels {
            return;
        }
        let touched = std::mem::take(&mut self.touched);
        for &slot in &touched {
            let rows = self.bricks[slot as usize].touched;
            self.mark_label(slot, rows);
        }
        self.touched = touched;
    }

    /// Visits up to `visits` bricks of the phase that has begun; false when none is left waiting.
    pub fn work(&mut self, visits: usize) -> bool {
        for _ in 0..visits {
            let Some((bucket, slot)) = self.queue.pop() else {
                return false;
            };
            if self.bricks[slot as usize].bucket != bucket {
                continue;
            }
            self.bricks[slot as usize].bucket = u32::MAX;
            self.stats.visits += 1;
            let swept = match self.phase {
                Phase::Retract => self.visit_retract(slot),
                Phase::Relax => self.visit_relax(slot),
                Phase::Label => self.visit_label(slot),
                Phase::Edit => unreachable!("no visits between epochs"),
            };
            self.stats.rows += u64::from(swept.rows);
        }
        !self.queue.is_empty()
    }

    fn visit_retract(&mut self, slot: u32) -> Swept {
        let dirty = std::mem::take(&mut self.bricks[slot as usize].retract);
        self.set_seeds(slot);
        let brick = &mut *self.bricks[slot as usize];
        let swept = kernel::retract(
            &mut self.tile,
            &brick.costs,
            &mut brick.ticks,
            &brick.shell,
            dirty,
        );
        self.clear_seeds(slot);
        if !swept.changed.is_empty() {
            self.touch(slot, swept.changed.union(swept.changed.dependents()));
            // What lost its distance may find another one.
            self.mark(slot, Rows::NONE, swept.changed, u32::MAX, u32::MAX);
            self.tell(slot, swept.changed);
        }
        swept
    }

    fn visit_relax(&mut self, slot: u32) -> Swept {
        let dirty = std::mem::take(&mut self.bricks[slot as usize].relax);
        self.set_seeds(slot);
        let brick = &mut *self.bricks[slot as usize];
        let swept = kernel::relax(
            &mut self.tile,
            &brick.costs,
            &mut brick.ticks,
            &brick.shell,
            dirty,
        );
        self.clear_seeds(slot);
        self.greatest = self.greatest.max(swept.greatest);
        if !swept.changed.is_empty() {
            self.touch(slot, swept.changed.union(swept.changed.dependents()));
            self.tell(slot, swept.changed);
        }
        swept
    }

    fn visit_label(&mut self, slot: u32) -> Swept {
        let dirty = std::mem::take(&mut self.bricks[slot as usize].label);
        let seeds = self
            .seeds
            .get(&slot)
            .filter(|_| self.bricks[slot as usize].seeded);
        for &(local, label) in seeds.into_iter().flatten() {
            self.seed_labels[local.index()] = label;
        }
        let brick = &mut *self.bricks[slot as usize];
        let (Some(labels), Some(padded)) = (&mut brick.labels, &mut self.padded_labels) else {
            return Swept::default();
        };
        let view = LabelView {
            padded,
            own: &mut labels.own,
            shell: &labels.shell,
            seeds: &self.seed_labels,
        };
        let swept = kernel::label(
            &mut self.tile,
            &brick.costs,
            &brick.ticks,
            &brick.shell,
            view,
            dirty,
        );
        for &(local, _) in self.seeds.get(&slot).into_iter().flatten() {
            self.seed_labels[local.index()] = NO_LABEL;
        }
        if !swept.changed.is_empty() {
            self.touch(slot, swept.changed);
            self.tell_labels(slot, swept.changed);
        }
        swept
    }

    fn set_seeds(&mut self, slot: u32) {
        if self.bricks[slot as usize].seeded {
            for (local, _) in self.seeds.get(&slot).into_iter().flatten() {
                if self.bricks[slot as usize].costs[local.index()] > 0 {
                    self.tile.seed[local.index()] = 0;
                }
            }
        }
    }

    fn clear_seeds(&mut self, slot: u32) {
        if self.bricks[slot as usize].seeded {
            for (local, _) in self.seeds.get(&slot).into_iter().flatten() {
                self.tile.seed[local.index()] = UNREACHED;
            }
        }
    }

    /// Queues rows of a brick for new labels, by the least distance in them.
    pub(super) fn mark_label(&mut self, slot: u32, rows: Rows) {
        if self.restoring {
            return;
        }
        self.touch(slot, rows);
        let brick = &mut self.bricks[slot as usize];
        brick.label.insert(rows);
        let mut least = UNREACHED;
        for parity in 0..2 {
            let mut left = rows.0[parity];
            while left != 0 {
                let cell = parity << 9 | (left.trailing_zeros() as usize) << 3;
                left &= left - 1;
                least = brick.ticks[cell..cell + 8]
                    .iter()
                    .copied()
                    .fold(least, u32::min);
            }
        }
        let bucket = Queue::bucket(least);
        if self.phase == Phase::Label && bucket < brick.bucket {
            brick.bucket = bucket;
            self.queue.push(bucket, slot);
        }
    }
}
