//! Readers beside a run that follows a stream: they never see a half epoch.

use crate::support::World;
use octaflow::lake::delta::{self, Log};
use parquet::file::reader::SerializedFileReader;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Rows of a table of changes by their time, each with its `diff`, sorted.
type Epochs = BTreeMap<i64, Vec<(String, i32)>>;

const EPOCHS: i64 = 24;

/// A few voxels change in each epoch.
fn updates() -> Vec<String> {
    let mut dice = crate::support::Dice(0xfeed);
    let epoch = |time: i64| {
        let row = |_| {
            let [x, y, z] = [(); 3].map(|()| dice.below(18));
            format!("{time},voxel,{x},{y},{z},{}\n", dice.below(3))
        };
        (0..5).map(row).collect()
    };
    (1..=EPOCHS).map(epoch).collect()
}

/// What a reader has of files that never change.
#[derive(Default)]
struct Reader {
    files: HashMap<PathBuf, Epochs>,
}

impl Reader {
    /// The rows of some files.
    fn read(&mut self, paths: &BTreeSet<PathBuf>) -> Epochs {
        let mut all = Epochs::new();
        for path in paths {
            let rows = (self.files)
                .entry(path.clone())
                .or_insert_with(|| rows_of(path));
            for (time, rows) in rows {
                all.entry(*time).or_default().extend(rows.iter().cloned());
            }
        }
        all.values_mut().for_each(|rows| rows.sort());
        all
    }
}

fn rows_of(path: &Path) -> Epochs {
    let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut epochs = Epochs::new();
    for row in SerializedFileReader::new(file).unwrap().into_iter() {
        let (mut time, mut diff, mut text) = (None, 0, String::new());
        for (name, value) in row.unwrap().get_column_iter() {
            match name.as_str() {
                "time" => time = Some(value.to_string().parse().unwrap()),
                "diff" => diff = value.to_string().parse().unwrap(),
                _ => text += &format!("{name}={value} "),
            }
        }
        epochs
            .entry(time.unwrap_or(-1))
            .or_default()
            .push((text, diff));
    }
    epochs
}

/// The Parquet files that a plain listing of a folder finds; none if it is not there.
fn listed(folder: &Path) -> Option<BTreeSet<PathBuf>> {
    let entries = fs::read_dir(folder).ok()?;
    let paths = entries.map(|entry| entry.unwrap().path());
    let parquet = paths.filter(|p| p.extension().is_some_and(|e| e == "parquet"));
    Some(parquet.collect())
}

/// Asserts that rows are those of whole epochs; gives the last.
fn whole_epochs(seen: &Epochs, whole: &Epochs) -> i64 {
    let last = *seen.keys().last().expect("the first solve at least");
    let expected: Epochs = whole.range(..=last).map(|(&t, r)| (t, r.clone())).collect();
    assert!(
        *seen == expected,
        "rows up to {last} that are no whole epochs"
    );
    last
}

/// Polls by the log until the run is over; gives how many versions were seen.
fn poll_log(table: &Path, whole: &Epochs, over: &AtomicBool) -> usize {
    let (mut reader, mut before, mut versions) =
        (Reader::default(), (0, i64::MIN), BTreeSet::new());
    while !over.load(Ordering::Relaxed) {
        if !delta::is_table(table) {
            continue;
        }
        let log = Log::read(table, None).unwrap();
        let present: BTreeSet<PathBuf> = log.present_files().unwrap().into_iter().collect();
        let seen = reader.read(&present);
        let rows: usize = seen.values().map(Vec::len).sum();
        assert_eq!(log.rows(), Some(rows as u64));
        let now = (log.version(), whole_epochs(&seen, whole));
        assert!(
            now >= before && now.1 >= before.1,
            "{before:?}, then {now:?}"
        );
        before = now;
        versions.insert(now.0);
    }
    versions.len()
}

/// Polls by plain listings until the run is over; gives how many epochs were seen as the last.
fn poll_listing(table: &Path, whole: &Epochs, over: &AtomicBool) -> usize {
    let (mut reader, mut before, mut epochs) = (Reader::default(), i64::MIN, BTreeSet::new());
    while !over.load(Ordering::Relaxed) {
        let Some(paths) = listed(table) else {
            assert_eq!(before, i64::MIN, "a table that was there is gone");
            continue;
        };
        let now = whole_epochs(&reader.read(&paths), whole);
        assert!(now >= before, "{before}, then {now}");
        before = now;
        epochs.insert(now);
    }
    epochs.len()
}

#[test]
fn readers_beside_a_stream_see_whole_epochs_only() {
    let world = World::new();
    let epochs = updates();
    let head = "time,kind,x,y,z,cost\n";
    fs::write(world.path("stream.csv"), head.to_owned() + &epochs.concat()).unwrap();
    let field = "field --map map.3dmap --source 1,1,1 --quiet -w 2";
    world.succeed(&format!("{field} --updates stream.csv --out whole"));
    let mut reader = Reader::default();
    let whole = reader.read(&listed(&world.path("whole/field_changes")).unwrap());
    assert!(whole.len() > 15);

    let kept = format!("{field} --updates - --checkpoint saved --checkpoint-every 1 --out out");
    let mut child = world.command(&kept).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let over = AtomicBool::new(false);
    let table = world.path("out/field_changes");
    let (versions, last) = std::thread::scope(|scope| {
        let by_log = scope.spawn(|| poll_log(&table, &whole, &over));
        let by_listing = [(); 2].map(|()| scope.spawn(|| poll_listing(&table, &whole, &over)));
        stdin.write_all(head.as_bytes()).unwrap();
        for epoch in &epochs {
            stdin.write_all(epoch.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(stdin);
        assert!(child.wait().unwrap().success());
        over.store(true, Ordering::Relaxed);
        let last = by_listing.map(|poll| poll.join().unwrap());
        (by_log.join().unwrap(), last)
    });
    assert!(
        versions > 5 && last[0] > 5,
        "{versions} versions, {last:?} epochs"
    );

    // What has accumulated is the field.
    let mut field: BTreeMap<&str, i32> = BTreeMap::new();
    for (row, diff) in whole.values().flatten() {
        *field.entry(row).or_default() += diff;
    }
    field.retain(|_, count| *count != 0);
    let published = reader.read(&listed(&world.path("out/field")).unwrap());
    let rows: BTreeMap<&str, i32> = published[&-1]
        .iter()
        .map(|(r, _)| (r.as_str(), 1))
        .collect();
    assert!(rows == field);
    assert_eq!(
        whole_epochs(&reader.read(&listed(&table).unwrap()), &whole),
        *whole.keys().last().unwrap()
    );
}
