//! A stand-in for Confluence Data Center: its REST API.
