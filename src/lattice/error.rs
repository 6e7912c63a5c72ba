//! What can be wrong with a lattice point or an identifier that comes from outside.

use std::fmt;

/// Why three integers, or the bits of an identifier, are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatticeError {
    /// The coordinates are neither all even nor all odd.
    MixedParity {
        /// The x coordinate as given.
        x: i32,
        /// The y coordinate as given.
        y: i32,
        /// The z coordinate as given.
        z: i32,
    },
    /// A coordinate does not fit the identifier.
    Coordinate {
        /// The identifier's name.
        identifier: &'static str,
        /// The coordinate as given.
        value: i32,
        /// The least coordinate that fits.
        least: i32,
        /// The greatest coordinate that fits.
        greatest: i32,
    },
    /// A field beside the coordinates is too large.
    Field {
        /// The identifier's name.
        identifier: &'static str,
        /// The field's name.
        field: &'static str,
        /// The field as given.
        value: u8,
        /// The greatest value that fits.
        greatest: u8,
    },
    /// The bits that say what kind of identifier this is say another kind.
    Kind {
        /// The name of the identifier that was wanted.
        identifier: &'static str,
        /// The value that its kind bits must have.
        wanted: u8,
        /// The value that they have.
        found: u8,
    },
}

impl fmt::Display for LatticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LatticeError::MixedParity { x, y, z } => write!(
                f,
                "({x}, {y}, {z}) is no lattice point: its coordinates must be all even or all odd"
            ),
            LatticeError::Coordinate {
                identifier,
                value,
                least,
                greatest,
            } => write!(
                f,
                "the coordinate {value} does not fit {identifier}: it must lie in {least}…{greatest}"
            ),
            LatticeError::Field {
                identifier,
                field,
                value,
                greatest,
            } => write!(
                f,
                "the {field} {value} does not fit {identifier}: it must lie in 0…{greatest}"
            ),
            LatticeError::Kind {
                identifier,
                wanted,
                found,
            } => write!(
                f,
                "these bits are no {identifier}: their kind bits must be {wanted:b}, not {found:b}"
            ),
        }
    }
}

impl std::error::Error for LatticeError {}

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextError {
    /// The text is not bech32m: a foreign character, mixed case, a wrong checksum.
    Bech32m {
        /// The identifier's name.
        identifier: &'static str,
        /// What the decoder found.
        reason: String,
    },
    /// The text is bech32m, but of something else.
    Prefix {
        /// The identifier's name.
        identifier: &'static str,
        /// The prefix that it has.
        wanted: &'static str,
        /// The prefix of the text.
        found: String,
    },
    /// The text holds too few or too many bits, or its spare bits are not 0.
    Length {
        /// The identifier's name.
        identifier: &'static str,
        /// How many bytes it has.
        wanted: usize,
    },
    /// The text's bits are not a valid identifier.
    Bits(LatticeError),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Bech32m { identifier, reason } => {
                write!(f, "the text of {identifier} must be bech32m: {reason}")
            }
            TextError::Prefix {
                identifier,
                wanted,
                found,
            } => write!(
                f,
                "the text of {identifier} must begin with {wanted}1, not {found}1"
            ),
            TextError::Length { identifier, wanted } => write!(
                f,
                "the text of {identifier} must hold exactly {wanted} bytes with no bit to spare set"
            ),
            TextError::Bits(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TextError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TextError::Bits(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LatticeError> for TextError {
    fn from(error: LatticeError) -> Self {
        TextError::Bits(error)
    }
}
