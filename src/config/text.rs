//! The text of a file as diagnostics show it: single lines with a caret under the fault, and no secrets.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Severity};
use super::mask::{MASK, is_unprintable, masked, names_a_secret, secret_ranges};

/// Longer lines are cut around the caret.
const WIDEST_LINE: usize = 120;

/// A place between two characters; line and column are counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A stretch of a file; `to` is behind its last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) from: Position,
    pub(super) to: Position,
}

impl Region {
    /// One character at `line` and `column`.
    pub(super) fn at(line: usize, column: usize) -> Self {
        let from = Position { line, column };
        Self { from, to: Position { line, column: column + 1 } }
    }
}

/// What is wrong with one value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// A sentence.
    pub(super) message: String,
    /// Another, if there is something to advise.
    pub(super) advice: Option<String>,
    /// The bytes of the value that it is about, where it is not all of it.
    pub(super) at: Option<Range<usize>>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), advice: None, at: None }
    }

    /// What another part of the daemon found wrong with a text of the file. It may quote that text, so it is made harmless:
    /// one line, printable, without tokens. It becomes a sentence if it is the end of one.
    pub(super) fn reported(message: &str, advice: Option<&str>) -> Self {
        let sentence = |text: &str| {
            let line = masked(&text.split_whitespace().collect::<Vec<_>>().join(" "));
            let mut characters = line.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            let mut sentence: String = first.into_iter().chain(characters).collect();
            if !sentence.ends_with(['.', '!', '?']) {
                sentence.push('.');
            }
            sentence
        };
        Self { message: sentence(message), advice: advice.map(sentence), at: None }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// It is about `length` bytes of the value from `offset` on.
    pub(super) fn at(mut self, offset: usize, length: usize) -> Self {
        self.at = Some(offset..offset + length);
        self
    }
}

/// The lines of one file, with the regions that no diagnostic may show.
#[derive(Debug)]
pub(super) struct Text {
    path: PathBuf,
    lines: Vec<Vec<char>>,
    hidden: Vec<Region>,
}

impl Text {
    /// Splits `contents` as YAML does: at line feeds, carriage returns, and pairs of both.
    pub(super) fn new(path: &Path, contents: &str) -> Self {
        let normal = contents.replace("\r\n", "\n").replace('\r', "\n");
        let lines = normal.split('\n').map(|line| line.chars().collect()).collect();
        Self { path: path.to_path_buf(), lines, hidden: Vec::new() }
    }

    /// No diagnostic made from now on shows what stands in `region`.
    pub(super) fn hide(&mut self, region: Region) {
        self.hidden.push(region);
    }

    /// True if no diagnostic may show `region`.
    pub(super) fn is_hidden(&self, region: Region) -> bool {
        self.hidden.contains(&region)
    }

    /// A diagnostic about `region`, or about the whole file if there is none.
    pub(super) fn diagnostic(
        &self,
        severity: Severity,
        region: Option<Region>,
        complaint: Complaint,
    ) -> Diagnostic {
        let region = region.map(|region| self.clamp(region));
        Diagnostic {
            file: self.path.clone(),
            line: region.map_or(0, |region| region.from.line),
            column: region.map_or(0, |region| region.from.column),
            severity,
            message: complaint.message,
            advice: complaint.advice,
            snippet: region.map(|region| self.snippet(region)),
        }
    }

    /// The characters of `region`, each with its place; a line feed at the end of each line but the last of the file.
    pub(super) fn characters(&self, region: Region) -> impl Iterator<Item = (char, Position)> {
        let lines = self.lines.iter().enumerate().map(|(index, line)| (index + 1, line));
        let lines = lines.skip(region.from.line.saturating_sub(1));
        let lines = lines.take((region.to.line + 1).saturating_sub(region.from.line));
        let characters = lines.flat_map(|(line, characters)| {
            let end = (line < self.lines.len()).then_some('\n');
            let characters = characters.iter().copied().chain(end);
            characters
                .enumerate()
                .map(move |(index, character)| (character, Position { line, column: index + 1 }))
        });
        characters.filter(move |(_, place)| (region.from..region.to).contains(place))
    }

    /// Where a diagnostic about `region` stands.
    pub(super) fn place(&self, region: Region) -> Position {
        self.clamp(region).from
    }

    /// Moves a region that a parser reports beyond the end of a line or of the file to where something can be shown.
    fn clamp(&self, region: Region) -> Region {
        let line = region.from.line.clamp(1, self.lines.len().max(1));
        let length = self.lines.get(line - 1).map_or(0, Vec::len);
        let column =
            if line < region.from.line { length + 1 } else { region.from.column.clamp(1, length + 1) };
        let from = Position { line, column };
        let end = if region.to.line > line { length + 1 } else { region.to.column.min(length + 1) };
        Region { from, to: Position { line, column: end.max(column + 1) } }
    }

