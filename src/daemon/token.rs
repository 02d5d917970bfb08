//! Whether an API token will lapse because nobody uses it. The time comes in.
//!
//! Okta drops an API token 30 days after it was last used (Okta developer docs, "Create an API token"). A service app's
//! key does not lapse. Connectors often share a token: what one of them does keeps it for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::TOKEN_LIFE;
use crate::config::model::{Auth, OktaSettings, SecretRef};
use crate::control::api::TokenStatus;

/// How often the log says that a token will lapse.
const REMIND: TimeDelta = TimeDelta::days(1);

/// The API token that a connector signs in with: where it is, and at which org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    origin: String,
    place: SecretRef,
}

impl Token {
    /// None for a service app.
    pub(super) fn of(source: &OktaSettings) -> Option<Self> {
        match &source.auth {
            Auth::ApiToken(place) => Some(Self { origin: source.origin.to_string(), place: place.clone() }),
            Auth::ServiceApp(_) => None,
        }
    }
}

/// What one connector has done and will do with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// Which one.
    pub(super) token: Token,
    /// When it last read with it, as far as is known.
    pub(super) last: Option<DateTime<Utc>>,
    /// When it will by itself, or why it will not: the end of a sentence.
    pub(super) next: Result<DateTime<Utc>, &'static str>,
}

/// What all connectors do with their tokens, cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens(Arc<Mutex<BTreeMap<String, Use>>>);

impl Tokens {
    /// Takes what a connector does with its token; none: it has none any more, or is gone. Returns the connectors for which
    /// that may have changed something, each with the time at which its token lapses.
    pub(super) fn note(&self, connector: &str, now: Option<Use>) -> Vec<(String, Option<DateTime<Utc>>)> {
        let mut all = self.lock();
        let before = match &now {
            Some(now) => all.insert(connector.to_owned(), now.clone()),
            None => all.remove(connector),
        };
        if before == now {
            return Vec::new();
        }
        let mut changed = vec![connector.to_owned()];
        for (name, other) in all.iter().filter(|(name, _)| *name != connector) {
            if [&before, &now].into_iter().flatten().any(|one| one.token == other.token) {
                changed.push(name.clone());
            }
        }
        changed
            .into_iter()
            .map(|name| {
                let lapses_at = outlook(&all, &name).map(|status| status.lapses_at);
                (name, lapses_at)
            })
            .collect()
    }

