//! The columns that `field/` and `field_changes/` share, and the rows that wait for a row group.

use super::{Column, GROUP_ROWS, Packing, Values};
use crate::brick::{BRICK_CELLS, BrickId, LOCAL_BY_INDEX};
use crate::lattice::{Frame, UNREACHED, distance_m};

/// Which of the optional columns of a field are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldColumns {
    /// `source` INT32: the index of the nearest source.
    pub source: bool,
    /// `next` INT8: the index, in the fixed neighbour order, of the step towards the source; −1 at it.
    pub next: bool,
}

/// Room for a row group and one brick more, so that a brick is added before the group is written.
const ROOM: usize = GROUP_ROWS + BRICK_CELLS;

/// Rows of a field that wait until they fill a row group, column by column.
pub(super) struct Rows {
    columns: FieldColumns,
    cell_size_m: f64,
    lod: u8,
    len: usize,
    cell: Vec<i64>,
    lattice: [Vec<i32>; 3],
    distance: Vec<f64>,
    source: Vec<i32>,
    next: Vec<i32>,
}

impl Rows {
    /// No rows yet.
    pub(super) fn new(columns: FieldColumns, frame: &Frame) -> Self {
        Rows {
            columns,
            cell_size_m: frame.cell_size_m(),
            lod: frame.lod(),
            len: 0,
            cell: vec![0; ROOM],
            lattice: std::array::from_fn(|_| vec![0; ROOM]),
            distance: vec![0.0; ROOM],
            source: vec![0; if columns.source { ROOM } else { 0 }],
            next: vec![0; if columns.next { ROOM } else { 0 }],
        }
    }

    /// The columns of the rows, in the order of [`Rows::values`].
    pub(super) fn schema(columns: FieldColumns) -> Vec<Column> {
        let mut schema = vec![
            Column::new("cell", Packing::Int64Delta),
            Column::new("lx", Packing::Int32Delta),
            Column::new("ly", Packing::Int32Delta),
            Column::new("lz", Packing::Int32Delta),
            Column::new("distance", Packing::DoubleDictionary),
        ];
        if columns.source {
            schema.push(Column::new("source", Packing::Int32Dictionary));
        }
        if columns.next {
            schema.push(Column::new("next", Packing::Int8Dictionary));
        }
        schema
    }

    /// The level of detail of the cells.
    pub(super) fn lod(&self) -> u8 {
        self.lod
    }

    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a row for each cell of a brick that `ticks` reaches, in ascending Index64 order.
    ///
    /// Morally: `for local in LOCAL_BY_INDEX { if ticks[local] != UNREACHED { push(…) } }`. Here every place is
    /// written to the next free row and only reached ones make the row count, which leaves no branch to mispredict.
    pub(super) fn push_brick(
        &mut self,
        brick: BrickId,
        ticks: &[u32; BRICK_CELLS],
        source: Option<&[u32; BRICK_CELLS]>,
        next: Option<&[i8; BRICK_CELLS]>,
    ) {
        assert_eq!(source.is_some(), self.columns.source, "sources as promised");
        assert_eq!(next.is_some(), self.columns.next, "next steps as promised");
        let room = self.len..self.len + BRICK_CELLS;
        let cell = &mut self.cell[room.clone()];
        let [x, y, z] = self.lattice.each_mut().map(|axis| &mut axis[room.clone()]);
        let distance = &mut self.distance[room.clone()];
        let mut rows = 0;
        let corner = brick.xyz().map(|c| c * crate::brick::BRICK_UNITS);
        for local in LOCAL_BY_INDEX {
            let t = ticks[local.index()];
            let units = local.units();
            cell[rows] = brick.index64(local).with_lod(self.lod).as_i64();
            x[rows] = corner[0] + units[0];
            y[rows] = corner[1] + units[1];
            z[rows] = corner[2] + units[2];
            distance[rows] = distance_m(t, self.cell_size_m);
            rows += usize::from(t != UNREACHED);
        }
        let reached = || {
            LOCAL_BY_INDEX
                .iter()
                .filter(|local| ticks[local.index()] != UNREACHED)
        };
        if let Some(source) = source {
            for (row, local) in self.source[room.clone()].iter_mut().zip(reached()) {
                *row = source[local.index()] as i32;
            }
        }
        if let Some(next) = next {
            for (row, local) in self.next[room].iter_mut().zip(reached()) {
                *row = i32::from(next[local.index()]);
            }
        }
        self.len += rows;
    }

