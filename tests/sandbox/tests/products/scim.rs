//! The stand-in for scim answers as is published.
