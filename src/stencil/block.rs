//! Blocks: cubes of 4³ bricks with room for the rings of ghosts around them.
//!
//! ```text
//!  padded array of one parity: 32 + 2K cells an axis        a round of K = 2 steps
//!  ┌────────────────────┐                                   ghosts arrive     ████████
//!  │ K rings of ghosts  │   even cells first, then odd      first step      ┌─▓▓▓▓▓▓▓▓─┐  computes one ring too
//!  │  ┌──────────────┐  │   ones; x runs fastest            second step     └──░░░░░░──┘  computes what it owns
//!  │  │ 32³ own cells│  │
//!  │  └──────────────┘  │
//!  └────────────────────┘
//! ```
//!
//! A step of the 14-neighbourhood changes each index of a cell, among those of its parity, by at most one: so K rings lie
//! within K places of the padding, and each step within a round may compute one ring less. What it computes there is
//! what the neighbour computes for itself, to the bit.

use super::neighbourhood::{Ground, faces};
use super::sweep::{Room, Sweep};
use super::{Boundary, Kernel, Value};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::lattice::NEIGHBOURS;
use std::mem::take;
use std::ops::Range;

/// Bricks along an edge of a block, as a power of two.
pub const BLOCK_SHIFT: u32 = 2;

/// Bricks along an edge of a block.
pub(super) const BRICKS: i32 = 1 << BLOCK_SHIFT;

/// Cells of one parity along an edge of a block.
pub(super) const EDGE: usize = 8 * BRICKS as usize;

/// The most rings of ghosts: a brick beside the block holds them.
pub const MOST_RINGS: usize = 8;

/// The directions to the 26 blocks beside a block; `25 - d` is opposite to `d`.
pub(super) const WAYS: [[i32; 3]; 26] = ways();

/// Those of them that lie along x.
pub(super) const ENDS: [usize; 2] = [12, 13];

const fn ways() -> [[i32; 3]; 26] {
    let (mut ways, mut n, mut at) = ([[0; 3]; 26], 0, 0);
    while at < 27 {
        if at != 13 {
            ways[n] = [at % 3 - 1, at / 3 % 3 - 1, at / 9 - 1];
            n += 1;
        }
        at += 1;
    }
    ways
}

/// A part of a padded array: ranges of x, y and z.
pub(super) type Region = [Range<usize>; 3];

/// How many cells of both parities it has.
fn cells(region: &Region) -> usize {
    2 * region.iter().map(Range::len).product::<usize>()
}

/// What the open cells of a brick hold.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// The sum of the values in the order of their places.
    pub total: f64,
    pub least: f64,
    pub greatest: f64,
    /// Whether all values are finite.
    pub is_finite: bool,
}

impl Extent {
    const NOTHING: Self = Extent {
        total: 0.0,
        least: f64::INFINITY,
        greatest: f64::NEG_INFINITY,
        is_finite: true,
    };

    /// Adds the value of a cell if it is open. A blocked one adds 0, which changes no sum that began with 0.
    #[inline(always)]
    fn add(&mut self, value: f64, is_open: bool) {
        self.total += if is_open { value } else { 0.0 };
        let (low, high) = (value < self.least, value > self.greatest);
        self.least = if is_open & low { value } else { self.least };
        self.greatest = if is_open & high { value } else { self.greatest };
        self.is_finite &= !is_open | value.is_finite();
    }
}

/// One block's arrays.
pub(super) struct Block<V> {
    pub id: BrickId,
    rings: usize,
    pub now: Vec<V>,
    /// The values one step before, if the kernel keeps them; else empty.
    pub before: Vec<V>,
    faces: Vec<u8>,
    coefficients: Vec<V>,
    /// The bricks of the block that have open cells, by their place in it, a bit each.
    pub bricks: u64,
}

/// The block that a brick lies in.
pub fn block_of(brick: BrickId) -> BrickId {
    let [x, y, z] = brick.xyz().map(|c| c >> BLOCK_SHIFT);
    BrickId::new(x, y, z).expect("less than the brick's own coordinates")
}

/// A brick of a block, by its place on the Morton curve within it.
pub(super) fn brick_of(block: BrickId, place: u64) -> BrickId {
    BrickId::from_code(block.code() << (3 * BLOCK_SHIFT) | place).expect("a brick of the map")
}

