//! Where a worker's rows of a table go: one file, or files in hive folders.

use std::path::{Path, PathBuf};

/// How long a file of a part grows before the next is begun.
pub const PART_BYTES: u64 = 128_000_000;

/// The bits of an Index64 below its LOD: the Morton key.
const KEY_BITS: u32 = 48;

/// By what the rows of a table are divided into folders: never by who owned them, so that the folders of a table do not
/// depend on workers and processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hive {
    /// Folders `lod=15` by level of detail.
    pub lod: bool,
    /// Folders `key=5` by this many leading bits (0…48) of the Morton key, as a number without leading zeros: readers
    /// that guess types take one with them for text.
    pub key_bits: Option<u32>,
}

impl Hive {
    /// True if rows are divided at all.
    pub(super) fn divides(&self) -> bool {
        self.lod || self.key_bits.is_some()
    }

    /// What all cells of a folder have in common: the leading bits of their Index64.
    pub(super) fn prefix(&self, cell: i64) -> u64 {
        cell as u64 >> (KEY_BITS - self.key_bits.unwrap_or(0))
    }

    /// The folders of a prefix, relative to the table, each with `/` at its end.
    pub(super) fn folder(&self, prefix: u64) -> String {
        let bits = self.key_bits.unwrap_or(0);
        let mut folder = String::new();
        if self.lod {
            folder += &format!("lod={}/", prefix >> bits & 0xf);
        }
        if let Some(bits) = self.key_bits {
            let greatest = (1_u64 << bits) - 1;
            folder += &format!("key={}/", prefix & greatest);
        }
        folder
    }
}

/// Where the rows of one worker go: the path of its file, and the division into hive folders beside it.
///
/// A path alone is a part without division.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file in the folder of the table: of a divided part, its name is that of the file in each hive folder.
    pub path: PathBuf,
    /// By what rows are divided. A table whose rows are not sorted by `cell` is not.
    pub hive: Hive,
    /// How long a file grows before the next is begun, `part-00000-0001.parquet` after `part-00000.parquet`.
    pub file_bytes: u64,
    /// True if a file is kept though it has no rows, so that the table shows its schema.
    pub shows_schema: bool,
}

impl Part {
    /// The path of the file number `number` in a folder, relative to the table.
    pub(super) fn file(&self, folder: &str, number: u32) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        match name.strip_suffix(".parquet") {
            Some(stem) if number > 0 => format!("{folder}{stem}-{number:04}.parquet"),
            _ => format!("{folder}{name}"),
        }
    }

    /// The folder of the table.
    pub(super) fn table(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

impl From<&Path> for Part {
    fn from(path: &Path) -> Self {
        // Only names of Parquet files are numbered.
        let numbered = path.extension().is_some_and(|e| e == "parquet");
        Part {
            shows_schema: path.file_name() == Some(super::part_name(0).as_ref()),
            path: path.to_owned(),
            hive: Hive::default(),
            file_bytes: if numbered { PART_BYTES } else { u64::MAX },
        }
    }
}

impl From<&PathBuf> for Part {
    fn from(path: &PathBuf) -> Self {
        Part::from(path.as_path())
    }
}

impl From<&Part> for Part {
    fn from(part: &Part) -> Self {
        part.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_numbers_without_leading_zeros() {
        let cell = (0b10_u64 << 62 | 15 << 48 | 0b1010_0000 << 40) as i64;
        let folder = |lod, key_bits| {
            let hive = Hive { lod, key_bits };
            hive.folder(hive.prefix(cell))
        };
        assert_eq!(folder(true, None), "lod=15/");
        assert_eq!(folder(true, Some(0)), "lod=15/key=0/");
        assert_eq!(folder(true, Some(4)), "lod=15/key=10/");
        assert_eq!(folder(false, Some(3)), "key=5/");
        assert_eq!(folder(false, Some(10)), "key=640/");
        assert_eq!(
            folder(false, Some(48)),
            format!("key={}/", 0b1010_0000_u64 << 40)
        );
        assert_eq!(folder(false, None), "");
    }
}
