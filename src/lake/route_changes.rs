//! The rows of `routes_changes/`: the differential collection behind the routes, consolidated within each time.

use super::routes::Answers;
use super::{Column, GROUP_ROWS, Packing, Part, RouteRow, TableWriter, Values, Written};
use crate::Result;
use crate::lattice::Frame;
use crate::search::RouteStatus;

/// One change of the routes: a row that appears or vanishes at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteChange {
    /// The time of the epoch.
    pub time: i64,
    /// +1 if the row appears, −1 if it vanishes.
    pub diff: i32,
    /// The query's id.
    pub query: i64,
    /// What became of it.
    pub status: RouteStatus,
    /// The cost of the route; `None` exactly if there is none.
    pub cost_ticks: Option<u32>,
    /// What no route can cost less than; `None` exactly if there is no route.
    pub lower_bound_ticks: Option<u32>,
    /// The length of the smoothed route; without meaning if the column is not written, `None` if there is no route.
    pub smooth_length_m: Option<f64>,
    /// How many cells the route has, start and goal included; 0 if there is none.
    pub cells: i32,
}

impl RouteChange {
    /// The change by which `row` appears (+1) or vanishes (−1) at `time`.
    pub fn of(row: &RouteRow, time: i64, diff: i32) -> Self {
        RouteChange {
            time,
            diff,
            query: row.query,
            status: row.status,
            cost_ticks: row.cost_ticks,
            lower_bound_ticks: row.lower_bound_ticks,
            smooth_length_m: row.smooth_length_m,
            cells: row.cells,
        }
    }

    /// The row, as if the search had taken nothing.
    fn row(&self) -> RouteRow {
        RouteRow {
            query: self.query,
            status: self.status,
            cost_ticks: self.cost_ticks,
            lower_bound_ticks: self.lower_bound_ticks,
            smooth_length_m: self.smooth_length_m,
            cells: self.cells,
            brick_visits: 0,
            micros: 0,
        }
    }
}

/// Writes one Parquet file of `routes_changes/` for one worker: `time`, `diff` and the columns of `routes/` but the
/// last two, sorted by time, query and diff, consolidated within each time. It keeps one row group in memory, and
/// the changes of one query at one time.
pub struct RouteChangeWriter {
    table: TableWriter,
    smooth: bool,
    time: Vec<i64>,
    diff: Vec<i32>,
    answers: Answers,
    /// What happens to one query at one time: distinct rows.
    moment: Vec<RouteChange>,
}

impl RouteChangeWriter {
    /// Creates the file; `settings` become key-value metadata beside the frame and the lattice.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be created.
    pub fn create(
        part: impl Into<Part>,
        frame: &Frame,
        smooth: bool,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut schema = vec![
            Column::new("time", Packing::Int64Dictionary),
            Column::new("diff", Packing::Int32Dictionary),
        ];
        schema.extend(Answers::schema(smooth));
        let by_time_query_diff = [0, 2, 1];
        Ok(RouteChangeWriter {
            table: TableWriter::create(part, &schema, &by_time_query_diff, frame, settings)?,
            smooth,
            time: Vec::new(),
            diff: Vec::new(),
            answers: Answers::new(smooth, frame),
            moment: Vec::new(),
        })
    }

    /// Takes a change; they come in order of time, then query. Rows of one query and time that are the same in every
    /// column that is written have their diffs added, and go if the sum is 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn push(&mut self, mut change: RouteChange) -> Result<()> {
        if !self.smooth {
            change.smooth_length_m = None;
        }
        if let Some(first) = self.moment.first() {
            let (last, next) = ((first.time, first.query), (change.time, change.query));
            debug_assert!(last <= next, "changes come in order of time and query");
            if last < next {
                self.end_moment()?;
            }
        }
        let same = |other: &&mut RouteChange| other.row() == change.row();
        match self.moment.iter_mut().find(same) {
            Some(other) => other.diff += change.diff,
            None => self.moment.push(change),
        }
        Ok(())
    }

    /// Writes what waits and the footer, and waits until the disk has the file. A file without rows is kept only as
    /// the part of worker 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        self.end_moment()?;
        if self.answers.len() > 0 {
            self.write_group()?;
        }
        self.table.finish()
    }

    fn end_moment(&mut self) -> Result<()> {
        let mut moment = std::mem::take(&mut self.moment);
        moment.retain(|change| change.diff != 0);
        moment.sort_by_key(|change| change.diff);
        for change in moment.drain(..) {
            self.time.push(change.time);
            self.diff.push(change.diff);
            self.answers.push(&change.row());
            if self.answers.len() == GROUP_ROWS {
                self.write_group()?;
            }
        }
        self.moment = moment;
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut values = vec![Values::Int64(&self.time), Values::Int32(&self.diff)];
        values.extend(self.answers.values());
        self.table.write_group(&values)?;
        self.time.clear();
        self.diff.clear();
        self.answers.clear();
        Ok(())
    }
}
