//! From a place in the value of a scalar to the place in the file: past quotes, escapes, indentation and folded lines.

use std::iter::Peekable;
use std::ops::Range;

use super::text::{Position, Region, Text};

/// How a scalar is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Not at all: a plain scalar, or a block after `|` or `>`.
    None,
    /// `'`, where two of them mean one.
    Single,
    /// `"`, with backslashes as in YAML 1.2.2, section 5.7.
    Double,
}

/// What one or more characters of the file stand for.
struct Unit {
    /// None for the backslash that joins two lines.
    character: Option<char>,
    region: Region,
}

/// The region of the file in which `bytes` of `value` stand; `whole` is the region of the scalar, which is also the answer
/// where its text cannot be told (which would be a mistake of this module).
///
/// White space is the only thing that folding changes: lines are joined by one space, indentation and blanks at the ends
/// of lines go. So everything else is found one by one, and of white space between two words as much as there is.
pub(super) fn region_of(
    text: &Text,
    whole: Region,
    quotes: Quotes,
    value: &str,
    bytes: Range<usize>,
) -> Region {
    let units = units(text, whole, quotes);
    let Some(places) = align(&units, value) else { return whole };
    // How many characters begin before `offset`; so an offset within a character means that character.
    let number = |offset: usize| value.char_indices().take_while(|(at, _)| *at < offset).count();
    let first = if bytes.start >= value.len() { places.len() } else { number(bytes.start + 1) - 1 };
    let Some(from) = places.get(first) else {
        let end = units.last().map_or(whole.from, |unit| unit.region.to);
        return Region { from: end, to: Position { column: end.column + 1, ..end } };
    };
    let last = number(bytes.end.min(value.len())).saturating_sub(1).max(first);
    let to = places.get(last).map_or(from.to, |place| place.to);
    Region { from: from.from, to }
}

/// What the text of a scalar stands for, one by one, without its quotes.
fn units(text: &Text, whole: Region, quotes: Quotes) -> Vec<Unit> {
    let mut raw = text.characters(whole).peekable();
    let mut units = Vec::new();
    if quotes != Quotes::None {
        raw.next();
    }
    while let Some((character, from)) = raw.next() {
        let (character, to) = match (quotes, character) {
            (Quotes::Single, '\'') => match raw.next_if(|(next, _)| *next == '\'') {
                Some((_, second)) => (Some('\''), second),
                None => break,
            },
            (Quotes::Double, '"') => break,
            (Quotes::Double, '\\') => escape(&mut raw, from),
            _ => (Some(character), from),
        };
        let to = Position { column: to.column + 1, ..to };
        units.push(Unit { character, region: Region { from, to } });
    }
    units
}

