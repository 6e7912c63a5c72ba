//! The sweeps over a tile: relax, retract, label, next.
//!
//! Morally each of them performs, for every cell `v` with neighbours `u`, until nothing changes,
//!
//! ```text
//! relax    d(v) = min(d(v), seed(v), min over u of d(u) + w(u, v))
//! retract  d(v) = ∞ unless seed(v) ≤ d(v) or some u has d(u) + w(u, v) ≤ d(v)
//! label    l(v) = min(label of v's own source if d(v) = 0, min of l(u) over u with d(u) + w(u, v) = d(v))
//! ```
//!
//! but a row of eight cells at a time, and only rows beside which something changed. Every sweep is compiled twice,
//! for AVX2 and for what every machine has, from one source: the bits are the same.

use super::shell::{GHOSTS, Rows, SUM_WORDS};
use super::tile::{
    self, Lanes, NO_LABEL, Padded, Ticks, Tile, add, any, axial_neighbours, diagonal_neighbours,
    lanes, min, padded_row,
};
use crate::brick::Costs;
use crate::lattice::{UNREACHED, axial_half, diagonal_half};

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    /// The rows that changed.
    pub changed: Rows,
    /// The greatest finite distance that was written, in ticks.
    pub greatest: u32,
    /// How many rows were computed.
    pub rows: u32,
}

/// The step to the next hop's index of a source itself, or of an unreached cell.
pub const NO_NEXT: i8 = -1;

/// Declares a kernel that picks its AVX2 compilation at run time.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident, $plain:ident, ($($arg:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub(super) fn $name($($arg: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($arg: $type),*) -> $result {
                    $plain($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the only requirement of `with_avx2` is that the processor has AVX2, as just seen.
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            $plain($($arg),*)
        }
    };
}

dispatch! {
    /// Loads a brick and lowers distances from the rows `dirty` until nothing changes.
    relax, plain_relax, (tile: &mut Tile, costs: &Costs, ticks: &mut Ticks, shell: &[u32; SUM_WORDS], dirty: Rows) -> Swept
}

dispatch! {
    /// As [`relax`], but leaves distances alone that are above the limits.
    relax_below, plain_relax_below, (tile: &mut Tile, costs: &Costs, ticks: &mut Ticks, shell: &[u32; SUM_WORDS], dirty: Rows, limits: Limits<'_>) -> Swept
}

dispatch! {
    /// Loads a brick and makes unsupported distances infinite from the rows `dirty` until nothing changes.
    retract, plain_retract, (tile: &mut Tile, costs: &Costs, ticks: &mut Ticks, shell: &[u32; SUM_WORDS], dirty: Rows) -> Swept
}

dispatch! {
    /// Loads a brick and gives the least distance that its rows `dirty` would be lowered to, if any would.
    probe, plain_probe, (tile: &mut Tile, costs: &Costs, ticks: &Ticks, shell: &[u32; SUM_WORDS], dirty: Rows) -> Option<u32>
}

dispatch! {
    /// Loads a brick and derives labels from the rows `dirty` until nothing changes; `seeds` are the labels of
    /// the brick's own sources.
    label, plain_label, (tile: &mut Tile, costs: &Costs, ticks: &Ticks, shell: &[u32; SUM_WORDS], labels: LabelView<'_>, dirty: Rows) -> Swept
}

dispatch! {
    /// Loads a brick and gives the next hop of each cell: the first neighbour, in the fixed order, whose distance
    /// plus the step is the cell's own; [`NO_NEXT`] at sources and unreached cells.
    next, plain_next, (tile: &mut Tile, costs: &Costs, ticks: &Ticks, shell: &[u32; SUM_WORDS]) -> [i8; 1024]
}

dispatch! {
    /// Loads a brick and gives what each cell would be offered by its neighbours if it cost `least`.
    offered, plain_offered, (tile: &mut Tile, costs: &Costs, ticks: &Ticks, shell: &[u32; SUM_WORDS], least: u16) -> Box<Ticks>
}

/// What limits the distances of a brick that may matter.
pub(super) struct Limits<'a> {
    /// None above this matters.
    pub most: u32,
    /// Where the distance from another side is known, the sum of both must not be above this;
    pub bound: u32,
    /// it is if it is below this,
    pub closed: u32,
    /// these are the distances.
    pub theirs: Option<&'a Ticks>,
}

/// The labels that a label sweep reads and writes.
pub(super) struct LabelView<'a> {
    pub padded: &'a mut Padded,
    pub own: &'a mut Ticks,
    pub shell: &'a [u32; GHOSTS],
    pub seeds: &'a Ticks,
}

