//! What an [`Index64`](super::Index64) or [`Hilbert64`](super::Hilbert64) says beside its coordinates.

use super::{Cell, LatticeError};

/// The tier, frame and level of detail of a 64-bit key; a level is twice as fine as the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// The scale tier, 0…3.
    pub tier: u8,
    /// The frame of reference.
    pub frame: u8,
    /// The level of detail, 0…15.
    pub lod: u8,
}

impl Header {
    /// What the keys of a map's cells carry: tier 0, frame 0, the finest level.
    pub const CELL: Header = Header {
        tier: 0,
        frame: 0,
        lod: 15,
    };

    /// The key's 16 high bits with kind bits `kind`, and 48 zeros.
    #[inline]
    pub(super) const fn bits(
        self,
        identifier: &'static str,
        kind: u8,
    ) -> Result<u64, LatticeError> {
        if self.tier > 3 {
            return Err(too_large(identifier, "tier", self.tier, 3));
        }
        if self.lod > 15 {
            return Err(too_large(identifier, "LOD", self.lod, 15));
        }
        Ok((kind as u64) << 62
            | (self.tier as u64) << 60
            | (self.frame as u64) << 52
            | (self.lod as u64) << 48)
    }

    /// The header in a key's 16 high bits, the kind bits left aside.
    #[inline]
    pub(super) const fn of_bits(bits: u64) -> Self {
        Header {
            tier: (bits >> 60 & 3) as u8,
            frame: (bits >> 52) as u8,
            lod: (bits >> 48 & 15) as u8,
        }
    }
}

/// Refuses bits whose two highest are not `wanted`.
#[inline]
pub(super) const fn check_kind(
    identifier: &'static str,
    wanted: u8,
    bits: u64,
) -> Result<(), LatticeError> {
    let found = (bits >> 62) as u8;
    if found == wanted {
        Ok(())
    } else {
        Err(LatticeError::Kind {
            identifier,
            wanted,
            found,
        })
    }
}

/// The coordinates of a cell as 16 bits an axis.
#[inline]
pub(super) const fn coordinates16(
    identifier: &'static str,
    cell: Cell,
) -> Result<[u16; 3], LatticeError> {
    let [x, y, z] = cell.xyz();
    if (x | y | z) as u32 >> 16 == 0 {
        Ok([x as u16, y as u16, z as u16])
    } else {
        Err(out_of_range(identifier, cell, 0, u16::MAX as i32))
    }
}

/// The error for the first coordinate of `cell` outside `least…greatest`.
#[cold]
pub(super) const fn out_of_range(
    identifier: &'static str,
    cell: Cell,
    least: i32,
    greatest: i32,
) -> LatticeError {
    let [x, y, z] = cell.xyz();
    let value = if x < least || x > greatest {
        x
    } else if y < least || y > greatest {
        y
    } else {
        z
    };
    LatticeError::Coordinate {
        identifier,
        value,
        least,
        greatest,
    }
}

/// The error for a field above its greatest value.
#[cold]
pub(super) const fn too_large(
    identifier: &'static str,
    field: &'static str,
    value: u8,
    greatest: u8,
) -> LatticeError {
    LatticeError::Field {
        identifier,
        field,
        value,
        greatest,
    }
}
