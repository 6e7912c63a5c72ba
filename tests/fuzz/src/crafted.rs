//! Parquet files whose footer, headers and compression are sound and whose pages are anything.
//!
//! A search that changes bytes of a file seldom gets past the footer, and never past a compressed page. So here bytes
//! tell what a file is to be: of each column the type, the codec and the pages with their encodings, counts and raw
//! contents. Only what a writer cannot get wrong is right.

use crate::parquet_parts::{Column, Group, Page, PageKind, end_file};
use flate2::write::GzEncoder;
use std::io::Write;

/// The columns of the tables that octaflow reads, and the physical type that each has in a sound file.
const TABLES: [&[(&str, Physical)]; 4] = [
    &[("lx", INT32), ("ly", INT32), ("lz", INT32), ("cost", FLOAT)],
    &[("x", DOUBLE), ("y", DOUBLE), ("z", DOUBLE)],
    &[
        ("time", INT64),
        ("kind", TEXT),
        ("x", DOUBLE),
        ("y", DOUBLE),
        ("z", DOUBLE),
        ("cost", DOUBLE),
    ],
    &[
        ("time", INT64),
        ("kind", TEXT),
        ("query", INT64),
        ("x", DOUBLE),
        ("y", FLOAT),
        ("z", INT64),
        ("gx", INT32),
        ("gy", DOUBLE),
        ("gz", DOUBLE),
        ("cost", DOUBLE),
    ],
];

/// A physical type by its number in the format.
type Physical = i64;
const INT32: Physical = 1;
const INT64: Physical = 2;
const FLOAT: Physical = 4;
const DOUBLE: Physical = 5;
const TEXT: Physical = 6;

/// The codecs that octaflow is built with, by their numbers in the format.
const CODECS: [i64; 5] = [0, 1, 2, 6, 7];

/// The file that `recipe` tells; bytes beyond its end count as 0, and zeros alone make a sound file.
pub fn parquet_file(recipe: &[u8]) -> Vec<u8> {
    let mut recipe = Recipe(recipe);
    let table = TABLES[usize::from(recipe.byte() % 4)];
    let rows = i64::from(recipe.byte()) % 64 + 1;
    let declared_rows = recipe.count(rows);
    let schema: Vec<(bool, Column)> = table
        .iter()
        .map(|&(name, physical)| match recipe.byte() {
            0..128 => (true, column(name, physical)),
            _ => (false, wild_column(name, physical, &mut recipe)),
        })
        .collect();
    let mut file = b"PAR1".to_vec();
    let groups: Vec<Group> = (0..=recipe.byte() % 3)
        .map(|group| Group {
            columns: schema
                .iter()
                .map(|(sound, column)| {
                    if *sound {
                        add_sound_page(&mut file, column, i64::from(group) * rows, rows)
                    } else {
                        add_wild_pages(&mut file, column, rows, &mut recipe)
                    }
                })
                .collect(),
            rows: recipe.count(rows),
        })
        .collect();
    end_file(&mut file, &groups, declared_rows.wrapping_mul(groups.len() as i64));
    file
}

/// What is left of the bytes that tell what to make.
struct Recipe<'a>(&'a [u8]);

