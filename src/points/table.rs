//! Points in tables: `.csv`, `.parquet` and newline-delimited JSON with columns `x,y,z` (or `X,Y,Z`).

use super::{Batches, Format, Points};
use crate::Result;
use crate::map::columns::{Rows, survey};
use crate::map::input::Share;
use std::path::{Path, PathBuf};

/// How many columns are positions; attributes follow them.
const POSITION: [usize; 3] = [0, 1, 2];

/// A table of points.
pub(super) struct Table {
    path: PathBuf,
    position: [&'static str; 3],
    attributes: Vec<String>,
    rows: Option<u64>,
}

impl Table {
    /// Opens a table for the attributes `asked` for, or for all columns of numbers.
    pub(super) fn open(path: &Path, asked: Option<&[String]>) -> Result<Self> {
        let found = survey(path)?;
        let has = |name: &str| found.numeric.iter().any(|n| n == name);
        let position = match ["X", "Y", "Z"] {
            upper if upper.iter().all(|&n| has(n)) && !has("x") => upper,
            _ => ["x", "y", "z"],
        };
        let attributes = match asked {
            Some(asked) => asked.to_vec(),
            None => found.numeric,
        };
        let others = attributes.into_iter();
        let attributes = others
            .filter(|name| !position.contains(&name.as_str()))
            .collect();
        let table = Table {
            path: path.to_owned(),
            position,
            attributes,
            rows: found.rows,
        };
        let all: Vec<usize> = (0..table.attributes.len()).collect();
        table.rows(Share::WHOLE, &all)?;
        Ok(table)
    }

    /// The rows of a share, after a look at whether the table has the columns; JSON tables may have any.
    fn rows(&self, share: Share, chosen: &[usize]) -> Result<Rows> {
        let names = chosen.iter().map(|&n| self.attributes[n].as_str());
        let wanted: Vec<&str> = self.position.into_iter().chain(names).collect();
        let rows = Rows::open_share(&self.path, &wanted, share)?;
        rows.require(&(0..wanted.len()).collect::<Vec<_>>())?;
        Ok(rows)
    }
}

impl Format for Table {
    fn attributes(&self) -> &[String] {
        &self.attributes
    }

    fn total(&self) -> Option<u64> {
        self.rows
    }

    fn share(self: Box<Self>, share: Share, chosen: &[usize]) -> Result<Box<dyn Batches>> {
        let rows = self.rows(share, chosen)?;
        Ok(Box::new(TableRows { rows }))
    }
}

struct TableRows {
    rows: Rows,
}

impl Batches for TableRows {
    fn next_batch(&mut self, points: &mut Points, at_most: usize) -> Result<bool> {
        while points.xyz.len() < at_most
            && let Some(row) = self.rows.next_row()?
        {
            points.xyz.push(row.position(POSITION)?);
            for (column, values) in points.attributes.iter_mut().enumerate() {
                values.push(row.float_or_missing(POSITION.len() + column)?);
            }
        }
        Ok(!points.is_empty())
    }
}
