//! `.npz`: archives of NumPy's arrays, which are ZIP files of `.npy` files, stored or deflated.

mod zip;

use super::{Grid, HeightOptions, of_array};
use crate::map::input::{Bytes, shown, told};
use crate::map::npy::is_plane;
use crate::{Error, Result};
use std::path::Path;
use zip::{Archive, Entry};

/// The array that is taken where there are several, unless another is asked for.
const USUAL: &str = "elevation";

/// Reads the array that is asked for, or the usual one, or the only one that has two axes.
pub(super) fn read(path: &Path, options: &HeightOptions) -> Result<Grid> {
    let archive = Archive::open(path)?;
    let entry = find(&archive, options.array.as_deref())?;
    let checked = archive.open_entry(entry)?;
    let name = format!("{}, array {}", archive.name(), shown(entry.name.as_bytes()));
    let mut budget = options.budget(archive.name());
    budget.charge(1, archive.memory_bytes())?;
    let mut bytes = Bytes::over(name, Box::new(checked), entry.whole_bytes, None);
    of_array(&mut bytes, options, budget)
}

fn find<'a>(archive: &'a Archive, asked: Option<&str>) -> Result<&'a Entry> {
    let named = |name: &str| {
        archive
            .entries()
            .iter()
            .find(|entry| entry.name == name || entry.name.strip_suffix(".npy") == Some(name))
    };
    let known = || {
        let names = archive
            .entries()
            .iter()
            .map(|e| e.name.trim_end_matches(".npy"));
        told(&names.collect::<Vec<_>>().join(", "))
    };
    let file = archive.name();
    if let Some(name) = asked {
        return named(name).ok_or_else(|| {
            Error::input(format!(
                "{file}: it has no array {}: it must be one of those it has ({})",
                shown(name.as_bytes()),
                known()
            ))
        });
    }
    if let Some(entry) = named(USUAL) {
        return Ok(entry);
    }
    let mut planes = Vec::new();
    for entry in archive.entries() {
        let checked = archive.open_entry(entry)?;
        let bytes = Bytes::over(String::new(), Box::new(checked), 0, None);
        if is_plane(&mut { bytes }) {
            planes.push(entry);
        }
    }
    match planes[..] {
        [entry] => Ok(entry),
        _ => Err(Error::input(format!(
            "{file}: it has {} arrays of two axes: there must be one, or one \"{USUAL}\", or the array must be named \
             ({})",
            planes.len(),
            known()
        ))),
    }
}
