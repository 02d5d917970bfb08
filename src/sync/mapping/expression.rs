//! The expressions of a template.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use minijinja::machinery::{Span, Token, ast};
use minijinja::value::ValueKind;
use serde_json::Number;

use super::TemplateFault;
use super::compile::Compiler;
use super::filters::{FILTERS, Filter, REGEX_REPLACE};
use super::names::{self, FIRST_NON_EMPTY, LOOP_FIELDS, TESTS, TOP_LEVEL};
use super::program::{Comparison, Expression};
use super::syntax::{bytes, fault};
use super::value::{Budget, Value};

type Compiled = Result<Expression, TemplateFault>;

impl<'t> Compiler<'_, 't> {
    pub(super) fn expression(&mut self, expression: &ast::Expr<'t>) -> Compiled {
        self.deeper(expression.span(), |this| this.at_this_depth(expression))
    }

    pub(super) fn boxed(&mut self, expression: &ast::Expr<'t>) -> Result<Box<Expression>, TemplateFault> {
        self.expression(expression).map(Box::new)
    }

    fn optional(
        &mut self,
        expression: Option<&ast::Expr<'t>>,
    ) -> Result<Option<Box<Expression>>, TemplateFault> {
        expression.map(|expression| self.boxed(expression)).transpose()
    }

    fn at_this_depth(&mut self, expression: &ast::Expr<'t>) -> Compiled {
        match expression {
            ast::Expr::Const(constant) => self.constant(&constant.value, bytes(constant.span())),
            ast::Expr::Var(variable) => self.name(variable.id, bytes(variable.span())),
            ast::Expr::GetAttr(part) => self.attribute(part, bytes(part.span())),
            ast::Expr::GetItem(part) => {
                let path =
                    constant_text(&part.subscript_expr).and_then(|name| self.profile_path(&part.expr, &name));
                match path {
                    Some(path) => Ok(self.path(path)),
                    None => Ok(Expression::Item(self.boxed(&part.expr)?, self.boxed(&part.subscript_expr)?)),
                }
            }
            ast::Expr::Slice(part) => {
                if let Some(step) = &part.step {
                    let advice = "Leave out the second colon and what follows it.".to_owned();
                    return Err(fault(
                        bytes(step.span()),
                        "A part of a text or list has no step.",
                        Some(advice),
                    ));
                }
                let (start, stop) = (self.optional(part.start.as_ref())?, self.optional(part.stop.as_ref())?);
                Ok(Expression::Slice(self.boxed(&part.expr)?, start, stop))
            }
            ast::Expr::UnaryOp(operation) => self.unary(operation),
            ast::Expr::BinOp(operation) => self.binary(operation),
            ast::Expr::Compare(chain) => {
                let compared = |part: &ast::CompareOp<'t>, this: &mut Self| {
                    Ok((comparison(part.op), this.expression(&part.expr)?))
                };
                let first = self.boxed(&chain.expr)?;
                let rest = chain.ops.iter().map(|part| compared(part, self));
                Ok(Expression::Compare(first, rest.collect::<Result<_, TemplateFault>>()?))
            }
            ast::Expr::IfExpr(choice) => Ok(Expression::Choose {
                condition: self.boxed(&choice.test_expr)?,
                yes: self.boxed(&choice.true_expr)?,
                no: self.optional(choice.false_expr.as_ref())?,
            }),
            ast::Expr::Filter(filter) => self.filter(filter, bytes(filter.span())),
            ast::Expr::Test(test) => self.test(test, bytes(test.span())),
            ast::Expr::Call(call) => self.call(call, call.span()),
            ast::Expr::List(list) => self.list(&list.items),
            ast::Expr::Tuple(tuple) => self.list(&tuple.items),
            ast::Expr::Map(map) => self.map(map),
        }
    }

    fn constant(&self, value: &minijinja::Value, place: Range<usize>) -> Compiled {
        let number = || {
            let whole = value.as_i64().map(Number::from);
            let whole = whole.or_else(|| u64::try_from(value.clone()).ok().map(Number::from));
            let fraction = || f64::try_from(value.clone()).ok().and_then(Number::from_f64);
            if value.is_integer() { whole } else { fraction() }
        };
        Ok(Expression::Constant(match value.kind() {
            ValueKind::Bool => Value::Bool(value.is_true()),
            ValueKind::String => Value::Text(Cow::Owned(value.as_str().unwrap_or_default().to_owned())),
            ValueKind::Number => {
                Value::Number(number().ok_or_else(|| fault(place, "This number is too large.", None))?)
            }
            _ => Value::Absent,
        }))
    }

    /// A name that stands alone.
    fn name(&mut self, name: &'t str, place: Range<usize>) -> Compiled {
        if let Some(local) = self.local(name) {
            return Ok(Expression::Local(local));
        }
        match name {
            "id" => Ok(Expression::Id),
            "status" => Ok(Expression::Status),
            "loop" if self.in_loop() => {
                let advice = "Write `loop.index`, `loop.first` or `loop.last`.".to_owned();
                Err(fault(place, "`loop` has no value of its own.", Some(advice)))
            }
            name if TOP_LEVEL.contains(&name) => Ok(self.path(name.into())),
            FIRST_NON_EMPTY => {
                let advice =
                    "Write what it is to choose from: first_non_empty(profile.nickName, profile.firstName).";
                Err(fault(place, "`first_non_empty` is a function.", Some(advice.to_owned())))
            }
            name => Err(self.unknown_name(name, place)),
        }
    }

    fn path(&mut self, path: CompactString) -> Expression {
        self.paths.insert(path.clone());
        Expression::Path(path)
    }

    /// The path of an attribute of the profile, if `owner` is the profile and `name` can be that of an attribute.
    fn profile_path(&self, owner: &ast::Expr<'t>, name: &str) -> Option<CompactString> {
        let is_profile = matches!(owner, ast::Expr::Var(variable) if variable.id == "profile" && self.local("profile").is_none());
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (is_profile && is_name).then(|| format_compact!("profile.{name}"))
    }

    fn attribute(&mut self, part: &ast::GetAttr<'t>, place: Range<usize>) -> Compiled {
        if let Some(path) = self.profile_path(&part.expr, part.name) {
            return Ok(self.path(path));
        }
        let is_loop = matches!(&part.expr, ast::Expr::Var(variable) if variable.id == "loop");
        if is_loop && self.in_loop() {
            if let Some((_, field)) = LOOP_FIELDS.iter().find(|(name, _)| *name == part.name) {
                return Ok(Expression::Loop(*field));
            }
            // The span ends with the name.
            let place = place.end - part.name.len()..place.end;
            let advice = names::did_you_mean(part.name, LOOP_FIELDS.iter().map(|(name, _)| *name));
            return Err(fault(place, format!("`loop` has no `{}`.", part.name), advice));
        }
        let name = Expression::Constant(Value::Text(Cow::Owned(part.name.to_owned())));
        Ok(Expression::Item(self.boxed(&part.expr)?, Box::new(name)))
    }

    fn unary(&mut self, operation: &ast::UnaryOp<'t>) -> Compiled {
        match (&operation.op, &operation.expr) {
            (ast::UnaryOpKind::Not, value) => Ok(Expression::Not(self.boxed(value)?)),
            (ast::UnaryOpKind::Neg, ast::Expr::Const(constant)) => {
                let place = bytes(constant.span());
                let Expression::Constant(Value::Number(number)) =
                    self.constant(&constant.value, place.clone())?
                else {
                    return Err(no_arithmetic(place, "-"));
                };
                let whole = number.as_i64().and_then(i64::checked_neg).map(Number::from);
                let negated = whole.or_else(|| Number::from_f64(-number.as_f64()?));
                let negated = negated.ok_or_else(|| fault(place, "This number is too large.", None))?;
                Ok(Expression::Constant(Value::Number(negated)))
            }
            (ast::UnaryOpKind::Neg, value) => Err(no_arithmetic(bytes(value.span()), "-")),
        }
    }

    fn binary(&mut self, operation: &ast::BinOp<'t>) -> Compiled {
        use ast::BinOpKind;
        let compared = |comparison: Comparison, this: &mut Self| {
            let left = this.boxed(&operation.left)?;
            Ok(Expression::Compare(left, vec![(comparison, this.expression(&operation.right)?)]))
        };
        match operation.op {
            BinOpKind::ScAnd => {
                Ok(Expression::And(self.boxed(&operation.left)?, self.boxed(&operation.right)?))
            }
            BinOpKind::ScOr => {
                Ok(Expression::Or(self.boxed(&operation.left)?, self.boxed(&operation.right)?))
            }
            BinOpKind::Concat => {
                let (left, right) = (self.expression(&operation.left)?, self.expression(&operation.right)?);
                let mut parts = if let Expression::Concat(parts) = left { parts } else { vec![left] };
                parts.push(right);
                Ok(Expression::Concat(parts))
            }
            BinOpKind::Eq => compared(Comparison::Equal, self),
            BinOpKind::Ne => compared(Comparison::Unequal, self),
            BinOpKind::Lt => compared(Comparison::Less, self),
            BinOpKind::Lte => compared(Comparison::AtMost, self),
            BinOpKind::Gt => compared(Comparison::Greater, self),
            BinOpKind::Gte => compared(Comparison::AtLeast, self),
            BinOpKind::In => compared(Comparison::In, self),
            BinOpKind::Add => Err(self.operator(operation, &Token::Plus, "+")),
            BinOpKind::Sub => Err(self.operator(operation, &Token::Minus, "-")),
            BinOpKind::Mul => Err(self.operator(operation, &Token::Mul, "*")),
            BinOpKind::Div => Err(self.operator(operation, &Token::Div, "/")),
            BinOpKind::FloorDiv => Err(self.operator(operation, &Token::FloorDiv, "//")),
            BinOpKind::Rem => Err(self.operator(operation, &Token::Mod, "%")),
            BinOpKind::Pow => Err(self.operator(operation, &Token::Pow, "**")),
        }
    }

    /// The fault of an operator, which stands behind what is left of it.
    fn operator(&self, operation: &ast::BinOp<'t>, operator: &Token<'t>, sign: &str) -> TemplateFault {
        let left = bytes(operation.left.span()).end;
        let is_operator =
            |token: &Token<'t>| std::mem::discriminant(token) == std::mem::discriminant(operator);
        let found =
            self.source.tokens.iter().find(|(token, place)| place.start >= left && is_operator(token));
        no_arithmetic(found.map_or(left..left, |(_, place)| place.clone()), sign)
    }

    fn list(&mut self, items: &[ast::Expr<'t>]) -> Compiled {
        let items: Vec<Expression> =
            items.iter().map(|item| self.expression(item)).collect::<Result<_, _>>()?;
        let constants: Option<Vec<Value<'static>>> = items.iter().map(as_constant).collect();
        Ok(match constants {
            Some(values) => Expression::Constant(Value::List(Arc::from(values))),
            None => Expression::List(items),
        })
    }

    fn map(&mut self, map: &ast::Map<'t>) -> Compiled {
        let mut entries = Vec::with_capacity(map.keys.len());
        for (key, value) in map.keys.iter().zip(&map.values) {
            entries.push((self.expression(key)?, self.expression(value)?));
        }
        let constant = |(key, value): &(Expression, Expression)| {
            Some((as_constant(key)?.into_text().ok()?, as_constant(value)?))
        };
        let constants: Option<Vec<(Cow<'static, str>, Value<'static>)>> =
            entries.iter().map(constant).collect();
        Ok(match constants {
            Some(entries) => Expression::Constant(Value::Map(Arc::from(entries))),
            None => Expression::Map(entries),
        })
    }

    fn filter(&mut self, filter: &ast::Filter<'t>, place: Range<usize>) -> Compiled {
        let name_place = place.start..place.start + filter.name.len();
        let Some(value) = &filter.expr else {
            return Err(fault(name_place, "A filter stands behind a value.", None));
        };
        if filter.name == REGEX_REPLACE {
            return self.regex_replace(filter, value, name_place);
        }
        let Some(known) = FILTERS.iter().find(|known| known.name == filter.name) else {
            let message = format!("There is no filter `{}`.", filter.name);
            let advice = names::did_you_mean(filter.name, names::filters()).or_else(|| Some(all_filters()));
            return Err(fault(name_place, message, advice));
        };
        let value = self.boxed(value)?;
        let arguments = self.arguments(known, filter, &place, &name_place)?;
        // What is wrong with constants is wrong for every user.
        let constants: Option<Vec<Value<'static>>> = arguments.iter().map(as_constant).collect();
        if let Some(constants) = constants
            && let Err(problem) =
                (known.apply)(Value::Text(Cow::Borrowed("")), &constants, &Budget::default())
            && known.required > 0
        {
            return Err(fault(name_place, sentence(&problem), None));
        }
        Ok(Expression::Filter { filter: known, value, arguments })
    }

    /// The arguments in the order of the parameters.
    fn arguments(
        &mut self,
        known: &Filter,
        filter: &ast::Filter<'t>,
        place: &Range<usize>,
        name_place: &Range<usize>,
    ) -> Result<Vec<Expression>, TemplateFault> {
        let mut arguments: Vec<Option<Expression>> = known.parameters.iter().map(|_| None).collect();
        for (position, argument) in filter.args.iter().enumerate() {
            let (slot, value, argument_place) = match argument {
                ast::CallArg::Pos(value) => (arguments.get_mut(position), value, bytes(value.span())),
                ast::CallArg::Kwarg(name, value) => {
                    let at = known.parameters.iter().position(|known| known == name);
                    let place = self.keyword_argument(name, place.clone());
                    (at.and_then(|at| arguments.get_mut(at)), value, place)
                }
                ast::CallArg::PosSplat(value) | ast::CallArg::KwargSplat(value) => {
                    return Err(fault(bytes(value.span()), "Arguments cannot be unpacked with `*`.", None));
                }
            };
            let Some(slot) = slot else {
                let message = format!("`{}` has no such argument.", known.name);
                return Err(fault(argument_place, message, Some(usage(known))));
            };
            *slot = Some(self.expression(value)?);
        }
        let missing = arguments.iter().take(known.required).any(Option::is_none);
        if missing {
            let message = format!("An argument of `{}` is missing.", known.name);
            return Err(fault(name_place.clone(), message, Some(usage(known))));
        }
        let absent = || Expression::Constant(Value::Absent);
        Ok(arguments.into_iter().map(|argument| argument.unwrap_or_else(absent)).collect())
    }

    /// Where `name=` stands.
    fn keyword_argument(&self, name: &str, within: Range<usize>) -> Range<usize> {
        let tokens = self.source.tokens.windows(2).filter(|pair| {
            matches!(pair, [(Token::Ident(found), place), (Token::Assign, _)]
                if *found == name && within.contains(&place.start))
        });
        tokens.map(|pair| pair.first().map(|(_, place)| place.clone())).next().flatten().unwrap_or(within)
    }

    fn test(&mut self, test: &ast::Test<'t>, place: Range<usize>) -> Compiled {
        let place = place.start..place.start + test.name.len();
        let Some((_, known, takes_argument)) = TESTS.iter().find(|(name, _, _)| *name == test.name) else {
            let names = TESTS.iter().map(|(name, _, _)| *name);
            let advice = names::did_you_mean(test.name, names);
            return Err(fault(place, format!("There is no test `{}`.", test.name), advice));
        };
        let value = self.boxed(&test.expr)?;
        let argument = match test.args.as_slice() {
            [] if !takes_argument => None,
            [ast::CallArg::Pos(argument)] if *takes_argument => Some(self.boxed(argument)?),
            _ => {
                let count = if *takes_argument { "one argument" } else { "no argument" };
                return Err(fault(place, format!("`{}` takes {count}.", test.name), None));
            }
        };
        Ok(Expression::Test { test: *known, value, argument })
    }

    fn call(&mut self, call: &ast::Call<'t>, span: Span) -> Compiled {
        match &call.expr {
            ast::Expr::Var(variable) if variable.id == FIRST_NON_EMPTY => {
                let mut candidates = Vec::with_capacity(call.args.len());
                for argument in &call.args {
                    let ast::CallArg::Pos(candidate) = argument else {
                        let message = "`first_non_empty` takes values only, without names.";
                        return Err(fault(bytes(variable.span()), message, None));
                    };
                    candidates.push(self.expression(candidate)?);
                }
                Ok(Expression::FirstNonEmpty(candidates))
            }
            ast::Expr::Var(variable) => {
                let name = variable.id;
                let advice = if names::filters().any(|filter| filter == name) {
                    format!("It is a filter: write it behind the value, as in `profile.login | {name}`.")
                } else {
                    names::did_you_mean(name, std::iter::once(FIRST_NON_EMPTY))
                        .unwrap_or_else(|| "The only function is `first_non_empty`.".to_owned())
                };
                Err(fault(bytes(variable.span()), format!("There is no function `{name}`."), Some(advice)))
            }
            ast::Expr::GetAttr(method) => {
                let end = bytes(method.span()).end;
                let advice = if names::filters().any(|filter| filter == method.name) {
                    format!("Write the filter `| {}` behind the value.", method.name)
                } else {
                    all_filters()
                };
                let message =
                    format!("There is no method `{}`: a template has filters instead.", method.name);
                Err(fault(end - method.name.len()..end, message, Some(advice)))
            }
            _ => Err(fault(bytes(span), "Only `first_non_empty` can be called.", None)),
        }
    }
}

