//! The control socket: HTTP/1.1 and JSON under `/v1` on a Unix socket. [`api`] holds the types that both ends share.

pub mod api;
pub mod client;
