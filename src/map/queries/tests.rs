//! What queries read as, and what bad ones are told.

use super::*;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that vanishes with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(extension: &str, bytes: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-queries-{}-{n}.{extension}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Cells 1 m apart on the axes, the first at (10, 0, 0).
fn read(extension: &str, bytes: impl AsRef<[u8]>) -> Result<Vec<Query>> {
    let file = Scratch::new(extension, bytes);
    read_queries(&file.0, &Frame::new([10.0, 0.0, 0.0], 1.0).unwrap())
}

/// Asserts that a file is refused with a message that names it and holds all of `words`.
#[track_caller]
fn refused(extension: &str, bytes: impl AsRef<[u8]>, words: &[&str]) {
    let file = Scratch::new(extension, bytes);
    let error = read_queries(&file.0, &Frame::new([10.0, 0.0, 0.0], 1.0).unwrap());
    let Err(Error::Input(message)) = error else {
        panic!("{error:?} where {words:?} should be told");
    };
    assert!(
        message.starts_with(file.0.to_str().unwrap()),
        "{message:?} does not name the file"
    );
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
    assert!(
        message.len() < 400 && !message.contains('\n'),
        "{message:?}"
    );
}

fn query(id: i64, start: [i32; 3], goal: [i32; 3]) -> Query {
    let cell = |[x, y, z]: [i32; 3]| Cell::new(x, y, z).unwrap();
    Query {
        id,
        start: cell(start),
        goal: cell(goal),
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The columns of a table whose every value is `value`, but for the ids.
fn columns(ids: ArrayRef, value: f64) -> Vec<(&'static str, ArrayRef)> {
    let values = || -> ArrayRef { Arc::new(Float64Array::from(vec![value; ids.len()])) };
    let positions = COLUMNS[1..].iter().map(|&name| (name, values()));
    positions.chain([("query", ids.clone())]).collect()
}

const HEADER: &str = "query,sx,sy,sz,gx,gy,gz\n";

#[test]
fn tables_read_in_the_order_of_their_rows_and_snap() {
    let expected = [
        query(7, [0, 0, 0], [4, 2, 6]),
        query(-3, [1, 1, 1], [1, 1, 1]),
        query(i64::MAX, [0, 0, 0], [65535, 65535, 65535]),
    ];
    let far = 65535.0 / 2.0;
    let csv = format!(
        "note,gz,gy,gx,query,sx,sy,sz\r\na,3,1.2,11.9,7,10,0.1,-0.2\r\nb,.5,.5,10.5,-3,10.5,0.5,0.5\r\n\
         \"c,\nd\", {far},{far},{},9223372036854775807,1e1,0,0\r\n\r\n",
        10.0 + far
    );
    assert_eq!(read("csv", csv).unwrap(), expected);

    let column = |values: [f64; 3]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let table = vec![
        ("sx", column([10.0, 10.5, 10.0])),
        ("sy", column([0.1, 0.5, 0.0])),
        ("sz", column([-0.2, 0.5, 0.0])),
        ("gx", column([11.9, 10.5, 10.0 + far])),
        ("gy", column([1.2, 0.5, far])),
        ("gz", column([3.0, 0.5, far])),
        ("note", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ("query", Arc::new(Int64Array::from(vec![7, -3, i64::MAX]))),
    ];
    assert_eq!(read("PARQUET", parquet(table)).unwrap(), expected);
}

#[test]
fn a_file_without_rows_gives_no_query() {
    assert_eq!(read("csv", HEADER).unwrap(), []);
    let no_ids: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    assert_eq!(read("parquet", parquet(columns(no_ids, 0.0))).unwrap(), []);
    assert_eq!(read("3dscen", "version 1\nA.3dmap\n").unwrap(), []);
}

#[test]
fn bad_tables_are_told_in_one_sentence() {
    let csv = |rows: &str, words: &[&str]| refused("csv", HEADER.to_owned() + rows, words);
    refused("csv", "", &["empty"]);
    refused("csv", "query,sx,sy,sz,gx,gy\n1,10,0,0,10,0\n", &["\"gz\""]);
    refused("csv", "sx,sy,sz,gx,gy,gz\n", &["\"query\""]);
    refused(
        "csv",
        "query,query,sx,sy,sz,gx,gy,gz\n",
        &["two columns \"query\""],
    );
    csv("1,10,0,0,10,0\n", &["row 1", "6 fields"]);
    csv("1,10,0,0,10,0,0,0\n", &["row 1", "8 fields"]);
    csv(
        "1,10,0,0,10,0,0\n2,10,,0,10,0,0\n",
        &["row 2", "\"sy\" is missing"],
    );
    csv(",10,0,0,10,0,0\n", &["row 1", "\"query\" is missing"]);
    csv(
        "1.5,10,0,0,10,0,0\n",
        &["row 1", "\"query\"", "whole number"],
    );
    csv(
        "9223372036854775808,10,0,0,10,0,0\n",
        &["row 1", "\"query\"", "64 bits"],
    );
    csv(
        "1,10,0,0,10,x,0\n",
        &["row 1", "\"gy\" is \"x\"", "a number"],
    );
    csv("1,nan,0,0,10,0,0\n", &["row 1", "\"sx\"", "finite"]);
    csv("1,10,0,0,10,0,-inf\n", &["row 1", "\"gz\"", "finite"]);
    csv("1,1e999,0,0,10,0,0\n", &["row 1", "\"sx\"", "finite"]);
    csv("1,0,0,0,10,0,0\n", &["row 1", "the start", "--origin"]);
    csv("1,10,0,0,1e30,0,0\n", &["row 1", "the goal", "--origin"]);
    csv("\"1,10,0,0,10,0,0\n", &["fields"]);
    refused("csv", [0xff, 0, 0x92, b'\n', 7].repeat(50), &["\"query\""]);
    refused("csv", "x".repeat(3 << 20), &["longer"]);
}

#[test]
fn bad_parquet_files_are_told_in_one_sentence() {
    let ids = || -> ArrayRef { Arc::new(Int64Array::from(vec![Some(1), None])) };
    let mut table = columns(ids(), 10.0);
    refused(
        "parquet",
        parquet(table.clone()),
        &["row 2", "\"query\" is missing"],
    );
    table[2].1 = Arc::new(StringArray::from(vec!["3", "4"]));
    refused(
        "parquet",
        parquet(table.clone()),
        &["row 1", "\"sz\" is \"3\"", "a number"],
    );
    table.remove(2);
    refused("parquet", parquet(table), &["\"sz\""]);
    let whole: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.5]));
    refused(
        "parquet",
        parquet(columns(whole, 10.0)),
        &["row 2", "\"query\" is 2.5"],
    );
    let nan = columns(Arc::new(Int64Array::from(vec![1])), f64::NAN);
    refused("parquet", parquet(nan), &["row 1", "\"sx\" is NaN"]);
    let sound = parquet(columns(Arc::new(Int64Array::from(vec![1])), 10.0));
    for bytes in [&sound[..sound.len() - 9], &sound[..10], b"PAR1", b""] {
        refused("parquet", bytes, &[]);
    }
}

#[test]
fn an_id_that_comes_twice_is_told_with_both_rows() {
    let rows = |ids: &[i64]| {
        let lines = ids.iter().map(|id| format!("{id},10,0,0,10,0,0\n"));
        HEADER.to_owned() + &lines.collect::<String>()
    };
    refused("csv", rows(&[5, 5]), &["row 2", "query 5", "row 1"]);
    // The first row that repeats an id is told, whatever the order of the ids.
    let ids = [9, 8, 1, 2, 8, 9, 1, 1];
    refused("csv", rows(&ids), &["row 5: query 8 is in row 2 too"]);
    let same: ArrayRef = Arc::new(Int64Array::from(vec![4, -4, 4]));
    let table = parquet(columns(same, 10.0));
    refused("parquet", table, &["row 3: query 4 is in row 1 too"]);
}

#[test]
fn problems_are_voxels_whatever_the_frame() {
    let expected = [
        query(0, [188, 178, 252], [320, 118, 188]),
        query(1, [0, 0, 0], [65534, 65534, 65534]),
        query(2, [2, 2, 2], [2, 2, 2]),
    ];
    let rows = [
        "94 89 126 160 59 94 94.58554144 1.065",
        " 0 0\t0  32767 32767 32767 1e4 inf ",
        "1 1 1 1 1 1 0 nan",
    ];
    for end in ["\n", "\r\n", " \n", "\n\n \r\n"] {
        let body = rows.join(end);
        for last in ["", end] {
            let text = format!("version 1 \r\nSome map.3dmap\n{body}{last}");
            assert_eq!(read("3dscen", text).unwrap(), expected, "{end:?} {last:?}");
        }
    }
}

#[test]
fn bad_problems_are_told_in_one_sentence() {
    let problems = |rows: &str, words: &[&str]| {
        refused("3dscen", format!("version 1\nA.3dmap\n{rows}"), words)
    };
    refused("3dscen", "", &["line 1", "version 1"]);
    refused(
        "3dscen",
        "version 2\nA.3dmap\n",
        &["line 1", "\"version 2\""],
    );
    refused("3dscen", "version 1 1\nA.3dmap\n", &["line 1"]);
    refused("3dscen", "1 2 3 4 5 6 7 8\n", &["line 1", "version 1"]);
    refused("3dscen", "version 1", &["line 2", "name its map"]);
    refused(
        "3dscen",
        "version 1\n\n1 2 3 4 5 6 7 8\n",
        &["line 2", "name its map"],
    );
    problems("1 2 3 4 5 6 7 8\n1 2 3 4 5\n", &["line 4", "5 values", "8"]);
    problems("1 2 3 4 5 6 7 8 9\n", &["line 3", "9 values", "8"]);
    problems(
        "1 2 3 4 5 32768 7 8\n",
        &["line 3", "gz is \"32768\"", "32767"],
    );
    problems("1 -2 3 4 5 6 7 8\n", &["line 3", "sy is \"-2\"", "0…32767"]);
    problems("1 2 3 4.0 5 6 7 8\n", &["line 3", "gx is \"4.0\"", "whole"]);
    problems("1 2 99999999999999999999999 4 5 6 7 8\n", &["line 3", "sz"]);
    problems(
        "1 2 3 4 5 6 far 8\n",
        &["line 3", "optimal is \"far\"", "a number"],
    );
    problems("1 2 3 4 5 6 7 \u{0}\n", &["line 3", "ratio"]);
    problems(&"1 ".repeat(1 << 20), &["line 3", "too long"]);
    refused("3dscen", [0xff, 0, 0x92, b'\n', 7].repeat(50), &["line 1"]);
    refused("3dscen", [0u8; 10_000], &["line 1", "too long"]);
}

#[test]
fn other_files_are_refused() {
    for extension in ["json", "3dmap", "txt", "csv.gz"] {
        refused(extension, HEADER, &[".csv, .parquet or .3dscen"]);
    }
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    for name in ["no such file.csv", "no such file.3dscen"] {
        let error = read_queries(Path::new(name), &frame).unwrap_err();
        assert!(
            error.to_string().contains("there is no such file"),
            "{error}"
        );
    }
}
