//! Checkpoints of a run as it goes on: worker 0 gives the order, every worker saves what it has, worker 0 commits.

use super::checkpoint_args::Every;
use super::run::{Shared, Verdict, error_of, parts_of};
use crate::brick::{BrickId, Costs};
use crate::dataflows::orders::Orders;
use crate::lake::checkpoint::{
    BRICKS, CELLS, Checkpoints, FileEntry, Manifest, SavedCell, SavedCellWriter, TOLD_COSTS,
};
use crate::lake::container::{ContainerMeta, ContainerWriter, FieldType, FieldValues};
use crate::lake::{fail, part_name};
use crate::lattice::Frame;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Instant;
use timely::worker::Worker;

/// What every worker is told to save.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The number of the checkpoint.
    pub number: u64,
    /// The time of the last epoch.
    pub time: i64,
    /// True if all bricks are to be saved, not only those that have changed.
    pub full: bool,
}

/// What a worker has saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Containers of bricks.
    segments: Vec<FileEntry>,
    /// Tables of cells.
    cells: Vec<FileEntry>,
    /// Files of a table of changes.
    changes: Vec<FileEntry>,
    /// How many bricks this worker has.
    bricks: u64,
    /// Sources of this worker and their labels.
    sources: Vec<(u64, u32)>,
    /// Tables of the cells that epochs have changed.
    told_changes: Vec<FileEntry>,
    /// Containers of costs as they were told last.
    told_costs: Vec<FileEntry>,
    failure: Verdict,
}

/// Where a run stands, as worker 0 knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The time of the last epoch.
    pub time: i64,
    pub step: u64,
    /// The frame, where it is another than that of the map that was read.
    pub frame: Option<Frame>,
    pub next_label: u32,
    pub queries: Vec<(i64, u64, u64)>,
    pub notes: serde_json::Value,
}

/// Where a worker saves its part of a checkpoint.
#[derive(Clone)]
pub(super) struct Draft {
    folder: PathBuf,
    worker: usize,
    frame: Frame,
    plan: &'static str,
    settings: Vec<(String, String)>,
}

/// What takes checkpoints when they are due; worker 0 asks it after every epoch.
pub(super) struct Keeper<'a> {
    shared: &'a Shared,
    orders: Option<Orders<Order, Saved>>,
    every: Every,
    since: u64,
    last: Instant,
}

impl<'a> Keeper<'a> {
    /// To be built on every worker; `save` saves what that worker has.
    pub fn new(
        worker: &mut Worker,
        shared: &'a Shared,
        mut save: impl FnMut(&Draft, Order) -> Result<Saved> + 'static,
    ) -> Self {
        let Some(config) = &shared.config.checkpoint else {
            return Keeper {
                shared,
                orders: None,
                every: Every::Epochs(u64::MAX),
                since: 0,
                last: Instant::now(),
            };
        };
        let draft = Draft::of(shared, worker.index()).expect("checkpoints are kept");
        let orders = Orders::new(worker, move |order: Order| {
            let saved = save(&draft, order);
            saved.unwrap_or_else(|error| Saved::failed(&error))
        });
        Keeper {
            shared,
            orders: Some(orders),
            every: config.every,
            since: 0,
            last: Instant::now(),
        }
    }

    /// Takes a checkpoint after the first solve.
    pub fn solved(&mut self, worker: &mut Worker, standing: Standing) -> Result<()> {
        self.take(worker, 0, standing)
    }

    /// Counts an epoch; true if a checkpoint is due after it.
    pub fn is_due(&mut self) -> bool {
        self.since += 1;
        self.orders.is_some()
            && match self.every {
                Every::Epochs(every) => self.since >= every,
                Every::Time(every) => self.last.elapsed() >= every,
            }
    }

    /// Takes a checkpoint after epoch number `epochs`.
    pub fn take(&mut self, worker: &mut Worker, epochs: u64, standing: Standing) -> Result<()> {
        let Some(orders) = &mut self.orders else {
            return Ok(());
        };
        let order = order(self.shared, &standing);
        let saved = orders.give(worker, &order);
        commit(self.shared, order, standing, epochs, saved)?;
        (self.since, self.last) = (0, Instant::now());
        Ok(())
    }

