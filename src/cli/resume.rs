//! `octaflow resume`: a run that was killed goes on from its newest checkpoint.

use super::checkpoint_args::Every;
use super::cluster::ClusterArgs;
use super::run::Bricks;
use crate::brick::{BRICK_CELLS, BrickId, CellMap, Costs};
use crate::engine::Ticks;
use crate::lake::checkpoint::{Checkpoints, Manifest, RunRecord};
use crate::lake::container::{Container, FieldValues};
use crate::{Error, Result};
use clap::Args;
use rustc_hash::FxHashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Goes on with a run that was killed, from the newest checkpoint in the folder that it was given with --checkpoint.
///
/// The results are those of a run that was never killed. The number of workers and processes and the partition may be
/// others than before; all else is as the run was started, in the folder where it was started. Updates are read again
/// from their file, or from standard input: epochs that are done are passed over.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResumeArgs {
    /// The folder of checkpoints
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Another interval for checkpoints: after N epochs (or time steps), or after a time as in 30s, 5m or 1h
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
                "{}: {e}; it should be a folder that was given to --checkpoint",
                self.folder.display()
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
    for_each_newest(folder, manifest, |id, fields| {
        bricks.push((id, Box::new(costs_of(fields, folder)?)));
        Ok(())
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
    mut each: impl FnMut(BrickField),
) -> Result<()> {
    for_each_newest(folder, manifest, |id, fields| {
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
        each((id, ticks(1)?, labels));
        Ok(())
    })
}

/// Calls `each` with the newest row of every brick, in no order.
pub(super) fn for_each_newest(
    folder: &Path,
    manifest: &Manifest,
    mut each: impl FnMut(BrickId, &[FieldValues]) -> Result<()>,
) -> Result<()> {
    let mut seen: FxHashSet<BrickId> = FxHashSet::default();
    for segment in manifest.segments.iter().rev() {
        Container::open(&folder.join(&segment.path))?.for_each(|id, fields| {
            if seen.insert(id) {
                each(id, fields)
            } else {
                Ok(())
            }
        })?;
    }
    Ok(())
}

fn costs_of(fields: &[FieldValues], folder: &Path) -> Result<Costs> {
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
