//! Okta's `search` and `filter` expressions: `attribute op value`, `and`, `or`, parentheses.
//!
//! What an expression may contain differs by endpoint and parameter ([`Dialect`]); everything else is refused: with
//! E0000031, and in the log with E0000053 where it is not even an expression.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use super::clock::parse_stamp;

/// Where an expression is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    UserSearch,
    UserFilter,
    GroupSearch,
    GroupFilter,
    LogFilter,
}

/// What a record has under a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Present {
    /// A moment, in milliseconds since the epoch: comparing these costs no text.
    Moment(i64),
    Json(Value),
}

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It cannot be read.
    Syntax(String),
    /// It names what the endpoint does not know.
    Unsupported(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Syntax(why) | Self::Unsupported(why)) = self;
        formatter.write_str(why)
    }
}

impl From<&str> for Mistake {
    fn from(why: &str) -> Self {
        Self::Syntax(why.to_owned())
    }
}

/// An expression that was read and is allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    /// `moment` is the value where it is a date, in milliseconds since the epoch.
    Test {
        attribute: String,
        op: Op,
        value: Value,
        moment: Option<i64>,
    },
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
    Sw,
    Co,
    Pr,
}

/// Levels of parentheses that are read; deeper ones are "too complex".
const DEEPEST: usize = 20;

impl Dialect {
    fn allows(self, attribute: &str, op: Op) -> bool {
        let compares = matches!(op, Op::Eq | Op::Ge | Op::Gt | Op::Le | Op::Lt);
        let profile = attribute.strip_prefix("profile.").filter(|name| !name.is_empty());
        match self {
            Self::UserSearch => {
                let known =
                    ["id", "status", "created", "activated", "statusChanged", "lastUpdated", "type.id"];
                let contains = ["firstName", "lastName", "email", "login"];
                match op {
                    Op::Co => profile.is_some_and(|name| contains.contains(&name)),
                    _ => profile.is_some() || known.contains(&attribute),
                }
            }
            Self::UserFilter => match attribute {
                "lastUpdated" => compares,
                "status" | "id" | "profile.login" | "profile.email" | "profile.firstName"
                | "profile.lastName" => op == Op::Eq,
                _ => false,
            },
            Self::GroupSearch => {
                let known = ["id", "type", "created", "lastUpdated", "lastMembershipUpdated", "source.id"];
                match op {
                    Op::Co => profile.is_some_and(|name| name == "name" || name == "description"),
                    Op::Pr => false,
                    _ => profile.is_some() || known.contains(&attribute),
                }
            }
            Self::GroupFilter => match attribute {
                "lastUpdated" | "lastMembershipUpdated" => compares,
                "id" | "type" => op == Op::Eq,
                _ => false,
            },
            Self::LogFilter => match attribute {
                "published" => compares,
                "eventType" | "uuid" | "severity" | "displayMessage" | "outcome.result"
                | "transaction.id" => true,
                _ => matches!(
                    attribute.split_once('.'),
                    Some(("actor" | "target", "id" | "type" | "alternateId" | "displayName"))
                ),
            },
        }
    }

    /// `search` does not care for case, `filter` does.
    fn folds_case(self) -> bool {
        matches!(self, Self::UserSearch | Self::GroupSearch)
    }
}

