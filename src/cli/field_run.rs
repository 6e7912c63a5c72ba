//! The run of `octaflow field`: read, divide, solve, follow updates, write, publish.
//!
//! Every process reads the map and keeps its own bricks. Worker 0 of process 0 feeds the epochs and, when all workers
//! have written their parts, publishes them and tells the others how it went: all processes end alike.

use super::field::FieldConfig;
use super::progress::Progress;
use super::summary::{MapSummary, Percentiles, Seconds, Summary};
use super::worker::{self, Bricks, Outcome, Shared};
use crate::brick::{BrickId, CellMap};
use crate::cluster::{self, Connected};
use crate::lake::Stage;
use crate::lattice::{Cell, Frame};
use crate::map::{Allow, ReadOptions, UpdateReader, read_map};
use crate::partition::Plan;
use crate::picture::PicturePlan;
use crate::{Error, Result};
use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Runs `octaflow field`.
pub(super) fn run(config: FieldConfig, args: &[OsString]) -> Result<()> {
    let (cluster_config, local) = config.cluster.prepare(args, config.settings.clone())?;
    let connected = cluster::connect(&cluster_config)?;
    let shared = match prepare(&config, &connected) {
        Ok(shared) => Arc::new(shared),
        Err(error) => {
            connected.abandon(&error);
            return Err(error);
        }
    };
    let for_workers = shared.clone();
    let outcomes = cluster::execute(connected, move |worker| worker::run(worker, &for_workers))?;
    let mut summary = None;
    for outcome in outcomes {
        match outcome {
            Outcome::Published(published) => summary = summary.or(published),
            Outcome::Failed(error) => return Err(error),
        }
    }
    if let Some(local) = local {
        local.wait()?;
    }
    match summary {
        Some(summary) => report(&config, &summary),
        None => Ok(()),
    }
}

/// Reads the map and the sources and divides the bricks.
fn prepare(config: &FieldConfig, connected: &Connected) -> Result<Shared> {
    let begun = Instant::now();
    let leads = config.cluster.process == 0;
    let map = read(config, leads && !config.quiet)?;
    let sources = place_sources(config, &map)?;
    let updates = match &config.updates {
        // Standard input is opened when the first solve is done: until then nobody needs to have written.
        Some(path) if leads && path.as_os_str() != "-" => {
            let (frame, start) = (&map.frame, config.start);
            Some(UpdateReader::open(path, frame, start, Allow::Sources)?)
        }
        _ => None,
    };
    let stage = Stage::open(
        &config.out,
        &format!("{:016x}", connected.run()),
        config.cluster.process,
    )?;
    let summary = MapSummary {
        cells: map.cells,
        open: map.open,
        bricks: map.bricks.len() as u64,
    };
    let frame = map.frame;
    let weights: Vec<(BrickId, u64)> = map
        .bricks
        .iter()
        .map(|(id, costs)| (*id, costs.iter().filter(|&&c| c > 0).count() as u64))
        .collect();
    let plan = Plan::build(config.cluster.partition, config.cluster.parts(), &weights);
    let picture = config
        .picture
        .as_ref()
        .map(|_| picture_plan(&map, sources[0]));
    let exists = weights.into_iter().map(|(id, _)| id).collect();
    Ok(Shared {
        config: config.clone(),
        frame,
        sources,
        parts: divide(map, &plan, config),
        exists,
        plan: Arc::new(plan),
        updates: Mutex::new(updates),
        stage: Mutex::new(Some(stage)),
        picture,
        summary,
        load: begun.elapsed(),
    })
}

fn read(config: &FieldConfig, progress: bool) -> Result<CellMap> {
    let bar = RefCell::new(Progress::bytes("reading", progress));
    let show = |done, of| bar.borrow_mut().show(done, of);
    let options = ReadOptions {
        unknown: config.map.unknown,
        axes: config.map.axes,
        cell_size_m: config.map.cell_size_m,
        origin_m: config.map.origin_m,
        progress: Some(&show),
        ..ReadOptions::default()
    };
    read_map(&config.map.path, &options)
}

