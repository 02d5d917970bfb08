//! Whether a connector asks its target for what the target can do: what it cannot is said at once, with the nearest thing
//! that works.

use super::check::Checker;
use super::connector::text;
use super::mask::quoted;
use super::model::TargetSettings;
use super::text::{Complaint, Region};
use super::tree::{Node, Value};
use super::values::{alternatives, closest};
use crate::sync::rules::{Globs, LeaverGroups, LeaverMemberships, LeaverUsers, OnExisting, Rules};
use crate::target::{Capabilities, Further, capabilities_of};

/// Complains about what does not fit, and puts the nearest thing in the place of defaults that do not.
pub(super) fn fit(checker: &mut Checker, root: &Node, target: &TargetSettings, rules: &mut Rules) {
    let mut fitting = Fitting { checker, root, can: capabilities_of(target) };
    fitting.leavers(rules);
    fitting.groups(rules);
    fitting.attributes(rules);
    fitting.renames(rules);
    fitting.adoptions(rules);
}

struct Fitting<'a> {
    checker: &'a mut Checker,
    root: &'a Node,
    can: Capabilities,
}

impl Fitting<'_> {
    fn region(&self, path: &[&str]) -> Option<Region> {
        self.root.find(path).map(|node| node.region)
    }

    fn error(&mut self, path: &[&str], message: String, advice: &str) {
        if let Some(region) = self.region(path) {
            self.checker.error(region, Complaint::new(message).advise(advice));
        }
    }

    fn warning(&mut self, path: &[&str], message: String, advice: &str) {
        if let Some(region) = self.region(path) {
            self.checker.warning(region, Complaint::new(message).advise(advice));
        }
    }

    fn leavers(&mut self, rules: &mut Rules) {
        const WHERE: &[&str] = &["leavers", "users"];
        let product = self.can.product;
        match rules.leavers.users {
            LeaverUsers::Disable if !self.can.disable_users => {
                if text(self.root, WHERE).is_some() {
                    return self.error(
                        WHERE,
                        format!("{product} cannot disable accounts."),
                        "Write `users: keep` and `memberships: remove`: a leaver keeps the account and loses the groups \
                         that are synced; or `users: delete`.",
                    );
                }
                rules.leavers.users = LeaverUsers::Keep;
                if text(self.root, &["leavers", "memberships"]).is_none()
                    && rules.leavers.memberships == LeaverMemberships::Keep
                {
                    rules.leavers.memberships = LeaverMemberships::Remove { except: Globs::default() };
                }
                self.warning(
                    &["target"],
                    format!(
                        "{product} cannot disable accounts, which is what happens to leavers elsewhere: here they keep \
                         the account and lose the groups that are synced."
                    ),
                    "Write `leavers: { users: keep, memberships: remove }` if that is meant, or `users: delete`.",
                );
            }
            LeaverUsers::Delete if !self.can.delete_users => self.error(
                WHERE,
                format!("{product} cannot delete accounts for good."),
                "Write `users: disable`: the account stays and nobody can sign in with it.",
            ),
            LeaverUsers::Anonymize if !self.can.rename_users => self.warning(
                WHERE,
                format!("{product} cannot rename accounts: an anonymized one keeps its username."),
                "Write `users: disable` if that says too much, or delete the account in the product.",
            ),
            _ => {}
        }
    }

    fn groups(&mut self, rules: &Rules) {
        if rules.leavers.groups == LeaverGroups::Delete && !self.can.delete_groups {
            let message = format!("{} cannot delete groups.", self.can.product);
            self.error(&["leavers", "groups"], message, "Write `groups: empty`.");
        }
    }

    fn attributes(&mut self, rules: &Rules) {
        let product = self.can.product;
        if !self.can.holds_given_names {
            for key in ["first_name", "last_name"] {
                let message =
                    format!("{product} keeps no given and family names, so that this has no effect.");
                self.warning(
                    &["mapping", key],
                    message,
                    "Remove it; `display_name` is the name that is shown.",
                );
            }
        }
        let names = match self.can.further_attributes {
            Further::Any => return,
            Further::Named(names) => names,
            Further::Nothing => &[],
        };
        if names.is_empty() {
            if !rules.mapping.attributes.is_empty() {
                let message = format!("{product} keeps no further attributes of users.");
                self.error(&["mapping", "attributes"], message, "Remove `attributes`.");
            }
            return;
        }
        let Some(Value::Mapping(entries)) =
            self.root.find(&["mapping", "attributes"]).map(|node| &node.value)
        else {
            return;
        };
        for entry in entries.iter().filter(|entry| !names.contains(&entry.key.as_str())) {
            let complaint = Complaint::new(format!("{product} has no attribute {}.", quoted(&entry.key)));
            let advice = match closest(&entry.key, names.iter().copied()) {
                Some(name) => format!("Did you mean `{name}`?"),
                None => format!("It has {}.", alternatives(names.iter().copied())),
            };
            self.checker.error(entry.region, complaint.advise(advice));
        }
    }

    /// Usernames that are made of what people change, where the account cannot follow (RULES 9).
    fn renames(&mut self, rules: &Rules) {
        if self.can.rename_users {
            return;
        }
        let product = self.can.product;
        let changing = ["login", "email", "firstName", "lastName", "displayName", "nickName"];
        let changes = |path: &compact_str::CompactString| {
            path == "profile" || path.strip_prefix("profile.").is_some_and(|name| changing.contains(&name))
        };
        if rules.mapping.username.paths().iter().any(changes) {
            let place: &[&str] = if text(self.root, &["mapping", "username"]).is_some() {
                &["mapping", "username"]
            } else {
                &["target"]
            };
            self.warning(
                place,
                format!(
                    "{product} cannot rename accounts: whose username changes in Okta keeps the old one here, with a finding."
                ),
                "Nothing needs to be done. To have no such findings, make `mapping.username` of something that never \
                 changes, such as a personnel number.",
            );
        }
        let message = format!("{product} cannot rename accounts, so that this limit has no effect.");
        self.warning(&["limits", "renames"], message, "Remove it.");
    }

    fn adoptions(&mut self, rules: &Rules) {
        if rules.existing.users == OnExisting::Adopt && !self.can.email_readable {
            let message = format!(
                "{} shows no e-mail addresses, so that nobody can tell whose an existing account is: each one is held until \
                 somebody approves it.",
                self.can.product
            );
            self.warning(
                &["existing", "users"],
                message,
                "Look at the held adoptions: `usersyncd ctl holds`.",
            );
        }
    }
}
