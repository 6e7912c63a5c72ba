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
        let (own, mut next) = (window.now(), window.laplacian());
        for (next, own) in next.iter_mut().zip(own) {
            *next = *own + self.step * *next;
        }
        next
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

#[allow(clippy::needless_range_loop)]
impl<V: Value> Kernel for VariableDiffusion<V> {
    type Value = V;

    #[inline(always)]
    fn next(&self, window: &Window<'_, V>) -> Lanes<V> {
        let (own, mine) = (window.now(), window.coefficients());
        let mut flux = [[V::default(); LANES]; 2];
        for step in 0..14 {
            let (beside, theirs) = (window.neighbour(step), window.neighbour_coefficients(step));
            let flux = &mut flux[step / 8];
            for l in 0..LANES {
                flux[l] = flux[l] + harmonic_mean(mine[l], theirs[l]) * (beside[l] - own[l]);
            }
        }
        let (hexagon, square) = (V::from_f64(HEXAGON), V::from_f64(SQUARE));
        let mut next = *own;
        for l in 0..LANES {
            next[l] = next[l] + self.step * (hexagon * flux[0][l] + square * flux[1][l]);
        }
        next
    }
}
