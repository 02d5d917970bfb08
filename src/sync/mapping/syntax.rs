//! Reads the text of a template into a syntax tree, within limits, and says where it is wrong.

use std::ops::Range;

use minijinja::machinery::{Span, Token, ast, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::TemplateFault;

/// The longest template, in bytes.
const LONGEST_TEMPLATE: usize = 16 << 10;
/// How many operators, names of statements and brackets a template may have. Each can be one level of the syntax tree, and
/// the parser is recursive: without a limit, a long template overflows the stack.
const MOST_OPERATORS: usize = 600;
/// How deep brackets may be nested, for the same reason.
const DEEPEST_BRACKETS: usize = 30;
/// How deep `if`, `for` and `set` may be nested, for the same reason.
const DEEPEST_STATEMENTS: usize = 20;
/// How many `elif` there may be: each is an `if` within the one before.
const MOST_ELIF: usize = 100;

/// A template as it was read.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// What it consists of, with the places in bytes.
    pub(super) tokens: Vec<(Token<'t>, Range<usize>)>,
}

/// Makes a fault at a place.
pub(super) fn fault(
    place: Range<usize>,
    message: impl Into<String>,
    advice: Option<String>,
) -> TemplateFault {
    TemplateFault { offset: place.start, length: place.len(), message: message.into(), advice }
}

/// The bytes of a span.
pub(super) fn bytes(span: Span) -> Range<usize> {
    let offset = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    offset(span.start_offset)..offset(span.end_offset)
}

impl<'t> Source<'t> {
    /// Splits a template into tokens; the error is the first thing that is none.
    pub(super) fn read(text: &'t str) -> Result<Self, TemplateFault> {
        if text.len() > LONGEST_TEMPLATE {
            let message =
                format!("A template has at most {LONGEST_TEMPLATE} bytes, and this one has {}.", text.len());
            return Err(fault(0..text.len(), message, None));
        }
        let mut source = Self { text, tokens: Vec::new() };
        for token in tokenize(text, false, SyntaxConfig::default()) {
            match token {
                Ok((token, span)) => source.tokens.push((token, bytes(span))),
                Err(error) => return Err(source.token_fault(&error)),
            }
        }
        source.check_size()?;
        Ok(source)
    }

    /// Parses the tokens; the error is the first that does not fit.
    pub(super) fn parse(&self) -> Result<ast::Stmt<'t>, TemplateFault> {
        parse(self.text, "", SyntaxConfig::default()).map_err(|error| self.syntax_fault(&error))
    }

    fn token_fault(&self, error: &minijinja::Error) -> TemplateFault {
        let detail = error.detail().unwrap_or_default();
        let behind = self.tokens.last().map_or(0, |(_, place)| place.end);
        let rest = self.text.get(behind..).unwrap_or_default();
        let start = behind + (rest.len() - rest.trim_start().len());
        let first = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        match detail {
            "unexpected end of string" => fault(
                start..start + first,
                "A text begins here and does not end.",
                Some("Write the quote that it began with at its end.".to_owned()),
            ),
            "unexpected end of comment" => fault(
                self.text.rfind("{#").map_or(start..start + first, |at| at..at + 2),
                "`{#` is not closed.",
                Some("Close the comment with `#}`.".to_owned()),
            ),
            "unexpected end of raw block" => fault(
                start..start + first,
                "`{% raw %}` is not closed.",
                Some("Close it with `{% endraw %}`.".to_owned()),
            ),
            "" => {
                let place = wrong_escape(self.text, start);
                let advice = "Write `\\\\` for a backslash.".to_owned();
                fault(self.whole_characters(place), "This escape does not exist.", Some(advice))
            }
            detail => {
                let place = error.range().unwrap_or(start..start + first);
                fault(self.whole_characters(place), not_valid(detail), None)
            }
        }
    }

    fn syntax_fault(&self, error: &minijinja::Error) -> TemplateFault {
        let detail = error.detail().unwrap_or("it cannot be read");
        let place = self.whole_characters(error.range().unwrap_or(0..self.text.len()));
        if detail.starts_with("unexpected end of input") {
            return self.unclosed();
        }
        if let Some(name) = detail.strip_prefix("unknown statement ") {
            if let Some(opened) =
                name.strip_prefix("end").or((name == "else" || name == "elif").then_some("if"))
            {
                return fault(place, format!("`{name}` stands alone: no `{opened}` is open here."), None);
            }
            return fault(place, no_such_statement(name), Some(STATEMENTS.to_owned()));
        }
        fault(place, not_valid(detail), None)
    }

    /// The text ended too early: the place is what was left open.
    fn unclosed(&self) -> TemplateFault {
        let mut tag: Option<&(Token<'t>, Range<usize>)> = None;
        let mut blocks: Vec<(&str, &Range<usize>)> = Vec::new();
        for (position, entry) in self.tokens.iter().enumerate() {
            match &entry.0 {
                Token::VariableStart => tag = Some(entry),
                Token::BlockStart => {
                    tag = Some(entry);
                    match self.tokens.get(position + 1) {
                        Some((Token::Ident(name @ ("if" | "for")), place)) => blocks.push((name, place)),
                        Some((Token::Ident("endif" | "endfor"), _)) => drop(blocks.pop()),
                        _ => {}
                    }
                }
                Token::VariableEnd | Token::BlockEnd => tag = None,
                _ => {}
            }
        }
        if let Some((token, place)) = tag {
            let (open, close) =
                if matches!(token, Token::VariableStart) { ("{{", "}}") } else { ("{%", "%}") };
            return fault(
                place.clone(),
                format!("`{open}` is not closed."),
                Some(format!("Close it with `{close}`.")),
            );
        }
        if let Some((name, place)) = blocks.pop() {
            let advice = format!("Close it with `{{% end{name} %}}`.");
            return fault(place.clone(), format!("`{name}` is not closed."), Some(advice));
        }
        fault(self.text.len()..self.text.len(), "The template ends too early.", None)
    }

    /// Refuses what would make the syntax tree too deep.
    fn check_size(&self) -> Result<(), TemplateFault> {
        let (mut operators, mut brackets, mut statements, mut elifs) = (0, 0usize, 0usize, 0);
        let table = "Write a table, as in {'a': 'b'}[profile.department], for what is looked up.";
        let too_much = |place: &Range<usize>, message: String, advice: Option<&str>| {
            Err(fault(place.clone(), message, advice.map(str::to_owned)))
        };
        for (position, (token, place)) in self.tokens.iter().enumerate() {
            operators += usize::from(can_deepen(token));
            match token {
                Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => brackets += 1,
                Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                    brackets = brackets.saturating_sub(1)
                }
                Token::BlockStart => match self.statement_at(position) {
                    Opens::Block => statements += 1,
                    Opens::Elif => elifs += 1,
                    Opens::Nothing => {}
                    Opens::End => statements = statements.saturating_sub(1),
                },
                _ => {}
            }
            if brackets > DEEPEST_BRACKETS {
                return too_much(
                    place,
                    format!("Brackets are nested more than {DEEPEST_BRACKETS} deep."),
                    None,
                );
            }
            if statements > DEEPEST_STATEMENTS {
                return too_much(
                    place,
                    format!("Statements are nested more than {DEEPEST_STATEMENTS} deep."),
                    None,
                );
            }
            if elifs > MOST_ELIF {
                return too_much(place, format!("There are more than {MOST_ELIF} `elif`."), Some(table));
            }
            if operators > MOST_OPERATORS {
                let message = format!("The template has more than {MOST_OPERATORS} operators.");
                return too_much(place, message, Some(table));
            }
        }
        Ok(())
    }

    /// What the statement does to the nesting whose `{%` is at a position.
    fn statement_at(&self, position: usize) -> Opens {
        let mut tag = self.tokens.iter().skip(position + 1).map(|(token, _)| token);
        match tag.next() {
            Some(Token::Ident("elif")) => Opens::Elif,
            Some(Token::Ident("else")) => Opens::Nothing,
            Some(Token::Ident("set")) => {
                let mut tag = tag.take_while(|token| !matches!(token, Token::BlockEnd));
                if tag.any(|token| matches!(token, Token::Assign)) { Opens::Nothing } else { Opens::Block }
            }
            Some(Token::Ident(name)) if name.starts_with("end") => Opens::End,
            _ => Opens::Block,
        }
    }

    fn whole_characters(&self, place: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(place.start);
        start..self.text.ceil_char_boundary(place.end.max(start))
    }
}