    /// Adds one row, for the cell whose `cell` bits are `bits`.
    pub(super) fn push(&mut self, bits: i64, ticks: u32, source: u32, next: i8) {
        let brick = BrickId::from_code(bits as u64 >> 12 & ((1 << BrickId::BITS) - 1))
            .expect("36 bits are a brick");
        let corner = brick.xyz();
        let row = self.len;
        self.cell[row] = bits;
        for (a, axis) in self.lattice.iter_mut().enumerate() {
            let unit = (0..4).fold(0, |unit, bit| unit | (bits >> (3 * bit + a) & 1) << bit);
            axis[row] = corner[a] * crate::brick::BRICK_UNITS + unit as i32;
        }
        self.distance[row] = distance_m(ticks, self.cell_size_m);
        if self.columns.source {
            self.source[row] = source as i32;
        }
        if self.columns.next {
            self.next[row] = i32::from(next);
        }
        self.len += 1;
    }

    /// The first `rows` rows, column by column.
    pub(super) fn values(&self, rows: usize) -> Vec<Values<'_>> {
        let [x, y, z] = self
            .lattice
            .each_ref()
            .map(|axis| Values::Int32(&axis[..rows]));
        let mut values = vec![
            Values::Int64(&self.cell[..rows]),
            x,
            y,
            z,
            Values::Double(&self.distance[..rows]),
        ];
        if self.columns.source {
            values.push(Values::Int32(&self.source[..rows]));
        }
        if self.columns.next {
            values.push(Values::Int32(&self.next[..rows]));
        }
        values
    }

    /// Forgets the first `rows` rows; the others move to the front.
    pub(super) fn forget(&mut self, rows: usize) {
        let rest = rows..self.len;
        self.cell.copy_within(rest.clone(), 0);
        for axis in &mut self.lattice {
            axis.copy_within(rest.clone(), 0);
        }
        self.distance.copy_within(rest.clone(), 0);
        if self.columns.source {
            self.source.copy_within(rest.clone(), 0);
        }
        if self.columns.next {
            self.next.copy_within(rest, 0);
        }
        self.len -= rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_ascend_and_rows_carry_their_coordinates() {
        let frame = Frame::new([0.0; 3], 1.0).unwrap();
        for corner in [[0, 0, 0], [5, 700, 4095], [4095, 4095, 4095]] {
            let brick = BrickId::new(corner[0], corner[1], corner[2]).unwrap();
            let mut whole = Rows::new(FieldColumns::default(), &frame);
            let mut single = Rows::new(FieldColumns::default(), &frame);
            whole.push_brick(brick, &[7; BRICK_CELLS], None, None);
            for local in LOCAL_BY_INDEX {
                single.push(brick.index64(local).as_i64(), 7, 0, 0);
                let row = single.len - 1;
                let lattice = std::array::from_fn(|a| single.lattice[a][row]);
                assert_eq!(brick.cell(local).xyz(), lattice);
                assert!(row == 0 || single.cell[row - 1] < single.cell[row]);
            }
            assert_eq!(whole.cell[..BRICK_CELLS], single.cell[..BRICK_CELLS]);
            assert_eq!(
                whole.distance[..BRICK_CELLS],
                single.distance[..BRICK_CELLS]
            );
            assert!(
                (0..3).all(|a| whole.lattice[a][..BRICK_CELLS] == single.lattice[a][..BRICK_CELLS])
            );
        }
    }
}
