//! From voxels to cells: boxes, corners, and the finished map.
//!
//! Voxel (i, j, k) is the even cell (2i, 2j, 2k). The odd cell (2i + 1, 2j + 1, 2k + 1) is the corner shared by the
//! voxels i…i + 1, j…j + 1, k…k + 1: open only if all eight are, its cost their mean. Morally the code performs, for
//! every voxel,
//!
//! ```text
//! eight = voxels (i..=i+1, j..=j+1, k..=k+1), 0 outside the map
//! corner = if all of eight > 0 { (sum of eight + 4) >> 3 } else { 0 }
//! ```
//!
//! A corner lies in the brick of its least voxel, so corners never make a new brick, and a brick needs the even cells
//! of itself and of the seven bricks beyond it.

use super::limit::{BRICK_BYTES, Budget};
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs};
use crate::lattice::{Frame, UNIT_COST};
use crate::{Error, Result};
use rustc_hash::FxHashMap;

/// How many voxels the lattice coordinates 0…65535 hold along an axis.
pub(super) const MOST_VOXELS: u64 = 32768;

/// How many voxels a brick spans along an axis.
pub(super) const BRICK_VOXELS: u32 = 8;

/// A brick's voxels as bits: word k holds the plane z = k, bit 8j + i of it the voxel (i, j, k).
pub(super) type VoxelMask = [u64; 8];

/// All voxels of a brick.
pub(super) const FULL_MASK: VoxelMask = [u64::MAX; 8];

/// A box of voxels: `least[a] ≤ index ≤ greatest[a]` on each axis a, with `greatest` at most 32767.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VoxelBox {
    pub(super) least: [u32; 3],
    pub(super) greatest: [u32; 3],
}

impl VoxelBox {
    /// The box of the indices `0…size − 1`.
    ///
    /// # Errors
    /// [`Error::Input`] if an axis has no voxel, or more than the lattice coordinates hold.
    pub(super) fn of_size(file: &str, size: [u64; 3]) -> Result<Self> {
        if size.contains(&0) {
            return Err(empty_map(file));
        }
        if size.iter().any(|&n| n > MOST_VOXELS) {
            let [x, y, z] = size;
            return Err(Error::input(format!(
                "{file}: {x} × {y} × {z} voxels reach beyond the lattice coordinates 0…65535, which hold \
                 {MOST_VOXELS} voxels an axis: give a part of the map, and place it with --origin"
            )));
        }
        Ok(VoxelBox {
            least: [0; 3],
            greatest: size.map(|n| n as u32 - 1),
        })
    }

    /// How many cells the box has: its voxels, and the corners with all eight voxels inside.
    pub(super) fn cells(&self) -> u64 {
        let size: [u64; 3] =
            std::array::from_fn(|a| u64::from(self.greatest[a] - self.least[a]) + 1);
        size.iter().product::<u64>() + size.iter().map(|n| n - 1).product::<u64>()
    }

    /// The voxels of `brick` that lie in the box.
    pub(super) fn mask(&self, brick: BrickId) -> VoxelMask {
        let corner = brick.xyz().map(|c| c as u32 * BRICK_VOXELS);
        let inside =
            |a: usize, v: u32| (self.least[a]..=self.greatest[a]).contains(&(corner[a] + v));
        let row = (0..8)
            .filter(|&i| inside(0, i))
            .fold(0u64, |m, i| m | 1 << i);
        let plane = (0..8)
            .filter(|&j| inside(1, j))
            .fold(0u64, |m, j| m | row << (8 * j));
        std::array::from_fn(|k| if inside(2, k as u32) { plane } else { 0 })
    }

    /// The brick coordinates from which and up to which the box reaches.
    fn brick_range(&self) -> ([u32; 3], [u32; 3]) {
        (
            self.least.map(|v| v / BRICK_VOXELS),
            self.greatest.map(|v| v / BRICK_VOXELS),
        )
    }
}

/// The bricks of a box whose voxels are open at cost 1.0, but for those in `blocked`.
///
/// # Errors
/// [`Error::Input`] when the budget does not allow the bricks; it is charged before the first one is made.
pub(super) fn open_box(
    extent: VoxelBox,
    blocked: &FxHashMap<BrickId, VoxelMask>,
    budget: &mut Budget,
) -> Result<Vec<(BrickId, Box<Costs>)>> {
    let open_in = |brick: BrickId| -> VoxelMask {
        let mask = extent.mask(brick);
        match blocked.get(&brick) {
            Some(b) => std::array::from_fn(|k| mask[k] & !b[k]),
            None => mask,
        }
    };
    let (first, last) = extent.brick_range();
    let all: u64 = (0..3).map(|a| u64::from(last[a] - first[a]) + 1).product();
    let full = blocked
        .keys()
        .filter(|&&brick| open_in(brick) == [0; 8])
        .count() as u64;
    budget.charge(all - full, BRICK_BYTES)?;
    let mut bricks = Vec::with_capacity((all - full) as usize);
    for z in first[2]..=last[2] {
        for y in first[1]..=last[1] {
            for x in first[0]..=last[0] {
                let brick = BrickId::new(x as i32, y as i32, z as i32)
                    .expect("a box of voxels lies in the range");
                let open = open_in(brick);
                if open != [0; 8] {
                    bricks.push((brick, unit_costs(&open)));
                }
            }
        }
    }
    bricks.sort_unstable_by_key(|&(brick, _)| brick);
    Ok(bricks)
}

