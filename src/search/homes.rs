//! Which worker answers which query.
//!
//! Queries from one start go to one worker, which answers them from one search, but no worker gets more than its share
//! of them. The rest is balanced by how much work a query may be: what is far apart comes first, and each goes to the worker
//! with the least so far. Homes leave no trace in answers.

use super::CellKey;
use crate::lattice::{TICKS_PER_CELL_SIZE, UNIT_COST, free_distance_ticks};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How much work each worker was given so far.
#[derive(Clone, Debug)]
pub struct Homes(Vec<u64>);

impl Homes {
    /// Nobody has any work yet.
    ///
    /// # Panics
    /// Without a worker.
    pub fn new(workers: usize) -> Self {
        assert!(workers > 0, "somebody has to answer");
        Homes(vec![0; workers])
    }

    /// The workers of the queries that an epoch adds, by their starts and goals, in the same order.
    pub fn assign(&mut self, queries: &[(CellKey, CellKey)]) -> Vec<u32> {
        let mut homes = vec![0; queries.len()];
        if self.0.len() == 1 {
            return homes;
        }
        let mut by_start: FxHashMap<CellKey, Vec<usize>> = FxHashMap::default();
        for (at, query) in queries.iter().enumerate() {
            by_start.entry(query.0).or_default().push(at);
        }
        let share = queries.len().div_ceil(self.0.len()).max(1);
        let mut groups: Vec<(u64, &[usize])> = by_start
            .values()
            .flat_map(|group| group.chunks(share))
            .map(|group| (work(group.iter().map(|&at| queries[at])), group))
            .collect();
        groups.sort_unstable_by_key(|group| (Reverse(group.0), group.1[0]));
        let loads = self.0.iter().enumerate();
        let mut least: BinaryHeap<_> = loads
            .map(|(worker, &load)| Reverse((load, worker)))
            .collect();
        for (work, group) in groups {
            let Some(Reverse((load, worker))) = least.pop() else {
                break;
            };
            for &at in group {
                homes[at] = worker as u32;
            }
            self.0[worker] = load.saturating_add(work);
            least.push(Reverse((self.0[worker], worker)));
        }
        homes
    }
}

/// How much work queries from one start may be, in no unit: the square of the longest, in steps, and something for each.
fn work(queries: impl Iterator<Item = (CellKey, CellKey)>) -> u64 {
    let (mut longest, mut count) = (0, 0);
    for (start, goal) in queries {
        let ticks = free_distance_ticks(start.cell(), goal.cell(), UNIT_COST);
        longest = longest.max(ticks / u64::from(TICKS_PER_CELL_SIZE));
        count += 1;
    }
    longest * longest + count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::Cell;

    fn key(x: i32) -> CellKey {
        CellKey::of(Cell::new(x, 0, 0).unwrap()).unwrap()
    }

    #[test]
    fn long_queries_are_spread_and_short_ones_fill_up() {
        let mut homes = Homes::new(2);
        let queries = [(0, 2000), (2, 8), (4, 2000), (6, 10)].map(|(a, b)| (key(a), key(b)));
        let given = homes.assign(&queries);
        assert_ne!(given[0], given[2], "one long query each");
        assert_eq!([given[1], given[3]], [given[2]; 2], "it has less to do");
        // What comes later goes to whoever has less.
        let first = homes.assign(&[(key(0), key(1000))])[0];
        assert_ne!(homes.assign(&[(key(0), key(900))])[0], first);
    }

    #[test]
    fn queries_of_one_start_stay_together_up_to_a_share() {
        let few: Vec<_> = (0..12)
            .map(|i| (key(i / 3 * 2), key(100 + 2 * i)))
            .collect();
        let given = Homes::new(3).assign(&few);
        for group in given.chunks(3) {
            assert!(group.iter().all(|home| *home == group[0]), "{given:?}");
        }
        let many: Vec<_> = (0..12).map(|i| (key(0), key(100 + 2 * i))).collect();
        let given = Homes::new(3).assign(&many);
        for worker in 0..3 {
            assert_eq!(given.iter().filter(|home| **home == worker).count(), 4);
        }
    }
}
