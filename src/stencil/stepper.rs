//! The stepper: the blocks of one worker, and which of them can go on.

mod change;

use super::block::{self, Block, EDGE, ENDS, MOST_RINGS, WAYS, block_of, brick_of};
use super::inbox::Inbox;
use super::sweep::Room;
use super::{Boundary, Kernel, Value};
use crate::brick::{BRICK_CELLS, BrickId, Costs};
use crate::partition::Plan;
use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use change::{Changed, Lost, MapChange};

/// How a field is stepped.
#[derive(Clone, Copy, Debug)]
pub struct StepperOptions {
    /// How many rings of ghosts a block has, and so how many steps it does between exchanges: 1 to [`MOST_RINGS`].
    pub rings: usize,
    /// The step at which the field stands; above 0 when a run goes on.
    pub first: u64,
    /// The step at which it ends.
    pub last: u64,
    /// Every how many steps the field is observed; it always is at the first and the last step.
    pub every: Option<u64>,
    /// What lies beyond the open cells.
    pub boundary: Boundary,
}

/// What a stepper is made from: the map, and the field as it stands at the first step.
pub struct StepperMap<'a, V> {
    /// The costs of a brick of the map, whoever owns it.
    pub costs: &'a dyn Fn(BrickId) -> Option<&'a Costs>,
    /// The coefficient of a cell from its stored cost, if cells have one.
    pub coefficients: Option<&'a dyn Fn(u16) -> V>,
    /// The value of a cell of a brick (by its place there) and, for kernels that keep it, the one a step before.
    pub values: &'a dyn Fn(BrickId, usize) -> [V; 2],
}

/// Words of values that travel at once.
const WORDS: usize = 16;

/// Values of a block on their way to one beside it, on another worker.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Halo {
    /// The block that they are for.
    block: u64,
    /// The direction that they come from, seen from there, and how many values there are.
    way: u32,
    count: u32,
    words: [u64; WORDS],
}

impl Halo {
    /// The block that the values are for.
    pub fn block(&self) -> BrickId {
        BrickId::from_code(self.block).expect("a stepper's message")
    }
}

/// What a block was seen to hold at a step, a brick at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The step.
    pub step: u64,
    /// The brick; those without open cells are not observed.
    pub brick: BrickId,
    /// The sum of its values, in the order of their places.
    pub total: f64,
    /// The least of them; not a number if any value is not finite.
    pub least: f64,
    /// The greatest of them; not a number if any value is not finite.
    pub greatest: f64,
}

/// A brick's values: those of open cells, by place.
pub type BrickValues<V> = (BrickId, Vec<(usize, V)>);

/// What a block gives of a snapshot.
type BlockValues<V> = Vec<BrickValues<V>>;

/// The whole field of one worker at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot<V> {
    /// The step.
    pub step: u64,
    /// Its bricks that have open cells, ascending.
    pub bricks: Vec<BrickValues<V>>,
}

/// Who has the block beside a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nobody,
    /// This worker, at this place.
    Here(usize),
    /// Another worker.
    There,
}

/// A block and what has come for it.
struct Standing<V> {
    block: Block<V>,
    step: u64,
    beside: [Beside; 26],
    /// What came from each direction.
    inbox: [Inbox<V>; 26],
    queued: bool,
    /// The greatest sum of a cell's face coefficients, once somebody has asked for it.
    conductance: Option<f64>,
}

impl<V: Value> Standing<V> {
    /// A block at a step, before anybody is known to be beside it.
    fn new(block: Block<V>, step: u64) -> Self {
        Standing {
            block,
            step,
            beside: [Beside::Nobody; 26],
            inbox: std::array::from_fn(|_| Inbox::default()),
            queued: false,
            conductance: None,
        }
    }
}

/// The blocks of one worker; see [`super`].
pub struct Stepper<K: Kernel> {
    kernel: K,
    options: StepperOptions,
    blocks: Vec<Standing<K::Value>>,
    index: FxHashMap<BrickId, usize>,
    /// Blocks that can do a round: those beside other workers' first, whose mirrors somebody waits for.
    ready: [VecDeque<usize>; 2],
    room: Room<K::Value>,
    slab: Vec<K::Value>,
    outbox: Vec<Halo>,
    observations: Vec<Observation>,
    /// What each block has given of a snapshot; nothing as long as it has not come to that step.
    snapshots: BTreeMap<u64, Vec<Option<BlockValues<K::Value>>>>,
    done: usize,
}

