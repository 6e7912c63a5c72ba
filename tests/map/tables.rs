//! Tables of cells, positions and updates: CSV, JSON and Parquet must tell the same.

use crate::map_support::{OpenCells, Random, Scratch, open_cells};
use crate::parquet_files::parquet_bytes;
use arrow::array::{
    ArrayRef, DictionaryArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, LargeStringArray, StringArray, StringViewArray, UInt16Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use octaflow::lattice::{Cell, Frame};
use octaflow::map::{
    Allow, Epoch, ReadOptions, Update, UpdateKind, UpdateReader, read_map, read_positions,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Rows of cells, some of them twice, in scattered order.
fn rows() -> impl Strategy<Value = Vec<([i32; 3], u16)>> {
    (any::<u64>(), 1..400usize, 1..60u64).prop_map(|(seed, count, span)| {
        let mut random = Random(seed);
        let mut costs = HashMap::new();
        (0..count)
            .map(|_| {
                let odd = random.below(2) as i32;
                let cell = [0; 3].map(|_: i32| {
                    2 * (random.below(span) as i32 + 32720 * (seed % 2) as i32 / 2) + odd
                });
                let cost = random.below(3) as u16 * 255 * (1 + random.below(100) as u16);
                (cell, *costs.entry(cell).or_insert(cost))
            })
            .collect()
    })
}

fn check(
    path: &Path,
    options: &ReadOptions,
    rows: &[([i32; 3], u16)],
) -> Result<(), TestCaseError> {
    let all: HashMap<_, _> = rows.iter().copied().collect();
    let open: OpenCells = all
        .iter()
        .filter(|r| *r.1 > 0)
        .map(|(&c, &v)| (c, v))
        .collect();
    crate::check(path, options, all.len() as u64, open)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn cell_tables_read_back(rows in rows()) {
        let scratch = Scratch::new();
        let factor = |c: u16| f64::from(c) / 256.0;
        let axis = |a: usize| rows.iter().map(move |r| r.0[a]);
        let costs = || rows.iter().map(|r| factor(r.1));
        let options = ReadOptions::default();

        let mut text = "cost, note ,lz,lx,ly\r\n".to_owned();
        for ([x, y, z], c) in &rows {
            text += &format!("{},\"a, b\n\", {z} ,{x}.0,{y}\n", factor(*c));
        }
        check(&scratch.write("a.csv", text), &options, &rows)?;

        let columns: Vec<(&str, ArrayRef)> = vec![
            ("cost", Arc::new(Float64Array::from_iter_values(costs()))),
            ("lx", Arc::new(UInt16Array::from_iter_values(axis(0).map(|v| v as u16)))),
            ("lz", Arc::new(Float64Array::from_iter_values(axis(2).map(f64::from)))),
            ("ly", Arc::new(Int64Array::from_iter_values(axis(1).map(i64::from)))),
        ];
        check(&scratch.write("a.parquet", parquet_bytes(columns, Compression::SNAPPY)), &options, &rows)?;

        // The same in metres.
        let options = ReadOptions {
            cell_size_m: Some(0.3),
            origin_m: Some([5.0, -7.0, 1e4]),
            ..Default::default()
        };
        let frame = Frame::new([5.0, -7.0, 1e4], 0.3).unwrap();
        let position = |r: &([i32; 3], u16)| frame.position_m(Cell::new(r.0[0], r.0[1], r.0[2]).unwrap());
        let mut text = "x,y,z,cost\n".to_owned();
        for r in &rows {
            let [x, y, z] = position(r);
            text += &format!("{},{},{},{}\n", x + 1e-7, y, z - 1e-7, factor(r.1));
        }
        check(&scratch.write("b.csv", text), &options, &rows)?;
    }
}

#[test]
fn a_table_without_costs_is_open() {
    let scratch = Scratch::new();
    let path = scratch.write("a.csv", "\u{feff}lx,ly,lz\n0,0,0\n1,1,1\n0,0,0\n");
    let map = read_map(&path, &ReadOptions::default()).unwrap();
    assert_eq!((map.cells, map.open), (2, 2));
    assert_eq!(open_cells(&map)[&[1, 1, 1]], 256);
}

#[test]
fn positions_come_in_the_order_of_their_rows() {
    let scratch = Scratch::new();
    let right = vec![[1.0, 2.5, -3.0], [0.1, 0.0, 7e9]];
    let csv = scratch.write("a.csv", "z,x,y,name\n-3,1,2.5,a\n7e9,0.1,0,b\n");
    let json = "{\"x\":1,\"y\":2.5,\"z\":-3.0,\"w\":[]}\n\n{\"z\":7e9,\"y\":0,\"x\":0.1}";
    let json = scratch.write("a.json", json);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("y", Arc::new(Float32Array::from(vec![2.5, 0.0]))),
        ("x", Arc::new(Float64Array::from(vec![1.0, 0.1]))),
        ("z", Arc::new(Int64Array::from(vec![-3, 7_000_000_000]))),
    ];
    let parquet = scratch.write("a.parquet", parquet_bytes(columns, Compression::LZ4_RAW));
    for path in [csv, json, parquet] {
        assert_eq!(read_positions(&path).unwrap(), right, "{}", path.display());
    }
    let none = scratch.write("b.csv", "x,y,z\n");
    assert_eq!(read_positions(&none).unwrap(), Vec::<[f64; 3]>::new());
}

fn frame() -> Frame {
    Frame::new([0.0; 3], 1.0).unwrap()
}

fn cell(x: i32, y: i32, z: i32) -> Cell {
    Cell::new(x, y, z).unwrap()
}

/// The epochs of the tables below.
fn epochs() -> Vec<Epoch> {
    let update = |row, kind| Update { row, kind };
    let (a, b) = (cell(1, 1, 1), cell(2, 0, 0));
    vec![
        Epoch {
            time: 5,
            updates: vec![
                update(1, UpdateKind::Cost { cell: a, cost: 384 }),
                update(2, UpdateKind::Voxel { cell: b, cost: 0 }),
            ],
        },
        Epoch {
            time: 9,
            updates: vec![
                update(3, UpdateKind::SourceAdd { cell: a }),
                update(4, UpdateKind::SourceRemove { cell: b }),
            ],
        },
    ]
}

fn read_all(path: &Path, allow: Allow) -> Result<Vec<Epoch>, octaflow::Error> {
    UpdateReader::open(path, &frame(), 0, allow)?.collect()
}

#[test]
fn updates_of_every_format_are_the_same_epochs() {
    let scratch = Scratch::new();
    let csv = scratch.write(
        "a.csv",
        "cost,time,kind,x,y,z\n1.5,5,cost,.5,.5,.5\n0,5,voxel,1,0,0.4\n,9,source+,.5,.6,.5\n,9,source-,1,0,0\n",
    );
    let json = scratch.write(
        "a.json",
        "{\"time\":5,\"kind\":\"cost\",\"x\":0.5,\"y\":0.5,\"z\":0.5,\"cost\":1.5}\n\
         {\"time\":5.0,\"kind\":\"voxel\",\"x\":1,\"y\":0,\"z\":0.4,\"cost\":0}\n\n\
         {\"time\":9,\"kind\":\"source+\",\"x\":0.5,\"y\":0.6,\"z\":0.5,\"cost\":null}\n\
         {\"time\":9,\"kind\":\"source-\",\"x\":1,\"y\":0,\"z\":0}",
    );
    assert_eq!(read_all(&csv, Allow::Sources).unwrap(), epochs());
    assert_eq!(read_all(&json, Allow::Sources).unwrap(), epochs());

    let words = ["cost", "voxel", "source+", "source-"];
    let kinds: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(words)),
        Arc::new(LargeStringArray::from_iter_values(words)),
        Arc::new(StringViewArray::from_iter_values(words)),
        Arc::new(words.into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    let times: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![5, 5, 9, 9])),
        Arc::new(UInt64Array::from(vec![5, 5, 9, 9])),
        Arc::new(Int8Array::from(vec![5, 5, 9, 9])),
        Arc::new(Int16Array::from(vec![5, 5, 9, 9])),
    ];
    for (kind, time) in kinds.into_iter().zip(times) {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("x", Arc::new(Float64Array::from(vec![0.5, 1.0, 0.5, 1.0]))),
            ("kind", kind),
            ("y", Arc::new(Float64Array::from(vec![0.5, 0.0, 0.6, 0.0]))),
            ("z", Arc::new(Float64Array::from(vec![0.5, 0.4, 0.5, 0.0]))),
            ("time", time),
            (
                "cost",
                Arc::new(Float32Array::from(vec![Some(1.5), Some(0.0), None, None])),
            ),
            (
                "extra",
                Arc::new(Int32Array::from(vec![None, None, None, Some(1)])),
            ),
        ];
        let zstd = Compression::ZSTD(Default::default());
        let path = scratch.write("a.parquet", parquet_bytes(columns, zstd));
        assert_eq!(read_all(&path, Allow::Sources).unwrap(), epochs());
    }
}

