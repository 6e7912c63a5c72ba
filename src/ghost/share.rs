//! Which worker finds the ghosts in which brick.

use super::Rings;
use super::finder::within;
use crate::brick::BrickId;

/// The bricks in which one of several workers finds the ghosts: cubes of 4³ bricks, scattered, so that most of what a
/// brick's ghosts follow from is at hand. It has nothing to do with the plan, which may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    worker: usize,
    workers: usize,
}

impl Share {
    /// The share of a worker among `workers`.
    ///
    /// # Panics
    /// Unless `worker` is below `workers`.
    pub fn new(worker: usize, workers: usize) -> Share {
        assert!(worker < workers, "worker {worker} is not one of {workers}");
        Share { worker, workers }
    }

    /// The worker in whose share a brick is.
    #[inline]
    pub fn worker_of(self, brick: BrickId) -> usize {
        if self.workers == 1 {
            return 0;
        }
        // The code of the cube of 4³ bricks.
        let mixed = ((brick.code() >> 6) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (((mixed >> 32) * self.workers as u64) >> 32) as usize
    }

    /// True if a brick is in this share.
    pub fn holds(self, brick: BrickId) -> bool {
        self.worker_of(brick) == self.worker
    }

    /// The workers that must know a brick, since ghosts in their shares follow from it; each once.
    pub fn concerned(self, brick: BrickId, rings: Rings) -> Vec<usize> {
        if self.workers == 1 {
            return vec![0];
        }
        let around = within(brick, rings.reach());
        let mut workers: Vec<usize> = around.map(|(_, id)| self.worker_of(id)).collect();
        workers.sort_unstable();
        workers.dedup();
        workers
    }
}
