//! The secrets that the connector's file names: whether they can be read, and by whom else. Their contents are never shown.

use chrono::{DateTime, Utc};

use crate::config::Remark;
use crate::config::model::{Auth, Connector, SecretRef, SignIn, TargetSettings};
use crate::control::api::{Check, CheckName, Subject, TokenStatus};
use crate::source::okta::{KeyFault, PrivateKey};

const NAME: CheckName = CheckName::Credential;

pub(super) fn checks(connector: &Connector, token: Option<&TokenStatus>, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = match &connector.source.auth {
        Auth::ApiToken(place) => vec![secret(Subject::Source, "the API token", place, false)],
        Auth::ServiceApp(app) => {
            let check = secret(Subject::Source, "the private key", &app.private_key, true);
            vec![usable_key(&app.private_key, app.algorithm).unwrap_or(check)]
        }
    };
    checks.extend(token.and_then(|token| lapsing(&connector.name, token, now)));
    if let TargetSettings::Server(server) = &connector.target {
        let (what, place) = match &server.sign_in {
            SignIn::Token(token) => ("the token", token),
            SignIn::Password { password, .. } => ("the password", password),
        };
        checks.push(secret(Subject::Target, what, place, false));
    }
    if let Some(webhook) = &connector.notify.webhook {
        checks.push(secret(Subject::Connector, "the webhook's address", &webhook.url, false));
        checks.extend(
            webhook.key.as_ref().map(|key| secret(Subject::Connector, "the webhook's key", key, false)),
        );
    }
    checks
}

fn secret(subject: Subject, what: &str, place: &SecretRef, is_key: bool) -> Check {
    match place.look(is_key) {
        Ok(None) => Check::ok(subject, NAME, format!("{what} can be read in the {place}")),
        Ok(Some(Remark { seen, fix })) => Check { fix, ..Check::warning(subject, NAME, seen, "") },
        Err(Remark { seen, fix }) => Check { fix, ..Check::failed(subject, NAME, seen, "") },
    }
}

/// What is wrong with a private key that can be read.
fn usable_key(place: &SecretRef, algorithm: Option<crate::config::model::Algorithm>) -> Option<Check> {
    let key = place.read_key().ok()?;
    let KeyFault { why, advice } = PrivateKey::read(&key, algorithm).err()?;
    let seen = format!("the private key in the {place} cannot be used: {why}");
    Some(Check::failed(Subject::Source, NAME, seen, advice))
}

/// A warning about an API token that will be dropped because nobody uses it.
fn lapsing(name: &str, token: &TokenStatus, now: DateTime<Utc>) -> Option<Check> {
    if !token.is_pressing(now) {
        return None;
    }
    let why = token.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let seen = format!("the API token lapses on {}{why}", token.lapses_at.format("%Y-%m-%d"));
    let fix =
        format!("`usersyncd ctl plan {name}` uses it; a schedule of at least every four weeks keeps it");
    Some(Check::warning(Subject::Source, NAME, seen, fix))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use chrono::TimeDelta;

    use super::*;
    use crate::control::api::Verdict;
    use crate::sync::rules::Rules;

    const TOKEN: &str = "00QCjAl4MlV-WPXMaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn seen(path: &Path) -> Check {
        let mut connector = Connector::for_tests(Rules::default());
        connector.source.auth = Auth::ApiToken(SecretRef::File(path.to_owned()));
        let mut checks = checks(&connector, None, DateTime::UNIX_EPOCH);
        assert_eq!(checks.len(), 1);
        assert!(!format!("{checks:?}").contains("MlV"));
        checks.remove(0)
    }

    #[test]
    fn a_secret_is_read_and_its_place_is_judged() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("token");
        assert_eq!(seen(&path).verdict, Verdict::Failed);
        std::fs::write(&path, TOKEN).unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            seen(&path)
        };
        assert_eq!(mode(0o600).verdict, Verdict::Ok);
        assert!(mode(0o600).seen.starts_with("the API token can be read in the file "));
        let open = mode(0o644);
        assert_eq!(open.verdict, Verdict::Warning);
        assert!(open.fix.unwrap().ends_with(&format!("chmod 600 {}", path.display())));
        std::fs::write(&path, format!("{TOKEN}\n{TOKEN}")).unwrap();
        assert_eq!(seen(&path).verdict, Verdict::Failed);
    }

    #[test]
    fn a_token_that_will_lapse_is_a_warning() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(40);
        let token = |will_lapse| TokenStatus {
            last_used: now - TimeDelta::days(20),
            lapses_at: now + TimeDelta::days(10),
            next_use: None,
            will_lapse,
            why: Some("the connector has no schedule".to_owned()),
        };
        let check = lapsing("acme", &token(true), now).unwrap();
        assert_eq!(check.seen, "the API token lapses on 1970-02-20: the connector has no schedule");
        assert_eq!(lapsing("acme", &token(false), now), None);
    }
}
