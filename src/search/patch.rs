//! What a search keeps of the bricks that it has looked into: a patch a brick.

use super::CellKey;
use super::bricks::{Bricks, Held, Span};
use super::steps::{AXIAL, DIAGONAL, EVEN, INSIDE, NEEDS, NO_STEP, ONWARD, Offer, STEPS};
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::engine::shell::DIRECTIONS;
use rustc_hash::FxHashMap;

/// The entry of a cell that the search has not looked at.
pub(super) const UNSEEN: u32 = u32::MAX;

/// The entry of a cell that the search has looked at and has no distance for: a blocked one, one beyond the range of
/// distances, or one that was looked at before the search or by the walk back alone.
pub(super) const NO_DISTANCE: u32 = u32::MAX - 1;

/// A cell of a search: the number of its patch · 1024 + its place there.
pub(super) type Place = u32;

/// A brick as one search sees it.
pub(super) struct Patch {
    pub brick: BrickId,
    /// The brick's corner in lattice units.
    corner: [i32; 3],
    /// The patches in the 14 directions, as far as `linked` has a bit, and itself [`INSIDE`].
    links: [u32; 16],
    linked: u16,
    /// The other side's patch of the same brick, or how many patches it had when it was asked in vain.
    twin: Result<u32, u32>,
    /// Cells whose distance is known to be exact.
    pub closed: [u64; 16],
    /// Cells that the walk back has found to lie on no shortest route.
    pub dead: [u64; 16],
    pub costs: Costs,
    /// The cost that all of `costs` are known to be.
    uniform: Option<u16>,
    /// The least distance found so far, in ticks, or [`UNSEEN`] or [`NO_DISTANCE`].
    pub ticks: [u32; BRICK_CELLS],
    /// The step that led to a cell at that distance, or [`NO_STEP`].
    pub by: [u8; BRICK_CELLS],
}

/// The patches of one search.
pub(super) struct Patches {
    index: FxHashMap<BrickId, u32>,
    list: Vec<Box<Patch>>,
    /// How many of `list` are in use; the others wait to be used again.
    used: usize,
    /// What the costs in them lie in.
    span: Span,
}

impl Default for Patches {
    fn default() -> Self {
        Patches {
            index: FxHashMap::default(),
            list: Vec::new(),
            used: 0,
            span: Span::NONE,
        }
    }
}

#[inline(always)]
pub(super) fn has(bits: &[u64; 16], place: usize) -> bool {
    bits[place >> 6 & 15] >> (place & 63) & 1 != 0
}

#[inline(always)]
pub(super) fn set(bits: &mut [u64; 16], place: usize) {
    bits[place >> 6 & 15] |= 1 << (place & 63);
}

/// `N` entries of a patch, so that places among them need no check.
#[inline(always)]
fn window<const N: usize, T>(entries: &[T; BRICK_CELLS], first: usize) -> &[T; N] {
    entries[first..]
        .first_chunk()
        .expect("the neighbours of a place inside are in the brick")
}

impl Patch {
    /// The coordinates of a place.
    #[inline(always)]
    pub fn xyz(&self, place: usize) -> [i32; 3] {
        let parity = (place >> 9 & 1) as i32;
        [
            self.corner[0] + 2 * (place & 7) as i32 + parity,
            self.corner[1] + 2 * (place >> 3 & 7) as i32 + parity,
            self.corner[2] + 2 * (place >> 6 & 7) as i32 + parity,
        ]
    }

    /// Whether all neighbours of a place are in the brick too.
    #[inline(always)]
    pub fn is_inside(place: usize) -> bool {
        NEEDS[place] == 0
    }

    /// The neighbour of a place inside.
    #[inline(always)]
    pub fn neighbour(place: usize, step: usize) -> usize {
        usize::from(STEPS[place][step] & 1023)
    }

