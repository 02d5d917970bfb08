//! Tests of the heart: tables for each rule, properties over generated orgs, and whole runs against fakes.

mod crash;
mod limits;
mod org;
mod properties;
mod removals;
mod rules;
mod world;
