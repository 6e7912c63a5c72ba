//! Plans: total, deterministic, balanced; split, merged, saved and loaded without moving what should stay.

use octaflow::brick::BrickId;
use octaflow::partition::{Partition, Plan, PlanError};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::PathBuf;

type Bricks = Vec<(BrickId, u64)>;

/// A box of bricks whose weights vary as those of a map with walls and open halls do.
fn hall(size: [i32; 3], corner: [i32; 3]) -> Bricks {
    let mut bricks = Bricks::new();
    for x in 0..size[0] {
        for y in 0..size[1] {
            for z in 0..size[2] {
                let open = match (x * 7 + y * 13 + z * 5) % 11 {
                    0 => continue,
                    1..4 => 150 + 40 * (x % 5) as u64,
                    _ => 1024 - 10 * (y % 9) as u64,
                };
                let brick = BrickId::new(corner[0] + x, corner[1] + y, corner[2] + z).unwrap();
                bricks.push((brick, open));
            }
        }
    }
    bricks
}

fn partition() -> impl Strategy<Value = Partition> {
    any::<Index>().prop_map(|i| *i.get(&Partition::ALL))
}

fn brick() -> impl Strategy<Value = BrickId> {
    prop_oneof![
        (0u64..1 << 36).prop_map(|code| BrickId::from_code(code).unwrap()),
        (0..20i32, 0..20i32, 0..4i32).prop_map(|(x, y, z)| BrickId::new(x, y, z).unwrap()),
        (1000..1040i32, 2000..2010i32, 7..9i32)
            .prop_map(|(x, y, z)| BrickId::new(x, y, z).unwrap()),
    ]
}

fn bricks() -> impl Strategy<Value = Bricks> {
    let open = prop_oneof![4 => 1u64..=1024, 1 => Just(0u64), 1 => any::<u64>()];
    prop::collection::vec((brick(), open), 0..300)
}

fn parts() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1..20usize, 1 => 1..=2000usize]
}

