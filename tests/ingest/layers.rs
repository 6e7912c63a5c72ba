//! Terrain and maps as inputs.

use crate::support::*;
use std::collections::BTreeMap;

/// An array of f64 in the format of NumPy.
fn npy(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

#[test]
fn terrain_is_blocked_below_the_ground_and_open_above() {
    let folder = Folder::new();
    let (rows, columns) = (9, 12);
    let mut numbers = Numbers(5);
    let mut heights: Vec<f64> = (0..rows * columns)
        .map(|_| numbers.between(10.0, 40.0).round())
        .collect();
    heights[17] = f64::NAN;
    heights[40] = -999.0;
    let input = folder.write("ground.npy", npy(&[rows, columns], &heights));
    let args = format!(
        "ingest {input} --cell-size 2 --origin -16,-16,-16 --spacing 5 --void -999 --bottom 8 --top 44 --lods 14 --quiet"
    );
    let a = folder.path("a");
    succeed(&format!("{args} -w 1 --out {a}"));
    let found = costs(&cells(&a, 15));
    let mut expected = BTreeMap::new();
    for x in 0..100 {
        for y in 0..100 {
            for z in 0..70 {
                if x % 2 != y % 2 || x % 2 != z % 2 {
                    continue;
                }
                let [px, py, pz] = [x, y, z].map(|c| f64::from(c) - 16.0);
                // Rows come from north to south, heights stand for the square around them.
                let (i, j) = ((px / 5.0 + 0.5).floor(), (py / 5.0 + 0.5).floor());
                let inside = (0.0..columns as f64).contains(&i) && (0.0..rows as f64).contains(&j);
                if !inside || !(8.0..=44.0).contains(&pz) {
                    continue;
                }
                let height = heights[(rows - 1 - j as usize) * columns + i as usize];
                if !height.is_nan() && height != -999.0 {
                    expected.insert([x, y, z], if pz < height { 0.0 } else { 1.0 });
                }
            }
        }
    }
    assert_eq!(found, expected);
    assert!(found.len() > 5000);
    check_level(&cells(&a, 15), &cells(&a, 14));
    let b = folder.path("b");
    succeed(&format!("{args} -w 2 -n 2 --out {b}"));
    assert_eq!(
        (cells(&b, 15), cells(&b, 14)),
        (cells(&a, 15), cells(&a, 14))
    );

    // Points above all: one that hangs in the air blocks its cell.
    let points = folder.write("tree.csv", "x,y,z\n20,20,42\n");
    let c = folder.path("c");
    succeed(&format!(
        "ingest {points} --onto {b} --quiet -w 2 --out {c}"
    ));
    expected.insert([36, 36, 58], 0.0);
    assert_eq!(costs(&cells(&c, 15)), expected);
    refused(
        &format!(
            "ingest {} --cell-size 2 --out {}",
            folder.write("g.hgt", "x"),
            folder.path("x")
        ),
        "--bottom",
    );
}

#[test]
fn the_default_origin_of_terrain_leaves_a_brick() {
    let folder = Folder::new();
    let input = folder.write("flat.npy", npy(&[2, 2], &[3.0; 4]));
    let out = folder.path("out");
    succeed(&format!(
        "ingest {input} --cell-size 1 --spacing 10 --bottom 0 --top 5 --quiet -w 2 --out {out}"
    ));
    let found = costs(&cells(&out, 15));
    // From −5 to 15 m on x and y, 0 to 5 m on z; the origin lies 8 m before.
    assert_eq!(found.keys().next(), Some(&[16, 16, 16]));
    assert_eq!(
        found.values().filter(|cost| **cost == 0.0).count() % 2,
        found.values().filter(|cost| **cost == 0.0).count() % 2
    );
    assert_eq!((found[&[20, 20, 20]], found[&[20, 20, 22]]), (0.0, 1.0));
}

#[test]
fn maps_bring_their_frame_and_points_block_their_cells() {
    let folder = Folder::new();
    let map = folder.write("box.3dmap", "voxel 10 8 6\n3 3 3\n4 3 3\n");
    let points = folder.write("p.csv", "x,y,z\n2,2,2\n2.2,1.9,2\n6,6,4\n");
    let out = folder.path("out");
    succeed(&format!(
        "ingest {map} {points} --cell-size 1 --min-points 2 --quiet -w 2 --out {out}"
    ));
    let found = cells(&out, 15);
    let field = |name: &str, map: &str| {
        let out = folder.path(name);
        succeed(&format!(
            "field --map {map} --source 0,0,0 --quiet -w 1 --out {out}"
        ));
        costs_of_field(&out)
    };
    // As the map alone, but that cell (4, 4, 4) is blocked now.
    let updates = folder.write("u.csv", "time,kind,x,y,z,cost\n1,cost,2,2,2,0\n");
    let other = folder.path("other");
    succeed(&format!(
        "field --map {map} --source 0,0,0 --updates {updates} --quiet -w 1 --out {other}"
    ));
    assert_eq!(field("f", &out), costs_of_field(&other));
    assert_eq!(found.len(), 10 * 8 * 6 + 9 * 7 * 5);
    assert_eq!(
        (
            double(&found[&[4, 4, 4]], "cost"),
            double(&found[&[12, 12, 8]], "cost")
        ),
        (0.0, 1.0)
    );

    let table = folder.write("cells.csv", "lx,ly,lz,cost\n0,0,0,2\n1,1,1,3\n2,2,2,0\n");
    succeed(&format!(
        "ingest {table} --cell-size 1 --origin 2,2,2 --quiet -w 2 --out {out}"
    ));
    assert_eq!(
        costs(&cells(&out, 15)),
        BTreeMap::from([([0, 0, 0], 2.0), ([1, 1, 1], 3.0), ([2, 2, 2], 0.0)])
    );
    // A lattice vector may lie between two maps' frames, anything else not.
    let other = folder.path("shifted");
    succeed(&format!(
        "ingest {map} --onto {out} --quiet -w 1 --out {other}"
    ));
    refused(
        &format!("ingest {map} {} --quiet --out {other}", write_bt(&folder)),
        "--cell-size",
    );
}

fn costs_of_field(out: &str) -> BTreeMap<[i32; 3], u64> {
    let found = rows(&format!("{out}/field"), 15);
    found
        .iter()
        .map(|(&cell, row)| (cell, double(row, "distance").to_bits()))
        .collect()
}

#[test]
fn occupied_voxels_of_an_octomap_stand_above_rays_and_above_the_unknown() {
    let folder = Folder::new();
    // Voxel 16384 is free, the next along x is occupied.
    let map = write_octree(&folder, "two.bt", 0.5, &[1, 2]);
    let points = folder.write("points.csv", "x,y,z\n3.25,0.25,0.25\n");
    let [occupied, behind] = [1, 2].map(|i| [2 * (16384 + i), 2 * 16384, 2 * 16384]);
    for flags in ["--sensor 0.25,0.25,0.25", "--unknown open"] {
        let out = folder.path("out");
        succeed(&format!(
            "ingest {map} {points} {flags} --quiet --out {out}"
        ));
        let found = costs(&cells(&out, 15));
        assert_eq!(found[&occupied], 0.0, "{flags}");
        if flags.starts_with("--sensor") {
            assert_eq!(found[&behind], 1.0, "the ray goes on");
        }
    }
}

/// The rows of a result's cells as a table of cells.
fn table_of(rows: &Rows) -> String {
    let mut text = "lx,ly,lz,cost\n".to_owned();
    for ([x, y, z], cost) in costs(rows) {
        text += &format!("{x},{y},{z},{cost}\n");
    }
    text
}

#[test]
fn blocked_rows_of_a_table_are_what_blocked_voxels_of_an_array_are() {
    let folder = Folder::new();
    // A box of 9 × 6 × 5 voxels of several costs, with a wall at x = 4.
    let voxel = |n: usize| match n / 30 {
        4 => 0.0,
        x => 1.0 + (x + n % 5) as f64 / 4.0,
    };
    let values: Vec<f64> = (0..270).map(voxel).collect();
    let array = folder.write("wall.npy", npy(&[9, 6, 5], &values));
    let only = folder.path("only");
    succeed(&format!(
        "ingest {array} --cell-size 1 --origin 0,0,0 --quiet -w 1 --out {only}"
    ));
    let wall = cells(&only, 15);
    assert_eq!((wall[&[8, 4, 4]].len(), wall.len()), (2, 270 + 8 * 5 * 4));
    let table = folder.write("wall.csv", table_of(&wall));
    let part = format!("{only}/cells/lod=15/part-00000.parquet");
    let points = folder.write("p.csv", "x,y,z\n8,2,2\n8.1,3.2,2.9\n7,1.4,0.3\n");
    let lay = "--cell-size 1 --origin 0,0,0";

    let mut found: Vec<[Rows; 4]> = Vec::new();
    for (name, map) in [("a", &array), ("b", &table), ("c", &part)] {
        let rays = "--sensor 1,2,2 --lods 14 --quiet";
        let out = |step: &str| folder.path(&format!("{name}{step}"));
        // With points in one run; the map onto the points, and the points onto the map.
        succeed(&format!(
            "ingest {map} {points} {rays} {lay} -w 1 --out {}",
            out("1")
        ));
        let changes = folder.path(&format!("{name}.changes.csv"));
        succeed(&format!(
            "ingest {points} {rays} {lay} -w 2 --out {}",
            out("2")
        ));
        succeed(&format!(
            "ingest {map} --onto {} --changes {changes} --quiet -w 2 -n 2 --out {}",
            out("2"),
            out("3")
        ));
        succeed(&format!(
            "ingest {map} {lay} --quiet -w 3 --out {}",
            out("4")
        ));
        succeed(&format!(
            "ingest {points} {rays} --onto {} --checkpoint {} --checkpoint-every 1 -w 2 --out {}",
            out("4"),
            out("saved"),
            out("5")
        ));
        let all = cells(&out("1"), 15);
        for cell in [[8, 4, 4], [8, 2, 2], [7, 3, 3], [9, 5, 5]] {
            assert_eq!(double(&all[&cell], "cost"), 0.0, "{name}: {cell:?}");
        }
        let seen = tallies(&out("1"));
        assert_eq!(whole(&seen[&[8, 4, 4]], "seen"), 1, "a ray goes through");
        for step in ["3", "5"] {
            assert_eq!(cells(&out(step), 15), all, "{name}{step}");
            assert_eq!(tallies(&out(step)), seen, "{name}{step}");
        }
        // The ray had opened the wall, and the map closes it.
        let text = std::fs::read_to_string(changes).unwrap();
        assert!(text.contains("2,cost,4,2,2,0\n"), "{text}");
        found.push([all, cells(&out("1"), 14), seen, cells(&out("4"), 15)]);
    }
    assert_eq!(found[0][3], wall);
    assert_eq!(found[1], found[0]);
    assert_eq!(found[2], found[0]);
}

#[test]
fn each_row_of_a_table_is_a_cell_wherever_it_lies() {
    let folder = Folder::new();
    let table = folder.write(
        "m.csv",
        "lx,ly,lz,cost\n2,2,2,0\n4,2,2,1\n8,2,2,0\n6,2,2,2.5\n4,2,2,1\n400,2,80,0\n",
    );
    let points = folder.write("p.csv", "x,y,z\n6,1,1\n");
    // Cell 400,2,80 lies in a brick of its own, where no cell is open.
    let mut expected = BTreeMap::from([
        ([2, 2, 2], 0.0),
        ([4, 2, 2], 1.0),
        ([6, 2, 2], 2.5),
        ([8, 2, 2], 0.0),
        ([400, 2, 80], 0.0),
    ]);
    let (one, two) = (folder.path("one"), folder.path("two"));
    let output = succeed(&format!(
        "ingest {table} --cell-size 1 --json --quiet -w 2 --out {one}"
    ));
    assert_eq!(costs(&cells(&one, 15)), expected);
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("\"cells\":5"), "{summary}");
    succeed(&format!(
        "ingest {points} --onto {one} --sensor 0,1,1 --quiet -w 2 --out {two}"
    ));
    expected.extend([([0, 2, 2], 1.0), ([10, 2, 2], 1.0), ([12, 2, 2], 0.0)]);
    assert_eq!(costs(&cells(&two, 15)), expected);

    // The last of several maps stands.
    let other = folder.write("n.csv", "lx,ly,lz,cost\n4,2,2,0\n2,2,2,3\n");
    succeed(&format!(
        "ingest {table} {other} --cell-size 1 --quiet -w 2 --out {one}"
    ));
    let found = costs(&cells(&one, 15));
    assert_eq!((found[&[4, 2, 2]], found[&[2, 2, 2]]), (0.0, 3.0));
    assert_eq!(found.len(), 5);
    // Frames may lie half a cell beside each other: cell 2,2,2 of the table, at 0.5 m, is an odd one of the OctoMap's.
    let octomap = write_octree(&folder, "two.bt", 0.5, &[1, 2]);
    succeed(&format!(
        "ingest {octomap} {other} --cell-size 0.5 --quiet -w 2 --out {one}"
    ));
    let found = costs(&cells(&one, 15));
    assert_eq!(found[&[32771, 32769, 32769]], 0.0);
    assert_eq!(found[&[32769, 32769, 32769]], 3.0);
    assert_eq!(found.len(), 4);
}

