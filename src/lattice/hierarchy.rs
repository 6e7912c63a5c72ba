//! The one hierarchy: every cell has eight children on the lattice twice as fine, and exactly one parent.
//!
//! In units of the finer lattice the parent `p` lies at `2p`, an even cell, and takes that cell, three of the even
//! cells beside it and four of the odd ones: `2p`, `2p` less each axial unit of 2, and `2p + (1, ±1, ±1)`. Even
//! cells with all halves of one parity are `2p` of one parent; where one half differs from the two others, the cell
//! was stepped down along that axis; an odd cell's x names the parent's x, whose parity picks y and z. So the
//! children of all cells are all cells, each once.
//!
//! The children of a cell surround it, so a parent's child is within a step of it, but they are not the cells
//! inside its body: that division does not exist on this lattice.
//!
//! Parents of cells in 0…65535 lie in 0…32768.

use super::Cell;

/// The steps from `2p` to the eight children of `p`, in the order of [`Cell::children`].
pub const CHILDREN: [[i32; 3]; 8] = [
    [0, 0, 0],
    [-2, 0, 0],
    [0, -2, 0],
    [0, 0, -2],
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
];

impl Cell {
    /// The cell of the lattice twice as coarse that this one is a child of, in units of that lattice.
    ///
    /// # Example
    /// ```
    /// use octaflow::lattice::Cell;
    /// let cell = Cell::new(-3, 5, 1)?;
    /// assert_eq!(cell.parent(), Cell::new(-2, 2, 0)?);
    /// assert!(cell.parent().children().any(|child| child == cell));
    /// # Ok::<(), octaflow::lattice::LatticeError>(())
    /// ```
    pub const fn parent(self) -> Cell {
        let [x, y, z] = self.xyz();
        if self.is_odd() {
            let px = x >> 1;
            // Of the two halves of an odd coordinate one has the parity of the parent's x.
            let py = (y >> 1) + ((y >> 1 ^ px) & 1);
            let pz = (z >> 1) + ((z >> 1 ^ px) & 1);
            Cell::proven(px, py, pz)
        } else {
            let [hx, hy, hz] = [x >> 1, y >> 1, z >> 1];
            // At most one half differs in parity from both others; the child was one step down from it.
            let px = hx + ((hx ^ hy) & (hx ^ hz) & 1);
            let py = hy + ((hy ^ hx) & (hy ^ hz) & 1);
            let pz = hz + ((hz ^ hx) & (hz ^ hy) & 1);
            Cell::proven(px, py, pz)
        }
    }

    /// The child at step `child` (an index into [`CHILDREN`]) on the lattice twice as fine, in units of that
    /// lattice, or `None` where `i32` ends.
    pub fn child(self, child: usize) -> Option<Cell> {
        let step = CHILDREN[child];
        let on_axis = |c: i32, d: i32| c.checked_mul(2)?.checked_add(d);
        let [x, y, z] = self.xyz();
        Some(Cell::proven(
            on_axis(x, step[0])?,
            on_axis(y, step[1])?,
            on_axis(z, step[2])?,
        ))
    }

    /// The up to eight children, in the order of [`CHILDREN`].
    pub fn children(self) -> impl Iterator<Item = Cell> {
        (0..CHILDREN.len()).filter_map(move |child| self.child(child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Cells with coordinates in `range`, of both parities.
    fn cells(range: std::ops::RangeInclusive<i32>) -> impl Iterator<Item = Cell> {
        let (x, y, z) = (range.clone(), range.clone(), range);
        x.flat_map(move |x| {
            let z = z.clone();
            y.clone()
                .flat_map(move |y| z.clone().filter_map(move |z| Cell::new(x, y, z).ok()))
        })
    }

    #[test]
    fn children_are_all_cells_each_once() {
        let mut seen = HashSet::new();
        for parent in cells(-9..=9) {
            for child in parent.children() {
                assert!(Cell::new(child.x(), child.y(), child.z()).is_ok());
                assert!(seen.insert(child), "{child} has two parents");
                assert_eq!(child.parent(), parent);
            }
        }
        for cell in cells(-16..=16) {
            assert!(seen.contains(&cell), "{cell} has no parent");
        }
    }

    #[test]
    fn parents_stay_in_range() {
        for [x, y, z] in [
            [0, 0, 0],
            [0, 0, 2],
            [1, 1, 1],
            [65535, 65535, 65535],
            [65534, 65534, 65532],
            [65535, 1, 65535],
        ] {
            for c in Cell::new(x, y, z).unwrap().parent().xyz() {
                assert!((0..=32768).contains(&c));
            }
        }
    }

    /// Any cell: any integers, their lowest bits made alike.
    fn any_cell() -> impl Strategy<Value = Cell> {
        (any::<[i32; 3]>(), 0..2).prop_map(|([x, y, z], odd)| {
            Cell::new(x & !1 | odd, y & !1 | odd, z & !1 | odd).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_cell_is_one_child_of_its_parent(cell in any_cell()) {
            let parent = cell.parent();
            prop_assert!(Cell::new(parent.x(), parent.y(), parent.z()).is_ok());
            prop_assert_eq!(parent.children().filter(|&child| child == cell).count(), 1);
        }

        #[test]
        fn parents_of_the_range_are_in_its_half(p in any::<[u16; 3]>(), odd in 0..2) {
            let [x, y, z] = p.map(|c| i32::from(c) & !1 | odd);
            let parent = Cell::new(x, y, z).unwrap().parent();
            prop_assert!(parent.xyz().iter().all(|c| (0..=32768).contains(c)), "{}", parent);
        }
    }
}
