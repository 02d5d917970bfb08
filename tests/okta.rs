//! The Okta source against the stand-in, over real HTTP on loopback.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod okta {
    mod bad_input;
    mod changes;
    mod confirm;
    mod examine;
    mod faults;
    mod inspect;
    mod limits;
    mod own_groups;
    mod person;
    mod reading;
    mod scope;
    mod scope_confirm;
    mod service_app;
    mod skinny;
    mod support;
}
