//! Queries for routes: from tables, and from the problems of the MovingAI benchmarks.
//!
//! A `.3dscen` file starts with the line `version 1` and a line with the name of the map; every other line is a
//! problem `sx sy sz gx gy gz optimal ratio` in voxels. The last two are the benchmark's answer, not ours to use.

use super::columns::{Row, Rows};
use super::input::{Bytes, extension, misnamed, shown};
use super::limit::{Budget, available_memory_bytes};
use crate::lattice::{Cell, Frame};
use crate::{Error, Result};
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

/// A query for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its id, which no other query has.
    pub id: i64,
    /// Where the route starts.
    pub start: Cell,
    /// Where it ends.
    pub goal: Cell,
}

const COLUMNS: &[&str] = &["query", "sx", "sy", "sz", "gx", "gy", "gz"];
const QUERY: usize = 0;
const START: [usize; 3] = [1, 2, 3];
const GOAL: [usize; 3] = [4, 5, 6];

/// What a query takes: a growing vector holds it twice for a moment, and the search for duplicates its place.
const QUERY_BYTES: u64 = (3 * size_of::<Query>() + size_of::<usize>()) as u64;

/// The last voxel of an axis: its cell is the last even one.
const LAST_VOXEL: i32 = 32767;

/// The most bytes that a line of a `.3dscen` file may have.
const LONGEST_LINE_BYTES: usize = 1 << 12;

/// Reads queries, in the order of their rows, from a `.csv` or `.parquet` table with the columns
/// `query,sx,sy,sz,gx,gy,gz` (positions in metres, which snap to the nearest lattice point of `frame`), or from a
/// `.3dscen` file, whose query ids count its problems from 0 and whose voxels are even cells whatever the frame. A file
/// without rows gives no query.
///
/// # Errors
/// [`Error::Input`] if the extension is another, the file is not what its extension says, a value is missing or of
/// the wrong kind, a position is not finite or outside the lattice coordinates 0…65535, or two rows have one id;
/// [`Error::Machine`] if reading fails.
///
/// # Example
/// ```no_run
/// use octaflow::lattice::Frame;
/// use octaflow::map::read_queries;
/// let frame = Frame::new([0.0; 3], 1.0).expect("a cell size above 0");
/// for query in read_queries("queries.csv".as_ref(), &frame)? {
///     println!("{}: from {} to {}", query.id, query.start, query.goal);
/// }
/// # Ok::<(), octaflow::Error>(())
/// ```
pub fn read_queries(path: &Path, frame: &Frame) -> Result<Vec<Query>> {
    let budget = Budget::new(path.display().to_string(), available_memory_bytes());
    match extension(path).as_str() {
        "csv" | "parquet" => read_table(path, frame, budget),
        "3dscen" => read_problems(path, budget),
        _ => Err(misnamed(
            path,
            "the name of a file of queries must end in .csv, .parquet or .3dscen",
        )),
    }
}

fn read_table(path: &Path, frame: &Frame, mut budget: Budget) -> Result<Vec<Query>> {
    let mut rows = Rows::open(path, COLUMNS)?;
    rows.require(&[0, 1, 2, 3, 4, 5, 6])?;
    let mut queries = Vec::new();
    while let Some(row) = rows.next_row()? {
        budget.charge(1, QUERY_BYTES)?;
        queries.push(Query {
            id: row.integer(QUERY)?,
            start: snap(&row, START, "start", frame)?,
            goal: snap(&row, GOAL, "goal", frame)?,
        });
    }
    check_ids(rows.file(), &queries)?;
    Ok(queries)
}

fn snap(row: &Row, columns: [usize; 3], end: &str, frame: &Frame) -> Result<Cell> {
    let position_m = row.position(columns)?;
    frame
        .snap(position_m)
        .map_err(|e| row.wrong(format_args!("the {end}: {e}")))
}

/// Checks that no two rows have one id.
///
/// # Errors
/// [`Error::Input`] naming the first row whose id an earlier row has, and the first such row.
fn check_ids(file: &str, queries: &[Query]) -> Result<()> {
    let mut places: Vec<usize> = (0..queries.len()).collect();
    // Sorting takes no longer for chosen ids, as hashing might.
    places.sort_unstable_by_key(|&place| (queries[place].id, place));
    let same_id = |pair: &[usize]| queries[pair[0]].id == queries[pair[1]].id;
    let repeated = places.windows(2).filter(|pair| same_id(pair));
    // Of one id's rows the second comes first, so the least is the second row of its id.
    match repeated.min_by_key(|pair| pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::input(format!(
            "{file}, row {}: query {} is in row {} too: every query must have an id of its own",
            pair[1] + 1,
            queries[pair[1]].id,
            pair[0] + 1
        ))),
    }
}

