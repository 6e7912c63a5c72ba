//! What a kernel sees: eight cells side by side, their neighbours, and what is known of them.

use super::Value;
use std::ops::{Add, Div, Mul, Sub};

/// How many cells a kernel computes at a time.
pub const LANES: usize = 8;

/// A number for each of [`LANES`] cells side by side; the operators work on each lane by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lanes<V>(pub [V; LANES]);

/// An operator, one whole operation after the other: so compilers see vectors, which in one loop over long sums they lose.
macro_rules! operator {
    ($trait:ident, $name:ident, $operator:tt) => {
        impl<V: Value> $trait for Lanes<V> {
            type Output = Self;

            #[inline(always)]
            fn $name(mut self, other: Self) -> Self {
                for l in 0..LANES {
                    self.0[l] = self.0[l] $operator other.0[l];
                }
                self
            }
        }

        impl<V: Value> $trait<V> for Lanes<V> {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: V) -> Self {
                self $operator Lanes([other; LANES])
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl<V: Value> Lanes<V> {
    /// Of each lane the number of `self` where `open` is not 0, else that of `other`.
    #[inline(always)]
    pub(super) fn where_open(mut self, open: &[u8; LANES], other: Self) -> Self {
        for l in 0..LANES {
            self.0[l] = if open[l] != 0 { self.0[l] } else { other.0[l] };
        }
        self
    }
}

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

/// Eight cells side by side, as a [`Kernel`](super::Kernel) sees them.
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
pub(super) fn eight<V: Copy>(values: &[V], at: usize) -> [V; LANES] {
    let eight: &[V; LANES] = values[at..at + LANES]
        .try_into()
        .expect("as many as there are lanes");
    *eight
}

impl<V: Value> Window<'_, V> {
    /// The cells' own values.
    #[inline(always)]
    pub fn now(&self) -> Lanes<V> {
        Lanes(eight(self.arrays.now, self.at))
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
        Lanes(eight(self.arrays.now, self.place(step)))
    }

    /// The values of the neighbours in a step of the fixed order: of blocked ones the cell's own, as if a wall
    /// reflected it.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn reflected(&self, step: usize) -> Lanes<V> {
        let open = eight(self.arrays.open, self.place(step));
        self.neighbour(step).where_open(&open, self.now())
    }

    /// The sum over the eight diagonal neighbours.
    #[inline(always)]
    pub fn hexagon_sum(&self) -> Lanes<V> {
        let front =
            (self.neighbour(0) + self.neighbour(1)) + (self.neighbour(2) + self.neighbour(3));
        let back =
            (self.neighbour(4) + self.neighbour(5)) + (self.neighbour(6) + self.neighbour(7));
        front + back
    }

    /// The sum over the six axial neighbours.
    #[inline(always)]
    pub fn square_sum(&self) -> Lanes<V> {
        let first =
            (self.neighbour(8) + self.neighbour(9)) + (self.neighbour(10) + self.neighbour(11));
        first + (self.neighbour(12) + self.neighbour(13))
    }

    /// How many of the eight hexagonal faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn hexagons(&self) -> Lanes<V> {
        numbers(&eight(self.arrays.hexagons, self.at))
    }

    /// How many of the six square faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn squares(&self) -> Lanes<V> {
        numbers(&eight(self.arrays.squares, self.at))
    }

    /// The Laplacian by finite volumes on truncated octahedra, in lattice units: Σ 3/16 (u − v) over hexagonal faces
    /// and Σ 1/16 (u − v) over square ones, exact for quadratics.
    #[inline(always)]
    pub fn laplacian(&self) -> Lanes<V> {
        let hexagons = self.hexagon_sum() - self.hexagons() * self.now();
        let squares = self.square_sum() - self.squares() * self.now();
        hexagons * V::from_f64(HEXAGON) + squares * V::from_f64(SQUARE)
    }

    /// The cells' own coefficients, 0 of blocked ones.
    ///
    /// # Panics
    /// If the stepper keeps none.
    #[inline(always)]
    pub fn coefficients(&self) -> Lanes<V> {
        Lanes(eight(self.arrays.coefficients, self.at))
    }

    /// The coefficients of the neighbours in a step of the fixed order.
    ///
    /// # Panics
    /// If the stepper keeps none, or `step` is above 13.
    #[inline(always)]
    pub fn neighbour_coefficients(&self, step: usize) -> Lanes<V> {
        Lanes(eight(self.arrays.coefficients, self.place(step)))
    }

    #[inline(always)]
    fn place(&self, step: usize) -> usize {
        self.at.wrapping_add_signed(self.offsets[step])
    }
}

#[inline(always)]
fn numbers<V: Value>(counts: &[u8; LANES]) -> Lanes<V> {
    let mut numbers = [V::default(); LANES];
    for l in 0..LANES {
        numbers[l] = V::from_u8(counts[l]);
    }
    Lanes(numbers)
}
