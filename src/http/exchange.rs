//! One request and its answer.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Response};
use url::Url;

use super::credentials::Signed;
use super::trouble::Trouble;

/// No answer of an API that is paged comes near this size; decompressed, in bytes.
const LARGEST_BODY: usize = 64 << 20;
/// A buffer larger than this is not kept for the next answer.
const KEPT_BUFFER: usize = 4 << 20;

/// What is sent.
pub(super) struct Request<'a> {
    pub(super) client: &'a Client,
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) signed: &'a Signed,
    pub(super) accept: &'a HeaderValue,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Option<&'a str>,
    pub(super) time: Duration,
}

impl Request<'_> {
    /// Sends the request and waits for the status line and the headers.
    pub(super) async fn send(&self) -> Result<Response, Trouble> {
        let mut headers = self.signed.headers.clone();
        headers.insert(ACCEPT, self.accept.clone());
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let request = self.client.request(self.method.clone(), self.url.clone());
        let mut request = request.headers(headers).timeout(self.time);
        if let Some(body) = self.signed.body.as_deref().or(self.body) {
            request = request.body(body.to_owned());
        }
        request.send().await.map_err(|error| Trouble::of(&error.without_url()))
    }
}

/// Reads the body, decompressed, into `body`, whose memory is used again from one answer to the next.
pub(super) async fn read_body(mut response: Response, body: &mut Vec<u8>) -> Result<(), Trouble> {
    body.clear();
    body.shrink_to(KEPT_BUFFER);
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(()),
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => {
                return Err(Trouble::too_large(LARGEST_BODY));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return Err(Trouble::of(&error.without_url())),
        }
    }
}
