//! The small parts of text that several commands print: times, durations, tables, lists that are cut.

use chrono::{DateTime, Utc};
use comfy_table::{CellAlignment, Table, presets};

use crate::sync::report::{Counts, FilteredBy, KindCounts, Waiting};
use crate::telemetry::escape::escape;
pub(super) use crate::telemetry::words::{duration, moment, plural};

/// How text is coloured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether at all.
    pub(super) colors: bool,
}

impl Style {
    /// What is added, and what is well.
    pub(super) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
    /// What changes, and what to look at.
    pub(super) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
    /// What is taken away, and what failed.
    pub(super) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }
    /// Headings.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    fn paint(self, code: &str, text: &str) -> String {
        if self.colors { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// `96 kB`, `3.2 MB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// `1 user or group that is`, `2 users or groups that are`; with `was`, `were` if it is over.
pub(super) fn adopted(count: u64, over: bool) -> String {
    match (count, over) {
        (1, true) => "1 user or group that was".to_owned(),
        (1, false) => "1 user or group that is".to_owned(),
        (_, true) => format!("{count} users or groups that were"),
        (_, false) => format!("{count} users or groups that are"),
    }
}

/// Characters in a line of names.
const LINE: usize = 84;

/// The first `most` names, as many on a line as there is room for.
pub(super) fn name_lines<S: AsRef<str>>(names: &[S], most: usize) -> Vec<String> {
    let mut shown: Vec<String> =
        names.iter().take(most).map(|name| escape(name.as_ref()).into_owned()).collect();
    if names.len() > most {
        shown.push(format!("… and {} more", names.len() - most));
    }
    let mut lines: Vec<String> = Vec::new();
    for name in shown {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + name.chars().count() <= LINE => {
                line.push_str(", ");
                line.push_str(&name);
            }
            Some(line) => {
                line.push(',');
                lines.push(name);
            }
            None => lines.push(name),
        }
    }
    lines
}

/// `deletes 28 users`, `x and y`, `x, y and z`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A table without lines. Cells are made harmless here; columns named in `numbers` are aligned to the right.
pub(super) fn table(
    header: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| escape(cell).into_owned()).collect::<Vec<_>>());
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// What happened to users, groups and memberships.
pub(super) fn counts(counts: &Counts) -> String {
    let row = |name: &str, kind: &KindCounts| {
        let KindCounts { created, updated, unchanged, disabled, deleted, failed, filtered, held } = *kind;
        let mut row = vec![name.to_owned()];
        let all = [created, updated, unchanged, disabled, deleted, failed, filtered, held];
        row.extend(all.map(|count| count.to_string()));
        row
    };
    table(
        &["", "created", "updated", "unchanged", "disabled", "deleted", "failed", "filtered", "held"],
        &[1, 2, 3, 4, 5, 6, 7, 8],
        [row("users", &counts.users), row("groups", &counts.groups), row("memberships", &counts.memberships)],
    )
}

/// What stands beside the counts: which rules filtered how many, and who is in the grace of leavers. Empty if there is
/// nothing of it.
pub(super) fn beside_counts(filtered: &FilteredBy, in_grace: u64) -> String {
    let mut out = String::new();
    for (what, rules) in [("users", &filtered.users), ("groups", &filtered.groups)] {
        let shown = rules.iter().filter(|(_, count)| **count > 0);
        let shown: Vec<String> = shown.map(|(rule, count)| format!("{} {count}", rule.as_str())).collect();
        if !shown.is_empty() {
            out.push_str(&format!("filtered {what}: {}\n", shown.join(", ")));
        }
    }
    if in_grace > 0 {
        out.push_str(&format!("in grace: {}; left alone until it is over\n", plural(in_grace, "leaver")));
    }
    out
}

/// The first `most` of those who are in grace, with its end; `all` is the command that shows the rest.
pub(super) fn waiting(waiting: &[Waiting], most: usize, all: &str, now: DateTime<Utc>) -> String {
    let mut out = String::new();
    for user in waiting.iter().take(most) {
        out.push_str(&format!("  {} until {}\n", escape(&user.username), moment(user.until, now)));
    }
    if waiting.len() > most {
        out.push_str(&format!("  … {} more, all with `{all}`\n", waiting.len() - most));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_and_wide_names_keep_the_table_straight() {
        let rows = [("王小明", "1"), ("eve\u{1b}[2J\nroot", "22"), ("Zoë", "333")];
        let rows = rows.map(|(name, count)| vec![name.to_owned(), count.to_owned()]);
        insta::assert_snapshot!(table(&["name", "count"], &[1], rows), @r"
        name                count
        王小明                  1
        eve\u{1b}[2J\nroot     22
        Zoë                   333
        ");
    }

    #[test]
    fn the_rules_that_filtered_are_named() {
        use crate::sync::model::ScopeRule::{GroupsExclude, Inactive, Statuses};
        assert_eq!(beside_counts(&FilteredBy::default(), 0), "");
        let filtered =
            FilteredBy { users: [(Inactive, 3), (Statuses, 12)].into(), groups: [(GroupsExclude, 4)].into() };
        assert_eq!(
            beside_counts(&filtered, 1),
            "filtered users: scope.statuses 12, inactive 3\nfiltered groups: groups.exclude 4\n\
             in grace: 1 leaver; left alone until it is over\n"
        );
    }

    #[test]
    fn who_waits_is_listed_with_the_end_of_its_grace() {
        let now = "2026-11-23T06:00:00Z".parse().unwrap();
        let user =
            |name: &str| Waiting { username: name.into(), until: "2026-11-30T06:00:00Z".parse().unwrap() };
        let users = [user("bob\u{1b}[2J"), user("carl"), user("dora")];
        assert_eq!(
            waiting(&users, 2, "usersyncd ctl run 17", now),
            "  bob\\u{1b}[2J until 2026-11-30 06:00 UTC (in 7 days)\n  carl until 2026-11-30 06:00 UTC (in 7 days)\n  \
             … 1 more, all with `usersyncd ctl run 17`\n"
        );
        assert_eq!(waiting(&users, 3, "", now).lines().count(), 3);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(name_lines(&["a", "b\n", "c"], 2), ["a, b\\n, … and 1 more"]);
        assert_eq!(name_lines(&["a", "b"], 2), ["a, b"]);
        let addresses: Vec<String> = (1..=25).map(|number| format!("user{number}@example.com")).collect();
        let lines = name_lines(&addresses, usize::MAX);
        assert!(lines.len() > 4 && lines.iter().all(|line| line.chars().count() <= LINE + 1), "{lines:?}");
        assert_eq!(lines.join(" "), addresses.join(", "));
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(Style { colors: true }.red("x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Style { colors: false }.red("x"), "x");
    }
}
