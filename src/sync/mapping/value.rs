//! What an expression yields, and what it may cost.

use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::sync::Arc;

use serde_json::Number;

use crate::sync::model::AttributeValue;

/// The longest text that a template may make, in bytes.
pub(super) const LONGEST_TEXT: usize = 16 << 10;
/// How many steps a template may take for one user. A step is one operation, or 64 bytes of text.
pub(super) const MOST_STEPS: u32 = 20_000;
/// How many bytes of text count as one step.
const BYTES_PER_STEP: usize = 64;

/// Why a template yields nothing for a user, as a clause.
pub(super) type Problem = Cow<'static, str>;

/// What is left of the work that a template may do for one user.
#[derive(Debug)]
pub(super) struct Budget {
    steps: Cell<u32>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: Cell::new(MOST_STEPS) }
    }
}

impl Budget {
    /// Pays for one operation.
    pub(super) fn step(&self) -> Result<(), Problem> {
        self.steps(1)
    }

    /// Pays for that many operations.
    pub(super) fn steps(&self, steps: usize) -> Result<(), Problem> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps.get().checked_sub(steps));
        self.steps.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| format!("the template takes more than {MOST_STEPS} steps").into())
    }

    /// Pays for looking at a text of that many bytes.
    pub(super) fn reading(&self, bytes: usize) -> Result<(), Problem> {
        self.steps(bytes / BYTES_PER_STEP)
    }
}

/// The problem of a text above [`LONGEST_TEXT`].
pub(super) fn too_long() -> Problem {
    format!("the template makes a text of more than {LONGEST_TEXT} bytes").into()
}

/// A text that grows up to [`LONGEST_TEXT`].
#[derive(Debug, Default)]
pub(super) struct TextBuilder {
    text: String,
}

impl TextBuilder {
    pub(super) fn push(&mut self, text: &str) -> Result<(), Problem> {
        if self.text.len() + text.len() > LONGEST_TEXT {
            return Err(too_long());
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Appends a value as it prints.
    pub(super) fn print(&mut self, value: &Value<'_>) -> Result<(), Problem> {
        match value {
            Value::Absent => Ok(()),
            Value::Text(text) => self.push(text),
            Value::Bool(value) => self.push(if *value { "true" } else { "false" }),
            Value::Number(number) => self.push(&number.to_string()),
            Value::Json(json) => self.push_json(json),
            Value::List(_) | Value::Map(_) => self.print_json(value),
        }
    }

    /// Appends a value as compact JSON.
    pub(super) fn print_json(&mut self, value: &Value<'_>) -> Result<(), Problem> {
        match value {
            Value::Absent => self.push("null"),
            Value::Text(text) => self.push_json(text),
            Value::Bool(_) | Value::Number(_) | Value::Json(_) => self.print(value),
            Value::List(items) => {
                self.push("[")?;
                for (position, item) in items.iter().enumerate() {
                    self.push(if position == 0 { "" } else { "," })?;
                    self.print_json(item)?;
                }
                self.push("]")
            }
            Value::Map(entries) => {
                self.push("{")?;
                for (position, (key, item)) in entries.iter().enumerate() {
                    self.push(if position == 0 { "" } else { "," })?;
                    self.push_json(key)?;
                    self.push(":")?;
                    self.print_json(item)?;
                }
                self.push("}")
            }
        }
    }

    fn push_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Problem> {
        serde_json::to_writer(&mut *self, value).map_err(|_| too_long())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// JSON is written piece by piece, and stops where it becomes too long.
impl io::Write for TextBuilder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.push(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value within a template. It borrows from the user and from the template wherever it can.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// Absent or null: prints as nothing, is false, and equals the empty text.
    Absent,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// A list or an object of the user.
    Json(&'a serde_json::Value),
    /// A list made by the template.
    List(Arc<[Value<'a>]>),
    /// A table made by the template, in the order as written.
    Map(Arc<[(Cow<'a, str>, Value<'a>)]>),
}

impl<'a> Value<'a> {
    /// The value of an attribute; a text loses white space at both ends.
    pub(super) fn of_attribute(value: &'a AttributeValue) -> Self {
        match value {
            AttributeValue::Absent => Self::Absent,
            AttributeValue::Text(text) => Self::Text(Cow::Borrowed(text.trim())),
            AttributeValue::Json(json) => Self::of_json(json),
        }
    }

    /// A part of the user, as JSON.
    pub(super) fn of_json(json: &'a serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Absent,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::Text(Cow::Borrowed(text.trim())),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => Self::Json(json),
        }
    }

    /// A text that costs nothing to copy, as long as `self` lives.
    pub(super) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// What messages call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Json(_) | Self::List(_) if self.is_list() => "a list",
            Self::List(_) | Self::Json(_) | Self::Map(_) => "an object",
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::Json(serde_json::Value::Array(_)) | Self::List(_))
    }

    /// Whether `if`, `and`, `or` and `not` take it for true: anything but false, 0, and what is absent or empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Absent => false,
            Self::Bool(value) => *value,
            Self::Number(number) => number.as_f64() != Some(0.0),
            Self::Text(text) => !text.is_empty(),
            Self::Json(_) | Self::List(_) | Self::Map(_) => self.length() != Some(0),
        }
    }

    /// True if it prints as nothing, or as a list or an object without anything in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.trim().is_empty(),
            Self::Json(_) | Self::List(_) | Self::Map(_) => self.length() == Some(0),
        }
    }

