//! Routes: the published problems of a map, one worker, without a dataflow.
use octaflow::brick::CellMap;
use octaflow::lattice::Cell;
use octaflow::map::{ReadOptions, read_map};
use octaflow::search::{CellKey, Mode, Router, RouterOptions};
use std::sync::Arc;
use std::time::Instant;

fn problems(path: &str) -> Vec<([i32; 3], [i32; 3], f64)> {
    let text = std::fs::read_to_string(path).expect("a .3dscen file");
    text.lines()
        .skip(2)
        .map(|l| {
            let v: Vec<f64> = l.split_whitespace().map(|w| w.parse().unwrap()).collect();
            let at = |i: usize| [v[i] as i32, v[i + 1] as i32, v[i + 2] as i32];
            (at(0), at(3), v[6])
        })
        .collect()
}
fn key(v: [i32; 3]) -> CellKey {
    CellKey::of(Cell::new(2 * v[0], 2 * v[1], 2 * v[2]).unwrap()).unwrap()
}
fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let map = args
        .first()
        .cloned()
        .unwrap_or("examples/data/Complex.3dmap".into());
    let map: CellMap = read_map(map.as_ref(), &ReadOptions::default()).unwrap();
    let scen = args
        .get(1)
        .cloned()
        .unwrap_or("examples/data/Complex.3dmap.3dscen".into());
    let problems = problems(&scen);
    for mode in [Mode::Exact, Mode::Corridor] {
        let exists = Arc::new(map.bricks.iter().map(|b| b.0).collect());
        let options = RouterOptions {
            mode,
            smooth: false,
            updates: false,
        };
        let mut router = Router::new(options, exists);
        router.load(map.bricks.clone());
        let least = router.take_edits().1;
        router.hear(&[], least);
        for (id, (s, g, _)) in problems.iter().enumerate() {
            router.add_query(id as i64, key(*s), key(*g));
        }
        router.begin();
        let begun = Instant::now();
        while router.work() {}
        let took = begun.elapsed();
        let answers = router.answers();
        let mut micros: Vec<u64> = answers.iter().map(|a| a.1.micros).collect();
        micros.sort_unstable();
        let n = micros.len();
        let mut ratios: Vec<f64> = answers
            .iter()
            .map(|(id, a)| {
                f64::from(a.route.as_ref().unwrap().cost) / 3120.0 / problems[*id as usize].2
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{mode:?}: {:.3} ms mean, p50 {} p90 {} p99 {} max {} us; ratio to 26: {:.4} {:.4} {:.4}; search bytes {}",
            took.as_secs_f64() * 1e3 / n as f64,
            micros[n / 2],
            micros[n * 9 / 10],
            micros[n * 99 / 100],
            micros[n - 1],
            ratios[0],
            ratios[n / 2],
            ratios[n - 1],
            router.stats().search_bytes
        );
    }
}
