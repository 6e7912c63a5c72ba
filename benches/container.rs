//! How fast brick containers are written and read, beside writing and reading the same number of plain bytes.
//!
//! `cargo bench --bench container [-- BRICKS]`: bricks with a cost (u16) and a distance (u32), 6 KiB each.

use octaflow::brick::BrickId;
use octaflow::lake::container::{
    Container, ContainerMeta, ContainerWriter, FieldType, FieldValues,
};
use octaflow::lattice::Frame;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 3;

fn main() {
    let bricks: u64 = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(20_000);
    let path = std::env::temp_dir().join(format!("octaflow-bench-{}.arrow", std::process::id()));
    let bytes = write(&path, bricks);
    let seconds = |name: &str, work: &mut dyn FnMut()| {
        let least = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        });
        let least = least.fold(f64::INFINITY, f64::min);
        println!(
            "{name:<34} {:>7.0} MB/s  {:>6.2} µs a brick",
            bytes as f64 / 1e6 / least,
            1e6 * least / bricks as f64
        );
        least
    };
    println!("{bricks} bricks, {:.1} MB", bytes as f64 / 1e6);
    let plain_write = seconds("plain bytes written and synced", &mut || {
        write_plain(&path, bytes)
    });
    let container_write = seconds("container written and synced", &mut || {
        write(&path, bricks);
    });
    let plain_read = seconds("plain bytes read", &mut || read_plain(&path));
    let open = seconds("container opened", &mut || {
        drop(Container::open(&path).unwrap())
    });
    let container = Container::open(&path).unwrap();
    let rows = seconds("container read, rows verified", &mut || {
        container.for_each(|_, _| Ok(())).unwrap()
    });
    let whole = seconds("whole checksum verified", &mut || {
        container.verify_whole().unwrap()
    });
    println!(
        "written in {:.2} times the plain bytes' time",
        container_write / plain_write
    );
    println!(
        "read in {:.2}, checked whole in {:.2} times the plain bytes' time; opened in {:.1} ms",
        rows / plain_read,
        whole / plain_read,
        1e3 * open
    );
    std::fs::remove_file(&path).unwrap();
}

fn write(path: &Path, bricks: u64) -> u64 {
    let meta = ContainerMeta {
        frame: Frame::new([0.0; 3], 1.0).unwrap(),
        plan: "hash".to_owned(),
        epoch: 0,
        settings: Vec::new(),
    };
    let fields = [("cost", FieldType::U16), ("ticks", FieldType::U32)];
    let mut writer = ContainerWriter::create(path, &meta, &fields).unwrap();
    let cost = [256; 1024];
    let mut ticks: [u32; 1024] = std::array::from_fn(|i| i as u32 * 1351);
    for brick in 0..bricks {
        ticks[brick as usize % 1024] += 1560;
        let values = [FieldValues::U16(&cost), FieldValues::U32(&ticks)];
        writer
            .push(BrickId::from_code(brick).unwrap(), &values)
            .unwrap();
    }
    writer.finish().unwrap().bytes
}

fn write_plain(path: &Path, bytes: u64) {
    let chunk = vec![7; 1 << 20];
    let mut file = File::create(path).unwrap();
    let mut left = bytes as usize;
    while left > 0 {
        let part = left.min(chunk.len());
        file.write_all(&chunk[..part]).unwrap();
        left -= part;
    }
    file.sync_all().unwrap();
}

fn read_plain(path: &Path) {
    let mut chunk = vec![0; 1 << 20];
    let mut file = File::open(path).unwrap();
    while file.read(&mut chunk).unwrap() > 0 {}
}
