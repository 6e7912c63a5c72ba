//! Tables that are added to from epoch to epoch: one file a worker, or one a worker and checkpoint.

use super::keep::Order;
use super::run::{Report, Shared};
use crate::Result;
use crate::lake::checkpoint::{Checkpoints, FileEntry, file_entry};
use crate::lake::{Written, link, part_name};
use std::path::{Path, PathBuf};

/// A worker's part of such a table. In a run that keeps checkpoints its rows go to a file of the next checkpoint, which
/// every checkpoint ends; when the run ends, these files become those of the result.
pub(super) struct GrowingTable<W> {
    name: &'static str,
    worker: usize,
    place: Place,
    open: Open<W>,
    finish: fn(W) -> Result<Written>,
    /// The writer; nothing after a failure was told of.
    writer: Option<Result<W>>,
}

/// What creates a file and its writer.
type Open<W> = Box<dyn Fn(&Path) -> Result<W>>;

/// Where the rows go.
enum Place {
    /// Into the result.
    Whole(PathBuf),
    /// Into the draft of the checkpoint of this number.
    Draft { folder: PathBuf, number: u64 },
}

impl<W> GrowingTable<W> {
    /// The part of a worker in the table `name`, whose files `open` opens and `finish` finishes. A failure to open one
    /// stays in place of the writer until it can be told of.
    pub fn new(
        shared: &Shared,
        worker: usize,
        name: &'static str,
        open: impl Fn(&Path) -> Result<W> + 'static,
        finish: fn(W) -> Result<Written>,
    ) -> Self {
        let place = match &shared.config.checkpoint {
            None => shared.part_path(worker, name).map(Place::Whole),
            Some(checkpoint) => Ok(Place::Draft {
                folder: checkpoint.folder.clone(),
                number: shared.next_checkpoint(),
            }),
        };
        let (place, failure) = match place {
            Ok(place) => (place, None),
            Err(error) => (Place::Whole(PathBuf::new()), Some(Err(error))),
        };
        let mut table = GrowingTable {
            name,
            worker,
            place,
            open: Box::new(open),
            finish,
            writer: failure,
        };
        if table.writer.is_none() {
            table.writer = Some(table.path().and_then(|path| (table.open)(&path)));
        }
        table
    }

    /// Has the writer do something; after a failure nothing more is done.
    pub fn write(&mut self, what: impl FnOnce(&mut W) -> Result<()>) {
        if let Some(Ok(writer)) = &mut self.writer
            && let Err(error) = what(writer)
        {
            self.writer = Some(Err(error));
        }
    }

    /// Ends the file for a checkpoint and begins that of the next one.
    pub fn save(&mut self, order: Order) -> Result<Option<FileEntry>> {
        let written = self.end()?;
        let entry = self.entry(written)?;
        if let Place::Draft { number, .. } = &mut self.place {
            *number = order.number + 1;
        }
        let path = self.path()?;
        self.writer = Some((self.open)(&path));
        Ok(entry)
    }

    /// Ends the table, and tells of its file in the result; the files of former checkpoints are told of by process 0.
    pub fn finish(mut self, shared: &Shared, report: &mut Report) -> Result<()> {
        let written = self.end()?;
        match self.place {
            Place::Whole(_) => report.note_file(self.name, self.worker, written),
            Place::Draft { number, .. } if written.bytes > 0 => {
                let name = part_of(self.worker, number);
                let to = shared.result_folder(self.name)?.join(&name);
                link(&self.path()?, &to)?;
                report
                    .files
                    .push((format!("{}/{name}", self.name), written.bytes));
            }
            Place::Draft { .. } => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Written> {
        match self.writer.take() {
            Some(writer) => (self.finish)(writer?),
            None => Ok(Written::default()),
        }
    }

    fn path(&self) -> Result<PathBuf> {
        match &self.place {
            Place::Whole(path) => Ok(path.clone()),
            Place::Draft { folder, number } => {
                let (folder, _) = Checkpoints::draft(folder, *number, self.name)?;
                Ok(folder.join(part_name(self.worker)))
            }
        }
    }

    /// The entry of the file that was just ended; none if it was removed for want of rows.
    fn entry(&self, written: Written) -> Result<Option<FileEntry>> {
        let Place::Draft { folder, number } = &self.place else {
            return Ok(None);
        };
        if written.bytes == 0 {
            return Ok(None);
        }
        let (folder, place) = Checkpoints::draft(folder, *number, self.name)?;
        let part = part_name(self.worker);
        let mut entry = file_entry(&folder, &part, written.rows)?;
        entry.path = format!("{place}/{part}");
        Ok(Some(entry))
    }
}

/// The name in the result of the file of a worker and a checkpoint.
pub(super) fn part_of(worker: usize, number: u64) -> String {
    part_name(worker).replace(".parquet", &format!("-{number:06}.parquet"))
}
