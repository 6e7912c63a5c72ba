//! Positions in metres: from flags, and from tables.

use super::columns::Rows;
use super::input::shown;
use super::limit::{Budget, available_memory_bytes};
use crate::{Error, Result};
use std::path::Path;

/// The position in metres of a flag's value `X,Y,Z`.
///
/// # Errors
/// [`Error::Input`] unless it is three finite numbers.
///
/// # Example
/// ```
/// use octaflow::map::parse_position;
/// assert_eq!(parse_position("1, 2.5,-3e1").unwrap(), [1.0, 2.5, -30.0]);
/// assert!(parse_position("1,2").is_err());
/// ```
pub fn parse_position(text: &str) -> Result<[f64; 3]> {
    let wrong = || {
        Error::input(format!(
            "{} is no position: it must be three finite numbers X,Y,Z",
            shown(text.as_bytes())
        ))
    };
    let mut parts = text.split(',');
    let mut position = [0.0; 3];
    for value in &mut position {
        let part = parts.next().ok_or_else(wrong)?;
        *value = part
            .trim()
            .parse()
            .ok()
            .filter(|v: &f64| v.is_finite())
            .ok_or_else(wrong)?;
    }
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok(position)
}

/// Reads the positions in metres of a table with columns `x,y,z` (`.csv`, `.parquet` or newline-delimited `.json`),
/// in the order of its rows.
///
/// # Errors
/// [`Error::Input`] if a column is missing, or a value is missing or not finite; [`Error::Machine`] if reading fails.
pub fn read_positions(path: &Path) -> Result<Vec<[f64; 3]>> {
    const COLUMNS: &[&str] = &["x", "y", "z"];
    let mut rows = Rows::open(path, COLUMNS)?;
    rows.require(&[0, 1, 2])?;
    // A growing vector holds each position twice for a moment.
    const POSITION_BYTES: u64 = 3 * size_of::<[f64; 3]>() as u64;
    let mut budget = Budget::new(rows.file().to_owned(), available_memory_bytes());
    let mut positions = Vec::new();
    while let Some(row) = rows.next_row()? {
        budget.charge(1, POSITION_BYTES)?;
        positions.push(row.position([0, 1, 2])?);
    }
    Ok(positions)
}
