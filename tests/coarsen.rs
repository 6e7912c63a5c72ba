//! Coarser levels of detail: the map's fast form and the dataflow against the rule, one parent at a time, and the
//! program's `--lod` against a map that was coarsened by hand.

use differential_dataflow::input::InputSession;
use octaflow::brick::{BRICK_CELLS, BrickId, CellMap};
use octaflow::dataflows::coarsen::levels;
use octaflow::dataflows::{Diff, Time};
use octaflow::lattice::{Cell, Frame};
use octaflow::map::{ReadOptions, read_map};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

/// Stored costs by cell, the blocked ones among them too.
type World = BTreeMap<Cell, u16>;

/// A sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 29) % n
    }

    fn cost(&mut self) -> u16 {
        match self.below(10) {
            0..3 => 0,
            3 => 1,
            4 => u16::MAX,
            _ => self.below(65536) as u16,
        }
    }
}

/// Cells in boxes at the corners of the range and across the borders of bricks.
fn world(numbers: &mut Numbers, cells: usize) -> World {
    const CORNERS: [[i32; 3]; 4] = [[0; 3], [20, 90, 0], [65500, 65500, 65500], [65500, 0, 40]];
    let mut world = World::new();
    for _ in 0..cells {
        let corner = CORNERS[numbers.below(4) as usize];
        let odd = numbers.below(2) as i32;
        let xyz = corner.map(|c| c + 2 * numbers.below(18) as i32 + odd);
        if xyz.iter().all(|&c| c < 65536) {
            let cell = Cell::new(xyz[0], xyz[1], xyz[2]).unwrap();
            world.insert(cell, numbers.cost());
        }
    }
    world
}

/// The rule, said once more: fractions instead of shifts, a look at each child.
fn coarser(world: &World) -> World {
    let parents = world.keys().map(|cell| cell.parent());
    parents
        .map(|parent| {
            let costs: Vec<f64> = (parent.children())
                .filter_map(|child| world.get(&child).copied())
                .filter(|&cost| cost > 0)
                .map(f64::from)
                .collect();
            let mean = costs.iter().sum::<f64>() / costs.len().max(1) as f64;
            let cost = if costs.len() >= 4 {
                (mean + 0.5).floor() as u16
            } else {
                0
            };
            (parent, cost)
        })
        .collect()
}

fn open(world: &World) -> World {
    let open = world.iter().filter(|(_, cost)| **cost > 0);
    open.map(|(&cell, &cost)| (cell, cost)).collect()
}

fn map_of(world: &World) -> CellMap {
    let mut bricks: BTreeMap<BrickId, Box<[u16; BRICK_CELLS]>> = BTreeMap::new();
    let open = open(world);
    for (&cell, &cost) in &open {
        let (brick, local) = BrickId::locate(cell).unwrap();
        bricks
            .entry(brick)
            .or_insert_with(|| Box::new([0; BRICK_CELLS]))[local.index()] = cost;
    }
    CellMap {
        frame: Frame::new([1.0, 2.0, 3.0], 0.25).unwrap(),
        bricks: bricks.into_iter().collect(),
        cells: world.len() as u64,
        open: open.len() as u64,
        voxels: None,
    }
}

fn world_of(map: &CellMap) -> World {
    let cells = map.bricks.iter().flat_map(|(id, costs)| {
        let places = costs.iter().enumerate();
        places.map(move |(place, &cost)| {
            let local = octaflow::brick::Local::new(place).unwrap();
            (id.cell(local), cost)
        })
    });
    open(&cells.collect())
}

#[test]
fn whole_maps_follow_the_rule_at_every_level() {
    let mut numbers = Numbers(1);
    for cells in [1, 40, 4000, 40_000] {
        let mut expected = world(&mut numbers, cells);
        let mut map = map_of(&expected);
        for level in 1..=15u8 {
            let with_open = coarser(&open(&expected)).len() as u64;
            expected = coarser(&expected);
            map = map.coarser().unwrap();
            assert_eq!(world_of(&map), open(&expected), "level {level}");
            assert_eq!(
                (map.cells, map.open),
                (with_open, open(&expected).len() as u64)
            );
            assert!(map.bricks.is_sorted_by_key(|b| b.0));
            assert_eq!(map.frame.lod(), 15 - level);
            assert_eq!(map.frame.cell_size_m(), 0.25 * f64::from(1u32 << level));
            assert_eq!(map.frame.origin_m(), [1.0, 2.0, 3.0]);
        }
        assert!(map.coarser().is_none());
    }
}

