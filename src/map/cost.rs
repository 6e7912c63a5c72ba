//! Costs: from the factor that a user writes to the 16 bits that the engine stores.

use crate::lattice::UNIT_COST;
use std::fmt;

/// The greatest cost factor that can be stored.
const GREATEST: f64 = u16::MAX as f64 / UNIT_COST as f64;

/// The stored cost of a factor: `256 · factor`, halves rounded up; 0 is blocked.
///
/// # Errors
/// [`CostError`] for NaN, a negative factor, one above 65535/256, and a positive one that would round to 0.
///
/// # Example
/// ```
/// use octaflow::map::store_cost;
/// assert_eq!(store_cost(1.0), Ok(256));
/// assert_eq!(store_cost(0.0), Ok(0));
/// assert!(store_cost(0.001).is_err());
/// ```
pub fn store_cost(factor: f64) -> Result<u16, CostError> {
    if !(0.0..=GREATEST).contains(&factor) {
        return Err(match factor {
            f if f.is_nan() => CostError::NotANumber,
            f if f < 0.0 => CostError::Negative(f),
            f => CostError::TooLarge(f),
        });
    }
    // Scaling by a power of two and splitting off the whole part are exact; adding 0.5 first would not be.
    let scaled = factor * f64::from(UNIT_COST);
    let whole = scaled as u16;
    let stored = whole + u16::from(scaled - f64::from(whole) >= 0.5);
    if stored == 0 && factor > 0.0 {
        return Err(CostError::TooSmall(factor));
    }
    Ok(stored)
}

/// Why a cost factor cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CostError {
    /// The factor is NaN.
    NotANumber,
    /// The factor is below 0.
    Negative(f64),
    /// The factor is above 65535/256.
    TooLarge(f64),
    /// The factor is positive but nearer to 0 (blocked) than to 1/256.
    TooSmall(f64),
}

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = "it must be 0 (blocked) or a factor from 1/512 to 65535/256";
        match self {
            CostError::NotANumber => write!(f, "the cost is NaN; {right}"),
            CostError::Negative(c) => write!(f, "the cost {c} is negative; {right}"),
            CostError::TooLarge(c) => write!(f, "the cost {c} is too large; {right}"),
            CostError::TooSmall(c) => write!(f, "the cost {c} is too small; {right}"),
        }
    }
}

impl std::error::Error for CostError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_round_half_up_and_stay_in_range() {
        assert_eq!(store_cost(-0.0), Ok(0));
        assert_eq!(store_cost(1.0 / 512.0), Ok(1));
        assert_eq!(
            store_cost((1.0f64 / 512.0).next_down()),
            Err(CostError::TooSmall((1.0f64 / 512.0).next_down()))
        );
        assert_eq!(store_cost(1.5 / 256.0), Ok(2));
        assert_eq!(store_cost((1.5f64 / 256.0).next_down()), Ok(1));
        assert_eq!(store_cost(65535.0 / 256.0), Ok(65535));
        for bad in [
            f64::NAN,
            -1.0,
            (65535.0f64 / 256.0).next_up(),
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
        ] {
            assert!(store_cost(bad).is_err(), "{bad}");
        }
        for stored in 0..=u16::MAX {
            assert_eq!(store_cost(f64::from(stored) / 256.0), Ok(stored));
        }
    }
}
