//! From the checked tree of a connector file to [`Rules`], with the checks that concern several keys.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::check::{Checker, MOST_DIAGNOSTICS};
use super::connector::text;
use super::mask::quoted;
use super::text::Complaint;
use super::tree::{Node, Value};
use super::values;
use crate::sync::mapping::{DEFAULTS, Mapping, Template, UserView};
use crate::sync::model::{SourceId, SourceUser, Status};
use crate::sync::rename::Rename;
use crate::sync::rules::{
    Existing, Globs, Grace, GroupRules, Inactive, LeaverGroups, LeaverMemberships, LeaverUsers, Leavers,
    Limit, Limits, OnExisting, Protected, Rules, Scope,
};

/// Fewer days of not signing in than many people are away.
const SHORT_ABSENCE: u32 = 30;

/// Reads the rules. What single values have wrong was complained about; this complains about what does not fit together, and
/// warns about what may surprise.
pub(super) fn build(checker: &mut Checker, root: &Node) -> Rules {
    let protected = Protected {
        users: globs(checker, root, &["protected", "users"]),
        groups: globs(checker, root, &["protected", "groups"]),
    };
    let rules = Rules {
        scope: scope(checker, root),
        mapping: mapping(checker, root),
        groups: groups(checker, root, &protected),
        protected,
        existing: existing(checker, root),
        leavers: leavers(checker, root),
        inactive: inactive(checker, root),
        limits: limits(root),
    };
    warn_of_no_effect(checker, root, &rules);
    rules
}

fn items<'a>(root: &'a Node, path: &[&str]) -> &'a [Node] {
    match root.find(path).map(|node| &node.value) {
        Some(Value::Sequence(items)) => items,
        _ => &[],
    }
}

fn mapping(checker: &mut Checker, root: &Node) -> Mapping {
    let defaults = Mapping::default();
    let template = |key: &str, default: Template| {
        text(root, &["mapping", key]).and_then(|text| values::template(text).ok()).unwrap_or(default)
    };
    let mut attributes = BTreeMap::new();
    if let Some(Value::Mapping(entries)) = root.find(&["mapping", "attributes"]).map(|node| &node.value) {
        let compiled = entries.iter().filter_map(|entry| {
            let template = values::template(entry.value.scalar()?).ok()?;
            Some((CompactString::from(entry.key.as_str()), template))
        });
        attributes.extend(compiled);
    }
    let mapping = Mapping {
        username: template("username", defaults.username),
        email: template("email", defaults.email),
        first_name: template("first_name", defaults.first_name),
        last_name: template("last_name", defaults.last_name),
        display_name: template("display_name", defaults.display_name),
        attributes,
    };
    warn_of_constants(checker, root, &mapping);
    if let (Some(node), Some(name)) = (root.find(&["mapping", "username"]), constant(&mapping.username)) {
        if name.is_empty() {
            let complaint = Complaint::new("This template gives nobody a username.");
            checker.error(
                node.region,
                complaint.advise(
                    "Write one such as \"{{ profile.login | lower }}\", or remove the key for that one.",
                ),
            );
        } else {
            let complaint = Complaint::new(format!(
                "This template gives all users the same username, {}, so that none of them can have it.",
                quoted(&name)
            ));
            checker.warning(node.region, complaint.advise(format!("Write {}.", meant(&name, "username"))));
        }
    }
    mapping
}

/// Warns about templates that say the same of everybody though an attribute of the user seems to be meant.
fn warn_of_constants(checker: &mut Checker, root: &Node, mapping: &Mapping) {
    for (attribute, template) in mapping.templates().filter(|(attribute, _)| attribute != "username") {
        let path: Vec<&str> = std::iter::once("mapping").chain(attribute.splitn(2, '.')).collect();
        let (Some(node), Some(value)) = (root.find(&path), constant(template)) else { continue };
        if attribute == "email" && value.is_empty() {
            let complaint = Complaint::new("This template gives nobody an e-mail address.");
            checker.warning(
                node.region,
                complaint.advise("Remove the key for \"{{ profile.email }}\", unless that is meant."),
            );
        } else if attribute == "email" || seems_to_read(&value) {
            let complaint = Complaint::new(format!(
                "This template gives all users the same text, {}: what stands outside of double braces is copied as it is.",
                quoted(&value)
            ));
            checker.warning(node.region, complaint.advise(format!("Write {}.", meant(&value, &attribute))));
        }
    }
}

/// True if a text looks like an attempt to name an attribute of the user.
fn seems_to_read(text: &str) -> bool {
    let names_user = text.match_indices("user.").any(|(at, _)| {
        !text.get(..at).unwrap_or_default().ends_with(|before: char| before.is_alphanumeric())
    });
    names_user || text.contains("profile") || text.contains(['{', '}'])
}

