//! `.3dmap`: the voxel maps of the MovingAI benchmarks.
//!
//! The first line is `voxel W H D`; every other line is `x y z`, a blocked voxel. All else in the box is open.

use super::ReadOptions;
use super::input::{Bytes, shown};
use super::limit::Budget;
use super::voxels::{BRICK_VOXELS, VoxelBox, VoxelMask, add_corners, finish, open_box};
use crate::brick::{BrickId, CellMap};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

/// Reads a `.3dmap` map.
///
/// # Errors
/// See [`super::read_map`].
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<CellMap> {
    let frame = options.frame()?;
    let mut lines = Lines {
        bytes: Bytes::open(path, options.progress)?,
        number: 1,
    };
    let file = lines.bytes.name().to_owned();
    let size = lines.header()?;
    let extent = VoxelBox::of_size(&file, size)?;
    let mut budget = options.budget(path);
    let blocked = read_blocked(&mut lines, size, &mut budget)?;
    let mut bricks = open_box(extent, &blocked, &mut budget)?;
    drop(blocked);
    add_corners(&mut bricks);
    finish(&file, frame, bricks, extent.cells(), Some(extent))
}

/// Reads the blocked voxels; naming one twice is naming it once.
fn read_blocked(
    lines: &mut Lines,
    size: [u64; 3],
    budget: &mut Budget,
) -> Result<FxHashMap<BrickId, VoxelMask>> {
    let mut blocked = FxHashMap::default();
    // Voxels come in runs of one brick: its mask is gathered beside the table.
    let mut run: ([u32; 3], VoxelMask) = ([0; 3], [0; 8]);
    while let Some(voxel) = lines.next_voxel(size)? {
        let corner = voxel.map(|v| v / BRICK_VOXELS);
        if run.0 != corner {
            add_run(&mut blocked, run, budget)?;
            run = (corner, [0; 8]);
        }
        let [i, j, k] = voxel.map(|v| v % BRICK_VOXELS);
        run.1[k as usize] |= 1 << (8 * j + i);
    }
    add_run(&mut blocked, run, budget)?;
    Ok(blocked)
}

fn add_run(
    blocked: &mut FxHashMap<BrickId, VoxelMask>,
    (corner, mask): ([u32; 3], VoxelMask),
    budget: &mut Budget,
) -> Result<()> {
    // A mask, its key, and the slack of a hash table.
    const MASK_BYTES: u64 = 2 * (size_of::<(BrickId, VoxelMask)>() as u64 + 1);
    let [x, y, z] = corner.map(|c| c as i32);
    let id = BrickId::new(x, y, z).expect("the box lies in the range");
    let all = match blocked.entry(id) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            budget.charge(1, MASK_BYTES)?;
            entry.insert([0; 8])
        }
    };
    for (word, new) in all.iter_mut().zip(mask) {
        *word |= new;
    }
    Ok(())
}

/// The lines of a file, as numbers.
struct Lines<'a> {
    bytes: Bytes<'a>,
    number: u64,
}

impl Lines<'_> {
    /// The box of the line `voxel W H D`.
    fn header(&mut self) -> Result<[u64; 3]> {
        let mut word = Vec::new();
        while let Some(byte) = self
            .bytes
            .peek()
            .filter(|b| !b.is_ascii_whitespace() && word.len() < 16)
        {
            self.bytes.next_byte();
            word.push(byte);
        }
        self.bytes.check()?;
        if word != b"voxel" {
            return Err(self.wrong(&format!(
                "it starts with {} where a .3dmap file must start with \"voxel W H D\"",
                shown(&word)
            )));
        }
        let size = [self.integer()?, self.integer()?, self.integer()?];
        self.end_line()?;
        Ok(size)
    }

    /// The voxel of the next line that is not blank, or `None` at the end; it must lie in the box of `size`.
    fn next_voxel(&mut self, size: [u64; 3]) -> Result<Option<[u32; 3]>> {
        loop {
            match self.bytes.peek() {
                None => {
                    self.bytes.check()?;
                    return Ok(None);
                }
                Some(b'\n') => {
                    self.number += 1;
                    self.bytes.next_byte();
                }
                Some(b' ' | b'\t' | b'\r') => {
                    self.bytes.next_byte();
                }
                Some(_) => break,
            }
        }
        let voxel = [self.integer()?, self.integer()?, self.integer()?];
        if (0..3).any(|a| voxel[a] >= size[a]) {
            return Err(self.wrong(&format!(
                "voxel {} {} {} lies outside the box of {} × {} × {} voxels",
                voxel[0], voxel[1], voxel[2], size[0], size[1], size[2]
            )));
        }
        self.end_line()?;
        Ok(Some(voxel.map(|v| v as u32)))
    }

    /// The next number of the line; those beyond 32 bits count as 2³².
    #[inline]
    fn integer(&mut self) -> Result<u64> {
        let mut byte = self.bytes.next_byte();
        while let Some(b' ' | b'\t') = byte {
            byte = self.bytes.next_byte();
        }
        let Some(first) = byte.filter(u8::is_ascii_digit) else {
            return Err(self.unexpected(byte));
        };
        let mut value = u64::from(first - b'0');
        while let Some(digit) = self.bytes.peek().filter(u8::is_ascii_digit) {
            self.bytes.next_byte();
            value = (value * 10 + u64::from(digit - b'0')).min(1 << 32);
        }
        Ok(value)
    }

    /// Takes the rest of the line, which must be blank.
    #[inline]
    fn end_line(&mut self) -> Result<()> {
        loop {
            match self.bytes.next_byte() {
                Some(b'\n') => {
                    self.number += 1;
                    return Ok(());
                }
                Some(b' ' | b'\t' | b'\r') => {}
                None => return self.bytes.check(),
                byte => return Err(self.unexpected(byte)),
            }
        }
    }

    #[cold]
    fn unexpected(&mut self, byte: Option<u8>) -> Error {
        if let Err(failure) = self.bytes.check() {
            return failure;
        }
        let found = match byte {
            None => "the file ends".to_owned(),
            Some(b'\n') => "the line ends".to_owned(),
            Some(byte) => format!("{} stands", shown(&[byte])),
        };
        self.wrong(&format!(
            "{found} where a line must be three whole numbers from 0 on (\"x y z\")"
        ))
    }

    fn wrong(&self, what: &str) -> Error {
        Error::input(format!(
            "{}, line {}: {what}",
            self.bytes.name(),
            self.number
        ))
    }
}
