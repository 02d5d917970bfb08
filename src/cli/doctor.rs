//! `ctl doctor`: what a connector needs, and how it stands with each of it.

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::text::{Style, plural};
use crate::control::api::{Check, Diagnosis, Verdict};
use crate::telemetry::escape::{escape, escape_lines};

/// How wide the columns before the text are.
const VERDICT: usize = 9;
const SUBJECT: usize = 11;
const NAME: usize = 12;

/// Asks the daemon, and prints what it saw. Fails if anything has failed.
pub(super) async fn run(ctl: &Ctl, name: &str) -> Result<Exit, Failure> {
    let path = ["v1", "connectors", name, "doctor"];
    let answer = ctl.client.post(&path).await;
    let diagnosis: Diagnosis = ctl.known(name, answer).await?;
    let style = ctl.output.style;
    ctl.output.show(&diagnosis, |diagnosis| render(diagnosis, style))?;
    let failed = diagnosis.checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn render(diagnosis: &Diagnosis, style: Style) -> String {
    let mut out: String = diagnosis.checks.iter().map(|check| line(check, style)).collect();
    let count = |verdict: Verdict| diagnosis.checks.iter().filter(|check| check.verdict == verdict).count();
    let parts = [Verdict::Failed, Verdict::Warning, Verdict::Ok, Verdict::Skipped].map(|verdict| {
        let text = format!("{} {}", count(verdict), verdict.as_str());
        if count(verdict) > 0 { paint(style, verdict, &text) } else { text }
    });
    let checks = plural(diagnosis.checks.len() as u64, "check");
    out.push_str(&format!(
        "\n{}: {checks}, {}; nothing was written\n",
        style.bold(&escape(&diagnosis.connector)),
        parts.join(", ")
    ));
    out
}

fn line(check: &Check, style: Style) -> String {
    let verdict = format!("{:<VERDICT$}", check.verdict.as_str());
    let mut line = format!(
        "{}{:<SUBJECT$}{:<NAME$}{}\n",
        paint(style, check.verdict, &verdict),
        check.subject.as_str(),
        check.name.title(),
        indented(&check.seen)
    );
    if let Some(fix) = &check.fix {
        line.push_str(&format!("{:VERDICT$}to do: {}\n", "", indented(fix)));
    }
    line
}

/// Harmless, and further lines of it under the first.
fn indented(text: &str) -> String {
    escape_lines(text).trim_end().replace('\n', &format!("\n{:VERDICT$}", ""))
}

fn paint(style: Style, verdict: Verdict, text: &str) -> String {
    match verdict {
        Verdict::Ok => style.green(text),
        Verdict::Warning => style.yellow(text),
        Verdict::Failed => style.red(text),
        Verdict::Skipped => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use serde_json::json;

    use super::*;
    use crate::cli::ctl::fake::{Session, session};
    use crate::control::api::{CheckName, Subject};

    fn diagnosis(failed: bool) -> Diagnosis {
        let fix = "Make a new one\nthere";
        let mut checks = vec![
            Check::ok(Subject::Connector, CheckName::Configuration, "acme.yaml is in force"),
            Check::warning(
                Subject::Source,
                CheckName::Credential,
                "it is open to oth\u{1b}ers",
                "Run: chmod 600 x",
            ),
            Check::skipped(Subject::Target, CheckName::Rights, "only a write proves it"),
        ];
        if failed {
            checks.push(Check::failed(Subject::Source, CheckName::SignIn, "401", fix));
        }
        let made = "2026-11-23T06:00:00Z".parse().unwrap();
        Diagnosis { format_version: 1, connector: "acme".to_owned(), made, checks }
    }

    fn daemon(json: bool, failed: bool) -> Session {
        let answer = json!(diagnosis(failed)).to_string();
        session(json, Router::new().route("/v1/connectors/acme/doctor", post(move || async move { answer })))
    }

    #[tokio::test]
    async fn each_check_is_a_line_with_what_to_do_under_it() {
        let session = daemon(false, true);
        assert_eq!(run(&session.ctl, "acme").await, Ok(Exit::Failed));
        insta::assert_snapshot!(session.data.text(), @r"
        ok       connector  file        acme.yaml is in force
        warning  source     credential  it is open to oth\u{1b}ers
                 to do: Run: chmod 600 x
        skipped  target     rights      only a write proves it
        failed   source     sign-in     401
                 to do: Make a new one
                 there

        acme: 4 checks, 1 failed, 1 warning, 1 ok, 1 skipped; nothing was written
        ");
    }

    #[tokio::test]
    async fn warnings_are_no_failure_and_programs_get_it_all() {
        let session = daemon(true, false);
        assert_eq!(run(&session.ctl, "acme").await, Ok(Exit::Done));
        let seen: Diagnosis = serde_json::from_str(&session.data.text()).unwrap();
        assert_eq!(seen, diagnosis(false));
    }

    #[tokio::test]
    async fn an_unknown_connector_is_told_the_one_that_was_meant() {
        let refused = r#"{"format_version":1,"error":"not_found","message":"no"}"#;
        let missing = post(move || async move { (axum::http::StatusCode::NOT_FOUND, refused) });
        let session = session(false, Router::new().route("/v1/connectors/acm/doctor", missing));
        let failure = run(&session.ctl, "acm").await.unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.message.contains("no connector acm: did you mean acme?"), "{}", failure.message);
    }
}
