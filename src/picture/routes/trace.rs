//! A line as pixels that it covers more or less.

/// How much of each pixel of an image a line covers, 0…1. A line that passes a pixel twice covers it once.
pub(super) struct Trace {
    size: [usize; 2],
    cover: Vec<f32>,
    touched: Vec<usize>,
}

impl Trace {
    /// An empty image of the given width and height.
    pub(super) fn new(size: [usize; 2]) -> Self {
        Trace {
            size,
            cover: vec![0.0; size[0] * size[1]],
            touched: Vec::new(),
        }
    }

    /// Adds a line through points, in pixels from the image's upper left corner, so many pixels wide. A single point
    /// makes a disc.
    pub(super) fn line(&mut self, points: impl IntoIterator<Item = [f64; 2]>, width: f64) {
        let mut points = points.into_iter();
        let Some(mut from) = points.next() else {
            return;
        };
        self.segment(from, from, width / 2.0);
        for to in points {
            self.segment(from, to, width / 2.0);
            from = to;
        }
    }

    /// Calls `show(pixel, cover)` for each pixel that is covered, and forgets the line.
    pub(super) fn drain(&mut self, mut show: impl FnMut(usize, f32)) {
        for pixel in self.touched.drain(..) {
            show(pixel, std::mem::take(&mut self.cover[pixel]));
        }
    }

    /// Walks along the axis on which the segment is longer, and looks only at pixels beside it.
    fn segment(&mut self, from: [f64; 2], to: [f64; 2], radius: f64) {
        let along = [to[0] - from[0], to[1] - from[1]];
        let major = usize::from(along[1].abs() > along[0].abs());
        let minor = 1 - major;
        let slope = if along[major] == 0.0 {
            0.0
        } else {
            along[minor] / along[major]
        };
        // Beside a slope of at most 1, what is within the radius is within √2 radii straight across.
        let (reach, beside) = (radius + 1.0, 1.5 * (radius + 1.0));
        let within = |low: f64, high: f64, axis: usize| {
            let end = (high.ceil().max(0.0) as usize).min(self.size[axis]);
            (low.floor().max(0.0) as usize).min(end)..end
        };
        let (least, most) = (from[major].min(to[major]), from[major].max(to[major]));
        for m in within(least - reach, most + reach, major) {
            let at = (m as f64 + 0.5).clamp(least, most);
            let middle = from[minor] + slope * (at - from[major]);
            for n in within(middle - beside, middle + beside, minor) {
                let mut pixel = [0; 2];
                (pixel[major], pixel[minor]) = (m, n);
                let centre = pixel.map(|c| c as f64 + 0.5);
                let cover = (radius + 0.5 - distance(centre, from, along)).min(2.0 * radius);
                if cover > 0.0 {
                    let index = pixel[1] * self.size[0] + pixel[0];
                    let held = &mut self.cover[index];
                    if *held == 0.0 {
                        self.touched.push(index);
                    }
                    *held = held.max(cover.min(1.0) as f32);
                }
            }
        }
    }
}

/// How far a point is from the segment that begins at `from` and goes `along`.
fn distance(point: [f64; 2], from: [f64; 2], along: [f64; 2]) -> f64 {
    let off = [point[0] - from[0], point[1] - from[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let share = if square > 0.0 {
        ((off[0] * along[0] + off[1] * along[1]) / square).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let [dx, dy] = [0, 1].map(|a| off[a] - share * along[a]);
    (dx * dx + dy * dy).sqrt()
}
