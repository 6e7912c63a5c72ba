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
        BTreeMap::from([([0, 0, 0], 2.0), ([1, 1, 1], 3.0)])
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
