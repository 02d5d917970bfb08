//! The operations of a page, each with all that is known of it, and what searches them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::operation::{Detail, details, kind, shown, why};
use crate::sync::report::{HoldSummary, OperationReport};
use crate::telemetry::html::Html;

/// All operations in their order. Without JavaScript they are all to be seen, and the search is not.
pub(super) fn push(html: &mut Html, operations: &[OperationReport], holds: &[HoldSummary]) {
    html.raw("<section id=\"operations\"><h2>Operations</h2>\n");
    if operations.is_empty() {
        html.raw("<p>There were none.</p></section>\n");
        return;
    }
    push_controls(html, operations);
    let listed: BTreeSet<u64> = holds.iter().filter_map(|hold| hold.id).collect();
    html.raw("<ol id=\"rows\">\n");
    for (number, operation) in (1..).zip(operations) {
        push_row(html, number, operation, &listed);
    }
    html.raw("</ol></section>\n");
}

fn push_controls(html: &mut Html, operations: &[OperationReport]) {
    let (mut results, mut objects) = (BTreeMap::new(), BTreeMap::new());
    for operation in operations {
        *results.entry(operation.result.as_str()).or_insert(0_u64) += 1;
        let kind = named(&operation.operation);
        *objects.entry(Object::of(kind)).or_insert_with(BTreeMap::new).entry(kind).or_insert(0_u64) += 1;
    }
    html.raw("<div id=\"controls\" role=\"search\" aria-label=\"operations\" hidden>\n");
    html.raw("<label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" ");
    html.raw("placeholder=\"name, address, reason …\"></label>\n");
    html.raw("<label>Result <select id=\"result\" autocomplete=\"off\"><option value=\"\">all</option>");
    for (result, count) in results {
        push_option(html, result, result, count);
    }
    html.raw("</select></label>\n<label>Kind <select id=\"kind\" autocomplete=\"off\"><option value=\"\">all</option>");
    for (object, kinds) in objects {
        html.raw("<optgroup label=\"").raw(object.label()).raw("\">");
        if kinds.len() > 1 {
            html.raw("<option value=\"").raw(object.as_str()).raw("\">all ").raw(object.as_str()).raw(" (");
            html.number(kinds.values().sum::<u64>()).raw(")</option>");
        }
        for (kind, count) in kinds {
            push_option(html, kind, &kind.replace('_', " "), count);
        }
        html.raw("</optgroup>");
    }
    html.raw("</select></label>\n<button id=\"clear\" type=\"button\">Clear</button>\n");
    let count = operations.len() as u64;
    html.raw("<output id=\"count\" for=\"search result kind\">").number(count).raw(" of ").number(count);
    html.raw(if count == 1 { " operation" } else { " operations" }).raw("</output>\n</div>\n");
}

fn push_option(html: &mut Html, value: &str, words: &str, count: u64) {
    html.raw("<option value=\"").text(value).raw("\">").text(words).raw(" (").number(count).raw(")</option>");
}

/// The kind of an operation. Nothing is left without one: an empty value stands for all kinds.
fn named(operation: &Value) -> &str {
    Some(kind(operation)).filter(|kind| !kind.is_empty()).unwrap_or("unknown")
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    Users,
    Groups,
    Memberships,
}

impl Object {
    fn of(kind: &str) -> Self {
        if kind.ends_with("members") {
            Self::Memberships
        } else if kind.ends_with("group") {
            Self::Groups
        } else {
            Self::Users
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Users => "Users",
            Self::Groups => "Groups",
            Self::Memberships => "Memberships",
        }
    }
}

/// One operation. There may be tens of thousands of them: few elements, short names.
fn push_row(html: &mut Html, number: u64, operation: &OperationReport, listed: &BTreeSet<u64>) {
    let (kind, why) = (named(&operation.operation), why(&operation.operation));
    html.raw("<li data-n=\"").number(number).raw("\" data-r=\"").text(&operation.result);
    html.raw("\" data-k=\"").text(kind).raw("\" data-o=\"").raw(Object::of(kind).as_str()).raw("\"><p><b>");
    html.text(&operation.result).raw("</b>");
    if let Some(hold) = operation.hold {
        if listed.contains(&hold) {
            html.raw(" <a href=\"#hold-").number(hold).raw("\">hold ").number(hold).raw("</a>");
        } else {
            html.raw(" hold ").number(hold);
        }
    }
    html.raw("</p><div><p>").text(&operation.summary).raw("</p>");
    if !why.is_empty() {
        html.raw("<i>").text(why).raw("</i>");
    }
    if let Some(error) = &operation.error {
        html.raw("<p class=\"bad\">").lines(error).raw("</p>");
    }
    push_details(html, &details(&operation.operation));
    html.raw("</div></li>\n");
}

/// The lines of what changes. What follows each other with one sign is one element.
fn push_details(html: &mut Html, details: &[Detail<'_>]) {
    if details.is_empty() {
        return;
    }
    html.raw("<pre>");
    let mut open = Sign::None;
    for (position, detail) in details.iter().enumerate() {
        let sign = Sign::of(detail);
        if sign != open {
            html.raw(open.end());
        }
        html.raw(if position > 0 { "\n" } else { "" });
        if sign != open {
            html.raw(sign.begin());
            open = sign;
        }
        push_detail(html, detail);
    }
    html.raw(open.end()).raw("</pre>");
}

fn push_detail(html: &mut Html, detail: &Detail<'_>) {
    match detail {
        Detail::Attribute { name, before, after } => {
            html.text(name).raw(": ");
            match (before, after) {
                (Some(_), Some(_)) => {
                    html.raw("<del>").text(shown(before.as_ref())).raw("</del> → <ins>");
                    html.text(shown(after.as_ref())).raw("</ins>");
                }
                (Some(_), None) => {
                    html.raw("<del>").text(shown(before.as_ref())).raw("</del>");
                }
                // All is new.
                (None, _) => {
                    html.text(shown(after.as_ref()));
                }
            }
        }
        Detail::Added(name) => {
            html.raw("+ ").text(name);
        }
        Detail::Removed { name, leaver } => {
            html.raw(if *leaver { "− leaver " } else { "− " }).text(name);
        }
        Detail::MemberOf { group, gained } => {
            html.raw(if *gained { "+ member of " } else { "− member of " }).text(group);
        }
    }
}

/// In which colour a line is shown, beside the sign that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    None,
    Comes,
    Goes,
}

impl Sign {
    fn of(detail: &Detail<'_>) -> Self {
        match detail {
            Detail::Attribute { .. } => Self::None,
            Detail::Added(_) | Detail::MemberOf { gained: true, .. } => Self::Comes,
            Detail::Removed { .. } | Detail::MemberOf { gained: false, .. } => Self::Goes,
        }
    }

    fn begin(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Comes => "<ins>",
            Self::Goes => "<del>",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Comes => "</ins>",
            Self::Goes => "</del>",
        }
    }
}
