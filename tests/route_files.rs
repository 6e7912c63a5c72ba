//! Results of routes: what the files hold, and that other programs read the same.

use octaflow::lake::{
    GROUP_ROWS, RouteCellWriter, RouteChange, RouteChangeWriter, RouteRow, RouteWriter, Written,
    part_name,
};
use octaflow::lattice::{Cell, Frame, Index64, TICKS_PER_CELL_SIZE, distance_m};
use octaflow::search::RouteStatus;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::record::Field;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const CELL_SIZE_M: f64 = 0.05;

/// An empty folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "route-files-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// The path of a part in a folder of a result, which is made.
    fn part(&self, folder: &str, worker: usize) -> PathBuf {
        let folder = self.0.join(folder);
        fs::create_dir_all(&folder).unwrap();
        folder.join(part_name(worker))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn frame() -> Frame {
    Frame::new([1.5, -2.0, 0.25], CELL_SIZE_M).unwrap()
}

fn settings() -> Vec<(String, String)> {
    vec![("mode".into(), "corridor".into())]
}

/// The answer to a query: every third one has no route.
fn row(query: i64) -> RouteRow {
    let mixed = (query as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let status = match query.rem_euclid(6) {
        2 => RouteStatus::Unreachable,
        5 => RouteStatus::Invalid,
        _ => RouteStatus::Found,
    };
    let found = status == RouteStatus::Found;
    let ticks = mixed as u32 * 2;
    RouteRow {
        query,
        status,
        cost_ticks: found.then_some(ticks),
        lower_bound_ticks: found.then_some(ticks / 2),
        smooth_length_m: found.then(|| distance_m(ticks, CELL_SIZE_M) * 0.9),
        cells: if found { 1 + mixed as i32 % 1000 } else { 0 },
        brick_visits: query.abs() % 70,
        micros: mixed as i64,
    }
}

/// Another answer to a query, of the same status.
fn other(query: i64, by: i64) -> RouteRow {
    RouteRow {
        query,
        ..row(query + 6 * by)
    }
}

fn write_routes(path: &Path, queries: impl Iterator<Item = i64>, smooth: bool) -> Written {
    let mut writer = RouteWriter::create(path, &frame(), smooth, &settings()).unwrap();
    queries.for_each(|query| writer.push(&row(query)).unwrap());
    writer.finish().unwrap()
}

/// A route of `cells` cells that starts at (0, 0, 0): diagonal steps, then as many axial ones.
fn route(cells: i32) -> Vec<(Cell, u32)> {
    let steps = |n: i32| (n.min(cells / 2), (n - cells / 2).max(0));
    (0..cells)
        .map(|n| {
            let (diagonal, axial) = steps(n);
            let cell = Cell::new(diagonal + 2 * axial, diagonal, diagonal).unwrap();
            (cell, diagonal as u32 * 2702 + axial as u32 * 3120)
        })
        .collect()
}

/// The changes of ten queries at three times: all appear, then odd ones get a new row, then all vanish.
fn write_changes(path: &Path, smooth: bool) -> Written {
    let mut writer = RouteChangeWriter::create(path, &frame(), smooth, &settings()).unwrap();
    let mut change = |row: &RouteRow, time, diff| {
        writer.push(RouteChange::of(row, time, diff)).unwrap();
    };
    for query in 0..10 {
        change(&row(query), -5, 1);
    }
    for query in 0..10 {
        // A row that appears and vanishes at one time is no change, and the order of diffs is free.
        change(&row(query), 0, -1);
        let new = if query % 2 == 1 {
            other(query, 100)
        } else {
            row(query)
        };
        change(&new, 0, 1);
        change(&other(query, 200), 0, 1);
        change(&other(query, 200), 0, -1);
    }
    for query in 0..10 {
        let old = if query % 2 == 1 {
            other(query, 100)
        } else {
            row(query)
        };
        change(&old, 7, -1);
    }
    writer.finish().unwrap()
}

/// The rows of a file, each as its columns in order.
fn read_rows(path: &Path) -> Vec<Vec<Field>> {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = file.get_row_iter(None).unwrap();
    rows.map(|row| {
        row.unwrap()
            .into_columns()
            .into_iter()
            .map(|(_, field)| field)
            .collect()
    })
    .collect()
}

/// What a row of `routes/` should read as, without its last two columns.
fn fields(row: &RouteRow, smooth: bool) -> Vec<Field> {
    let double = |value: Option<f64>| value.map_or(Field::Null, Field::Double);
    let metres = |ticks: Option<u32>| double(ticks.map(|t| distance_m(t, CELL_SIZE_M)));
    let mut fields = vec![
        Field::Long(row.query),
        Field::Str(row.status.name().into()),
        metres(row.cost_ticks),
        metres(row.lower_bound_ticks),
    ];
    if smooth {
        fields.push(double(row.smooth_length_m));
    }
    fields.push(Field::Int(row.cells));
    fields
}

#[test]
fn routes_read_back_row_for_row() {
    let scratch = Scratch::new();
    let count = GROUP_ROWS as i64 + 1000;
    for (worker, smooth) in [(0, false), (1, true)] {
        let path = scratch.part("routes", worker);
        let written = write_routes(&path, -500..count - 500, smooth);
        assert_eq!(written.rows, count as u64);
        assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());
        let expected = (-500..count - 500).map(|query| {
            let row = row(query);
            let last = [Field::Long(row.brick_visits), Field::Long(row.micros)];
            [fields(&row, smooth), last.to_vec()].concat()
        });
        assert!(read_rows(&path).into_iter().eq(expected));
    }
}

#[test]
fn routes_have_the_promised_schema_and_layout() {
    let scratch = Scratch::new();
    let path = scratch.part("routes", 0);
    write_routes(&path, 0..GROUP_ROWS as i64 + 6, true);
    let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let columns: Vec<_> = (schema.columns().iter())
        .map(|c| {
            let optional = c.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
            (c.name(), c.physical_type(), optional)
        })
        .collect();
    let expected = [
        ("query", Physical::INT64, false),
        ("status", Physical::BYTE_ARRAY, false),
        ("cost", Physical::DOUBLE, true),
        ("lower_bound", Physical::DOUBLE, true),
        ("smooth_length", Physical::DOUBLE, true),
        ("cells", Physical::INT32, false),
        ("brick_visits", Physical::INT64, false),
        ("micros", Physical::INT64, false),
    ];
    assert_eq!(columns, expected);
    assert_eq!(
        schema.column(1).logical_type_ref(),
        Some(&LogicalType::String)
    );

    let groups = file.metadata().row_groups();
    let rows: Vec<_> = groups.iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [GROUP_ROWS as i64, 6]);
    for group in groups {
        let sorting = group.sorting_columns().unwrap();
        assert_eq!((sorting.len(), sorting[0].column_idx), (1, 0));
        for (chunk, (name, _, optional)) in group.columns().iter().zip(expected) {
            assert!(matches!(chunk.compression(), Compression::ZSTD(_)));
            let statistics = chunk.statistics().expect("statistics");
            let nulls = if optional { group.num_rows() / 3 } else { 0 };
            assert_eq!(statistics.null_count_opt(), Some(nulls as u64), "{name}");
            assert!(statistics.min_bytes_opt() <= statistics.max_bytes_opt() || name != "status");
        }
        let Some(Statistics::ByteArray(words)) = group.column(1).statistics() else {
            panic!("statistics of strings");
        };
        let ends = [words.min_opt(), words.max_opt()].map(|word| word.unwrap().as_utf8().unwrap());
        assert_eq!(ends, ["found", "unreachable"]);
    }
    let pairs = file
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap();
    let value = |key| pairs.iter().find(|p| p.key == key)?.value.as_deref();
    assert_eq!(value("octaflow.frame.cell_size_m"), Some("0.05"));
    assert_eq!(value("octaflow.setting.mode"), Some("corridor"));
}

