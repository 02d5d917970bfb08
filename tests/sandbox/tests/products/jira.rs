//! The stand-in for jira answers as is published.
