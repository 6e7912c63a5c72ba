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

    #[inline(always)]
    fn next(&self, cell: Neighbourhood<'_, V>) -> V {
        let (own, mine) = (cell.now(), cell.coefficient());
        let mut flux = [V::default(); 2];
        for step in 0..14 {
            let theirs = cell.neighbour_coefficient(step);
            // The harmonic mean: what two half cells one behind the other conduct; 0 at a wall.
            let mean = V::from_u8(2) * mine * theirs / (mine + theirs);
            let difference = cell.neighbour(step) - own;
            flux[step / 8] = flux[step / 8] + mean * difference;
        }
        own + self.step * (V::from_f64(HEXAGON) * flux[0] + V::from_f64(SQUARE) * flux[1])
    }
}
