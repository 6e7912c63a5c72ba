//! Scenes: small random worlds and what happens to them, in a form that shrinks well.

use super::oracle::{Edit, Point, World};
use super::parts::{self, Random};
use super::watched::Watched;
use octaflow::engine::EngineOptions;
use octaflow::partition::{Partition, Plan};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

/// Where scenes lie, in bricks: the lattice's low and high corner, its middle, and a place at both ends.
const ANCHORS: [Point; 4] = [
    [2046, 2046, 2046],
    [0, 0, 0],
    [4092, 4093, 4093],
    [0, 4093, 100],
];

/// How far a scene reaches from its anchor, in bricks.
pub const REACH: Point = [4, 3, 3];

/// Which costs cells have.
#[derive(Clone, Copy, Debug)]
pub enum Palette {
    Unit,
    Few,
    Least,
    Any,
    Mixed,
}

impl Palette {
    pub fn draw(self, random: &mut Random) -> u16 {
        let any = 1 + random.below(65535) as u16;
        match self {
            Palette::Unit => 256,
            Palette::Few => [128, 256, 384][random.below(3)],
            Palette::Least => 1 + random.below(3) as u16,
            Palette::Any => any,
            Palette::Mixed => [256, 256, 257, 40, 65535, any][random.below(6)],
        }
    }
}

/// A brick at the start.
#[derive(Clone, Debug)]
pub struct Fill {
    /// Its place from the anchor, in bricks.
    at: Point,
    palette: Palette,
    blocked_percent: usize,
    seed: u32,
}

/// Something that happens; places are in lattice units from the anchor.
#[derive(Clone, Debug)]
pub enum Event {
    Cost(Point, u16),
    /// A cost that is taken back at once.
    Flicker(Point, u16),
    /// A source at a place, or at the first open cell from there on.
    Source(Point, u32, bool),
    /// Takes away one of the sources.
    Unsource(usize),
    /// Takes a source away and adds it again with another label.
    Relabel(usize, u32),
    /// Sets the cost under a source.
    CostAtSource(usize, u16),
    /// Takes a source's place away from the map and the source too, in either order.
    Bury(usize, bool),
    /// Sets the cost of all open cells of a layer of two units but those near one of them; 0 builds a wall.
    Wall(usize, i32, u16),
    /// Opens all of a layer of two units within the bricks that hold open cells.
    Breach(usize, i32),
    /// Many costs at random cells.
    Scatter(Palette, usize, usize, u32),
    /// Takes all sources away.
    Drain,
}

/// A world and its history.
#[derive(Clone, Debug)]
pub struct Scene {
    pub partition: Partition,
    pub parts: usize,
    pub options: EngineOptions,
    pub anchor: usize,
    pub fills: Vec<Fill>,
    pub epochs: Vec<Vec<Event>>,
    pub seed: u32,
}

impl Scene {
    /// Plays the scene, every epoch under watch.
    pub fn play(&self) {
        let world = self.world();
        let plan = Arc::new(self.plan(&world));
        let mut watched = Watched::new(world, plan, self.options, self.seed.into());
        for events in &self.epochs {
            let mut next = watched.world.clone();
            let mut edits = Vec::new();
            for event in events {
                let from = edits.len();
                self.edits(event, &next, &mut edits);
                edits[from..].iter().for_each(|&edit| next.apply(edit));
            }
            watched.epoch(edits);
        }
        let messages: u64 = watched.parts.stats().iter().map(|s| s.messages).sum();
        assert!(self.parts > 1 || messages == 0, "messages to nobody");
    }

    /// A plan that divides the whole scene, also where bricks are still to come.
    fn plan(&self, world: &World) -> Plan {
        let bricks = parts::bricks(world);
        let mut weights = Vec::new();
        for n in 0..REACH[0] * REACH[1] * REACH[2] {
            let at = [
                n % REACH[0],
                n / REACH[0] % REACH[1],
                n / REACH[0] / REACH[1],
            ];
            let (brick, _) = parts::place(self.point(at.map(|c| 16 * c)));
            let open = bricks
                .get(&brick)
                .map_or(0, |costs| costs.iter().filter(|&&c| c > 0).count());
            weights.push((brick, 50 + open as u64));
        }
        Plan::build(self.partition, self.parts, &weights)
    }

