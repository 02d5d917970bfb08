//! `ctl cancel`, `pause`, `resume`, `reload` and `log-level`.

use reqwest::Method;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::text::Style;
use crate::config::model::LogLevel;
use crate::control::api::{Done, LogLevelRequest, ReloadAnswer};
use crate::telemetry::escape::{escape, escape_lines};

/// Sends one of the verbs without a body to a connector.
pub(super) async fn tell(ctl: &Ctl, name: &str, verb: &str) -> Result<Exit, Failure> {
    let answer = ctl.client.post(&["v1", "connectors", name, verb]).await;
    let done: Done = ctl.known(name, answer).await?;
    ctl.done(&done)
}

/// Changes the log level.
pub(super) async fn log_level(ctl: &Ctl, level: LogLevel) -> Result<Exit, Failure> {
    let request = LogLevelRequest { level: level.as_str().to_owned() };
    let done: Done = ctl.client.send(Method::PUT, &["v1", "log-level"], &request).await?;
    ctl.done(&done)
}

/// Has all files read now.
pub(super) async fn reload(ctl: &Ctl) -> Result<Exit, Failure> {
    let answer: ReloadAnswer = ctl.client.post(&["v1", "reload"]).await?;
    let style = ctl.output.style;
    ctl.output.show(&answer, |answer| render(answer, style))?;
    Ok(if answer.rejected.is_empty() { Exit::Done } else { Exit::InvalidConfiguration })
}

fn render(answer: &ReloadAnswer, style: Style) -> String {
    let mut out = String::new();
    let lists = [
        ("added", &answer.added),
        ("updated", &answer.updated),
        ("removed", &answer.removed),
        ("unchanged", &answer.unchanged),
        ("in force", &answer.settings_taken_over),
        ("needs restart", &answer.restart_needed_for),
    ];
    for (what, names) in lists {
        if !names.is_empty() {
            out.push_str(&format!("{what:<14}{}\n", escape(&names.join(", "))));
        }
    }
    for rejected in &answer.rejected {
        let kept =
            if rejected.last_good_in_force { "the last good version stays in force" } else { "not in force" };
        out.push_str(&style.red(&format!("{:<14}{}: {kept}\n", "rejected", escape(&rejected.name))));
        out.push_str(&escape_lines(&rejected.diagnostics));
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("there are no connector files\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::Rejected;

    #[test]
    fn a_reload_says_what_changed() {
        let answer = ReloadAnswer {
            format_version: 1,
            updated: vec!["acme".to_owned()],
            unchanged: vec!["beta".to_owned(), "gamma".to_owned()],
            restart_needed_for: vec!["state".to_owned()],
            rejected: vec![Rejected {
                name: "delta".to_owned(),
                diagnostics: "error: unknown key\n --> delta.yaml:3:1".to_owned(),
                last_good_in_force: true,
            }],
            ..ReloadAnswer::default()
        };
        insta::assert_snapshot!(render(&answer, Style { colors: false }), @r"
        updated       acme
        unchanged     beta, gamma
        needs restart state
        rejected      delta: the last good version stays in force
        error: unknown key
         --> delta.yaml:3:1
        ");
        assert_eq!(
            render(&ReloadAnswer::default(), Style { colors: false }),
            "there are no connector files\n"
        );
    }
}
