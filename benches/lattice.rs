//! Identifiers, curves and neighbours against octaindex3d, side by side in one run.
//!
//! Each line times both on the same cells in turn, several rounds of each, and takes the best of either: a rate in
//! millions a second and the ratio ours / theirs. Rounds of both see the same machine, so the ratio is the figure.

use octaflow::lattice::{
    Cell, Header, Hilbert64, Index64, Route64, hilbert_decode, hilbert_encode, morton_decode,
    morton_encode,
};
use octaindex3d as theirs;
use std::hint::black_box;
use std::time::{Duration, Instant};

const CELLS: usize = 1 << 14;
const PASSES: usize = 8;
const ROUNDS: usize = 60;

/// Times one pass of both ways in turn and prints the best rate of each; `least` is the ratio that must hold.
fn compare(what: &str, least: f64, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(time(&mut ours));
        best[1] = best[1].min(time(&mut theirs));
    }
    let [a, b] = best.map(|d| (CELLS * PASSES) as f64 / d.as_secs_f64() / 1e6);
    let verdict = if a / b >= least { "" } else { "  (too slow)" };
    println!(
        "{what:<44} {a:>8.1} M/s {b:>8.1} M/s {:>6.2}x of {least:.0}x{verdict}",
        a / b
    );
}

fn time(pass: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..PASSES {
        pass();
    }
    start.elapsed()
}

/// Cells in the range of Index64, from a generator with a fixed seed.
fn cells() -> Vec<Cell> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..CELLS)
        .map(|_| {
            let (bits, odd) = (next(), (next() & 1) as i32);
            let [x, y, z] = [bits, bits >> 16, bits >> 32].map(|c| (c & 0xfffe) as i32 | odd);
            Cell::new(x, y, z).expect("all coordinates have one parity")
        })
        .collect()
}

fn main() {
    let cells = cells();
    let points: Vec<[u16; 3]> = cells.iter().map(|c| c.xyz().map(|c| c as u16)).collect();
    let mut bits = vec![0u64; CELLS];
    println!(
        "{:<44} {:>12} {:>12} {:>7}",
        "", "octaflow", "octaindex3d", "ratio"
    );
    index64(&points, &mut bits);
    route64(&points);
    curves(&points);
    neighbours(&cells);
}

fn index64(points: &[[u16; 3]], bits: &mut [u64]) {
    let mut other = bits.to_vec();
    compare(
        "Index64 encode (three integers, checked)",
        1.0,
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(bits.iter_mut()) {
                let cell = Cell::new(x.into(), y.into(), z.into()).unwrap();
                *out = Index64::of_cell(cell).unwrap().into();
            }
            black_box(&mut *bits);
        },
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(other.iter_mut()) {
                *out = theirs::Index64::new(0, 0, 15, x, y, z).unwrap().raw();
            }
            black_box(&mut other);
        },
    );
    let ours: Vec<Index64> = bits.iter().map(|&b| b.try_into().unwrap()).collect();
    let theirs: Vec<_> = (bits.iter())
        .map(|&b| theirs::Index64::from_value(b).unwrap())
        .collect();
    compare(
        "Index64 decode (to coordinates)",
        1.0,
        || sum(&ours, |id| id.cell().xyz()),
        || {
            sum(&theirs, |id| {
                let (x, y, z) = id.decode_coords();
                [x.into(), y.into(), z.into()]
            })
        },
    );
    compare(
        "Index64 from bits (checked) and decode",
        1.0,
        || sum(bits, |b| Index64::try_from(b).unwrap().cell().xyz()),
        || {
            sum(bits, |b| {
                let (x, y, z) = theirs::Index64::from_value(b).unwrap().decode_coords();
                [x.into(), y.into(), z.into()]
            })
        },
    );
}

/// Adds up what each value decodes to, so that none of it can be left out.
fn sum<T: Copy>(values: &[T], decode: impl Fn(T) -> [i32; 3]) {
    let mut total = [0i32; 3];
    for &value in black_box(values) {
        let p = decode(value);
        for a in 0..3 {
            total[a] = total[a].wrapping_add(p[a]);
        }
    }
    black_box(total);
}

fn route64(points: &[[u16; 3]]) {
    let mut bits = vec![0u64; CELLS];
    let mut other = bits.clone();
    compare(
        "Route64 encode (three integers, checked)",
        1.0,
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(bits.iter_mut()) {
                let cell = Cell::new(x.into(), y.into(), z.into()).unwrap();
                *out = Route64::new(0, cell).unwrap().into();
            }
            black_box(&mut bits);
        },
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(other.iter_mut()) {
                let id = theirs::Route64::new(0, x.into(), y.into(), z.into());
                *out = id.unwrap().raw();
            }
            black_box(&mut other);
        },
    );
    let ours: Vec<Route64> = bits.iter().map(|&b| b.try_into().unwrap()).collect();
    let theirs: Vec<_> = (bits.iter())
        .map(|&b| theirs::Route64::from_value(b).unwrap())
        .collect();
    compare(
        "Route64 decode (to coordinates)",
        1.0,
        || sum(&ours, |id| id.cell().xyz()),
        || sum(&theirs, |id| [id.x(), id.y(), id.z()]),
    );
}

