//! How a run begins: anew, with a map that is read, or from its newest checkpoint.

use super::resume;
use super::run::read;
use super::run_args::RunConfig;
use crate::brick::CellMap;
use crate::cluster::Connected;
use crate::lake::checkpoint::{Checkpoints, Manifest, RunRecord};
use crate::{Error, Result};
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
