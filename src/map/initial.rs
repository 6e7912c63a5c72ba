//! The values that a field starts from: of a table of cells, or of an array of voxels.

use super::columns::{Row, Rows};
use super::input::{extension, misnamed};
use super::limit::{Budget, available_memory_bytes};
use super::table::lattice_cell;
use super::voxels::BRICK_VOXELS;
use super::{Axes, npy};
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Local};
use crate::lattice::{Cell, Header};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use std::path::Path;

const COLUMNS: &[&str] = &["lx", "ly", "lz", "x", "y", "z", "value"];
const LATTICE: [usize; 3] = [0, 1, 2];
const METRES: [usize; 3] = [3, 4, 5];
const VALUE: usize = 6;

/// What a brick of values takes, its entry in an index included.
const BRICK_BYTES: u64 = (size_of::<Values>() + 64) as u64;

/// A brick's values, and which of them a row has given, a bit each.
struct Values {
    values: [f64; BRICK_CELLS],
    given: [u64; BRICK_CELLS / 64],
}

/// The values of a map's open cells: 0 where nothing was said.
#[derive(Default)]
pub struct InitialValues {
    bricks: FxHashMap<BrickId, Box<Values>>,
}

impl InitialValues {
    /// The value of a cell, by its brick and its place there.
    pub fn value(&self, brick: BrickId, place: usize) -> f64 {
        self.bricks.get(&brick).map_or(0.0, |b| b.values[place])
    }

    /// The value of greatest magnitude.
    pub fn most(&self) -> f64 {
        self.greatest().map_or(0.0, |(value, _)| value)
    }

    /// Where the value of greatest magnitude is: of equal ones the least cell; `None` if all are 0.
    pub fn place_of_most(&self) -> Option<Cell> {
        let (_, (brick, place)) = self.greatest()?;
        Some(brick.cell(Local::new(place).expect("a place")))
    }

    fn greatest(&self) -> Option<(f64, (BrickId, usize))> {
        let all = self.bricks.iter().flat_map(|(&brick, b)| {
            let values = b.values.iter().enumerate();
            values.map(move |(place, &value)| (value, (brick, place)))
        });
        all.filter(|v| v.0 != 0.0)
            .max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()).then(b.1.cmp(&a.1)))
    }

    fn brick(&mut self, brick: BrickId, budget: &mut Budget) -> Result<&mut Values> {
        if !self.bricks.contains_key(&brick) {
            budget.charge(1, BRICK_BYTES)?;
        }
        Ok(self.bricks.entry(brick).or_insert_with(|| {
            Box::new(Values {
                values: [0.0; BRICK_CELLS],
                given: [0; BRICK_CELLS / 64],
            })
        }))
    }
}

/// Reads the values that a field over `map` starts from.
///
/// A `.csv` or `.parquet` table has the column `value` and names cells by `lx,ly,lz` or by `x,y,z` in metres, which snap to
/// the nearest lattice point; cells that it does not name start from 0. A `.npy` array has the shape of the map's box of
/// voxels: even cells take its values, odd ones the mean of the eight voxels around them, in which blocked ones
/// count as 0.
///
/// # Errors
/// [`Error::Input`] if the extension is another, the file is not what its extension says, a value is missing or not
/// finite, a table gives a cell two values or one that is blocked or not in the map any, or an array has another
/// shape than the map; [`Error::Machine`] if reading fails.
pub fn read_initial(path: &Path, map: &CellMap, axes: Axes) -> Result<InitialValues> {
    let budget = Budget::new(path.display().to_string(), available_memory_bytes());
    match extension(path).as_str() {
        "csv" | "parquet" => read_table(path, map, budget),
        "npy" => read_array(path, map, axes, budget),
        _ => Err(misnamed(
            path,
            "the name of a file of initial values must end in .csv, .parquet or .npy",
        )),
    }
}

fn read_table(path: &Path, map: &CellMap, mut budget: Budget) -> Result<InitialValues> {
    let mut rows = Rows::open(path, COLUMNS)?;
    let named = |columns: [usize; 3], rows: &Rows| columns.iter().any(|&c| rows.has(c));
    let (lattice, metres) = (named(LATTICE, &rows), named(METRES, &rows));
    if lattice && metres {
        return Err(Error::input(format!(
            "{}: the table must name its cells either by lx,ly,lz or by x,y,z, not both",
            rows.file()
        )));
    }
    rows.require(if metres { &METRES } else { &LATTICE })?;
    rows.require(&[VALUE])?;
    let mut initial = InitialValues::default();
    while let Some(row) = rows.next_row()? {
        let cell = if metres {
            let snapped = map.frame.snap(row.position(METRES)?);
            snapped.map_err(|e| row.wrong(e))?
        } else {
            lattice_cell(&row, LATTICE)?
        };
        define(&row, cell, map, &mut initial, &mut budget)?;
    }
    Ok(initial)
}

