//! The stand-in for bitbucket answers as is published.
