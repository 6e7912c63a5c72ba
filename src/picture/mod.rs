//! Pictures as PNGs: of a field, three orthogonal slices through a source; of routes, the map seen along its three axes
//! ([`RoutePlan`]).
//!
//! A picture is sampled where the bricks are and drawn where the samples meet: each worker paints the bricks that it
//! owns into its own [`Samples`], which are merged in any order, and one worker renders the sum. Memory goes with
//! the picture's size, never with the map's.
//!
//! ```text
//! PicturePlan::new → blank → paint, brick by brick → Samples::merge → PicturePlan::render → PNG
//! ```

mod canvas;
mod depth;
mod field;
mod layout;
mod legend;
mod palette;
mod panel;
mod plan;
mod render;
mod routes;
mod scale;
mod slice;
mod span;
mod view;

pub use plan::{PicturePlan, Samples, Shade};
pub use routes::{DrawnRoute, RoutePlan, RouteSamples};
pub use span::Span;

#[cfg(test)]
mod tests;