#[test]
fn queries_without_a_route_fill_whole_columns_with_nulls() {
    let scratch = Scratch::new();
    let path = scratch.part("routes", 0);
    let unreachable = (0..40_000).map(|n| 6 * n + 2);
    assert_eq!(write_routes(&path, unreachable, true).rows, 40_000);
    for row in read_rows(&path) {
        assert_eq!(
            row[1..6],
            [
                Field::Str("unreachable".into()),
                Field::Null,
                Field::Null,
                Field::Null,
                Field::Int(0),
            ]
        );
    }
}

#[test]
fn a_part_without_rows_is_kept_for_worker_0_alone() {
    let scratch = Scratch::new();
    for worker in [0, 1] {
        let paths = ["routes", "route_cells", "routes_changes"].map(|f| scratch.part(f, worker));
        write_routes(&paths[0], 0..0, true);
        let cells = RouteCellWriter::create(&paths[1], &frame(), &[]).unwrap();
        cells.finish().unwrap();
        let changes = RouteChangeWriter::create(&paths[2], &frame(), false, &[]).unwrap();
        changes.finish().unwrap();
        for path in paths {
            assert_eq!(path.exists(), worker == 0);
            assert!(worker != 0 || read_rows(&path).is_empty());
        }
    }
}

#[test]
fn the_cells_of_routes_read_back_in_order() {
    let scratch = Scratch::new();
    let path = scratch.part("route_cells", 0);
    let mut writer = RouteCellWriter::create(&path, &frame(), &settings()).unwrap();
    let routes = [
        (-4, 1),
        (3, 40_000),
        (9, 0),
        (10, 40_000),
        (11, 43_000),
        (i64::MAX, 17),
    ];
    for (query, cells) in routes {
        writer.write_route(query, &route(cells)).unwrap();
    }
    let written = writer.finish().unwrap();
    assert!(written.rows > GROUP_ROWS as u64);
    let expected = routes.iter().flat_map(|&(query, cells)| {
        (0..).zip(route(cells)).map(move |(seq, (cell, ticks))| {
            let [x, y, z] = cell.xyz();
            vec![
                Field::Long(query),
                Field::Int(seq),
                Field::Long(Index64::of_cell(cell).unwrap().as_i64()),
                Field::Int(x),
                Field::Int(y),
                Field::Int(z),
                Field::Double(distance_m(ticks, CELL_SIZE_M)),
            ]
        })
    });
    assert!(read_rows(&path).into_iter().eq(expected));
}

