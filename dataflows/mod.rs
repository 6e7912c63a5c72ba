//! The dataflows, one file each, and the container in which their messages travel.
//!
//! A file opens with its diagram, its frontiers and its invariants. What an operator decides is decided in a plain
//! function or a state machine of the layers below; the operator only moves data and capabilities.
//!
//! What the dataflows compute is said plainly, in operators of differential dataflow alone, in the modules that the feature
//! `specification` brings in: tests hold the dataflows against them.

#[cfg(any(doc, feature = "specification"))]
pub mod coarsen;
pub mod connect;
pub mod edits;
pub mod epochs;
pub mod field;
pub mod gather;
pub mod ghost;
pub mod graph;
mod heavy;
pub mod ingest;
pub mod orders;
#[cfg(any(doc, feature = "specification"))]
pub mod portals;
pub mod regions;
pub mod route;
#[cfg(any(doc, feature = "specification"))]
pub mod specification;
pub mod step;
pub mod wire;

/// The time of an epoch, as in the column `time` of updates and changes.
pub type Time = i64;

/// How often a record is in a collection, or by how much that changes.
pub type Diff = isize;

/// A differential collection of records that changes from epoch to epoch.
pub type Collection<'scope, Record> =
    differential_dataflow::VecCollection<'scope, Time, Record, Diff>;
