//! Runs a compiled template for one user.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use compact_str::CompactString;

use super::UserView;
use super::filters::slice;
use super::program::{Comparison, Expression, For, LoopField, Program, Statement, Test};
use super::value::{Budget, LONGEST_TEXT, Problem, TextBuilder, Value, too_long};

/// What a template yields for a user, trimmed. The error is a clause.
pub(super) fn render(program: &Program, user: UserView<'_>) -> Result<CompactString, Problem> {
    let mut machine = Machine {
        user,
        locals: vec![Value::Absent; program.locals],
        loops: Vec::new(),
        budget: Budget::default(),
    };
    // Most templates are one expression: its value needs no copy in between.
    if let [Statement::Print(expression)] = program.statements.as_slice() {
        let text = machine.evaluate(expression)?.into_text()?;
        let text = text.trim();
        return if text.len() > LONGEST_TEXT { Err(too_long()) } else { Ok(text.into()) };
    }
    let mut output = TextBuilder::default();
    machine.run(&program.statements, &mut output)?;
    Ok(output.as_str().trim().into())
}

/// Where a loop is.
#[derive(Clone, Copy)]
struct Turn {
    index: usize,
    length: usize,
}

struct Machine<'a> {
    user: UserView<'a>,
    locals: Vec<Value<'a>>,
    loops: Vec<Turn>,
    budget: Budget,
}

impl<'a> Machine<'a> {
    fn run(&mut self, statements: &'a [Statement], output: &mut TextBuilder) -> Result<(), Problem> {
        for statement in statements {
            self.budget.step()?;
            let before = output.as_str().len();
            match statement {
                Statement::Text(text) => output.push(text)?,
                Statement::Print(expression) => output.print(&self.evaluate(expression)?)?,
                Statement::If { branches, otherwise } => {
                    let mut taken = otherwise;
                    for (condition, body) in branches {
                        if self.evaluate(condition)?.is_true() {
                            taken = body;
                            break;
                        }
                    }
                    self.run(taken, output)?;
                }
                Statement::For(repeated) => self.repeat(repeated, output)?,
                Statement::Set(local, expression) => {
                    let value = self.evaluate(expression)?;
                    self.set(*local, value);
                }
                Statement::Capture(local, body) => {
                    let mut captured = TextBuilder::default();
                    self.run(body, &mut captured)?;
                    self.set(*local, Value::Text(Cow::Owned(captured.finish())));
                }
            }
            self.budget.reading(output.as_str().len() - before)?;
        }
        Ok(())
    }

    fn set(&mut self, local: usize, value: Value<'a>) {
        if let Some(slot) = self.locals.get_mut(local) {
            *slot = value;
        }
    }

