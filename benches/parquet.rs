//! How fast results are written and how small they are, beside pyarrow on the same rows.
//!
//! `cargo bench --bench parquet [-- MAP.3dmap …]` writes the field of a box of 4.2 M cells with 25 % random obstacles,
//! the same with random costs, and the fields of the voxel maps named. With `OCTAFLOW_PYTHON` naming a Python that
//! has pyarrow it prints the ratio to `benches/parquet_pyarrow.py`. All with one thread.

use octaflow::brick::{BrickId, LOCAL_BY_INDEX};
use octaflow::lake::{
    Change, ChangeWriter, DEFAULT_BUDGET_ROWS, FieldColumns, FieldWriter, Written,
};
use octaflow::lattice::{Frame, NEIGHBOURS, UNIT_COST, UNREACHED, axial_half, diagonal_half};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;

const ROUNDS: usize = 7;

type Field = Vec<(BrickId, Box<[u32; 1024]>)>;

fn main() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-parquet");
    std::fs::create_dir_all(&folder).expect("a folder to write to");
    let size = [256; 3];
    let random = |cell| {
        if hash(cell).is_multiple_of(4) {
            0
        } else {
            UNIT_COST
        }
    };
    let costly = |cell| {
        if hash(cell).is_multiple_of(4) {
            0
        } else {
            64 + (hash(cell) >> 32) as u16 % 960
        }
    };
    measure("random obstacles", &folder, &field(&random, size, [128; 3]));
    measure(
        "random obstacles and costs",
        &folder,
        &field(&costly, size, [128; 3]),
    );
    for map in std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
    {
        measure(&map, &folder, &voxel_field(&map));
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

fn measure(name: &str, folder: &Path, field: &Field) {
    let columns = [
        ("field/", FieldColumns::default()),
        (
            "field/ with source, next",
            FieldColumns {
                source: true,
                next: true,
            },
        ),
    ];
    println!("{name}: {} bricks", field.len());
    for (what, columns) in columns {
        let path = folder.join("part-00000.parquet");
        let mut seconds: Vec<f64> = (0..ROUNDS)
            .map(|_| time(|| write_field(&path, field, columns)))
            .collect();
        let written = write_field(&path, field, columns);
        report(what, &path, &written, &mut seconds);
        beside_pyarrow(&path, &written, seconds[ROUNDS / 2]);
    }
    let path = folder.join("part-00001.parquet");
    let mut seconds: Vec<f64> = (0..3)
        .map(|_| time(|| write_changes(&path, field)))
        .collect();
    report(
        "field_changes/",
        &path,
        &write_changes(&path, field),
        &mut seconds,
    );
}

/// The seconds that the processor gave to `work`, which other processes disturb less than the clock on the wall.
fn time<T>(work: impl FnOnce() -> T) -> f64 {
    let start = processor_s();
    std::hint::black_box(work());
    processor_s() - start
}

/// The processor time of this thread, as Linux counts it; elsewhere the clock on the wall.
fn processor_s() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn frame() -> Frame {
    Frame::new([0.0; 3], 0.05).expect("a sound frame")
}

fn write_field(path: &Path, field: &Field, columns: FieldColumns) -> Written {
    let mut writer = FieldWriter::create(path, &frame(), columns, &[]).expect("room on the disk");
    for (brick, ticks) in field {
        let source = columns.source.then(|| ticks.map(|t| t / 100_000));
        let next = columns.next.then(|| ticks.map(|t| (t % 14) as i8));
        writer
            .write_brick(*brick, ticks, source.as_ref(), next.as_ref())
            .expect("room on the disk");
    }
    writer.finish().expect("room on the disk")
}

/// The first solve as additions, then 200 epochs of 1,000 cells that change, which sort on disk.
fn write_changes(path: &Path, field: &Field) -> Written {
    let columns = FieldColumns::default();
    let mut writer = ChangeWriter::create(path, &frame(), columns, &[], DEFAULT_BUDGET_ROWS / 8)
        .expect("room on the disk");
    let mut push = |brick, place: usize, time, diff, ticks| {
        let local = LOCAL_BY_INDEX[place];
        let change = Change {
            brick,
            local,
            time,
            diff,
            ticks,
            source: 0,
            next: 0,
        };
        writer.push(change).expect("room on the disk");
    };
    for (brick, ticks) in field {
        for place in 0..1024 {
            let t = ticks[LOCAL_BY_INDEX[place].index()];
            if t != UNREACHED {
                push(*brick, place, 0, 1, t);
            }
        }
    }
    for epoch in 1..=200u32 {
        for (i, (brick, ticks)) in field.iter().enumerate().step_by(1 + field.len() / 1000) {
            let place = (i * 37) % 1024;
            let t = ticks[LOCAL_BY_INDEX[place].index()];
            if t != UNREACHED {
                push(*brick, place, i64::from(epoch), -1, t + 17 * (epoch - 1));
                push(*brick, place, i64::from(epoch), 1, t + 17 * epoch);
            }
        }
    }
    writer.finish().expect("room on the disk")
}

fn report(what: &str, path: &Path, written: &Written, seconds: &mut [f64]) {
    seconds.sort_by(f64::total_cmp);
    let rows = written.rows as f64;
    let file =
        SerializedFileReader::new(File::open(path).expect("just written")).expect("a Parquet file");
    let groups = file.metadata().row_groups();
    print!(
        "  {what}: {} rows, median {:.1} M rows/s (best {:.1}), {:.3} B a row:",
        written.rows,
        rows / seconds[seconds.len() / 2] / 1e6,
        rows / seconds[0] / 1e6,
        written.bytes as f64 / rows,
    );
    for c in 0..groups[0].num_columns() {
        let bytes: i64 = groups.iter().map(|g| g.column(c).compressed_size()).sum();
        print!(
            " {} {:.3}",
            groups[0].column(c).column_path(),
            bytes as f64 / rows
        );
    }
    println!();
}

fn beside_pyarrow(path: &Path, written: &Written, median_s: f64) {
    let Ok(python) = std::env::var("OCTAFLOW_PYTHON") else {
        println!("  pyarrow: not measured, OCTAFLOW_PYTHON names no Python");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/parquet_pyarrow.py");
    let out = Command::new(python)
        .arg(script)
        .arg(path)
        .arg(ROUNDS.to_string())
        .output();
    let out = out.expect("OCTAFLOW_PYTHON is a Python");
    let told: serde_json::Value = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let theirs = told["median_s"].as_f64().expect("seconds");
    println!(
        "  pyarrow: median {:.1} M rows/s, {:.3} B a row; octaflow writes at {:.2} times its rate",
        written.rows as f64 / theirs / 1e6,
        told["bytes"].as_f64().expect("bytes") / written.rows as f64,
        theirs / median_s,
    );
}

/// Dijkstra's distances from `source` in a box of `size` lattice units, over cells of stored cost `cost`.
fn field(cost: &dyn Fn([i32; 3]) -> u16, size: [i32; 3], source: [i32; 3]) -> Field {
    let at = |[x, y, z]: [i32; 3]| ((z * size[1] + y) as usize) * size[0] as usize + x as usize;
    let inside = |c: [i32; 3]| (0..3).all(|a| (0..size[a]).contains(&c[a]));
    let mut ticks = vec![UNREACHED; size.iter().map(|&s| s as usize).product()];
    // No step is longer than two halves at the greatest cost used here, so a ring of buckets suffices.
    let mut ring = vec![Vec::new(); 1 << 14];
    let (mut now, mut idle) = (0, 0);
    ticks[at(source)] = 0;
    ring[0].push(source);
    while idle < ring.len() {
        let slot = now % ring.len();
        let bucket: Vec<[i32; 3]> = std::mem::take(&mut ring[slot]);
        idle = if bucket.is_empty() { idle + 1 } else { 0 };
        for cell in bucket {
            if ticks[at(cell)] as usize != now {
                continue;
            }
            for (i, step) in NEIGHBOURS.iter().enumerate() {
                let next = std::array::from_fn(|a| cell[a] + step[a]);
                if !inside(next) || cost(next) == 0 {
                    continue;
                }
                let half = if i < 8 { diagonal_half } else { axial_half };
                let there = now as u32 + half(cost(cell)) + half(cost(next));
                if there < ticks[at(next)] {
                    ticks[at(next)] = there;
                    let slot = there as usize % ring.len();
                    ring[slot].push(next);
                }
            }
        }
        now += 1;
    }
    let reached = |cell: [i32; 3]| {
        if inside(cell) {
            ticks[at(cell)]
        } else {
            UNREACHED
        }
    };
    bricks(size)
        .map(|brick| {
            let mut of_brick = Box::new([UNREACHED; 1024]);
            for local in LOCAL_BY_INDEX {
                of_brick[local.index()] = reached(brick.cell(local).xyz());
            }
            (brick, of_brick)
        })
        .filter(|(_, ticks)| ticks.iter().any(|&t| t != UNREACHED))
        .collect()
}

/// The bricks of a box, ascending.
fn bricks(size: [i32; 3]) -> impl Iterator<Item = BrickId> {
    let [w, h, d] = size.map(|s| (s + 15) / 16);
    let mut ids: Vec<_> = (0..w * h * d)
        .map(|i| BrickId::new(i % w, i / w % h, i / w / h).expect("a box in range"))
        .collect();
    ids.sort();
    ids.into_iter()
}

fn hash([x, y, z]: [i32; 3]) -> u64 {
    let mut h = (x as u64) << 40 | (y as u64) << 20 | z as u64;
    h = (h ^ h >> 31).wrapping_mul(0x7fb5_d329_728e_a185);
    h = (h ^ h >> 27).wrapping_mul(0x81da_def4_bc2d_d44d);
    h ^ h >> 33
}

/// The field of a `.3dmap` from the first open voxel of which at least a tenth of the box is reached.
fn voxel_field(path: &str) -> Field {
    let text = std::fs::read_to_string(path).expect("a map");
    let mut rows = text
        .lines()
        .map(|row| row.split_whitespace().filter_map(|n| n.parse::<i32>().ok()));
    let size: Vec<i32> = rows.next().expect("a header").collect();
    let at = |v: [i32; 3]| ((v[2] * size[1] + v[1]) * size[0] + v[0]) as usize;
    let mut open = vec![true; size.iter().map(|&s| s as usize).product()];
    for row in rows {
        if let [x, y, z] = row.collect::<Vec<_>>()[..] {
            open[at([x, y, z])] = false;
        }
    }
    let voxel = |v: [i32; 3]| (0..3).all(|a| v[a] < size[a]) && open[at(v)];
    let cost = |c: [i32; 3]| {
        let corners = if c[0] & 1 == 1 { 8 } else { 1 };
        let is_open =
            (0..corners).all(|k| voxel(std::array::from_fn(|a| (c[a] >> 1) + (k >> a & 1))));
        if is_open { UNIT_COST } else { 0 }
    };
    let cells = 2 * open.len();
    (1..20)
        .map(|k| std::array::from_fn(|a| 2 * (size[a] * k / 20)))
        .filter(|&source| cost(source) > 0)
        .map(|source| field(&cost, std::array::from_fn(|a| 2 * size[a]), source))
        .find(|field| field.len() * 1024 * 10 > cells)
        .expect("a map with a large open part")
}
