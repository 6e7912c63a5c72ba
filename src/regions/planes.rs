//! Sets of cells of one brick as bits, and the pieces into which a brick's open cells fall.

use crate::brick::{FIRST_OF_ROWS as I0, Planes, compress};

/// The bits with i = 7.
const I7: u64 = I0 << 7;

/// The planes that hold neighbours of plane `parity · 8 + k`, a bit each: those beside it of its own parity, and of
/// the other parity the two that it lies between.
const BESIDE: [u16; 16] = {
    let mut table = [0; 16];
    let mut k = 0;
    while k < 8 {
        let axial = (1u16 << k >> 1 | 1 << k << 1) & 0xff;
        table[k] = axial | (1 << k | 1 << k >> 1) << 8;
        table[8 + k] = axial << 8 | (1 << k | 1 << k << 1) & 0xff;
        k += 1;
    }
    table
};

/// What regions ask of sets of cells.
impl Planes {
    /// The index of the first place in the set.
    pub(super) fn first(&self) -> Option<u16> {
        let planes = self.0.as_flattened();
        let plane = planes.iter().position(|&plane| plane != 0)?;
        Some((plane << 6) as u16 | planes[plane].trailing_zeros() as u16)
    }

    /// The cells of this set that paths within it join to the cell with index `from`, which is in it.
    pub(super) fn flood(&self, from: u16) -> Planes {
        let open = self.0.as_flattened();
        let mut reached = [0u64; 16];
        let start = usize::from(from >> 6);
        reached[start] = fill(1 << (from & 63), open[start]);
        let mut pending = BESIDE[start];
        while pending != 0 {
            let plane = pending.trailing_zeros() as usize;
            pending &= pending - 1;
            let offered = offered(&reached, plane) & open[plane] & !reached[plane];
            if offered != 0 {
                reached[plane] = fill(reached[plane] | offered, open[plane]);
                pending |= BESIDE[plane];
            }
        }
        let mut planes = Planes::NONE;
        planes.0.as_flattened_mut().copy_from_slice(&reached);
        planes
    }

    fn without(&self, other: &Planes) -> Planes {
        let parity = |p: usize| std::array::from_fn(|k| self.0[p][k] & !other.0[p][k]);
        Planes([parity(0), parity(1)])
    }

    /// The cells of one parity in the layers that `at` fixes: bit `u + 8 · v` where two axes are free (u along the
    /// first of them, v along the second), bit `u` where one is, bit 0 where none is. One axis at least is fixed.
    pub(super) fn layer(&self, parity: usize, at: [Option<u32>; 3]) -> u64 {
        let [i, j, k] = at;
        let planes = &self.0[parity];
        if let Some(k) = k {
            return in_plane(planes[k as usize], i, j);
        }
        let stride = if i.is_some() && j.is_some() { 1 } else { 8 };
        let rows = planes.iter().enumerate();
        rows.fold(0, |bits, (k, &plane)| {
            bits | in_plane(plane, i, j) << (stride * k)
        })
    }
}

/// The bits of a plane with the given i, the given j, both or neither, without gaps.
#[inline]
fn in_plane(plane: u64, i: Option<u32>, j: Option<u32>) -> u64 {
    match (i, j) {
        (None, None) => plane,
        (Some(i), None) => compress(plane >> i),
        (None, Some(j)) => plane >> (8 * j) & 0xff,
        (Some(i), Some(j)) => plane >> (8 * j + i) & 1,
    }
}

/// The bits of a plane beside those of the planes around it.
fn offered(reached: &[u64; 16], plane: usize) -> u64 {
    let (parity, k) = (plane >> 3, plane & 7);
    let at = |parity: usize, k: usize| if k < 8 { reached[8 * parity + k] } else { 0 };
    let (below, above) = (k.wrapping_sub(1), k + 1);
    let axial = at(parity, below) | at(parity, above);
    if parity == 0 {
        axial | up(at(1, k) | at(1, below))
    } else {
        axial | down(at(0, k) | at(0, above))
    }
}

/// The bits of `open` that axial steps within one plane join to `bits`, and these.
fn fill(mut bits: u64, open: u64) -> u64 {
    loop {
        let beside = (bits & !I7) << 1 | (bits & !I0) >> 1 | bits << 8 | bits >> 8;
        let more = bits | beside & open;
        if more == bits {
            return bits;
        }
        bits = more;
    }
}

/// The bits one step up on either axis of a layer or both, and the bits themselves: the even cells beside odd ones.
pub(super) const fn up(bits: u64) -> u64 {
    let bits = bits | (bits & !I7) << 1;
    bits | bits << 8
}

/// The bits one step down on either axis of a layer or both, and the bits themselves: the odd cells beside even ones.
const fn down(bits: u64) -> u64 {
    let bits = bits | (bits & !I0) >> 1;
    bits | bits >> 8
}

/// The pieces of a brick in ascending order of their least places: sets of open cells, joined within the brick and
/// apart from each other there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// All cells, in one piece.
    Whole,
    /// Some of the cells, or none.
    Some(Vec<Planes>),
}

