//! usersyncd keeps the users, groups and memberships of a target equal to what an Okta org says.
//!
//! # The architecture in one page
//!
//! A *connector* is one YAML file: a source, a target, and the rules between them. [`config`] turns such files into checked
//! types, or into diagnostics that show line, column and what to write instead. [`daemon`] runs one supervised task per
//! connector: it knows when a connector is due, that it never runs twice at once, and what a changed file or a signal
//! means. People and programs reach it through [`control`], a Unix socket that speaks HTTP and JSON; [`cli`] is its
//! client. [`telemetry`] is what logs and Prometheus see.
//!
//! One *run* is [`sync::engine`]: a [`source`] and a [`target`] are read into *snapshots*, each list of which says whether it was
//! read to its end. [`sync::desire`] computes what the target should hold, [`sync::diff`] the operations that lead there,
//! [`sync::guard`] holds what exceeds the connector's limits, [`sync::apply`] carries out the rest and writes every step
//! into the journal of the [`store`] before and after it. What the connector manages is in its *ledger*; nothing else is
//! ever touched. All of `sync` but `engine` and `apply` is pure, so that a plan is the same byte for byte for the same
//! input, and can be tested without a network, a clock or a disk.
//!
//! People are told of runs that fail, hold something, recover or succeed for the first time by [`mod@notify`].
//!
//! Everything that goes to a remote API goes through [`http`], which keeps tokens on their own origin and all connectors
//! of an org within its rate limits. The wall clock is read in [`clock`] and nowhere else.
//!
//! Calls go down only: cli → daemon → sync::engine → source, target, store → http, telemetry. `ARCHITECTURE.md` has the laws.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod http;
pub mod notify;
pub mod source;
pub mod store;
pub mod sync;
pub mod target;
pub mod telemetry;
