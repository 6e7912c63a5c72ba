//! Shells: the ghosts that surround a brick, one cell deep, and who needs which of a brick's cells.
//!
//! The neighbours of a brick's cells lie in the brick itself or in 14 bricks around it: six across faces, six across
//! edges, two across corners (the other twelve of the 26 touch it only where no lattice step goes). An even cell's
//! diagonal neighbours are the odd cells below and above it, so even cells see out of the brick downwards and odd
//! cells upwards; axial steps lead out of every face for both parities. A brick's **shell** is therefore made of 14
//! regions, one from each of those bricks:
//!
//! | region | near ghosts (diagonal and axial steps reach them) | far ghosts (axial steps only) |
//! |---|---|---|
//! | face towards +axis | 64 even cells | 64 odd cells |
//! | face towards −axis | 64 odd cells | 64 even cells |
//! | edge, corner towards + | 8 or 1 even cells (diagonal only) | |
//! | edge, corner towards − | 8 or 1 odd cells (diagonal only) | |
//!
//! A ghost is held as its two *sums*, distance + half of the step's weight: a diagonal sum for near ghosts and an
//! axial sum for those on faces. That is all that a neighbour needs to know of it.

use crate::brick::Local;

/// The 14 bricks around a brick that its cells have neighbours in, as steps in bricks.
pub const DIRECTIONS: [[i32; 3]; 14] = [
    [1, 0, 0],
    [-1, 0, 0],
    [0, 1, 0],
    [0, -1, 0],
    [0, 0, 1],
    [0, 0, -1],
    [1, 1, 0],
    [1, 0, 1],
    [0, 1, 1],
    [-1, -1, 0],
    [-1, 0, -1],
    [0, -1, -1],
    [1, 1, 1],
    [-1, -1, -1],
];

/// The direction that leads back.
pub const fn opposite(direction: usize) -> usize {
    match direction {
        0..=5 => direction ^ 1,
        6..=8 => direction + 3,
        9..=11 => direction - 3,
        _ => 25 - direction,
    }
}

/// How many words of sums a brick's shell has.
pub const SUM_WORDS: usize = 6 * 192 + 6 * 8 + 2;

/// How many ghosts a brick's shell has, each with one label.
pub const GHOSTS: usize = 6 * 128 + 6 * 8 + 2;

/// Where the sums of region `direction` start in a shell: near diagonal sums, then near axial sums, then far axial
/// sums for faces; near diagonal sums alone for edges and corners.
pub const fn sum_offset(direction: usize) -> usize {
    match direction {
        0..=5 => 192 * direction,
        6..=11 => 6 * 192 + 8 * (direction - 6),
        _ => 6 * 192 + 48 + direction - 12,
    }
}

/// Where the ghosts of region `direction` start in a shell: near ones, then far ones.
pub const fn ghost_offset(direction: usize) -> usize {
    match direction {
        0..=5 => 128 * direction,
        6..=11 => 6 * 128 + 8 * (direction - 6),
        _ => 6 * 128 + 48 + direction - 12,
    }
}

/// How many ghosts region `direction` has.
pub const fn ghosts(direction: usize) -> usize {
    match direction {
        0..=5 => 128,
        6..=11 => 8,
        _ => 1,
    }
}

/// How many near ghosts region `direction` has.
pub const fn near_ghosts(direction: usize) -> usize {
    match direction {
        0..=5 => 64,
        6..=11 => 8,
        _ => 1,
    }
}

/// True where a region lies towards a positive direction, so that its near ghosts are even cells.
const fn is_high(direction: usize) -> bool {
    let [x, y, z] = DIRECTIONS[direction];
    x + y + z > 0
}

/// The parity of ghost `ghost` of region `direction`: 0 for even cells, 1 for odd ones.
pub const fn parity(direction: usize, ghost: usize) -> usize {
    ((ghost >= near_ghosts(direction)) == is_high(direction)) as usize
}

/// Where ghost `ghost` of region `direction` lies, in cells of its parity from the brick's first: each −1…8.
pub const fn position(direction: usize, ghost: usize) -> [i32; 3] {
    let (u, v) = ((ghost & 7) as i32, (ghost >> 3 & 7) as i32);
    let edge = if is_high(direction) { 8 } else { -1 };
    match direction {
        0 | 1 => [edge, u, v],
        2 | 3 => [u, edge, v],
        4 | 5 => [u, v, edge],
        6 | 9 => [edge, edge, u],
        7 | 10 => [edge, u, edge],
        8 | 11 => [u, edge, edge],
        _ => [edge, edge, edge],
    }
}

/// The place of ghost `ghost` of region `direction` in the brick that owns it.
pub fn owner_local(direction: usize, ghost: usize) -> Local {
    Local::new(usize::from(owner_place(direction, ghost))).expect("below 1024")
}

/// The places of the ghosts of region `direction` in the brick that owns them, as [`owner_local`] gives them.
pub fn places(direction: usize) -> &'static [u16] {
    &PLACES[direction][..ghosts(direction)]
}