impl<V: Value> Block<V> {
    /// A block of the map whose bricks' costs `costs` gives. With `coefficients` those are kept, from stored costs.
    pub fn new<'c>(
        id: BrickId,
        rings: usize,
        boundary: Boundary,
        costs: &dyn Fn(BrickId) -> Option<&'c Costs>,
        coefficients: Option<&dyn Fn(u16) -> V>,
    ) -> Self {
        let width = EDGE + 2 * rings;
        let cells = 2 * width.pow(3);
        let mut block = Block {
            id,
            rings,
            now: vec![V::default(); cells],
            before: Vec::new(),
            faces: vec![0; cells],
            coefficients: vec![V::default(); if coefficients.is_some() { cells } else { 0 }],
            bricks: 0,
        };
        for z in -1..=BRICKS {
            for y in -1..=BRICKS {
                for x in -1..=BRICKS {
                    block.load(&[x, y, z], costs, coefficients);
                }
            }
        }
        block.count_faces(boundary);
        block
    }

    fn load<'c>(
        &mut self,
        at: &[i32; 3],
        costs: &dyn Fn(BrickId) -> Option<&'c Costs>,
        coefficients: Option<&dyn Fn(u16) -> V>,
    ) {
        let corner = self.id.xyz().map(|c| c << BLOCK_SHIFT);
        let brick = BrickId::new(corner[0] + at[0], corner[1] + at[1], corner[2] + at[2]);
        let Some((brick, costs)) = brick.and_then(|b| Some((b, costs(b)?))) else {
            return;
        };
        let own = at.iter().all(|c| (0..BRICKS).contains(c));
        if own && costs.iter().any(|&c| c > 0) {
            self.bricks |= 1 << (brick.code() & 63);
        }
        for (place, &cost) in costs.iter().enumerate().filter(|c| *c.1 > 0) {
            if let Some(index) = self.index(at, place) {
                self.faces[index] = faces::OPEN;
                if let Some(coefficient) = coefficients {
                    self.coefficients[index] = coefficient(cost);
                }
            }
        }
    }

    /// Where a place of a brick lies in the arrays, if the rings reach so far; `at` is the brick's from the block's.
    #[inline]
    fn index(&self, at: &[i32; 3], place: usize) -> Option<usize> {
        let width = self.width();
        let inner = [place & 7, place >> 3 & 7, place >> 6 & 7];
        let mut padded = [0; 3];
        for a in 0..3 {
            padded[a] = (8 * at[a] + (inner[a] + self.rings) as i32) as usize;
            if padded[a] >= width {
                return None;
            }
        }
        let [i, j, k] = padded;
        Some((((place >> 9) * width + k) * width + j) * width + i)
    }

    fn width(&self) -> usize {
        EDGE + 2 * self.rings
    }

    /// Where the neighbours of even and of odd cells stand from them.
    fn offsets(rings: usize) -> [[isize; 14]; 2] {
        let width = (EDGE + 2 * rings) as isize;
        let (row, layer) = (width * width, width * width * width);
        [0, 1].map(|parity: isize| {
            NEIGHBOURS.map(|step| {
                let [x, y, z] = step.map(|c| c as isize);
                if x % 2 == 0 {
                    return (z * row + y * width + x) / 2;
                }
                // From an even cell the odd one at the same index lies above, from an odd one the even one below.
                let [i, j, k] = [x, y, z].map(|c| (c - 1) / 2 + parity);
                (1 - 2 * parity) * layer + k * row + j * width + i
            })
        })
    }

    /// Counts the faces of each open cell that conduct.
    fn count_faces(&mut self, boundary: Boundary) {
        let width = self.width();
        for (parity, offsets) in Self::offsets(self.rings).iter().enumerate() {
            let span = 1..width - 1;
            for (k, j) in span.clone().flat_map(|k| span.clone().map(move |j| (k, j))) {
                for i in span.clone() {
                    let at = ((parity * width + k) * width + j) * width + i;
                    if self.faces[at] == 0 {
                        continue;
                    }
                    let open = |step: usize| match boundary {
                        Boundary::Reflecting => {
                            self.faces[at.wrapping_add_signed(offsets[step])] >> 7
                        }
                        Boundary::Absorbing | Boundary::Fixed(_) => 1,
                    };
                    let (hexagons, squares) =
                        ((0..8).map(open).sum(), (8..14).map(open).sum::<u8>());
                    self.faces[at] = faces::of_open(hexagons, squares);
                }
            }
        }
    }

    /// The greatest sum of a cell's face coefficients, with harmonic means of the cells' own coefficients.
    pub fn greatest_conductance(&self) -> f64 {
        let (width, offsets) = (self.width(), Self::offsets(self.rings));
        let own = self.rings..self.rings + EDGE;
        let mut greatest = 0.0_f64;
        for (parity, offsets) in offsets.iter().enumerate() {
            for (k, j) in own.clone().flat_map(|k| own.clone().map(move |j| (k, j))) {
                for i in own.clone() {
                    let at = ((parity * width + k) * width + j) * width + i;
                    let mine = self.coefficients[at].to_f64();
                    let mut sum = 0.0;
                    for (step, offset) in offsets.iter().enumerate() {
                        let theirs = self.coefficients[at.wrapping_add_signed(*offset)].to_f64();
                        let face = if step < 8 {
                            super::HEXAGON
                        } else {
                            super::SQUARE
                        };
                        if mine > 0.0 && theirs > 0.0 {
                            sum += face * 2.0 * mine * theirs / (mine + theirs);
                        }
                    }
                    greatest = greatest.max(sum);
                }
            }
        }
        greatest
    }

    /// The rows of eight own cells of a brick, by its place in the block: index in the arrays and place in the brick of
    /// the first.
    fn rows_of_brick(&self, place: u64) -> impl Iterator<Item = (usize, usize)> + use<V> {
        let [x, y, z] = brick_of(self.id, place).xyz().map(|c| c & (BRICKS - 1));
        let first = self
            .index(&[x, y, z], 0)
            .expect("own cells lie in the arrays");
        let width = self.width();
        (0..BRICK_CELLS / 8).map(move |row| {
            let (parity, k, j) = (row >> 6, row >> 3 & 7, row & 7);
            (first + ((parity * width + k) * width + j) * width, 8 * row)
        })
    }

    /// What the bricks of the block hold, by their places in it.
    ///
    /// The bricks of a row are summed side by side, as each addition of a brick waits for the one before.
    pub fn extents(&self) -> [Extent; 64] {
        let mut extents = [Extent::NOTHING; 64];
        let corner = self.id.xyz().map(|c| c << BLOCK_SHIFT);
        for (z, y) in (0..BRICKS).flat_map(|z| (0..BRICKS).map(move |y| (z, y))) {
            let places: [u64; BRICKS as usize] = std::array::from_fn(|x| {
                let brick = BrickId::new(corner[0] + x as i32, corner[1] + y, corner[2] + z);
                brick.expect("a brick of the map").code() & 63
            });
            let mut row = [Extent::NOTHING; BRICKS as usize];
            for (at, _) in self.rows_of_brick(places[0]) {
                let values = self.now[at..at + EDGE].as_chunks::<8>().0;
                let faces = self.faces[at..at + EDGE].as_chunks::<8>().0;
                for i in 0..8 {
                    for (b, extent) in row.iter_mut().enumerate() {
                        extent.add(values[b][i].to_f64(), faces[b][i] != 0);
                    }
                }
            }
            for (place, extent) in places.into_iter().zip(row) {
                extents[place as usize] = extent;
            }
        }
        extents
    }

    /// The own places of a brick, by its place in the block: index in the arrays, place in the brick; open cells alone.
    pub fn open_cells(&self, place: u64) -> impl Iterator<Item = (usize, usize)> {
        let cells = self
            .rows_of_brick(place)
            .flat_map(|(index, local)| (0..8).map(move |i| (index + i, local + i)));
        cells.filter(|c| self.faces[c.0] != 0)
    }

    /// True if the cell at an index of the arrays is open.
    pub fn is_open(&self, index: usize) -> bool {
        self.faces[index] != 0
    }

    /// Copies what the block beside it in direction `way` has as ghosts of `rings` rings to `to`.
    pub fn mirror(&self, way: usize, rings: usize, to: &mut [V]) {
        let (low, high) = (self.rings, self.rings + EDGE);
        let region = WAYS[way].map(|d| match d {
            -1 => low..low + rings,
            0 => low..high,
            _ => high - rings..high,
        });
        let values = cells(&region);
        for (array, to) in [&self.now, &self.before]
            .into_iter()
            .zip(to.chunks_exact_mut(values))
        {
            self.copy_out(array, &region, to);
        }
    }

    /// Fills `rings` rings of ghosts in direction `way` with what [`Block::mirror`] gave there.
    pub fn fill_ghosts(&mut self, way: usize, rings: usize, from: &[V]) {
        let region = self.ghosts(way, rings);
        let (mut now, mut before) = (take(&mut self.now), take(&mut self.before));
        let slabs = from.chunks_exact(cells(&region));
        for (array, from) in [&mut now, &mut before].into_iter().zip(slabs) {
            self.copy_in(array, &region, from);
        }
        (self.now, self.before) = (now, before);
    }

    /// Fills the ghosts at both ends of all rows. They lie in most of the cache lines of the block: in one pass over them
    /// the lines are fetched ahead, in two they are waited for one by one.
    pub fn fill_ends(&mut self, rings: usize, from: [&[V]; 2]) {
        match rings {
            1 => self.fill_ends_of::<1>(from),
            2 => self.fill_ends_of::<2>(from),
            4 => self.fill_ends_of::<4>(from),
            _ => {
                for (way, from) in ENDS.into_iter().zip(from) {
                    self.fill_ghosts(way, rings, from);
                }
            }
        }
    }

    fn fill_ends_of<const N: usize>(&mut self, [low, high]: [&[V]; 2]) {
        let [left, y, z] = self.ghosts(ENDS[0], N);
        let right = left.start + N + EDGE;
        let width = self.width();
        let values = cells(&[left.clone(), y.clone(), z.clone()]);
        let arrays = [&mut self.now, &mut self.before]
            .into_iter()
            .filter(|a| !a.is_empty());
        let slabs = low.chunks_exact(values).zip(high.chunks_exact(values));
        for (array, (low, high)) in arrays.zip(slabs) {
            let mut ends = low.as_chunks::<N>().0.iter().zip(high.as_chunks::<N>().0);
            for layer in [0, width]
                .into_iter()
                .flat_map(|p| z.clone().map(move |k| p + k))
            {
                let rows = &mut array[layer * width * width..][..width * width];
                let rows = rows.chunks_exact_mut(width).skip(y.start).take(EDGE);
                for (row, (low, high)) in rows.zip(&mut ends) {
                    row[left.start..left.start + N].copy_from_slice(low);
                    row[right..right + N].copy_from_slice(high);
                }
            }
        }
    }

    fn ghosts(&self, way: usize, rings: usize) -> Region {
        let (low, high) = (self.rings, self.rings + EDGE);
        WAYS[way].map(|d| match d {
            -1 => low - rings..low,
            0 => low..high,
            _ => high..high + rings,
        })
    }

    /// Calls `visit` with where each row of a region begins, of both parities, and where it does among the region's
    /// values.
    #[inline(always)]
    fn each_row(&self, [x, y, z]: &Region, mut visit: impl FnMut(usize, usize)) {
        let (width, mut values) = (self.width(), 0);
        for parity in 0..2 {
            for k in z.clone() {
                let layer = (parity * width + k) * width;
                for j in y.clone() {
                    visit((layer + j) * width + x.start, values);
                    values += x.len();
                }
            }
        }
    }

    /// Copies a region of an array to `to`, row by row.
    fn copy_out(&self, array: &[V], region: &Region, to: &mut [V]) {
        // Most rows of a side are one or two cells long: a call for each would take longer than all the rest.
        match region[0].len() {
            1 => self.copy_out_rows::<1>(array, region, to),
            2 => self.copy_out_rows::<2>(array, region, to),
            4 => self.copy_out_rows::<4>(array, region, to),
            EDGE => self.copy_out_rows::<EDGE>(array, region, to),
            n => self.each_row(region, |row, at| {
                to[at..at + n].copy_from_slice(&array[row..row + n]);
            }),
        }
    }

    fn copy_out_rows<const N: usize>(&self, array: &[V], region: &Region, to: &mut [V]) {
        self.each_row(region, |row, at| {
            to[at..at + N].copy_from_slice(&array[row..row + N]);
        });
    }

    /// Fills a region of an array from values that [`Block::copy_out`] gave.
    fn copy_in(&self, array: &mut [V], region: &Region, from: &[V]) {
        match region[0].len() {
            1 => self.copy_in_rows::<1>(array, region, from),
            2 => self.copy_in_rows::<2>(array, region, from),
            4 => self.copy_in_rows::<4>(array, region, from),
            EDGE => self.copy_in_rows::<EDGE>(array, region, from),
            n => self.each_row(region, |row, at| {
                array[row..row + n].copy_from_slice(&from[at..at + n]);
            }),
        }
    }

    fn copy_in_rows<const N: usize>(&self, array: &mut [V], region: &Region, from: &[V]) {
        self.each_row(region, |row, at| {
            array[row..row + N].copy_from_slice(&from[at..at + N]);
        });
    }

    /// Does a round of steps, whose ghosts are there.
    pub fn round<K: Kernel<Value = V>>(
        &mut self,
        kernel: &K,
        steps: usize,
        outside: V,
        room: &mut Room<V>,
    ) {
        let sweep = Sweep {
            kernel,
            padding: self.rings,
            ground: Ground {
                faces: &self.faces,
                coefficients: &self.coefficients,
            },
            outside,
        };
        sweep.run(steps, &mut self.now, &mut self.before, room);
    }
}
