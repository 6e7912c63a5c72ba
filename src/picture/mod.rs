//! Pictures of a field: three orthogonal slices through a source, as a PNG.
//!
//! A picture is sampled where the bricks are and drawn where the samples meet: each worker paints the bricks that it
//! owns into its own [`Samples`], which are merged in any order, and one worker renders the sum. Memory goes with
//! the picture's size, never with the map's.
//!
//! ```text
//! PicturePlan::new → blank → paint, brick by brick → Samples::merge → PicturePlan::render → PNG
//! ```

mod canvas;
mod legend;
mod palette;
mod panel;
mod plan;
mod render;
mod scale;
mod slice;

pub use plan::{PicturePlan, Samples};

#[cfg(test)]
mod tests;
