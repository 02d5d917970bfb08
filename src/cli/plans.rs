//! `ctl plans` and `ctl apply`: plans that were kept, and exactly them applied.

use chrono::{DateTime, Utc};

use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::known::Known;
use super::listing::Shown;
use super::next::Next;
use super::plan::{add_apply, render};
use super::text::{Style, moment, plural, table};
use super::watch::{Request, ask};
use crate::control::api::{ApplyRequest, KeptPlan, KeptPlanDocument, KeptPlanList};
use crate::sync::report::Counts;
use crate::telemetry::escape::escape;

/// Lists the kept plans.
pub(super) async fn list(ctl: &Ctl) -> Result<Exit, Failure> {
    let list: KeptPlanList = ctl.client.get(&["v1", "plans"], &[]).await?;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    ctl.output.show(&list, |list| render_list(&list.plans, style, now))?;
    Ok(Exit::Done)
}

/// Shows a kept plan as it was shown when it was made.
pub(super) async fn show(ctl: &Ctl, id: &str, detailed: bool) -> Result<Exit, Failure> {
    let document: KeptPlanDocument = ctl.client.get(&["v1", "plans", id], &[]).await?;
    let (style, now) = (ctl.output.style, ctl.output.clock.now());
    ctl.output.show(&document, |document| {
        let again = format!("usersyncd ctl plans {} --detailed", escape(id));
        render_one(document, Shown { detailed, again: &again, style }, now)
    })?;
    Ok(Exit::Done)
}

/// Applies what stands in a kept plan and is still true.
pub(super) async fn apply(ctl: &Ctl, id: &str, wait: bool) -> Result<Exit, Failure> {
    let list: KeptPlanList = ctl.client.get(&["v1", "plans"], &[]).await?;
    let Some(kept) = list.plans.iter().find(|kept| kept.id == id) else {
        return Err(Failure::new(Exit::Failed, unknown(id, &list.plans)));
    };
    ctl.output.say(&format!(
        "{}: applying what is still true of the plan {}, made {}: {} at most",
        escape(&kept.connector),
        escape(id),
        moment(kept.made, ctl.output.clock.now()),
        plural(kept.operations, "operation")
    ));
    let body = ApplyRequest { wait };
    let path = vec!["v1", "plans", id, "apply"];
    let request = Request { planned: Some(kept.operations), ..Request::new(&kept.connector, path, &body) };
    ask(ctl, &request, wait).await
}

fn unknown(id: &str, plans: &[KeptPlan]) -> String {
    let known = if plans.is_empty() {
        ", and no other".to_owned()
    } else {
        let ids: Vec<&str> = plans.iter().map(|kept| kept.id.as_str()).collect();
        format!("; there are: {}", ids.join(", "))
    };
    format!(
        "there is no kept plan \"{id}\"{known}; nothing was applied. Plans are forgotten when their time is over: make a new one \
         with `usersyncd ctl plan NAME --out {id}`"
    )
}

fn render_list(plans: &[KeptPlan], style: Style, now: DateTime<Utc>) -> String {
    if plans.is_empty() {
        return "no plans are kept; `usersyncd ctl plan NAME --out ID` makes one and keeps it\n".to_owned();
    }
    let rows = plans.iter().map(|kept| {
        vec![
            kept.id.clone(),
            kept.connector.clone(),
            moment(kept.made, now),
            moment(kept.expires, now),
            kept.operations.to_string(),
            held(&kept.counts).to_string(),
            kept.uid.to_string(),
        ]
    });
    let header = ["plan", "connector", "made", "kept until", "operations", "held", "by uid"];
    let mut out = table(&header, &[4, 5, 6], rows);
    let mut next = Next::default();
    if let [kept, ..] = plans {
        next.add(&format!("plans {}", kept.id), "show it as it was when it was made");
        add_apply(&mut next, kept);
    }
    next.push(&mut out, style);
    out
}

/// How many users, groups and memberships would be held.
fn held(counts: &Counts) -> u64 {
    counts.users.held + counts.groups.held + counts.memberships.held
}

fn render_one(document: &KeptPlanDocument, shown: Shown<'_>, now: DateTime<Utc>) -> String {
    let kept = &document.kept;
    let mut out = format!(
        "plan {}, kept until {}, made by uid {}; as it was then:\n",
        shown.style.bold(&escape(&kept.id)),
        moment(kept.expires, now),
        kept.uid
    );
    out.push_str(&render(&document.plan, shown, &Known::default(), now));
    let mut next = Next::default();
    add_apply(&mut next, kept);
    next.add(&format!("plan {}", kept.connector), "what a sync would do now");
    next.push(&mut out, shown.style);
    out
}

#[cfg(test)]
#[path = "plans_tests.rs"]
mod tests;