/// The text that an expression is, if it is one between quotes.
pub(super) fn constant_text(expression: &ast::Expr<'_>) -> Option<String> {
    match expression {
        ast::Expr::Const(constant) => constant.value.as_str().map(str::to_owned),
        _ => None,
    }
}

fn as_constant(expression: &Expression) -> Option<Value<'static>> {
    match expression {
        Expression::Constant(value) => Some(value.clone()),
        _ => None,
    }
}

fn comparison(operator: ast::CompareOpKind) -> Comparison {
    match operator {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::Unequal,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::AtMost,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::AtLeast,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}

fn no_arithmetic(place: Range<usize>, sign: &str) -> TemplateFault {
    let advice = if sign == "+" {
        "Write `~` to join texts."
    } else {
        "Write a text with such a character between quotes, as in '-'."
    };
    fault(
        place,
        format!("A mapping does not calculate: there is no operator `{sign}`."),
        Some(advice.to_owned()),
    )
}

fn usage(filter: &Filter) -> String {
    match filter.parameters {
        [] => format!("Write `{}` without parentheses.", filter.name),
        parameters => format!("Write it as `{}({})`.", filter.name, parameters.join(", ")),
    }
}

fn all_filters() -> String {
    let mut names: Vec<&str> = names::filters().collect();
    names.sort_unstable();
    format!("The filters are {}.", names.join(", "))
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}
