//! The known voxels of a map that leaves others unknown, brick by brick.

use super::limit::{BRICK_BYTES, Budget};
use super::voxels::{BRICK_VOXELS, FULL_MASK, VoxelBox, VoxelMask, open_box, unit_costs};
use crate::Result;
use crate::brick::{BrickId, Costs};
use rustc_hash::FxHashMap;

/// What a known brick takes beside its costs: itself, in a list that grows by doubling, and where it is looked up while
/// corners are counted.
const KNOWN_BYTES: u64 = 512;

/// A brick with a known voxel; `open` is a part of `known`.
struct KnownBrick {
    id: BrickId,
    known: VoxelMask,
    open: VoxelMask,
}

/// The known voxels, open or blocked, of cost 1.0 or 0. Invariant: `bricks` ascend strictly by id.
pub(super) struct KnownVoxels {
    bricks: Vec<KnownBrick>,
    budget: Budget,
}

impl KnownVoxels {
    pub(super) fn new(budget: Budget) -> Self {
        KnownVoxels {
            bricks: Vec::new(),
            budget,
        }
    }

    /// Makes the cube of `side` voxels an axis from voxel `least` on known. `side` is a power of two and divides
    /// `least`; cubes come in ascending Morton order and do not overlap, as the leaves of an octree do.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the budget is spent.
    pub(super) fn add_cube(&mut self, least: [u32; 3], side: u32, open: bool) -> Result<()> {
        let [x, y, z] = least.map(|v| (v / BRICK_VOXELS) as i32);
        let first = BrickId::new(x, y, z).expect("the caller checked the range");
        if side < BRICK_VOXELS {
            return self.add_small_cube(first, least.map(|v| v % BRICK_VOXELS), side, open);
        }
        // The bricks of an aligned cube are consecutive in Morton order.
        let count = u64::from(side / BRICK_VOXELS).pow(3);
        self.charge(count, open)?;
        let open = if open { FULL_MASK } else { [0; 8] };
        for code in first.code()..first.code() + count {
            self.bricks.push(KnownBrick {
                id: BrickId::from_code(code).expect("the caller checked the range"),
                known: FULL_MASK,
                open,
            });
        }
        Ok(())
    }

    fn add_small_cube(
        &mut self,
        id: BrickId,
        least: [u32; 3],
        side: u32,
        open: bool,
    ) -> Result<()> {
        if self.bricks.last().is_none_or(|last| last.id != id) {
            debug_assert!(self.bricks.last().is_none_or(|last| last.id < id));
            self.charge(1, false)?;
            self.bricks.push(KnownBrick {
                id,
                known: [0; 8],
                open: [0; 8],
            });
        }
        let row = ((1u64 << side) - 1) << least[0];
        let plane = (least[1]..least[1] + side).fold(0, |m, j| m | row << (8 * j));
        let last = self.bricks.len() - 1;
        if open && self.bricks[last].open == [0; 8] {
            self.budget.charge(1, BRICK_BYTES)?;
        }
        let brick = &mut self.bricks[last];
        for k in least[2] as usize..(least[2] + side) as usize {
            brick.known[k] |= plane;
            if open {
                brick.open[k] |= plane;
            }
        }
        Ok(())
    }

    fn charge(&mut self, bricks: u64, open: bool) -> Result<()> {
        let costs = if open { BRICK_BYTES } else { 0 };
        self.budget.charge(bricks, KNOWN_BYTES + costs)
    }

    /// The box of the known voxels, or `None` without any.
    pub(super) fn extent(&self) -> Option<VoxelBox> {
        let mut least = [u32::MAX; 3];
        let mut greatest = [0; 3];
        for brick in &self.bricks {
            let corner = brick.id.xyz().map(|c| c as u32 * BRICK_VOXELS);
            let shadows = axis_shadows(&brick.known);
            for a in 0..3 {
                least[a] = least[a].min(corner[a] + shadows[a].trailing_zeros());
                greatest[a] = greatest[a].max(corner[a] + 7 - shadows[a].leading_zeros());
            }
        }
        (!self.bricks.is_empty()).then_some(VoxelBox { least, greatest })
    }

    /// Whether some known voxel is open.
    pub(super) fn has_open(&self) -> bool {
        self.bricks.iter().any(|b| b.open != [0; 8])
    }

    /// How many cells the known voxels define: themselves, and the corners that touch one of them and have all eight
    /// voxels in `extent`.
    pub(super) fn cells(&self, extent: VoxelBox) -> u64 {
        let masks: FxHashMap<BrickId, &VoxelMask> =
            self.bricks.iter().map(|b| (b.id, &b.known)).collect();
        let voxels: u64 = self.bricks.iter().map(|b| count(&b.known)).sum();
        let corners: u64 = self
            .bricks
            .iter()
            .flat_map(|b| bricks_of_corners(b.id, &masks))
            .map(|id| {
                let touched = touched_corners(id, &masks);
                let inside = whole_corners(id, extent);
                count(&std::array::from_fn(|k| touched[k] & inside[k]))
            })
            .sum();
        voxels + corners
    }

