//! What is held, why, and what to do about it: for plans, reports and explanations, and for `ctl holds`.

use super::known::Known;
use super::next::Next;
use super::report::Extent;
use super::text::{Style, name_lines, plural};
use crate::sync::report::{Cause, HoldKind, HoldSummary};
use crate::telemetry::escape::escape;

/// Names shown of a hold.
const MOST_NAMES: usize = 10;
/// What the reason of a hold says if the source shows less than before (RULES 19).
const LESS: &str = "the token may see less than before";

/// What is held, and why, with the names of whom it concerns.
pub(super) fn push_holds(
    out: &mut String,
    holds: &[HoldSummary],
    extent: Extent,
    known: &Known,
    style: Style,
) {
    if holds.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.bold("Held for a person to look at; nothing of this was done:")));
    push_token_first(out, holds, style);
    for hold in holds {
        if known.is_aside(hold) {
            push_aside(out, hold);
            continue;
        }
        push_hold(out, hold, style);
        push_names(out, hold, extent == Extent::Whole);
    }
}

/// Whether it is held because the source shows less than before.
pub(super) fn is_about_the_token(hold: &HoldSummary) -> bool {
    hold.reason.contains(LESS)
}

/// Before holds that may be the token's fault: what to look at first.
pub(super) fn push_token_first(out: &mut String, holds: &[HoldSummary], style: Style) {
    if holds.iter().any(is_about_the_token) {
        let first = style.yellow("Look at the token first: it may see less than before.");
        out.push_str(&format!("  {first}\n"));
    }
}

/// A hold on which somebody decided, in one line: `. hold 4, put aside: 1 user`.
pub(super) fn push_aside(out: &mut String, hold: &HoldSummary) {
    let what = match hold.kind {
        HoldKind::Leavers | HoldKind::Renames | HoldKind::Creates => "user",
        HoldKind::Memberships => "membership",
        HoldKind::Groups => "group",
        HoldKind::Adoptions => "adoption",
        HoldKind::View => "removal",
    };
    let group = hold.group.as_ref().map(|group| format!(" of {}", escape(group))).unwrap_or_default();
    let number = hold.id.unwrap_or_default();
    out.push_str(&format!("  . hold {number}, put aside: {}{group}\n", plural(hold.count, what)));
}

/// One hold with its number, its reason and its cause.
pub(super) fn push_hold(out: &mut String, hold: &HoldSummary, style: Style) {
    let number = hold.id.map(|id| format!("hold {id}: ")).unwrap_or_default();
    out.push_str(&format!("  {} {number}{}\n", style.yellow("!"), escape(&hold.reason)));
    if let Some(cause) = &hold.cause {
        out.push_str(&format!("    {}\n", sentence(cause)));
    }
}

/// Whom or what a hold concerns: all of it, or the first few.
pub(super) fn push_names(out: &mut String, hold: &HoldSummary, whole: bool) {
    for line in some_names(hold, whole) {
        out.push_str(&format!("    {line}\n"));
    }
}

/// The names, as many on a line as there is room for.
pub(super) fn some_names(hold: &HoldSummary, whole: bool) -> Vec<String> {
    name_lines(&hold.names, if whole { usize::MAX } else { MOST_NAMES })
}

/// `388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta`.
pub(super) fn sentence(cause: &Cause) -> String {
    escape(&cause.in_words()).into_owned()
}

/// The cause of one operation, in as few words as there are.
pub(super) fn cause_of_one(cause: &Cause) -> String {
    match (cause.from_file, cause.from_source) {
        (1.., 0) => format!("from the change of {}", escape(&cause.file)),
        (0, _) => "from Okta".to_owned(),
        _ => sentence(cause),
    }
}

/// What can be done about what is held and was not put aside: about the newest hold, as `ctl holds` says it too.
pub(super) fn add_next(next: &mut Next, connector: &str, holds: &[HoldSummary], known: &Known) {
    let undecided: Vec<&HoldSummary> =
        holds.iter().filter(|hold| hold.id.is_some() && !known.is_aside(hold)).collect();
    let Some(newest) = undecided.iter().max_by_key(|hold| hold.id) else { return };
    let Some(first) = newest.id else { return };
    if undecided.len() > 1 {
        next.add(
            &format!("holds {connector}"),
            "all that is held, and since when; then one by one by its number:",
        );
    }
    next.add(&format!("hold {first}"), "all of it, operation by operation");
    if holds.iter().any(is_about_the_token) {
        next.add_check();
    }
    if known.writes() {
        next.add(&format!("approve {first} --wait"), RIGHT);
    }
    add_other_decisions(next, connector, first, true);
}

/// Why a hold is approved.
pub(super) const RIGHT: &str = "it is right: do exactly this, at once";

