//! Small sound files of each format, and folders in which one file is changed.

use crate::map_support::{Scratch, Voxels, bt_bytes, npy_bytes, some_voxels};
use octaflow::lattice::Index64;
use octaindex3d::compression::{Lz4Compression, NoCompression};
use octaindex3d::container::ContainerWriter;
use octaindex3d::{ContainerWriterV2, StreamConfig};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

pub type Seeds = Vec<Vec<u8>>;

fn texts(texts: &[&str]) -> Seeds {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Runs the program in the folder; a run that is killed on purpose does not succeed.
fn run(folder: &Path, arguments: &str, die_at: Option<&str>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octaflow"));
    command.args(arguments.split(' ')).current_dir(folder);
    command.envs(die_at.map(|call| ("OCTAFLOW_DIE_AT", call)));
    let output = command.output().unwrap();
    assert_eq!(output.status.success(), die_at.is_none(), "{arguments}");
}

/// What runs of the program leave: a table of cells with changes, a field, and checkpoints of a run that was killed.
pub struct Lake {
    pub cells: PathBuf,
    pub changes: PathBuf,
    pub saved: PathBuf,
    pub heat: PathBuf,
}

impl Lake {
    pub fn in_folder(scratch: &Scratch) -> Lake {
        let folder = scratch.path("");
        scratch.write("map.3dmap", "voxel 6 5 4\n1 1 1\n3 2 1\n");
        scratch.write("points.csv", "x,y,z\n0.5,0.5,0.5\n3.5,1.5,0.5\n2,2,2\n");
        scratch.write("hot.csv", "x,y,z,value\n0,0,0,9\n");
        let updates = "time,kind,x,y,z,cost\n1,voxel,0,1,2,0\n2,voxel,3,2,1,1\n3,voxel,4,4,3,0\n4,voxel,0,1,2,2\n";
        scratch.write("updates.csv", updates);
        let field = "field --map map.3dmap --source 0,0,0 --updates updates.csv --label-sources -w 1 --quiet";
        run(
            &folder,
            "ingest points.csv --sensor 3,3,3 --cell-size 1 --origin 0,0,0 -w 1 --quiet --out town",
            None,
        );
        run(&folder, &format!("{field} --out field"), None);
        let kept = "--checkpoint saved --checkpoint-every 1 --out out";
        run(&folder, &format!("{field} {kept}"), Some("45"));
        let heat = "diffuse --map map.3dmap --initial hot.csv --steps 30 --every 4 -w 1 --quiet";
        let kept = "--checkpoint heat --checkpoint-every 5 --out out";
        run(&folder, &format!("{heat} {kept}"), Some("30"));
        Lake {
            cells: folder.join("town/cells"),
            changes: folder.join("field/field_changes"),
            saved: folder.join("saved"),
            heat: folder.join("heat"),
        }
    }
}

/// The files under a folder whose names end so.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().is_some_and(|p| p.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn contents(paths: &[PathBuf]) -> Seeds {
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Streams of both versions by octaindex3d.
pub fn octa() -> Seeds {
    let id = |n: i32| {
        let cell = octaflow::lattice::Cell::new(2 * n + n % 2, n % 2, 6 + n % 2).unwrap();
        u64::from(Index64::of_cell(cell).unwrap()).to_be_bytes()
    };
    let frames: Vec<Vec<u8>> = (0..3)
        .map(|frame| (10 * frame..10 * frame + 10).flat_map(id).collect())
        .collect();
    let mut seeds = Seeds::new();
    for lz4 in [false, true] {
        let mut bytes = Vec::new();
        let codec: Box<dyn octaindex3d::compression::Compression> = match lz4 {
            true => Box::new(Lz4Compression),
            false => Box::new(NoCompression),
        };
        let mut writer = ContainerWriter::with_compression(Cursor::new(&mut bytes), codec).unwrap();
        frames.iter().for_each(|f| writer.write_frame(f).unwrap());
        writer.finish().unwrap();
        seeds.push(bytes);
        let mut bytes = Vec::new();
        let config = StreamConfig {
            checkpoint_frames: 2,
            enable_sha256: lz4,
            ..StreamConfig::default()
        };
        let mut writer = ContainerWriterV2::new(Cursor::new(&mut bytes), config).unwrap();
        frames.iter().for_each(|f| writer.write_frame(f).unwrap());
        writer.finish().unwrap();
        seeds.push(bytes);
    }
    seeds
}

/// The LAS and LAZ samples of the tests of points.
pub fn las(extension: &str) -> Seeds {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/points");
    contents(&files(&folder, &format!(".{extension}")))
}

pub fn ply() -> Seeds {
    let mut seeds = texts(&[
        "ply\nformat ascii 1.0\ncomment made\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n\
         property uchar red\nend_header\n0 0 0 1\n1 2 3 4\n-1 -2.5 1e3 255\n",
        "ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\nelement vertex 1\n\
         property double x\nproperty double y\nproperty double z\nend_header\n3 0 1 2\n1 2 3\n",
    ]);
    for (name, big) in [("little", false), ("big", true)] {
        let mut bytes = format!(
            "ply\nformat binary_{name}_endian 1.0\nelement face 2\nproperty list uchar int vertex_indices\n\
             element vertex 4\nproperty float x\nproperty float y\nproperty float z\nproperty ushort tag\nend_header\n"
        )
        .into_bytes();
        let number = |n: u32| {
            if big {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        for _ in 0..2 {
            bytes.push(2);
            bytes.extend([number(0), number(1)].concat());
        }
        for n in 0..4 {
            for c in 0..3 {
                bytes.extend(number((n as f32 + 0.25 * c as f32).to_bits()));
            }
            bytes.extend([n as u8, 0]);
        }
        seeds.push(bytes);
    }
    seeds
}

pub fn pcd() -> Seeds {
    let header = |data: &str| {
        format!(
            "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 2\nTYPE F F F U\nCOUNT 1 1 1 1\nWIDTH 5\nHEIGHT 1\n\
             VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 5\nDATA {data}\n"
        )
        .into_bytes()
    };
    let value = |n: u32, c: u32| (n as f32 * 0.5 + c as f32).to_le_bytes();
    let mut ascii = header("ascii");
    ascii.extend(b"0 0 0 1\n1 2 3 4\nnan 0 0 9\n-1 -2 -3 65535\n5 5 5 5\n");
    let mut binary = header("binary");
    for n in 0..5 {
        (0..3).for_each(|c| binary.extend(value(n, c)));
        binary.extend([n as u8, 1]);
    }
    let mut columns: Vec<u8> = Vec::new();
    (0..3).for_each(|c| (0..5).for_each(|n| columns.extend(value(n, c))));
    columns.extend([7; 10]);
    // Runs of literals, and one copy.
    let mut packed = Vec::new();
    for run in columns[..60].chunks(32) {
        packed.push(run.len() as u8 - 1);
        packed.extend(run);
    }
    packed.extend([0, 7, 7 << 5, 0, 0]);
    let mut compressed = header("binary_compressed");
    compressed.extend((packed.len() as u32).to_le_bytes());
    compressed.extend((columns.len() as u32).to_le_bytes());
    compressed.extend(packed);
    vec![ascii, binary, compressed]
}

pub fn csv() -> Seeds {
    texts(&[
        "x,y,z,intensity,name\n0,0,0,1,a\n1.5,2,3,4,\"b,c\"\n-1,-2.5,1e3,,\n",
        "lx,ly,lz,cost\n0,0,0,1\n1,1,1,0.5\n2,0,0,255\n",
        "time,kind,x,y,z,cost,query,gx,gy,gz\n1,cost,0,0,0,1,,,,\n1,voxel,1,1,1,0,,,,\n2,query+,0,0,0,,7,1,1,1\n3,query-,,,,,7,,,\n",
    ])
}

pub fn ndjson() -> Seeds {
    texts(&[
        "{\"x\":0,\"y\":1.5,\"z\":-2e3,\"tag\":7}\n{\"x\":1,\"y\":1,\"z\":1,\"tag\":null}\n",
        "{\"time\":1,\"kind\":\"cost\",\"x\":0,\"y\":0,\"z\":0,\"cost\":1}\n{\"time\":2,\"kind\":\"query-\",\"query\":5}\n",
    ])
}

pub fn bt() -> Seeds {
    let small = Voxels::from([([0, 0, 0], 256), ([1, 2, 3], 0)]);
    vec![bt_bytes(&small, 0.1), bt_bytes(&some_voxels(), 0.1)]
}

pub fn movingai() -> Seeds {
    texts(&["voxel 9 8 7\n1 2 3\n1 2 4\n8 7 6\n", "voxel 20 1 1"])
}

pub fn npy() -> Seeds {
    vec![
        npy_bytes("|b1", false, "(2, 2, 2)", &[1; 8]),
        npy_bytes("<f4", true, "(1, 1, 2)", &[0, 0, 0x80, 0x3f, 0, 0, 0, 0]),
        npy_bytes(">i2", false, "(2, 3)", &[0; 12]),
        npy_bytes("<f8", false, "(2, 1, 2)", &[0; 32]),
    ]
}

pub fn scenes() -> Seeds {
    texts(&[
        "version 1\nmap.3dmap\n0 0 0 3 3 3 5.2 1\n1 1 1 2 2 2 1.7 1.1\n",
        "version 1\nmap\n",
    ])
}
