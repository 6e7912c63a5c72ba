//! Parquet files that claim much in few bytes: each is refused before memory or stack is spent on it.

use crate::map_support::Scratch;
use crate::parquet_parts::{Column, Group, Page, PageKind, Thrift, end_file, footer};
use flate2::Compression;
use flate2::bufread::GzEncoder;
use octaflow::Error;
use octaflow::map::{ReadOptions, read_map, read_positions};
use std::io::{BufReader, Read};

/// The physical type of text.
const TEXT: i64 = 6;

/// Asserts that a table of positions is refused with a message that holds `word`.
fn refused(bytes: &[u8], word: &str) {
    let scratch = Scratch::new();
    let path = scratch.write("a.parquet", bytes);
    // Who verifies the file reads all of it, by the same checks: what is no table of positions may yet be sound.
    let verified = octaflow::lake::audit::verify(&path);
    assert!(
        matches!(verified, Ok(_) | Err(Error::Input(_))),
        "{verified:?}"
    );
    let error = read_positions(&path).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "{text}");
    assert!(text.contains(word), "{text}");
}

/// A file of the text columns x, y and z, each with these pages in each of `groups` row groups.
fn text_file(pages: &[(Page, Vec<u8>)], codec: i64, groups: usize) -> Vec<u8> {
    let mut file = b"PAR1".to_vec();
    // Many rows need a long file.
    file.resize(1 << 18, 0);
    let rows: i64 = pages
        .iter()
        .filter(|(page, _)| !matches!(page.kind, PageKind::Dictionary))
        .map(|(page, _)| page.values)
        .sum();
    let mut add = |name| {
        let start = file.len() as i64;
        let mut column = Column {
            name,
            physical: TEXT,
            codec,
            values: rows,
            data_at: start,
            ..Column::default()
        };
        for (page, packed) in pages {
            if matches!(page.kind, PageKind::Dictionary) {
                column.dictionary_at = Some(start);
            }
            page.write(&mut file, packed);
        }
        column.bytes = file.len() as i64 - start;
        column
    };
    let groups: Vec<Group> = (0..groups)
        .map(|_| Group {
            columns: ["x", "y", "z"].map(&mut add).to_vec(),
            rows,
        })
        .collect();
    let rows = rows * groups.len() as i64;
    end_file(&mut file, &groups, rows);
    file
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;

/// The contents of a page of `count` empty texts: the size of its one block, the parts of it, the count, the first
/// length; then the least difference and the bits that differences take.
fn empty_texts(count: u64) -> Vec<u8> {
    [
        varint(count.next_multiple_of(128)),
        vec![1],
        varint(count),
        vec![0; 3],
    ]
    .concat()
}

#[test]
fn lengths_of_text_are_not_counted_by_their_page() {
    let page = |encoding, contents: &[u8], values| Page {
        encoding,
        values,
        plain_bytes: contents.len() as i64,
        ..Page::default()
    };
    let most = i64::from(i32::MAX);
    for (count, values) in [(1 << 34, 1), (1 << 45, 1), (5 << 20, most)] {
        let contents = empty_texts(count);
        for (codec, packed) in [(0, contents.clone()), (GZIP, gzip(&contents[..]))] {
            let page = page(DELTA_LENGTH_BYTE_ARRAY, &contents, values);
            refused(&text_file(&[(page, packed)], codec, 1), "lengths");
        }
    }
    let contents = empty_texts(3);
    let lengths = page(DELTA_LENGTH_BYTE_ARRAY, &contents, 3);
    let shared = page(DELTA_BYTE_ARRAY, &contents, 3);
    // What is sound is read: the texts are no numbers.
    refused(&text_file(&[(lengths, contents.clone())], 0, 1), "row 1");
    refused(&text_file(&[(shared, contents)], 0, 1), "dictionary");
}

/// A file of nothing but a footer, whose schema is `elements` of a name and a number of children.
fn schema_file(elements: &[(&str, i64)]) -> Vec<u8> {
    let end = footer(|to: &mut Thrift| {
        to.i32(1, 2);
        to.list(2, elements.len(), |to, n| {
            let (name, children) = elements[n];
            if children == 0 {
                to.i32(1, TEXT);
            }
            to.i32(3, 0);
            to.text(4, name);
            if children != 0 {
                to.i64(5, children);
            }
        });
        to.i64(3, 0);
        to.list(4, 0, |_, _| {});
    });
    [b"PAR1".to_vec(), end].concat()
}

#[test]
fn children_of_a_schema_are_not_counted_by_it() {
    let most = i64::from(i32::MAX);
    for elements in [&[("root", most), ("x", 0)], &[("x", most); 50][..]] {
        refused(&schema_file(elements), "more columns than it has");
    }
    // What no count of 32 bits holds, the decoder would cut to one.
    for children in [-1, 1 << 40] {
        refused(&schema_file(&[("root", children), ("x", 0)]), "malformed");
    }
}

#[test]
fn a_schema_is_not_deep() {
    let chain = |depth: usize| {
        let mut nested = vec![("root", 1); depth];
        nested.push(("x", 0));
        schema_file(&nested)
    };
    for depth in [101, 1000, 1_000_000] {
        refused(&chain(depth), "levels");
    }
    refused(&chain(100), "must have a column");
}

/// The number of the codec.
const GZIP: i64 = 2;

fn gzip(plain: impl Read) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = GzEncoder::new(BufReader::new(plain), Compression::fast());
    encoder.read_to_end(&mut packed).unwrap();
    packed
}

