//! How fast maps are read, on generated files: `cargo bench --bench map`.
//!
//! `cargo bench --bench map -- FILE…` reads the given maps instead, and `-- --cells N` makes the cell tables of the
//! generated files N cells large.

use arrow::array::{ArrayRef, Int32Array};
use arrow::record_batch::RecordBatch;
use octaflow::brick::{BrickId, LOCAL_BY_INDEX};
use octaflow::lattice::Frame;
use octaflow::map::{Allow, ReadOptions, UpdateReader, read_map};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let mut table_cells = 8 << 20;
    if let [flag, count] = &arguments[..]
        && flag == "--cells"
    {
        table_cells = count.parse().expect("--cells takes a number");
    } else if !arguments.is_empty() {
        for path in &arguments {
            report(Path::new(path), None);
        }
        return;
    }
    let folder = std::env::temp_dir().join(format!("octaflow-bench-map-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    report(&benchmark_map(&folder), None);
    for depth in [14, 16] {
        let (path, voxels) = octree(&folder, depth);
        report(&path, Some(("voxels", voxels)));
    }
    report(&array(&folder, "|u1", &[1]), Some(("voxels", 1 << 24)));
    report(
        &array(&folder, "<f4", &1.5f32.to_le_bytes()),
        Some(("voxels", 1 << 24)),
    );
    for morton in [true, false] {
        let path = parquet_table(&folder, table_cells, morton);
        report(&path, Some(("rows", table_cells)));
    }
    report(&csv_table(&folder), Some(("rows", 2 << 20)));
    updates(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Reads a map and prints the rates: of bytes, of the things it consists of, and of the cells it makes.
fn report(path: &Path, things: Option<(&str, u64)>) {
    let bytes = std::fs::metadata(path).unwrap().len() as f64;
    let start = Instant::now();
    let map = match read_map(path, &ReadOptions::default()) {
        Ok(map) => map,
        Err(e) => return println!("{e}"),
    };
    let seconds = start.elapsed().as_secs_f64();
    let rate = things.map_or(String::new(), |(name, n)| {
        format!(", {:.1} M {name}/s", n as f64 / seconds / 1e6)
    });
    println!(
        "{}: {} cells, {} open, {} bricks; {seconds:.3} s, {:.1} MB/s{rate}, {:.1} M cells/s",
        path.file_name().unwrap().to_string_lossy(),
        map.cells,
        map.open,
        map.bricks.len(),
        bytes / seconds / 1e6,
        map.cells as f64 / seconds / 1e6,
    );
}

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// 256³ voxels, a quarter of them blocked.
fn benchmark_map(folder: &Path) -> PathBuf {
    let path = folder.join("random.3dmap");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let mut random = Random(1);
    writeln!(out, "voxel 256 256 256").unwrap();
    for n in 0..1 << 24 {
        if random.next().is_multiple_of(4) {
            writeln!(out, "{} {} {}", n >> 16, n >> 8 & 255, n & 255).unwrap();
        }
    }
    path
}

/// An octree over 512³ voxels whose leaves lie down to `depth`, and its number of known voxels.
fn octree(folder: &Path, depth: u32) -> (PathBuf, u64) {
    fn node(random: &mut Random, at: u32, depth: u32, out: &mut Vec<u8>) -> (u64, u64) {
        if at < 7 {
            // The path from the root to the corner at key 32768.
            let child = if at == 0 { 7 } else { 0 };
            out.extend((3u16 << (2 * child)).to_le_bytes());
            let (nodes, voxels) = node(random, at + 1, depth, out);
            return (nodes + 1, voxels);
        }
        let place = out.len();
        out.extend([0; 2]);
        let (mut word, mut nodes, mut voxels) = (0u16, 1, 0);
        for child in 0..8 {
            let inner = at + 1 < depth && random.next() % 8 < 7;
            if inner {
                word |= 3 << (2 * child);
                let below = node(random, at + 1, depth, out);
                nodes += below.0;
                voxels += below.1;
            } else {
                word |= (1 + (random.next() % 4 / 3) as u16) << (2 * child);
                nodes += 1;
                voxels += 1 << (3 * (16 - at - 1));
            }
        }
        out[place..place + 2].copy_from_slice(&word.to_le_bytes());
        (nodes, voxels)
    }
    let mut body = Vec::new();
    let (nodes, voxels) = node(&mut Random(2), 0, depth, &mut body);
    let path = folder.join(format!("depth-{depth}.bt"));
    let mut out = File::create(&path).unwrap();
    let header = format!("# Octomap OcTree binary file\nid OcTree\nsize {nodes}\nres 0.05\ndata\n");
    out.write_all(header.as_bytes()).unwrap();
    out.write_all(&body).unwrap();
    (path, voxels)
}

/// 256³ elements, a quarter of them 0 and the rest `one`.
fn array(folder: &Path, descr: &str, one: &[u8]) -> PathBuf {
    let path = folder.join(format!("array-{}.npy", &descr[1..]));
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (256, 256, 256), }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut out = BufWriter::new(File::create(&path).unwrap());
    out.write_all(b"\x93NUMPY\x01\x00").unwrap();
    out.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    out.write_all(header.as_bytes()).unwrap();
    let (mut random, zero) = (Random(3), vec![0; one.len()]);
    for _ in 0..1 << 24 {
        let element = if random.next().is_multiple_of(4) {
            &zero
        } else {
            one
        };
        out.write_all(element).unwrap();
    }
    path
}

/// The open cells of a box, in Morton order or x by x, y by y.
fn parquet_table(folder: &Path, cells: u64, morton: bool) -> PathBuf {
    let path = folder.join(if morton {
        "morton.parquet"
    } else {
        "rows.parquet"
    });
    let names = ["lx", "ly", "lz"];
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_max_row_group_row_count(Some(122_880))
        .set_dictionary_enabled(false);
    for name in names {
        properties = properties.set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
    }
    let batch = |rows: &[[i32; 3]]| {
        let columns = [0, 1, 2].map(|a| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r[a])))
        });
        RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap()
    };
    let schema = batch(&[]).schema();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties.build())).unwrap();
    if morton {
        for code in 0..cells.div_ceil(1024) {
            let id = BrickId::from_code(code).unwrap();
            let rows: Vec<_> = LOCAL_BY_INDEX.iter().map(|&l| id.cell(l).xyz()).collect();
            writer.write(&batch(&rows)).unwrap();
        }
    } else {
        // A slab of 16 planes along x, 1024 lattice units along z.
        for x in 0..16 {
            let step = |n: u64| 2 * n as i32 + x % 2;
            for y in 0..cells / 16 / 512 {
                let rows: Vec<_> = (0..512).map(|z| [x, step(y), step(z)]).collect();
                writer.write(&batch(&rows)).unwrap();
            }
        }
    }
    writer.close().unwrap();
    path
}

