//! A stand-in for Crowd Data Center: its usermanagement API, version 1.
