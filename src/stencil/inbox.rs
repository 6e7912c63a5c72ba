//! Ghosts on their way into a block.

use super::Value;

/// Values from one direction: those of the next round, and of the one after it if the block there is a round ahead.
#[derive(Default)]
pub(super) struct Inbox<V> {
    /// The slabs of both rounds, used by turns and never given back.
    slabs: [Vec<V>; 2],
    /// Which of them is the next round's.
    next: usize,
    /// How many of them are complete.
    complete: usize,
    /// How many values the first incomplete one has.
    partial: usize,
}

impl<V: Value> Inbox<V> {
    /// The slab of the first incomplete round, with room for `values` values.
    fn incomplete(&mut self, values: usize) -> &mut [V] {
        debug_assert!(self.complete < 2, "neighbours are one round apart at most");
        let slab = &mut self.slabs[(self.next + self.complete) % 2];
        slab.resize(values, V::default());
        slab
    }

    /// How many rounds' values are there.
    pub fn complete(&self) -> usize {
        self.complete
    }

    /// Has `write` write the `values` values of the first incomplete round.
    pub fn fill(&mut self, values: usize, write: impl FnOnce(&mut [V])) {
        write(self.incomplete(values));
        self.complete += 1;
    }

    /// Adds some of the `all` values of the first incomplete round.
    pub fn add(&mut self, values: &[V], all: usize) {
        let (start, end) = (self.partial, self.partial + values.len());
        self.incomplete(all)[start..end].copy_from_slice(values);
        self.partial = end;
        if end == all {
            (self.complete, self.partial) = (self.complete + 1, 0);
        }
    }

    /// The slab of the next round, if it is complete.
    pub fn first(&self) -> Option<&[V]> {
        (self.complete > 0).then(|| &self.slabs[self.next][..])
    }

    /// Done with the slab of the next round.
    pub fn pop(&mut self) {
        // While one slab serves, the other is left out of the caches.
        self.complete = self.complete.saturating_sub(1);
        self.next = if self.complete > 0 || self.partial > 0 {
            1 - self.next
        } else {
            0
        };
    }
}
