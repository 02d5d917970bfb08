//! Groups. The only list of them was made for a text field: it shows some and says how many there are.

use std::collections::HashSet;

use compact_str::CompactString;

use super::bean::{self, Picked};
use super::look::Look;
use super::read::group_id;
use crate::sync::model::TargetId;
use crate::target::server::Ask;
use crate::target::{Interest, TargetError};

/// More than any Jira has; it shows fewer if its administrator has not raised its limit.
const MOST: &str = "10000";

const WHAT: &str = "the list of groups";

/// A group that may be there.
pub(super) struct Candidate {
    pub(super) id: TargetId,
    pub(super) name: CompactString,
    /// True if a list showed it; else its members tell.
    pub(super) is_certain: bool,
}

/// Groups so far, each once.
#[derive(Default)]
struct Found {
    ids: HashSet<TargetId>,
    groups: Vec<Candidate>,
}

impl Found {
    fn add(&mut self, name: &str, is_certain: bool) {
        let id = group_id(name);
        if self.ids.insert(id.clone()) {
            self.groups.push(Candidate { id, name: name.into(), is_certain });
        }
    }
}

/// All groups that are listed, and those of interest that may be there without being listed.
pub(super) async fn candidates(look: Look<'_>, interest: &Interest) -> Result<Vec<Candidate>, TargetError> {
    let mut found = Found::default();
    let list = pick(look, "").await?;
    list.names.iter().for_each(|name| found.add(name, true));
    if is_whole(&list) {
        return Ok(found.groups);
    }
    tracing::info!(
        shown = list.names.len(),
        total = list.total,
        "Jira does not show all groups; those that are managed or wanted are asked for by name \
         (jira.ajax.autocomplete.limit says how many it shows)"
    );
    for pattern in interest.watched_groups.patterns() {
        watch(look, pattern, &mut found).await?;
    }
    let managed = interest.groups.managed.values();
    managed.chain(interest.groups.names.values()).for_each(|name| found.add(name, false));
    Ok(found.groups)
}

/// The name of any group.
pub(super) async fn any(look: Look<'_>) -> Result<CompactString, TargetError> {
    pick(look, "").await?.names.into_iter().next().ok_or_else(|| {
        TargetError::Unreadable(format!(
            "{} shows no group; nothing was changed. Give the account the global permissions Browse Users and Jira \
             Administrators",
            look.server.place()
        ))
    })
}

/// A Jira without groups does not exist; who may not browse users is shown none.
fn is_whole(list: &Picked) -> bool {
    let shown = list.names.len() as u64;
    shown > 0 && list.total.is_some_and(|total| total <= shown)
}

/// Finds the groups that a pattern may mean: their members must not be overlooked, so that it is better to stop than to
/// know only some of them.
async fn watch(look: Look<'_>, pattern: &str, found: &mut Found) -> Result<(), TargetError> {
    if !pattern.contains(['*', '?', '[', ']', '{', '}', '\\', '!']) {
        found.add(pattern, false);
        return Ok(());
    }
    let literal = longest_literal(pattern);
    let list = pick(look, literal).await?;
    list.names.iter().for_each(|name| found.add(name, true));
    match list.total {
        Some(total) if total <= list.names.len() as u64 => Ok(()),
        total => Err(TargetError::Unreadable(format!(
            "{} shows {} of {} groups that may be meant by `{pattern}` in protected.groups, so that their members are not \
             known; nothing was changed. Write their names without wildcards, or raise jira.ajax.autocomplete.limit in \
             Jira's advanced settings",
            look.server.place(),
            list.names.len(),
            total.map_or("an unknown number of".to_owned(), |total| total.to_string()),
        ))),
    }
}

/// What every name that a glob matches has in it. Within braces and brackets nothing is certain, and after a backslash.
fn longest_literal(pattern: &str) -> &str {
    let start = pattern.find(['[', '{', '\\']).unwrap_or(pattern.len());
    let certain = pattern.get(..start).unwrap_or_default();
    certain.split(['*', '?']).max_by_key(|part| part.len()).unwrap_or_default()
}

async fn pick(look: Look<'_>, query: &str) -> Result<Picked, TargetError> {
    let url = look.url(&["groups", "picker"], &[("query", query), ("maxResults", MOST)]);
    look.server.must_read(Ask::get(url, WHAT), look.control, bean::picked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_glob_certainly_has_in_it_is_searched_for() {
        for (pattern, literal) in [
            ("*", ""),
            ("jira-*", "jira-"),
            ("*-admins", "-admins"),
            ("a*longer?b", "longer"),
            ("{a,b}-admins", ""),
            ("x[ab]cdef", "x"),
            (r"a\*bcd", "a"),
        ] {
            assert_eq!(longest_literal(pattern), literal, "{pattern}");
        }
    }
}
