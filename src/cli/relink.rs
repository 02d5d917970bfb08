//! `ctl relink`: a ledger that was lost, rebuilt from what the target keeps.

use reqwest::Method;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::text::{listed, plural};
use crate::control::api::{ObjectKind, RelinkAnswer, RelinkRequest, Relinked};
use crate::telemetry::escape::escape;

/// So many lines of each kind are shown, but for those that matter most.
const SHOWN: usize = 20;

/// Rebuilds the ledger, or shows what that would link.
pub(super) async fn relink(ctl: &Ctl, name: &str, yes: bool) -> Result<Exit, Failure> {
    let path = ["v1", "connectors", name, "relink"];
    let answer = ctl.client.send_patiently(Method::POST, &path, &RelinkRequest { confirm: yes }).await;
    let answer: RelinkAnswer = ctl.known(name, answer).await?;
    ctl.output.show(&answer, |answer| render(name, answer))?;
    Ok(if answer.done || is_empty(&answer) { Exit::Done } else { Exit::ChangesPending })
}

fn render(name: &str, answer: &RelinkAnswer) -> String {
    let name = escape(name);
    let mut out = String::new();
    let linked =
        |link: &Relinked| format!("{} {}  {}", kind(link.kind), escape(&link.name), escape(&link.source.0));
    let mut section = |heading: String, lines: Vec<String>, most: usize| {
        if lines.is_empty() {
            return;
        }
        out.push_str(&format!("{heading}\n"));
        lines.iter().take(most).for_each(|line| out.push_str(&format!("  {line}\n")));
        if lines.len() > most {
            let more = lines.len() - most;
            out.push_str(&format!("  … {more} more, all with `usersyncd ctl --json relink {name}`\n"));
        }
    };
    section(
        format!("by the ids that the target keeps, linked at once: {}", counted(&answer.by_id)),
        answer.by_id.iter().map(linked).collect(),
        SHOWN,
    );
    let left: Vec<Relinked> = answer.by_id.iter().filter(|link| !link.in_scope).cloned().collect();
    // Never cut: they are the ones who lose something.
    section(
        format!(
            "of them out of scope, which the next sync treats as left, within the limits: {}",
            counted(&left)
        ),
        left.iter().map(linked).collect(),
        usize::MAX,
    );
    section(
        format!("by name only, held by the next sync for your approval: {}", counted(&answer.by_name)),
        answer.by_name.iter().map(linked).collect(),
        SHOWN,
    );
    let alone = answer.left_alone.iter();
    let alone = alone.map(|one| format!("{} {}: {}", kind(one.kind), escape(&one.name), escape(&one.reason)));
    let findings = answer.findings.iter().map(|finding| escape(&finding.message).into_owned());
    let alone: Vec<String> = alone.chain(findings).collect();
    section(format!("left alone: {}", alone.len()), alone, SHOWN);
    out.push_str(&match (answer.done, is_empty(answer)) {
        (false, true) => format!("nothing in the target can be linked for {name}\n"),
        (false, false) => format!("nothing was changed; `usersyncd ctl relink {name} --yes` does it\n"),
        (true, _) => format!("done; look at `usersyncd ctl plan {name}` before the next sync\n"),
    });
    out
}

fn is_empty(answer: &RelinkAnswer) -> bool {
    answer.by_id.is_empty() && answer.by_name.is_empty()
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
    }
}

/// `3 users and 1 group`.
fn counted(links: &[Relinked]) -> String {
    let kinds = [ObjectKind::User, ObjectKind::Group];
    let counts = kinds.map(|one| (one, links.iter().filter(|link| link.kind == one).count() as u64));
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(one, count)| plural(*count, kind(*one)))
        .collect();
    listed(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::LeftAlone;
    use crate::sync::model::{Binding, Finding, FindingKind, SourceAddress};

    fn link(kind: ObjectKind, name: &str, source: &str) -> Relinked {
        let (name, target, source) = (name.into(), "t1".into(), source.into());
        Relinked { kind, name, target, source, in_scope: true }
    }

    #[test]
    fn a_relink_is_shown_before_it_is_done() {
        let source = SourceAddress { id: None, origin: "https://acme.okta.com".to_owned() };
        let leaver = link(ObjectKind::User, "left@example.com", "00u2");
        let mut answer = RelinkAnswer {
            format_version: 1,
            binding: Binding { source, target: "crowd".to_owned() },
            by_id: vec![
                link(ObjectKind::User, "anna@example.com", "00u1"),
                Relinked { in_scope: false, ..leaver },
                link(ObjectKind::Group, "staff", "00g1"),
            ],
            by_name: vec![link(ObjectKind::Group, "jira-users", "00g2")],
            left_alone: vec![LeftAlone {
                kind: ObjectKind::User,
                name: "old@example.com".into(),
                reason: "it carries the id 00u9, which the source does not know".to_owned(),
            }],
            findings: vec![Finding::new(FindingKind::NotManaged, "bob", "user bob (00u3) was not created")],
            done: false,
        };
        insta::assert_snapshot!(render("acme", &answer), @r"
        by the ids that the target keeps, linked at once: 2 users and 1 group
          user anna@example.com  00u1
          user left@example.com  00u2
          group staff  00g1
        of them out of scope, which the next sync treats as left, within the limits: 1 user
          user left@example.com  00u2
        by name only, held by the next sync for your approval: 1 group
          group jira-users  00g2
        left alone: 2
          user old@example.com: it carries the id 00u9, which the source does not know
          user bob (00u3) was not created
        nothing was changed; `usersyncd ctl relink acme --yes` does it
        ");
        answer.done = true;
        assert!(
            render("acme", &answer)
                .ends_with("\ndone; look at `usersyncd ctl plan acme` before the next sync\n")
        );
        answer.by_id = vec![link(ObjectKind::User, "anna@example.com", "00u1"); 21];
        assert!(
            render("acme", &answer).contains("  … 1 more, all with `usersyncd ctl --json relink acme`\n")
        );
        let nothing = RelinkAnswer { by_id: Vec::new(), by_name: Vec::new(), done: false, ..answer };
        assert!(render("acme", &nothing).ends_with("nothing in the target can be linked for acme\n"));
    }
}
