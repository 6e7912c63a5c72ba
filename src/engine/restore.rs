//! Taking up a field where it was left: distances that are known go in, and only what follows from them is derived.
//!
//! At the end of an epoch nothing waits, so distances and labels say all: what a shell holds is what the bricks around
//! have on their boundaries. An engine that is restored fills its shells so in an epoch of its own, in which nothing is
//! visited; the dataflow carries it as any other.

use super::shell::{self, DIRECTIONS};
use super::state::Link;
use super::tile::{self, Ticks};
use super::{Engine, Phase, Rows};
use crate::brick::BrickId;
use crate::lattice::{Cell, UNREACHED};

impl Engine {
    /// Begins to take up a field, after [`Engine::load`] and before the first epoch, which then must bring no edits:
    /// distances are put back by [`Engine::restore`], sources by [`Engine::add_source`] with their labels.
    pub fn begin_restoring(&mut self) {
        debug_assert!(self.phase == Phase::Edit && !self.settled);
        self.restoring = true;
    }

    /// Puts back the distances of a brick of this worker as they were at the end of an epoch, and its labels where
    /// they are kept.
    ///
    /// # Panics
    /// If the brick is not one of this worker.
    pub fn restore(&mut self, brick: BrickId, ticks: &Ticks, labels: Option<&Ticks>) {
        debug_assert!(self.restoring);
        let brick = &mut *self.bricks[self.index[&brick] as usize];
        brick.ticks = *ticks;
        brick.unsaved = Rows::NONE;
        if let (Some(own), Some(labels)) = (&mut brick.labels, labels) {
            own.own = *labels;
        }
        let finite = ticks.iter().copied().filter(|&t| t != UNREACHED);
        self.greatest = finite.fold(self.greatest, u32::max);
    }

    /// Fills the shells of this worker's bricks, and tells other workers what theirs hold.
    pub(super) fn restore_shells(&mut self) {
        for slot in 0..self.bricks.len() as u32 {
            for direction in 0..DIRECTIONS.len() {
                match self.bricks[slot as usize].links[direction] {
                    Link::None => {}
                    Link::Own(beside) => self.restore_region(slot, direction, beside),
                    Link::Mirror(mirror) => self.restore_mirror(slot, direction, mirror),
                }
            }
        }
    }

    /// Fills a region of a brick's shell from the brick that owns it.
    fn restore_region(&mut self, slot: u32, region: usize, owner: u32) {
        for (ghost, &place) in shell::places(region).iter().enumerate() {
            let owner = &self.bricks[owner as usize];
            let place = usize::from(place);
            if owner.ticks[place] == UNREACHED {
                continue;
            }
            let sums = tile::sums(owner.ticks[place], owner.costs[place]);
            let label = owner.labels.as_ref().map(|l| l.own[place]);
            let brick = &mut *self.bricks[slot as usize];
            if let (Some(labels), Some(label)) = (&mut brick.labels, label) {
                labels.shell[shell::ghost_offset(region) + ghost] = label;
            }
            let words = &mut brick.shell[shell::sum_offset(region)..];
            put_sums(words, region, ghost, sums);
        }
    }

    /// Notes what the brick of another worker in `direction` is told of a brick, and tells it.
    fn restore_mirror(&mut self, slot: u32, direction: usize, mirror: u32) {
        let region = shell::opposite(direction);
        let brick = &self.bricks[slot as usize];
        let told = &mut self.mirrors[mirror as usize];
        let mut finite = [0u64; 2];
        for (ghost, &place) in shell::places(region).iter().enumerate() {
            let place = usize::from(place);
            if brick.ticks[place] == UNREACHED {
                continue;
            }
            let sums = tile::sums(brick.ticks[place], brick.costs[place]);
            put_sums(&mut told.sums, region, ghost, sums);
            if let (Some(labels), Some(own)) = (&mut told.labels, &brick.labels) {
                labels[ghost] = own.own[place];
            }
            finite[ghost >> 6] |= 1 << (ghost & 63);
        }
        for (far, ghosts) in finite.into_iter().enumerate() {
            self.send_ghosts(slot, mirror, ghosts, far);
        }
    }

    /// Ends the epoch in which shells were filled: nothing has changed, and next hops are as they were.
    pub(super) fn close_restoring(&mut self) {
        self.restoring = false;
        for slot in std::mem::take(&mut self.touched) {
            self.bricks[slot as usize].touched = Rows::NONE;
        }
        if self.options.changes && self.options.next {
            for slot in 0..self.bricks.len() as u32 {
                let next = self.next_hops(slot);
                self.bricks[slot as usize].next = Some(Box::new(next));
            }
        }
    }

    /// The slots of the bricks that may have changed since they were last given out here, in ascending order of their
    /// ids, and their rows that may have; all of them at first.
    pub fn take_unsaved(&mut self) -> Vec<(u32, Rows)> {
        let slots = self.slots_by_id().into_iter();
        slots
            .map(|slot| {
                (
                    slot,
                    std::mem::take(&mut self.bricks[slot as usize].unsaved),
                )
            })
            .filter(|(_, rows)| !rows.is_empty())
            .collect()
    }

    /// The sources of this worker, dormant ones too, with their labels, in no order.
    pub fn sources(&self) -> impl Iterator<Item = (Cell, u32)> + '_ {
        self.seeds.iter().flat_map(|(&slot, seeds)| {
            let id = self.bricks[slot as usize].id;
            seeds
                .iter()
                .map(move |&(local, label)| (id.cell(local), label))
        })
    }
}

/// Writes the sums of a ghost where a shell's region, or the mirror of one, has them.
fn put_sums(words: &mut [u32], region: usize, ghost: usize, (diagonal, axial): (u32, u32)) {
    if ghost >= 64 {
        words[64 + ghost] = axial;
    } else {
        words[ghost] = diagonal;
        if region < 6 {
            words[64 + ghost] = axial;
        }
    }
}
