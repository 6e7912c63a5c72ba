//! Regions against a search cell by cell: random worlds and edits, every partition, one to three workers.
//!
//! `cargo test --release --test regions -- --ignored --nocapture` measures a large map. `PROPTEST_CASES` makes the
//! random tests longer.

#[path = "regions/figures.rs"]
mod figures;
#[path = "regions/world.rs"]
mod world;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::InputSession;
use octaflow::brick::{BrickId, Costs};
use octaflow::dataflows::regions::{End, reachable, specification};
use octaflow::dataflows::{Diff, Time};
use octaflow::partition::{Partition, Plan};
use octaflow::regions::{Changes, Profile, Region, Regions};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::worker::Worker;
use world::{Epoch, History, Point, Shape, place};

type Bricks = BTreeMap<BrickId, Box<Costs>>;
/// The answer to a query, and what is the matter with it.
type Answer = (i64, bool);
type Seen = Vec<(Answer, Time, Diff)>;

/// One worker's map, regions and the ends of queries that lie in its bricks.
struct Part {
    me: usize,
    plan: Arc<Plan>,
    bricks: Bricks,
    regions: Regions,
    ends: BTreeMap<End, (Point, Option<Region>)>,
    /// All that the regions have given out.
    edges: Vec<((Region, Region), Diff)>,
    profiles: Vec<(Profile, Diff)>,
    /// Ends whose regions have changed without a word. A panic amid an epoch would leave the other workers waiting.
    missed: Vec<End>,
}

impl Part {
    fn new(me: usize, plan: Arc<Plan>) -> Part {
        Part {
            me,
            regions: Regions::new(me, plan.clone()),
            plan,
            bricks: Bricks::new(),
            ends: BTreeMap::new(),
            edges: Vec::new(),
            profiles: Vec::new(),
            missed: Vec::new(),
        }
    }

    fn owns(&self, brick: BrickId) -> bool {
        self.plan.owner(brick) == self.me
    }

    fn update(&mut self, epoch: &Epoch) -> Changes {
        for (brick, costs) in &epoch.bricks {
            match costs {
                Some(costs) => self.bricks.insert(*brick, costs.clone()),
                None => self.bricks.remove(brick),
            };
        }
        let changed: Vec<BrickId> = epoch.bricks.iter().map(|(brick, _)| *brick).collect();
        let (me, plan) = (self.me, &self.plan);
        self.regions.update(&changed, |brick| {
            assert_eq!(plan.owner(brick), me);
            self.bricks.get(&brick).map(|costs| &**costs)
        });
        let changes = self.regions.take_changes();
        self.edges.extend(&changes.edges);
        self.profiles.extend(&changes.profiles);
        assert_eq!(self.regions.take_changes(), Changes::default());
        changes
    }

    /// What changes about the ends of queries: those that come and go, and those in bricks to look at again.
    fn ends(&mut self, epoch: &Epoch, moved: &[BrickId]) -> Vec<((Region, End), Diff)> {
        let mut changes = Vec::new();
        for &(query, ends, diff) in &epoch.queries {
            for (end, at) in ends.into_iter().enumerate() {
                if !self.owns(place(at).0) {
                    continue;
                }
                let end = (query, end as u8);
                if diff > 0 {
                    let region = self.region(at);
                    changes.extend(region.map(|region| ((region, end), 1)));
                    self.ends.insert(end, (at, region));
                } else if let Some((_, Some(region))) = self.ends.remove(&end) {
                    changes.push(((region, end), -1));
                }
            }
        }
        let mut ends = std::mem::take(&mut self.ends);
        for (&end, (at, before)) in &mut ends {
            let region = self.region(*at);
            if moved.contains(&place(*at).0) {
                changes.extend(before.map(|region| ((region, end), -1)));
                changes.extend(region.map(|region| ((region, end), 1)));
                *before = region;
            }
            if region != *before {
                self.missed.push(end);
            }
        }
        self.ends = ends;
        changes
    }

    fn region(&self, at: Point) -> Option<Region> {
        let (brick, local) = place(at);
        let costs = self.bricks.get(&brick)?;
        self.regions.region_of(brick, local, costs)
    }

    /// Compares what was given out with what a map as it stands now gives.
    fn check_from_scratch(mut self) {
        assert_eq!(self.missed, [], "bricks that are not told of have changed");
        let mut fresh = Part::new(self.me, self.plan.clone());
        let bricks = self.bricks.iter().map(|(b, c)| (*b, Some(c.clone())));
        fresh.update(&Epoch {
            bricks: bricks.collect(),
            queries: Vec::new(),
        });
        for part in [&mut self, &mut fresh] {
            consolidate(&mut part.edges);
            consolidate(&mut part.profiles);
            assert!(part.edges.iter().all(|(_, count)| *count == 1));
            assert!(part.profiles.iter().all(|(_, count)| *count == 1));
        }
        assert_eq!(self.edges, fresh.edges);
        assert_eq!(self.profiles, fresh.profiles);
        for brick in self.bricks.keys() {
            for at in world::points(*brick) {
                assert_eq!(self.region(at), fresh.region(at));
            }
        }
    }
}

