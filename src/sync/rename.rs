//! Rules that make the name of a group in the target of its name at the source. Pure.
//!
//! The regular expressions are those of the crate `regex`: matching takes time in proportion to the text, whatever the
//! pattern.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Dot, Hir, HirKind, Look};

/// Memory that one compiled pattern may take, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;
/// How deep groups may be nested in a pattern.
const DEEPEST_PATTERN: u32 = 50;
/// How long a new name may become, in bytes; no target takes names near as long.
const LONGEST_NAME: usize = 16 << 10;
/// How long a replacement may be, in bytes.
const LONGEST_REPLACEMENT: usize = 1_000;

/// One rule: every match of the pattern in a name is replaced.
#[derive(Clone, Debug)]
pub struct Rename {
    pattern: Regex,
    to: String,
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameFault {
    /// True if it is in the replacement, false if it is in the pattern.
    pub in_to: bool,
    /// Where in that text, in bytes.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead, as a sentence.
    pub advice: Option<String>,
}

impl PartialEq for Rename {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.as_str() == other.pattern.as_str() && self.to == other.to
    }
}

impl Rename {
    /// A rule of a regular expression and what its matches are replaced by; `$1` and `${name}` stand for its groups, `$$`
    /// for a dollar sign.
    pub fn new(pattern: &str, to: &str) -> Result<Self, RenameFault> {
        let pattern = compile(pattern)?;
        check_references(&pattern, to)?;
        Ok(Self { pattern, to: to.to_owned() })
    }

    /// The regular expression as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The replacement as written.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The new name, trimmed; none if the pattern does not match. A name that would become absurdly long (16 KiB) is
    /// empty instead, which every target refuses.
    #[must_use]
    pub fn apply(&self, name: &str) -> Option<String> {
        match self.replace(name, LONGEST_NAME) {
            Ok(new) => new.map(|new| new.trim().to_owned()),
            Err(TooLong) => Some(String::new()),
        }
    }

    /// True if a match is always the whole of a name and nothing replaces it, so that no name that matches is left one.
    #[must_use]
    pub fn leaves_no_name(&self) -> bool {
        let parsed =
            regex_syntax::ParserBuilder::new().nest_limit(DEEPEST_PATTERN).build().parse(self.pattern());
        self.to.trim().is_empty()
            && parsed.is_ok_and(|parsed| reaches(&parsed, Side::Start) && reaches(&parsed, Side::End))
    }

    /// `text` with every match replaced; none if there is no match.
    pub(super) fn replace(&self, text: &str, longest: usize) -> Result<Option<String>, TooLong> {
        let mut replaced: Option<String> = None;
        let mut done = 0;
        for captures in self.pattern.captures_iter(text) {
            let whole = captures.get_match();
            let replaced = replaced.get_or_insert_default();
            replaced.push_str(text.get(done..whole.start()).unwrap_or_default());
            captures.expand(&self.to, replaced);
            done = whole.end();
            if replaced.len() > longest {
                return Err(TooLong);
            }
        }
        let Some(mut replaced) = replaced else { return Ok(None) };
        replaced.push_str(text.get(done..).unwrap_or_default());
        if replaced.len() > longest { Err(TooLong) } else { Ok(Some(replaced)) }
    }
}

/// One end of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

/// True if every match of a pattern surely reaches that end of the name: by `^` or `$`, or since it takes whatever is there.
fn reaches(pattern: &Hir, side: Side) -> bool {
    match pattern.kind() {
        HirKind::Look(Look::Start) => side == Side::Start,
        HirKind::Look(Look::End) => side == Side::End,
        HirKind::Capture(group) => reaches(&group.sub, side),
        HirKind::Concat(parts) => {
            let outermost = if side == Side::Start { parts.first() } else { parts.last() };
            outermost.is_some_and(|part| reaches(part, side))
        }
        HirKind::Alternation(parts) => parts.iter().all(|part| reaches(part, side)),
        HirKind::Repetition(repeated) => {
            repeated.max.is_none() && repeated.greedy && *repeated.sub == Hir::dot(Dot::AnyCharExceptLF)
        }
        _ => false,
    }
}

/// The result would be longer than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

fn in_pattern(span: Range<usize>, message: impl Into<String>, advice: Option<&str>) -> RenameFault {
    RenameFault {
        in_to: false,
        offset: span.start,
        length: span.len(),
        message: message.into(),
        advice: advice.map(str::to_owned),
    }
}

fn compile(pattern: &str) -> Result<Regex, RenameFault> {
    let everything = 0..pattern.len();
    if pattern.is_empty() {
        return Err(in_pattern(
            everything,
            "The regular expression is empty; it would match between any two characters.",
            Some("Write what is to be replaced, such as `^okta-`."),
        ));
    }
    // The regex crate tells where a mistake is in a drawing of several lines only; its parser tells the bytes.
    if let Err(error) = regex_syntax::ParserBuilder::new().nest_limit(DEEPEST_PATTERN).build().parse(pattern)
    {
        return Err(syntax_fault(pattern, &error));
    }
    RegexBuilder::new(pattern)
        .nest_limit(DEEPEST_PATTERN)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => in_pattern(
                everything,
                "The regular expression is too big: compiled, it would take more than 1 MiB.",
                Some("Write smaller repetitions: `{1,1000}` of a class such as `\\w` costs much."),
            ),
            other => in_pattern(everything, one_line(&other.to_string()), None),
        })
}

