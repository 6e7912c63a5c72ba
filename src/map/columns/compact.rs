//! The Thrift compact protocol, in which Parquet's footers and page headers are: as much of it as looks at numbers.

use std::io::Read;

/// A reader of the protocol; what is malformed, or not used by Parquet, is `None`.
pub(crate) struct Compact<R> {
    pub(crate) bytes: R,
}

/// The wire types of the protocol that matter by name.
pub(crate) const STOP: u8 = 0;
const BYTE: u8 = 3;
pub(crate) const I16: u8 = 4;
pub(crate) const I64: u8 = 6;
pub(crate) const LIST: u8 = 9;
const SET: u8 = 10;
pub(crate) const STRUCT: u8 = 12;

/// The deepest nesting of what is skipped: Parquet's own structs are half as deep.
const DEEPEST: u32 = 16;

impl<R: Read> Compact<R> {
    /// The next field's wire type; `id` becomes its number. Fields must ascend: of two of one number the decoder
    /// might take the other one.
    pub(crate) fn field(&mut self, id: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        let (step, kind) = (head >> 4, head & 0xf);
        if kind != STOP {
            let next = match step {
                0 => self.integer()?,
                step => id.checked_add(i64::from(step))?,
            };
            if next <= *id {
                return None;
            }
            *id = next;
        } else if step != 0 {
            return None;
        }
        Some(kind)
    }

    /// Skips a value.
    pub(crate) fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            // Booleans live in the field's head.
            1 | 2 => {}
            BYTE => drop(self.byte()?),
            I16..=I64 => drop(self.unsigned()?),
            7 => self.skip_bytes(8)?,
            8 => {
                let n = self.unsigned()?;
                self.skip_bytes(n)?;
            }
            LIST | SET if depth < DEEPEST => {
                let (elements, kind) = self.list()?;
                for _ in 0..elements {
                    match kind {
                        // In a list a boolean has a byte of its own.
                        1 | 2 => drop(self.byte()?),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            STRUCT if depth < DEEPEST => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => break,
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            // Parquet has no maps.
            _ => return None,
        }
        Some(())
    }

    /// The number of elements of a list and their wire type.
    pub(crate) fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let elements = match head >> 4 {
            15 => self.unsigned()?,
            n => u64::from(n),
        };
        Some((elements, head & 0xf))
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.bytes.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    fn skip_bytes(&mut self, n: u64) -> Option<()> {
        let skipped = std::io::copy(&mut self.bytes.by_ref().take(n), &mut std::io::sink()).ok()?;
        (skipped == n).then_some(())
    }

    /// An unsigned number.
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number: zigzag.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number of things: 0…2³¹ − 1.
    pub(crate) fn count(&mut self) -> Option<i64> {
        let most = i64::from(i32::MAX);
        self.integer().filter(|n| (0..=most).contains(n))
    }
}
