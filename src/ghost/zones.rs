//! The ghosts of one worker's share of the bricks, kept right while shapes and parts change.

use super::finder::within;
use super::{Finder, GhostWord, Rings, Share, Through};
use crate::brick::{BrickId, Planes};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Ordering;

/// Ghost zones as a state machine: told of bricks, it tells differences of ghosts.
///
/// # Example
/// ```
/// use octaflow::brick::{BrickId, Planes};
/// use octaflow::ghost::{Rings, Share, Through, Zones};
///
/// let mut zones = Zones::new(Rings::new(1).unwrap(), Through::Lattice, Share::new(0, 1));
/// for x in [0, 1] {
///     let brick = BrickId::new(x, 0, 0).unwrap();
///     zones.set_shape(brick, Planes::ALL);
///     zones.set_part(brick, Some(x as u32));
/// }
/// let mut ghosts = 0;
/// zones.update(|word, diff| ghosts += diff * word.cells.count_ones() as isize);
/// assert_eq!(ghosts, 256);
/// zones.set_part(BrickId::new(1, 0, 0).unwrap(), Some(0));
/// zones.update(|word, diff| ghosts += diff * word.cells.count_ones() as isize);
/// assert_eq!(ghosts, 0);
/// ```
pub struct Zones {
    finder: Finder,
    share: Share,
    bricks: FxHashMap<BrickId, Held>,
    /// The ghosts in each brick of the share that has some, sorted.
    words: FxHashMap<BrickId, Box<[GhostWord]>>,
    /// The bricks that changed since the last update.
    changed: Vec<BrickId>,
}

/// What is known of a brick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    shape: Planes,
    part: Option<u32>,
}

impl Zones {
    /// The zones in the bricks of a share, without any brick yet.
    pub fn new(rings: Rings, through: Through, share: Share) -> Self {
        Zones {
            finder: Finder::new(rings, through),
            share,
            bricks: FxHashMap::default(),
            words: FxHashMap::default(),
            changed: Vec::new(),
        }
    }

    /// Says which cells of a brick exist.
    pub fn set_shape(&mut self, brick: BrickId, shape: Planes) {
        self.set(brick, |held| held.shape = shape);
    }

    /// Says which part owns a brick, if any does.
    pub fn set_part(&mut self, brick: BrickId, part: Option<u32>) {
        self.set(brick, |held| held.part = part);
    }

    fn set(&mut self, brick: BrickId, set: impl FnOnce(&mut Held)) {
        let held = self.bricks.entry(brick).or_default();
        let before = *held;
        set(held);
        // Who owns a brick without cells makes no difference.
        let matters = !(before.shape.is_empty() && held.shape.is_empty());
        if *held != before && matters {
            self.changed.push(brick);
        }
        if *held == Held::default() {
            self.bricks.remove(&brick);
        }
    }

    /// Finds the ghosts again where they may have changed, and tells what came (1) and went (−1).
    pub fn update(&mut self, mut each: impl FnMut(GhostWord, isize)) {
        let changed = std::mem::take(&mut self.changed);
        let reach = self.finder.rings().reach();
        let mut seen = FxHashSet::default();
        for brick in changed {
            for (_, target) in within(brick, reach) {
                let known = self.bricks.contains_key(&target) || self.words.contains_key(&target);
                if known && self.share.holds(target) && seen.insert(target) {
                    self.find_again(target, &mut each);
                }
            }
        }
    }

    fn find_again(&mut self, brick: BrickId, each: &mut impl FnMut(GhostWord, isize)) {
        let bricks = &self.bricks;
        let look = |id| {
            let held = bricks.get(&id).filter(|held| !held.shape.is_empty());
            held.map(|held| (&held.shape, held.part))
        };
        let mut words = Vec::new();
        self.finder.find(brick, look, |word| words.push(word));
        words.sort_unstable();
        let before = self.words.get(&brick).map_or(&[][..], |words| words);
        differences(before, &words, each);
        if words.is_empty() {
            self.words.remove(&brick);
        } else {
            self.words.insert(brick, words.into());
        }
    }
}

/// What makes `after` of `before`, both sorted.
fn differences(
    mut before: &[GhostWord],
    mut after: &[GhostWord],
    each: &mut impl FnMut(GhostWord, isize),
) {
    loop {
        let order = match (before.first(), after.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order.is_lt() {
            each(before[0], -1);
        } else if order.is_gt() {
            each(after[0], 1);
        }
        before = &before[usize::from(order.is_le())..];
        after = &after[usize::from(order.is_ge())..];
    }
}
