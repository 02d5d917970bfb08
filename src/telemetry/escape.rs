//! Makes text from elsewhere safe to show: names, messages and addresses come from people and from remote systems.

use std::borrow::Cow;

/// `text` on one line: line breaks, terminal escapes and characters that hide or reorder others are shown as what they
/// are (`\n`, `\u{1b}`). Everything else, wide scripts included, stays.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_unless(text, |_| false)
}

/// As [`escape`], but line breaks and tabs stay: for text that is known to have several lines.
#[must_use]
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_unless(text, |character| matches!(character, '\n' | '\t'))
}

/// `text` as it may stand between tags or in a quoted attribute of HTML.
#[must_use]
pub fn escape_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in escape(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn escape_unless(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |character: char| is_harmful(character) && !keep(character);
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            kept if !harmful(kept) => safe.push(kept),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            other => safe.push_str(&format!("\\u{{{:x}}}", u32::from(other))),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character moves the cursor, breaks the line, hides, or turns the direction of what follows.
///
/// Joiners (U+200C, U+200D) and direction marks (U+200E, U+200F) are part of ordinary names and stay.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_are_shown_as_what_they_are() {
        assert_eq!(escape("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(escape("\u{1b}[31mred\u{1b}[0m"), "\\u{1b}[31mred\\u{1b}[0m");
        assert_eq!(escape("\u{9b}2J"), "\\u{9b}2J", "C1 controls are escapes too");
        assert_eq!(escape("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(escape("a\u{200b}b"), "a\\u{200b}b");
    }

    #[test]
    fn names_of_all_scripts_stay_and_cost_nothing() {
        for name in ["Zoë Öztürk", "王小明", "محمد", "نیم‌فاصله", "EXAMPLE\\anna", "O'Brien"]
        {
            assert!(matches!(escape(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }

    #[test]
    fn lines_are_kept_where_they_are_wanted() {
        assert_eq!(escape_lines("a\n\tb\u{1b}"), "a\n\tb\\u{1b}");
    }

    #[test]
    fn html_has_no_live_characters() {
        assert_eq!(
            escape_html("<a href=\"x\" title='y'>&\n"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;\\n"
        );
    }
}
