//! How a run begins: anew, with a map that is read, or from its newest checkpoint.

use super::progress::Progress;
use super::resume;
use super::run_args::RunConfig;
use crate::brick::CellMap;
use crate::cluster::Connected;
use crate::ingest::Stored;
use crate::lake::checkpoint::{Checkpoints, Manifest, RunRecord};
use crate::map::{Axes, ReadOptions, Unknown, read_map};
use crate::{Error, Result};
use std::cell::RefCell;
use std::ffi::OsString;

/// What a command begins with.
pub(super) struct Start<'a> {
    pub connected: &'a Connected,
    pub args: &'a [OsString],
    /// The checkpoints that the run goes on from.
    pub checkpoints: Option<Checkpoints>,
}

impl Start<'_> {
    /// What the run goes on from.
    pub fn resumed(&self) -> Option<&Manifest> {
        self.checkpoints.as_ref()?.newest()
    }

    /// The map as the run finds it: that of its checkpoint, or else that of its file.
    pub fn read_map(&self, config: &RunConfig) -> Result<CellMap> {
        match (&config.checkpoint, self.resumed()) {
            (Some(checkpoint), Some(manifest)) => resume::read_map(&checkpoint.folder, manifest),
            _ => read(config),
        }
    }

    /// The checkpoints that process 0 is to write: those that the run goes on from, or new ones.
    pub fn open_checkpoints(self, config: &RunConfig) -> Result<Option<Checkpoints>> {
        let Some(checkpoint) = config
            .checkpoint
            .as_ref()
            .filter(|_| config.cluster.process == 0)
        else {
            return Ok(None);
        };
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.remove_drafts()?;
            return Ok(Some(checkpoints));
        }
        let args: Option<Vec<String>> = self.args[1..]
            .iter()
            .map(|arg| arg.to_str().map(str::to_owned))
            .collect();
        let folder = std::env::current_dir().ok();
        let folder = folder.and_then(|f| f.to_str().map(str::to_owned));
        let (Some(args), Some(folder)) = (args, folder) else {
            return Err(Error::input(
                "an argument or the current folder is not valid UTF-8, which --checkpoint needs it to be",
            ));
        };
        let run = format!("{:016x}", self.connected.run());
        let record = RunRecord::new(&run, args, folder);
        Checkpoints::begin(&checkpoint.folder, record).map(Some)
    }
}

/// The checkpoints that a run goes on from.
pub(super) fn open_checkpoints(config: &RunConfig) -> Result<Option<Checkpoints>> {
    match &config.checkpoint {
        Some(checkpoint) if config.resumes => {
            let leads = config.cluster.process == 0;
            Checkpoints::open(&checkpoint.folder, leads).map(Some)
        }
        _ => Ok(None),
    }
}

/// Reads the map, and coarsens it to the level of detail that is asked for.
pub(super) fn read(config: &RunConfig) -> Result<CellMap> {
    let progress = config.cluster.process == 0 && !config.quiet;
    let bar = RefCell::new(Progress::bytes("reading", progress));
    let show = |done, of| bar.borrow_mut().show(done, of);
    let options = ReadOptions {
        unknown: config.map.unknown,
        axes: config.map.axes,
        cell_size_m: config.map.cell_size_m,
        origin_m: config.map.origin_m,
        as_of: config.map.as_of,
        progress: Some(&show),
        ..ReadOptions::default()
    };
    let map = if Stored::is_at(&config.map.path) {
        read_result(config, &options)?
    } else {
        read_map(&config.map.path, &options)?
    };
    at_lod(map, config)
}

/// Reads the cells that `octaflow ingest` left in a folder, of the level asked for or the next finer one.
fn read_result(config: &RunConfig, options: &ReadOptions) -> Result<CellMap> {
    let map = &config.map;
    let given = [
        ("--cell-size", map.cell_size_m.is_some()),
        ("--origin", map.origin_m.is_some()),
        ("--axes zyx", map.axes != Axes::Xyz),
        ("--unknown open", map.unknown != Unknown::Blocked),
    ];
    if let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
        return Err(Error::input(format!(
            "{flag} cannot be given with {}, a result of octaflow ingest, which brings its own frame and cells",
            map.path.display()
        )));
    }
    Stored::open(&map.path)?.read_map(map.lod, options)
}

/// The map at the level of detail that is asked for.
fn at_lod(map: CellMap, config: &RunConfig) -> Result<CellMap> {
    let (path, lod) = (config.map.path.display(), config.map.lod);
    let finest = map.frame.lod();
    match map.at_lod(lod) {
        Some(map) if map.open > 0 => Ok(map),
        Some(_) => Err(Error::input(format!(
            "{path}: at --lod {lod} no cell is open, since none has four open children: give a greater level, up to {finest}"
        ))),
        None => Err(Error::input(format!(
            "{path}: its cells are those of level {finest}: --lod {lod} must not be above"
        ))),
    }
}