impl Expression {
    /// Reads an expression. Errors say what was wrong, for `errorCauses`.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, Mistake> {
        let mut parser = Parser { rest: text, dialect };
        let expression = parser.any(0)?;
        match parser.rest.trim().is_empty() {
            true => Ok(expression),
            false => Err(Mistake::Syntax(format!("unexpected '{}'", parser.rest.trim()))),
        }
    }

    /// The ids beside which nothing can match, where the expression names them: `(…) and (id eq "1" or id eq "2")`.
    pub(crate) fn only_ids(&self) -> Option<Vec<&str>> {
        match self {
            Self::Test { attribute, op: Op::Eq, value, .. } if attribute == "id" => {
                Some(vec![value.as_str()?])
            }
            Self::Test { .. } => None,
            Self::Any(parts) => {
                let ids: Option<Vec<Vec<&str>>> = parts.iter().map(Self::only_ids).collect();
                Some(ids?.concat())
            }
            Self::All(parts) => parts.iter().find_map(Self::only_ids),
        }
    }

    /// The moment (in milliseconds) before which a date has to be for nothing to match, where the expression tells:
    /// `lastUpdated ge "…" and (…)`.
    pub(crate) fn not_before(&self, date: &str) -> Option<i64> {
        match self {
            Self::Test { attribute, op: Op::Ge | Op::Gt | Op::Eq, moment, .. } if attribute == date => {
                *moment
            }
            Self::Test { .. } => None,
            Self::Any(parts) => {
                let bounds: Option<Vec<i64>> = parts.iter().map(|part| part.not_before(date)).collect();
                bounds?.into_iter().min()
            }
            Self::All(parts) => parts.iter().filter_map(|part| part.not_before(date)).max(),
        }
    }

    /// Whether a record matches; `attribute` looks up what the expression names.
    pub(crate) fn matches(
        &self,
        dialect: Dialect,
        attribute: &mut dyn FnMut(&str) -> Option<Present>,
    ) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(dialect, attribute)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(dialect, attribute)),
            Self::Test { attribute: name, op, value, moment } => {
                // Ids that differ in case are two ids.
                let fold = dialect.folds_case() && name != "id";
                match attribute(name) {
                    None | Some(Present::Json(Value::Null)) => false,
                    Some(_) if *op == Op::Pr => true,
                    Some(Present::Moment(present)) => {
                        moment.is_some_and(|wanted| op.holds(present.cmp(&wanted)))
                    }
                    Some(Present::Json(Value::Array(elements))) => {
                        elements.iter().any(|element| compare(element, *op, value, fold))
                    }
                    Some(Present::Json(present)) => compare(&present, *op, value, fold),
                }
            }
        }
    }
}

impl Op {
    /// Whether a value that stands so to the wanted one passes.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ge => order.is_ge(),
            Self::Gt => order.is_gt(),
            Self::Le => order.is_le(),
            Self::Lt => order.is_lt(),
            Self::Sw | Self::Co | Self::Pr => false,
        }
    }
}

/// Compares one present value with the one of the expression.
fn compare(present: &Value, op: Op, wanted: &Value, fold: bool) -> bool {
    let order: Option<Ordering> = match (present, wanted) {
        (Value::Number(present), Value::Number(wanted)) => present.as_f64().partial_cmp(&wanted.as_f64()),
        (Value::Bool(present), Value::Bool(wanted)) => Some(present.cmp(wanted)),
        (Value::String(present), Value::String(wanted)) => {
            let fold_case = |text: &str| if fold { text.to_lowercase() } else { text.to_owned() };
            match op {
                Op::Sw => return fold_case(present).starts_with(&fold_case(wanted)),
                Op::Co => return fold_case(present).contains(&fold_case(wanted)),
                _ => Some(fold_case(present).cmp(&fold_case(wanted))),
            }
        }
        _ => None,
    };
    order.is_some_and(|order| op.holds(order))
}

fn is_date(name: &str) -> bool {
    matches!(
        name,
        "created" | "activated" | "statusChanged" | "lastUpdated" | "lastMembershipUpdated" | "published"
    )
}