#[test]
fn a_level_is_asked_for_by_its_number() {
    let map = map_of(&world(&mut Numbers(2), 20_000));
    let twice = map.coarser().unwrap().coarser().unwrap();
    let at = map.clone().at_lod(13).unwrap();
    assert_eq!(world_of(&at), world_of(&twice));
    assert_eq!(world_of(&map.clone().at_lod(15).unwrap()), world_of(&map));
    assert!(at.at_lod(14).is_none());
}

type Changes = Vec<(usize, Cell, u16, Time, Diff)>;

/// The changes of three levels above the worlds, which follow one another.
fn flow(workers: usize, worlds: Vec<World>) -> Changes {
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let seen = Rc::new(RefCell::new(Changes::new()));
        let mut input = InputSession::<Time, (Cell, u16), Diff>::new();
        worker.dataflow(|scope| {
            let cells = input.to_collection(scope);
            for (level, cells) in levels(cells, 3).into_iter().enumerate() {
                let seen = seen.clone();
                cells.inspect(move |&((cell, cost), time, diff)| {
                    seen.borrow_mut().push((level, cell, cost, time, diff));
                });
            }
        });
        let (me, peers) = (worker.index(), worker.peers());
        let mut before = &World::new();
        for (time, world) in worlds.iter().enumerate() {
            input.advance_to(time as Time);
            let mine = |cell: &Cell| cell.xyz().iter().sum::<i32>() as usize / 3 % peers == me;
            for (&cell, &cost) in before.iter().filter(|(cell, _)| mine(cell)) {
                input.remove((cell, cost));
            }
            for (&cell, &cost) in world.iter().filter(|(cell, _)| mine(cell)) {
                input.insert((cell, cost));
            }
            before = world;
        }
        drop(input);
        while worker.step_or_park(None) {}
        seen.take()
    });
    let changes = guards.unwrap().join().into_iter().flat_map(Result::unwrap);
    let mut changes: Changes = changes.collect();
    changes.sort_unstable();
    changes
}

#[test]
fn the_dataflow_changes_what_the_rule_changes_and_nothing_else() {
    let mut numbers = Numbers(3);
    let mut worlds = vec![World::new(), world(&mut numbers, 3000)];
    for _ in 0..4 {
        let mut next = worlds.last().unwrap().clone();
        for cell in next.keys().copied().collect::<Vec<_>>() {
            match numbers.below(300) {
                0 => drop(next.remove(&cell)),
                1 => drop(next.insert(cell, numbers.cost())),
                _ => {}
            }
        }
        worlds.push(next);
    }
    let mut expected = Changes::new();
    let mut below = worlds.clone();
    for level in 0..3 {
        below = below.iter().map(coarser).collect();
        for (time, pair) in below.windows(2).enumerate() {
            let change = |of: &World, other: &World, diff| -> Changes {
                let gone = of
                    .iter()
                    .filter(|(cell, cost)| other.get(cell) != Some(cost));
                gone.map(|(&cell, &cost)| (level, cell, cost, time as Time + 1, diff))
                    .collect()
            };
            expected.extend(change(&pair[0], &pair[1], -1));
            expected.extend(change(&pair[1], &pair[0], 1));
        }
    }
    expected.sort_unstable();
    for workers in [1, 3] {
        assert_eq!(flow(workers, worlds.clone()), expected, "{workers} workers");
    }
}

/// A folder of its own, removed at its end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("octaflow-coarsen-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn octaflow(args: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_octaflow"))
        .args(args.split(' '))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn succeed(args: &str) {
    let output = octaflow(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args}: {stderr}");
}

/// The rows of a field by cell, with the bits of the distance, and what the first file says of a key.
fn field(folder: &str) -> BTreeMap<i64, ([i32; 3], u64)> {
    let mut rows = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(folder).join("field")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The log of the table.
            continue;
        }
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap());
        for row in reader.unwrap().get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let xyz = [1, 2, 3].map(|column| row.get_int(column).unwrap());
            let distance = row.get_double(4).unwrap().to_bits();
            assert!(
                rows.insert(row.get_long(0).unwrap(), (xyz, distance))
                    .is_none()
            );
        }
    }
    rows
}

