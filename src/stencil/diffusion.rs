//! The heat equation, explicitly in time.

use super::{HEXAGON, Kernel, Lanes, SQUARE, Value, Window};
use std::array::from_fn;

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
        let (own, laplacian) = (window.now(), window.laplacian());
        from_fn(|l| own[l] + self.step * laplacian[l])
    }
}

/// Diffusion with a diffusivity a cell, the block's coefficient: a face takes the harmonic mean of its two cells'.
#[derive(Clone, Copy, Debug)]
pub struct VariableDiffusion<V> {
    /// The time of a step, in lattice units² over the unit of the coefficients.
    pub step: V,
}

/// The harmonic mean of two diffusivities: what two half cells one behind the other conduct.
#[inline(always)]
pub fn harmonic_mean<V: Value>(a: V, b: V) -> V {
    V::from_u8(2) * a * b / (a + b)
}

impl<V: Value> Kernel for VariableDiffusion<V> {
    type Value = V;

    #[inline(always)]
    fn next(&self, window: &Window<'_, V>) -> Lanes<V> {
        let (own, mine) = (window.now(), window.coefficients());
        let mut flux = [[V::default(); super::LANES]; 2];
        for step in 0..14 {
            let (beside, theirs) = (window.neighbour(step), window.neighbour_coefficients(step));
            let flux = &mut flux[step / 8];
            *flux = from_fn(|l| flux[l] + harmonic_mean(mine[l], theirs[l]) * (beside[l] - own[l]));
        }
        let (hexagon, square) = (V::from_f64(HEXAGON), V::from_f64(SQUARE));
        from_fn(|l| own[l] + self.step * (hexagon * flux[0][l] + square * flux[1][l]))
    }
}
