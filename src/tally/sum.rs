//! Sums of attributes that come out the same in any order.

use std::ops::AddAssign;

/// How many units make 1.
const UNITS: f64 = 4_294_967_296.0;

/// An exact sum of values, each rounded to units of 2⁻³² (2.3e-10) first: integers add up to the same in any order.
///
/// 2³² values of the greatest magnitude fit.
///
/// # Example
/// ```
/// use octaflow::tally::Sum;
/// let mut sum = Sum::default();
/// for value in [0.5, -2.0, 1e9] {
///     assert!(sum.add_value(value));
/// }
/// assert_eq!(sum.mean(), Some((1e9 - 1.5) / 3.0));
/// assert!(!sum.add_value(1e300));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum in units of 2⁻³².
    pub units: i128,
    /// How many values there are.
    pub values: u64,
}

impl Sum {
    /// Values must be below this in magnitude: 2⁶³.
    pub const MOST: f64 = 9_223_372_036_854_775_808.0;

    /// Adds a value; false, and nothing is added, if it is not finite or too large.
    #[inline]
    pub fn add_value(&mut self, value: f64) -> bool {
        let units = value * UNITS;
        if units.abs() < Self::MOST {
            // The common case: the conversion of 64 bits is one instruction.
            self.units = self.units.wrapping_add(i128::from(units.round() as i64));
        } else if value.abs() < Self::MOST {
            self.units = self.units.wrapping_add(units.round() as i128);
        } else {
            return false;
        }
        self.values = self.values.wrapping_add(1);
        true
    }

    /// The mean of the values, or `None` without any.
    pub fn mean(&self) -> Option<f64> {
        (self.values > 0).then(|| self.units as f64 / self.values as f64 / UNITS)
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Sum) {
        // Wrapping, since what is read back from a file may be anything.
        self.units = self.units.wrapping_add(other.units);
        self.values = self.values.wrapping_add(other.values);
    }
}