/// What a sweep does with one row. (A trait and not closures: closures would not be compiled for AVX2.)
trait RowKernel {
    /// Computes row `row` of parity `P`; true if it changed.
    fn compute<const P: usize>(&mut self, row: usize) -> bool;
}

/// Computes dirty rows, even ones upwards then odd ones, and what depends on rows that changed, until none is left.
#[inline(always)]
fn sweep(kernel: &mut impl RowKernel, mut dirty: Rows) -> Swept {
    let mut swept = Swept::default();
    while !dirty.is_empty() {
        for parity in 0..2 {
            let mut ahead = !0;
            while dirty.0[parity] & ahead != 0 {
                let row = (dirty.0[parity] & ahead).trailing_zeros() as usize;
                dirty.0[parity] &= !(1 << row);
                ahead = (!0 << row) << 1;
                swept.rows += 1;
                let changed = if parity == 0 {
                    kernel.compute::<0>(row)
                } else {
                    kernel.compute::<1>(row)
                };
                if changed {
                    let mut rows = Rows::NONE;
                    rows.0[parity] = 1 << row;
                    swept.changed.insert(rows);
                    dirty.insert(rows.dependents());
                }
            }
        }
    }
    swept
}

/// The least diagonal sums and the least axial ones of the neighbours of the row at padded offset `at`.
#[inline(always)]
fn least_beside<const P: usize>(tile: &Tile, at: usize) -> [Lanes; 2] {
    let diagonal = diagonal_neighbours::<P>(&tile.diagonal, at);
    let axial = axial_neighbours(&tile.axial, at);
    [
        diagonal.into_iter().reduce(min).expect("eight"),
        axial.into_iter().reduce(min).expect("six"),
    ]
}

#[inline(always)]
fn candidates<const P: usize>(tile: &Tile, row: usize) -> Lanes {
    let (at, cell) = (padded_row(P, row), P << 9 | row << 3);
    let [diagonal, axial] = least_beside::<P>(tile, at);
    let by_diagonal = add(diagonal, lanes(&tile.diagonal_half, cell));
    let by_axial = add(axial, lanes(&tile.axial_half, cell));
    min(min(by_diagonal, by_axial), lanes(&tile.seed, cell))
}

#[inline(always)]
fn store<const P: usize>(tile: &mut Tile, ticks: &mut Ticks, row: usize, new: Lanes) {
    let cell = P << 9 | row << 3;
    ticks[cell..cell + 8].copy_from_slice(&new);
    let (diagonal_half, axial_half) = (
        lanes(&tile.diagonal_half, cell),
        lanes(&tile.axial_half, cell),
    );
    tile.store_sums(padded_row(P, row), new, diagonal_half, axial_half);
}

struct Relax<'a> {
    tile: &'a mut Tile,
    ticks: &'a mut Ticks,
    greatest: Lanes,
}

impl RowKernel for Relax<'_> {
    #[inline(always)]
    fn compute<const P: usize>(&mut self, row: usize) -> bool {
        let own = lanes(self.ticks, P << 9 | row << 3);
        let new = min(own, candidates::<P>(self.tile, row));
        let changed = any(std::array::from_fn(|i| new[i] != own[i]));
        if changed {
            store::<P>(self.tile, self.ticks, row, new);
            self.greatest = std::array::from_fn(|i| {
                let finite = if new[i] == UNREACHED { 0 } else { new[i] };
                self.greatest[i].max(finite)
            });
        }
        changed
    }
}

struct RelaxBelow<'a> {
    tile: &'a mut Tile,
    ticks: &'a mut Ticks,
    limits: Limits<'a>,
}

impl RowKernel for RelaxBelow<'_> {
    #[inline(always)]
    fn compute<const P: usize>(&mut self, row: usize) -> bool {
        let cell = P << 9 | row << 3;
        let own = lanes(self.ticks, cell);
        let Limits {
            most,
            bound,
            closed,
            theirs,
        } = self.limits;
        let mut limits = [most; 8];
        if let Some(theirs) = theirs {
            let theirs = lanes(theirs, cell);
            limits = std::array::from_fn(|i| {
                if theirs[i] < closed {
                    bound.saturating_sub(theirs[i])
                } else {
                    most
                }
            });
        }
        let offered = candidates::<P>(self.tile, row);
        let new: Lanes = std::array::from_fn(|i| {
            if offered[i] <= limits[i] {
                own[i].min(offered[i])
            } else {
                own[i]
            }
        });
        let changed = any(std::array::from_fn(|i| new[i] != own[i]));
        if changed {
            store::<P>(self.tile, self.ticks, row, new);
        }
        changed
    }
}

