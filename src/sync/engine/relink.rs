//! What rebuilding a lost ledger would mean (RULES 4).

use super::propose::check_binding;
use super::read::{Read, read, read_request};
use super::{Failure, Services};
use crate::config::model::Connector;
use crate::source::Questions;
use crate::source::cache::CachedLists;
use crate::sync::desire::{Desired, desire};
use crate::sync::diff::{Claims, Evidence, Input, diff};
use crate::sync::digest::Permission;
use crate::sync::model::{Binding, Finding, FindingKind, Ledger, SourceSnapshot, TargetSnapshot};
use crate::sync::plan::{Operation, Standing};
use crate::sync::progress::RunControl;
use crate::sync::relink::{self, ById, ObjectKind, Relinked, by_id, strangers};
use crate::sync::rules::{Existing, OnExisting, Protected};

/// What a relink would do (RULES 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relinking {
    /// What the ledger belongs to from then on.
    pub binding: Binding,
    /// What the ids that the target keeps say: it is linked.
    pub by_id: ById,
    /// What can be linked by its name only: the next sync holds it for somebody to approve.
    pub by_name: Vec<Relinked>,
    /// What bears the name of a record in scope, and cannot be linked.
    pub findings: Vec<Finding>,
    /// The ledger that all of this is about.
    pub before: Ledger,
}

/// So many ids that only the target knows are asked for, of users and of groups.
const ASK_AT_MOST: usize = 10_000;

/// What rebuilding the connector's ledger would mean, asked of both sides (for `ctl relink`). `shared`: other connectors write
/// to the same target.
pub async fn relinking(
    connector: &Connector,
    shared: bool,
    services: &Services,
    control: &RunControl,
) -> Result<Relinking, String> {
    make(connector, shared, services, control).await.map_err(|failure| failure.message)
}

async fn make(
    connector: &Connector,
    shared: bool,
    services: &Services,
    control: &RunControl,
) -> Result<Relinking, Failure> {
    let mut connector = connector.clone();
    connector.rules.existing = Existing { users: OnExisting::AdoptHeld, groups: OnExisting::AdoptHeld };
    let Read { mut source, target, rules, .. } =
        read(&connector, services, None, &Permission::default(), control).await?;
    let (capabilities, now) = (services.reader.capabilities(), services.clock.now());
    let before = services.store.ledger(&connector.name).await?;
    let bound_now = Binding { source: source.address.clone(), target: services.reader.address() };
    let binding = check_binding(&connector.name, &before, &bound_now)?;
    let mut ledger = before.clone();
    let claims = services.store.claims(&connector.name, &binding.target).await?;
    let side =
        Side { target: &target, ledger: &ledger, claims: &claims, protected: &rules.protected, shared };
    let desired = desire(&source, &rules, &capabilities, now);
    let questions = strangers(&side.facing(&source, &desired), ASK_AT_MOST);
    if questions != Questions::default() {
        let request = read_request((&rules, false), capabilities, &ledger, CachedLists::default());
        services.source.confirm(&mut source, &questions, &request, control).await?;
    }
    let desired = desire(&source, &rules, &capabilities, now);
    let by_id = by_id(&side.facing(&source, &desired));
    by_id.changes.iter().for_each(|change| ledger.change(change));
    let plan = diff(&Input {
        desired: &desired,
        target: &target,
        ledger: &ledger,
        claims: &claims,
        rules: &rules,
        capabilities,
        evidence: Evidence::of(&source),
        now,
        first_run: true,
        focus: None,
    });
    let by_name = plan.operations.iter().filter(|one| one.standing == Standing::ByName);
    let by_name = by_name.filter_map(relinked).collect();
    let is_about_existing =
        |finding: &Finding| matches!(finding.kind, FindingKind::NotManaged | FindingKind::ClaimedElsewhere);
    let findings = plan.findings.into_iter().filter(is_about_existing).collect();
    Ok(Relinking { binding, by_id, by_name, findings, before })
}

/// Everything about the target that a relink depends on.
struct Side<'a> {
    target: &'a TargetSnapshot,
    ledger: &'a Ledger,
    claims: &'a Claims,
    protected: &'a Protected,
    shared: bool,
}

impl<'a> Side<'a> {
    fn facing(&self, source: &'a SourceSnapshot, desired: &'a Desired) -> relink::Input<'a> {
        let Self { target, ledger, claims, protected, shared } = *self;
        relink::Input { source, desired, target, ledger, claims, protected, shared }
    }
}

fn relinked(operation: &Operation) -> Option<Relinked> {
    let kind = if operation.change.is_about_user() { ObjectKind::User } else { ObjectKind::Group };
    Some(Relinked {
        kind,
        name: operation.name.clone(),
        target: operation.target.clone()?,
        source: operation.source.clone(),
        in_scope: true,
    })
}
