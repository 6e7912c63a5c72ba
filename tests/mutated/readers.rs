//! What is read, by format, and what must hold of every answer.

use octaflow::lake::audit::{inspect, verify};
use octaflow::lake::checkpoint::{Checkpoints, read_cells};
use octaflow::lake::container::Container;
use octaflow::lake::delta::Log;
use octaflow::lattice::Frame;
use octaflow::map::{Allow, ReadOptions, UpdateReader, read_map, read_positions, read_queries};
use octaflow::points::{HeightOptions, PointFile, PointOptions, Points, read_heights};
use octaflow::{Error, Result};
use std::path::Path;

/// The memory that maps may take: enough for every small file, too little for any trick.
const MEMORY_BYTES: Option<u64> = Some(16 << 20);

/// Asserts that an error is the input's fault, said in one printable line.
fn hold<T>(answer: Result<T>) -> Option<T> {
    let error = match answer {
        Ok(answer) => return Some(answer),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(matches!(error, Error::Input(_)), "not the input's: {text}");
    assert!(
        !text.is_empty() && !text.contains(char::is_control),
        "{text:?}"
    );
    assert!(text.chars().count() < 1000, "{text}");
    None
}

fn audit(path: &Path) {
    hold(verify(path));
    hold(inspect(path));
}

pub fn container(path: &Path) {
    audit(path);
    let Some(container) = hold(Container::open(path)) else {
        return;
    };
    hold(container.verify_whole());
    hold(container.for_each(|_, values| {
        assert_eq!(values.len(), container.fields().len());
        Ok(())
    }));
    for index in 0..container.segments_len().min(4) {
        hold(container.ids(index));
        if let Some(segment) = hold(container.segment(index)) {
            assert_eq!(segment.to_batch().num_rows(), segment.bricks());
        }
    }
}

pub fn map(path: &Path) {
    let options = ReadOptions {
        memory_bytes: MEMORY_BYTES,
        ..ReadOptions::default()
    };
    if let Some(map) = hold(read_map(path, &options)) {
        assert!(map.bricks.is_sorted_by(|a, b| a.0 < b.0));
        assert!(map.open <= map.cells);
    }
}

pub fn stream(path: &Path) {
    audit(path);
    map(path);
}

pub fn array(path: &Path) {
    map(path);
    let options = HeightOptions {
        memory_bytes: MEMORY_BYTES,
        ..HeightOptions::default()
    };
    hold(read_heights(path, &options));
}

/// A table whose log is changed.
pub fn delta(table: &Path) {
    if let Some(log) = hold(Log::read(table, None)) {
        hold(log.present_files());
        hold(log.metadata().schema());
        hold(log.check_writable());
        let _ = (log.rows(), log.bytes());
    }
    audit(table);
    map(table);
}

/// A folder of checkpoints of which a file is changed.
pub fn checkpoints(folder: &Path) {
    hold(Checkpoints::record_of(folder));
    audit(folder);
    let Some(checkpoints) = hold(Checkpoints::open(folder, false)) else {
        return;
    };
    if let Some(manifest) = checkpoints.newest() {
        hold(manifest.frame());
        let _ = manifest.is_stale();
        for file in manifest.files() {
            let _ = file.place();
            hold(file.check(folder));
        }
        for file in &manifest.cells {
            hold(read_cells(&folder.join(&file.path), |_| Ok(())));
        }
    }
}

pub fn points(path: &Path) {
    let options = PointOptions {
        memory_bytes: MEMORY_BYTES,
        ..PointOptions::default()
    };
    for index in 0..2 {
        let Some(file) = hold(PointFile::open(path, &options)) else {
            return;
        };
        let _ = (file.total(), file.bounds_m());
        let attributes = file.attributes().len();
        let Some(mut share) = hold(file.share(index, 2)) else {
            return;
        };
        let mut batch = Points::default();
        while hold(share.next_batch(&mut batch, 1000)) == Some(true) {
            assert!(!batch.is_empty() && batch.len() <= 1000);
            assert_eq!(batch.attributes.len(), attributes);
            assert!(batch.attributes.iter().all(|a| a.len() == batch.len()));
            assert!(batch.xyz.as_flattened().iter().all(|c| c.is_finite()));
        }
    }
}

/// A table of points, or of anything else that the columns can be taken for.
pub fn table(path: &Path) {
    points(path);
    hold(read_positions(path));
    let frame = Frame::new([-8.0; 3], 0.5).unwrap();
    for allow in [Allow::Map, Allow::Queries] {
        let Some(updates) = hold(UpdateReader::open(path, &frame, 0, allow)) else {
            continue;
        };
        let mut last = 0;
        for epoch in updates {
            if let Some(epoch) = hold(epoch) {
                assert!(epoch.time > last && !epoch.updates.is_empty());
                last = epoch.time;
            }
        }
    }
    if path.extension().is_some_and(|e| e != "ndjson") {
        map(path);
    }
}

pub fn queries(path: &Path) {
    let frame = Frame::new([0.0; 3], 1.0).unwrap();
    if let Some(queries) = hold(read_queries(path, &frame)) {
        assert!(queries.len() < 1 << 20);
    }
}