/// The first escape at or behind `start` that lacks its digits, or makes no character.
fn wrong_escape(text: &str, start: usize) -> Range<usize> {
    let mut at = start;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        let behind = text.get(escape + 1..).unwrap_or_default();
        let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = |count: usize| behind.get(1..1 + count).is_some_and(is_hex);
        let is_right = match behind.chars().next() {
            Some('u') => digits(4) && !behind.get(1..2).is_some_and(|digit| digit.eq_ignore_ascii_case("d")),
            Some('x') => digits(2),
            Some('4'..='7') => !behind.bytes().take(3).all(|byte| (b'0'..=b'7').contains(&byte)),
            _ => true,
        };
        if !is_right {
            return escape..escape + 2;
        }
        // What follows a backslash is no backslash of its own.
        at = escape + 1 + behind.chars().next().map_or(0, char::len_utf8);
    }
    start..start + 1
}

/// What the statements of a template can be.
pub(super) const STATEMENTS: &str = "The statements of a mapping are `if`, `for` and `set`.";

pub(super) fn no_such_statement(name: &str) -> String {
    format!("There is no statement `{name}` in a mapping.")
}

fn not_valid(detail: &str) -> String {
    format!("This is not valid in a template: {detail}.")
}

/// What a statement does to the nesting.
enum Opens {
    Block,
    Elif,
    Nothing,
    End,
}

/// Whether a token may be one more level of the syntax tree.
fn can_deepen(token: &Token<'_>) -> bool {
    match token {
        Token::TemplateData(_)
        | Token::VariableStart
        | Token::VariableEnd
        | Token::BlockStart
        | Token::BlockEnd
        | Token::Str(_)
        | Token::String(_)
        | Token::Int(_)
        | Token::Int128(_)
        | Token::Float(_)
        | Token::Comma
        | Token::Colon => false,
        Token::Ident(name) => {
            matches!(*name, "if" | "elif" | "else" | "for" | "set" | "and" | "or" | "not" | "in" | "is")
        }
        _ => true,
    }
}
