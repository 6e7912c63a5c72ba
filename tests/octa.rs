//! Containers of octaindex3d, written by that crate: read as maps, told, and found sound or not.

use octaflow::brick::BrickId;
use octaflow::lake::audit::{inspect, verify};
use octaflow::lattice::Cell;
use octaflow::map::{ReadOptions, read_map};
use octaflow::{Error, Result};
use octaindex3d::compression::{Compression, Lz4Compression, NoCompression};
use octaindex3d::container::{ContainerReader, ContainerWriter};
use octaindex3d::{ContainerWriterV2, Index64, StreamConfig};
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file that vanishes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("octaflow-stream-{}-{count}.octa", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    fn write(&self, bytes: &[u8]) -> &PathBuf {
        fs::write(&self.0, bytes).unwrap();
        &self.0
    }

    /// Asserts that these bytes are refused with these words, as a stream and as a map.
    fn refuses(&self, bytes: &[u8], words: &str) {
        let path = self.write(bytes);
        for result in [
            verify(path).map(drop),
            read_map(path, &ReadOptions::default()).map(drop),
        ] {
            match result {
                Err(Error::Input(text)) => {
                    assert!(text.contains(words), "{text} should tell of {words}");
                    assert!(text.starts_with(path.to_str().unwrap()), "{text}");
                }
                other => panic!("{words}: {other:?}"),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The codec that octaindex3d numbers 1.
struct Zstd;

impl Compression for Zstd {
    fn codec_id(&self) -> u8 {
        1
    }

    fn compress(&self, plain: &[u8]) -> octaindex3d::Result<Vec<u8>> {
        Ok(zstd::stream::encode_all(plain, 3).unwrap())
    }

    fn decompress(&self, packed: &[u8]) -> octaindex3d::Result<Vec<u8>> {
        Ok(zstd::stream::decode_all(packed).unwrap())
    }
}

fn codec(number: usize) -> Box<dyn Compression> {
    match number {
        0 => Box::new(Lz4Compression),
        1 => Box::new(Zstd),
        _ => Box::new(NoCompression),
    }
}

fn version_1(frames: &[Vec<u8>], compression: Box<dyn Compression>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        ContainerWriter::with_compression(Cursor::new(&mut bytes), compression).unwrap();
    frames
        .iter()
        .for_each(|frame| writer.write_frame(frame).unwrap());
    writer.finish().unwrap();
    bytes
}

fn version_2(
    frames: &[Vec<u8>],
    compression: Box<dyn Compression>,
    checkpoint_frames: usize,
    enable_sha256: bool,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let config = StreamConfig {
        checkpoint_frames,
        enable_sha256,
        ..StreamConfig::default()
    };
    let writer = ContainerWriterV2::new(Cursor::new(&mut bytes), config).unwrap();
    let mut writer = writer.with_compression(compression).unwrap();
    frames
        .iter()
        .for_each(|frame| writer.write_frame(frame).unwrap());
    writer.finish().unwrap();
    bytes
}

/// Cells of both parities in several bricks.
fn cells() -> Vec<Cell> {
    let cell = |i: i32| Cell::new(20 + 2 * i + i % 2, 400 + i % 2, 2 * (i % 7) + i % 2).unwrap();
    (0..300).map(cell).collect()
}

/// The cells as identifiers, a hundred a frame, by octaindex3d.
fn frames(lod: u8, little: bool) -> Vec<Vec<u8>> {
    let bytes = |cell: &Cell| {
        let [x, y, z] = cell.xyz().map(|c| c as u16);
        let raw = Index64::new(0, 0, lod, x, y, z).unwrap().raw();
        if little {
            raw.to_le_bytes()
        } else {
            raw.to_be_bytes()
        }
    };
    let frame = |cells: &[Cell]| cells.iter().flat_map(bytes).collect();
    cells().chunks(100).map(frame).collect()
}

/// The frames, a tenth as long.
fn short_frames() -> Vec<Vec<u8>> {
    let frames = frames(15, false);
    frames
        .into_iter()
        .map(|frame| frame[..80].to_vec())
        .collect()
}

/// Everything that can be asked of a stream.
fn read(scratch: &Scratch, bytes: &[u8]) -> Result<()> {
    let path = scratch.write(bytes);
    verify(path)?;
    inspect(path)?;
    read_map(path, &ReadOptions::default()).map(drop)
}

#[test]
fn streams_of_every_kind_are_the_same_map() {
    let scratch = Scratch::new();
    for kind in 0..12 {
        let (number, little, lod) = (kind % 3, kind % 2 == 1, if kind < 6 { 15 } else { 9 });
        let frames = frames(lod, little);
        let hashed = kind % 4 >= 2;
        for (version, bytes) in [
            (1, version_1(&frames, codec(number))),
            (2, version_2(&frames, codec(number), 1000, hashed)),
            (2, version_2(&frames, codec(number), 2, hashed)),
        ] {
            let path = scratch.write(&bytes);
            let map = read_map(path, &ReadOptions::default()).unwrap();
            assert_eq!((map.cells, map.open), (300, 300));
            for cell in cells() {
                let (brick, local) = BrickId::locate(cell).unwrap();
                assert_eq!(map.costs(brick).unwrap()[local.index()], 256);
            }
            let sound = verify(path).unwrap();
            assert_eq!(
                (sound.files, sound.rows, sound.bytes),
                (1, 3, bytes.len() as u64)
            );
            let told = inspect(path).unwrap();
            assert_eq!(
                (told.kind, told.version, told.rows),
                ("octaindex3d container", Some(version), Some(3))
            );
            let codec = ["LZ4", "zstd", "none"][number];
            let checks = if hashed && version == 2 {
                "frames with CRC-32 and SHA-256"
            } else {
                "frames with CRC-32"
            };
            assert_eq!(
                (told.columns[0].name.as_str(), told.columns[0].kind.as_str()),
                (codec, checks)
            );
        }
    }
}

#[test]
fn every_damage_that_octaindex3d_sees_is_seen() {
    let scratch = Scratch::new();
    let bytes = version_1(&short_frames(), Box::new(Lz4Compression));
    read(&scratch, &bytes).unwrap();
    for at in 0..bytes.len() {
        let mut hurt = bytes.clone();
        hurt[at] ^= 1 << (at % 8);
        let theirs = ContainerReader::open(Cursor::new(&hurt)).and_then(|mut reader| {
            while reader.next_frame()?.is_some() {}
            Ok(())
        });
        let ours = read(&scratch, &hurt);
        assert!(
            matches!(ours, Ok(()) | Err(Error::Input(_))),
            "byte {at}: {ours:?}"
        );
        // What neither sees are bytes that mean nothing: flags, versions of codecs, graphs.
        assert!(theirs.is_ok() || ours.is_err(), "byte {at}: {theirs:?}");
    }
    for length in 0..bytes.len() {
        let cut = verify(scratch.write(&bytes[..length]));
        assert!(matches!(cut, Err(Error::Input(_))), "{length}: {cut:?}");
    }
}

#[test]
fn damage_of_version_2_is_seen() {
    let scratch = Scratch::new();
    let bytes = version_2(&short_frames(), Box::new(NoCompression), 2, true);
    read(&scratch, &bytes).unwrap();
    let packed = 32 + 16..32 + 16 + 80 + 32;
    for at in 0..bytes.len() {
        let mut hurt = bytes.clone();
        hurt[at] ^= 1 << (at % 8);
        let ours = read(&scratch, &hurt);
        assert!(
            matches!(ours, Ok(()) | Err(Error::Input(_))),
            "byte {at}: {ours:?}"
        );
        assert!(
            !packed.contains(&at) || ours.is_err(),
            "byte {at} of the first frame and its SHA-256"
        );
    }
    for length in (0..bytes.len()).filter(|&length| length != 32) {
        let cut = read(&scratch, &bytes[..length]);
        assert!(!matches!(cut, Err(Error::Machine(_))), "{length}: {cut:?}");
        // A stream may end at a checkpoint: what comes behind it was never there.
        assert!(cut.is_err() || length > 2 * (16 + 80 + 32), "{length}");
    }
}

#[test]
fn hostile_claims_are_refused_before_memory_is_spent() {
    let scratch = Scratch::new();
    let bytes = version_1(&[vec![0; 80]], Box::new(NoCompression));
    let with = |at: usize, part: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + part.len()].copy_from_slice(part);
        bytes
    };
    scratch.refuses(
        &with(10, &100_000_u32.to_be_bytes()),
        "claims 100000 frames",
    );
    scratch.refuses(
        &with(10, &u32::MAX.to_be_bytes()),
        "claims 4294967295 frames",
    );
    scratch.refuses(&with(24, &u32::MAX.to_be_bytes()), "reach beyond the end");
    scratch.refuses(&with(20, &u32::MAX.to_be_bytes()), "are allowed");
    scratch.refuses(&with(16, &[7]), "codec 7");
    scratch.refuses(&with(8, &[3]), "version 1");
    scratch.refuses(&[&bytes[..], &[0]].concat(), "should have");
    scratch.refuses(b"OCTA3D\0\0", "cut short");
    scratch.refuses(b"neither", "cut short");
    scratch.refuses(b"neither of them", "does not begin with OCTA3D");

    // A block that claims the most that the format allows, in a few bytes.
    let lz4 = [&(256_u32 << 20).to_le_bytes()[..], &[0; 8]].concat();
    let mut bomb = b"OCTA3D\0\0\x01\0\0\0\0\x01\0\0".to_vec();
    bomb.extend([0; 4]);
    bomb.extend((256_u32 << 20).to_be_bytes());
    bomb.extend((lz4.len() as u32).to_be_bytes());
    bomb.extend(crc32fast::hash(&lz4).to_be_bytes());
    bomb.extend(&lz4);
    scratch.refuses(&bomb, "cannot hold");

    let end = |words: [u64; 4]| {
        let mut bytes = version_2(&[vec![0; 80]], Box::new(NoCompression), 1000, false);
        let at = bytes.len() - 32;
        for (place, word) in bytes[at..].chunks_mut(8).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    };
    for words in [
        [128, u64::MAX, 1 << 59, 0],
        [0, 32, 1, 0],
        [u64::MAX - 31, 32, 1, 0],
        [128, 32, 1, 9],
        [64, 96, 3, 0],
    ] {
        let result = read(&scratch, &end(words));
        assert!(
            matches!(result, Err(Error::Input(_))),
            "{words:?}: {result:?}"
        );
    }
}

#[test]
fn frames_that_are_no_cells_are_named() {
    let scratch = Scratch::new();
    let map = |frames: &[Vec<u8>]| {
        let path = scratch.write(&version_1(frames, Box::new(Lz4Compression)));
        verify(path).unwrap();
        read_map(path, &ReadOptions::default())
            .unwrap_err()
            .to_string()
    };
    let good = frames(15, false);
    assert!(map(&[good[0].clone(), vec![1; 12]]).contains("frame 1 has 12 bytes"));
    // octaindex3d lets coordinates of mixed parity pass.
    let mixed = Index64::new(0, 0, 15, 1, 2, 3)
        .unwrap()
        .raw()
        .to_be_bytes()
        .to_vec();
    assert!(map(&[good[0].clone(), mixed]).contains("frame 1, identifier 0"));
    let coarse = frames(9, false);
    assert!(map(&[good[0].clone(), coarse[1].clone()]).contains("a map has one level"));
    assert!(map(&[]).contains("cell"), "{}", map(&[]));
}