    pub fn world(&self) -> World {
        let mut world = World::default();
        for fill in &self.fills {
            let mut random = Random(fill.seed.into());
            for at in brick_points(self.point(fill.at.map(|c| 16 * c))) {
                let cost = fill.palette.draw(&mut random);
                if random.below(100) >= fill.blocked_percent {
                    world.apply(Edit::Cost(at, cost));
                }
            }
        }
        world
    }

    /// The lattice point at a place, y and z moved to the parity of x.
    fn point(&self, [x, y, z]: Point) -> Point {
        let place = [x, y & !1 | x & 1, z & !1 | x & 1];
        std::array::from_fn(|a| 16 * ANCHORS[self.anchor][a] + place[a])
    }

    fn edits(&self, event: &Event, world: &World, edits: &mut Vec<Edit>) {
        let source = |n: usize| {
            let count = world.sources.len().max(1);
            world.sources.iter().nth(n % count).map(|(&at, &l)| (at, l))
        };
        match *event {
            Event::Cost(at, cost) => edits.push(Edit::Cost(self.point(at), cost)),
            Event::Flicker(at, cost) => {
                let at = self.point(at);
                let old = world.costs.get(&at).copied().unwrap_or(0);
                edits.extend([Edit::Cost(at, cost), Edit::Cost(at, old)]);
            }
            Event::Source(at, label, open) => {
                let at = self.point(at);
                let nearby = world.costs.range(at..).next().filter(|_| open);
                edits.push(Edit::Add(nearby.map_or(at, |(&at, _)| at), label));
            }
            Event::Unsource(n) => match source(n) {
                Some((at, _)) => edits.push(Edit::Remove(at)),
                None => edits.push(Edit::Remove(self.point([n as i32 % 64, 0, 0]))),
            },
            Event::Relabel(n, label) => edits.extend(
                source(n)
                    .into_iter()
                    .flat_map(|(at, _)| [Edit::Remove(at), Edit::Add(at, label)]),
            ),
            Event::CostAtSource(n, cost) => {
                edits.extend(source(n).map(|(at, _)| Edit::Cost(at, cost)));
            }
            Event::Bury(n, first) => {
                let Some((at, _)) = source(n) else { return };
                let mut both = [Edit::Remove(at), Edit::Cost(at, 0)];
                both.rotate_left(usize::from(first));
                edits.extend(both);
            }
            Event::Wall(axis, layer, cost) => {
                let first = 16 * ANCHORS[self.anchor][axis] + layer;
                let cells = world.costs.keys().filter(|p| (p[axis] - first) & !1 == 0);
                edits.extend(cells.map(|&at| Edit::Cost(at, cost)));
            }
            Event::Breach(axis, layer) => {
                let first = 16 * ANCHORS[self.anchor][axis] + layer;
                for brick in parts::bricks(world).into_keys() {
                    let cells = brick_points(brick.xyz().map(|c| 16 * c)).into_iter();
                    let cells = cells.filter(|p| (p[axis] - first) & !1 == 0);
                    edits.extend(cells.map(|at| Edit::Cost(at, 256)));
                }
            }
            Event::Scatter(palette, count, blocked_percent, seed) => {
                let mut random = Random(seed.into());
                for _ in 0..count {
                    let at = REACH.map(|bricks| random.below(16 * bricks as usize) as i32);
                    let cost = palette.draw(&mut random);
                    let blocked = random.below(100) < blocked_percent;
                    edits.push(Edit::Cost(self.point(at), if blocked { 0 } else { cost }));
                }
            }
            Event::Drain => edits.extend(world.sources.keys().map(|&at| Edit::Remove(at))),
        }
    }
}

/// All cells of the brick with a corner.
pub fn brick_points(corner: Point) -> Vec<Point> {
    (0..1024)
        .map(|n| {
            let inside = [n & 7, n >> 3 & 7, n >> 6 & 7];
            std::array::from_fn(|a| corner[a] + 2 * inside[a] + (n >> 9))
        })
        .collect()
}

pub fn palette() -> impl Strategy<Value = Palette> {
    prop::sample::select(vec![
        Palette::Unit,
        Palette::Few,
        Palette::Least,
        Palette::Any,
        Palette::Mixed,
    ])
}