/// What can be decided on a hold besides approving it; putting it aside only if that was not done already.
pub(super) fn add_other_decisions(next: &mut Next, connector: &str, hold: u64, open: bool) {
    next.add(&format!("plan {connector}"), "it is wrong: correct Okta or the connector file, then look here");
    if open {
        next.add(&format!("discard {hold}"), "let it be held, and be told no more");
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::report::tests::{hold, now};
    use super::*;
    use crate::control::api::{HoldState, HoldView};

    const PLAIN: Style = Style { colors: false };

    /// The hold in that state.
    pub(in crate::cli) fn view(summary: &HoldSummary, state: HoldState) -> HoldView {
        HoldView {
            connector: "acme".to_owned(),
            summary: summary.clone(),
            state,
            changes: 1,
            first_run: 12,
            first_seen: now(),
            last_run: 17,
            last_seen: now(),
            approval: None,
        }
    }

    fn cause(from_file: u64, from_source: u64) -> Cause {
        Cause { file: "connectors.d/acme.yaml".to_owned(), from_file, from_source }
    }

    #[test]
    fn a_cause_in_words() {
        for (from_file, from_source, said, short) in [
            (
                388,
                12,
                "388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta",
                "388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta",
            ),
            (
                1,
                3,
                "1 of 4 comes from the change of connectors.d/acme.yaml, 3 from Okta",
                "1 of 4 comes from the change of connectors.d/acme.yaml, 3 from Okta",
            ),
            (
                400,
                0,
                "all 400 come from the change of connectors.d/acme.yaml",
                "from the change of connectors.d/acme.yaml",
            ),
            (
                1,
                0,
                "it comes from the change of connectors.d/acme.yaml",
                "from the change of connectors.d/acme.yaml",
            ),
            (0, 400, "all 400 come from Okta, none from the change of connectors.d/acme.yaml", "from Okta"),
            (0, 1, "it comes from Okta", "from Okta"),
        ] {
            let cause = cause(from_file, from_source);
            assert_eq!((sentence(&cause).as_str(), cause_of_one(&cause).as_str()), (said, short));
        }
    }

    #[test]
    fn a_numbered_hold_says_its_number_its_cause_and_what_to_type() {
        let numbered = HoldSummary { id: Some(7), cause: Some(cause(25, 5)), ..hold() };
        let mut out = String::new();
        push_holds(&mut out, std::slice::from_ref(&numbered), Extent::Summary, &Known::default(), PLAIN);
        let mut next = Next::default();
        add_next(&mut next, "acme", &[numbered.clone(), hold()], &Known::default());
        next.push(&mut out, PLAIN);
        insta::assert_snapshot!(out.trim_start(), @r"
        Held for a person to look at; nothing of this was done:
          ! hold 7: members of group jira-users: 30 of 100 would go, and the limit allows 20. Look first.
            25 of 30 come from the change of connectors.d/acme.yaml, 5 from Okta
            user1, user2, user3, user4, user5, user6, user7, user8, user9, user10, … and 2 more

        Next:
          usersyncd ctl hold 7            all of it, operation by operation
          usersyncd ctl approve 7 --wait  it is right: do exactly this, at once
          usersyncd ctl plan acme         it is wrong: correct Okta or the connector file, then look here
          usersyncd ctl discard 7         let it be held, and be told no more
        ");
        let mut next = Next::default();
        let eight = HoldSummary { id: Some(8), ..numbered.clone() };
        add_next(&mut next, "acme", &[numbered, eight], &Known::default());
        let mut out = String::new();
        next.push(&mut out, PLAIN);
        assert!(out.starts_with("\nNext:\n  usersyncd ctl holds acme "), "{out}");
        assert!(out.contains("ctl approve 8") && !out.contains("ctl approve 7"), "the newest: {out}");
    }

    #[test]
    fn what_the_token_may_not_see_is_looked_at_before_an_approval() {
        let reason = "users that left: 30 would go; the source shows 70 users instead of 100, compared with \
                      2026-11-22 06:00 UTC: the token may see less than before"
            .to_owned();
        let shrunken = HoldSummary { id: Some(7), reason, names: Vec::new(), ..hold() };
        let mut out = String::new();
        let known = Known::default();
        push_holds(
            &mut out,
            std::slice::from_ref(&shrunken),
            Extent::Summary,
            &known,
            Style { colors: true },
        );
        assert!(
            out.contains("  \u{1b}[33mLook at the token first: it may see less than before.\u{1b}[0m\n"),
            "{out}"
        );
        let mut next = Next::default();
        add_next(&mut next, "acme", &[shrunken], &known);
        let mut out = String::new();
        next.push(&mut out, PLAIN);
        let check = out.find("  usersyncd check --online        what the token may see\n");
        assert!(check.unwrap() < out.find("ctl approve 7").unwrap(), "{out}");
    }

    #[test]
    fn what_was_put_aside_is_one_line_and_offered_no_more() {
        let aside = HoldSummary { id: Some(4), count: 1, ..hold() };
        let known = Known { holds: vec![view(&aside, HoldState::Discarded)], ..Known::default() };
        let mut out = String::new();
        push_holds(&mut out, std::slice::from_ref(&aside), Extent::Whole, &known, PLAIN);
        let mut next = Next::default();
        add_next(&mut next, "acme", &[aside], &known);
        next.push(&mut out, PLAIN);
        let title = "\nHeld for a person to look at; nothing of this was done:\n";
        assert_eq!(out, format!("{title}  . hold 4, put aside: 1 membership of jira-users\n"));
    }

    #[test]
    fn what_has_no_number_cannot_be_approved() {
        let mut next = Next::default();
        add_next(&mut next, "acme", &[hold()], &Known::default());
        let mut out = String::new();
        next.push(&mut out, PLAIN);
        assert_eq!(out, "");
    }
}
