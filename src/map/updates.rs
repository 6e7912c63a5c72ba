//! Updates: tables of timed changes, as epochs.
//!
//! Rows of one time are one epoch. An epoch is whole when a row of another time, or the end, follows its rows: the
//! reader is one row ahead of what it has given, never more, so that a stream is answered as it comes.

use super::columns::{Row, Rows};
use super::cost::store_cost;
use super::input::shown;
use super::limit::{Budget, available_memory_bytes};
use crate::lattice::{Cell, Frame};
use crate::{Error, Result};
use std::io::Read;
use std::path::Path;

/// The changes of one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The time, greater than that of the epoch before.
    pub time: i64,
    /// The changes in the order of their rows; never empty.
    pub updates: Vec<Update>,
}

impl Epoch {
    /// Adds the epoch to a checksum: its time, then each row's kind and numbers.
    pub fn feed(&self, crc: &mut crc32fast::Hasher) {
        crc.update(&self.time.to_le_bytes());
        for update in &self.updates {
            let mut put = |kind: u8, numbers: &[i64], cells: &[Cell]| {
                crc.update(&[kind]);
                for number in numbers {
                    crc.update(&number.to_le_bytes());
                }
                for c in cells.iter().flat_map(|cell| cell.xyz()) {
                    crc.update(&c.to_le_bytes());
                }
            };
            match update.kind {
                UpdateKind::Cost { cell, cost } => put(0, &[i64::from(cost)], &[cell]),
                UpdateKind::Voxel { cell, cost } => put(1, &[i64::from(cost)], &[cell]),
                UpdateKind::SourceAdd { cell } => put(2, &[], &[cell]),
                UpdateKind::SourceRemove { cell } => put(3, &[], &[cell]),
                UpdateKind::QueryAdd { query, start, goal } => put(4, &[query], &[start, goal]),
                UpdateKind::QueryRemove { query } => put(5, &[query], &[]),
            }
        }
    }
}

/// One row of a table of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The row's number for messages: the first row of data is 1.
    pub row: u64,
    /// What changes.
    pub kind: UpdateKind,
}

/// What a row changes.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateKind {
    /// Sets the stored cost of one cell.
    Cost {
        /// The cell, even or odd.
        cell: Cell,
        /// The stored cost; 0 is blocked.
        cost: u16,
    },
    /// Sets the stored cost of a voxel's even cell, and has its corners recomputed.
    Voxel {
        /// The voxel's even cell.
        cell: Cell,
        /// The stored cost; 0 is blocked.
        cost: u16,
    },
    /// Makes a cell a source.
    SourceAdd {
        /// The source.
        cell: Cell,
    },
    /// Makes a cell no source any more.
    SourceRemove {
        /// The former source.
        cell: Cell,
    },
    /// Adds a query for a route.
    QueryAdd {
        /// The query's id.
        query: i64,
        /// Where the route starts.
        start: Cell,
        /// Where it ends.
        goal: Cell,
    },
    /// Takes a query away.
    QueryRemove {
        /// The query's id.
        query: i64,
    },
}

/// Which kinds of rows a command takes beside `cost` and `voxel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// No other.
    Map,
    /// `source+` and `source-`.
    Sources,
    /// `query+` and `query-`.
    Queries,
}

impl Allow {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Allow::Map | Allow::Sources => &COLUMNS[..6],
            Allow::Queries => COLUMNS,
        }
    }

    fn kinds(self) -> &'static str {
        match self {
            Allow::Map => "cost or voxel",
            Allow::Sources => "cost, voxel, source+ or source-",
            Allow::Queries => "cost, voxel, query+ or query-",
        }
    }
}

const COLUMNS: &[&str] = &[
    "time", "kind", "x", "y", "z", "cost", "query", "gx", "gy", "gz",
];
const TIME: usize = 0;
const KIND: usize = 1;
const POSITION: [usize; 3] = [2, 3, 4];
const COST: usize = 5;
const QUERY: usize = 6;
const GOAL: [usize; 3] = [7, 8, 9];

/// Reads epochs from a `.csv`, `.parquet` or newline-delimited `.json` file, or CSV from standard input.
///
/// The iterator ends after the first error; before it come the epochs that were whole when the bad row was read.
pub struct UpdateReader {
    rows: Rows,
    frame: Frame,
    allow: Allow,
    /// The time that the next row must not be below, and whether it must be above it.
    last_time: i64,
    first: bool,
    /// The first row of the next epoch.
    ahead: Option<(i64, Update)>,
    failure: Option<Error>,
    done: bool,
    memory_bytes: u64,
}

/// A row that cannot be used, and its time if that can.
struct BadRow {
    time: Option<i64>,
    error: Error,
}

impl UpdateReader {
    /// Opens a table of updates; `-` is CSV on standard input. Times must be above `start`.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such file, it is no table, or a column that every row needs is missing.
    pub fn open(path: &Path, frame: &Frame, start: i64, allow: Allow) -> Result<Self> {
        if path.as_os_str() == "-" {
            return UpdateReader::from_csv(
                "standard input",
                Box::new(std::io::stdin()),
                frame,
                start,
                allow,
            );
        }
        UpdateReader::over(Rows::open(path, allow.columns())?, frame, start, allow)
    }