fn read_problems(path: &Path, mut budget: Budget) -> Result<Vec<Query>> {
    let mut lines = Lines::open(path)?;
    lines.header()?;
    let mut queries = Vec::new();
    while lines.advance()? {
        if lines.words().is_empty() {
            continue;
        }
        let [start, goal] = lines.problem()?;
        budget.charge(1, QUERY_BYTES)?;
        queries.push(Query {
            id: queries.len() as i64,
            start,
            goal,
        });
    }
    Ok(queries)
}

/// The lines of a `.3dscen` file, one at a time.
struct Lines {
    bytes: Bytes<'static>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        Ok(Lines {
            bytes: Bytes::open(path, None)?,
            line: Vec::new(),
            number: 0,
        })
    }

    /// Takes the next line into `line`, without its end; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        while let Some(byte) = self.bytes.next_byte() {
            if byte == b'\n' {
                return Ok(true);
            }
            if self.line.len() == LONGEST_LINE_BYTES {
                return Err(self.wrong(format_args!(
                    "the line is too long: a line must have at most {LONGEST_LINE_BYTES} bytes"
                )));
            }
            self.line.push(byte);
        }
        self.bytes.check()?;
        Ok(!self.line.is_empty())
    }

    /// Takes the lines `version 1` and the map's name.
    fn header(&mut self) -> Result<()> {
        self.advance()?;
        if self.words() != [&b"version"[..], b"1"] {
            return Err(self.wrong(format_args!(
                "{} stands where a .3dscen file must start with the line \"version 1\"",
                shown(&self.line)
            )));
        }
        self.advance()?;
        if self.words().is_empty() {
            return Err(self.wrong("a .3dscen file must name its map here"));
        }
        Ok(())
    }

    /// The start and the goal of the problem in `line`.
    fn problem(&self) -> Result<[Cell; 2]> {
        let words = self.words();
        let [sx, sy, sz, gx, gy, gz, optimal, ratio] = words[..] else {
            return Err(self.wrong(format_args!(
                "the line has {} values where a problem must have 8: sx sy sz gx gy gz optimal ratio",
                words.len()
            )));
        };
        let start = [("sx", sx), ("sy", sy), ("sz", sz)];
        let goal = [("gx", gx), ("gy", gy), ("gz", gz)];
        let cells = [self.voxel(start)?, self.voxel(goal)?];
        for (name, word) in [("optimal", optimal), ("ratio", ratio)] {
            if parsed::<f64>(word).is_none() {
                return Err(self.unfit(name, word, "a number"));
            }
        }
        Ok(cells)
    }

    /// The cell of a voxel, given by its named coordinates.
    fn voxel(&self, coordinates: [(&str, &[u8]); 3]) -> Result<Cell> {
        let mut units = [0; 3];
        for (unit, (name, word)) in units.iter_mut().zip(coordinates) {
            let voxel = parsed(word).filter(|v| (0..=LAST_VOXEL).contains(v));
            *unit = 2 * voxel.ok_or_else(|| {
                self.unfit(
                    name,
                    word,
                    format_args!("a whole number of voxels in 0…{LAST_VOXEL}"),
                )
            })?;
        }
        let [x, y, z] = units;
        Ok(Cell::new(x, y, z).expect("even coordinates are a cell"))
    }

    /// The values of `line`, which blanks part.
    fn words(&self) -> Vec<&[u8]> {
        let words = self.line.split(u8::is_ascii_whitespace);
        words.filter(|word| !word.is_empty()).collect()
    }

    #[cold]
    fn unfit(&self, name: &str, word: &[u8], right: impl Display) -> Error {
        self.wrong(format_args!(
            "{name} is {}: it must be {right}",
            shown(word)
        ))
    }

    #[cold]
    fn wrong(&self, what: impl Display) -> Error {
        let (file, number) = (self.bytes.name(), self.number);
        Error::input(format!("{file}, line {number}: {what}"))
    }
}

fn parsed<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
