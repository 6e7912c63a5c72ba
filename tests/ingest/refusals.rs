//! What the program refuses: exit status 2, one sentence, nothing published.

use crate::support::*;

#[test]
fn unusable_flags_are_named() {
    let folder = Folder::new();
    let p = folder.write("p.csv", "x,y,z,i\n0,0,0,1\n1,2,3,4\n");
    let q = folder.write("q.csv", "x,y,z\n5,5,5\n");
    let out = folder.path("out");
    let json = folder.path("x.json");
    let inside = format!("{out}/changes.csv");
    for (args, mention) in [
        ("", "--cell-size"),
        ("--cell-size 0", "--cell-size"),
        ("--cell-size -1", "--cell-size"),
        ("--cell-size nan", "--cell-size"),
        ("--cell-size 1e-9", "--cell-size"),
        ("--cell-size 1 --origin 1,2", "--origin"),
        ("--cell-size 1 --origin 1,2,inf", "--origin"),
        ("--cell-size 1 --origin 1,2,3", "--origin"),
        ("--cell-size 1 --min-points 0", "--min-points"),
        ("--cell-size 1 --min-points -2", "--min-points"),
        ("--cell-size 1 --unit-scale 0", "--unit-scale"),
        ("--cell-size 1 --max-range 5", "--sensor"),
        ("--cell-size 1 --sensor 1,2", "--sensor"),
        ("--cell-size 1 --sensor 0,0,0 --sensor 1,1,1", "sensor"),
        ("--cell-size 1 --sensor 1e30,0,0", "--cell-size"),
        (
            "--cell-size 1 --origin -5,-5,-5 --sensor -100,0,0",
            "sensor",
        ),
        ("--cell-size 1 --sensors missing.csv", "missing.csv"),
        ("--cell-size 1 --attributes q", "--attributes"),
        ("--cell-size 1 --lods 16", "--lods"),
        ("--cell-size 1 --lods 3,x", "--lods"),
        ("--cell-size 1 --bottom 3", "--top"),
        ("--cell-size 1 --bottom 3 --top 2", "--bottom"),
        ("--cell-size 1 --unknown maybe", "--unknown"),
        ("--cell-size 1 --onto nowhere", "--onto"),
        ("--onto nowhere", "nowhere"),
        ("--cell-size 1 --changes - --json", "--json"),
        ("--cell-size 1 --changes-lod 99", "--changes-lod"),
        (&format!("--cell-size 1 --changes {json}"), "--changes"),
        (&format!("--cell-size 1 --changes {inside}"), "--changes"),
        ("--cell-size 1 --changes nowhere/a.csv", "--changes"),
        (
            "--cell-size 1 --checkpoint here --changes here/a.csv",
            "inside --checkpoint",
        ),
        ("--cell-size 1 --checkpoint-every 3", "--checkpoint"),
        (
            "--cell-size 1 --checkpoint here --checkpoint-every 0",
            "above 0",
        ),
        (
            &format!("--cell-size 1 --checkpoint {out}/inner"),
            "one in the other",
        ),
        ("missing.las --cell-size 1", "missing.las"),
        ("missing.xyz --cell-size 1", "missing.xyz"),
    ] {
        for division in ["-w 1", "-w 2"] {
            refused(
                &format!("ingest {p} {args} {division} --quiet --out {out}"),
                mention,
            );
            assert!(!std::path::Path::new(&out).exists(), "{args}");
        }
    }
    refused(&format!("ingest --cell-size 1 --out {out}"), "INPUT");
    refused(
        &format!(
            "ingest {p} {q} --sensor 1,1,1 --sensor 2,2,2 --sensor 3,3,3 --cell-size 1 --out {out}"
        ),
        "sensors",
    );
    refused(
        &format!("ingest {p} --cell-size 1 --unknown open --origin 0,0,0 --sensor x --out {out}"),
        "--sensor",
    );
    refused(
        &format!("ingest {p} --cell-size 1 -n 2 -w 1 --lods 99 --quiet --out {out}"),
        "--lods",
    );
}