    /// Reads updates as CSV from `reader`, called `name` in messages.
    ///
    /// # Errors
    /// As [`UpdateReader::open`].
    pub fn from_csv(
        name: &str,
        reader: Box<dyn Read + Send>,
        frame: &Frame,
        start: i64,
        allow: Allow,
    ) -> Result<Self> {
        let rows = Rows::from_csv(name, reader, allow.columns())?;
        UpdateReader::over(rows, frame, start, allow)
    }

    fn over(rows: Rows, frame: &Frame, start: i64, allow: Allow) -> Result<Self> {
        rows.require(&[TIME, KIND])?;
        if allow != Allow::Queries {
            // Of the kinds of routes, query- needs no position.
            rows.require(&POSITION)?;
        }
        Ok(UpdateReader {
            rows,
            frame: *frame,
            allow,
            last_time: start,
            first: true,
            ahead: None,
            failure: None,
            done: false,
            memory_bytes: available_memory_bytes(),
        })
    }

    fn next_epoch(&mut self) -> Result<Option<Epoch>> {
        if let Some(failure) = self.failure.take() {
            self.done = true;
            return Err(failure);
        }
        let first = match self.ahead.take() {
            Some(row) => Some(row),
            None => self.next_update().map_err(|bad| bad.error)?,
        };
        let Some((time, update)) = first else {
            return Ok(None);
        };
        let mut epoch = Epoch {
            time,
            updates: vec![update],
        };
        // A growing vector holds each update twice for a moment.
        const UPDATE_BYTES: u64 = 3 * size_of::<Update>() as u64;
        let mut budget = Budget::new(self.rows.file().to_owned(), self.memory_bytes);
        loop {
            match self.next_update() {
                Ok(Some((t, update))) if t == time => {
                    budget.charge(1, UPDATE_BYTES)?;
                    epoch.updates.push(update);
                }
                Ok(ahead) => {
                    self.ahead = ahead;
                    self.done = self.ahead.is_none();
                    return Ok(Some(epoch));
                }
                Err(bad) if bad.time.is_some_and(|t| t != time) => {
                    self.failure = Some(bad.error);
                    return Ok(Some(epoch));
                }
                Err(bad) => return Err(bad.error),
            }
        }
    }

    fn next_update(&mut self) -> std::result::Result<Option<(i64, Update)>, BadRow> {
        let row = match self.rows.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(error) => {
                let time = self.rows.salvage_integer(TIME);
                return Err(BadRow { time, error });
            }
        };
        let time = row
            .integer(TIME)
            .map_err(|error| BadRow { time: None, error })?;
        let bad = |error| BadRow {
            time: Some(time),
            error,
        };
        let last = self.last_time;
        if self.first && time <= last {
            return Err(bad(row.wrong(format_args!(
                "time {time} must be greater than --start ({last})"
            ))));
        }
        if time < last {
            return Err(bad(row.wrong(format_args!(
                "time {time} comes after {last}: times must not decrease"
            ))));
        }
        let kind = update_kind(&row, &self.frame, self.allow).map_err(bad)?;
        let update = Update {
            row: row.number(),
            kind,
        };
        (self.last_time, self.first) = (time, false);
        Ok(Some((time, update)))
    }
}

impl Iterator for UpdateReader {
    type Item = Result<Epoch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_epoch().transpose();
        self.done |= !matches!(next, Some(Ok(_)));
        next
    }
}

/// What a row changes.
fn update_kind(row: &Row, frame: &Frame, allow: Allow) -> Result<UpdateKind> {
    let snap = |columns| {
        let position_m = row.position(columns)?;
        frame.snap(position_m).map_err(|e| row.wrong(e))
    };
    let cost = || store_cost(row.float(COST)?).map_err(|e| row.wrong(e));
    let word = row.text(KIND)?;
    match (allow, word) {
        (_, b"cost") => Ok(UpdateKind::Cost {
            cell: snap(POSITION)?,
            cost: cost()?,
        }),
        (_, b"voxel") => {
            let position_m = row.position(POSITION)?;
            Ok(UpdateKind::Voxel {
                cell: frame.snap_voxel(position_m).map_err(|e| row.wrong(e))?,
                cost: cost()?,
            })
        }
        (Allow::Sources, b"source+") => Ok(UpdateKind::SourceAdd {
            cell: snap(POSITION)?,
        }),
        (Allow::Sources, b"source-") => Ok(UpdateKind::SourceRemove {
            cell: snap(POSITION)?,
        }),
        (Allow::Queries, b"query+") => Ok(UpdateKind::QueryAdd {
            query: row.integer(QUERY)?,
            start: snap(POSITION)?,
            goal: snap(GOAL)?,
        }),
        (Allow::Queries, b"query-") => Ok(UpdateKind::QueryRemove {
            query: row.integer(QUERY)?,
        }),
        _ => Err(row.wrong(format_args!(
            "kind {} is unknown to this command: it must be {}",
            shown(word),
            allow.kinds()
        ))),
    }
}
