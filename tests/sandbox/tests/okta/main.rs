//! The stand-in as a client sees it: over HTTP, with a client that knows nothing of its inside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, helpers included")]

mod apps;
mod binary;
mod client;
mod faults;
mod limits;
mod oauth;
mod org;
mod paging;
mod resources;
mod schema;
mod search;
mod token;
