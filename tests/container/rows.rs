//! That what was written is read, by ourselves and by Arrow's own reader.

use crate::*;
use arrow::array::{Array, AsArray, FixedSizeListArray};
use arrow::datatypes::{Float64Type, UInt16Type, UInt32Type, UInt64Type};
use arrow::ipc::reader::FileReader;
use octaflow::Error;
use octaflow::lake::container::{Container, SEGMENT_BRICKS, brick_of_id, id_of_brick};
use std::fs::File;

#[test]
fn rows_come_back_whatever_their_number() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    for count in [0, 1, 255, 256, 257, 700] {
        let bricks = bricks(count);
        let written = write(&path, &bricks, 4);
        assert_eq!(written.bricks, bricks.len() as u64);
        assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());

        let container = Container::open(&path).unwrap();
        assert_eq!(container.meta(), &meta());
        assert_eq!(container.bricks(), written.bricks);
        assert_eq!(container.checksum(), written.checksum);
        assert_eq!(
            container.segments_len(),
            bricks.len().div_ceil(SEGMENT_BRICKS)
        );
        let fields: Vec<_> = container
            .fields()
            .iter()
            .map(|(n, t)| (n.as_str(), *t))
            .collect();
        assert_eq!(fields, FIELDS);
        container.verify_whole().unwrap();

        let mut expected = bricks.iter();
        let each = container.for_each(|id, values| {
            assert_eq!(Some(&id), expected.next());
            assert_eq!(values, Values::of(id).lists());
            Ok(())
        });
        each.unwrap();
        assert_eq!(expected.next(), None);

        let mut expected = bricks.iter();
        for segment in container.segments() {
            for (id, values) in segment.unwrap().rows() {
                assert_eq!(Some(&id), expected.next());
                assert_eq!(values, Values::of(id).lists());
            }
        }
        assert_eq!(expected.next(), None);
    }
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let scratch = Scratch::new();
    let (a, b) = (scratch.join("a.arrow"), scratch.join("b.arrow"));
    write(&a, &bricks(300), 2);
    write(&b, &bricks(300), 2);
    assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
}

#[test]
fn arrows_own_reader_sees_the_columns() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    let bricks = bricks(300);
    write(&path, &bricks, 4);
    let container = Container::open(&path).unwrap();
    let mut rows = 0;
    let reader = FileReader::try_new(File::open(&path).unwrap(), None).unwrap();
    for (batch, segment) in reader.zip(container.segments()) {
        let batch = batch.unwrap();
        assert_eq!(batch.columns(), segment.unwrap().to_batch().columns());
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let brick = bricks[rows + row];
            assert_eq!(ids.value(row), 0x800f << 48 | brick.code() << 12);
            let values = Values::of(brick);
            let list = |column: usize| {
                let lists: &FixedSizeListArray = batch.column(column).as_fixed_size_list();
                lists.value(row)
            };
            assert_eq!(
                list(1).as_primitive::<UInt16Type>().values(),
                &values.cost[..]
            );
            assert_eq!(
                list(2).as_primitive::<UInt32Type>().values(),
                &values.ticks[..]
            );
            assert_eq!(
                list(4).as_primitive::<Float64Type>().values(),
                &values.state[..]
            );
            assert!(!list(3).is_nullable());
        }
        rows += batch.num_rows();
    }
    assert_eq!(rows, bricks.len());
}

#[test]
fn ids_stand_for_bricks_alone() {
    for brick in bricks(100) {
        assert_eq!(brick_of_id(id_of_brick(brick)), Some(brick));
        for off in [1, 7, 8, 1 << 48, 1 << 60, 1 << 63] {
            assert_eq!(brick_of_id(id_of_brick(brick) ^ off), None, "{off:x}");
        }
    }
    assert_eq!(brick_of_id(0), None);
}

#[test]
fn unusable_fields_and_settings_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    let long = "x".repeat(65);
    for (names, word) in [
        (&["id"][..], "differ"),
        (&["cost", "cost"], "differ"),
        (&["checksum"], "differ"),
        (&[""], "name"),
        (&["a b"], "name"),
        (&[long.as_str()], "name"),
        (&[], "fields"),
    ] {
        let fields: Vec<_> = names.iter().map(|name| (*name, FieldType::U16)).collect();
        let error = ContainerWriter::create(&path, &meta(), &fields)
            .err()
            .unwrap();
        assert!(
            matches!(&error, Error::Input(e) if e.contains(word)),
            "{error}"
        );
    }
    let mut twice = meta();
    twice.settings = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
    let error = ContainerWriter::create(&path, &twice, &FIELDS)
        .err()
        .unwrap();
    assert!(error.to_string().contains("twice"), "{error}");
    assert!(!path.exists());
}
