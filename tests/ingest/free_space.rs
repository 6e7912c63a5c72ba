//! Rays from sensors, and the space that nothing is known of.

use crate::support::*;
use octaflow::ingest::walk;
use octaflow::lattice::{Cell, Frame};
use std::collections::BTreeSet;

/// The cells that many places on a line lie in, but for the last place's.
fn sampled(from: [f64; 3], to: [f64; 3], samples: u32) -> BTreeSet<[i32; 3]> {
    let at = |n: u32| {
        let t = f64::from(n) / f64::from(samples);
        nearest(std::array::from_fn(|a| from[a] + (to[a] - from[a]) * t))
    };
    let goal = nearest(to);
    (0..samples).map(at).filter(|cell| *cell != goal).collect()
}

#[test]
fn a_ray_passes_through_the_cells_that_its_places_lie_in() {
    let frame = Frame::new([0.0; 3], 2.0).unwrap();
    let mut numbers = Numbers(7);
    let mut all = 0;
    for n in 0..90 {
        let place = |numbers: &mut Numbers| -> [f64; 3] {
            let any: [f64; 3] = std::array::from_fn(|_| numbers.between(3.0, 30.0));
            // Some lie on lattice points, edges and corners.
            if n % 3 == 0 {
                any.map(|c| (c * 2.0).round() / 2.0)
            } else {
                any
            }
        };
        let (from, to) = (place(&mut numbers), place(&mut numbers));
        let (start, goal) = (frame.snap(from).unwrap(), frame.snap(to).unwrap());
        assert_eq!(start.xyz(), nearest(from));
        let mut walked = Vec::new();
        walk(from, to, start, goal, |cell| walked.push(cell));
        let set: BTreeSet<[i32; 3]> = walked.iter().map(|cell| cell.xyz()).collect();
        assert_eq!(set.len(), walked.len(), "each cell once");
        assert!(!set.contains(&goal.xyz()));
        let steps = walked.windows(2);
        if n % 3 != 0 {
            assert!(
                steps
                    .into_iter()
                    .all(|w| w[0].neighbours().any(|cell| cell == w[1]))
            );
            let seen = sampled(from, to, 1000);
            assert!(
                seen.is_subset(&set),
                "{from:?} {to:?}: {:?}",
                seen.difference(&set)
            );
            // What no place has hit is crossed near a corner, by less than a thousandth of the line.
            let missed = set.difference(&seen).count();
            assert!(
                missed * 20 <= set.len() + 40,
                "{from:?} {to:?}: {missed} of {}",
                set.len()
            );
        } else {
            // A place on a face belongs to one cell by rule; the cells inside which the line has a stretch must be there.
            let inside = |cell: &[i32; 3]| {
                let near = |t: f64| {
                    nearest(std::array::from_fn(|a| {
                        from[a] + (to[a] - from[a]) * t + 1e-7 * (a as f64 - 0.9)
                    }))
                };
                let other = |t: f64| {
                    nearest(std::array::from_fn(|a| {
                        from[a] + (to[a] - from[a]) * t - 1e-7 * (a as f64 - 0.9)
                    }))
                };
                (1..300).any(|n| {
                    let t = f64::from(n) / 300.0;
                    near(t) == *cell && other(t) == *cell
                })
            };
            for cell in sampled(from, to, 100).iter().filter(|cell| inside(cell)) {
                assert!(
                    set.contains(cell) || *cell == goal.xyz(),
                    "{from:?} {to:?} {cell:?}"
                );
            }
        }
        all += walked.len();
    }
    assert!(all > 800, "{all}");
    let cell = Cell::new(4, 4, 4).unwrap();
    walk([4.0; 3], [4.0; 3], cell, cell, |_| {
        panic!("no cell lies between")
    });
}

/// Points on the walls of a room.
fn room(numbers: &mut Numbers, count: usize) -> String {
    let mut text = "x,y,z\n".to_owned();
    for _ in 0..count {
        let mut p: [f64; 3] = std::array::from_fn(|_| numbers.between(0.0, 6.0));
        let wall = (numbers.next() * 6.0) as usize;
        p[wall / 2] = if wall.is_multiple_of(2) { 0.0 } else { 6.0 };
        text += &format!("{},{},{}\n", p[0], p[1], p[2]);
    }
    text
}

