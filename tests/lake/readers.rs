//! That other programs read the results.

use crate::*;
use octaflow::brick::LOCAL_BY_INDEX;
use octaflow::lake::{Change, ChangeWriter, Stage, part_name};
use std::process::Command;

/// Needs `OCTAFLOW_PYTHON`, a Python with some of duckdb, polars and pyarrow.
#[test]
fn duckdb_polars_and_pyarrow_read_the_same_rows() {
    let Ok(python) = std::env::var("OCTAFLOW_PYTHON") else {
        eprintln!("skipped: OCTAFLOW_PYTHON names no Python");
        return;
    };
    let scratch = Scratch::new();
    let dir = scratch.join("out");
    let stage = Stage::open(&dir, "run", 0).unwrap();
    let folder = stage.folder("field").unwrap();
    let rows = write_field(&folder.join(part_name(0)), &some_bricks(40), ALL).rows;
    let path = stage.folder("field_changes").unwrap().join(part_name(0));
    let mut writer = ChangeWriter::create(&path, &frame(), ALL, &[], 5000).unwrap();
    let mut change = |brick: BrickId, i: usize, time, diff, ticks| {
        let (_, source, next) = brick_values(brick.code());
        let change = Change {
            brick,
            local: LOCAL_BY_INDEX[i],
            time,
            diff,
            ticks,
            source: source[LOCAL_BY_INDEX[i].index()],
            next: next[LOCAL_BY_INDEX[i].index()],
        };
        writer.push(change).unwrap();
    };
    for (time, late) in [(0, false), (7, true)] {
        for brick in some_bricks(40) {
            let (ticks, ..) = brick_values(brick.code());
            for (i, local) in LOCAL_BY_INDEX.iter().enumerate() {
                match ticks[local.index()] {
                    UNREACHED if late => change(brick, i, time, -1, 4),
                    UNREACHED => change(brick, i, time, 1, 4),
                    t if late == (t % 2 == 0) => change(brick, i, time, 1, t),
                    _ => {}
                }
            }
        }
    }
    writer.finish().unwrap();
    stage.publish("{}").unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lake/readers.py");
    let out = Command::new(python)
        .arg(script)
        .arg(&dir)
        .args([rows.to_string(), CELL_SIZE_M.to_string()])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    eprintln!("read by {}", String::from_utf8_lossy(&out.stdout));
}
