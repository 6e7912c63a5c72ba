//! Input that means harm, or none: each fault is an error that names it, and memory stays bounded.

use crate::map_support::{Scratch, Voxels, bt_bytes, npy_bytes, some_voxels};
use crate::parquet_files::{cell_columns, parquet_bytes, parquet_bytes_with};
use arrow::array::{
    ArrayRef, Float64Array, Int8Array, Int32Array, Int64Array, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field};
use octaflow::Error;
use octaflow::map::{Axes, ReadOptions, Unknown, read_map, read_positions};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

/// Enough for every small file, too little for any trick.
const MEMORY_BYTES: u64 = 16 << 20;

fn options() -> ReadOptions<'static> {
    ReadOptions {
        memory_bytes: Some(MEMORY_BYTES),
        ..Default::default()
    }
}

/// Asserts that reading a map fails with a message of one line that holds each of `words`.
fn refused(path: &Path, options: &ReadOptions, words: &[&str]) {
    let error = read_map(path, options).expect_err(&path.display().to_string());
    let text = error.to_string();
    println!("{text}");
    assert!(matches!(error, Error::Input(_)), "{text}");
    assert!(!text.contains('\n'), "{text}");
    for word in words {
        assert!(text.contains(word), "{text} should name {word}");
    }
}

#[test]
fn each_fault_of_a_map_is_named() {
    let scratch = Scratch::new();
    let npy = |descr: &str, shape: &str, elements: &[u8]| npy_bytes(descr, false, shape, elements);
    let files: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("a.bt", b"".to_vec(), &["first line"]),
        (
            "b.bt",
            b"# Octomap OcTree binary file\nid OcTree\nsize 0\nres 1\ndata\n".to_vec(),
            &["empty"],
        ),
        (
            "c.bt",
            b"# Octomap OcTree binary file\nid Mesh\nsize 9\nres 1\ndata\n".to_vec(),
            &["Mesh", "OcTree"],
        ),
        (
            "d.bt",
            b"# Octomap OcTree binary file\nsize 9\nres -1\ndata\n".to_vec(),
            &["res"],
        ),
        (
            "e.bt",
            b"# Octomap OcTree binary file\nsize 9\nres nan\ndata\n".to_vec(),
            &["res"],
        ),
        (
            "f.bt",
            b"# Octomap OcTree binary file\nres 1\ndata\n".to_vec(),
            &["size"],
        ),
        (
            "g.bt",
            b"# Octomap OcTree binary file\nres 1\nsize 1".to_vec(),
            &["data"],
        ),
        // A leaf at depth 1 of 32768³ voxels, one at depth 2 in range, and one of too many nodes.
        (
            "h.bt",
            b"# Octomap OcTree binary file\nsize 2\nres 1\ndata\n\x01\x00".to_vec(),
            &["16384"],
        ),
        (
            "i.bt",
            b"# Octomap OcTree binary file\nsize 3\nres 1\ndata\n\x03\x00\x00\x40".to_vec(),
            &["memory"],
        ),
        (
            "j.bt",
            b"# Octomap OcTree binary file\nsize 3\nres 1\ndata\n\x03\x00\x00\x80".to_vec(),
            &["memory"],
        ),
        (
            "k.bt",
            [
                &b"# Octomap OcTree binary file\nsize 99\nres 1\ndata\n"[..],
                &[0xff; 200],
            ]
            .concat(),
            &["depth 16"],
        ),
        (
            "l.bt",
            [bt_bytes(&some_voxels(), 1.0), vec![0]].concat(),
            &["follow"],
        ),
        (
            "m.bt",
            bt_bytes(&Voxels::from([([1; 3], 0)]), 1.0),
            &["no open cell"],
        ),
        (
            "n.bt",
            b"# Octomap OcTree binary file\nsize 1\nres 1\ndata\n\0\0".to_vec(),
            &["no child"],
        ),
        ("a.3dmap", b"".to_vec(), &["voxel W H D"]),
        ("b.3dmap", b"voxel 4000000000 1 1\n".to_vec(), &["--origin"]),
        (
            "c.3dmap",
            b"voxel 99999999999999999999999 1 1\n".to_vec(),
            &["--origin"],
        ),
        (
            "d.3dmap",
            b"voxel 30000 30000 30000\n".to_vec(),
            &["memory"],
        ),
        ("e.3dmap", b"voxel 0 5 5\n".to_vec(), &["empty"]),
        ("f.3dmap", b"voxel -1 5 5\n".to_vec(), &["line 1"]),
        ("g.3dmap", b"voxel 5 5\n".to_vec(), &["line 1"]),
        (
            "h.3dmap",
            b"voxel 5 5 5\n1 2 3\n\n1 5 3\n".to_vec(),
            &["line 4", "outside"],
        ),
        ("i.3dmap", b"voxel 5 5 5\n1 2 3 4\n".to_vec(), &["line 2"]),
        ("j.3dmap", b"voxel 5 5 5\n1 2\n".to_vec(), &["line 2"]),
        (
            "k.3dmap",
            b"voxel 5 5 5\n1 2 x\n".to_vec(),
            &["line 2", "x"],
        ),
        (
            "l.3dmap",
            b"voxel 1 1 2\n0 0 0\n0 0 1\n0 0 1\n".to_vec(),
            &["no open cell"],
        ),
        ("m.3dmap", b"type octile\nheight 5\n".to_vec(), &["type"]),
        ("a.npy", b"\x93NUMPX\x01\x00".to_vec(), &["NUMPY"]),
        (
            "b.npy",
            b"\x93NUMPY\x09\x00\x00\x00".to_vec(),
            &["version 9"],
        ),
        (
            "c.npy",
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            &["4294967295"],
        ),
        ("d.npy", npy("|O", "(1, 1, 1)", &[0]), &["|O"]),
        ("e.npy", npy("<c8", "(1, 1, 1)", &[0; 8]), &["<c8"]),
        ("f.npy", npy("<f8", "(1, 1)", &[0; 8]), &["2 axes"]),
        ("g.npy", npy("<f8", "(-1, 1, 1)", &[0; 8]), &["malformed"]),
        (
            "h.npy",
            npy("<f8", "(4294967296, 4294967296, 1)", &[0; 8]),
            &["--origin"],
        ),
        (
            "i.npy",
            npy("<f8", "(32768, 32768, 32768)", &[0; 8]),
            &["says"],
        ),
        ("j.npy", npy("<f8", "(0, 1, 1)", &[]), &["empty"]),
        ("k.npy", npy("<f8", "(1, 1, 1)", &[0; 8]), &["no open cell"]),
        ("l.npy", npy("<f8", "(1, 1, 1)", &[0; 9]), &["damaged"]),
        (
            "m.npy",
            npy(
                "<f8",
                "(1, 1, 2)",
                &[[0; 8], f64::NAN.to_le_bytes()].concat(),
            ),
            &["(0, 0, 1)", "NaN"],
        ),
        (
            "n.npy",
            npy("|i1", "(1, 2, 1)", &[1, 0xff]),
            &["(0, 1, 0)", "negative"],
        ),
        ("o.npy", npy("<u2", "(1, 1, 1)", &[0, 1]), &["256", "large"]),
        (
            "p.npy",
            b"\x93NUMPY\x01\x00\x20\x00{'descr': [('a', '<f8')], 'fort".to_vec(),
            &["truncated"],
        ),
        ("a.csv", b"".to_vec(), &["empty"]),
        ("b.csv", b"lx,ly,lz\n".to_vec(), &["empty"]),
        ("c.csv", b"lx,ly,cost\n".to_vec(), &["\"lz\""]),
        ("d.csv", b"lx,ly,lz,x,y,z\n".to_vec(), &["both"]),
        ("e.csv", b"lx,lx,ly,lz\n".to_vec(), &["two columns", "lx"]),
        (
            "f.csv",
            b"lx,ly,lz\n0,0,0\n0,1,0\n".to_vec(),
            &["row 2", "even"],
        ),
        (
            "g.csv",
            b"lx,ly,lz\n0,0,0\n-2,0,0\n".to_vec(),
            &["row 2", "--origin"],
        ),
        (
            "h.csv",
            b"lx,ly,lz\n65536,0,0\n".to_vec(),
            &["row 1", "--origin"],
        ),
        (
            "i.csv",
            b"lx,ly,lz,cost\n0,0,0,1\n0,0,0,2\n".to_vec(),
            &["row 2", "cost 2", "1"],
        ),
        (
            "j.csv",
            b"lx,ly,lz,cost\n0,0,0,1\n0,0,0,0\n".to_vec(),
            &["row 2"],
        ),
        (
            "k.csv",
            b"lx,ly,lz,cost\n0,0,0,0\n0,0,0,0\n".to_vec(),
            &["no open cell"],
        ),
        (
            "l.csv",
            b"lx,ly,lz,cost\n0,0,0,nan\n".to_vec(),
            &["row 1", "NaN"],
        ),
        (
            "m.csv",
            b"lx,ly,lz,cost\n0,0,0,\n".to_vec(),
            &["row 1", "missing"],
        ),
        ("n.csv", b"lx,ly,lz\n0,0\n".to_vec(), &["row 1", "fields"]),
        (
            "o.csv",
            b"lx,ly,lz\n0,\xff\xfe,0\n".to_vec(),
            &["row 1", "ly"],
        ),
        ("p.csv", b"lx,ly,lz\n0,1.5,0\n".to_vec(), &["row 1", "1.5"]),
        (
            "q.csv",
            b"x,y,z\n0,0.5,0\n".to_vec(),
            &["row 1", "--cell-size"],
        ),
        ("r.csv", b"x,y,z\n0,inf,0\n".to_vec(), &["row 1", "finite"]),
        ("s.csv", b"x,y,z\n0,-1,0\n".to_vec(), &["row 1", "--origin"]),
        (
            "t.csv",
            [&b"lx,ly,lz\n\""[..], &vec![b'x'; 3 << 20]].concat(),
            &["longer"],
        ),
        ("a.parquet", b"".to_vec(), &["Parquet"]),
        ("b.parquet", b"PAR1\0\0\0\x7fPAR1".to_vec(), &["Parquet"]),
        ("a.las", b"LASF".to_vec(), &[".3dmap"]),
        ("none", b"LASF".to_vec(), &[".3dmap"]),
    ];
    for (name, bytes, words) in files {
        refused(&scratch.write(name, bytes), &options(), words);
    }
    std::fs::create_dir(scratch.path("dir.npy")).unwrap();
    refused(&scratch.path("dir.npy"), &options(), &["no Parquet file"]);
    std::fs::create_dir(scratch.path("dir.csv")).unwrap();
    refused(&scratch.path("dir.csv"), &options(), &["no Parquet file"]);
    refused(&scratch.path("absent.bt"), &options(), &["no such file"]);
}

