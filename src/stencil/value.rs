//! The numbers that a field may consist of.

use bytemuck::Pod;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Sub};

/// A floating-point number of a field: `f32` or `f64`.
///
/// Kernels compute with these operations alone, each rounded by itself (never a fused multiply-add), so results are
/// the same bits on every machine.
pub trait Value:
    Pod
    + PartialOrd
    + Debug
    + Default
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;

    /// The number as a double, exactly.
    fn to_f64(self) -> f64;

    /// A small whole number, exactly.
    fn from_u8(value: u8) -> Self;
}

impl Value for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn from_u8(value: u8) -> Self {
        f32::from(value)
    }
}

impl Value for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn from_u8(value: u8) -> Self {
        f64::from(value)
    }
}
