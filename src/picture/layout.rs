//! Where everything is on the canvas, and what all pictures have: a title, and panels around their images.

use super::canvas::{Canvas, Text};
use super::palette::INK;
use super::panel::Panel;

/// Room around the picture and between its panels.
const PAD: usize = 20;

/// The height of the title and the line below it.
const HEAD: usize = 56;

/// Where everything is on the canvas.
///
/// ```text
/// title
/// xz | yz
/// xy | legend
/// ```
pub(super) struct Layout<'a> {
    /// The panels xy, xz, yz, and their upper left corners.
    panels: [(Panel<'a>, [usize; 2]); 3],
    pub(super) legend: [usize; 2],
    pub(super) size: [usize; 2],
}

impl<'a> Layout<'a> {
    /// The layout of the panels xy, xz, yz and a legend of the least width and height `legend`.
    pub(super) fn new([mut xy, mut xz, yz]: [Panel<'a>; 3], legend: [usize; 2]) -> Self {
        let margin = xy.margin.max(xz.margin);
        (xy.margin, xz.margin) = (margin, margin);
        let widths = [
            xz.width().max(xy.width()),
            yz.width().max(yz.margin + legend[0]),
        ];
        let heights = [xz.height().max(yz.height()), xy.height().max(legend[1])];
        let (left, top) = (PAD, PAD + HEAD);
        let (right, bottom) = (left + widths[0], top + heights[0] + PAD);
        Layout {
            legend: [right + yz.margin, bottom],
            size: [right + widths[1] + PAD, bottom + heights[1] + PAD],
            panels: [(xy, [left, bottom]), (xz, [left, top]), (yz, [right, top])],
        }
    }

    /// The upper left corners of the images xy, xz, yz.
    pub(super) fn images(&self) -> [[usize; 2]; 3] {
        let corner = |(panel, [left, top]): &(Panel, [usize; 2])| panel.image(*left, *top).into();
        self.panels.each_ref().map(corner)
    }

    /// A canvas with a title and a line below it.
    pub(super) fn canvas(&self, title: &str, line: &str) -> Canvas {
        let mut canvas = Canvas::new(self.size[0], self.size[1]);
        for (face, text, down) in [(Text::Title, title, 0), (Text::Small, line, 26)] {
            let text = face.fitted(text, canvas.width - 2 * PAD);
            canvas.text(PAD, PAD + down, face, &text, INK);
        }
        canvas
    }

    /// Draws what surrounds the images.
    pub(super) fn draw_panels(&self, canvas: &mut Canvas) {
        for (panel, [left, top]) in &self.panels {
            panel.draw(canvas, *left, *top);
        }
    }
}
