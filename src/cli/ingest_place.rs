//! Where the lattice lies and who owns its bricks, before anything is counted; and how workers agree.

use super::ingest::IngestConfig;
use super::ingest_begin::bounds_of;
use super::ingest_run::IngestShared;
use super::run::{error_of, parts_of};
use crate::brick::BrickId;
use crate::dataflows::gather::{broadcast, gather};
use crate::ingest::{Bounds, Facts, default_origin};
use crate::lattice::Frame;
use crate::map::Unknown;
use crate::partition::Plan;
use crate::tally::CellBox;
use crate::{Error, Result};
use std::path::Path;
use timely::ExchangeData;
use timely::worker::Worker;

/// The most bricks that a plan is weighed by.
const MOST_WEIGHTS: u64 = 1 << 16;

/// What all workers make of what each of them has: the same on all, or the same error.
pub(super) fn agree<T: ExchangeData + Clone>(
    worker: &mut Worker,
    mine: Result<T>,
    merge: impl FnOnce(Vec<T>) -> Result<T>,
) -> Result<T> {
    type Told<T> = std::result::Result<T, (u8, String)>;
    let mine: Told<T> = mine.map_err(|e| parts_of(&e));
    let all: Vec<Told<T>> = gather(worker, mine);
    let told: Told<T> = broadcast(worker, || {
        let all: Vec<T> = all.into_iter().collect::<Told<Vec<T>>>()?;
        merge(all).map_err(|e| parts_of(&e))
    });
    told.map_err(error_of)
}

/// The frame, and the bounds of the inputs if they were needed for it.
pub(super) fn place(worker: &mut Worker, shared: &IngestShared) -> Result<(Frame, Bounds)> {
    if let (Some(resumed), Some(facts)) = (&shared.beginning.resumed, &shared.beginning.facts) {
        return Ok((facts.frame, bounds_of(resumed)));
    }
    let known = agree(
        worker,
        shared.inputs.frame().map(|f| f.map(parts_of_frame)),
        |all| Ok(all.into_iter().next().flatten()),
    )?;
    let frame_of = |(origin_m, cell_size_m)| {
        Frame::new(origin_m, cell_size_m)
            .map_err(|e| Error::input(format!("--cell-size and --origin: {e}")))
    };
    if let Some(known) = known {
        return Ok((frame_of(known)?, Bounds::NONE));
    }
    let mine = shared.inputs.bounds(worker.index(), worker.peers());
    let [least, greatest] = agree(worker, mine.map(|b| [b.least, b.greatest]), |all| {
        let mut bounds = Bounds::NONE;
        for [least, greatest] in all {
            bounds.merge(&Bounds { least, greatest });
        }
        Ok([bounds.least, bounds.greatest])
    })?;
    let bounds = Bounds { least, greatest };
    if bounds.is_empty() {
        let whose = match &shared.config.inputs[..] {
            [input] => format!("{}: it has", input.display()),
            _ => "the inputs have".to_owned(),
        };
        return Err(Error::input(format!(
            "{whose} no point: at least one is needed to lay the lattice, or --origin X,Y,Z"
        )));
    }
    let cell_size_m = shared.config.cell_size_m.unwrap_or(1.0);
    let origin_m = default_origin(&bounds, cell_size_m)?;
    Ok((frame_of((origin_m, cell_size_m))?, bounds))
}

fn parts_of_frame(frame: Frame) -> ([f64; 3], f64) {
    (frame.origin_m(), frame.cell_size_m())
}

/// A plan that divides the box of the inputs evenly, where it is known or the headers tell it. A header that is wrong
/// makes a plan that is uneven, not a result that is another.
pub(super) fn plan(shared: &IngestShared, frame: &Frame, bounds: &Bounds) -> Plan {
    let cluster = &shared.config.run.cluster;
    let mut bounds = *bounds;
    if bounds.is_empty() {
        bounds = shared.inputs.hinted;
    }
    let corner = |position_m| frame.snap(position_m).map(CellBox::of);
    let cells = match (corner(bounds.least), corner(bounds.greatest)) {
        (Ok(least), Ok(greatest)) => Some(least.with(&greatest)),
        _ => shared.beginning.facts.as_ref().and_then(|f| f.cells),
    };
    let bricks = cells.filter(|_| cluster.parts() > 1);
    let bricks = bricks.map_or_else(Vec::new, |cells| cells.sample(MOST_WEIGHTS));
    let weights: Vec<(BrickId, u64)> = bricks.into_iter().map(|id| (id, 1)).collect();
    Plan::build(cluster.partition, cluster.parts(), &weights)
}

/// Refuses flags that would count otherwise than the earlier result did.
pub(super) fn check_former(config: &IngestConfig, dir: &Path, facts: &Facts) -> Result<()> {
    let refuse = |flag: &str, was: &str| {
        Err(Error::input(format!(
            "{flag} should be {was}, with which {} was made: leave it out",
            dir.display()
        )))
    };
    if config.min_points.is_some_and(|n| n != facts.min_points) {
        return refuse("--min-points", &facts.min_points.to_string());
    }
    if config
        .unknown
        .is_some_and(|u| (u == Unknown::Open) != facts.unknown_open)
    {
        return refuse(
            "--unknown",
            if facts.unknown_open {
                "open"
            } else {
                "blocked"
            },
        );
    }
    Ok(())
}
