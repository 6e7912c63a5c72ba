//! Maps one level of detail up: the one rule of what a coarser cell is, and its fast form for whole maps.
//!
//! A cell of the lattice twice as coarse has the eight children of the [hierarchy](Cell::children). It is open if at
//! least four of them are, and costs the mean of those that are open, halves rounded up. A child that is not in the
//! map, or that lies outside the lattice coordinates 0…65535, counts as blocked.
//!
//! Morally the code performs, for every parent of an open cell,
//!
//! ```text
//! costs = parent.children().map(cost).filter(> 0)
//! coarse = if costs.count >= 4 { round(costs.sum / costs.count) } else { 0 }
//! ```
//!
//! In units of the finer lattice's half coordinates (2h + parity) the children of parent `p` are the even cells `p`,
//! `p` less one on each axis, and the odd cells `p`, `p` less one on y, on z, and on both. So a coarse brick needs the
//! cells of the 2³ fine bricks that it covers and one layer before them, copied into a tile of 17³ of either parity.

use super::{BRICK_CELLS, BrickId, CellMap, Costs};
use rustc_hash::FxHashMap;

/// The fewest open children of an open cell.
pub const FEWEST_OPEN_CHILDREN: u32 = 4;

/// The stored cost of a coarser cell: `open` of its eight children are open, and their stored costs add up to `sum`.
///
/// It is never below 1 where the cell is open, since no open child's cost is.
///
/// # Example
/// ```
/// use octaflow::brick::coarse_cost;
/// assert_eq!(coarse_cost(4, 256 + 256 + 256 + 258), 257); // 256.5 rounds up
/// assert_eq!(coarse_cost(3, 3 * 256), 0);
/// ```
pub const fn coarse_cost(open: u32, sum: u32) -> u16 {
    if open < FEWEST_OPEN_CHILDREN {
        0
    } else {
        ((2 * sum + open) / (2 * open)) as u16
    }
}

/// How many half coordinates a tile spans on an axis: a coarse brick's 16, and the layer before them.
const SIDE: usize = 17;

/// The stored costs of the fine cells of one parity that a coarse brick's cells have as children: half coordinate h of
/// the brick is at h + 1.
type Tile = [u16; SIDE * SIDE * SIDE];

/// From a place in a tile back to the place one half coordinate less on x, y and z.
const BACK: [usize; 3] = [1, SIDE, SIDE * SIDE];

impl CellMap {
    /// The map one level of detail up, or `None` at level 0. Its `cells` are those that have an open child: of what is
    /// blocked a map keeps no more than a count.
    pub fn coarser(&self) -> Option<CellMap> {
        let frame = self.frame.coarser()?;
        let places: FxHashMap<BrickId, u32> = (0u32..)
            .zip(&self.bricks)
            .map(|(place, &(id, _))| (id, place))
            .collect();
        let mut above: Vec<BrickId> = (self.bricks.iter())
            .flat_map(|&(id, _)| bricks_above(id))
            .collect();
        above.sort_unstable();
        above.dedup();
        let mut map = CellMap {
            frame,
            bricks: Vec::new(),
            cells: 0,
            open: 0,
            voxels: None,
        };
        let mut tiles = Box::new([[0; SIDE * SIDE * SIDE]; 2]);
        for id in above {
            self.load_children(&places, id, &mut tiles);
            let mut costs = Box::new([0; BRICK_CELLS]);
            map.cells += coarsen(&tiles, &mut costs);
            let open = costs.iter().map(|&c| u64::from(c > 0)).sum::<u64>();
            if open > 0 {
                map.open += open;
                map.bricks.push((id, costs));
            }
        }
        Some(map)
    }

    /// The map at level of detail `lod`, or `None` if it is not that fine.
    pub fn at_lod(mut self, lod: u8) -> Option<CellMap> {
        while self.frame.lod() > lod {
            self = self.coarser()?;
        }
        (self.frame.lod() == lod).then_some(self)
    }

    /// Fills the tiles with the cells in and before the fine bricks that coarse brick `id` covers.
    fn load_children(&self, places: &FxHashMap<BrickId, u32>, id: BrickId, tiles: &mut [Tile; 2]) {
        tiles.iter_mut().for_each(|tile| tile.fill(0));
        // Where the half coordinates of a fine brick go on an axis: from which of its eight, to where, how many.
        const SPANS: [(usize, usize, usize); 3] = [(7, 0, 1), (0, 1, 8), (0, 9, 8)];
        let corner = id.xyz().map(|c| 2 * c - 1);
        for n in 0..27 {
            let at = [n % 3, n / 3 % 3, n / 9];
            let fine = BrickId::new(
                corner[0] + at[0] as i32,
                corner[1] + at[1] as i32,
                corner[2] + at[2] as i32,
            );
            let Some(&place) = fine.and_then(|fine| places.get(&fine)) else {
                continue;
            };
            let costs = &self.bricks[place as usize].1;
            let [(x, to_x, nx), (y, to_y, ny), (z, to_z, nz)] = at.map(|a| SPANS[a]);
            for (parity, tile) in tiles.iter_mut().enumerate() {
                for (k, j) in (0..nz).flat_map(|k| (0..ny).map(move |j| (k, j))) {
                    let from = parity << 9 | (z + k) << 6 | (y + j) << 3 | x;
                    let to = ((to_z + k) * SIDE + to_y + j) * SIDE + to_x;
                    tile[to..to + nx].copy_from_slice(&costs[from..from + nx]);
                }
            }
        }
    }
}

/// The coarse bricks that hold parents of a fine brick's cells: those of its half coordinates 0…8.
fn bricks_above(id: BrickId) -> impl Iterator<Item = BrickId> {
    let [x, y, z] = id.xyz().map(|c| [c >> 1, (c + 1) >> 1]);
    (0..8).filter_map(move |n| BrickId::new(x[n & 1], y[n >> 1 & 1], z[n >> 2]))
}

/// Computes a coarse brick from the tiles of its children; tells how many cells have an open child.
fn coarsen([even, odd]: &[Tile; 2], costs: &mut Costs) -> u64 {
    let [x, y, z] = BACK;
    let mut with_open = 0;
    for (place, cost) in costs.iter_mut().enumerate() {
        let parity = place >> 9;
        let half = |shift: usize| 2 * (place >> shift & 7) + parity + 1;
        let at = (half(6) * SIDE + half(3)) * SIDE + half(0);
        let children = [
            even[at],
            even[at - x],
            even[at - y],
            even[at - z],
            odd[at],
            odd[at - y],
            odd[at - z],
            odd[at - y - z],
        ];
        let open = children.iter().map(|&c| u32::from(c > 0)).sum();
        let sum = children.iter().map(|&c| u32::from(c)).sum();
        *cost = coarse_cost(open, sum);
        with_open += u64::from(open > 0);
    }
    with_open
}