/// The template that was probably meant by `text`, between quotes.
fn meant(text: &str, attribute: &str) -> String {
    let is_name = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
    let behind = |prefix: &str| {
        let (_, rest) = text.split_once(prefix)?;
        let name: String = rest.chars().take_while(is_name).collect();
        (!name.is_empty() && name != "profile").then(|| format!("\"{{{{ profile.{name} }}}}\""))
    };
    let default = || DEFAULTS.iter().find(|(name, _)| *name == attribute);
    behind("profile.").or_else(|| behind("user.")).unwrap_or_else(|| match default() {
        Some((_, template)) => format!("\"{template}\""),
        None => "the attribute between double braces, as in \"{{ profile.department }}\"".to_owned(),
    })
}

/// What a template yields for every user, if it is the same for all.
fn constant(template: &Template) -> Option<CompactString> {
    let render = |id: &str, status: Status| {
        let user = SourceUser { id: SourceId(id.into()), status, attributes: Box::default() };
        template.render(UserView { names: &[], user: &user }).ok()
    };
    template
        .paths()
        .is_empty()
        .then(|| {
            let first = render("00u1", Status::Active);
            first.filter(|name| render("00u2", Status::Suspended).as_ref() == Some(name))
        })
        .flatten()
}

fn groups(checker: &mut Checker, root: &Node, protected: &Protected) -> GroupRules {
    let rename = renames(checker, root);
    let unmatched = root.find(&["groups", "unmatched"]);
    let drop_unmatched = unmatched.and_then(Node::scalar) == Some("drop");
    if let Some(node) = unmatched.filter(|_| drop_unmatched)
        && items(root, &["groups", "rename"]).is_empty()
    {
        let complaint =
            Complaint::new("Without rename rules none matches, so `drop` would drop every group.");
        checker.error(node.region, complaint.advise("Write rules under `groups.rename`, or remove the key."));
    }
    for item in items(root, &["groups", "always"]) {
        let name = item.scalar().filter(|name| values::group_name(name).is_ok());
        if let Some(name) = name.filter(|name| protected.groups.matches(name)) {
            let complaint = Complaint::new(format!(
                "{} is protected by `protected.groups`, so nobody can be made a member of it.",
                quoted(name)
            ));
            checker.error(item.region, complaint.advise("Remove it here, or from what is protected."));
        }
    }
    GroupRules {
        rename,
        drop_unmatched,
        include: globs(checker, root, &["groups", "include"]),
        exclude: globs(checker, root, &["groups", "exclude"]),
        always: names(checker, root, &["groups", "always"]),
    }
}

/// The rename rules, with an error for each that is none and a warning for each that can never count.
fn renames(checker: &mut Checker, root: &Node) -> Vec<Rename> {
    let mut rules: Vec<Rename> = Vec::new();
    // The first rule after which none counts: its number from 1, and its pattern.
    let mut last: Option<(u64, String)> = None;
    for (number, item) in (1u64..).zip(items(root, &["groups", "rename"])) {
        let Some(pattern) = item.get("match") else { continue };
        let Some(written) = pattern.scalar() else { continue };
        let to = item.get("to").filter(|to| to.scalar().is_some());
        let rule = match Rename::new(written, to.and_then(Node::scalar).unwrap_or_default()) {
            Ok(rule) => rule,
            Err(fault) => {
                let complaint = Complaint::reported(&fault.message, fault.advice.as_deref());
                let node = if fault.in_to { to.unwrap_or(pattern) } else { pattern };
                checker.fault(node, complaint.at(fault.offset, fault.length));
                continue;
            }
        };
        let before = rules.iter().position(|earlier| earlier.pattern() == rule.pattern());
        let unreached = match (last.as_ref(), before) {
            (Some((number, pattern)), _) => {
                Some(format!("rule {number} of groups.rename ({}) matches every name", quoted(pattern)))
            }
            (None, Some(_)) => Some("an earlier rule has the same `match`".to_owned()),
            (None, None) => None,
        };
        if let Some(reason) = unreached {
            let complaint = Complaint::new(format!(
                "This rule never counts: {reason}, and the first that matches counts."
            ));
            checker.warning(pattern.region, complaint.advise("Move it up, or remove it."));
        }
        if rule.leaves_no_name() {
            let complaint = Complaint::new(
                "No name is left of a group that this rule matches, so that such groups are left alone.",
            );
            checker.warning(
                to.unwrap_or(pattern).region,
                complaint.advise("Write what is to stand there, such as `$1` for what a group of `match` keeps; groups that are not wanted belong under `groups.exclude`."),
            );
        }
        if last.is_none() && matches_everything(&rule) {
            last = Some((number, written.to_owned()));
        }
        rules.push(rule);
    }
    rules
}

