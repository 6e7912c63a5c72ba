//! What a search keeps of the bricks that it has looked into: a patch a brick.

use super::CellKey;
use super::bricks::{Bricks, Held};
use super::pruning::ALL_STEPS;
use crate::brick::{BRICK_CELLS, BRICK_UNITS, BrickId, Costs, Local};
use crate::engine::shell::DIRECTIONS;
use crate::lattice::{NEIGHBOURS, axial_half, diagonal_half};
use rustc_hash::FxHashMap;

/// The distance of a cell that the search has not reached.
pub(super) const NO_DISTANCE: u32 = u32::MAX;

/// A cell of a search: the number of its patch · 1024 + its place there.
pub(super) type Place = u32;

/// The number of steps that stay inside a brick, in place of a direction.
const INSIDE: u16 = 14;

/// Where each of a place's 14 neighbours lies: direction · 1024 + place, in the fixed order.
static STEPS: [[u16; 14]; BRICK_CELLS] = steps().0;

/// The directions that a place's neighbours lie in, a bit each.
static NEEDS: [u16; BRICK_CELLS] = steps().1;

/// The steps that stay inside a place's brick, a bit each.
static INSIDES: [u16; BRICK_CELLS] = insides();

/// By how much a place's index grows in each step that stays inside the brick; even places first.
static GROWTHS: [[i16; 14]; 2] = growths();

const fn insides() -> [u16; BRICK_CELLS] {
    let mut bits = [0; BRICK_CELLS];
    let mut place = 0;
    while place < BRICK_CELLS {
        let mut step = 0;
        while step < 14 {
            if STEPS[place][step] >> 10 == INSIDE {
                bits[place] |= 1 << step;
            }
            step += 1;
        }
        place += 1;
    }
    bits
}

const fn growths() -> [[i16; 14]; 2] {
    // A place in the middle, all of whose steps stay inside.
    let middle = 3 << 6 | 3 << 3 | 3;
    let mut table = [[0; 14]; 2];
    let mut parity = 0;
    while parity < 2 {
        let place = parity << 9 | middle;
        let mut step = 0;
        while step < 14 {
            table[parity][step] = (STEPS[place][step] & 1023) as i16 - place as i16;
            step += 1;
        }
        parity += 1;
    }
    table
}

const fn steps() -> ([[u16; 14]; BRICK_CELLS], [u16; BRICK_CELLS]) {
    let (mut table, mut needs) = ([[0; 14]; BRICK_CELLS], [0; BRICK_CELLS]);
    let mut place = 0;
    while place < BRICK_CELLS {
        let parity = (place >> 9) as i32;
        let units = [
            2 * (place & 7) as i32 + parity,
            2 * (place >> 3 & 7) as i32 + parity,
            2 * (place >> 6 & 7) as i32 + parity,
        ];
        let mut step = 0;
        while step < 14 {
            let (mut to, mut brick) = ([0; 3], [0; 3]);
            let mut a = 0;
            while a < 3 {
                let c = units[a] + NEIGHBOURS[step][a];
                brick[a] = c.div_euclid(BRICK_UNITS);
                to[a] = c.rem_euclid(BRICK_UNITS);
                a += 1;
            }
            let [x, y, z] = to;
            let local = (x & 1) << 9 | (z >> 1) << 6 | (y >> 1) << 3 | x >> 1;
            let mut direction = INSIDE;
            let mut d = 0;
            while d < 14 {
                let [dx, dy, dz] = DIRECTIONS[d];
                if dx == brick[0] && dy == brick[1] && dz == brick[2] {
                    direction = d as u16;
                }
                d += 1;
            }
            table[place][step] = direction << 10 | local as u16;
            if direction != INSIDE {
                needs[place] |= 1 << direction;
            }
            step += 1;
        }
        place += 1;
    }
    (table, needs)
}

/// What a search knows of a cell.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// The least distance found so far, in ticks, or [`NO_DISTANCE`].
    pub ticks: u32,
    /// The steps by which the cell was reached at this distance, as far as it did not go on from them yet; [`LOOKED`].
    pub reached: u16,
    /// The steps by which this distance was offered on; [`DEAD`] and [`CLOSED`].
    pub offered: u16,
}

/// Among [`Mark::reached`]: the cell was looked at otherwise than from a neighbour that offered its distance.
pub(super) const LOOKED: u16 = 1 << 15;

/// Among [`Mark::reached`]: the walk back has looked at the cell's neighbours.
pub(super) const WALKED: u16 = 1 << 14;

