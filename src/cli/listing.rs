//! Operations in text, grouped as a person thinks: users, groups, memberships; within each as they are applied.

use super::hold;
use super::text::{Style, plural};
use crate::control::api::PlannedOperation;
use crate::telemetry::escape::escape;

/// Operations of one kind of object, findings and users in grace shown, unless all are asked for.
const MOST_OPERATIONS: usize = 20;
/// Details of one operation shown, unless all are asked for.
const MOST_DETAILS: usize = 6;
/// How far operations of a plan are indented.
const INDENT: usize = 2;
/// How far held operations are.
const HELD_INDENT: usize = 6;

/// How much of a document is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// Every operation with all its details.
    pub(super) detailed: bool,
    /// The command that shows all of it.
    pub(super) again: &'a str,
    /// How it is coloured.
    pub(super) style: Style,
}

impl Shown<'_> {
    /// How long a list may be.
    pub(super) fn most(self) -> usize {
        if self.detailed { usize::MAX } else { MOST_OPERATIONS }
    }
}

/// The kinds of object by which operations are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Users,
    Groups,
    Memberships,
}

impl Section {
    const ALL: [(Section, &'static str); 3] =
        [(Self::Users, "Users"), (Self::Groups, "Groups"), (Self::Memberships, "Memberships")];

    pub(super) fn of(operation: &PlannedOperation) -> Self {
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
pub(super) fn sign(operation: &PlannedOperation, style: Style) -> String {
    match kind(operation).split('_').next().unwrap_or_default() {
        "create" | "recreate" => style.green("+"),
        "adopt" => style.yellow("="),
        "disable" | "delete" | "empty" | "anonymize" => style.red("-"),
        _ => style.yellow("~"),
    }
}

/// The operations by section, each with its title; sections without any are left out.
fn by_section<'a>(
    operations: &[&'a PlannedOperation],
) -> impl Iterator<Item = (&'static str, Vec<&'a PlannedOperation>)> {
    Section::ALL
        .map(|(section, title)| {
            let of_this = operations.iter().filter(|operation| Section::of(operation) == section);
            (title, of_this.copied().collect::<Vec<_>>())
        })
        .into_iter()
        .filter(|(_, operations)| !operations.is_empty())
}

/// The operations under the headings of users, groups and memberships.
pub(super) fn push_sections(out: &mut String, operations: &[PlannedOperation], shown: Shown<'_>) {
    let operations: Vec<_> = operations.iter().collect();
    for (title, operations) in by_section(&operations) {
        let count = plural(operations.len() as u64, "operation");
        out.push_str(&format!("\n{}\n", shown.style.bold(&format!("{title}: {count}"))));
        push_list(out, INDENT, &operations, shown);
    }
}

/// The operations of a hold below its reason, in the same order but without headings.
pub(super) fn push_held(out: &mut String, operations: &[&PlannedOperation], shown: Shown<'_>) {
    for (_, operations) in by_section(operations) {
        push_list(out, HELD_INDENT, &operations, shown);
    }
}

/// The operations one below the other, cut where the list is long.
fn push_list(out: &mut String, indent: usize, operations: &[&PlannedOperation], shown: Shown<'_>) {
    for operation in operations.iter().take(shown.most()) {
        push_indented(out, indent, operation, shown.detailed, shown.style);
    }
    if operations.len() > shown.most() {
        let more = operations.len() - shown.most();
        out.push_str(&format!("{:indent$}… {more} more, all with `{}`\n", "", shown.again));
    }
}

/// One operation with its details, all of them if asked for.
pub(super) fn push_operation(out: &mut String, operation: &PlannedOperation, detailed: bool, style: Style) {
    push_indented(out, INDENT, operation, detailed, style);
}

fn push_indented(
    out: &mut String,
    indent: usize,
    operation: &PlannedOperation,
    detailed: bool,
    style: Style,
) {
    let mut why: Vec<String> = Vec::new();
    if !operation.why.is_empty() {
        why.push(escape(&operation.why).into_owned());
    }
    why.extend(operation.cause.as_ref().map(hold::cause_of_one));
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
    let (sign, summary) = (sign(operation, style), escape(&operation.summary));
    let back = operation.operation.pointer("/after/active").and_then(serde_json::Value::as_bool);
    let disabled = kind(operation) == "recreate_user" && back == Some(false);
    let disabled = if disabled { " (disabled, as it was)" } else { "" };
    out.push_str(&format!("{:indent$}{sign} {summary}{disabled}{why}\n", ""));
    let most = match kind(operation).split('_').next() {
        _ if detailed => usize::MAX,
        // All attributes of something new are new, and who is disabled is not active any more: the summary says enough.
        Some("create" | "recreate" | "disable" | "enable") => 0,
        _ => MOST_DETAILS,
    };
    let indent = indent + 4;
    for detail in operation.details.iter().take(most) {
        let detail = escape(detail);
        let detail = match detail.chars().next() {
            Some('+') => style.green(&detail),
            Some('-') => style.red(&detail),
            _ => detail.into_owned(),
        };
        out.push_str(&format!("{:indent$}{detail}\n", ""));
    }
    if most > 0 && operation.details.len() > most {
        out.push_str(&format!("{:indent$}… {} more\n", "", operation.details.len() - most));
    }
}
