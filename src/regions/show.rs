//! The part of an update that concerns other workers: what bricks show those of others beside them.

use super::border::{Border, UPWARD, joined_through};
use super::cube::{Place, Shown, indices};
use super::profile::{Profile, side};
use super::update::Update;
use crate::brick::{BrickId, Costs};
use crate::engine::shell::DIRECTIONS;
use rustc_hash::FxHashMap;

/// Bricks, as the slots of their cubes with a bit for each brick.
type Places = Vec<(u32, u64)>;

impl<'a, F: Fn(BrickId) -> Option<&'a Costs>> Update<'_, F> {
    /// The bricks of which profiles may change: those that change and those beside them, as far as they are this
    /// worker's. What a brick shows is less what its neighbours make needless.
    pub fn watched(&self, changed: &[Place]) -> Places {
        let mut watched: FxHashMap<u32, u64> = FxHashMap::default();
        if self.regions.plan.parts() > 1 {
            for &place in changed {
                *watched.entry(place.slot).or_default() |= 1 << place.index;
                let beside = (0..14).filter_map(|d| self.regions.beside(place, d));
                for place in beside {
                    *watched.entry(place.slot).or_default() |= 1 << place.index;
                }
            }
        }
        let mut watched: Places = watched.into_iter().collect();
        watched.sort_unstable();
        watched
    }

    /// What is shown by each of the cubes.
    pub fn profiles(&self, watched: &Places) -> Vec<Vec<Profile>> {
        let cubes = watched
            .iter()
            .map(|&(slot, _)| &self.regions.cubes[slot as usize]);
        cubes.map(|cube| cube.profiles()).collect()
    }

    /// Finds anew what bricks show to other workers.
    pub fn show(&mut self, watched: &Places) {
        for &(slot, bricks) in watched {
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
    }

    fn show_brick(&mut self, place: Place, shown: &mut Vec<Shown>) {
        for direction in 0..14 {
            if !self.is_foreign(place, direction) {
                continue;
            }
            let needless = self.needless(place, direction);
            self.need(place);
            let (upward, is_upper) = side(direction);
            for (piece, cells) in self.shelves.get(place).as_slice().iter().enumerate() {
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
        if upward < 3 {
            return 0;
        }
        let step = DIRECTIONS[UPWARD[upward]];
        let axes = (0..3).filter(|&axis| step[axis] != 0);
        axes.fold(0, |needless, axis| {
            let mut way = if is_upper { [0; 3] } else { step };
            way[axis] -= 1;
            let way = DIRECTIONS.iter().position(|&step| step == way);
            let between = way.and_then(|way| self.regions.beside(place, way));
            let Some(between) = between.filter(|&between| self.regions.has(between)) else {
                return needless;
            };
            self.need(between);
            let pieces = self.shelves.get(between).as_slice().iter();
            pieces.fold(needless, |needless, piece| {
                needless | joined_through(piece, upward, axis)
            })
        })
    }

    fn need(&mut self, place: Place) {
        let cube = &self.regions.cubes[place.slot as usize];
        self.shelves.need(place, cube);
    }
}
