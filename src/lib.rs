//! usersyncd keeps the users and groups of a target equal to what an Okta org says.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod http;
pub mod source;
pub mod store;
pub mod sync;
pub mod target;
pub mod telemetry;
