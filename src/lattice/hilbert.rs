//! The Hilbert curve: an order of the grid points in which every two consecutive ones are face neighbours.
//!
//! A cube of 2ᵇ points an axis is visited octant by octant in the order of the reflected Gray code, and each octant
//! in the same way, turned and mirrored so that it begins beside the point where the octant before it ended. The
//! orientation of a cube is a corner `entry` at which the curve comes in and the axis `along` which it goes out; at
//! each level (formulas of C. Hamilton, *Compact Hilbert Indices*, Dalhousie University, CS-2006-07, section 2)
//! the octant visited `i`-th is `entry ^ rotl(gray(i), along + 1)`, and the next level's orientation follows from `i`.
//! Twelve orientations occur. Octants number the high bits of the coordinates: x is bit 0, y bit 1, z bit 2.
//!
//! The tables take three levels at once, from the coordinates' Morton code to the curve's key and back.
//!
//! The curve of `b` bits is the start of the curve of `b + 1` levels above it: `hilbert_encode(p >> 4, 12) ==
//! hilbert_encode(p, 16) >> 12`, so the order of bricks is the order of their cells.

use super::morton::{X_BITS, morton_decode, morton_encode};

/// The bits of a key with 16 bits an axis.
const KEY_BITS: u64 = (1 << 48) - 1;

/// The place on the Hilbert curve of a point on a grid of `2^bits` points an axis: 0…2^(3·bits) − 1.
///
/// Bits of the coordinates from `bits` on are ignored.
///
/// # Panics
/// Unless `bits` is in 1…16.
///
/// # Example
/// ```
/// use octaflow::lattice::{hilbert_decode, hilbert_encode};
/// let path: Vec<_> = (0..4).map(|key| hilbert_decode(key, 1)).collect();
/// assert_eq!(path, [[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]]);
/// assert_eq!(hilbert_encode([0, 1, 1], 1), 2);
/// ```
#[inline]
pub fn hilbert_encode(coordinates: [u16; 3], bits: u32) -> u64 {
    walk(&TO_KEY, morton_encode(coordinates), bits)
}

/// The point at place `key` on the Hilbert curve over a grid of `2^bits` points an axis: undoes
/// [`hilbert_encode`]. Bits of the key from `3 · bits` on are ignored.
///
/// # Panics
/// Unless `bits` is in 1…16.
#[inline]
pub fn hilbert_decode(key: u64, bits: u32) -> [u16; 3] {
    morton_decode(walk(&TO_MORTON, key, bits))
}

/// The Gray code of each octant of a Morton code, all levels at once: what octaindex3d calls a Hilbert key. It
/// orders the grid, but consecutive codes are not neighbours.
pub const fn gray_of_morton(code: u64) -> u64 {
    (code ^ (code >> 1 & (X_BITS | X_BITS << 1))) & KEY_BITS
}

/// The Morton code of a Gray code: undoes [`gray_of_morton`].
pub const fn morton_of_gray(gray: u64) -> u64 {
    (gray ^ (gray >> 1 & (X_BITS | X_BITS << 1)) ^ (gray >> 2 & X_BITS)) & KEY_BITS
}

/// Translates digits of three bits, from the highest level down, three levels a step.
#[inline]
fn walk(table: &Table, digits: u64, bits: u32) -> u64 {
    assert!(
        (1..=16).contains(&bits),
        "a Hilbert curve has 1…16 bits an axis"
    );
    // Where the levels do not divide by three the walk begins higher, with digits 0 that lead to orientation 0.
    let steps = bits.div_ceil(3);
    let above = 3 * steps - bits;
    let mut state = orientation(0, u64::from((3 - above) % 3)) << 9;
    let digits = digits & (KEY_BITS >> (48 - 3 * bits));
    let mut out = 0;
    for step in (0..steps).rev() {
        let entry = u64::from(table[(state | (digits >> (9 * step) & 0x1ff)) as usize & 0x1fff]);
        out = out << 9 | (entry & 0x1ff);
        state = entry & 0x1e00;
    }
    out
}

/// Entry `orientation · 512 + three octants` of `TO_KEY` is `next orientation · 512 + three key digits`;
/// `TO_MORTON` goes the other way. Entries from 12 · 512 on are never reached: they make the length a power of two.
type Table = [u16; 8192];
static TO_KEY: Table = tables().0;
static TO_MORTON: Table = tables().1;

