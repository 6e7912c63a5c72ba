//! What all identifiers share: their text form (bech32m), and serde by text or by bits.

use super::TextError;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};

/// The bech32m text of `bytes` behind the prefix `hrp`.
///
/// A prefix may hold the digit 1: the last 1 of a text is the one that ends the prefix.
pub(super) fn write(hrp: &'static str, bytes: &[u8]) -> String {
    bech32::encode::<Bech32m>(Hrp::parse_unchecked(hrp), bytes)
        .expect("an identifier is shorter than the longest bech32m text")
}

/// The `N` bytes that `text` holds; their only other spelling is the same in upper case.
pub(super) fn read<const N: usize>(
    identifier: &'static str,
    hrp: &'static str,
    text: &str,
) -> Result<[u8; N], TextError> {
    let parts = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| TextError::Bech32m {
        identifier,
        reason: error.to_string(),
    })?;
    if parts.hrp() != Hrp::parse_unchecked(hrp) {
        return Err(TextError::Prefix {
            identifier,
            wanted: hrp,
            found: parts.hrp().to_string(),
        });
    }
    let mut bytes = [0; N];
    let mut found = parts.byte_iter();
    let complete = bytes.iter_mut().all(|byte| match found.next() {
        Some(value) => {
            *byte = value;
            true
        }
        None => false,
    });
    // Writing it again shows bytes in excess and spare bits that are set.
    if complete && found.next().is_none() && write(hrp, &bytes).eq_ignore_ascii_case(text) {
        Ok(bytes)
    } else {
        Err(TextError::Length {
            identifier,
            wanted: N,
        })
    }
}

/// Gives the identifier `$id`, which has `From` and `TryFrom` for `$bits`, its text form behind the prefix `$hrp`
/// and serde: the text in formats that people read, the bits in others, checked either way.
macro_rules! identifier {
    ($id:ident, $bits:ty, $hrp:literal) => {
        impl $id {
            /// What the text form begins with, before the separating 1.
            pub const PREFIX: &'static str = $hrp;
        }

        impl std::fmt::Display for $id {
            /// Writes the bech32m text.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&$crate::lattice::text::write(
                    $hrp,
                    &<$bits>::from(*self).to_be_bytes(),
                ))
            }
        }

        impl std::str::FromStr for $id {
            type Err = $crate::lattice::TextError;

            /// Reads the bech32m text, in lower or in upper case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = $crate::lattice::text::read(stringify!($id), $hrp, text)?;
                Ok($id::try_from(<$bits>::from_be_bytes(bytes))?)
            }
        }

        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    <$bits>::from(*self).serialize(serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    let bits = <$bits>::deserialize(deserializer)?;
                    $id::try_from(bits).map_err(D::Error::custom)
                }
            }
        }
    };
}

pub(super) use identifier;