#[test]
fn flags_that_do_not_suit_the_format_are_refused() {
    let scratch = Scratch::new();
    let bt = scratch.write("a.bt", bt_bytes(&some_voxels(), 0.1));
    let csv = scratch.write("a.csv", "lx,ly,lz\n0,0,0\n");
    let size = |m| ReadOptions {
        cell_size_m: Some(m),
        ..options()
    };
    let origin = |m| ReadOptions {
        origin_m: Some(m),
        ..options()
    };
    let zyx = ReadOptions {
        axes: Axes::Zyx,
        ..options()
    };
    refused(&bt, &size(1.0), &["--cell-size"]);
    refused(&bt, &origin([0.0; 3]), &["--origin"]);
    refused(&bt, &zyx, &["--axes"]);
    refused(&csv, &zyx, &["--axes"]);
    refused(&csv, &size(0.0), &["--cell-size"]);
    refused(&csv, &origin([0.0, f64::NAN, 0.0]), &["--origin"]);
}

#[test]
fn memory_is_bounded_by_the_limit() {
    let scratch = Scratch::new();
    let path = scratch.write("a.3dmap", "voxel 80 80 80\n");
    let limited = |bricks: u64| ReadOptions {
        memory_bytes: Some(bricks * 13 * 1024),
        ..Default::default()
    };
    // The mask of the first brick is charged too.
    assert!(read_map(&path, &limited(1001)).is_ok());
    refused(&path, &limited(999), &["GiB"]);
    let scattered: String = (0..100).map(|n| format!("{},0,0\n", n * 16)).collect();
    let path = scratch.write("a.csv", format!("lx,ly,lz\n{scattered}"));
    assert!(read_map(&path, &limited(100)).is_ok());
    refused(&path, &limited(99), &["GiB"]);
    let far = Voxels::from([([0; 3], 256), ([400; 3], 256)]);
    let path = scratch.write("a.bt", bt_bytes(&far, 1.0));
    assert!(read_map(&path, &limited(3)).is_ok());
    let open = ReadOptions {
        unknown: Unknown::Open,
        ..limited(1000)
    };
    refused(&path, &open, &["GiB"]);
}

