//! The program as its users start it: the same bits for every division of the work, whole results or none.

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Rooms of 40 × 30 × 20 voxels with walls that have a door each, and some rubble.
fn rooms() -> String {
    let mut text = "voxel 40 30 20\n".to_owned();
    for z in 0..20 {
        for y in 0..30 {
            for x in 0..40 {
                let wall = x % 10 == 9 && !(y == 4 && z < 6) || y % 10 == 9 && x % 10 != 3;
                let rubble = (x * 7919 + y * 104_729 + z * 1_299_709) % 11 == 0;
                let kept = [(2, 2, 2), (37, 27, 17), (37, 27, 18)].contains(&(x, y, z));
                if (wall || rubble) && !kept {
                    text += &format!("{x} {y} {z}\n");
                }
            }
        }
    }
    text
}

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("octaflow-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn octaflow() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octaflow"));
    command.stdin(Stdio::null());
    command
}

fn succeed(output: &Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
}

/// Asserts exit status 2 and one sentence that names `mention`.
fn refused(output: &Output, mention: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains(mention),
        "{stderr} should mention {mention}"
    );
    assert!(output.stdout.is_empty());
}

/// The rows of a result folder: the columns' values by cell and, for changes, time and diff.
fn rows(folder: &Path) -> BTreeMap<(i64, i64, i32), Vec<u64>> {
    let mut rows = BTreeMap::new();
    for name in octaflow::lake::delta::data_files(folder).unwrap() {
        let file = std::fs::File::open(folder.join(name)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let changes = row.get_column_iter().next().unwrap().0 == "time";
            let first = if changes { 2 } else { 0 };
            let (time, diff) = if changes {
                (row.get_long(0).unwrap(), row.get_int(1).unwrap())
            } else {
                (0, 0)
            };
            let values = vec![
                row.get_double(first + 4).unwrap().to_bits(),
                row.get_int(first + 5).unwrap() as u64,
                row.get_byte(first + 6).unwrap() as u64,
            ];
            let key = (row.get_long(first).unwrap(), time, diff);
            assert!(rows.insert(key, values).is_none(), "{key:?} comes once");
        }
    }
    rows
}