fn curves(points: &[[u16; 3]]) {
    let mut codes = vec![0u64; CELLS];
    let mut other = codes.clone();
    compare(
        "Morton encode",
        1.0,
        || {
            for (&p, out) in black_box(points).iter().zip(codes.iter_mut()) {
                *out = morton_encode(p);
            }
            black_box(&mut codes);
        },
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(other.iter_mut()) {
                *out = theirs::morton::morton_encode(x, y, z);
            }
            black_box(&mut other);
        },
    );
    compare(
        "Morton decode",
        1.0,
        || sum(&codes, |code| morton_decode(code).map(i32::from)),
        || {
            sum(&codes, |code| {
                let (x, y, z) = theirs::morton::morton_decode(code);
                [x.into(), y.into(), z.into()]
            })
        },
    );
    compare(
        "Hilbert encode, 16 bits (theirs: Gray code)",
        1.0,
        || {
            for (&p, out) in black_box(points).iter().zip(codes.iter_mut()) {
                *out = hilbert_encode(p, 16);
            }
            black_box(&mut codes);
        },
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(other.iter_mut()) {
                *out = theirs::hilbert::hilbert3d_encode(x, y, z);
            }
            black_box(&mut other);
        },
    );
    compare(
        "Hilbert decode, 16 bits (theirs: Gray code)",
        1.0,
        || sum(&codes, |code| hilbert_decode(code, 16).map(i32::from)),
        || {
            sum(&codes, |code| {
                let (x, y, z) = theirs::hilbert::hilbert3d_decode(code);
                [x.into(), y.into(), z.into()]
            })
        },
    );
    compare(
        "Hilbert64 encode (theirs: Gray code)",
        1.0,
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(codes.iter_mut()) {
                let cell = Cell::new(x.into(), y.into(), z.into()).unwrap();
                *out = Hilbert64::new(Header::CELL, cell).unwrap().into();
            }
            black_box(&mut codes);
        },
        || {
            for (&[x, y, z], out) in black_box(points).iter().zip(other.iter_mut()) {
                *out = theirs::Hilbert64::new(0, 0, 15, x, y, z).unwrap().as_u64();
            }
            black_box(&mut other);
        },
    );
}

/// All 14 neighbours of each cell, added up; theirs by each of its ways.
fn neighbours(cells: &[Cell]) {
    let ours: Vec<Index64> = cells.iter().map(|&c| c.try_into().unwrap()).collect();
    let theirs: Vec<_> = (ours.iter())
        .map(|&id| theirs::Index64::from_value(id.into()).unwrap())
        .collect();
    let our_routes: Vec<Route64> = cells.iter().map(|&c| c.try_into().unwrap()).collect();
    let their_routes: Vec<_> = (our_routes.iter())
        .map(|&id| theirs::Route64::from_value(id.into()).unwrap())
        .collect();
    let our_index64 = || {
        let mut total = 0u64;
        for &id in black_box(&ours) {
            for neighbour in id.neighbours() {
                total = total.wrapping_add(neighbour.map_or(0, u64::from));
            }
        }
        black_box(total);
    };
    compare(
        "14 neighbours as Index64 (neighbors_index64)",
        4.0,
        our_index64,
        || {
            let mut total = 0u64;
            for &id in black_box(&theirs) {
                for neighbour in theirs::neighbors::neighbors_index64(id) {
                    total = total.wrapping_add(neighbour.raw());
                }
            }
            black_box(total);
        },
    );
    let fast = |routes: &[theirs::Route64]| {
        let mut total = 0u64;
        for &id in black_box(routes) {
            for neighbour in theirs::performance::neighbors_route64_fast(id) {
                total = total.wrapping_add(neighbour.raw());
            }
        }
        black_box(total);
    };
    compare(
        "14 neighbours as Index64 (…_route64_fast)",
        4.0,
        our_index64,
        || fast(&their_routes),
    );
    compare(
        "14 neighbours as Route64 (…_route64_fast)",
        4.0,
        || {
            let mut total = 0u64;
            for &id in black_box(&our_routes) {
                for neighbour in id.neighbours() {
                    total = total.wrapping_add(neighbour.map_or(0, u64::from));
                }
            }
            black_box(total);
        },
        || fast(&their_routes),
    );
}