#[test]
fn bombs_in_parquet_are_refused() {
    let scratch = Scratch::new();
    // 272 MiB of zeros in one page.
    const ROWS: usize = 34 << 20;
    let huge: ArrayRef = Arc::new(Int64Array::from(vec![0; ROWS]));
    let one_page = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(usize::MAX)
        .set_data_page_row_count_limit(usize::MAX)
        .set_max_row_group_row_count(Some(ROWS))
        .set_compression(Compression::ZSTD(Default::default()))
        .build();
    let nulls = arrow::array::new_null_array(&arrow::datatypes::DataType::Int8, ROWS);
    let columns = vec![("lx", huge), ("ly", nulls.clone()), ("lz", nulls)];
    let bytes = parquet_bytes_with(columns, one_page);
    assert!(bytes.len() < 1 << 20);
    refused(
        &scratch.write("a.parquet", bytes),
        &options(),
        &["page", "268435456"],
    );

    // A page that inflates to more than its header says: the header starts with the fields 1 (the kind of page) and
    // 2 (the size, a varint whose low bits are changed here).
    let gzip = WriterProperties::builder()
        .set_compression(Compression::GZIP(Default::default()))
        .set_dictionary_enabled(false)
        .build();
    let mut bytes = parquet_bytes_with(cell_columns(), gzip);
    assert_eq!(bytes[4..7], [0x15, 0x00, 0x15]);
    assert!(read_map(&scratch.write("a.parquet", &bytes), &options()).is_ok());
    bytes[7] -= 8;
    refused(
        &scratch.write("a.parquet", &bytes),
        &options(),
        &["inflates"],
    );
}

