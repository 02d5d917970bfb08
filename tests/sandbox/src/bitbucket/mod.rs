//! A stand-in for Bitbucket Data Center: its REST API.
