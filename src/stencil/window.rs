//! What a kernel sees: sixteen cells side by side, their neighbours, and what is known of them.

use super::Value;

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
fn lanes<V>(values: &[V], at: usize) -> &Lanes<V> {
    values[at..at + LANES]
        .try_into()
        .expect("as many as there are lanes")
}

// Loops and not closures: a closure is a function of its own, which need not be compiled for the same instructions.
#[allow(clippy::needless_range_loop)]
impl<V: Value> Window<'_, V> {
    /// The cells' own values.
    #[inline(always)]
    pub fn now(&self) -> &Lanes<V> {
        lanes(self.arrays.now, self.at)
    }

    /// The cells' own values one step before, for kernels that keep them.
    #[inline(always)]
    pub fn before(&self) -> &Lanes<V> {
        &self.before
    }

    /// The values of the neighbours in a step of the fixed order (0 to 13): of blocked ones that of the boundary.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn neighbour(&self, step: usize) -> &Lanes<V> {
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
        let (mut values, beside) = (*self.now(), self.neighbour(step));
        for l in 0..LANES {
            values[l] = if open[l] != 0 { beside[l] } else { values[l] };
        }
        values
    }

    /// The sum over the eight diagonal neighbours.
    #[inline(always)]
    pub fn hexagon_sum(&self) -> Lanes<V> {
        let (a, b, c, d) = (
            self.neighbour(0),
            self.neighbour(1),
            self.neighbour(2),
            self.neighbour(3),
        );
        let (e, f, g, h) = (
            self.neighbour(4),
            self.neighbour(5),
            self.neighbour(6),
            self.neighbour(7),
        );
        let mut sums = [V::default(); LANES];
        for l in 0..LANES {
            sums[l] = ((a[l] + b[l]) + (c[l] + d[l])) + ((e[l] + f[l]) + (g[l] + h[l]));
        }
        sums
    }

    /// The sum over the six axial neighbours.
    #[inline(always)]
    pub fn square_sum(&self) -> Lanes<V> {
        let (a, b, c) = (self.neighbour(8), self.neighbour(9), self.neighbour(10));
        let (d, e, f) = (self.neighbour(11), self.neighbour(12), self.neighbour(13));
        let mut sums = [V::default(); LANES];
        for l in 0..LANES {
            sums[l] = ((a[l] + b[l]) + (c[l] + d[l])) + (e[l] + f[l]);
        }
        sums
    }

    /// How many of the eight hexagonal faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn hexagons(&self) -> Lanes<V> {
        numbers(lanes(self.arrays.hexagons, self.at))
    }

    /// How many of the six square faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn squares(&self) -> Lanes<V> {
        numbers(lanes(self.arrays.squares, self.at))
    }

    /// The Laplacian by finite volumes on truncated octahedra, in lattice units: Σ 3/16 (u − v) over hexagonal faces
    /// and Σ 1/16 (u − v) over square ones, exact for quadratics.
    #[inline(always)]
    pub fn laplacian(&self) -> Lanes<V> {
        let (own, hexagons, squares) = (self.now(), self.hexagons(), self.squares());
        let (mut sums, axial) = (self.hexagon_sum(), self.square_sum());
        let (hexagon, square) = (V::from_f64(HEXAGON), V::from_f64(SQUARE));
        for l in 0..LANES {
            sums[l] = hexagon * (sums[l] - hexagons[l] * own[l])
                + square * (axial[l] - squares[l] * own[l]);
        }
        sums
    }

    /// The cells' own coefficients, 0 of blocked ones.
    ///
    /// # Panics
    /// If the stepper keeps none.
    #[inline(always)]
    pub fn coefficients(&self) -> &Lanes<V> {
        lanes(self.arrays.coefficients, self.at)
    }

    /// The coefficients of the neighbours in a step of the fixed order.
    ///
    /// # Panics
    /// If the stepper keeps none, or `step` is above 13.
    #[inline(always)]
    pub fn neighbour_coefficients(&self, step: usize) -> &Lanes<V> {
        lanes(self.arrays.coefficients, self.place(step))
    }

    #[inline(always)]
    fn place(&self, step: usize) -> usize {
        self.at.wrapping_add_signed(self.offsets[step])
    }
}

#[inline(always)]
#[allow(clippy::needless_range_loop)]
fn numbers<V: Value>(counts: &Lanes<u8>) -> Lanes<V> {
    let mut numbers = [V::default(); LANES];
    for l in 0..LANES {
        numbers[l] = V::from_u8(counts[l]);
    }
    numbers
}
