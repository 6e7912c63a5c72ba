//! The columns that say where cells lie, which most tables share.

use super::{Column, Packing, Values};
use crate::brick::{BRICK_UNITS, BrickId, Local};
use crate::lattice::Frame;

/// Where cells lie, column by column: `cell, lx, ly, lz`.
pub(super) struct Places {
    lod: u8,
    cell: Vec<i64>,
    lattice: [Vec<i32>; 3],
}

impl Places {
    pub(super) const COLUMNS: [Column; 4] = [
        Column::new("cell", Packing::Int64Delta),
        Column::new("lx", Packing::Int32Delta),
        Column::new("ly", Packing::Int32Delta),
        Column::new("lz", Packing::Int32Delta),
    ];

    /// No cells yet of the frame's level of detail.
    pub(super) fn new(frame: &Frame) -> Self {
        Places {
            lod: frame.lod(),
            cell: Vec::new(),
            lattice: Default::default(),
        }
    }

    /// Adds a cell of the brick whose corner lies at `corner`.
    pub(super) fn push(&mut self, brick: BrickId, corner: [i32; 3], local: Local) {
        let bits = brick.index64(local).with_lod(self.lod).as_i64();
        self.cell.push(bits);
        let units = local.units();
        for (a, axis) in self.lattice.iter_mut().enumerate() {
            axis.push(corner[a] + units[a]);
        }
    }

    /// Adds a cell that comes behind all others, or is the last one again.
    pub(super) fn push_ascending(&mut self, brick: BrickId, corner: [i32; 3], local: Local) {
        debug_assert!(
            self.cell.last() <= Some(&brick.index64(local).with_lod(self.lod).as_i64()),
            "cells ascend"
        );
        self.push(brick, corner, local);
    }

    pub(super) fn len(&self) -> usize {
        self.cell.len()
    }

    pub(super) fn values(&self) -> [Values<'_>; 4] {
        let [x, y, z] = self.lattice.each_ref().map(|axis| Values::Int32(axis));
        [Values::Int64(&self.cell), x, y, z]
    }

    pub(super) fn clear(&mut self) {
        self.cell.clear();
        self.lattice.iter_mut().for_each(Vec::clear);
    }
}

/// The corner of a brick in lattice units.
pub(super) fn corner(brick: BrickId) -> [i32; 3] {
    brick.xyz().map(|c| c * BRICK_UNITS)
}
