//! From one level of detail to the next coarser one.

use super::{Judged, Tallies};
use crate::brick::{BrickId, Local};
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

/// Adds a brick's known cells to what is kept of their parents, each a difference of one known child, of one open one
/// if it is open, of its cost, its points and its sums. `is_own` tells whether a parent's brick is `own` or `others`'.
pub fn add_to_parents(
    id: BrickId,
    judged: &Judged,
    tally: Option<&super::BrickTally>,
    own: &mut Tallies,
    others: &mut Tallies,
    mut is_own: impl FnMut(BrickId) -> bool,
) {
    let corner = id.xyz().map(|c| 8 * c);
    let mut last: Option<(BrickId, bool)> = None;
    for (local, state) in judged.rows(tally) {
        let at = PARENTS[local.index()];
        let parent =
            crate::lattice::Cell::new(corner[0] + at[0], corner[1] + at[1], corner[2] + at[2]);
        let parent = parent.expect("parents are lattice points");
        let (brick, local) = BrickId::locate(parent).expect("parents lie in range");
        let mine = match last {
            Some((last, mine)) if last == brick => mine,
            _ => last.insert((brick, is_own(brick))).1,
        };
        let tally = if mine {
            own.brick(brick)
        } else {
            others.brick(brick)
        };
        let slot = tally.slot(local);
        let counted = tally.counted_mut(slot);
        counted.points = counted.points.saturating_add(state.points);
        counted.children.known += 1;
        counted.children.open += u16::from(state.cost > 0);
        counted.children.sum += u32::from(state.cost);
        for (attribute, &sum) in state.sums.iter().enumerate() {
            *tally.sum_mut(slot, attribute) += sum;
        }
    }
}