/// What stands behind a backslash, and where its last character is.
fn escape(
    raw: &mut Peekable<impl Iterator<Item = (char, Position)>>,
    backslash: Position,
) -> (Option<char>, Position) {
    let Some((name, mut last)) = raw.next() else { return (None, backslash) };
    let digits = match name {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    let mut code = 0u32;
    for _ in 0..digits {
        let Some((digit, place)) = raw.next_if(|(digit, _)| digit.is_ascii_hexdigit()) else { break };
        code = code.saturating_mul(16).saturating_add(digit.to_digit(16).unwrap_or_default());
        last = place;
    }
    let character = match name {
        'x' | 'u' | 'U' => char::from_u32(code),
        '\n' => None,
        '0' => Some('\0'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        't' => Some('\t'),
        'n' => Some('\n'),
        'v' => Some('\u{b}'),
        'f' => Some('\u{c}'),
        'r' => Some('\r'),
        'e' => Some('\u{1b}'),
        'N' => Some('\u{85}'),
        '_' => Some('\u{a0}'),
        'L' => Some('\u{2028}'),
        'P' => Some('\u{2029}'),
        other => Some(other),
    };
    (character, last)
}

/// What folding may add, remove or replace.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// The region of each character of `value`; none if `units` do not stand for it.
fn align(units: &[Unit], value: &str) -> Option<Vec<Region>> {
    let mut places = Vec::with_capacity(value.len());
    let mut rest = units.iter().filter(|unit| unit.character.is_some()).peekable();
    let blank = |unit: &&Unit| unit.character.is_some_and(is_blank);
    for character in value.chars() {
        if is_blank(character) {
            let here = rest.next_if(|unit| blank(unit)).or_else(|| rest.peek().copied()).or(units.last());
            places.push(here.map(|unit| unit.region)?);
            continue;
        }
        while rest.next_if(|unit| blank(unit)).is_some() {}
        let unit = rest.next().filter(|unit| unit.character == Some(character))?;
        places.push(unit.region);
    }
    rest.all(|unit| blank(&unit)).then_some(places)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::tree;

    /// Where `part` of the value of the first key stands, as `LINE:COLUMN TEXT`, TEXT being what the file has there.
    fn found(contents: &str, part: &str) -> String {
        let text = Text::new(Path::new("x.yaml"), contents);
        let root = tree::parse(contents).root.unwrap();
        let tree::Value::Mapping(entries) = &root.value else { panic!("{root:?}") };
        let node = &entries[0].value;
        let value = node.scalar().unwrap();
        let start = value.find(part).unwrap_or_else(|| panic!("{part} in {value:?}"));
        let region = region_of(&text, node.region, node.quotes, value, start..start + part.len());
        let shown: String = text.characters(region).map(|(character, _)| character).collect();
        format!("{}:{} {shown}", region.from.line, region.from.column)
    }

    #[test]
    fn plain_scalars() {
        assert_eq!(found("a: one two # three", "two"), "1:8 two");
        assert_eq!(found("ключ: ä two", "two"), "1:9 two");
        assert_eq!(found("a: one\n  two\n\n   three\nb: 1", "three"), "4:4 three");
        assert_eq!(found("a: one\r\n  two\r\n", "two"), "2:3 two");
        assert_eq!(found("{ a: one two, b: 1 }", "two"), "1:10 two");
        assert_eq!(found("a: one\n  two", "one two"), "1:4 one\n  two");
    }

    #[test]
    fn single_quoted_scalars() {
        assert_eq!(found("a: 'one two'", "two"), "1:9 two");
        assert_eq!(found("a: 'it''s ''two'' three'", "two"), "1:13 two");
        assert_eq!(found("a: 'it''s'", "'"), "1:7 ''");
        assert_eq!(found("a: '\\d \\\\ two'", "two"), "1:11 two");
        assert_eq!(found("a: 'one  \n\n  two'", "two"), "3:3 two");
        assert_eq!(found("a: '  one  '", "one"), "1:7 one");
        assert_eq!(found("a:\n  '''' \nb: 1", "'"), "2:4 ''");
    }

    #[test]
    fn double_quoted_scalars() {
        assert_eq!(found(r#"a: "one two""#, "two"), "1:9 two");
        assert_eq!(found(r#"a: "\\d \"two\" three""#, "two"), "1:11 two");
        assert_eq!(found(r#"a: "\\d""#, "\\d"), r"1:5 \\d");
        assert_eq!(found(r#"a: "\u00e4\x41\U0001F600\ttwo""#, "two"), "1:27 two");
        assert_eq!(found(r#"a: "\u00e4\x41""#, "A"), r"1:11 \x41");
        assert_eq!(found("a: \"one\\\n   two\"", "two"), "2:4 two");
        assert_eq!(found("a: \"one\n\n   two\\\n   \\ three\"", "three"), "4:6 three");
        assert_eq!(found("a: \"\\  two\"", "two"), "1:8 two");
    }

    #[test]
    fn blocks() {
        assert_eq!(found("a: |\n  one\n  two\nb: 1", "two"), "3:3 two");
        assert_eq!(found("a: |2- # comment\n    one\n   two\nb: 1", "two"), "3:4 two");
        assert_eq!(found("a: |\n\n\n    one\n     two", "two"), "5:6 two");
        assert_eq!(found("a: >\n  one\n  two\n\n  three", "three"), "5:3 three");
        assert_eq!(found("a: >-\n  one\n    more # no comment\n  two", "two"), "4:3 two");
        assert_eq!(found("a: |\r\n  'one'\r\n  \"two\\\r\nb: 1", "two\\"), "3:4 two\\");
        assert_eq!(found("a: |\n  ключ {{ x }}\n", "x"), "2:11 x");
    }

    #[test]
    fn the_end_of_a_value_is_behind_its_last_character() {
        let at_end = |contents: &str| {
            let text = Text::new(Path::new("x.yaml"), contents);
            let root = tree::parse(contents).root.unwrap();
            let node = root.get("a").unwrap();
            let value = node.scalar().unwrap();
            let region = region_of(&text, node.region, node.quotes, value, value.len()..value.len());
            (region.from.line, region.from.column)
        };
        assert_eq!(at_end("a: one"), (1, 7));
        assert_eq!(at_end("a: 'one'"), (1, 8));
        assert_eq!(at_end("a: \"one\\n\""), (1, 10));
        assert_eq!(at_end("a: ''"), (1, 4));
    }

    #[test]
    fn what_cannot_be_told_is_the_whole_scalar() {
        let text = Text::new(Path::new("x.yaml"), "a: other");
        let whole = Region { from: Position { line: 1, column: 4 }, to: Position { line: 1, column: 9 } };
        assert_eq!(region_of(&text, whole, Quotes::None, "one", 0..1), whole);
        assert_eq!(region_of(&text, whole, Quotes::None, "othe", 0..1), whole);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        /// Every character that is no white space is found where it stands, in whatever way the value is written.
        #[test]
        fn every_character_is_found(value in "[a-c'\"\\\\:#{}|%é \n]{1,30}", style in 0..3) {
            let written = match style {
                0 => format!("a: {}\n", serde_json::Value::from(value.as_str())),
                1 => format!("a: '{}'\n", value.replace('\'', "''").replace('\n', "\n  ")),
                _ => format!("a: |2\n  {}\nb: 1\n", value.replace('\n', "\n  ")),
            };
            let text = Text::new(Path::new("x.yaml"), &written);
            let parsed = tree::parse(&written);
            let Some(node) = parsed.root.as_ref().and_then(|root| root.get("a")) else { return Ok(()) };
            let Some(read) = node.scalar() else { return Ok(()) };
            for (at, character) in read.char_indices().filter(|(_, character)| !is_blank(*character)) {
                let region = region_of(&text, node.region, node.quotes, read, at..at + character.len_utf8());
                let shown: String = text.characters(region).map(|(character, _)| character).collect();
                prop_assert_ne!(region, node.region, "{:?} {:?}", written, character);
                prop_assert!(shown.ends_with(character), "{:?} {:?} {:?}", written, character, shown);
            }
        }
    }
}
