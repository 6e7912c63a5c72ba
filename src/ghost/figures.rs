//! What a plan costs: cells, ghosts, mirrors, neighbours and surface of each part.

use super::GhostWord;
use crate::brick::Planes;
use serde::{Deserialize, Serialize};

/// How many bytes a ghost's value has in an exchange: a double.
const BYTES_A_GHOST: u64 = 8;

/// Counts of ghosts, part by part, that workers add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    owned: Vec<u64>,
    ghosts: Vec<u64>,
    mirrors: Vec<u64>,
    surface: Vec<u64>,
    /// Who needs cells of whom, each pair once and ascending when [`Figures::settle`] has been called.
    neighbours: Vec<(u32, u32)>,
}

/// The figures of one part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PartFigures {
    /// The part's number.
    pub part: u32,
    /// How many cells it owns.
    pub owned: u64,
    /// How many cells of others it must hold.
    pub ghosts: u64,
    /// How many cells it must send, once for each part that needs them.
    pub mirrors: u64,
    /// How many parts own its ghosts.
    pub neighbours: u64,
    /// How many bytes it receives in an exchange of one double a ghost.
    pub bytes: u64,
    /// The share of its cells that have a neighbour in another part; 0 if it owns none.
    pub surface_to_volume: f64,
}

impl Figures {
    /// No cells and no ghosts of `parts` parts.
    pub fn new(parts: usize) -> Self {
        Figures {
            owned: vec![0; parts],
            ghosts: vec![0; parts],
            mirrors: vec![0; parts],
            surface: vec![0; parts],
            neighbours: Vec::new(),
        }
    }

    /// Counts a brick: its cells, its owner, and all ghosts in it, of which those beyond `rings` rings are only looked
    /// at to find the surface.
    pub fn count_brick(&mut self, owner: u32, shape: &Planes, words: &[GhostWord], rings: u32) {
        self.owned[owner as usize] += u64::from(shape.count());
        let mut surface = [0u64; 16];
        for word in words {
            if word.ring == 1 {
                surface[usize::from(word.word)] |= word.cells;
            }
            if u32::from(word.ring) <= rings {
                let cells = u64::from(word.cells.count_ones());
                self.ghosts[word.part as usize] += cells;
                self.mirrors[owner as usize] += cells;
                self.note_neighbours((word.part, owner));
            }
        }
        let cells = surface.iter().map(|word| u64::from(word.count_ones()));
        self.surface[owner as usize] += cells.sum::<u64>();
    }

    fn note_neighbours(&mut self, pair: (u32, u32)) {
        if self.neighbours.last() == Some(&pair) {
            return;
        }
        if self.neighbours.len() == self.neighbours.capacity() {
            // Room for as many again keeps the sorting cheap.
            self.settle();
            self.neighbours.reserve(self.neighbours.len() + 1024);
        }
        self.neighbours.push(pair);
    }

    /// Leaves each pair of neighbours once.
    pub fn settle(&mut self) {
        self.neighbours.sort_unstable();
        self.neighbours.dedup();
    }

    /// Adds the counts of another worker, of as many parts.
    pub fn add(&mut self, other: &Figures) {
        let add = |mine: &mut Vec<u64>, others: &[u64]| {
            mine.iter_mut().zip(others).for_each(|(a, b)| *a += b);
        };
        add(&mut self.owned, &other.owned);
        add(&mut self.ghosts, &other.ghosts);
        add(&mut self.mirrors, &other.mirrors);
        add(&mut self.surface, &other.surface);
        self.neighbours.extend(&other.neighbours);
        self.settle();
    }

    /// The figures of every part, in their order.
    pub fn parts(&self) -> Vec<PartFigures> {
        let mut neighbours = vec![0; self.owned.len()];
        for &(part, _) in &self.neighbours {
            neighbours[part as usize] += 1;
        }
        let part = |part: usize| PartFigures {
            part: part as u32,
            owned: self.owned[part],
            ghosts: self.ghosts[part],
            mirrors: self.mirrors[part],
            neighbours: neighbours[part],
            bytes: BYTES_A_GHOST * self.ghosts[part],
            surface_to_volume: self.surface[part] as f64 / self.owned[part].max(1) as f64,
        };
        (0..self.owned.len()).map(part).collect()
    }
}