#[test]
fn more_rows_than_a_file_can_hold_are_refused() {
    let scratch = Scratch::new();
    // One page a column, in which a run says that all its values are alike.
    let bytes = |rows: usize| {
        let zeros: ArrayRef = Arc::new(Int8Array::from(vec![0; rows]));
        let one_page = WriterProperties::builder()
            .set_data_page_size_limit(usize::MAX)
            .set_data_page_row_count_limit(usize::MAX)
            .set_max_row_group_row_count(Some(rows))
            .build();
        let columns = ["lx", "ly", "lz"].map(|name| (name, zeros.clone()));
        parquet_bytes_with(columns.to_vec(), one_page)
    };
    let path = scratch.write("a.parquet", bytes(1 << 16));
    assert_eq!(read_map(&path, &options()).unwrap().cells, 1);
    let path = scratch.write("a.parquet", bytes(1 << 25));
    refused(&path, &options(), &["bytes", "33554432 rows"]);
}

/// The file was written by pyarrow 26 with `write_page_checksum=True`: 4 × 4 × 4 even cells.
#[test]
fn checksums_of_pages_are_verified() {
    let bytes = include_bytes!("../data/checksums.parquet");
    let scratch = Scratch::new();
    let map = read_map(&scratch.write("a.parquet", bytes), &options()).unwrap();
    assert_eq!((map.cells, map.open), (64, 64));
    let file = std::fs::File::open(scratch.path("a.parquet")).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .unwrap();
    for column in &metadata.row_group(0).columns()[..4] {
        let (start, length) = column.byte_range();
        let mut changed = bytes.to_vec();
        changed[(start + length) as usize - 1] ^= 1;
        refused(&scratch.write("a.parquet", changed), &options(), &["CRC"]);
    }
}

#[test]
fn types_and_nulls_of_parquet_columns_are_checked() {
    let scratch = Scratch::new();
    let write = |columns| {
        scratch.write(
            "a.parquet",
            parquet_bytes(columns, Compression::UNCOMPRESSED),
        )
    };
    let ints = || -> ArrayRef { Arc::new(Int32Array::from(vec![0, 2])) };
    let null: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), None]));
    let path = write(vec![("lx", ints()), ("ly", null), ("lz", ints())]);
    refused(&path, &options(), &["row 2", "\"ly\"", "missing"]);
    let flags: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true, false]));
    let path = write(vec![("lx", ints()), ("ly", flags), ("lz", ints())]);
    refused(&path, &options(), &["\"ly\"", "Boolean"]);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["0", "2"]));
    let path = write(vec![("lx", ints()), ("ly", text), ("lz", ints())]);
    refused(&path, &options(), &["row 1", "\"ly\""]);
    let huge: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 1e300]));
    let path = write(vec![("lx", ints()), ("ly", huge), ("lz", ints())]);
    refused(&path, &options(), &["row 2", "\"ly\""]);
}

#[test]
fn words_of_a_file_are_cut_in_messages() {
    let scratch = Scratch::new();
    let long = "\u{1b}n".repeat(100_000);
    let field = Arc::new(Field::new(long.clone(), DataType::Int32, false));
    let values: ArrayRef = Arc::new(Int32Array::from(vec![0]));
    let record: ArrayRef = Arc::new(StructArray::from(vec![(field, values)]));
    let records = parquet_bytes(vec![("x", record)], Compression::SNAPPY);
    for (name, bytes, word) in [
        ("a.parquet", records, "\"x\" is of type Struct"),
        ("a.json", serde_json::to_vec(&long).unwrap(), "JSON object"),
        ("a.json", b"[\"\x1b\"]".to_vec(), "JSON object"),
    ] {
        let error = read_positions(&scratch.write(name, bytes)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(word), "{text}");
        assert!(text.chars().count() < 1000, "{} characters", text.len());
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}