/// Bricks that the plan's map has and others.
fn probes(bricks: &Bricks) -> Vec<BrickId> {
    let spread = (0..500u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28);
    let ends = [0, (1 << 36) - 1];
    let codes = spread
        .chain(ends)
        .map(|code| BrickId::from_code(code).unwrap());
    bricks
        .iter()
        .map(|&(brick, _)| brick)
        .chain(codes)
        .collect()
}

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.join(format!("plan-{name}.json"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_brick_has_one_owner_whatever_the_order_of_the_bricks(
        partition in partition(), parts in parts(), bricks in bricks(), turn in any::<Index>(),
    ) {
        let plan = Plan::build(partition, parts, &bricks);
        let mut turned = bricks.clone();
        turned.rotate_left(turn.index(bricks.len().max(1)));
        turned.reverse();
        prop_assert_eq!(&Plan::build(partition, parts, &turned), &plan);
        prop_assert_eq!((plan.parts(), plan.epoch()), (parts, 0));
        for brick in probes(&bricks) {
            prop_assert!(plan.owner(brick) < parts);
        }
    }

    #[test]
    fn a_split_moves_bricks_from_one_part_to_the_new_one_alone(
        partition in partition(), parts in 1..40usize, bricks in bricks(), part in any::<Index>(),
    ) {
        let plan = Plan::build(partition, parts, &bricks);
        let part = part.index(parts);
        let split = plan.split(part, &bricks).unwrap();
        prop_assert_eq!((split.parts(), split.epoch()), (parts + 1, 1));
        for brick in probes(&bricks) {
            let (before, after) = (plan.owner(brick), split.owner(brick));
            prop_assert!(before == after || before == part && after == parts);
        }
        // What had two places to be has two owners now; cubes of a hash plan are one place.
        let mut own: Vec<_> = bricks.iter().map(|b| b.0).filter(|&b| plan.owner(b) == part).collect();
        own.sort();
        own.dedup();
        if own.len() > 1 && partition != Partition::Hash {
            prop_assert!(own.iter().any(|&b| split.owner(b) == part));
            prop_assert!(own.iter().any(|&b| split.owner(b) == parts));
        }
        // Merging the two again gives the first table.
        let merged = split.merge(parts, part).unwrap();
        for brick in probes(&bricks) {
            prop_assert_eq!(merged.owner(brick), plan.owner(brick));
        }
    }

    #[test]
    fn a_merge_joins_two_parts_and_renumbers_the_last(
        partition in partition(), parts in 2..40usize, bricks in bricks(), a in any::<Index>(), step in any::<Index>(),
    ) {
        let plan = Plan::build(partition, parts, &bricks);
        let a = a.index(parts);
        let b = (a + 1 + step.index(parts - 1)) % parts;
        let merged = plan.merge(a, b).unwrap();
        prop_assert_eq!((merged.parts(), merged.epoch()), (parts - 1, 1));
        for brick in probes(&bricks) {
            let expected = match plan.owner(brick) {
                owner if owner == a || owner == b => a.min(b),
                owner if owner == parts - 1 => a.max(b),
                owner => owner,
            };
            prop_assert_eq!(merged.owner(brick), expected);
        }
    }

    #[test]
    fn a_plan_survives_json(
        partition in partition(), parts in parts(), bricks in bricks(), split in any::<bool>(),
    ) {
        let mut plan = Plan::build(partition, parts, &bricks);
        if split && parts < Plan::MAX_PARTS {
            plan = plan.split(parts / 2, &bricks).unwrap();
        }
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn a_damaged_file_is_an_error_or_a_plan_that_serves(
        partition in partition(), bricks in bricks(), at in any::<Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut text = serde_json::to_vec(&Plan::build(partition, 5, &bricks)).unwrap();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else {
            text[at] = byte;
        }
        if let Ok(plan) = serde_json::from_slice::<Plan>(&text) {
            for brick in probes(&bricks) {
                prop_assert!(plan.owner(brick) < plan.parts());
            }
            prop_assert!(plan.split(0, &bricks).is_ok() || plan.parts() == Plan::MAX_PARTS);
        }
    }
}

#[test]
fn parts_weigh_alike() {
    // Where the map lies must not matter, nor how it lies to powers of two.
    let maps = [
        hall([40, 30, 12], [0, 0, 0]),
        hall([40, 30, 12], [2029, 2033, 2046]),
        hall([9, 60, 7], [5, 1, 3]),
    ];
    for bricks in &maps {
        let total: u64 = bricks.iter().map(|&(_, open)| open).sum();
        for partition in Partition::ALL {
            for parts in [1, 2, 3, 5, 8, 13, 16] {
                let loads = Plan::build(partition, parts, bricks).loads(bricks);
                assert_eq!(loads.iter().sum::<u64>(), total);
                let ideal = total as f64 / parts as f64;
                let worst = *loads.iter().max().unwrap() as f64 / ideal;
                let bound = if partition == Partition::Hash {
                    1.12
                } else {
                    1.03
                };
                assert!(
                    worst <= bound,
                    "{partition}, {parts} parts: {worst:.3} of the ideal"
                );
            }
        }
    }
}

#[test]
fn a_split_halves_the_load() {
    let bricks = hall([40, 30, 12], [100, 200, 300]);
    for partition in Partition::ALL {
        let plan = Plan::build(partition, 4, &bricks);
        let before = plan.loads(&bricks);
        let split = plan.split(2, &bricks).unwrap();
        let after = split.loads(&bricks);
        assert_eq!(
            (after[0], after[1], after[3]),
            (before[0], before[1], before[3])
        );
        let half = before[2] as f64 / 2.0;
        for load in [after[2], after[4]] {
            assert!(
                (load as f64 / half - 1.0).abs() < 0.1,
                "{partition}: {load} of {half}"
            );
        }
    }
}

#[test]
fn slabs_are_layers_of_the_longest_axis() {
    let bricks: Bricks = hall([4, 64, 4], [10, 20, 30])
        .into_iter()
        .map(|(b, _)| (b, 1000))
        .collect();
    let plan = Plan::build(Partition::Slab, 4, &bricks);
    let owner = |y| plan.owner(BrickId::new(12, y, 31).unwrap());
    let owners: Vec<_> = (20..84).map(owner).collect();
    assert!(owners.is_sorted());
    assert_eq!((owners[0], owners[63]), (0, 3));
}

#[test]
fn bad_requests_are_errors() {
    let bricks = hall([3, 3, 3], [0, 0, 0]);
    let plan = Plan::build(Partition::Morton, 3, &bricks);
    let message = |result: Result<Plan, PlanError>| result.unwrap_err().to_string();
    assert!(message(plan.split(3, &bricks)).contains("parts are 0 to 2"));
    assert!(message(plan.merge(1, 7)).contains("no part 7"));
    assert!(message(plan.merge(1, 1)).contains("merged with itself"));
    let most = Plan::build(Partition::Hash, Plan::MAX_PARTS, &bricks);
    assert!(message(most.split(0, &bricks)).contains("cannot be split"));
}

#[test]
fn plans_are_saved_and_loaded() {
    let path = file("round-trip");
    for partition in Partition::ALL {
        let plan = Plan::build(partition, 7, &hall([9, 9, 9], [1, 2, 3]));
        plan.save(&path).unwrap();
        assert_eq!(Plan::load(&path).unwrap(), plan);
    }
    let nowhere = file("round-trip").join("below-a-file.json");
    assert!(matches!(Plan::load(&nowhere), Err(PlanError::Unusable(_))));
    let plan = Plan::build(Partition::Hash, 2, &[]);
    assert!(matches!(plan.save(&nowhere), Err(PlanError::Machine(_))));
}

#[test]
fn hostile_files_are_refused_with_the_reason() {
    let path = file("hostile");
    let good = r#"{"octaflow_plan":1,"epoch":0,"partition":"morton","parts":2,"order":"morton","starts":[0,9],"owners":[0,1]}"#;
    let hybrid = r#"{"octaflow_plan":1,"epoch":0,"partition":"hybrid","parts":2,"order":{"hybrid":{"axis":0,"groups":[0]}},"starts":[0,9],"owners":[0,1]}"#;
    let hash = r#"{"octaflow_plan":1,"epoch":0,"partition":"hash","parts":1,"order":{"hash":{"edge":3}},"starts":[0],"owners":[0]}"#;
    for text in [good, hybrid, hash] {
        fs::write(&path, text).unwrap();
        Plan::load(&path).unwrap();
    }
    let cases = [
        (
            good,
            "\"octaflow_plan\":1",
            "\"octaflow_plan\":9",
            "must be 1",
        ),
        (
            good,
            "\"epoch\":0",
            "\"epoch\":18446744073709551615",
            "epoch",
        ),
        (good, "\"epoch\":0", "\"epoch\":-1", "invalid value"),
        (good, "\"parts\":2", "\"parts\":0", "parts 0 must be"),
        (
            good,
            "\"parts\":2",
            "\"parts\":1048577",
            "parts 1048577 must be",
        ),
        (
            good,
            "\"parts\":2",
            "\"parts\":1",
            "owner 1 must be below 1",
        ),
        (
            good,
            "\"partition\":\"morton\"",
            "\"partition\":\"slab\"",
            "the one of partition slab",
        ),
        (good, "[0,9]", "[0]", "equally many"),
        (good, "[0,9]", "[1,9]", "begin with 0"),
        (good, "[0,9]", "[0,0]", "ascend strictly"),
        (good, "[0,9]", "[0,68719476736]", "stay below"),
        (
            good,
            "\"starts\":[0,9],\"owners\":[0,1]",
            "\"starts\":[],\"owners\":[]",
            "begin with 0",
        ),
        (good, "[0,1]", "[0,4294967296]", "invalid value"),
        (good, "[0,1]", "[0,70000]", "owner 70000 must be below 2"),
        (good, "\"epoch\"", "\"more\":1,\"epoch\"", "unknown field"),
        (hybrid, "\"axis\":0", "\"axis\":3", "axis 3 must be"),
        (
            hybrid,
            "\"groups\":[0]",
            "\"groups\":[]",
            "groups must begin with 0",
        ),
        (
            hybrid,
            "\"groups\":[0]",
            "\"groups\":[0,5,4]",
            "ascend strictly",
        ),
        (hash, "\"edge\":3", "\"edge\":0", "cube edge 0 must be"),
    ];
    for (text, from, to, reason) in cases {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = Plan::load(&path).unwrap_err();
        assert!(matches!(error, PlanError::Unusable(_)));
        let message = error.to_string();
        assert!(
            message.contains(reason) && message.contains("hostile.json"),
            "{message}"
        );
    }
    for text in ["", "[]", "null", "{}", &"[".repeat(100_000)] {
        fs::write(&path, text).unwrap();
        assert!(matches!(Plan::load(&path), Err(PlanError::Unusable(_))));
    }
    // Words of the file stand in the reason only as far as they are short and printable.
    for name in ["n".repeat(1 << 20), "\\u001b[2J".to_owned()] {
        fs::write(&path, good.replace("epoch", &name)).unwrap();
        let message = Plan::load(&path).unwrap_err().to_string();
        assert!(message.len() < 1000 && !message.contains(char::is_control));
        assert!(message.contains("line 1 column"), "{message}");
    }
}

#[test]
fn names_round_trip() {
    for partition in Partition::ALL {
        assert_eq!(partition.to_string().parse(), Ok(partition));
    }
    let message = "Hash".parse::<Partition>().unwrap_err().to_string();
    assert_eq!(
        message,
        "\"Hash\" is no partition: it must be one of hash, morton, hilbert, octant, slab, hybrid"
    );
}
