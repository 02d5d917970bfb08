//! The ids of JWTs (`jti`) that came already.

use std::collections::HashMap;

/// How long an id is kept, in milliseconds: an assertion lasts for an hour at most, a proof for some minutes.
const KEPT: i64 = 2 * 3600 * 1000;

/// Ids with the moment they came.
#[derive(Debug, Default)]
pub(crate) struct UsedIds {
    known: HashMap<String, i64>,
    /// At how many of them old ones are thrown out.
    sweep_at: usize,
}

impl UsedIds {
    /// Uses an id up; says whether it was new.
    pub(crate) fn spend(&mut self, id: String, now: i64) -> bool {
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, came| *came + KEPT > now);
            self.sweep_at = (self.known.len() * 2).max(1024);
        }
        self.known.insert(id, now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_forgotten_when_it_is_harmless() {
        let mut used = UsedIds::default();
        assert!(used.spend("a".to_owned(), 0));
        assert!(!used.spend("a".to_owned(), KEPT - 1));
        for number in 0..2000 {
            assert!(used.spend(format!("b{number}"), KEPT));
        }
        assert!(!used.spend("a".to_owned(), KEPT), "it came again meanwhile");
        for number in 0..5000 {
            used.spend(format!("c{number}"), 3 * KEPT);
        }
        assert!(used.known.len() <= 5000, "old ones are thrown out");
    }
}
