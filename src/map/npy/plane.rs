//! Arrays of two axes, as floats.

use super::{check_shape_bytes, header};
use crate::map::input::Bytes;
use crate::map::limit::Budget;
use crate::{Error, Result};

/// An array of two axes.
pub(crate) struct Plane {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The elements row by row.
    pub(crate) values: Vec<f32>,
}

/// Whether the header of an array tells of two axes and numbers.
pub(crate) fn is_plane(bytes: &mut Bytes) -> bool {
    header::read(bytes).is_ok_and(|header| header.shape.len() == 2)
}

impl Plane {
    /// Reads an array of two axes, each element as the nearest float that it has; NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::Input`] if the file is no such array or is damaged, an element is infinite or too large for a float,
    /// or the array does not fit into the budget.
    pub(crate) fn read(bytes: &mut Bytes, budget: &mut Budget) -> Result<Self> {
        let file = bytes.name().to_owned();
        let header = header::read(bytes)?;
        let [rows, columns] = header.shape[..] else {
            return Err(Error::input(format!(
                "{file}: the array has {} axes: it must have 2, rows and columns",
                header.shape.len()
            )));
        };
        let element_bytes = header.element.bytes();
        check_shape_bytes(bytes, &header.shape, element_bytes)?;
        let count = rows.saturating_mul(columns);
        budget.charge(count, size_of::<f32>() as u64)?;
        let (slow, fast) = if header.fortran_order {
            (columns, rows)
        } else {
            (rows, columns)
        };
        budget.charge(fast, element_bytes + size_of::<f64>() as u64)?;
        let mut values = vec![0.0; count as usize];
        let mut raw = vec![0; (fast * element_bytes) as usize];
        let mut line = vec![0.0; fast as usize];
        for s in 0..slow as usize {
            bytes.take_exact(&mut raw)?;
            header.element.decode_floats(&raw, &mut line);
            for (f, &value) in line.iter().enumerate() {
                let (row, column) = if header.fortran_order { (f, s) } else { (s, f) };
                let float = value as f32;
                if float.is_infinite() {
                    return Err(Error::input(format!(
                        "{file}, element [{row}, {column}]: it is {value}: it must be finite, or NaN for a void"
                    )));
                }
                values[row * columns as usize + column] = float;
            }
        }
        if bytes.peek().is_some() {
            return Err(Error::input(format!(
                "{file}: bytes follow the last element of the array: the file is damaged"
            )));
        }
        bytes.check()?;
        Ok(Plane {
            rows: rows as usize,
            columns: columns as usize,
            values,
        })
    }
}
