//! Parquet files whose footer, headers and compression are sound and whose pages are anything.
//!
//! A search that changes bytes of a file seldom gets past the footer, and never past a compressed page. So here bytes
//! tell what a file is to be: of each column the type, the codec and the pages with their encodings, counts and raw
//! contents. Only what a writer cannot get wrong is right.

use crate::thrift::Thrift;
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
    let mut file = b"PAR1".to_vec();
    let kinds = match table.iter().any(|&(name, _)| name == "query") {
        true => ["query+", "query-"],
        false => ["cost", "source+"],
    };
    let columns: Vec<Column> = table
        .iter()
        .map(|&(name, physical)| match recipe.byte() {
            0..128 => Column::sound(&mut file, name, physical, rows, kinds),
            _ => Column::wild(&mut file, name, rows, &mut recipe),
        })
        .collect();
    let start = file.len();
    footer(&mut Thrift::new(&mut file), &columns, declared_rows);
    let length = (file.len() - start) as u32;
    file.extend(length.to_le_bytes());
    file.extend(b"PAR1");
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

/// What the footer says of a column.
struct Column {
    name: &'static str,
    physical: Physical,
    type_length: i64,
    converted: Option<i64>,
    optional: bool,
    codec: i64,
    values: i64,
    dictionary_at: Option<i64>,
    data_at: i64,
    bytes: i64,
}

impl Column {
    /// Writes one plain page of `rows` values that suit the column; those of a text are `kinds` in turn.
    fn sound(
        file: &mut Vec<u8>,
        name: &'static str,
        physical: Physical,
        rows: i64,
        kinds: [&str; 2],
    ) -> Self {
        let mut plain = Vec::new();
        for row in 0..rows {
            let value = if name == "time" {
                row + 1
            } else {
                2 * (row % 4)
            };
            match physical {
                INT32 => plain.extend((value as i32).to_le_bytes()),
                INT64 => plain.extend(value.to_le_bytes()),
                FLOAT => plain.extend((value as f32).to_le_bytes()),
                DOUBLE => plain.extend((value as f64).to_le_bytes()),
                _ => {
                    let kind = kinds[(row % 2) as usize];
                    plain.extend((kind.len() as u32).to_le_bytes());
                    plain.extend(kind.as_bytes());
                }
            }
        }
        let start = file.len() as i64;
        let page = Page {
            kind: PageKind::V1,
            encoding: 0,
            values: rows,
            plain_bytes: plain.len() as i64,
            ..Page::default()
        };
        page.write(file, &plain);
        Column {
            name,
            physical,
            type_length: 0,
            converted: None,
            optional: false,
            codec: 0,
            values: rows,
            dictionary_at: None,
            data_at: start,
            bytes: file.len() as i64 - start,
        }
    }

    /// Writes up to four pages of anything.
    fn wild(file: &mut Vec<u8>, name: &'static str, rows: i64, recipe: &mut Recipe) -> Self {
        let physical = i64::from(recipe.byte() % 8);
        let type_length = i64::from(recipe.byte() % 20);
        let converted = Some(i64::from(recipe.byte())).filter(|&c| c < 22);
        let optional = recipe.byte() & 1 == 1;
        let codec = CODECS[usize::from(recipe.byte()) % CODECS.len()];
        let values = recipe.count(rows);
        let start = file.len() as i64;
        let (mut dictionary_at, mut data_at) = (None, None);
        for _ in 0..=recipe.byte() % 4 {
            let at = file.len() as i64;
            let page = Page::wild(rows, recipe);
            let n = usize::from(recipe.byte()) << (recipe.byte() % 4);
            let raw = recipe.bytes(n);
            match page.kind {
                PageKind::Dictionary => dictionary_at = dictionary_at.or(Some(at)),
                _ => data_at = data_at.or(Some(at)),
            }
            page.write_compressed(file, &raw, codec, recipe);
        }
        Column {
            name,
            physical,
            type_length,
            converted,
            optional,
            codec,
            values,
            dictionary_at,
            data_at: data_at.unwrap_or(start),
            bytes: file.len() as i64 - start,
        }
    }
}