#[test]
fn every_division_of_the_work_gives_the_same_bits() {
    let folder = Folder::new("division");
    let map = folder.file("rooms.3dmap", &rooms());
    let sources = folder.file("sources.csv", "x,y,z\n2,2,2\n37,27,17.5\n");
    let updates = folder.file(
        "updates.csv",
        "time,kind,x,y,z,cost\n\
         1,voxel,3,2,2,0\n1,voxel,3,3,2,0\n1,cost,20,15,10,3.5\n\
         2,source-,2,2,2,\n\
         3,source+,2,2,2,\n3,voxel,3,2,2,1\n\
         4,cost,2,2,2,0\n\
         5,cost,2,2,2,0.5\n",
    );
    let mut first = None;
    for division in [
        "-w 1",
        "-w 2 --partition slab",
        "-w 3 --partition hilbert",
        "-w 1 -n 2 --partition hash",
        "-w 2 -n 2 --partition octant",
        "-w 1 -n 3 --partition hybrid",
        "-w 3 --partition morton",
    ] {
        let out = folder.path("out");
        let output = octaflow()
            .args(["field", "--map", &map, "--quiet", "--json"])
            .args(["--sources", &sources, "--updates", &updates, "--out", &out])
            .args(["--label-sources", "--next"])
            .args(division.split(' '))
            .output()
            .unwrap();
        succeed(&output);
        assert!(output.stderr.is_empty(), "{division}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["epochs"], 5);
        let field = rows(&Path::new(&out).join("field"));
        assert_eq!(summary["reached"], field.len());
        let result = (field, rows(&Path::new(&out).join("field_changes")));
        let first = first.get_or_insert_with(|| result.clone());
        assert!(*first == result, "{division} gives other rows");
    }
    let (field, changes) = first.unwrap();
    let mut accumulated: BTreeMap<(i64, Vec<u64>), i32> = BTreeMap::new();
    for ((cell, _, diff), values) in changes {
        *accumulated.entry((cell, values)).or_default() += diff;
    }
    accumulated.retain(|_, count| *count != 0);
    let expected = field
        .into_iter()
        .map(|((cell, ..), values)| ((cell, values), 1));
    assert!(
        accumulated.into_iter().eq(expected),
        "changes add up to the field"
    );
}

#[test]
fn all_sources_may_come_with_updates() {
    let folder = Folder::new("later-sources");
    let map = folder.file("rooms.3dmap", &rooms());
    let none = folder.file("none.csv", "x,y,z\n");
    let header = "time,kind,x,y,z,cost\n";
    let later = folder.file(
        "later.csv",
        &format!("{header}1,voxel,3,2,2,0\n5,source+,2,2,2,\n"),
    );
    let flags = format!("--label-sources --next -w 2 --quiet --map {map}");
    let run = |more: &str, out: &str| {
        let args = format!("field {flags} {more} --out {out}");
        octaflow().args(args.split(' ')).output().unwrap()
    };
    let [one, other, third] = ["one", "other", "third"].map(|name| folder.path(name));
    let picture = folder.path("field.png");
    succeed(&run(
        &format!("--updates {later} --picture {picture}"),
        &one,
    ));
    succeed(&run(&format!("--sources {none} --updates {later}"), &other));
    let wall = folder.file("wall.csv", &format!("{header}1,voxel,3,2,2,0\n"));
    succeed(&run(&format!("--source 2,2,2 --updates {wall}"), &third));
    let field = |out: &str| rows(&Path::new(out).join("field"));
    assert!(field(&one).len() > 1000 && Path::new(&picture).exists());
    assert_eq!(field(&one), field(&other));
    assert_eq!(field(&one), field(&third));
    let first = rows(&Path::new(&one).join("field_changes"));
    assert!(first.keys().all(|&(_, time, diff)| (time, diff) == (5, 1)));
    refused(
        &run(&format!("--sources {none}"), &folder.path("no")),
        "no row",
    );
    refused(&run("--json", &folder.path("no")), "no source is given");
    // A picture of a field without any source shows the map.
    succeed(&run(&format!("--updates {wall} --picture {picture}"), &one));
    assert_eq!(field(&one).len(), 0);
}

#[test]
fn bad_rows_publish_nothing_from_a_file_and_whole_epochs_from_stdin() {
    let folder = Folder::new("rows");
    let rows_text = "time,kind,x,y,z,cost\n7,cost,5,5,5,2\n8,source+,37,27,17,\n9,wall,1,1,1,0\n";
    let updates = folder.file("updates.csv", rows_text);
    let map = folder.file("rooms.3dmap", &rooms());
    let out = folder.path("out");
    let field = |updates: &str| {
        let mut command = octaflow();
        command.args(["field", "--map", &map, "--source", "2,2,2"]);
        command.args([
            "--updates",
            updates,
            "--out",
            &out,
            "--quiet",
            "-w",
            "2",
            "--label-sources",
            "--next",
        ]);
        command
    };
    refused(&field(&updates).output().unwrap(), "row 3");
    // Whichever process finds it, and however many: one sentence.
    for _ in 0..3 {
        refused(
            &field(&updates).args(["-n", "3"]).output().unwrap(),
            "row 3",
        );
    }
    assert!(!Path::new(&out).exists());
    let stdin = std::fs::File::open(&updates).unwrap();
    refused(&field("-").stdin(stdin).output().unwrap(), "row 3");
    let times: std::collections::BTreeSet<i64> = rows(&Path::new(&out).join("field_changes"))
        .into_keys()
        .map(|(_, time, _)| time)
        .collect();
    assert_eq!(times.into_iter().collect::<Vec<_>>(), [0, 7, 8]);
}

/// A row of cells so dear that the last one of 2,690 lies beyond the range of distances.
#[test]
fn what_lies_beyond_the_range_of_distances_is_told_of_in_whichever_epoch() {
    let folder = Folder::new("range");
    let line = |cells: usize| -> String {
        let rows = (0..cells).map(|x| format!("{x},0,0,255.996\n"));
        std::iter::once("x,y,z,cost\n".to_owned())
            .chain(rows)
            .collect()
    };
    let (near, far) = (
        folder.file("near.csv", &line(2689)),
        folder.file("far.csv", &line(2690)),
    );
    let out = folder.path("out");
    let mend = folder.file("mend.csv", "time,kind,x,y,z,cost\n1,cost,5,0,0,0\n");
    let grow = folder.file(
        "grow.csv",
        "time,kind,x,y,z,cost\n1,cost,2689,0,0,255.99\n2,cost,2689,0,0,0\n",
    );
    let queries = folder.file(
        "queries.csv",
        "time,kind,x,y,z,cost,query,gx,gy,gz\n2,query+,0,0,0,,8,2689,0,0\n3,query-,,,,,8,,,\n",
    );
    let source = ["--source", "0,0,0"];
    let query = ["--query", "0,0,0,2688,0,0"];
    for (command, flags, map, updates, mention) in [
        ("field", source, &far, None, "the distance of cell"),
        ("field", source, &far, Some(&mend), "the distance of cell"),
        (
            "field",
            source,
            &near,
            Some(&grow),
            "at time 1 the distance of cell",
        ),
        (
            "route",
            query,
            &far,
            Some(&queries),
            "at time 2 the route of query 8",
        ),
    ] {
        for workers in ["1", "2"] {
            let mut run = octaflow();
            run.args([
                command, "--map", map, "--out", &out, "--quiet", "-w", workers,
            ])
            .args(flags);
            if let Some(updates) = updates {
                run.args(["--updates", updates]);
            }
            refused(&run.output().unwrap(), mention);
            assert!(!Path::new(&out).exists());
        }
    }
    let mut run = octaflow();
    run.args([
        "route", "--map", &far, "--out", &out, "--mode", "corridor", "--quiet",
    ]);
    refused(
        &run.args(["--query", "0,0,0,2689,0,0"]).output().unwrap(),
        "the route of query 0",
    );
}

#[test]
fn refusals_leave_what_is_there() {
    let folder = Folder::new("refusals");
    let out = folder.path("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(Path::new(&out).join("thesis.txt"), "years of work").unwrap();
    let run = |args: &str| octaflow().args(args.split(' ')).output().unwrap();
    let simple = "field --map examples/data/Simple.3dmap";
    refused(
        &run(&format!("{simple} --source 5,5,5 --out {out}")),
        "thesis.txt",
    );
    let fresh = folder.path("fresh");
    refused(
        &run(&format!("{simple} --source 500,5,5 --out {fresh}")),
        "--source 500,5,5",
    );
    refused(
        &run(&format!("{simple} --source 5,5 --out {fresh}")),
        "--source",
    );
    refused(
        &run(&format!(
            "{simple} --source 5,5,5 --out {fresh} --picture {fresh}/a.png"
        )),
        "--picture",
    );
    refused(
        &run(&format!("{simple} --source 5,5,5 --out {fresh} -n 2 -p 2")),
        "-p 2",
    );
    refused(
        &run(&format!("{simple} --source 5,5,5 --out {fresh} -w 0")),
        "-w",
    );
    refused(&run(&format!("{simple} --out {fresh}")), "--source");
    refused(
        &run("field --map examples/data/none.bt --source 1,1,1 --out x"),
        "none.bt",
    );
    refused(&run("fields"), "fields");
    assert!(!Path::new(&fresh).exists());
    let names: Vec<_> = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["out"]);
}

#[test]
fn a_lost_process_ends_the_others_and_nothing_is_published() {
    let folder = Folder::new("lost");
    let ports: Vec<String> = (0..2)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .map(|listener| listener.local_addr().unwrap().to_string())
        .collect();
    let hosts = folder.file("hosts", &ports.join("\n"));
    let out = folder.path("out");
    let start = |process: &str| {
        octaflow()
            .args([
                "field",
                "--map",
                "examples/data/Simple.3dmap",
                "--source",
                "5,5,5",
            ])
            .args(["--updates", "-", "--out", &out, "--hostfile", &hosts])
            .args(["-w", "1", "-n", "2", "-p", process, "--quiet"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    // Standard input stays open, so that the run would go on.
    let (mut zero, mut one) = (start("0"), start("1"));
    std::thread::sleep(Duration::from_millis(1500));
    assert!(zero.try_wait().unwrap().is_none());
    one.kill().unwrap();
    one.wait().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = zero.try_wait().unwrap() {
            break status;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "process 0 goes on"
        );
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(3));
    assert!(!Path::new(&out).exists());
}

#[test]
fn pictures_and_help_are_for_people() {
    let folder = Folder::new("people");
    let (out, picture) = (folder.path("out"), folder.path("field.png"));
    let output = octaflow()
        .args([
            "field",
            "--map",
            "examples/data/geb079.bt",
            "--source",
            "13.16,-0.04,1.24",
            "3.0,0.2,1.0",
        ])
        .args(["--picture", &picture, "--out", &out])
        .output()
        .unwrap();
    succeed(&output);
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Reached"));
    let mut png = png::Decoder::new(std::io::BufReader::new(
        std::fs::File::open(&picture).unwrap(),
    ))
    .read_info()
    .unwrap();
    let mut pixels = vec![0; png.output_buffer_size().unwrap()];
    png.next_frame(&mut pixels).unwrap();
    for help in [vec!["--help"], vec!["field", "--help"], vec!["-V"]] {
        let output = octaflow().args(help).output().unwrap();
        succeed(&output);
        assert!(!output.stdout.is_empty());
    }
}
