//! Coarser levels of detail of a map, kept right while its cells change.
//!
//! ```text
//!  cells (cell, cost)
//!      │ each cell as a difference (1 child, 1 or 0 open, its cost) of its parent
//!      ▼  to the worker that the parent's brick belongs to
//!   children of each parent: differences add up, nothing else is kept of them
//!      │ reduce
//!      ▼
//!  coarser cells (parent, cost)  ──► the next level, in turn
//! ```
//!
//! # What it computes
//! For every cell that has a child among `cells`, the cost that [`coarse_cost`] says: open if at least four of the eight
//! children are, at the mean of those. A child that is not among `cells`, or has cost 0, is blocked. The plain form for a
//! whole map, [`CellMap::coarser`](crate::brick::CellMap::coarser), computes the same a brick at a time.
//!
//! An epoch costs time by the cells that it changes, at each level their parents alone: a parent's eight children are
//! one sum in an abelian group (how many, how many of them open, what these cost together), and a change is a
//! difference that is added to it.
//!
//! # Frontiers
//! A time is an epoch. A level passes an epoch when the level below it has; epochs may be under way together.
//!
//! # Invariants
//! - `cells` holds each cell at most once at every epoch. Cells outside 0…65535 are left out: they lie in no brick.
//! - Which worker keeps a parent follows from its brick alone ([`Share`]).

use super::{Collection, Diff, Time};
use crate::brick::{BrickId, coarse_cost};
use crate::ghost::Share;
use crate::lattice::Cell;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::trace::implementations::{KeyBatcher, KeySpine, ValBuilder, ValSpine};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::Map;

/// What a parent's children add up to: how many are known, how many are open, and the stored costs of these.
type Children = (Diff, Diff, Diff);

/// The cells one level of detail up, in units of that level, of cells with their stored costs (0 is blocked).
///
/// # Example
/// ```
/// use differential_dataflow::input::Input;
/// use octaflow::dataflows::coarsen::coarser;
/// use octaflow::lattice::{Cell, UNIT_COST};
///
/// let parent = Cell::new(3, 5, 7).unwrap();
/// timely::execute_directly(move |worker| {
///     worker.dataflow(|scope| {
///         let open = parent.children().take(4).map(|child| (child, UNIT_COST));
///         let (_, cells) = scope.new_collection_from(open.collect::<Vec<_>>());
///         let (_, expected) = scope.new_collection_from([(parent, UNIT_COST)]);
///         coarser(cells).assert_eq(expected);
///     });
/// });
/// ```
pub fn coarser<'scope>(cells: Collection<'scope, (Cell, u16)>) -> Collection<'scope, (Cell, u16)> {
    let share = Share::new(0, cells.scope().peers());
    let children = cells.inner.flat_map(|((cell, cost), time, diff)| {
        BrickId::locate(cell)?;
        let open = if cost > 0 { diff } else { 0 };
        let children: Children = (diff, open, cost as Diff * diff);
        Some(((cell.parent(), ()), time, children))
    });
    let to_share = Exchange::new(move |child: &((Cell, ()), Time, Children)| {
        let (brick, _) = BrickId::locate(child.0.0).expect("parents lie in range");
        share.worker_of(brick) as u64
    });
    let children = arrange_core::<_, _, KeyBatcher<_, _, _>, KeySpine<Cell, Time, Children>>(
        children,
        to_share,
        "Children",
        KeyBatcher::new,
    );
    children
        .reduce_abelian::<_, ValBuilder<_, _, _, _>, ValSpine<Cell, u16, Time, Diff>, _, _>(
            "Coarser",
            |_parent, children, coarse| {
                let (known, open, sum) = children[0].1;
                if known > 0 {
                    coarse.push((coarse_cost(open as u32, sum as u32), 1));
                }
            },
            |buffer, key, updates| {
                buffer.clear();
                buffer.extend(
                    updates
                        .drain(..)
                        .map(|(cost, time, diff)| ((*key, cost), time, diff)),
                );
            },
        )
        .as_collection(|&cell, &cost| (cell, cost))
}

/// The cells of each of `count` levels above those given, the finest first.
pub fn levels<'scope>(
    cells: Collection<'scope, (Cell, u16)>,
    count: usize,
) -> Vec<Collection<'scope, (Cell, u16)>> {
    let mut below = cells;
    let mut levels = Vec::with_capacity(count);
    for _ in 0..count {
        below = coarser(below);
        levels.push(below.clone());
    }
    levels
}
