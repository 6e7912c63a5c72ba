//! What a plan costs, in words: a table of its parts, and one of the partitions.

use super::summary::{PartitionFigures, counted, grouped};
use crate::ghost::PartFigures;

/// How many parts are listed; of more, those with most ghosts.
const LISTED: usize = 16;

/// The figures of a plan, and of all partitions if they were compared; `workers` says how fast who found them.
pub(super) fn in_words(
    partition: &str,
    parts: &[PartFigures],
    compare: Option<&[PartitionFigures]>,
    open: u64,
    workers: &str,
) -> String {
    let ghosts: u64 = parts.iter().map(|p| p.ghosts).sum();
    let mut words = format!(
        "{} by {partition} {} {}, {:.1} for 100 open cells; found in {workers}.\n",
        counted(parts.len(), "part"),
        if parts.len() == 1 { "needs" } else { "need" },
        counted(ghosts as usize, "ghost"),
        100.0 * ghosts as f64 / open.max(1) as f64,
    );
    let mut listed: Vec<&PartFigures> = parts.iter().collect();
    if parts.len() > LISTED {
        listed.sort_by_key(|p| (std::cmp::Reverse(p.ghosts), p.part));
        listed.truncate(LISTED);
        words += &format!("The {LISTED} with most ghosts:\n");
    }
    words += "      part        owned       ghosts      mirrors  neighbours  bytes an exchange  surface\n";
    for part in listed {
        words += &format!(
            "  {:>8} {:>12} {:>12} {:>12} {:>11} {:>18} {:>6.1} %\n",
            part.part,
            grouped(part.owned),
            grouped(part.ghosts),
            grouped(part.mirrors),
            grouped(part.neighbours),
            grouped(part.bytes),
            100.0 * part.surface_to_volume,
        );
    }
    if let Some(compare) = compare {
        words += &compared(compare);
    }
    words
}

/// A line a partition, the one with the fewest ghosts first.
fn compared(compare: &[PartitionFigures]) -> String {
    let total = |of: &PartitionFigures| of.parts.iter().map(|p| p.ghosts).sum::<u64>();
    let mut sorted: Vec<&PartitionFigures> = compare.iter().collect();
    sorted.sort_by_key(|of| total(of));
    let mut words = String::from(
        "The partitions compared (most: of the part that has most):\n  partition       ghosts  most owned  most ghosts  most neighbours  most bytes an exchange\n",
    );
    for of in sorted {
        let most = |figure: fn(&PartFigures) -> u64| of.parts.iter().map(figure).max().unwrap_or(0);
        words += &format!(
            "  {:<9} {:>12} {:>11} {:>12} {:>16} {:>23}\n",
            of.partition,
            grouped(total(of)),
            grouped(most(|p| p.owned)),
            grouped(most(|p| p.ghosts)),
            grouped(most(|p| p.neighbours)),
            grouped(most(|p| p.bytes)),
        );
    }
    words
}