/// As DuckDB writes short columns in version 2 of the format.
#[test]
fn text_behind_its_lengths_is_read() {
    let scratch = Scratch::new();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for nullable in [false, true] {
            for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
                let kinds = ["query-"; 200];
                let kind: ArrayRef = Arc::new(StringArray::from_iter_values(kinds));
                let number: ArrayRef = Arc::new(Int64Array::from_iter_values(1..201));
                let columns = [
                    ("time", number.clone(), nullable),
                    ("kind", kind, nullable),
                    ("query", number, nullable),
                ];
                let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
                let properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_dictionary_enabled(false)
                    .set_compression(compression)
                    .set_column_encoding("kind".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_data_page_row_count_limit(70)
                    .set_write_batch_size(10)
                    .build();
                let mut writer =
                    ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
                writer.write(&batch).unwrap();
                let path = scratch.write("a.parquet", writer.into_inner().unwrap());
                let epochs = read_all(&path, Allow::Queries).unwrap();
                assert_eq!(epochs.len(), 200);
            }
        }
    }
}

#[test]
fn queries_come_and_go() {
    let scratch = Scratch::new();
    let path = scratch.write(
        "a.csv",
        "time,kind,query,x,y,z,gx,gy,gz\n1,query+,-7,0,0,0,.5,.5,.5\n2,query-,-7,,,,,,\n",
    );
    let read = read_all(&path, Allow::Queries).unwrap();
    let added = UpdateKind::QueryAdd {
        query: -7,
        start: cell(0, 0, 0),
        goal: cell(1, 1, 1),
    };
    assert_eq!(read[0].updates[0].kind, added);
    assert_eq!(
        read[1].updates[0].kind,
        UpdateKind::QueryRemove { query: -7 }
    );
    let bare = scratch.write("b.csv", "time,kind,query\n2,query-,4\n");
    assert_eq!(read_all(&bare, Allow::Queries).unwrap().len(), 1);
    let missing = scratch.write(
        "c.csv",
        "time,kind,query,x,y,z,gx,gy\n2,query+,4,0,0,0,0,0\n",
    );
    let error = read_all(&missing, Allow::Queries).unwrap_err().to_string();
    assert!(
        error.contains("row 1") && error.contains("\"gz\""),
        "{error}"
    );
}

