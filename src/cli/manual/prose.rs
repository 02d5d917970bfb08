//! The texts behind `--help`, read as what they are: examples, exit codes, and the rest.
//!
//! A blank line parts paragraphs. Within one, lines that begin with two spaces are examples, and what stands behind two or
//! more spaces in them is a remark.

use super::page::Line;

/// A piece of a help text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Sentences.
    Text(String),
    /// Lines that stay as they are.
    Example(Vec<Line>),
}

/// A help text in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prose {
    /// What it is about.
    pub(super) description: Vec<Piece>,
    /// The examples.
    pub(super) examples: Vec<Line>,
    /// Exit codes: what they depend on (`With --wait`; may be empty), and each with its meaning.
    pub(super) exits: Option<Exits>,
}

/// Exit codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exits {
    /// What they depend on: `with --wait`; may be empty.
    pub(super) when: String,
    /// The codes with their meanings.
    pub(super) codes: Vec<(String, String)>,
}

/// Reads a help text.
pub(super) fn read(help: &str) -> Prose {
    let mut prose = Prose::default();
    for paragraph in help.split("\n\n") {
        let (code, text): (Vec<&str>, Vec<&str>) = paragraph.lines().partition(|line| line.starts_with("  "));
        let text = text.join(" ");
        let lines: Vec<Line> = joined(&code);
        if text == "Examples:" {
            prose.examples.extend(lines);
        } else if let Some(example) = text.strip_prefix("Example: ") {
            prose.examples.push(parted(example));
        } else if let Some(exits) = exits(&text) {
            prose.exits = Some(exits);
        } else {
            if !text.is_empty() {
                prose.description.push(Piece::Text(text));
            }
            if !lines.is_empty() {
                prose.description.push(Piece::Example(lines));
            }
        }
    }
    prose
}

/// The lines of an example; a remark that stands on a line of its own, far to the right, belongs to the one above.
fn joined(code: &[&str]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in code {
        let indent = line.len() - line.trim_start().len();
        match lines.last_mut() {
            Some(last) if indent > 20 && last.remark.is_empty() => last.remark = line.trim().to_owned(),
            _ => lines.push(parted(line.strip_prefix("  ").unwrap_or(line))),
        }
    }
    lines
}

/// A line and its remark.
fn parted(line: &str) -> Line {
    let indent = line.len() - line.trim_start().len();
    let (code, remark) = line.trim_start().split_once("  ").unwrap_or((line.trim_start(), ""));
    Line { code: format!("{}{}", " ".repeat(indent), code.trim_end()), remark: remark.trim().to_owned() }
}

/// `Exit codes with --wait: 0 done, 5 something is held.`
fn exits(text: &str) -> Option<Exits> {
    let (when, codes) = text.strip_prefix("Exit codes")?.split_once(": ")?;
    let mut found: Vec<(String, String)> = Vec::new();
    for word in codes.split(' ') {
        let ended = found.last().is_none_or(|(_, meaning)| meaning.ends_with([',', ';']));
        match found.last_mut() {
            _ if ended && word.chars().all(|character| character.is_ascii_digit()) => {
                found.push((word.to_owned(), String::new()));
            }
            Some((_, meaning)) => {
                if !meaning.is_empty() {
                    meaning.push(' ');
                }
                meaning.push_str(word);
            }
            // Codes come first.
            None => return None,
        }
    }
    for (_, meaning) in &mut found {
        *meaning = meaning.trim_end_matches([',', ';', '.']).to_owned();
    }
    Some(Exits { when: when.trim().to_owned(), codes: found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: &str, remark: &str) -> Line {
        Line { code: code.to_owned(), remark: remark.to_owned() }
    }

    #[test]
    fn examples_are_told_from_sentences() {
        let prose = read(
            "Examples:
  usersyncd ctl sync acme --wait       watch it
  usersyncd ctl sync acme --user anna@example.com --wait
                                       only this user

It is logged.

The connector is paused:
  usersyncd ctl resume acme          go on",
        );
        assert_eq!(
            prose.examples,
            [
                line("usersyncd ctl sync acme --wait", "watch it"),
                line("usersyncd ctl sync acme --user anna@example.com --wait", "only this user"),
            ]
        );
        let text = |text: &str| Piece::Text(text.to_owned());
        let resume = Piece::Example(vec![line("usersyncd ctl resume acme", "go on")]);
        assert_eq!(prose.description, [text("It is logged."), text("The connector is paused:"), resume]);
        assert_eq!(prose.exits, None);
    }

    #[test]
    fn one_example_stands_on_its_line() {
        assert_eq!(read("Example: usersyncd ctl list").examples, [line("usersyncd ctl list", "")]);
    }

    #[test]
    fn exit_codes_become_a_list() {
        let exits = read(
            "Exit codes with --wait: 0 done (also if nothing was true), 5 something is held, 6 an operation failed, or a \
             list was not proven; 1 nothing was done within 24 hours.",
        )
        .exits
        .unwrap();
        assert_eq!(exits.when, "with --wait");
        let codes: Vec<(&str, &str)> =
            exits.codes.iter().map(|(code, meaning)| (code.as_str(), meaning.as_str())).collect();
        assert_eq!(
            codes,
            [
                ("0", "done (also if nothing was true)"),
                ("5", "something is held"),
                ("6", "an operation failed, or a list was not proven"),
                ("1", "nothing was done within 24 hours"),
            ]
        );
        assert_eq!(read("Exit codes are numbers.").exits, None);
    }
}
