//! The stand-in for crowd answers as is published.
