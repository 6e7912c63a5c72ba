//! Every kernel's AVX2 compilation against its plain one, side by side on random bricks: the same bits in results and
//! in tiles. Where the processor has no AVX2 there is one compilation alone, and the test says so.

use super::*;
use crate::brick::BRICK_CELLS;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;

/// Costs that kernels may stumble over: a wall, the two halves that are nearly nothing, the unit, the greatest.
const COSTS: [u16; 5] = [0, 1, 2, 256, u16::MAX];

/// The share of cells, in 256ths, that a scene fills otherwise than by its main rule.
const SPICE: u64 = 40;

/// What a random brick and its shell are made by: small, so that a failure shrinks to something readable.
#[derive(Clone, Debug)]
struct Recipe {
    seed: u64,
    costs: Fill,
    ticks: Fill,
    shell: Fill,
    /// How many cells in 1024 are sources.
    sources: u64,
    dirty: Dirty,
}

/// How values are spread.
#[derive(Clone, Copy, Debug)]
enum Fill {
    /// The same unremarkable value everywhere: cost 1.0, or no distance.
    Even,
    /// A few remarkable values among unremarkable ones.
    Spiced,
    /// Values near 0: distances that a few steps make.
    Low,
    /// The edge cases among costs; infinity and finite distances near it.
    High,
    /// Anything.
    Any,
}

#[derive(Clone, Copy, Debug)]
enum Dirty {
    None,
    One,
    Some,
    All,
}

/// A brick, what surrounds it, and where to begin.
struct Scene {
    costs: Costs,
    ticks: Ticks,
    shell: [u32; SUM_WORDS],
    seed: Ticks,
    dirty: Rows,
    labels: Ticks,
    label_shell: [u32; GHOSTS],
    label_seeds: Ticks,
}

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn cost(&mut self, fill: Fill) -> u16 {
        match fill {
            Fill::Spiced if self.below(256) < SPICE => COSTS[self.below(5) as usize],
            Fill::Even | Fill::Spiced => 256,
            Fill::Low => self.below(4) as u16,
            Fill::High => COSTS[self.below(5) as usize],
            Fill::Any => self.next() as u16,
        }
    }

    /// A distance or a sum: 0…[`UNREACHED`].
    fn ticks(&mut self, fill: Fill) -> u32 {
        let greatest = u64::from(UNREACHED);
        (match fill {
            Fill::Spiced if self.below(256) < SPICE => self.below(100_000),
            Fill::Even | Fill::Spiced => greatest,
            Fill::Low => self.below(20_000),
            Fill::High => greatest - self.below(4) * self.below(300_000),
            Fill::Any => self.below(greatest + 1),
        }) as u32
    }

    fn label(&mut self) -> u32 {
        match self.below(4) {
            0 => NO_LABEL,
            1 => NO_LABEL - 1 - self.below(3) as u32,
            _ => self.below(9) as u32,
        }
    }

    fn dirty(&mut self, dirty: Dirty) -> Rows {
        match dirty {
            Dirty::None => Rows::NONE,
            Dirty::One => {
                let mut rows = Rows::NONE;
                rows.0[self.below(2) as usize] = 1 << self.below(64);
                rows
            }
            Dirty::Some => Rows([self.next() & self.next(), self.next() & self.next()]),
            Dirty::All => Rows::ALL,
        }
    }
}

impl Scene {
    fn new(recipe: &Recipe) -> Self {
        let mut random = Random(recipe.seed);
        let mut scene = Scene {
            costs: std::array::from_fn(|_| random.cost(recipe.costs)),
            ticks: std::array::from_fn(|_| random.ticks(recipe.ticks)),
            shell: std::array::from_fn(|_| random.ticks(recipe.shell)),
            seed: [UNREACHED; BRICK_CELLS],
            dirty: random.dirty(recipe.dirty),
            labels: std::array::from_fn(|_| random.label()),
            label_shell: std::array::from_fn(|_| random.label()),
            label_seeds: [NO_LABEL; BRICK_CELLS],
        };
        for cell in 0..BRICK_CELLS {
            if random.below(1024) < recipe.sources {
                scene.seed[cell] = 0;
                scene.label_seeds[cell] = random.below(9) as u32;
            }
        }
        scene
    }
}

type Sweep = fn(&mut Tile, &Costs, &mut Ticks, &[u32; SUM_WORDS], Rows) -> Swept;

/// What a run of both compilations works on, one set for each; reused, as an engine reuses its own.
struct Sides {
    tiles: [Box<Tile>; 2],
    padded_labels: [Box<Padded>; 2],
    seen: Seen,
}

/// Whether the scenes gave the kernels anything to do.
#[derive(Debug, Default)]
struct Seen {
    lowered: u64,
    retracted: u64,
    probed: u64,
    labelled: u64,
    steps: u64,
}

impl Sides {
    fn new() -> Self {
        Sides {
            tiles: [Tile::new(), Tile::new()],
            padded_labels: [tile::blank_labels(), tile::blank_labels()],
            seen: Seen::default(),
        }
    }

    fn hold_tiles(&self, kernel: &str) {
        let [a, b] = &self.tiles;
        let same = a.diagonal == b.diagonal
            && a.axial == b.axial
            && a.diagonal_half == b.diagonal_half
            && a.axial_half == b.axial_half
            && a.seed == b.seed;
        assert!(same, "{kernel} leaves another tile");
    }

