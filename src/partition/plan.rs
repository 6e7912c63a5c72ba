//! The plan: a routing table from bricks to parts.

use super::cut::{self, Ranges};
use super::file::{PlanError, PlanFile};
use super::order::{CUBE_EDGES, KEYS, Order};
use super::{Partition, cut::Weighted};
use crate::brick::BrickId;
use serde::{Deserialize, Serialize};

/// How many cubes that hold bricks a part of a hash plan should have, so that the cubes' edges may be long.
const CUBES_A_PART: usize = 32;

/// A routing table: who owns which brick.
///
/// Every possible brick has exactly one owner, and the owner follows from the plan alone, so processes that hold equal
/// plans agree without a word. A plan never changes; [`Plan::split`] and [`Plan::merge`] make a new one of the next
/// epoch.
///
/// # Example
/// ```
/// use octaflow::brick::BrickId;
/// use octaflow::partition::{Partition, Plan};
///
/// let bricks: Vec<(BrickId, u64)> = (0..64).map(|code| (BrickId::from_code(code).unwrap(), 1024)).collect();
/// let plan = Plan::build(Partition::Hilbert, 4, &bricks);
/// assert_eq!(plan.loads(&bricks), [16 * 1024; 4]);
/// assert!(plan.owner(BrickId::new(4095, 0, 77).unwrap()) < 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PlanFile", into = "PlanFile")]
pub struct Plan {
    pub(super) epoch: u64,
    pub(super) partition: Partition,
    pub(super) parts: usize,
    pub(super) order: Order,
    /// Where each range of keys begins: ascending strictly from 0.
    pub(super) starts: Vec<u64>,
    /// The owner of each range.
    pub(super) owners: Vec<u32>,
}

impl Plan {
    /// How many parts a plan can have.
    pub const MAX_PARTS: usize = 1 << 20;

    /// A plan of epoch 0 for `parts` parts, weighed by the open cells of the bricks that are given.
    ///
    /// The order in which the bricks are given does not matter, and they may be few or none: parts that find no brick
    /// own nothing yet.
    ///
    /// # Panics
    /// Unless `parts` is in 1…[`Plan::MAX_PARTS`].
    pub fn build(partition: Partition, parts: usize, bricks: &[(BrickId, u64)]) -> Plan {
        assert!(
            (1..=Plan::MAX_PARTS).contains(&parts),
            "a plan must have 1 to {} parts, not {parts}",
            Plan::MAX_PARTS
        );
        let order = match partition {
            Partition::Hash => hash_order(parts, bricks),
            Partition::Morton | Partition::Octant => Order::Morton,
            Partition::Hilbert => Order::Hilbert,
            Partition::Slab => Order::Slab {
                axis: longest_axis(bricks),
            },
            Partition::Hybrid => hybrid_order(parts, bricks),
        };
        let line = line(&order, bricks);
        let ranges = match &order {
            Order::Hybrid { groups, .. } => hybrid_ranges(&line, groups.len(), parts),
            _ if partition == Partition::Octant => cut::octants(&line, parts),
            _ => cut::ranges(&line, order.keys(), 0..parts),
        };
        let (starts, owners) = ranges.into_iter().unzip();
        Plan {
            epoch: 0,
            partition,
            parts,
            order,
            starts,
            owners,
        }
    }