    /// The line and, under it, carets from the beginning to the end of `region` (clamped, so of one line).
    fn snippet(&self, region: Region) -> String {
        let empty = Vec::new();
        let line = self.lines.get(region.from.line - 1).unwrap_or(&empty);
        let mut masked = vec![self.continues_a_secret(region.from.line); line.len()];
        for range in secret_ranges(line).into_iter().chain(self.hidden_ranges(region.from.line, line.len())) {
            masked[range].fill(true);
        }
        let mut shown: Vec<char> = Vec::with_capacity(line.len());
        let (mut caret, mut caret_end) = (None, None);
        for (index, character) in line.iter().enumerate() {
            if masked[index] && index > 0 && masked[index - 1] {
                continue;
            }
            if index + 1 >= region.from.column {
                caret.get_or_insert(shown.len());
            }
            if index + 1 >= region.to.column {
                caret_end.get_or_insert(shown.len());
            }
            match character {
                _ if masked[index] => shown.extend(MASK.chars()),
                '\t' => shown.push(' '),
                character if is_unprintable(*character) => shown.push('\u{fffd}'),
                character => shown.push(*character),
            }
        }
        let caret = caret.unwrap_or(shown.len());
        let caret_end = caret_end.unwrap_or(shown.len()).max(caret + 1);
        cut(&shown, caret, caret_end)
    }

    /// True for a line that holds the value of a key above it that names a secret. Where the file can be parsed its
    /// tree says so; this is for files that cannot.
    fn continues_a_secret(&self, line: usize) -> bool {
        let text =
            |line: usize| self.lines.get(line.wrapping_sub(1)).map(|line| line.iter().collect::<String>());
        let (Some(above), Some(this)) = (text(line.wrapping_sub(1)), text(line)) else { return false };
        let Some(key) = above.trim().strip_suffix(':') else { return false };
        let is_place = |key: &str| this.trim_start_matches([' ', '{', '"', '\'']).starts_with(key);
        key != "auth" && names_a_secret(key) && !["credential", "file", "env", "#"].into_iter().any(is_place)
    }

    /// The hidden columns of a line, as positions from 0.
    fn hidden_ranges(&self, line: usize, length: usize) -> Vec<Range<usize>> {
        let lines = self.hidden.iter().filter(|region| (region.from.line..=region.to.line).contains(&line));
        lines
            .map(|region| {
                let from = if region.from.line == line { region.from.column - 1 } else { 0 };
                let to = if region.to.line == line { region.to.column - 1 } else { length };
                from.min(length)..to.clamp(from.min(length), length)
            })
            .collect()
    }
}

