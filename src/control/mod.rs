//! The control socket: HTTP/1.1 and JSON under `/v1` on a Unix socket.
//!
//! [`api`] holds the types that both ends share, [`server`] is the daemon's end. The server knows HTTP and who may do
//! what; what is to be done it leaves to whoever implements [`server::Control`].

pub mod api;
pub mod fault;
pub mod server;