fn syntax_fault(pattern: &str, error: &regex_syntax::Error) -> RenameFault {
    let (span, what) = match error {
        regex_syntax::Error::Parse(error) => (error.span(), error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (error.span(), error.kind().to_string()),
        _ => return in_pattern(0..pattern.len(), one_line(&error.to_string()), None),
    };
    let advice = match what.as_str() {
        text if text.contains("look-around") => {
            Some("Match the text around it as well, in groups, and write the groups in the replacement.")
        }
        text if text.contains("backreferences") => Some("Groups such as `$1` are for the replacement only."),
        text if text.contains("unclosed group") => {
            Some("Close it with `)`, or write `\\(` for the character.")
        }
        text if text.contains("unopened group") => {
            Some("Open it with `(`, or write `\\)` for the character.")
        }
        _ => None,
    };
    // A mistake at the very end has no character of its own.
    let start = pattern.floor_char_boundary(span.start.offset);
    let end = pattern.ceil_char_boundary(span.end.offset.max(start + 1));
    in_pattern(start..end, format!("The regular expression is not valid: {}.", one_line(&what)), advice)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every group that `to` names must be one of `pattern`: the regex crate would silently put nothing in its place.
fn check_references(pattern: &Regex, to: &str) -> Result<(), RenameFault> {
    if to.len() > LONGEST_REPLACEMENT {
        return Err(RenameFault {
            in_to: true,
            offset: 0,
            length: to.len(),
            message: format!("The replacement is longer than {LONGEST_REPLACEMENT} bytes."),
            advice: None,
        });
    }
    if let Some(fault) = backslash_for_dollar(to) {
        return Err(fault);
    }
    let exists = |name: &str| match name.parse::<usize>() {
        Ok(number) => number < pattern.captures_len(),
        Err(_) => pattern.capture_names().flatten().any(|known| known == name),
    };
    let mut rest = to;
    while let Some(dollar) = rest.find('$') {
        let offset = to.len() - rest.len() + dollar;
        let after = rest.get(dollar + 1..).unwrap_or_default();
        let fault = |length: usize, message: String, advice: String| RenameFault {
            in_to: true,
            offset,
            length,
            message,
            advice: Some(advice),
        };
        rest = if let Some(after) = after.strip_prefix('$') {
            after
        } else if let Some(braced) = after.strip_prefix('{') {
            let Some(end) = braced.find('}') else {
                let advice = "Close it with `}`, or write `$$` for a dollar sign.".to_owned();
                return Err(fault(2, "`${` is not closed.".to_owned(), advice));
            };
            let name = braced.get(..end).unwrap_or_default();
            if !exists(name) {
                return Err(fault(end + 3, no_such_group(name), known_groups(pattern)));
            }
            braced.get(end + 1..).unwrap_or_default()
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let name = after.get(..end).unwrap_or_default();
            if !name.is_empty() && !exists(name) {
                return Err(fault(1 + end, no_such_group(name), advice_for(name, &exists, pattern)));
            }
            after.get(end..).unwrap_or_default()
        };
    }
    Ok(())
}

/// Other tools write `\1` for a group; here it would be a backslash and a digit in every name.
fn backslash_for_dollar(to: &str) -> Option<RenameFault> {
    let is_digit = |character: char| character.is_ascii_digit();
    let (offset, _) = to
        .match_indices('\\')
        .find(|(at, _)| to.get(at + 1..).is_some_and(|rest| rest.starts_with(is_digit)))?;
    let after = to.get(offset + 1..).unwrap_or_default();
    let rest = after.trim_start_matches(is_digit);
    let number = after.get(..after.len() - rest.len()).unwrap_or_default();
    let group = if rest.starts_with(|next: char| next.is_alphabetic() || next == '_') {
        format!("${{{number}}}")
    } else {
        format!("${number}")
    };
    Some(RenameFault {
        in_to: true,
        offset,
        length: 1 + number.len(),
        message: format!(
            "`\\{number}` is no group here: a backslash and a digit would stand in the new text."
        ),
        advice: Some(format!("Write `{group}`.")),
    })
}

fn no_such_group(name: &str) -> String {
    format!("The regular expression has no group `{name}`; nothing would stand in its place.")
}

/// `$1x` is group `1x`, as the regex crate reads it; who writes it means group 1 and an x.
fn advice_for(name: &str, exists: &impl Fn(&str) -> bool, pattern: &Regex) -> String {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let candidates = std::iter::once(digits).chain((1..name.len()).rev());
    for end in candidates {
        let (group, rest) = name.split_at(end);
        if !group.is_empty() && !rest.is_empty() && exists(group) {
            return format!("Write `${{{group}}}{rest}`.");
        }
    }
    known_groups(pattern)
}

fn known_groups(pattern: &Regex) -> String {
    let names: Vec<String> = pattern
        .capture_names()
        .enumerate()
        .skip(1)
        .map(|(number, name)| name.map_or_else(|| format!("${number}"), |name| format!("${{{name}}}")))
        .collect();
    if names.is_empty() {
        "Put what is to be kept between `(` and `)`, or write `$$` for a dollar sign.".to_owned()
    } else {
        format!("It has {}; write `$$` for a dollar sign.", names.join(", "))
    }
}

#[cfg(test)]
mod tests;
