//! A Parquet file whose footer has been read.

use super::fault;
use super::rules::{Rule, rule_of};
use crate::lake::{CELLS, FIXED_COLUMNS, TALLIES, refused};
use crate::lattice::{Frame, Header};
use crate::map::columns::open_footer;
use crate::map::input::told;
use crate::{Error, Result};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::path::{Path, PathBuf};

/// How the library that octaflow writes with names itself in footers.
const WRITER: &str = "parquet-rs version ";

/// What starts the keys of what octaflow says of a file.
pub(super) const OURS: &str = "octaflow.";

/// A Parquet file, and what its footer says.
pub(in crate::lake) struct Parquet {
    pub path: PathBuf,
    pub bytes: u64,
    pub metadata: ArrowReaderMetadata,
    /// What octaflow says of the file, the keys without `octaflow.`; empty if another program wrote it.
    pub pairs: Vec<(String, String)>,
    /// Which table of the results its columns are those of, if any: octaflow wrote it, or it lies in a folder of that
    /// table.
    pub table: Option<&'static str>,
}

impl Parquet {
    /// Reads the footer of the file at `path`.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no sound Parquet file; [`Error::Machine`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let meta = file.metadata().map_err(|e| refused(path, "read", &e))?;
        let metadata = open_footer(&path.display().to_string(), &file, meta.len())?;
        let pairs = metadata.metadata().file_metadata().key_value_metadata();
        let mut pairs: Vec<(String, String)> = (pairs.into_iter().flatten())
            .filter_map(|pair| {
                let key = pair.key.strip_prefix(OURS)?;
                Some((key.to_owned(), pair.value.clone()?))
            })
            .collect();
        pairs.sort();
        let mut parquet = Parquet {
            path: path.to_owned(),
            bytes: meta.len(),
            metadata,
            pairs,
            table: None,
        };
        let table = parquet.table_of_columns();
        parquet.table = table.filter(|table| parquet.is_ours() || folder_of(path) == *table);
        Ok(parquet)
    }

    /// The file, opened anew: who reads with others at a time needs a place in the file of its own.
    pub fn file(&self) -> Result<File> {
        open(&self.path)
    }

    /// What the footer says of the row groups.
    pub fn footer(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// How many rows the footer counts.
    pub fn rows(&self) -> u64 {
        self.footer().file_metadata().num_rows() as u64
    }

    /// True if the bytes are octaflow's: it wrote the file, and no other program wrote it again with what it says.
    pub fn is_untouched(&self) -> bool {
        let program = self.footer().file_metadata().created_by();
        self.is_ours() && program.is_some_and(|program| program.starts_with(WRITER))
    }

    /// The program that wrote the file, as it names itself.
    pub fn program(&self) -> String {
        let program = self.footer().file_metadata().created_by();
        let name = program.unwrap_or("an unnamed program");
        let name = name.split(" (build").next().unwrap_or_default();
        told(&name.chars().take(60).collect::<String>())
    }

    /// True if the file says of itself what octaflow says of its files.
    pub fn is_ours(&self) -> bool {
        self.pair("version").is_some()
    }

    /// What octaflow says of the file under a key.
    pub fn pair(&self, key: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(k, _)| k == key)?;
        Some(&pair.1)
    }

    /// The frame of the cells, if the file tells it.
    ///
    /// # Errors
    /// [`Error::Input`] if what it tells is no frame.
    pub fn frame(&self) -> Result<Option<Frame>> {
        let (Some(origin), Some(size)) =
            (self.pair("frame.origin_m"), self.pair("frame.cell_size_m"))
        else {
            return Ok(None);
        };
        let numbers: Vec<f64> = origin.split(',').filter_map(|n| n.parse().ok()).collect();
        let frame = <[f64; 3]>::try_from(numbers)
            .ok()
            .zip(size.parse().ok())
            .and_then(|(origin, size)| Frame::new(origin, size).ok());
        match frame {
            Some(frame) => {
                let lod = self.pair("frame.lod").and_then(|lod| lod.parse().ok());
                let lod = lod.filter(|&lod| lod <= Header::CELL.lod);
                Ok(Some(frame.at_lod(lod.unwrap_or(Header::CELL.lod))))
            }
            None => {
                let what = format!(
                    "its metadata give the frame {origin:?}, {size:?}, which is no origin and cell size"
                );
                Err(fault(&self.path, what))
            }
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let fields = self.metadata.schema().fields();
        fields.iter().map(|field| field.name().as_str())
    }

    /// What the values of a column must be: all that octaflow promises of its results, and of the lattice coordinates in
    /// any file.
    pub(super) fn rule(&self, column: &str) -> Option<Rule> {
        let place = matches!(column, "cell" | "lx" | "ly" | "lz");
        // The attributes of ingested cells may have any name, and so may be called as another table's column is.
        let own = match self.table {
            None => place,
            Some(CELLS) => FIXED_COLUMNS.contains(&column),
            Some(_) => true,
        };
        rule_of(column).filter(|_| own && (self.is_ours() || self.table.is_some()))
    }

    /// The columns, as indices, that the rows are sorted by: as the file says, or else as its table is.
    pub fn sorted_by(&self) -> Vec<usize> {
        let said = self.said_sorted_by();
        match self.table {
            Some(table) if said.is_empty() => {
                let place = |key: &&str| self.names().position(|name| name == *key);
                key_of(table).iter().filter_map(place).collect()
            }
            _ => said,
        }
    }

    fn said_sorted_by(&self) -> Vec<usize> {
        let group = self.footer().row_groups().first();
        let columns = group.and_then(|group| group.sorting_columns().cloned());
        let columns = columns.into_iter().flatten();
        let known = columns.filter(|column| !column.descending);
        known.map(|column| column.column_idx as usize).collect()
    }

    /// The table of the results that has these columns, of which some may stand in the names of folders `key=value`.
    fn table_of_columns(&self) -> Option<&'static str> {
        let folders = self
            .path
            .iter()
            .filter_map(|name| name.to_str()?.split_once('='));
        let keys: Vec<&str> = folders.map(|(key, _)| key).collect();
        let has = |name| self.names().any(|column| column == name) || keys.contains(&name);
        let timed = has("time") && has("diff");
        match () {
            _ if FIXED_COLUMNS.iter().all(|column| has(column)) => Some(CELLS),
            _ if has("points") && has("seen") && has("given") => Some(TALLIES),
            _ if has("distance") && timed => Some("field_changes"),
            _ if has("distance") => Some("field"),
            _ if has("status") && timed => Some("routes_changes"),
            _ if has("status") => Some("routes"),
            _ if has("cost_so_far") => Some("route_cells"),
            _ if has("length_so_far") => Some("smooth_cells"),
            _ if has("ring") => Some("ghosts"),
            _ if has("part") && has("cell") => Some("owned"),
            _ if has("value") && has("step") => Some("snapshots"),
            _ if has("value") && has("cell") => Some("state"),
            _ => None,
        }
    }
}

/// The columns that the rows of a table are sorted by.
fn key_of(table: &str) -> &'static [&'static str] {
    match table {
        "field_changes" => &["cell", "time", "diff"],
        "routes" => &["query"],
        "route_cells" | "smooth_cells" => &["query", "seq"],
        "routes_changes" => &["time", "query", "diff"],
        "ghosts" => &["cell", "part"],
        "snapshots" => &["step", "cell"],
        _ => &["cell"],
    }
}

/// The name of the folder of the table that a file is of: the first above it that is no `key=value`.
fn folder_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or(path.to_owned());
    let folders = whole.parent().into_iter().flat_map(Path::ancestors);
    let mut names = folders.filter_map(|folder| folder.file_name()?.to_str());
    let name = names.find(|name| !name.contains('='));
    name.unwrap_or_default().to_owned()
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::input(format!("{}: there is no such file", path.display()))
        }
        _ => refused(path, "opened", &e),
    })
}
