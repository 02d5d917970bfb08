//! The connector's file, and what the daemon makes of it.

use chrono::{DateTime, Utc};

use crate::control::api::{Check, CheckName, Subject};
use crate::daemon::handle::View;

const SUBJECT: Subject = Subject::Connector;

pub(super) fn checks(name: &str, view: &View, now: DateTime<Utc>) -> Vec<Check> {
    vec![file(view), state(name, view), schedule(view, now)]
}

fn file(view: &View) -> Check {
    const NAME: CheckName = CheckName::Configuration;
    let fix = "`usersyncd check` says what is wrong, and where; a corrected file is in force within seconds";
    match (&view.configuration, &view.config_error) {
        _ if view.removed => {
            Check::failed(SUBJECT, NAME, "the file is gone", "Put it back into the connectors directory")
        }
        (Some(connector), None) => {
            Check::ok(SUBJECT, NAME, format!("{} is in force", connector.path.display()))
        }
        (Some(_), Some(error)) => Check::failed(
            SUBJECT,
            NAME,
            format!("the file is broken, and an older version of it is in force: {}", first_line(error)),
            fix,
        ),
        (None, error) => Check::failed(
            SUBJECT,
            NAME,
            format!(
                "the file is broken, and no good version of it was seen since the daemon started: {}",
                first_line(error.as_deref().unwrap_or_default())
            ),
            fix,
        ),
    }
}

fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default()
}

fn state(name: &str, view: &View) -> Check {
    const NAME: CheckName = CheckName::State;
    let writes = view.configuration.as_ref().is_none_or(|connector| connector.apply);
    if view.paused {
        let reason = view.pause_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        return Check::warning(
            SUBJECT,
            NAME,
            format!("it is paused{reason}; nothing is synced"),
            format!("Look at `usersyncd ctl plan {name}`, then `usersyncd ctl resume {name}`"),
        );
    }
    if !view.runnable {
        return Check::failed(
            SUBJECT,
            NAME,
            "it cannot run as long as its file is broken",
            "Correct the file",
        );
    }
    if !writes {
        let fix = "Remove `apply: off` from the file when it is to write";
        return Check::warning(SUBJECT, NAME, "apply is off: it plans and reports, and writes nothing", fix);
    }
    let busy = if view.busy.is_some() { ", and busy at the moment" } else { "" };
    Check::ok(SUBJECT, NAME, format!("it runs and writes{busy}"))
}

fn schedule(view: &View, now: DateTime<Utc>) -> Check {
    const NAME: CheckName = CheckName::Schedule;
    let has_one = view.configuration.as_ref().is_some_and(|connector| connector.schedule.is_some());
    match view.next_run {
        Some(at) => {
            let minutes = (at - now).num_minutes();
            let next = at.format("%Y-%m-%d %H:%M UTC");
            Check::ok(SUBJECT, NAME, format!("next run on {next}, in {minutes} min"))
        }
        None if has_one => Check::skipped(SUBJECT, NAME, "no next run is planned in its present state"),
        None => Check::ok(SUBJECT, NAME, "none: it runs when asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::Verdict;
    use crate::daemon::testing::connector;

    fn good() -> View {
        View { configuration: Some(connector("acme", "one", None)), runnable: true, ..View::default() }
    }

    fn verdicts(view: &View) -> Vec<(CheckName, Verdict)> {
        let checks = checks("acme", view, DateTime::UNIX_EPOCH);
        for check in &checks {
            let needs_fix = matches!(check.verdict, Verdict::Warning | Verdict::Failed);
            assert_eq!(check.fix.is_some(), needs_fix, "{check:?}");
        }
        checks.iter().map(|check| (check.name, check.verdict)).collect()
    }

    #[test]
    fn every_state_of_a_file_has_its_verdict() {
        use CheckName::{Configuration, Schedule, State};
        use Verdict::{Failed, Ok, Warning};
        assert_eq!(verdicts(&good()), [(Configuration, Ok), (State, Ok), (Schedule, Ok)]);
        let error = Some("error: no such key\n --> acme.yaml:3:1".to_owned());
        let older = View { config_error: error.clone(), ..good() };
        assert_eq!(verdicts(&older)[0], (Configuration, Failed));
        assert!(file(&older).seen.ends_with("an older version of it is in force: error: no such key"));
        let none = View { configuration: None, runnable: false, config_error: error, ..good() };
        assert_eq!(verdicts(&none)[..2], [(Configuration, Failed), (State, Failed)]);
        assert!(file(&none).seen.contains("no good version"));
        assert_eq!(verdicts(&View { removed: true, ..good() })[0], (Configuration, Failed));
        let paused = View { paused: true, pause_reason: Some("run 17 was undone".to_owned()), ..good() };
        assert_eq!(verdicts(&paused)[1], (State, Warning));
        assert_eq!(state("acme", &paused).seen, "it is paused: run 17 was undone; nothing is synced");
        let mut off = (*connector("acme", "one", None)).clone();
        off.apply = false;
        let off = View { configuration: Some(std::sync::Arc::new(off)), ..good() };
        assert_eq!(verdicts(&off)[1], (State, Warning));
    }

    #[test]
    fn the_next_run_is_named() {
        let now = DateTime::UNIX_EPOCH;
        let view = View { next_run: Some(now + chrono::TimeDelta::minutes(90)), ..good() };
        assert_eq!(schedule(&view, now).seen, "next run on 1970-01-01 01:30 UTC, in 90 min");
        assert_eq!(schedule(&good(), now).seen, "none: it runs when asked");
    }
}
