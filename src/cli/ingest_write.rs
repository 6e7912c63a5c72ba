//! What a worker writes of an ingest: its part of the cells of each level, and of the tallies; and how all is published.

use super::follow::Fed;
use super::ingest_changes::ChangeTable;
use super::ingest_run::Run;
use super::run::{Report, parts_of, peak_rss_bytes};
use super::summary::{IngestSummary, LevelSummary, MapSummary, Summary};
use crate::Result;
use crate::brick::BrickId;
use crate::ingest::column_names;
use crate::lake::{CellRow, CellWriter, TALLIES, TallyRow, TallySum, TallyWriter, level_folder};
use crate::lattice::{Frame, Header};
use crate::tally::{BrickTally, Judged, Sum};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use timely::worker::Worker;

/// What a worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct IngestReport {
    pub base: Report,
    pub points: u64,
    pub levels: Vec<LevelSummary>,
}

/// Writes this worker's part of the results.
pub(super) fn write(worker: &Worker, run: &Run) -> IngestReport {
    let mut report = IngestReport {
        points: run.points(),
        ..IngestReport::default()
    };
    let me = worker.index();
    let mut settings = run.shared.base.metadata();
    settings.push(run.facts.to_setting());
    let written = write_levels(me, run, &settings, &mut report)
        .and_then(|()| write_tallies(me, run, &settings, &mut report));
    report.base.failure = written.err().as_ref().map(parts_of);
    report.base.peak_rss_bytes = peak_rss_bytes();
    report
}

/// Writes the cells of each level that was asked for.
fn write_levels(
    me: usize,
    run: &Run,
    settings: &[(String, String)],
    report: &mut IngestReport,
) -> Result<()> {
    let names = column_names(&run.facts.attributes);
    let ledger = run.ledger.borrow();
    let mut frame: Option<Frame> = Some(run.frame);
    for (level, lod) in (0..=Header::CELL.lod).rev().enumerate() {
        let (Some(here), Some(tallies)) = (frame, ledger.levels.get(level)) else {
            break;
        };
        frame = here.coarser();
        if !run.shared.lods.contains(&lod) {
            continue;
        }
        let folder = level_folder(lod);
        let path = run.shared.base.part_path(me, &folder)?;
        let mut writer = CellWriter::create(&path, &here, &names, settings)?;
        let bricks = match level {
            0 => run.finest_bricks(me),
            _ => {
                let mut bricks: Vec<BrickId> =
                    tallies.bricks().iter().map(BrickTally::id).collect();
                bricks.sort_unstable();
                bricks
            }
        };
        let mut summary = LevelSummary {
            lod,
            ..LevelSummary::default()
        };
        for id in bricks {
            let tally = tallies.get(id);
            let judged = ledger.judging(level).judge(id, tally);
            write_brick(&mut writer, id, &judged, tally, names.len())?;
            summary.cells += u64::from(judged.known.count());
            let open = judged.costs.iter().filter(|&&cost| cost > 0).count() as u64;
            summary.open += open;
            summary.bricks += u64::from(open > 0);
        }
        report.base.note_files(&folder, writer.finish()?);
        report.levels.push(summary);
    }
    Ok(())
}

fn write_brick(
    writer: &mut CellWriter,
    id: BrickId,
    judged: &Judged,
    tally: Option<&BrickTally>,
    attributes: usize,
) -> Result<()> {
    let mut means = vec![None; attributes];
    for (local, state) in judged.rows(tally) {
        means.fill(None);
        for (mean, sum) in means.iter_mut().zip(state.sums) {
            *mean = sum.mean();
        }
        let row = CellRow {
            local,
            cost: state.cost,
            points: state.points,
            means: &means,
        };
        writer.write(id, &row)?;
    }
    Ok(())
}

/// Writes what the costs and means follow from.
fn write_tallies(
    me: usize,
    run: &Run,
    settings: &[(String, String)],
    report: &mut IngestReport,
) -> Result<()> {
    let ledger = run.ledger.borrow();
    let attributes = run.facts.attributes.len();
    let path = run.shared.base.part_path(me, TALLIES)?;
    let mut writer = TallyWriter::create(&path, &run.frame, attributes, settings)?;
    let mut tallies: Vec<&BrickTally> = ledger.levels[0].bricks().iter().collect();
    tallies.sort_unstable_by_key(|tally| tally.id());
    write_tally_rows(&mut writer, &tallies, attributes)?;
    report.base.note_files(TALLIES, writer.finish()?);
    Ok(())
}

/// Writes the cells of tallies that anything was noted of.
pub(super) fn write_tally_rows(
    writer: &mut TallyWriter,
    tallies: &[&BrickTally],
    attributes: usize,
) -> Result<()> {
    let mut sums = vec![TallySum::default(); attributes];
    for tally in tallies {
        for local in crate::brick::LOCAL_BY_INDEX {
            let noted = tally.noted_at(local);
            let Some((points, of)) = noted else {
                continue;
            };
            sums.fill(TallySum::default());
            for (sum, &Sum { units, values }) in sums.iter_mut().zip(of) {
                *sum = TallySum {
                    values: values as i64,
                    high: (units >> 64) as i64,
                    low: units as i64,
                };
            }
            let row = TallyRow {
                local,
                points: points as i64,
                seen: i32::from(tally.seen().contains(local)),
                given: tally.given(local).map_or(-1, i32::from),
                sums: &sums,
            };
            writer.write(tally.id(), &row)?;
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Publishes what all workers have written, on worker 0.
    pub fn publish(&mut self, reports: &[IngestReport], times: [Duration; 3]) -> Result<Summary> {
        let [load, solve, write] = times;
        let base_reports: Vec<_> = reports.iter().map(|r| r.base.clone()).collect();
        let mut levels = reports.first().map_or_else(Vec::new, |r| r.levels.clone());
        for report in &reports[1..] {
            for (all, more) in levels.iter_mut().zip(&report.levels) {
                all.cells += more.cells;
                all.open += more.open;
                all.bricks += more.bricks;
            }
        }
        let points: u64 = reports.iter().map(|r| r.points).sum();
        let fed = Fed {
            solve,
            ..Fed::default()
        };
        let mut summary = self.shared.base.summarise(&fed, write, &base_reports);
        summary.seconds.load = load.as_secs_f64();
        summary.epochs = self.shared.inputs.list.len() as u64;
        if let Some(finest) = levels.first() {
            summary.map = MapSummary {
                cells: finest.cells,
                open: finest.open,
                bricks: finest.bricks,
            };
        }
        summary.ingest = Some(IngestSummary {
            inputs: self.shared.inputs.list.len() as u64,
            points: self.shared.beginning.points() + points,
            points_per_second: points as f64 / load.as_secs_f64().max(1e-9),
            cell_size_m: self.frame.cell_size_m(),
            origin_m: self.frame.origin_m(),
            levels,
        });
        let changes = self.changes.take().map(ChangeTable::finish).transpose()?;
        let beside = || changes.map_or(Ok(()), |changes| changes.publish());
        let base = &self.shared.base;
        base.publish_with(&base_reports, &summary, None, beside)?;
        Ok(summary)
    }
}
