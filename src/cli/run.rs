//! What all dataflow commands do alike: read the map, divide it, run the workers, publish, report.
//!
//! Every process reads the map and keeps its own bricks. Worker 0 of process 0 feeds the epochs and, when all workers
//! have written their parts, publishes them and tells the others how it went: all processes end alike.

use super::follow::Fed;
use super::live;
use super::run_args::RunConfig;
use super::start::{Start, open_checkpoints};
use super::summary::{MapSummary, Percentiles, Seconds, Summary};
use crate::brick::{BrickId, CellMap, Costs};
use crate::cluster;
use crate::dataflows::gather::broadcast;
use crate::lake::checkpoint::{Checkpoints, Manifest, MapFigures};
use crate::lake::{Part, Stage, Written, WrittenFile, part_name};
use crate::lattice::{Cell, Frame};
use crate::map::{Allow, UpdateReader};
use crate::partition::Plan;
use crate::{Error, Result};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use timely::worker::Worker;

/// Bricks on their way to a worker.
pub(super) type Bricks = Vec<(BrickId, Box<Costs>)>;

/// What the workers of a process share, whatever the command.
pub(super) struct Shared {
    pub config: RunConfig,
    pub frame: Frame,
    /// The bricks of each worker of this process, until it takes them.
    parts: Vec<Mutex<Bricks>>,
    /// Every brick of the map.
    pub exists: Arc<FxHashSet<BrickId>>,
    pub plan: Arc<Plan>,
    pub updates: Mutex<Option<UpdateReader>>,
    /// The time of the last epoch, on the process that feeds them.
    pub last_time: AtomicI64,
    /// The time and the CRC-32 of the updates up to it, of the last two epochs that were read there.
    followed: Mutex<[(i64, u32); 2]>,
    stage: Mutex<Option<Stage>>,
    /// The checkpoints of the run, for process 0.
    checkpoints: Mutex<Option<Checkpoints>>,
    /// True if they stay when the results are published.
    keeps_checkpoints: AtomicBool,
    /// What the run goes on from.
    pub resumed: Option<Manifest>,
    summary: MapSummary,
    /// How long it took to read and divide the map.
    pub load: Duration,
}

/// How a worker's run ended.
pub(super) enum Outcome {
    /// The results are published; worker 0 has the summary.
    Published(Option<Box<Summary>>),
    /// The run failed, on every worker with the same error.
    Failed(Error),
}

/// How the run goes on, as worker 0 tells the others: an exit status and a message, if it does not.
pub(super) type Verdict = Option<(u8, String)>;

/// What every worker tells worker 0 when it has written its part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    pub files: Vec<WrittenFile>,
    pub peak_rss_bytes: u64,
    pub failure: Verdict,
    /// What the worker painted of the picture.
    pub samples: Option<Vec<u32>>,
}

/// Runs a command: `prepare` makes what the workers share of the map, `work` is what each of them does.
pub(super) fn run<S: Send + Sync + 'static>(
    config: &RunConfig,
    args: &[OsString],
    prepare: impl FnOnce(Start) -> Result<S>,
    work: fn(&mut Worker, &S) -> Outcome,
) -> Result<()> {
    let (cluster_config, local) = config.cluster.prepare(args, config.settings.clone())?;
    let connected = cluster::connect(&cluster_config)?;
    let prepared = open_checkpoints(config).and_then(|checkpoints| {
        prepare(Start {
            connected: &connected,
            args,
            checkpoints,
        })
    });
    let shared = match prepared {
        Ok(shared) => Arc::new(shared),
        Err(error) => {
            connected.abandon(&error);
            return Err(error);
        }
    };
    let for_workers = shared.clone();
    let outcomes = cluster::execute(connected, move |worker| work(worker, &for_workers))?;
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
        Some(summary) => report(config, &summary),
        None => Ok(()),
    }
}

