//! What a kernel sees: a cell, its neighbours, and what is known of them.

use super::{Kernel, Value};

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

/// A run of cells side by side, and the runs of their neighbours; of what a kernel does not ask for the runs are empty.
#[derive(Clone, Copy)]
pub(super) struct Line<'a, V> {
    now: &'a [V],
    neighbours: [&'a [V]; 14],
    open: &'a [u8],
    hexagons: &'a [u8],
    squares: &'a [u8],
    coefficient: &'a [V],
    coefficients: [&'a [V]; 14],
    walls: [&'a [u8]; 14],
}

/// The same expression for each of the 14 steps.
macro_rules! each_step {
    ($step:ident => $value:expr) => {
        [
            {
                const $step: usize = 0;
                $value
            },
            {
                const $step: usize = 1;
                $value
            },
            {
                const $step: usize = 2;
                $value
            },
            {
                const $step: usize = 3;
                $value
            },
            {
                const $step: usize = 4;
                $value
            },
            {
                const $step: usize = 5;
                $value
            },
            {
                const $step: usize = 6;
                $value
            },
            {
                const $step: usize = 7;
                $value
            },
            {
                const $step: usize = 8;
                $value
            },
            {
                const $step: usize = 9;
                $value
            },
            {
                const $step: usize = 10;
                $value
            },
            {
                const $step: usize = 11;
                $value
            },
            {
                const $step: usize = 12;
                $value
            },
            {
                const $step: usize = 13;
                $value
            },
        ]
    };
}

/// The `length` elements from `at` on, or none.
#[inline(always)]
fn run<T>(all: &[T], at: usize, length: usize, wanted: bool) -> &[T] {
    if wanted { &all[at..at + length] } else { &[] }
}

impl<'a, V: Value> Line<'a, V> {
    /// The run of `length` cells from `at` on.
    pub fn new<K: Kernel<Value = V>>(
        arrays: &Arrays<'a, V>,
        offsets: &Offsets,
        at: usize,
        length: usize,
    ) -> Self {
        let place = |step: usize| at.wrapping_add_signed(offsets[step]);
        let (by_cost, walls) = (K::COEFFICIENTS, K::WALLS);
        Line {
            now: run(arrays.now, at, length, true),
            neighbours: each_step!(S => run(arrays.now, place(S), length, true)),
            open: run(arrays.open, at, length, true),
            hexagons: run(arrays.hexagons, at, length, true),
            squares: run(arrays.squares, at, length, true),
            coefficient: run(arrays.coefficients, at, length, by_cost),
            coefficients: each_step!(S => run(arrays.coefficients, place(S), length, by_cost)),
            walls: each_step!(S => run(arrays.open, place(S), length, walls)),
        }
    }

    /// Computes the next values of the run's cells, from those of the step before if the kernel keeps them; blocked
    /// ones become `outside`.
    ///
    /// All runs are cut to one length that is seen to be one here: so no index is checked within the loop, and it is
    /// compiled to vectors.
    #[inline(always)]
    pub fn step<K: Kernel<Value = V>>(&self, kernel: &K, outside: V, next: &mut [V]) {
        let length = next.len();
        let (by_cost, walls) = (K::COEFFICIENTS, K::WALLS);
        let line = Line {
            now: run(self.now, 0, length, true),
            neighbours: each_step!(S => run(self.neighbours[S], 0, length, true)),
            open: run(self.open, 0, length, true),
            hexagons: run(self.hexagons, 0, length, true),
            squares: run(self.squares, 0, length, true),
            coefficient: run(self.coefficient, 0, length, by_cost),
            coefficients: each_step!(S => run(self.coefficients[S], 0, length, by_cost)),
            walls: each_step!(S => run(self.walls[S], 0, length, walls)),
        };
        for (at, next) in next.iter_mut().enumerate() {
            let before = if K::BEFORE { *next } else { outside };
            let value = kernel.next(Neighbourhood {
                line: &line,
                at,
                before,
            });
            *next = if line.open[at] != 0 { value } else { outside };
        }
    }
}

/// A cell as a [`Kernel`] sees it, with its 14 neighbours.
///
/// A blocked cell, and one that is not in the map, has the value of the boundary: 0, or the fixed one. Sums run over
/// the neighbours in the fixed order, in pairs, wherever they are computed: so the bits are always the same.
pub struct Neighbourhood<'a, V> {
    line: &'a Line<'a, V>,
    at: usize,
    before: V,
}

impl<V: Value> Neighbourhood<'_, V> {
    /// The cell's own value.
    #[inline(always)]
    pub fn now(&self) -> V {
        self.line.now[self.at]
    }

    /// The cell's own value one step before, for kernels that keep it ([`Kernel::BEFORE`]).
    #[inline(always)]
    pub fn before(&self) -> V {
        self.before
    }

    /// The value of the neighbour in a step of the fixed order (0 to 13): of a blocked one that of the boundary.
    ///
    /// # Panics
    /// If `step` is above 13.
    #[inline(always)]
    pub fn neighbour(&self, step: usize) -> V {
        self.line.neighbours[step][self.at]
    }

    /// The value of the neighbour in a step of the fixed order: of a blocked one the cell's own, as if a wall reflected
    /// it. For kernels with [`Kernel::WALLS`].
    ///
    /// # Panics
    /// If `step` is above 13, or the kernel has not asked for walls.
    #[inline(always)]
    pub fn reflected(&self, step: usize) -> V {
        if self.line.walls[step][self.at] != 0 {
            self.neighbour(step)
        } else {
            self.now()
        }
    }

    /// The sum over the eight diagonal neighbours.
    #[inline(always)]
    pub fn hexagon_sum(&self) -> V {
        let n = |step| self.neighbour(step);
        ((n(0) + n(1)) + (n(2) + n(3))) + ((n(4) + n(5)) + (n(6) + n(7)))
    }

    /// The sum over the six axial neighbours.
    #[inline(always)]
    pub fn square_sum(&self) -> V {
        let n = |step| self.neighbour(step);
        ((n(8) + n(9)) + (n(10) + n(11))) + (n(12) + n(13))
    }

    /// How many of the eight hexagonal faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn hexagons(&self) -> V {
        V::from_u8(self.line.hexagons[self.at])
    }

    /// How many of the six square faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn squares(&self) -> V {
        V::from_u8(self.line.squares[self.at])
    }

    /// The Laplacian by finite volumes on truncated octahedra, in lattice units: Σ 3/16 (u − v) over hexagonal faces
    /// and Σ 1/16 (u − v) over square ones, exact for quadratics.
    #[inline(always)]
    pub fn laplacian(&self) -> V {
        let hexagons = self.hexagon_sum() - self.hexagons() * self.now();
        let squares = self.square_sum() - self.squares() * self.now();
        V::from_f64(HEXAGON) * hexagons + V::from_f64(SQUARE) * squares
    }

    /// The cell's own coefficient, for kernels with [`Kernel::COEFFICIENTS`]; 0 of a blocked one.
    ///
    /// # Panics
    /// If the kernel has not asked for coefficients.
    #[inline(always)]
    pub fn coefficient(&self) -> V {
        self.line.coefficient[self.at]
    }

    /// The coefficient of the neighbour in a step of the fixed order.
    ///
    /// # Panics
    /// If `step` is above 13, or the kernel has not asked for coefficients.
    #[inline(always)]
    pub fn neighbour_coefficient(&self, step: usize) -> V {
        self.line.coefficients[step][self.at]
    }
}
