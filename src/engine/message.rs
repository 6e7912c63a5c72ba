//! What workers tell each other about the cells on their bricks' boundaries.

use crate::brick::BrickId;
use bytemuck::{Pod, Zeroable};

/// One ghost's new value, or a request for all of them: 16 bytes of plain old data.
///
/// `key`, from the lowest bit: the ghost's number in its region (7 bits), the region (4), the brick whose shell it
/// belongs to (36), one bit unused, the ghost's stored cost (16). Region 15 asks the owner of `brick` for what lies
/// on its boundary in the direction that stands in the ghost's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Message {
    key: u64,
    ticks: u32,
    label: u32,
}

/// The value of a ghost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ghost {
    pub region: usize,
    /// Its number in the region.
    pub number: usize,
    pub cost: u16,
    pub ticks: u32,
    pub label: u32,
}

/// A message taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Ghost(Ghost),
    /// A new brick in `direction` of the addressed one asks for its ghosts.
    Request {
        direction: usize,
    },
}

const REQUEST: u64 = 15;

impl Message {
    pub(super) fn ghost(brick: BrickId, ghost: Ghost) -> Self {
        let place = (ghost.region as u64) << 7 | ghost.number as u64;
        Message {
            key: u64::from(ghost.cost) << 48 | brick.code() << 11 | place,
            ticks: ghost.ticks,
            label: ghost.label,
        }
    }

    pub(super) fn request(brick: BrickId, direction: usize) -> Self {
        Message {
            key: brick.code() << 11 | REQUEST << 7 | direction as u64,
            ticks: 0,
            label: 0,
        }
    }

    /// The brick that the message is for; its owner is where the message goes.
    pub fn brick(&self) -> BrickId {
        BrickId::from_code(self.key >> 11 & ((1 << BrickId::BITS) - 1)).expect("36 bits")
    }

    /// The message's parts, or `None` for bits that no worker sends.
    pub(super) fn content(&self) -> Option<Content> {
        let (region, ghost) = (self.key >> 7 & 15, (self.key & 127) as usize);
        if region == REQUEST {
            return (ghost < 14).then_some(Content::Request { direction: ghost });
        }
        let region = region as usize;
        (region < 14 && ghost < super::shell::ghosts(region)).then_some(Content::Ghost(Ghost {
            region,
            number: ghost,
            cost: (self.key >> 48) as u16,
            ticks: self.ticks,
            label: self.label,
        }))
    }
}
