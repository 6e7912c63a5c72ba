//! Every map format, read back and held against a plain model that shares no code with the readers.

use crate::map_support::{Random, Scratch, Voxels, bounds, bt_bytes, embed, npy_bytes, open_cells};
use octaflow::map::{Axes, ReadOptions, Unknown, read_map};
use proptest::prelude::*;
use std::path::Path;

/// Voxels in a box of `size` from `corner` on; cost 0 with a third of the odds, and absent where `sparse`.
fn voxels(sparse: bool, unit: bool) -> impl Strategy<Value = ([i32; 3], [i32; 3], Voxels)> {
    let size = prop::array::uniform3(1..20i32);
    let corner = prop::array::uniform3(prop_oneof![0..30i32, 16380..16390i32, 32740..32748i32]);
    (corner, size, any::<u64>()).prop_map(move |(corner, size, seed)| {
        let mut random = Random(seed);
        let (blocks, blocked) = (1 + random.below(4) as i32, random.below(60));
        let mut voxels = Voxels::new();
        for x in 0..size[0] {
            for y in 0..size[1] {
                for z in 0..size[2] {
                    // Uniform cubes among the noise, so that octrees have pruned leaves.
                    let cube = [x / blocks, y / blocks, z / blocks]
                        .iter()
                        .fold(seed, |h, &c| Random(h ^ c as u64).next());
                    if sparse && cube % 5 == 0 {
                        continue;
                    }
                    let cost = if cube % 100 < blocked {
                        0
                    } else if unit {
                        256
                    } else {
                        1 + random.below(65535) as u16
                    };
                    voxels.insert([x + corner[0], y + corner[1], z + corner[2]], cost);
                }
            }
        }
        (corner, size, voxels)
    })
}

/// Reads `path` and holds the result against the model.
fn check(
    path: &Path,
    options: &ReadOptions,
    model: &Voxels,
    box_: ([i32; 3], [i32; 3]),
) -> Result<(), TestCaseError> {
    let (open, cells) = embed(model, box_.0, box_.1);
    crate::check(path, options, cells, open)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn octrees_read_back((_, _, mut model) in voxels(true, true)) {
        let scratch = Scratch::new();
        let path = scratch.write("a.bt", bt_bytes(&model, 0.05));
        let extent = bounds(&model);
        check(&path, &ReadOptions::default(), &model, extent)?;

        let open = ReadOptions { unknown: Unknown::Open, ..Default::default() };
        if !model.is_empty() {
            for x in extent.0[0]..=extent.1[0] {
                for y in extent.0[1]..=extent.1[1] {
                    for z in extent.0[2]..=extent.1[2] {
                        model.entry([x, y, z]).or_insert(256);
                    }
                }
            }
        }
        check(&path, &open, &model, extent)?;
    }

    #[test]
    fn benchmark_maps_read_back((corner, size, model) in voxels(false, true)) {
        // The box starts at 0, and what no line names is open: the voxels are brought near.
        let near = corner.map(|c| c % 16);
        let model: Voxels = model
            .into_iter()
            .map(|(v, c)| ([0, 1, 2].map(|a| v[a] - corner[a] + near[a]), c))
            .collect();
        let scratch = Scratch::new();
        let size = [0, 1, 2].map(|a| size[a] + near[a]);
        let mut text = format!("voxel {} {} {}\n", size[0], size[1], size[2]);
        let mut all = Voxels::new();
        for x in 0..size[0] {
            for y in 0..size[1] {
                for z in 0..size[2] {
                    let cost = model.get(&[x, y, z]).copied().unwrap_or(256);
                    if cost == 0 {
                        let repeat = 1 + (x + y + z) % 7 / 6;
                        for _ in 0..repeat {
                            text += &format!("{x} {y}\t{z}{}", if x % 2 == 0 { "\n" } else { " \r\n" });
                        }
                    }
                    all.insert([x, y, z], cost);
                }
            }
        }
        let path = scratch.write("a.3dmap", text);
        check(&path, &ReadOptions::default(), &all, ([0; 3], size.map(|n| n - 1)))?;
    }

    #[test]
    fn arrays_read_back(
        (corner, size, model) in voxels(false, false),
        fortran in any::<bool>(),
        zyx in any::<bool>(),
        float in any::<bool>(),
        big in any::<bool>(),
    ) {
        let scratch = Scratch::new();
        // Arrays start at voxel 0.
        let model: Voxels = model
            .into_iter()
            .map(|(v, c)| ([0, 1, 2].map(|a| v[a] - corner[a]), if float { c } else { c & 0xff00 }))
            .collect();
        let shape = if zyx { [size[2], size[1], size[0]] } else { size };
        let mut elements = Vec::new();
        for n in 0..shape.iter().product::<i32>() {
            let index = if fortran {
                [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]]
            } else {
                [n / shape[2] / shape[1], n / shape[2] % shape[1], n % shape[2]]
            };
            let voxel = if zyx { [index[2], index[1], index[0]] } else { index };
            let cost = model[&voxel];
            let mut bytes = if float {
                (f64::from(cost) / 256.0).to_le_bytes().to_vec()
            } else {
                i32::from(cost >> 8).to_le_bytes().to_vec()
            };
            if big {
                bytes.reverse();
            }
            elements.extend(bytes);
        }
        let descr = format!("{}{}", if big { '>' } else { '<' }, if float { "f8" } else { "i4" });
        let shape = format!("({}, {}, {})", shape[0], shape[1], shape[2]);
        let path = scratch.write("a.npy", npy_bytes(&descr, fortran, &shape, &elements));
        let axes = if zyx { Axes::Zyx } else { Axes::Xyz };
        let options = ReadOptions { axes, ..Default::default() };
        check(&path, &options, &model, ([0; 3], size.map(|n| n - 1)))?;
    }
}

