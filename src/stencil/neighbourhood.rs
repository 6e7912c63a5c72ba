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

/// A run of cells of one array and the rows around it that hold their neighbours: few enough for a register each.
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    /// The cells, with one more at either end: the neighbours along x.
    own: &'a [T],
    /// The cells of the other parity on the four edges around the run, with one more at the end: those of the steps
    /// 0 to 3 begin at the second, those of the steps 4 to 7 at the first.
    diagonal: [&'a [T]; 4],
    /// The neighbours along y and z, in the order of the steps 10 to 13.
    axial: [&'a [T]; 4],
}

impl<'a, T: Copy> Rows<'a, T> {
    /// Those of the `length` cells from `at` on; empty ones if they are not wanted.
    fn new(all: &'a [T], offsets: &Offsets, at: usize, length: usize, wanted: bool) -> Self {
        let run = |offset: isize, length: usize| {
            let from = at.wrapping_add_signed(offset);
            if wanted {
                &all[from..from + length]
            } else {
                &[]
            }
        };
        Rows {
            own: run(-1, length + 2),
            diagonal: [4, 5, 6, 7].map(|step| run(offsets[step], length + 1)),
            axial: [10, 11, 12, 13].map(|step| run(offsets[step], length)),
        }
    }

    /// The same, cut to one length that is seen to be one where this is inlined.
    #[inline(always)]
    fn cut(&self, length: usize, wanted: bool) -> Self {
        if !wanted {
            return *self;
        }
        let ([a, b, c, d], [e, f, g, h]) = (self.diagonal, self.axial);
        let (one, two) = (length + 1, length + 2);
        Rows {
            own: &self.own[..two],
            diagonal: [&a[..one], &b[..one], &c[..one], &d[..one]],
            axial: [&e[..length], &f[..length], &g[..length], &h[..length]],
        }
    }

    #[inline(always)]
    fn own(&self, at: usize) -> T {
        self.own[at + 1]
    }

    #[inline(always)]
    fn beside(&self, at: usize, step: usize) -> T {
        match step {
            0..4 => self.diagonal[step][at + 1],
            4..8 => self.diagonal[step - 4][at],
            8 => self.own[at + 2],
            9 => self.own[at],
            _ => self.axial[step - 10][at],
        }
    }
}

/// A run of cells side by side; of what a kernel does not ask for there are no rows.
#[derive(Clone, Copy)]
pub(super) struct Line<'a, V> {
    now: Rows<'a, V>,
    open: &'a [u8],
    hexagons: &'a [u8],
    squares: &'a [u8],
    coefficients: Rows<'a, V>,
    walls: Rows<'a, u8>,
}

impl<'a, V: Value> Line<'a, V> {
    /// The run of `length` cells from `at` on.
    pub fn new<K: Kernel<Value = V>>(
        arrays: &Arrays<'a, V>,
        offsets: &Offsets,
        at: usize,
        length: usize,
    ) -> Self {
        let cells = at..at + length;
        Line {
            now: Rows::new(arrays.now, offsets, at, length, true),
            open: &arrays.open[cells.clone()],
            hexagons: &arrays.hexagons[cells.clone()],
            squares: &arrays.squares[cells],
            coefficients: Rows::new(arrays.coefficients, offsets, at, length, K::COEFFICIENTS),
            walls: Rows::new(arrays.open, offsets, at, length, K::WALLS),
        }
    }

    /// Computes the next values of the run's cells, from those of the step before if the kernel keeps them; blocked
    /// ones become `outside`.
    ///
    /// All rows are cut to one length first: so no index is checked within the loop, and it is compiled to vectors.
    #[inline(always)]
    pub fn step<K: Kernel<Value = V>>(&self, kernel: &K, outside: V, next: &mut [V]) {
        let length = next.len();
        let line = Line {
            now: self.now.cut(length, true),
            open: &self.open[..length],
            hexagons: &self.hexagons[..length],
            squares: &self.squares[..length],
            coefficients: self.coefficients.cut(length, K::COEFFICIENTS),
            walls: self.walls.cut(length, K::WALLS),
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
        self.line.now.own(self.at)
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
        self.line.now.beside(self.at, step)
    }

    /// The value of the neighbour in a step of the fixed order: of a blocked one the cell's own, as if a wall reflected
    /// it. For kernels with [`Kernel::WALLS`].
    ///
    /// # Panics
    /// If `step` is above 13, or the kernel has not asked for walls.
    #[inline(always)]
    pub fn reflected(&self, step: usize) -> V {
        if self.line.walls.beside(self.at, step) != 0 {
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
        self.line.coefficients.own(self.at)
    }

    /// The coefficient of the neighbour in a step of the fixed order.
    ///
    /// # Panics
    /// If `step` is above 13, or the kernel has not asked for coefficients.
    #[inline(always)]
    pub fn neighbour_coefficient(&self, step: usize) -> V {
        self.line.coefficients.beside(self.at, step)
    }
}
