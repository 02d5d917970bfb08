//! What of a file must not be shown, and how the rest is made harmless.

use std::ops::Range;

/// What stands where a secret was.
pub(super) const MASK: &str = "***";

/// Control characters, and those that reverse or hide text on a terminal.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text without tokens, and without characters that act on a terminal.
pub(super) fn masked(text: &str) -> String {
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
/// secret, texts that look like a token or a key, what stands before the `@` of an address, and what follows its host.
pub(super) fn secret_ranges(line: &[char]) -> Vec<Range<usize>> {
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
    ranges.extend(
        runs(line, is_address)
            .flat_map(|range| [user_information(line, &range), path(line, &range)])
            .flatten(),
    );
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

/// What stands behind the host and its `/`: no address in these files has a path, but for one that is a secret and was
/// written where its place belongs.
fn path(line: &[char], range: &Range<usize>) -> Option<Range<usize>> {
    let address = &line[range.clone()];
    let from = address.windows(3).position(|window| window == [':', '/', '/'])? + 3;
    let slash = from + address[from..].iter().position(|character| "/?#".contains(*character))?;
    (slash + 1 < address.len()).then_some(range.start + slash + 1..range.end)
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
