//! `ctl rebind`, `rename` and `release`: what the daemon remembers of what it manages.

use reqwest::Method;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::text::plural;
use crate::control::api::{Done, RebindAnswer, RebindRequest, ReleaseRequest, RenameRequest};
use crate::telemetry::escape::escape;

/// Binds a ledger to the present source and target, or shows what that would mean.
pub(super) async fn rebind(ctl: &Ctl, name: &str, yes: bool) -> Result<Exit, Failure> {
    let path = ["v1", "connectors", name, "rebind"];
    let answer = ctl.client.send(Method::POST, &path, &RebindRequest { confirm: yes }).await;
    let answer: RebindAnswer = ctl.known(name, answer).await?;
    ctl.output.show(&answer, |answer| render(name, answer))?;
    let pending = !answer.done && answer.before.as_ref() != Some(&answer.after);
    Ok(if pending { Exit::ChangesPending } else { Exit::Done })
}

fn render(name: &str, answer: &RebindAnswer) -> String {
    let name = escape(name);
    let mut out =
        format!("{name} manages {} and {}\n", plural(answer.users, "user"), plural(answer.groups, "group"));
    let after = &answer.after;
    match &answer.before {
        Some(before) if before == after => {
            out.push_str(&format!(
                "bound to {} and {} already\n",
                escape(&after.source.to_string()),
                escape(&after.target)
            ));
            return out;
        }
        Some(before) => {
            let (source, target) = (before.source.to_string(), before.target.clone());
            for (what, before, after) in
                [("source", source, after.source.to_string()), ("target", target, after.target.clone())]
            {
                let change =
                    if before == after { "stays".to_owned() } else { format!("-> {}", escape(&after)) };
                out.push_str(&format!("  {what}: {} {change}\n", escape(&before)));
            }
        }
        None => {
            let source = after.source.to_string();
            let (source, target) = (escape(&source), escape(&after.target));
            out.push_str(&format!("  source: {source} (was bound to nothing)\n  target: {target}\n"));
        }
    }
    let forgotten = (
        answer.users - answer.kept_users.min(answer.users),
        answer.groups - answer.kept_groups.min(answer.groups),
    );
    if forgotten != (0, 0) {
        out.push_str(&format!(
            "  forgotten, since the target has no such object under that name and id: {} and {}\n",
            plural(forgotten.0, "user"),
            plural(forgotten.1, "group")
        ));
    }
    if answer.done {
        out.push_str(&format!("done; look at `usersyncd ctl plan {name}` before the next sync\n"));
    } else {
        out.push_str(&format!("nothing was changed; `usersyncd ctl rebind {name} --yes` does it\n"));
    }
    out
}

/// Gives a ledger to a connector of another name.
pub(super) async fn rename(ctl: &Ctl, old: &str, new: &str) -> Result<Exit, Failure> {
    let request = RenameRequest { to: new.to_owned() };
    // The old name may have no file any more, so that a refusal is told in the daemon's own words.
    let done: Done = ctl.client.send(Method::POST, &["v1", "connectors", old, "rename"], &request).await?;
    ctl.done(&done)
}

/// Stops managing a user.
pub(super) async fn release(ctl: &Ctl, name: &str, login: &str) -> Result<Exit, Failure> {
    let request = ReleaseRequest { login: login.to_owned() };
    let answer = ctl.client.send(Method::POST, &["v1", "connectors", name, "release"], &request).await;
    let done: Done = ctl.known(name, answer).await?;
    ctl.done(&done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::model::{Binding, SourceAddress};

    fn binding(source: &str) -> Binding {
        let source = SourceAddress { id: None, origin: source.to_owned() };
        Binding { source, target: "the built-in directory".to_owned() }
    }

    #[test]
    fn a_rebind_is_shown_before_it_is_done() {
        let answer = RebindAnswer {
            format_version: 1,
            before: Some(binding("https://old.okta.com")),
            after: binding("https://new.okta.com"),
            users: 1000,
            groups: 60,
            kept_users: 1000,
            kept_groups: 59,
            done: false,
        };
        insta::assert_snapshot!(render("acme", &answer), @r"
        acme manages 1000 users and 60 groups
          source: https://old.okta.com -> https://new.okta.com
          target: the built-in directory stays
          forgotten, since the target has no such object under that name and id: 0 users and 1 group
        nothing was changed; `usersyncd ctl rebind acme --yes` does it
        ");
        let done = RebindAnswer { done: true, ..answer.clone() };
        assert!(render("acme", &done).contains("\ndone; look at `usersyncd ctl plan acme`"));
        let same = RebindAnswer { before: Some(answer.after.clone()), ..answer };
        assert!(render("acme", &same).contains("already"));
    }
}
