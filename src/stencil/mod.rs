//! Stencils that step through time: fields of numbers over the cells of a map, as a state machine below any dataflow.
//!
//! ```text
//!                 ┌──────────────────── a round: up to K steps ────────────────────┐
//!  ghosts of 26   │  step on own cells  step on own cells       step on            │   mirrors to 26
//!  neighbours  ──►│  and K−1 rings   ─► and K−2 rings   ─► …  ─► own cells         │──► neighbours
//!                 └───────────────────────────────────────────────────────────────-┘
//!                                                                      │ every M steps: totals, extrema, snapshot
//! ```
//!
//! The unit of ownership is a *block* of 4³ bricks. A block takes part in a round when the K rings of ghosts around it
//! have arrived; it waits for its 26 neighbours and for nobody else, so blocks of one worker may be rounds apart from those of
//! another, neighbours by one at most. Within a round nothing is exchanged: the rings are computed too, one less each
//! step. So K trades computing and memory for messages, and in one process K steps for one trip through memory.
//!
//! A [`Kernel`] says what a step is: it gives the next values of [`LANES`] cells side by side, seen through a [`Window`]. The
//! [`Stepper`] does the rest: distribution, ghosts, boundaries, observation. Kernels see the same window and sums run in
//! one order wherever a cell is computed; so the bits do not depend on workers, processes, partition or K.

mod block;
mod diffusion;
mod stepper;
mod value;
mod window;

pub use block::{BLOCK_SHIFT, MOST_RINGS, block_of};
pub use diffusion::{Diffusion, GREATEST_STEP, VariableDiffusion};
pub use stepper::{
    BrickValues, Halo, Observation, Snapshot, Stepper, StepperMap, StepperOptions, weigh,
};
pub use value::Value;
pub use window::{HEXAGON, LANES, Lanes, SQUARE, Window};

/// What lies beyond the open cells of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Boundary {
    /// Walls that nothing passes: [`Window::laplacian`] has no flux through them.
    #[default]
    Reflecting,
    /// Cells that always hold 0: what reaches them is gone.
    Absorbing,
    /// Cells that always hold this value.
    Fixed(f64),
}

impl Boundary {
    /// What blocked cells hold.
    fn outside<V: Value>(self) -> V {
        match self {
            Boundary::Reflecting | Boundary::Absorbing => V::default(),
            Boundary::Fixed(value) => V::from_f64(value),
        }
    }
}

/// One step of a field: what a user of the [`Stepper`] writes.
///
/// # Example
/// The wave equation by the leapfrog rule, at a squared Courant number of `courant2`:
/// ```
/// use octaflow::stencil::{Kernel, Lanes, Window};
///
/// #[derive(Clone, Copy)]
/// struct Wave {
///     courant2: f64,
/// }
///
/// impl Kernel for Wave {
///     type Value = f64;
///     const BEFORE: bool = true;
///
///     #[inline(always)]
///     fn next(&self, window: &Window<'_, f64>) -> Lanes<f64> {
///         window.now() * 2.0 - window.before() + window.laplacian() * self.courant2
///     }
/// }
/// ```
pub trait Kernel: Copy + 'static {
    /// The numbers of the field.
    type Value: Value;

    /// Whether a step reads the values of the step before, too. Then they are kept and exchanged.
    const BEFORE: bool = false;

    /// The next values of the window's cells. What it gives for blocked ones is not used. Marked `#[inline(always)]` it
    /// becomes part of the sweep and is compiled to vector instructions.
    fn next(&self, window: &Window<'_, Self::Value>) -> Lanes<Self::Value>;
}
