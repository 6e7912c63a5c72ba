//! What answers hang on, and which of them hang on a brick.

use super::CellKey;
use super::answer::Reads;
use crate::brick::BrickId;
use rustc_hash::FxHashMap;

/// What an answer was made from.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The cells that were read to find the route.
    pub search: Reads,
    /// The cells that were read to pull it tight.
    pub smooth: Reads,
    /// The bricks whose portals and tolls the first route hangs on.
    pub portals: Vec<BrickId>,
}

impl Origin {
    /// Whether the cost of a cell was read.
    pub fn contains(&self, cell: CellKey) -> bool {
        self.search.contains(cell) || self.smooth.contains(cell)
    }

    /// The bricks of which cells were read, ascending, each once.
    fn bricks(&self) -> Vec<BrickId> {
        let mut bricks: Vec<BrickId> = self.search.bricks().chain(self.smooth.bricks()).collect();
        bricks.sort_unstable();
        bricks.dedup();
        bricks
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        let portals = self.portals.capacity() * size_of::<BrickId>();
        self.search.bytes() + self.smooth.bytes() + portals
    }
}

/// Which queries' answers were made from each brick, by their slots, ascending.
#[derive(Default)]
pub(super) struct Readers {
    of_cells: FxHashMap<BrickId, Vec<u32>>,
    of_portals: FxHashMap<BrickId, Vec<u32>>,
}

impl Readers {
    /// Takes in what a query's answer was made from.
    pub fn add(&mut self, slot: u32, origin: &Origin) {
        insert(&mut self.of_cells, slot, &origin.bricks());
        insert(&mut self.of_portals, slot, &origin.portals);
    }

    /// Forgets what was taken in.
    pub fn remove(&mut self, slot: u32, origin: &Origin) {
        remove(&mut self.of_cells, slot, &origin.bricks());
        remove(&mut self.of_portals, slot, &origin.portals);
    }

    /// The queries that have read cells of a brick.
    pub fn of_cells(&self, brick: BrickId) -> &[u32] {
        self.of_cells.get(&brick).map_or(&[], Vec::as_slice)
    }

    /// The queries that hang on the portals and tolls of a brick.
    pub fn of_portals(&self, brick: BrickId) -> &[u32] {
        self.of_portals.get(&brick).map_or(&[], Vec::as_slice)
    }
}

fn insert(readers: &mut FxHashMap<BrickId, Vec<u32>>, slot: u32, bricks: &[BrickId]) {
    for &brick in bricks {
        let slots = readers.entry(brick).or_default();
        if let Err(at) = slots.binary_search(&slot) {
            slots.insert(at, slot);
        }
    }
}

fn remove(readers: &mut FxHashMap<BrickId, Vec<u32>>, slot: u32, bricks: &[BrickId]) {
    for brick in bricks {
        if let Some(slots) = readers.get_mut(brick) {
            if let Ok(at) = slots.binary_search(&slot) {
                slots.remove(at);
            }
            if slots.is_empty() {
                readers.remove(brick);
            }
        }
    }
}
