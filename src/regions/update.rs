//! One update of a worker's regions: from changed bricks to changed edges.

use super::border::{UPWARD, contacts};
use super::cube::{BESIDE, NO_CUBE, Place, SAME, indices};
use super::shelves::Shelves;
use super::{Region, Regions};
use crate::brick::{BrickId, Costs};
use crate::engine::shell::opposite;
use std::collections::{BTreeMap, BTreeSet};

/// An update under way.
pub(super) struct Update<'r, F> {
    pub regions: &'r mut Regions,
    pub shelves: Shelves<F>,
    /// The cubes whose regions must be found again, and their bricks whose pieces are others than before.
    regroup: BTreeMap<u32, u64>,
    /// The cubes whose edges must be found again.
    relink: BTreeSet<u32>,
    /// The contacts of a pair.
    found: Vec<(u16, u16)>,
}

impl<'a, F: Fn(BrickId) -> Option<&'a Costs>> Update<'_, F> {
    pub fn new(regions: &mut Regions, costs: F) -> Update<'_, F> {
        Update {
            regions,
            shelves: Shelves::new(costs),
            regroup: BTreeMap::new(),
            relink: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    /// Takes in the bricks of this worker that changed, in ascending order.
    pub fn run(mut self, changed: &[BrickId]) {
        let places = self.flood(changed);
        let watched = self.watched(&places);
        let told = self.profiles(&watched);
        for &place in &places {
            self.put(place);
            self.meet(place);
        }
        self.regroup();
        self.relink();
        self.show(&watched);
        let tell = self.profiles(&watched);
        for (before, after) in told.iter().zip(&tell) {
            difference(before, after, &mut self.regions.changes.profiles);
        }
        self.regions.changes.moved.extend_from_slice(changed);
    }

    /// Finds the pieces of the bricks that changed, and makes room for them.
    fn flood(&mut self, changed: &[BrickId]) -> Vec<Place> {
        let mut places = Vec::with_capacity(changed.len());
        for &brick in changed {
            let pieces = self.shelves.flood(brick);
            if pieces.as_slice().is_empty() && self.regions.place(brick).is_none() {
                continue;
            }
            let place = self.regions.place_or_new(brick);
            self.shelves.put(place, pieces);
            places.push(place);
        }
        places
    }

    /// Takes over the pieces of a brick that changed.
    fn put(&mut self, place: Place) {
        let cube = &mut self.regions.cubes[place.slot as usize];
        if cube.put(place.index, self.shelves.get(place).leasts()) {
            *self.regroup.entry(place.slot).or_default() |= 1 << place.index;
            self.relink.insert(place.slot);
        }
    }

    /// Finds the contacts of a brick that changed with the bricks below it, and with those above it unless they changed
    /// too: codes ascend upwards, so these come later and meet this one in their turn.
    fn meet(&mut self, place: Place) {
        for (upward, &direction) in UPWARD.iter().enumerate() {
            if let Some(lower) = self.regions.beside(place, opposite(direction)) {
                self.meet_pair(lower, place, upward);
            }
            let upper = self.regions.beside(place, direction);
            if let Some(upper) = upper.filter(|&upper| !self.shelves.has_changed(upper)) {
                self.meet_pair(place, upper, upward);
            }
        }
    }

    fn meet_pair(&mut self, lower: Place, upper: Place, upward: usize) {
        let cubes = &mut self.regions.cubes;
        let has = |p: Place| cubes[p.slot as usize].has(p.index);
        self.found.clear();
        if !has(lower) {
            return;
        }
        if has(upper) {
            self.shelves.need(lower, &cubes[lower.slot as usize]);
            self.shelves.need(upper, &cubes[upper.slot as usize]);
            let (lower, upper) = (self.shelves.get(lower), self.shelves.get(upper));
            contacts(lower, upper, upward, |a, b| self.found.push((a, b)));
        }
        let cube = &mut cubes[lower.slot as usize];
        if cube.set_contacts(lower.index, upward, &self.found) {
            if BESIDE[usize::from(lower.index)][UPWARD[upward]].0 == SAME {
                self.regroup.entry(lower.slot).or_default();
            } else {
                self.relink.insert(lower.slot);
            }
        }
    }

    /// Finds the regions of the cubes where pieces or contacts changed.
    fn regroup(&mut self) {
        for (slot, fresh) in std::mem::take(&mut self.regroup) {
            let cube = &mut self.regions.cubes[slot as usize];
            let renamed = cube.regroup(fresh);
            let bricks = indices(renamed).map(|index| cube.brick(index));
            self.regions.changes.moved.extend(bricks);
            if renamed != 0 {
                self.relink.insert(slot);
                let below = UPWARD.map(|direction| cube.around[opposite(direction)]);
                (self.relink).extend(below.iter().filter(|&&slot| slot != NO_CUBE));
            }
        }
    }

    /// Finds the edges of the cubes where contacts or names changed.
    fn relink(&mut self) {
        for slot in std::mem::take(&mut self.relink) {
            let regions = &mut *self.regions;
            let mut edges: Vec<(Region, Region)> = Vec::new();
            regions.cubes[slot as usize].contacts_out(|lower, place, piece| {
                let cube = &regions.cubes[place.slot as usize];
                let upper = cube.region(place.index, piece);
                // Neighbouring bricks of two cubes mostly repeat the edge of those before them.
                edges.extend(
                    upper
                        .map(|upper| (lower, upper))
                        .filter(|e| edges.last() != Some(e)),
                );
            });
            edges.sort_unstable();
            edges.dedup();
            let before = &mut regions.cubes[slot as usize].edges;
            difference(before, &edges, &mut regions.changes.edges);
            edges.shrink_to_fit();
            *before = edges;
        }
    }
}

/// Adds what takes one ascending list to another.
fn difference<T: Ord + Copy>(before: &[T], after: &[T], changes: &mut Vec<(T, isize)>) {
    let (mut gone, mut come) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let ordering = match (gone.peek(), come.peek()) {
            (Some(g), Some(c)) => g.cmp(c),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return,
        };
        if ordering.is_le() {
            let gone = gone.next();
            changes.extend(gone.filter(|_| ordering.is_lt()).map(|&g| (g, -1)));
        }
        if ordering.is_ge() {
            let come = come.next();
            changes.extend(come.filter(|_| ordering.is_gt()).map(|&c| (c, 1)));
        }
    }
}
