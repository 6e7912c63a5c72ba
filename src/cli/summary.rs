//! The summary of a run: one JSON object for programs, a few plain words for people.

use super::ghost_words;
use super::inspect_words::bytes_in_words;
use crate::ghost::PartFigures;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The `--json` summary of a run, also kept as `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    /// The version, by which a folder is known as a result.
    pub octaflow: &'static str,
    pub command: &'static str,
    pub workers: usize,
    pub processes: usize,
    pub partition: String,
    pub map: MapSummary,
    pub reached: u64,
    pub epochs: u64,
    pub seconds: Seconds,
    pub epoch_micros: Percentiles,
    /// How the queries ended, for routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<QueryCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_micros: Option<Percentiles>,
    /// How many queries an epoch of updates answered anew, for routes with updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries_anew: Option<Percentiles>,
    /// The memory of the largest search, for routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_bytes: Option<u64>,
    /// What became of the field, for diffusion.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub diffusion: Option<DiffusionSummary>,
    /// What updates of the map did to such a field, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<MapChanges>,
    /// What each part of the plan has, for ghosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<PartFigures>>,
    /// The same for all partitions, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Vec<PartitionFigures>>,
    /// What came in and what became of it, for ingest.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub ingest: Option<IngestSummary>,
    pub peak_rss_bytes: u64,
    pub bytes_written: u64,
}

/// What came in, and the tables of cells that it became.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct IngestSummary {
    /// How many files were read.
    pub inputs: u64,
    /// How many points were counted.
    pub points: u64,
    pub points_per_second: f64,
    pub cell_size_m: f64,
    pub origin_m: [f64; 3],
    /// The tables, the finest first.
    pub levels: Vec<LevelSummary>,
}

/// What one table of cells holds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct LevelSummary {
    pub lod: u8,
    pub cells: u64,
    pub open: u64,
    pub bricks: u64,
}

/// What became of a field that was stepped.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct DiffusionSummary {
    pub steps: u64,
    /// The time of a step in lattice units, diffusivity included.
    pub dt_lattice: f64,
    pub total: Totals,
    /// The least value at the end.
    pub least: f64,
    /// The greatest value at the end.
    pub greatest: f64,
}

/// What updates of the map did to a field that was stepped.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct MapChanges {
    /// How many cells opened, each with the value 0.
    pub opened: u64,
    /// How many cells were blocked.
    pub blocked: u64,
    /// The sum of what they held, which is gone.
    pub lost: f64,
    /// The time of all steps in lattice units: from epoch to epoch a step may take another.
    pub time_lattice: f64,
}

/// The sums of all values at the first and the last step.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    pub first: f64,
    pub last: f64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct MapSummary {
    pub cells: u64,
    pub open: u64,
    pub bricks: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Seconds {
    pub load: f64,
    pub solve: f64,
    pub write: f64,
}

/// What each part has in the plan of one partition.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PartitionFigures {
    pub partition: &'static str,
    pub parts: Vec<PartFigures>,
}

/// How many queries ended in each way.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct QueryCounts {
    pub found: u64,
    pub unreachable: u64,
    pub invalid: u64,
}

/// Percentiles of times in microseconds, or of numbers; 0 where there are none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Percentiles {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

impl Percentiles {
    /// The percentiles of times, by the nearest rank.
    pub fn of(times: Vec<Duration>) -> Self {
        Self::of_numbers(times.iter().map(|t| t.as_micros() as u64).collect())
    }

    /// The percentiles of numbers, by the nearest rank.
    pub fn of_numbers(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        let rank = |percent: usize| {
            let rank = (numbers.len() * percent).div_ceil(100).max(1) - 1;
            numbers.get(rank).copied().unwrap_or(0)
        };
        Percentiles {
            p50: rank(50),
            p99: rank(99),
            max: rank(100),
        }
    }
}

impl Summary {
    /// The summary as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names make JSON")
    }

    /// The summary in plain words, a line each.
    pub fn in_words(&self, map: &str, out: &str) -> String {
        if let Some(ingest) = &self.ingest {
            return self.ingested(ingest, out);
        }
        let mut words = format!(
            "{map}: {}, {} of them open, in {}; read in {}.\n",
            counted(self.map.cells as usize, "cell"),
            grouped(self.map.open),
            counted(self.map.bricks as usize, "brick"),
            seconds(self.seconds.load),
        );
        let workers = format!(
            "{} on {} in {}",
            seconds(self.seconds.solve),
            counted(self.workers * self.processes, "worker"),
            counted(self.processes, "process"),
        );
        words += &match (self.queries, self.query_micros, &self.parts) {
            _ if self.diffusion.is_some() => self.stepped(&workers),
            (_, _, Some(parts)) => ghost_words::in_words(
                &self.partition,
                parts,
                self.compare.as_deref(),
                self.map.open,
                &workers,
            ),
            (Some(queries), Some(micros), _) => format!(
                "Found {} ({} unreachable, {} invalid) in {workers}: {} µs a query in the median, {} µs at most.\n",
                counted(queries.found as usize, "route"),
                grouped(queries.unreachable),
                grouped(queries.invalid),
                grouped(micros.p50),
                grouped(micros.max),
            ),
            _ => format!(
                "Reached {}{} in {workers}.\n",
                counted(self.reached as usize, "cell"),
                self.share_reached(),
            ),
        };
        if let Some(changes) = &self.changes {
            words += &self.changed(changes);
        } else if self.epochs > 0 {
            words += &format!(
                "Kept it exact through {}: {} µs in the median, {} µs at most.\n",
                counted(self.epochs as usize, "epoch"),
                grouped(self.epoch_micros.p50),
                grouped(self.epoch_micros.max),
            );
            if let Some(anew) = &self.queries_anew {
                words += &format!(
                    "Of the queries, an epoch answered {} anew in the median, {} at most.\n",
                    grouped(anew.p50),
                    grouped(anew.max),
                );
            }
        }
        words + &self.written(out)
    }

    /// What updates did to a field that was stepped.
    fn changed(&self, changes: &MapChanges) -> String {
        format!(
            "Changed the map in {} on the way: {} opened, {} blocked, which took {:.6} of the sum with them.\n",
            counted(self.epochs as usize, "epoch"),
            counted(changes.opened as usize, "cell"),
            grouped(changes.blocked),
            changes.lost,
        )
    }

    /// What came in, and what it became.
    fn ingested(&self, ingest: &IngestSummary, out: &str) -> String {
        let files = counted(ingest.inputs as usize, "file");
        let spent = format!(
            "in {} on {} in {}",
            seconds(self.seconds.load),
            counted(self.workers * self.processes, "worker"),
            counted(self.processes, "process"),
        );
        let mut words = match ingest.points {
            0 => format!("Read {files} {spent}.\n"),
            points => format!(
                "Counted {} of {files} {spent} ({} a second).\n",
                counted(points as usize, "point"),
                grouped(ingest.points_per_second as u64),
            ),
        };
        for level in &ingest.levels {
            words += &format!(
                "lod={}: {} of {} m, {} of them open, in {}.\n",
                level.lod,
                counted(level.cells as usize, "cell"),
                ingest.cell_size_m * f64::from(1u32 << (15 - level.lod)),
                grouped(level.open),
                counted(level.bricks as usize, "brick"),
            );
        }
        words + &self.written(out)
    }

    /// The share of open cells that were reached; nothing after updates, which may have opened or blocked some.
    fn share_reached(&self) -> String {
        if self.epochs > 0 {
            return String::new();
        }
        let share = 100.0 * self.reached as f64 / self.map.open.max(1) as f64;
        format!(" ({share:.1} % of the open ones)")
    }

    /// What a run left and took.
    fn written(&self, out: &str) -> String {
        format!(
            "Wrote {} to {out} in {}; at most {:.2} GB of memory a process.",
            bytes_in_words(self.bytes_written),
            seconds(self.seconds.write),
            self.peak_rss_bytes as f64 / 1e9,
        )
    }

    /// What became of a field that was stepped.
    fn stepped(&self, workers: &str) -> String {
        let Some(diffusion) = self.diffusion else {
            return String::new();
        };
        format!(
            "Stepped {} {} in {workers}: values from {:.6} to {:.6}, their sum {:.6} (at first {:.6}).\n",
            counted(self.reached as usize, "cell"),
            counted(diffusion.steps as usize, "time"),
            diffusion.least,
            diffusion.greatest,
            diffusion.total.last,
            diffusion.total.first,
        )
    }
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = match what {
        _ if count == 1 => "",
        "process" => "es",
        _ => "s",
    };
    format!("{} {what}{plural}", grouped(count as u64))
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let times = (1..=200).map(Duration::from_micros).collect();
        let Percentiles { p50, p99, max } = Percentiles::of(times);
        assert_eq!((p50, p99, max), (100, 198, 200));
        assert_eq!(Percentiles::of(Vec::new()).max, 0);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
