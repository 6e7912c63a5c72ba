//! What a checkpoint is made of.

use super::super::{crc, refused};
use crate::lattice::{Frame, Header};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The version of what is laid down here.
const FORMAT: u32 = 1;

/// How many tables of cells are worth reading before all bricks are written again.
const MOST_TABLES: usize = 256;

/// The most that a manifest or a run's record may be long: a thousand workers in a thousand segments.
const MOST_BYTES: u64 = 1 << 28;

/// The run that writes checkpoints: `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version that began the run.
    pub octaflow: String,
    /// The version of the format.
    pub format: u32,
    /// The run's name, by which its commits are known.
    pub run: String,
    /// The arguments, without the program's name.
    pub args: Vec<String>,
    /// The folder that relative paths among them start from.
    pub folder: String,
    /// True when the results are published and nothing is left to be done.
    pub complete: bool,
}

/// What a map defines, as the summary tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapFigures {
    /// Cells that the map defined when it was read.
    pub cells: u64,
    /// Those of them that were open.
    pub open: u64,
    /// Bricks that held one.
    pub bricks: u64,
}

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it lies in the folder of checkpoints: `000007/bricks/part-00000.arrow`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// How many bricks or cells it has; 0 for a table of changes.
    pub rows: u64,
    /// The CRC-32 (IEEE 802.3) of its bytes.
    pub crc32: u32,
}

/// A checkpoint: where the run stood, and the files that hold what it knew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// Which checkpoint it is, from 1.
    pub number: u64,
    /// The time of the last epoch.
    pub time: i64,
    /// How many epochs of updates are done.
    pub epochs: u64,
    /// How many time steps are done.
    pub step: u64,
    /// The index that the next source gets.
    pub next_label: u32,
    /// The bits of the position of cell (0, 0, 0) and of the spacing of axial neighbours, all in metres, as `f64`.
    pub frame: [u64; 4],
    /// The level of detail of its cells.
    pub lod: u8,
    /// What the map was when it was read.
    pub map: MapFigures,
    /// What the command keeps for its summary alone.
    pub notes: serde_json::Value,
    /// The CRC-32 of the updates up to the last epoch, as [`crate::map::Epoch::feed`] lays them down.
    #[serde(default)]
    pub updates_crc32: Option<u32>,
    /// How many bricks there are.
    pub bricks: u64,
    /// The containers of bricks, or tables of their tallies, in the order in which they were written: of a brick the
    /// last counts.
    pub segments: Vec<FileEntry>,
    /// Tables of cells that have changed since the containers before them were written, in that order.
    pub cells: Vec<FileEntry>,
    /// The sources, each a cell (its Index64) and its label, ascending.
    pub sources: Vec<(u64, u32)>,
    /// The queries that stand, each with the Index64 of its start and of its goal, ascending.
    pub queries: Vec<(i64, u64, u64)>,
    /// Files of tables of changes, of all checkpoints so far.
    pub changes: Vec<FileEntry>,
    /// Tables of the cells that epochs have changed, of all checkpoints so far: what a run that goes on tells again.
    #[serde(default)]
    pub told_changes: Vec<FileEntry>,
    /// Containers of the costs of bricks as they were told last, of those that have changed since: a row of a brick is as
    /// good as another.
    #[serde(default)]
    pub told_costs: Vec<FileEntry>,
}

impl RunRecord {
    /// The record of a run that begins.
    pub fn new(run: &str, args: Vec<String>, folder: String) -> Self {
        RunRecord {
            octaflow: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            run: run.to_owned(),
            args,
            folder,
            complete: false,
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let record: RunRecord = parse(path)?;
        check_format(path, record.format)?;
        Ok(record)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write_sealed(path, self)
    }
}

impl Manifest {
    /// A manifest of nothing.
    pub fn new(number: u64, frame: &Frame) -> Self {
        Manifest {
            format: FORMAT,
            number,
            time: 0,
            epochs: 0,
            step: 0,
            next_label: 0,
            frame: {
                let [x, y, z] = frame.origin_m();
                [x, y, z, frame.cell_size_m()].map(f64::to_bits)
            },
            lod: frame.lod(),
            map: MapFigures::default(),
            notes: serde_json::Value::Null,
            updates_crc32: None,
            bricks: 0,
            segments: Vec::new(),
            cells: Vec::new(),
            sources: Vec::new(),
            queries: Vec::new(),
            changes: Vec::new(),
            told_changes: Vec::new(),
            told_costs: Vec::new(),
        }
    }

