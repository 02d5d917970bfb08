//! The filter `regex_replace`, whose arguments are checked when the template is compiled.

use std::ops::Range;

use minijinja::machinery::ast;

use super::TemplateFault;
use super::compile::Compiler;
use super::expression::constant_text;
use super::program::Expression;
use super::syntax::{bytes, fault};
use crate::sync::rename::Rename;

impl<'t> Compiler<'_, 't> {
    /// `| regex_replace('pattern', 'to')`: compiled with the template, so that a mistake in it is found there.
    pub(super) fn regex_replace(
        &mut self,
        filter: &ast::Filter<'t>,
        value: &ast::Expr<'t>,
        name_place: Range<usize>,
    ) -> Result<Expression, TemplateFault> {
        let (pattern, to) = match filter.args.as_slice() {
            [ast::CallArg::Pos(pattern), ast::CallArg::Pos(to)] => (pattern, to),
            _ => {
                let advice = r"Write it as in regex_replace('^(.)\..*@', '$1@').".to_owned();
                let message = "`regex_replace` takes a regular expression and what replaces its matches.";
                return Err(fault(name_place, message, Some(advice)));
            }
        };
        let value = self.boxed(value)?;
        let written = |expression: &ast::Expr<'t>| {
            let message = "This must be a text between quotes: it is checked before any user is read.";
            constant_text(expression).ok_or_else(|| fault(bytes(expression.span()), message, None))
        };
        let (pattern_text, to_text) = (written(pattern)?, written(to)?);
        if let Some(at) = pattern_text.find('\u{8}') {
            let place = self.within_text(pattern, at, 1);
            let advice = r"Write `\\b` for the edge of a word.".to_owned();
            return Err(fault(place, r"`\b` in a text of a template is a backspace.", Some(advice)));
        }
        // In a text of a template, `\1` to `\7` are characters by their number.
        if let Some((at, code)) = to_text.char_indices().find(|(_, found)| matches!(found, '\u{1}'..='\u{7}'))
        {
            let place = self.within_text(to, at, 1);
            let message =
                "A backslash and a digit in a text of a template are a control character, not a group.";
            return Err(fault(place, message, Some(format!("Write `${}`.", u32::from(code)))));
        }
        let rule = Rename::new(&pattern_text, &to_text).map_err(|found| {
            let expression = if found.in_to { to } else { pattern };
            let place = self.within_text(expression, found.offset, found.length);
            fault(place, found.message, found.advice)
        })?;
        Ok(Expression::RegexReplace { value, rule: Box::new(rule) })
    }

    /// Where a part of a constant text stands in the template, where its escapes are longer than what they mean.
    fn within_text(&self, expression: &ast::Expr<'t>, offset: usize, length: usize) -> Range<usize> {
        let whole = bytes(expression.span());
        let written = self.source.text.get(whole.clone()).unwrap_or_default();
        let meaning = constant_text(expression).unwrap_or_default();
        let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let mut places = Vec::with_capacity(meaning.len() + 1);
        let mut rest = inner;
        for character in meaning.chars() {
            let start = whole.start + 1 + inner.len() - rest.len();
            places.extend(std::iter::repeat_n(start, character.len_utf8()));
            let Some(behind) = rest.get(written_length(rest, character)..) else { return whole };
            rest = behind;
        }
        if !rest.is_empty() {
            // Several texts that stand side by side are one: then only the whole can be pointed at.
            return whole;
        }
        places.push(whole.end.saturating_sub(1));
        match (places.get(offset), places.get(offset + length)) {
            (Some(start), Some(end)) if start < end => *start..*end,
            _ => whole,
        }
    }
}

/// How many bytes of a text between quotes stand for its first character.
fn written_length(written: &str, character: char) -> usize {
    let Some(escape) = written.strip_prefix('\\') else { return character.len_utf8() };
    match escape.chars().next() {
        // An escape that does not exist stands for itself, backslash included.
        Some(next) if character == '\\' && next != '\\' && !matches!(next, 'x' | 'u' | '0'..='7') => 1,
        Some('u') if u32::from(character) > 0xFFFF => 12,
        Some('u') => 6,
        Some('x') => 4,
        Some('0'..='7') => 1 + escape.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count(),
        _ => 2,
    }
}
