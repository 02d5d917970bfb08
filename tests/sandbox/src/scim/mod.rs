//! A stand-in for SCIM 2.0 services (RFC 7643, 7644), generic ones and the one of Atlassian Cloud.
