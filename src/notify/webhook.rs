//! Telling a webhook: one POST per try, signed with the time of the try.
//!
//! Its address is a secret as a whole, host included, since there are services that put a token there: what went wrong is
//! told in our own words, without what libraries say about addresses.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::Instant;

use super::document::Document;
use super::signature::sign;
use super::{Courier, Delivery};
use crate::config::model::WebhookSettings;
use crate::http::{Trouble, TroubleKind};

/// How one try ended.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    /// The receiver took it.
    Told,
    /// It makes no sense to try again.
    Refused(String),
    /// It was not told, for a reason that may pass, and is to be left alone for that long.
    Again(String, Option<Duration>),
}

/// Tells it, as often as patience allows. The error is the end of a sentence.
pub(super) async fn tell(
    courier: &Courier,
    settings: &WebhookSettings,
    delivery: &Delivery,
) -> Result<(), String> {
    let document = Document::new(&delivery.id, delivery.event, &delivery.report);
    let body =
        serde_json::to_vec(&document).map_err(|error| format!("it cannot be written as JSON: {error}"))?;
    let (began, mut tries) = (Instant::now(), 0);
    loop {
        tries += 1;
        let (why, wish) = match attempt(courier, settings, delivery, body.clone()).await {
            Tried::Told => return Ok(()),
            Tried::Refused(why) => return Err(why),
            Tried::Again(why, wish) => (why, wish),
        };
        let spent = began.elapsed();
        let Some(pause) = courier.patience.pause(tries, spent, wish, fastrand::f64()) else {
            return Err(format!(
                "{why} (address in {}; given up after {tries} tries in {} s)",
                settings.url,
                spent.as_secs()
            ));
        };
        tracing::debug!(
            connector = delivery.report.connector,
            run = delivery.report.run,
            tries,
            ?pause,
            why,
            "the webhook was not told and will be tried again"
        );
        tokio::time::sleep(pause).await;
    }
}

/// One try. The secrets are read for it, so that a replaced file counts at once.
async fn attempt(courier: &Courier, settings: &WebhookSettings, delivery: &Delivery, body: Vec<u8>) -> Tried {
    let request = match request(courier, settings, delivery, body) {
        Ok(request) => request,
        Err(why) => return Tried::Refused(why),
    };
    match request.send().await {
        Ok(response) => judge(response.status(), response.headers(), courier.clock.now(), settings),
        Err(error) => trouble(Trouble::of(&error.without_url()).kind, settings),
    }
}

fn request(
    courier: &Courier,
    settings: &WebhookSettings,
    delivery: &Delivery,
    body: Vec<u8>,
) -> Result<RequestBuilder, String> {
    let unusable = |sentence: String| {
        // Louder than a receiver that is down: it will not pass by itself.
        tracing::error!(connector = delivery.report.connector, "{sentence}");
        "a secret that it needs cannot be used, as the line before says".to_owned()
    };
    let address = settings.address().map_err(unusable)?;
    let key = settings.signing_key().map_err(unusable)?;
    let timestamp = courier.clock.now().timestamp();
    let mut request = courier
        .http
        .plain(&address)
        .post(address)
        .timeout(settings.timeout)
        .header(CONTENT_TYPE, "application/json")
        .header("X-Usersyncd-Event", delivery.event.as_str())
        .header("X-Usersyncd-Delivery", delivery.id.as_str())
        .header("X-Usersyncd-Timestamp", timestamp);
    if let Some(key) = key {
        let signature = sign(&key, timestamp, &body).map_err(|error| unusable(error.to_string()))?;
        request = request.header("X-Usersyncd-Signature", signature);
    }
    Ok(request.body(body))
}

/// What an answer means. Its body is not read: it is nothing to us, and may hold what was sent to it.
fn judge(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>, settings: &WebhookSettings) -> Tried {
    let place = format!("address in {}", settings.url);
    if status.is_success() {
        Tried::Told
    } else if status.is_redirection() {
        let why = format!(
            "it answered {status}, and redirects are not followed: put its present address into the secret"
        );
        Tried::Refused(format!("{why} ({place})"))
    } else if status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
    {
        Tried::Again(format!("it answered {status}"), retry_after(headers, now))
    } else {
        Tried::Refused(format!("it answered {status} ({place})"))
    }
}

/// How long a receiver asks to be left alone: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    (date.to_utc() - now).to_std().ok()
}

/// What it means that there is no answer. What libraries say of it is not told: they name hosts.
fn trouble(kind: TroubleKind, settings: &WebhookSettings) -> Tried {
    let final_one = |why: &str| Tried::Refused(format!("{why} (address in {})", settings.url));
    let again = |why: &str| Tried::Again(why.to_owned(), None);
    match kind {
        TroubleKind::Trust => final_one("its TLS certificate is not accepted"),
        TroubleKind::NoTls => final_one("it does not speak TLS (is it http instead of https?)"),
        TroubleKind::Name => again("the name of its host cannot be resolved"),
        TroubleKind::Connection => again("no connection to it came about"),
        TroubleKind::Time => again("it did not answer in time"),
        TroubleKind::Cut => again("it closed the connection without an answer"),
        TroubleKind::TooLarge | TroubleKind::Other => again("the request to it failed"),
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
