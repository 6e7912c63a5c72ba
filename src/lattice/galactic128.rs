//! Galactic128: a cell anywhere, with its scale and frame.

use super::header::too_large;
use super::text::identifier;
use super::{Cell, LatticeError};
use std::cmp::Ordering;
use std::fmt;

const NAME: &str = "Galactic128";
/// The one version of the layout.
const VERSION: u8 = 1;
/// The sign bits of the three coordinates.
const SIGNS: u128 = 1 << 95 | 1 << 63 | 1 << 31;

/// What a [`Galactic128`] says beside its coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GalacticHeader {
    /// The mantissa of the scale.
    pub mantissa: u8,
    /// The scale tier, 0…3.
    pub tier: u8,
    /// The level of detail, 0…63.
    pub lod: u8,
    /// The frame of reference.
    pub frame: u8,
    /// Bits for the user, 0…15.
    pub user: u8,
}

/// A cell with 32-bit coordinates, its scale, level and frame.
///
/// ```text
///  127   120 119 118 117 112 111  104 103  100 99  96 95      64 63      32 31       0
/// ┌─────────┬───────┬───────┬────────┬────────┬──────┬──────────┬──────────┬──────────┐
/// │mantissa │ tier  │  LOD  │ frame  │version │ user │x, signed │y, signed │z, signed │
/// │         │       │       │        │ 0001   │      │          │          │          │
/// └─────────┴───────┴───────┴────────┴────────┴──────┴──────────┴──────────┴──────────┘
/// ```
///
/// Ordered by the fields from left to right, coordinates as numbers. Bits are those of octaindex3d 0.5.9.
///
/// # Example
/// ```
/// use octaflow::lattice::{Cell, Galactic128, GalacticHeader};
/// let header = GalacticHeader { frame: 3, ..GalacticHeader::default() };
/// let id = Galactic128::new(header, Cell::new(-1, 1, 2_000_000_001)?)?;
/// assert_eq!(Galactic128::try_from(u128::from(id)), Ok(id));
/// # Ok::<(), octaflow::lattice::LatticeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Galactic128(u128);

impl Galactic128 {
    /// The identifier of a cell.
    ///
    /// # Errors
    /// [`LatticeError::Field`] for a tier above 3, a LOD above 63 or user bits above 15.
    pub const fn new(header: GalacticHeader, cell: Cell) -> Result<Self, LatticeError> {
        if header.tier > 3 {
            return Err(too_large(NAME, "tier", header.tier, 3));
        }
        if header.lod > 63 {
            return Err(too_large(NAME, "LOD", header.lod, 63));
        }
        if header.user > 15 {
            return Err(too_large(NAME, "user field", header.user, 15));
        }
        let [x, y, z] = cell.xyz();
        Ok(Galactic128(
            (header.mantissa as u128) << 120
                | (header.tier as u128) << 118
                | (header.lod as u128) << 112
                | (header.frame as u128) << 104
                | (VERSION as u128) << 100
                | (header.user as u128) << 96
                | (x as u32 as u128) << 64
                | (y as u32 as u128) << 32
                | z as u32 as u128,
        ))
    }

    /// The cell, in units of the identifier's level.
    pub const fn cell(self) -> Cell {
        let [x, y, z] = self.coordinates();
        Cell::proven(x, y, z)
    }

    /// The fields beside the coordinates.
    pub const fn header(self) -> GalacticHeader {
        GalacticHeader {
            mantissa: (self.0 >> 120) as u8,
            tier: (self.0 >> 118 & 3) as u8,
            lod: (self.0 >> 112 & 63) as u8,
            frame: (self.0 >> 104) as u8,
            user: (self.0 >> 96 & 15) as u8,
        }
    }

    const fn coordinates(self) -> [i32; 3] {
        [(self.0 >> 64) as i32, (self.0 >> 32) as i32, self.0 as i32]
    }

    /// A number whose order is the identifiers': each sign bit turned over.
    const fn rank(self) -> u128 {
        self.0 ^ SIGNS
    }
}

impl Ord for Galactic128 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Galactic128 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<u128> for Galactic128 {
    type Error = LatticeError;

    /// The identifier with these bits.
    ///
    /// # Errors
    /// [`LatticeError::Kind`] unless the version is 1, [`LatticeError::MixedParity`] unless the coordinates are all
    /// even or all odd.
    fn try_from(bits: u128) -> Result<Self, LatticeError> {
        let found = (bits >> 100 & 15) as u8;
        if found != VERSION {
            return Err(LatticeError::Kind {
                identifier: NAME,
                wanted: VERSION,
                found,
            });
        }
        let id = Galactic128(bits);
        let [x, y, z] = id.coordinates();
        Cell::new(x, y, z).map(|_| id)
    }
}

impl From<Galactic128> for u128 {
    fn from(id: Galactic128) -> u128 {
        id.0
    }
}

impl From<Galactic128> for Cell {
    /// As [`Galactic128::cell`].
    fn from(id: Galactic128) -> Cell {
        id.cell()
    }
}

impl fmt::Debug for Galactic128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GalacticHeader {
            mantissa,
            tier,
            lod,
            frame,
            user,
        } = self.header();
        write!(
            f,
            "{NAME}(mantissa {mantissa}, tier {tier}, LOD {lod}, frame {frame}, user {user}, {})",
            self.cell()
        )
    }
}

identifier!(Galactic128, u128, "g3d1");
