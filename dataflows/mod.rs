//! The dataflows, one file each, and the container in which their messages travel.
//!
//! A file opens with its diagram, its frontiers and its invariants. What an operator decides is decided in a plain
//! function or a state machine of the layers below; the operator only moves data and capabilities.

pub mod edits;
pub mod field;
pub mod gather;
pub mod wire;

/// The time of an epoch, as users give it.
pub type Time = i64;
