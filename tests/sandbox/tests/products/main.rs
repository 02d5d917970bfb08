//! The stand-ins of products that are written to, looked at with a plain HTTP client.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod bitbucket;
mod confluence;
mod crowd;
mod jira;
mod scim;
