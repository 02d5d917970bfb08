//! `ctl plan`: what a sync would do.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::follow::{Ended, follow, other_answer};
use super::hold::{add_next, push_aside, push_hold, push_names, push_token_first, sentence};
use super::known::Known;
use super::listing::{self, Shown, push_sections};
use super::next::Next;
use super::progress::Board;
use super::report::{push_findings, push_not_proven};
use super::text::{self, Style, moment, plural};
use crate::control::api::{HoldState, KeptPlan, PlanDocument, PlanRequest, PlannedOperation};
use crate::telemetry::escape::escape;

/// A plan as JSON; whoever reads plans reads one that is kept as well.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    plan: &'a PlanDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'a KeptPlan>,
}

/// Asks for a plan, waits for it and prints it; says under which name it is kept, if it is to be.
pub(super) async fn run(
    ctl: &Ctl,
    name: &str,
    request: &PlanRequest,
    detailed: bool,
) -> Result<Exit, Failure> {
    let place = Board::new(&ctl.output).place(name);
    let events = ctl.client.stream(&["v1", "connectors", name, "plan"], Some(request)).await;
    let events = ctl.known(name, events).await?;
    // Nothing is to be detached from: Ctrl-C simply ends this command.
    let (plan, kept) = match follow(events, place, std::future::pending()).await? {
        Ended::Plan(plan, kept) => (plan, kept),
        Ended::Refused(kind, message) => return Err(ctl.refused(name, kind, message).await),
        Ended::Report(_) | Ended::Detached(_) | Ended::Undo(_) => {
            return Err(other_answer("a plan"));
        }
    };
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    let known = if ctl.output.json { Known::default() } else { Known::of(ctl, name).await };
    let printed = Printed { plan: &plan, kept: kept.as_deref() };
    ctl.output.show(&printed, |_| {
        let again = format!("usersyncd ctl plan {} --detailed", escape(name));
        let mut text = render(&plan, Shown { detailed, again: &again, style }, &known, now);
        text.push_str(&ending(&plan, kept.as_deref(), detailed, (&known, now), style));
        text
    })?;
    match &request.keep {
        Some(id) if kept.is_none() => Err(not_kept(id)),
        _ => Ok(exit(&plan)),
    }
}

/// Whoever asked for a plan to be kept must not believe that it is.
fn not_kept(id: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!(
            "the plan was made, but the daemon did not keep it as {id}: it may be of another version than this command; \
             restart it after an upgrade, and plan again"
        ),
    )
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

/// The plan in text, without what to do with it.
pub(super) fn render(plan: &PlanDocument, shown: Shown<'_>, known: &Known, now: DateTime<Utc>) -> String {
    let (style, most) = (shown.style, shown.most());
    let mut out = format!(
        "{} plan, made {}; nothing was written\n\n",
        style.bold(&escape(&plan.connector)),
        moment(plan.made, now)
    );
    out.push_str(&text::counts(&plan.counts));
    out.push_str(&text::beside_counts(&plan.filtered, plan.in_grace));
    out.push_str(&text::waiting(&plan.waiting, most, shown.again, now));
    push_approved(&mut out, plan, known, now);
    if plan.adopted > 0 {
        let adopted = text::adopted(plan.adopted, false);
        out.push_str(
            &style.yellow(&format!("a sync would take over {adopted} in the target and not managed\n")),
        );
    }
    if let Some(cause) = &plan.cause {
        let one = cause.from_file.saturating_add(cause.from_source) == 1;
        let which = if one { "the one removal, held or not" } else { "removals, held ones included" };
        out.push_str(&style.yellow(&format!("{which}: {}\n", sentence(cause))));
    }
    push_sections(&mut out, &plan.operations, shown);
    if plan.operations.is_empty() && plan.holds.is_empty() {
        out.push_str(if plan.in_grace == 0 {
            "\nNothing to do: the target is as it should be.\n"
        } else {
            "\nNothing to do now; those in grace are looked at again when it is over.\n"
        });
    }
    push_unwanted(&mut out, plan, known);
    push_held(&mut out, plan, shown, known);
    push_not_proven(&mut out, &plan.not_proven, style);
    push_findings(&mut out, &plan.findings, most, shown.again, style);
    out
}

