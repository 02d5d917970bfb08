//! Laws 1 and 2 over generated orgs, rules, changes and faults: no removal that the true org does not justify, and none
//! beyond the limits.
//!
//! Each case is made of a seed. `USERSYNCD_PROOF_CASES` says how many are run (250), `USERSYNCD_PROOF_FROM` with which seed
//! they begin (1), and `USERSYNCD_PROOF_SEED` runs one of them alone and tells its story. `make test-long` runs 10,000.
//!
//! What must not be removed is computed from the stand-in's true org by code that shares nothing with `src/sync`: maps of
//! strings, globs and renames of its own. Only `product.rs` knows the product.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod proof {
    mod batch;
    mod case;
    mod changes;
    mod complete;
    mod end;
    mod faults;
    mod judge;
    mod limits;
    mod memory;
    mod org;
    mod product;
    mod rules;
    mod serving;
    mod tally;
    mod target;
    mod truth;
}
