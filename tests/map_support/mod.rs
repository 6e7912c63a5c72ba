//! What the tests of the map readers share: a plain model of a voxel map, writers of each format, scratch files.
#![allow(dead_code)]

use octaflow::brick::{CellMap, LOCAL_BY_INDEX};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of this test's own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("octaflow-map-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        // A new file each time: some file systems wait for the disk when an old one is cut short.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Voxels by index, with their stored costs.
pub type Voxels = HashMap<[i32; 3], u16>;

/// Open cells by lattice coordinates, with their stored costs.
pub type OpenCells = BTreeMap<[i32; 3], u16>;

/// The open cells of a voxel map with the extent `least..=greatest`, and how many cells it defines: straight from the
/// rules, one corner at a time.
pub fn embed(voxels: &Voxels, least: [i32; 3], greatest: [i32; 3]) -> (OpenCells, u64) {
    let mut open = OpenCells::new();
    let mut cells = voxels.len() as u64;
    for (v, &cost) in voxels {
        if cost > 0 {
            open.insert(v.map(|c| 2 * c), cost);
        }
    }
    for x in least[0]..greatest[0] {
        for y in least[1]..greatest[1] {
            for z in least[2]..greatest[2] {
                let eight: Vec<Option<u16>> = (0..8)
                    .map(|n| {
                        let v = [x + (n & 1), y + (n >> 1 & 1), z + (n >> 2)];
                        voxels.get(&v).copied()
                    })
                    .collect();
                cells += u64::from(eight.iter().any(Option::is_some));
                if eight.iter().all(|c| c.unwrap_or(0) > 0) {
                    let sum: u32 = eight.iter().map(|c| u32::from(c.unwrap())).sum();
                    open.insert([x, y, z].map(|c| 2 * c + 1), ((sum + 4) >> 3) as u16);
                }
            }
        }
    }
    (open, cells)
}

/// The open cells of a map, after a look at its invariants.
pub fn open_cells(map: &CellMap) -> OpenCells {
    assert!(map.bricks.windows(2).all(|w| w[0].0 < w[1].0));
    let mut cells = OpenCells::new();
    for (id, costs) in &map.bricks {
        let before = cells.len();
        for local in LOCAL_BY_INDEX {
            let cost = costs[local.index()];
            if cost > 0 {
                cells.insert(id.cell(local).xyz(), cost);
            }
        }
        assert!(cells.len() > before, "a brick without an open cell");
    }
    assert_eq!(cells.len() as u64, map.open);
    cells
}

/// The least box around voxels.
pub fn bounds(voxels: &Voxels) -> ([i32; 3], [i32; 3]) {
    let mut least = [i32::MAX; 3];
    let mut greatest = [i32::MIN; 3];
    for v in voxels.keys() {
        for a in 0..3 {
            least[a] = least[a].min(v[a]);
            greatest[a] = greatest[a].max(v[a]);
        }
    }
    (least, greatest)
}

/// A few known voxels, near and far.
pub fn some_voxels() -> Voxels {
    let mut random = Random(7);
    let mut voxels = Voxels::new();
    for x in 0..4 {
        for y in 0..4 {
            for z in 0..4 {
                voxels.insert([x, y, z], 256 * random.below(2) as u16);
            }
        }
    }
    voxels.extend([([9, 9, 9], 256), ([17, 3, 30], 0)]);
    voxels
}

/// A `.bt` file of known voxels (cost 0 is occupied, any other free), pruned as OctoMap prunes.
pub fn bt_bytes(voxels: &Voxels, resolution_m: f64) -> Vec<u8> {
    let keyed: Vec<([u32; 3], bool)> = voxels
        .iter()
        .map(|(v, &cost)| (v.map(|c| (c + 16384) as u32), cost > 0))
        .collect();
    let mut body = Vec::new();
    let mut nodes = u64::from(!keyed.is_empty());
    if !keyed.is_empty() {
        bt_node(&keyed, 32768, &mut body, &mut nodes);
    }
    let mut file = format!(
        "# Octomap OcTree binary file\n# a comment\nid OcTree\nsize {nodes}\nres {resolution_m}\ndata\n"
    )
    .into_bytes();
    file.extend(body);
    file
}

/// Writes the inner node whose children span `side` keys; keys count from the node's corner.
fn bt_node(voxels: &[([u32; 3], bool)], side: u32, body: &mut Vec<u8>, nodes: &mut u64) {
    let mut children: [Vec<([u32; 3], bool)>; 8] = Default::default();
    for &(key, open) in voxels {
        let child = (0..3).fold(0, |n, a| n | usize::from(key[a] >= side) << a);
        children[child].push((key.map(|k| k % side), open));
    }
    let mut word = 0u16;
    let mut inner = Vec::new();
    for (n, child) in children.iter().enumerate() {
        let full = child.len() as u64 == u64::from(side).pow(3);
        let kind = match child.first() {
            None => 0,
            Some(first) if full && child.iter().all(|c| c.1 == first.1) => 2 - u16::from(first.1),
            Some(_) => 3,
        };
        *nodes += u64::from(kind > 0);
        word |= kind << (2 * n);
        if kind == 3 {
            inner.push(child);
        }
    }
    body.extend(word.to_le_bytes());
    for child in inner {
        bt_node(child, side / 2, body, nodes);
    }
}

/// A `.npy` file.
pub fn npy_bytes(descr: &str, fortran: bool, shape: &str, elements: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}

/// A small generator of numbers, the same on every run (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Has a file read, cut at every so many bytes, and with bytes changed at random; `OCTAFLOW_FUZZ` times as many rounds.
pub fn torment(name: &str, bytes: &[u8], step: usize, rounds: usize, read: fn(&Path)) {
    let scratch = Scratch::new();
    read(&scratch.write(name, bytes));
    for end in (0..bytes.len()).step_by(step) {
        read(&scratch.write(name, &bytes[..end]));
    }
    let mut random = Random(bytes.len() as u64);
    let times = std::env::var("OCTAFLOW_FUZZ").map_or(1, |n| n.parse().unwrap());
    for _ in 0..rounds * times {
        let mut changed = bytes.to_vec();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            changed[at] = match random.below(4) {
                0 => changed[at] ^ 1 << random.below(8),
                1 => [0, 0xff, 0x7f, 0x80, b'9', b'-', b'\n', b','][random.below(8) as usize],
                _ => random.next() as u8,
            };
        }
        if random.below(8) == 0 {
            let at = random.below(bytes.len() as u64) as usize;
            changed.insert(at, random.next() as u8);
        }
        read(&scratch.write(name, changed));
    }
}
