//! Regions: which cells of a map are joined, known from a small graph that follows the map as it changes.
//!
//! Four levels, of which a worker keeps the middle two for the bricks that it owns:
//!
//! ```text
//!  cells       those with a cost above 0                                        read when needed, not kept
//!    │ flooded within a brick, 64 cells a word
//!  pieces      joined cells of one brick                                        the least place of each, and
//!    │ joined through contacts inside a cube of 4×4×4 bricks                    which it touches upwards
//!  regions     joined pieces of one cube's bricks that one worker owns          Region: the name of its least cell
//!    │ edges    between regions of this worker: found here
//!    │ profiles what a piece shows a brick of another worker: sent, met by join
//!  components  joined regions of all workers: differential, [`crate::dataflows::regions`]
//! ```
//!
//! This module is the state machine below the dataflow. An [`update`](Regions::update) names the bricks whose open
//! cells may have changed. It floods these anew and compares them with the bricks around them; where pieces or
//! contacts inside a cube came out differently, it finds the cube's regions again from the contacts alone; and where
//! contacts between cubes or names changed, their edges. So an edit that leaves the pieces as they were costs a visit
//! to one brick and its neighbours, one that splits or joins regions some cubes too, and nothing is ever flooded
//! beyond a brick. What came of it waits in [`Regions::take_changes`] as differences.
//!
//! # Profiles
//! Where two neighbouring bricks belong to different workers, each shows the other's border, piece by piece, and the
//! pair's edges are the profiles that meet. Across edges and corners of bricks most contacts follow from those
//! across faces: a cell that lies between and is open joins both sides. Each worker leaves out what follows from
//! bricks of its own, so that open space shows next to nothing there.
//!
//! # Invariants
//! - A region is the least cell (by brick code, then place) of its pieces, so its name depends on the map and the
//!   plan alone, not on the order of edits.
//! - All edges and profiles that were given out add up to those of the map as it stands at the last update: each edge
//!   between two regions of a worker once, each pair of profiles once.
//! - A cube's pieces, contacts and edges are functions of the costs of its bricks and those beside them.
//!
//! # Size
//! 16 bytes for a brick of one piece; a list more for bricks with several; about 200 bytes for a cube, and 16 for an
//! edge; 24 for a profile.

mod border;
mod brick;
mod crossing;
mod cube;
mod planes;
mod profile;
mod shelves;
mod show;
mod update;

pub use border::Border;
pub(crate) use crossing::{crossings, upward_of};
pub(crate) use planes::Pieces;
pub use profile::{Profile, Region};

use crate::brick::{BrickId, Costs, Local, Planes};
use crate::engine::shell::{DIRECTIONS, opposite};
use crate::partition::Plan;
use cube::{BESIDE, Cube, NO_CUBE, Place, SAME};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use update::Update;

/// What updates have changed: differences to be given to the dataflow, and bricks to look at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Edges between regions of this worker that came (1) and went (−1).
    pub edges: Vec<((Region, Region), isize)>,
    /// Profiles for the pairs with bricks of other workers that came (1) and went (−1).
    pub profiles: Vec<(Profile, isize)>,
    /// The bricks in which cells may lie in another region than before, or in none: ascending, each once.
    pub moved: Vec<BrickId>,
}

/// The regions of one worker's bricks; see the [module](self).
///
/// # Example
/// ```
/// use octaflow::brick::{BRICK_CELLS, BrickId, Local};
/// use octaflow::partition::{Partition, Plan};
/// use octaflow::regions::Regions;
/// use std::sync::Arc;
///
/// let bricks = [BrickId::new(0, 0, 0).unwrap(), BrickId::new(1, 0, 0).unwrap()];
/// let mut regions = Regions::new(0, Arc::new(Plan::build(Partition::Hash, 1, &[])));
/// let mut costs = [256; BRICK_CELLS];
/// regions.update(&bricks, |_| Some(&costs));
/// let region = |regions: &Regions, brick: usize, costs: &_| {
///     regions.region_of(bricks[brick], Local::new(0).unwrap(), costs)
/// };
/// assert_eq!(region(&regions, 0, &costs), region(&regions, 1, &costs));
///
/// // Both bricks lose all but their lowest layer of even cells along x, and so each other.
/// costs.iter_mut().enumerate().for_each(|(l, c)| if l >= 512 || l % 8 > 0 { *c = 0 });
/// regions.update(&bricks, |_| Some(&costs));
/// assert_ne!(region(&regions, 0, &costs), region(&regions, 1, &costs));
/// ```
pub struct Regions {
    me: usize,
    plan: Arc<Plan>,
    cubes: Vec<Cube>,
    slots: FxHashMap<u64, u32>,
    changes: Changes,
}

