//! What a kernel sees: sixteen cells side by side, their neighbours, and what is known of them.

use super::Value;
use std::array::from_fn;

/// How many cells a kernel computes at a time.
pub const LANES: usize = 16;

/// A value for each of [`LANES`] cells side by side.
pub type Lanes<V> = [V; LANES];

/// The flux coefficient of a hexagonal face, over the volume of a cell, in lattice units: (3√3/4)/√3 / 4.
pub const HEXAGON: f64 = 3.0 / 16.0;

/// The same of a square face.
pub const SQUARE: f64 = 1.0 / 16.0;

/// The arrays of a block that kernels read, all padded alike; see [`super::block`].
#[derive(Clone, Copy)]
pub(super) struct Arrays<'a, V> {
    pub now: &'a [V],
    pub open: &'a [u8],
    pub hexagons: &'a [u8],
    pub squares: &'a [u8],
    pub coefficients: &'a [V],
}

/// Where neighbours stand from a cell, in the fixed order, by the cell's parity.
pub(super) type Offsets = [isize; 14];

/// Sixteen cells side by side, as a [`Kernel`](super::Kernel) sees them.
///
/// A blocked cell, and one that is not in the map, has the value of the boundary: 0, or the fixed one. Sums run over
/// the neighbours in the fixed order, in pairs, wherever they are computed: so the bits are always the same.
pub struct Window<'a, V> {
    pub(super) arrays: Arrays<'a, V>,
    pub(super) before: Lanes<V>,
    pub(super) at: usize,
    pub(super) offsets: &'a Offsets,
}

#[inline(always)]
fn lanes<V: Copy>(values: &[V], at: usize) -> Lanes<V> {
    let window: &Lanes<V> = values[at..at + LANES]
        .try_into()
        .expect("as many as there are lanes");
    *window
}

impl<V: Value> Window<'_, V> {
    /// The cells' own values.
    #[inline(always)]
    pub fn now(&self) -> Lanes<V> {
        lanes(self.arrays.now, self.at)
    }

    /// The cells' own values one step before, for kernels that keep them.
    #[inline(always)]
    pub fn before(&self) -> Lanes<V> {
        self.before
    }

    /// The values of the neighbours in a step of the fixed order (0 to 13): of blocked ones that of the boundary.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn neighbour(&self, step: usize) -> Lanes<V> {
        lanes(self.arrays.now, self.place(step))
    }

    /// The values of the neighbours in a step of the fixed order: of blocked ones the cell's own, as if a wall
    /// reflected it.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn reflected(&self, step: usize) -> Lanes<V> {
        let open = lanes(self.arrays.open, self.place(step));
        let (own, beside) = (self.now(), self.neighbour(step));
        from_fn(|l| if open[l] != 0 { beside[l] } else { own[l] })
    }

    /// The sum over the eight diagonal neighbours.
    #[inline(always)]
    pub fn hexagon_sum(&self) -> Lanes<V> {
        let n: [Lanes<V>; 8] = from_fn(|step| self.neighbour(step));
        from_fn(|l| {
            ((n[0][l] + n[1][l]) + (n[2][l] + n[3][l]))
                + ((n[4][l] + n[5][l]) + (n[6][l] + n[7][l]))
        })
    }

    /// The sum over the six axial neighbours.
    #[inline(always)]
    pub fn square_sum(&self) -> Lanes<V> {
        let n: [Lanes<V>; 6] = from_fn(|step| self.neighbour(8 + step));
        from_fn(|l| (n[0][l] + n[1][l]) + (n[2][l] + n[3][l]) + (n[4][l] + n[5][l]))
    }

    /// How many of the eight hexagonal faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn hexagons(&self) -> Lanes<V> {
        lanes(self.arrays.hexagons, self.at).map(V::from_u8)
    }

    /// How many of the six square faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn squares(&self) -> Lanes<V> {
        lanes(self.arrays.squares, self.at).map(V::from_u8)
    }

    /// The Laplacian by finite volumes on truncated octahedra, in lattice units: Σ 3/16 (u − v) over hexagonal faces
    /// and Σ 1/16 (u − v) over square ones, exact for quadratics.
    #[inline(always)]
    pub fn laplacian(&self) -> Lanes<V> {
        let (own, hexagons, squares) = (self.now(), self.hexagons(), self.squares());
        let (diagonal, axial) = (self.hexagon_sum(), self.square_sum());
        let (hexagon, square) = (V::from_f64(HEXAGON), V::from_f64(SQUARE));
        from_fn(|l| {
            hexagon * (diagonal[l] - hexagons[l] * own[l])
                + square * (axial[l] - squares[l] * own[l])
        })
    }

    /// The cells' own coefficients; 0 where none are kept, and of blocked cells.
    #[inline(always)]
    pub fn coefficients(&self) -> Lanes<V> {
        self.coefficients_at(self.at)
    }

    /// The coefficients of the neighbours in a step of the fixed order.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn neighbour_coefficients(&self, step: usize) -> Lanes<V> {
        self.coefficients_at(self.place(step))
    }

    #[inline(always)]
    fn coefficients_at(&self, at: usize) -> Lanes<V> {
        if self.arrays.coefficients.is_empty() {
            return [V::default(); LANES];
        }
        lanes(self.arrays.coefficients, at)
    }

    #[inline(always)]
    fn place(&self, step: usize) -> usize {
        self.at.wrapping_add_signed(self.offsets[step])
    }
}