/// What one worker sees of the answers, by the product and by its specification.
fn work(worker: &mut Worker, plan: Arc<Plan>, epochs: &[Epoch], together: bool) -> [Seen; 2] {
    let (mut edges, mut profiles) = (InputSession::new(), InputSession::new());
    let mut ends = InputSession::new();
    let seen: [Rc<RefCell<Seen>>; 2] = Default::default();
    let probes = worker.dataflow(|scope| {
        let (edges, profiles) = (edges.to_collection(scope), profiles.to_collection(scope));
        let ends = ends.to_collection(scope);
        let product = reachable(edges.clone(), profiles.clone(), ends.clone());
        let plain = specification(edges, profiles, ends);
        [(product, 0), (plain, 1)].map(|(answers, n)| {
            let seen = seen[n].clone();
            let answers = answers.inspect(move |change| seen.borrow_mut().push(*change));
            answers.probe().0
        })
    });
    let mut part = Part::new(worker.index(), plan);
    for (time, epoch) in epochs.iter().enumerate() {
        let (time, changes) = (time as Time, part.update(epoch));
        let moved = part.ends(epoch, &changes.moved);
        edges.advance_to(time);
        profiles.advance_to(time);
        ends.advance_to(time);
        (changes.edges.into_iter()).for_each(|(edge, diff)| edges.update(edge, diff));
        (changes.profiles.into_iter()).for_each(|(p, diff)| profiles.update(p, diff));
        (moved.into_iter()).for_each(|(end, diff)| ends.update(end, diff));
        edges.advance_to(time + 1);
        profiles.advance_to(time + 1);
        ends.advance_to(time + 1);
        edges.flush();
        profiles.flush();
        ends.flush();
        if !together {
            worker.step_or_park_while(None, || probes.iter().any(|p| p.less_equal(&time)));
        }
    }
    drop((edges, profiles, ends));
    worker.step_or_park_while(None, || probes.iter().any(|p| !p.done()));
    part.check_from_scratch();
    seen.map(|seen| seen.take())
}

/// Runs a history and compares the answers of every epoch.
fn play(history: &History, partition: Partition, workers: usize, together: bool) {
    let plan = Arc::new(Plan::build(partition, workers, &history.weights()));
    let epochs = Arc::new(history.epochs.clone());
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        work(worker, plan.clone(), &epochs, together)
    });
    let mut seen = [Seen::new(), Seen::new()];
    for guard in guards.unwrap().join() {
        for (all, one) in seen.iter_mut().zip(guard.unwrap()) {
            all.extend(one);
        }
    }
    for seen in seen {
        let mut answers = Vec::new();
        for (time, expected) in history.answers.iter().enumerate() {
            let now = seen.iter().filter(|(_, at, _)| *at == time as Time);
            answers.extend(now.map(|&(answer, _, diff)| (answer, diff)));
            consolidate(&mut answers);
            let expected: Vec<_> = expected.iter().map(|(&q, &met)| ((q, met), 1)).collect();
            assert_eq!(answers, expected, "epoch {time}");
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let corner = prop::sample::select(vec![[0, 0, 0], [1, 2, 3], [13, 14, 12], [61, 62, 63]]);
    (corner, 1..6i32, 1..40usize, 0..5u32).prop_map(|(corner, edge, bricks, walls)| Shape {
        corner,
        edge,
        bricks,
        walls,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queries_are_answered_as_by_a_search_of_the_cells(
        shape in shape(),
        epochs in 1..7usize,
        seed in any::<u64>(),
        partition in prop::sample::select(Partition::ALL.to_vec()),
        workers in 1..4usize,
        together in any::<bool>(),
    ) {
        play(&History::new(shape, epochs, seed), partition, workers, together);
    }
}

#[test]
fn every_partition_of_a_walled_world_gives_the_same_answers() {
    let shape = Shape {
        corner: [13, 14, 61],
        edge: 5,
        bricks: 300,
        walls: 4,
    };
    let history = History::new(shape, 6, 5);
    let (mut met, mut apart) = (0, 0);
    for answers in &history.answers {
        met += answers.values().filter(|met| **met).count();
        apart += answers.values().filter(|met| !**met).count();
    }
    assert!(met > 50 && apart > 50, "{met} {apart}");
    for partition in Partition::ALL {
        for workers in 1..4 {
            play(&history, partition, workers, false);
        }
    }
}
