//! What is held, why, and what to do about it: for plans, reports and explanations, and for `ctl holds`.

use super::next::Next;
use super::report::Extent;
use super::text::{Style, names};
use crate::sync::removals::cause_in_words;
use crate::sync::report::{Cause, HoldSummary};
use crate::telemetry::escape::escape;

/// Names shown of a hold.
const MOST_NAMES: usize = 10;

/// What is held, and why, with the names of whom it concerns.
pub(super) fn push_holds(out: &mut String, holds: &[HoldSummary], extent: Extent, style: Style) {
    if holds.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.bold("Held for a person to look at; nothing of this was done:")));
    for hold in holds {
        push_hold(out, hold, style);
        push_names(out, hold, extent == Extent::Whole);
    }
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
    if !hold.names.is_empty() {
        out.push_str(&format!("    {}\n", some_names(hold, whole)));
    }
}

/// The names on one line.
pub(super) fn some_names(hold: &HoldSummary, whole: bool) -> String {
    names(&hold.names, if whole { usize::MAX } else { MOST_NAMES })
}

/// `388 of 400 come from the change of connectors.d/acme.yaml, 12 from Okta`.
pub(super) fn sentence(cause: &Cause) -> String {
    escape(&cause_in_words(cause)).into_owned()
}

/// The cause of one operation, in as few words as there are.
pub(super) fn cause_of_one(cause: &Cause) -> String {
    match (cause.from_file, cause.from_source) {
        (1.., 0) => format!("from the change of {}", escape(&cause.file)),
        (0, _) => "from Okta".to_owned(),
        _ => sentence(cause),
    }
}

/// What can be done about what is held.
pub(super) fn add_next(next: &mut Next, connector: &str, holds: &[HoldSummary]) {
    let mut numbers = holds.iter().filter_map(|hold| hold.id);
    let Some(first) = numbers.next() else { return };
    if numbers.next().is_some() {
        next.add(
            &format!("holds {connector}"),
            "all that is held, and since when; then one by one by its number:",
        );
    }
    next.add(&format!("hold {first}"), "all of it, operation by operation");
    add_decisions(next, connector, first, true);
}

/// The ways to decide on one hold; putting it aside only if that was not done already.
pub(super) fn add_decisions(next: &mut Next, connector: &str, hold: u64, open: bool) {
    next.add(&format!("approve {hold} --wait"), "it is right: do exactly this, at once");
    next.add(&format!("plan {connector}"), "it is wrong: correct Okta or the connector file, then look here");
    if open {
        next.add(&format!("discard {hold}"), "let it be held, and be told no more");
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::hold;
    use super::*;

    const PLAIN: Style = Style { colors: false };

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
                "the only one comes from the change of connectors.d/acme.yaml",
                "from the change of connectors.d/acme.yaml",
            ),
            (0, 400, "all 400 come from Okta, none from the change of connectors.d/acme.yaml", "from Okta"),
            (
                0,
                1,
                "the only one comes from Okta, none from the change of connectors.d/acme.yaml",
                "from Okta",
            ),
        ] {
            let cause = cause(from_file, from_source);
            assert_eq!((sentence(&cause).as_str(), cause_of_one(&cause).as_str()), (said, short));
        }
    }

    #[test]
    fn a_numbered_hold_says_its_number_its_cause_and_what_to_type() {
        let numbered = HoldSummary { id: Some(7), cause: Some(cause(25, 5)), ..hold() };
        let mut out = String::new();
        push_holds(&mut out, std::slice::from_ref(&numbered), Extent::Summary, PLAIN);
        let mut next = Next::default();
        add_next(&mut next, "acme", &[numbered.clone(), hold()]);
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
        add_next(&mut next, "acme", &[numbered.clone(), HoldSummary { id: Some(8), ..numbered }]);
        let mut out = String::new();
        next.push(&mut out, PLAIN);
        assert!(out.starts_with("\nNext:\n  usersyncd ctl holds acme "), "{out}");
    }

    #[test]
    fn what_has_no_number_cannot_be_approved() {
        let mut next = Next::default();
        add_next(&mut next, "acme", &[hold()]);
        let mut out = String::new();
        next.push(&mut out, PLAIN);
        assert_eq!(out, "");
    }
}
