//! Figures of a large map.
