//! Scan after scan: onto an earlier result, with changes that other commands follow.

use crate::counting::{scan, table};
use crate::support::*;
use std::collections::BTreeMap;

type Field = BTreeMap<[i32; 3], u64>;

fn field(out: &str, lod: u8) -> Field {
    let found = rows(&format!("{out}/field"), lod);
    found
        .iter()
        .map(|(&cell, row)| (cell, double(row, "distance").to_bits()))
        .collect()
}

/// Three scans of one place from three sensors: the later ones see into what hid behind the first.
fn scans(folder: &Folder) -> [(String, &'static str); 3] {
    let mut numbers = Numbers(11);
    let sensors = ["0,5,12", "20,20,9", "-15,0,15"];
    let counts = [500, 300, 400];
    std::array::from_fn(|n| {
        let points = scan(&mut numbers, counts[n]);
        (
            folder.write(&format!("scan{n}.csv"), table(&points)),
            sensors[n],
        )
    })
}

#[test]
fn scans_may_come_at_once_or_one_after_the_other() {
    let folder = Folder::new();
    let [a, b, c] = scans(&folder);
    let first = "--cell-size 0.8 --origin -40,-30,-20 --lods 14 --min-points 2";
    let all = folder.path("all");
    let changes = folder.path("all.csv");
    succeed(&format!(
        "ingest {} {} {} --sensor {} --sensor {} --sensor {} {first} --changes {changes} --quiet -w 1 --out {all}",
        a.0, b.0, c.0, a.1, b.1, c.1
    ));
    let (one, two, three) = (folder.path("one"), folder.path("two"), folder.path("three"));
    succeed(&format!(
        "ingest {} --sensor {} {first} --quiet -w 2 --out {one}",
        a.0, a.1
    ));
    let step = |input: &(String, &str), onto: &str, out: &str, more: &str| {
        succeed(&format!(
            "ingest {} --sensor {} --onto {onto} --quiet {more} --out {out}",
            input.0, input.1
        ))
    };
    let printed = step(&b, &one, &two, "--changes - -w 1");
    step(
        &c,
        &two,
        &three,
        &format!(
            "-w 2 -n 2 --partition slab --changes {}",
            folder.path("c.parquet")
        ),
    );
    for lod in [15, 14] {
        assert_eq!(cells(&three, lod), cells(&all, lod));
    }
    assert_eq!(tallies(&three), tallies(&all));

    // The changes of each epoch: those of the second are what the run onto the first printed.
    let text = std::fs::read_to_string(&changes).unwrap();
    let of = |text: &str, time: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with(time))
            .map(str::to_owned)
            .collect()
    };
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(of(&printed, "2,"), of(&text, "2,"));
    assert!(of(&printed, "1,").is_empty() && of(&text, "2,").len() > 20);

    // A cell is in the changes if its cost is another than before, and only then.
    let known = |out: &str| -> BTreeMap<[i32; 3], f64> {
        costs(&cells(out, 15))
            .into_iter()
            .filter(|(_, cost)| *cost > 0.0)
            .collect()
    };
    let (before, after) = (known(&one), known(&two));
    let mut expected: Vec<([i32; 3], f64)> = after
        .iter()
        .filter(|(cell, cost)| before.get(*cell) != Some(*cost))
        .map(|(&c, &f)| (c, f))
        .collect();
    expected.extend(
        before
            .keys()
            .filter(|cell| !after.contains_key(*cell))
            .map(|&cell| (cell, 0.0)),
    );
    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let mut found: Vec<([i32; 3], f64)> = of(&printed, "2,")
        .iter()
        .map(|line| {
            let parts: Vec<&str> = line.split(',').collect();
            assert_eq!(parts[1], "cost");
            let p: Vec<f64> = parts[2..6].iter().map(|c| c.parse().unwrap()).collect();
            let u = [
                (p[0] + 40.0) * 2.5,
                (p[1] + 30.0) * 2.5,
                (p[2] + 20.0) * 2.5,
            ];
            (u.map(|c| c.round() as i32), p[3])
        })
        .collect();
    found.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(found, expected);

    // A field that follows the changes is the field of the whole map.
    let source = "--source 0,5,12 --quiet -w 1";
    let (followed, whole) = (folder.path("followed"), folder.path("whole"));
    succeed(
        &format!("field --map {one} {source} --updates {changes} --start 1 --out {whole}")
            .replace("--start 1", "--start 0"),
    );
    let all_epochs = field(&whole, 15);
    succeed(&format!("field --map {three} {source} --out {whole}"));
    assert_eq!(field(&whole, 15), all_epochs);
    let tail = folder.write(
        "tail.csv",
        format!(
            "time,kind,x,y,z,cost\n{}\n",
            [of(&text, "2,"), of(&text, "3,")].concat().join("\n")
        ),
    );
    succeed(&format!(
        "field --map {one} {source} --updates {tail} --start 1 --out {followed}"
    ));
    assert_eq!(field(&followed, 15), field(&whole, 15));
    succeed(&format!(
        "field --map {two} {source} --updates {} --start 2 --out {followed}",
        folder.path("c.parquet")
    ));
    assert_eq!(field(&followed, 15), field(&whole, 15));
    assert!(field(&whole, 15).len() > 1000);
}

