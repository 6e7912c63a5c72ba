//! Results as record batches: the rows that were written, identifiers unsigned, nothing copied that need not be.

use arrow::array::{Array, AsArray, FixedSizeListArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt16Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use octaflow::brick::{BrickId, LOCAL_BY_INDEX};
use octaflow::lake::batches::Batches;
use octaflow::lake::container::{
    Container, ContainerMeta, ContainerWriter, FieldType, FieldValues, id_of_brick,
};
use octaflow::lake::{FieldColumns, FieldWriter, RouteRow, RouteWriter, part_name};
use octaflow::lattice::Frame;
use octaflow::search::RouteStatus;
use std::fs;
use std::path::PathBuf;

/// A folder that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("octaflow-batches-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn frame() -> Frame {
    Frame::new([0.5, 0.0, 0.0], 2.0).unwrap()
}

fn all(batches: Batches) -> Vec<RecordBatch> {
    let schema = batches.schema().clone();
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    batches
}

#[test]
fn fields_come_with_unsigned_identifiers() {
    let scratch = Scratch::new("field");
    let columns = FieldColumns {
        source: true,
        next: true,
    };
    let ticks: [u32; 1024] = std::array::from_fn(|i| i as u32 * 3120);
    let mut wanted = Vec::new();
    for (part, bricks) in [(0, 0..20), (1, 20..23)] {
        let path = scratch.0.join(part_name(part));
        let mut writer = FieldWriter::create(&path, &frame(), columns, &[]).unwrap();
        for code in bricks {
            let brick = BrickId::from_code(code).unwrap();
            writer
                .write_brick(brick, &ticks, Some(&[7; 1024]), Some(&[3; 1024]))
                .unwrap();
            wanted.extend(LOCAL_BY_INDEX.map(|local| {
                let distance = f64::from(ticks[local.index()]) * 2.0 / 3120.0;
                (u64::from(brick.index64(local)), distance)
            }));
        }
        writer.finish().unwrap();
    }
    let batches = Batches::open(&scratch.0).unwrap();
    let names: Vec<&str> = batches
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().as_str())
        .collect();
    assert_eq!(
        names,
        ["cell", "lx", "ly", "lz", "distance", "source", "next"]
    );
    assert_eq!(batches.schema().field(0).data_type(), &DataType::UInt64);
    assert_eq!(
        batches.schema().metadata()["octaflow.frame.origin_m"],
        "0.5,0,0"
    );
    let mut found = Vec::new();
    for batch in all(batches) {
        let cells = batch
            .column(0)
            .as_primitive::<UInt64Type>()
            .values()
            .to_vec();
        let distances = batch
            .column(4)
            .as_primitive::<Float64Type>()
            .values()
            .to_vec();
        assert!(
            batch
                .column(5)
                .as_primitive::<Int32Type>()
                .values()
                .iter()
                .all(|&s| s == 7)
        );
        found.extend(cells.into_iter().zip(distances));
    }
    assert!(found == wanted);

    // Columns in the order in which they are asked for.
    let projected = Batches::open(&scratch.0)
        .unwrap()
        .project(&["distance", "cell"])
        .unwrap();
    let mut rows = wanted.iter();
    for batch in all(projected) {
        assert_eq!(batch.num_columns(), 2);
        let cells = batch.column(1).as_primitive::<UInt64Type>();
        for (cell, distance) in cells
            .values()
            .iter()
            .zip(batch.column(0).as_primitive::<Float64Type>().values())
        {
            assert_eq!(rows.next(), Some(&(*cell, *distance)));
        }
    }
    assert_eq!(rows.next(), None);
    let none = Batches::open(&scratch.0).unwrap().project(&[]).unwrap();
    assert_eq!(
        all(none).iter().map(RecordBatch::num_rows).sum::<usize>(),
        wanted.len()
    );
    for (columns, words) in [
        (
            &["cell", "colour"][..],
            "no column \"colour\", but cell, lx",
        ),
        (&["lx", "lx"], "twice"),
    ] {
        let error = Batches::open(&scratch.0)
            .unwrap()
            .project(columns)
            .err()
            .unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_damaged_page_ends_the_batches() {
    let scratch = Scratch::new("damaged");
    let path = scratch.0.join(part_name(0));
    let mut writer = FieldWriter::create(&path, &frame(), FieldColumns::default(), &[]).unwrap();
    for code in 0..20 {
        writer
            .write_brick(BrickId::from_code(code).unwrap(), &[5; 1024], None, None)
            .unwrap();
    }
    writer.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 16;
    fs::write(&path, bytes).unwrap();
    let batches: Vec<_> = Batches::open(&scratch.0).unwrap().collect();
    let (last, before) = batches.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok));
    assert!(
        last.as_ref()
            .unwrap_err()
            .to_string()
            .contains("part-00000.parquet")
    );
}

