//! Reading one user, by whatever name it is known, and what proves that it is in a required group or in none.

use std::collections::BTreeSet;
use std::sync::Arc;

use compact_str::CompactString;

use super::propose::check_binding;
use super::read::{Everybody, required_group_failure};
use super::{Failure, UserRequest};
use crate::source::{GroupFilter, Questions, ReadRequest};
use crate::sync::desire::groups::name_in_target;
use crate::sync::desire::required_group_problem;
use crate::sync::model::{
    Absence, Binding, Ledger, Proof, SourceGroup, SourceId, SourceSnapshot, TargetId, TargetSnapshot,
};
use crate::target::Capabilities;

impl Everybody<'_> {
    /// Reads one user and its groups, by whatever name it is known.
    pub(super) async fn read_one(
        &self,
        user: &UserRequest,
        ledger: &Ledger,
    ) -> Result<(SourceSnapshot, SourceId), Failure> {
        let Self { connector, services, request, control, .. } = *self;
        let asked = user.login.trim();
        let known = known_as(ledger, asked, services.reader.capabilities());
        // Okta takes the part before the @ for a login too; what the ledger knows under that name is meant then.
        let by_ledger_first = known.is_some() && !asked.contains('@');
        let mut source = None;
        if !by_ledger_first {
            let read = services.source.read_user(asked, request, control).await?;
            source = Some(read).filter(|read| !read.users.is_empty());
        }
        let source = match (source, known) {
            (Some(source), _) => source,
            (None, Some(id)) => services.source.read_user(&id.0, request, control).await?,
            (None, None) => return Err(Failure::new(unknown_user(&connector.name, asked))),
        };
        let found = source.users.first().map(|user| user.id.clone());
        let Some(focus) = found.or_else(|| known.cloned()) else {
            return Err(Failure::new(unknown_user(&connector.name, asked)));
        };
        let mut source = source;
        if source.users.is_empty() && !source.unreadable.contains(&focus) {
            let unread = Absence::Unknown("Okta's answer could not be read".to_owned());
            source.absences.entry(focus.clone()).or_insert(unread);
        }
        // What is not known of others does not matter here.
        source.users_proof = Proof::Proven;
        let binding = Binding { source: source.address.clone(), target: services.reader.address() };
        check_binding(&connector.name, ledger, &binding)?;
        self.prove_required_groups(&source).await?;
        Ok((source, focus))
    }

    /// RULES 11 for one user: that it is in no required group counts only if those groups exist and do not have it.
    async fn prove_required_groups(&self, source: &SourceSnapshot) -> Result<(), Failure> {
        let Self { connector, services, rules, request, control, .. } = *self;
        let capabilities = services.reader.capabilities();
        let Some(user) = source.users.first() else { return Ok(()) };
        let required: BTreeSet<CompactString> =
            rules.scope.required_groups.iter().map(|name| capabilities.name_key(name)).collect();
        let group_rules = rules.groups.clone();
        let is_required = move |name: &str| {
            required.contains(&capabilities.name_key(&name_in_target(&group_rules, name).0))
        };
        let has_it = |groups: &SourceSnapshot| {
            let person = groups.people.find(&user.id.0);
            let in_scope = |group: &&SourceGroup| !groups.absences.contains_key(&group.id);
            groups.groups.iter().filter(in_scope).filter(|group| is_required(&group.name)).any(|group| {
                group.everyone || group.members.iter().any(|member| Some(member.person) == person)
            })
        };
        if rules.scope.required_groups.is_empty() || has_it(source) {
            return Ok(());
        }
        let wants_members = GroupFilter(Arc::new(is_required.clone()));
        let request = ReadRequest { wants_members, ..request.clone() };
        let groups = services.source.read_groups(&request, control).await?;
        let problem = required_group_problem(&groups, rules, &capabilities).or_else(|| {
            has_it(&groups).then(|| {
                format!("Okta's lists contradict each other about whether {} is in a required group", user.id)
            })
        });
        problem.map_or(Ok(()), |problem| Err(required_group_failure(&connector.name, &problem)))
    }
}

/// RULES 18 for one user: no groups at all prove nothing while the target has it in groups that are managed. So these are
/// asked for, with their members.
pub(super) fn groups_to_ask_for(
    source: &SourceSnapshot,
    focus: &SourceId,
    target: &TargetSnapshot,
    ledger: &Ledger,
) -> Questions {
    let mut questions = Questions::default();
    let user = ledger.users.get(focus).filter(|_| source.groups.is_empty() && !source.users.is_empty());
    let at = user.and_then(|user| target.users.iter().position(|known| known.id == user.target));
    let Some(at) = at.and_then(|at| u32::try_from(at).ok()) else { return questions };
    let has_it = target.groups.iter().filter(|group| group.members.contains(&at));
    let has_it: BTreeSet<&TargetId> = has_it.map(|group| &group.id).collect();
    let known = ledger.groups.iter().filter(|(_, group)| has_it.contains(&group.target));
    questions.groups.extend(known.map(|(source, _)| source.clone()));
    questions
}

/// The managed user of that name in the target, now or before it was anonymized, or of that id at the source.
pub(super) fn known_as<'a>(
    ledger: &'a Ledger,
    asked: &str,
    capabilities: Capabilities,
) -> Option<&'a SourceId> {
    let key = capabilities.name_key(asked);
    let by_id = ledger.users.get_key_value(asked).map(|(source, _)| source);
    by_id.or_else(|| {
        let bears = |name: &str| capabilities.name_key(name) == key;
        let found = ledger.users.iter().find(|(_, user)| {
            bears(&user.username) || user.original.as_ref().is_some_and(|original| bears(&original.username))
        });
        found.map(|(source, _)| source)
    })
}

fn unknown_user(connector: &str, asked: &str) -> String {
    format!(
        "Okta shows no user {asked} to this token, and {connector} manages nobody of that name. Nothing was changed. \
         Look at the spelling: the login in Okta or the name in the target is meant"
    )
}