static PLACES: [[u16; 128]; 14] = {
    let mut table = [[0; 128]; 14];
    let mut direction = 0;
    while direction < 14 {
        let mut ghost = 0;
        while ghost < ghosts(direction) {
            table[direction][ghost] = owner_place(direction, ghost);
            ghost += 1;
        }
        direction += 1;
    }
    table
};

const fn owner_place(direction: usize, ghost: usize) -> u16 {
    let [i, j, k] = position(direction, ghost);
    (parity(direction, ghost) << 9) as u16 | ((k & 7) << 6 | (j & 7) << 3 | (i & 7)) as u16
}

/// A stretch of a row that neighbour bricks see: `count` lanes (1 or 8) from `lane` on are ghosts of the brick in
/// `direction`, from number `ghost` on of its region back.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// The direction of the brick that sees it.
    pub direction: u8,
    /// The number of its first ghost there.
    pub ghost: u8,
    /// Its first lane in the row.
    pub lane: u8,
    /// How many lanes it has.
    pub count: u8,
}

/// The stretches of every row: row `r` is `parity · 64 + k · 8 + j`. Defined from [`position`] alone.
pub static SEGMENTS: [(u8, [Segment; 8]); 128] = segments();

const fn segments() -> [(u8, [Segment; 8]); 128] {
    const NONE: Segment = Segment {
        direction: 0,
        ghost: 0,
        lane: 0,
        count: 0,
    };
    let mut table = [(0, [NONE; 8]); 128];
    let mut direction = 0;
    while direction < 14 {
        let mut ghost = 0;
        while ghost < ghosts(direction) {
            let [i, j, k] = position(direction, ghost);
            let row = parity(direction, ghost) << 6 | ((k & 7) << 3 | (j & 7)) as usize;
            let whole_row = i >= 0 && i < 8;
            if !whole_row || i == 0 {
                let (n, mut list) = table[row];
                list[n as usize] = Segment {
                    direction: opposite(direction) as u8,
                    ghost: ghost as u8,
                    lane: (i & 7) as u8,
                    count: if whole_row { 8 } else { 1 },
                };
                table[row] = (n + 1, list);
            }
            ghost += 1;
        }
        direction += 1;
    }
    table
}

/// Sets of rows of one brick: a bit `k · 8 + j` for each parity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows(pub [u64; 2]);

const J0: u64 = 0x0101_0101_0101_0101;
const J7: u64 = J0 << 7;

impl Rows {
    /// No row.
    pub const NONE: Rows = Rows([0, 0]);

    /// All 128 rows.
    pub const ALL: Rows = Rows([!0, !0]);

    /// True without a row.
    pub fn is_empty(self) -> bool {
        self.0[0] | self.0[1] == 0
    }