    /// The steps from a place inside to neighbours of which `is` says yes, of what is offered to them and of their entry, a
    /// bit each; blocked ones have a cost of 0.
    #[inline(always)]
    pub fn steps(&self, place: usize, offer: Offer, is: impl Fn(u32, u32) -> bool) -> u16 {
        let first = if place < 512 {
            place + 512 - 73
        } else {
            place - 512
        };
        let diagonal: &[u32; 74] = window(&self.ticks, first);
        let axial: &[u32; 129] = window(&self.ticks, place - 64);
        let mut steps = 0;
        if let Some(cost) = self.uniform {
            let offers = [offer.to(0, cost), offer.to(8, cost)];
            for (step, to) in DIAGONAL.into_iter().enumerate() {
                steps |= u16::from(is(offers[0], diagonal[to])) << step;
            }
            for (step, to) in AXIAL.into_iter().enumerate() {
                steps |= u16::from(is(offers[1], axial[to])) << (8 + step);
            }
        } else {
            let costs: &[u16; 74] = window(&self.costs, first);
            for (step, to) in DIAGONAL.into_iter().enumerate() {
                steps |= u16::from(is(offer.to(0, costs[to]), diagonal[to])) << step;
            }
            let costs: &[u16; 129] = window(&self.costs, place - 64);
            for (step, to) in AXIAL.into_iter().enumerate() {
                steps |= u16::from(is(offer.to(8, costs[to]), axial[to])) << (8 + step);
            }
        }
        steps
    }

    /// To be called where the other side begins anew.
    pub fn forget_twin(&mut self) {
        self.twin = Err(0);
    }

    /// The cells that the search has looked at, a bit each.
    pub fn seen(&self) -> [u64; 16] {
        let mut seen = [0; 16];
        for (place, &ticks) in self.ticks.iter().enumerate() {
            seen[place >> 6] |= u64::from(ticks != UNSEEN) << (place & 63);
        }
        seen
    }
}

impl Patches {
    /// Forgets everything; the memory is kept for the next search.
    pub fn clear(&mut self) {
        self.index.clear();
        self.used = 0;
        self.span = Span::NONE;
    }

    /// How many bricks the search has looked into.
    pub fn len(&self) -> usize {
        self.used
    }

    /// How many bytes the patches take.
    pub fn bytes(&self) -> usize {
        self.list.len() * size_of::<Patch>()
    }

    /// Keeps at most `patches` in reserve.
    pub fn shrink(&mut self, patches: usize) {
        self.list.truncate(patches.max(self.used));
    }

    pub fn iter(&self) -> impl Iterator<Item = &Patch> {
        self.list[..self.used].iter().map(|p| &**p)
    }

    /// The patch of a brick, if the search has looked into it.
    pub fn find(&self, brick: BrickId) -> Option<u32> {
        self.index.get(&brick).copied()
    }

    /// The number of the patch of the same brick as a patch of the other side.
    #[inline]
    pub fn twin(&self, theirs: &mut Patch) -> Option<u32> {
        if let Err(asked) = theirs.twin
            && asked as usize != self.used
        {
            theirs.twin = self.find(theirs.brick).ok_or(self.used as u32);
        }
        theirs.twin.ok()
    }

    #[inline(always)]
    pub fn of(&self, at: Place) -> (&Patch, usize) {
        (&self.list[(at >> 10) as usize], (at & 1023) as usize)
    }

    #[inline(always)]
    pub fn of_mut(&mut self, at: Place) -> (&mut Patch, usize) {
        (&mut self.list[(at >> 10) as usize], (at & 1023) as usize)
    }

    /// The key of a cell.
    pub fn key(&self, at: Place) -> CellKey {
        let (patch, place) = self.of(at);
        CellKey::new(patch.brick, Local::new(place).expect("below 1024"))
    }

    /// The place of a cell, in a patch that is made where there is none yet.
    ///
    /// # Errors
    /// The brick, if its costs have not arrived.
    pub fn locate(&mut self, key: CellKey, bricks: &mut Bricks) -> Result<Place, BrickId> {
        let patch = self.patch(key.brick(), bricks)?;
        Ok(patch << 10 | key.local().index() as u32)
    }

    fn patch(&mut self, brick: BrickId, bricks: &mut Bricks) -> Result<u32, BrickId> {
        if let Some(&patch) = self.index.get(&brick) {
            return Ok(patch);
        }
        let (costs, span) = match bricks.held(brick) {
            Held::Here(costs, span) => (costs, span),
            Held::Absent => (&[0; BRICK_CELLS], Span::NONE),
            Held::Elsewhere => return Err(brick),
        };
        self.span = self.span.and(span);
        // What is uniform need not be read.
        let uniform = if span == Span::NONE {
            Some(0)
        } else {
            span.uniform()
        };
        let corner = brick.xyz().map(|c| c * BRICK_UNITS);
        if self.used == self.list.len() {
            self.list.push(Box::new(Patch {
                brick,
                corner,
                links: [self.used as u32; 16],
                linked: 0,
                twin: Err(0),
                closed: [0; 16],
                dead: [0; 16],
                costs: *costs,
                uniform,
                ticks: [UNSEEN; BRICK_CELLS],
                by: [NO_STEP; BRICK_CELLS],
            }));
        } else {
            let patch = &mut *self.list[self.used];
            (patch.brick, patch.corner, patch.linked) = (brick, corner, 0);
            patch.links[usize::from(INSIDE)] = self.used as u32;
            patch.twin = Err(0);
            patch.closed.fill(0);
            patch.dead.fill(0);
            patch.ticks.fill(UNSEEN);
            match uniform {
                Some(_) if uniform == patch.uniform => {}
                Some(cost) => patch.costs.fill(cost),
                None => patch.costs.copy_from_slice(costs),
            }
            patch.uniform = uniform;
        }
        let number = self.used as u32;
        self.used += 1;
        self.index.insert(brick, number);
        Ok(number)
    }

