//! What `octaflow ingest --changes` tells, followed by every command that takes updates.

use crate::support::*;

#[test]
fn every_command_follows_the_changes_that_ingest_tells() {
    let world = World::small();
    let mut dice = Dice(0x5CA7);
    for scan in 0..3 {
        let mut points = "x,y,z\n".to_owned();
        for _ in 0..150 {
            let [x, y, z] = [(); 3].map(|()| dice.below(900) as f64 / 100.0);
            // The middle stays free.
            if [x, y, z].iter().any(|c| (c - 4.5).abs() > 2.5) {
                points += &format!("{x},{y},{z}\n");
            }
        }
        world.write(&format!("scan{scan}.csv"), &points);
    }
    let lattice = "--cell-size 1 --origin 0,0,0 --quiet";
    let sensor = |n: usize| ["4.5,4.5,4.5", "1,8,5", "7,2,1"][n];
    world.succeed(&format!(
        "ingest scan0.csv --sensor {} {lattice} --out first",
        sensor(0)
    ));
    for (changes, out) in [("changes.csv", "both"), ("changes.parquet", "again")] {
        world.succeed(&format!(
            "ingest scan1.csv scan2.csv --sensor {} --sensor {} --onto first --quiet --changes {changes} --out {out}",
            sensor(1),
            sensor(2)
        ));
    }

    // The field in the map of the first scan that follows the changes is the field in the map of all.
    let source = "4.5,4.5,4.5";
    for changes in ["changes.csv", "changes.parquet"] {
        world.succeed(&format!(
            "field --map first --source {source} --updates {changes} --quiet --out followed"
        ));
        world.succeed(&format!(
            "field --map both --source {source} --quiet --out field"
        ));
        let expected = bits(&world.column("field", "field", "distance"));
        assert!(expected.len() > 20);
        assert!(bits(&world.column("followed", "field", "distance")) == expected);

        world.succeed(&format!(
            "route --map first --query {source},{source} --updates {changes} --quiet --out routes"
        ));

        // The cells of a field that is stepped through the changes are those of the map of all.
        world.write("hot.csv", &format!("x,y,z,value\n{source},100\n"));
        world.succeed(&format!(
            "diffuse --map first --initial hot.csv --steps 6 --updates {changes} --quiet --out heat"
        ));
        world.write("none.csv", "x,y,z,value\n");
        world.succeed("diffuse --map both --initial none.csv --steps 0 --quiet --out open");
        let heat = bits(&world.column("heat", "state", "value"));
        let open = bits(&world.column("open", "state", "value"));
        assert!(heat.keys().eq(open.keys()));
        let summary = world.summary("heat");
        assert!(summary["changes"]["opened"].as_u64().unwrap() > 0);
        let total = summary["total"]["last"].as_f64().unwrap();
        let lost = summary["changes"]["lost"].as_f64().unwrap();
        assert!((total + lost - 100.0).abs() < 1e-9);
    }
}
