//! The integer metric: costs in 1/256, distances in ticks, weights made of two halves.
//!
//! The weight of an edge is the sum of two halves, one from each of its cells: `half(c) = (base · c) >> 8`, with a
//! base for each kind of step. Weights are symmetric, integer and separable, so sums are exact and every order of
//! adding them gives the same bits. At cost 1.0 an axial step is 3120 ticks and a diagonal step 2702 (√3 · 1560 =
//! 2701.998).

use super::Cell;

/// Half the ticks of a diagonal step (across a hexagonal face) at cost 1.0.
pub const DIAGONAL_BASE: u32 = 1351;

/// Half the ticks of an axial step (across a square face) at cost 1.0.
pub const AXIAL_BASE: u32 = 1560;

/// The stored cost that stands for the factor 1.0.
pub const UNIT_COST: u16 = 256;

/// How many ticks one cell size (the spacing of axial neighbours) has at cost 1.0.
pub const TICKS_PER_CELL_SIZE: u32 = 2 * AXIAL_BASE;

/// The distance of a cell that no source reaches: 2³¹ − 1 ticks. Finite distances are smaller.
pub const UNREACHED: u32 = i32::MAX as u32;

/// A cell's half of the weight of a diagonal step, in ticks, at stored cost `cost`.
pub const fn diagonal_half(cost: u16) -> u32 {
    (DIAGONAL_BASE * cost as u32) >> 8
}

/// A cell's half of the weight of an axial step, in ticks, at stored cost `cost`.
pub const fn axial_half(cost: u16) -> u32 {
    (AXIAL_BASE * cost as u32) >> 8
}

/// The distance in metres of `ticks` at `cell_size_m` metres between axial neighbours.
pub fn distance_m(ticks: u32, cell_size_m: f64) -> f64 {
    f64::from(ticks) * cell_size_m / f64::from(TICKS_PER_CELL_SIZE)
}

/// The exact distance between two cells in free space where every cell costs `cost`, in ticks: the lattice's norm.
///
/// With `a ≥ b ≥ c` the absolute coordinate differences it is `ha · a + (2 · hd − ha) · b`, where `ha` and `hd` are
/// the halves of an axial and of a diagonal step: `b` diagonal steps, each along both longer axes and to and fro
/// along the shortest, then `(a − b) / 2` axial ones. No step gains more of the norm than its weight, as
/// `hd ≤ ha ≤ 2 · hd`, so no path is shorter: with the least cost of a map it bounds every distance in it from below,
/// and it is the tightest bound that knows that cost alone. At cost 1.0 it is `1560 · a + 1142 · b`.
///
/// For `cost` 0 (no open cell) it is 0.
///
/// # Example
/// ```
/// use octaflow::lattice::{Cell, UNIT_COST, free_distance_ticks};
/// let (a, b) = (Cell::new(0, 0, 0)?, Cell::new(5, 3, -1)?);
/// assert_eq!(free_distance_ticks(a, b, UNIT_COST), 3 * 2702 + 3120);
/// # Ok::<(), octaflow::lattice::LatticeError>(())
/// ```
#[inline]
pub const fn free_distance_ticks(from: Cell, to: Cell, cost: u16) -> u64 {
    let [dx, dy, dz] = [
        from.x().abs_diff(to.x()) as u64,
        from.y().abs_diff(to.y()) as u64,
        from.z().abs_diff(to.z()) as u64,
    ];
    let (low, high) = if dx < dy { (dx, dy) } else { (dy, dx) };
    let (a, b) = if dz > high {
        (dz, high)
    } else if dz > low {
        (high, dz)
    } else {
        (high, low)
    };
    let (ha, hd) = (axial_half(cost) as u64, diagonal_half(cost) as u64);
    ha * a + (2 * hd - ha) * b
}

/// [`free_distance_ticks`] to a goal, at a cost that none is below.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    /// The goal.
    pub to: [i32; 3],
    axial: u64,
    /// Two diagonal halves less an axial one.
    beside: u64,
}

impl Norm {
    /// To a goal in lattice coordinates.
    pub fn new(to: [i32; 3], least_cost: u16) -> Self {
        let (axial, diagonal) = (
            u64::from(axial_half(least_cost)),
            u64::from(diagonal_half(least_cost)),
        );
        Norm {
            to,
            axial,
            beside: 2 * diagonal - axial,
        }
    }

    /// From anywhere, in ticks: not less where an absolute coordinate difference is greater.
    #[inline(always)]
    pub fn from(&self, [x, y, z]: [i32; 3]) -> u64 {
        let (x, y, z) = (
            x.abs_diff(self.to[0]),
            y.abs_diff(self.to[1]),
            z.abs_diff(self.to[2]),
        );
        let (low, high) = (x.min(y), x.max(y));
        let (most, second) = (high.max(z), low.max(high.min(z)));
        self.axial * u64::from(most) + self.beside * u64::from(second)
    }
}
