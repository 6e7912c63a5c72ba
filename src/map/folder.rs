//! A folder of Parquet files as one table of cells: a Delta table at one of its versions, or plain files.

use super::ReadOptions;
use crate::lake::delta::{Log, data_files, is_table};
use crate::lake::tables_in;
use crate::lattice::Frame;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of a folder that are to be read as one table.
#[derive(Debug)]
pub(super) struct Folder {
    /// The files, in a fixed order.
    pub files: Vec<PathBuf>,
    /// The frame that the table says its cells are in.
    pub frame: Option<Frame>,
}

impl Folder {
    /// Looks into a folder: of a Delta table come the files of the version that `options.as_of` names, or of the
    /// newest; of any other folder all Parquet files in it and in its hive folders.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such version, a file of it is gone, the folder holds no Parquet file, or holds
    /// several tables or levels of detail; [`Error::Machine`] if it cannot be read.
    pub(super) fn open(folder: &Path, options: &ReadOptions) -> Result<Self> {
        if is_table(folder) {
            let log = Log::read(folder, options.as_of)?;
            check_levels(&log)?;
            return Ok(Folder {
                files: log.sound_files()?,
                frame: frame_of(&log)?,
            });
        }
        let name = folder.display();
        if options.as_of.is_some() {
            return Err(Error::input(format!(
                "--as-of names a version, but {name} is no Delta table: it should have a folder _delta_log"
            )));
        }
        if let Ok(tables) = tables_in(folder) {
            let first = tables[0].display();
            return Err(Error::input(format!(
                "{name} is no table itself, but holds {}: {first} should be named{}",
                match tables.len() {
                    1 => "a table".to_owned(),
                    count => format!("{count} tables"),
                },
                if tables.len() == 1 {
                    ""
                } else {
                    ", or another of them"
                }
            )));
        }
        let files = data_files(folder)?;
        if files.is_empty() {
            return Err(Error::input(format!(
                "{name} holds no Parquet file; a folder that is a map should be a table of cells"
            )));
        }
        Ok(Folder {
            files: files.iter().map(|file| folder.join(file)).collect(),
            frame: None,
        })
    }
}

/// Refuses a table of several levels of detail: their cells are of different sizes.
fn check_levels(log: &Log) -> Result<()> {
    let levels: BTreeSet<_> = (log.files())
        .filter_map(|file| file.partition_values.get("lod")?.as_deref())
        .collect();
    if levels.len() < 2 {
        return Ok(());
    }
    let levels: Vec<_> = levels.into_iter().collect();
    Err(Error::input(format!(
        "{} holds cells of the levels of detail {}; a map should be of one",
        log.table().display(),
        levels.join(", ")
    )))
}

/// The frame that a table of octaflow tells of.
fn frame_of(log: &Log) -> Result<Option<Frame>> {
    let configuration = &log.metadata().configuration;
    let told = |key: &str| configuration.get(&format!("octaflow.frame.{key}"));
    let (Some(origin), Some(size)) = (told("origin_m"), told("cell_size_m")) else {
        return Ok(None);
    };
    let frame = || {
        let origin_m = super::parse_position(origin).ok()?;
        Frame::new(origin_m, size.parse().ok()?).ok()
    };
    frame().map(Some).ok_or_else(|| {
        Error::input(format!(
            "{}: its log tells of a frame that is none: octaflow.frame.origin_m should be x,y,z and \
             octaflow.frame.cell_size_m a positive number",
            log.table().display()
        ))
    })
}