    /// Who owns `brick`: a part below [`Plan::parts`].
    #[inline]
    pub fn owner(&self, brick: BrickId) -> usize {
        self.owners[self.range_of(self.order.key(brick))] as usize
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// How many splits and merges have led to this plan.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The partition that the plan was built as.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The open cells of each part, given those of the bricks.
    pub fn loads(&self, bricks: &[(BrickId, u64)]) -> Vec<u64> {
        let mut loads = vec![0u64; self.parts];
        for &(brick, open) in bricks {
            let load = &mut loads[self.owner(brick)];
            *load = load.saturating_add(open);
        }
        loads
    }

    /// The plan of the next epoch, with one part more: `part` keeps the first half of its load, and the new part,
    /// numbered last, takes the second; a part that owns no brick of `bricks` gives half of its longest range. All
    /// other parts keep their bricks and their numbers.
    ///
    /// # Errors
    /// [`PlanError::Unusable`] if there is no such part or the plan has [`Plan::MAX_PARTS`] already.
    pub fn split(&self, part: usize, bricks: &[(BrickId, u64)]) -> Result<Plan, PlanError> {
        self.check_part(part)?;
        if self.parts == Plan::MAX_PARTS {
            return Err(PlanError::Unusable(format!(
                "the plan has {} parts and cannot be split: that is the most there can be",
                self.parts
            )));
        }
        let mut plan = self.clone();
        plan.epoch += 1;
        plan.parts += 1;
        if let Some(cut) = self.middle(part, bricks) {
            let range = plan.range_of(cut);
            if plan.starts[range] < cut {
                plan.starts.insert(range + 1, cut);
                plan.owners.insert(range + 1, plan.owners[range]);
            }
            for (&start, owner) in plan.starts.iter().zip(&mut plan.owners) {
                if start >= cut && *owner as usize == part {
                    *owner = self.parts as u32;
                }
            }
        }
        Ok(plan)
    }

    /// The plan of the next epoch, with one part fewer: the bricks of `a` and `b` belong to the part numbered
    /// `min(a, b)`, and so that the numbers stay without a gap, the last part is numbered `max(a, b)` from now on
    /// (unless it is that one). All other parts keep their bricks and their numbers.
    ///
    /// # Errors
    /// [`PlanError::Unusable`] if there is no such part or `a` is `b`.
    pub fn merge(&self, a: usize, b: usize) -> Result<Plan, PlanError> {
        self.check_part(a)?;
        self.check_part(b)?;
        if a == b {
            return Err(PlanError::Unusable(format!(
                "part {a} cannot be merged with itself: name two parts"
            )));
        }
        let (kept, gone, last) = (a.min(b), a.max(b), self.parts - 1);
        let mut plan = Plan {
            epoch: self.epoch + 1,
            partition: self.partition,
            parts: last,
            order: self.order.clone(),
            starts: Vec::new(),
            owners: Vec::new(),
        };
        for (&start, &owner) in self.starts.iter().zip(&self.owners) {
            let owner = match owner as usize {
                owner if owner == gone => kept as u32,
                owner if owner == last => gone as u32,
                _ => owner,
            };
            if plan.owners.last() != Some(&owner) {
                plan.starts.push(start);
                plan.owners.push(owner);
            }
        }
        Ok(plan)
    }

    #[inline]
    fn range_of(&self, key: u64) -> usize {
        self.starts.partition_point(|&start| start <= key) - 1
    }

    fn check_part(&self, part: usize) -> Result<(), PlanError> {
        if part < self.parts {
            return Ok(());
        }
        Err(PlanError::Unusable(format!(
            "there is no part {part}: the plan's parts are 0 to {}",
            self.parts - 1
        )))
    }

    /// The key that halves what `part` owns, if it owns two keys or more.
    fn middle(&self, part: usize, bricks: &[(BrickId, u64)]) -> Option<u64> {
        let own = |&(brick, _): &(BrickId, u64)| self.owner(brick) == part;
        let own: Vec<_> = bricks.iter().copied().filter(own).collect();
        let line = line(&self.order, &own);
        if let [_, second, ..] = line.as_slice() {
            let cut = cut::cuts(&line, self.order.keys(), &[1, 1])[1];
            // One heavy end must not leave a side without bricks.
            return Some(cut.clamp(second.0, line[line.len() - 1].0));
        }
        let ends = self.starts.iter().skip(1).copied();
        let (start, end) = (self.starts.iter().copied())
            .zip(ends.chain([self.order.keys().end]))
            .zip(&self.owners)
            .filter(|(_, owner)| **owner as usize == part)
            .map(|(range, _)| range)
            .max_by_key(|(start, end)| end - start)?;
        (end - start > 1).then_some(start + (end - start) / 2)
    }
}

/// The bricks' keys and weights, sorted.
fn line(order: &Order, bricks: &[(BrickId, u64)]) -> Vec<Weighted> {
    cut::line(bricks.iter().map(|&(brick, open)| (order.key(brick), open)))
}

/// The longest cube edge of which each part can have enough cubes, or the shortest.
fn hash_order(parts: usize, bricks: &[(BrickId, u64)]) -> Order {
    let shortest = CUBE_EDGES[CUBE_EDGES.len() - 1];
    let edge = CUBE_EDGES.into_iter().find(|&edge| {
        let cubes = line(&Order::Hash { edge }, bricks).len();
        cubes >= CUBES_A_PART * parts
    });
    Order::Hash {
        edge: edge.unwrap_or(shortest),
    }
}

/// The axis along which the bricks reach farthest; the first of equals.
fn longest_axis(bricks: &[(BrickId, u64)]) -> u8 {
    let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
    for (brick, _) in bricks {
        for (a, c) in brick.xyz().into_iter().enumerate() {
            low[a] = low[a].min(c);
            high[a] = high[a].max(c);
        }
    }
    let reach = |axis: u8| i64::from(high[usize::from(axis)]) - i64::from(low[usize::from(axis)]);
    (0..3).rev().max_by_key(|&axis| reach(axis)).unwrap_or(0)
}

/// The parts of each of `groups` groups begin here; as many groups as each has parts, or as nearly as can be.
fn first_part(group: usize, groups: usize, parts: usize) -> usize {
    group * parts / groups
}

/// Groups of parts: slabs that weigh as much as they have parts.
fn hybrid_order(parts: usize, bricks: &[(BrickId, u64)]) -> Order {
    let axis = longest_axis(bricks);
    let line = line(&Order::Slab { axis }, bricks);
    let groups = (1..=parts)
        .find(|groups| groups * groups >= parts)
        .unwrap_or(1);
    let first = |group| first_part(group, groups, parts);
    let shares: Vec<u64> = (0..groups)
        .map(|group| (first(group + 1) - first(group)) as u64)
        .collect();
    let mut groups = cut::cuts(&line, 0..KEYS, &shares);
    make_strict(&mut groups);
    Order::Hybrid { axis, groups }
}

/// Moves starts apart that fell together, so that every group has keys.
fn make_strict(starts: &mut [u64]) {
    for i in 1..starts.len() {
        starts[i] = starts[i].max(starts[i - 1] + 1);
    }
    let mut end = KEYS;
    for start in starts.iter_mut().rev() {
        *start = (*start).min(end - 1);
        end = *start;
    }
}

/// One range a part, group by group.
fn hybrid_ranges(line: &[Weighted], groups: usize, parts: usize) -> Ranges {
    let mut rest = line;
    let mut ranges = Ranges::new();
    for group in 0..groups {
        let keys = (group as u64) << BrickId::BITS..(group as u64 + 1) << BrickId::BITS;
        let (inside, after) = rest.split_at(rest.partition_point(|&(key, _)| key < keys.end));
        let own = first_part(group, groups, parts)..first_part(group + 1, groups, parts);
        ranges.extend(cut::ranges(inside, keys, own));
        rest = after;
    }
    ranges
}
