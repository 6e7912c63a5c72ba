//! Orders: the key that each brick has on the line that a plan cuts into ranges.

use crate::brick::BrickId;
use crate::lattice::hilbert_encode;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The keys of an order without groups: 36 bits.
pub(super) const KEYS: u64 = 1 << BrickId::BITS;

/// The edges that a hashed cube may have, in bricks, the largest first.
pub(super) const CUBE_EDGES: [u8; 3] = [4, 3, 2];

/// An order of the bricks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Order {
    /// By a hash of the cube of `edge`³ bricks that holds the brick; a cube's bricks share the key.
    Hash { edge: u8 },
    /// Along the Morton curve.
    Morton,
    /// Along the Hilbert curve.
    Hilbert,
    /// By the coordinate along `axis`, then along the next axis, then the one after.
    Slab { axis: u8 },
    /// By the group first (a range of the slab order, `groups` being the least keys), then along the Hilbert curve.
    Hybrid { axis: u8, groups: Vec<u64> },
}

impl Order {
    /// The brick's key.
    #[inline]
    pub(super) fn key(&self, brick: BrickId) -> u64 {
        match self {
            Order::Hash { edge } => hash_key(brick, *edge),
            Order::Morton => brick.code(),
            Order::Hilbert => hilbert_key(brick),
            Order::Slab { axis } => slab_key(brick, *axis),
            Order::Hybrid { axis, groups } => {
                let slab = slab_key(brick, *axis);
                let group = groups.partition_point(|&least| least <= slab) - 1;
                (group as u64) << BrickId::BITS | hilbert_key(brick)
            }
        }
    }

    /// All keys that the order can give.
    pub(super) fn keys(&self) -> Range<u64> {
        match self {
            Order::Hybrid { groups, .. } => 0..(groups.len() as u64) << BrickId::BITS,
            _ => 0..KEYS,
        }
    }

    /// What is wrong with the order, if it is not one that [`Order::key`] can serve.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Order::Hash { edge } if !CUBE_EDGES.contains(edge) => {
                Some(format!("the cube edge {edge} must be 2, 3 or 4 bricks"))
            }
            Order::Slab { axis } | Order::Hybrid { axis, .. } if *axis > 2 => {
                Some(format!("the axis {axis} must be 0, 1 or 2"))
            }
            Order::Hybrid { groups, .. } => ascending_fault("groups", groups, KEYS),
            _ => None,
        }
    }
}

/// What is wrong with `starts`, unless they begin at 0, ascend strictly and stay below `end`.
pub(super) fn ascending_fault(name: &str, starts: &[u64], end: u64) -> Option<String> {
    if starts.first() != Some(&0) {
        Some(format!("{name} must begin with 0"))
    } else if !starts.is_sorted_by(|a, b| a < b) {
        Some(format!("{name} must ascend strictly"))
    } else if starts[starts.len() - 1] >= end {
        Some(format!("{name} must stay below {end}"))
    } else {
        None
    }
}

/// The cube's coordinates, mixed by two rounds of multiply and shift, of which the high bits are kept.
#[inline]
fn hash_key(brick: BrickId, edge: u8) -> u64 {
    let [x, y, z] = brick.xyz().map(|c| match edge {
        4 => c as u64 / 4,
        3 => c as u64 / 3,
        _ => c as u64 / 2,
    });
    let packed = x << 24 | y << 12 | z;
    let mixed = (packed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93) >> (64 - BrickId::BITS)
}

#[inline]
fn slab_key(brick: BrickId, axis: u8) -> u64 {
    let c = brick.xyz().map(|c| c as u64);
    let at = |turn: u8| c[usize::from((axis + turn) % 3)];
    at(0) << 24 | at(1) << 12 | at(2)
}

/// The brick's place on the Hilbert curve through all bricks.
#[inline]
fn hilbert_key(brick: BrickId) -> u64 {
    hilbert_encode(brick.xyz().map(|c| c as u16), BrickId::BITS / 3)
}
