//! `.csv` and `.parquet`: tables of cells, by lattice coordinates (`lx,ly,lz`) or by positions in metres (`x,y,z`).

use super::columns::{Row, Rows};
use super::cost::store_cost;
use super::folder::Folder;
use super::limit::{BRICK_BYTES, Budget};
use super::voxels::finish;
use super::{Axes, ReadOptions, input};
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs, Planes};
use crate::lattice::{Cell, Frame, UNIT_COST};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

/// How far a position may lie from its lattice point, in cell sizes.
const TOLERANCE_CELLS: f64 = 1e-6;

/// How many rows are read between two reports of progress.
const PROGRESS_ROWS: u64 = 1 << 18;

const COLUMNS: &[&str] = &["lx", "ly", "lz", "x", "y", "z", "cost"];
const LATTICE: [usize; 3] = [0, 1, 2];
const METRES: [usize; 3] = [3, 4, 5];
const COST: usize = 6;

/// Reads a table of cells.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    let frame = options.frame()?;
    let cells = read_files(path, &[path.to_owned()], &frame, options)?;
    cells.into_map(&path.display().to_string(), frame)
}

/// Reads a table of cells, and which of its cells are blocked: the bricks that have one, ascending.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read_with_blocked(
    path: &Path,
    options: &ReadOptions,
) -> Result<(CellMap, Vec<(BrickId, Planes)>)> {
    let frame = options.frame()?;
    let cells = read_files(path, &[path.to_owned()], &frame, options)?;
    let blocked = cells.blocked();
    Ok((cells.into_map(&path.display().to_string(), frame)?, blocked))
}

/// Reads a folder that is a table of cells.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read_folder(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    if options.axes != Axes::Xyz {
        return Err(Error::input(
            "--axes zyx cannot be given with a folder, whose columns name their axes: only .npy takes it",
        ));
    }
    let folder = Folder::open(path, options)?;
    let frame = options.frame_or(folder.frame)?;
    let cells = read_files(path, &folder.files, &frame, options)?;
    cells.into_map(&path.display().to_string(), frame)
}

/// Reads the files of a table, which `path` names.
fn read_files(
    path: &Path,
    files: &[PathBuf],
    frame: &Frame,
    options: &ReadOptions,
) -> Result<Cells> {
    let mut bytes = 0;
    for file in files {
        bytes += input::open(file)?.1;
    }
    let mut cells = Cells::new(options.budget(path));
    let mut before = 0;
    for file in files {
        let report = |read| {
            if let Some(progress) = options.progress {
                progress(before + read, bytes);
            }
        };
        before += read_rows(file, frame, &mut cells, &report)?;
    }
    if let Some(progress) = options.progress {
        progress(bytes, bytes);
    }
    Ok(cells)
}

/// Reads the rows of a file, and tells how many bytes it has; `report` is told how many are read.
fn read_rows(path: &Path, frame: &Frame, cells: &mut Cells, report: &dyn Fn(u64)) -> Result<u64> {
    let mut rows = Rows::open(path, COLUMNS)?;
    let file = rows.file().to_owned();
    let (lattice, metres) = (
        LATTICE.iter().any(|&c| rows.has(c)),
        METRES.iter().any(|&c| rows.has(c)),
    );
    if lattice && metres {
        return Err(Error::input(format!(
            "{file}: the table must name its cells either by lx,ly,lz or by x,y,z, not both"
        )));
    }
    rows.require(if metres { &METRES } else { &LATTICE })?;
    let costed = rows.has(COST);
    while let Some(row) = rows.next_row()? {
        let cell = if metres {
            metric_cell(&row, frame)?
        } else {
            lattice_cell(&row, LATTICE)?
        };
        let cost = if costed {
            store_cost(row.float(COST)?).map_err(|e| row.wrong(e))?
        } else {
            UNIT_COST
        };
        if let Some(other) = cells.define(cell, cost)? {
            let factor = |c: u16| f64::from(c) / f64::from(UNIT_COST);
            return Err(row.wrong(format_args!(
                "cell {cell} has cost {} here but {} in a row before: a cell must have one cost",
                factor(cost),
                factor(other)
            )));
        }
        if row.number().is_multiple_of(PROGRESS_ROWS) {
            report(rows.read_bytes());
        }
    }
    Ok(input::open(path)?.1)
}

/// Reads the cells of a result in `dir` from its `parts`, tables with `lx,ly,lz,cost`.
///
/// # Errors
/// [`Error::Input`] if a part is damaged, no cell is open, or the map would not fit into memory.
pub(crate) fn read_cells(
    dir: &Path,
    parts: &[PathBuf],
    frame: Frame,
    options: &ReadOptions,
) -> Result<CellMap> {
    let mut cells = Cells::new(options.budget(dir));
    for (done, part) in (0..).zip(parts) {
        let mut rows = Rows::open(part, COLUMNS)?;
        rows.require(&[LATTICE[0], LATTICE[1], LATTICE[2], COST])?;
        while let Some(row) = rows.next_row()? {
            let cell = lattice_cell(&row, LATTICE)?;
            let cost = store_cost(row.float(COST)?).map_err(|e| row.wrong(e))?;
            if cells.define(cell, cost)?.is_some() {
                return Err(row.wrong(format_args!(
                    "cell {cell} has another cost in a row before: a cell must have one cost"
                )));
            }
        }
        if let Some(progress) = options.progress {
            progress(done + 1, parts.len() as u64);
        }
    }
    cells.into_map(&dir.display().to_string(), frame)
}

