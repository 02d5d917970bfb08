//! Rate limiting as in Jira 8.6 and later: a bucket of tokens for the account, which gets new ones each second.

use std::cell::Cell;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Jira;
use crate::product::Reply;

/// Atlassian's example numbers, for a 429 of a server whose bucket is not set up.
const EXAMPLE: (u32, u32) = (60, 5);

/// When the bucket was filled last, and how many tokens were in it then; none: full.
#[derive(Debug, Default)]
pub(super) struct Limiter(Cell<Option<(Instant, u32)>>);

impl Limiter {
    /// How many tokens are in the bucket.
    fn level(&self, (capacity, fill): (u32, u32)) -> u32 {
        let (since, level) = self.0.get().unwrap_or_else(|| (Instant::now(), capacity));
        let seconds = since.elapsed().as_secs();
        let new = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(fill);
        let level = level.saturating_add(new).min(capacity);
        self.0.set(Some((since + Duration::from_secs(seconds), level)));
        level
    }

    /// Takes a token, if there is one.
    fn take(&self, bucket: (u32, u32)) -> bool {
        let level = self.level(bucket);
        let Some((since, _)) = self.0.get() else { return true };
        self.0.set(Some((since, level.saturating_sub(1))));
        level > 0
    }
}

impl Jira {
    fn active_bucket(&self) -> Option<(u32, u32)> {
        self.bucket.filter(|_| self.version.has_rate_limits())
    }

    /// Takes a token for a request of the account; the refusal, if there is none.
    pub(super) fn take_token(&self) -> Result<(), Reply> {
        match self.active_bucket() {
            Some(bucket) if !self.memory.limiter.take(bucket) => {
                // New tokens come each second.
                Err(self.signed(self.too_many_requests().header("retry-after", "1")))
            }
            _ => Ok(()),
        }
    }

    /// 429 without `retry-after`. Not published: its body.
    pub(super) fn too_many_requests(&self) -> Reply {
        let reply = Reply::json(429, &json!({ "message": "Rate limit exceeded.", "status-code": 429 }));
        with_headers(reply, self.active_bucket().unwrap_or(EXAMPLE), 0)
    }

    /// Every answer to the account says how much is left, and with tokens left that there is nothing to wait for.
    pub(super) fn with_rate_headers(&self, reply: Reply) -> Reply {
        let Some(bucket) = self.active_bucket() else { return reply };
        let left = self.memory.limiter.level(bucket);
        with_headers(reply, bucket, left).header("retry-after", if left > 0 { "0" } else { "1" })
    }
}

fn with_headers(reply: Reply, (capacity, fill): (u32, u32), left: u32) -> Reply {
    reply
        .header("x-ratelimit-limit", &capacity.to_string())
        .header("x-ratelimit-remaining", &left.to_string())
        .header("x-ratelimit-interval-seconds", "1")
        .header("x-ratelimit-fillrate", &fill.to_string())
}
