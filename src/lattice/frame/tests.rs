//! Snapping against brute force over every lattice point around the position, in integers.

use super::*;
use proptest::prelude::*;

/// The contract's rule, word for word, for a position in 1/`scale` lattice units: the least by squared distance,
/// then even before odd, then x, y, z.
fn brute_force(position: [i64; 3], scale: i64, odd_too: bool) -> [i64; 3] {
    let around = position.map(|c| c.div_euclid(scale));
    let mut best = None;
    for x in around[0] - 3..=around[0] + 3 {
        for y in around[1] - 3..=around[1] + 3 {
            for z in around[2] - 3..=around[2] + 3 {
                let is_odd = x.rem_euclid(2) == 1;
                if (y - x) % 2 != 0 || (z - x) % 2 != 0 || is_odd && !odd_too {
                    continue;
                }
                let square: i128 = [x, y, z]
                    .iter()
                    .zip(position)
                    .map(|(&c, p)| i128::from(c * scale - p).pow(2))
                    .sum();
                let rank = (square, is_odd, [x, y, z]);
                if best.is_none_or(|least| rank < least) {
                    best = Some(rank);
                }
            }
        }
    }
    best.expect("there are lattice points around every position")
        .2
}

fn check(frame: &Frame, position: [i64; 3], scale: i64) {
    let position_m: [f64; 3] = std::array::from_fn(|a| {
        frame.origin_m()[a] + position[a] as f64 / scale as f64 * (frame.cell_size_m() / 2.0)
    });
    for odd_too in [true, false] {
        let nearest = brute_force(position, scale, odd_too);
        let expected = if nearest.iter().all(|c| (0..=65535).contains(c)) {
            Ok(nearest.map(|c| c as i32))
        } else {
            Err(FrameError::Range(position_m))
        };
        let snapped = if odd_too {
            frame.snap(position_m)
        } else {
            frame.snap_voxel(position_m)
        };
        assert_eq!(snapped.map(Cell::xyz), expected, "{position:?} / {scale}");
    }
}

#[test]
fn every_tie_of_a_block_follows_the_contract() {
    let frame = Frame::new([0.0; 3], 2.0).unwrap();
    // Quarters hold all corners, edges and faces' centres of the cells' bodies.
    for x in -9..=17 {
        for y in -9..=17 {
            for z in -9..=17 {
                check(&frame, [x, y, z], 4);
            }
        }
    }
    check(&frame, [65535 * 4, 65535 * 4 + 2, 65535 * 4 - 1], 4);
    check(&frame, [65536 * 4, 65534 * 4, 65534 * 4], 4);
}

#[test]
fn a_hair_decides_where_it_is_not_a_tie() {
    let frame = Frame::new([0.0; 3], 2.0).unwrap();
    let snap = |p: [f64; 3]| frame.snap(p).map(Cell::xyz);
    // 1 + 1/2 + 0 is the plane between (0,0,0) and (1,1,1); the least f64 lies beyond it.
    assert_eq!(snap([1.0, 0.5, 0.0]), Ok([0, 0, 0]));
    assert_eq!(snap([1.0, 0.5, f64::from_bits(1)]), Ok([1, 1, 1]));
    assert_eq!(snap([1.0, 0.5f64.next_down(), 0.0]), Ok([0, 0, 0]));
    assert_eq!(snap([1.0f64.next_up(), 0.5, 0.0]), Ok([2, 0, 0]));
    assert_eq!(snap([1.0, 0.5f64.next_up(), 2.0]), Ok([1, 1, 1]));
    // Just above −1 the nearest even coordinate is 0.
    let voxel = |p: [f64; 3]| frame.snap_voxel(p).map(Cell::xyz);
    assert_eq!(voxel([(-1.0f64).next_up(), 0.0, 0.0]), Ok([0, 0, 0]));
    assert!(voxel([-1.0, 0.0, 0.0]).is_err());
    assert_eq!(voxel([1.0, 1.0f64.next_up(), 3.0]), Ok([0, 2, 2]));
}

#[test]
fn bad_frames_and_positions_are_errors() {
    assert!(Frame::new([0.0; 3], 0.0).is_err());
    assert!(Frame::new([0.0; 3], f64::INFINITY).is_err());
    assert!(Frame::new([0.0, f64::NAN, 0.0], 1.0).is_err());
    let frame = Frame::new([-1e308; 3], 1e-300).unwrap();
    assert!(matches!(frame.snap([1e308; 3]), Err(FrameError::Range(_))));
    assert!(matches!(
        frame.snap([0.0, f64::NAN, 0.0]),
        Err(FrameError::Position(_))
    ));
}

proptest! {
    #[test]
    fn snapping_is_brute_force(
        position in prop::array::uniform3(-5_000_000i64..70_000_000),
        bits in 0..10u32,
    ) {
        // Powers of two keep the position exact in metres, so that ties are ties.
        let frame = Frame::new([-64.0, 0.0, 1024.0], 0.25).unwrap();
        check(&frame, position.map(|c| c >> (10 - bits)), 1 << bits);
    }

    #[test]
    fn ties_are_brute_force(position in prop::array::uniform3(-8i64..262_152)) {
        let frame = Frame::new([8.0; 3], 0.5).unwrap();
        check(&frame, position, 4);
    }

    #[test]
    fn a_cell_snaps_to_itself(
        p in any::<[u16; 3]>(),
        odd in 0..2,
        origin_m in prop::array::uniform3(-1e6..1e6),
        cell_size_m in 1e-3..1e3,
    ) {
        let [x, y, z] = p.map(|c| i32::from(c) & !1 | odd);
        let cell = Cell::new(x, y, z).unwrap();
        let frame = Frame::new(origin_m, cell_size_m).unwrap();
        prop_assert_eq!(frame.snap(frame.position_m(cell)), Ok(cell));
    }
}