#[test]
fn changes_of_a_coarser_level_serve_a_field_of_that_level() {
    let folder = Folder::new();
    let [a, b, c] = scans(&folder);
    let first = "--cell-size 0.8 --origin -40,-30,-20";
    let (one, all) = (folder.path("one"), folder.path("all"));
    succeed(&format!(
        "ingest {} --sensor {} {first} --quiet -w 1 --out {one}",
        a.0, a.1
    ));
    for (n, division) in ["-w 1", "-w 2 -n 2"].into_iter().enumerate() {
        let changes = folder.path(&format!("changes{n}.csv"));
        succeed(&format!(
            "ingest {} {} --sensor {} --sensor {} --onto {one} --changes {changes} --changes-lod 14 --quiet {division} --out {all}",
            b.0, c.0, b.1, c.1
        ));
        let (followed, whole) = (folder.path("followed"), folder.path("whole"));
        let source = "--lod 14 --source 0,5,12 --quiet -w 1";
        succeed(&format!(
            "field --map {one} {source} --updates {changes} --out {followed}"
        ));
        succeed(&format!("field --map {all} {source} --out {whole}"));
        assert_eq!(field(&followed, 14), field(&whole, 14));
        assert!(field(&whole, 14).len() > 100);
    }
    let texts = [0, 1].map(|n| std::fs::read(folder.path(&format!("changes{n}.csv"))).unwrap());
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_level_is_read_where_it_was_written_and_made_where_not() {
    let folder = Folder::new();
    let [a, ..] = scans(&folder);
    let first = format!(
        "ingest {} --sensor {} --cell-size 0.5 --origin -40,-40,-40 --quiet -w 1",
        a.0, a.1
    );
    let (few, many) = (folder.path("few"), folder.path("many"));
    succeed(&format!("{first} --out {few}"));
    succeed(&format!("{first} --lods 14,13 --out {many}"));
    succeed(&format!("verify {many}"));
    // At LOD 12 neither has a table: the source is an open cell of that level, where it can be reckoned.
    let made = coarser(&cells(&many, 13));
    let (cell, _) = made.iter().find(|(_, (cost, _))| *cost > 0.0).unwrap();
    let [x, y, z] = cell.map(|c| f64::from(c) * 2.0 - 40.0);
    let top = format!("{x},{y},{z}");
    for (lod, source) in [(15, "0,5,11"), (14, "0,5,11"), (13, "0,5,11"), (12, &top)] {
        let fields = [&few, &many].map(|map| {
            let out = folder.path("field");
            succeed(&format!(
                "field --map {map} --lod {lod} --source {source} --quiet -w 1 -n 2 --out {out}"
            ));
            field(&out, lod)
        });
        assert_eq!(fields[0], fields[1]);
        assert!(!fields[0].is_empty(), "LOD {lod}");
    }
    refused(
        &format!(
            "field --map {few} --cell-size 1 --source 0,5,11 --out {}",
            folder.path("x")
        ),
        "--cell-size",
    );
}

#[test]
fn growing_boxes_open_what_lies_between() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x,y,z\n0,0,0\n3,3,3\n");
    let b = folder.write("b.csv", "x,y,z\n6,2,1\n");
    let changes = folder.path("changes.csv");
    let (one, two) = (folder.path("one"), folder.path("two"));
    let first = "--cell-size 1 --origin -4,-4,-4 --unknown open --quiet";
    succeed(&format!("ingest {a} {first} -w 1 --out {one}"));
    succeed(&format!(
        "ingest {b} --onto {one} --changes {changes} -w 2 --quiet --out {two}"
    ));
    let both = folder.path("both");
    succeed(&format!("ingest {a} {b} {first} -w 1 --out {both}"));
    assert_eq!(cells(&two, 15), cells(&both, 15));
    let (followed, whole) = (folder.path("followed"), folder.path("whole"));
    let source = "--source 1,1,1 --quiet -w 1";
    succeed(&format!(
        "field --map {one} {source} --updates {changes} --start 1 --out {followed}"
    ));
    succeed(&format!("field --map {two} {source} --out {whole}"));
    assert_eq!(field(&followed, 15), field(&whole, 15));
    assert!(field(&whole, 15).len() > field(&followed, 15).len() / 2);
}