#[test]
fn the_bends_of_smoothed_routes_read_back_with_their_lengths() {
    let scratch = Scratch::new();
    let path = scratch.part("smooth_cells", 0);
    let mut writer = RouteCellWriter::create_smooth(&path, &frame(), &settings()).unwrap();
    let bends = [[10, 20, 30], [13, 23, 31], [13, 21, 35]];
    let cells = bends.map(|[x, y, z]| Cell::new(x, y, z).unwrap());
    writer.write_line(3, &cells[..1]).unwrap();
    writer.write_line(7, &cells).unwrap();
    assert_eq!(writer.finish().unwrap().rows, 4);
    let half_m = CELL_SIZE_M / 2.0;
    let so_far = [
        0.0,
        19f64.sqrt() * half_m,
        (19f64.sqrt() + 20f64.sqrt()) * half_m,
    ];
    for (row, (query, seq)) in read_rows(&path)
        .iter()
        .zip([(3, 0), (7, 0), (7, 1), (7, 2)])
    {
        let at = seq as usize;
        let [x, y, z] = bends[at].map(Field::Int);
        let expected = [
            Field::Long(query),
            Field::Int(seq),
            Field::Long(Index64::of_cell(cells[at]).unwrap().as_i64()),
            x,
            y,
            z,
        ];
        assert_eq!(row[..6], expected);
        let Field::Double(length_m) = row[6] else {
            panic!("{row:?}")
        };
        assert!((length_m - so_far[at]).abs() < 1e-12, "{length_m}");
    }
}

#[test]
fn changes_of_routes_are_in_order_and_consolidated() {
    let scratch = Scratch::new();
    for smooth in [false, true] {
        let path = scratch.part("routes_changes", 0);
        write_changes(&path, smooth);
        let line = |time, diff, row: &RouteRow| {
            [
                vec![Field::Long(time), Field::Int(diff)],
                fields(row, smooth),
            ]
            .concat()
        };
        let mut expected: Vec<_> = (0..10).map(|query| line(-5, 1, &row(query))).collect();
        for query in [1, 3, 5, 7, 9] {
            if query == 5 {
                // Invalid before and after: nothing that is written differs.
                continue;
            }
            expected.push(line(0, -1, &row(query)));
            expected.push(line(0, 1, &other(query, 100)));
        }
        for query in 0..10 {
            let old = if query % 2 == 1 {
                other(query, 100)
            } else {
                row(query)
            };
            expected.push(line(7, -1, &old));
        }
        assert_eq!(read_rows(&path), expected);
    }
}

#[test]
fn a_smoothed_length_that_is_not_written_makes_no_change() {
    let scratch = Scratch::new();
    let longer = RouteRow {
        smooth_length_m: Some(1e9),
        ..row(1)
    };
    for (worker, smooth) in [(0, false), (1, true)] {
        let path = scratch.part("routes_changes", worker);
        let mut writer = RouteChangeWriter::create(&path, &frame(), smooth, &[]).unwrap();
        writer.push(RouteChange::of(&row(1), 3, -1)).unwrap();
        writer.push(RouteChange::of(&longer, 3, 1)).unwrap();
        assert_eq!(writer.finish().unwrap().rows, if smooth { 2 } else { 0 });
    }
}

/// Needs `OCTAFLOW_PYTHON`, a Python with some of duckdb, polars and pyarrow.
#[test]
fn duckdb_polars_and_pyarrow_read_the_same_routes() {
    let Ok(python) = std::env::var("OCTAFLOW_PYTHON") else {
        eprintln!("skipped: OCTAFLOW_PYTHON names no Python");
        return;
    };
    let scratch = Scratch::new();
    write_routes(&scratch.part("routes", 0), 0..130_000, true);
    write_changes(&scratch.part("routes_changes", 0), false);
    let path = scratch.part("route_cells", 0);
    let mut writer = RouteCellWriter::create(&path, &frame(), &settings()).unwrap();
    for query in 0..500 {
        let cells = if query % 7 == 0 { 1 } else { 300 };
        writer.write_route(query, &route(cells)).unwrap();
    }
    writer.finish().unwrap();

    let out = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/route_files.py"))
        .arg(&scratch.0)
        .arg((CELL_SIZE_M / f64::from(TICKS_PER_CELL_SIZE)).to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{told}");
    eprintln!("read by {}", String::from_utf8_lossy(&out.stdout));
}