impl<K: Kernel> Stepper<K> {
    /// The stepper of worker `me`. `blocks` are the blocks of the whole map, `plan` says whose they are.
    ///
    /// # Panics
    /// If the options' rings are not between 1 and [`MOST_RINGS`], or the first step is after the last.
    pub fn new(
        kernel: K,
        options: StepperOptions,
        me: usize,
        plan: &Arc<Plan>,
        blocks: &FxHashSet<BrickId>,
        map: &StepperMap<'_, K::Value>,
    ) -> Self {
        assert!((1..=MOST_RINGS).contains(&options.rings) && options.first <= options.last);
        let mut own: Vec<BrickId> = blocks
            .iter()
            .copied()
            .filter(|&b| plan.owner(b) == me)
            .collect();
        own.sort_unstable();
        let standing = own
            .iter()
            .map(|&id| Standing::new(load::<K>(id, &options, map), options.first));
        let mut stepper = Stepper {
            kernel,
            options,
            blocks: standing.collect(),
            index: FxHashMap::default(),
            ready: Default::default(),
            room: Room::default(),
            slab: Vec::new(),
            outbox: Vec::new(),
            observations: Vec::new(),
            snapshots: BTreeMap::new(),
            done: 0,
        };
        stepper.find_neighbours(blocks);
        stepper
    }

    /// Finds out where its blocks are and who is beside them; `blocks` are those of the whole map.
    fn find_neighbours(&mut self, blocks: &FxHashSet<BrickId>) {
        let ids = self.blocks.iter().map(|s| s.block.id);
        self.index = ids.enumerate().map(|(at, id)| (id, at)).collect();
        for standing in &mut self.blocks {
            let block = standing.block.id;
            standing.beside = WAYS.map(|way| match block.offset(way) {
                Some(there) if blocks.contains(&there) => match self.index.get(&there) {
                    Some(&at) => Beside::Here(at),
                    None => Beside::There,
                },
                _ => Beside::Nobody,
            });
        }
    }

    /// The greatest sum of a cell's face coefficients on this worker, where cells have coefficients.
    pub fn greatest_conductance(&mut self) -> f64 {
        let of = |s: &mut Standing<K::Value>| {
            let block = &s.block;
            *s.conductance
                .get_or_insert_with(|| block.greatest_conductance())
        };
        self.blocks.iter_mut().map(of).fold(0.0, f64::max)
    }

    /// Puts another kernel in place, for when the stepper begins or begins again.
    pub fn set_kernel(&mut self, kernel: K) {
        self.kernel = kernel;
    }

    /// Has a stepper whose blocks are all at its last step go on to a later one, when it begins again.
    ///
    /// # Panics
    /// If it has not come there, or `last` is before it.
    pub fn go_on(&mut self, last: u64) {
        assert!(self.has_arrived() && self.options.last <= last);
        (self.options.first, self.options.last) = (self.options.last, last);
        self.done = 0;
    }

    /// True if all blocks are at the last step.
    fn has_arrived(&self) -> bool {
        self.blocks.iter().all(|b| b.step == self.options.last)
    }

    /// Begins: the first mirrors are sent.
    pub fn begin(&mut self) {
        for at in 0..self.blocks.len() {
            self.observe(at);
            self.tell(at);
            self.consider(at);
        }
    }

    /// Does up to `rounds` rounds; false if no block can go on before messages arrive.
    pub fn work(&mut self, rounds: usize) -> bool {
        for _ in 0..rounds {
            let [first, second] = &mut self.ready;
            let Some(at) = first.pop_front().or_else(|| second.pop_back()) else {
                return false;
            };
            self.blocks[at].queued = false;
            self.round(at);
            self.observe(at);
            self.tell(at);
            self.consider(at);
        }
        self.ready.iter().any(|r| !r.is_empty())
    }

    /// True when every block has come to the last step.
    pub fn is_done(&self) -> bool {
        self.done == self.blocks.len()
    }

    /// How many steps all blocks have done together, and how many they do in all.
    pub fn progress(&self) -> (u64, u64) {
        let done = self.blocks.iter().map(|b| b.step - self.options.first);
        let all = self.options.last - self.options.first;
        (done.sum(), all * self.blocks.len() as u64)
    }

    /// Moves out what other workers' blocks wait for.
    pub fn take_messages(&mut self, deliver: impl FnMut(Halo)) {
        self.outbox.drain(..).for_each(deliver);
    }