/// The cells of a table of changes of cells so many metres wide, and their costs.
fn changed(path: &str, time: &str, origin: [f64; 3], cell_size: f64) -> BTreeMap<[i32; 3], f64> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with(time));
    let of_row = |line: &str| {
        let parts: Vec<f64> = line
            .split(',')
            .skip(2)
            .map(|c| c.parse().unwrap())
            .collect();
        let unit = |a: usize| (parts[a] - origin[a]) * 2.0 / cell_size;
        let cell: [i32; 3] = std::array::from_fn(|a| unit(a).round() as i32);
        assert!((0..3).all(|a| (unit(a) - f64::from(cell[a])).abs() < 1e-6));
        (cell, parts[3])
    };
    let cells: BTreeMap<[i32; 3], f64> = rows.clone().map(of_row).collect();
    assert_eq!(cells.len(), rows.count(), "each cell once");
    cells
}

#[test]
fn changes_of_a_level_are_the_differences_of_its_tables() {
    let folder = Folder::new();
    let [a, b, c] = scans(&folder);
    let open = vec![(14, "-w 3"), (12, "-w 1 -n 2 --partition slab")];
    for (unknown, levels) in [("open", open), ("blocked", vec![(13, "-w 2")])] {
        let first =
            format!("--cell-size 0.8 --origin -40,-30,-20 --unknown {unknown} --lods 14,13,12");
        let (one, two, three) = (folder.path("one"), folder.path("two"), folder.path("three"));
        succeed(&format!(
            "ingest {} --sensor {} {first} --quiet -w 1 --out {one}",
            a.0, a.1
        ));
        for (lod, division) in levels {
            let changes = folder.path("changes.csv");
            let onto = |inputs: &str, onto: &str, out: &str, more: &str| {
                succeed(&format!(
                    "ingest {inputs} --onto {onto} --quiet {more} --out {out}"
                ))
            };
            let both = format!("{} {} --sensor {} --sensor {}", b.0, c.0, b.1, c.1);
            onto(
                &both,
                &one,
                &three,
                &format!("{division} --changes {changes} --changes-lod {lod}"),
            );
            let kept_up: Vec<Rows> = (12..=15).map(|lod| cells(&three, lod)).collect();
            onto(&format!("{} --sensor {}", b.0, b.1), &one, &two, "-w 1");
            onto(&format!("{} --sensor {}", c.0, c.1), &two, &three, "-w 1");
            let made: Vec<Rows> = (12..=15).map(|lod| cells(&three, lod)).collect();
            assert_eq!(kept_up, made);

            let costs_of = |out: &str| {
                let mut costs = costs(&cells(out, lod));
                costs.retain(|_, cost| *cost > 0.0);
                costs
            };
            for (before, after, time) in [(&one, &two, "2,"), (&two, &three, "3,")] {
                let (before, after) = (costs_of(before), costs_of(after));
                let mut expected = after.clone();
                expected.retain(|cell, cost| before.get(cell) != Some(cost));
                let gone = before.keys().filter(|cell| !after.contains_key(*cell));
                expected.extend(gone.map(|&cell| (cell, 0.0)));
                let size = 0.8 * f64::from(1 << (15 - lod));
                assert_eq!(
                    changed(&changes, time, [-40.0, -30.0, -20.0], size),
                    expected
                );
                assert!(expected.len() > 5 || lod < 14, "{lod}: {}", expected.len());
            }
        }
    }
}

#[test]
fn a_result_with_a_flipped_bit_or_a_missing_commit_is_no_map() {
    let folder = Folder::new();
    let [a, b, _] = scans(&folder);
    let out = folder.path("whole");
    succeed(&format!(
        "ingest {} {} --cell-size 0.8 --origin -40,-30,-20 --quiet --out {out}",
        a.0, b.0
    ));
    let map = |what: &str| {
        let fields = folder.path("field");
        refused(
            &format!("field --map {out} --source 0,0,0 --quiet --out {fields}"),
            what,
        );
    };
    let path = std::path::PathBuf::from(format!("{out}/cells/lod=15/part-00000.parquet"));
    let whole = std::fs::read(&path).unwrap();
    for back in [9, 60, 300, 900] {
        let mut flipped = whole.clone();
        let at = flipped.len().saturating_sub(back);
        flipped[at] ^= 4;
        std::fs::write(&path, flipped).unwrap();
        map("part-00000.parquet");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    map("part-00000.parquet");
    std::fs::remove_file(&path).unwrap();
    map("part-00000.parquet");
}