/// How an octant's cube lies: bits 0…1 number the entry corner (0, 3, 5, 6, halved), the rest is the axis.
const fn orientation(entry: u64, along: u64) -> u64 {
    along << 2 | entry >> 1
}

const fn tables() -> (Table, Table) {
    let (mut to_key, mut to_morton) = ([0; 8192], [0; 8192]);
    let mut from = 0;
    while from < 12 {
        let mut octants = 0;
        while octants < 512 {
            let (high, after_high) = level(from, octants >> 6);
            let (middle, after_middle) = level(after_high, octants >> 3 & 7);
            let (low, next) = level(after_middle, octants & 7);
            let key = high << 6 | middle << 3 | low;
            to_key[(from << 9 | octants) as usize] = (next << 9 | key) as u16;
            to_morton[(from << 9 | key) as usize] = (next << 9 | octants) as u16;
            octants += 1;
        }
        from += 1;
    }
    (to_key, to_morton)
}

/// One level: when the octant is visited (0…7), and the orientation of its own cube.
const fn level(from: u64, octant: u64) -> (u64, u64) {
    // The corners with an even number of ones are 0, 3, 5, 6.
    let half = from & 3;
    let entry = half << 1 | (half ^ half >> 1) & 1;
    let along = from >> 2;
    let gray = rotate_left(octant ^ entry, 2 - along % 3);
    let visit = gray ^ gray >> 1 ^ gray >> 2;
    let (inner_entry, inner_along) = if visit == 0 {
        (0, 0)
    } else {
        let even = (visit - 1) / 2 * 2;
        let ones = (visit - 1) | 1;
        (even ^ even >> 1, ones.trailing_ones() as u64)
    };
    let next_entry = entry ^ rotate_left(inner_entry, along + 1);
    (
        visit,
        orientation(next_entry, (along + inner_along + 1) % 3),
    )
}

/// Rotates three bits left.
const fn rotate_left(v: u64, by: u64) -> u64 {
    let by = by % 3;
    (v << by | v >> (3 - by)) & 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(a: [u16; 3], b: [u16; 3]) -> u32 {
        (0..3).map(|i| u32::from(a[i].abs_diff(b[i]))).sum()
    }

    #[test]
    fn visits_every_point_of_small_grids_by_steps_of_one() {
        for bits in 1..=6 {
            let mut last = hilbert_decode(0, bits);
            assert_eq!(last, [0, 0, 0]);
            for key in 0..1u64 << (3 * bits) {
                let point = hilbert_decode(key, bits);
                assert_eq!(hilbert_encode(point, bits), key, "{bits} bits");
                assert!(key == 0 || steps(last, point) == 1, "{bits} bits at {key}");
                last = point;
            }
        }
    }

    #[test]
    fn orientations_are_those_of_one_level() {
        let mut seen = [false; 12];
        for from in 0..12 {
            for octant in 0..8 {
                seen[level(from, octant).1 as usize] = true;
            }
        }
        assert_eq!(seen, [true; 12]);
        for along in 0..3 {
            assert_eq!(
                level(orientation(0, along), 0),
                (0, orientation(0, (along + 1) % 3))
            );
        }
    }

    proptest! {
        #[test]
        fn consecutive_keys_are_face_neighbours(key in 0..KEY_BITS, bits in 1..=16u32) {
            let key = key >> (48 - 3 * bits);
            prop_assert_eq!(hilbert_encode(hilbert_decode(key, bits), bits), key);
            if key + 1 < 1 << (3 * bits) {
                prop_assert_eq!(steps(hilbert_decode(key, bits), hilbert_decode(key + 1, bits)), 1);
            }
        }

        #[test]
        fn a_shorter_curve_is_a_prefix(p in any::<[u16; 3]>(), bits in 1..=16u32) {
            let drop = 16 - bits;
            prop_assert_eq!(
                hilbert_encode(p.map(|c| c >> drop), bits),
                hilbert_encode(p, 16) >> (3 * drop)
            );
        }

        #[test]
        fn gray_codes_come_back(code in 0..=KEY_BITS) {
            prop_assert_eq!(morton_of_gray(gray_of_morton(code)), code);
            for level in 0..16 {
                let octant = code >> (3 * level) & 7;
                prop_assert_eq!(gray_of_morton(code) >> (3 * level) & 7, octant ^ octant >> 1);
            }
        }
    }

    #[test]
    #[should_panic(expected = "1…16 bits")]
    fn no_curve_of_no_bits() {
        hilbert_encode([0; 3], 0);
    }
}
