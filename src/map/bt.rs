//! `.bt`: binary OctoMap octrees.
//!
//! A text header ends in the line `data`. The octree follows depth first, two bytes (a little-endian u16) an inner
//! node: bits 2i and 2i + 1 tell what child i is (0 unknown, 1 free leaf, 2 occupied leaf, 3 inner), and bits 0, 1, 2
//! of i are its half along x, y, z. At depth 16 a node is one voxel; a leaf above that stands for all voxels below it.
//! Voxel index = key − 16384, so voxel i's centre lies at (i + 16384 − 32768 + 0.5) · resolution.

use super::input::{Bytes, shown};
use super::known::KnownVoxels;
use super::voxels::{MOST_VOXELS, VoxelMask, add_corners, empty_map, finish};
use super::{ReadOptions, Unknown};
use crate::brick::{BrickId, CellMap};
use crate::lattice::Frame;
use crate::{Error, Result};
use std::path::Path;

/// The depth at which a node is one voxel.
const DEPTH: u32 = 16;

/// The key of voxel index 0.
const KEY_OF_ZERO: u32 = 16384;

/// The longest line of a header.
const LONGEST_LINE: usize = 4096;

/// Reads a `.bt` map.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    let (file, frame, voxels) = read_voxels(path, options)?;
    let extent = voxels.extent().ok_or_else(|| empty_map(&file))?;
    let (mut bricks, cells) = match options.unknown {
        // Nothing more needs to be counted.
        Unknown::Blocked if !voxels.has_open() => (Vec::new(), 1),
        Unknown::Blocked => {
            let cells = voxels.cells(extent);
            (voxels.into_bricks(), cells)
        }
        Unknown::Open => (voxels.into_open_box(extent)?, extent.cells()),
    };
    add_corners(&mut bricks);
    finish(&file, frame, bricks, cells, Some(extent))
}

/// The voxels that a `.bt` map says are occupied, a bit each as in [`VoxelMask`], ascending by brick.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read_occupied(
    path: &Path,
    options: &ReadOptions,
) -> Result<Vec<(BrickId, VoxelMask)>> {
    read_voxels(path, options).map(|(_, _, voxels)| voxels.into_blocked())
}

/// The file's name, its frame and its known voxels.
fn read_voxels(path: &Path, options: &ReadOptions) -> Result<(String, Frame, KnownVoxels)> {
    let mut bytes = Bytes::open(path, options.progress)?;
    let header = read_header(&mut bytes)?;
    let file = bytes.name().to_owned();
    let origin_m = (f64::from(KEY_OF_ZERO) - 32768.0 + 0.5) * header.resolution_m;
    let frame = Frame::new([origin_m; 3], header.resolution_m)
        .map_err(|e| Error::input(format!("{file}: the header's \"res\" is unusable: {e}")))?;

    let mut octree = Octree {
        bytes,
        voxels: KnownVoxels::new(options.budget(path)),
        nodes: 0,
    };
    if header.nodes > 0 {
        octree.read_node([0; 3], 0)?;
    }
    octree.check_end(header.nodes)?;
    Ok((file, frame, octree.voxels))
}

/// What a header tells.
struct Header {
    resolution_m: f64,
    nodes: u64,
}

