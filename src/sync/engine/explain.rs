//! Everything about one user, asked of both sides, without writing anything.

use compact_str::CompactString;

use super::plan::shown;
use super::propose::{Proposal, Purpose, propose};
use super::read::{Read, read};
use super::{Failure, Services, UserRequest};
use crate::config::model::Connector;
use crate::sync::desire::groups::{judge_group, name_in_target};
use crate::sync::desire::scope::{Belonging, Candidate};
use crate::sync::explain::{
    ExplainedAccount, ExplainedGroup, ExplainedSource, ExplainedTarget, Explanation, GroupFate, UserVerdict,
    Verdict, examine_candidate, name_groups,
};
use crate::sync::guard::{Conditions, guard, limit_uses};
use crate::sync::mapping::UserView;
use crate::sync::model::{
    Absence, Finding, FindingKind, Ledger, LedgerUser, Origin, ScopeRule, SourceGroup, SourceId,
    SourceSnapshot, SourceUser, TargetUser,
};
use crate::sync::plan::{Change, Operation, Plan};
use crate::sync::progress::{Phase, RunControl};
use crate::sync::report::{FORMAT_VERSION, HoldSummary, PlannedOperation};
use crate::sync::rules::Rules;
use crate::target::Capabilities;

/// Explains one user: scope, mapping, groups, what the target holds, what a sync would change. The error is a whole
/// sentence.
pub async fn explain(
    connector: &Connector,
    services: &Services,
    login: &str,
    control: &RunControl,
) -> Result<Explanation, String> {
    let made = explain_user(connector, services, login, control).await;
    control.progress.enter(Phase::Done);
    made.map_err(|failure| failure.message)
}

async fn explain_user(
    connector: &Connector,
    services: &Services,
    login: &str,
    control: &RunControl,
) -> Result<Explanation, Failure> {
    let request = UserRequest { login: login.to_owned(), restore: false };
    let permission = services.store.permission(&connector.name, services.clock.now()).await?;
    let read = read(connector, services, Some(&request), &permission, control).await?;
    let Proposal { ledger, plan, recent, .. } =
        propose(connector, services, control, &read, Purpose::Explain).await?;
    let rules = read.rules.clone();
    let capabilities = services.reader.capabilities();
    let now = services.clock.now();
    let view = View { read: &read, rules: &rules, capabilities: &capabilities, ledger: &ledger };
    let limits = limit_uses(&plan, &rules.limits, &recent);
    let (account, mut note) = view.account(&plan.findings);
    if let Some(grace) = plan.in_grace.first() {
        let until = grace.until.format("%Y-%m-%d %H:%M UTC");
        note.push_str(&format!("; it is left alone until {until} (leavers.grace)"));
    }
    let (not_proven, findings) = (plan.not_proven.clone(), plan.findings.clone());
    let conditions = Conditions {
        limits: &rules.limits,
        recent: &recent,
        permission: &permission,
        shrunken: None,
        waiting: &[],
    };
    let (approved, holds) = guard(plan, &conditions);
    let operations = planned(approved.plan());
    Ok(Explanation {
        format_version: FORMAT_VERSION,
        connector: connector.name.clone(),
        asked: login.to_owned(),
        made: now,
        source: view.source(),
        user: view.user().map(|user| {
            let mut verdict = examine_candidate(&view.candidate(user), &rules, &capabilities, now);
            note_what_okta_finds(&mut verdict, connector);
            name_groups(&mut verdict, &view.own_names(), &rules, &capabilities);
            verdict
        }),
        groups: view.groups(account.as_ref(), &findings),
        target: ExplainedTarget { address: services.reader.address(), account, note },
        apply: connector.apply,
        operations,
        limits,
        holds: holds.into_iter().map(|hold| hold.summary).collect::<Vec<HoldSummary>>(),
        findings,
        not_proven,
    })
}

/// The source's own part of the scope, where the connector has one and it lets the user in.
fn note_what_okta_finds(verdict: &mut UserVerdict, connector: &Connector) {
    let source = &connector.source;
    for (rule, is_set, detail) in [
        (ScopeRule::UsersSearch, source.users_search.is_some(), "the search finds it"),
        (ScopeRule::App, source.app.is_some(), "it is assigned to the application"),
    ] {
        let step = verdict.scope.iter_mut().find(|step| step.rule == rule.as_str() && is_set);
        if let Some(step) = step.filter(|step| step.verdict == Verdict::NotSet) {
            (step.verdict, step.detail) = (Verdict::In, detail.to_owned());
        }
    }
}

fn planned(plan: &Plan) -> Vec<PlannedOperation> {
    let changes = |operation: &&Operation| {
        // A group that would be made for others too is not about this user.
        !matches!(operation.change, Change::UpdateGroup { .. })
    };
    plan.operations.iter().filter(changes).map(|operation| shown(operation, plan, None)).collect()
}

/// One user on both sides.
struct View<'a> {
    read: &'a Read,
    rules: &'a Rules,
    capabilities: &'a Capabilities,
    ledger: &'a Ledger,
}

