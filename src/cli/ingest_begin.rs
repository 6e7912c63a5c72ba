//! What an ingest begins with: nothing, an earlier result, or a checkpoint, whose inputs must be what they were.

use super::ingest::IngestConfig;
use super::resume::{costs_of, foreign};
use crate::brick::{BrickId, Costs};
use crate::dataflows::Time;
use crate::ingest::{Bounds, Facts, Stored};
use crate::lake::checkpoint::{Manifest, read_cells};
use crate::lake::container::Container;
use crate::lattice::Cell;
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A file as it was when the run began, by which it is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    bytes: u64,
    /// The CRC-32 of its first and its last 64 KiB.
    crc32: u32,
}

/// What a checkpoint keeps beside tallies; how many inputs are done, and stretches of the next, the manifest says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Notes {
    /// As [`Facts::to_setting`] tells them.
    pub facts: String,
    /// The box of the points when changes were told last.
    pub told: Option<[[i32; 3]; 2]>,
    pub points: u64,
    /// Into how many stretches the input under way is cut.
    pub stretches: u64,
    pub lods: Vec<u8>,
    /// The bits of the bounds of the inputs.
    pub bounds: [[u64; 3]; 2],
    pub inputs: Vec<Seen>,
    /// The tables of the earlier result, if its tallies are needed.
    pub onto: Option<Vec<Seen>>,
}

/// What an ingest begins with: nothing, an earlier result, or a checkpoint.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The earlier result whose tallies are to be taken up.
    pub former: Option<Stored>,
    /// What is known of what was counted before.
    pub facts: Option<Facts>,
    /// The levels that were written, the finest first.
    pub lods: Option<Vec<u8>>,
    /// The inputs and the tables of the earlier result as they are, for a run that keeps checkpoints.
    pub seen: (Vec<Seen>, Option<Vec<Seen>>),
    /// What the run goes on from.
    pub resumed: Option<Resumed>,
    /// True if the results replace the earlier one.
    pub overwrites: bool,
}

/// The checkpoint that a run goes on from.
#[derive(Debug)]
pub(super) struct Resumed {
    folder: PathBuf,
    manifest: Manifest,
    pub notes: Notes,
    /// The tables of each checkpoint, the newest first.
    pub tables: Vec<Vec<PathBuf>>,
}

impl Beginning {
    /// Finds out what the run begins with; `manifest` is the checkpoint that it goes on from.
    pub fn find(config: &IngestConfig, manifest: Option<&Manifest>) -> Result<Beginning> {
        let resumed = manifest.map(|m| Resumed::of(config, m)).transpose()?;
        let needs_former = resumed.as_ref().is_none_or(|r| r.notes.onto.is_some());
        let dir = config.onto.as_ref().filter(|_| needs_former);
        let former = dir.map(|dir| Stored::open(dir)).transpose()?;
        let mut beginning = Beginning {
            facts: None,
            lods: former.as_ref().map(|f| f.levels().to_vec()),
            seen: (Vec::new(), None),
            overwrites: dir.is_some_and(|dir| is_same(dir, &config.run.out)),
            former,
            resumed,
        };
        if config.run.checkpoint.is_some() {
            let inputs = config.inputs.iter().map(|path| Seen::of(path));
            beginning.seen.0 = inputs.collect::<Result<_>>()?;
            if let Some(former) = &beginning.former {
                let files = former.tally_files()?;
                let files = files.iter().map(|path| Seen::of(path));
                beginning.seen.1 = Some(files.collect::<Result<_>>()?);
            }
        }
        match (&beginning.resumed, &beginning.former) {
            (Some(resumed), _) => {
                resumed.check(config, &beginning.seen)?;
                beginning.facts = Some(resumed.facts()?);
                beginning.lods = Some(resumed.notes.lods.clone());
            }
            (None, Some(former)) => beginning.facts = Some(former.facts()?),
            (None, None) => {}
        }
        Ok(beginning)
    }

    /// How many inputs are done, and how many stretches of the next.
    pub fn position(&self) -> [u64; 2] {
        let manifest = self.resumed.as_ref().map(|r| &r.manifest);
        manifest.map_or([0; 2], |m| [m.epochs, m.step])
    }

    /// How many points were counted before.
    pub fn points(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |r| r.notes.points)
    }
}

