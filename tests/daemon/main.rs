//! The whole daemon: the real binary over real files, a real socket and an Okta stand-in.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod activation;
mod canaries;
mod cookbook;
mod doctor;
mod explain;
mod faults;
mod files;
mod groups;
mod harness;
mod identity;
mod inactive;
mod incidents;
mod incremental;
mod leavers;
mod life;
mod mapping;
mod notify;
mod one_user;
mod people;
mod scope;
mod service_app;
mod skinny;
mod targets;
mod trust;
mod trying;
mod work;