impl Shared {
    /// Reads the map, has `look` take from it what the command needs, and divides the bricks.
    pub fn load<T>(
        config: &RunConfig,
        start: Start,
        allow: Allow,
        look: impl FnOnce(&CellMap, Option<&Manifest>) -> Result<T>,
    ) -> Result<(Self, T)> {
        let begun = Instant::now();
        let map = start.read_map(config)?;
        let taken = look(&map, start.resumed())?;
        let mut shared = Shared::of(config, start, allow, &map)?;
        shared.parts = divide(map, &shared.plan, config);
        shared.load = begun.elapsed();
        Ok((shared, taken))
    }

    /// What the workers share of a map whose bricks somebody else divides.
    pub fn of(config: &RunConfig, start: Start, allow: Allow, map: &CellMap) -> Result<Self> {
        let leads = config.cluster.process == 0;
        let updates = match &config.updates {
            // Standard input is opened when the first solve is done: until then nobody needs to have written.
            Some(path) if leads && path.as_os_str() != "-" => {
                Some(UpdateReader::open(path, &map.frame, config.start, allow)?)
            }
            _ => None,
        };
        let run = format!("{:016x}", start.connected.run());
        let stage = Stage::open(&config.out, &run, config.cluster.process)?;
        let resumed = start.resumed().cloned();
        let summary = MapSummary {
            cells: map.cells,
            open: map.open,
            bricks: resumed
                .as_ref()
                .map_or(map.bricks.len() as u64, |m| m.map.bricks),
        };
        let frame = map.frame;
        let weights: Vec<(BrickId, u64)> = map
            .bricks
            .iter()
            .map(|(id, costs)| (*id, costs.iter().filter(|&&c| c > 0).count() as u64))
            .collect();
        let plan = Plan::build(config.cluster.partition, config.cluster.parts(), &weights);
        Ok(Shared {
            config: config.clone(),
            frame,
            parts: Vec::new(),
            exists: Arc::new(weights.into_iter().map(|(id, _)| id).collect()),
            plan: Arc::new(plan),
            updates: Mutex::new(updates),
            last_time: AtomicI64::new(resumed.as_ref().map_or(config.start, |m| m.time)),
            followed: Mutex::new([followed_before(resumed.as_ref(), config.start); 2]),
            stage: Mutex::new(Some(stage)),
            checkpoints: Mutex::new(start.open_checkpoints(config)?),
            keeps_checkpoints: AtomicBool::new(false),
            resumed,
            summary,
            load: Duration::ZERO,
        })
    }

    /// Notes the CRC-32 of the updates up to an epoch that was read.
    pub fn note_epoch(&self, time: i64, crc: u32) {
        let mut followed = self.followed.lock().expect("no worker panics here");
        *followed = [followed[1], (time, crc)];
    }

    /// The CRC-32 of the updates up to the last epoch that is not after `time`: at most one more was read.
    pub fn updates_crc32(&self, time: i64) -> u32 {
        let [former, newest] = *self.followed.lock().expect("no worker panics here");
        if newest.0 <= time { newest.1 } else { former.1 }
    }

    /// The bricks of a worker, once.
    pub fn take_part(&self, worker: &Worker) -> Bricks {
        let part = &self.parts[worker.index() % self.config.cluster.workers];
        std::mem::take(&mut *part.lock().expect("no worker panics here"))
    }

    /// Where a worker's part of a folder of the results grows.
    pub fn part_path(&self, worker: usize, folder: &str) -> Result<Part> {
        let path = self.result_folder(folder)?.join(part_name(worker));
        Ok(Part {
            hive: self.config.hive.rows,
            ..Part::from(&path)
        })
    }

    /// A folder of the results while they grow.
    pub fn result_folder(&self, name: &str) -> Result<PathBuf> {
        let stage = self.stage.lock().expect("no worker panics here");
        stage
            .as_ref()
            .expect("the stage is open until it is published")
            .folder(name)
    }

