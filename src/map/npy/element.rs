//! The elements of an array: their types, and how their bytes become costs.

use crate::map::cost::{CostError, store_cost};
use arrow::datatypes::{ArrowPrimitiveType, Float16Type};

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    kind: Kind,
    big_endian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int(u8),
    Uint(u8),
    Float(u8),
}

impl Element {
    /// The element type of a `descr` such as `<f4`, or `None` for what is no number.
    pub(super) fn of_descr(descr: &str) -> Option<Self> {
        let mut chars = descr.chars();
        let order = chars.next()?;
        let letter = chars.next()?;
        let width: u8 = chars.as_str().parse().ok()?;
        let kind = match (letter, width) {
            ('b' | '?', 1) => Kind::Bool,
            ('i', 1 | 2 | 4 | 8) => Kind::Int(width),
            ('u', 1 | 2 | 4 | 8) => Kind::Uint(width),
            ('f', 2 | 4 | 8) => Kind::Float(width),
            _ => return None,
        };
        let big_endian = match order {
            '<' => false,
            '>' => true,
            '=' => cfg!(target_endian = "big"),
            '|' if width == 1 => false,
            _ => return None,
        };
        Some(Element { kind, big_endian })
    }

    /// How many bytes an element takes.
    pub(super) fn bytes(self) -> u64 {
        u64::from(match self.kind {
            Kind::Bool => 1,
            Kind::Int(n) | Kind::Uint(n) | Kind::Float(n) => n,
        })
    }

    /// The stored costs of the elements in `raw`.
    ///
    /// # Errors
    /// The index of the first element that is no cost, and why.
    pub(super) fn decode(self, raw: &[u8], out: &mut [u16]) -> Result<(), (usize, CostError)> {
        self.each(raw, out, store_cost)
    }

    /// The elements in `raw` as doubles.
    ///
    /// # Errors
    /// The index of the first element that is not finite, and what it is.
    pub(super) fn decode_values(self, raw: &[u8], out: &mut [f64]) -> Result<(), (usize, f64)> {
        self.each(raw, out, |value| {
            value.is_finite().then_some(value).ok_or(value)
        })
    }

    /// The elements in `raw` as doubles, whatever they are.
    pub(super) fn decode_floats(self, raw: &[u8], out: &mut [f64]) {
        let any = |value| Ok::<f64, std::convert::Infallible>(value);
        let Ok(()) = self.each(raw, out, any);
    }

    fn each<T, E>(
        self,
        raw: &[u8],
        out: &mut [T],
        make: impl Fn(f64) -> Result<T, E>,
    ) -> Result<(), (usize, E)> {
        // Whole numbers beyond 2⁵³ lose digits here, but are far too large for a cost either way.
        match self.kind {
            Kind::Bool => self.of(raw, out, |[b]: [u8; 1]| make(f64::from(u8::from(b != 0)))),
            Kind::Uint(1) => self.of(raw, out, |[b]: [u8; 1]| make(f64::from(b))),
            Kind::Int(1) => self.of(raw, out, |b| make(f64::from(i8::from_le_bytes(b)))),
            Kind::Uint(2) => self.of(raw, out, |b| make(f64::from(u16::from_le_bytes(b)))),
            Kind::Int(2) => self.of(raw, out, |b| make(f64::from(i16::from_le_bytes(b)))),
            Kind::Uint(4) => self.of(raw, out, |b| make(f64::from(u32::from_le_bytes(b)))),
            Kind::Int(4) => self.of(raw, out, |b| make(f64::from(i32::from_le_bytes(b)))),
            Kind::Uint(_) => self.of(raw, out, |b| make(u64::from_le_bytes(b) as f64)),
            Kind::Int(_) => self.of(raw, out, |b| make(i64::from_le_bytes(b) as f64)),
            Kind::Float(2) => self.of(raw, out, |b| {
                make(<Float16Type as ArrowPrimitiveType>::Native::from_le_bytes(b).to_f64())
            }),
            Kind::Float(4) => self.of(raw, out, |b| make(f64::from(f32::from_le_bytes(b)))),
            Kind::Float(_) => self.of(raw, out, |b| make(f64::from_le_bytes(b))),
        }
    }

    fn of<const N: usize, T, E>(
        self,
        raw: &[u8],
        out: &mut [T],
        make: impl Fn([u8; N]) -> Result<T, E>,
    ) -> Result<(), (usize, E)> {
        let (elements, _) = raw.as_chunks::<N>();
        for (n, (element, value)) in elements.iter().zip(out).enumerate() {
            let mut bytes = *element;
            if self.big_endian {
                bytes.reverse();
            }
            *value = make(bytes).map_err(|e| (n, e))?;
        }
        Ok(())
    }
}
