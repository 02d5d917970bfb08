//! Loopback servers that behave as the real APIs do, for tests, benchmarks and the quickstart.
//!
//! One module per API. They are written from what is published and recorded about the API, never from
//! the client that is tested against them, and they can be told to misbehave.

pub mod okta;
pub mod product;
