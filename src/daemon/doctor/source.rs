//! The org: the way to it, the clocks, what may be read, and what is left of its rate limits.

use tokio::time::timeout;

use super::network::{self, Place};
use super::{QUESTIONS, Workshop};
use crate::config::model::{Auth, ChangesFrom, Connector, ServiceApp};
use crate::control::api::{Check, CheckName, Subject};
use crate::http::{Window, host_and_port};
use crate::source::okta::{Clocks, Examination};
use crate::source::{Scopes, SourceError};
use crate::sync::progress::RunControl;

const SUBJECT: Subject = Subject::Source;

/// Clocks that differ by less than this are both right: answers are on the way for a while, in seconds.
const RIGHT: i64 = 30;
/// From so many seconds on, what a service app signs is refused.
const WRONG: i64 = 300;

pub(super) async fn checks(connector: &Connector, workshop: &Workshop) -> Vec<Check> {
    let settings = &connector.source;
    let place =
        Place { subject: SUBJECT, address: &settings.origin, authorities: settings.authorities.as_deref() };
    let network::Seen { mut checks, passable } =
        network::checks(place, &workshop.http, workshop.clock.now()).await;
    if !passable {
        let why = "not tried, since the way there is not passable";
        checks.push(Check::skipped(SUBJECT, CheckName::SignIn, why));
        return checks;
    }
    let (control, host) = (RunControl::default(), host_and_port(&settings.origin));
    let okta = workshop.okta(connector);
    let asking = okta.examine(reads_log(connector), &workshop.clock, &control);
    match timeout(QUESTIONS, asking).await {
        Ok((clocks, examined)) => {
            checks.push(clock(&host, clocks));
            checks.extend(examination(connector, examined));
        }
        Err(_) => checks.push(too_late(SUBJECT, &control)),
    }
    checks.push(budget(&workshop.http.windows(&settings.origin), settings.rate_budget));
    checks
}

/// What it means that the questions were not answered in time.
pub(super) fn too_late(subject: Subject, control: &RunControl) -> Check {
    const NAME: CheckName = CheckName::SignIn;
    let seconds = QUESTIONS.as_secs();
    if control.progress.view().waiting_for_rate_limit > 0 {
        let why = format!(
            "not known: for {seconds} s the rate limits left no room for a question; ask again later"
        );
        return Check::skipped(subject, NAME, why);
    }
    let seen = format!("the questions were not answered within {seconds} s");
    Check::failed(
        subject,
        NAME,
        seen,
        "Look at the server's load, and at what stands between; then ask again",
    )
}

fn reads_log(connector: &Connector) -> bool {
    let incremental = connector.schedule.as_ref().and_then(|schedule| schedule.incremental);
    incremental.is_some_and(|incremental| incremental.from == ChangesFrom::SystemLog)
}