    /// The frame of the run's map.
    ///
    /// # Errors
    /// [`Error::Input`] if there is none such.
    pub fn frame(&self) -> Result<Frame> {
        let [x, y, z, cell_size] = self.frame.map(f64::from_bits);
        let frame = Frame::new([x, y, z], cell_size);
        frame
            .map(|frame| frame.at_lod(self.lod.min(Header::CELL.lod)))
            .map_err(|e| Error::input(format!("checkpoint {}: {e}", self.number)))
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let state = self.segments.iter().chain(&self.cells);
        let told = self.told_changes.iter().chain(&self.told_costs);
        state.chain(&self.changes).chain(told)
    }

    /// True if the containers hold so much that is out of date that the next checkpoint had better write all bricks.
    pub fn is_stale(&self) -> bool {
        let rows = self.segments.iter().map(|s| s.rows);
        let rows = rows.fold(0, u64::saturating_add);
        let most = self.bricks.saturating_mul(2).saturating_add(1024);
        rows > most || self.cells.len() > MOST_TABLES
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let manifest: Manifest = parse(path)?;
        check_format(path, manifest.format)?;
        Ok(manifest)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write_sealed(path, self)
    }
}

impl FileEntry {
    /// Checks that the file is there and has not been damaged.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and what is wrong with it; [`Error::Machine`] if it cannot be read.
    pub fn check(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.path);
        if !path.exists() {
            return Err(missing(&path));
        }
        let found = file_entry(folder, &self.path, self.rows)?;
        if found.bytes != self.bytes {
            return Err(Error::input(format!(
                "{} has {} bytes where its checkpoint says {}: it was cut or changed",
                path.display(),
                found.bytes,
                self.bytes
            )));
        }
        if found.crc32 != self.crc32 {
            return Err(Error::input(format!(
                "{} is damaged: its CRC-32 is {:08x} where its checkpoint says {:08x}",
                path.display(),
                found.crc32,
                self.crc32
            )));
        }
        Ok(())
    }

    /// The number of the checkpoint that wrote the file, the folder there, and its path in that; none if its path is not of
    /// that kind.
    pub fn place(&self) -> Option<(u64, &str, &str)> {
        let (number, rest) = self.path.split_once('/')?;
        let (folder, file) = rest.split_once('/')?;
        let leaves = |part: &str| ["", ".", ".."].contains(&part);
        if rest.split('/').any(leaves) {
            return None;
        }
        Some((number.parse().ok()?, folder, file))
    }
}

fn missing(path: &Path) -> Error {
    Error::input(format!(
        "{} is missing: a checkpoint needs it; bring it back, or begin the run again with another folder",
        path.display()
    ))
}

/// The entry of the file at `path` in `folder`, which has `rows` rows, as it stands.
///
/// # Errors
/// [`Error::Machine`] if it cannot be read.
pub(super) fn file_entry(folder: &Path, path: &str, rows: u64) -> Result<FileEntry> {
    let (bytes, crc32) = crc::of_file(&folder.join(path))?;
    Ok(FileEntry {
        path: path.to_owned(),
        bytes,
        rows,
        crc32,
    })
}

/// The key of the checksum of a file's other lines.
const SEAL: &str = "crc32";

/// Writes `value` as JSON, a line for it and one for its checksum, and waits until the disk has it.
fn write_sealed(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).expect("plain data");
    let crc = crc32fast::hash(text.as_bytes());
    super::super::fail::point();
    let sealed = format!("{{\"{SEAL}\":\"{crc:08x}\",\"sealed\":\n{text}\n}}\n");
    let written = File::create(path).and_then(|mut file| {
        std::io::Write::write_all(&mut file, sealed.as_bytes())?;
        super::super::fail::point();
        file.sync_all()
    });
    written.map_err(|e| refused(path, "written", &e))
}

/// Reads what [`write_sealed`] has written.
fn parse<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let damaged = |why: &str| {
        Error::input(format!(
            "{} is not a whole file of a checkpoint: {why}",
            path.display()
        ))
    };
    if !path.exists() {
        return Err(missing(path));
    }
    let file = File::open(path).map_err(|e| refused(path, "opened", &e))?;
    let mut text = String::new();
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|_| damaged("it is no text"))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(damaged("it is too long"));
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let [head, body, "}", ""] = lines[..] else {
        return Err(damaged("it should have three lines"));
    };
    let crc = format!(
        "{{\"{SEAL}\":\"{:08x}\",\"sealed\":",
        crc32fast::hash(body.as_bytes())
    );
    if head != crc {
        return Err(damaged("its checksum is wrong"));
    }
    serde_json::from_str(body).map_err(|e| damaged(&e.to_string()))
}

fn check_format(path: &Path, format: u32) -> Result<()> {
    if format == FORMAT {
        return Ok(());
    }
    Err(Error::input(format!(
        "{} is of format {format}; this version of octaflow knows format {FORMAT}",
        path.display()
    )))
}