    /// The checkpoints of the run, on process 0 of one that keeps them.
    pub fn checkpoints(&self) -> MutexGuard<'_, Option<Checkpoints>> {
        self.checkpoints.lock().expect("no worker panics here")
    }

    /// Has the checkpoints stay, though results will be published: a row could not be used, and a run that goes on from them
    /// may be given a better one.
    pub fn keep_checkpoints(&self) {
        self.keeps_checkpoints.store(true, Ordering::Relaxed);
    }

    /// What the map was when it was read.
    pub fn map_figures(&self) -> MapFigures {
        MapFigures {
            cells: self.summary.cells,
            open: self.summary.open,
            bricks: self.summary.bricks,
        }
    }

    /// The length of the files of changes that checkpoints hold.
    fn bytes_of_changes(&self) -> u64 {
        let checkpoints = self.checkpoints();
        let newest = checkpoints.as_ref().and_then(Checkpoints::newest);
        newest
            .iter()
            .flat_map(|m| &m.changes)
            .map(|f| f.bytes)
            .sum()
    }

    /// The number of the checkpoint that will be taken next.
    pub fn next_checkpoint(&self) -> u64 {
        self.resumed
            .as_ref()
            .map_or(1, |m| m.number.saturating_add(1))
    }

    /// The time of the last epoch that is done when the run begins.
    pub fn first_time(&self) -> i64 {
        self.resumed.as_ref().map_or(self.config.start, |m| m.time)
    }

    /// How many epochs of updates are done when the run begins.
    pub fn epochs_before(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |m| m.epochs)
    }

    /// The run's settings as they go into the files.
    pub fn metadata(&self) -> Vec<(String, String)> {
        let settings = self.config.settings.iter();
        settings
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.trim_start_matches("--").to_owned(), value.clone()))
            .collect()
    }

    /// True if the leading process shows progress.
    pub fn shows(&self) -> bool {
        !self.config.quiet && self.config.cluster.process == 0
    }

    /// A summary with what all commands have in common.
    pub fn summarise(&self, fed: &Fed, write: Duration, reports: &[Report]) -> Summary {
        let cluster = &self.config.cluster;
        Summary {
            octaflow: env!("CARGO_PKG_VERSION"),
            command: self.config.command,
            workers: cluster.workers,
            processes: cluster.processes,
            partition: cluster.partition.name().to_owned(),
            map: self.summary,
            reached: 0,
            epochs: self.epochs_before() + fed.epochs.len() as u64,
            seconds: Seconds {
                load: self.load.as_secs_f64(),
                solve: fed.solve.as_secs_f64(),
                write: write.as_secs_f64(),
            },
            epoch_micros: Percentiles::of(fed.epochs.clone()),
            queries: None,
            query_micros: None,
            queries_anew: None,
            search_bytes: None,
            diffusion: None,
            changes: None,
            parts: None,
            compare: None,
            ingest: None,
            peak_rss_bytes: reports.iter().map(|r| r.peak_rss_bytes).max().unwrap_or(0),
            bytes_written: reports
                .iter()
                .flat_map(|r| &r.files)
                .map(|f| f.bytes)
                .sum::<u64>()
                + self.bytes_of_changes(),
        }
    }

    /// Publishes the results of all workers, on worker 0; `picture` is drawn beside.
    pub fn publish(
        &self,
        reports: &[Report],
        summary: &Summary,
        picture: Option<Vec<u8>>,
    ) -> Result<()> {
        self.publish_with(reports, summary, picture, || Ok(()))
    }

    /// As [`Shared::publish`]; `beside` publishes what is not in the folder of the results, before the run is complete.
    pub fn publish_with(
        &self,
        reports: &[Report],
        summary: &Summary,
        picture: Option<Vec<u8>>,
        beside: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if let Some(failure) = reports.iter().find_map(|r| r.failure.clone()) {
            return Err(error_of(failure));
        }
        let stage = self.stage.lock().expect("no worker panics here").take();
        let mut stage = stage.expect("published once");
        let mut files: Vec<WrittenFile> = reports.iter().flat_map(|r| r.files.clone()).collect();
        let mut checkpoints = self.checkpoints();
        if let Some(checkpoints) = &*checkpoints {
            files.extend(live::link_changes(&stage, checkpoints)?);
            if self.streams() {
                live::continue_log(&stage, checkpoints, &files)?;
            }
        }
        stage.verify(&files)?;
        if self.config.hive.time {
            stage.divide_by_time(self.last_time.load(Ordering::Relaxed))?;
        }
        stage.publish(&summary.to_json())?;
        if let (Some(path), Some(png)) = (&self.config.picture, picture) {
            write_whole(path, &png)?;
        }
        beside()?;
        if let Some(checkpoints) = &mut *checkpoints
            && !self.keeps_checkpoints.load(Ordering::Relaxed)
        {
            checkpoints.complete()?;
        }
        Ok(())
    }

    /// Publishes what the newest checkpoint holds of a table of changes, if updates come from a stream: what follows
    /// may be long in coming.
    pub fn publish_so_far(&self, checkpoints: &Checkpoints) -> Result<()> {
        if !self.streams() {
            return Ok(());
        }
        let mut stage = self.stage.lock().expect("no worker panics here");
        let stage = stage
            .as_mut()
            .expect("the stage is open until it is published");
        live::publish_so_far(stage, checkpoints)
    }

    /// True if updates come from standard input.
    pub fn streams(&self) -> bool {
        self.config.updates.as_deref() == Some(Path::new("-"))
    }

    /// The name of the map's file.
    pub fn map_name(&self) -> String {
        map_name(&self.config)
    }
}

