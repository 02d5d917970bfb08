//! Token requests with DPoP.
