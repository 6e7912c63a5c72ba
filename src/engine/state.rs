//! What the engine keeps of a brick, of another worker's copy of its boundary, and of work to be done.

use super::shell::{self, GHOSTS, Rows, SUM_WORDS};
use super::tile::{NO_LABEL, Ticks};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::lattice::UNREACHED;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What lies in one of a brick's 14 directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// No brick.
    None,
    /// A brick of this worker: its slot.
    Own(u32),
    /// A brick of another worker: the number of the mirror of what it was told.
    Mirror(u32),
}

/// A brick that this worker owns.
pub(super) struct BrickState {
    pub id: BrickId,
    pub links: [Link; 14],
    /// Rows to be computed anew because a distance beside them rose.
    pub retract: Rows,
    /// Rows to be computed anew because a distance beside them fell.
    pub relax: Rows,
    /// Rows whose labels are to be derived anew.
    pub label: Rows,
    /// Rows that were computed in this epoch.
    pub touched: Rows,
    /// The bucket of the queue that holds the brick, or `u32::MAX`.
    pub bucket: u32,
    /// True if a source lies in the brick.
    pub seeded: bool,
    /// Rows that may have changed since the brick was last saved: all of one that never was.
    pub unsaved: Rows,
    pub costs: Box<Costs>,
    pub ticks: Ticks,
    pub shell: [u32; SUM_WORDS],
    pub labels: Option<Box<Labels>>,
    /// Next hops as of the last closed epoch, where their changes are asked for.
    pub next: Option<Box<[i8; BRICK_CELLS]>>,
    /// What the brick was before this epoch, where changes are asked for.
    pub before: Option<Box<Before>>,
}

/// The labels of a brick and of its shell.
pub(super) struct Labels {
    pub own: Ticks,
    pub shell: [u32; GHOSTS],
}

/// A brick as it was when the epoch began.
pub(super) struct Before {
    pub ticks: Ticks,
    pub labels: Option<Box<Ticks>>,
}

impl BrickState {
    pub fn new(id: BrickId, costs: Box<Costs>, labels: bool) -> Box<Self> {
        Box::new(BrickState {
            id,
            links: [Link::None; 14],
            retract: Rows::NONE,
            relax: Rows::NONE,
            label: Rows::NONE,
            touched: Rows::NONE,
            bucket: u32::MAX,
            seeded: false,
            unsaved: Rows::ALL,
            costs,
            ticks: [UNREACHED; BRICK_CELLS],
            shell: [UNREACHED; SUM_WORDS],
            labels: labels.then(|| {
                Box::new(Labels {
                    own: [NO_LABEL; BRICK_CELLS],
                    shell: [NO_LABEL; GHOSTS],
                })
            }),
            next: None,
            before: None,
        })
    }
}

/// What the owner of a neighbouring brick was last told of the cells that it has as ghosts.
pub(super) struct Mirror {
    /// The brick whose shell it is.
    pub brick: BrickId,
    /// The region of that shell.
    pub region: u8,
    pub sums: Box<[u32]>,
    pub labels: Option<Box<[u32]>>,
}

impl Mirror {
    /// Of a region of a brick's shell of which nothing was told yet.
    pub fn new(brick: BrickId, region: usize, labels: bool) -> Self {
        let ghosts = shell::ghosts(region);
        let words = if region < 6 { 192 } else { ghosts };
        Mirror {
            brick,
            region: region as u8,
            sums: vec![UNREACHED; words].into_boxed_slice(),
            labels: labels.then(|| vec![NO_LABEL; ghosts].into_boxed_slice()),
        }
    }
}

/// Bricks that wait for a visit, by the coarse bucket of their least pending distance.
#[derive(Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<u64>>,
}

/// How many ticks a bucket of the queue spans, as a shift: about two thirds of a brick at cost 1.0.
const BUCKET_SHIFT: u32 = 13;

impl Queue {
    /// The bucket of a distance, or of an estimate.
    pub fn bucket(ticks: impl Into<u64>) -> u32 {
        (ticks.into() >> BUCKET_SHIFT) as u32
    }

    pub fn push(&mut self, bucket: u32, slot: u32) {
        self.heap
            .push(Reverse(u64::from(bucket) << 32 | u64::from(slot)));
    }

    /// The brick of the least bucket, and that bucket.
    pub fn pop(&mut self) -> Option<(u32, u32)> {
        let Reverse(entry) = self.heap.pop()?;
        Some(((entry >> 32) as u32, entry as u32))
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The least distance or estimate of a bucket.
    pub fn least(bucket: u32) -> u64 {
        u64::from(bucket) << BUCKET_SHIFT
    }

    /// The brick of the least bucket, and that bucket; it stays.
    pub fn peek(&self) -> Option<(u32, u32)> {
        let Reverse(entry) = self.heap.peek()?;
        Some(((entry >> 32) as u32, *entry as u32))
    }

    /// Forgets all bricks.
    pub fn clear(&mut self) {
        self.heap.clear();
    }
}