impl Regions {
    /// The regions of worker `me`, the part of that number in `plan`: none yet.
    pub fn new(me: usize, plan: Arc<Plan>) -> Self {
        Regions {
            me,
            plan,
            cubes: Vec::new(),
            slots: FxHashMap::default(),
            changes: Changes::default(),
        }
    }

    /// Takes in that the open cells of `changed` may be others than at the last update; bricks of other workers are
    /// passed over. `costs` gives the costs of this worker's bricks as they are now, `None` for one that does not
    /// exist; it is asked for bricks of `changed` and for those around them that had open cells at the last update.
    ///
    /// The first update takes in a map: it names all bricks.
    ///
    /// # Panics
    /// If `costs` has nothing for a brick that had open cells at the last update and is not one of `changed`.
    pub fn update<'a>(
        &mut self,
        changed: &[BrickId],
        costs: impl Fn(BrickId) -> Option<&'a Costs>,
    ) {
        let mut own: Vec<BrickId> = (changed.iter().copied())
            .filter(|&brick| self.plan.owner(brick) == self.me)
            .collect();
        own.sort_unstable();
        own.dedup();
        Update::new(self, costs).run(&own);
    }

    /// The region of a cell of this worker; `None` if it is blocked. `costs` are those of its brick at the last update.
    pub fn region_of(&self, brick: BrickId, local: Local, costs: &Costs) -> Option<Region> {
        if costs[local.index()] == 0 {
            return None;
        }
        let place = self.place(brick)?;
        let cube = &self.cubes[place.slot as usize];
        if cube.piece_count(place.index) == 1 {
            return cube.region(place.index, 0);
        }
        let piece = Planes::open(costs).flood(local.index() as u16);
        cube.region_of(place.index, piece.first()?)
    }

    /// Moves out what updates have changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.changes);
        changes.moved.sort_unstable();
        changes.moved.dedup();
        changes
    }

    /// Where a brick is kept, if a brick of its cube has been.
    fn place(&self, brick: BrickId) -> Option<Place> {
        let slot = *self.slots.get(&(brick.code() >> 6))?;
        let index = (brick.code() & 63) as u8;
        Some(Place { slot, index })
    }

    /// Where a brick is kept, for which there is room from now on.
    fn place_or_new(&mut self, brick: BrickId) -> Place {
        if let Some(place) = self.place(brick) {
            return place;
        }
        let slot = self.cubes.len() as u32;
        let mut cube = Cube::new(brick.code() >> 6);
        for (direction, step) in DIRECTIONS.iter().enumerate() {
            let beside = brick.offset(step.map(|c| 4 * c));
            if let Some(place) = beside.and_then(|beside| self.place(beside)) {
                cube.around[direction] = place.slot;
                self.cubes[place.slot as usize].around[opposite(direction)] = slot;
            }
        }
        self.slots.insert(cube.code, slot);
        self.cubes.push(cube);
        let index = (brick.code() & 63) as u8;
        Place { slot, index }
    }

    /// The place beside a place, if a brick of its cube has been kept.
    fn beside(&self, place: Place, direction: usize) -> Option<Place> {
        let (across, index) = BESIDE[usize::from(place.index)][direction];
        let slot = if across == SAME {
            place.slot
        } else {
            self.cubes[place.slot as usize].around[usize::from(across)]
        };
        (slot != NO_CUBE).then_some(Place { slot, index })
    }

    /// The brick at a place.
    fn brick(&self, place: Place) -> BrickId {
        self.cubes[place.slot as usize].brick(place.index)
    }

    /// True if the brick at a place has open cells.
    fn has(&self, place: Place) -> bool {
        self.cubes[place.slot as usize].has(place.index)
    }
}
