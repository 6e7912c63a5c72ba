//! A rectangle of space and the pixels that show it: where a coordinate falls, and how long a pixel is.

/// The longest side of a view where the map is longer along the third axis is at least this long, in pixels.
const SMALL_VIEW_PX: f64 = 160.0;

/// A side of a view is at least this long: thinner ones are stretched, and say so.
const SHORT_SIDE_PX: f64 = 24.0;

/// The most pixels that a lattice unit is drawn with.
const ZOOM_PX: f64 = 48.0;

/// A rectangle drawn with axis `axes[0]` to the right and `axes[1]` upwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) axes: [usize; 2],
    /// The edges of what is drawn, in lattice units, along `axes`.
    pub(super) low: [f64; 2],
    pub(super) high: [f64; 2],
    /// The size in pixels, along `axes`.
    pub(super) size: [usize; 2],
}

impl View {
    /// The view of the box with the edges `low` and `high` (lattice units) at a scale by which the box's longest side
    /// is `long_side_px` pixels, unless the view would be too small to see.
    pub(super) fn new(axes: [usize; 2], low: [f64; 3], high: [f64; 3], long_side_px: f64) -> Self {
        let length = |a: usize| high[a] - low[a];
        let longest = (0..3).map(length).fold(0.0, f64::max);
        let longer = length(axes[0]).max(length(axes[1]));
        let px_per_unit = (long_side_px / longest)
            .max(SMALL_VIEW_PX / longer)
            .min(ZOOM_PX);
        View {
            axes,
            low: axes.map(|a| low[a]),
            high: axes.map(|a| high[a]),
            size: axes.map(|a| (length(a) * px_per_unit).round().max(SHORT_SIDE_PX) as usize),
        }
    }

    /// The axis along which one looks.
    pub(super) fn across(&self) -> usize {
        3 - self.axes[0] - self.axes[1]
    }

    /// How many pixels there are.
    pub(super) fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Lattice units a pixel along drawn axis `a` (0 or 1).
    pub(super) fn units_per_px(&self, a: usize) -> f64 {
        (self.high[a] - self.low[a]) / self.size[a] as f64
    }

    /// The lattice coordinate of the centre of pixel `i` along drawn axis `a`, counted from the low edge.
    pub(super) fn centre(&self, a: usize, i: usize) -> f64 {
        self.low[a] + (i as f64 + 0.5) * self.units_per_px(a)
    }

    /// Where a lattice coordinate along drawn axis `a` falls, in pixels from the low edge.
    pub(super) fn px(&self, a: usize, coordinate: f64) -> f64 {
        (coordinate - self.low[a]) / self.units_per_px(a)
    }
}