/// The cell of a row of lattice coordinates in three columns.
#[inline]
pub(super) fn lattice_cell(row: &Row, columns: [usize; 3]) -> Result<Cell> {
    let mut xyz = [0; 3];
    for (c, (column, name)) in xyz
        .iter_mut()
        .zip(columns.into_iter().zip(["lx", "ly", "lz"]))
    {
        let value = row.integer(column)?;
        if !(0..=65535).contains(&value) {
            return Err(row.wrong(format_args!(
                "{} is {value}: lattice coordinates must lie in 0…65535 (shift the cells, and place the map with \
                 --origin)",
                name
            )));
        }
        *c = value as i32;
    }
    Cell::new(xyz[0], xyz[1], xyz[2]).map_err(|e| row.wrong(e))
}

/// The cell of a row of metres.
fn metric_cell(row: &Row, frame: &Frame) -> Result<Cell> {
    let position_m = row.position(METRES)?;
    let cell = frame.snap(position_m).map_err(|e| row.wrong(e))?;
    let at_m = frame.position_m(cell);
    let square: f64 = (0..3).map(|a| (position_m[a] - at_m[a]).powi(2)).sum();
    let off_cells = square.sqrt() / frame.cell_size_m();
    if off_cells <= TOLERANCE_CELLS {
        return Ok(cell);
    }
    let [x, y, z] = position_m;
    Err(row.wrong(format_args!(
        "the position {x},{y},{z} lies {off_cells:.2e} cell sizes off the nearest lattice point: it must lie within \
         {TOLERANCE_CELLS:e} (see --cell-size and --origin)"
    )))
}

/// A brick on its way: its costs, and which of them rows have defined.
struct Defined {
    costs: Box<Costs>,
    mask: [u64; BRICK_CELLS / 64],
}

/// The cells that rows have defined so far.
pub(super) struct Cells {
    bricks: Vec<(BrickId, Defined)>,
    places: FxHashMap<BrickId, u32>,
    /// The brick of the last row: rows come in runs.
    last: Option<(BrickId, usize)>,
    budget: Budget,
}

impl Cells {
    pub(super) fn new(budget: Budget) -> Self {
        Cells {
            bricks: Vec::new(),
            places: FxHashMap::default(),
            last: None,
            budget,
        }
    }

    /// Gives a cell its cost; if another row gave it another cost, that one is returned.
    ///
    /// # Errors
    /// [`Error::Input`] when the budget is spent.
    #[inline]
    pub(super) fn define(&mut self, cell: Cell, cost: u16) -> Result<Option<u16>> {
        let (id, local) = BrickId::locate(cell).expect("the caller checked the range");
        let place = match self.last {
            Some((last, place)) if last == id => place,
            _ => self.brick(id)?,
        };
        let brick = &mut self.bricks[place].1;
        let (word, bit) = (local.index() / 64, 1 << (local.index() % 64));
        let stored = &mut brick.costs[local.index()];
        if brick.mask[word] & bit == 0 {
            brick.mask[word] |= bit;
            *stored = cost;
        }
        Ok((*stored != cost).then_some(*stored))
    }

    fn brick(&mut self, id: BrickId) -> Result<usize> {
        let place = match self.places.entry(id) {
            Entry::Occupied(entry) => *entry.get() as usize,
            Entry::Vacant(entry) => {
                self.budget.charge(1, BRICK_BYTES)?;
                let place = self.bricks.len();
                entry.insert(place as u32);
                let brick = Defined {
                    costs: Box::new([0; BRICK_CELLS]),
                    mask: [0; BRICK_CELLS / 64],
                };
                self.bricks.push((id, brick));
                place
            }
        };
        self.last = Some((id, place));
        Ok(place)
    }

    /// The cells that are defined and blocked: the bricks that have one, ascending.
    fn blocked(&self) -> Vec<(BrickId, Planes)> {
        let of = |(id, brick): &(BrickId, Defined)| {
            let mut blocked = Planes::open(&brick.costs);
            let words = blocked.0.as_flattened_mut().iter_mut();
            words.zip(brick.mask).for_each(|(w, m)| *w = m & !*w);
            (!blocked.is_empty()).then_some((*id, blocked))
        };
        let mut bricks: Vec<_> = self.bricks.iter().filter_map(of).collect();
        bricks.sort_unstable_by_key(|&(id, _)| id);
        bricks
    }

    /// The map of these cells; `file` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Input`] if no cell is defined, or none is open.
    pub(super) fn into_map(self, file: &str, frame: Frame) -> Result<CellMap> {
        drop(self.places);
        let mut defined = 0;
        let mut bricks: Vec<_> = self
            .bricks
            .into_iter()
            .map(|(id, brick)| {
                defined += brick
                    .mask
                    .iter()
                    .map(|word| u64::from(word.count_ones()))
                    .sum::<u64>();
                (id, brick.costs)
            })
            .collect();
        bricks.sort_unstable_by_key(|&(id, _)| id);
        finish(file, frame, bricks, defined, None)
    }
}