pub fn cost() -> impl Strategy<Value = u16> {
    prop_oneof![
        3 => Just(0),
        3 => Just(256),
        2 => prop::sample::select(vec![1, 2, 128, 257, 384, 65535]),
        2 => 1..=65535u16,
    ]
}

/// A place anywhere in a scene, half of the time beside the faces of bricks.
pub fn anywhere() -> impl Strategy<Value = Point> {
    REACH.map(|bricks| {
        let face = (0..=bricks, -2..2i32);
        let end = 16 * bricks - 1;
        prop_oneof![
            0..=end,
            face.prop_map(move |(b, c)| (16 * b + c).clamp(0, end)),
        ]
    })
}

/// A place beside one corner of eight bricks, so that all parts meet there.
pub fn crowded() -> impl Strategy<Value = Point> {
    let near = || 30..35i32;
    [near(), near(), near()]
}

/// Few labels, so that they tie too.
pub fn label() -> impl Strategy<Value = u32> {
    0..12u32
}

/// An event that touches one cell.
pub fn small_event(place: BoxedStrategy<Point>) -> BoxedStrategy<Event> {
    let number = any::<u16>().prop_map(usize::from);
    prop_oneof![
        8 => (place.clone(), cost()).prop_map(|(at, cost)| Event::Cost(at, cost)),
        1 => (place.clone(), cost()).prop_map(|(at, cost)| Event::Flicker(at, cost)),
        4 => (place, label(), any::<bool>()).prop_map(|(at, l, open)| Event::Source(at, l, open)),
        2 => number.clone().prop_map(Event::Unsource),
        1 => (number.clone(), label()).prop_map(|(n, label)| Event::Relabel(n, label)),
        2 => (number.clone(), cost()).prop_map(|(n, cost)| Event::CostAtSource(n, cost)),
        1 => (number, any::<bool>()).prop_map(|(n, first)| Event::Bury(n, first)),
    ]
    .boxed()
}

/// Any event.
pub fn event() -> BoxedStrategy<Event> {
    let layer = || (0..3usize, 0..48i32);
    prop_oneof![
        12 => small_event(anywhere().boxed()),
        1 => (layer(), cost()).prop_map(|((axis, layer), cost)| Event::Wall(axis, layer, cost)),
        1 => layer().prop_map(|(axis, layer)| Event::Breach(axis, layer)),
        1 => (palette(), 0..400usize, 0..=100usize, any::<u32>())
            .prop_map(|(p, count, blocked, seed)| Event::Scatter(p, count, blocked, seed)),
        1 => Just(Event::Drain),
    ]
    .boxed()
}

pub fn options() -> impl Strategy<Value = EngineOptions> {
    let usually = || prop::bool::weighted(0.8);
    (usually(), usually(), usually()).prop_map(|(labels, changes, next)| EngineOptions {
        labels,
        changes,
        next,
    })
}

/// Up to `max` bricks: most of them side by side, with holes or without.
pub fn fills(max: usize) -> impl Strategy<Value = Vec<Fill>> {
    let at = prop_oneof![
        4 => [0..3i32, 0..2i32, 0..2i32],
        1 => REACH.map(|bricks| 0..bricks),
    ];
    let blocked = prop::sample::select(vec![0, 10, 30, 60, 90]);
    let fill =
        (at, palette(), blocked, any::<u32>()).prop_map(|(at, palette, blocked_percent, seed)| {
            Fill {
                at,
                palette,
                blocked_percent,
                seed,
            }
        });
    vec(fill, 0..=max)
}

/// Scenes of given bricks and events.
pub fn scenes(
    fills: impl Strategy<Value = Vec<Fill>>,
    event: BoxedStrategy<Event>,
    epochs: usize,
    events: usize,
) -> impl Strategy<Value = Scene> {
    let setting = (
        prop::sample::select(Partition::ALL.to_vec()),
        1..=4usize,
        options(),
        0..ANCHORS.len(),
        any::<u32>(),
    );
    let first = (anywhere(), label()).prop_map(|(at, label)| Event::Source(at, label, true));
    let history = (first, vec(vec(event, 0..=events), 1..=epochs));
    (setting, fills, history).prop_map(
        |((partition, parts, options, anchor, seed), fills, (first, mut epochs))| {
            epochs[0].insert(0, first);
            Scene {
                partition,
                parts,
                options,
                anchor,
                fills,
                epochs,
                seed,
            }
        },
    )
}