/// Ends a run: worker 0 publishes, or finds out why it cannot, and all workers end alike. `late` is why the run fails
/// though its results are published.
pub(super) fn conclude(
    worker: &mut Worker,
    late: Option<&Error>,
    publish: impl FnOnce() -> Result<Summary>,
) -> Outcome {
    let mut summary = None;
    let verdict: Verdict = broadcast(worker, || match publish() {
        Ok(published) => {
            summary = Some(Box::new(published));
            late.map(parts_of)
        }
        Err(error) => Some(parts_of(&error)),
    });
    match verdict {
        None => Outcome::Published(summary),
        Some(failure) => Outcome::Failed(error_of(failure)),
    }
}

impl Report {
    /// Notes the files that were written in a folder.
    pub fn note_files(&mut self, folder: &str, written: Written) {
        let files = written.files.into_iter();
        self.files.extend(files.map(|file| WrittenFile {
            path: format!("{folder}/{}", file.path),
            ..file
        }));
    }
}

fn map_name(config: &RunConfig) -> String {
    let name = config.map.path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// An error as it travels between workers.
pub(super) fn parts_of(error: &Error) -> (u8, String) {
    (error.exit_status(), error.to_string())
}

/// An error that has travelled.
pub(super) fn error_of((status, message): (u8, String)) -> Error {
    match status {
        1 => Error::machine(message),
        3 => Error::peer(message),
        _ => Error::input(message),
    }
}

/// A cell and its position, for messages.
pub(super) fn place(frame: &Frame, cell: Cell) -> String {
    // To a micrometre: beyond that a position shows nothing but rounding.
    let [x, y, z] = frame.position_m(cell).map(|c| (c * 1e6).round() / 1e6);
    format!("cell {cell} at {x},{y},{z} m")
}

/// The stored cost of a cell of a map; 0 for one that is blocked or not in it.
pub(super) fn cost(map: &CellMap, cell: Cell) -> u16 {
    let Some((brick, local)) = BrickId::locate(cell) else {
        return 0;
    };
    map.costs(brick).map_or(0, |costs| costs[local.index()])
}

/// The bricks of each worker of this process; those of others are dropped.
fn divide(map: CellMap, plan: &Plan, config: &RunConfig) -> Vec<Mutex<Bricks>> {
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

fn report(config: &RunConfig, summary: &Summary) -> Result<()> {
    if !config.quiet {
        let out = config.out.display().to_string();
        eprintln!("{}", summary.in_words(&map_name(config), &out));
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

/// Writes a file that appears whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(name);
    std::fs::write(&draft, bytes)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|e| {
            let _ = std::fs::remove_file(&draft);
            super::refused(
                &format!("--picture {} could not be written", path.display()),
                &e,
            )
        })
}

/// The most memory that this process ever had resident, in bytes; 0 where the machine does not tell.
pub(super) fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// The time and the CRC-32 of the updates that a run had followed when it was killed.
fn followed_before(resumed: Option<&Manifest>, start: i64) -> (i64, u32) {
    resumed.map_or((start, 0), |m| (m.time, m.updates_crc32.unwrap_or(0)))
}
