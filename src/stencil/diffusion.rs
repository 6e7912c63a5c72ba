//! The heat equation, explicitly in time.

use super::{HEXAGON, Kernel, LANES, Lanes, SQUARE, Value, Window};

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
    fn next(&self, window: &Window<'_, V>) -> Lanes<V> {
        window.now() + window.laplacian() * self.step
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

    #[inline(always)]
    fn next(&self, window: &Window<'_, V>) -> Lanes<V> {
        let (own, mine) = (window.now(), window.coefficients());
        let mut flux = [Lanes([V::default(); LANES]); 2];
        for step in 0..14 {
            let theirs = window.neighbour_coefficients(step);
            // The harmonic mean: what two half cells one behind the other conduct; 0 at a wall.
            let mean = mine * theirs * V::from_u8(2) / (mine + theirs);
            let flux = &mut flux[step / 8];
            *flux = *flux + mean * (window.neighbour(step) - own);
        }
        let flux = flux[0] * V::from_f64(HEXAGON) + flux[1] * V::from_f64(SQUARE);
        own + flux * self.step
    }
}
