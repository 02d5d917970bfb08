//! The target: the way to it, and what may be done there.

use tokio::time::timeout;

use super::network::{self, Place};
use super::source::too_late;
use super::{QUESTIONS, Workshop};
use crate::config::model::{Connector, TargetSettings};
use crate::control::api::{Check, CheckName, Subject};
use crate::sync::progress::RunControl;
use crate::target::{Rights, TargetError};

const SUBJECT: Subject = Subject::Target;

pub(super) async fn checks(connector: &Connector, workshop: &Workshop) -> Vec<Check> {
    let mut checks = Vec::new();
    if let TargetSettings::Server(server) = &connector.target {
        let authorities = server.authorities.as_deref();
        let place = Place { subject: SUBJECT, address: &server.url, authorities };
        let seen = network::checks(place, &workshop.http, workshop.clock.now()).await;
        checks = seen.checks;
        if !seen.passable {
            let why = "not tried, since the way there is not passable";
            checks.push(Check::skipped(SUBJECT, CheckName::SignIn, why));
            return checks;
        }
    }
    let (reader, _) = workshop.target(connector);
    let control = RunControl::default();
    match timeout(QUESTIONS, reader.try_out(&control)).await {
        Ok(tried) => checks.extend(judge(reader.capabilities().product, tried)),
        Err(_) => checks.push(too_late(SUBJECT, &control)),
    }
    checks
}

fn judge(product: &str, tried: Result<Rights, TargetError>) -> Vec<Check> {
    let Rights { account, read, unproven } = match tried {
        Ok(rights) => rights,
        Err(error) => return vec![Check::failed_by(SUBJECT, CheckName::SignIn, &error.to_string())],
    };
    let whose = account.map(|account| format!(" as {account}")).unwrap_or_default();
    let mut checks = vec![
        Check::ok(SUBJECT, CheckName::SignIn, format!("{product} lets the daemon in{whose}")),
        Check::ok(SUBJECT, CheckName::Rights, format!("it may read {read}")),
    ];
    if let Some(unproven) = unproven {
        let why =
            format!("{unproven}, only a write proves; /usr/share/doc/usersyncd/targets.md names the rights");
        checks.push(Check::skipped(SUBJECT, CheckName::Rights, why));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::Verdict;

    #[test]
    fn what_was_let_in_is_told_and_what_only_a_write_proves_is_not_claimed() {
        let rights =
            Rights { account: Some("sync".into()), read: "groups", unproven: Some("That it may write") };
        let checks = judge("Confluence", Ok(rights));
        let seen: Vec<_> = checks.iter().map(|check| (check.verdict, check.seen.as_str())).collect();
        let expected = [
            (Verdict::Ok, "Confluence lets the daemon in as sync"),
            (Verdict::Ok, "it may read groups"),
            (
                Verdict::Skipped,
                "That it may write, only a write proves; /usr/share/doc/usersyncd/targets.md names the rights",
            ),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_refusal_fails_with_what_to_do() {
        let error = TargetError::Unreadable("403; nothing was changed. Give it the rights".to_owned());
        let checks = judge("Jira", Err(error));
        assert_eq!((checks[0].verdict, checks[0].seen.as_str()), (Verdict::Failed, "403"));
        assert_eq!(checks[0].fix.as_deref(), Some("Give it the rights"));
    }
}