    fn repeat(&mut self, repeated: &'a For, output: &mut TextBuilder) -> Result<(), Problem> {
        let list = self.evaluate(&repeated.list)?;
        let items = list
            .items()
            .ok_or_else(|| format!("a `for` loop takes a list or an object, and this is {}", list.kind()))?;
        self.budget.steps(items.len())?;
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            if let Some(filter) = &repeated.filter {
                self.set(repeated.variable, item.clone());
                if !self.evaluate(filter)?.is_true() {
                    continue;
                }
            }
            kept.push(item);
        }
        if kept.is_empty() {
            return self.run(&repeated.otherwise, output);
        }
        let length = kept.len();
        for (index, item) in kept.into_iter().enumerate() {
            self.budget.step()?;
            for (local, outer) in &repeated.fresh {
                let outer = outer.and_then(|outer| self.locals.get(outer).cloned());
                self.set(*local, outer.unwrap_or(Value::Absent));
            }
            self.set(repeated.variable, item);
            self.loops.push(Turn { index, length });
            let outcome = self.run(&repeated.body, output);
            self.loops.pop();
            outcome?;
        }
        Ok(())
    }

    fn evaluate(&mut self, expression: &'a Expression) -> Result<Value<'a>, Problem> {
        self.budget.step()?;
        Ok(match expression {
            Expression::Constant(value) => value.borrowed(),
            Expression::Id => Value::Text(Cow::Borrowed(&self.user.user.id.0)),
            Expression::Status => Value::Text(Cow::Borrowed(self.user.user.status.as_str())),
            Expression::Path(path) => Value::of_attribute(self.user.get(path)),
            Expression::Local(local) => self.local(*local)?,
            Expression::Loop(field) => self.turn(*field),
            Expression::Item(value, key) => {
                let value = self.evaluate(value)?;
                let key = self.evaluate(key)?;
                item(value, key)?
            }
            Expression::Slice(value, start, stop) => {
                let value = self.evaluate(value)?;
                let start = self.bound(start.as_deref())?;
                let stop = self.bound(stop.as_deref())?;
                self.slice(value, start, stop)?
            }
            Expression::Not(value) => Value::Bool(!self.evaluate(value)?.is_true()),
            Expression::And(one, other) => {
                let one = self.evaluate(one)?;
                if one.is_true() { self.evaluate(other)? } else { one }
            }
            Expression::Or(one, other) => {
                let one = self.evaluate(one)?;
                if one.is_true() { one } else { self.evaluate(other)? }
            }
            Expression::Concat(parts) => {
                let mut builder = TextBuilder::default();
                for part in parts {
                    builder.print(&self.evaluate(part)?)?;
                }
                self.made(builder.finish())?
            }
            Expression::Compare(first, rest) => Value::Bool(self.compare(first, rest)?),
            Expression::Choose { condition, yes, no } => match (self.evaluate(condition)?.is_true(), no) {
                (true, _) => self.evaluate(yes)?,
                (false, Some(no)) => self.evaluate(no)?,
                (false, None) => Value::Absent,
            },
            Expression::Filter { filter, value, arguments } => {
                let value = self.evaluate(value)?;
                if let Value::Text(text) = &value {
                    self.budget.reading(text.len())?;
                }
                let arguments = self.all(arguments)?;
                match (filter.apply)(value, &arguments, &self.budget)? {
                    Value::Text(Cow::Owned(text)) => self.made(text)?,
                    other => other,
                }
            }
            Expression::RegexReplace { value, rule } => {
                let text = self.evaluate(value)?.into_text()?;
                self.budget.reading(text.len())?;
                match rule.replace(&text, LONGEST_TEXT).map_err(|_| too_long())? {
                    Some(replaced) => self.made(replaced)?,
                    None => Value::Text(text),
                }
            }
            Expression::Test { test, value, argument } => {
                let value = self.evaluate(value)?;
                let argument = match argument {
                    Some(argument) => self.evaluate(argument)?,
                    None => Value::Absent,
                };
                Value::Bool(self.test(*test, value, argument)?)
            }
            Expression::FirstNonEmpty(candidates) => {
                for candidate in candidates {
                    let value = self.evaluate(candidate)?;
                    if !value.is_empty() {
                        return Ok(value);
                    }
                }
                Value::Absent
            }
            Expression::List(items) => Value::List(Arc::from(self.all(items)?)),
            Expression::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    map.push((self.evaluate(key)?.into_text()?, self.evaluate(value)?));
                }
                Value::Map(Arc::from(map))
            }
        })
    }

    fn all(&mut self, expressions: &'a [Expression]) -> Result<Vec<Value<'a>>, Problem> {
        expressions.iter().map(|expression| self.evaluate(expression)).collect()
    }

    /// A text that was made for this template: paid for, and not longer than is allowed.
    fn made(&self, text: String) -> Result<Value<'a>, Problem> {
        self.budget.reading(text.len())?;
        if text.len() > LONGEST_TEXT { Err(too_long()) } else { Ok(Value::Text(Cow::Owned(text))) }
    }

    fn local(&self, local: usize) -> Result<Value<'a>, Problem> {
        let value = self.locals.get(local).cloned().unwrap_or(Value::Absent);
        if let Value::Text(Cow::Owned(text)) = &value {
            self.budget.reading(text.len())?;
        }
        Ok(value)
    }

    fn turn(&self, field: LoopField) -> Value<'a> {
        let turn = self.loops.last().copied().unwrap_or(Turn { index: 0, length: 0 });
        let number = |number: usize| Value::Number(u64::try_from(number).unwrap_or(u64::MAX).into());
        match field {
            LoopField::Index => number(turn.index + 1),
            LoopField::Index0 => number(turn.index),
            LoopField::First => Value::Bool(turn.index == 0),
            LoopField::Last => Value::Bool(turn.index + 1 == turn.length),
            LoopField::Length => number(turn.length),
        }
    }

    fn bound(&mut self, expression: Option<&'a Expression>) -> Result<Option<i64>, Problem> {
        let Some(expression) = expression else { return Ok(None) };
        match self.evaluate(expression)? {
            Value::Absent => Ok(None),
            value => whole_number(&value).map(Some),
        }
    }

    fn slice(&self, value: Value<'a>, start: Option<i64>, stop: Option<i64>) -> Result<Value<'a>, Problem> {
        let length = match &value {
            Value::Absent => return Ok(Value::Absent),
            Value::Text(text) => {
                self.budget.reading(text.len())?;
                value.length()
            }
            value if value.is_list() => value.length(),
            _ => None,
        };
        let Some(length) = length else {
            return Err(format!("only texts and lists have parts, and this is {}", value.kind()).into());
        };
        let start = position(start.unwrap_or(0), length);
        let stop = stop.map_or(length, |stop| position(stop, length)).max(start);
        if let Value::Text(text) = value {
            let at = |position| text.char_indices().nth(position).map_or(text.len(), |(at, _)| at);
            let range = at(start)..at(stop);
            return Ok(Value::Text(slice(text, range)));
        }
        self.budget.steps(stop - start)?;
        let items: Vec<Value<'a>> = (start..stop).filter_map(|position| value.item(position)).collect();
        Ok(Value::List(Arc::from(items)))
    }

    fn compare(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Comparison, Expression)],
    ) -> Result<bool, Problem> {
        let mut left = self.evaluate(first)?;
        for (comparison, right) in rest {
            let right = self.evaluate(right)?;
            let holds = match comparison {
                Comparison::Equal => left.equals(&right, &self.budget)?,
                Comparison::Unequal => !left.equals(&right, &self.budget)?,
                Comparison::In => self.contains(&right, &left)?,
                Comparison::NotIn => !self.contains(&right, &left)?,
                Comparison::Less => order(&left, &right)? == Some(Ordering::Less),
                Comparison::Greater => order(&left, &right)? == Some(Ordering::Greater),
                Comparison::AtMost => matches!(order(&left, &right)?, Some(Ordering::Less | Ordering::Equal)),
                Comparison::AtLeast => {
                    matches!(order(&left, &right)?, Some(Ordering::Greater | Ordering::Equal))
                }
            };
            if !holds {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    /// Whether a text contains a text, a list an entry, or an object a name.
    fn contains(&self, container: &Value<'a>, wanted: &Value<'a>) -> Result<bool, Problem> {
        match container {
            Value::Absent => Ok(false),
            Value::Text(text) => {
                self.budget.reading(text.len())?;
                Ok(text.contains(&*wanted.clone().into_text()?))
            }
            Value::Json(_) | Value::List(_) | Value::Map(_) => {
                let items = container.items().unwrap_or_default();
                self.budget.steps(items.len())?;
                for item in items {
                    if item.equals(wanted, &self.budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            other => Err(format!("nothing can be in {}", other.kind()).into()),
        }
    }

    fn test(&self, test: Test, value: Value<'a>, argument: Value<'a>) -> Result<bool, Problem> {
        Ok(match test {
            Test::Defined => !matches!(value, Value::Absent),
            Test::Undefined => matches!(value, Value::Absent),
            Test::String => matches!(value, Value::Text(_)),
            Test::Number => matches!(value, Value::Number(_)),
            Test::Boolean => matches!(value, Value::Bool(_)),
            Test::Sequence => value.is_list(),
            Test::Mapping => matches!(value, Value::Json(_) | Value::Map(_)) && !value.is_list(),
            Test::StartingWith => value.into_text()?.starts_with(&*argument.into_text()?),
            Test::EndingWith => value.into_text()?.ends_with(&*argument.into_text()?),
            Test::In => self.contains(&argument, &value)?,
        })
    }
}

/// The place of a position that counts from the end if it is negative, within 0 and `length`.
fn position(position: i64, length: usize) -> usize {
    let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    if position < 0 { length.saturating_sub(distance) } else { distance.min(length) }
}

fn whole_number(value: &Value<'_>) -> Result<i64, Problem> {
    let number = if let Value::Number(number) = value { number.as_i64() } else { None };
    number.ok_or_else(|| format!("a position is a whole number, and this is {}", value.kind()).into())
}

/// `value[key]`: absent where there is no such entry.
fn item<'a>(value: Value<'a>, key: Value<'a>) -> Result<Value<'a>, Problem> {
    match &value {
        Value::Json(serde_json::Value::Object(_)) | Value::Map(_) => Ok(value.entry(&key.into_text()?)),
        // A name asked of a text or a list, as in `profile.login.x`, is absent.
        _ if matches!(key, Value::Text(_) | Value::Absent) => Ok(Value::Absent),
        Value::Text(_) | Value::Json(_) | Value::List(_) => {
            let position = whole_number(&key)?;
            let length = value.length().unwrap_or(0);
            let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
            let position = if position < 0 { length.checked_sub(distance) } else { Some(distance) };
            let found = position.and_then(|position| match &value {
                Value::Text(text) => {
                    let (start, character) = text.char_indices().nth(position)?;
                    Some(Value::Text(slice(text.clone(), start..start + character.len_utf8())))
                }
                list => list.item(position),
            });
            Ok(found.unwrap_or(Value::Absent))
        }
        Value::Absent | Value::Bool(_) | Value::Number(_) => Ok(Value::Absent),
    }
}

/// The order of two numbers or two texts; none if one is absent.
fn order(one: &Value<'_>, other: &Value<'_>) -> Result<Option<Ordering>, Problem> {
    match (one, other) {
        (Value::Absent, _) | (_, Value::Absent) => Ok(None),
        (Value::Number(one), Value::Number(other)) => Ok(match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => one.as_f64().zip(other.as_f64()).and_then(|(one, other)| one.partial_cmp(&other)),
        }),
        (Value::Text(one), Value::Text(other)) => Ok(Some(one.cmp(other))),
        _ => Err(format!("{} cannot be compared with {}", one.kind(), other.kind()).into()),
    }
}
