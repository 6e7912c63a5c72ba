//! Index64: a cell as a 64-bit key in Morton order.

use super::header::{check_kind, coordinates16};
use super::morton::{X_BITS, morton_decode, morton_encode};
use super::text::identifier;
use super::{Cell, Header, LatticeError};
use std::fmt;
use std::num::NonZeroU64;

const NAME: &str = "Index64";
const KIND: u8 = 0b10;
const Y_BITS: u64 = X_BITS << 1;
const Z_BITS: u64 = X_BITS << 2;
const MORTON_BITS: u64 = X_BITS | Y_BITS | Z_BITS;

/// A cell with coordinates in 0…65535, its level, frame and tier, as a key whose order is the Morton curve's.
///
/// ```text
///  63 62 61 60 59          52 51    48 47                              0
/// ┌─────┬─────┬──────────────┬────────┬─────────────────────────────────┐
/// │ 1 0 │tier │    frame     │  LOD   │  Morton: … z₁y₁x₁ z₀y₀x₀        │
/// └─────┴─────┴──────────────┴────────┴─────────────────────────────────┘
/// ```
///
/// The coordinates count units of the key's own level: at LOD 15 lattice units, at each level below units twice as
/// long. Their lowest bits are alike (the cell is a lattice point), so bits 2…0 are 000 or 111.
/// Bits are those of octaindex3d 0.5.9.
///
/// # Example
/// ```
/// use octaflow::lattice::{Cell, Index64};
/// let id = Index64::of_cell(Cell::new(1, 3, 5)?)?;
/// assert_eq!(u64::from(id), 0x800f_0000_0000_0117);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// # Ok::<(), octaflow::lattice::LatticeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index64(NonZeroU64);

