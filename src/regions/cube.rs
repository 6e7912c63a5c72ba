//! Level 1: the bricks of one cube of 4×4×4, their pieces and contacts, and the regions that these make.

use super::border::{Border, UPWARD};
use super::brick::Brick;
use super::{Profile, Region};
use crate::brick::BrickId;
use crate::engine::shell::DIRECTIONS;

/// In [`Cube::around`]: no brick of this worker has been there yet.
pub(super) const NO_CUBE: u32 = u32::MAX;

/// A brick's place: the slot of its cube, and its number there (the low six bits of its code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub slot: u32,
    pub index: u8,
}

/// Where the brick beside brick `index` of a cube lies in each direction: the direction of its cube ([`SAME`] for
/// the same one), and its number there.
pub(super) static BESIDE: [[(u8, u8); 14]; 64] = beside();

/// In [`BESIDE`]: no direction, but the same cube.
pub(super) const SAME: u8 = 14;

const fn beside() -> [[(u8, u8); 14]; 64] {
    let mut table = [[(SAME, 0); 14]; 64];
    let mut index = 0;
    while index < 64 {
        let mut direction = 0;
        while direction < 14 {
            let (mut across, mut there, mut axis) = ([0; 3], 0, 0);
            while axis < 3 {
                let at = (index >> axis & 1 | index >> (axis + 2) & 2) as i32;
                let at = at + DIRECTIONS[direction][axis];
                across[axis] = at >> 2;
                there |= (at & 1) << axis | (at & 2) << (axis + 2);
                axis += 1;
            }
            table[index][direction] = (direction_of(across), there as u8);
            direction += 1;
        }
        index += 1;
    }
    table
}

const fn direction_of(step: [i32; 3]) -> u8 {
    let mut direction = 0;
    while direction < 14 {
        let [x, y, z] = DIRECTIONS[direction as usize];
        if x == step[0] && y == step[1] && z == step[2] {
            return direction;
        }
        direction += 1;
    }
    SAME
}

/// What a piece of this cube shows a brick of another worker.
pub(super) struct Shown {
    /// The brick's number in the cube.
    pub index: u8,
    /// The direction in which the other brick lies.
    pub direction: u8,
    /// The piece.
    pub piece: u16,
    /// Its border there.
    pub border: Border,
}

/// The bricks of this worker in a cube of 4×4×4, and what their pieces make.
pub(super) struct Cube {
    /// The Morton code of its bricks without the low six bits.
    pub code: u64,
    /// The slots of the cubes in the 14 directions, or [`NO_CUBE`].
    pub around: [u32; 14],
    /// The bricks with open cells, a bit each.
    present: u64,
    /// These bricks, in ascending order.
    bricks: Vec<Brick>,
    /// The regions, in ascending order.
    regions: Vec<Region>,
    /// The edges upwards between regions here and in other cubes of this worker, in ascending order.
    pub edges: Vec<(Region, Region)>,
    /// What other workers must know, in ascending order of bricks.
    pub shown: Vec<Shown>,
}