#[derive(Clone, Copy, Default)]
enum PageKind {
    #[default]
    V1,
    V2,
    Dictionary,
}

/// What a page's header says.
#[derive(Default)]
struct Page {
    kind: PageKind,
    encoding: i64,
    values: i64,
    nulls: i64,
    rows: i64,
    level_bytes: [i64; 2],
    compressed: bool,
    plain_bytes: i64,
}

impl Page {
    fn wild(rows: i64, recipe: &mut Recipe) -> Self {
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

    /// Compresses what the codec is to compress, and writes the page.
    fn write_compressed(mut self, file: &mut Vec<u8>, raw: &[u8], codec: i64, recipe: &mut Recipe) {
        self.plain_bytes = recipe.count(raw.len() as i64);
        let levels = match self.kind {
            PageKind::V2 => self.level_bytes.iter().sum::<i64>(),
            _ => 0,
        };
        let levels = usize::try_from(levels).map_or(0, |n| n.min(raw.len()));
        let as_it_is = matches!(self.kind, PageKind::V2) && !self.compressed;
        let mut packed = raw[..levels].to_vec();
        let rest = &raw[levels..];
        if as_it_is {
            packed.extend(rest);
        } else {
            packed.extend(compress(codec, rest));
        }
        self.write(file, &packed);
    }

    fn write(&self, file: &mut Vec<u8>, packed: &[u8]) {
        let mut header = Thrift::new(file);
        let number = match self.kind {
            PageKind::V1 => 0,
            PageKind::Dictionary => 2,
            PageKind::V2 => 3,
        };
        header.i32(1, number);
        header.i32(2, self.plain_bytes);
        header.i32(3, packed.len() as i64);
        match self.kind {
            PageKind::V1 => header.inner(5, |h| {
                h.i32(1, self.values);
                h.i32(2, self.encoding);
                h.i32(3, 3);
                h.i32(4, 3);
            }),
            PageKind::Dictionary => header.inner(7, |h| {
                h.i32(1, self.values);
                h.i32(2, self.encoding);
            }),
            PageKind::V2 => header.inner(8, |h| {
                h.i32(1, self.values);
                h.i32(2, self.nulls);
                h.i32(3, self.rows);
                h.i32(4, self.encoding);
                h.i32(5, self.level_bytes[0]);
                h.i32(6, self.level_bytes[1]);
                h.bool(7, self.compressed);
            }),
        }
        header.stop();
        file.extend(packed);
    }
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

fn footer(to: &mut Thrift, columns: &[Column], rows: i64) {
    to.i32(1, 2);
    to.list(2, columns.len() + 1, |to, n| {
        let Some(column) = n.checked_sub(1).map(|n| &columns[n]) else {
            to.text(4, "root");
            to.i32(5, columns.len() as i64);
            return;
        };
        to.i32(1, column.physical);
        to.i32(2, column.type_length);
        to.i32(3, i64::from(column.optional));
        to.text(4, column.name);
        if let Some(converted) = column.converted {
            to.i32(6, converted);
        }
    });
    to.i64(3, rows);
    to.list(4, 1, |to, _| {
        to.list(1, columns.len(), |to, n| chunk(to, &columns[n]));
        to.i64(2, columns.iter().map(|c| c.bytes).sum());
        to.i64(3, rows);
    });
    to.stop();
}

fn chunk(to: &mut Thrift, column: &Column) {
    to.i64(2, 0);
    to.inner(3, |to| {
        to.i32(1, column.physical);
        to.i32_list(2, &[0, 3]);
        to.text_list(3, column.name);
        to.i32(4, column.codec);
        to.i64(5, column.values);
        to.i64(6, column.bytes);
        to.i64(7, column.bytes);
        to.i64(9, column.data_at);
        if let Some(at) = column.dictionary_at {
            to.i64(11, at);
        }
    });
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
        for (table, allow) in [(2, Allow::Sources), (3, Allow::Queries)] {
            let (epochs, error) = with_file("parquet", &file(table), |path| {
                updates(UpdateReader::open(path, &frame(), 0, allow), 0)
            });
            assert_eq!((epochs.len(), error), (8, None));
        }
    }
}
