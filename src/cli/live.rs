//! How tables that grew from checkpoint to checkpoint are published: in the end, or while the run goes on.

use super::resume;
use crate::Result;
use crate::lake::checkpoint::Checkpoints;
use crate::lake::{LiveFile, LiveTable, Stage, WrittenFile, link};

/// Puts the files that checkpoints hold into the result; tells of them there.
pub(super) fn link_changes(stage: &Stage, checkpoints: &Checkpoints) -> Result<Vec<WrittenFile>> {
    let mut files = Vec::new();
    for entry in checkpoints.newest().iter().flat_map(|m| &m.changes) {
        let Some((_, table, file)) = entry.place() else {
            return Err(resume::foreign(checkpoints.folder()));
        };
        let to = stage.folder(table)?.join(file);
        link(&checkpoints.folder().join(&entry.path), &to)?;
        files.push(WrittenFile {
            path: format!("{table}/{file}"),
            bytes: entry.bytes,
            crc32: entry.crc32,
        });
    }
    Ok(files)
}

/// Publishes what the newest checkpoint holds.
pub(super) fn publish_so_far(stage: &mut Stage, checkpoints: &Checkpoints) -> Result<()> {
    let Some(name) = table_of(checkpoints) else {
        return Ok(());
    };
    let files = saved(checkpoints, name);
    let table = LiveTable {
        run: &checkpoints.record().run,
        name,
        files: &files,
    };
    let newest = checkpoints.newest();
    let summary = serde_json::json!({
        "complete": false,
        "time": newest.map_or(0, |m| m.time),
        "epochs": newest.map_or(0, |m| m.epochs),
    });
    stage.publish_so_far(&table, &summary.to_string())
}

/// Has the log of the table go on in the result with what was published before; `files` are those of the result.
pub(super) fn continue_log(
    stage: &Stage,
    checkpoints: &Checkpoints,
    files: &[WrittenFile],
) -> Result<()> {
    let Some(name) = table_of(checkpoints) else {
        return Ok(());
    };
    let mut all = saved(checkpoints, name);
    let number = checkpoints.next_number();
    for file in files {
        let path = file
            .path
            .strip_prefix(name)
            .and_then(|f| f.strip_prefix('/'));
        let known = |path: &str| all.iter().any(|f: &LiveFile| f.path == path);
        if let Some(path) = path.filter(|path| !known(path)) {
            all.push(LiveFile {
                from: stage.folder(name)?.join(path),
                path: path.to_owned(),
                number,
                crc32: file.crc32,
            });
        }
    }
    let table = LiveTable {
        run: &checkpoints.record().run,
        name,
        files: &all,
    };
    stage.continue_log(&table)
}

/// The name of the table that grows, if one does.
fn table_of(checkpoints: &Checkpoints) -> Option<&str> {
    let first = checkpoints.newest()?.changes.first()?;
    first.place().map(|(_, table, _)| table)
}

/// The files that checkpoints hold of a table.
fn saved(checkpoints: &Checkpoints, name: &str) -> Vec<LiveFile> {
    let entries = checkpoints.newest().into_iter().flat_map(|m| &m.changes);
    entries
        .filter_map(|entry| {
            let (number, table, path) = entry.place()?;
            (table == name).then(|| LiveFile {
                from: checkpoints.folder().join(&entry.path),
                path: path.to_owned(),
                number,
                crc32: entry.crc32,
            })
        })
        .collect()
}
