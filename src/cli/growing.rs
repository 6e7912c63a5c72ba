//! Tables that are added to from epoch to epoch: the files of a worker, or those of a worker and checkpoint.

use super::keep::Order;
use super::run::{Report, Shared};
use crate::Result;
use crate::lake::checkpoint::{Checkpoints, FileEntry};
use crate::lake::{Hive, Part, Written, link, part_name};
use std::path::PathBuf;

/// A worker's part of such a table. In a run that keeps checkpoints its rows go to files of the next checkpoint, which
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

/// What creates the files of a part and their writer.
type Open<W> = Box<dyn Fn(&Part) -> Result<W>>;

/// Where the rows go.
enum Place {
    /// Into the result.
    Whole(Part),
    /// Into the draft of the checkpoint of this number.
    Draft {
        folder: PathBuf,
        number: u64,
        hive: Hive,
    },
}

impl<W> GrowingTable<W> {
    /// The part of a worker in the table `name`, whose files `open` opens and `finish` finishes. A failure to open one
    /// stays in place of the writer until it can be told of.
    pub fn new(
        shared: &Shared,
        worker: usize,
        name: &'static str,
        open: impl Fn(&Part) -> Result<W> + 'static,
        finish: fn(W) -> Result<Written>,
    ) -> Self {
        let place = match &shared.config.checkpoint {
            None => shared.part_path(worker, name).map(Place::Whole),
            Some(checkpoint) => Ok(Place::Draft {
                folder: checkpoint.folder.clone(),
                number: shared.next_checkpoint(),
                hive: shared.config.hive.rows,
            }),
        };
        let (place, failure) = match place {
            Ok(place) => (place, None),
            Err(error) => {
                let nowhere = Place::Whole(Part::from(&PathBuf::new()));
                (nowhere, Some(Err(error)))
            }
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
            table.writer = Some(table.part().and_then(|part| (table.open)(&part)));
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

    /// Ends the files for a checkpoint and begins those of the next one.
    pub fn save(&mut self, order: Order) -> Result<Vec<FileEntry>> {
        let written = self.end()?;
        let entries = self.entries(&written)?;
        if let Place::Draft { number, .. } = &mut self.place {
            *number = order.number + 1;
        }
        let part = self.part()?;
        self.writer = Some((self.open)(&part));
        Ok(entries)
    }

    /// Ends the table, and tells of its files in the result; those of former checkpoints are told of by process 0.
    pub fn finish(mut self, shared: &Shared, report: &mut Report) -> Result<()> {
        let written = self.end()?;
        if let Place::Draft { folder, number, .. } = &self.place {
            let (draft, _) = Checkpoints::draft(folder, *number, self.name)?;
            let result = shared.result_folder(self.name)?;
            for file in &written.files {
                link(&draft.join(&file.path), &result.join(&file.path))?;
            }
        }
        report.note_files(self.name, written);
        Ok(())
    }

    fn end(&mut self) -> Result<Written> {
        match self.writer.take() {
            Some(writer) => (self.finish)(writer?),
            None => Ok(Written::default()),
        }
    }

    fn part(&self) -> Result<Part> {
        match &self.place {
            Place::Whole(part) => Ok(part.clone()),
            Place::Draft {
                folder,
                number,
                hive,
            } => {
                let (folder, _) = Checkpoints::draft(folder, *number, self.name)?;
                // Digits of the checkpoint after those of the worker: the names of a table's files differ.
                let name =
                    part_name(self.worker).replace(".parquet", &format!("{number:06}.parquet"));
                Ok(Part {
                    hive: *hive,
                    shows_schema: self.worker == 0 && *number == 1,
                    ..Part::from(&folder.join(name))
                })
            }
        }
    }

    /// The entries of the files that were just ended.
    fn entries(&self, written: &Written) -> Result<Vec<FileEntry>> {
        let Place::Draft { folder, number, .. } = &self.place else {
            return Ok(Vec::new());
        };
        let files = written.files.iter();
        files
            .map(|file| Checkpoints::entry(folder, *number, self.name, &file.path, 0))
            .collect()
    }
}
