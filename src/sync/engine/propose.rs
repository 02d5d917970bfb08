//! From what was read to a plan, before any limit.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use compact_str::CompactString;

use super::read::Read;
use super::{Failure, Services};
use crate::config::model::Connector;
use crate::sync::desire::Desired;
use crate::sync::diff::{Claims, Evidence, Focus, Input, diff};
use crate::sync::doubt::note_unproven_lists;
use crate::sync::guard::Recent;
use crate::sync::link::{Found, find_unanswered};
use crate::sync::model::{Binding, FindingKind, Ledger, TargetId, TargetSnapshot};
use crate::sync::plan::Plan;
use crate::sync::progress::{Phase, RunControl};
use crate::sync::report::Report;
use crate::sync::rules::Rules;
use crate::target::Capabilities;

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be applied.
    Sync,
    /// To be shown, and perhaps kept.
    Show,
    /// To take back one account (RULES 8).
    Restore,
    /// To explain one user.
    Explain,
}

/// A plan that no guard has seen, with what it was made of.
pub(super) struct Proposal {
    pub(super) ledger: Ledger,
    pub(super) binding: Binding,
    pub(super) plan: Plan,
    pub(super) recent: Recent,
    pub(super) found: Found,
}

pub(super) async fn propose(
    connector: &Connector,
    services: &Services,
    control: &RunControl,
    read: &Read,
    purpose: Purpose,
) -> Result<Proposal, Failure> {
    control.progress.enter(Phase::Planning);
    let Read { source, target, focus, desired, .. } = read;
    // Waiting for the turn changes nothing of what the questions were about.
    let now = read.now;
    let (rules, capabilities) = (read.rules.clone(), services.reader.capabilities());
    let mut ledger = services.store.ledger(&connector.name).await?;
    let bound_now = Binding { source: source.address.clone(), target: services.reader.address() };
    let binding = check_binding(&connector.name, &ledger, &bound_now)?;
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let found = find_unanswered(&mut ledger, target, &claims, capabilities);
    let memory = services.store.memory(&connector.name).await?;
    // Until a run about everybody has succeeded.
    let first_run = ledger.users.is_empty() || memory.last_success.is_none();
    if focus.is_none() && first_run {
        check_for_lost_state(&connector.name, &rules, capabilities, desired, target, &ledger, &claims)?;
    }
    let contested = contested_names(memory.last_report.as_ref(), capabilities);
    let input = Input {
        desired,
        target,
        ledger: &ledger,
        claims: &claims,
        rules: &rules,
        capabilities,
        evidence: Evidence::of(source),
        now,
        first_run,
        focus: focus.as_ref().map(|user| Focus {
            user,
            restore: purpose == Purpose::Restore,
            contested: &contested,
            explain: purpose == Purpose::Explain,
        }),
    };
    let mut plan = diff(&input);
    plan.ledger_changes.splice(0..0, found.changes.clone());
    if focus.is_none() {
        note_unproven_lists(&mut plan, source);
    }
    let mut recent = services.store.recent(&connector.name, now - TimeDelta::hours(24)).await?;
    for (kind, group, count) in &found.happened {
        recent.add(*kind, group.as_ref(), *count, 0);
    }
    Ok(Proposal { ledger, binding, plan, recent, found })
}

/// Names that several users wanted in the last run about everybody (RULES 5).
fn contested_names(last: Option<&Report>, capabilities: Capabilities) -> BTreeSet<CompactString> {
    let findings = last.map(|report| report.findings.as_slice()).unwrap_or_default();
    let collisions = findings.iter().filter(|finding| finding.kind == FindingKind::NameCollision);
    collisions.map(|finding| capabilities.name_key(&finding.subject)).collect()
}

/// RULES 1: a ledger belongs to one source org and one target address. Returns what it is bound to from now on.
pub(super) fn check_binding(connector: &str, ledger: &Ledger, now: &Binding) -> Result<Binding, Failure> {
    let Some(before) = &ledger.binding else { return Ok(now.clone()) };
    let (what, was, is) = if !before.source.is_same_as(&now.source) {
        ("source org", before.source.to_string(), now.source.to_string())
    } else if before.target != now.target {
        ("target", before.target.clone(), now.target.clone())
    } else {
        return Ok(Binding { source: before.source.with_id_of(&now.source), target: now.target.clone() });
    };
    Err(Failure::new(format!(
        "what {connector} manages belongs to the {what} {was}, and its file now leads to {is}. Nothing was planned \
         or changed. If the file is wrong, correct it; if the {what} really is another one now, run \
         `usersyncd ctl rebind {connector}`"
    )))
}

/// RULES 4: an empty ledger beside a target full of the very names we would create means that the state was lost. A ledger
/// counts as empty until a run about everybody has succeeded. Who asks for adoption says whose the accounts are, and so does
/// a relink.
fn check_for_lost_state(
    name: &str,
    rules: &Rules,
    capabilities: Capabilities,
    desired: &Desired,
    target: &TargetSnapshot,
    ledger: &Ledger,
    claims: &Claims,
) -> Result<(), Failure> {
    if rules.existing.users.takes_over() {
        return Ok(());
    }
    let wanted: BTreeSet<CompactString> =
        desired.users.iter().map(|user| capabilities.name_key(&user.attributes.username)).collect();
    let managed: BTreeSet<&TargetId> = ledger.users.values().map(|user| &user.target).collect();
    let matching = target
        .users
        .iter()
        .filter(|user| !claims.users.contains_key(&user.id) && !managed.contains(&user.id))
        .filter(|user| wanted.contains(&capabilities.name_key(&user.attributes.username)))
        .count() as u64;
    if matching <= rules.limits.floor {
        return Ok(());
    }
    Err(Failure::new(format!(
        "state lost? {name} manages nothing so far, yet the target already has {matching} users of the names that it would \
         create. Nothing was changed. If the state directory was lost or exchanged, restore state.db from a backup, \
         or rebuild it: `usersyncd ctl relink {name}` shows what can be linked again. If these accounts belong to somebody \
         else, put their names under protected.users, or let `existing: {{ users: adopt }}` take over those with the same \
         e-mail address"
    )))
}
