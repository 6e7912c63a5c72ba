//! Cutting a line of weighted keys into ranges of like weight.

use super::order::KEYS;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// A key and the weight of all bricks that have it.
pub(super) type Weighted = (u64, u64);

/// Ranges of keys: each begins at the first number and belongs to the part that is the second.
pub(super) type Ranges = Vec<(u64, u32)>;

/// How many octants a part gets at least, where the map has as many: enough to level out their differences.
const OCTANTS_A_PART: u128 = 8;

/// Sorts by key and adds up the weights of equal keys. Where nothing weighs anything, each key weighs one.
pub(super) fn line(keys: impl Iterator<Item = Weighted>) -> Vec<Weighted> {
    let mut line: Vec<Weighted> = keys.collect();
    line.sort_unstable();
    line.dedup_by(|next, kept| {
        let equal = next.0 == kept.0;
        if equal {
            kept.1 = kept.1.saturating_add(next.1);
        }
        equal
    });
    if line.iter().all(|&(_, weight)| weight == 0) {
        line.iter_mut().for_each(|(_, weight)| *weight = 1);
    }
    line
}

fn total(line: &[Weighted]) -> u128 {
    line.iter().map(|&(_, weight)| u128::from(weight)).sum()
}

/// Where the pieces of `keys` begin whose weights are closest to `shares`: each cut lies at the key where the weight
/// before it is nearest to the shares before it. The pieces of an empty line are as long as their shares.
pub(super) fn cuts(line: &[Weighted], keys: Range<u64>, shares: &[u64]) -> Vec<u64> {
    let all_shares: u128 = shares.iter().map(|&share| u128::from(share)).sum();
    let all = if line.is_empty() {
        u128::from(keys.end - keys.start)
    } else {
        total(line)
    };
    let (mut at, mut weight, mut before) = (0, 0u128, 0u128);
    let mut starts = Vec::with_capacity(shares.len());
    for &share in shares {
        let target = all * before / all_shares.max(1);
        before += u128::from(share);
        if line.is_empty() {
            starts.push(keys.start + target as u64);
            continue;
        }
        // Step over an entry as long as its middle lies before the target.
        while at < line.len() && weight + u128::from(line[at].1) / 2 < target {
            weight += u128::from(line[at].1);
            at += 1;
        }
        starts.push(match at {
            0 => keys.start,
            at if at == line.len() => keys.end,
            at => line[at].0,
        });
    }
    starts
}

/// One range a part, of like weight; a part without a range owns nothing.
pub(super) fn ranges(line: &[Weighted], keys: Range<u64>, parts: Range<usize>) -> Ranges {
    let starts = cuts(line, keys.clone(), &vec![1; parts.len()]);
    let ends = starts.iter().skip(1).chain([&keys.end]);
    starts
        .iter()
        .zip(ends)
        .zip(parts)
        .filter(|((start, end), _)| start < end)
        .map(|((&start, _), part)| (start, part as u32))
        .collect()
}

/// Octants, each refined until it weighs at most an eighth of a part's share, dealt out heaviest first to the part
/// that has least. An octant without bricks goes with the one before it.
pub(super) fn octants(line: &[Weighted], parts: usize) -> Ranges {
    if line.is_empty() {
        return ranges(line, 0..KEYS, 0..parts);
    }
    let limit = total(line) / (OCTANTS_A_PART * parts as u128);
    let mut leaves = Vec::new();
    refine(line, 0..KEYS, limit, &mut leaves);
    let mut heaviest_first: Vec<usize> = (0..leaves.len()).collect();
    heaviest_first.sort_by_key(|&leaf| (Reverse(leaves[leaf].1), leaf));
    let mut least: BinaryHeap<_> = (0..parts as u32).map(|part| Reverse((0, part))).collect();
    let mut owners = vec![0; leaves.len()];
    for leaf in heaviest_first {
        let mut lightest = least.peek_mut().expect("there is at least one part");
        owners[leaf] = lightest.0.1;
        lightest.0.0 += leaves[leaf].1;
    }
    let mut ranges: Ranges = Vec::new();
    for (&(start, _), owner) in leaves.iter().zip(owners) {
        match ranges.last() {
            Some(&(_, last)) if last == owner => {}
            Some(_) => ranges.push((start, owner)),
            None => ranges.push((0, owner)),
        }
    }
    ranges
}

/// Appends the start and the weight of the octants that hold `line`, in order.
fn refine(line: &[Weighted], keys: Range<u64>, limit: u128, leaves: &mut Vec<(u64, u128)>) {
    if line.is_empty() {
        return;
    }
    let weight = total(line);
    let eighth = (keys.end - keys.start) / 8;
    if weight <= limit || line.len() == 1 {
        leaves.push((keys.start, weight));
        return;
    }
    let mut rest = line;
    for octant in 0..8 {
        let start = keys.start + octant * eighth;
        let (inside, after) = rest.split_at(rest.partition_point(|&(key, _)| key < start + eighth));
        refine(inside, start..start + eighth, limit, leaves);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_where_the_weight_is_nearest() {
        let line = [(10, 4), (20, 4), (30, 1), (40, 3)];
        assert_eq!(ranges(&line, 0..100, 0..2), [(0, 0), (20, 1)]);
        assert_eq!(ranges(&line, 0..100, 0..3), [(0, 0), (20, 1), (30, 2)]);
        assert_eq!(
            ranges(&[], 0..100, 0..4),
            [(0, 0), (25, 1), (50, 2), (75, 3)]
        );
    }

    #[test]
    fn with_more_parts_than_bricks_no_two_bricks_of_a_weight_share_a_part() {
        let line: Vec<_> = (1..=5).map(|key| (key, 100)).collect();
        for parts in 5..40 {
            let ranges = ranges(&line, 0..100, 0..parts);
            assert_eq!(ranges.len(), 5, "{parts} parts: {ranges:?}");
            assert_eq!(octants(&line, parts).len(), 5);
        }
    }
}
