//! The control socket: HTTP/1.1 and JSON under `/v1` on a Unix socket.
//!
//! [`api`] holds the types that both ends share, [`client`] is the command line's end, [`server`] the daemon's. The
//! server knows HTTP and who may do what; what is to be done it leaves to whoever implements [`server::Control`].

pub mod api;
pub mod client;
pub mod fault;
pub mod server;
