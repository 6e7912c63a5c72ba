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

use super::neighbourhood::{Arrays, Line, Offsets};
use super::{Boundary, Kernel, Value};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::lattice::NEIGHBOURS;
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

/// One block's arrays.
pub(super) struct Block<V> {
    pub id: BrickId,
    rings: usize,
    pub now: Vec<V>,
    /// The values one step before, if the kernel keeps them; else empty.
    pub before: Vec<V>,
    open: Vec<u8>,
    hexagons: Vec<u8>,
    squares: Vec<u8>,
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
            open: vec![0; cells],
            hexagons: vec![0; cells],
            squares: vec![0; cells],
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
                self.open[index] = 1;
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
    pub fn offsets(rings: usize) -> [Offsets; 2] {
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
                    if self.open[at] == 0 {
                        continue;
                    }
                    let open = |step: usize| match boundary {
                        Boundary::Reflecting => self.open[at.wrapping_add_signed(offsets[step])],
                        Boundary::Absorbing | Boundary::Fixed(_) => 1,
                    };
                    let (hexagons, squares) =
                        ((0..8).map(open).sum(), (8..14).map(open).sum::<u8>());
                    (self.hexagons[at], self.squares[at]) = (hexagons, squares);
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

    /// The own places of a brick, by its place in the block: index in the arrays, place in the brick; open cells alone.
    pub fn open_cells(&self, place: u64) -> impl Iterator<Item = (usize, usize)> {
        let [x, y, z] = brick_of(self.id, place).xyz().map(|c| c & (BRICKS - 1));
        (0..BRICK_CELLS).filter_map(move |local| {
            let index = self
                .index(&[x, y, z], local)
                .expect("own cells lie in the arrays");
            (self.open[index] != 0).then_some((index, local))
        })
    }

    /// The part of the arrays that the block beside it in direction `way` has as ghosts of `rings` rings.
    pub fn mirrors(&self, way: usize, rings: usize) -> Region {
        let (low, high) = (self.rings, self.rings + EDGE);
        WAYS[way].map(|d| match d {
            -1 => low..low + rings,
            0 => low..high,
            _ => high - rings..high,
        })
    }

    /// The part of the arrays that holds `rings` rings of ghosts of the block in direction `way`.
    pub fn ghosts(&self, way: usize, rings: usize) -> Region {
        let (low, high) = (self.rings, self.rings + EDGE);
        WAYS[way].map(|d| match d {
            -1 => low - rings..low,
            0 => low..high,
            _ => high..high + rings,
        })
    }

    /// Where the rows of a region begin, of both parities.
    fn rows(&self, [x, y, z]: Region) -> impl Iterator<Item = usize> + use<V> {
        let width = self.width();
        [0, 1].into_iter().flat_map(move |parity| {
            let (x, y) = (x.start, y.clone());
            z.clone().flat_map(move |k| {
                y.clone()
                    .map(move |j| ((parity * width + k) * width + j) * width + x)
            })
        })
    }

    /// Appends a region of an array to `to`.
    pub fn copy_out(&self, array: &[V], region: Region, to: &mut Vec<V>) {
        let length = region[0].len();
        for row in self.rows(region) {
            let row = &array[row..row + length];
            match row {
                // Most rows of a side are one cell long: a call for each would take longer than all the rest.
                [one] => to.push(*one),
                row => to.extend_from_slice(row),
            }
        }
    }

    /// Fills a region of an array from values that [`Block::copy_out`] made.
    pub fn copy_in(&self, array: &mut [V], region: Region, from: &[V]) {
        let length = region[0].len();
        for (row, values) in self.rows(region).zip(from.chunks_exact(length)) {
            match (&mut array[row..row + length], values) {
                ([to], [one]) => *to = *one,
                (to, values) => to.copy_from_slice(values),
            }
        }
    }

    /// Fills a region of an array with one value.
    pub fn fill(&self, array: &mut [V], region: Region, value: V) {
        let length = region[0].len();
        for row in self.rows(region) {
            array[row..row + length].fill(value);
        }
    }

    /// Computes a step on the own cells and `margin` rings around them, into `next`.
    pub fn step<K: Kernel<Value = V>>(
        &self,
        kernel: &K,
        margin: usize,
        outside: V,
        next: &mut [V],
    ) {
        let arrays = Arrays {
            now: &self.now,
            open: &self.open,
            hexagons: &self.hexagons,
            squares: &self.squares,
            coefficients: &self.coefficients,
        };
        let sweep = Sweep {
            width: self.width(),
            span: self.rings - margin..self.rings + EDGE + margin,
            offsets: Self::offsets(self.rings),
            outside,
        };
        sweep.run(kernel, arrays, next);
    }
}

/// A step over a part of a block.
struct Sweep<V> {
    width: usize,
    /// What is computed of each axis. Along x whole rows are: what that leaves beside the span is never read.
    span: Range<usize>,
    offsets: [Offsets; 2],
    outside: V,
}

impl<V: Value> Sweep<V> {
    fn run<K: Kernel<Value = V>>(&self, kernel: &K, arrays: Arrays<'_, V>, next: &mut [V]) {
        for (parity, offsets) in self.offsets.iter().enumerate() {
            for k in self.span.clone() {
                let row = |j: usize| ((parity * self.width + k) * self.width + j) * self.width;
                let (start, end) = (row(self.span.start), row(self.span.end));
                let next = &mut next[start..end];
                if arrays.open[start..end].iter().all(|&open| open == 0) {
                    next.fill(self.outside);
                    continue;
                }
                let line = Line::new::<K>(&arrays, offsets, start, end - start);
                step_line(kernel, &line, self.outside, next);
            }
        }
    }
}

/// [`Line::step`], compiled for AVX2 and for what every machine has: the bits are the same.
fn step_line<V: Value, K: Kernel<Value = V>>(
    kernel: &K,
    line: &Line<'_, V>,
    outside: V,
    next: &mut [V],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2<V: Value, K: Kernel<Value = V>>(
            kernel: &K,
            line: &Line<'_, V>,
            outside: V,
            next: &mut [V],
        ) {
            line.step(kernel, outside, next);
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the only requirement of `with_avx2` is that the processor has AVX2, as just seen.
            return unsafe { with_avx2(kernel, line, outside, next) };
        }
    }
    line.step(kernel, outside, next);
}
