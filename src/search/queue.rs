//! The queue of a search: cells by their estimate, least first, and among equals the one that came last.
//!
//! Estimates of one search lie close together (a step raises one by less than two steps' weight), so the next
//! [`NEAR`] of them have a list each; a bit map finds the next list that is not empty. What lies beyond waits in a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many estimates have a list of their own; a power of two above two steps at cost 1.0 (6240 ticks).
const NEAR: u64 = 8192;

const END: u32 = u32::MAX;

/// See the module's description.
pub(super) struct Queue {
    /// The estimate at which the search stands: none in the queue is less.
    at: u64,
    /// The first entry of each list.
    heads: Box<[u32; NEAR as usize]>,
    /// A bit for each list that is not empty.
    filled: [u64; NEAR as usize / 64],
    near: usize,
    /// What is queued, and the next entry of its list.
    entries: Vec<(u32, u32)>,
    free: u32,
    far: BinaryHeap<Reverse<(u64, u32, u32)>>,
    /// Counts down, so that among equal estimates in the heap the last comes first.
    order: u32,
}

impl Queue {
    pub fn new() -> Self {
        Queue {
            at: 0,
            heads: Box::new([END; NEAR as usize]),
            filled: [0; NEAR as usize / 64],
            near: 0,
            entries: Vec::new(),
            free: END,
            far: BinaryHeap::new(),
            order: u32::MAX,
        }
    }

    /// How many bytes the queue takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.heads) + self.entries.capacity() * 8 + self.far.len() * 16
    }

    /// Empties the queue; the search then stands at `estimate`.
    pub fn reset(&mut self, estimate: u64) {
        self.filled.fill(0);
        self.heads.fill(END);
        self.near = 0;
        self.entries.clear();
        self.free = END;
        self.far.clear();
        self.order = u32::MAX;
        self.at = estimate;
    }

    /// The estimate at which the search stands: none in the queue is less.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Queues a cell. An estimate below where the search stands counts as that.
    #[inline]
    pub fn push(&mut self, estimate: u64, cell: u32) {
        let estimate = estimate.max(self.at);
        if estimate - self.at < NEAR {
            self.push_near(estimate, cell);
        } else {
            self.far.push(Reverse((estimate, self.order, cell)));
            self.order = self.order.wrapping_sub(1);
        }
    }

    #[inline]
    fn push_near(&mut self, estimate: u64, cell: u32) {
        let list = (estimate % NEAR) as usize;
        let entry = (cell, self.heads[list]);
        if self.free == END {
            self.heads[list] = self.entries.len() as u32;
            self.entries.push(entry);
        } else {
            self.heads[list] = self.free;
            let slot = &mut self.entries[self.free as usize];
            self.free = slot.1;
            *slot = entry;
        }
        self.filled[list / 64] |= 1 << (list % 64);
        self.near += 1;
    }

    /// The least estimate, where the search then stands; `None` if the queue is empty.
    #[inline]
    pub fn advance(&mut self) -> Option<u64> {
        if self.heads[(self.at % NEAR) as usize] != END {
            return Some(self.at);
        }
        if self.near > 0 {
            self.at = self.next_filled();
        } else {
            self.at = self.far.peek()?.0.0;
        }
        while let Some(&Reverse((estimate, _, cell))) = self.far.peek()
            && estimate - self.at < NEAR
        {
            self.far.pop();
            self.push_near(estimate, cell);
        }
        Some(self.at)
    }

    fn next_filled(&self) -> u64 {
        let start = (self.at % NEAR) as usize;
        let words = self.filled.len();
        let mut word = start / 64;
        let mut bits = self.filled[word] & (!0 << (start % 64));
        for _ in 0..=words {
            if bits != 0 {
                let list = (word * 64 + bits.trailing_zeros() as usize) as u64;
                return self.at + (list + NEAR - start as u64) % NEAR;
            }
            word = (word + 1) % words;
            bits = self.filled[word];
        }
        unreachable!("some list is not empty")
    }

    /// Takes the cell that came last among those of the least estimate. To be called after [`Queue::advance`].
    #[inline]
    pub fn pop(&mut self) -> u32 {
        let list = (self.at % NEAR) as usize;
        let head = self.heads[list];
        let (cell, next) = self.entries[head as usize];
        self.heads[list] = next;
        if next == END {
            self.filled[list / 64] &= !(1 << (list % 64));
        }
        self.entries[head as usize] = (END, self.free);
        self.free = head;
        self.near -= 1;
        cell
    }

    /// Where the cells of the least estimate begin.
    pub fn least(&self) -> Least {
        Least(self.heads[(self.at % NEAR) as usize])
    }

    /// The next cell of the least estimate, as long as nothing is queued or taken.
    #[inline]
    pub fn next(&self, from: &mut Least) -> Option<u32> {
        let (cell, next) = *self.entries.get(from.0 as usize)?;
        from.0 = next;
        Some(cell)
    }
}

/// How far the cells of the least estimate were listed; see [`Queue::next`].
pub(super) struct Least(u32);

impl Least {
    /// Behind the last cell.
    pub const NONE: Least = Least(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_leave_by_estimate_and_the_last_of_equals_first() {
        let mut queue = Queue::new();
        let mut model: Vec<(u64, u32)> = Vec::new();
        let (mut seed, mut at) = (7u64, 100_000u64);
        queue.reset(at);
        for cell in 0..20_000u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let spread = if seed >> 62 == 0 { 1 << 20 } else { 9000 };
            let estimate = at + (seed >> 33) % spread;
            queue.push(estimate, cell);
            model.push((estimate, cell));
            if seed >> 60 & 1 == 0 {
                let least = model.iter().map(|e| e.0).min().unwrap();
                assert_eq!(queue.advance(), Some(least));
                at = least;
                let mut same: Vec<u32> =
                    model.iter().filter(|e| e.0 == least).map(|e| e.1).collect();
                let mut least_cells = queue.least();
                let mut listed: Vec<u32> =
                    std::iter::from_fn(|| queue.next(&mut least_cells)).collect();
                let popped = queue.pop();
                listed.sort_unstable();
                same.sort_unstable();
                assert_eq!(listed, same);
                model.retain(|&e| e != (least, popped));
            }
        }
        while let Some(least) = queue.advance() {
            let popped = queue.pop();
            assert_eq!(model.iter().map(|e| e.0).min(), Some(least));
            model.retain(|&e| e != (least, popped));
        }
        assert!(model.is_empty());
    }
}
