//! The rate limit: a bucket of tokens, of which each request takes one.

use tokio::time::Instant;

use crate::product::Reply;

/// How many tokens were left, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    /// The capacity and fill rate that it was counted for, and how many were left at what moment.
    left: Option<((u32, u32), f64, Instant)>,
}

impl Tokens {
    /// Takes one out of a bucket of that capacity and tokens per second; else says in how many seconds there is one.
    pub(super) fn take(&mut self, bucket: (u32, u32), now: Instant) -> Result<(), u64> {
        let (capacity, per_second) = (f64::from(bucket.0), f64::from(bucket.1));
        let left = match self.left {
            Some((known, left, then)) if known == bucket => {
                (left + now.saturating_duration_since(then).as_secs_f64() * per_second).min(capacity)
            }
            _ => capacity,
        };
        let is_enough = left >= 1.0;
        self.left = Some((bucket, if is_enough { left - 1.0 } else { left }, now));
        if is_enough {
            return Ok(());
        }
        // Without a fill rate there will never be one; the client has to be told something.
        let seconds = if per_second > 0.0 { ((1.0 - left) / per_second).ceil() } else { 60.0 };
        Err(seconds.max(1.0) as u64)
    }
}

/// The headers that Jira documents for a 429.
pub(super) fn with_headers(reply: Reply, bucket: Option<(u32, u32)>) -> Reply {
    let (capacity, per_second) = bucket.unwrap_or((60, 5));
    reply
        .header("x-ratelimit-limit", &capacity.to_string())
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-interval-seconds", "1")
        .header("x-ratelimit-fillrate", &per_second.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let (mut tokens, start) = (Tokens::default(), Instant::now());
        for _ in 0..60 {
            assert_eq!(tokens.take((60, 5), start), Ok(()));
        }
        assert_eq!(tokens.take((60, 5), start), Err(1));
        assert_eq!(tokens.take((60, 5), start + Duration::from_millis(150)), Err(1), "three quarters");
        assert_eq!(tokens.take((60, 5), start + Duration::from_millis(250)), Ok(()));
        assert_eq!(tokens.take((60, 5), start + Duration::from_millis(250)), Err(1));
        let later = start + Duration::from_secs(3600);
        let taken = (0..100).filter(|_| tokens.take((60, 5), later).is_ok()).count();
        assert_eq!(taken, 60, "it holds no more than its capacity");
    }

    #[test]
    fn a_slow_bucket_asks_for_patience() {
        let (mut tokens, start) = (Tokens::default(), Instant::now());
        assert_eq!(tokens.take((1, 0), start), Ok(()));
        assert_eq!(tokens.take((1, 0), start + Duration::from_secs(3600)), Err(60));
        assert_eq!(tokens.take((2, 0), start), Ok(()), "another bucket begins full");
    }
}