struct Retract<'a> {
    tile: &'a mut Tile,
    ticks: &'a mut Ticks,
}

impl RowKernel for Retract<'_> {
    #[inline(always)]
    fn compute<const P: usize>(&mut self, row: usize) -> bool {
        let own = lanes(self.ticks, P << 9 | row << 3);
        let support = candidates::<P>(self.tile, row);
        let new: Lanes = std::array::from_fn(|i| {
            if support[i] <= own[i] {
                own[i]
            } else {
                UNREACHED
            }
        });
        let changed = any(std::array::from_fn(|i| new[i] != own[i]));
        if changed {
            store::<P>(self.tile, self.ticks, row, new);
        }
        changed
    }
}

#[inline(always)]
fn plain_relax(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &mut Ticks,
    shell: &[u32; SUM_WORDS],
    dirty: Rows,
) -> Swept {
    tile.load(costs, ticks, shell);
    let mut kernel = Relax {
        tile,
        ticks,
        greatest: [0; 8],
    };
    let swept = sweep(&mut kernel, dirty);
    let greatest = kernel.greatest.into_iter().max().unwrap_or(0);
    Swept { greatest, ..swept }
}

#[inline(always)]
fn plain_relax_below(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &mut Ticks,
    shell: &[u32; SUM_WORDS],
    dirty: Rows,
    limits: Limits<'_>,
) -> Swept {
    tile.load(costs, ticks, shell);
    sweep(
        &mut RelaxBelow {
            tile,
            ticks,
            limits,
        },
        dirty,
    )
}

#[inline(always)]
fn plain_retract(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &mut Ticks,
    shell: &[u32; SUM_WORDS],
    dirty: Rows,
) -> Swept {
    tile.load(costs, ticks, shell);
    sweep(&mut Retract { tile, ticks }, dirty)
}

#[inline(always)]
fn plain_probe(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &Ticks,
    shell: &[u32; SUM_WORDS],
    dirty: Rows,
) -> Option<u32> {
    tile.load(costs, ticks, shell);
    let mut least = [UNREACHED; 8];
    for parity in 0..2 {
        let mut rows = dirty.0[parity];
        while rows != 0 {
            let row = rows.trailing_zeros() as usize;
            rows &= rows - 1;
            let own = lanes(ticks, parity << 9 | row << 3);
            let offered = if parity == 0 {
                candidates::<0>(tile, row)
            } else {
                candidates::<1>(tile, row)
            };
            least = std::array::from_fn(|i| {
                if offered[i] < own[i] {
                    least[i].min(offered[i])
                } else {
                    least[i]
                }
            });
        }
    }
    least.into_iter().min().filter(|&l| l < UNREACHED)
}

struct Label<'a, 'b> {
    tile: &'a Tile,
    ticks: &'a Ticks,
    labels: LabelView<'b>,
}

impl RowKernel for Label<'_, '_> {
    #[inline(always)]
    fn compute<const P: usize>(&mut self, row: usize) -> bool {
        let (at, cell) = (padded_row(P, row), P << 9 | row << 3);
        let own_ticks = lanes(self.ticks, cell);
        let seeds = lanes(self.labels.seeds, cell);
        let mut new: Lanes = std::array::from_fn(|i| {
            if own_ticks[i] == 0 {
                seeds[i]
            } else {
                NO_LABEL
            }
        });
        let half = lanes(&self.tile.diagonal_half, cell);
        let sums = diagonal_neighbours::<P>(&self.tile.diagonal, at);
        let offered = diagonal_neighbours::<P>(self.labels.padded, at);
        for n in 0..8 {
            new = min(new, tight(sums[n], half, own_ticks, offered[n]));
        }
        let half = lanes(&self.tile.axial_half, cell);
        let sums = axial_neighbours(&self.tile.axial, at);
        let offered = axial_neighbours(self.labels.padded, at);
        for n in 0..6 {
            new = min(new, tight(sums[n], half, own_ticks, offered[n]));
        }
        let new: Lanes = std::array::from_fn(|i| {
            if own_ticks[i] == UNREACHED {
                NO_LABEL
            } else {
                new[i]
            }
        });
        let old = lanes(self.labels.own, cell);
        let changed = any(std::array::from_fn(|i| new[i] != old[i]));
        if changed {
            self.labels.own[cell..cell + 8].copy_from_slice(&new);
            self.labels.padded[at..at + 8].copy_from_slice(&new);
        }
        changed
    }
}