fn gzip_of_zeros(bytes: usize) -> Vec<u8> {
    gzip(std::io::repeat(0).take(bytes as u64))
}

/// The values of a batch point into their pages, which so stay in memory all together.
#[test]
fn pages_of_text_are_small() {
    const BYTES: usize = 200 << 20;
    let data = |plain_bytes: usize| Page {
        values: 1,
        plain_bytes: plain_bytes as i64,
        ..Page::default()
    };
    let packed = gzip_of_zeros(BYTES);
    let pages: Vec<_> = (0..30).map(|_| (data(BYTES), packed.clone())).collect();
    refused(&text_file(&pages, GZIP, 1), "a page of text");

    let dictionary = Page {
        kind: PageKind::Dictionary,
        values: BYTES as i64 / 4,
        plain_bytes: BYTES as i64,
        ..Page::default()
    };
    // One value, the first of the dictionary, in a run.
    let contents = [1, 2, 0];
    let page = Page {
        encoding: 8,
        values: 1,
        plain_bytes: 3,
        ..Page::default()
    };
    let (head, tail) = (gzip_of_zeros(BYTES), gzip(&contents[..]));
    let pages = [(dictionary, head), (page, tail)];
    refused(&text_file(&pages, GZIP, 30), "a page of text");
}

/// Each column holds a page at a time.
#[test]
fn pages_together_are_not_too_large() {
    const BYTES: usize = 250 << 20;
    const INT64: i64 = 2;
    let packed = gzip_of_zeros(BYTES);
    let mut file = b"PAR1".to_vec();
    let values = BYTES as i64 / 8;
    let columns = ["lx", "ly", "lz", "x", "y", "z"].map(|name| {
        let start = file.len() as i64;
        let page = Page {
            values,
            plain_bytes: BYTES as i64,
            ..Page::default()
        };
        page.write(&mut file, &packed);
        Column {
            name,
            physical: INT64,
            codec: GZIP,
            values,
            data_at: start,
            bytes: file.len() as i64 - start,
            ..Column::default()
        }
    });
    let group = Group {
        columns: columns.to_vec(),
        rows: values,
    };
    end_file(&mut file, &[group], values);
    let scratch = Scratch::new();
    let path = scratch.write("a.parquet", &file);
    let text = read_map(&path, &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(text.contains("together"), "{text}");
}