fn clock(host: &str, clocks: Option<Clocks>) -> Check {
    const NAME: CheckName = CheckName::Clock;
    const FIX: &str = "Put this host's clock right (chronyd, systemd-timesyncd); `timedatectl` says whether it is synchronised";
    let Some((theirs, ours)) = clocks else {
        return Check::skipped(SUBJECT, NAME, "not known: no answer came that says what time it is");
    };
    let ahead = (ours - theirs).num_seconds();
    let way = if ahead < 0 { "behind" } else { "ahead of" };
    let seen = match ahead.abs() {
        0..=1 => format!("this host's and that of {host} show the same"),
        off => format!("this host's is {} {way} that of {host}", duration(off)),
    };
    match ahead.abs() {
        off if off < RIGHT => Check::ok(SUBJECT, NAME, seen),
        off if off < WRONG => Check::warning(SUBJECT, NAME, seen, FIX),
        _ => {
            let seen = format!("{seen}; certificates and what a service app signs may be refused");
            Check::failed(SUBJECT, NAME, seen, FIX)
        }
    }
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn examination(connector: &Connector, examined: Result<Examination, SourceError>) -> Vec<Check> {
    let examination = match examined {
        Ok(examination) => examination,
        Err(SourceError::Secret(_)) => {
            let why = "not tried, since a file that it needs cannot be used";
            return vec![Check::skipped(SUBJECT, CheckName::SignIn, why)];
        }
        Err(error) => return vec![Check::failed_by(SUBJECT, CheckName::SignIn, &error.to_string())],
    };
    let Examination { principal, roles, scopes, sees_users, sees_groups, sees_log } = examination;
    let mut checks = vec![Check::ok(
        SUBJECT,
        CheckName::SignIn,
        match principal {
            Ok(principal) => format!("as {principal}"),
            Err(why) => format!("the credentials are taken; whose they are is not known: {why}"),
        },
    )];
    checks.extend(scopes.as_ref().map(granted));
    checks.extend(lacking(scopes.as_ref()));
    checks.push(rights(&connector.source.auth, roles));
    checks.push(visibility(sees_users, sees_groups));
    checks.extend(sees_log.map(log));
    checks
}

fn granted(scopes: &Scopes) -> Check {
    let granted: Vec<&str> =
        scopes.requested.iter().filter(|scope| !scopes.missing.contains(scope)).map(String::as_str).collect();
    Check::ok(SUBJECT, CheckName::Rights, format!("scopes: {}", granted.join(", ")))
}

fn lacking(scopes: Option<&Scopes>) -> Vec<Check> {
    let missing = scopes.into_iter().flat_map(|scopes| &scopes.missing);
    missing
        .map(|scope| {
            let (what, fix) = Scopes::lacking(scope);
            Check::warning(SUBJECT, CheckName::Rights, what, fix)
        })
        .collect()
}

fn rights(auth: &Auth, roles: Result<Vec<String>, String>) -> Check {
    const NAME: CheckName = CheckName::Rights;
    const ROLE: &str =
        "Assign Read-only Administrator, or a custom role that may view users, groups and the application";
    match (roles, auth) {
        (Ok(roles), _) if !roles.is_empty() => {
            Check::ok(SUBJECT, NAME, format!("administrator roles: {}", roles.join(", ")))
        }
        (Ok(_), Auth::ApiToken(_)) => {
            Check::warning(SUBJECT, NAME, "the token's owner has no administrator role", ROLE)
        }
        (Ok(_), Auth::ServiceApp(_)) => {
            Check::warning(SUBJECT, NAME, "the service app has no administrator role", ROLE)
        }
        // What a service app was never meant to read is no surprise.
        (Err(_), Auth::ServiceApp(app)) if !app.scopes.iter().any(|scope| scope == ServiceApp::ROLES) => {
            let why = format!("the administrator roles are shown with the scope {} only", ServiceApp::ROLES);
            Check::skipped(SUBJECT, NAME, why)
        }
        (Err(why), _) => {
            let seen = format!("the administrator roles are not known: {why}");
            Check::warning(SUBJECT, NAME, seen, ROLE)
        }
    }
}

fn visibility(users: bool, groups: bool) -> Check {
    const NAME: CheckName = CheckName::Visibility;
    const FIX: &str =
        "Look at the roles behind the credentials, and at `search` and `app` in the connector's file";
    let missing = match (users, groups) {
        (true, true) => return Check::ok(SUBJECT, NAME, "users and groups can be seen"),
        (false, true) => "no user can be seen",
        (true, false) => "no group can be seen",
        (false, false) => "neither a user nor a group can be seen",
    };
    let seen =
        format!("{missing}: an empty list proves nothing, so a sync would change nothing on account of it");
    Check::warning(SUBJECT, NAME, seen, FIX)
}

fn log(any: bool) -> Check {
    const NAME: CheckName = CheckName::SystemLog;
    if any {
        return Check::ok(SUBJECT, NAME, "it can be read");
    }
    Check::warning(
        SUBJECT,
        NAME,
        "it is empty, as for somebody who may not view it: incremental runs would never see a change",
        "Assign a role that may view the System Log, or write `from: lists` under `schedule.incremental`",
    )
}

/// What is left in the windows that are known, beside the share that may be used.
fn budget(windows: &[Window], percent: u8) -> Check {
    const NAME: CheckName = CheckName::Budget;
    if windows.is_empty() {
        return Check::skipped(SUBJECT, NAME, "not known: no answer showed a rate limit");
    }
    let shown = windows.iter().map(|window| {
        let Window { bucket, limit, remaining, left, .. } = window;
        format!("{bucket} {remaining} of {limit} left for {} s", left.as_secs())
    });
    let seen = format!("{}; {percent}% of each may be used", shown.collect::<Vec<_>>().join(", "));
    let used_up: Vec<&str> = windows
        .iter()
        .filter(|window| {
            let allowance = window.limit.saturating_mul(u64::from(percent)) / 100;
            window.remaining <= window.limit.div_ceil(10) || window.used >= allowance.max(1)
        })
        .map(|window| window.bucket)
        .collect();
    if used_up.is_empty() {
        return Check::ok(SUBJECT, NAME, seen);
    }
    let seen = format!("{seen}; used up for now: {}", used_up.join(", "));
    let fix = "Runs wait for the next window. If this goes on, see Reports > Rate limits in Okta for who else asks, or raise \
               `source.okta.rate_budget`";
    Check::warning(SUBJECT, NAME, seen, fix)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::config::model::SecretRef;
    use crate::control::api::Verdict;
    use crate::sync::rules::Rules;

    fn token() -> Auth {
        Auth::ApiToken(SecretRef::Environment("X".to_owned()))
    }

    fn app(scopes: &[&str]) -> Auth {
        Auth::ServiceApp(ServiceApp {
            client_id: "0oa1".to_owned(),
            private_key: SecretRef::Environment("X".to_owned()),
            key_id: None,
            algorithm: None,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        })
    }

    #[test]
    fn clocks_are_compared() {
        let now = DateTime::UNIX_EPOCH;
        let seen = |ahead| clock("acme.okta.com", Some((now, now + TimeDelta::seconds(ahead))));
        for (ahead, verdict) in [
            (0, Verdict::Ok),
            (29, Verdict::Ok),
            (-29, Verdict::Ok),
            (30, Verdict::Warning),
            (-299, Verdict::Warning),
            (300, Verdict::Failed),
            (-86_400, Verdict::Failed),
        ] {
            let check = seen(ahead);
            assert_eq!(check.verdict, verdict, "{ahead}");
            assert_eq!(check.fix.is_some(), verdict != Verdict::Ok);
        }
        assert_eq!(seen(-240).seen, "this host's is 4 min behind that of acme.okta.com");
        assert!(seen(7_200).seen.starts_with("this host's is 2 h ahead of that of acme.okta.com;"));
        assert_eq!(clock("x", None).verdict, Verdict::Skipped);
    }

    fn found() -> Examination {
        Examination {
            principal: Ok("admin@acme.com".to_owned()),
            roles: Ok(vec!["Read-only Administrator".to_owned()]),
            scopes: None,
            sees_users: true,
            sees_groups: true,
            sees_log: None,
        }
    }

    fn told(examined: Result<Examination, SourceError>) -> Vec<(CheckName, Verdict, String)> {
        let checks = examination(&Connector::for_tests(Rules::default()), examined);
        checks.into_iter().map(|check| (check.name, check.verdict, check.seen)).collect()
    }

    #[test]
    fn what_the_credentials_show_is_judged() {
        use CheckName::{Rights, SignIn, SystemLog, Visibility};
        let good = told(Ok(found()));
        let expected = [
            (SignIn, Verdict::Ok, "as admin@acme.com".to_owned()),
            (Rights, Verdict::Ok, "administrator roles: Read-only Administrator".to_owned()),
            (Visibility, Verdict::Ok, "users and groups can be seen".to_owned()),
        ];
        assert_eq!(good, expected);
        let scopes = Scopes {
            requested: vec!["okta.groups.read".to_owned(), ServiceApp::ORG.to_owned()],
            missing: vec![ServiceApp::ORG.to_owned()],
        };
        let poor = told(Ok(Examination {
            scopes: Some(scopes),
            sees_users: false,
            sees_log: Some(false),
            ..found()
        }));
        let kinds: Vec<_> = poor.iter().map(|(name, verdict, _)| (*name, *verdict)).collect();
        let expected = [
            (SignIn, Verdict::Ok),
            (Rights, Verdict::Ok),
            (Rights, Verdict::Warning),
            (Rights, Verdict::Ok),
            (Visibility, Verdict::Warning),
            (SystemLog, Verdict::Warning),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(poor[1].2, "scopes: okta.groups.read");
        assert!(poor[2].2.contains("is not granted okta.orgs.read"));
    }

    #[test]
    fn refusals_fail_and_what_was_said_before_is_not_said_again() {
        let refused = told(Err(SourceError::Refused("401; nothing was changed. Make another".to_owned())));
        assert_eq!(refused, [(CheckName::SignIn, Verdict::Failed, "401".to_owned())]);
        assert_eq!(told(Err(SourceError::Secret("x".to_owned())))[0].1, Verdict::Skipped);
    }

    #[test]
    fn roles_that_are_not_shown_are_a_matter_of_who_asks() {
        let hidden = || Err("it may not".to_owned());
        assert_eq!(rights(&token(), hidden()).verdict, Verdict::Warning);
        assert_eq!(rights(&token(), Ok(Vec::new())).verdict, Verdict::Warning);
        assert_eq!(rights(&app(&[]), hidden()).verdict, Verdict::Skipped);
        assert_eq!(rights(&app(&[ServiceApp::ROLES]), hidden()).verdict, Verdict::Warning);
        assert_eq!(rights(&app(&[]), Ok(Vec::new())).verdict, Verdict::Warning);
    }

    #[test]
    fn a_budget_that_is_used_up_is_a_warning() {
        let window = |remaining, used| Window {
            bucket: "users",
            limit: 600,
            remaining,
            used,
            left: Duration::from_secs(40),
        };
        assert_eq!(budget(&[], 50).verdict, Verdict::Skipped);
        let good = budget(&[window(540, 60)], 50);
        assert_eq!(good.verdict, Verdict::Ok);
        assert_eq!(good.seen, "users 540 of 600 left for 40 s; 50% of each may be used");
        for (remaining, used) in [(60, 60), (300, 300)] {
            let check = budget(&[window(remaining, used)], 50);
            assert_eq!(check.verdict, Verdict::Warning, "{remaining} {used}");
            assert!(check.seen.ends_with("used up for now: users"));
        }
    }

    #[test]
    fn who_waits_for_a_window_has_not_failed() {
        let control = RunControl::default();
        assert_eq!(too_late(SUBJECT, &control).verdict, Verdict::Failed);
        control.progress.rate_limit_wait_begins();
        assert_eq!(too_late(SUBJECT, &control).verdict, Verdict::Skipped);
    }
}