/// The costs of a brick whose even cells in `open` have cost 1.0 and whose other cells are blocked.
pub(super) fn unit_costs(open: &VoxelMask) -> Box<Costs> {
    let mut costs = Box::new([0; BRICK_CELLS]);
    for (plane, &word) in costs.chunks_exact_mut(64).zip(open) {
        for (i, cost) in plane.iter_mut().enumerate() {
            *cost = (word >> i & 1) as u16 * UNIT_COST;
        }
    }
    costs
}

/// Derives the odd cells of all bricks from their even cells. The bricks must ascend by id.
pub(super) fn add_corners(bricks: &mut [(BrickId, Box<Costs>)]) {
    let places: FxHashMap<BrickId, u32> = (0u32..)
        .zip(bricks.iter())
        .map(|(n, &(id, _))| (id, n))
        .collect();
    let mut tile = [[0u16; 9]; 81];
    for index in 0..bricks.len() {
        load_even_cells(bricks, &places, index, &mut tile);
        let (_, odd) = bricks[index].1.split_at_mut(BRICK_CELLS / 2);
        for (row, out) in odd.chunks_exact_mut(8).enumerate() {
            // Row (k, j) of the tile's 9 × 9 rows, and the three rows beyond it in y and z.
            let at = row / 8 * 9 + row % 8;
            corner_row(
                [&tile[at], &tile[at + 1], &tile[at + 9], &tile[at + 10]],
                out,
            );
        }
    }
}

/// Fills `tile` with the 9³ even cells from a brick's corner on: row 9k + j holds the voxels (0…8, j, k).
fn load_even_cells(
    bricks: &[(BrickId, Box<Costs>)],
    places: &FxHashMap<BrickId, u32>,
    index: usize,
    tile: &mut [[u16; 9]; 81],
) {
    *tile = [[0; 9]; 81];
    // Where a neighbour's voxels lie on an axis: its 8 voxels from 0, or its first one at 8.
    let span = |step: usize| if step == 0 { (0, 8) } else { (8, 1) };
    for corner in 0..8 {
        let step = [corner & 1, corner >> 1 & 1, corner >> 2];
        let costs = if corner == 0 {
            &bricks[index].1
        } else {
            let Some(&place) = bricks[index]
                .0
                .offset(step.map(|s| s as i32))
                .and_then(|id| places.get(&id))
            else {
                continue;
            };
            &bricks[place as usize].1
        };
        let [(x, nx), (y, ny), (z, nz)] = step.map(span);
        for k in 0..nz {
            for j in 0..ny {
                let from = k * 64 + j * 8;
                tile[(z + k) * 9 + y + j][x..x + nx].copy_from_slice(&costs[from..from + nx]);
            }
        }
    }
}

/// The eight corners between four rows of nine voxels.
fn corner_row(rows: [&[u16; 9]; 4], out: &mut [u16]) {
    let sum: [u32; 9] = std::array::from_fn(|i| rows.iter().map(|r| u32::from(r[i])).sum());
    let open: [bool; 9] = std::array::from_fn(|i| rows.iter().all(|r| r[i] > 0));
    for (i, corner) in out.iter_mut().enumerate() {
        let mean = (sum[i] + sum[i + 1] + 4) >> 3;
        *corner = if open[i] & open[i + 1] {
            mean as u16
        } else {
            0
        };
    }
}

/// The finished map: bricks without an open cell are dropped, open cells counted.
///
/// # Errors
/// [`Error::Input`] if the map defines no cell, or none that is open.
pub(super) fn finish(
    file: &str,
    frame: Frame,
    mut bricks: Vec<(BrickId, Box<Costs>)>,
    cells: u64,
    extent: Option<VoxelBox>,
) -> Result<CellMap> {
    if cells == 0 {
        return Err(empty_map(file));
    }
    let mut open = 0;
    bricks.retain(|(_, costs)| {
        let here = costs.iter().map(|&c| u64::from(c > 0)).sum::<u64>();
        open += here;
        here > 0
    });
    if open == 0 {
        return Err(Error::input(format!(
            "{file}: the map has no open cell; at least one must have a cost above 0"
        )));
    }
    Ok(CellMap {
        frame,
        bricks,
        cells,
        open,
        voxels: extent.map(|e| [e.least, e.greatest]),
    })
}

/// The error for a map that defines no cell.
pub(super) fn empty_map(file: &str) -> Error {
    Error::input(format!(
        "{file}: the map is empty; it must define at least one cell"
    ))
}