/// Among [`Mark::offered`]: the walk back has found the cell to lie on no shortest route.
pub(super) const DEAD: u16 = 1 << 14;

/// Among [`Mark::offered`]: the distance is known to be exact, and was offered on.
pub(super) const CLOSED: u16 = 1 << 15;

impl Mark {
    const NONE: Mark = Mark {
        ticks: NO_DISTANCE,
        reached: 0,
        offered: 0,
    };

    #[inline(always)]
    pub fn is_closed(self) -> bool {
        self.offered & CLOSED != 0
    }

    /// Whether steps by which the cell was reached wait to be gone on from.
    #[inline(always)]
    pub fn is_waiting(self) -> bool {
        self.reached & ALL_STEPS != 0
    }
}

/// Among the steps of [`Patch::open`]: some open neighbour has another cost than the cell.
pub(super) const VARIED: u16 = 1 << 14;

/// Among the steps of [`Patch::open`]: the neighbours were looked at.
const SURVEYED: u16 = 1 << 15;

/// A brick as one search sees it. Costs and what follows from them serve one search after another.
pub(super) struct Patch {
    pub brick: BrickId,
    /// The brick's corner in lattice units.
    corner: [i32; 3],
    /// The patches in the 14 directions, as far as `known` has a bit.
    links: [u32; 14],
    known: u16,
    /// The directions whose patches are in use by the search at hand.
    linked: u16,
    /// The search that uses the patch.
    search: u32,
    pub costs: Costs,
    /// The weights of a diagonal and an axial step, if all open cells have one cost.
    pub weights: Option<[u32; 2]>,
    /// The steps that lead to open cells, a bit each, [`VARIED`] and [`SURVEYED`]; 0 before the first look.
    open: [u16; BRICK_CELLS],
    pub marks: [Mark; BRICK_CELLS],
}

/// The weights of a diagonal and an axial step between cells of these costs, if all that are open have one.
fn weights(costs: &Costs) -> Option<[u32; 2]> {
    let most = costs.iter().copied().max()?;
    let least = costs
        .iter()
        .map(|c| c.wrapping_sub(1))
        .min()?
        .wrapping_add(1);
    (least == most).then(|| [2 * diagonal_half(most), 2 * axial_half(most)])
}

/// The patches of one search, and those that earlier ones have left.
#[derive(Default)]
pub(super) struct Patches {
    index: FxHashMap<BrickId, u32>,
    list: Vec<Box<Patch>>,
    /// The patches that this search uses.
    used: Vec<u32>,
    /// The number of this search.
    search: u32,
    /// Memory of patches that are no longer right.
    spare: Vec<Box<Patch>>,
}

impl Patch {
    fn new(brick: BrickId) -> Box<Self> {
        Box::new(Patch {
            brick,
            corner: [0; 3],
            links: [0; 14],
            known: 0,
            linked: 0,
            search: 0,
            costs: [0; BRICK_CELLS],
            weights: None,
            open: [0; BRICK_CELLS],
            marks: [Mark::NONE; BRICK_CELLS],
        })
    }

    /// The steps that lead to open cells, a bit each, and [`VARIED`]; all 0 if they were not looked at.
    #[inline(always)]
    pub fn open(&self, place: usize) -> u16 {
        self.open[place]
    }

    /// Forgets what an earlier search knew.
    fn begin(&mut self, search: u32) {
        self.search = search;
        self.linked = 0;
        self.marks.fill(Mark::NONE);
    }

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
}

impl Patches {
    /// Begins a new search: its patches are those of none. What they know of costs stays.
    pub fn clear(&mut self) {
        self.used.clear();
        match self.search.checked_add(1) {
            Some(next) => self.search = next,
            None => self.forget(),
        }
    }

    /// Forgets costs too; the memory is kept.
    pub fn forget(&mut self) {
        self.used.clear();
        self.index.clear();
        self.spare.append(&mut self.list);
        self.search = 0;
    }

    /// How many bricks the search has looked into.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// How many patches are held, of this search and of earlier ones.
    pub fn held(&self) -> usize {
        self.list.len()
    }

    /// How many bytes the patches of this search take.
    pub fn bytes(&self) -> usize {
        self.used.len() * size_of::<Patch>()
    }

    /// Forgets everything, and keeps the memory of at most `patches`.
    pub fn shrink(&mut self, patches: usize) {
        self.forget();
        self.spare.truncate(patches);
    }

