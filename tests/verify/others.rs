//! Files of octaflow that other programs have written again, with what they keep and what they lose.

use super::{World, faulty};
use arrow::array::{ArrayRef, AsArray, Float64Array, Int8Array, Int32Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int8Type, Int32Type, SchemaRef};
use octaflow::lake::audit::{inspect, verify};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// The rows of a file, and what octaflow says of it.
fn read(path: &Path) -> (RecordBatch, Vec<KeyValue>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let said = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .cloned();
    let schema: SchemaRef = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), said.unwrap())
}

/// Writes rows as another program would: headers of pages with statistics, no order, and `said` if it keeps that.
fn write(path: &Path, rows: &RecordBatch, said: Option<Vec<KeyValue>>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder()
        .set_created_by("parquet-cpp-arrow version 26.0.1".to_owned())
        .set_write_page_header_statistics(true)
        .set_key_value_metadata(said)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

/// The rows with a column changed.
fn with(rows: &RecordBatch, name: &str, change: impl Fn(&ArrayRef) -> ArrayRef) -> RecordBatch {
    let schema = rows.schema();
    let at = schema.index_of(name).unwrap();
    let mut columns = rows.columns().to_vec();
    columns[at] = change(&columns[at]);
    RecordBatch::try_new(schema, columns).unwrap()
}

/// The rows in another order.
fn taken(rows: &RecordBatch, order: impl Iterator<Item = usize>) -> RecordBatch {
    let picked: Vec<RecordBatch> = order.map(|row| rows.slice(row, 1)).collect();
    concat_batches(&rows.schema(), &picked).unwrap()
}

fn distances(column: &ArrayRef, row: usize, value: f64) -> ArrayRef {
    let mut values = column.as_primitive::<Float64Type>().values().to_vec();
    values[row] = value;
    Arc::new(Float64Array::from(values))
}

#[test]
fn what_the_names_of_columns_promise_is_checked() {
    let world = World::new();
    world.succeed("field --map map.3dmap --source 1,1,1 --next -w 1 --quiet --out out");
    let (rows, said) = read(&world.path("out/field/part-00000.parquet"));
    let count = rows.num_rows();
    for kept in [None, Some(said)] {
        let table = world.path("again/field");
        let path = table.join("part-00000.parquet");
        write(&path, &rows, kept.clone());
        let sound = verify(&table).unwrap();
        assert_eq!((sound.rows, sound.plain_files), (count as u64, 0));
        let word = if kept.is_some() {
            "written again"
        } else {
            "not octaflow's"
        };
        assert!(sound.notes[0].contains(word), "{:?}", sound.notes);
        assert_eq!(inspect(&table).unwrap().foreign_files, 1);

        let odd = |c: &ArrayRef| {
            let values = c.as_primitive::<Int32Type>().values().iter();
            Arc::new(Int32Array::from_iter_values(values.map(|v| v + 1))) as ArrayRef
        };
        let moved = |c: &ArrayRef| {
            let values = c.as_primitive::<Int32Type>().values().iter();
            Arc::new(Int32Array::from_iter_values(values.map(|v| v + 2))) as ArrayRef
        };
        let beyond = |c: &ArrayRef| {
            let values = c.as_primitive::<Int8Type>().values().iter();
            Arc::new(Int8Array::from_iter_values(values.map(|v| v + 14))) as ArrayRef
        };
        let twice = (0..count).chain([count - 1]);
        for (changed, word) in [
            (with(&rows, "ly", odd), "even or all odd"),
            (with(&rows, "ly", moved), "Index64 of"),
            (with(&rows, "next", beyond), "-1…13"),
            (
                with(&rows, "distance", |c| distances(c, 7, f64::NAN)),
                "row 7 of the file: distance is NaN",
            ),
            (
                with(&rows, "distance", |c| distances(c, 8, -1.0)),
                "row 8 of the file: distance is -1",
            ),
            (taken(&rows, (0..count).rev()), "must ascend"),
            (taken(&rows, twice), "no other row's"),
        ] {
            write(&path, &changed, kept.clone());
            faulty(&table, &["part-00000.parquet", word]);
        }
    }
}

#[test]
fn what_was_not_checked_is_told() {
    let world = World::new();
    world.succeed("field --map map.3dmap --source 1,1,1 -w 1 --quiet --out out");
    let (rows, _) = read(&world.path("out/field/part-00000.parquet"));
    write(
        &world.path("mine.parquet"),
        &taken(&rows, [3, 1, 2].into_iter()),
        None,
    );
    let words = world.succeed("verify mine.parquet");
    assert!(
        words.starts_with("mine.parquet: sound, 1 file, 3 rows\n"),
        "{words}"
    );
    assert!(
        words.contains("not octaflow's: checked as plain Parquet only"),
        "{words}"
    );
    let told = world.json("verify --json mine.parquet");
    assert_eq!(
        (&told["sound"], &told["plain_files"]),
        (&true.into(), &1.into())
    );
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
    let whole = world.json("verify --json out");
    assert_eq!(
        (&whole["plain_files"], &whole["notes"]),
        (&0.into(), &serde_json::json!([]))
    );
}