impl Recipe<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> i32 {
        i32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A count: mostly the right one, else a small or an arbitrary one.
    fn count(&mut self, right: i64) -> i64 {
        match self.byte() {
            0..192 => right,
            192..224 => i64::from(self.byte()),
            224..248 => i64::from(self.word()),
            _ => i64::from(self.word()) << 32 | i64::from(self.word()),
        }
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// A column that a sound file has.
fn column(name: &'static str, physical: Physical) -> Column {
    Column {
        name,
        physical,
        ..Column::default()
    }
}

/// A column of mostly the right type.
fn wild_column(name: &'static str, physical: Physical, recipe: &mut Recipe) -> Column {
    Column {
        physical: match recipe.byte() {
            0..128 => physical,
            128..192 => TEXT,
            other => i64::from(other % 8),
        },
        type_length: i64::from(recipe.byte() % 20),
        converted: Some(i64::from(recipe.byte())).filter(|&c| c < 22),
        optional: recipe.byte() & 1 == 1,
        codec: CODECS[usize::from(recipe.byte()) % CODECS.len()],
        ..column(name, physical)
    }
}

/// Adds one plain page of `rows` values that suit the column, from row `first` on.
fn add_sound_page(file: &mut Vec<u8>, column: &Column, first: i64, rows: i64) -> Column {
    let mut plain = Vec::new();
    for row in first..first + rows {
        let value = match column.name {
            "time" => row + 1,
            _ => 2 * (row % 4),
        };
        match column.physical {
            INT32 => plain.extend((value as i32).to_le_bytes()),
            INT64 => plain.extend(value.to_le_bytes()),
            FLOAT => plain.extend((value as f32).to_le_bytes()),
            DOUBLE => plain.extend((value as f64).to_le_bytes()),
            _ => {
                plain.extend(4u32.to_le_bytes());
                plain.extend(b"cost");
            }
        }
    }
    let start = file.len() as i64;
    let page = Page {
        values: rows,
        plain_bytes: plain.len() as i64,
        ..Page::default()
    };
    page.write(file, &plain);
    Column {
        values: rows,
        data_at: start,
        bytes: file.len() as i64 - start,
        ..column.clone()
    }
}

/// Adds up to four pages of anything.
fn add_wild_pages(file: &mut Vec<u8>, column: &Column, rows: i64, recipe: &mut Recipe) -> Column {
    let values = recipe.count(rows);
    let start = file.len() as i64;
    let (mut dictionary_at, mut data_at) = (None, None);
    for _ in 0..=recipe.byte() % 4 {
        let at = file.len() as i64;
        let page = wild_page(rows, recipe);
        let n = usize::from(recipe.byte()) << (recipe.byte() % 4);
        let raw = recipe.bytes(n);
        match page.kind {
            PageKind::Dictionary => dictionary_at = dictionary_at.or(Some(at)),
            _ => data_at = data_at.or(Some(at)),
        }
        add_compressed(file, page, &raw, column.codec, recipe);
    }
    Column {
        values,
        dictionary_at,
        data_at: data_at.unwrap_or(start),
        bytes: file.len() as i64 - start,
        ..column.clone()
    }
}

fn wild_page(rows: i64, recipe: &mut Recipe) -> Page {
    Page {
        kind: match recipe.byte() % 8 {
            0..4 => PageKind::V1,
            4..6 => PageKind::V2,
            _ => PageKind::Dictionary,
        },
        encoding: i64::from(recipe.byte() % 11),
        values: recipe.count(rows),
        nulls: recipe.count(0),
        rows: recipe.count(rows),
        level_bytes: [recipe.count(0), recipe.count(0)],
        compressed: recipe.byte() & 1 == 0,
        plain_bytes: 0,
    }
}

/// Compresses what the codec is to compress of a page's contents, and adds the page.
fn add_compressed(file: &mut Vec<u8>, mut page: Page, raw: &[u8], codec: i64, recipe: &mut Recipe) {
    page.plain_bytes = recipe.count(raw.len() as i64);
    let is_v2 = matches!(page.kind, PageKind::V2);
    let levels = match is_v2 {
        true => page.level_bytes[0].saturating_add(page.level_bytes[1]),
        false => 0,
    };
    let levels = usize::try_from(levels).map_or(0, |n| n.min(raw.len()));
    let (raw_levels, rest) = raw.split_at(levels);
    let mut packed = raw_levels.to_vec();
    if is_v2 && !page.compressed {
        packed.extend(rest);
    } else {
        packed.extend(compress(codec, rest));
    }
    page.write(file, &packed);
}

fn compress(codec: i64, raw: &[u8]) -> Vec<u8> {
    let packed = match codec {
        1 => snap::raw::Encoder::new().compress_vec(raw).ok(),
        2 => {
            let mut encoder = GzEncoder::new(Vec::new(), Default::default());
            let written = encoder.write_all(raw);
            written.and_then(|()| encoder.finish()).ok()
        }
        6 => zstd::bulk::compress(raw, 1).ok(),
        7 => Some(lz4_flex::block::compress(raw)),
        _ => Some(raw.to_vec()),
    };
    packed.expect("bytes can be compressed")
}

#[cfg(test)]
mod tests {
    use super::parquet_file;
    use crate::answers::{frame, updates};
    use crate::files::with_file;
    use octaflow::map::{Allow, ReadOptions, UpdateReader, read_map, read_positions};

    #[test]
    fn without_a_recipe_files_are_sound() {
        let file = |table: u8| parquet_file(&[table, 7]);
        let map = with_file("parquet", &file(0), |path| {
            read_map(path, &ReadOptions::default())
        });
        assert_eq!(map.expect("a map").cells, 4);
        let positions = with_file("parquet", &file(1), read_positions);
        assert_eq!(positions.expect("positions").len(), 8);
        let (epochs, error) = with_file("parquet", &file(2), |path| {
            updates(UpdateReader::open(path, &frame(), 0, Allow::Sources), 0)
        });
        assert_eq!((epochs.len(), error), (8, None));
    }
}
