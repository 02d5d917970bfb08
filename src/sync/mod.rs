//! The heart: what the target should hold ([`desire`]), how it differs ([`diff`]), whether a person must look first
//! ([`guard`]), and the doing of it ([`apply`]); [`engine`] strings them together for one run.
//!
//! Everything here but `apply` and `engine` is pure: no I/O, no clock, no randomness, no async. The same input gives the
//! same plan, byte for byte, whatever the order in which the records came.

pub mod apply;
pub mod decision;
pub mod desire;
pub mod diff;
pub mod digest;
mod doubt;
pub mod engine;
pub mod explain;
pub mod finding;
pub mod further;
pub mod guard;
pub mod ledger;
pub mod link;
pub mod mapping;
pub mod model;
pub mod plan;
pub mod progress;
pub mod relink;
pub mod removals;
pub mod rename;
pub mod report;
pub mod rules;
mod run_summary;
pub mod select;
mod tally;
#[cfg(test)]
mod tests;
pub mod turn;
pub mod undo;
