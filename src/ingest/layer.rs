//! Maps of cells as one more thing that is known.

use crate::brick::{BrickId, CellMap, LOCAL_BY_INDEX, Planes};
use crate::lattice::{Cell, Frame};
use crate::tally::Tallies;
use crate::{Error, Result};

/// How far a map's lattice may lie off the frame's, in lattice units, and how much its cell size may differ in the
/// same measure over its whole extent.
const TOLERANCE_UNITS: f64 = 1e-6;

/// A map whose cells are cells of another frame.
#[derive(Debug)]
pub struct Layer<'a> {
    map: &'a CellMap,
    /// From the map's lattice coordinates to the frame's.
    shift: [i32; 3],
}

impl<'a> Layer<'a> {
    /// A map, laid into a frame.
    ///
    /// # Errors
    /// [`Error::Input`] unless the frame has the map's cell size, the map's cells are lattice points of it, and those
    /// lie in 0…65535.
    pub fn new(file: &str, map: &'a CellMap, frame: &Frame) -> Result<Layer<'a>> {
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
            shift: [x, y, z],
        };
        for id in layer.map.bricks.iter().map(|(id, _)| *id) {
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

    /// How many bricks the map has.
    pub fn brick_count(&self) -> u64 {
        self.map.bricks.len() as u64
    }

    /// Gives the cells in bricks of one's own what the map says of them: its open cells their costs, and of a map of
    /// voxels that leaves none unknown (`is_whole`) also the blocked cells, in the bricks that have an open one.
    pub fn fill(&self, is_whole: bool, tallies: &mut Tallies, is_own: impl Fn(BrickId) -> bool) {
        for (id, costs) in &self.map.bricks {
            let inside = self.inside(*id, is_whole);
            for local in LOCAL_BY_INDEX {
                let cost = costs[local.index()];
                if cost == 0 && !inside.contains(local) {
                    continue;
                }
                let place = BrickId::locate(self.moved(id.cell(local)));
                if let Some((brick, local)) = place
                    && is_own(brick)
                {
                    tallies.brick(brick).give(local, cost);
                }
            }
        }
    }

    /// The cells of a brick that a map without unknown voxels defines: in the box of its voxels, corners with all eight.
    fn inside(&self, id: BrickId, is_whole: bool) -> Planes {
        match self.map.voxels {
            Some([least, greatest]) if is_whole => crate::tally::CellBox {
                least: least.map(|c| 2 * c as i32),
                greatest: greatest.map(|c| 2 * c as i32),
            }
            .cells_of(id),
            _ => Planes::NONE,
        }
    }
}
