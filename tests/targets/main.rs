//! The clients of products that are written to, against their stand-ins.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod bitbucket;
mod confluence;
mod crowd;
mod jira;
mod scim;
mod support;
