//! The rows of `routes/`: one a query.

use super::{Column, GROUP_ROWS, Packing, Part, TableWriter, Values, Written};
use crate::Result;
use crate::lattice::{Frame, distance_m};
use crate::search::RouteStatus;

/// One row of `routes/`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteRow {
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
    /// How many times the search visited a brick.
    pub brick_visits: i64,
    /// How long the search took, in microseconds.
    pub micros: i64,
}

impl RouteRow {
    /// Checks that what only a route has is there exactly if there is a route.
    fn is_valid(&self) -> bool {
        let found = self.status == RouteStatus::Found;
        self.cost_ticks.is_some() == found
            && self.lower_bound_ticks.is_some() == found
            && (found || self.smooth_length_m.is_none())
            && (self.cells > 0) == found
    }
}

/// Writes one Parquet file of `routes/` for one worker: `query, status, cost, lower_bound`, with `smooth` also
/// `smooth_length`, then `cells, brick_visits, micros`; sorted by `query`. It keeps one row group in memory.
pub struct RouteWriter {
    table: TableWriter,
    answers: Answers,
    brick_visits: Vec<i64>,
    micros: Vec<i64>,
    last: Option<i64>,
}

impl RouteWriter {
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
        let mut schema = Answers::schema(smooth);
        schema.push(Column::new("brick_visits", Packing::Int64Dictionary));
        schema.push(Column::new("micros", Packing::Int64Dictionary));
        Ok(RouteWriter {
            table: TableWriter::create(part, &schema, &[0], frame, settings)?,
            answers: Answers::new(smooth, frame),
            brick_visits: Vec::new(),
            micros: Vec::new(),
            last: None,
        })
    }

    /// Takes a row; rows come in strictly ascending order of `query`.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn push(&mut self, row: &RouteRow) -> Result<()> {
        debug_assert!(self.last < Some(row.query), "queries come in order");
        self.last = Some(row.query);
        self.answers.push(row);
        self.brick_visits.push(row.brick_visits);
        self.micros.push(row.micros);
        if self.answers.len() == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what waits and the footer, and waits until the disk has the file. A file without rows is kept only as
    /// the part of worker 0.
    ///
    /// # Errors
    /// [`Error::Machine`](crate::Error::Machine) naming the file if it cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        if self.answers.len() > 0 {
            self.write_group()?;
        }
        self.table.finish()
    }

    fn write_group(&mut self) -> Result<()> {
        let mut values = self.answers.values();
        values.push(Values::Int64(&self.brick_visits));
        values.push(Values::Int64(&self.micros));
        self.table.write_group(&values)?;
        self.answers.clear();
        self.brick_visits.clear();
        self.micros.clear();
        Ok(())
    }
}

/// The columns that `routes/` and `routes_changes/` share, for rows that wait for a row group.
pub(super) struct Answers {
    smooth: bool,
    cell_size_m: f64,
    query: Vec<i64>,
    status: Vec<&'static str>,
    cost: Vec<Option<f64>>,
    lower_bound: Vec<Option<f64>>,
    smooth_length: Vec<Option<f64>>,
    cells: Vec<i32>,
}

impl Answers {
    /// No rows yet.
    pub(super) fn new(smooth: bool, frame: &Frame) -> Self {
        Answers {
            smooth,
            cell_size_m: frame.cell_size_m(),
            query: Vec::new(),
            status: Vec::new(),
            cost: Vec::new(),
            lower_bound: Vec::new(),
            smooth_length: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// The columns, in the order of [`Answers::values`].
    pub(super) fn schema(smooth: bool) -> Vec<Column> {
        let mut schema = vec![
            Column::new("query", Packing::Int64Delta),
            Column::new("status", Packing::Text),
            Column::new("cost", Packing::OptionalDouble),
            Column::new("lower_bound", Packing::OptionalDouble),
        ];
        if smooth {
            schema.push(Column::new("smooth_length", Packing::OptionalDouble));
        }
        schema.push(Column::new("cells", Packing::Int32Dictionary));
        schema
    }

    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.query.len()
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &RouteRow) {
        debug_assert!(row.is_valid(), "{row:?} has what its status promises");
        let metres = |ticks: Option<u32>| ticks.map(|t| distance_m(t, self.cell_size_m));
        self.query.push(row.query);
        self.status.push(row.status.name());
        self.cost.push(metres(row.cost_ticks));
        self.lower_bound.push(metres(row.lower_bound_ticks));
        if self.smooth {
            self.smooth_length.push(row.smooth_length_m);
        }
        self.cells.push(row.cells);
    }

    /// All rows, column by column.
    pub(super) fn values(&self) -> Vec<Values<'_>> {
        let mut values = vec![
            Values::Int64(&self.query),
            Values::Text(&self.status),
            Values::OptionalDouble(&self.cost),
            Values::OptionalDouble(&self.lower_bound),
        ];
        if self.smooth {
            values.push(Values::OptionalDouble(&self.smooth_length));
        }
        values.push(Values::Int32(&self.cells));
        values
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.query.clear();
        self.status.clear();
        self.cost.clear();
        self.lower_bound.clear();
        self.smooth_length.clear();
        self.cells.clear();
    }
}
