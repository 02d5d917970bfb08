//! As whom the org is read.

use std::fmt;
use std::sync::Arc;

use super::sign_in::SignIn;
use crate::config::model::SecretRef;

/// As whom the org is read; in a sentence: `this API token`, `the service app 0oa…`.
#[derive(Clone, Debug)]
pub(super) enum Principal {
    /// As the administrator who made a token, which is kept there.
    Token(SecretRef),
    /// As a service app.
    App(Arc<SignIn>),
}

impl Principal {
    /// In a shorter sentence.
    pub(super) fn this(&self) -> &'static str {
        match self {
            Self::Token(_) => "this token",
            Self::App(_) => "this app",
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("this API token"),
            Self::App(sign_in) => write!(f, "the service app {}", sign_in.app().client_id),
        }
    }
}
