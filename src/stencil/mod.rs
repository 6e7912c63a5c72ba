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
//! When all blocks stand at the same step, the map below them may change ([`Stepper::change_map`]): blocks that this
//! concerns are loaded again, and cells that stay open keep their values.
//!
//! A [`Kernel`] says what a step is: it gives the next value of a cell from its [`Neighbourhood`]. The [`Stepper`]
//! does the rest: distribution, ghosts, boundaries, observation. Kernels see the same neighbourhood and sums
//! run in one order wherever a cell is computed; so the bits do not depend on workers, processes, partition or K.

mod block;
mod diffusion;
mod inbox;
mod neighbourhood;
mod stepper;
mod sweep;
mod value;

pub use block::{BLOCK_SHIFT, MOST_RINGS, block_of};
pub use diffusion::{Diffusion, GREATEST_STEP, VariableDiffusion};
pub use neighbourhood::{HEXAGON, Neighbourhood, SQUARE};
pub use stepper::{
    BrickValues, Changed, Halo, Lost, MapChange, Observation, Snapshot, Stepper, StepperMap,
    StepperOptions, weigh,
};
pub use value::Value;

/// What lies beyond the open cells of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Boundary {
    /// Walls that nothing passes: [`Neighbourhood::laplacian`] has no flux through them.
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
/// use octaflow::stencil::{Kernel, Neighbourhood};
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
///     fn next(&self, cell: Neighbourhood<'_, f64>) -> f64 {
///         2.0 * cell.now() - cell.before() + self.courant2 * cell.laplacian()
///     }
/// }
/// ```
pub trait Kernel: Copy + 'static {
    /// The numbers of the field.
    type Value: Value;

    /// Whether a step reads the values of the step before, too. Then they are kept and exchanged.
    const BEFORE: bool = false;

    /// Whether a step reads coefficients of cells.
    const COEFFICIENTS: bool = false;

    /// Whether a step asks which neighbours are walls ([`Neighbourhood::reflected`]).
    const WALLS: bool = false;

    /// Whether a step asks for [`Neighbourhood::hexagon_sum`] or [`Neighbourhood::laplacian`]: half the sums are then made
    /// once for two cells. A kernel that does not is quicker without; the bits are the same.
    const SUMS: bool = true;

    /// The next value of a cell. What it gives for a blocked one is not used. Marked `#[inline(always)]` it becomes part of
    /// the sweep, and if it has no branches it is compiled to vector instructions.
    fn next(&self, cell: Neighbourhood<'_, Self::Value>) -> Self::Value;
}
