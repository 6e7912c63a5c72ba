//! Verification: every checksum, every row, on all cores; the first fault ends it.

use super::find::{Found, Table, find};
use super::parquet::Parquet;
use super::rows::GroupRows;
use super::{fault, pages, rows, unique};
use crate::brick::BrickId;
use crate::lake::container::Container;
use crate::lake::former::FOLDERS;
use crate::lattice::{Frame, Header};
use crate::map::columns::check_all_pages;
use crate::map::octa::Stream;
use crate::map::{ReadOptions, read_map};
use crate::{Error, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was found to be sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sound {
    /// How many files were read.
    pub files: u64,
    /// How many rows the tables and containers have, how many frames the streams, and how many cells the maps.
    pub rows: u64,
    /// How many bytes the files have.
    pub bytes: u64,
}

/// Checks whatever lies at `path`: every checksum, that cells are cells, that rows come in order, that values are what
/// their columns promise.
///
/// # Errors
/// [`Error::Input`] naming the first fault: the file, the row group or segment, the row, what is wrong, and what would
/// be right; [`Error::Machine`] if something cannot be read.
pub fn verify(path: &Path) -> Result<Sound> {
    let found = find(path)?;
    let mut sound = Sound::default();
    for table in &found.tables {
        verify_table(table, &mut sound)?;
    }
    for path in &found.containers {
        verify_container(path, &mut sound)?;
    }
    verify_others(&found, &mut sound)?;
    Ok(sound)
}

fn verify_table(table: &Table, sound: &mut Sound) -> Result<()> {
    let open = |path: &PathBuf| Parquet::open(path);
    let files = in_parallel(&table.files, open)?;
    check_named(table, &files)?;
    let units: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, parquet)| (0..parquet.footer().num_row_groups()).map(move |g| (file, g)))
        .collect();
    in_parallel(&files, |parquet| {
        let name = parquet.path.display().to_string();
        check_all_pages(&name, &parquet.file()?, parquet.bytes, &parquet.metadata)?;
        check_footer(parquet)
    })?;
    let groups = in_parallel(&units, |&(file, group)| {
        let parquet = &files[file];
        let opened = parquet.file()?;
        pages::check(parquet, &opened, group)?;
        rows::check(parquet, opened, group)
    })?;
    for (pair, found) in units.windows(2).zip(groups.windows(2)) {
        if pair[0].0 == pair[1].0 {
            follows(&files[pair[1].0], pair[1].1, &found[0], &found[1])?;
        }
    }
    check_alike(&files)?;
    let mut ends: Vec<Option<[Vec<i64>; 2]>> = vec![None; files.len()];
    for (&(file, _), found) in units.iter().zip(groups) {
        match (&mut ends[file], found.keys) {
            (Some([_, end]), Some([_, last])) => *end = last,
            (none @ None, keys) => *none = keys,
            (_, None) => {}
        }
    }
    unique::check(&files, &ends)?;
    sound.files += files.len() as u64;
    sound.rows += files.iter().map(Parquet::rows).sum::<u64>();
    sound.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
    Ok(())
}

/// Checks that a folder with the name of a table of results holds that table.
fn check_named(table: &Table, files: &[Parquet]) -> Result<()> {
    let name = table.name.as_str();
    let foreign = files
        .iter()
        .find(|file| file.is_ours() && file.table != Some(name));
    match foreign.filter(|_| FOLDERS.contains(&name)) {
        Some(file) => Err(fault(
            &file.path,
            format!("its columns are not those of the table {name}"),
        )),
        None => Ok(()),
    }
}

/// Checks that a footer's numbers of rows agree, and that it names a frame where it should.
fn check_footer(parquet: &Parquet) -> Result<()> {
    let groups = parquet.footer().row_groups();
    if groups.iter().any(|group| group.num_rows() < 0) {
        return Err(fault(
            &parquet.path,
            "a row group has a negative number of rows",
        ));
    }
    let rows: u64 = groups.iter().fold(0, |rows: u64, group| {
        rows.saturating_add(group.num_rows() as u64)
    });
    if rows != parquet.rows() {
        let what = format!(
            "its row groups hold {rows} rows and should hold the {} of its footer",
            parquet.rows()
        );
        return Err(fault(&parquet.path, what));
    }
    parquet.frame()?;
    Ok(())
}

