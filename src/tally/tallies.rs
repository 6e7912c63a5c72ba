//! Tallies: what was counted in each cell, kept by brick.

use super::{Judged, Judging, Sum};
use crate::brick::{BRICK_CELLS, BrickId, Costs, Local, Planes};
use rustc_hash::FxHashMap;
use std::ops::AddAssign;

/// Up to how many counted cells a brick is searched one by one.
const FEW: usize = 16;

/// What the children of a coarser cell add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// How many are known.
    pub known: u16,
    /// How many are open.
    pub open: u16,
    /// The stored costs of the open ones.
    pub sum: u32,
}

impl Children {
    /// One child.
    pub(super) fn of(is_known: bool, cost: u16) -> Children {
        Children {
            known: u16::from(is_known),
            open: u16::from(cost > 0),
            sum: u32::from(cost),
        }
    }

    /// What must be added to `was` to have this: a difference, which wraps around where it is less than 0.
    pub(super) fn less(self, was: Children) -> Children {
        Children {
            known: self.known.wrapping_sub(was.known),
            open: self.open.wrapping_sub(was.open),
            sum: self.sum.wrapping_sub(was.sum),
        }
    }
}

impl AddAssign for Children {
    fn add_assign(&mut self, other: Children) {
        self.known = self.known.wrapping_add(other.known);
        self.open = self.open.wrapping_add(other.open);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// What was counted in one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many points lie in it.
    pub points: u64,
    /// What its children add up to; at the finest level it has none.
    pub children: Children,
}

/// The costs that maps and terrain gave to cells of a brick.
#[derive(Clone, Debug)]
struct Given {
    cells: Planes,
    costs: Costs,
}

/// What was counted in the cells of one brick.
#[derive(Clone, Debug)]
pub struct BrickTally {
    pub(super) id: BrickId,
    /// The places of the counted cells, in the order in which they came.
    locals: Vec<u16>,
    /// From place to 1 + slot, once there are more than a few.
    index: Option<Box<[u16; BRICK_CELLS]>>,
    counted: Vec<Counted>,
    sums: Vec<Sum>,
    attributes: usize,
    seen: Planes,
    given: Option<Box<Given>>,
    pub(super) touched: bool,
    unsaved: bool,
    /// What was told of it, if it has been touched since and anything was.
    pub(super) told: Option<Box<Judged>>,
}

impl BrickTally {
    fn new(id: BrickId, attributes: usize) -> Self {
        BrickTally {
            id,
            locals: Vec::new(),
            index: None,
            counted: Vec::new(),
            sums: Vec::new(),
            attributes,
            seen: Planes::NONE,
            given: None,
            touched: false,
            unsaved: false,
            told: None,
        }
    }

    /// The brick.
    pub fn id(&self) -> BrickId {
        self.id
    }

    fn find(&self, local: Local) -> Option<usize> {
        match &self.index {
            Some(index) => usize::from(index[local.index()]).checked_sub(1),
            None => (self.locals.iter()).position(|&l| usize::from(l) == local.index()),
        }
    }

    /// The slot of a cell, which is made if there is none.
    #[inline]
    pub fn slot(&mut self, local: Local) -> usize {
        if let Some(slot) = self.find(local) {
            return slot;
        }
        let slot = self.counted.len();
        self.locals.push(local.index() as u16);
        self.counted.push(Counted::default());
        self.sums
            .resize(self.sums.len() + self.attributes, Sum::default());
        if let Some(index) = &mut self.index {
            index[local.index()] = slot as u16 + 1;
        } else if slot == FEW {
            let mut index = Box::new([0; BRICK_CELLS]);
            for (slot, &local) in (1..).zip(&self.locals) {
                index[usize::from(local)] = slot;
            }
            self.index = Some(index);
        }
        slot
    }

    /// What was counted in the cell of a slot.
    #[inline]
    pub fn counted_mut(&mut self, slot: usize) -> &mut Counted {
        &mut self.counted[slot]
    }

    /// The sum of an attribute in the cell of a slot.
    #[inline]
    pub fn sum_mut(&mut self, slot: usize, attribute: usize) -> &mut Sum {
        &mut self.sums[slot * self.attributes + attribute]
    }

    /// The sums of all attributes in the cell of a slot.
    #[inline]
    pub fn sums_mut(&mut self, slot: usize) -> &mut [Sum] {
        &mut self.sums[slot * self.attributes..(slot + 1) * self.attributes]
    }

    fn sums_of(&self, slot: usize) -> &[Sum] {
        &self.sums[slot * self.attributes..(slot + 1) * self.attributes]
    }

    /// Notes that rays have passed through cells.
    pub fn see(&mut self, cells: &Planes) {
        let (mine, theirs) = (self.seen.0.as_flattened_mut(), cells.0.as_flattened());
        mine.iter_mut().zip(theirs).for_each(|(a, b)| *a |= b);
    }

    /// Notes that a ray has passed through a cell.
    #[inline]
    pub fn see_cell(&mut self, local: Local) {
        self.seen.set(local, true);
    }

    /// Gives a cell the cost that a map or a terrain says, in place of what another said before.
    pub fn give(&mut self, local: Local, cost: u16) {
        let given = self.given.get_or_insert_with(|| {
            Box::new(Given {
                cells: Planes::NONE,
                costs: [0; BRICK_CELLS],
            })
        });
        given.cells.set(local, true);
        given.costs[local.index()] = cost;
    }