    /// Takes in what other workers' blocks have sent.
    pub fn receive(&mut self, halos: impl IntoIterator<Item = Halo>) {
        let mut last = None;
        for halo in halos {
            let at = self.index[&halo.block()];
            let values: &[K::Value] = cast_slice(&halo.words);
            let way = halo.way as usize % 26;
            let mut step = self.blocks[at].step;
            for _ in 0..self.blocks[at].inbox[way].complete() {
                step += self.round_length(step) as u64;
            }
            let all = slab_values::<K>(way, self.round_length(step));
            self.blocks[at].inbox[way].add(&values[..halo.count as usize], all);
            if last.is_some_and(|l| l != at) {
                self.consider(last.expect("just seen"));
            }
            last = Some(at);
        }
        if let Some(at) = last {
            self.consider(at);
        }
    }

    /// Moves out what was observed since the last call.
    pub fn take_observations(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.observations)
    }

    /// Moves out the earliest snapshot that all blocks have given their part of.
    pub fn take_snapshot(&mut self) -> Option<Snapshot<K::Value>> {
        let (&step, parts) = self.snapshots.first_key_value()?;
        if !parts.iter().all(Option::is_some) {
            return None;
        }
        let (_, parts) = self.snapshots.pop_first()?;
        Some(Snapshot {
            step,
            bricks: parts.into_iter().flatten().flatten().collect(),
        })
    }

    /// The field as it stands: the bricks of this worker that have open cells, ascending.
    pub fn bricks(&self) -> impl Iterator<Item = BrickValues<K::Value>> {
        let values = |s| values_of(s, |b: &Block<K::Value>| &b.now);
        self.blocks.iter().flat_map(values)
    }

    /// The field as it was one step before, for kernels that keep it: with [`Stepper::bricks`] all that a run needs to go on.
    pub fn bricks_before(&self) -> impl Iterator<Item = BrickValues<K::Value>> {
        let values = |s| values_of(s, |b: &Block<K::Value>| &b.before);
        self.blocks.iter().filter(|_| K::BEFORE).flat_map(values)
    }

    /// How many steps the next round has, from a step on: it ends where the field is observed.
    fn round_length(&self, step: u64) -> usize {
        let to_last = self.options.last - step;
        let to_observation = self.options.every.map_or(u64::MAX, |m| m - step % m);
        to_last.min(to_observation).min(self.options.rings as u64) as usize
    }

    /// Queues a block if the ghosts of its next round are there.
    fn consider(&mut self, at: usize) {
        let rings = self.round_length(self.blocks[at].step);
        let standing = &self.blocks[at];
        if standing.queued || rings == 0 {
            return;
        }
        let there = (0..26).all(|way| {
            standing.beside[way] == Beside::Nobody || standing.inbox[way].complete() > 0
        });
        if there {
            let border = standing.beside.contains(&Beside::There);
            self.ready[usize::from(!border)].push_back(at);
            self.blocks[at].queued = true;
        }
    }

    /// Does a round on a block whose ghosts are there.
    fn round(&mut self, at: usize) {
        let rings = self.round_length(self.blocks[at].step);
        let outside = self.options.boundary.outside();
        let standing = &mut self.blocks[at];
        let block = &mut standing.block;
        let ends = ENDS.map(|way| standing.inbox[way].first());
        if let [Some(low), Some(high)] = ends {
            block.fill_ends(rings, [low, high]);
        }
        let are_filled = ends.iter().all(Option::is_some);
        for (way, inbox) in standing.inbox.iter_mut().enumerate() {
            let values = inbox
                .first()
                .filter(|_| !(are_filled && ENDS.contains(&way)));
            if let Some(values) = values {
                block.fill_ghosts(way, rings, values);
            }
            inbox.pop();
        }
        block.round(&self.kernel, rings, outside, &mut self.room);
        standing.step += rings as u64;
    }

    /// Gives a block's mirrors for the next round to the blocks beside it.
    fn tell(&mut self, at: usize) {
        let rings = self.round_length(self.blocks[at].step);
        if rings == 0 {
            self.done += 1;
            return;
        }
        for (way, to) in WAYS.into_iter().enumerate() {
            let values = slab_values::<K>(way, rings);
            match self.blocks[at].beside[way] {
                Beside::Nobody => {}
                Beside::Here(to) => {
                    let both = self.blocks.get_disjoint_mut([at, to]);
                    let [from, to_block] = both.expect("no block is beside itself");
                    let inbox = &mut to_block.inbox[25 - way];
                    inbox.fill(values, |slab| from.block.mirror(way, rings, slab));
                    self.consider(to);
                }
                Beside::There => {
                    self.slab.resize(values, K::Value::default());
                    let block = &self.blocks[at].block;
                    block.mirror(way, rings, &mut self.slab);
                    let to = block.id.offset(to).expect("a block of the map");
                    self.post(to, 25 - way);
                }
            }
        }
    }

    /// Sends the values of the slab.
    fn post(&mut self, to: BrickId, way: usize) {
        let most = size_of::<[u64; WORDS]>() / size_of::<K::Value>();
        for values in self.slab.chunks(most) {
            let mut halo = Halo {
                block: to.code(),
                way: way as u32,
                count: values.len() as u32,
                words: [0; WORDS],
            };
            cast_slice_mut(&mut halo.words)[..values.len()].copy_from_slice(values);
            self.outbox.push(halo);
        }
    }

    /// Observes a block where its step asks for it.
    fn observe(&mut self, at: usize) {
        let standing = &self.blocks[at];
        let (step, options) = (standing.step, &self.options);
        let regular = options.every.is_some_and(|m| step % m == 0) && step > options.first;
        if !regular && step != options.first && step != options.last {
            return;
        }
        let block = &standing.block;
        let seen = block.extents();
        for place in places(block.bricks) {
            let seen = &seen[place as usize];
            self.observations.push(Observation {
                step,
                brick: brick_of(block.id, place),
                total: seen.total,
                least: if seen.is_finite { seen.least } else { f64::NAN },
                greatest: if seen.is_finite {
                    seen.greatest
                } else {
                    f64::NAN
                },
            });
        }
        if regular {
            let parts = self.snapshots.entry(step).or_default();
            parts.resize_with(self.blocks.len(), || None);
            parts[at] = Some(values_of(standing, |b| &b.now).collect());
        }
    }
}