impl Index64 {
    /// The key of a cell.
    ///
    /// # Errors
    /// [`LatticeError::Field`] for a tier above 3 or a LOD above 15, [`LatticeError::Coordinate`] unless the
    /// coordinates lie in 0…65535.
    #[inline]
    pub const fn new(header: Header, cell: Cell) -> Result<Self, LatticeError> {
        match (header.bits(NAME, KIND), coordinates16(NAME, cell)) {
            (Ok(header), Ok(coordinates)) => Ok(Self::proven(header | morton_encode(coordinates))),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// The key of a map's cell: tier 0, frame 0, LOD 15. Its bits are the column `cell` of all results.
    ///
    /// # Errors
    /// [`LatticeError::Coordinate`] unless the coordinates lie in 0…65535.
    #[inline]
    pub const fn of_cell(cell: Cell) -> Result<Self, LatticeError> {
        Self::new(Header::CELL, cell)
    }

    /// The key of a map's cell with Morton code `morton`, whose parity and range the caller has proven.
    #[inline]
    pub(crate) const fn of_morton(morton: u64) -> Self {
        debug_assert!(morton & !MORTON_BITS == 0 && (morton & 7 == 0 || morton & 7 == 7));
        Self::proven(0x800f << 48 | morton)
    }

    /// The key with these bits, which the caller has proven.
    #[inline]
    const fn proven(bits: u64) -> Self {
        match NonZeroU64::new(bits | (KIND as u64) << 62) {
            Some(bits) => Index64(bits),
            None => unreachable!(),
        }
    }

    /// The cell, in units of the key's level.
    #[inline]
    pub const fn cell(self) -> Cell {
        let [x, y, z] = morton_decode(self.0.get());
        Cell::proven(x as i32, y as i32, z as i32)
    }

    /// The tier, frame and level.
    #[inline]
    pub const fn header(self) -> Header {
        Header::of_bits(self.0.get())
    }

    /// The Morton code of the coordinates: bits 47…0.
    #[inline]
    pub const fn morton(self) -> u64 {
        self.0.get() & MORTON_BITS
    }

    /// The key of the same coordinates, tier and frame at level `lod`: a cell of another size.
    ///
    /// # Panics
    /// If the level is above 15.
    #[inline]
    pub const fn with_lod(self, lod: u8) -> Self {
        assert!(lod <= 15, "levels of detail are 0…15");
        Self::proven(self.0.get() & !(15 << 48) | (lod as u64) << 48)
    }

    /// The bits as the signed integer that tables store. Its order is that of the keys.
    #[inline]
    pub const fn as_i64(self) -> i64 {
        self.0.get() as i64
    }

    /// The parent, one level up, or `None` at LOD 0.
    pub const fn parent(self) -> Option<Self> {
        let header = self.header();
        if header.lod == 0 {
            return None;
        }
        let above = Header {
            lod: header.lod - 1,
            ..header
        };
        // A parent's coordinates are at most 32768.
        match Self::new(above, self.cell().parent()) {
            Ok(parent) => Some(parent),
            Err(_) => None,
        }
    }

    /// The children, one level down, in the order of [`CHILDREN`](super::CHILDREN): all eight, but for those with
    /// coordinates outside 0…65535; none at LOD 15.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let header = self.header();
        let below = Header {
            lod: header.lod + 1,
            ..header
        };
        let children = self.cell().children();
        children.filter_map(move |child| Self::new(below, child).ok())
    }

    /// The 14 neighbours in the fixed order of [`NEIGHBOURS`](super::NEIGHBOURS), `None` for those with a coordinate outside 0…65535.
    ///
    /// Coordinates are stepped where they lie among the bits: filling the gaps between an axis's bits with ones
    /// carries a sum across them, and zeros carry a difference.
    #[inline]
    pub fn neighbours(self) -> [Option<Self>; 14] {
        let bits = self.0.get();
        if !is_inside(bits) {
            return self.neighbours_at_the_edge();
        }
        let header = bits & !MORTON_BITS;
        let up = |axis: u64, by: u64| ((bits | !axis).wrapping_add(by & axis)) & axis;
        let down = |axis: u64, by: u64| (bits & axis).wrapping_sub(by & axis) & axis;
        // An axis's part of `ONE` is 1, of `TWO` 2.
        const ONE: u64 = 0b111;
        const TWO: u64 = 0b111_000;
        let (x, y, z) = (bits & X_BITS, bits & Y_BITS, bits & Z_BITS);
        let (xp, xm) = (up(X_BITS, ONE) | header, down(X_BITS, ONE) | header);
        let (yp, ym) = (up(Y_BITS, ONE), down(Y_BITS, ONE));
        let (zp, zm) = (up(Z_BITS, ONE), down(Z_BITS, ONE));
        let (pp, pm, mp, mm) = (yp | zp, yp | zm, ym | zp, ym | zm);
        let (yz, xz, xy) = (header | y | z, header | x | z, header | x | y);
        [
            xp | pp,
            xp | pm,
            xp | mp,
            xp | mm,
            xm | pp,
            xm | pm,
            xm | mp,
            xm | mm,
            up(X_BITS, TWO) | yz,
            down(X_BITS, TWO) | yz,
            up(Y_BITS, TWO) | xz,
            down(Y_BITS, TWO) | xz,
            up(Z_BITS, TWO) | xy,
            down(Z_BITS, TWO) | xy,
        ]
        .map(|neighbour| NonZeroU64::new(neighbour).map(Index64))
    }

    /// The plain form of [`Index64::neighbours`].
    #[cold]
    #[inline(never)]
    fn neighbours_at_the_edge(self) -> [Option<Self>; 14] {
        std::array::from_fn(|direction| {
            let neighbour = self.cell().neighbour(direction)?;
            Self::new(self.header(), neighbour).ok()
        })
    }
}

/// True if all three coordinates lie in 2…65533, so that no neighbour is out of range.
#[inline]
const fn is_inside(bits: u64) -> bool {
    // Of the 15 bits above an axis's lowest some two in a row differ, unless they are all zeros or all ones.
    let differ = (bits ^ bits >> 3) & (MORTON_BITS >> 3 & !0b111);
    differ & X_BITS != 0 && differ & Y_BITS != 0 && differ & Z_BITS != 0
}

impl TryFrom<u64> for Index64 {
    type Error = LatticeError;

    /// The key with these bits.
    ///
    /// # Errors
    /// [`LatticeError::Kind`] unless the two highest bits are 10, [`LatticeError::MixedParity`] unless the
    /// coordinates are all even or all odd.
    #[inline]
    fn try_from(bits: u64) -> Result<Self, LatticeError> {
        check_kind(NAME, KIND, bits)?;
        match bits & 7 {
            0 | 7 => Ok(Self::proven(bits)),
            _ => {
                let [x, y, z] = morton_decode(bits).map(i32::from);
                Err(LatticeError::MixedParity { x, y, z })
            }
        }
    }
}

impl TryFrom<i64> for Index64 {
    type Error = LatticeError;

    /// The key with these bits, as tables store them.
    #[inline]
    fn try_from(bits: i64) -> Result<Self, LatticeError> {
        Self::try_from(bits as u64)
    }
}

impl TryFrom<Cell> for Index64 {
    type Error = LatticeError;

    /// As [`Index64::of_cell`].
    #[inline]
    fn try_from(cell: Cell) -> Result<Self, LatticeError> {
        Self::of_cell(cell)
    }
}

impl From<Index64> for u64 {
    #[inline]
    fn from(id: Index64) -> u64 {
        id.0.get()
    }
}

impl From<Index64> for Cell {
    /// As [`Index64::cell`].
    #[inline]
    fn from(id: Index64) -> Cell {
        id.cell()
    }
}

impl fmt::Debug for Index64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { tier, frame, lod } = self.header();
        write!(
            f,
            "{NAME}(tier {tier}, frame {frame}, LOD {lod}, {})",
            self.cell()
        )
    }
}

identifier!(Index64, u64, "i3d1");
