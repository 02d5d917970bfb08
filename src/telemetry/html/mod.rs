//! What the pages have in common: HTML that cannot be broken by a name, charts, colours, and the digests that a policy names.

pub mod chart;
mod writer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

pub use writer::Html;

/// The digest of an inlined style or script as a policy names it (Content Security Policy Level 3, hash-source).
#[must_use]
pub fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
