//! The heat equation in a map that changes, as plainly as it can be said: cells in a table, faces one by one.

use std::collections::{BTreeMap, BTreeSet};

pub type Place = [i32; 3];

/// A row of a table of updates: the time, whether it names a voxel, the lattice cell, the stored cost.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub time: i64,
    pub voxel: bool,
    pub cell: Place,
    pub cost: u32,
}

/// What a step is like.
#[derive(Clone, Copy, Debug)]
pub struct Physics {
    pub by_cost: bool,
    /// The step in lattice units; without one, 0.9 of the greatest that is stable.
    pub dt: Option<f64>,
}

/// The open cells: cost and value.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub costs: BTreeMap<Place, u32>,
    pub values: BTreeMap<Place, f64>,
    pub opened: u64,
    pub blocked: u64,
    pub lost: f64,
    pub time: f64,
}

fn neighbours([x, y, z]: Place) -> impl Iterator<Item = (Place, f64)> {
    let diagonal = (0..8).map(move |n| {
        let [a, b, c] = [n & 1, n >> 1 & 1, n >> 2].map(|bit| 2 * bit - 1);
        ([x + a, y + b, z + c], 3.0 / 16.0)
    });
    let axial = (0..6).map(move |n| {
        let mut to = [x, y, z];
        to[n / 2] += if n % 2 == 0 { 2 } else { -2 };
        (to, 1.0 / 16.0)
    });
    diagonal.chain(axial)
}

impl Model {
    /// What a face conducts between two open cells.
    fn conducts(&self, physics: &Physics, a: Place, b: Place, face: f64) -> f64 {
        if !physics.by_cost {
            return face;
        }
        let [a, b] = [a, b].map(|cell| f64::from(self.costs[&cell]) / 256.0);
        face * 2.0 * a * b / (a + b)
    }

    /// The greatest stable step.
    pub fn bound(&self, physics: &Physics) -> f64 {
        if !physics.by_cost {
            return 1.0 / 1.875;
        }
        let sum = |&cell: &Place| -> f64 {
            let open = neighbours(cell).filter(|(to, _)| self.costs.contains_key(to));
            open.map(|(to, face)| self.conducts(physics, cell, to, face))
                .sum()
        };
        1.0 / self.costs.keys().map(sum).fold(0.0, f64::max)
    }

    pub fn step(&mut self, physics: &Physics) {
        let dt = physics.dt.unwrap_or(0.9 * self.bound(physics));
        let next = |(&cell, &value): (&Place, &f64)| {
            let mut change = 0.0;
            for (to, face) in neighbours(cell) {
                if let Some(other) = self.values.get(&to) {
                    change += self.conducts(physics, cell, to, face) * (other - value);
                }
            }
            (cell, value + dt * change)
        };
        self.values = self.values.iter().map(next).collect();
        self.time += dt;
    }

    /// Makes the changes of one epoch.
    pub fn change(&mut self, rows: &[Row]) {
        let mut set: BTreeMap<Place, u32> = BTreeMap::new();
        let mut derived: BTreeSet<Place> = BTreeSet::new();
        for row in rows {
            set.insert(row.cell, row.cost);
            derived.remove(&row.cell);
            if row.voxel {
                derived.extend(neighbours(row.cell).take(8).map(|(corner, _)| corner));
            }
        }
        let even = |cell: &Place| {
            let before = self.costs.get(cell).copied().unwrap_or(0);
            set.get(cell).copied().unwrap_or(before)
        };
        let corners = derived.into_iter().filter(|c| c.iter().all(|&c| c >= 0));
        let corners: Vec<(Place, u32)> = corners
            .map(|corner| {
                let eight: Vec<u32> = neighbours(corner).take(8).map(|(c, _)| even(&c)).collect();
                let open = eight.iter().all(|&cost| cost > 0);
                let mean = (eight.iter().sum::<u32>() + 4) >> 3;
                (corner, if open { mean } else { 0 })
            })
            .collect();
        set.extend(corners);
        for (cell, cost) in set {
            if cost > 0 {
                if self.costs.insert(cell, cost).is_none() {
                    self.values.insert(cell, 0.0);
                    self.opened += 1;
                }
            } else if self.costs.remove(&cell).is_some() {
                self.blocked += 1;
                self.lost += self.values.remove(&cell).unwrap();
            }
        }
    }

    /// Steps to the end, with the rows' changes between steps; gives the values after every step, before its changes.
    pub fn run(
        &mut self,
        physics: &Physics,
        steps: i64,
        rows: &[Row],
    ) -> Vec<BTreeMap<Place, f64>> {
        let mut after = vec![self.values.clone()];
        for step in 1..=steps {
            self.step(physics);
            after.push(self.values.clone());
            let now: Vec<Row> = rows.iter().filter(|r| r.time == step).copied().collect();
            self.change(&now);
        }
        after
    }
}