    /// Ends the orders: no more checkpoints will be taken.
    pub fn close(&mut self) {
        if let Some(orders) = &mut self.orders {
            orders.close();
        }
    }
}

/// What is to be saved next.
pub(super) fn order(shared: &Shared, standing: &Standing) -> Order {
    let store = shared.checkpoints();
    let store = store.as_ref().expect("process 0 keeps them");
    Order {
        number: store.next_number(),
        time: standing.time,
        full: store.newest().is_none_or(Manifest::is_stale),
    }
}

/// Commits what all workers have saved, on worker 0.
pub(super) fn commit(
    shared: &Shared,
    order: Order,
    standing: Standing,
    epochs: u64,
    saved: Vec<Saved>,
) -> Result<()> {
    if let Some(failure) = saved.iter().find_map(|s| s.failure.clone()) {
        return Err(error_of(failure));
    }
    let mut store = shared.checkpoints();
    let store = store.as_mut().expect("process 0 keeps them");
    let mut manifest = Manifest {
        time: standing.time,
        epochs,
        step: standing.step,
        next_label: standing.next_label,
        map: shared.map_figures(),
        notes: standing.notes,
        updates_crc32: (shared.config.updates.is_some())
            .then(|| shared.updates_crc32(standing.time)),
        queries: standing.queries,
        ..Manifest::new(order.number, &standing.frame.unwrap_or(shared.frame))
    };
    if let Some(former) = store.newest() {
        manifest.changes = former.changes.clone();
        manifest.told_changes = former.told_changes.clone();
        if !order.full {
            if standing.step > 0 && former.epochs == epochs {
                manifest.told_costs = former.told_costs.clone();
            }
            manifest.segments = former.segments.clone();
            manifest.cells = former.cells.clone();
        }
    }
    for part in saved {
        manifest.bricks += part.bricks;
        manifest.segments.extend(part.segments);
        manifest.cells.extend(part.cells);
        manifest.changes.extend(part.changes);
        manifest.sources.extend(part.sources);
        manifest.told_changes.extend(part.told_changes);
        manifest.told_costs.extend(part.told_costs);
    }
    manifest.sources.sort_unstable();
    manifest.queries.sort_unstable();
    store.commit(manifest)?;
    shared.publish_so_far(store)
}

impl Draft {
    /// Where a worker saves its part, if checkpoints are kept.
    pub fn of(shared: &Shared, worker: usize) -> Option<Self> {
        let config = shared.config.checkpoint.as_ref()?;
        Some(Draft {
            folder: config.folder.clone(),
            worker,
            frame: shared.frame,
            plan: shared.config.cluster.partition.name(),
            settings: shared.metadata(),
        })
    }

    /// A table for this worker's cells, created when the first cell comes.
    pub fn cells(&self, order: Order) -> CellFile<'_> {
        CellFile {
            draft: self,
            order,
            writer: None,
        }
    }

    /// Where a worker saves its part, of cells in another frame than that of the map that was read.
    pub fn with_frame(self, frame: Frame) -> Self {
        Draft { frame, ..self }
    }

    /// The folder `name` of a checkpoint, while it is written.
    pub fn folder(&self, number: u64, name: &str) -> Result<PathBuf> {
        Checkpoints::draft(&self.folder, number, name).map(|(folder, _)| folder)
    }

    /// The entry of a finished file there, which has so many bricks or cells.
    pub fn entry(&self, number: u64, name: &str, file: &str, rows: u64) -> Result<FileEntry> {
        Checkpoints::entry(&self.folder, number, name, file, rows)
    }

    /// What the files are told of.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// A container for the costs of this worker's bricks as they were told last.
    pub fn told_costs(&self, order: Order) -> BrickFile<'_> {
        BrickFile {
            name: TOLD_COSTS,
            ..self.bricks(order, &[])
        }
    }

    /// A container for this worker's bricks with `fields` beside their costs, created when the first brick comes.
    pub fn bricks<'d>(&'d self, order: Order, fields: &[(&'d str, FieldType)]) -> BrickFile<'d> {
        BrickFile {
            draft: self,
            order,
            name: BRICKS,
            fields: [&[("cost", FieldType::U16)], fields].concat(),
            writer: None,
        }
    }
}

/// The table of a worker's cells in a checkpoint.
pub(super) struct CellFile<'d> {
    draft: &'d Draft,
    order: Order,
    writer: Option<SavedCellWriter>,
}

