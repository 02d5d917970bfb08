//! What requests are signed with: the same header each time, or something that is made for every try and that may end.

use std::fmt;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;

use super::api::{Answer, Failure};
use crate::sync::progress::Progress;

/// Signs the requests of one [`super::Api`].
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Makes sure that there is something to sign with. Called before a request takes its turn, so that whatever is asked
    /// for here can take a turn of its own. A failure of it is the request's.
    async fn prepare(&self, progress: &Progress) -> Result<(), Failure>;

    /// Signs one try, at the moment at which it is sent.
    fn sign(&self, method: &Method, url: &Url) -> Result<Signed, Failure>;

    /// Hears the headers of every answer.
    fn hear(&self, headers: &HeaderMap);

    /// What makes it worth while to send a request again that was answered with 400, 401 or 403; none: nothing does.
    fn refused(&self, stamp: Stamp, answer: &Answer, body: &[u8]) -> Option<Renewal>;
}

/// Says which of several tokens a request was signed with.
pub type Stamp = u64;

/// What is sent with one try because of who asks.
#[derive(Default)]
pub struct Signed {
    /// Headers, marked as sensitive where they are.
    pub headers: HeaderMap,
    /// A body in place of the call's own: a request for a token proves in it who asks.
    pub body: Option<String>,
    /// With which token.
    pub stamp: Stamp,
}

/// What is new when a refused request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The server wanted a proof that holds a number of its choice, and said which.
    Nonce,
    /// Another token.
    Token,
}

/// A header that is the same each time.
pub(super) struct Fixed(HeaderValue);

impl Fixed {
    pub(super) fn new(mut authorization: HeaderValue) -> Self {
        // Keeps it out of debug output and of HTTP/2's compression tables.
        authorization.set_sensitive(true);
        Self(authorization)
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fixed")
    }
}

#[async_trait]
impl Credentials for Fixed {
    async fn prepare(&self, _: &Progress) -> Result<(), Failure> {
        Ok(())
    }

    fn sign(&self, _: &Method, _: &Url) -> Result<Signed, Failure> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.0.clone())]);
        Ok(Signed { headers, ..Signed::default() })
    }

    fn hear(&self, _: &HeaderMap) {}

    fn refused(&self, _: Stamp, _: &Answer, _: &[u8]) -> Option<Renewal> {
        None
    }
}