impl Pieces {
    /// Those of a brick without open cells.
    pub const NONE: Pieces = Pieces::Some(Vec::new());

    /// The pieces of a set of cells.
    pub fn of(open: Planes) -> Pieces {
        if open == Planes::ALL {
            return Pieces::Whole;
        }
        let (mut rest, mut pieces) = (open, Vec::with_capacity(1));
        while let Some(first) = rest.first() {
            let piece = rest.flood(first);
            rest = rest.without(&piece);
            pieces.push(piece);
        }
        Pieces::Some(pieces)
    }

    /// The pieces of a set of cells that is known to be of one piece.
    pub fn one(open: Planes) -> Pieces {
        if open == Planes::ALL {
            return Pieces::Whole;
        }
        Pieces::Some(vec![open])
    }

    /// The pieces, one after the other.
    pub fn as_slice(&self) -> &[Planes] {
        match self {
            Pieces::Whole => &[Planes::ALL],
            Pieces::Some(pieces) => pieces,
        }
    }

    /// The least place of each piece.
    pub fn leasts(&self) -> impl Iterator<Item = u16> {
        self.as_slice().iter().filter_map(Planes::first)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::brick::{BRICK_CELLS, BrickId, Costs, Local};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Costs of which about `percent` in a hundred are open, scattered by a seed.
    pub fn scattered(seed: u64, percent: u64) -> Box<Costs> {
        let mut state = seed;
        let mut costs = Box::new([0; BRICK_CELLS]);
        for cost in costs.iter_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *cost = if (state >> 33) % 100 < percent {
                1 + (state >> 50) as u16
            } else {
                0
            };
        }
        costs
    }

    /// True if the cell with index `index` is in the set.
    pub fn contains(planes: &Planes, index: usize) -> bool {
        planes.0[index >> 9][index >> 6 & 7] >> (index & 63) & 1 == 1
    }

    fn cells(planes: &Planes) -> BTreeSet<usize> {
        (0..BRICK_CELLS)
            .filter(|&index| contains(planes, index))
            .collect()
    }

    /// The pieces cell by cell, through the lattice's own neighbours.
    fn plain(costs: &Costs) -> Vec<BTreeSet<usize>> {
        let brick = BrickId::new(7, 7, 7).unwrap();
        let (mut seen, mut pieces) = (BTreeSet::new(), Vec::new());
        for start in (0..BRICK_CELLS).filter(|&l| costs[l] > 0) {
            if !seen.insert(start) {
                continue;
            }
            let (mut piece, mut stack) = (BTreeSet::new(), vec![start]);
            while let Some(at) = stack.pop() {
                piece.insert(at);
                for beside in brick.cell(Local::new(at).unwrap()).neighbours() {
                    let (there, local) = BrickId::locate(beside).unwrap();
                    let inside = there == brick && costs[local.index()] > 0;
                    if inside && seen.insert(local.index()) {
                        stack.push(local.index());
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }

    proptest! {
        #[test]
        fn pieces_are_those_of_the_cells_neighbours(seed in any::<u64>(), percent in 0..=100u64) {
            let costs = scattered(seed, percent);
            let open = Planes::open(&costs);
            let expected = plain(&costs);
            let pieces = Pieces::of(open);
            let found: Vec<_> = pieces.as_slice().iter().map(cells).collect();
            prop_assert_eq!(&found, &expected);
            let leasts: Vec<usize> = pieces.leasts().map(usize::from).collect();
            let expected: Vec<usize> = expected.iter().map(|p| *p.first().unwrap()).collect();
            prop_assert_eq!(leasts, expected);
        }

        #[test]
        fn layers_hold_the_cells_at_the_fixed_places(
            seed in any::<u64>(), parity in 0..2usize, at in any::<[Option<u8>; 3]>(),
        ) {
            let at = at.map(|c| c.map(|c| u32::from(c & 7)));
            prop_assume!(at != [None; 3]);
            let open = Planes::open(&scattered(seed, 50));
            let all = |c: Option<u32>| c.map_or(0..8, |c| c..c + 1);
            let (mut expected, mut bit) = (0, 0);
            for k in all(at[2]) {
                for j in all(at[1]) {
                    for i in all(at[0]) {
                        let index = parity << 9 | (k << 6 | j << 3 | i) as usize;
                        expected |= u64::from(contains(&open, index)) << bit;
                        bit += 1;
                    }
                }
            }
            prop_assert_eq!(open.layer(parity, at), expected);
        }
    }

    #[test]
    fn a_whole_brick_is_one_piece() {
        let open = Planes::open(&[1; BRICK_CELLS]);
        assert!(matches!(Pieces::of(open), Pieces::Whole));
        assert_eq!(cells(&open.flood(0)).len(), BRICK_CELLS);
        assert_eq!(
            Pieces::of(Planes::open(&[0; BRICK_CELLS])).leasts().count(),
            0
        );
    }
}