impl Cube {
    /// A cube without bricks.
    pub fn new(code: u64) -> Cube {
        Cube {
            code,
            around: [NO_CUBE; 14],
            present: 0,
            bricks: Vec::new(),
            regions: Vec::new(),
            edges: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The id of a brick.
    pub fn brick(&self, index: u8) -> BrickId {
        let id = BrickId::from_code(self.code << 6 | u64::from(index));
        id.expect("a cube's bricks have codes of 36 bits")
    }

    /// True if the brick has an open cell.
    pub fn has(&self, index: u8) -> bool {
        self.present >> index & 1 == 1
    }

    /// How many pieces a brick has.
    pub fn piece_count(&self, index: u8) -> usize {
        self.get(index).map_or(0, Brick::piece_count)
    }

    /// The region of the piece of a brick with the given least place.
    pub fn region_of(&self, index: u8, least: u16) -> Option<Region> {
        let piece = self.get(index)?.pieces().find(|p| p.least == least)?;
        Some(self.regions[usize::from(piece.region)])
    }

    /// The region of a brick's piece.
    pub fn region(&self, index: u8, piece: u16) -> Option<Region> {
        let piece = self.get(index)?.piece(piece);
        self.regions.get(usize::from(piece.region)).copied()
    }

    fn rank(&self, index: u8) -> usize {
        (self.present & ((1 << index) - 1)).count_ones() as usize
    }

    fn get(&self, index: u8) -> Option<&Brick> {
        self.has(index).then(|| &self.bricks[self.rank(index)])
    }

    /// The numbers of the bricks, in ascending order.
    fn indices(&self) -> impl Iterator<Item = u8> + use<> {
        indices(self.present)
    }

    /// Takes over the pieces of a brick, given by their least places; tells whether they are others than before. The
    /// contacts of a brick that changed must be set anew.
    pub fn put(&mut self, index: u8, mut leasts: impl Iterator<Item = u16>) -> bool {
        let (rank, had) = (self.rank(index), self.has(index));
        let Some(first) = leasts.next() else {
            if had {
                self.bricks.remove(rank);
                self.present &= !(1 << index);
            }
            return had;
        };
        if !had {
            self.present |= 1 << index;
            self.bricks.insert(rank, Brick::new(first));
        }
        self.bricks[rank].set_pieces(first, leasts.collect()) || !had
    }

    /// Takes over which pieces of a brick (the first of each two) touch which of the brick upwards of it; tells
    /// whether they are others than before.
    pub fn set_contacts(&mut self, index: u8, upward: usize, found: &[(u16, u16)]) -> bool {
        let rank = self.rank(index);
        self.has(index) && self.bricks[rank].set_contacts(upward, found)
    }

    /// Finds the regions again; gives the bricks of which some piece's region has another name than before, a bit
    /// each, all those of `fresh` among them.
    pub fn regroup(&mut self, fresh: u64) -> u64 {
        let leaders = self.leaders();
        let before = std::mem::take(&mut self.regions);
        let (mut renamed, mut number) = (0, 0);
        let mut numbers = vec![0u16; leaders.len()];
        for (index, brick) in indices(self.present).zip(&mut self.bricks) {
            let is_fresh = fresh >> index & 1 == 1;
            for piece in brick.pieces_mut() {
                if usize::from(leaders[number]) == number {
                    numbers[number] = self.regions.len() as u16;
                    let brick = self.code << 6 | u64::from(index);
                    self.regions.push(Region::new(brick, piece.least));
                }
                let region = numbers[usize::from(leaders[number])];
                let old = before.get(usize::from(piece.region));
                if is_fresh || old != Some(&self.regions[usize::from(region)]) {
                    renamed |= 1 << index;
                }
                piece.region = region;
                number += 1;
            }
        }
        renamed
    }

    /// For each piece, in ascending order, the number of the first piece of its region.
    fn leaders(&self) -> Vec<u16> {
        let (mut base, mut count) = ([0u16; 64], 0);
        for (index, brick) in self.indices().zip(&self.bricks) {
            base[usize::from(index)] = count;
            count += brick.piece_count() as u16;
        }
        let mut leaders: Vec<u16> = (0..count).collect();
        for (index, brick) in self.indices().zip(&self.bricks) {
            for contact in brick.contacts() {
                let direction = UPWARD[usize::from(contact.upward)];
                let (across, there) = BESIDE[usize::from(index)][direction];
                if across == SAME {
                    let lower = base[usize::from(index)] + contact.lower;
                    let upper = base[usize::from(there)] + contact.upper;
                    join(&mut leaders, lower, upper);
                }
            }
        }
        for number in 0..count {
            leaders[usize::from(number)] = leader(&mut leaders, number);
        }
        leaders
    }

    /// Calls `found` with each region here, and the place and piece in another cube that it touches upwards.
    pub fn contacts_out(&self, mut found: impl FnMut(Region, Place, u16)) {
        for (index, brick) in self.indices().zip(&self.bricks) {
            for contact in brick.contacts() {
                let direction = UPWARD[usize::from(contact.upward)];
                let (across, there) = BESIDE[usize::from(index)][direction];
                if across != SAME {
                    let region = brick.piece(contact.lower).region;
                    let slot = self.around[usize::from(across)];
                    let place = Place { slot, index: there };
                    found(self.regions[usize::from(region)], place, contact.upper);
                }
            }
        }
    }

    /// What is shown to other workers, in ascending order.
    pub fn profiles(&self) -> Vec<Profile> {
        let profile = |shown: &Shown| {
            let region = self.region(shown.index, shown.piece)?;
            let brick = self.brick(shown.index);
            Profile::new(brick, usize::from(shown.direction), region, shown.border)
        };
        let mut profiles: Vec<Profile> = self.shown.iter().filter_map(profile).collect();
        profiles.sort_unstable();
        profiles
    }
}

/// The numbers of the bits that are set, in ascending order.
pub(super) fn indices(mut bits: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let index = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (index < 64).then_some(index as u8)
    })
}

/// The first of those that `number` is joined with, and shorter ways to it.
fn leader(leaders: &mut [u16], mut number: u16) -> u16 {
    while leaders[usize::from(number)] != number {
        let next = leaders[usize::from(leaders[usize::from(number)])];
        leaders[usize::from(number)] = next;
        number = next;
    }
    number
}

fn join(leaders: &mut [u16], a: u16, b: u16) {
    let (a, b) = (leader(leaders, a), leader(leaders, b));
    leaders[usize::from(a.max(b))] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bricks_beside_a_brick_are_found_in_their_cubes() {
        let cube = Cube::new(BrickId::new(4, 8, 12).unwrap().code() >> 6);
        for index in 0..64 {
            for (direction, step) in DIRECTIONS.into_iter().enumerate() {
                let expected = cube.brick(index).offset(step).unwrap();
                let (across, there) = BESIDE[usize::from(index)][direction];
                let step = DIRECTIONS.get(usize::from(across));
                let step = step.map_or([0; 3], |step| step.map(|c| 4 * c));
                let corner = cube.brick(0).offset(step).unwrap();
                let found = BrickId::from_code(corner.code() | u64::from(there)).unwrap();
                assert_eq!(found, expected, "{index} {direction}");
            }
        }
    }
}
