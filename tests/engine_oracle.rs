//! The engine against an oracle: random worlds, random edits, the worst of schedules, one to four parts.
//!
//! `oracle` is a sequential Dijkstra that shares no code with the engine; `parts` drives engines as the dataflow does;
//! `watched` compares all that they say after every epoch; `scenes` makes the worlds. `PROPTEST_CASES` makes the
//! random tests longer.

#[path = "engine/extremes.rs"]
mod extremes;
#[path = "engine/oracle.rs"]
mod oracle;
#[path = "engine/parts.rs"]
mod parts;
#[path = "engine/scenes.rs"]
mod scenes;
#[path = "engine/watched.rs"]
mod watched;

use proptest::prelude::*;
use proptest::strategy::Union;
use scenes::{crowded, event, fills, scenes, small_event};

/// The usual number of cases times `factor`; what fails is kept as a test, not as a seed.
fn cases(factor: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: factor * usual.cases,
        failure_persistence: None,
        ..usual
    }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn any_history_of_any_world_gives_the_oracle_s_field(
        scene in scenes(fills(12), event(), 5, 8),
    ) {
        scene.play();
    }
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn cells_that_come_and_go_where_parts_meet_give_the_oracle_s_field(
        scene in scenes(Just(vec![]), small_event(crowded().boxed()), 10, 12),
    ) {
        scene.play();
    }

    #[test]
    fn small_edits_of_few_bricks_give_the_oracle_s_field(
        scene in scenes(fills(3), Union::new([event(), small_event(crowded().boxed())]).boxed(), 6, 3),
    ) {
        scene.play();
    }
}
