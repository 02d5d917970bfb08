//! `ctl plan`: what a sync would do.

use chrono::{DateTime, Utc};

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow};
use super::progress::Board;
use super::report::{Extent, push_findings, push_holds, push_not_proven};
use super::text::{self, Style, moment, plural};
use crate::control::api::{PlanDocument, PlannedOperation};
use crate::telemetry::escape::escape;

/// Operations of one kind of object, findings and users in grace shown, unless all are asked for.
const MOST_OPERATIONS: usize = 20;
/// Details of one operation shown, unless all are asked for.
const MOST_DETAILS: usize = 6;

/// Asks for a plan, waits for it and prints it.
pub(super) async fn run(ctl: &Ctl, name: &str, detailed: bool) -> Result<Exit, Failure> {
    let place = Board::new(&ctl.output).place(name);
    let events = ctl.client.stream::<()>(&["v1", "connectors", name, "plan"], None).await;
    let events = ctl.known(name, events).await?;
    // Nothing is to be detached from: Ctrl-C simply ends this command.
    match follow(events, place, std::future::pending()).await? {
        Ended::Plan(plan, _) => {
            let (style, now) = (ctl.output.style, ctl.output.clock.now());
            ctl.output.show(&plan, |plan| render(plan, detailed, style, now))?;
            Ok(exit(&plan))
        }
        Ended::Refused(kind, message) => Err(ctl.refused(name, kind, message).await),
        Ended::Report(_) | Ended::Detached(_) | Ended::Undo(_) => {
            Err(Failure::new(Exit::Failed, "the daemon answered with something else than a plan"))
        }
    }
}

/// RULES 25.
fn exit(plan: &PlanDocument) -> Exit {
    if !plan.holds.is_empty() {
        Exit::Held
    } else if !plan.operations.is_empty() {
        Exit::ChangesPending
    } else {
        Exit::Done
    }
}

/// The kinds of object by which operations are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Users,
    Groups,
    Memberships,
}

impl Section {
    const ALL: [(Section, &'static str); 3] =
        [(Self::Users, "Users"), (Self::Groups, "Groups"), (Self::Memberships, "Memberships")];

    fn of(operation: &PlannedOperation) -> Self {
        let kind = kind(operation);
        if kind.ends_with("members") {
            Self::Memberships
        } else if kind.ends_with("group") {
            Self::Groups
        } else {
            Self::Users
        }
    }
}

/// The operation's kind, for instance `create_user`.
fn kind(operation: &PlannedOperation) -> &str {
    operation.operation.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// `+` for what comes, `-` for what goes, `=` for what is taken over, `~` for what changes.
fn sign(operation: &PlannedOperation, style: Style) -> String {
    match kind(operation).split('_').next().unwrap_or_default() {
        "create" => style.green("+"),
        "adopt" => style.yellow("="),
        "disable" | "delete" | "empty" | "anonymize" => style.red("-"),
        _ => style.yellow("~"),
    }
}

fn render(plan: &PlanDocument, detailed: bool, style: Style, now: DateTime<Utc>) -> String {
    let mut out = format!(
        "{} plan, made {}; nothing was written\n\n",
        style.bold(&escape(&plan.connector)),
        moment(plan.made, now)
    );
    out.push_str(&text::counts(&plan.counts));
    let again = format!("usersyncd ctl plan {} --detailed", escape(&plan.connector));
    let most = if detailed { usize::MAX } else { MOST_OPERATIONS };
    out.push_str(&text::beside_counts(&plan.filtered, plan.in_grace));
    out.push_str(&text::waiting(&plan.waiting, most, &again, now));
    if plan.adopted > 0 {
        let adopted = text::adopted(plan.adopted, false);
        out.push_str(
            &style.yellow(&format!("a sync would take over {adopted} in the target and not managed\n")),
        );
    }
    for (section, title) in Section::ALL {
        let operations: Vec<_> =
            plan.operations.iter().filter(|operation| Section::of(operation) == section).collect();
        if operations.is_empty() {
            continue;
        }
        let count = plural(operations.len() as u64, "operation");
        out.push_str(&format!("\n{}\n", style.bold(&format!("{title}: {count}"))));
        for operation in operations.iter().take(most) {
            push_operation(&mut out, operation, detailed, style);
        }
        if operations.len() > most {
            out.push_str(&format!("  … {} more, all with `{again}`\n", operations.len() - most));
        }
    }
    if plan.operations.is_empty() && plan.holds.is_empty() {
        out.push_str(if plan.in_grace == 0 {
            "\nNothing to do: the target is as it should be.\n"
        } else {
            "\nNothing to do now; those in grace are looked at again when it is over.\n"
        });
    }
    let extent = if detailed { Extent::Whole } else { Extent::Summary };
    push_holds(&mut out, &plan.holds, extent, style);
    push_not_proven(&mut out, &plan.not_proven, style);
    push_findings(&mut out, &plan.findings, most, &again, style);
    out
}

/// One operation with its details, all of them if asked for.
pub(super) fn push_operation(out: &mut String, operation: &PlannedOperation, detailed: bool, style: Style) {
    let why = if operation.why.is_empty() { String::new() } else { format!(" ({})", escape(&operation.why)) };
    out.push_str(&format!("  {} {}{why}\n", sign(operation, style), escape(&operation.summary)));
    let most = match kind(operation).split('_').next() {
        _ if detailed => usize::MAX,
        // All attributes of something new are new: its name says enough.
        Some("create") => 0,
        _ => MOST_DETAILS,
    };
    for detail in operation.details.iter().take(most) {
        let detail = escape(detail);
        let detail = match detail.chars().next() {
            Some('+') => style.green(&detail),
            Some('-') => style.red(&detail),
            _ => detail.into_owned(),
        };
        out.push_str(&format!("      {detail}\n"));
    }
    if most > 0 && operation.details.len() > most {
        out.push_str(&format!("      … {} more\n", operation.details.len() - most));
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
