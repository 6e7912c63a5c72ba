//! Edits between epochs: costs, sources, new bricks.

use super::message::Message;
use super::shell::{self, DIRECTIONS, Rows, SEGMENTS};
use super::state::{BrickState, Link};
use super::tile;
use super::{Engine, Phase};
use crate::brick::{BRICK_CELLS, BrickId, Local};
use crate::lattice::UNREACHED;

impl Engine {
    /// Sets the stored cost of a cell of this worker; 0 blocks it. Creates its brick where there is none.
    pub fn set_cost(&mut self, brick: BrickId, local: Local, cost: u16) {
        debug_assert_eq!(self.phase, Phase::Edit);
        let slot = match self.index.get(&brick) {
            Some(&slot) => slot,
            None if cost == 0 => return,
            None => self.create(brick),
        };
        let old = self.bricks[slot as usize].costs[local.index()];
        if old == cost {
            return;
        }
        let rows = Rows::of(local);
        let rows = rows.union(rows.dependents());
        self.touch(slot, rows);
        let state = &mut *self.bricks[slot as usize];
        state.costs[local.index()] = cost;
        if cost == 0 {
            state.ticks[local.index()] = UNREACHED;
        }
        let sums = tile::sums(state.ticks[local.index()], cost);
        self.mark(slot, rows, rows, 0, 0);
        let (count, segments) = &SEGMENTS[local.index() >> 3];
        for segment in &segments[..usize::from(*count)] {
            let lane = (local.index() & 7) as u8;
            if lane >= segment.lane && lane < segment.lane + segment.count {
                self.tell_cell(slot, local, *segment, sums);
            }
        }
    }

    /// Makes a cell of this worker a source with a label. A cell that is a source already stays as it is.
    pub fn add_source(&mut self, brick: BrickId, local: Local, label: u32) {
        debug_assert_eq!(self.phase, Phase::Edit);
        let slot = match self.index.get(&brick) {
            Some(&slot) => slot,
            None => self.create(brick),
        };
        self.bricks[slot as usize].seeded = true;
        let seeds = self.seeds.entry(slot).or_default();
        if seeds.iter().any(|(l, _)| *l == local) {
            return;
        }
        seeds.push((local, label));
        self.mark(slot, Rows::NONE, Rows::of(local), 0, 0);
    }

    /// Makes a source of this worker an ordinary cell again; false, and nothing, if it is none.
    pub fn remove_source(&mut self, brick: BrickId, local: Local) -> bool {
        debug_assert_eq!(self.phase, Phase::Edit);
        let Some(&slot) = self.index.get(&brick) else {
            return false;
        };
        let Some(seeds) = self.seeds.get_mut(&slot) else {
            return false;
        };
        let before = seeds.len();
        seeds.retain(|(l, _)| *l != local);
        let found = seeds.len() < before;
        if seeds.is_empty() {
            self.seeds.remove(&slot);
            self.bricks[slot as usize].seeded = false;
        }
        if found {
            self.mark(slot, Rows::of(local), Rows::NONE, 0, 0);
        }
        found
    }

    /// True if the cell is a source, dormant or not.
    pub fn is_source(&self, brick: BrickId, local: Local) -> bool {
        let slot = self.index.get(&brick);
        slot.and_then(|slot| self.seeds.get(slot))
            .is_some_and(|seeds| seeds.iter().any(|(l, _)| *l == local))
    }

    /// A new brick of blocked cells, linked to those around, its shell filled with what they know.
    fn create(&mut self, id: BrickId) -> u32 {
        let slot = self.bricks.len() as u32;
        let costs = Box::new([0; BRICK_CELLS]);
        self.bricks
            .push(BrickState::new(id, costs, self.options.labels));
        self.index.insert(id, slot);
        for (direction, step) in DIRECTIONS.iter().enumerate() {
            let Some(beside) = id.offset(*step) else {
                continue;
            };
            if let Some(&own) = self.index.get(&beside) {
                self.bricks[slot as usize].links[direction] = Link::Own(own);
                let back = shell::opposite(direction);
                self.bricks[own as usize].links[back] = Link::Own(slot);
                self.fill_region(slot, direction, own);
            } else if self.plan.owner(beside) != self.me {
                // Whether the brick exists, only its owner knows: it answers if it does, and the mirror stays unread
                // if it does not.
                self.bricks[slot as usize].links[direction] =
                    self.new_mirror(beside, shell::opposite(direction));
                self.outbox
                    .push(Message::request(beside, shell::opposite(direction)));
            }
        }
        slot
    }

    /// Fills a region of a new brick's shell from another brick of this worker.
    fn fill_region(&mut self, slot: u32, region: usize, owner: u32) {
        for ghost in 0..shell::ghosts(region) {
            let local = shell::owner_local(region, ghost).index();
            let owner = &self.bricks[owner as usize];
            let sums = tile::sums(owner.ticks[local], owner.costs[local]);
            let label = owner.labels.as_ref().map(|l| l.own[local]);
            if let (Some(labels), Some(label)) = (&mut self.bricks[slot as usize].labels, label) {
                labels.shell[shell::ghost_offset(region) + ghost] = label;
            }
            self.write_ghost(slot, region, ghost, sums);
        }
    }

    /// Sends all ghosts that a new brick in `direction` of an own one asks for.
    pub(super) fn answer(&mut self, slot: u32, direction: usize) {
        let region = shell::opposite(direction);
        let id = self.bricks[slot as usize].id;
        let Some(beside) = id.offset(DIRECTIONS[direction]) else {
            return;
        };
        if matches!(self.bricks[slot as usize].links[direction], Link::None) {
            self.bricks[slot as usize].links[direction] = self.new_mirror(beside, region);
        }
        let Link::Mirror(mirror) = self.bricks[slot as usize].links[direction] else {
            return;
        };
        let brick = &self.bricks[slot as usize];
        let told = &mut self.mirrors[mirror as usize];
        for ghost in 0..shell::ghosts(region) {
            let local = shell::owner_local(region, ghost).index();
            let (diagonal, axial) = tile::sums(brick.ticks[local], brick.costs[local]);
            if ghost >= 64 {
                told.sums[64 + ghost] = axial;
            } else {
                told.sums[ghost] = diagonal;
                if region < 6 {
                    told.sums[64 + ghost] = axial;
                }
            }
            if let (Some(labels), Some(own)) = (&mut told.labels, &brick.labels) {
                labels[ghost] = own.own[local];
            }
        }
        for far in 0..2 {
            let count = shell::ghosts(region).saturating_sub(64 * far).min(64);
            if count > 0 {
                self.send_ghosts(slot, mirror, !0 >> (64 - count), far);
            }
        }
    }
}
