//! The Okta source against the stand-in, over real HTTP on loopback.

mod okta {
    mod faults;
    mod limits;
    mod reading;
    mod support;
}
