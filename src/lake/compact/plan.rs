//! Which files of a table are merged.

use crate::lake::delta::{AddFile, Log};
use std::collections::{BTreeMap, BTreeSet};

/// The files of one partition that become fewer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Merge {
    /// The partition values that all have.
    pub partition: BTreeMap<String, Option<String>>,
    /// The folder of the merged files, relative to the table: that of the first.
    pub folder: String,
    /// The files, by path.
    pub files: Vec<AddFile>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// The merges, one a partition at most.
    pub merges: Vec<Merge>,
    /// Files of former versions that are removed from the disk.
    pub dropped: BTreeSet<String>,
}

impl Plan {
    /// Merges the files of each partition that are smaller than `target_bytes`, where there are two or more; with
    /// `keep`, no file leaves the disk.
    pub(super) fn of(log: &Log, target_bytes: u64, keep: bool) -> Self {
        let mut small: BTreeMap<_, Vec<AddFile>> = BTreeMap::new();
        for file in log.files().filter(|file| file.size < target_bytes) {
            let partition = small.entry(file.partition_values.clone());
            partition.or_default().push(file.clone());
        }
        let merges =
            small
                .into_iter()
                .filter(|(_, files)| files.len() > 1)
                .map(|(partition, files)| Merge {
                    partition,
                    folder: folder_of(&files[0].path),
                    files,
                });
        let mut plan = Plan {
            merges: merges.collect(),
            dropped: BTreeSet::new(),
        };
        if !keep {
            let merged = plan.merged().map(|file| file.path.clone());
            plan.dropped = merged
                .chain(log.removed_files().map(str::to_owned))
                .collect();
        }
        plan
    }

    /// The files that are merged.
    pub(super) fn merged(&self) -> impl Iterator<Item = &AddFile> {
        self.merges.iter().flat_map(|merge| &merge.files)
    }
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/')
        .map_or_else(String::new, |(folder, _)| format!("{folder}/"))
}