/// Cuts a long line around the caret and draws the carets under it.
fn cut(line: &[char], caret: usize, caret_end: usize) -> String {
    let start = if line.len() <= WIDEST_LINE { 0 } else { caret.saturating_sub(WIDEST_LINE / 2) };
    let end = line.len().min(start + WIDEST_LINE);
    let mut text = String::new();
    let mut indent = caret - start;
    if start > 0 {
        text.push('…');
        indent += 1;
    }
    text.extend(&line[start..end]);
    if end < line.len() {
        text.push('…');
    }
    let carets = caret_end.min(end.max(caret + 1)) - caret;
    format!("{text}\n{}{}", " ".repeat(indent), "^".repeat(carets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::mask::quoted;

    const TOKEN: &str = "00QCjAl4MlV-WPXMaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn snippet(contents: &str, line: usize, column: usize, length: usize) -> String {
        let text = Text::new(Path::new("x.yaml"), contents);
        let region =
            Region { from: Position { line, column }, to: Position { line, column: column + length } };
        text.diagnostic(Severity::Error, Some(region), Complaint::new("no")).snippet.unwrap()
    }

    #[test]
    fn carets_stand_under_the_region() {
        assert_eq!(snippet("a: 1\nkey: value\n", 2, 6, 5), "key: value\n     ^^^^^");
        assert_eq!(snippet("a: 1\r\nkey:\tvalue\r\n", 2, 6, 5), "key: value\n     ^^^^^");
        assert_eq!(snippet("ключ: да", 1, 7, 2), "ключ: да\n      ^^");
    }

    #[test]
    fn positions_outside_the_file_are_moved_into_it() {
        assert_eq!(snippet("abc", 9, 9, 9), "abc\n   ^");
        assert_eq!(snippet("", 1, 1, 1), "\n^");
        assert_eq!(snippet("abc", 1, 2, 99), "abc\n ^^");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = "x".repeat(500) + "HERE" + &"y".repeat(500);
        let snippet = snippet(&line, 1, 501, 4);
        let (text, carets) = snippet.split_once('\n').unwrap();
        let at = carets.chars().position(|character| character == '^').unwrap();
        assert!(text.chars().count() <= WIDEST_LINE + 2);
        assert_eq!(text.chars().skip(at).take(4).collect::<String>(), "HERE");
    }

    #[test]
    fn terminals_are_not_at_the_mercy_of_a_file() {
        assert_eq!(snippet("a\u{1b}[31m\u{202e}b", 1, 1, 1), "a\u{fffd}[31m\u{fffd}b\n^");
        assert_eq!(quoted("a\u{1b}b\nc"), "`a\\u{1b}b\\nc`");
    }

    #[test]
    fn secrets_are_masked_wherever_the_caret_is() {
        for line in [
            format!("    api_token: {TOKEN}"),
            format!("    api_token: {TOKEN} trailing"),
            format!("    api_token: \"{TOKEN}\""),
            format!("    credential: {TOKEN}"),
            format!("    auth: {{ \"api_token\" : {TOKEN}, unknown: 1 }}"),
            format!("    {{ {TOKEN} }}"),
            format!("    # {TOKEN}"),
            format!("  url: https://admin:{TOKEN}x@acme.okta.com/api"),
        ] {
            for column in 1..line.len() {
                let snippet = snippet(&line, 1, column, 3);
                assert!(!snippet.contains("MlV") && snippet.contains(MASK), "{snippet}");
            }
        }
        for line in [
            "password: hunter2, x",
            "Password: 'hunter2'",
            "client-secret: hunter2",
            "\"private_key\": hunter2",
        ] {
            assert!(!snippet(line, 1, 1, 1).contains("hunter2"), "{line}");
        }
        assert!(!snippet("url: https://joe:hunter2@host/", 1, 1, 1).contains("hunter2"));
        assert!(!snippet(&format!("  {}", "MIIEvQ/7".repeat(8)), 1, 1, 1).contains("MIIE"));
        assert!(!quoted(TOKEN).contains("MlV"));
    }

    #[test]
    fn a_caret_behind_a_mask_stays_under_its_word() {
        let line = format!("auth: {{ api_token: {TOKEN}, unknown: 1 }}");
        let column = line.find("unknown").unwrap() + 1;
        assert_eq!(
            snippet(&line, 1, column, 7),
            "auth: { api_token: ***, unknown: 1 }\n                        ^^^^^^^"
        );
    }

    #[test]
    fn a_hidden_region_is_masked_on_each_of_its_lines() {
        let mut text = Text::new(Path::new("x.yaml"), "key: |\n  first\n  second\nother: 1");
        let to = Position { line: 3, column: 9 };
        text.hide(Region { from: Position { line: 1, column: 6 }, to });
        let show =
            |line| text.diagnostic(Severity::Error, Some(Region::at(line, 1)), Complaint::new("")).snippet;
        assert_eq!(show(1).unwrap(), "key: ***\n^");
        assert_eq!(show(2).unwrap(), "***\n^^^");
        assert_eq!(show(3).unwrap(), "***\n^^^");
        assert_eq!(show(4).unwrap(), "other: 1\n^");
    }

    #[test]
    fn a_value_below_its_key_is_masked_even_if_nothing_can_be_parsed() {
        assert_eq!(snippet("api_token:\n  hunter2: x: y", 2, 1, 1), "***\n^^^");
        assert_eq!(
            snippet("auth:\n  api_token: { env: A: b }", 2, 3, 1).lines().next(),
            Some("  api_token: { env: A: b }")
        );
        assert_eq!(
            snippet("api_token:\n  credential: a: b", 2, 3, 1).lines().next(),
            Some("  credential: a: b")
        );
    }

    #[test]
    fn a_hostile_line_is_masked_in_no_time() {
        for piece in ["token: ", "{token: ", "token: \"", "token:,{", ": ", "https://@"] {
            let line = piece.repeat(100_000 / piece.len());
            assert!(!snippet(&line, 1, 1, 1).is_empty());
        }
    }

    #[test]
    fn ordinary_values_are_shown() {
        for line in [
            "credential: okta-token",
            "api_token: { credential: okta-token }",
            "exclude: [\"svc-*\", \"*@contractor.acme.com\"]",
            "groups: [atlassian-jira-software-users-of-department-42]",
            "file: /etc/usersyncd/credentials/of/the/okta/organisation-1.token",
        ] {
            assert_eq!(snippet(line, 1, 1, 1).lines().next().unwrap(), line);
        }
    }
}
