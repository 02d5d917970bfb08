//! Calls with DPoP.