struct Parser<'a> {
    rest: &'a str,
    dialect: Dialect,
}

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.all(depth)?];
        while self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.one(depth)?];
        while self.word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Expression, Mistake> {
        self.rest = self.rest.trim_start();
        if let Some(inner) = self.rest.strip_prefix('(') {
            if depth >= DEEPEST {
                return Err("the expression is too complex".into());
            }
            self.rest = inner;
            let expression = self.any(depth + 1)?;
            self.rest = self.rest.trim_start();
            self.rest = self.rest.strip_prefix(')').ok_or("a ')' is missing")?;
            return Ok(expression);
        }
        let attribute = self.token().to_owned();
        let op = match self.token().to_ascii_lowercase().as_str() {
            "eq" => Op::Eq,
            "ge" => Op::Ge,
            "gt" => Op::Gt,
            "le" => Op::Le,
            "lt" => Op::Lt,
            "sw" => Op::Sw,
            "co" => Op::Co,
            "pr" => Op::Pr,
            "" => return Err(Mistake::Syntax(format!("{attribute} has no operator"))),
            other => return Err(Mistake::Unsupported(format!("unsupported operator '{other}'"))),
        };
        if !self.dialect.allows(&attribute, op) {
            let problem = format!("unsupported attribute or operator: {attribute} {op:?}");
            return Err(Mistake::Unsupported(problem));
        }
        let value = if op == Op::Pr { Value::Null } else { self.value()? };
        let dated = is_date(&attribute) && op != Op::Pr;
        let moment = value.as_str().filter(|_| dated).and_then(parse_stamp);
        if dated && moment.is_none() {
            return Err(Mistake::Syntax(format!("{attribute} wants a date")));
        }
        Ok(Expression::Test { attribute, op, value, moment })
    }

    /// Takes a word, if it is the next one.
    fn word(&mut self, wanted: &str) -> bool {
        let before = self.rest;
        if self.token().eq_ignore_ascii_case(wanted) {
            return true;
        }
        self.rest = before;
        false
    }

    fn token(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find([' ', '(', ')', '"']).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        self.rest = after;
        token
    }

    fn value(&mut self) -> Result<Value, Mistake> {
        let rest = self.rest.trim_start();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if rest.starts_with('"') {
            let value = values.next().and_then(Result::ok).ok_or("a string is not closed")?;
            self.rest = &rest[values.byte_offset()..];
            return Ok(value);
        }
        let token = self.token();
        match serde_json::from_str::<Value>(token) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value),
            _ => Err(Mistake::Syntax(format!("'{token}' is no value: strings stand in double quotes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(text: &str, dialect: Dialect) -> Result<bool, Mistake> {
        let expression = Expression::parse(text, dialect)?;
        let record = json!({
            "status": "ACTIVE", "id": "00u1", "lastUpdated": "2026-01-02T03:04:05.000Z",
            "profile.login": "Zoe@example.com", "profile.desk": 7, "profile.remote": true,
            "profile.colours": ["blue", "white"], "profile.mobilePhone": null,
        });
        Ok(expression.matches(dialect, &mut |name| match (name, record.get(name)?) {
            ("lastUpdated", Value::String(text)) => parse_stamp(text).map(Present::Moment),
            (_, value) => Some(Present::Json(value.clone())),
        }))
    }

    #[test]
    fn expressions_mean_what_they_say() {
        for (text, expected) in [
            (r#"status eq "ACTIVE""#, true),
            (r#"status eq "active""#, true),
            (r#"profile.login sw "zoe" and profile.desk gt 6"#, true),
            (r#"profile.login co "EXAMPLE""#, true),
            (r#"id eq "x" or id eq "y" OR id Eq "00u1""#, true),
            (r#"id eq "00u1" and (status eq "STAGED" or status eq "RECOVERY")"#, false),
            (r#"status eq "X" and id eq "x" or id eq "00u1""#, true),
            (r#"lastUpdated ge "2026-01-02T03:04:05Z""#, true),
            (r#"lastUpdated gt "2026-01-02T04:04:05.000+01:00""#, false),
            (r#"profile.remote eq true"#, true),
            (r#"profile.colours eq "white""#, true),
            (r#"status pr"#, true),
            (r#"profile.mobilePhone pr"#, false),
            (r#"profile.missing eq "a\"b""#, false),
        ] {
            assert_eq!(matches(text, Dialect::UserSearch), Ok(expected), "{text}");
        }
        assert_eq!(matches(r#"status eq "active""#, Dialect::UserFilter), Ok(false), "filter minds case");
    }

    #[test]
    fn ids_narrow_a_search_only_where_nothing_else_can_match() {
        let ids = |text: &str| {
            let parsed = Expression::parse(text, Dialect::UserSearch)?;
            Ok::<_, Mistake>(parsed.only_ids().map(|ids| ids.join(" ")))
        };
        for (text, expected) in [
            (r#"id eq "1""#, Some("1")),
            (r#"(status pr) and (id eq "1" or id eq "2")"#, Some("1 2")),
            (r#"(status pr or id eq "3") and ((id eq "1" or (id eq "2" and status pr)))"#, Some("1 2")),
            (r#"status pr or id eq "1""#, None),
            (r#"id gt "1""#, None),
            (r#"status pr"#, None),
        ] {
            assert_eq!(ids(text), Ok(expected.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_date_narrows_a_search_only_where_nothing_older_can_match() {
        let bound = |text: &str| {
            Ok::<_, Mistake>(Expression::parse(text, Dialect::UserSearch)?.not_before("lastUpdated"))
        };
        let (older, newer) = (parse_stamp("2026-01-01T00:00:00Z"), parse_stamp("2026-02-01T00:00:00Z"));
        for (text, expected) in [
            (r#"lastUpdated ge "2026-01-01T00:00:00Z""#, older),
            (r#"status pr and (lastUpdated gt "2026-01-01T00:00:00Z")"#, older),
            (r#"lastUpdated ge "2026-01-01T00:00:00Z" and lastUpdated ge "2026-02-01T00:00:00Z""#, newer),
            (r#"lastUpdated eq "2026-02-01T00:00:00Z" or lastUpdated gt "2026-01-01T00:00:00Z""#, older),
            (r#"lastUpdated ge "2026-01-01T00:00:00Z" or status pr"#, None),
            (r#"lastUpdated le "2026-01-01T00:00:00Z""#, None),
            (r#"created ge "2026-01-01T00:00:00Z""#, None),
        ] {
            assert_eq!(bound(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_log_knows_types_actors_and_targets() {
        let parse = |text: &str| Expression::parse(text, Dialect::LogFilter);
        for text in [
            r#"eventType sw "user.lifecycle." or (eventType eq "group.user_membership.add")"#,
            r#"target.id eq "00u1" and published gt "2026-01-01T00:00:00Z""#,
            r#"actor.alternateId co "admin""#,
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in
            [r#"eventType ne "x""#, r#"lastUpdated gt "2026-01-01T00:00:00Z""#, r#"target.name eq "x""#]
        {
            assert!(matches!(parse(text), Err(Mistake::Unsupported(_))), "{text}");
        }
        for text in ["eventType", r#"eventType eq "x"#, r#"(eventType eq "x""#, r#"published gt "today""#, ""]
        {
            assert!(matches!(parse(text), Err(Mistake::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for text in [
            "",
            "status",
            "status ne \"X\"",
            "status eq ACTIVE",
            "status eq \"X",
            "(status eq \"X\"",
            "status eq \"X\" and",
            "status eq \"X\" status",
            "profile.department co \"x\"",
            "not status eq \"X\"",
            "lastUpdated gt \"yesterday\"",
            "nothing eq \"x\"",
        ] {
            assert!(matches(text, Dialect::UserSearch).is_err(), "{text}");
        }
        for text in ["profile.department eq \"x\"", "status gt \"A\"", "profile.login sw \"x\""] {
            assert!(matches(text, Dialect::UserFilter).is_err(), "{text}");
        }
        assert!(matches("profile.name eq \"x\"", Dialect::GroupFilter).is_err());
        let deep = format!("{}id eq \"x\"{}", "(".repeat(50), ")".repeat(50));
        assert!(matches(&deep, Dialect::UserSearch).is_err());
    }
}
