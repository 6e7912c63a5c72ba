//! One scan: batches of points into tallies.

use super::walk;
use crate::brick::{BRICK_UNITS, BrickId, Local};
use crate::lattice::{Cell, Frame, Legible};
use crate::map::input::shown;
use crate::points::Points;
use crate::tally::{CellBox, Sum, Tallies};
use crate::{Error, Result};

/// From where the points of a scan were seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sensor {
    /// Nobody says: points tell of no free space.
    Unknown,
    /// All from one position, in metres.
    At([f64; 3]),
    /// Each from its own position, which three columns hold, in units of so many metres.
    Columns([usize; 3], f64),
}

/// How the points of a scan are counted.
#[derive(Clone, Debug)]
pub struct Scan {
    /// How messages call it.
    pub file: String,
    /// Where the cells lie.
    pub frame: Frame,
    /// How messages call each column of the points.
    pub columns: Vec<String>,
    /// For each column of the points which attribute it is, if one that is averaged.
    pub attributes: Vec<Option<usize>>,
    /// From where the points were seen.
    pub sensor: Sensor,
    /// Points farther from their sensor than this are not counted, and their rays end there.
    pub max_range_m: Option<f64>,
}

/// The tallies that a worker adds to: its own bricks', and those that go to others.
///
/// Where bricks were found is noted for as long as this lives, so that a ray through bricks that others went through asks
/// neither the plan nor the tallies.
#[derive(Debug)]
pub struct Shelves<'a> {
    stores: [&'a mut Tallies; 2],
    last: Option<(BrickId, usize, u32)>,
    /// By the low bits of a brick's code, a cube of 16 bricks an axis: the brick, whose it is, and its place.
    found: Vec<Option<(BrickId, usize, u32)>>,
}

/// How many bricks are noted.
const FOUND: usize = 1 << 12;

/// What a batch of points was counted as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many points were counted.
    pub points: u64,
    /// The box of the cells that they lie in.
    pub cells: Option<CellBox>,
}

impl Count {
    /// Both together.
    pub fn with(&self, other: &Count) -> Count {
        let cells = match (self.cells, other.cells) {
            (Some(a), Some(b)) => Some(a.with(&b)),
            (a, b) => a.or(b),
        };
        Count {
            points: self.points + other.points,
            cells,
        }
    }
}

impl<'a> Shelves<'a> {
    /// Tallies of one's own, and for others.
    pub fn new(own: &'a mut Tallies, others: &'a mut Tallies) -> Self {
        Shelves {
            stores: [own, others],
            last: None,
            found: vec![None; FOUND],
        }
    }

    /// Which of the tallies a brick is in, and its place there.
    #[inline]
    fn find(&mut self, id: BrickId, is_own: &mut impl FnMut(BrickId) -> bool) -> (usize, u32) {
        match self.last {
            Some((last, store, place)) if last == id => (store, place),
            _ => self.find_anew(id, is_own),
        }
    }

    fn find_anew(&mut self, id: BrickId, is_own: &mut impl FnMut(BrickId) -> bool) -> (usize, u32) {
        let noted = &mut self.found[id.code() as usize % FOUND];
        self.last = noted.filter(|(found, ..)| *found == id);
        let (_, store, place) = *self.last.get_or_insert_with(|| {
            let store = usize::from(!is_own(id));
            let place = self.stores[store].touch(id);
            *noted.insert((id, store, place))
        });
        (store, place)
    }
}

