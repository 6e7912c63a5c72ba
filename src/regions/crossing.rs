//! Crossings: the one step from brick to brick that stands for all those where two pieces touch.

use super::border::{Border, UPWARD, layer_place};
use super::planes::Pieces;
use crate::brick::{BRICK_UNITS, Local, Planes};
use crate::engine::shell::{DIRECTIONS, opposite};
use crate::lattice::NEIGHBOURS;

/// A step from one piece of the lower of two bricks to one of the upper, in the middle of where they touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    /// The numbers of the pieces, of the lower brick and of the upper one.
    pub pieces: [u16; 2],
    /// The places of the step's cells, in the lower brick and in the upper one.
    pub places: [Local; 2],
}

/// The number in [`UPWARD`] of a direction, and whether it leads up; if not, that of the one that leads back.
pub(crate) fn upward_of(direction: usize) -> (usize, bool) {
    let find = |direction| UPWARD.iter().position(|&d| d == direction);
    match find(direction) {
        Some(upward) => (upward, true),
        None => (
            find(opposite(direction)).expect("one of the two leads up"),
            false,
        ),
    }
}

/// The crossings between two bricks, the upper one in the direction numbered `upward` in [`UPWARD`], ascending by pieces.
///
/// A crossing's upper cell is the one of those that are touched that lies nearest to their centre, the first of equals;
/// its lower cell the first neighbour of that in the fixed order.
pub(crate) fn crossings(lower: &Pieces, upper: &Pieces, upward: usize) -> Vec<Crossing> {
    let mut found = Vec::new();
    let uppers: Vec<Border> = upper
        .as_slice()
        .iter()
        .map(|p| Border::of_upper(p, upward))
        .collect();
    for (a, piece) in (0..).zip(lower.as_slice()) {
        let border = Border::of_lower(piece, upward);
        if border.is_empty() {
            continue;
        }
        for (b, other) in (0..)
            .zip(&uppers)
            .filter(|(_, other)| border.meets(**other))
        {
            let touched = Border {
                even: border.even & other.even,
                odd: border.odd & other.odd,
            };
            let top = middle(touched, upward);
            found.push(Crossing {
                pieces: [a, b],
                places: [below(piece, top, upward), top],
            });
        }
    }
    found
}

/// The place of the upper brick that lies nearest to the centre of a border, the first of equals.
fn middle(border: Border, upward: usize) -> Local {
    let cells = || {
        let even = bits(border.even).map(|bit| (0, bit));
        even.chain(bits(border.odd).map(|bit| (1, bit)))
    };
    let at = |(parity, bit): (usize, u32)| {
        [
            2 * (bit & 7) as i32 + parity as i32,
            2 * (bit >> 3) as i32 + parity as i32,
        ]
    };
    let (mut sum, mut count) = ([0; 2], 0);
    for cell in cells() {
        let at = at(cell);
        sum = [sum[0] + at[0], sum[1] + at[1]];
        count += 1;
    }
    let off = |cell| {
        (0..2)
            .map(|a| (at(cell)[a] * count - sum[a]).pow(2))
            .sum::<i32>()
    };
    let nearest = cells().min_by_key(|&cell| off(cell));
    let (parity, bit) = nearest.expect("a border that is not empty");
    layer_place(parity, bit, upward)
}

fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros());
        set &= set.wrapping_sub(1);
        bit
    })
}

/// The first neighbour of a place of the upper brick that lies in a piece of the lower one.
fn below(piece: &Planes, top: Local, upward: usize) -> Local {
    let (units, up) = (top.units(), DIRECTIONS[UPWARD[upward]]);
    let lower = NEIGHBOURS.iter().find_map(|by| {
        let to: [i32; 3] = std::array::from_fn(|a| units[a] + by[a] + BRICK_UNITS * up[a]);
        let inside = to.iter().all(|c| (0..BRICK_UNITS).contains(c));
        let [x, y, z] = to;
        let local = inside.then(|| Local::of_units(x, y, z))?;
        piece.contains(local).then_some(local)
    });
    lower.expect("the piece touches the place")
}
