//! Maps of cells as one more thing that is known.

use crate::brick::{BrickId, CellMap, LOCAL_BY_INDEX, Local, Planes};
use crate::lattice::{Cell, Frame};
use crate::tally::Tallies;
use crate::{Error, Result};

/// How far a map's lattice may lie off the frame's, in lattice units, and how much its cell size may differ in the
/// same measure over its whole extent.
const TOLERANCE_UNITS: f64 = 1e-6;

/// What a map says of cells that it does not leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// All in the box of its voxels are blocked.
    Box,
    /// These cells are blocked, all others are unknown.
    Cells(Vec<(BrickId, Planes)>),
    /// These voxels are occupied, and so the corners that touch them are blocked: voxel (i, j, k) of a brick is bit
    /// 8j + i of word k.
    Voxels(Vec<(BrickId, [u64; 8])>),
}

impl Closed {
    /// The occupied voxels, by brick.
    fn voxels(&self) -> &[(BrickId, [u64; 8])] {
        match self {
            Closed::Voxels(voxels) => voxels,
            _ => &[],
        }
    }

    /// The blocked cells, by brick.
    fn cells(&self) -> &[(BrickId, Planes)] {
        match self {
            Closed::Cells(cells) => cells,
            _ => &[],
        }
    }

    /// The bricks that are named.
    fn bricks(&self) -> impl Iterator<Item = BrickId> {
        let voxels = self.voxels().iter().map(|(id, _)| *id);
        voxels.chain(self.cells().iter().map(|(id, _)| *id))
    }
}

/// A map whose cells are cells of another frame.
#[derive(Debug)]
pub struct Layer<'a> {
    map: &'a CellMap,
    closed: &'a Closed,
    /// From the map's lattice coordinates to the frame's.
    shift: [i32; 3],
}

impl<'a> Layer<'a> {
    /// A map, laid into a frame.
    ///
    /// # Errors
    /// [`Error::Input`] unless the frame has the map's cell size, the map's cells are lattice points of it, and those
    /// lie in 0…65535.
    pub fn new(
        file: &str,
        map: &'a CellMap,
        closed: &'a Closed,
        frame: &Frame,
    ) -> Result<Layer<'a>> {
        let (size_m, wanted_m) = (map.frame.cell_size_m(), frame.cell_size_m());
        let cells = |c: [f64; 3]| c.map(|c| c * 2.0 / wanted_m);
        let (mine, theirs) = (cells(map.frame.origin_m()), cells(frame.origin_m()));
        let exact: [f64; 3] = std::array::from_fn(|a| mine[a] - theirs[a]);
        let shift = exact.map(f64::round);
        let is_on = |a: usize| (exact[a] - shift[a]).abs() <= TOLERANCE_UNITS;
        let [x, y, z] = shift.map(|c| {
            if c.abs() < 65536.0 {
                c as i32
            } else {
                i32::MAX
            }
        });
        if (size_m - wanted_m).abs() * 65536.0 > TOLERANCE_UNITS * wanted_m
            || !(0..3).all(is_on)
            || Cell::new(x, y, z).is_err()
        {
            return Err(Error::input(format!(
                "{file}: its cells ({size_m} m, the first at {:?} m) are no cells of this frame ({wanted_m} m, the first \
                 at {:?} m): give the same --cell-size, and an --origin that is one of its cells",
                map.frame.origin_m(),
                frame.origin_m()
            )));
        }
        let layer = Layer {
            map,
            closed,
            shift: [x, y, z],
        };
        let bricks = layer.map.bricks.iter().map(|(id, _)| *id);
        for id in bricks.chain(closed.bricks()) {
            for local in [LOCAL_BY_INDEX[0], LOCAL_BY_INDEX[1023]] {
                if BrickId::locate(layer.moved(id.cell(local))).is_none() && layer.shift != [0; 3] {
                    return Err(Error::input(format!(
                        "{file}: its cell {} lies beyond the lattice coordinates 0…65535 of this frame (see --origin)",
                        id.cell(local)
                    )));
                }
            }
        }
        Ok(layer)
    }

    fn moved(&self, cell: Cell) -> Cell {
        let [x, y, z] = cell.xyz();
        let moved = Cell::new(x + self.shift[0], y + self.shift[1], z + self.shift[2]);
        moved.expect("the shift is a lattice vector")
    }

    /// How many bricks the map says something of.
    pub fn brick_count(&self) -> u64 {
        let bricks = self.closed.bricks();
        let more = bricks.filter(|&id| self.map.costs(id).is_none()).count();
        (self.map.bricks.len() + more) as u64
    }

    /// Gives the cells in bricks of one's own what the map says of them: its open cells their costs; of a map that leaves
    /// no voxel unknown also the blocked cells, in the bricks that have an open one; the blocked cells of a table; the
    /// occupied voxels of others, and the corners that touch these.
    pub fn fill(&self, tallies: &mut Tallies, is_own: impl Fn(BrickId) -> bool) {
        let mut give = |cell: Cell, cost: u16| {
            if let Some((brick, local)) = BrickId::locate(self.moved(cell))
                && is_own(brick)
            {
                tallies.brick(brick).give(local, cost);
            }
        };
        for (id, costs) in &self.map.bricks {
            let inside = self.inside(*id);
            for local in LOCAL_BY_INDEX {
                let cost = costs[local.index()];
                if cost > 0 || inside.contains(local) {
                    give(id.cell(local), cost);
                }
            }
        }
        for (id, blocked) in self.closed.cells() {
            for local in LOCAL_BY_INDEX {
                if blocked.contains(local) {
                    give(id.cell(local), 0);
                }
            }
        }
        for (id, mask) in self.closed.voxels() {
            // The even cells come first, in the order of the mask's bits.
            for (at, local) in (0..512).filter_map(|at| Some((at, Local::new(at)?))) {
                if mask[at >> 6] >> (at & 63) & 1 != 0 {
                    let voxel = id.cell(local);
                    give(voxel, 0);
                    self.corners(voxel).for_each(|corner| give(corner, 0));
                }
            }
        }
    }

    /// The corners of a voxel that the map defines: those all of whose voxels lie in its box.
    fn corners(&self, voxel: Cell) -> impl Iterator<Item = Cell> {
        let [x, y, z] = voxel.xyz();
        let bounds = self.map.voxels;
        let corner = move |n: i32| {
            let at = [x, y, z].map(|c| c - 1);
            let at = [at[0] + (n & 1) * 2, at[1] + (n & 2), at[2] + (n >> 2) * 2];
            let is_defined = bounds.is_some_and(|[least, greatest]| {
                (0..3).all(|a| at[a] > 2 * least[a] as i32 && at[a] < 2 * greatest[a] as i32)
            });
            is_defined
                .then(|| Cell::new(at[0], at[1], at[2]).ok())
                .flatten()
        };
        (0..8).filter_map(corner)
    }

    /// The cells of a brick that a map without unknown voxels defines: in the box of its voxels, corners with all eight.
    fn inside(&self, id: BrickId) -> Planes {
        match self.map.voxels {
            Some([least, greatest]) if *self.closed == Closed::Box => crate::tally::CellBox {
                least: least.map(|c| 2 * c as i32),
                greatest: greatest.map(|c| 2 * c as i32),
            }
            .cells_of(id),
            _ => Planes::NONE,
        }
    }
}