    /// True if it was touched since its costs were told.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The cells that rays have passed through.
    pub fn seen(&self) -> &Planes {
        &self.seen
    }

    /// True if any cell was given a cost.
    pub fn has_given(&self) -> bool {
        self.given.is_some()
    }

    /// The cost that a cell was given, if it was.
    pub fn given(&self, local: Local) -> Option<u16> {
        let given = self.given.as_ref()?;
        given
            .cells
            .contains(local)
            .then(|| given.costs[local.index()])
    }

    /// Every counted cell, in no order: its place, its count and its sums.
    pub fn counted(&self) -> impl Iterator<Item = (Local, &Counted, &[Sum])> {
        (self.locals.iter().zip(&self.counted).enumerate()).map(|(slot, (&local, counted))| {
            let local = Local::new(usize::from(local)).expect("a place of a brick");
            (local, counted, self.sums_of(slot))
        })
    }

    /// The points and sums of a cell; none where nothing was counted.
    pub fn points_of(&self, local: Local) -> (u64, &[Sum]) {
        let slot = self.find(local);
        slot.map_or((0, &[]), |slot| {
            (self.counted[slot].points, self.sums_of(slot))
        })
    }

    /// The points and sums of a cell that anything was noted of; `None` for others.
    pub fn noted_at(&self, local: Local) -> Option<(u64, &[Sum])> {
        let (points, sums) = self.points_of(local);
        let noted = points > 0 || self.seen.contains(local) || self.given(local).is_some();
        noted.then_some((points, sums))
    }

    fn bytes(&self) -> u64 {
        let cell = size_of::<Counted>() + size_of::<u16>() + self.attributes * size_of::<Sum>();
        let index = if self.index.is_some() {
            2 * BRICK_CELLS
        } else {
            0
        };
        let given = if self.given.is_some() {
            size_of::<Given>()
        } else {
            0
        };
        let told = self
            .told
            .as_ref()
            .map_or(0, |_| size_of::<Judged>() + size_of::<Costs>());
        (size_of::<BrickTally>() + 32 + self.counted.capacity() * cell + index + given + told)
            as u64
    }
}

/// Tallies of many bricks.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    attributes: usize,
    pub(super) bricks: Vec<BrickTally>,
    places: FxHashMap<BrickId, u32>,
    pub(super) last: Option<(BrickId, u32)>,
    pub(super) touched: Vec<u32>,
    unsaved: Vec<u32>,
    /// How cells were judged when they were told last; `None` if nobody is told.
    pub(super) told: Option<Judging>,
}

impl Tallies {
    /// No tallies yet, of points with `attributes` attributes.
    pub fn new(attributes: usize) -> Self {
        Tallies {
            attributes,
            ..Tallies::default()
        }
    }

    /// The place of a brick's tally, which is made if there is none, and counts as touched and unsaved from now on.
    #[inline]
    pub fn touch(&mut self, id: BrickId) -> u32 {
        if let Some((last, place)) = self.last
            && last == id
        {
            return place;
        }
        let count = self.bricks.len() as u32;
        let place = *self.places.entry(id).or_insert(count);
        if place == count {
            self.bricks.push(BrickTally::new(id, self.attributes));
        }
        self.last = Some((id, place));
        let brick = &mut self.bricks[place as usize];
        if !brick.touched {
            if let Some(told) = self.told.filter(|_| place < count) {
                brick.told = Some(Box::new(told.judge(id, Some(brick))));
            }
            brick.touched = true;
            self.touched.push(place);
        }
        if !brick.unsaved {
            brick.unsaved = true;
            self.unsaved.push(place);
        }
        place
    }

    /// The bricks that were touched since they were taken last, or `all`, by identifier.
    pub fn take_unsaved(&mut self, all: bool) -> Vec<BrickId> {
        let mut places = std::mem::take(&mut self.unsaved);
        for &place in &places {
            self.bricks[place as usize].unsaved = false;
        }
        self.last = None;
        if all {
            places = (0..self.bricks.len() as u32).collect();
        }
        let ids = places.iter().map(|&place| self.bricks[place as usize].id);
        let mut ids: Vec<BrickId> = ids.collect();
        ids.sort_unstable();
        ids
    }

    /// The tally at a place.
    #[inline]
    pub fn at(&mut self, place: u32) -> &mut BrickTally {
        &mut self.bricks[place as usize]
    }

    /// The tally of a brick, made if there is none, and touched.
    #[inline]
    pub fn brick(&mut self, id: BrickId) -> &mut BrickTally {
        let place = self.touch(id);
        self.at(place)
    }

    /// The tally of a brick, if there is one.
    pub fn get(&self, id: BrickId) -> Option<&BrickTally> {
        self.places
            .get(&id)
            .map(|&place| &self.bricks[place as usize])
    }

    /// All tallies, in no order.
    pub fn bricks(&self) -> &[BrickTally] {
        &self.bricks
    }

    /// How many attributes the points have.
    pub fn attributes(&self) -> usize {
        self.attributes
    }

    /// About how many bytes of memory all tallies take.
    pub fn bytes(&self) -> u64 {
        self.bricks.iter().map(BrickTally::bytes).sum()
    }

    /// Forgets all tallies.
    pub fn clear(&mut self) {
        self.bricks.clear();
        self.places.clear();
        self.touched.clear();
        self.unsaved.clear();
        self.told = None;
        self.last = None;
    }
}
