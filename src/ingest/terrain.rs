//! Terrain: blocked below the ground, open above it.

use super::Bounds;
use crate::brick::{BrickId, Local};
use crate::lattice::{Frame, UNIT_COST};
use crate::points::Heights;
use crate::tally::{CellBox, Tallies};
use crate::{Error, Result};

/// Ground that fills a range of heights.
///
/// A cell whose centre lies at a height from `bottom_m` to `top_m`, both included, is blocked if that is below the ground
/// and open at cost 1.0 otherwise. The ground at a place is the height of the grid that is nearest to it, each on its
/// own axis (half way the one of greater x or y), and no farther than half a spacing. Where that height is a void, or there is
/// none, the cell stays as it was.
#[derive(Clone, Debug)]
pub struct Terrain {
    /// How messages call it.
    pub file: String,
    /// The heights of the ground.
    pub heights: Heights,
    /// The least height of a cell's centre.
    pub bottom_m: f64,
    /// The greatest height of a cell's centre.
    pub top_m: f64,
}

impl Terrain {
    /// The space that it says something of.
    pub fn bounds(&self) -> Bounds {
        let ground = &self.heights;
        let edge = |a: usize, count: f64| ground.origin_m[a] + ground.spacing_m[a] * (count - 0.5);
        let (columns, rows) = (ground.columns as f64, ground.rows as f64);
        Bounds {
            least: [edge(0, 0.0), edge(1, 0.0), self.bottom_m],
            greatest: [edge(0, columns), edge(1, rows), self.top_m],
        }
    }

    /// The box of the cells in that space.
    ///
    /// # Errors
    /// [`Error::Input`] if it reaches beyond the lattice coordinates 0…65535, or no cell lies in it.
    pub fn cells(&self, frame: &Frame) -> Result<CellBox> {
        let bounds = self.bounds();
        let units = |corner: [f64; 3]| {
            let units = frame.lattice_units(corner);
            units.map_err(|e| Error::input(format!("{}: {e}", self.file)))
        };
        let least = units(bounds.least)?.map(f64::ceil);
        let greatest = units(bounds.greatest)?.map(f64::floor);
        if (0..3).any(|a| least[a] > greatest[a]) {
            return Err(Error::input(format!(
                "{}: no cell's centre lies over it from --bottom {} to --top {}: give a wider range or smaller cells",
                self.file, self.bottom_m, self.top_m
            )));
        }
        let inside = |c: &f64| (0.0..=65535.0).contains(c);
        if !least.iter().chain(&greatest).all(inside) {
            return Err(Error::input(format!(
                "{}: the terrain from {:?} to {:?} m reaches beyond the lattice coordinates 0…65535 of this frame (see \
                 --origin and --cell-size)",
                self.file, bounds.least, bounds.greatest
            )));
        }
        Ok(CellBox {
            least: least.map(|c| c as i32),
            greatest: greatest.map(|c| c as i32),
        })
    }

    /// The height of the ground at a place; `None` where there is none.
    fn ground_m(&self, place_m: [f64; 2]) -> Option<f64> {
        let ground = &self.heights;
        let counts = [ground.columns, ground.rows];
        let mut at = [0; 2];
        for (a, index) in at.iter_mut().enumerate() {
            let nearest = ((place_m[a] - ground.origin_m[a]) / ground.spacing_m[a] + 0.5).floor();
            *index = (0.0..counts[a] as f64)
                .contains(&nearest)
                .then_some(nearest as usize)?;
        }
        let height = f64::from(ground.heights_m[at[1] * ground.columns + at[0]]);
        (!height.is_nan()).then_some(height)
    }

    /// Gives the cells of a brick what the terrain says of them.
    pub fn fill(&self, frame: &Frame, id: BrickId, tallies: &mut Tallies) {
        for column in 0..128 {
            let (parity, j, i) = (column >> 6, column >> 3 & 7, column & 7);
            let local = |k: usize| Local::new(parity << 9 | k << 6 | j << 3 | i).expect("a place");
            let position_m = |k: usize| frame.position_m(id.cell(local(k)));
            let [x, y, _] = position_m(0);
            let Some(ground_m) = self.ground_m([x, y]) else {
                continue;
            };
            for k in 0..8 {
                let z = position_m(k)[2];
                if (self.bottom_m..=self.top_m).contains(&z) {
                    let cost = if z < ground_m { 0 } else { UNIT_COST };
                    tallies.brick(id).give(local(k), cost);
                }
            }
        }
    }
}
