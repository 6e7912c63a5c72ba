//! What a file of `field/` holds.

use crate::*;
use octaflow::Error;
use octaflow::brick::LOCAL_BY_INDEX;
use octaflow::lake::{ChangeWriter, GROUP_ROWS, part_name};
use octaflow::lattice::distance_m;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::SortingColumn;
use std::collections::BTreeMap;

#[test]
fn a_field_reads_back_row_for_row() {
    let scratch = Scratch::new();
    let path = scratch.join("part-00003.parquet");
    let bricks = some_bricks(300);
    let written = write_field(&path, &bricks, ALL);

    let mut expected = Vec::new();
    for &brick in &bricks {
        let (ticks, source, next) = brick_values(brick.code());
        for local in LOCAL_BY_INDEX {
            let i = local.index();
            if ticks[i] != UNREACHED {
                let [x, y, z] = brick.cell(local).xyz();
                expected.push(vec![
                    Field::Long(brick.index64(local).as_i64()),
                    Field::Int(x),
                    Field::Int(y),
                    Field::Int(z),
                    Field::Double(distance_m(ticks[i], CELL_SIZE_M)),
                    Field::Int(source[i] as i32),
                    Field::Byte(next[i]),
                ]);
            }
        }
    }
    let rows = read_rows(&path);
    assert!(rows.len() > GROUP_ROWS && rows == expected);
    assert_eq!(written.rows, rows.len() as u64);
    assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());
}

#[test]
fn a_field_has_the_promised_schema_and_layout() {
    let scratch = Scratch::new();
    let path = scratch.join(&part_name(0));
    write_field(&path, &some_bricks(300), ALL);
    let int8 = Some(LogicalType::integer(8, true));
    let column = |name: &str, physical| (name.to_owned(), physical, None);
    let expected = vec![
        column("cell", Physical::INT64),
        column("lx", Physical::INT32),
        column("ly", Physical::INT32),
        column("lz", Physical::INT32),
        column("distance", Physical::DOUBLE),
        column("source", Physical::INT32),
        ("next".to_owned(), Physical::INT32, int8),
    ];
    assert_eq!(schema(&path), expected);

    let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let by_cell = SortingColumn {
        column_idx: 0,
        descending: false,
        nulls_first: false,
    };
    let groups = file.metadata().row_groups();
    assert_eq!(groups[0].num_rows(), GROUP_ROWS as i64);
    for group in groups {
        assert_eq!(group.sorting_columns(), Some(&vec![by_cell.clone()]));
        for chunk in group.columns() {
            assert!(matches!(chunk.compression(), Compression::ZSTD(_)));
            assert!(
                chunk
                    .statistics()
                    .is_some_and(|s| s.min_bytes_opt().is_some())
            );
        }
        assert!(
            group
                .column(0)
                .encodings()
                .any(|e| e == Encoding::DELTA_BINARY_PACKED)
        );
        assert!(
            group
                .column(4)
                .encodings()
                .any(|e| e == Encoding::RLE_DICTIONARY)
        );
    }
    let pairs = file
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap();
    let pairs: BTreeMap<_, _> = pairs
        .iter()
        .map(|p| (p.key.as_str(), p.value.as_deref().unwrap()))
        .collect();
    assert_eq!(pairs["octaflow.frame.origin_m"], "1.5,-2,0.25");
    assert_eq!(pairs["octaflow.frame.cell_size_m"], "0.05");
    assert_eq!(pairs["octaflow.lattice.ticks_per_cell_size"], "3120");
    assert_eq!(pairs["octaflow.setting.unknown"], "blocked");
}

#[test]
fn a_flipped_bit_in_a_page_is_noticed() {
    let scratch = Scratch::new();
    let path = scratch.join(&part_name(0));
    write_field(&path, &some_bricks(2), FieldColumns::default());
    let offset = {
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let chunk = file.metadata().row_group(0).column(0).clone();
        let (start, length) = chunk.byte_range();
        (start + length - 1) as usize
    };
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset] ^= 1;
    fs::write(&path, bytes).unwrap();
    let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let read: Result<Vec<_>, _> = file.get_row_iter(None).unwrap().collect();
    assert!(read.unwrap_err().to_string().contains("CRC"));
}

#[test]
fn distinct_distances_beyond_the_dictionary_read_back() {
    let scratch = Scratch::new();
    let path = scratch.join(&part_name(0));
    let mut writer = FieldWriter::create(&path, &frame(), FieldColumns::default(), &[]).unwrap();
    for code in 0..130 {
        let ticks = std::array::from_fn(|i| (code * 1024 + i) as u32 * 16_001);
        writer
            .write_brick(BrickId::from_code(code as u64).unwrap(), &ticks, None, None)
            .unwrap();
    }
    writer.finish().unwrap();
    let rows = read_rows(&path);
    for (code, rows) in rows.chunks(1024).enumerate() {
        for (row, local) in rows.iter().zip(LOCAL_BY_INDEX) {
            let ticks = (code * 1024 + local.index()) as u32 * 16_001;
            assert_eq!(row[4], Field::Double(distance_m(ticks, CELL_SIZE_M)));
        }
    }
    assert_eq!(rows.len(), 130 * 1024);
}

#[test]
fn a_part_without_rows_is_kept_for_worker_0_only() {
    let scratch = Scratch::new();
    for worker in 0..2 {
        let path = scratch.join(&part_name(worker));
        assert_eq!(write_field(&path, &[], ALL).rows, 0);
    }
    assert_eq!(scratch.names(), ["part-00000.parquet"]);
    assert_eq!(schema(&scratch.join("part-00000.parquet")).len(), 7);
    let path = scratch.join("changes.parquet");
    let writer = ChangeWriter::create(&path, &frame(), ALL, &[], 10).unwrap();
    assert_eq!(writer.finish().unwrap().bytes, 0);
    assert!(!path.exists());
}

#[test]
fn what_the_machine_refuses_names_the_file() {
    let full = Path::new("/dev/full");
    if full.exists() {
        let mut writer = FieldWriter::create(full, &frame(), FieldColumns::default(), &[]).unwrap();
        let written = some_bricks(300)
            .into_iter()
            .try_for_each(|b| writer.write_brick(b, &[5; 1024], None, None));
        let error = written
            .and_then(|()| writer.finish().map(|_| ()))
            .unwrap_err();
        assert!(
            matches!(&error, Error::Machine(m) if m.contains("/dev/full") && m.contains("No space")),
            "{error}"
        );
    }
    let missing = Path::new("/nowhere/part-00000.parquet");
    let error = FieldWriter::create(missing, &frame(), FieldColumns::default(), &[])
        .err()
        .unwrap();
    assert!(
        matches!(&error, Error::Machine(m) if m.contains("/nowhere/part-00000.parquet")),
        "{error}"
    );
}