impl Resumed {
    fn of(config: &IngestConfig, manifest: &Manifest) -> Result<Resumed> {
        let checkpoint = config.run.checkpoint.as_ref();
        let folder = checkpoint.expect("checkpoints are kept").folder.clone();
        let notes = serde_json::from_value(manifest.notes.clone()).map_err(|_| foreign(&folder))?;
        let mut tables: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        for entry in &manifest.segments {
            let (number, ..) = entry.place().ok_or_else(|| foreign(&folder))?;
            let tables = tables.entry(number).or_default();
            tables.push(folder.join(&entry.path));
        }
        Ok(Resumed {
            folder,
            manifest: manifest.clone(),
            notes,
            tables: tables.into_values().rev().collect(),
        })
    }

    /// What was known of what had been counted.
    fn facts(&self) -> Result<Facts> {
        let facts = Facts::of_json(self.manifest.frame()?, &self.notes.facts);
        facts.ok_or_else(|| foreign(&self.folder))
    }

    /// Holds the files that the run reads against what they were.
    fn check(
        &self,
        config: &IngestConfig,
        (inputs, onto): &(Vec<Seen>, Option<Vec<Seen>>),
    ) -> Result<()> {
        let changed = |path: &Path, of: &str| {
            Error::input(format!(
                "{}: {of} is not what it was when the run was begun: put it back, or ingest anew without resume",
                path.display()
            ))
        };
        if inputs.len() != self.notes.inputs.len() {
            return Err(foreign(&self.folder));
        }
        let known = inputs.iter().zip(&self.notes.inputs);
        for (path, (now, then)) in config.inputs.iter().zip(known) {
            if now != then {
                return Err(changed(path, "the input"));
            }
        }
        match (&config.onto, &self.notes.onto) {
            (Some(dir), Some(_)) if *onto != self.notes.onto => {
                Err(changed(dir, "the earlier result"))
            }
            _ => Ok(()),
        }
    }

    /// The costs as they were told last of the bricks that are `mine` and were touched since.
    pub fn told_costs(
        &self,
        mine: impl Fn(BrickId) -> bool,
    ) -> Result<FxHashMap<BrickId, Box<Costs>>> {
        let mut told = FxHashMap::default();
        for entry in &self.manifest.told_costs {
            Container::open(&self.folder.join(&entry.path))?.for_each(|id, fields| {
                if mine(id) {
                    told.insert(id, Box::new(costs_of(fields, &self.folder)?));
                }
                Ok(())
            })?;
        }
        Ok(told)
    }

    /// Calls `each` with the cells that each input has changed, input by input.
    pub fn for_each_change(
        &self,
        mut each: impl FnMut(Time, &BTreeMap<Cell, u16>) -> Result<()>,
    ) -> Result<()> {
        for entry in &self.manifest.told_changes {
            let time = entry.place().and_then(|(.., file)| time_of(file));
            let time = time.ok_or_else(|| foreign(&self.folder))?;
            let mut changed = BTreeMap::new();
            read_cells(&self.folder.join(&entry.path), |saved| {
                changed.insert(saved.cell, saved.cost);
                Ok(())
            })?;
            each(time, &changed)?;
        }
        Ok(())
    }
}

impl Seen {
    /// A look at a file; what is none is told of when it is read.
    fn of(path: &Path) -> Result<Seen> {
        const END_BYTES: u64 = 1 << 16;
        let look = || {
            let mut file = File::open(path)?;
            let bytes = file.metadata()?.len();
            let mut crc = crc32fast::Hasher::new();
            for start in [0, bytes.saturating_sub(END_BYTES)] {
                let mut end = Vec::new();
                file.seek(SeekFrom::Start(start))?;
                (&mut file).take(END_BYTES).read_to_end(&mut end)?;
                crc.update(&end);
            }
            Ok(Seen {
                bytes,
                crc32: crc.finalize(),
            })
        };
        look().map_err(|e| crate::map::input::read_error(&path.display().to_string(), &e))
    }
}

/// The bounds of the inputs as a run that goes on knows them.
pub(super) fn bounds_of(resumed: &Resumed) -> Bounds {
    let [least, greatest] = resumed.notes.bounds.map(|c| c.map(f64::from_bits));
    Bounds { least, greatest }
}

/// Asserts that an input is cut as it was.
pub(super) fn check_stretches(resumed: &Resumed, stretches: u64) -> Result<()> {
    let is_within = resumed.manifest.step == 0 || stretches == resumed.notes.stretches;
    is_within.then_some(()).ok_or_else(|| {
        Error::input(format!(
            "{}: it was left in the middle of an input by a version of octaflow that cuts inputs otherwise: go on with \
             that one, or ingest anew",
            resumed.folder.display()
        ))
    })
}

fn time_of(file: &str) -> Option<Time> {
    file.strip_prefix("time-")?
        .strip_suffix(".parquet")?
        .parse()
        .ok()
}

/// True if two paths are one folder.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
