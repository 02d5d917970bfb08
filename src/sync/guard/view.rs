//! A source that shows much less than before (RULES 19): perhaps the token may see less.

use chrono::{DateTime, Utc};

use super::{Hold, drop_empty, let_others_wait, names, permit};
use crate::sync::plan::{Change, Plan, Standing};
use crate::sync::removals::Removals;
use crate::sync::report::{HoldKind, HoldSummary, View};
use crate::sync::rules::{Limit, Limits};

/// What the source showed in the last run whose lists were all proven and which held nothing for shrinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// How much.
    pub view: View,
    /// In which run; 0 where an approval set it.
    pub run: u64,
    /// When.
    pub at: DateTime<Utc>,
}

/// Says how the view shrank, if by more than the limits allow: users by `limits.leavers`, groups by `limits.groups`. `now` is
/// all that can be seen, in the lists or when asked for: who was deactivated is not hidden.
#[must_use]
pub fn shrunken(baseline: &Baseline, now: &View, limits: &Limits) -> Option<String> {
    let kinds = [
        ("users", baseline.view.users, now.users, limits.leavers),
        ("groups", baseline.view.groups, now.groups, limits.groups),
    ];
    let shrunken = kinds.into_iter().filter_map(|(what, before, now, limit)| {
        let lost = before.saturating_sub(now);
        let allowed = match limit {
            Limit::Off => return None,
            Limit::Count(count) => count,
            Limit::Percent(percent) => (before.saturating_mul(u64::from(percent)) / 100).max(limits.floor),
        };
        let what = if now == 1 { what.trim_end_matches('s') } else { what };
        (lost > allowed).then(|| format!("{now} {what} instead of {before}"))
    });
    let shrunken: Vec<String> = shrunken.collect();
    if shrunken.is_empty() {
        return None;
    }
    Some(format!(
        "the token may see less than before: the source shows {}, compared with {}",
        shrunken.join(" and "),
        baseline.at.format("%Y-%m-%d %H:%M UTC")
    ))
}

/// Holds every removal that no limit holds and nobody permitted, and says about all that is held why it may be wrong. There
/// is always a hold of the view itself then, if anybody would lose anything: only whoever approves that one says that the
/// source shows all that it should.
pub(super) fn hold_removals(plan: &mut Plan, holds: &mut Vec<Hold>, why: &str) {
    let mut others = 0;
    for hold in holds.iter_mut().filter(|hold| hold.operations.iter().any(|one| one.change.removes())) {
        hold.summary.reason = format!("{why}; {}", hold.summary.reason);
        others += 1;
    }
    let (mut held, mut kept) = (Vec::new(), Vec::new());
    for operation in std::mem::take(&mut plan.operations) {
        if operation.standing == Standing::Permitted || !operation.change.removes() {
            kept.push(operation);
        } else if matches!(operation.change, Change::ChangeMembers { .. }) {
            let (comes, goes) = permit::split(operation, |_, comes| comes);
            kept.extend(comes);
            held.extend(goes);
        } else {
            held.push(operation);
        }
    }
    plan.operations = kept;
    if held.is_empty() && plan.in_grace.is_empty() && others == 0 {
        return;
    }
    let removals = Removals::of(&held, &plan.people);
    let count = removals.len();
    let what = match (held.is_empty(), others, plan.in_grace.len()) {
        (false, 0, _) => format!("all removals wait, {}", removals.in_words()),
        (false, ..) => format!("all other removals wait, {}", removals.in_words()),
        (true, 0, waiting) => format!("nobody is removed now, and {waiting} are in their grace"),
        (true, ..) => "what exceeds a limit is held by itself; whoever approves this one says that the source shows all \
                       that it should"
            .to_owned(),
    };
    let names = if held.is_empty() && others == 0 {
        plan.in_grace.iter().map(|user| user.username.clone()).collect()
    } else {
        names(&held)
    };
    let reason = format!("{why}; {what}");
    let summary = HoldSummary { names, ..HoldSummary::new(HoldKind::View, count, (0, count), reason) };
    holds.push(Hold::new(summary, held));
    let_others_wait(plan, holds);
    drop_empty(plan);
}
