//! The heat equation, explicitly in time.

use super::{HEXAGON, Kernel, Neighbourhood, SQUARE, Value};

/// The greatest step of [`Diffusion`] that is stable, in lattice units over the diffusivity: with it the weights of a
/// cell's faces add up to 1.
pub const GREATEST_STEP: f64 = 1.0 / (8.0 * HEXAGON + 6.0 * SQUARE);

/// Diffusion with one diffusivity everywhere: `u + step · Laplacian(u)`.
#[derive(Clone, Copy, Debug)]
pub struct Diffusion<V> {
    /// Diffusivity times the time of a step, in lattice units²; at most [`GREATEST_STEP`].
    pub step: V,
}

impl<V: Value> Kernel for Diffusion<V> {
    type Value = V;

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, V>) -> V {
        cell.now() + self.step * cell.laplacian()
    }
}

/// Diffusion with a diffusivity a cell, the block's coefficient: a face takes the harmonic mean of its two cells'.
#[derive(Clone, Copy, Debug)]
pub struct VariableDiffusion<V> {
    /// The time of a step, in lattice units² over the unit of the coefficients.
    pub step: V,
}

impl<V: Value> Kernel for VariableDiffusion<V> {
    type Value = V;
    const COEFFICIENTS: bool = true;
    const SUMS: bool = false;

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, V>) -> V {
        let (own, mine) = (cell.now(), cell.coefficient());
        // The harmonic mean: what two half cells one behind the other conduct; 0 at a wall.
        let flux = |step| {
            let theirs = cell.neighbour_coefficient(step);
            V::from_u8(2) * mine * theirs / (mine + theirs) * (cell.neighbour(step) - own)
        };
        let hexagons = ((flux(0) + flux(1)) + (flux(2) + flux(3)))
            + ((flux(4) + flux(5)) + (flux(6) + flux(7)));
        let squares = ((flux(8) + flux(9)) + (flux(10) + flux(11))) + (flux(12) + flux(13));
        own + self.step * (V::from_f64(HEXAGON) * hexagons + V::from_f64(SQUARE) * squares)
    }
}