    /// The bricks with an open voxel, unknown ones being blocked.
    pub(super) fn into_bricks(self) -> Vec<(BrickId, Box<Costs>)> {
        self.bricks
            .iter()
            .filter(|b| b.open != [0; 8])
            .map(|b| (b.id, unit_costs(&b.open)))
            .collect()
    }

    /// The bricks with an open voxel, the unknown ones in `extent` being open at cost 1.0.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when memory does not allow the whole box.
    pub(super) fn into_open_box(self, extent: VoxelBox) -> Result<Vec<(BrickId, Box<Costs>)>> {
        let mut budget = self.budget;
        // The box holds the bricks that were charged already: they must not count twice.
        let charged = self.bricks.iter().filter(|b| b.open != [0; 8]).count() as u64;
        budget.refund(charged, BRICK_BYTES);
        let blocked = blocked(&self.bricks).collect();
        drop(self.bricks);
        open_box(extent, &blocked, &mut budget)
    }

    /// The voxels that are known and blocked, ascending by brick.
    pub(super) fn into_blocked(self) -> Vec<(BrickId, VoxelMask)> {
        blocked(&self.bricks).collect()
    }
}

fn blocked(bricks: &[KnownBrick]) -> impl Iterator<Item = (BrickId, VoxelMask)> + '_ {
    let of = |b: &KnownBrick| (b.id, std::array::from_fn(|k| b.known[k] & !b.open[k]));
    bricks.iter().map(of).filter(|(_, mask)| *mask != [0; 8])
}

fn count(mask: &VoxelMask) -> u64 {
    mask.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Which indices 0…7 along x, y and z some voxel of the mask has.
fn axis_shadows(mask: &VoxelMask) -> [u8; 3] {
    let plane = mask.iter().fold(0, |m, word| m | word);
    let mut shadows = [0; 3];
    for (n, (row, word)) in plane.to_le_bytes().into_iter().zip(mask).enumerate() {
        shadows[0] |= row;
        shadows[1] |= u8::from(row != 0) << n;
        shadows[2] |= u8::from(*word != 0) << n;
    }
    shadows
}

/// The steps from a brick to those whose voxels its corners touch.
const STEPS: [[i32; 3]; 8] = [
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [1, 1, 0],
    [0, 0, 1],
    [1, 0, 1],
    [0, 1, 1],
    [1, 1, 1],
];

/// The bricks whose corners may touch the voxels of `id`; over all known bricks each comes exactly once: from the
/// first known brick, in the order of the steps, that it touches.
fn bricks_of_corners<'a>(
    id: BrickId,
    masks: &'a FxHashMap<BrickId, &VoxelMask>,
) -> impl Iterator<Item = BrickId> + 'a {
    STEPS.iter().enumerate().filter_map(move |(n, step)| {
        let base = id.offset(step.map(|s| -s))?;
        let known = |s: &[i32; 3]| base.offset(*s).is_some_and(|b| masks.contains_key(&b));
        (!STEPS[..n].iter().any(known)).then_some(base)
    })
}

/// The corners of brick `id` (bit 8j + i of word k is the corner beyond voxel (i, j, k)) that touch a known voxel.
fn touched_corners(id: BrickId, masks: &FxHashMap<BrickId, &VoxelMask>) -> VoxelMask {
    let around = STEPS.map(|step| {
        id.offset(step)
            .and_then(|b| masks.get(&b))
            .map_or([0; 8], |m| **m)
    });
    // Each voxel is spread to the corner on its low side, axis by axis.
    let along_x = |own: &VoxelMask, next: &VoxelMask| -> VoxelMask {
        std::array::from_fn(|k| {
            let from_own = own[k] >> 1 & 0x7f7f_7f7f_7f7f_7f7f;
            let from_next = next[k] << 7 & 0x8080_8080_8080_8080;
            own[k] | from_own | from_next
        })
    };
    let along_y = |own: &VoxelMask, next: &VoxelMask| -> VoxelMask {
        std::array::from_fn(|k| own[k] | own[k] >> 8 | next[k] << 56)
    };
    let x = [0, 2, 4, 6].map(|n| along_x(&around[n], &around[n + 1]));
    let low = along_y(&x[0], &x[1]);
    let high = along_y(&x[2], &x[3]);
    std::array::from_fn(|k| low[k] | if k < 7 { low[k + 1] } else { high[0] })
}

/// The corners of brick `id` whose eight voxels all lie in `extent`.
fn whole_corners(id: BrickId, extent: VoxelBox) -> VoxelMask {
    if (0..3).any(|a| extent.least[a] == extent.greatest[a]) {
        return [0; 8];
    }
    VoxelBox {
        least: extent.least,
        greatest: extent.greatest.map(|v| v - 1),
    }
    .mask(id)
}
