//! Partition plans.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octaflow::partition::{Plan, PlanError};
use octaflow_fuzz::{answers, files::with_file, seeds};
use std::path::Path;

fuzz_target!(init: seeds::plant(seeds::plan), |bytes: &[u8]| {
    match with_file("json", bytes, Plan::load) {
        Ok(plan) => hold(&plan),
        Err(PlanError::Unusable(text)) => answers::hold_message(&text),
        Err(PlanError::Machine(text)) => panic!("not the input's: {text}"),
    }
});

/// Asserts that a plan serves every brick, comes back from a file as it went, and can be split and merged.
fn hold(plan: &Plan) {
    let bricks: Vec<_> = answers::some_bricks().into_iter().map(|b| (b, 7)).collect();
    assert!(
        bricks
            .iter()
            .all(|(brick, _)| plan.owner(*brick) < plan.parts())
    );
    assert_eq!(plan.loads(&bricks).len(), plan.parts());
    let saved = with_file("json", b"", |path: &Path| {
        plan.save(path).expect("the scratch folder can be written");
        Plan::load(path)
    });
    assert_eq!(saved.as_ref(), Ok(plan));
    if let Ok(split) = plan.split(plan.parts() - 1, &bricks) {
        assert_eq!(split.parts(), plan.parts() + 1);
        let merged = split.merge(plan.parts() - 1, plan.parts());
        let merged = merged.expect("both parts exist");
        assert!(
            bricks
                .iter()
                .all(|(b, _)| merged.owner(*b) == plan.owner(*b))
        );
    }
}
