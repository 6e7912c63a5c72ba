//! `octaflow resume`: a run that was killed goes on from its newest checkpoint.

use super::checkpoint_args::Every;
use super::cluster::ClusterArgs;
use super::run::Bricks;
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs};
use crate::engine::Ticks;
use crate::lake::checkpoint::{Checkpoints, Manifest, RunRecord, SavedCell, read_cells};
use crate::lake::container::{Container, FieldValues};
use crate::{Error, Result};
use clap::Args;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Goes on with a run that was killed, from the newest checkpoint in the folder that it was given with --checkpoint.
///
/// The results are those of a run that was never killed. The number of workers and processes and the partition may be
/// others than before (but for ghost, whose partition is what its results tell of); all else is as the run was started, in the folder where it was started. Updates are read again
/// from their file, or from standard input: epochs that are done are passed over. The inputs of an ingest must be
/// those that they were; what was counted of them is passed over.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResumeArgs {
    /// The folder of checkpoints
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Another interval for checkpoints: after N epochs (or time steps, or stretches of inputs), or after a time as in
    /// 30s, 5m or 1h
    #[arg(long, value_name = "N|T")]
    checkpoint_every: Option<String>,

    /// Prints the summary as JSON on stdout
    #[arg(long)]
    pub json: bool,

    /// No progress bars and no summary in words
    #[arg(long)]
    pub quiet: bool,

    #[command(flatten)]
    pub cluster: ClusterArgs,
}

const EXAMPLES: &str = "Examples:
  octaflow field --map town.parquet --source 0,0,0 --updates scans.csv --checkpoint saved --out field
  octaflow resume saved
  octaflow resume saved -n 2 -w 4 --partition hilbert";

/// A run that is to go on.
#[derive(Clone, Debug)]
pub(super) struct Resumption {
    /// The folder of checkpoints, wherever the run is started from.
    pub folder: PathBuf,
    pub record: RunRecord,
    pub args: ResumeArgs,
    pub every: Option<Every>,
}

impl ResumeArgs {
    /// Finds the run.
    pub fn find(mut self) -> Result<Resumption> {
        let every = self.checkpoint_every.as_deref();
        let every = every.map(|text| super::checkpoint_args::every(Some(text)));
        let folder = self.folder.canonicalize().map_err(|e| {
            Error::input(format!(
                "{}: {}; it should be a folder that was given to --checkpoint",
                self.folder.display(),
                match e.kind() {
                    std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
                    _ => e.to_string(),
                }
            ))
        })?;
        let record = Checkpoints::record_of(&folder)?;
        self.cluster.make_absolute();
        Ok(Resumption {
            folder,
            record,
            every: every.transpose()?,
            args: self,
        })
    }
}

impl Resumption {
    /// The arguments with the folder in full, for processes that are started elsewhere.
    pub fn spell_out(&self, args: &[OsString]) -> Vec<OsString> {
        let given = self.args.folder.as_os_str();
        let at = args.iter().skip(2).position(|arg| arg == given);
        let mut args = args.to_vec();
        if let Some(at) = at {
            args[at + 2] = self.folder.clone().into_os_string();
        }
        args
    }
}

/// The map as it stood at a checkpoint: every brick, the newest row of each.
pub(super) fn read_map(folder: &Path, manifest: &Manifest) -> Result<CellMap> {
    let mut bricks: Bricks = Vec::new();
    let mut written = FxHashMap::default();
    for_each_newest(folder, manifest, |number, id, fields| {
        written.insert(id, (number, bricks.len()));
        bricks.push((id, Box::new(costs_of(fields, folder)?)));
        Ok(())
    })?;
    for_each_later(folder, manifest, &written, |at, place, saved| {
        bricks[at].1[place] = saved.cost;
    })?;
    bricks.sort_unstable_by_key(|(id, _)| *id);
    Ok(CellMap {
        frame: manifest.frame()?,
        bricks,
        cells: manifest.map.cells,
        open: manifest.map.open,
        voxels: None,
    })
}

/// What is known of a brick of a field beside its costs.
pub(super) type BrickField = (BrickId, Box<Ticks>, Option<Box<Ticks>>);

/// The distances, and labels where `labels` are kept, of the bricks that are `mine`.
pub(super) fn read_field(
    folder: &Path,
    manifest: &Manifest,
    labels: bool,
    mine: impl Fn(BrickId) -> bool,
) -> Result<Vec<BrickField>> {
    let mut bricks: Vec<BrickField> = Vec::new();
    let mut written = FxHashMap::default();
    for_each_newest(folder, manifest, |number, id, fields| {
        if !mine(id) {
            return Ok(());
        }
        let ticks = |at: usize| match fields.get(at) {
            Some(FieldValues::U32(values)) => <&Ticks>::try_from(*values)
                .map(|values| Box::new(*values))
                .map_err(|_| foreign(folder)),
            _ => Err(foreign(folder)),
        };
        let labels = if labels { Some(ticks(2)?) } else { None };
        written.insert(id, (number, bricks.len()));
        bricks.push((id, ticks(1)?, labels));
        Ok(())
    })?;
    for_each_later(folder, manifest, &written, |at, place, saved| {
        let (_, ticks, labels) = &mut bricks[at];
        ticks[place] = saved.ticks;
        if let Some(labels) = labels {
            labels[place] = saved.label;
        }
    })?;
    Ok(bricks)
}

/// Calls `each` with the cells that were saved after their brick, the oldest first: with the brick's place, the cell's in
/// it, and what was saved. `written` says of each brick in which checkpoint it was, and its place.
fn for_each_later(
    folder: &Path,
    manifest: &Manifest,
    written: &FxHashMap<BrickId, (u64, usize)>,
    mut each: impl FnMut(usize, usize, SavedCell),
) -> Result<()> {
    for table in &manifest.cells {
        let (number, ..) = table.place().ok_or_else(|| foreign(folder))?;
        read_cells(&folder.join(&table.path), |saved| {
            let (brick, local) = BrickId::locate(saved.cell).ok_or_else(|| foreign(folder))?;
            if let Some(&(since, at)) = written.get(&brick)
                && number > since
            {
                each(at, local.index(), saved);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Calls `each` with the newest row of every brick, and the number of the checkpoint that wrote it; in no order.
pub(super) fn for_each_newest(
    folder: &Path,
    manifest: &Manifest,
    mut each: impl FnMut(u64, BrickId, &[FieldValues]) -> Result<()>,
) -> Result<()> {
    let mut seen: FxHashSet<BrickId> = FxHashSet::default();
    for segment in manifest.segments.iter().rev() {
        let (number, ..) = segment.place().ok_or_else(|| foreign(folder))?;
        Container::open(&folder.join(&segment.path))?.for_each(|id, fields| {
            if seen.insert(id) {
                each(number, id, fields)
            } else {
                Ok(())
            }
        })?;
    }
    Ok(())
}

/// The costs of a brick of a container.
pub(super) fn costs_of(fields: &[FieldValues], folder: &Path) -> Result<Costs> {
    match fields.first() {
        Some(FieldValues::U16(costs)) if costs.len() == BRICK_CELLS => {
            <Costs>::try_from(*costs).map_err(|_| foreign(folder))
        }
        _ => Err(foreign(folder)),
    }
}

/// The error of containers that this command has not written.
pub(super) fn foreign(folder: &Path) -> Error {
    Error::input(format!(
        "{} holds bricks of another kind of run; it should be as octaflow wrote it",
        folder.display()
    ))
}
