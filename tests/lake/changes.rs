//! What a file of `field_changes/` holds.

use crate::*;
use octaflow::brick::{LOCAL_BY_INDEX, Local};
use octaflow::lake::{Change, ChangeWriter, DEFAULT_BUDGET_ROWS, part_name};
use octaflow::lattice::distance_m;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn write_changes(path: &Path, changes: &[Change], columns: FieldColumns, budget_rows: usize) {
    let mut writer = ChangeWriter::create(path, &frame(), columns, &[], budget_rows).unwrap();
    for &change in changes {
        writer.push(change).unwrap();
    }
    writer.finish().unwrap();
}

/// What the file must hold: the plain sort of the consolidated changes.
fn consolidated(changes: &[Change]) -> Vec<Vec<Field>> {
    let mut sums = BTreeMap::new();
    for c in changes {
        *sums
            .entry((
                c.brick.index64(c.local).as_i64(),
                c.time,
                c.ticks,
                c.source,
                c.next,
            ))
            .or_insert(0) += c.diff;
    }
    let mut rows: Vec<_> = sums.into_iter().filter(|(_, diff)| *diff != 0).collect();
    rows.sort_by_key(|&((cell, time, ..), diff)| (cell, time, diff));
    let row = |((cell, time, ticks, source, next), diff): ((i64, i64, u32, u32, i8), i32)| {
        let axis = |a| {
            Field::Int(
                (0..16).fold(0i64, |v, bit| v | (cell >> (3 * bit + a) & 1i64) << bit) as i32,
            )
        };
        vec![
            Field::Long(time),
            Field::Int(diff),
            Field::Long(cell),
            axis(0),
            axis(1),
            axis(2),
            Field::Double(distance_m(ticks, CELL_SIZE_M)),
            Field::Int(source as i32),
            Field::Byte(next),
        ]
    };
    rows.into_iter().map(row).collect()
}

fn any_change() -> impl Strategy<Value = Change> {
    let few = (0u64..40, 0usize..64, -3i64..4, prop::bool::ANY);
    (few, 0u32..3, 0u32..2, -1i8..2).prop_map(|((brick, place, time, up), ticks, source, next)| {
        Change {
            brick: BrickId::from_code(brick * 0x7123_4567 % (1 << 36)).unwrap(),
            local: Local::new(place * 16).unwrap(),
            time: if time == 3 { i64::MAX } else { time },
            diff: if up { 1 } else { -1 },
            ticks: ticks * (UNREACHED / 3),
            source,
            next,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn sorting_on_disk_equals_sorting_in_memory(
        changes in prop::collection::vec(any_change(), 0..600),
        budget_rows in 1usize..40,
    ) {
        let scratch = Scratch::new();
        let (small, large) = (scratch.join("small"), scratch.join("large"));
        for folder in [&small, &large] {
            fs::create_dir(folder).unwrap();
        }
        let part = part_name(0);
        write_changes(&small.join(&part), &changes, ALL, budget_rows);
        write_changes(&large.join(&part), &changes, ALL, DEFAULT_BUDGET_ROWS);
        prop_assert_eq!(fs::read_dir(&small).unwrap().count(), 1, "no run is left");
        let rows = read_rows(&small.join(&part));
        prop_assert_eq!(&rows, &read_rows(&large.join(&part)));
        prop_assert_eq!(rows, consolidated(&changes));
    }
}

#[test]
fn changes_have_the_promised_schema_and_cancel_in_the_written_columns() {
    let scratch = Scratch::new();
    let path = scratch.join(&part_name(0));
    let change = |diff, ticks, source| Change {
        brick: BrickId::from_code(77).unwrap(),
        local: LOCAL_BY_INDEX[5],
        time: 4,
        diff,
        ticks,
        source,
        next: source as i8,
    };
    // The first two differ only in columns that are not written.
    let changes = [
        change(-1, 10, 0),
        change(1, 10, 1),
        change(-1, 20, 0),
        change(1, 15, 0),
    ];
    write_changes(&path, &changes, FieldColumns::default(), 1);
    let rows = read_rows(&path);
    let diffs: Vec<_> = rows
        .iter()
        .map(|row| (row[1].clone(), row[6].clone()))
        .collect();
    let distance = |ticks| Field::Double(distance_m(ticks, CELL_SIZE_M));
    assert_eq!(
        diffs,
        [
            (Field::Int(-1), distance(20)),
            (Field::Int(1), distance(15))
        ]
    );
    let names: Vec<_> = schema(&path).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(
        names,
        ["time", "diff", "cell", "lx", "ly", "lz", "distance"]
    );
    assert_eq!(schema(&path)[0].1, Physical::INT64);
    assert_eq!(schema(&path)[1].1, Physical::INT32);
}
