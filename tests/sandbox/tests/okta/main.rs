//! The stand-in as a client sees it: over HTTP, with a client that knows nothing of its inside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, helpers included")]

mod apps;
mod binary;
mod changes;
mod client;
mod delta;
mod fault_headers;
mod faults;
mod foreign;
mod http2;
mod limits;
mod log;
mod log_events;
mod oauth;
mod org;
mod paging;
mod resources;
mod schema;
mod search;
mod skinny;
mod token;