    /// Runs a sweep that writes distances on both sides; gives them, and whether any changed.
    fn sweep(
        &mut self,
        name: &str,
        kernels: [Sweep; 2],
        scene: &Scene,
        dirty: Rows,
    ) -> (Ticks, bool) {
        let mut ticks = [scene.ticks; 2];
        let [a, b] = std::array::from_fn(|side| {
            let (tile, ticks) = (&mut self.tiles[side], &mut ticks[side]);
            tile.seed = scene.seed;
            let swept = kernels[side](tile, &scene.costs, ticks, &scene.shell, dirty);
            (swept.changed, swept.greatest, swept.rows)
        });
        assert_eq!(a, b, "{name} reports otherwise");
        assert!(ticks[0] == ticks[1], "{name} gives other distances");
        self.hold_tiles(name);
        (ticks[0], !a.0.is_empty())
    }

    fn probe(&mut self, scene: &Scene, dirty: Rows) {
        let kernels = [probe, plain_probe];
        let [a, b] = std::array::from_fn(|side| {
            let tile = &mut self.tiles[side];
            tile.seed = scene.seed;
            kernels[side](tile, &scene.costs, &scene.ticks, &scene.shell, dirty)
        });
        assert_eq!(a, b, "probe gives another distance");
        self.hold_tiles("probe");
        self.seen.probed += u64::from(a.is_some());
    }

    fn label(&mut self, scene: &Scene, dirty: Rows) {
        let kernels = [label, plain_label];
        let mut own = [scene.labels; 2];
        let [a, b] = std::array::from_fn(|side| {
            let view = LabelView {
                padded: &mut self.padded_labels[side],
                own: &mut own[side],
                shell: &scene.label_shell,
                seeds: &scene.label_seeds,
            };
            let tile = &mut self.tiles[side];
            let swept = kernels[side](tile, &scene.costs, &scene.ticks, &scene.shell, view, dirty);
            (swept.changed, swept.rows)
        });
        assert_eq!(a, b, "label reports otherwise");
        assert!(own[0] == own[1], "label gives other labels");
        let [padded, plain_padded] = &self.padded_labels;
        assert!(padded == plain_padded, "label leaves other padded labels");
        self.hold_tiles("label");
        self.seen.labelled += own[0].iter().filter(|&&l| l != NO_LABEL).count() as u64;
    }

    fn next(&mut self, scene: &Scene) {
        let kernels = [next, plain_next];
        let [a, b] = std::array::from_fn(|side| {
            kernels[side](
                &mut self.tiles[side],
                &scene.costs,
                &scene.ticks,
                &scene.shell,
            )
        });
        assert!(a == b, "next gives other steps");
        self.hold_tiles("next");
        self.seen.steps += a.iter().filter(|&&step| step != NO_NEXT).count() as u64;
    }

    /// Runs every kernel on a scene, and then on what relaxing makes of it: only there are steps tight.
    fn hold(&mut self, mut scene: Scene) {
        for dirty in [scene.dirty, Rows::ALL] {
            self.probe(&scene, dirty);
            self.label(&scene, dirty);
            self.next(&scene);
            let (_, retracted) = self.sweep("retract", [retract, plain_retract], &scene, dirty);
            let (relaxed, lowered) = self.sweep("relax", [relax, plain_relax], &scene, dirty);
            self.seen.retracted += u64::from(retracted);
            self.seen.lowered += u64::from(lowered);
            scene.ticks = relaxed;
        }
        self.probe(&scene, Rows::ALL);
        self.label(&scene, Rows::ALL);
        self.next(&scene);
        self.sweep("retract", [retract, plain_retract], &scene, Rows::ALL);
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let fill = || {
        prop_oneof![
            Just(Fill::Even),
            Just(Fill::Spiced),
            Just(Fill::Low),
            Just(Fill::High),
            Just(Fill::Any)
        ]
    };
    let dirty = prop_oneof![
        Just(Dirty::None),
        Just(Dirty::One),
        Just(Dirty::Some),
        Just(Dirty::All)
    ];
    let sources = prop_oneof![Just(0u64), Just(2), Just(200)];
    (prop::num::u64::ANY, fill(), fill(), fill(), sources, dirty).prop_map(
        |(seed, costs, ticks, shell, sources, dirty)| Recipe {
            seed,
            costs,
            ticks,
            shell,
            sources,
            dirty,
        },
    )
}

/// Whether the dispatch picks another compilation than the plain one here.
fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[test]
fn avx2_and_plain_kernels_give_the_same_bits() {
    if !has_avx2() {
        eprintln!("skipped: this processor has no AVX2, so each kernel has one compilation alone");
        return;
    }
    let sides = RefCell::new(Sides::new());
    let held = TestRunner::new(Config::with_cases(2000)).run(&recipes(), |recipe| {
        sides.borrow_mut().hold(Scene::new(&recipe));
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = &sides.borrow().seen;
    let busy = [seen.lowered, seen.retracted, seen.probed];
    assert!(busy.iter().all(|&n| n > 500), "too idle: {seen:?}");
    assert!(seen.labelled > 100_000 && seen.steps > 100_000, "{seen:?}");
}
