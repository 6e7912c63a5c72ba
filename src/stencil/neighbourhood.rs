//! What a kernel sees: a cell, its neighbours, and what is known of them.

use super::{Kernel, Value};

/// Layers of a step within a round that are kept: a layer and those on both sides of it.
pub(super) const DEPTH: usize = 3;

/// The flux coefficient of a hexagonal face, over the volume of a cell, in lattice units: (3√3/4)/√3 / 4.
pub const HEXAGON: f64 = 3.0 / 16.0;

/// The same of a square face.
pub const SQUARE: f64 = 1.0 / 16.0;

/// What kernels read of a block besides values: arrays of all cells, padded alike; see [`super::block`].
#[derive(Clone, Copy)]
pub(super) struct Ground<'a, V> {
    pub faces: &'a [u8],
    pub coefficients: &'a [V],
}

/// How values lie in an array: rows of `width`, layers of as many rows, and of each parity all layers or `depth` that
/// serve by turns.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub width: usize,
    pub depth: usize,
}

impl Layout {
    /// Where a row begins, by parity, layer and place in it.
    #[inline(always)]
    pub fn row(self, [parity, k, j]: [usize; 3]) -> usize {
        let k = if self.depth < self.width {
            k % DEPTH
        } else {
            k
        };
        ((parity * self.depth + k) * self.width + j) * self.width
    }
}

/// What is known of a cell and its faces, in a byte: 0 of a blocked one. So a step reads one byte a cell and not three.
pub(super) mod faces {
    /// Set if the cell is open.
    pub const OPEN: u8 = 0x80;

    /// The byte of an open cell from how many of its hexagonal (0 to 8) and square faces (0 to 6) conduct.
    pub fn of_open(hexagons: u8, squares: u8) -> u8 {
        OPEN | squares << 4 | hexagons
    }

    #[inline(always)]
    pub fn hexagons(byte: u8) -> u8 {
        byte & 15
    }

    #[inline(always)]
    pub fn squares(byte: u8) -> u8 {
        byte >> 4 & 7
    }
}

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
    /// Those of the `length` cells from the beginning of a row on; empty ones if they are not wanted.
    #[inline(always)]
    fn new(
        all: &'a [T],
        layout: Layout,
        [parity, k, j]: [usize; 3],
        length: usize,
        wanted: bool,
    ) -> Self {
        let run = |place: [usize; 3], back: usize, length: usize| {
            if wanted {
                &all[layout.row(place) - back..][..length]
            } else {
                &[]
            }
        };
        // From an even cell the odd one at the same index lies above, from an odd one the even one below.
        let other = |y: usize, z: usize| {
            let place = [1 - parity, k + parity + z - 1, j + parity + y - 1];
            run(place, 1 - parity, length + 1)
        };
        Rows {
            own: run([parity, k, j], 1, length + 2),
            diagonal: [other(1, 1), other(1, 0), other(0, 1), other(0, 0)],
            axial: [
                run([parity, k, j + 1], 0, length),
                run([parity, k, j - 1], 0, length),
                run([parity, k + 1, j], 0, length),
                run([parity, k - 1, j], 0, length),
            ],
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
    /// The sums over the four diagonal rows, with one more at the end, for kernels that ask for them.
    sums: &'a [V],
    faces: &'a [u8],
    coefficients: Rows<'a, V>,
    walls: Rows<'a, u8>,
}

impl<'a, V: Value> Line<'a, V> {
    /// The run of `length` cells from the beginning of a row on, whose values lie as `layout` says and the rest as
    /// `whole` does.
    #[inline(always)]
    pub fn new<K: Kernel<Value = V>>(
        (now, layout): (&'a [V], Layout),
        ground: &Ground<'a, V>,
        whole: Layout,
        place: [usize; 3],
        length: usize,
    ) -> Self {
        let (faces, coefficients) = (ground.faces, ground.coefficients);
        Line {
            now: Rows::new(now, layout, place, length, true),
            sums: &[],
            faces: &faces[whole.row(place)..][..length],
            coefficients: Rows::new(coefficients, whole, place, length, K::COEFFICIENTS),
            walls: Rows::new(faces, whole, place, length, K::WALLS),
        }
    }

    /// Whether no cell of the run is open.
    pub fn is_blocked(&self) -> bool {
        self.faces.iter().all(|&byte| byte == 0)
    }

    /// Computes the next values of the run's cells, from those of the step before if the kernel keeps them; blocked
    /// ones become `outside`.
    ///
    /// All rows are cut to one length first: so no index is checked within the loops, and they are compiled to vectors.
    /// `sums` has room for one value more than `next`.
    #[inline(always)]
    pub fn step<K: Kernel<Value = V>>(
        &self,
        kernel: &K,
        outside: V,
        sums: &mut [V],
        next: &mut [V],
    ) {
        let length = next.len();
        let now = self.now.cut(length, true);
        let sums = &mut sums[..length + 1];
        if K::SUMS {
            let [a, b, c, d] = now.diagonal;
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = (a[at] + b[at]) + (c[at] + d[at]);
            }
        }
        let line = Line {
            now,
            sums,
            faces: &self.faces[..length],
            coefficients: self.coefficients.cut(length, K::COEFFICIENTS),
            walls: self.walls.cut(length, K::WALLS),
        };
        for (at, next) in next.iter_mut().enumerate() {
            let before = if K::BEFORE { *next } else { outside };
            let value = kernel.next(Neighbourhood {
                line: &line,
                at,
                before,
                has_sums: K::SUMS,
            });
            *next = if line.faces[at] >= faces::OPEN {
                value
            } else {
                outside
            };
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
    has_sums: bool,
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
        if self.line.walls.beside(self.at, step) >= faces::OPEN {
            self.neighbour(step)
        } else {
            self.now()
        }
    }

    /// The sum over the eight diagonal neighbours: of the four ahead along x, and of the four behind. What is ahead of
    /// one cell is behind the next: kernels with [`Kernel::SUMS`] find both summed.
    #[inline(always)]
    pub fn hexagon_sum(&self) -> V {
        if self.has_sums {
            return self.line.sums[self.at + 1] + self.line.sums[self.at];
        }
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
        V::from_u8(faces::hexagons(self.line.faces[self.at]))
    }

    /// How many of the six square faces conduct: all but walls that reflect.
    #[inline(always)]
    pub fn squares(&self) -> V {
        V::from_u8(faces::squares(self.line.faces[self.at]))
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
