//! From one level of detail to the next coarser one.

use super::{BrickTally, Children, Judged, Tallies};
use crate::brick::{BrickId, LOCAL_BY_INDEX, Local};
use crate::lattice::Cell;
use crate::partition::Plan;
use std::sync::LazyLock;

/// Where the parents of a brick's cells lie, from the brick's corner in units of their own level: 0…8 on an axis.
static PARENTS: LazyLock<Vec<[i32; 3]>> = LazyLock::new(|| {
    let corner = BrickId::new(0, 0, 0).expect("a brick");
    let locals = (0..crate::brick::BRICK_CELLS).filter_map(Local::new);
    locals
        .map(|local| corner.cell(local).parent().xyz())
        .collect()
});

/// The owner of a brick `level` levels above the finest: that of the first fine brick in it.
pub fn owner_at(plan: &Plan, level: usize, brick: BrickId) -> usize {
    if level == 0 {
        return plan.owner(brick);
    }
    let last = BrickId::AXIS - 1;
    let [x, y, z] = brick
        .xyz()
        .map(|c| c.checked_shl(level as u32).map_or(last, |c| c.min(last)));
    plan.owner(BrickId::new(x, y, z).expect("kept in range"))
}

/// What of cells is added to their parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// All.
    All,
    /// Points and sums alone: what the children cost is there already ([`add_differences`]).
    Sums,
}

/// Adds a brick's known cells to what is kept of their parents, each a difference of one known child, of one open one
/// if it is open, of its cost, its points and its sums. `is_own` tells whether a parent's brick is `own` or `others`'.
pub fn add_to_parents(
    id: BrickId,
    judged: &Judged,
    tally: Option<&BrickTally>,
    what: Added,
    own: &mut Tallies,
    others: &mut Tallies,
    is_own: impl FnMut(BrickId) -> bool,
) {
    let mut parents = Parents::new(id, own, others, is_own);
    for (local, state) in judged.rows(tally) {
        let (tally, slot) = parents.find(local);
        let counted = tally.counted_mut(slot);
        counted.points = counted.points.saturating_add(state.points);
        if what == Added::All {
            counted.children += Children::of(true, state.cost);
        }
        for (attribute, &sum) in state.sums.iter().enumerate() {
            *tally.sum_mut(slot, attribute) += sum;
        }
    }
}

/// Adds what has become of a brick's cells since `before` to what is kept of their parents: a child that was not known
/// before, one open child more or fewer, the difference of the costs. Cells that are what they were cost nothing.
pub fn add_differences(
    id: BrickId,
    before: &Judged,
    now: &Judged,
    own: &mut Tallies,
    others: &mut Tallies,
    is_own: impl FnMut(BrickId) -> bool,
) {
    let mut parents = Parents::new(id, own, others, is_own);
    let children = |judged: &Judged, local: Local| {
        Children::of(judged.known.contains(local), judged.costs[local.index()])
    };
    for local in LOCAL_BY_INDEX {
        let (was, is) = (children(before, local), children(now, local));
        if was != is {
            let (tally, slot) = parents.find(local);
            tally.counted_mut(slot).children += is.less(was);
        }
    }
}

/// The parents of a brick's cells, in the tallies where they are kept.
struct Parents<'a, F> {
    corner: [i32; 3],
    own: &'a mut Tallies,
    others: &'a mut Tallies,
    is_own: F,
    last: Option<(BrickId, bool)>,
}

impl<'a, F: FnMut(BrickId) -> bool> Parents<'a, F> {
    fn new(id: BrickId, own: &'a mut Tallies, others: &'a mut Tallies, is_own: F) -> Self {
        Parents {
            corner: id.xyz().map(|c| 8 * c),
            own,
            others,
            is_own,
            last: None,
        }
    }

    /// The tally and the slot of the parent of the cell at `local`.
    #[inline]
    fn find(&mut self, local: Local) -> (&mut BrickTally, usize) {
        let (at, corner) = (PARENTS[local.index()], self.corner);
        let parent = Cell::new(corner[0] + at[0], corner[1] + at[1], corner[2] + at[2]);
        let parent = parent.expect("parents are lattice points");
        let (brick, local) = BrickId::locate(parent).expect("parents lie in range");
        let mine = match self.last {
            Some((last, mine)) if last == brick => mine,
            _ => self.last.insert((brick, (self.is_own)(brick))).1,
        };
        let tally = if mine {
            self.own.brick(brick)
        } else {
            self.others.brick(brick)
        };
        let slot = tally.slot(local);
        (tally, slot)
    }
}
