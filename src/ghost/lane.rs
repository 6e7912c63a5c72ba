//! Lanes: the order in which the values of one part's mirrors travel to another part.

use super::GhostWord;
use crate::brick::{BRICK_CELLS, BrickId};

/// What travels from one part to another in every exchange: the sender's mirrors, the receiver's ghosts. Both ends make the
/// same lane of the same words, so that values travel alone.
///
/// # Example
/// ```
/// use octaflow::brick::{BRICK_CELLS, BrickId, Planes};
/// use octaflow::ghost::{Finder, Rings, Through, lanes};
///
/// let [a, b] = [3, 4].map(|x| BrickId::new(x, 0, 0).unwrap());
/// let look = |brick| [(a, 7), (b, 9)].into_iter().find(|(id, _)| *id == brick).map(|(_, part)| (&Planes::ALL, Some(part)));
/// let mut words = Vec::new();
/// let mut finder = Finder::new(Rings::new(1).unwrap(), Through::Lattice);
/// [a, b].map(|brick| finder.find(brick, look, |word| words.push(word)));
///
/// let lanes = lanes(words);
/// assert_eq!([(7, 9), (9, 7)], [0, 1].map(|n| (lanes[n].owner, lanes[n].part)));
/// let (mine, mut theirs) = ([1.5; BRICK_CELLS], [0.0; BRICK_CELLS]);
/// let mut sent = Vec::new();
/// lanes[0].bricks().for_each(|(_brick, words)| words.iter().for_each(|w| w.gather(&mine, &mut sent)));
/// assert_eq!(sent.len(), lanes[0].len());
/// let mut rest = &sent[..];
/// lanes[0].bricks().for_each(|(_brick, words)| words.iter().for_each(|w| rest = w.scatter(rest, &mut theirs)));
/// assert_eq!(theirs.iter().sum::<f64>(), 128.0 * 1.5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The part that sends.
    pub owner: u32,
    /// The part that receives.
    pub part: u32,
    /// The bricks, ascending, and where the words of each end.
    bricks: Vec<(BrickId, usize)>,
    words: Vec<LaneWord>,
    len: usize,
}

/// Some of 64 cells of a brick whose values travel, in ascending order of their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneWord {
    word: u8,
    cells: u64,
}

/// The lanes of some ghost words, by owner, then part.
pub fn lanes(words: impl IntoIterator<Item = GhostWord>) -> Vec<Lane> {
    let mut words: Vec<GhostWord> = words.into_iter().collect();
    words.sort_unstable_by_key(|w| (w.owner, w.part, w.brick, w.word, w.ring));
    let ends = |w: &GhostWord| (w.owner, w.part);
    let lanes = words.chunk_by(|a, b| ends(a) == ends(b));
    lanes.map(Lane::of).collect()
}

impl Lane {
    /// The lane of words of one owner and one part, sorted.
    fn of(words: &[GhostWord]) -> Lane {
        let mut lane = Lane {
            owner: words[0].owner,
            part: words[0].part,
            bricks: Vec::new(),
            words: Vec::new(),
            len: 0,
        };
        for brick in words.chunk_by(|a, b| a.brick == b.brick) {
            // The rings of a word travel together.
            for rings in brick.chunk_by(|a, b| a.word == b.word) {
                let cells = rings.iter().fold(0, |cells, w| cells | w.cells);
                lane.len += cells.count_ones() as usize;
                lane.words.push(LaneWord {
                    word: rings[0].word,
                    cells,
                });
            }
            lane.bricks.push((brick[0].brick, lane.words.len()));
        }
        lane
    }

    /// How many values travel.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if none do.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bricks, ascending, and the words of each, in the order in which values travel.
    pub fn bricks(&self) -> impl Iterator<Item = (BrickId, &[LaneWord])> {
        let begins = std::iter::once(0).chain(self.bricks.iter().map(|brick| brick.1));
        let bricks = self.bricks.iter().zip(begins);
        bricks.map(|(&(brick, end), begin)| (brick, &self.words[begin..end]))
    }
}

impl LaneWord {
    /// Appends the values of the cells, of all values of the brick.
    #[inline]
    pub fn gather<V: Copy>(self, brick: &[V; BRICK_CELLS], values: &mut Vec<V>) {
        let first = usize::from(self.word) << 6;
        let places = &brick[first..first + 64];
        let mut cells = self.cells;
        while cells != 0 {
            values.push(places[cells.trailing_zeros() as usize]);
            cells &= cells - 1;
        }
    }

    /// Puts the first values in the places of the cells; gives those that are left.
    ///
    /// # Panics
    /// If there are fewer values than cells: the two ends do not share the lane.
    #[inline]
    pub fn scatter<'a, V: Copy>(self, values: &'a [V], brick: &mut [V; BRICK_CELLS]) -> &'a [V] {
        let first = usize::from(self.word) << 6;
        let places = &mut brick[first..first + 64];
        let (own, rest) = values.split_at(self.cells.count_ones() as usize);
        let mut cells = self.cells;
        for value in own {
            places[cells.trailing_zeros() as usize] = *value;
            cells &= cells - 1;
        }
        rest
    }
}