    /// The steps to be tried from a linked cell, a bit each: along the others lies nothing nearer than is known.
    #[inline(always)]
    pub fn onward(&self, at: Place) -> u16 {
        let (patch, place) = self.of(at);
        let even = self.span.is_within(EVEN);
        ONWARD[usize::from(if even { patch.by[place] } else { NO_STEP })]
    }

    /// Makes sure that the patches of all neighbours of a cell are there.
    ///
    /// # Errors
    /// The brick, if the costs of one have not arrived.
    #[inline(always)]
    pub fn link(&mut self, at: Place, bricks: &mut Bricks) -> Result<(), BrickId> {
        let (patch, place) = self.of(at);
        let wanted = NEEDS[place] & !patch.linked;
        if wanted == 0 {
            return Ok(());
        }
        self.link_all(at >> 10, wanted, bricks)
    }

    fn link_all(
        &mut self,
        patch: u32,
        mut wanted: u16,
        bricks: &mut Bricks,
    ) -> Result<(), BrickId> {
        while wanted != 0 {
            let direction = wanted.trailing_zeros() as usize;
            wanted &= wanted - 1;
            let brick = self.list[patch as usize].brick;
            // Beyond the range of coordinates nothing is open: the patch itself stands for that, see `neighbour`.
            let beside = match brick.offset(DIRECTIONS[direction]) {
                Some(beside) => self.patch(beside, bricks)?,
                None => OUTSIDE,
            };
            let from = &mut self.list[patch as usize];
            from.links[direction] = beside;
            from.linked |= 1 << direction;
        }
        Ok(())
    }

    /// The neighbour of a cell in a step of the fixed order, or `None` outside the range of coordinates; the cell must
    /// be linked.
    #[inline(always)]
    pub fn neighbour(&self, at: Place, step: usize) -> Option<Place> {
        let (patch, place) = self.of(at);
        let to = STEPS[place][step];
        let beside = patch.links[usize::from(to >> 10) & 15];
        (beside != OUTSIDE).then_some(beside << 10 | u32::from(to & 1023))
    }
}

/// The link to what lies outside the range of coordinates.
const OUTSIDE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::NEIGHBOURS;

    #[test]
    fn the_steps_inside_are_those_of_which_each_step_says_so() {
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let (brick, mut bricks) = (
            BrickId::from_code(0).unwrap(),
            Bricks::new(Default::default()),
        );
        for uniform in [false, true] {
            let costs = std::array::from_fn(|_| if uniform { 300 } else { random(400) as u16 });
            bricks.load(brick, Box::new(costs));
            let mut patches = Patches::default();
            let cell = CellKey::new(brick, Local::new(0).unwrap());
            let at = patches.locate(cell, &mut bricks).unwrap();
            let (patch, _) = patches.of_mut(at);
            assert_eq!(patch.uniform.is_some(), uniform);
            patch.ticks = std::array::from_fn(|_| match random(4) {
                0 => UNSEEN,
                1 => NO_DISTANCE,
                _ => 10_000 + random(4000) as u32,
            });
            for place in (0..BRICK_CELLS).filter(|&place| Patch::is_inside(place)) {
                let offer = Offer::new(8000 + random(4000) as u32, patch.costs[place]);
                let mut nearer = 0;
                for (step, by) in NEIGHBOURS.iter().enumerate() {
                    let to = Patch::neighbour(place, step);
                    let there = std::array::from_fn(|a| patch.xyz(place)[a] + by[a]);
                    assert_eq!(patch.xyz(to), there);
                    nearer |= u16::from(offer.to(step, patch.costs[to]) < patch.ticks[to]) << step;
                }
                assert_eq!(patch.steps(place, offer, |new, old| new < old), nearer);
            }
        }
    }
}