impl<'a> View<'a> {
    fn snapshot(&self) -> &'a SourceSnapshot {
        &self.read.source
    }

    fn user(&self) -> Option<&'a SourceUser> {
        self.snapshot().users.first()
    }

    fn id(&self) -> Option<&'a SourceId> {
        self.read.focus.as_ref()
    }

    fn left_out_by(&self, id: &SourceId) -> Option<ScopeRule> {
        match self.snapshot().absences.get(id) {
            Some(Absence::OutOfScope(rule)) => Some(*rule),
            _ => None,
        }
    }

    /// The groups that the user is a member of.
    fn own_groups(&self) -> impl Iterator<Item = &'a SourceGroup> {
        let person = self.user().and_then(|user| self.snapshot().people.find(&user.id.0));
        self.snapshot().groups.iter().filter(move |group| {
            group.everyone || group.members.iter().any(|member| Some(member.person) == person)
        })
    }

    /// Their names in the target.
    fn own_names(&self) -> Vec<CompactString> {
        self.own_groups().map(|group| name_in_target(&self.rules.groups, &group.name).0).collect()
    }

    fn knows_all_groups(&self) -> bool {
        self.snapshot().groups_proof.is_proven() && self.snapshot().unreadable.is_empty()
    }

    fn candidate(&self, user: &'a SourceUser) -> Candidate<'a> {
        let view = UserView { names: &self.snapshot().attribute_names, user };
        let names = self.own_names();
        let key = |name: &str| self.capabilities.name_key(name);
        let required: Vec<_> = self.rules.scope.required_groups.iter().map(|name| key(name)).collect();
        let belongs = |is_meant: &dyn Fn(&str) -> bool| match Belonging::by_names(Some(&names), is_meant) {
            Belonging::No if !self.knows_all_groups() => Belonging::Unknown,
            belonging => belonging,
        };
        let except = self.rules.inactive.as_ref().map(|inactive| &inactive.except_groups);
        Candidate {
            view,
            login: view.login(),
            left_out_by: self.left_out_by(&user.id),
            unanswered: match self.snapshot().absences.get(&user.id) {
                Some(Absence::Unknown(reason)) => Some(reason),
                _ => None,
            },
            required: belongs(&|name| required.contains(&key(name))),
            exempt: belongs(&|name| except.is_some_and(|globs| globs.matches(name))),
        }
    }

    fn source(&self) -> ExplainedSource {
        let Some(user) = self.user() else {
            let id = self.id();
            let known = id.map_or_else(String::new, |id| format!(" ({id})"));
            let note = match id.and_then(|id| self.snapshot().absences.get(id)) {
                Some(Absence::Unknown(reason)) => {
                    format!("whether Okta has the user{known} is not known: {reason}")
                }
                _ => format!(
                    "Okta answers that it does not have the user{known}, or does not show it to this token"
                ),
            };
            return ExplainedSource { found: false, id: id.cloned(), login: None, status: None, note };
        };
        let login = UserView { names: &self.snapshot().attribute_names, user }.login();
        let note = format!("Okta has {login} ({}) with the status {}", user.id, user.status.as_str());
        ExplainedSource {
            found: true,
            id: Some(user.id.clone()),
            login: Some(login),
            status: Some(user.status),
            note,
        }
    }

    fn groups(&self, account: Option<&ExplainedAccount>, findings: &[Finding]) -> Vec<ExplainedGroup> {
        let key = |name: &str| self.capabilities.name_key(name);
        let member_now = |name: &str| {
            account.is_some_and(|account| account.groups.iter().any(|group| key(group) == key(name)))
        };
        let mut groups: Vec<ExplainedGroup> = self
            .own_groups()
            .map(|group| {
                let verdict = judge_group(&self.rules.groups, &group.name);
                let linked = self.ledger.groups.get(&group.id).map(|known| known.name.clone());
                let (mut fate, mut rule) = self.fate(group, &verdict.name, verdict.dropped_by);
                if fate == GroupFate::Synced {
                    let why = left_alone(findings, &verdict.name, linked.as_deref());
                    (fate, rule) = why.unwrap_or((fate, rule));
                }
                ExplainedGroup {
                    source: Some(group.id.clone()),
                    source_name: group.name.clone(),
                    member_now: member_now(&verdict.name) || linked.is_some_and(|name| member_now(&name)),
                    name: verdict.name,
                    renamed_by: verdict.renamed_by.map(|at| format!("groups.rename[{at}]")),
                    rename_match: verdict
                        .renamed_by
                        .and_then(|at| self.rules.groups.rename.get(at))
                        .map(|rule| rule.pattern().to_owned()),
                    fate,
                    rule,
                }
            })
            .collect();
        groups.extend(self.rules.groups.always.iter().map(|name| {
            let protected = self.rules.protected.groups.matches(name);
            ExplainedGroup {
                source: None,
                source_name: name.clone(),
                name: name.clone(),
                renamed_by: None,
                rename_match: None,
                fate: if protected { GroupFate::Protected } else { GroupFate::Always },
                rule: Some(if protected { "protected.groups" } else { "groups.always" }.to_owned()),
                member_now: member_now(name),
            }
        }));
        groups.sort_by(|one, other| (&one.name, &one.source).cmp(&(&other.name, &other.source)));
        groups
    }

    fn fate(
        &self,
        group: &SourceGroup,
        name: &str,
        dropped_by: Option<ScopeRule>,
    ) -> (GroupFate, Option<String>) {
        let rule = |rule: ScopeRule| Some(rule.as_str().to_owned());
        if let Some(dropped_by) = self.left_out_by(&group.id).or(dropped_by) {
            return (GroupFate::Dropped, rule(dropped_by));
        }
        if self.capabilities.name_problem(name).is_some() {
            return (GroupFate::LeftAlone, None);
        }
        if self.rules.protected.groups.matches(name) {
            return (GroupFate::Protected, Some("protected.groups".to_owned()));
        }
        (GroupFate::Synced, None)
    }

    /// The account in the target, and what it is to the connector in a sentence.
    fn account(&self, findings: &[Finding]) -> (Option<ExplainedAccount>, String) {
        let ledger = self.id().and_then(|id| self.ledger.users.get(id));
        let target = &self.read.target;
        let managed = ledger.and_then(|ledger| target.users.iter().find(|user| user.id == ledger.target));
        let found = managed.or_else(|| {
            // Not managed for it, but of the name that it would get.
            let wanted = self.user().and_then(|user| {
                let view = UserView { names: &self.snapshot().attribute_names, user };
                self.rules.mapping.map(view).ok()
            })?;
            let key = self.capabilities.name_key(&wanted.username);
            let bears = |user: &&TargetUser| self.capabilities.name_key(&user.attributes.username) == key;
            target.users.iter().find(bears)
        });
        let note = note(ledger, found, managed.is_some(), findings);
        let account = found.map(|user| self.explained(user, managed.is_some()));
        (account, note)
    }

    fn explained(&self, user: &TargetUser, managed: bool) -> ExplainedAccount {
        let target = &self.read.target;
        let at = target.users.iter().position(|other| other.id == user.id);
        let at = at.and_then(|at| u32::try_from(at).ok());
        let is_member = |members: &[u32]| at.is_some_and(|at| members.contains(&at));
        let mut groups: Vec<CompactString> = target
            .groups
            .iter()
            .filter(|group| is_member(&group.members))
            .map(|group| group.attributes.name.clone())
            .collect();
        groups.sort();
        ExplainedAccount {
            id: user.id.clone(),
            attributes: user.attributes.clone(),
            active: user.active,
            managed,
            groups,
        }
    }
}