/// How many values the ghosts of `rings` rings in a direction are, in all arrays that a kernel reads.
fn slab_values<K: Kernel>(way: usize, rings: usize) -> usize {
    let extent = |d: &i32| if *d == 0 { EDGE } else { rings };
    let arrays = 1 + usize::from(K::BEFORE);
    arrays * 2 * WAYS[way].iter().map(extent).product::<usize>()
}

fn load<K: Kernel>(
    id: BrickId,
    options: &StepperOptions,
    map: &StepperMap<'_, K::Value>,
) -> Block<K::Value> {
    let (rings, boundary) = (options.rings, options.boundary);
    let mut block = Block::new(id, rings, boundary, map.costs, map.coefficients);
    let outside = boundary.outside();
    block.now.fill(outside);
    if K::BEFORE {
        block.before = vec![outside; block.now.len()];
    }
    for place in places(block.bricks) {
        let brick = brick_of(id, place);
        let cells: Vec<(usize, usize)> = block.open_cells(place).collect();
        for (index, local) in cells {
            let [now, before] = (map.values)(brick, local);
            block.now[index] = now;
            if K::BEFORE {
                block.before[index] = before;
            }
        }
    }
    block
}

/// The places of a set of bricks of a block, ascending.
fn places(mut bricks: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let place = (bricks != 0).then(|| u64::from(bricks.trailing_zeros()))?;
        bricks &= bricks - 1;
        Some(place)
    })
}

fn values_of<V: Value>(
    standing: &Standing<V>,
    array: fn(&Block<V>) -> &Vec<V>,
) -> impl Iterator<Item = BrickValues<V>> + '_ {
    let block = &standing.block;
    places(block.bricks).map(move |place| {
        let mut values = Vec::with_capacity(BRICK_CELLS);
        values.extend(
            block
                .open_cells(place)
                .map(|(index, local)| (local, array(block)[index])),
        );
        (block::brick_of(block.id, place), values)
    })
}

/// The blocks of a map, and how many open cells each has.
pub fn weigh<'c>(bricks: impl Iterator<Item = (BrickId, &'c Costs)>) -> Vec<(BrickId, u64)> {
    let mut weights: FxHashMap<BrickId, u64> = FxHashMap::default();
    for (brick, costs) in bricks {
        let open = costs.iter().filter(|&&c| c > 0).count() as u64;
        *weights.entry(block_of(brick)).or_default() += open;
    }
    let mut weights: Vec<(BrickId, u64)> = weights.into_iter().collect();
    weights.sort_unstable();
    weights
}
