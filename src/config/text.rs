//! The text of a file as diagnostics show it: single lines with a caret under the fault, and no secrets.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Severity};

/// Longer lines are cut around the caret.
const WIDEST_LINE: usize = 120;

/// What stands where a secret was.
const MASK: &str = "***";

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

/// Control characters, and those that reverse or hide text on a terminal.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text without tokens, and without characters that act on a terminal.
fn masked(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut shown = String::new();
    let mut end = 0;
    for range in token_ranges(&characters) {
        shown.extend(&characters[end..range.start]);
        shown.push_str(MASK);
        end = range.end;
    }
    shown.extend(&characters[end..]);
    printable(&shown)
}

/// A text of the file within a message: in backquotes, cut, printable, and masked if it may be a secret.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let characters: Vec<char> = text.chars().collect();
    let mut masked = vec![false; characters.len()];
    for range in secret_ranges(&characters) {
        masked[range].fill(true);
    }
    let mut shown = String::from("`");
    for (index, character) in characters.iter().enumerate().take(LONGEST) {
        if masked[index] {
            if index == 0 || !masked[index - 1] {
                shown.push_str(MASK);
            }
        } else if is_unprintable(*character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(*character);
        }
    }
    if characters.len() > LONGEST {
        shown.push('…');
    }
    shown.push('`');
    shown
}

/// `text` without characters that act on a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if is_unprintable(character) { '\u{fffd}' } else { character }).collect()
}

/// True if a word of `text` looks like a token.
pub(super) fn holds_a_token(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    token_ranges(&characters).next().is_some()
}

/// True for the name of a key whose value is a secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    if key.eq_ignore_ascii_case("auth") {
        return true;
    }
    let key: String =
        key.to_ascii_lowercase().chars().filter(|character| !"-_ ".contains(*character)).collect();
    ["token", "password", "passwd", "passphrase", "secret", "privatekey", "apikey"]
        .iter()
        .any(|word| key.contains(word))
}

/// What must not be shown of a line even if the file cannot be parsed, as positions from 0: values of keys that name a
/// secret, texts that look like a token or a key, and what stands before the `@` of an address.
fn secret_ranges(line: &[char]) -> Vec<Range<usize>> {
    let mut ranges = values_of_secret_keys(line);
    ranges.extend(token_ranges(line));
    let is_base64 = |character: &char| character.is_ascii_alphanumeric() || "+/=".contains(*character);
    ranges.extend(runs(line, is_base64).filter(|range| {
        // A line of a PEM block, whole or as the end of `key: value`.
        range.len() >= 40
            && is_mixed(&line[range.clone()])
            && line[range.end..].iter().all(|character| character.is_whitespace())
    }));
    let is_address = |character: &char| !character.is_whitespace() && !"\"'`".contains(*character);
    ranges.extend(runs(line, is_address).filter_map(|range| user_information(line, &range)));
    ranges
}

fn token_ranges(line: &[char]) -> impl Iterator<Item = Range<usize>> {
    let is_word = |character: &char| character.is_ascii_alphanumeric() || "_-".contains(*character);
    runs(line, is_word).filter(|range| looks_like_a_token(&line[range.clone()]))
}

/// The longest stretches of characters that satisfy `belongs`.
fn runs(line: &[char], belongs: impl Fn(&char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let from = start + line.get(start..)?.iter().position(&belongs)?;
        let to = line[from..]
            .iter()
            .position(|character| !belongs(character))
            .map_or(line.len(), |end| from + end);
        start = to;
        Some(from..to)
    })
}

/// Okta's API tokens are 42 characters that begin with 00; other services use longer runs of mixed characters.
fn looks_like_a_token(word: &[char]) -> bool {
    (word.starts_with(&['0', '0']) && word.len() >= 38)
        || (word.len() >= 40 && is_mixed(word) && word.iter().all(char::is_ascii_alphanumeric))
}

/// True if there are capital letters, small letters and digits.
fn is_mixed(word: &[char]) -> bool {
    let has = |test: fn(&char) -> bool| word.iter().any(test);
    has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit)
}

/// What stands between `://` and the last `@` before the path.
fn user_information(line: &[char], range: &Range<usize>) -> Option<Range<usize>> {
    let address = &line[range.clone()];
    let from = address.windows(3).position(|window| window == [':', '/', '/'])? + 3;
    let host = address[from..].iter().position(|character| "/?#".contains(*character));
    let to = host.map_or(address.len(), |end| from + end);
    let at = address[from..to].iter().rposition(|character| *character == '@')?;
    Some(range.start + from..range.start + from + at)
}

fn values_of_secret_keys(line: &[char]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let colons = line.iter().enumerate().filter(|(_, character)| **character == ':').map(|(at, _)| at);
    let brace = line.iter().position(|character| *character == '{').unwrap_or(line.len());
    let mut masked = 0;
    for colon in colons {
        // Hostile lines have many colons: what is masked already is not looked at again.
        if colon < masked {
            continue;
        }
        let key: String = line[..colon]
            .iter()
            .rev()
            .skip_while(|character| character.is_whitespace() || "\"'".contains(**character))
            .take_while(|character| character.is_alphanumeric() || "_-".contains(**character))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        if !names_a_secret(&key) {
            continue;
        }
        let Some(from) = line[colon + 1..].iter().position(|character| !character.is_whitespace()) else {
            break;
        };
        let from = colon + 1 + from;
        let to = match line[from] {
            '{' | '[' => continue,
            quote @ ('"' | '\'') => line[from + 1..]
                .iter()
                .position(|character| *character == quote)
                .map_or(line.len(), |end| from + end + 2),
            // Within braces the value ends where the next one begins.
            _ if brace < colon => line[from..]
                .iter()
                .position(|character| ",}".contains(*character))
                .map_or(line.len(), |end| from + end),
            _ => line.len(),
        };
        let blanks = line[from..to].iter().rev().take_while(|character| character.is_whitespace()).count();
        ranges.push(from..to - blanks);
        masked = to;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

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
