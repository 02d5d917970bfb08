//! The client of crowd reads to the end or not at all, and writes so that twice is once.