/// True if a rule matches names that have nothing in common.
fn matches_everything(rule: &Rename) -> bool {
    let long = "Ж x-9_".repeat(50);
    ["a", "Z", "7", "_", "-", "#", "ß", "字", "two words", long.as_str()]
        .into_iter()
        .all(|name| rule.apply(name).is_some())
}

/// The names at `path`, each once, with warnings for what cannot be meant.
fn names(checker: &mut Checker, root: &Node, path: &[&str]) -> Vec<CompactString> {
    let mut names: Vec<CompactString> = Vec::new();
    for item in items(root, path) {
        let Some(name) = item.scalar().filter(|name| values::group_name(name).is_ok()) else { continue };
        if names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            let complaint = Complaint::new(format!("{} is named twice; case does not count.", quoted(name)));
            checker.warning(item.region, complaint.advise("Keep one of them."));
            continue;
        }
        if name.contains(['*', '?']) {
            let complaint = Complaint::new(format!(
                "`{}` takes names, not patterns: {} means a group of exactly this name.",
                path.join("."),
                quoted(name)
            ));
            checker.warning(item.region, complaint.advise("Write each name, unless that is meant."));
        }
        names.push(name.into());
    }
    names
}

fn existing(checker: &mut Checker, root: &Node) -> Existing {
    let mut choose = |key: &str, message: &str| {
        let node = root.find(&["existing", key]);
        let Some(node) = node.filter(|node| node.scalar() == Some("adopt")) else { return OnExisting::Skip };
        let complaint = Complaint::new(message.to_owned());
        checker.warning(
            node.region,
            complaint.advise("Look at `usersyncd ctl plan NAME` before the next sync, and write `skip` again once they are adopted."),
        );
        OnExisting::Adopt
    };
    Existing {
        users: choose(
            "users",
            "`adopt` takes accounts over that are in the target already and bear the name and the e-mail address of a user in scope: their attributes are changed, and `leavers` applies to them from then on.",
        ),
        groups: choose(
            "groups",
            "`adopt` takes groups over that are in the target already and bear the name of a synced group: managed users who are in them and not in the group at the source lose that membership.",
        ),
    }
}

fn leavers(checker: &mut Checker, root: &Node) -> Leavers {
    let duration = |key: &str| {
        text(root, &["leavers", "grace", key])
            .and_then(|text| values::duration(text).ok())
            .unwrap_or_default()
    };
    let memberships = root.find(&["leavers", "memberships"]);
    let removes =
        memberships.is_some_and(|node| node.scalar() == Some("remove") || node.get("remove").is_some());
    let except = globs(checker, root, &["leavers", "memberships", "except"]);
    let leavers = Leavers {
        users: match text(root, &["leavers", "users"]) {
            Some("delete") => LeaverUsers::Delete,
            Some("anonymize") => LeaverUsers::Anonymize,
            Some("keep") => LeaverUsers::Keep,
            _ => LeaverUsers::Disable,
        },
        grace: Grace { absent: duration("absent"), deactivated: duration("deactivated") },
        memberships: if removes { LeaverMemberships::Remove { except } } else { LeaverMemberships::Keep },
        groups: match text(root, &["leavers", "groups"]) {
            Some("delete") => LeaverGroups::Delete,
            Some("keep") => LeaverGroups::Keep,
            _ => LeaverGroups::Empty,
        },
    };
    let mut warn = |key: &str, message: &str, advice: &str| {
        if let Some(node) = root.find(&["leavers", key]) {
            checker.warning(node.region, Complaint::new(message.to_owned()).advise(advice));
        }
    };
    if leavers.users == LeaverUsers::Delete {
        warn(
            "users",
            "On most targets a deleted account cannot be brought back, and what belonged to it may be lost; a disabled one is enabled again when its user comes back.",
            "Write `disable` unless accounts must go.",
        );
    }
    if leavers.groups == LeaverGroups::Delete {
        warn(
            "groups",
            "What a target grants to a group is lost when the group is deleted, also if the group comes back.",
            "Write `empty` unless groups must go.",
        );
    }
    leavers
}

fn inactive(checker: &mut Checker, root: &Node) -> Option<Inactive> {
    let node = root.get("inactive").filter(|node| matches!(node.value, Value::Mapping(_)))?;
    let days_node = node.get("days")?;
    let except_groups = globs(checker, root, &["inactive", "except_groups"]);
    let days = values::days(days_node.scalar()?).ok()?;
    if days < SHORT_ABSENCE {
        let complaint = Complaint::new(format!("Who is on leave for {days} days becomes a leaver."));
        checker.warning(
            days_node.region,
            complaint.advise("Write a number such as `90`, unless that is meant."),
        );
    }
    Some(Inactive {
        days,
        never_signed_in: text(node, &["never_signed_in"]) == Some("disable"),
        except_groups,
    })
}