    /// How many characters a text, or entries a list or an object has; none for anything else.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Absent => Some(0),
            Self::Bool(_) | Self::Number(_) => None,
            Self::Text(text) => Some(text.chars().count()),
            Self::Json(serde_json::Value::Array(items)) => Some(items.len()),
            Self::Json(serde_json::Value::Object(entries)) => Some(entries.len()),
            Self::Json(_) => None,
            Self::List(items) => Some(items.len()),
            Self::Map(entries) => Some(entries.len()),
        }
    }

    /// The entry of a list at a position.
    pub(super) fn item(&self, position: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(serde_json::Value::Array(items)) => items.get(position).map(Self::of_json),
            Self::List(items) => items.get(position).cloned(),
            _ => None,
        }
    }

    /// The entry of an object by name; absent if there is none, or if this is no object.
    pub(super) fn entry(&self, name: &str) -> Value<'a> {
        let found = match self {
            Self::Json(json) => json.get(name).map(Self::of_json),
            Self::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
            _ => None,
        };
        found.unwrap_or(Self::Absent)
    }

    /// The entries of a list, or the names of an object; none for anything else.
    pub(super) fn items(&self) -> Option<Vec<Value<'a>>> {
        match self {
            Self::Absent => Some(Vec::new()),
            Self::Json(serde_json::Value::Array(items)) => Some(items.iter().map(Self::of_json).collect()),
            Self::Json(serde_json::Value::Object(entries)) => {
                Some(entries.keys().map(|key| Self::Text(Cow::Borrowed(key))).collect())
            }
            Self::List(items) => Some(items.to_vec()),
            Self::Map(entries) => Some(entries.iter().map(|(key, _)| Self::Text(key.clone())).collect()),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Json(_) => None,
        }
    }

    /// As it prints.
    pub(super) fn into_text(self) -> Result<Cow<'a, str>, Problem> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Absent => Ok(Cow::Borrowed("")),
            Self::Bool(value) => Ok(Cow::Borrowed(if value { "true" } else { "false" })),
            other => {
                let mut builder = TextBuilder::default();
                builder.print(&other)?;
                Ok(Cow::Owned(builder.finish()))
            }
        }
    }

    /// Whether two values are the same. Numbers are compared by what they count, whether written 1 or 1.0.
    pub(super) fn equals(&self, other: &Value<'_>, budget: &Budget) -> Result<bool, Problem> {
        budget.step()?;
        Ok(match (self, other) {
            (Self::Absent, Value::Absent) => true,
            (Self::Absent, Value::Text(text)) | (Value::Text(text), Value::Absent) => text.is_empty(),
            (Self::Bool(one), Value::Bool(other)) => one == other,
            (Self::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
            (Self::Text(one), Value::Text(other)) => one == other,
            (
                Self::Json(_) | Self::List(_) | Self::Map(_),
                Value::Json(_) | Value::List(_) | Value::Map(_),
            ) => {
                return self.equals_entries(other, budget);
            }
            _ => false,
        })
    }

    fn equals_entries(&self, other: &Value<'_>, budget: &Budget) -> Result<bool, Problem> {
        if self.is_list() != other.is_list() || self.length() != other.length() {
            return Ok(false);
        }
        let length = self.length().unwrap_or(0);
        budget.steps(length)?;
        if self.is_list() {
            for position in 0..length {
                let (one, other) = (self.item(position), other.item(position));
                if !one.unwrap_or(Self::Absent).equals(&other.unwrap_or(Value::Absent), budget)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        for key in self.items().unwrap_or_default() {
            let Value::Text(key) = key else { continue };
            budget.steps(length)?;
            if !self.entry(&key).equals(&other.entry(&key), budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
