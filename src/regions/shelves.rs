//! The pieces of bricks as one update knows them: found when needed, once each.

use super::cube::{Cube, Place};
use super::planes::Pieces;
use crate::brick::{BrickId, Costs, Planes};
use rustc_hash::FxHashMap;

/// The pieces of bricks, by place.
pub(super) struct Shelves<F> {
    costs: F,
    /// By slot.
    shelves: FxHashMap<u32, Box<Shelf>>,
}

/// The bricks of one cube.
struct Shelf {
    /// Those that changed, a bit each.
    changed: u64,
    /// The pieces of those that were needed so far, as the costs are now.
    pieces: [Option<Pieces>; 64],
}

impl Shelf {
    fn new() -> Box<Shelf> {
        Box::new(Shelf {
            changed: 0,
            pieces: [const { None }; 64],
        })
    }
}

impl<'a, F: Fn(BrickId) -> Option<&'a Costs>> Shelves<F> {
    pub fn new(costs: F) -> Self {
        Shelves {
            costs,
            shelves: FxHashMap::default(),
        }
    }

    /// The pieces of a brick that changed.
    pub fn flood(&self, brick: BrickId) -> Pieces {
        (self.costs)(brick).map_or(Pieces::NONE, |costs| Pieces::of(Planes::open(costs)))
    }

    /// Keeps the pieces of a brick that changed.
    pub fn put(&mut self, place: Place, pieces: Pieces) {
        let shelf = self.shelves.entry(place.slot).or_insert_with(Shelf::new);
        shelf.changed |= 1 << place.index;
        shelf.pieces[usize::from(place.index)] = Some(pieces);
    }

    /// True if the brick is one of those that changed.
    pub fn has_changed(&self, place: Place) -> bool {
        let shelf = self.shelves.get(&place.slot);
        shelf.is_some_and(|shelf| shelf.changed >> place.index & 1 == 1)
    }

    /// Makes sure that the pieces of a brick of `cube` with open cells are known.
    pub fn need(&mut self, place: Place, cube: &Cube) {
        let shelf = self.shelves.entry(place.slot).or_insert_with(Shelf::new);
        shelf.pieces[usize::from(place.index)].get_or_insert_with(|| {
            let costs = (self.costs)(cube.brick(place.index));
            let open = Planes::open(costs.expect("an own brick with open cells has costs"));
            // A brick that did not change has as many pieces as before.
            match cube.piece_count(place.index) {
                1 => Pieces::one(open),
                _ => Pieces::of(open),
            }
        });
    }

    /// The pieces of a brick, none if they were not [needed](Shelves::need).
    pub fn get(&self, place: Place) -> &Pieces {
        static NONE: Pieces = Pieces::NONE;
        let shelf = self.shelves.get(&place.slot);
        let pieces = shelf.and_then(|shelf| shelf.pieces[usize::from(place.index)].as_ref());
        pieces.unwrap_or(&NONE)
    }
}
