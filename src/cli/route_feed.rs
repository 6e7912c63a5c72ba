//! Worker 0's side of `octaflow route`: the first answers, then the epochs of updates.

use super::follow::{self, Fed, Follow, Halt};
use super::keep::{Keeper, Standing};
use super::progress::Progress;
use super::route_run::{RouteShared, key_of};
use super::run::Shared;
use crate::dataflows::edits::Edit;
use crate::dataflows::epochs::EpochError;
use crate::dataflows::route::{QueryEdit, RouteInput, SharedRouter};
use crate::lattice::Index64;
use crate::map::{Allow, Epoch, Update, UpdateKind};
use crate::search::CellKey;
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use std::time::Instant;
use timely::worker::Worker;

/// The ends of the queries that stand.
type StandingQueries = FxHashMap<i64, (CellKey, CellKey)>;

/// Worker 0's side of a run.
pub(super) struct Feed<'a, 'w> {
    pub worker: &'w mut Worker,
    pub shared: &'a RouteShared,
    pub input: &'w mut RouteInput,
    pub keeper: &'w mut Keeper<'a>,
    pub standing: StandingQueries,
}

impl Feed<'_, '_> {
    /// Answers all queries, then follows the updates to their end or to the first bad row.
    pub(super) fn run(mut self, router: &SharedRouter) -> Fed {
        let base = &self.shared.base;
        let mut fed = Fed::default();
        let queries = (self.shared.queries.iter()).map(|&(query, start, goal)| QueryEdit::Add {
            query,
            start,
            goal,
        });
        let mut bar = Progress::queries("routing", base.shows());
        let begun = Instant::now();
        let solved = (self.input).epoch_with(self.worker, base.first_time(), [], queries, || {
            let (done, of) = router.borrow().progress();
            bar.show(done as u64, of as u64);
        });
        fed.solve = begun.elapsed();
        drop(bar);
        if let Err(error) = solved {
            fed.stop = Some(beyond(error, None));
            return fed;
        }
        if base.resumed.is_none() {
            let standing = self.standing(base.first_time());
            if let Err(error) = self.keeper.solved(self.worker, standing) {
                fed.stop = Some(error);
                return fed;
            }
        }
        base.follow_updates(&mut fed, Allow::Queries, &mut self);
        fed
    }

    fn standing(&self, time: i64) -> Standing {
        let id = |key: CellKey| Index64::of_cell(key.cell()).map_or(0, u64::from);
        let queries = self.standing.iter();
        Standing {
            time,
            queries: queries
                .map(|(&query, &(start, goal))| (query, id(start), id(goal)))
                .collect(),
            ..Standing::default()
        }
    }
}

impl Follow for Feed<'_, '_> {
    fn compute(&mut self, epoch: &Epoch) -> Result<(), Halt> {
        let base = &self.shared.base;
        let (edits, queries) = edits_of(base, &epoch.updates, &mut self.standing)?;
        let input = &mut self.input;
        let done = input.epoch_with(self.worker, epoch.time, edits, queries, || ());
        done.map_err(|error| Halt::Run(beyond(error, Some(epoch.time))))
    }

    fn save(&mut self, time: i64, number: u64) -> Result<()> {
        if !self.keeper.is_due() {
            return Ok(());
        }
        let standing = self.standing(time);
        self.keeper.take(self.worker, number, standing)
    }
}

/// That a query's route costs too much after the epoch of a time, or at first.
fn beyond(error: EpochError, time: Option<i64>) -> Error {
    let EpochError::Beyond(query) = error else {
        unreachable!("routes have no sources");
    };
    let what = format!("the route of query {query} would cost more than");
    follow::beyond(time, &what, "lower the costs or move its ends together")
}

/// The edits of an epoch, with their rows, and its changes of queries.
type EpochRows = (Vec<(u64, Edit)>, Vec<QueryEdit>);

/// The edits and the changes of queries of an epoch; `standing` are the ids of the queries that stand.
fn edits_of(
    base: &Shared,
    updates: &[Update],
    standing: &mut StandingQueries,
) -> Result<EpochRows> {
    let (mut edits, mut queries) = (Vec::new(), Vec::new());
    let refuse = |row: u64, what: String| {
        Err(Error::input(format!(
            "{}, row {row}: {what}",
            base.updates_name()
        )))
    };
    for update in updates {
        match update.kind {
            UpdateKind::Cost { cell, cost } => edits.push((update.row, Edit::Cost { cell, cost })),
            UpdateKind::Voxel { cell, cost } => {
                edits.push((update.row, Edit::Voxel { cell, cost }));
            }
            UpdateKind::QueryAdd { query, start, goal } => {
                let ends = (key_of(start), key_of(goal));
                if standing.insert(query, ends).is_some() {
                    let what = format!(
                        "query+ names query {query}, which stands already; take it away with query- first or give another id"
                    );
                    return refuse(update.row, what);
                }
                queries.push(QueryEdit::Add {
                    query,
                    start: ends.0,
                    goal: ends.1,
                });
            }
            UpdateKind::QueryRemove { query } => {
                if standing.remove(&query).is_none() {
                    let what = format!(
                        "query- names query {query}, which does not stand; it should be the id of a query that does"
                    );
                    return refuse(update.row, what);
                }
                queries.push(QueryEdit::Remove { query });
            }
            UpdateKind::SourceAdd { .. } | UpdateKind::SourceRemove { .. } => {
                unreachable!("the reader refuses sources here")
            }
        }
    }
    Ok((edits, queries))
}
