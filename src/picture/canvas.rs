//! A canvas of pixels: rectangles, lines, text, and the PNG of it.

use super::palette::{Rgb, WHITE, mix};
use crate::error::{Error, Result};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// A size of text.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// 16 pixels a line.
    Small,
    /// 16 pixels a line, bold.
    Strong,
    /// 20 pixels a line, bold.
    Title,
}

impl Text {
    fn face(self) -> (FontWeight, RasterHeight) {
        match self {
            Text::Small => (FontWeight::Regular, RasterHeight::Size16),
            Text::Strong => (FontWeight::Bold, RasterHeight::Size16),
            Text::Title => (FontWeight::Bold, RasterHeight::Size20),
        }
    }

    /// The height of a line, in pixels.
    pub(super) fn height(self) -> usize {
        self.face().1.val()
    }

    /// The width of a text, in pixels.
    pub(super) fn width(self, text: &str) -> usize {
        let (weight, height) = self.face();
        text.chars().count() * get_raster_width(weight, height)
    }

    /// The text, shortened by dots to at most `width` pixels.
    pub(super) fn fitted(self, text: &str, width: usize) -> String {
        let room = width / self.width("M");
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let kept = text.chars().take(room.saturating_sub(3));
        kept.chain("...".chars()).take(room).collect()
    }
}

/// Pixels, white at first. What is drawn beyond the edges is lost.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Canvas {
            width,
            height,
            pixels: vec![WHITE; width * height],
        }
    }

    pub(super) fn set(&mut self, x: usize, y: usize, colour: Rgb) {
        self.blend(x, y, colour, 1.0);
    }

    pub(super) fn blend(&mut self, x: usize, y: usize, colour: Rgb, share: f64) {
        if x < self.width && y < self.height {
            let pixel = &mut self.pixels[y * self.width + x];
            *pixel = mix(*pixel, colour, share);
        }
    }

    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        for y in y..y + height {
            for x in x..x + width {
                self.set(x, y, colour);
            }
        }
    }

    /// The outline of a rectangle, one pixel wide, just outside of it.
    pub(super) fn outline(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        self.fill(x - 1, y - 1, width + 2, 1, colour);
        self.fill(x - 1, y + height, width + 2, 1, colour);
        self.fill(x - 1, y - 1, 1, height + 2, colour);
        self.fill(x + width, y - 1, 1, height + 2, colour);
    }

    /// A disc with smooth edges around the point `(x, y)`.
    pub(super) fn disc(&mut self, x: f64, y: f64, radius: f64, colour: Rgb) {
        let from = |c: f64| (c - radius - 1.0).floor().max(0.0) as usize;
        let to = |c: f64| (c + radius + 1.0).ceil().max(0.0) as usize;
        for row in from(y)..to(y) {
            for column in from(x)..to(x) {
                let (dx, dy) = (column as f64 + 0.5 - x, row as f64 + 0.5 - y);
                let cover = radius + 0.5 - (dx * dx + dy * dy).sqrt();
                self.blend(column, row, colour, cover.clamp(0.0, 1.0));
            }
        }
    }

    /// Text with its upper left corner at `(x, y)`; characters that the font lacks become `?`.
    pub(super) fn text(&mut self, x: usize, y: usize, face: Text, text: &str, colour: Rgb) {
        let (weight, height) = face.face();
        let glyphs = text.chars().filter_map(|c| {
            get_raster(c, weight, height).or_else(|| get_raster('?', weight, height))
        });
        let mut left = x;
        for glyph in glyphs {
            for (row, cover) in glyph.rows().enumerate() {
                for (column, &cover) in cover.iter().enumerate() {
                    self.blend(left + column, y + row, colour, f64::from(cover) / 255.0);
                }
            }
            left += glyph.width();
        }
    }

    /// The PNG's bytes.
    pub(super) fn png(&self) -> Result<Vec<u8>> {
        let refused = |error| Error::machine(format!("the picture cannot be encoded: {error}"));
        let side = |px: usize| u32::try_from(px).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(refused)?;
        writer
            .write_image_data(self.pixels.as_flattened())
            .map_err(refused)?;
        writer.finish().map_err(refused)?;
        Ok(bytes)
    }
}
