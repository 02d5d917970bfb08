//! Turns the text of a template into a program: resolves every name, and refuses what a mapping has no use for.
//!
//! Statements are here; [`super::expression`] has the expressions.

use std::collections::BTreeSet;
use std::ops::Range;

use compact_str::CompactString;
use minijinja::machinery::{Span, ast};

use super::TemplateFault;
use super::names::{self, TOP_LEVEL};
use super::program::{For, Local, Program, Statement};
use super::syntax::{STATEMENTS, Source, bytes, fault, no_such_statement};

/// How deep statements and expressions may be nested. Compiling and rendering recurse as deep.
const DEEPEST: usize = 100;

/// A program, and the paths of what it reads.
pub(super) fn compile(text: &str) -> Result<(Program, BTreeSet<CompactString>), TemplateFault> {
    let source = Source::read(text)?;
    let tree = source.parse()?;
    let ast::Stmt::Template(template) = &tree else {
        return Err(fault(0..text.len(), "This is not a template.", None));
    };
    let mut compiler = Compiler {
        source: &source,
        paths: BTreeSet::new(),
        frames: vec![Frame::default()],
        locals: 0,
        loops: 0,
        depth: 0,
    };
    let statements = compiler.statements(&template.children)?;
    Ok((Program { statements, locals: compiler.locals }, compiler.paths))
}

/// The variables that a loop, or the template itself, has set so far.
#[derive(Default)]
struct Frame<'t> {
    names: Vec<(&'t str, Local)>,
    /// What is to be made fresh in each turn of the loop.
    fresh: Vec<(Local, Option<Local>)>,
}

pub(super) struct Compiler<'s, 't> {
    pub(super) source: &'s Source<'t>,
    pub(super) paths: BTreeSet<CompactString>,
    frames: Vec<Frame<'t>>,
    locals: usize,
    loops: usize,
    depth: usize,
}

