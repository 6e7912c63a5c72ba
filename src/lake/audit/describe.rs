//! What is in a file or a folder, from headers and footers alone.

use super::columns::{ColumnSummary, add_columns};
use super::find::{Found, Table, find};
use super::parquet::Parquet;
use super::saved;
use crate::Result;
use crate::brick::{BRICK_UNITS, BrickId, CellMap};
use crate::lake::container::Container;
use crate::lake::delta::Log;
use crate::lattice::Frame;
use crate::map::octa::{Stream, codec_name};
use crate::map::{ReadOptions, read_map};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What is in a file or a folder; what cannot be told, or does not apply, is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Description {
    /// Where it lies.
    pub path: String,
    /// `container`, `table`, `map`, `checkpoints`, `octaindex3d container`, or `folder` for several of them.
    pub kind: &'static str,
    /// What kind of table it is: `field`, `routes`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<&'static str>,
    /// How many files it consists of.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of the files of a table were written, or written again, by other programs.
    #[serde(skip_serializing_if = "is_zero")]
    pub foreign_files: u64,
    /// How many rows it has: of a container, bricks; of an octaindex3d container, frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many bytes a row takes in the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_a_row: Option<f64>,
    /// How many row groups or segments the rows are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<u64>,
    /// How many cells it defines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<u64>,
    /// How many of them are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<u64>,
    /// How many bricks they lie in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bricks: Option<u64>,
    /// The box that the cells lie in: of a map of voxels, that of its voxels; of a container or a map of cells, that
    /// of its bricks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    /// Where the lattice lies in the world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameSummary>,
    /// The level of detail of its cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lod: Option<u8>,
    /// The name of the partition plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The time as of which a container holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// The checksum of a container, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The version of a table's log, or of a format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The settings of the run that wrote it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The columns of a table, the fields of a container, the codecs of an octaindex3d container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnSummary>,
    /// What lies in a folder; of a table of several levels of detail, its levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Description>,
    /// The summary of the run whose result a folder is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Value>,
    /// The run whose checkpoints they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<SavedRun>,
}

