//! The names of a table's columns: where the wanted ones stand, and how messages tell all of them.

use crate::map::input::{shown, told};
use crate::{Error, Result};
use rustc_hash::FxHashMap;

/// The most names that a message tells.
const MOST_TOLD: usize = 12;

/// What other programs set fields apart by where they do not take a comma.
const OTHER_SEPARATORS: [(u8, &str); 3] = [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];

/// The columns of a table.
#[derive(Default)]
pub(super) struct Header {
    places: Vec<Option<usize>>,
    found: String,
}

impl Header {
    /// Finds the columns `wanted` among the `names` of the table `file`.
    ///
    /// # Errors
    /// [`Error::Input`] if a wanted column comes twice.
    pub(super) fn new<'a>(
        file: &str,
        wanted: &[&str],
        names: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self> {
        let mut places = vec![None; wanted.len()];
        let numbers: FxHashMap<&[u8], usize> =
            wanted.iter().map(|w| w.as_bytes()).zip(0..).collect();
        let mut first = Vec::new();
        for (place, name) in names.enumerate() {
            if first.len() <= MOST_TOLD {
                first.push(name);
            }
            if let Some(&n) = numbers.get(name)
                && places[n].replace(place).is_some()
            {
                return Err(Error::input(format!(
                    "{file}: the table has two columns \"{}\"; each must have a name of its own",
                    wanted[n]
                )));
            }
        }
        Ok(Header {
            places,
            found: tell(&first),
        })
    }

    /// Looks whether a first line without a comma is set apart by something else, of which messages tell then.
    pub(super) fn look_for_separators(&mut self, line: &[u8]) {
        if let Some((_, others)) = OTHER_SEPARATORS.iter().find(|(s, _)| line.contains(s)) {
            self.found = format!(
                ", but its first line has no comma and is set apart by {others}: set it apart by commas"
            );
        }
    }

    /// Whether the table has a wanted column.
    pub(super) fn has(&self, column: usize) -> bool {
        self.places[column].is_some()
    }

    /// Where a wanted column stands among those of the table.
    #[inline]
    pub(super) fn place(&self, column: usize) -> Option<usize> {
        self.places[column]
    }

    /// Where the wanted columns stand that the table has.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.places.iter().flatten().copied()
    }

    /// What the table has instead of a column that it lacks, as the rest of a sentence.
    pub(super) fn found(&self) -> &str {
        &self.found
    }
}

fn tell(names: &[&[u8]]) -> String {
    if names.is_empty() {
        return ", but it has no column".to_owned();
    }
    let dots = if names.len() > MOST_TOLD { ", …" } else { "" };
    let shown: Vec<String> = names.iter().take(MOST_TOLD).map(|n| shown(n)).collect();
    told(&format!(", but its columns are {}{dots}", shown.join(", ")))
}