/// Warns about keys that have no effect, since nothing is done to leavers.
fn warn_of_no_effect(checker: &mut Checker, root: &Node, rules: &Rules) {
    let leavers = &rules.leavers;
    if leavers.users != LeaverUsers::Keep || leavers.memberships != LeaverMemberships::Keep {
        return;
    }
    let mut warn = |node: Option<&Node>, key: &str| {
        if let Some(node) = node {
            let complaint = Complaint::new(format!(
                "`{key}` has no effect: `leavers` keeps both the accounts and the memberships of users who left."
            ));
            checker.warning(node.region, complaint.advise("Remove it, or change `leavers.users`."));
        }
    };
    if leavers.grace != Grace::default() {
        warn(root.find(&["leavers", "grace"]), "leavers.grace");
    }
    if rules.inactive.is_some() {
        warn(root.get("inactive"), "inactive");
    }
}

fn scope(checker: &mut Checker, root: &Node) -> Scope {
    let statuses = root.find(&["scope", "statuses"]).and_then(|node| match &node.value {
        Value::Sequence(items) => Some(items),
        _ => None,
    });
    for item in statuses.into_iter().flatten() {
        if item.scalar() == Some(Status::Deprovisioned.as_str()) {
            let complaint = Complaint::new(
                "With `DEPROVISIONED` in scope, people whom Okta deactivated keep their accounts in the target.",
            );
            checker.warning(item.region, complaint.advise("Remove it unless that is meant."));
        }
    }
    if let Some(exclude) = root.find(&["scope", "users"]).and_then(|users| users.entry("exclude"))
        && matches!(&exclude.value.value, Value::Sequence(items) if !items.is_empty())
    {
        let complaint = Complaint::new(
            "Users who match `scope.users.exclude` and are managed already become leavers: `leavers.users` says what happens to their accounts.",
        );
        checker.warning(
            exclude.region,
            complaint
                .advise("To leave accounts of the target alone, name them under `protected.users` instead."),
        );
    }
    let read = |item: &Node| item.scalar().and_then(|text| values::status(text).ok());
    Scope {
        statuses: statuses
            .map_or_else(|| Scope::default().statuses, |items| items.iter().filter_map(read).collect()),
        required_groups: names(checker, root, &["scope", "required_groups"]),
        include: globs(checker, root, &["scope", "users", "include"]),
        exclude: globs(checker, root, &["scope", "users", "exclude"]),
    }
}

/// Compiles the patterns at `path`, with an error for each that is none.
fn globs(checker: &mut Checker, root: &Node, path: &[&str]) -> Globs {
    const AS: &str = "`*` is any text, `?` one character, `[ab]` a choice, `{a,b}` alternatives; a backslash before one of \
                      them means the character itself.";
    let Some(node) = root.find(path) else { return Globs::default() };
    let Value::Sequence(items) = &node.value else { return Globs::default() };
    // Those that are empty or no text were complained about.
    let mut patterns: Vec<(&Node, &str)> = items
        .iter()
        .filter_map(|item| item.scalar().map(|text| (item, text)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    for _ in 0..MOST_DIAGNOSTICS {
        let texts: Vec<&str> = patterns.iter().map(|(_, text)| *text).collect();
        let (position, reason) = match Globs::new(&texts) {
            Ok(globs) => return globs,
            Err(fault) => fault,
        };
        let Some((item, text)) =
            patterns.get(position).copied().filter(|(_, text)| Globs::new(&[text]).is_err())
        else {
            let complaint = Complaint::new(format!(
                "The patterns of `{}` are too many together: {reason}.",
                path.join(".")
            ));
            checker.error(node.region, complaint.advise("Write fewer, as in \"svc-*\" for many names."));
            break;
        };
        checker.error(
            item.region,
            Complaint::new(format!("{} is not a pattern: {reason}.", quoted(text))).advise(AS),
        );
        patterns.remove(position);
    }
    Globs::default()
}

fn limits(root: &Node) -> Limits {
    let defaults = Limits::default();
    let limit = |key: &str, default: Limit| {
        text(root, &["limits", key]).and_then(|text| values::limit(text).ok()).unwrap_or(default)
    };
    Limits {
        leavers: limit("leavers", defaults.leavers),
        memberships: limit("memberships", defaults.memberships),
        groups: limit("groups", defaults.groups),
        renames: limit("renames", defaults.renames),
        creates: limit("creates", defaults.creates),
        floor: text(root, &["limits", "floor"])
            .and_then(|text| values::count(text).ok())
            .unwrap_or(defaults.floor),
    }
}
