//! The folders of a result made tables, before it is published.

use super::delta::{self, NewTable};
use super::{former, refused};
use crate::Result;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// Gives every folder of the result that has files, and no log yet, its log; `checksums` are the CRC-32 of files of the
/// result that are known from their writing.
pub(super) fn create_logs(
    result: &Path,
    run: &str,
    checksums: &BTreeMap<String, u32>,
) -> Result<()> {
    for name in former::FOLDERS {
        let table = result.join(name);
        if table.is_dir() && !delta::is_table(&table) && !delta::data_files(&table)?.is_empty() {
            let known = |path: &str| checksums.get(&format!("{name}/{path}")).copied();
            delta::create_of(&table, &NewTable { run, name }, &known)?;
        }
    }
    Ok(())
}

/// Moves the files of the tables of one moment into a folder of its time, and the entries of `checksums` with them.
pub(super) fn divide_by_time(
    result: &Path,
    time: i64,
    checksums: &mut BTreeMap<String, u32>,
) -> Result<()> {
    let known = std::mem::take(checksums).into_iter();
    checksums.extend(known.map(|(path, crc32)| match path.split_once('/') {
        Some((name, file)) if former::FOLDERS_OF_A_MOMENT.contains(&name) => {
            (format!("{name}/time={time}/{file}"), crc32)
        }
        _ => (path, crc32),
    }));
    for name in former::FOLDERS_OF_A_MOMENT {
        let table = result.join(name);
        if !table.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&table).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let entries = entries.map_err(|e| refused(&table, "listed", &e))?;
        let folder = table.join(format!("time={time}"));
        fs::create_dir_all(&folder).map_err(|e| refused(&folder, "created", &e))?;
        for entry in entries {
            let target = folder.join(entry.file_name());
            fs::rename(entry.path(), &target).map_err(|e| refused(&target, "created", &e))?;
        }
    }
    Ok(())
}
