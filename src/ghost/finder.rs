//! Finding the ghosts in one brick from the bricks around it.

use super::window::{Wave, wave};
use super::{GhostWord, Rings, Through};
use crate::brick::{BrickId, Planes};

/// Finds the ghosts in one brick at a time, for all parts within reach.
///
/// # Example
/// Two bricks side by side, of two parts: each part needs the layers of cells next to it.
/// ```
/// use octaflow::brick::{BrickId, Planes};
/// use octaflow::ghost::{Finder, Rings, Through};
///
/// let [a, b] = [3, 4].map(|x| BrickId::new(x, 0, 0).unwrap());
/// let look = |brick| [(a, 7), (b, 9)].into_iter().find(|(id, _)| *id == brick).map(|(_, part)| (&Planes::ALL, Some(part)));
/// let mut finder = Finder::new(Rings::new(1).unwrap(), Through::Lattice);
/// let mut words = Vec::new();
/// finder.find(a, look, |word| words.push(word));
/// assert!(words.iter().all(|w| (w.part, w.owner, w.ring) == (9, 7, 1)));
/// assert_eq!(words.iter().map(|w| w.cells.count_ones()).sum::<u32>(), 128);
/// ```
pub struct Finder {
    rings: Rings,
    through: Through,
    wave: Box<dyn Wave>,
}

/// A brick within reach: its part, how many bricks away it lies, and its cells.
type Beside<'a> = (Option<u32>, [i32; 3], &'a Planes);

impl Finder {
    /// A finder of so many rings.
    pub fn new(rings: Rings, through: Through) -> Self {
        Finder {
            rings,
            through,
            wave: wave(rings, through),
        }
    }

    /// How many rings it finds.
    pub fn rings(&self) -> Rings {
        self.rings
    }

    /// Gives the ghosts in a brick: by part, then ring, then word. `look` tells the cells and the part of a brick, if
    /// it exists.
    pub fn find<'a>(
        &mut self,
        brick: BrickId,
        look: impl Fn(BrickId) -> Option<(&'a Planes, Option<u32>)>,
        mut each: impl FnMut(GhostWord),
    ) {
        let Some((shape, Some(owner))) = look(brick) else {
            return;
        };
        if self.rings.count() == 0 || shape.is_empty() {
            return;
        }
        let around = around(brick, self.rings, look);
        if self.through == Through::Cells && around.iter().any(|b| b.0 != Some(owner)) {
            self.wave.block();
            for (_, step, cells) in &around {
                self.wave.open(*step, cells);
            }
        }
        for part in around.chunk_by(|a, b| a.0 == b.0) {
            if let Some(id) = part[0].0.filter(|id| *id != owner) {
                self.spread(part, shape, |ring, word, cells| {
                    each(GhostWord {
                        brick,
                        word,
                        part: id,
                        ring,
                        owner,
                        cells,
                    });
                });
            }
        }
    }

    /// Spreads rings from the cells of one part until they have reached the whole shape, or the last is done.
    fn spread(&mut self, part: &[Beside], shape: &Planes, mut each: impl FnMut(u8, u8, u64)) {
        self.wave.clear();
        for (_, step, cells) in part {
            self.wave.seed(*step, cells);
        }
        let mut known = Planes::NONE;
        for ring in 1..=self.rings.count() {
            self.wave.spread(ring);
            let reached = self.wave.reached();
            let words = reached.0.as_flattened().iter();
            let known_words = known.0.as_flattened_mut().iter_mut();
            for (word, ((reached, known), shape)) in
                (0..).zip(words.zip(known_words).zip(shape.0.as_flattened()))
            {
                let fresh = reached & shape & !*known;
                if fresh != 0 {
                    *known |= fresh;
                    each(ring as u8, word, fresh);
                }
            }
            if known == *shape {
                break;
            }
        }
    }
}

/// The bricks that exist within reach of one, that brick among them, by part.
fn around<'a>(
    brick: BrickId,
    rings: Rings,
    look: impl Fn(BrickId) -> Option<(&'a Planes, Option<u32>)>,
) -> Vec<Beside<'a>> {
    let mut around = Vec::with_capacity(27);
    for (step, id) in within(brick, rings.reach()) {
        // No single step leads up along one axis and down along another into the next brick on both.
        let is_beside = rings.count() > 1 || !(step.contains(&1) && step.contains(&-1));
        if is_beside && let Some((cells, part)) = look(id) {
            around.push((part, step, cells));
        }
    }
    around.sort_unstable_by_key(|b| b.0);
    around
}

/// The bricks at most `reach` bricks away from one along every axis, itself among them.
pub(super) fn within(brick: BrickId, reach: i32) -> impl Iterator<Item = ([i32; 3], BrickId)> {
    let [x, y, z] = brick.xyz();
    let span = -reach..=reach;
    let steps = span.clone().flat_map(move |dz| {
        let span = span.clone();
        span.clone()
            .flat_map(move |dy| span.clone().map(move |dx| [dx, dy, dz]))
    });
    steps.filter_map(move |step| Some((step, BrickId::new(x + step[0], y + step[1], z + step[2])?)))
}
