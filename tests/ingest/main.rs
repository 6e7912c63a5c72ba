//! `octaflow ingest` through the program and its parts, against models that share no code with it.

mod counting;
mod free_space;
mod increments;
mod layers;
mod refusals;
mod support;