/// Checks that row group `group` goes on where the one before it ends.
fn follows(parquet: &Parquet, group: usize, before: &GroupRows, after: &GroupRows) -> Result<()> {
    let wrong = |what: &str| Err(fault(&parquet.path, format!("row group {group}: {what}")));
    if let (Some(a), Some(b)) = (before.lod, after.lod)
        && a != b
    {
        return wrong(&format!(
            "its cells are of LOD {b} and should be of LOD {a}, as those before"
        ));
    }
    if let (Some([_, last]), Some([first, _])) = (&before.keys, &after.keys)
        && (first < last || first == last && parquet.table.is_some())
    {
        return wrong("its first row does not come behind the last of the row group before");
    }
    Ok(())
}

/// Checks that the files of a table have the same columns and frame.
fn check_alike(files: &[Parquet]) -> Result<()> {
    let Some(first) = files.first() else {
        return Ok(());
    };
    for file in files {
        if file.metadata.schema().fields() != first.metadata.schema().fields() {
            let what = format!(
                "its columns are not those of {}, a part of the same table",
                first.path.display()
            );
            return Err(fault(&file.path, what));
        }
        if file.frame()?.map(finest) != first.frame()?.map(finest) {
            let what = format!(
                "its frame is not that of {}, a part of the same table",
                first.path.display()
            );
            return Err(fault(&file.path, what));
        }
    }
    Ok(())
}

/// The origin of a frame and the cell size of the finest level above its cells: alike in all levels of one map.
fn finest(frame: Frame) -> ([f64; 3], f64) {
    let levels = Header::CELL.lod - frame.lod();
    let cell_size = frame.cell_size_m() / f64::from(1_u32 << levels);
    (frame.origin_m(), cell_size)
}

fn verify_container(path: &Path, sound: &mut Sound) -> Result<()> {
    let container = Container::open(path)?;
    let segments: Vec<usize> = (0..container.segments_len()).collect();
    let ends = in_parallel(&segments, |&index| {
        let segment = container.segment(index)?;
        let ends: [BrickId; 2] = [segment.brick(0), segment.brick(segment.bricks() - 1)];
        Ok(ends)
    })?;
    if let Some(at) = ends.windows(2).position(|pair| pair[0][1] >= pair[1][0]) {
        let what = format!(
            "the first id of segment {} does not come behind the last of the one before",
            at + 1
        );
        return Err(fault(path, what));
    }
    container.verify_whole()?;
    sound.files += 1;
    sound.rows += container.bricks();
    sound.bytes += container.bytes();
    Ok(())
}

fn verify_others(found: &Found, sound: &mut Sound) -> Result<()> {
    for path in &found.streams {
        let stream = Stream::open(path)?;
        stream.for_each(|_, _| Ok(()))?;
        sound.files += 1;
        sound.rows += stream.frames().len() as u64;
        sound.bytes += stream.bytes();
    }
    for path in &found.maps {
        let map = read_map(path, &ReadOptions::default())?;
        sound.files += 1;
        sound.rows += map.cells;
        sound.bytes += std::fs::metadata(path).map_or(0, |meta| meta.len());
    }
    Ok(())
}

/// Does `work` for every item on all cores. Of the errors, that of the first item counts.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (next, first_fault) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let done: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::with_capacity(items.len()));
    let share = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            // What comes behind a fault need not be looked at.
            if at >= items.len() || at > first_fault.load(Ordering::Relaxed) {
                return;
            }
            let result = work(&items[at]);
            if result.is_err() {
                first_fault.fetch_min(at, Ordering::Relaxed);
            }
            done.lock().expect("no worker panics").push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..cores.min(items.len()) {
            scope.spawn(share);
        }
        share();
    });
    let mut done = done
        .into_inner()
        .map_err(|_| Error::machine("a check was interrupted"))?;
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
