//! That other programs read containers.

use crate::*;
use std::process::Command;

/// Needs `OCTAFLOW_PYTHON`, a Python with pyarrow and polars.
#[test]
fn pyarrow_and_polars_read_the_same_rows() {
    let Ok(python) = std::env::var("OCTAFLOW_PYTHON") else {
        eprintln!("skipped: OCTAFLOW_PYTHON names no Python");
        return;
    };
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    let written = write(&path, &bricks(600), 4);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/container/readers.py");
    let out = Command::new(python)
        .arg(script)
        .arg(&path)
        .args([
            written.bricks.to_string(),
            format!("{:08x}", written.checksum),
        ])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    eprintln!("read by {}", String::from_utf8_lossy(&out.stdout));
}