    /// How it stands with the token of a connector; none if it has none, or one that was never used.
    pub(super) fn outlook(&self, connector: &str) -> Option<TokenStatus> {
        outlook(&self.lock(), connector)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Use>> {
        // The map is never left half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outlook(all: &BTreeMap<String, Use>, connector: &str) -> Option<TokenStatus> {
    let own = all.get(connector)?;
    let of_token = || all.values().filter(|other| other.token == own.token);
    let last_used = of_token().filter_map(|other| other.last).max()?;
    let next_use = of_token().filter_map(|other| other.next.ok()).min();
    let lapses_at = last_used.checked_add_signed(TOKEN_LIFE).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let will_lapse = next_use.is_none_or(|next| next >= lapses_at);
    let why = match (next_use, own.next) {
        (None, Err(why)) => why.to_owned(),
        (Some(next), _) => format!("it is used next on {}", next.format("%Y-%m-%d %H:%M UTC")),
        // Its own next use would be the next one.
        (None, Ok(_)) => String::new(),
    };
    Some(TokenStatus { last_used, lapses_at, next_use, will_lapse, why: will_lapse.then_some(why) })
}

/// Says once a day that it is time to be reminded.
#[derive(Debug, Default)]
pub(super) struct Reminder(Option<DateTime<Utc>>);

impl Reminder {
    /// Whether a day has passed since this was last true. A clock that went back does not silence it.
    pub(super) fn is_due(&mut self, now: DateTime<Utc>) -> bool {
        let due = self.0.is_none_or(|last| last > now || now - last >= REMIND);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Connector;
    use crate::sync::rules::Rules;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn token(place: &str) -> Token {
        Token { origin: "https://acme.okta.com/".to_owned(), place: SecretRef::Credential(place.to_owned()) }
    }

    fn uses(place: &str, last: Option<i64>, next: Result<i64, &'static str>) -> Option<Use> {
        Some(Use { token: token(place), last: last.map(day), next: next.map(day) })
    }

    #[test]
    fn a_token_lapses_unless_it_is_used_within_thirty_days() {
        const PAUSED: &str = "the connector is paused";
        for (last, next, will_lapse) in [
            (0, Ok(1), false),
            (0, Ok(29), false),
            (0, Ok(30), true),
            (0, Ok(31), true),
            (0, Err(PAUSED), true),
            (10, Ok(39), false),
            (10, Ok(40), true),
        ] {
            let tokens = Tokens::default();
            tokens.note("acme", uses("token", Some(last), next));
            let status = tokens.outlook("acme").unwrap();
            assert_eq!(status.will_lapse, will_lapse, "{last} {next:?}");
            assert_eq!((status.last_used, status.lapses_at), (day(last), day(last + 30)));
            assert_eq!(status.next_use, next.ok().map(day));
            let why = match next {
                Ok(next) => format!("it is used next on {}", day(next).format("%Y-%m-%d 00:00 UTC")),
                Err(why) => why.to_owned(),
            };
            assert_eq!(status.why, will_lapse.then_some(why));
        }
    }

    #[test]
    fn of_a_token_that_was_never_used_nothing_is_known() {
        let tokens = Tokens::default();
        assert_eq!(tokens.note("acme", uses("token", None, Ok(90))), [("acme".to_owned(), None)]);
        assert_eq!(tokens.outlook("acme"), None);
        assert_eq!(tokens.outlook("other"), None);
    }

    #[test]
    fn connectors_that_share_a_token_keep_it_for_each_other() {
        let tokens = Tokens::default();
        tokens.note("acme", uses("token", Some(0), Err("it is paused")));
        tokens.note("other", uses("another", Some(5), Ok(6)));
        assert!(tokens.outlook("acme").unwrap().will_lapse, "the other token is another one");
        let told = tokens.note("beta", uses("token", Some(2), Ok(3)));
        let expected = [("beta".to_owned(), Some(day(32))), ("acme".to_owned(), Some(day(32)))];
        assert_eq!(told, expected);
        assert!(!tokens.outlook("acme").unwrap().will_lapse);
        assert_eq!(tokens.note("beta", uses("token", Some(2), Ok(3))), [], "nothing has changed");
        let told = tokens.note("beta", uses("another", Some(4), Ok(5)));
        assert_eq!(told.len(), 3, "both tokens are concerned: {told:?}");
        assert_eq!(tokens.outlook("acme").unwrap().lapses_at, day(30));
        tokens.note("beta", None);
        assert_eq!(tokens.outlook("beta"), None);
    }

    #[test]
    fn the_log_reminds_once_a_day() {
        let mut reminder = Reminder::default();
        let hours: Vec<i64> =
            (0..60).filter(|hour| reminder.is_due(day(0) + TimeDelta::hours(*hour))).collect();
        assert_eq!(hours, [0, 24, 48]);
        assert!(reminder.is_due(day(-9)), "the clock went back");
        assert!(!reminder.is_due(day(-9)));
    }

    #[test]
    fn a_service_app_has_no_token_that_lapses() {
        let mut source = Connector::for_tests(Rules::default()).source;
        assert_eq!(Token::of(&source), Some(token("okta-token")));
        source.auth = Auth::ServiceApp(crate::config::model::ServiceApp {
            client_id: "0oa1".to_owned(),
            private_key: SecretRef::Credential("okta-key".to_owned()),
            key_id: None,
            algorithm: None,
            scopes: Vec::new(),
        });
        assert_eq!(Token::of(&source), None);
    }
}
