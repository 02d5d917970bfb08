//! What scope and mapping say about one user, in text: for `ctl explain` and `check --sample`.

use super::text::Style;
use crate::sync::explain::{MappedAttribute, ScopeStep, UserVerdict, Verdict};
use crate::telemetry::escape::escape;

/// Adds the sections on scope and mapping.
pub(super) fn push_verdict(out: &mut String, verdict: &UserVerdict, style: Style) {
    let said = headline(verdict, style);
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

/// Whether the user is in scope, in a few words.
fn headline(verdict: &UserVerdict, style: Style) -> String {
    let decides = |step: &&ScopeStep| !matches!(step.verdict, Verdict::In | Verdict::NotSet);
    match (verdict.in_scope, verdict.scope.iter().find(decides)) {
        (Some(true), None) => style.green("in"),
        // Only a saved user is let in by rules that could not all be asked.
        (Some(true), Some(_)) => style.green("in, as far as this can tell"),
        (Some(false), _) => style.red("out"),
        (None, Some(step)) if step.verdict == Verdict::LeftAlone => {
            // Every rule of the scope was asked before mapping and protection.
            let in_scope = step.rule.starts_with("mapping.") || step.rule.starts_with("protected.");
            let known = if in_scope { "in, but" } else { "not known," };
            style.yellow(&format!("{known} left alone ({})", escape(&step.rule)))
        }
        (None, _) => style.yellow("not known"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(in_scope: Option<bool>, steps: &[(&str, Verdict)]) -> String {
        let step = |(rule, verdict): &(&str, Verdict)| ScopeStep {
            rule: (*rule).to_owned(),
            verdict: *verdict,
            detail: String::new(),
        };
        let scope = steps.iter().map(step).collect();
        headline(&UserVerdict { in_scope, scope, mapping: Vec::new() }, Style { colors: false })
    }

    #[test]
    fn the_headline_says_what_decides() {
        let (statuses, search) = (("scope.statuses", Verdict::In), ("source.okta.app", Verdict::Unknown));
        assert_eq!(told(Some(true), &[statuses]), "in");
        assert_eq!(told(Some(true), &[search, statuses]), "in, as far as this can tell");
        assert_eq!(told(Some(false), &[search, ("scope.statuses", Verdict::Out)]), "out");
        assert_eq!(
            told(None, &[statuses, ("protected.users", Verdict::LeftAlone)]),
            "in, but left alone (protected.users)"
        );
        assert_eq!(
            told(None, &[statuses, ("mapping.email", Verdict::LeftAlone)]),
            "in, but left alone (mapping.email)"
        );
        assert_eq!(
            told(
                None,
                &[("scope.required_groups", Verdict::Unknown), ("protected.users", Verdict::LeftAlone)]
            ),
            "not known"
        );
        assert_eq!(told(None, &[("status", Verdict::LeftAlone)]), "not known, left alone (status)");
    }
}
