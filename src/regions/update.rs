//! One update of a worker's regions: from changed bricks to changed edges and profiles.

use super::border::{Border, UPWARD, contacts, joined_through};
use super::cube::{BESIDE, NO_CUBE, Place, SAME, Shown, indices};
use super::planes::{Pieces, Planes};
use super::profile::side;
use super::{Region, Regions};
use crate::brick::{BrickId, Costs};
use crate::engine::shell::{DIRECTIONS, opposite};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Sets of bricks, as the slots of their cubes with a bit for each brick.
type Places = FxHashMap<u32, u64>;

/// An update under way.
pub(super) struct Update<'r, F> {
    regions: &'r mut Regions,
    costs: F,
    /// The pieces that were needed so far, and are as the costs are now.
    pieces: FxHashMap<BrickId, Pieces>,
    /// The cubes whose regions must be found again, and their bricks whose pieces are others than before.
    regroup: BTreeMap<u32, u64>,
    /// The cubes whose edges must be found again.
    relink: BTreeSet<u32>,
    found: Vec<(u16, u16)>,
}

impl<'a, F: Fn(BrickId) -> Option<&'a Costs>> Update<'_, F> {
    pub fn new(regions: &mut Regions, costs: F) -> Update<'_, F> {
        Update {
            regions,
            costs,
            pieces: FxHashMap::default(),
            regroup: BTreeMap::new(),
            relink: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    /// Takes in the bricks of this worker that changed, in ascending order.
    pub fn run(mut self, changed: &[BrickId]) {
        let places = self.flood(changed);
        let watched = self.watched(&places);
        let told: Vec<_> = (watched.keys())
            .map(|&slot| (slot, self.regions.cubes[slot as usize].profiles()))
            .collect();
        for &place in &places {
            self.put(place);
        }
        self.meet(&places);
        self.regroup();
        self.relink();
        for (&slot, &bricks) in &watched {
            self.show(slot, bricks);
        }
        for (slot, before) in told {
            let after = self.regions.cubes[slot as usize].profiles();
            difference(&before, &after, &mut self.regions.changes.profiles);
        }
        self.regions.changes.moved.extend_from_slice(changed);
    }

    /// Finds the pieces of the bricks that changed, and makes room for them.
    fn flood(&mut self, changed: &[BrickId]) -> Vec<Place> {
        self.pieces.reserve(changed.len());
        let mut places = Vec::with_capacity(changed.len());
        for &brick in changed {
            let open = (self.costs)(brick).map(Planes::open);
            let pieces = open.map_or(Pieces::Some(Box::new([])), Pieces::of);
            if pieces.as_slice().is_empty() && self.regions.place(brick).is_none() {
                continue;
            }
            self.pieces.insert(brick, pieces);
            places.push(self.regions.place_or_new(brick));
        }
        places
    }

    /// Takes over the pieces of a brick that changed.
    fn put(&mut self, place: Place) {
        let cube = &mut self.regions.cubes[place.slot as usize];
        let pieces = &self.pieces[&cube.brick(place.index)];
        if cube.put(place.index, pieces.leasts()) {
            *self.regroup.entry(place.slot).or_default() |= 1 << place.index;
            self.relink.insert(place.slot);
        }
    }

    /// Finds the contacts of the bricks that changed with those around them.
    fn meet(&mut self, places: &[Place]) {
        let mut changed = Places::default();
        for place in places {
            *changed.entry(place.slot).or_default() |= 1 << place.index;
        }
        for &place in places {
            for (upward, &direction) in UPWARD.iter().enumerate() {
                let upper = self.regions.beside(place, direction);
                self.meet_pair(place, upper, upward);
                // A lower brick that changed too meets this one in its own turn.
                let lower = self.regions.beside(place, opposite(direction));
                let unchanged = |p: &Place| {
                    changed
                        .get(&p.slot)
                        .is_none_or(|bricks| bricks >> p.index & 1 == 0)
                };
                if let Some(lower) = lower.filter(unchanged) {
                    self.meet_pair(lower, Some(place), upward);
                }
            }
        }
    }

    fn meet_pair(&mut self, lower: Place, upper: Option<Place>, upward: usize) {
        if !self.regions.has(lower) {
            return;
        }
        let upper = upper.filter(|&upper| self.regions.has(upper));
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        if let Some(upper) = upper {
            let (lower, upper) = (self.need(lower), self.need(upper));
            let (lower, upper) = (&self.pieces[&lower], &self.pieces[&upper]);
            contacts(lower, upper, upward, |a, b| found.push((a, b)));
        }
        let cube = &mut self.regions.cubes[lower.slot as usize];
        if cube.set_contacts(lower.index, upward, &found) {
            if BESIDE[usize::from(lower.index)][UPWARD[upward]].0 == SAME {
                self.regroup.entry(lower.slot).or_default();
            } else {
                self.relink.insert(lower.slot);
            }
        }
        self.found = found;
    }

    /// Makes sure that the pieces of a brick with open cells are known.
    fn need(&mut self, place: Place) -> BrickId {
        let brick = self.regions.brick(place);
        if !self.pieces.contains_key(&brick) {
            let costs = (self.costs)(brick).expect("an own brick with open cells has costs");
            let open = Planes::open(costs);
            let cube = &self.regions.cubes[place.slot as usize];
            // A brick that did not change has as many pieces as before.
            let pieces = match cube.piece_count(place.index) {
                1 => Pieces::one(open),
                _ => Pieces::of(open),
            };
            self.pieces.insert(brick, pieces);
        }
        brick
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
                self.relink
                    .extend(below.iter().filter(|&&slot| slot != NO_CUBE));
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
                edges.extend(upper.map(|upper| (lower, upper)));
            });
            edges.sort_unstable();
            edges.dedup();
            let before = &mut regions.cubes[slot as usize].edges;
            difference(before, &edges, &mut regions.changes.edges);
            edges.shrink_to_fit();
            *before = edges;
        }
    }

    /// The bricks of which profiles may change: those that change and those beside them, as far as they are this
    /// worker's. What a brick shows is less what its neighbours make needless.
    fn watched(&self, changed: &[Place]) -> BTreeMap<u32, u64> {
        let mut watched = Places::default();
        if self.regions.plan.parts() > 1 {
            for &place in changed {
                *watched.entry(place.slot).or_default() |= 1 << place.index;
                let beside = (0..14).filter_map(|d| self.regions.beside(place, d));
                for place in beside {
                    *watched.entry(place.slot).or_default() |= 1 << place.index;
                }
            }
        }
        watched.into_iter().collect()
    }

    /// Finds anew what some bricks of a cube show to other workers.
    fn show(&mut self, slot: u32, bricks: u64) {
        let mut shown = std::mem::take(&mut self.regions.cubes[slot as usize].shown);
        shown.retain(|shown| bricks >> shown.index & 1 == 0);
        for index in indices(bricks) {
            let place = Place { slot, index };
            if self.regions.has(place) {
                self.show_brick(place, &mut shown);
            }
        }
        shown.sort_unstable_by_key(|shown| (shown.index, shown.direction, shown.piece));
        shown.shrink_to_fit();
        self.regions.cubes[slot as usize].shown = shown;
    }

    fn show_brick(&mut self, place: Place, shown: &mut Vec<Shown>) {
        for direction in 0..14 {
            if !self.is_foreign(place, direction) {
                continue;
            }
            let needless = self.needless(place, direction);
            let brick = self.need(place);
            let (upward, is_upper) = side(direction);
            for (piece, cells) in self.pieces[&brick].as_slice().iter().enumerate() {
                let mut border = if is_upper {
                    Border::of_upper(cells, upward)
                } else {
                    Border::of_lower(cells, upward)
                };
                border.even &= !needless;
                if !border.is_empty() {
                    shown.push(Shown {
                        index: place.index,
                        direction: direction as u8,
                        piece: piece as u16,
                        border,
                    });
                }
            }
        }
    }

    /// True if the brick in a direction belongs to another worker.
    fn is_foreign(&self, place: Place, direction: usize) -> bool {
        let beside = self.regions.beside(place, direction);
        if beside.is_some_and(|beside| self.regions.has(beside)) {
            return false;
        }
        let brick = self.regions.brick(place).offset(DIRECTIONS[direction]);
        brick.is_some_and(|brick| self.regions.plan.owner(brick) != self.regions.me)
    }

    /// The even cells in the border of a pair whose contacts follow from bricks of this worker that lie between: none
    /// across faces.
    fn needless(&mut self, place: Place, direction: usize) -> u64 {
        let (upward, is_upper) = side(direction);
        let step = DIRECTIONS[UPWARD[upward]];
        let axes = (0..3).filter(|&axis| step[axis] != 0);
        if upward < 3 {
            return 0;
        }
        axes.fold(0, |needless, axis| {
            let mut way = if is_upper { [0; 3] } else { step };
            way[axis] -= 1;
            needless | self.joined(place, way, upward, axis)
        })
    }

    fn joined(&mut self, place: Place, way: [i32; 3], upward: usize, axis: usize) -> u64 {
        let direction = DIRECTIONS.iter().position(|&step| step == way);
        let between = direction.and_then(|direction| self.regions.beside(place, direction));
        let Some(between) = between.filter(|&between| self.regions.has(between)) else {
            return 0;
        };
        let brick = self.need(between);
        let pieces = self.pieces[&brick].as_slice().iter();
        pieces.fold(0, |cells, piece| {
            cells | joined_through(piece, upward, axis)
        })
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