    /// The numbers of the search's patches, in the order of their first use.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        self.used.clone().into_iter()
    }

    /// The cells that the search has looked at: those that were asked for, and the neighbours of those that have offered
    /// their distance or that the walk back has come to.
    pub fn seen(&self) -> Vec<(BrickId, [u64; 16])> {
        let mut seen = vec![[0_u64; 16]; self.list.len()];
        for &number in &self.used {
            for (place, mark) in self.list[number as usize].marks.iter().enumerate() {
                if mark.reached & LOOKED != 0 {
                    seen[number as usize][place >> 6] |= 1 << (place & 63);
                }
                if !mark.is_closed() && mark.reached & WALKED == 0 {
                    continue;
                }
                for step in 0..14 {
                    if let Some(to) = self.neighbour(number << 10 | place as u32, step) {
                        let place = (to & 1023) as usize;
                        seen[(to >> 10) as usize][place >> 6] |= 1 << (place & 63);
                    }
                }
            }
        }
        let cells = |&number: &u32| (self.list[number as usize].brick, seen[number as usize]);
        self.used.iter().map(cells).collect()
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
        if let Some(&number) = self.index.get(&brick) {
            self.take_up(number);
            return Ok(number);
        }
        let costs = match bricks.held(brick) {
            Held::Here(costs) => Some(costs),
            Held::Absent => None,
            Held::Elsewhere => return Err(brick),
        };
        let number = self.list.len() as u32;
        let mut patch = self.spare.pop().unwrap_or_else(|| Patch::new(brick));
        patch.brick = brick;
        patch.corner = brick.xyz().map(|c| c * BRICK_UNITS);
        patch.known = 0;
        patch.open.fill(0);
        match costs {
            Some(costs) => patch.costs.copy_from_slice(costs),
            None => patch.costs.fill(0),
        }
        patch.weights = weights(&patch.costs);
        patch.begin(self.search);
        self.list.push(patch);
        self.used.push(number);
        self.index.insert(brick, number);
        Ok(number)
    }

    /// Makes a patch one of this search.
    fn take_up(&mut self, number: u32) {
        let patch = &mut self.list[number as usize];
        if patch.search != self.search {
            patch.begin(self.search);
            self.used.push(number);
        }
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
            let from = &self.list[patch as usize];
            if from.known >> direction & 1 != 0 {
                if from.links[direction] != OUTSIDE {
                    self.take_up(from.links[direction]);
                }
                self.list[patch as usize].linked |= 1 << direction;
                continue;
            }
            let brick = from.brick;
            // Beyond the range of coordinates nothing is open: the patch itself stands for that, see `neighbour`.
            let beside = match brick.offset(DIRECTIONS[direction]) {
                Some(beside) => self.patch(beside, bricks)?,
                None => OUTSIDE,
            };
            let from = &mut self.list[patch as usize];
            from.links[direction] = beside;
            from.known |= 1 << direction;
            from.linked |= 1 << direction;
        }
        Ok(())
    }

    /// The neighbour of a cell in a step of the fixed order, or `None` outside the range of coordinates; the cell must
    /// be linked.
    #[inline(always)]
    pub fn neighbour(&self, at: Place, step: usize) -> Option<Place> {
        let (patch, place) = self.of(at);
        if INSIDES[place] >> step & 1 != 0 {
            let growth = GROWTHS[place >> 9][step];
            return Some(at.wrapping_add_signed(i32::from(growth)));
        }
        let to = STEPS[place][step];
        let beside = patch.links[usize::from(to >> 10)];
        (beside != OUTSIDE).then_some(beside << 10 | u32::from(to & 1023))
    }

    /// The steps that lead from an open cell to open ones, a bit each, and [`VARIED`]; the cell must be linked.
    #[inline(always)]
    pub fn open_steps(&mut self, at: Place) -> u16 {
        let (patch, place) = self.of(at);
        if patch.open[place] == 0 {
            self.survey(at);
        }
        let (patch, place) = self.of(at);
        patch.open[place]
    }

    #[inline(never)]
    fn survey(&mut self, at: Place) {
        let (patch, place) = self.of(at);
        let own = patch.costs[place];
        let mut open = SURVEYED;
        for step in 0..14 {
            let Some(to) = self.neighbour(at, step) else {
                continue;
            };
            let (patch, place) = self.of(to);
            let cost = patch.costs[place];
            open |= u16::from(cost > 0) << step;
            if cost > 0 && cost != own {
                open |= VARIED;
            }
        }
        let (patch, place) = self.of_mut(at);
        patch.open[place] = open;
    }
}

/// The link to what lies outside the range of coordinates.
const OUTSIDE: u32 = u32::MAX;
