//! What scope and mapping say about one user, in text: for `ctl explain` and `check --sample`.

use super::text::Style;
use crate::sync::explain::{MappedAttribute, ScopeStep, UserVerdict, Verdict};
use crate::telemetry::escape::escape;

/// Adds the sections on scope and mapping.
pub(super) fn push_verdict(out: &mut String, verdict: &UserVerdict, style: Style) {
    let said = match verdict.in_scope {
        Some(true) => style.green("in"),
        Some(false) => style.red("out"),
        None => style.yellow("not known"),
    };
    out.push_str(&format!("\n{} {said}\n", style.bold("Scope:")));
    for step in &verdict.scope {
        out.push_str(&format!("  {} {}: {}\n", mark(step, style), escape(&step.rule), escape(&step.detail)));
    }
    out.push_str(&format!("\n{}\n", style.bold("Mapping")));
    let width = verdict.mapping.iter().map(|one| one.attribute.chars().count()).max().unwrap_or_default();
    for attribute in &verdict.mapping {
        push_attribute(out, attribute, width, style);
    }
}

fn mark(step: &ScopeStep, style: Style) -> String {
    match step.verdict {
        Verdict::In => style.green("+"),
        Verdict::Out => style.red("-"),
        Verdict::LeftAlone => style.yellow("!"),
        Verdict::Unknown => style.yellow("?"),
        Verdict::NotSet => ".".to_owned(),
    }
}

fn push_attribute(out: &mut String, attribute: &MappedAttribute, width: usize, style: Style) {
    let MappedAttribute { attribute: name, template, value, problem } = attribute;
    let value = match value.as_deref() {
        None => style.red("(none)"),
        Some("") => style.yellow("(empty)"),
        Some(value) => escape(value).into_owned(),
    };
    let name = escape(name);
    out.push_str(&format!("  {name:<width$}  {value}  <- {}\n", escape(template)));
    if let Some(problem) = problem {
        out.push_str(&format!("  {:<width$}  {} {}\n", "", style.yellow("!"), escape(problem)));
    }
}