#[test]
fn routes_come_with_words_and_nulls() {
    let scratch = Scratch::new("routes");
    let mut writer =
        RouteWriter::create(&scratch.0.join(part_name(0)), &frame(), false, &[]).unwrap();
    let found = RouteRow {
        query: 3,
        status: RouteStatus::Found,
        cost_ticks: Some(3120),
        lower_bound_ticks: Some(3000),
        smooth_length_m: None,
        cells: 2,
        brick_visits: 1,
        micros: 5,
    };
    let unreachable = RouteRow {
        query: 9,
        status: RouteStatus::Unreachable,
        cost_ticks: None,
        lower_bound_ticks: None,
        cells: 0,
        ..found
    };
    [found, unreachable]
        .iter()
        .for_each(|row| writer.push(row).unwrap());
    writer.finish().unwrap();
    let batches = all(Batches::open(&scratch.0)
        .unwrap()
        .project(&["status", "cost"])
        .unwrap());
    let status: Vec<&str> = batches[0]
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(status, ["found", "unreachable"]);
    let cost = batches[0].column(1).as_primitive::<Float64Type>();
    assert!(cost.is_valid(0) && cost.is_null(1));
}

#[test]
fn containers_come_as_they_lie() {
    let scratch = Scratch::new("container");
    let path = scratch.0.join("bricks.arrow");
    let meta = ContainerMeta {
        frame: frame(),
        plan: "hash".into(),
        epoch: 4,
        settings: vec![],
    };
    let fields = [("cost", FieldType::U16), ("state", FieldType::F64)];
    let mut writer = ContainerWriter::create(&path, &meta, &fields).unwrap();
    for code in 0..300_u16 {
        let values = [
            FieldValues::U16(&[code; 1024]),
            FieldValues::F64(&[f64::from(code); 1024]),
        ];
        writer
            .push(BrickId::from_code(code.into()).unwrap(), &values)
            .unwrap();
    }
    writer.finish().unwrap();
    for source in [&path, &scratch.0] {
        let mut code = 0;
        for batch in all(Batches::open(source)
            .unwrap()
            .project(&["state", "id"])
            .unwrap())
        {
            let ids = batch.column(1).as_primitive::<UInt64Type>();
            let lists: &FixedSizeListArray = batch.column(0).as_fixed_size_list();
            for row in 0..batch.num_rows() {
                assert_eq!(
                    ids.value(row),
                    id_of_brick(BrickId::from_code(code).unwrap())
                );
                assert_eq!(
                    lists.value(row).as_primitive::<Float64Type>().value(1023),
                    code as f64
                );
                code += 1;
            }
        }
        assert_eq!(code, 300);
    }
    // The columns of a batch are the memory of its segment.
    let segment = Container::open(&path).unwrap().segment(1).unwrap();
    let batch = segment.to_batch();
    let list = batch.column(1).as_fixed_size_list().values();
    let FieldValues::U16(cost) = segment.values(0, 0) else {
        panic!("costs are 16 bits")
    };
    assert_eq!(
        list.as_primitive::<UInt16Type>().values().as_ptr(),
        cost.as_ptr()
    );
}

#[test]
fn one_table_or_container_is_asked_for() {
    let scratch = Scratch::new("several");
    for table in ["field", "state"] {
        let folder = scratch.0.join(table);
        fs::create_dir(&folder).unwrap();
        FieldWriter::create(
            &folder.join(part_name(0)),
            &frame(),
            FieldColumns::default(),
            &[],
        )
        .unwrap()
        .finish()
        .unwrap();
    }
    let error = Batches::open(&scratch.0).err().unwrap().to_string();
    assert!(error.contains("name the folder of the table"), "{error}");
    assert_eq!(
        all(Batches::open(&scratch.0.join("field")).unwrap()).len(),
        0
    );
}
