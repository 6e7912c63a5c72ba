//! What workers tell each other and the dataflow: regions by name, and profiles.

use super::border::{Border, UPWARD};
use crate::brick::BrickId;
use crate::engine::shell::{DIRECTIONS, opposite};
use serde::{Deserialize, Serialize};

/// A region, named by its least cell: the 36 bits of the cell's brick code, then the 10 of its place.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Region(u64);

impl Region {
    pub(super) const fn new(brick: u64, least: u16) -> Region {
        Region(brick << 10 | least as u64)
    }

    /// The cube of `1 << log2_edge` bricks an edge that holds the region, as the code of the cubes of that size.
    pub const fn cube(self, log2_edge: u32) -> u64 {
        self.0 >> 10 >> (3 * log2_edge)
    }
}

/// What a region shows, in one brick's piece, of its border with a brick of another worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// The pair of bricks: the code of the lower one and the number of the direction from it to the upper one.
    pub pair: (u64, u8),
    /// True if the region is on the upper brick's side.
    pub is_upper: bool,
    /// The region.
    pub region: Region,
    /// Its border there.
    pub border: Border,
}

impl Profile {
    /// What a piece of `brick` shows in `direction`; `None` where there is no brick.
    pub(super) fn new(
        brick: BrickId,
        direction: usize,
        region: Region,
        border: Border,
    ) -> Option<Profile> {
        let (upward, is_upper) = side(direction);
        let lower = if is_upper {
            brick.offset(DIRECTIONS[direction])?
        } else {
            brick
        };
        Some(Profile {
            pair: (lower.code(), upward as u8),
            is_upper,
            region,
            border,
        })
    }
}

/// The direction upwards of the pair of a brick and the one in `direction`, as a number in [`UPWARD`], and whether the brick
/// is the upper one.
pub(super) fn side(direction: usize) -> (usize, bool) {
    let number = |d: usize| UPWARD.iter().position(|&upward| upward == d);
    match number(direction) {
        Some(upward) => (upward, false),
        None => {
            let upward = number(opposite(direction));
            (
                upward.expect("one of two opposite directions leads up"),
                true,
            )
        }
    }
}