/// What a stream of updates gives: times, then the error.
fn times_and_error(rows: &str) -> (Vec<i64>, Option<String>) {
    let text = format!("time,kind,x,y,z,cost\n{rows}");
    let reader = std::io::Cursor::new(text.into_bytes());
    let mut times = Vec::new();
    let mut updates =
        UpdateReader::from_csv("stream", Box::new(reader), &frame(), 0, Allow::Sources).unwrap();
    for epoch in &mut updates {
        match epoch {
            Ok(epoch) => times.push(epoch.time),
            Err(e) => {
                assert_eq!(e.exit_status(), 2);
                assert!(updates.next().is_none());
                return (times, Some(e.to_string()));
            }
        }
    }
    (times, None)
}

#[test]
fn a_bad_row_spares_the_epochs_before_it() {
    let good = "1,cost,0,0,0,1\n2,cost,0,0,0,1\n";
    // A row of another time shows that epoch 2 was whole; one of time 2, or of none, does not.
    for (bad, whole) in [
        ("3,cost,0,0,0,-1\n", vec![1, 2]),
        ("2,cost,0,0,0,-1\n", vec![1]),
        ("1,cost,0,0,0,1\n", vec![1, 2]),
        ("x,cost,0,0,0,1\n", vec![1]),
        ("3,cost\n", vec![1, 2]),
        ("3,cost,0,0,0,1,7\n", vec![1, 2]),
        ("3,fly,0,0,0,1\n", vec![1, 2]),
        ("3,query-,0,0,0,1\n", vec![1, 2]),
        ("3,cost,0,0,,1\n", vec![1, 2]),
        ("3,cost,0,0,nan,1\n", vec![1, 2]),
        ("3,cost,0,inf,0,1\n", vec![1, 2]),
        ("3,cost,0,40000,0,1\n", vec![1, 2]),
        ("3,voxel,0,-1,0,1\n", vec![1, 2]),
        ("3,cost,0,0,0,\n", vec![1, 2]),
        ("3,cost,0,0,0,0.001\n", vec![1, 2]),
        ("3,source+,0,0,,\n", vec![1, 2]),
        ("2.5,cost,0,0,0,1\n", vec![1]),
    ] {
        let (times, error) = times_and_error(&format!("{good}{bad}4,cost,0,0,0,1\n"));
        assert_eq!(times, whole, "{bad}");
        let error = error.expect(bad);
        assert!(error.starts_with("stream, "), "{error}");
        println!("{error}");
    }
    assert_eq!(times_and_error(good), (vec![1, 2], None));
    assert_eq!(times_and_error(""), (vec![], None));
    assert_eq!(times_and_error("0,cost,0,0,0,1\n").0, Vec::<i64>::new());
    assert!(
        times_and_error("0,cost,0,0,0,1\n")
            .1
            .unwrap()
            .contains("--start")
    );
}

/// Gives one line a call, and panics when more is asked for than it may give.
struct Lines(Vec<&'static str>);

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.0.is_empty(), "the reader is more than one row ahead");
        let line = self.0.remove(0).as_bytes();
        out[..line.len()].copy_from_slice(line);
        Ok(line.len())
    }
}

#[test]
fn a_stream_is_read_one_row_ahead_only() {
    let lines = vec![
        "time,kind,x,y,z,cost\r\n",
        "1,cost,0,0,0,1\n",
        "1,cost,0,0,0,2\n",
        "2,cost,0,0,0,1\n",
    ];
    let reader = Box::new(Lines(lines));
    let mut updates =
        UpdateReader::from_csv("stream", reader, &frame(), 0, Allow::Sources).unwrap();
    assert_eq!(updates.next().unwrap().unwrap().updates.len(), 2);
}
