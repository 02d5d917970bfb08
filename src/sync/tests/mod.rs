//! Tests of the heart: tables for each rule, properties over generated orgs, and whole runs against fakes.

mod always;
mod approvals;
mod cause;
mod crash;
mod explain;
mod filled;
mod identity;
mod incremental;
mod kept;
mod leavers;
mod limits;
mod merges;
mod one_user;
mod org;
mod pitfalls;
mod properties;
mod recalled;
mod relink;
mod removals;
mod rules;
mod scope;
mod undo;
mod view;
mod world;
