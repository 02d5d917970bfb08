//! What a template is compiled to: statements and expressions with every name resolved.

use compact_str::CompactString;

use super::filters::Filter;
use super::value::Value;
use crate::sync::rename::Rename;

/// A compiled template.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) statements: Vec<Statement>,
    /// How many local variables there are.
    pub(super) locals: usize,
}

/// A local variable, by its position.
pub(super) type Local = usize;

/// One piece of a template.
#[derive(Debug)]
pub(super) enum Statement {
    /// Text between the tags.
    Text(CompactString),
    /// `{{ … }}`
    Print(Expression),
    /// `{% if … %}`, with every `elif`
    If { branches: Vec<(Expression, Vec<Statement>)>, otherwise: Vec<Statement> },
    /// `{% for … in … if … %}`
    For(Box<For>),
    /// `{% set … = … %}`
    Set(Local, Expression),
    /// `{% set … %}…{% endset %}`
    Capture(Local, Vec<Statement>),
}

/// A loop.
#[derive(Debug)]
pub(super) struct For {
    pub(super) variable: Local,
    pub(super) list: Expression,
    pub(super) filter: Option<Expression>,
    pub(super) body: Vec<Statement>,
    /// What is printed if there is nothing to loop over.
    pub(super) otherwise: Vec<Statement>,
    /// Variables of the body with the outer ones that they hide: each turn starts with the outer value, or none.
    pub(super) fresh: Vec<(Local, Option<Local>)>,
}

/// What is known of a loop within it: `loop.index` and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopField {
    Index,
    Index0,
    First,
    Last,
    Length,
}

/// An operator between two values that yields true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

/// What stands behind `is`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Defined,
    Undefined,
    String,
    Number,
    Boolean,
    Sequence,
    Mapping,
    StartingWith,
    EndingWith,
    In,
}

/// What yields a value.
#[derive(Debug)]
pub(super) enum Expression {
    Constant(Value<'static>),
    /// `id`
    Id,
    /// `status`
    Status,
    /// A path as in `UserView`.
    Path(CompactString),
    Local(Local),
    Loop(LoopField),
    /// `list[0]`, `object['name']` and `object.name`
    Item(Box<Expression>, Box<Expression>),
    /// `text[start:stop]`
    Slice(Box<Expression>, Option<Box<Expression>>, Option<Box<Expression>>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    /// `a ~ b ~ c`
    Concat(Vec<Expression>),
    /// `a < b <= c`
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    /// `a if condition else b`
    Choose {
        condition: Box<Expression>,
        yes: Box<Expression>,
        no: Option<Box<Expression>>,
    },
    Filter {
        filter: &'static Filter,
        value: Box<Expression>,
        arguments: Vec<Expression>,
    },
    RegexReplace {
        value: Box<Expression>,
        rule: Box<Rename>,
    },
    Test {
        test: Test,
        value: Box<Expression>,
        argument: Option<Box<Expression>>,
    },
    /// `first_non_empty(a, b, c)`
    FirstNonEmpty(Vec<Expression>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
}
