//! The bins into which a map's columns of cells fall: one grid for all three projections.

/// The most bins along an axis.
pub(super) const MOST_BINS: i64 = 720;

/// The greatest coordinate of a cell of a map.
const LAST: i32 = u16::MAX as i32;

/// A box of cells, cut along each axis into bins of one width. A bin is at least 2 lattice units wide, so that none lacks
/// even or odd cells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) low: [i32; 3],
    pub(super) high: [i32; 3],
    /// Bins and units whose ratio is the bins a lattice unit.
    ratio: [i64; 2],
    /// How many bins each axis has, 1 to [`MOST_BINS`].
    pub(super) bins: [usize; 3],
}

impl Grid {
    /// The grid of the box `low…high` (both included, lattice units), of which what lies in 0…65535 counts. An empty
    /// box is taken as the cells at its low end.
    pub(super) fn new(low: [i32; 3], high: [i32; 3]) -> Self {
        let low = low.map(|c| c.clamp(0, LAST));
        let high: [i32; 3] = std::array::from_fn(|a| high[a].clamp(low[a], LAST));
        let units = (0..3).map(|a| i64::from(high[a] - low[a]) + 1);
        let longest = units.max().unwrap_or(1);
        let ratio = if longest <= 2 * MOST_BINS {
            [1, 2]
        } else {
            [MOST_BINS, longest]
        };
        let mut grid = Grid {
            low,
            high,
            ratio,
            bins: [1; 3],
        };
        grid.bins = std::array::from_fn(|a| grid.bin(a, high[a]) + 1);
        grid
    }

    /// The bin of a coordinate along axis `a`; one outside the box goes to the nearest bin.
    pub(super) fn bin(&self, a: usize, coordinate: i32) -> usize {
        let units = i64::from(coordinate.clamp(self.low[a], self.high[a]) - self.low[a]);
        // A coordinate stands for the unit around it, whose middle decides.
        ((2 * units + 1) * self.ratio[0] / (2 * self.ratio[1])) as usize
    }

    /// The lower edge of a bin along axis `a`, in lattice units: half a unit below its first coordinate.
    pub(super) fn edge(&self, a: usize, bin: usize) -> f64 {
        f64::from(self.low[a]) - 0.5 + bin as f64 * self.bin_units()
    }

    /// The width of a bin, in lattice units.
    pub(super) fn bin_units(&self) -> f64 {
        self.ratio[1] as f64 / self.ratio[0] as f64
    }

    /// How many even and odd coordinates each bin along axis `a` holds.
    pub(super) fn coordinates(&self, a: usize) -> Vec<[u64; 2]> {
        let mut counts = vec![[0; 2]; self.bins[a]];
        for c in self.low[a]..=self.high[a] {
            counts[self.bin(a, c)][(c & 1) as usize] += 1;
        }
        counts
    }
}