/// A run as its checkpoints tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SavedRun {
    /// Its command: `field`, `route`, …
    pub command: String,
    /// The version of octaflow that began it.
    pub octaflow: String,
    /// True if its results are published and nothing is left to be done.
    pub complete: bool,
    /// The numbers of the checkpoints that it may go on from, the newest first.
    pub checkpoints: Vec<u64>,
    /// How many epochs of updates the newest has done.
    pub epochs: u64,
    /// The time of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// How many more are half written.
    pub drafts: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A box of cells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Extent {
    /// The least and the greatest lattice coordinates.
    pub lattice: [[i64; 3]; 2],
    /// The positions of the same, in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metres: Option<[[f64; 3]; 2]>,
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FrameSummary {
    /// The position of cell (0, 0, 0), in metres.
    pub origin_m: [f64; 3],
    /// The spacing of axial neighbours, in metres.
    pub cell_size_m: f64,
}

impl From<Frame> for FrameSummary {
    fn from(frame: Frame) -> Self {
        FrameSummary {
            origin_m: frame.origin_m(),
            cell_size_m: frame.cell_size_m(),
        }
    }
}

/// Describes what lies at `path`: a container, a Parquet file, a table or a whole result, an octaindex3d container, or a
/// map, which alone is read whole.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) if there is nothing that octaflow knows, or a header or footer is damaged;
/// [`Error::Machine`](crate::Error::Machine) if something cannot be read.
pub fn inspect(path: &Path) -> Result<Description> {
    let Found {
        folder,
        tables,
        containers,
        streams,
        maps,
        saved,
        summary,
    } = find(path)?;
    let mut parts = Vec::new();
    for table in &tables {
        parts.push(describe_table(table)?);
    }
    for path in &containers {
        parts.push(describe_container(path)?);
    }
    for path in &streams {
        parts.push(describe_stream(path)?);
    }
    for saved in &saved {
        parts.push(saved::describe(saved)?);
    }
    for path in &maps {
        parts.push(describe_map(path)?);
    }
    let alone = parts.len() == 1 && parts[0].path == path.display().to_string();
    if parts.len() == 1 && (alone || !folder) {
        return Ok(parts.remove(0));
    }
    Ok(Description {
        path: path.display().to_string(),
        kind: "folder",
        files: parts.iter().map(|part| part.files).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
        parts,
        summary,
        ..Description::default()
    })
}

fn describe_table(table: &Table) -> Result<Description> {
    let mut description = Description {
        path: table.path.display().to_string(),
        kind: "table",
        version: table.log.as_ref().map(Log::version),
        ..Description::default()
    };
    let mut levels: BTreeMap<Option<u8>, Vec<Parquet>> = BTreeMap::new();
    for path in &table.files {
        let parquet = Parquet::open(path)?;
        let lod = parquet.frame()?.map(|frame| frame.lod());
        levels.entry(lod).or_default().push(parquet);
    }
    let Some((_, first)) = levels.pop_last() else {
        return Ok(description);
    };
    if levels.is_empty() {
        describe_files(&mut description, &first)?;
        return Ok(description);
    }
    // The finest level first.
    for files in std::iter::once(first).chain(levels.into_values().rev()) {
        let mut part = Description {
            path: common_folder(&files, &table.path).display().to_string(),
            kind: "table",
            ..Description::default()
        };
        describe_files(&mut part, &files)?;
        description.table = description.table.or(part.table);
        description.files += part.files;
        description.bytes += part.bytes;
        let sum = |a: Option<u64>, b: Option<u64>| Some(a.unwrap_or(0) + b?);
        description.rows = sum(description.rows, part.rows);
        description.groups = sum(description.groups, part.groups);
        description.parts.push(part);
    }
    description.bytes_a_row = bytes_a_row(&description);
    Ok(description)
}

/// The folder that the files of a level lie in; of several, that of the table.
fn common_folder<'a>(files: &'a [Parquet], table: &'a Path) -> &'a Path {
    let folder = files[0].path.parent().unwrap_or(table);
    let alike = files.iter().all(|file| file.path.parent() == Some(folder));
    if alike { folder } else { table }
}

/// Describes files of one level of detail.
fn describe_files(description: &mut Description, files: &[Parquet]) -> Result<()> {
    let (mut rows, mut groups) = (0, 0);
    let mut frame = None;
    for parquet in files {
        rows += parquet.rows();
        groups += parquet.footer().num_row_groups() as u64;
        description.files += 1;
        description.bytes += parquet.bytes;
        description.table = description.table.or(parquet.table);
        description.foreign_files += u64::from(!parquet.is_untouched());
        frame = frame.or(parquet.frame()?);
        let settings = parquet.pairs.iter().filter_map(|(key, value)| {
            let key = key.strip_prefix("setting.")?;
            Some((key.to_owned(), value.clone()))
        });
        description.settings.extend(settings);
        add_columns(&mut description.columns, parquet);
    }
    description.rows = Some(rows);
    description.groups = Some(groups);
    description.bytes_a_row = bytes_a_row(description);
    description.frame = frame.map(FrameSummary::from);
    description.lod = frame.map(|frame| frame.lod());
    description.extent = extent_of_columns(&description.columns, frame);
    let unique = matches!(
        description.table,
        Some("field" | "state" | "owned" | "cells")
    );
    description.cells = unique.then_some(rows);
    Ok(())
}

fn bytes_a_row(description: &Description) -> Option<f64> {
    let rows = description.rows.filter(|&rows| rows > 0)?;
    Some(description.bytes as f64 / rows as f64)
}

/// The box of the cells of a table, from the statistics of its coordinates.
fn extent_of_columns(columns: &[ColumnSummary], frame: Option<Frame>) -> Option<Extent> {
    let mut lattice = [[0; 3]; 2];
    for (axis, name) in ["lx", "ly", "lz"].into_iter().enumerate() {
        let column = columns.iter().find(|column| column.name == name)?;
        lattice[0][axis] = column.least.as_ref()?.as_i64()?;
        lattice[1][axis] = column.greatest.as_ref()?.as_i64()?;
    }
    Some(extent(lattice, frame))
}

fn extent(lattice: [[i64; 3]; 2], frame: Option<Frame>) -> Extent {
    let metres = |frame: Frame, corner: [i64; 3]| {
        let (origin, half) = (frame.origin_m(), frame.cell_size_m() / 2.0);
        std::array::from_fn(|axis| origin[axis] + corner[axis] as f64 * half)
    };
    Extent {
        lattice,
        metres: frame.map(|frame| lattice.map(|corner| metres(frame, corner))),
    }
}

/// The box of bricks.
#[derive(Default)]
struct BrickBox(Option<[[i64; 3]; 2]>);

impl BrickBox {
    fn add(&mut self, brick: BrickId) {
        let least = brick.xyz().map(|c| i64::from(c * BRICK_UNITS));
        let greatest = least.map(|c| c + i64::from(BRICK_UNITS) - 1);
        let [low, high] = self.0.get_or_insert([least, greatest]);
        for axis in 0..3 {
            low[axis] = low[axis].min(least[axis]);
            high[axis] = high[axis].max(greatest[axis]);
        }
    }
}

fn describe_container(path: &Path) -> Result<Description> {
    let container = Container::open(path)?;
    let mut bricks = BrickBox::default();
    for index in 0..container.segments_len() {
        container
            .ids(index)?
            .into_iter()
            .for_each(|brick| bricks.add(brick));
    }
    let meta = container.meta();
    let rows = container.bricks();
    let fields = container
        .fields()
        .iter()
        .map(|(name, field)| ColumnSummary {
            name: name.clone(),
            kind: format!("1024 {}", field.name()),
            bytes: rows * 1024 * field.bytes() as u64,
            ..ColumnSummary::default()
        });
    Ok(Description {
        path: path.display().to_string(),
        kind: "container",
        files: 1,
        bytes: container.bytes(),
        rows: Some(rows),
        bytes_a_row: (rows > 0).then(|| container.bytes() as f64 / rows as f64),
        groups: Some(container.segments_len() as u64),
        cells: Some(rows * 1024),
        bricks: Some(rows),
        extent: bricks.0.map(|lattice| extent(lattice, Some(meta.frame))),
        frame: Some(meta.frame.into()),
        plan: Some(meta.plan.clone()),
        epoch: Some(meta.epoch),
        checksum: Some(format!("{:08x}", container.checksum())),
        settings: meta.settings.iter().cloned().collect(),
        columns: fields.collect(),
        ..Description::default()
    })
}

fn describe_stream(path: &Path) -> Result<Description> {
    let stream = Stream::open(path)?;
    let mut columns: Vec<ColumnSummary> = Vec::new();
    for frame in stream.frames() {
        let name = codec_name(frame);
        let kind = if frame.hashed {
            "frames with CRC-32 and SHA-256"
        } else {
            "frames with CRC-32"
        };
        let at = columns
            .iter()
            .position(|c| c.name == name && c.kind == kind);
        let at = at.unwrap_or_else(|| {
            columns.push(ColumnSummary {
                name: name.to_owned(),
                kind: kind.to_owned(),
                ..ColumnSummary::default()
            });
            columns.len() - 1
        });
        columns[at].bytes += u64::from(frame.packed_bytes);
    }
    let rows = stream.frames().len() as u64;
    Ok(Description {
        path: path.display().to_string(),
        kind: "octaindex3d container",
        files: 1,
        bytes: stream.bytes(),
        rows: Some(rows),
        bytes_a_row: (rows > 0).then(|| stream.bytes() as f64 / rows as f64),
        version: Some(u64::from(stream.version())),
        columns,
        ..Description::default()
    })
}

fn describe_map(path: &Path) -> Result<Description> {
    let map: CellMap = read_map(path, &ReadOptions::default())?;
    let mut bricks = BrickBox::default();
    map.bricks.iter().for_each(|(brick, _)| bricks.add(*brick));
    let box_of_voxels = map
        .voxels
        .map(|ends| ends.map(|voxel| voxel.map(|v| 2 * i64::from(v))));
    Ok(Description {
        path: path.display().to_string(),
        kind: "map",
        files: 1,
        bytes: std::fs::metadata(path).map_or(0, |meta| meta.len()),
        cells: Some(map.cells),
        open: Some(map.open),
        bricks: Some(map.bricks.len() as u64),
        extent: box_of_voxels
            .or(bricks.0)
            .map(|lattice| extent(lattice, Some(map.frame))),
        frame: Some(map.frame.into()),
        ..Description::default()
    })
}
