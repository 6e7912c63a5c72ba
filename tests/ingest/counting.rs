//! Points counted in cells and attributes averaged, on any number of workers.

use crate::support::*;
use std::collections::BTreeMap;

/// A scan of points on a bumpy ground and some walls, with attributes, one of which is missing now and then.
pub fn scan(numbers: &mut Numbers, count: usize) -> Vec<([f64; 3], f64, Option<f64>)> {
    let point = |_| {
        let (x, y) = (numbers.between(-20.0, 30.0), numbers.between(-5.0, 25.0));
        let z = if numbers.next() < 0.2 {
            numbers.between(0.0, 6.0)
        } else {
            (x * 0.7).sin() + (y * 0.9).cos()
        };
        let weight = (numbers.next() < 0.9).then(|| numbers.between(-1e6, 1e6).round() / 8.0);
        ([x, y, z], numbers.between(0.0, 4096.0).floor(), weight)
    };
    (0..count).map(point).collect()
}

pub fn table(points: &[([f64; 3], f64, Option<f64>)]) -> String {
    let mut text = "x,y,z,intensity,Weight\n".to_owned();
    for ([x, y, z], intensity, weight) in points {
        let weight = weight.map_or_else(String::new, |w| w.to_string());
        text += &format!("{x},{y},{z},{intensity},{weight}\n");
    }
    text
}

#[test]
fn points_are_counted_in_their_nearest_cells() {
    let folder = Folder::new();
    let points = scan(&mut Numbers(1), 6000);
    let input = folder.write("scan.csv", table(&points));
    let args = format!("ingest {input} --cell-size 0.75 --min-points 3 --lods 14,13,11 --quiet");
    succeed(&format!("{args} -w 1 --out {}", folder.path("a")));
    let found = cells(&folder.path("a"), 15);

    // The origin: a brick of 8 cells before the least, on a multiple of the cell size.
    let least: [f64; 3] =
        std::array::from_fn(|a| points.iter().map(|p| p.0[a]).fold(f64::MAX, f64::min));
    let origin = least.map(|c| ((c / 0.75).floor() - 8.0) * 0.75);
    let mut expected: BTreeMap<[i32; 3], Vec<usize>> = BTreeMap::new();
    for (n, (p, ..)) in points.iter().enumerate() {
        let u = std::array::from_fn(|a| (p[a] - origin[a]) * 2.0 / 0.75);
        expected.entry(nearest(u)).or_default().push(n);
    }
    assert_eq!(found.len(), expected.len());
    for (cell, of) in &expected {
        let row = &found[cell];
        assert_eq!(whole(row, "points"), of.len() as i64);
        assert_eq!(double(row, "cost"), 0.0);
        let mean = of.iter().map(|&n| points[n].1).sum::<f64>() / of.len() as f64;
        assert!((double(row, "intensity") - mean).abs() < 1e-9);
        let weights: Vec<f64> = of.iter().filter_map(|&n| points[n].2).collect();
        if weights.is_empty() {
            assert_eq!(row["Weight"], Value::Null);
        } else {
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            assert!((double(row, "Weight") - mean).abs() < 1e-6);
        }
    }
    let mut below = found.clone();
    for lod in [14, 13] {
        let above = cells(&folder.path("a"), lod);
        check_level(&below, &above);
        below = above;
    }
    assert_eq!(
        cells(&folder.path("a"), 11)
            .values()
            .map(|r| whole(r, "points"))
            .sum::<i64>(),
        6000
    );

    for (name, division) in [
        ("b", "-w 3"),
        ("c", "-w 2 -n 2 --partition slab"),
        ("d", "-w 1 -n 3 --partition hilbert"),
    ] {
        let out = folder.path(name);
        succeed(&format!("{args} {division} --out {out}"));
        for lod in [15, 14, 13, 11] {
            assert_eq!(
                cells(&out, lod),
                cells(&folder.path("a"), lod),
                "{division}"
            );
        }
        assert_eq!(tallies(&out), tallies(&folder.path("a")), "{division}");
    }
}

#[test]
fn attributes_keep_their_names_unless_they_clash() {
    let folder = Folder::new();
    let input = folder.write(
        "a.csv",
        "x,y,z,cost,COST,a b,\"q\"\"c\",points\n1,1,1,5,6,7,8,9\n",
    );
    let out = folder.path("out");
    succeed(&format!(
        "ingest {input} --cell-size 1 --quiet -w 1 --out {out}"
    ));
    let row = cells(&out, 15).into_values().next().unwrap();
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "COST_3", "a b", "cost", "cost_2", "points", "points_2", "q_c"
        ]
    );
    assert_eq!(
        (
            double(&row, "cost_2"),
            double(&row, "COST_3"),
            double(&row, "points_2")
        ),
        (5.0, 6.0, 9.0)
    );

    succeed(&format!(
        "ingest {input} --cell-size 1 --attributes cost --quiet -w 1 --out {out}"
    ));
    assert_eq!(cells(&out, 15).values().next().unwrap().len(), 3);
    succeed(&format!(
        "ingest {input} --cell-size 1 --attributes none --quiet -w 1 --out {out}"
    ));
    assert_eq!(cells(&out, 15).values().next().unwrap().len(), 2);
}

#[test]
fn sums_are_exact_for_great_and_small_values() {
    let folder = Folder::new();
    // In a sum of doubles the small ones would be lost, and the order would show.
    let mut text = "x,y,z,t\n".to_owned();
    for n in 0..1000 {
        let value = match n % 4 {
            0 => "9000000000000000000".to_owned(),
            1 => "-9000000000000000000".to_owned(),
            _ => "0.25".to_owned(),
        };
        text += &format!("0,0,0,{value}\n");
    }
    let input = folder.write("t.csv", text);
    for division in ["-w 1", "-w 3"] {
        let out = folder.path("out");
        succeed(&format!(
            "ingest {input} --cell-size 1 --quiet {division} --out {out}"
        ));
        let row = cells(&out, 15).into_values().next().unwrap();
        assert_eq!(double(&row, "t"), 0.125);
    }
    let input = folder.write("u.csv", "x,y,z,s,t\n0,0,0,1,2\n3,0,1.5,1,1e19\n");
    refused(
        &format!(
            "ingest {input} --cell-size 1 -w 2 --out {}",
            folder.path("o")
        ),
        "u.csv: the attribute \"t\" of the point at 3,0,1.5 m has the value 1e19",
    );
}

#[test]
fn many_attributes_have_statistics_too() {
    let folder = Folder::new();
    let names: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
    let values: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let text = format!("x,y,z,{}\n0,0,0,{}\n", names.join(","), values.join(","));
    let input = folder.write("many.csv", text);
    let out = folder.path("out");
    succeed(&format!(
        "ingest {input} --cell-size 1 --quiet -w 1 --out {out}"
    ));
    let row = cells(&out, 15).into_values().next().unwrap();
    assert_eq!((row.len(), double(&row, "a39")), (42, 39.0));
}