/// 40 × 30 × 20 voxels with rubble.
fn rubble() -> String {
    let mut text = "voxel 40 30 20\n".to_owned();
    for n in 0..40 * 30 * 20 {
        let [x, y, z] = [n % 40, n / 40 % 30, n / 1200];
        if (x * 7919 + y * 104_729 + z * 1_299_709) % 5 == 0 || x == 20 && y > 6 {
            text += &format!("{x} {y} {z}\n");
        }
    }
    text
}

#[test]
fn the_program_computes_on_the_level_it_is_told() {
    let folder = Folder::new();
    let map = folder.path("rubble.3dmap");
    std::fs::write(&map, rubble()).unwrap();
    let fine = read_map(map.as_ref(), &ReadOptions::default()).unwrap();
    let by_hand = open(&coarser(&world_of(&fine)));
    let mut table = "lx,ly,lz,cost\n".to_owned();
    for (cell, cost) in &by_hand {
        let [x, y, z] = cell.xyz();
        table += &format!("{x},{y},{z},{}\n", f64::from(*cost) / 256.0);
    }
    let coarse = folder.path("coarse.csv");
    std::fs::write(&coarse, table).unwrap();
    let start = by_hand.keys().next().unwrap().xyz();
    let metres = start.map(|c| f64::from(c) * 0.5);
    // The updates block a coarse cell, by a position in metres, and open it again at another cost.
    let some = *by_hand.keys().nth(by_hand.len() / 2).unwrap();
    let [x, y, z] = some.xyz().map(|c| f64::from(c) * 0.5 + 0.1);
    let updates = folder.path("updates.csv");
    let text = format!("time,kind,x,y,z,cost\n1,cost,{x},{y},{z},0\n2,cost,{x},{y},{z},3\n");
    std::fs::write(&updates, text).unwrap();
    let at = format!("--source {},{},{}", metres[0], metres[1], metres[2]);
    let out = |name| folder.path(name);
    let rest = format!("{at} --updates {updates} --quiet");
    succeed(&format!(
        "field --map {coarse} --cell-size 1 {rest} -w 1 --out {}",
        out("a")
    ));
    let map = format!("--map {map} --cell-size 0.5 --lod 14");
    succeed(&format!("field {map} {rest} -w 1 --out {}", out("b")));
    succeed(&format!(
        "field {map} {rest} -w 2 -n 2 --partition slab --out {}",
        out("c")
    ));
    let (a, b, c) = (field(&out("a")), field(&out("b")), field(&out("c")));
    assert!(a.len() > 1000);
    assert_eq!(b, c);
    let at_lod_14 = |key: i64| key & !(1 << 48);
    assert_eq!(
        a.into_iter()
            .map(|(key, row)| (at_lod_14(key), row))
            .collect::<BTreeMap<_, _>>(),
        b
    );
    for (command, more) in [
        (
            "route",
            format!(
                "--query {0},{1},{2},{0},{1},{2}",
                metres[0], metres[1], metres[2]
            ),
        ),
        ("ghost", "--parts 2 --rings 1".to_owned()),
    ] {
        succeed(&format!(
            "{command} {map} {more} --quiet -w 1 -n 2 --out {}",
            out(command)
        ));
    }
    let initial = folder.path("initial.csv");
    std::fs::write(
        &initial,
        format!("x,y,z,value\n{},{},{},1\n", metres[0], metres[1], metres[2]),
    )
    .unwrap();
    succeed(&format!(
        "diffuse {map} --initial {initial} --steps 2 --quiet -w 1 -n 2 --out {}",
        out("d")
    ));

    for (lod, mention) in [
        ("16", "--lod"),
        ("-1", "--lod"),
        ("x", "--lod"),
        ("0", "--lod 0"),
    ] {
        let refused = octaflow(&format!(
            "field --map {coarse} {at} --lod {lod} --out {}",
            out("e")
        ));
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains(mention) && stderr.trim_end().lines().count() == 1,
            "{stderr}"
        );
    }
}
