//! Pictures of routes: the map seen along its three axes, and the routes over it, as a PNG.
//!
//! The map is an X-ray: behind each pixel lies a column of cells, light where all of them are open and darker the more
//! of them are blocked, so that walls along the line of sight stand out and floors and ceilings do not hide the rooms
//! between them. Where nothing in the column is open, the pixel is dark near open columns and white far from them.
//!
//! As with the picture of a field, each worker paints the bricks that it owns, and one renders the sum:
//!
//! ```text
//! RoutePlan::new → blank → paint, brick by brick → RouteSamples::merge → RoutePlan::render(routes) → PNG
//! ```

mod backdrop;
mod grid;
mod legend;
mod lines;
mod plan;
mod projection;
mod render;
mod shown;
mod trace;

pub use plan::{DrawnRoute, RoutePlan, RouteSamples};

#[cfg(test)]
mod tests;
