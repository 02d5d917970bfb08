//! The nonces of DPoP: renewed every 24 hours, the old one staying valid for three days more, as published.

/// How long a nonce is the current one, in milliseconds.
const CURRENT: i64 = 24 * 3600 * 1000;

/// How long it is still taken after that.
const OLD: i64 = 3 * CURRENT;

/// Nonces with the moment they began; the last one is the current one.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Vec<(String, i64)>);

impl Nonces {
    /// The nonce to give out.
    pub(crate) fn current(&mut self, now: i64) -> String {
        match self.0.last() {
            Some((nonce, began)) if began + CURRENT > now => nonce.clone(),
            _ => self.begin(now),
        }
    }

    /// Whether a proof may bear this one.
    pub(crate) fn know(&self, nonce: &str, now: i64) -> bool {
        self.0.iter().any(|(known, began)| known == nonce && began + CURRENT + OLD > now)
    }

    /// Begins a new one; the old ones stay valid or do not.
    pub(crate) fn rotate(&mut self, keep_old: bool, now: i64) {
        if !keep_old {
            self.0.clear();
        }
        self.begin(now);
    }

    fn begin(&mut self, now: i64) -> String {
        let nonce: String = (0..32).map(|_| fastrand::alphanumeric()).collect();
        self.0.retain(|(_, began)| began + CURRENT + OLD > now);
        self.0.push((nonce.clone(), now));
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_current_for_a_day_and_taken_for_three_more() {
        let mut nonces = Nonces::default();
        let first = nonces.current(0);
        assert_eq!(nonces.current(CURRENT - 1), first);
        let second = nonces.current(CURRENT);
        assert_ne!(second, first);
        assert!(nonces.know(&first, 4 * CURRENT - 1) && !nonces.know(&first, 4 * CURRENT));
        assert!(nonces.know(&second, 4 * CURRENT));
        nonces.rotate(true, 4 * CURRENT);
        assert!(nonces.know(&second, 4 * CURRENT) && nonces.current(4 * CURRENT) != second);
        nonces.rotate(false, 4 * CURRENT);
        assert!(!nonces.know(&second, 4 * CURRENT));
    }
}