/// What neighbours offer where the step from them is tight: where their distance and the step make the own one.
#[inline(always)]
fn tight(sums: Lanes, half: Lanes, own: Lanes, offered: Lanes) -> Lanes {
    let reached = add(sums, half);
    std::array::from_fn(|i| {
        if reached[i] == own[i] {
            offered[i]
        } else {
            NO_LABEL
        }
    })
}

#[inline(always)]
fn plain_label(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &Ticks,
    shell: &[u32; SUM_WORDS],
    labels: LabelView<'_>,
    dirty: Rows,
) -> Swept {
    tile.load(costs, ticks, shell);
    tile::load_labels(labels.padded, labels.own, labels.shell);
    let mut kernel = Label {
        tile,
        ticks,
        labels,
    };
    sweep(&mut kernel, dirty)
}

#[inline(always)]
fn next_row<const P: usize>(tile: &Tile, ticks: &Ticks, row: usize, into: &mut [i8; 1024]) {
    let (at, cell) = (padded_row(P, row), P << 9 | row << 3);
    let own = lanes(ticks, cell);
    let (diagonal_half, axial_half) = (
        lanes(&tile.diagonal_half, cell),
        lanes(&tile.axial_half, cell),
    );
    let diagonal = diagonal_neighbours::<P>(&tile.diagonal, at);
    let axial = axial_neighbours(&tile.axial, at);
    let mut found = [NO_NEXT as u32; 8];
    let mut offer = |step: u32, sums: Lanes, half: Lanes| {
        found = std::array::from_fn(|i| {
            let tight = sums[i].wrapping_add(half[i]) == own[i];
            if tight { step } else { found[i] }
        });
    };
    // The last written wins, so the order is the fixed one backwards. The windows ascend by z, y, x; the fixed
    // order descends by x, y, z.
    for step in (0..6).rev() {
        offer(8 + step as u32, axial[step], axial_half);
    }
    for step in (0..8).rev() {
        let window = (step & 4 == 0) as usize
            | ((step & 2 == 0) as usize) << 1
            | ((step & 1 == 0) as usize) << 2;
        offer(step as u32, diagonal[window], diagonal_half);
    }
    for i in 0..8 {
        let settled = own[i] == 0 || own[i] == UNREACHED;
        into[cell + i] = if settled { NO_NEXT } else { found[i] as i8 };
    }
}

#[inline(always)]
fn plain_next(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &Ticks,
    shell: &[u32; SUM_WORDS],
) -> [i8; 1024] {
    tile.load(costs, ticks, shell);
    let mut steps = [NO_NEXT; 1024];
    for row in 0..64 {
        next_row::<0>(tile, ticks, row, &mut steps);
        next_row::<1>(tile, ticks, row, &mut steps);
    }
    steps
}

#[inline(always)]
fn plain_offered(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &Ticks,
    shell: &[u32; SUM_WORDS],
    least: u16,
) -> Box<Ticks> {
    tile.load(costs, ticks, shell);
    let mut all = Box::new([UNREACHED; 1024]);
    for row in 0..64 {
        let even = offered_to::<0>(tile, row, least);
        let odd = offered_to::<1>(tile, row, least);
        all[row << 3..][..8].copy_from_slice(&even);
        all[512 + (row << 3)..][..8].copy_from_slice(&odd);
    }
    all
}

#[inline(always)]
fn offered_to<const P: usize>(tile: &Tile, row: usize, least: u16) -> Lanes {
    let at = padded_row(P, row);
    let [diagonal, axial] = least_beside::<P>(tile, at);
    let halves = [diagonal_half(least), axial_half(least)].map(|half| [half; 8]);
    min(add(diagonal, halves[0]), add(axial, halves[1]))
}

/// An open, unreached cell beside a reached one, as an index into the brick: at the fixed point, one whose distance
/// would be too great to be written.
pub(super) fn overflow(
    tile: &mut Tile,
    costs: &Costs,
    ticks: &Ticks,
    shell: &[u32; SUM_WORDS],
) -> Option<usize> {
    tile.load(costs, ticks, shell);
    let beside = |parity: usize, row: usize| {
        let at = padded_row(parity, row);
        let diagonal = if parity == 0 {
            diagonal_neighbours::<0>(&tile.diagonal, at)
        } else {
            diagonal_neighbours::<1>(&tile.diagonal, at)
        };
        let axial = axial_neighbours(&tile.axial, at);
        (diagonal.into_iter().chain(axial))
            .reduce(min)
            .expect("fourteen")
    };
    (0..1024).find(|&cell| {
        let reached_beside = beside(cell >> 9, cell >> 3 & 63)[cell & 7] != UNREACHED;
        costs[cell] > 0 && ticks[cell] == UNREACHED && reached_beside
    })
}

#[cfg(test)]
mod tests;