fn csv_table(folder: &Path) -> PathBuf {
    let path = folder.join("cells.csv");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    writeln!(out, "lx,ly,lz,cost").unwrap();
    for n in 0..2 << 20 {
        writeln!(
            out,
            "{},{},{},1.5",
            n >> 14 << 1,
            (n >> 7 & 127) << 1,
            (n & 127) << 1
        )
        .unwrap();
    }
    path
}

/// A million updates in a thousand epochs.
fn updates(folder: &Path) {
    let path = folder.join("updates.csv");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    writeln!(out, "time,kind,x,y,z,cost").unwrap();
    let mut random = Random(4);
    for n in 0..1_000_000 {
        let at = [0; 3].map(|_: i32| random.next() % 4000);
        let kind = ["cost", "voxel"][n % 2];
        writeln!(
            out,
            "{},{kind},{}.5,{},{},1.25",
            1 + n / 1000,
            at[0],
            at[1],
            at[2]
        )
        .unwrap();
    }
    drop(out);
    let start = Instant::now();
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    let epochs = UpdateReader::open(&path, &frame, 0, Allow::Sources).unwrap();
    let count: usize = epochs.map(|epoch| epoch.unwrap().updates.len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "updates.csv: {count} updates; {:.2} M updates/s",
        count as f64 / seconds / 1e6
    );
}
