//! That damage anywhere in a container is found, and that none of it makes the reader panic or ask for memory.

use crate::*;
use octaflow::lake::audit;
use octaflow::lake::container::Container;
use octaflow::{Error, Result};
use std::os::unix::fs::FileExt;

/// Everything that can be checked of a container.
fn verify(path: &Path) -> Result<()> {
    let container = Container::open(path)?;
    container.for_each(|_, _| Ok(()))?;
    container.verify_whole()
}

fn damaged(path: &Path, what: &str) {
    match verify(path) {
        Err(Error::Input(e)) => assert!(e.contains(path.to_str().unwrap()), "{e}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    write(&path, &bricks(2), 1);
    let bytes = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for (at, &byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ 1 << bit], at as u64).unwrap();
            damaged(&path, &format!("byte {at}, bit {bit}"));
        }
        file.write_all_at(&[byte], at as u64).unwrap();
    }
    verify(&path).unwrap();
}

#[test]
fn every_truncation_and_every_addition_is_found() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    write(&path, &bricks(3), 2);
    let mut bytes = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for length in (0..bytes.len()).rev() {
        file.set_len(length as u64).unwrap();
        damaged(&path, &format!("cut to {length}"));
    }
    for cut in [1, 8, 64, 1000, bytes.len() - 6] {
        fs::write(&path, &bytes[cut..]).unwrap();
        damaged(&path, &format!("begun at {cut}"));
    }
    let end = bytes[bytes.len() - 10..].to_vec();
    bytes.extend(end);
    fs::write(&path, &bytes).unwrap();
    damaged(&path, "an end more");
}

#[test]
fn random_damage_is_found() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    write(&path, &bricks(260), 1);
    let bytes = fs::read(&path).unwrap();
    let mut seed = 1_u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let file = fs::File::options().write(true).open(&path).unwrap();
    for round in 0..300 {
        // Half of the rounds hit the descriptions, which are small, and all kinds of numbers in them.
        let near_end = bytes.len() - 1500;
        let mut hurt = Vec::new();
        for _ in 0..1 + random(8) {
            let at = match round % 2 {
                0 => random(bytes.len() - 8),
                _ => [random(1600), near_end + random(1492)][random(2)],
            };
            let value = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] as u8;
            let width = [1, 2, 4, 8][random(4)];
            file.write_all_at(&[value; 8][..width], at as u64).unwrap();
            hurt.push((at, width));
        }
        let is_hurt = fs::read(&path).unwrap() != bytes;
        assert!(
            !is_hurt || verify(&path).is_err(),
            "round {round}: {hurt:?}"
        );
        for (at, width) in hurt {
            file.write_all_at(&bytes[at..at + width], at as u64)
                .unwrap();
        }
    }
    verify(&path).unwrap();
}

#[test]
fn hostile_lengths_are_refused_without_memory_for_them() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    write(&path, &bricks(2), 1);
    let bytes = fs::read(&path).unwrap();
    // Every number of the descriptions that could be a length, as a very large one.
    let body = bytes
        .windows(8)
        .position(|w| w == 2_i64.to_le_bytes())
        .unwrap();
    assert!(body < 1600, "the number of rows stands in the head");
    let file = fs::File::options().write(true).open(&path).unwrap();
    for at in (0..1600).chain(bytes.len() - 1500..bytes.len() - 8) {
        for huge in [1_000_000_i64, i64::MAX, i64::MIN, -1, 1 << 40] {
            file.write_all_at(&huge.to_le_bytes(), at as u64).unwrap();
            damaged(&path, &format!("{huge} at {at}"));
        }
        file.write_all_at(&bytes[at..at + 8], at as u64).unwrap();
    }
}

#[test]
fn foreign_files_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.join("foreign");
    for bytes in [
        &b""[..],
        b"ARROW1",
        b"ARROW1\0\0ARROW1",
        b"PAR1PAR1",
        &[0; 4096],
        &[0xff; 4096],
    ] {
        fs::write(&path, bytes).unwrap();
        damaged(&path, "foreign");
    }
    damaged(&scratch.join("missing"), "missing");
    damaged(&scratch.0, "a folder");
}

#[test]
fn a_damaged_row_is_named() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    let bricks = bricks(400);
    write(&path, &bricks, 2);
    let mut bytes = fs::read(&path).unwrap();
    let values = Values::of(bricks[300]);
    let list: Vec<u8> = values.ticks.iter().flat_map(|t| t.to_le_bytes()).collect();
    let at = bytes.windows(list.len()).position(|w| w == list).unwrap();
    bytes[at + 100] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let container = Container::open(&path).unwrap();
    let mut seen = 0;
    let error = container.for_each(|_, _| {
        seen += 1;
        Ok(())
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("segment 1, row 44 (brick 300 of the file)"),
        "{error}"
    );
    assert_eq!(seen, 256, "the rows of the segments before are handed out");
    assert!(container.verify_whole().is_err());
    assert!(container.segment(0).is_ok() && container.segment(1).is_err());
}

#[test]
fn the_commands_see_what_the_library_sees() {
    let scratch = Scratch::new();
    let path = scratch.join("bricks.arrow");
    let bricks = bricks(600);
    let written = write(&path, &bricks, 2);
    let told = audit::inspect(&path).unwrap();
    assert_eq!(
        (told.kind, told.rows, told.bytes),
        ("container", Some(written.bricks), written.bytes)
    );
    assert_eq!(
        (told.epoch, told.plan.as_deref()),
        (Some(-3), Some("hilbert"))
    );
    let least = (0..3).map(|a| bricks.iter().map(|b| b.xyz()[a]).min().unwrap());
    let extent = told.extent.unwrap();
    assert!(least.map(|c| i64::from(16 * c)).eq(extent.lattice[0]));
    assert_eq!(
        extent.metres.unwrap()[0][1],
        extent.lattice[0][1] as f64 * 0.025 - 2.0
    );

    // A folder of containers, as a checkpoint has them.
    write(&scratch.join("more.arrow"), &bricks[..10], 1);
    let sound = audit::verify(&scratch.0).unwrap();
    assert_eq!((sound.files, sound.rows), (2, written.bricks + 10));
    assert_eq!(audit::inspect(&scratch.0).unwrap().parts.len(), 2);
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = audit::verify(&scratch.0).unwrap_err().to_string();
    assert!(
        error.contains("bricks.arrow") && error.contains("segment 1, row"),
        "{error}"
    );
}
