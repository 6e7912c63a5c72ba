//! The window in which a wave of rings spreads: a brick and K cells more on every side, a row along x a word.

use super::{Rings, Through};
use crate::brick::Planes;
use std::ops::{BitAnd, BitOr, Shl, Shr};

/// A wave that spreads from cells around a brick, a ring at a time.
pub(super) trait Wave: Send {
    /// Forgets all seeds.
    fn clear(&mut self);

    /// Begins with the cells of the brick `step` bricks away.
    fn seed(&mut self, step: [i32; 3], cells: &Planes);

    /// Forgets which cells exist.
    fn block(&mut self);

    /// Lets the wave through the cells of the brick `step` bricks away; asked for [`Through::Cells`] alone.
    fn open(&mut self, step: [i32; 3], cells: &Planes);

    /// Takes a step: those of the rings 1…K, in turn.
    fn spread(&mut self, ring: u32);

    /// The cells of the brick in the middle that the wave has reached.
    fn reached(&self) -> Planes;
}

/// A wave of `rings` rings, in rows as wide as it takes.
pub(super) fn wave(rings: Rings, through: Through) -> Box<dyn Wave> {
    match side(rings) {
        0..=16 => Box::new(Window::<u16>::new(rings, through)),
        17..=32 => Box::new(Window::<u32>::new(rings, through)),
        33..=64 => Box::new(Window::<u64>::new(rings, through)),
        _ => Box::new(Window::<u128>::new(rings, through)),
    }
}

/// How many cells of a parity the window has along an axis.
const fn side(rings: Rings) -> usize {
    8 + 2 * rings.count() as usize
}

/// A row of cells, bit `i` for the window's i-th.
trait Row:
    Copy
    + Default
    + Send
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    /// A brick's eight cells, the first of them at `at`, which may be below 0.
    fn of(cells: u64, at: i32) -> Self;

    /// Eight cells from `at` on.
    fn cells(self, at: u32) -> u64;
}

macro_rules! rows {
    ($($row:ty),*) => { $(
        impl Row for $row {
            #[inline]
            fn of(cells: u64, at: i32) -> Self {
                let row = cells as $row;
                if at < 0 { row >> -at } else { row << at }
            }

            #[inline]
            fn cells(self, at: u32) -> u64 {
                (self >> at & 0xff) as u64
            }
        }
    )* };
}

rows!(u16, u32, u64, u128);

/// Rows by parity, then z, then y.
struct Window<R> {
    rings: i32,
    side: usize,
    reached: Vec<R>,
    next: Vec<R>,
    /// The cells that exist; none for [`Through::Lattice`].
    open: Vec<R>,
}

impl<R: Row> Window<R> {
    fn new(rings: Rings, through: Through) -> Self {
        let side = side(rings);
        let rows = vec![R::default(); 2 * side * side];
        Window {
            rings: rings.count() as i32,
            side,
            reached: rows.clone(),
            open: match through {
                Through::Lattice => Vec::new(),
                Through::Cells => rows.clone(),
            },
            next: rows,
        }
    }
}

/// Adds to rows of a window those cells of the brick `step` bricks away from its middle that lie in it.
fn add<R: Row>(rows: &mut [R], rings: i32, step: [i32; 3], cells: &Planes) {
    let side = 8 + 2 * rings;
    let [x, y, z] = step.map(|c| rings + 8 * c);
    let inside = |at: i32| (-at).max(0)..(side - at).min(8);
    for (parity, planes) in cells.0.iter().enumerate() {
        for k in inside(z) {
            let plane = planes[k as usize];
            if plane == 0 {
                continue;
            }
            for j in inside(y) {
                let row = (parity as i32 * side + z + k) * side + y + j;
                let cells = R::of(plane >> (8 * j) & 0xff, x);
                rows[row as usize] = rows[row as usize] | cells;
            }
        }
    }
}

impl<R: Row> Wave for Window<R> {
    fn clear(&mut self) {
        self.reached.fill(R::default());
    }

    fn seed(&mut self, step: [i32; 3], cells: &Planes) {
        add(&mut self.reached, self.rings, step, cells);
    }

    fn block(&mut self) {
        self.open.fill(R::default());
    }

    fn open(&mut self, step: [i32; 3], cells: &Planes) {
        add(&mut self.open, self.rings, step, cells);
    }

    /// Morally: every cell whose neighbour is reached is reached. Rows from which K − ring further steps do not lead to the
    /// middle are left out.
    ///
    /// The even cell i lies between the odd cells i − 1 and i of its own row and of those one down in y, z or both;
    /// the odd cell i between the even cells i and i + 1, one up.
    fn spread(&mut self, ring: u32) {
        let (side, ring) = (self.side, ring as usize);
        let width = side - 2 * ring;
        let (even, odd) = self.reached.split_at(side * side);
        let (next_even, next_odd) = self.next.split_at_mut(side * side);
        for k in ring..side - ring {
            let at = k * side + ring;
            let beside = |own: &[R], x: usize| {
                let across = own[at - 1 + x] | own[at + 1 + x];
                own[at + x]
                    | own[at + x] << 1
                    | own[at + x] >> 1
                    | across
                    | own[at - side + x]
                    | own[at + side + x]
            };
            let (low, high) = (at - side - 1, at + side + 1);
            let (odd_low, odd_own) = (&odd[low..][..width + 1], &odd[at - 1..][..width + 1]);
            let (even_high, even_own) = (&even[high - 1..][..width + 1], &even[at..][..width + 1]);
            for (x, next) in next_even[at..][..width].iter_mut().enumerate() {
                let around = odd_low[x] | odd_low[x + 1] | odd_own[x] | odd_own[x + 1];
                *next = beside(even, x) | around | around << 1;
            }
            for (x, next) in next_odd[at..][..width].iter_mut().enumerate() {
                let around = even_high[x] | even_high[x + 1] | even_own[x] | even_own[x + 1];
                *next = beside(odd, x) | around | around >> 1;
            }
        }
        for (next, open) in self.next.iter_mut().zip(&self.open) {
            *next = *next & *open;
        }
        std::mem::swap(&mut self.reached, &mut self.next);
    }

    fn reached(&self) -> Planes {
        let (rings, side) = (self.rings as usize, self.side);
        let plane = |parity: usize, k: usize| {
            let first = (parity * side + rings + k) * side + rings;
            let rows = self.reached[first..][..8].iter().enumerate();
            rows.fold(0, |plane, (j, row)| {
                plane | row.cells(rings as u32) << (8 * j)
            })
        };
        Planes([0, 1].map(|parity| std::array::from_fn(|k| plane(parity, k))))
    }
}
