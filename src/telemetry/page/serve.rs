//! Answers requests for the page. Looking at it costs the daemon little, however often and however many do: a page is made by
//! one request at a time, and is given again for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::{POLICY, Source, Wanted, render};
use crate::config::model::Page;

/// A page is given again for so long, and for so many times what making it took, up to a bound: whoever asks all the time takes
/// no more than a small part of the daemon's time.
const GIVEN_AGAIN: (Duration, u32, Duration) = (Duration::from_secs(1), 10, Duration::from_secs(20));
/// Pages that are kept at most.
const MOST_KEPT: usize = 16;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the page shows, and how much of it.
#[derive(Clone)]
pub struct Shown {
    /// Whoever knows.
    pub source: Arc<dyn Source>,
    /// How much is shown, which may change.
    pub page: watch::Receiver<Page>,
}

/// The pages, cheap to clone.
#[derive(Clone)]
pub struct Pages {
    shown: Shown,
    kept: Arc<Mutex<HashMap<Wanted, Kept>>>,
}

struct Kept {
    html: Arc<str>,
    until: Instant,
}

impl Pages {
    /// Pages of this.
    #[must_use]
    pub fn new(shown: Shown) -> Self {
        Self { shown, kept: Arc::default() }
    }

    /// Answers with the page about all connectors or about this one; `renewed`: the browser is to ask again by itself.
    pub async fn answer(&self, connector: Option<String>, renewed: bool) -> Response {
        let full = match *self.shown.page.borrow() {
            Page::Off => {
                let sentence = "the status page is off (`metrics: { page: off }` in usersyncd.yaml)\n";
                return (StatusCode::NOT_FOUND, sentence).into_response();
            }
            Page::On => false,
            Page::Full => true,
        };
        if connector.as_deref().is_some_and(|name| !self.shown.source.has(name)) {
            let sentence = "there is no such connector; the page at / lists those there are\n";
            return (StatusCode::NOT_FOUND, sentence).into_response();
        }
        let wanted = Wanted { connector, full, renewed };
        // A task of its own: whoever goes away before the page is made does not have it made in vain, again and again.
        let pages = self.clone();
        let made = tokio::spawn(async move { pages.kept_or_made(wanted).await }).await;
        let Ok(Some(html)) = made else {
            let sentence = "the status page could not be made in time; ask again in a minute, or use `usersyncd ctl status`\n";
            return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
        };
        let mut response = ([(CONTENT_TYPE, "text/html; charset=utf-8")], html.to_string()).into_response();
        if let Ok(policy) = HeaderValue::from_str(&POLICY) {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    /// One page at a time; none if others take too long.
    async fn kept_or_made(&self, wanted: Wanted) -> Option<Arc<str>> {
        let mut kept = timeout(PATIENCE, self.kept.lock()).await.ok()?;
        if let Some(kept) = kept.get(&wanted).filter(|kept| kept.until > Instant::now()) {
            return Some(Arc::clone(&kept.html));
        }
        let began = Instant::now();
        let facts = self.shown.source.facts(wanted.connector.as_deref()).await;
        let html: Arc<str> = render(facts, &wanted).into();
        let (least, times, most) = GIVEN_AGAIN;
        let until = Instant::now() + (began.elapsed() * times).clamp(least, most);
        kept.retain(|_, kept| kept.until > began);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(wanted, Kept { html: Arc::clone(&html), until });
        Some(html)
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
