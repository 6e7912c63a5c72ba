//! Route64: a cell near an origin, with signed coordinates.

use super::header::{check_kind, out_of_range, too_large};
use super::text::identifier;
use super::{Cell, LatticeError, NEIGHBOURS};
use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;

const NAME: &str = "Route64";
const KIND: u8 = 0b01;
/// The sign bits of the three coordinates.
const SIGNS: u64 = 1 << 59 | 1 << 39 | 1 << 19;

/// A cell with coordinates in −524288…524287 and its tier.
///
/// ```text
///  63 62 61 60 59              40 39              20 19               0
/// ┌─────┬─────┬──────────────────┬──────────────────┬──────────────────┐
/// │ 0 1 │tier │    x, signed     │    y, signed     │    z, signed     │
/// └─────┴─────┴──────────────────┴──────────────────┴──────────────────┘
/// ```
///
/// Ordered by tier, x, y, z as numbers, so −1 comes before 0. Bits are those of octaindex3d 0.5.9.
///
/// # Example
/// ```
/// use octaflow::lattice::{Cell, Route64};
/// let id = Route64::new(0, Cell::new(-2, 0, 4)?)?;
/// assert_eq!(id.cell(), Cell::new(-2, 0, 4)?);
/// assert!(id < Route64::new(0, Cell::new(0, 0, 0)?)?);
/// # Ok::<(), octaflow::lattice::LatticeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route64(NonZeroU64);

impl Route64 {
    /// The least coordinate.
    pub const LEAST: i32 = -(1 << 19);

    /// The greatest coordinate.
    pub const GREATEST: i32 = (1 << 19) - 1;

    /// The identifier of a cell.
    ///
    /// # Errors
    /// [`LatticeError::Field`] for a tier above 3, [`LatticeError::Coordinate`] unless the coordinates lie in
    /// [`Route64::LEAST`]…[`Route64::GREATEST`].
    #[inline]
    pub const fn new(tier: u8, cell: Cell) -> Result<Self, LatticeError> {
        if tier > 3 {
            return Err(too_large(NAME, "tier", tier, 3));
        }
        let [x, y, z] = cell.xyz();
        let [ux, uy, uz] = [raised(x), raised(y), raised(z)];
        if (ux | uy | uz) >> 20 != 0 {
            return Err(out_of_range(NAME, cell, Self::LEAST, Self::GREATEST));
        }
        let cell = (ux as u64) << 40 | (uy as u64) << 20 | uz as u64;
        Ok(Self::proven((tier as u64) << 60 | cell ^ SIGNS))
    }

    /// The cell, in lattice units.
    #[inline]
    pub const fn cell(self) -> Cell {
        Cell::proven(self.field(40), self.field(20), self.field(0))
    }

    /// The scale tier, 0…3.
    #[inline]
    pub const fn tier(self) -> u8 {
        (self.0.get() >> 60 & 3) as u8
    }

    /// The 14 neighbours in the fixed order of [`NEIGHBOURS`], `None` for those with a coordinate outside
    /// [`Route64::LEAST`]…[`Route64::GREATEST`].
    #[inline]
    pub fn neighbours(self) -> [Option<Self>; 14] {
        // Coordinates raised above 0 stay in their fields, so that one sum steps all three.
        let raised = self.rank();
        if is_inside(raised) {
            STEPS.map(|step| NonZeroU64::new(raised.wrapping_add(step) ^ SIGNS).map(Route64))
        } else {
            self.neighbours_at_the_edge()
        }
    }

    /// The plain form of [`Route64::neighbours`].
    #[cold]
    #[inline(never)]
    fn neighbours_at_the_edge(self) -> [Option<Self>; 14] {
        std::array::from_fn(|direction| {
            Self::new(self.tier(), self.cell().neighbour(direction)?).ok()
        })
    }

    /// The identifier with these bits, which the caller has proven.
    #[inline]
    const fn proven(bits: u64) -> Self {
        match NonZeroU64::new(bits | (KIND as u64) << 62) {
            Some(bits) => Route64(bits),
            None => unreachable!(),
        }
    }

    /// The signed coordinate whose lowest bit is `shift`.
    #[inline]
    const fn field(self, shift: u32) -> i32 {
        ((self.0.get() << (44 - shift)) as i64 >> 44) as i32
    }

    /// A number whose order is the identifiers': each sign bit turned over.
    #[inline]
    const fn rank(self) -> u64 {
        self.0.get() ^ SIGNS
    }
}

/// True if no field of raised coordinates is within 2 of its ends, so that no neighbour is out of range.
#[inline]
const fn is_inside(raised: u64) -> bool {
    // Of the 19 bits above a field's lowest some two in a row differ, unless they are all zeros or all ones.
    const INNER: u64 = 0x7_fffe;
    let differ = raised ^ raised >> 1;
    differ & INNER != 0 && differ & INNER << 20 != 0 && differ & INNER << 40 != 0
}

/// [`NEIGHBOURS`] as numbers to add to raised coordinates where they lie among the bits.
const STEPS: [u64; 14] = {
    let mut steps = [0; 14];
    let mut i = 0;
    while i < 14 {
        let [x, y, z] = NEIGHBOURS[i];
        steps[i] = ((x as i64) * (1 << 40) + (y as i64) * (1 << 20) + z as i64) as u64;
        i += 1;
    }
    steps
};

/// The coordinate above the least one; from 2²⁰ on it does not fit.
#[inline]
const fn raised(c: i32) -> u32 {
    c.wrapping_sub(Route64::LEAST) as u32
}

impl Ord for Route64 {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Route64 {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<u64> for Route64 {
    type Error = LatticeError;

    /// The identifier with these bits.
    ///
    /// # Errors
    /// [`LatticeError::Kind`] unless the two highest bits are 01, [`LatticeError::MixedParity`] unless the
    /// coordinates are all even or all odd.
    #[inline]
    fn try_from(bits: u64) -> Result<Self, LatticeError> {
        check_kind(NAME, KIND, bits)?;
        let id = Self::proven(bits);
        if (bits ^ bits >> 20) & 1 == 0 && (bits ^ bits >> 40) & 1 == 0 {
            Ok(id)
        } else {
            let [x, y, z] = [id.field(40), id.field(20), id.field(0)];
            Err(LatticeError::MixedParity { x, y, z })
        }
    }
}

impl TryFrom<Cell> for Route64 {
    type Error = LatticeError;

    /// As [`Route64::new`] in tier 0.
    #[inline]
    fn try_from(cell: Cell) -> Result<Self, LatticeError> {
        Self::new(0, cell)
    }
}

impl From<Route64> for u64 {
    #[inline]
    fn from(id: Route64) -> u64 {
        id.0.get()
    }
}

impl From<Route64> for Cell {
    /// As [`Route64::cell`].
    #[inline]
    fn from(id: Route64) -> Cell {
        id.cell()
    }
}

impl fmt::Debug for Route64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}(tier {}, {})", self.tier(), self.cell())
    }
}

identifier!(Route64, u64, "r3d1");