#[test]
fn space_between_a_sensor_and_points_is_free() {
    let folder = Folder::new();
    let text = room(&mut Numbers(3), 150);
    let input = folder.write("room.csv", &text);
    let sensor = [2.3, 3.1, 1.7];
    let args = format!("ingest {input} --cell-size 0.5 --origin -8,-8,-8 --lods 14 --quiet");
    let a = folder.path("a");
    succeed(&format!("{args} --sensor 2.3,3.1,1.7 -w 1 --out {a}"));
    let found = cells(&a, 15);
    let units = |p: [f64; 3]| p.map(|c| (c + 8.0) * 4.0);
    let mut hit = BTreeSet::new();
    let mut free = BTreeSet::new();
    let mut maybe = BTreeSet::new();
    for line in text.lines().skip(1) {
        let p: Vec<f64> = line.split(',').map(|c| c.parse().unwrap()).collect();
        let p = units([p[0], p[1], p[2]]);
        hit.insert(nearest(p));
        free.extend(sampled(units(sensor), p, 200));
        maybe.extend(sampled(units(sensor), p, 1500));
    }
    let blocked: BTreeSet<[i32; 3]> = found
        .keys()
        .filter(|c| !open(&found).contains(*c))
        .copied()
        .collect();
    assert_eq!(blocked, hit);
    let free: BTreeSet<_> = free.difference(&hit).copied().collect();
    let maybe: BTreeSet<_> = maybe.difference(&hit).copied().collect();
    assert!(free.is_subset(&open(&found)) && free.len() > 200);
    assert!(open(&found).difference(&maybe).count() <= 8);
    check_level(&found, &cells(&a, 14));
    assert!(!open(&cells(&a, 14)).is_empty());

    // The sensor may stand in the table instead; how the work is divided does not matter.
    let lines = text
        .lines()
        .skip(1)
        .map(|line| format!("{line},2.3,3.1,1.7\n"));
    let columns = format!("x,y,z,sx,sy,sz\n{}", lines.collect::<String>());
    let columns = folder.write("columns.csv", columns);
    let sensors = folder.write("sensors.csv", "x,y,z\n2.3,3.1,1.7\n");
    for (n, way) in [
        format!("{args} --sensor 2.3,3.1,1.7 -w 2 -n 2 --partition octant"),
        format!("{args} --sensors {sensors} -w 3"),
        args.replace(&input, &columns) + " -w 2",
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path(&format!("b{n}"));
        succeed(&format!("{way} --out {out}"));
        assert_eq!(cells(&out, 15), found, "{way}");
        assert_eq!(cells(&out, 14), cells(&a, 14), "{way}");
        assert_eq!(tallies(&out), tallies(&a), "{way}");
    }
}

#[test]
fn a_range_ends_rays_and_leaves_far_points_out() {
    let folder = Folder::new();
    let input = folder.write("p.csv", "x,y,z\n1,0,0\n10,0,0\n");
    let out = folder.path("out");
    succeed(&format!(
        "ingest {input} --cell-size 1 --origin -2,-2,-2 --sensor -1,0,0 --max-range 6 --quiet -w 1 --out {out}"
    ));
    let found = cells(&out, 15);
    let at = |x: i32| double(&found[&[x, 4, 4]], "cost");
    assert_eq!(
        (at(2), at(4), at(6), at(8), at(10), at(12)),
        (1.0, 1.0, 0.0, 1.0, 1.0, 1.0)
    );
    // The ray of the far point ends at x = 5, in cell 14, which it does not pass.
    assert!(!found.contains_key(&[14, 4, 4]));
    assert_eq!(
        found.values().map(|row| whole(row, "points")).sum::<i64>(),
        1
    );
}

#[test]
fn unknown_space_may_count_as_open_in_the_box_of_the_points() {
    let folder = Folder::new();
    let input = folder.write("p.csv", "x,y,z\n0,0,0\n7,5,3\n3,3,2\n3,3,2\n");
    let args = format!(
        "ingest {input} --cell-size 1 --origin -3,-3,-3 --unknown open --min-points 2 --lods 14,13 --quiet"
    );
    let a = folder.path("a");
    succeed(&format!("{args} -w 1 --out {a}"));
    let found = cells(&a, 15);
    let mut expected = BTreeSet::new();
    for x in 6..=20 {
        for y in 6..=16 {
            for z in 6..=12 {
                if x % 2 == y % 2 && x % 2 == z % 2 {
                    expected.insert([x, y, z]);
                }
            }
        }
    }
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), expected);
    expected.remove(&[12, 12, 10]);
    assert_eq!(open(&found), expected);
    check_level(&found, &cells(&a, 14));
    check_level(&cells(&a, 14), &cells(&a, 13));
    let b = folder.path("b");
    succeed(&format!("{args} -w 2 -n 2 --partition morton --out {b}"));
    assert_eq!((cells(&b, 15), cells(&b, 13)), (found, cells(&a, 13)));
}