/// Which approvals let changes of this plan through.
fn push_approved(out: &mut String, plan: &PlanDocument, known: &Known, now: DateTime<Utc>) {
    if plan.operations.is_empty() {
        return;
    }
    for hold in known.holds.iter().filter(|hold| hold.state == HoldState::Approved) {
        let Some(approval) = hold.approval.as_ref().filter(|it| it.left > 0 && it.until > now) else {
            continue;
        };
        let (changes, go) = (plural(approval.left, "change"), if approval.left == 1 { "goes" } else { "go" });
        out.push_str(&format!(
            "hold {} is approved (uid {}, until {}): {changes} {go} through by it\n",
            hold.summary.id.unwrap_or_default(),
            approval.uid,
            moment(approval.until, now)
        ));
    }
}

/// Holds that wait for a decision although there is nothing to do.
fn push_unwanted(out: &mut String, plan: &PlanDocument, known: &Known) {
    if !(plan.operations.is_empty() && plan.holds.is_empty() && plan.not_proven.is_empty()) {
        return;
    }
    let can_sync = known.paused().is_none() && known.writes();
    let open = known.holds.iter().filter(|hold| hold.state == HoldState::Open);
    for id in open.filter_map(|hold| hold.summary.id) {
        let how = format!(": usersyncd ctl sync {} --wait", escape(&plan.connector));
        let how = if can_sync { how } else { String::new() };
        out.push_str(&format!("hold {id} is wanted by nothing any more; the next sync ends it{how}\n"));
    }
}

/// What would be held, each hold with its operations.
fn push_held(out: &mut String, plan: &PlanDocument, shown: Shown<'_>, known: &Known) {
    if plan.holds.is_empty() {
        return;
    }
    let title = "Held for a person to look at; a sync would do nothing of this:";
    out.push_str(&format!("\n{}\n", shown.style.bold(title)));
    push_token_first(out, &plan.holds, shown.style);
    for (position, hold) in plan.holds.iter().enumerate() {
        if known.is_aside(hold) && !shown.detailed {
            push_aside(out, hold);
            continue;
        }
        push_hold(out, hold, shown.style);
        let of_this = plan.held.iter().filter(|held| held.hold == position);
        let operations: Vec<&PlannedOperation> = of_this.map(|held| &held.operation).collect();
        if operations.is_empty() {
            push_names(out, hold, shown.detailed);
        }
        listing::push_held(out, &operations, shown);
    }
}

/// Where the plan is kept, and what to type next.
fn ending(
    plan: &PlanDocument,
    kept: Option<&KeptPlan>,
    detailed: bool,
    (known, now): (&Known, DateTime<Utc>),
    style: Style,
) -> String {
    let mut out = String::new();
    let mut next = Next::default();
    let name = &plan.connector;
    let pending = !plan.operations.is_empty() || !plan.holds.is_empty();
    let paused = known.paused();
    if let Some(reason) = paused {
        let reason = reason.map(|reason| format!(" ({})", escape(reason))).unwrap_or_default();
        out.push_str(&style.yellow(&format!("\n{} is paused{reason}\n", escape(name))));
        next.add(&format!("resume {name}"), "let it sync again, once this plan is right");
    }
    if !known.writes() {
        let off = "apply is off in its file: a sync would write nothing";
        out.push_str(&style.yellow(&format!("\n{off}\n")));
    }
    if let Some(kept) = kept {
        let (id, operations) = (escape(&kept.id), plural(kept.operations, "operation"));
        out.push_str(&format!("\nkept as {id} until {}: {operations}\n", moment(kept.expires, now)));
        if known.writes() {
            add_apply(&mut next, kept);
        }
        next.add(&format!("plans {}", kept.id), "show it again");
    }
    if pending && kept.is_none() && known.writes() && paused.is_none() {
        let numbered = plan.holds.iter().all(|hold| hold.id.is_some());
        next.add(
            &format!("sync {name} --wait"),
            if plan.holds.is_empty() {
                "do it"
            } else if numbered {
                "do all but what is held"
            } else {
                "do all but what is held, and give that a number by which it can be approved"
            },
        );
    }
    if pending && kept.is_none() && known.writes() {
        next.add(&format!("plan {name} --out ID"), "keep it, so that exactly this can be applied later");
    }
    if pending && !detailed {
        next.add(&format!("plan {name} --detailed"), "every operation with all its details");
    }
    add_next(&mut next, name, &plan.holds, known);
    next.push(&mut out, style);
    out
}

/// How a kept plan is applied.
pub(super) fn add_apply(next: &mut Next, kept: &KeptPlan) {
    next.add(
        &format!("apply {} --wait", kept.id),
        "do exactly this, as far as it is still true, and nothing that is new",
    );
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(super) mod tests;
