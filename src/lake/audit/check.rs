//! Verification: every checksum, every row, on all cores; the first fault ends it.

use super::entries::FileRows;
use super::find::{Found, Table, find};
use super::log::{Checksums, check_unnamed};
use super::parquet::Parquet;
use super::rows::GroupRows;
use super::{RESTORE, agree, entries, fault, pages, rows, saved, schema, unique};
use crate::brick::BrickId;
use crate::lake::container::Container;
use crate::lake::delta::Log;
use crate::lake::former::FOLDERS;
use crate::lake::{MARKER, SUMMARY, refused};
use crate::map::columns::check_all_pages;
use crate::map::octa::Stream;
use crate::map::{ReadOptions, read_map};
use crate::{Error, Result};
use serde::Serialize;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The commands that leave results.
const COMMANDS: [&str; 5] = ["ingest", "field", "route", "diffuse", "ghost"];

/// What was found to be sound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sound {
    /// How many files were read.
    pub files: u64,
    /// How many rows the tables and containers have, how many frames the streams, and how many cells the maps.
    pub rows: u64,
    /// How many bytes the files have.
    pub bytes: u64,
    /// How many of the files are none of octaflow's, and were checked as plain Parquet only: that they decode.
    pub plain_files: u64,
    /// What was passed over, or could be checked less than octaflow's own files, and why; sentences.
    pub notes: Vec<String>,
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
    if let Some(summary) = &found.summary {
        check_summary(&path.join(SUMMARY), summary)?;
    }
    for table in &found.tables {
        verify_table(table, &mut sound)?;
    }
    for path in &found.containers {
        verify_container(path, &mut sound)?;
    }
    for saved in &found.saved {
        saved::verify(saved, &mut sound)?;
    }
    verify_others(&found, &mut sound)?;
    Ok(sound)
}

pub(super) fn verify_table(table: &Table, sound: &mut Sound) -> Result<()> {
    let open = |path: &PathBuf| Parquet::open(path);
    let files = in_parallel(&table.files, open)?;
    check_named(table, &files)?;
    if let Some(odd) = table.log.as_ref().and_then(Log::odd) {
        return Err(Error::input(format!("{odd}; {RESTORE}")));
    }
    let units: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, parquet)| (0..parquet.footer().num_row_groups()).map(move |g| (file, g)))
        .collect();
    in_parallel(&files, |parquet| {
        let name = parquet.path.display().to_string();
        let file = parquet.file()?;
        check_all_pages(&name, &file, parquet.bytes, parquet.footer())?;
        check_footer(parquet, &file)
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
    agree::check(&files, table.log.as_ref())?;
    let mut ends: Vec<Option<[Vec<i64>; 2]>> = vec![None; files.len()];
    let mut held = vec![FileRows::default(); files.len()];
    for (&(file, _), found) in units.iter().zip(groups) {
        held[file].add(found.lod, found.ranges);
        match (&mut ends[file], found.keys) {
            (Some([_, end]), Some([_, last])) => *end = last,
            (none @ None, keys) => *none = keys,
            (_, None) => {}
        }
    }
    unique::check(&files, &ends)?;
    let checksums = match &table.log {
        Some(log) => Checksums::of(log),
        None => Checksums::around(&table.files),
    };
    in_parallel(&table.files, |path| checksums.check(path))?;
    if let Some(log) = &table.log {
        check_unnamed(log)?;
        schema::check(log, &files)?;
        entries::check(log, &files, &held)?;
    }
    note_others(table, &files, sound);
    sound.files += files.len() as u64;
    sound.rows += files.iter().map(Parquet::rows).sum::<u64>();
    sound.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
    Ok(())
}

/// Checks that a summary names octaflow's version and a command that leaves results, if any.
fn check_summary(path: &Path, summary: &serde_json::Value) -> Result<()> {
    if !summary
        .get(MARKER)
        .is_some_and(serde_json::Value::is_string)
    {
        let what = format!("it does not tell which version of octaflow wrote it ({MARKER:?})");
        return Err(fault(path, format!("{what}; {RESTORE}")));
    }
    match summary.get("command") {
        None => Ok(()),
        Some(command) if command.as_str().is_some_and(|c| COMMANDS.contains(&c)) => Ok(()),
        Some(command) => {
            let command: String = command.to_string().chars().take(80).collect();
            let what = format!(
                "its command is {command} and should be one of {}",
                COMMANDS.join(", ")
            );
            Err(fault(path, format!("{what}; {RESTORE}")))
        }
    }
}

/// Notes the files that other programs wrote, of which less is known than of octaflow's.
fn note_others(table: &Table, files: &[Parquet], sound: &mut Sound) {
    type Is = fn(&Parquet) -> bool;
    let kinds: [(Is, &str); 3] = [
        (
            |file| file.is_ours() && !file.is_untouched(),
            "written again by another program: the rows were checked as those of its table, the pages only as far as that \
             program put checksums to them",
        ),
        (
            |file| !file.is_ours() && file.table.is_some(),
            "not octaflow's: the rows were checked by the names of the columns, the pages only as far as their writer put \
             checksums to them; there is no frame to check",
        ),
        (
            |file| !file.is_ours() && file.table.is_none(),
            "not octaflow's: checked as plain Parquet only",
        ),
    ];
    for (is, words) in kinds {
        let mut others = files.iter().filter(|file| is(file));
        let Some(first) = others.next() else {
            continue;
        };
        let more = match others.count() {
            0 => String::new(),
            count => format!(", with {count} more of {}", table.path.display()),
        };
        let (path, program) = (first.path.display(), first.program());
        sound
            .notes
            .push(format!("{path} ({program}){more}: {words}"));
        if first.table.is_none() {
            sound.plain_files += files.iter().filter(|file| is(file)).count() as u64;
        }
    }
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
fn check_footer(parquet: &Parquet, file: &File) -> Result<()> {
    let mut first = [0; 4];
    let read = file.read_exact_at(&mut first, 0);
    read.map_err(|e| refused(&parquet.path, "read", &e))?;
    if first != *b"PAR1" {
        let what = format!("it should begin with PAR1 as every Parquet file does; {RESTORE}");
        return Err(fault(&parquet.path, what));
    }
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
            "its row groups hold {rows} rows and should hold the {} of its footer; {RESTORE}",
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

pub(super) fn verify_container(path: &Path, sound: &mut Sound) -> Result<()> {
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
pub(super) fn in_parallel<T: Sync, R: Send>(
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
