//! An access token and its life.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::proof::digest;
use crate::http::Stamp;

/// So long before its end a token is replaced; one that does not live for twice as long, at half of its life.
const EARLY: Duration = Duration::from_secs(300);
/// A token that is said to live for less than this is used all the same, and not asked for before every request.
const SHORTEST: Duration = Duration::from_secs(10);
/// After a renewal that failed while the old token is still good, nobody tries again for so long.
const RESPITE: Duration = Duration::from_secs(30);

/// A token, which may be over already.
pub(super) struct Token {
    /// What it is sent as.
    pub(super) authorization: HeaderValue,
    /// If every request must prove that the token is its own: the digest for that.
    pub(super) proven_by: Option<String>,
    /// Which one it is.
    pub(super) stamp: Stamp,
    /// What it was granted for; none if Okta did not say.
    pub(super) scopes: Option<Vec<String>>,
    renew_at: Instant,
    ends_at: Instant,
    refused: AtomicBool,
}

/// How a token is sent (RFC 6750, RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

impl Token {
    /// A token that came just now; none if it cannot be sent.
    pub(super) fn new(
        (scheme, token): (Scheme, &str),
        life: Duration,
        scopes: Option<Vec<String>>,
        stamp: Stamp,
    ) -> Option<Self> {
        let (name, proven_by) = match scheme {
            Scheme::Bearer => ("Bearer", None),
            Scheme::Dpop => ("DPoP", Some(digest(token))),
        };
        let mut authorization = HeaderValue::try_from(format!("{name} {token}")).ok()?;
        authorization.set_sensitive(true);
        let life = life.max(SHORTEST);
        let now = Instant::now();
        let (renew_at, ends_at) = (now + (life - EARLY.min(life / 2)), now + life);
        Some(Self {
            authorization,
            proven_by,
            stamp,
            scopes,
            renew_at,
            ends_at,
            refused: AtomicBool::new(false),
        })
    }

    /// Whether nobody needs another one yet.
    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.renew_at && !self.is_refused()
    }

    /// Whether it may still be sent.
    pub(super) fn is_good(&self) -> bool {
        Instant::now() < self.ends_at && !self.is_refused()
    }

    /// The same token, which could not be replaced for now.
    pub(super) fn with_respite(&self) -> Self {
        Self {
            authorization: self.authorization.clone(),
            proven_by: self.proven_by.clone(),
            scopes: self.scopes.clone(),
            stamp: self.stamp,
            renew_at: (Instant::now() + RESPITE).min(self.ends_at),
            ends_at: self.ends_at,
            refused: AtomicBool::new(self.is_refused()),
        }
    }

    /// Okta does not take it any more.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn living(seconds: u64) -> Token {
        Token::new((Scheme::Bearer, "eyJ.x"), Duration::from_secs(seconds), None, 1).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_replaced_before_its_end_and_may_be_sent_until_then() {
        // Its life, and when it is replaced.
        for (life, renewal) in [(3600, 3300), (900, 600), (600, 300), (100, 50), (10, 5), (1, 5), (0, 5)] {
            let token = living(life);
            advance(Duration::from_secs(renewal) - Duration::from_millis(1)).await;
            assert!(token.is_fresh() && token.is_good(), "{life}");
            advance(Duration::from_millis(1)).await;
            assert!(!token.is_fresh() && token.is_good(), "{life}");
            advance(Duration::from_secs(life.max(10) - renewal)).await;
            assert!(!token.is_good(), "{life}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_neither_fresh_nor_good() {
        let token = living(3600);
        token.refuse();
        assert!(!token.is_fresh() && !token.is_good());
        assert!(!token.with_respite().is_good());
    }

    #[tokio::test(start_paused = true)]
    async fn a_respite_never_outlasts_the_token() {
        let token = living(3600);
        advance(Duration::from_secs(3400)).await;
        let later = token.with_respite();
        assert!(later.is_fresh());
        advance(Duration::from_secs(30)).await;
        assert!(!later.is_fresh() && later.is_good());
        advance(Duration::from_secs(169)).await;
        let last = later.with_respite();
        assert!(last.is_fresh());
        advance(Duration::from_secs(1)).await;
        assert!(!last.is_fresh() && !last.is_good());
    }

    #[tokio::test]
    async fn what_cannot_stand_in_a_header_is_no_token_and_a_good_one_is_not_shown() {
        assert!(Token::new((Scheme::Bearer, "a\nb"), EARLY, None, 1).is_none());
        let token = Token::new((Scheme::Dpop, "eyJ.x"), EARLY, None, 1).unwrap();
        assert_eq!(token.authorization.to_str().unwrap(), "DPoP eyJ.x");
        assert!(token.authorization.is_sensitive());
        assert!(!format!("{token:?}").contains("eyJ"));
    }
}