impl Scan {
    /// Counts points in the cells that they lie in, sums their attributes, and marks the cells between their sensors and
    /// them as seen.
    ///
    /// # Errors
    /// [`Error::Input`] if a point or a sensor lies outside the lattice, or an attribute is too large; NaN counts as no
    /// value.
    pub fn count(
        &self,
        points: &Points,
        shelves: &mut Shelves,
        mut is_own: impl FnMut(BrickId) -> bool,
    ) -> Result<Count> {
        let mut count = Count::default();
        let columns: Vec<(usize, &[f64])> = (self.attributes.iter().zip(&points.attributes))
            .filter_map(|(attribute, values)| Some(((*attribute)?, values.as_slice())))
            .collect();
        let (mut least, mut greatest) = ([i32::MAX; 3], [i32::MIN; 3]);
        for (n, &position_m) in points.xyz.iter().enumerate() {
            let cell = self.frame.snap(position_m).map_err(|e| self.wrong(&e))?;
            if self.sensor != Sensor::Unknown && !self.see(points, n, cell, shelves, &mut is_own)? {
                continue;
            }
            let (brick, local) = BrickId::locate(cell).expect("snapping keeps the range");
            let (store, place) = shelves.find(brick, &mut is_own);
            let tally = shelves.stores[store].at(place);
            let slot = tally.slot(local);
            tally.counted_mut(slot).points += 1;
            let sums = tally.sums_mut(slot);
            for &(attribute, values) in &columns {
                let value = values[n];
                if !sums[attribute].add_value(value) && !value.is_nan() {
                    return Err(self.too_large(attribute, position_m, value));
                }
            }
            count.points += 1;
            for (a, c) in cell.xyz().into_iter().enumerate() {
                least[a] = least[a].min(c);
                greatest[a] = greatest[a].max(c);
            }
        }
        count.cells = (count.points > 0).then_some(CellBox { least, greatest });
        Ok(count)
    }

    /// Marks what lies between the sensor of point `n` and the point; false if the point is too far to be counted.
    fn see(
        &self,
        points: &Points,
        n: usize,
        cell: Cell,
        shelves: &mut Shelves,
        is_own: &mut impl FnMut(BrickId) -> bool,
    ) -> Result<bool> {
        let sensor_m = match self.sensor {
            Sensor::Unknown => return Ok(true),
            Sensor::At(position_m) => position_m,
            Sensor::Columns(columns, scale_m) => {
                columns.map(|column| points.attributes[column][n] * scale_m)
            }
        };
        let wrong = |e| self.wrong(&format_args!("of a sensor {e}"));
        let start = self.frame.snap(sensor_m).map_err(wrong)?;
        let mut to_m = points.xyz[n];
        let away = |a: usize| to_m[a] - sensor_m[a];
        let range_m = (0..3).map(|a| away(a) * away(a)).sum::<f64>().sqrt();
        let near = self.max_range_m.is_none_or(|most| range_m <= most);
        let mut goal = cell;
        if let (false, Some(most)) = (near, self.max_range_m) {
            to_m = std::array::from_fn(|a| sensor_m[a] + away(a) * (most / range_m));
            goal = self.frame.snap(to_m).map_err(|e| self.wrong(&e))?;
        }
        let from = self
            .frame
            .lattice_units(sensor_m)
            .map_err(|e| self.wrong(&e))?;
        let to = self.frame.lattice_units(to_m).map_err(|e| self.wrong(&e))?;
        let mut corner = [i32::MIN; 3];
        let mut at = None;
        walk(from, to, start, goal, |cell| {
            let in_brick = cell.xyz().map(|c| c & !(BRICK_UNITS - 1));
            if in_brick != corner {
                corner = in_brick;
                // At the edge of the range a ray may touch a cell beyond it.
                let brick = BrickId::locate(cell).map(|(brick, _)| brick);
                at = brick.map(|brick| shelves.find(brick, is_own));
            }
            if let Some((store, place)) = at {
                shelves.stores[store]
                    .at(place)
                    .see_cell(Local::of_cell(cell));
            }
        });
        Ok(near)
    }

    #[cold]
    fn too_large(&self, attribute: usize, position_m: [f64; 3], value: f64) -> Error {
        let mut columns = self.columns.iter().zip(&self.attributes);
        let column = columns.find(|(_, of)| **of == Some(attribute));
        let name = column.map_or("", |(name, _)| name);
        let [x, y, z] = position_m.map(Legible);
        self.wrong(&format_args!(
            "the attribute {} of the point at {x},{y},{z} m has the value {}: its magnitude must be below {:e}",
            shown(name.as_bytes()),
            Legible(value),
            Sum::MOST
        ))
    }

    fn wrong(&self, what: &dyn std::fmt::Display) -> Error {
        Error::input(format!("{}: {what}", self.file))
    }
}
