//! Checkpoints: what a run knows at the end of an epoch, on disk, from which it can go on.
//!
//! ```text
//! DIR/run.json                       the run: its command, its arguments, where it was started
//! DIR/lock                           locked by the run that writes here
//! DIR/000007/manifest.json           what the checkpoint is made of, and sources and queries; written last
//! DIR/000007/bricks/part-00000.arrow the bricks of worker 0 that changed since checkpoint 6, as a brick container
//! DIR/000007/cells/part-00000.parquet cells of bricks of which little has changed
//! DIR/000007/tallies/part-00000.parquet of an ingest, in place of bricks: what was counted in those that changed
//! DIR/000007/told_changes/…          of an ingest: the cells that each epoch since checkpoint 6 has changed
//! DIR/000007/told_costs/…            of an ingest in the middle of an epoch: costs when they were told last
//! DIR/000007/field_changes/…         the rows of tables of changes since checkpoint 6, to be published
//! DIR/000008.draft/…                 the next one, while it is written
//! ```
//!
//! A checkpoint is written into its draft by every worker of every process, its files synced and reported; then process
//! 0 writes the manifest, syncs it and renames the folder: it exists whole or not at all. Its bricks are those that have
//! changed since the one before, so the manifest lists the containers of former checkpoints too: the newest row of a
//! brick counts. Of a brick of which few rows have changed, the cells of these rows are
//! written to a table instead, which counts for the bricks of older containers. When the containers hold twice as many rows as there are
//! bricks, the next checkpoint writes all. What neither
//! the newest nor the second newest manifest names is removed.
//!
//! Every file is named in the manifest with its length and the CRC-32 of its bytes, and the manifest holds the CRC-32 of
//! itself: what is damaged is found, and the checkpoint before it serves instead.

mod cells;
mod manifest;
mod store;
mod survey;

pub use cells::{SavedCell, SavedCellWriter, read_cells};
pub use manifest::{FileEntry, Manifest, MapFigures, RunRecord};
pub use store::Checkpoints;
pub(super) use survey::{Survey, is_folder, number_of_checkpoint, survey};

/// The folder of a checkpoint with the containers of bricks.
pub const BRICKS: &str = "bricks";

/// The folder of a checkpoint with tables of cells.
pub const CELLS: &str = "cells";

/// The folder of a checkpoint with tables of the cells that epochs have changed.
pub const TOLD_CHANGES: &str = "told_changes";

/// The folder of a checkpoint with containers of costs as they were told last.
pub const TOLD_COSTS: &str = "told_costs";