impl CellFile<'_> {
    /// Adds a cell, whose Index64 is above that of the cell before.
    pub fn push(&mut self, saved: &SavedCell) -> Result<()> {
        if self.writer.is_none() {
            let draft = self.draft;
            let (folder, _) = Checkpoints::draft(&draft.folder, self.order.number, CELLS)?;
            let path = folder.join(part_name(draft.worker));
            self.writer = Some(SavedCellWriter::create(
                &path,
                &draft.frame,
                &draft.settings,
            )?);
        }
        self.writer.as_mut().expect("just opened").push(saved)
    }

    /// Finishes the table; none if no cell came.
    pub fn finish(mut self) -> Result<Vec<FileEntry>> {
        let Some(writer) = self.writer.take() else {
            return Ok(Vec::new());
        };
        fail::point();
        let written = writer.finish()?;
        let (folder, name) = (&self.draft.folder, part_name(self.draft.worker));
        let entry = Checkpoints::entry(folder, self.order.number, CELLS, &name, written.rows)?;
        Ok(vec![entry])
    }
}

/// The container of a worker's bricks in a checkpoint.
pub(super) struct BrickFile<'d> {
    draft: &'d Draft,
    order: Order,
    /// The folder.
    name: &'static str,
    fields: Vec<(&'d str, FieldType)>,
    writer: Option<ContainerWriter>,
}

impl BrickFile<'_> {
    /// Adds a brick, whose id is above that of the brick before.
    pub fn push(&mut self, id: BrickId, costs: &Costs, values: &[FieldValues]) -> Result<()> {
        if self.writer.is_none() {
            let draft = self.draft;
            let (folder, _) = Checkpoints::draft(&draft.folder, self.order.number, self.name)?;
            let meta = ContainerMeta {
                frame: draft.frame,
                plan: draft.plan.to_owned(),
                epoch: self.order.time,
                settings: draft.settings.clone(),
            };
            let path = folder.join(self.file());
            self.writer = Some(ContainerWriter::create(&path, &meta, &self.fields)?);
        }
        let row = [&[FieldValues::U16(costs)], values].concat();
        let writer = self.writer.as_mut().expect("just opened");
        writer.push(id, &row)
    }

    /// Finishes the container; none if no brick came.
    pub fn finish(mut self) -> Result<Vec<FileEntry>> {
        let Some(writer) = self.writer.take() else {
            return Ok(Vec::new());
        };
        fail::point();
        let written = writer.finish()?;
        let (folder, number) = (&self.draft.folder, self.order.number);
        let entry = Checkpoints::entry(folder, number, self.name, &self.file(), written.bricks)?;
        Ok(vec![entry])
    }

    fn file(&self) -> String {
        format!("part-{:05}.arrow", self.draft.worker)
    }
}

impl Saved {
    /// That a worker could not save what it has.
    pub fn failed(error: &Error) -> Self {
        Saved {
            failure: Some(parts_of(error)),
            ..Saved::default()
        }
    }

    /// What a worker with so many bricks has saved of them.
    pub fn bricks(bricks: u64, segments: Vec<FileEntry>) -> Self {
        Saved {
            segments,
            bricks,
            ..Saved::default()
        }
    }

    /// A table of cells too.
    pub fn with_cells(self, cells: Vec<FileEntry>) -> Self {
        Saved { cells, ..self }
    }

    /// Sources too.
    pub fn with_sources(self, sources: Vec<(u64, u32)>) -> Self {
        Saved { sources, ..self }
    }

    /// What was told too: tables of changes, and containers of costs.
    pub fn with_told(self, told_changes: Vec<FileEntry>, told_costs: Vec<FileEntry>) -> Self {
        Saved {
            told_changes,
            told_costs,
            ..self
        }
    }

    /// Files of changes too.
    pub fn with_changes(self, changes: Vec<FileEntry>) -> Self {
        Saved { changes, ..self }
    }
}