/// The sources' cells, each of which must be an open cell of the map.
fn place_sources(config: &FieldConfig, map: &CellMap) -> Result<Vec<Cell>> {
    let mut cells = Vec::with_capacity(config.sources.len());
    for (position, name) in &config.sources {
        let cell = map
            .frame
            .snap(*position)
            .map_err(|e| Error::input(format!("{name}: {e}")))?;
        if cost(map, cell) == 0 {
            return Err(Error::input(format!(
                "{name} lies in {}, which is blocked or not in the map; a source needs an open cell",
                place(&map.frame, cell)
            )));
        }
        cells.push(cell);
    }
    Ok(cells)
}

/// A cell and its position, for messages.
pub(super) fn place(frame: &Frame, cell: Cell) -> String {
    // To a micrometre: beyond that a position shows nothing but rounding.
    let [x, y, z] = frame.position_m(cell).map(|c| (c * 1e6).round() / 1e6);
    format!("cell {cell} at {x},{y},{z} m")
}

fn cost(map: &CellMap, cell: Cell) -> u16 {
    let Some((brick, local)) = BrickId::locate(cell) else {
        return 0;
    };
    let found = map.bricks.binary_search_by_key(&brick, |(id, _)| *id);
    found.map_or(0, |at| map.bricks[at].1[local.index()])
}

/// The bricks of each worker of this process; those of others are dropped.
fn divide(map: CellMap, plan: &Plan, config: &FieldConfig) -> Vec<Mutex<Bricks>> {
    let (workers, process) = (config.cluster.workers, config.cluster.process);
    let mut parts: Vec<Bricks> = (0..workers).map(|_| Vec::new()).collect();
    for (id, costs) in map.bricks {
        let owner = plan.owner(id);
        if owner / workers == process {
            parts[owner % workers].push((id, costs));
        }
    }
    parts.into_iter().map(Mutex::new).collect()
}

fn picture_plan(map: &CellMap, through: Cell) -> PicturePlan {
    let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
    for (id, _) in &map.bricks {
        for (a, brick) in id.xyz().into_iter().enumerate() {
            low[a] = low[a].min(16 * brick);
            high[a] = high[a].max(16 * brick + 15);
        }
    }
    PicturePlan::new(low, high, map.frame, through)
}

fn report(config: &FieldConfig, summary: &Summary) -> Result<()> {
    if !config.quiet {
        let map = config
            .map
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        eprintln!(
            "{}",
            summary.in_words(&map, &config.out.display().to_string())
        );
    }
    if config.json {
        let json = summary.to_json();
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{json}")
            .and_then(|()| stdout.flush())
            .map_err(|e| super::refused("the summary could not be printed", &e))?;
    }
    Ok(())
}

/// The run's settings as they go into the files.
pub(super) fn metadata(settings: &[(String, String)]) -> Vec<(String, String)> {
    settings
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.trim_start_matches("--").to_owned(), value.clone()))
        .collect()
}

/// The summary's numbers that only worker 0 knows.
pub(super) struct Measured {
    pub solve: f64,
    pub epochs: Vec<std::time::Duration>,
    pub write: f64,
}

/// Makes the summary of the whole run.
pub(super) fn summarise(
    shared: &Shared,
    measured: Measured,
    reached: u64,
    bytes: u64,
    rss: u64,
) -> Summary {
    let cluster = &shared.config.cluster;
    Summary {
        octaflow: env!("CARGO_PKG_VERSION"),
        command: "field",
        workers: cluster.workers,
        processes: cluster.processes,
        partition: cluster.partition.name().to_owned(),
        map: shared.summary,
        reached,
        epochs: measured.epochs.len() as u64,
        seconds: Seconds {
            load: shared.load.as_secs_f64(),
            solve: measured.solve,
            write: measured.write,
        },
        epoch_micros: Percentiles::of(measured.epochs),
        peak_rss_bytes: rss,
        bytes_written: bytes,
    }
}
