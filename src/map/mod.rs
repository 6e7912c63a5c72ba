//! Readers: maps, positions, queries and updates from files, as cells of the lattice.
//!
//! Everything from outside is checked here and nowhere else: what a reader returns lies on the lattice, in range,
//! with a cost that the engine can store. Bad input is an [`Error`] of one sentence that names the file and the row.
//!
//! ```text
//! .bt ─┐                                          .csv ─┐
//! .3dmap ─┼─ even cells a brick ─ corners ─┐   .parquet ─┼─ rows ─┬─ table ──┐
//! .npy ─┘                                  ├─ CellMap  .json ─┘  ├─ positions
//!               table, .octa ─────────────┘                     ├─ queries (.3dscen too)
//!                                                                └─ updates → epochs
//! ```
//!
//! Memory goes with the bricks that exist. No reader allocates by a header's word alone: each brick is charged to a
//! budget before it is made ([`ReadOptions::memory_bytes`]).

mod bt;
pub(crate) mod columns;
mod cost;
mod folder;
mod initial;
pub(crate) mod input;
mod known;
pub(crate) mod limit;
mod movingai;
pub(crate) mod npy;
pub(crate) mod octa;
mod positions;
mod queries;
mod table;
mod updates;
mod voxels;

pub(crate) use columns::{decode_parquet, open_parquet, open_parquet_whole};
pub use cost::{CostError, store_cost};
pub use initial::{InitialValues, read_initial};
pub(crate) use input::told;
pub use limit::available_memory_bytes;
pub use positions::{parse_position, read_positions};
pub use queries::{Query, read_queries};
pub(crate) use table::read_cells;
pub use updates::{Allow, Epoch, Update, UpdateKind, UpdateReader};

use crate::brick::{BrickId, CellMap, Planes};
use crate::lake::delta::AsOf;
use crate::lattice::Frame;
use crate::{Error, Result};
use limit::Budget;
use std::path::Path;

/// What a voxel that an OctoMap never saw counts as. The other formats leave nothing unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Unknown space is blocked and no part of the map.
    #[default]
    Blocked,
    /// Unknown voxels in the box of the known ones are open, at cost 1.0.
    Open,
}

/// Which axes the indices of a `.npy` array run along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axes {
    /// `a[i, j, k]` is voxel (i, j, k).
    #[default]
    Xyz,
    /// `a[k, j, i]` is voxel (i, j, k).
    Zyx,
}

/// A report of progress: bytes read so far, and bytes in all.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// How a map is to be read.
#[derive(Clone, Copy, Default)]
pub struct ReadOptions<'a> {
    /// What unknown voxels count as (`--unknown`).
    pub unknown: Unknown,
    /// Which axes an array's indices run along (`--axes`, `.npy` alone).
    pub axes: Axes,
    /// The spacing of axial neighbours in metres (`--cell-size`, all formats but `.bt`); `None` is 1.
    pub cell_size_m: Option<f64>,
    /// The position of cell (0, 0, 0) in metres (`--origin`, all formats but `.bt`); `None` is the zero point.
    pub origin_m: Option<[f64; 3]>,
    /// Which version of a Delta table is read (`--as-of`); `None` is the newest.
    pub as_of: Option<AsOf>,
    /// How much memory the map and what is computed on it may take; `None` is what the machine has available.
    pub memory_bytes: Option<u64>,
    /// Called now and then while the file is read.
    pub progress: Option<Progress<'a>>,
}

impl ReadOptions<'_> {
    fn budget(&self, path: &Path) -> Budget {
        let limit = self.memory_bytes.unwrap_or_else(available_memory_bytes);
        Budget::new(path.display().to_string(), limit)
    }

    fn frame(&self) -> Result<Frame> {
        self.frame_or(None)
    }

    /// The frame of a table: as the options say, then as the table itself tells, then 1 m cells at the zero point.
    fn frame_or(&self, told: Option<Frame>) -> Result<Frame> {
        let told = told.map(|frame| (frame.origin_m(), frame.cell_size_m()));
        let (origin_m, cell_size_m) = told.unwrap_or(([0.0; 3], 1.0));
        Frame::new(
            self.origin_m.unwrap_or(origin_m),
            self.cell_size_m.unwrap_or(cell_size_m),
        )
        .map_err(|e| Error::input(format!("--cell-size and --origin: {e}")))
    }

    /// Refuses the flags that the format `extension` does not take.
    fn check_for(&self, extension: &str) -> Result<()> {
        let refuse = |flag: &str, reason: &str| {
            Err(Error::input(format!(
                "{flag} cannot be given with a .{extension} map, {reason}"
            )))
        };
        let own_frame = "which brings its own cell size and origin";
        if self.as_of.is_some() {
            return refuse("--as-of", "which has no versions: only a Delta table does");
        }
        match extension {
            "bt" if self.cell_size_m.is_some() => refuse("--cell-size", own_frame),
            "bt" if self.origin_m.is_some() => refuse("--origin", own_frame),
            "npy" => Ok(()),
            _ if self.axes != Axes::Xyz => refuse(
                "--axes zyx",
                "which tells its axes itself: only .npy takes it",
            ),
            _ => Ok(()),
        }
    }
}

/// Reads a map from a `.bt`, `.3dmap`, `.npy`, `.csv`, `.parquet` or `.octa` file, or from a folder that is a table of
/// cells: a Delta table, or Parquet files.
///
/// # Errors
/// [`Error::Input`] if the file is not what its extension says, if it defines no cell or no open one, if a cell lies
/// outside the lattice coordinates 0…65535, if a flag does not suit the format, or if the map would not fit into
/// memory; [`Error::Machine`] if reading fails.
///
/// # Example
/// ```no_run
/// use octaflow::map::{ReadOptions, read_map};
/// let map = read_map("examples/data/geb079.bt".as_ref(), &ReadOptions::default())?;
/// println!("{} of {} cells are open", map.open, map.cells);
/// # Ok::<(), octaflow::Error>(())
/// ```
pub fn read_map(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    if path.is_dir() {
        return table::read_folder(path, options);
    }
    let extension = input::extension(path);
    let read = match extension.as_str() {
        "bt" => bt::read,
        "3dmap" => movingai::read,
        "npy" => npy::read,
        "csv" | "parquet" => table::read,
        "octa" => octa::read,
        "ot" => {
            return Err(Error::input(format!(
                "{}: an OctoMap is read in its binary form alone: write it as .bt (convert_octree of OctoMap does)",
                path.display()
            )));
        }
        _ => {
            let right = "the name of a map must end in .bt, .3dmap, .npy, .csv, .parquet or .octa, or be that of a \
                         folder that is a table";
            return Err(input::misnamed(path, right));
        }
    };
    options.check_for(&extension)?;
    read(path, options)
}

/// The voxels that an OctoMap says are occupied, ascending by brick: voxel (i, j, k) of a brick is bit 8j + i of word k.
///
/// # Errors
/// As [`read_map`].
pub(crate) fn read_occupied(
    path: &Path,
    options: &ReadOptions,
) -> Result<Vec<(BrickId, [u64; 8])>> {
    bt::read_occupied(path, options)
}

/// Reads a `.csv` or `.parquet` table of cells as [`read_map`] does, and which of its cells it says are blocked: the
/// bricks that have one, ascending.
///
/// # Errors
/// As [`read_map`].
pub(crate) fn read_table(
    path: &Path,
    options: &ReadOptions,
) -> Result<(CellMap, Vec<(BrickId, Planes)>)> {
    options.check_for(&input::extension(path))?;
    table::read_with_blocked(path, options)
}