#[test]
fn a_table_of_points_with_costs_is_told_of() {
    let folder = Folder::new();
    let input = folder.write("m.csv", "x,y,z,cost\n1,1,1,1\n2,1,1,0\n");
    let out = folder.path("out");
    let told = |flags: &str| {
        let output = succeed(&format!("ingest {input} --cell-size 1 {flags} --out {out}"));
        let text = String::from_utf8(output.stderr).unwrap();
        text.lines().filter(|l| l.contains("lx,ly,lz")).count()
    };
    assert_eq!(told("-w 2"), 1);
    assert_eq!(told("-w 1 -n 2"), 1);
    assert_eq!(told("--quiet"), 0);
    assert_eq!(told("--attributes cost"), 0);
    assert_eq!(told("--attributes none"), 0);
}

/// An OctoMap of one free leaf at the finest level.
fn write_bt(folder: &Folder) -> String {
    write_octree(folder, "one.bt", 0.3, &[1])
}

/// An OctoMap of leaves at the finest level from key 32768 on, in Morton order: 1 is free, 2 is occupied.
fn write_octree(folder: &Folder, name: &str, resolution_m: f64, leaves: &[u16]) -> String {
    let nodes = 16 + leaves.len();
    let header = format!(
        "# Octomap OcTree binary file\nid OcTree\nsize {nodes}\nres {resolution_m}\ndata\n"
    );
    let mut bytes = header.into_bytes();
    for depth in 0..15 {
        // Child 7 at first, then child 0.
        let child = if depth == 0 { 7 } else { 0 };
        bytes.extend((3u16 << (2 * child)).to_le_bytes());
    }
    let last = (0..).zip(leaves);
    let last = last.fold(0u16, |word, (child, leaf)| word | leaf << (2 * child));
    bytes.extend(last.to_le_bytes());
    folder.write(name, bytes)
}