/// Gives the cell of a row its value.
fn define(
    row: &Row,
    cell: Cell,
    map: &CellMap,
    initial: &mut InitialValues,
    budget: &mut Budget,
) -> Result<()> {
    let value = row.float(VALUE)?;
    if !value.is_finite() {
        return Err(row.wrong(format_args!("value is {value}; it must be finite")));
    }
    let open = BrickId::locate(cell).filter(|(brick, local)| {
        map.costs(*brick)
            .is_some_and(|costs| costs[local.index()] > 0)
    });
    let Some((brick, local)) = open else {
        return Err(row.wrong(format_args!(
            "cell {cell} is blocked or not in the map; a value needs an open cell"
        )));
    };
    let place = local.index();
    let values = initial.brick(brick, budget)?;
    let (word, bit) = (place / 64, 1 << (place % 64));
    if values.given[word] & bit != 0 && values.values[place] != value {
        return Err(row.wrong(format_args!(
            "cell {cell} has value {value} here but {} in a row before: a cell must have one value",
            values.values[place]
        )));
    }
    values.given[word] |= bit;
    values.values[place] = value;
    Ok(())
}

fn read_array(path: &Path, map: &CellMap, axes: Axes, mut budget: Budget) -> Result<InitialValues> {
    if map.frame.lod() < Header::CELL.lod {
        return Err(Error::input(format!(
            "{}: an array gives a value a voxel, but at --lod {} the map has no voxels: give a table of values",
            path.display(),
            map.frame.lod()
        )));
    }
    let Some([least, greatest]) = map.voxels else {
        return Err(Error::input(format!(
            "{}: an array gives a value a voxel, but the map is a table of cells: give a table of values",
            path.display()
        )));
    };
    let size = std::array::from_fn(|a| u64::from(greatest[a] - least[a]) + 1);
    let mut initial = InitialValues::default();
    npy::read_values(path, axes, size, |voxel, fast, row| {
        let mut voxel: [u32; 3] = std::array::from_fn(|a| voxel[a] + least[a]);
        let first = voxel[fast];
        let mut at = 0;
        while at < row.len() {
            // The run of the row that lies in one brick.
            voxel[fast] = first + at as u32;
            let run = (BRICK_VOXELS - voxel[fast] % BRICK_VOXELS) as usize;
            let run = &row[at..row.len().min(at + run)];
            put_run(voxel, fast, run, map, &mut initial, &mut budget)?;
            at += run.len();
        }
        Ok(())
    })?;
    average_corners(map, &mut initial, &mut budget)?;
    Ok(initial)
}

/// Puts the values of a run of voxels that lie in one brick into its even cells, if they are open.
fn put_run(
    voxel: [u32; 3],
    fast: usize,
    run: &[f64],
    map: &CellMap,
    initial: &mut InitialValues,
    budget: &mut Budget,
) -> Result<()> {
    const STRIDES: [usize; 3] = [1, 8, 64];
    let [x, y, z] = voxel.map(|v| (v / BRICK_VOXELS) as i32);
    let brick = BrickId::new(x, y, z).expect("voxels lie in the range");
    let Some(costs) = map.costs(brick) else {
        return Ok(());
    };
    if run.iter().all(|&value| value == 0.0) {
        return Ok(());
    }
    let values = initial.brick(brick, budget)?;
    let inner = voxel.map(|v| (v % BRICK_VOXELS) as usize);
    let first: usize = (0..3).map(|a| inner[a] * STRIDES[a]).sum();
    for (n, &value) in run.iter().enumerate() {
        let place = first + n * STRIDES[fast];
        if costs[place] > 0 {
            values.values[place] = value;
        }
    }
    Ok(())
}

/// Gives open odd cells the mean of the eight voxels around them.
fn average_corners(map: &CellMap, initial: &mut InitialValues, budget: &mut Budget) -> Result<()> {
    for (brick, costs) in &map.bricks {
        for place in (512..BRICK_CELLS).filter(|&p| costs[p] > 0) {
            let [x, y, z] = brick.cell(Local::new(place).expect("a place")).xyz();
            let voxels =
                (0..8).map(|n| [x + 2 * (n & 1) - 1, y + (n & 2) - 1, z + (n & 4) / 2 - 1]);
            let values = voxels.map(|[x, y, z]| {
                let even = Cell::new(x, y, z).ok().and_then(BrickId::locate);
                even.map_or(0.0, |(brick, local)| initial.value(brick, local.index()))
            });
            // An eighth of each first: their sum might be too great for a double.
            let mean: f64 = values.map(|v| v / 8.0).sum();
            if mean != 0.0 {
                initial.brick(*brick, budget)?.values[place] = mean;
            }
        }
    }
    Ok(())
}
