//! The client of confluence reads to the end or not at all, and writes so that twice is once.
