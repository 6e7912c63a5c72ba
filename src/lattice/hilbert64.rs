//! Hilbert64: a cell as a 64-bit key in Hilbert order.

use super::header::{check_kind, coordinates16};
use super::hilbert::{gray_of_morton, hilbert_decode, hilbert_encode, morton_of_gray};
use super::morton::{morton_decode, morton_encode};
use super::text::identifier;
use super::{Cell, Header, Index64, LatticeError};
use std::fmt;

const NAME: &str = "Hilbert64";
const KIND: u8 = 0b11;
const KEY_BITS: u64 = (1 << 48) - 1;
const BITS_AN_AXIS: u32 = 16;

/// A cell with coordinates in 0…65535, its level, frame and tier, as a key whose order is the Hilbert curve's.
///
/// ```text
///  63 62 61 60 59          52 51    48 47                              0
/// ┌─────┬─────┬──────────────┬────────┬─────────────────────────────────┐
/// │ 1 1 │tier │    frame     │  LOD   │  place on the Hilbert curve     │
/// └─────┴─────┴──────────────┴────────┴─────────────────────────────────┘
/// ```
///
/// The curve visits the grid of 65536³ points; consecutive places are face neighbours of the grid. Its cells are
/// those points that are lattice points.
///
/// octaindex3d 0.5.9 has the same layout but puts a Gray code of each octant in the low 48 bits, whose consecutive
/// values are not neighbours. [`Hilbert64::from_gray_bits`] and [`Hilbert64::to_gray_bits`] convert, losing nothing.
///
/// # Example
/// ```
/// use octaflow::lattice::{Cell, Header, Hilbert64, Index64};
/// let id = Hilbert64::new(Header::CELL, Cell::new(2, 4, 6)?)?;
/// assert_eq!(id.cell(), Cell::new(2, 4, 6)?);
/// assert_eq!(Index64::from(id), Index64::of_cell(id.cell())?);
/// # Ok::<(), octaflow::lattice::LatticeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hilbert64(u64);

impl Hilbert64 {
    /// The key of a cell.
    ///
    /// # Errors
    /// [`LatticeError::Field`] for a tier above 3 or a LOD above 15, [`LatticeError::Coordinate`] unless the
    /// coordinates lie in 0…65535.
    #[inline]
    pub fn new(header: Header, cell: Cell) -> Result<Self, LatticeError> {
        let header = header.bits(NAME, KIND)?;
        let coordinates = coordinates16(NAME, cell)?;
        Ok(Hilbert64(
            header | hilbert_encode(coordinates, BITS_AN_AXIS),
        ))
    }

    /// The cell, in units of the key's level.
    #[inline]
    pub fn cell(self) -> Cell {
        let [x, y, z] = self.coordinates().map(i32::from);
        Cell::proven(x, y, z)
    }

    /// The tier, frame and level.
    #[inline]
    pub const fn header(self) -> Header {
        Header::of_bits(self.0)
    }

    /// The place on the curve: bits 47…0.
    #[inline]
    pub const fn place(self) -> u64 {
        self.0 & KEY_BITS
    }

    /// The parent, one level up, or `None` at LOD 0.
    pub fn parent(self) -> Option<Self> {
        Index64::from(self).parent().map(Hilbert64::from)
    }

    /// The children, one level down, as [`Index64::children`].
    pub fn children(self) -> impl Iterator<Item = Self> {
        Index64::from(self).children().map(Hilbert64::from)
    }

    /// The bits of octaindex3d's Hilbert64 of the same cell: the same header, and the Gray code of its octants.
    pub fn to_gray_bits(self) -> u64 {
        self.0 & !KEY_BITS | gray_of_morton(morton_encode(self.coordinates()))
    }

    /// The key of the cell that octaindex3d's Hilbert64 with these bits has.
    ///
    /// # Errors
    /// As `TryFrom<u64>`.
    pub fn from_gray_bits(bits: u64) -> Result<Self, LatticeError> {
        check_kind(NAME, KIND, bits)?;
        let coordinates = morton_decode(morton_of_gray(bits));
        Self::try_from(bits & !KEY_BITS | hilbert_encode(coordinates, BITS_AN_AXIS))
    }

    #[inline]
    fn coordinates(self) -> [u16; 3] {
        hilbert_decode(self.0, BITS_AN_AXIS)
    }
}

impl TryFrom<u64> for Hilbert64 {
    type Error = LatticeError;

    /// The key with these bits.
    ///
    /// # Errors
    /// [`LatticeError::Kind`] unless the two highest bits are 11, [`LatticeError::MixedParity`] unless the
    /// coordinates are all even or all odd.
    fn try_from(bits: u64) -> Result<Self, LatticeError> {
        check_kind(NAME, KIND, bits)?;
        let [x, y, z] = hilbert_decode(bits, BITS_AN_AXIS).map(i32::from);
        Cell::new(x, y, z).map(|_| Hilbert64(bits))
    }
}

impl From<Hilbert64> for u64 {
    #[inline]
    fn from(id: Hilbert64) -> u64 {
        id.0
    }
}

impl From<Index64> for Hilbert64 {
    fn from(id: Index64) -> Self {
        let place = hilbert_encode(morton_decode(id.morton()), BITS_AN_AXIS);
        Hilbert64((u64::from(KIND) << 62) | u64::from(id) & !KEY_BITS | place)
    }
}

impl From<Hilbert64> for Index64 {
    fn from(id: Hilbert64) -> Self {
        Index64::new(id.header(), id.cell()).expect("both keys hold the same cells")
    }
}

impl From<Hilbert64> for Cell {
    /// As [`Hilbert64::cell`].
    fn from(id: Hilbert64) -> Cell {
        id.cell()
    }
}

impl fmt::Debug for Hilbert64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { tier, frame, lod } = self.header();
        write!(
            f,
            "{NAME}(tier {tier}, frame {frame}, LOD {lod}, {})",
            self.cell()
        )
    }
}

identifier!(Hilbert64, u64, "h3d1");
