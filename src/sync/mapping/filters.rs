//! The filters of templates, in the order of their documentation (the table in [`super`]).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::value::{Budget, Problem, TextBuilder, Value};

/// What a filter does: the value before `|` and the arguments between parentheses, in the order of the parameters.
type Apply = for<'a> fn(Value<'a>, &[Value<'a>], &Budget) -> Result<Value<'a>, Problem>;

/// One filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// What a template calls it.
    pub(super) name: &'static str,
    /// The names of its arguments.
    pub(super) parameters: &'static [&'static str],
    /// How many of them must be there.
    pub(super) required: usize,
    pub(super) apply: Apply,
}

const fn filter(
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    apply: Apply,
) -> Filter {
    Filter { name, parameters, required, apply }
}

/// The filter whose pattern is compiled with the template; the compiler knows it by this name.
pub(super) const REGEX_REPLACE: &str = "regex_replace";

/// All filters but [`REGEX_REPLACE`].
pub(super) static FILTERS: [Filter; 21] = [
    filter("lower", &[], 0, lower),
    filter("upper", &[], 0, |value, _, _| text(value, |text| text.to_uppercase())),
    filter("title", &[], 0, |value, _, _| text(value, |text| title(&text))),
    filter("capitalize", &[], 0, |value, _, _| text(value, |text| capitalize(&text))),
    filter("ascii", &[], 0, ascii),
    filter("trim", &["characters"], 0, trim),
    filter("replace", &["from", "to"], 2, replace),
    filter("truncate", &["length", "end"], 1, truncate),
    filter("strip_domain", &[], 0, |value, _, _| cut(value, "@", |text| Some(0..text.rfind('@')?))),
    filter("before", &["separator"], 1, |value, arguments, _| {
        part(value, arguments, |text, separator| Some(0..text.find(separator)?))
    }),
    filter("after", &["separator"], 1, |value, arguments, _| {
        part(value, arguments, |text, separator| Some(text.find(separator)? + separator.len()..text.len()))
    }),
    filter("before_last", &["separator"], 1, |value, arguments, _| {
        part(value, arguments, |text, separator| Some(0..text.rfind(separator)?))
    }),
    filter("after_last", &["separator"], 1, |value, arguments, _| {
        part(value, arguments, |text, separator| Some(text.rfind(separator)? + separator.len()..text.len()))
    }),
    filter("default", &["value"], 1, |value, arguments, _| {
        Ok(if value.is_empty() { argument(arguments, 0) } else { value })
    }),
    filter("first_non_empty", &[], 0, first_non_empty),
    filter("join", &["separator"], 0, join),
    filter("split", &["separator"], 1, split),
    filter("first", &[], 0, |value, _, _| at_end("first", value, false)),
    filter("last", &[], 0, |value, _, _| at_end("last", value, true)),
    filter("length", &[], 0, length),
    filter("tojson", &[], 0, |value, _, _| {
        let mut builder = TextBuilder::default();
        builder.print_json(&value)?;
        Ok(owned(builder.finish()))
    }),
];

fn owned<'a>(text: String) -> Value<'a> {
    Value::Text(Cow::Owned(text))
}

/// The argument at a position; absent if it was not given.
fn argument<'a>(arguments: &[Value<'a>], position: usize) -> Value<'a> {
    arguments.get(position).cloned().unwrap_or(Value::Absent)
}

/// Applies `change` to the value as it prints.
fn text<'a>(value: Value<'a>, change: impl Fn(Cow<'a, str>) -> String) -> Result<Value<'a>, Problem> {
    Ok(owned(change(value.into_text()?)))
}

fn lower<'a>(value: Value<'a>, _: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let text = value.into_text()?;
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    Ok(if is_lower { Value::Text(text) } else { owned(text.to_lowercase()) })
}

/// Every word with a capital, the rest small. Words begin after white space and after `-`, `(`, `[`, `{` and `<`.
fn title(text: &str) -> String {
    let begins_word = |c: char| c.is_whitespace() || "-([{<".contains(c);
    text.split_inclusive(begins_word).map(capitalize).collect()
}

/// The first character as a capital, the rest small.
fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    first + &characters.as_str().to_lowercase()
}

/// Writes every character in ASCII, without regard to a language: `ü` becomes `u`, `ß` becomes `ss`, `Ж` becomes `Zh`.
fn ascii<'a>(value: Value<'a>, _: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let text = value.into_text()?;
    Ok(if text.is_ascii() { Value::Text(text) } else { owned(any_ascii::any_ascii(&text)) })
}

fn trim<'a>(value: Value<'a>, arguments: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let characters = argument(arguments, 0).into_text()?;
    let unwanted = |c: char| if characters.is_empty() { c.is_whitespace() } else { characters.contains(c) };
    cut(value, "", |text| {
        let start = text.len() - text.trim_start_matches(unwanted).len();
        Some(start..start.max(text.trim_end_matches(unwanted).len()))
    })
}

fn replace<'a>(value: Value<'a>, arguments: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let (text, from, to) =
        (value.into_text()?, argument(arguments, 0).into_text()?, argument(arguments, 1).into_text()?);
    if from.is_empty() || !text.contains(&*from) {
        return Ok(Value::Text(text));
    }
    let mut builder = TextBuilder::default();
    for (position, piece) in text.split(&*from).enumerate() {
        builder.push(if position == 0 { "" } else { &to })?;
        builder.push(piece)?;
    }
    Ok(owned(builder.finish()))
}