    /// The rows of either set.
    pub fn union(self, other: Rows) -> Rows {
        Rows([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    /// Adds the rows of `other`.
    pub fn insert(&mut self, other: Rows) {
        *self = self.union(other);
    }

    /// How many rows there are.
    pub fn count(self) -> u32 {
        self.0[0].count_ones() + self.0[1].count_ones()
    }

    /// True if the row that holds `local` is one of them.
    pub fn holds(self, local: Local) -> bool {
        self.0[local.index() >> 9] >> (local.index() >> 3 & 63) & 1 == 1
    }

    /// The row that holds `local`.
    pub fn of(local: Local) -> Rows {
        let mut rows = Rows::NONE;
        rows.0[local.index() >> 9] = 1 << (local.index() >> 3 & 63);
        rows
    }

    /// The rows of this brick that hold a neighbour of a cell of these rows.
    pub fn dependents(self) -> Rows {
        let [even, odd] = self.0;
        Rows([axial(even) | up(odd), axial(odd) | down(even)])
    }

    /// The rows of a brick that hold a neighbour of one of the ghosts in its region `direction`: `near` and `far`
    /// have a bit for each ghost of their kind.
    pub fn beside_ghosts(direction: usize, near: u64, far: u64) -> Rows {
        // The rows of ghosts, as rows of the outermost layer inside the brick.
        let row = |ghosts: u64| match direction {
            0 | 1 => ghosts,
            2 => any_of_eight(ghosts) << 7,
            3 => any_of_eight(ghosts),
            4 => compress(any_of_eight(ghosts)) << 56,
            5 => compress(any_of_eight(ghosts)),
            6 => stride8(ghosts) << 7,
            7 => (ghosts & 0xff) << 56,
            8 | 12 => u64::from(ghosts != 0) << 63,
            9 => stride8(ghosts),
            10 => ghosts & 0xff,
            _ => u64::from(ghosts != 0),
        };
        let (near_rows, far_rows) = (row(near), row(far));
        let axial_near = if direction < 6 { near_rows } else { 0 };
        let high = is_high(direction);
        // Diagonal steps from the ghosts' layer lead into the outermost layer of the other parity, to rows that
        // are one lower (from even ghosts) or one higher (from odd ghosts) on the axes along the layer.
        let spread = if high { down(near_rows) } else { up(near_rows) };
        let diagonal = match direction {
            0 | 1 => spread,
            2 => spread & J7,
            3 => spread & J0,
            4 => spread & 0xff << 56,
            5 => spread & 0xff,
            6 => spread & J7,
            7 => spread & 0xff << 56,
            9 => spread & J0,
            10 => spread & 0xff,
            _ => near_rows,
        };
        if high {
            Rows([axial_near, diagonal | far_rows])
        } else {
            Rows([diagonal | far_rows, axial_near])
        }
    }
}

/// Rows one step down on j, k or both, and the rows themselves.
const fn down(rows: u64) -> u64 {
    let rows = rows | (rows & !J0) >> 1;
    rows | rows >> 8
}

/// Rows one step up on j, k or both, and the rows themselves.
const fn up(rows: u64) -> u64 {
    let rows = rows | (rows & !J7) << 1;
    rows | rows << 8
}

/// Rows one step away on j or on k, and the rows themselves.
const fn axial(rows: u64) -> u64 {
    rows | (rows & !J0) >> 1 | (rows & !J7) << 1 | rows >> 8 | rows << 8
}

/// For each group of eight bits: its lowest bit, set if any of the eight is.
const fn any_of_eight(bits: u64) -> u64 {
    let bits = bits | bits >> 4;
    let bits = bits | bits >> 2;
    (bits | bits >> 1) & J0
}

/// Every eighth bit, side by side.
const fn compress(bits: u64) -> u64 {
    // Each product bit 56 + n collects bit 8n.
    (bits & J0).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The low eight bits, eight apart.
const fn stride8(bits: u64) -> u64 {
    let (mut spread, mut n) = (0, 0);
    while n < 8 {
        spread |= (bits >> n & 1) << (8 * n);
        n += 1;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brick::{BRICK_CELLS, BrickId};
    use crate::lattice::Cell;

    fn cell_of_ghost(brick: BrickId, direction: usize, ghost: usize) -> Cell {
        let (parity, at) = (parity(direction, ghost) as i32, position(direction, ghost));
        let corner = brick.xyz();
        let [x, y, z] = std::array::from_fn(|a| 16 * corner[a] + 2 * at[a] + parity);
        Cell::new(x, y, z).unwrap()
    }

    #[test]
    fn shells_hold_exactly_the_neighbours_that_lie_outside() {
        let brick = BrickId::new(3, 4, 5).unwrap();
        let mut outside = std::collections::BTreeSet::new();
        for local in (0..BRICK_CELLS).map(|l| Local::new(l).unwrap()) {
            outside.extend(
                brick
                    .cell(local)
                    .neighbours()
                    .filter(|&c| BrickId::locate(c).unwrap().0 != brick),
            );
        }
        let mut ghosts_seen = std::collections::BTreeSet::new();
        for (direction, step) in DIRECTIONS.into_iter().enumerate() {
            let owner = brick.offset(step).unwrap();
            for ghost in 0..ghosts(direction) {
                let cell = cell_of_ghost(brick, direction, ghost);
                assert_eq!(
                    BrickId::locate(cell),
                    Some((owner, owner_local(direction, ghost)))
                );
                assert!(ghosts_seen.insert(cell));
            }
        }
        assert_eq!(ghosts_seen, outside);
        assert_eq!(outside.len(), GHOSTS);
    }

    #[test]
    fn rows_beside_ghosts_and_dependents_are_those_of_the_neighbours() {
        let brick = BrickId::new(3, 4, 5).unwrap();
        let rows_beside = |cell: Cell| {
            cell.neighbours()
                .filter_map(|n| BrickId::locate(n).filter(|l| l.0 == brick))
                .fold(Rows::NONE, |rows, (_, local)| rows.union(Rows::of(local)))
        };
        for direction in 0..14 {
            for ghost in 0..ghosts(direction) {
                let near = near_ghosts(direction);
                let (n, f) = if ghost < near {
                    (1 << ghost, 0)
                } else {
                    (0, 1 << (ghost - near))
                };
                let expected = rows_beside(cell_of_ghost(brick, direction, ghost));
                assert_eq!(
                    Rows::beside_ghosts(direction, n, f),
                    expected,
                    "{direction} {ghost}"
                );
            }
        }
        for row in 0..128 {
            let cells = (0..8).map(|lane| Local::new(row << 3 | lane).unwrap());
            let expected = cells.clone().fold(Rows::NONE, |rows, local| {
                rows.union(rows_beside(brick.cell(local)))
            });
            let mut rows = Rows::NONE;
            rows.0[row >> 6] = 1 << (row & 63);
            assert_eq!(rows.dependents(), expected, "{row}");
        }
    }

    #[test]
    fn segments_name_every_ghost_once() {
        let mut seen = 0;
        for (row, (count, list)) in SEGMENTS.iter().enumerate() {
            for segment in &list[..usize::from(*count)] {
                let region = opposite(usize::from(segment.direction));
                for n in 0..segment.count {
                    let local = Local::new(row << 3 | usize::from(segment.lane + n)).unwrap();
                    assert_eq!(owner_local(region, usize::from(segment.ghost + n)), local);
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, GHOSTS);
    }
}