#[test]
fn arrays_of_every_number_type_are_costs() {
    let half = |h: u16| h.to_le_bytes().to_vec();
    let files: Vec<(&str, Vec<u8>, u16)> = vec![
        ("|b1", vec![2], 256),
        ("|u1", vec![255], 65280),
        ("|i1", vec![127], 127 * 256),
        ("<u2", vec![3, 0], 768),
        (">u2", vec![0, 3], 768),
        ("<i2", vec![3, 0], 768),
        ("<u4", vec![3, 0, 0, 0], 768),
        (">i4", vec![0, 0, 0, 3], 768),
        ("<u8", vec![3, 0, 0, 0, 0, 0, 0, 0], 768),
        (">i8", vec![0, 0, 0, 0, 0, 0, 0, 3], 768),
        ("<f2", half(0x3e00), 384),
        (">f2", vec![0x3e, 0], 384),
        ("<f4", 1.5f32.to_le_bytes().to_vec(), 384),
        ("=f8", 1.5f64.to_le_bytes().to_vec(), 384),
        (">f8", 1.5f64.to_be_bytes().to_vec(), 384),
    ];
    let scratch = Scratch::new();
    for (descr, bytes, cost) in files {
        let path = scratch.write("a.npy", npy_bytes(descr, false, "(1L, 1, 1)", &bytes));
        let map = read_map(&path, &ReadOptions::default()).unwrap();
        assert_eq!((map.cells, map.open), (1, 1));
        assert_eq!(open_cells(&map)[&[0, 0, 0]], cost, "{descr}");
    }
}

#[test]
fn frames_are_those_of_the_contract() {
    let scratch = Scratch::new();
    let path = scratch.write("a.bt", bt_bytes(&Voxels::from([([16384; 3], 256)]), 0.5));
    let frame = read_map(&path, &ReadOptions::default()).unwrap().frame;
    assert_eq!(frame.cell_size_m(), 0.5);
    let centre = (16384.0 + 16384.0 - 32768.0 + 0.5) * 0.5;
    let cell = octaflow::lattice::Cell::new(32768, 32768, 32768).unwrap();
    assert_eq!(frame.position_m(cell), [centre; 3]);

    let path = scratch.write("a.3dmap", "voxel 1 1 1");
    let options = ReadOptions {
        cell_size_m: Some(2.0),
        origin_m: Some([1.0, 2.0, 3.0]),
        ..Default::default()
    };
    let frame = read_map(&path, &options).unwrap().frame;
    assert_eq!(
        (frame.cell_size_m(), frame.origin_m()),
        (2.0, [1.0, 2.0, 3.0])
    );
}

#[test]
fn the_greatest_maps_fit_the_lattice() {
    let scratch = Scratch::new();
    let path = scratch.write("a.3dmap", "voxel 32768 1 1\n0 0 0\n");
    let map = read_map(&path, &ReadOptions::default()).unwrap();
    assert_eq!((map.cells, map.open), (32768, 32767));
    assert_eq!(map.bricks.len(), 4096);

    let far = Voxels::from([([0; 3], 256), ([32767; 3], 0), ([32767, 0, 5], 256)]);
    let path = scratch.write("a.bt", bt_bytes(&far, 0.1));
    let map = read_map(&path, &ReadOptions::default()).unwrap();
    assert_eq!((map.open, map.bricks.len()), (2, 2));
    // Corners at the corners of the box have one known voxel each; (32767, 0, 5) touches two inside.
    assert_eq!(map.cells, 3 + 1 + 1 + 2);
}

#[test]
fn the_maps_that_ship_are_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    // Counted by a script that shares nothing with this crate.
    for (file, cells, open) in [
        ("geb079.bt", 2_490_442, 1_655_662),
        ("Simple.3dmap", 2_872_196, 2_870_628),
        ("Complex.3dmap", 15_413_160, 15_288_746),
    ] {
        let map = read_map(&data.join(file), &ReadOptions::default()).unwrap();
        assert_eq!((map.cells, map.open), (cells, open), "{file}");
    }
}