/// At most so many characters, and `end` behind them if any had to go.
fn truncate<'a>(value: Value<'a>, arguments: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let length = match argument(arguments, 0) {
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or("`truncate` takes a number of characters, such as truncate(20)")?;
    let end = argument(arguments, 1).into_text()?;
    let text = value.into_text()?;
    let Some((cut_at, _)) = text.char_indices().nth(length) else { return Ok(Value::Text(text)) };
    let kept = Value::Text(slice(text, 0..cut_at));
    if end.is_empty() {
        return Ok(kept);
    }
    let mut builder = TextBuilder::default();
    builder.print(&kept)?;
    builder.push(&end)?;
    Ok(owned(builder.finish()))
}

/// A part of a text, borrowed where the text is.
pub(super) fn slice(text: Cow<'_, str>, range: Range<usize>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start.min(range.end));
            Cow::Owned(text)
        }
    }
}

/// The part of a text that `find` finds; the whole text where it finds none.
fn cut<'a>(
    value: Value<'a>,
    needle: &str,
    find: impl Fn(&str) -> Option<Range<usize>>,
) -> Result<Value<'a>, Problem> {
    let text = value.into_text()?;
    let found = if text.contains(needle) { find(&text) } else { None };
    Ok(Value::Text(match found {
        Some(range) => slice(text, range),
        None => text,
    }))
}

/// The part of a text beside a separator; the whole text if the separator is empty or not in it.
fn part<'a>(
    value: Value<'a>,
    arguments: &[Value<'a>],
    find: impl Fn(&str, &str) -> Option<Range<usize>>,
) -> Result<Value<'a>, Problem> {
    let separator = argument(arguments, 0).into_text()?;
    let text = value.into_text()?;
    let found = if separator.is_empty() { None } else { find(&text, &separator) };
    Ok(Value::Text(match found {
        Some(range) => slice(text, range),
        None => text,
    }))
}

/// The entries of a list; a problem for anything else.
fn entries<'a>(filter: &str, value: &Value<'a>, budget: &Budget) -> Result<Vec<Value<'a>>, Problem> {
    let items = if value.is_list() || matches!(value, Value::Absent) { value.items() } else { None };
    let items = items.ok_or_else(|| format!("`{filter}` takes a list, and this is {}", value.kind()))?;
    budget.steps(items.len())?;
    Ok(items)
}

fn first_non_empty<'a>(value: Value<'a>, _: &[Value<'a>], budget: &Budget) -> Result<Value<'a>, Problem> {
    let items = entries("first_non_empty", &value, budget)?;
    Ok(items.into_iter().find(|item| !item.is_empty()).unwrap_or(Value::Absent))
}

/// What is not a list is a list of one: an attribute may hold either.
fn join<'a>(value: Value<'a>, arguments: &[Value<'a>], budget: &Budget) -> Result<Value<'a>, Problem> {
    if !value.is_list() {
        return Ok(Value::Text(value.into_text()?));
    }
    let separator = argument(arguments, 0).into_text()?;
    let mut builder = TextBuilder::default();
    for item in entries("join", &value, budget)?.iter().filter(|item| !item.is_empty()) {
        if !builder.as_str().is_empty() {
            builder.push(&separator)?;
        }
        builder.print(item)?;
    }
    Ok(owned(builder.finish()))
}

fn split<'a>(value: Value<'a>, arguments: &[Value<'a>], budget: &Budget) -> Result<Value<'a>, Problem> {
    let separator = argument(arguments, 0).into_text()?;
    let text = value.into_text()?;
    let part = |part: Cow<'a, str>| Value::Text(part);
    let parts: Vec<Value<'a>> = match text {
        _ if separator.is_empty() => return Err("the separator of `split` is empty".into()),
        Cow::Borrowed("") => Vec::new(),
        Cow::Borrowed(text) => text.split(&*separator).map(|piece| part(Cow::Borrowed(piece))).collect(),
        Cow::Owned(text) => text.split(&*separator).map(|piece| part(Cow::Owned(piece.to_owned()))).collect(),
    };
    budget.steps(parts.len())?;
    Ok(Value::List(Arc::from(parts)))
}

/// The first or the last entry of a list, or character of a text.
fn at_end<'a>(filter: &str, value: Value<'a>, last: bool) -> Result<Value<'a>, Problem> {
    match value {
        Value::Absent => Ok(Value::Absent),
        Value::Text(text) => {
            let start = if last { text.char_indices().next_back().map_or(0, |(at, _)| at) } else { 0 };
            let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            Ok(Value::Text(slice(text, start..start + length)))
        }
        list if list.is_list() => {
            let position =
                if last { list.length().and_then(|length| length.checked_sub(1)) } else { Some(0) };
            Ok(position.and_then(|position| list.item(position)).unwrap_or(Value::Absent))
        }
        other => Err(format!("`{filter}` takes a list or a text, and this is {}", other.kind()).into()),
    }
}

fn length<'a>(value: Value<'a>, _: &[Value<'a>], _: &Budget) -> Result<Value<'a>, Problem> {
    let length = value.length().and_then(|length| u64::try_from(length).ok());
    let length =
        length.ok_or_else(|| format!("`length` takes a text or a list, and this is {}", value.kind()))?;
    Ok(Value::Number(length.into()))
}