fn read_header(bytes: &mut Bytes) -> Result<Header> {
    let wrong = |file: &str, what: &str| Err(Error::input(format!("{file}: {what}")));
    let first = read_line(bytes)?.unwrap_or_default();
    if !first.starts_with(b"# Octomap OcTree binary file") {
        return wrong(
            bytes.name(),
            "it is no .bt file: its first line must be \"# Octomap OcTree binary file\"",
        );
    }
    let (mut resolution_m, mut nodes) = (None, None);
    loop {
        let Some(line) = read_line(bytes)? else {
            return wrong(
                bytes.name(),
                "the header has no line \"data\" at its end: the file is truncated",
            );
        };
        let text = String::from_utf8_lossy(&line);
        let mut words = text.split_ascii_whitespace();
        let (key, value) = (words.next().unwrap_or("#"), words.next().unwrap_or(""));
        match key {
            "data" => break,
            "id" if !["OcTree", "ColorOcTree", "OcTreeStamped"].contains(&value) => {
                let what = format!(
                    "a tree of kind {} cannot be read: it must be an OcTree",
                    shown(value.as_bytes())
                );
                return wrong(bytes.name(), &what);
            }
            "res" => resolution_m = value.parse().ok(),
            "size" => nodes = value.parse().ok(),
            _ => {}
        }
    }
    match (resolution_m, nodes) {
        (Some(resolution_m), Some(nodes)) => Ok(Header {
            resolution_m,
            nodes,
        }),
        (None, _) => wrong(
            bytes.name(),
            "the header must have a line \"res\" with the resolution in metres",
        ),
        (_, None) => wrong(
            bytes.name(),
            "the header must have a line \"size\" with the number of nodes",
        ),
    }
}

/// The next line without its end, or `None` at the end of the file.
fn read_line(bytes: &mut Bytes) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while let Some(byte) = bytes.next_byte() {
        if byte == b'\n' {
            return Ok(Some(line));
        }
        if line.len() == LONGEST_LINE {
            return Err(Error::input(format!(
                "{}: a line of the header is longer than {LONGEST_LINE} bytes",
                bytes.name()
            )));
        }
        line.push(byte);
    }
    bytes.check()?;
    Ok(None)
}

/// An octree on its way in.
struct Octree<'a> {
    bytes: Bytes<'a>,
    voxels: KnownVoxels,
    nodes: u64,
}

impl Octree<'_> {
    /// Reads the inner node at `depth` whose least key is `key`, and all below it.
    fn read_node(&mut self, key: [u32; 3], depth: u32) -> Result<()> {
        let mut word = [0; 2];
        self.bytes.take_exact(&mut word)?;
        let children = u16::from_le_bytes(word);
        if children == 0 {
            return Err(self.damaged("an inner node has no child"));
        }
        self.nodes += 1;
        let side = 1 << (DEPTH - depth - 1);
        for child in 0..8u32 {
            let least = [0, 1, 2].map(|a| key[a] + (child >> a & 1) * side);
            match children >> (2 * child) & 3 {
                0 => {}
                3 if depth + 1 == DEPTH => {
                    return Err(
                        self.damaged("an inner node lies at depth 16, where only voxels are")
                    );
                }
                3 => self.read_node(least, depth + 1)?,
                leaf => {
                    self.nodes += 1;
                    self.add_leaf(least, side, leaf == 1)?;
                }
            }
        }
        Ok(())
    }

    fn add_leaf(&mut self, key: [u32; 3], side: u32, free: bool) -> Result<()> {
        let keys = KEY_OF_ZERO..KEY_OF_ZERO + MOST_VOXELS as u32;
        if !key
            .iter()
            .all(|k| keys.contains(k) && keys.contains(&(k + side - 1)))
        {
            return Err(Error::input(format!(
                "{}: the leaf of {side}³ voxels from key {}, {}, {} on reaches outside the keys {}…{} that the \
                 lattice holds",
                self.bytes.name(),
                key[0],
                key[1],
                key[2],
                keys.start,
                keys.end - 1
            )));
        }
        self.voxels
            .add_cube(key.map(|k| k - KEY_OF_ZERO), side, free)
    }

    /// Holds the tree against what the header and the file's end say.
    fn check_end(&mut self, nodes: u64) -> Result<()> {
        if self.nodes != nodes {
            let what = format!(
                "the octree has {} nodes where the header says {nodes}",
                self.nodes
            );
            return Err(self.damaged(&what));
        }
        if self.bytes.peek().is_some() {
            return Err(self.damaged("more bytes follow the end of the octree"));
        }
        self.bytes.check()
    }

    fn damaged(&self, what: &str) -> Error {
        Error::input(format!(
            "{}: {what} (byte {}): the file is damaged",
            self.bytes.name(),
            self.bytes.taken_bytes()
        ))
    }
}