/// What planning found that keeps a group from being synced, if anything.
fn left_alone(findings: &[Finding], name: &str, linked: Option<&str>) -> Option<(GroupFate, Option<String>)> {
    let is_about = |finding: &&Finding| {
        finding.subject == name || linked.is_some_and(|linked| finding.subject == linked)
    };
    findings.iter().filter(is_about).find_map(|finding| {
        let fate = match finding.kind {
            FindingKind::Protected => GroupFate::Protected,
            FindingKind::NotManaged | FindingKind::ClaimedElsewhere | FindingKind::DeletedByOthers => {
                GroupFate::LeftAlone
            }
            // A group that cannot get a new name is synced under its old one.
            FindingKind::NameCollision if linked.is_none() => GroupFate::LeftAlone,
            _ => return None,
        };
        Some((fate, Some(finding.kind.as_str().to_owned())))
    })
}

fn note(
    ledger: Option<&LedgerUser>,
    found: Option<&TargetUser>,
    managed: bool,
    findings: &[Finding],
) -> String {
    let Some(ledger) = ledger else {
        return match found {
            None => "the target has no account for it".to_owned(),
            Some(user) => {
                let name = &user.attributes.username;
                let why = findings.iter().find(|finding| finding.subject == *name);
                let why = why.map_or_else(String::new, |finding| format!(": {}", finding.message));
                format!("the account {name} exists and is not managed for this user{why}")
            }
        };
    };
    if !managed {
        return format!("the account {} was managed, and the target no longer has it", ledger.username);
    }
    let origin = match ledger.origin {
        Origin::Created => "created",
        Origin::Adopted => "adopted",
    };
    let mut note = format!("the account is managed; this connector {origin} it");
    match (found.is_some_and(|user| user.active), ledger.disabled_by_us) {
        (false, true) => note.push_str(", and disabled it"),
        (false, false) => note.push_str("; somebody else disabled it"),
        (true, _) => {}
    }
    if let Some(since) = ledger.left_since {
        note.push_str(&format!("; it counts as left since {}", since.format("%Y-%m-%d %H:%M UTC")));
    }
    if ledger.original.is_some() {
        note.push_str("; it was anonymized");
    }
    note
}