impl<'t> Compiler<'_, 't> {
    fn statements(&mut self, statements: &[ast::Stmt<'t>]) -> Result<Vec<Statement>, TemplateFault> {
        statements.iter().map(|statement| self.statement(statement)).collect()
    }

    fn statement(&mut self, statement: &ast::Stmt<'t>) -> Result<Statement, TemplateFault> {
        match statement {
            ast::Stmt::EmitRaw(text) => Ok(Statement::Text(text.raw.into())),
            ast::Stmt::EmitExpr(print) => Ok(Statement::Print(self.expression(&print.expr)?)),
            ast::Stmt::IfCond(condition) => self.deeper(condition.span(), |this| this.condition(condition)),
            ast::Stmt::ForLoop(repeated) => self.deeper(repeated.span(), |this| this.repeated(repeated)),
            ast::Stmt::Set(set) => {
                let value = self.expression(&set.expr)?;
                Ok(Statement::Set(self.declare(&set.target)?, value))
            }
            ast::Stmt::SetBlock(set) => self.deeper(set.span(), |this| {
                if set.filter.is_some() {
                    let advice = "Write the filter where the variable is used.".to_owned();
                    return Err(fault(
                        keyword(set.span(), "set"),
                        "A `set` block takes no filter.",
                        Some(advice),
                    ));
                }
                let body = this.statements(&set.body)?;
                Ok(Statement::Capture(this.declare(&set.target)?, body))
            }),
            ast::Stmt::WithBlock(other) => Err(not_available(other.span(), "with")),
            ast::Stmt::AutoEscape(other) => Err(not_available(other.span(), "autoescape")),
            ast::Stmt::FilterBlock(other) => Err(not_available(other.span(), "filter")),
            ast::Stmt::Do(other) => Err(not_available(other.span(), "do")),
            // Statements that exist only with features of minijinja that another crate might switch on.
            #[allow(unreachable_patterns)]
            _ => Err(fault(
                0..self.source.text.len(),
                "A statement is not available in a mapping.",
                Some(STATEMENTS.to_owned()),
            )),
        }
    }

    fn condition(&mut self, condition: &ast::IfCond<'t>) -> Result<Statement, TemplateFault> {
        let mut branches = Vec::new();
        let mut current = condition;
        loop {
            branches.push((self.expression(&current.expr)?, self.statements(&current.true_body)?));
            // `elif` is an `if` that is all there is in `else`.
            match current.false_body.as_slice() {
                [ast::Stmt::IfCond(next)] => current = next,
                otherwise => {
                    return Ok(Statement::If { branches, otherwise: self.statements(otherwise)? });
                }
            }
        }
    }

    fn repeated(&mut self, repeated: &ast::Spanned<ast::ForLoop<'t>>) -> Result<Statement, TemplateFault> {
        if repeated.recursive {
            let place = keyword(repeated.span(), "for");
            return Err(fault(place, "A loop of a mapping cannot be recursive.", None));
        }
        let list = self.expression(&repeated.iter)?;
        self.frames.push(Frame::default());
        let inner = self.turn(repeated);
        let frame = self.frames.pop().unwrap_or_default();
        let (variable, filter, body) = inner?;
        let otherwise = self.statements(&repeated.else_body)?;
        Ok(Statement::For(Box::new(For { variable, list, filter, body, otherwise, fresh: frame.fresh })))
    }

    #[allow(clippy::type_complexity)]
    fn turn(
        &mut self,
        repeated: &ast::ForLoop<'t>,
    ) -> Result<(Local, Option<super::program::Expression>, Vec<Statement>), TemplateFault> {
        let variable = self.declare(&repeated.target)?;
        let filter = repeated.filter_expr.as_ref().map(|filter| self.expression(filter)).transpose()?;
        self.loops += 1;
        let body = self.statements(&repeated.body);
        self.loops -= 1;
        Ok((variable, filter, body?))
    }

    /// A variable that is set here.
    fn declare(&mut self, target: &ast::Expr<'t>) -> Result<Local, TemplateFault> {
        let ast::Expr::Var(variable) = target else {
            let message = match target {
                ast::Expr::List(_) => "Only one variable can be set at a time.",
                _ => "Only a variable can be set, not a part of one.",
            };
            return Err(fault(bytes(target.span()), message, None));
        };
        let name = variable.id;
        if TOP_LEVEL.contains(&name) || matches!(name, "id" | "status") {
            let message = format!("`{name}` is a part of the user and cannot be set.");
            return Err(fault(bytes(variable.span()), message, Some("Choose another name.".to_owned())));
        }
        let outer = self.local(name);
        let Some(frame) = self.frames.last_mut() else { return Ok(0) };
        if let Some((_, local)) = frame.names.iter().find(|(known, _)| *known == name) {
            return Ok(*local);
        }
        let local = self.locals;
        self.locals += 1;
        frame.names.push((name, local));
        frame.fresh.push((local, outer));
        Ok(local)
    }

    /// The variable of that name, if one was set before.
    pub(super) fn local(&self, name: &str) -> Option<Local> {
        let known = self.frames.iter().rev().flat_map(|frame| frame.names.iter());
        known.into_iter().find(|(known, _)| *known == name).map(|(_, local)| *local)
    }

    /// Whether this is within a loop.
    pub(super) fn in_loop(&self) -> bool {
        self.loops > 0
    }

    /// The fault of a name that stands alone and is not known.
    pub(super) fn unknown_name(&self, name: &str, place: Range<usize>) -> TemplateFault {
        let locals = self.frames.iter().flat_map(|frame| frame.names.iter().map(|(name, _)| *name));
        let behind = self.source.text.get(place.end..).unwrap_or_default();
        let advice = names::advice_for_name(name, behind, locals);
        fault(place, format!("`{name}` is not a name that a template knows."), advice)
    }

    /// Goes one level down, unless that is too deep.
    pub(super) fn deeper<T>(
        &mut self,
        span: Span,
        compile: impl FnOnce(&mut Self) -> Result<T, TemplateFault>,
    ) -> Result<T, TemplateFault> {
        if self.depth >= DEEPEST {
            let message = format!("The template is nested more than {DEEPEST} deep.");
            return Err(fault(bytes(span), message, None));
        }
        self.depth += 1;
        let outcome = compile(self);
        self.depth -= 1;
        outcome
    }
}

/// The place of the word that a statement begins with.
fn keyword(span: Span, word: &str) -> Range<usize> {
    let start = bytes(span).start;
    start..start + word.len()
}

fn not_available(span: Span, name: &str) -> TemplateFault {
    fault(keyword(span, name), no_such_statement(name), Some(STATEMENTS.to_owned()))
}
