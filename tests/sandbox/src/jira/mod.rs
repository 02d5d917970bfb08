//! A stand-in for Jira Data Center: its REST API, version 2.
