//! The stand-in for confluence answers as is published.
