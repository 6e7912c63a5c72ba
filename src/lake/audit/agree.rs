//! That the files of a table say the same of themselves, and the same as the table's log.

use super::parquet::{OURS, Parquet};
use super::{RESTORE, fault};
use crate::Result;
use crate::lake::delta::Log;
use crate::lattice::{Frame, Header};
use arrow::datatypes::Fields;
use std::collections::BTreeMap;
use std::path::Path;

/// What differs between the levels of detail of one table.
const OF_LEVEL: [&str; 3] = ["frame.cell_size_m", "frame.lod", "index64"];

/// What may differ between the files of a table that a run began and another went on with: the program, what it was
/// started with, and where it wrote.
const OF_RUN: [&str; 4] = [
    "version",
    "setting.partition",
    "setting.out",
    "setting.checkpoint",
];

/// What is said under each key, without `octaflow.`.
type Pairs<'a> = BTreeMap<&'a str, &'a str>;

/// Checks that the files of a table, of which `log` is the log, have the same columns, frame, lattice and settings, and
/// that the log tells of the same.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) naming a file that differs, and in what.
pub(super) fn check(files: &[Parquet], log: Option<&Log>) -> Result<()> {
    let Some(first) = files.first() else {
        return Ok(());
    };
    for file in files {
        if !same_columns(file, first) {
            let what = format!(
                "its columns are not those of {}, a part of the same table",
                first.path.display()
            );
            return Err(fault(&file.path, what));
        }
        check_level(file)?;
    }
    let ours: Vec<&Parquet> = files.iter().filter(|file| file.is_ours()).collect();
    let Some(first) = ours.first() else {
        return Ok(());
    };
    let mut levels: BTreeMap<Option<&str>, &Parquet> = BTreeMap::new();
    for file in &ours {
        let of_level = levels.entry(file.pair("frame.lod")).or_insert(file);
        let other = of_level.path.display().to_string();
        alike(&file.path, &pairs(file), &pairs(of_level), &other)?;
        let (pairs, firsts) = (common(pairs(file)), common(pairs(first)));
        alike(
            &file.path,
            &pairs,
            &firsts,
            &first.path.display().to_string(),
        )?;
        if file.frame()?.map(finest) != first.frame()?.map(finest) {
            let what = format!(
                "its frame is not that of {}, a part of the same table",
                first.path.display()
            );
            return Err(fault(&file.path, what));
        }
    }
    match log {
        Some(log) => check_log(log, &ours, &levels),
        None => Ok(()),
    }
}

/// True if two files have the same columns; other programs let all of them be null.
fn same_columns(a: &Parquet, b: &Parquet) -> bool {
    let (a_fields, b_fields) = (a.metadata.schema().fields(), b.metadata.schema().fields());
    if a.is_untouched() && b.is_untouched() {
        return a_fields == b_fields;
    }
    let columns = |fields: &Fields| -> Vec<_> {
        let columns = fields.iter();
        columns
            .map(|f| (f.name().clone(), f.data_type().clone()))
            .collect()
    };
    columns(a_fields) == columns(b_fields)
}

/// Checks that a file is of the level of detail that its folder names.
fn check_level(file: &Parquet) -> Result<()> {
    let folders = file.path.parent().into_iter().flat_map(Path::iter);
    let mut named = folders.filter_map(|name| name.to_str()?.strip_prefix("lod="));
    let (Some(named), Some(told)) = (named.next_back(), file.pair("frame.lod")) else {
        return Ok(());
    };
    if named == told {
        return Ok(());
    }
    let what =
        format!("its frame is of level {told} and should be of level {named}, as its folder says");
    Err(fault(&file.path, what))
}

/// Holds what the log tells of the table against the files.
fn check_log(
    log: &Log,
    ours: &[&Parquet],
    levels: &BTreeMap<Option<&str>, &Parquet>,
) -> Result<()> {
    let told = log.metadata().configuration.iter();
    let told: Pairs = told
        .filter_map(|(key, value)| Some((key.strip_prefix(OURS)?, value.as_str())))
        .collect();
    if told.is_empty() && !log.metadata_source().own {
        // A log that another program made of octaflow's files.
        return Ok(());
    }
    check_run(log, &told, ours)?;
    let name = "the metaData of its table's log";
    match levels.get(&told.get("frame.lod").copied()) {
        Some(file) => alike(&file.path, &pairs(file), &without_run(told), name),
        None => alike(
            &ours[0].path,
            &common(pairs(ours[0])),
            &common(without_run(told)),
            name,
        ),
    }
}

/// Checks that what the log tells of the run is what one of the files says: as long as none was removed, that is there
/// which the log has it from.
fn check_run(log: &Log, told: &Pairs, ours: &[&Parquet]) -> Result<()> {
    if !log.metadata_source().own || !log.is_whole() || log.removed_files().len() > 0 {
        return Ok(());
    }
    let differs = |key: &str| {
        ours.iter()
            .all(|file| file.pair(key) != told.get(key).copied())
    };
    let Some(key) = OF_RUN.into_iter().find(|key| differs(key)) else {
        return Ok(());
    };
    let value = told.get(key).map_or("nothing".to_owned(), |value| {
        format!("{:?}", value.chars().take(80).collect::<String>())
    });
    let what = format!("the metaData says {value} of {OURS}{key}, as no file does; {RESTORE}");
    Err(fault(&log.place_of(log.metadata_source()), what))
}

/// What a file says that holds for all of its table, or for its level of it.
fn pairs(file: &Parquet) -> Pairs<'_> {
    let all = file.pairs.iter();
    without_run(
        all.map(|(key, value)| (key.as_str(), value.as_str()))
            .collect(),
    )
}

fn without_run(mut pairs: Pairs) -> Pairs {
    pairs.retain(|key, _| !OF_RUN.contains(key));
    pairs
}

/// What holds for all levels.
fn common(mut pairs: Pairs) -> Pairs {
    pairs.retain(|key, _| !OF_LEVEL.contains(key));
    pairs
}

/// Checks that `found`, of the file at `path`, is what `other` says.
fn alike(path: &Path, found: &Pairs, right: &Pairs, other: &str) -> Result<()> {
    let keys = found.keys().chain(right.keys());
    let Some(key) = keys
        .into_iter()
        .find(|key| found.get(*key) != right.get(*key))
    else {
        return Ok(());
    };
    let said = |pairs: &Pairs| match pairs.get(key) {
        Some(value) => format!("{:?}", value.chars().take(80).collect::<String>()),
        None => "nothing".to_owned(),
    };
    let what = format!(
        "it says {} of {OURS}{}, where {other} says {}; all of a table should say the same: {RESTORE}",
        said(found),
        key.chars().take(80).collect::<String>().escape_debug(),
        said(right)
    );
    Err(fault(path, what))
}

/// The origin of a frame and the cell size of the finest level above its cells: alike in all levels of one map.
fn finest(frame: Frame) -> ([f64; 3], f64) {
    let levels = Header::CELL.lod - frame.lod();
    let cell_size = frame.cell_size_m() / f64::from(1_u32 << levels);
    (frame.origin_m(), cell_size)
}