#[test]
fn unusable_files_are_named_wherever_they_are_read() {
    let folder = Folder::new();
    let good = folder.write("good.csv", "x,y,z\n0,0,0\n1,2,3\n");
    let out = folder.path("out");
    let far = folder.write("far.csv", "x,y,z\n0,0,0\n1e9,0,0\n");
    let bad = folder.write("bad.csv", "x,y,z\n0,0,0\n1,nan,0\n");
    let none = folder.write("none.csv", "x,y,z\n");
    let lacks = folder.write("lacks.csv", "x,y\n1,2\n");
    let las = folder.write("short.las", b"LASF and nothing more");
    let ply = folder.write(
        "bad.ply",
        "ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n",
    );
    let hgt = folder.write("N00E000.hgt", [0u8; 10]);
    let map = folder.write("bad.3dmap", "voxel 0 0 0\n");
    for (input, mention) in [
        (&far, "x"),
        (&bad, "bad.csv"),
        (&none, "none.csv: it has no point"),
        (&lacks, "lacks.csv"),
        (&las, "short.las"),
        (&ply, "bad.ply"),
        (&hgt, "N00E000.hgt"),
        (&map, "bad.3dmap"),
    ] {
        for division in ["-w 2", "-w 1 -n 2"] {
            refused(
                &format!(
                    "ingest {input} --cell-size 1 --bottom 0 --top 9 {division} --quiet --out {out}"
                ),
                mention,
            );
        }
        if input != &none {
            refused(
                &format!(
                    "ingest {good} {input} --cell-size 1 --origin -9,-9,-9 --bottom 0 --top 9 -w 2 --quiet --out {out}"
                ),
                "",
            );
        }
        assert!(!std::path::Path::new(&out).exists());
    }
    // Without a point there are no cells, which is no fault where the lattice is laid.
    succeed(&format!(
        "ingest {none} --cell-size 1 --origin 0,0,0 --quiet -w 2 --out {out}"
    ));
    assert!(cells(&out, 15).is_empty());
    refused(
        &format!(
            "field --map {out} --source 0,0,0 --out {}",
            folder.path("f")
        ),
        "out",
    );
}

#[test]
fn a_damaged_result_is_not_built_upon() {
    let folder = Folder::new();
    let p = folder.write("p.csv", "x,y,z,i\n0,0,0,1\n1,2,3,4\n");
    let one = folder.path("one");
    let out = folder.path("out");
    succeed(&format!(
        "ingest {p} --cell-size 1 --min-points 2 --quiet -w 1 --out {one}"
    ));
    refused(
        &format!("ingest {p} --onto {one} --min-points 3 --out {out}"),
        "--min-points",
    );
    refused(
        &format!("ingest {p} --onto {one} --unknown open --out {out}"),
        "--unknown",
    );
    refused(
        &format!("ingest {p} --onto {one} --origin 0,0,0 --out {out}"),
        "--onto",
    );
    let part = format!("{one}/tallies/part-00000.parquet");
    let whole = std::fs::read(&part).unwrap();
    for cut in [0, 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&part, &whole[..cut]).unwrap();
        refused(
            &format!("ingest {p} --onto {one} -w 2 --out {out}"),
            "part-00000",
        );
    }
    for at in (4..whole.len()).step_by(101) {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        std::fs::write(&part, &broken).unwrap();
        let output = octaflow(&format!("ingest {p} --onto {one} -w 1 --quiet --out {out}"));
        assert!(matches!(output.status.code(), Some(0 | 2)), "byte {at}");
    }
    std::fs::remove_file(&part).unwrap();
    refused(&format!("ingest {p} --onto {one} --out {out}"), "one");
    std::fs::remove_dir_all(format!("{one}/cells")).unwrap();
    refused(&format!("ingest {p} --onto {one} --out {out}"), "no result");
}

#[test]
fn a_result_replaces_a_former_one_and_nothing_else() {
    let folder = Folder::new();
    let p = folder.write("p.csv", "x,y,z\n0,0,0\n1,2,3\n");
    let out = folder.path("out");
    let args = format!("ingest {p} --cell-size 1 --quiet -w 2 --out {out}");
    succeed(&format!("{args} --lods 14,3"));
    // Onto itself: the former result is read before it is replaced.
    succeed(&format!("ingest {p} --onto {out} --quiet -w 2 --out {out}"));
    assert_eq!(
        cells(&out, 15)
            .values()
            .map(|row| whole(row, "points"))
            .sum::<i64>(),
        4
    );
    assert_eq!(
        cells(&out, 3)
            .values()
            .map(|row| whole(row, "points"))
            .sum::<i64>(),
        4
    );
    succeed(&args);
    assert!(!std::path::Path::new(&format!("{out}/cells/lod=14")).exists());
    std::fs::write(format!("{out}/cells/lod=15/notes.txt"), "mine").unwrap();
    refused(&args, "notes.txt");
    std::fs::remove_file(format!("{out}/cells/lod=15/notes.txt")).unwrap();
    std::fs::create_dir(format!("{out}/cells/lod=99")).unwrap();
    refused(&args, "lod=99");
}
