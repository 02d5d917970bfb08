//! Loopback servers that behave as the real APIs do, for tests, benchmarks and the quickstart.
//!
//! One module per API; `tls` and `proxy` are what may stand before one. They are written from what is published and recorded about the API, never from
//! the client that is tested against them, and they can be told to misbehave.

pub mod bitbucket;
pub mod confluence;
pub mod crowd;
pub mod jira;
pub mod okta;
pub mod product;
pub mod proxy;
pub mod scim;
pub mod tls;
