//! The Crowd Query Language: `firstName = "zoe" and (email = "*@example.com" or active = false)`.

use super::call::folded;
use super::restriction::{Restriction, Test};

/// Parentheses within parentheses, at most.
const DEPTH: usize = 20;

/// Reads a query. There is no `not` in the language (CWD-5699).
pub(super) fn parse(text: &str) -> Result<Restriction, String> {
    let mut tokens = tokens(text)?;
    tokens.reverse();
    let mut parser = Parser { tokens };
    let restriction = parser.any(DEPTH)?;
    match parser.tokens.pop() {
        None => Ok(restriction),
        Some(token) => Err(format!("{token:?} is not expected")),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Sign(char),
    Word(String),
    Quoted(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            '(' | ')' | '=' | '<' | '>' | '!' => {
                tokens.push(Token::Sign(first));
                after
            }
            '"' | '\'' => {
                let (quoted, after) = quoted(after, first).ok_or("a quotation mark is missing")?;
                tokens.push(Token::Quoted(quoted));
                after
            }
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || "()=<>!\"'".contains(letter);
                let (word, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
                tokens.push(Token::Word(word.to_owned()));
                after
            }
        }
        .trim_start();
    }
    Ok(tokens)
}

/// A text up to its closing quotation mark, and what follows. A backslash keeps the next letter from being one.
fn quoted(text: &str, mark: char) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => plain.push(letters.next()?.1),
            letter if letter == mark => return Some((plain, &text[at + letter.len_utf8()..])),
            letter => plain.push(letter),
        }
    }
    None
}

/// The tokens that are left, the next one last.
struct Parser {
    tokens: Vec<Token>,
}

impl Parser {
    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.tokens.last(), Some(Token::Word(next)) if folded(next) == word);
        is_next && self.tokens.pop().is_some()
    }

    fn takes_sign(&mut self, sign: char) -> bool {
        self.tokens.last() == Some(&Token::Sign(sign)) && self.tokens.pop().is_some()
    }

    fn any(&mut self, depth: usize) -> Result<Restriction, String> {
        let first = self.all(depth)?;
        let mut parts = vec![first];
        while self.takes_word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Restriction::Any))
    }

    /// `and` binds more strongly than `or`.
    fn all(&mut self, depth: usize) -> Result<Restriction, String> {
        let first = self.one(depth)?;
        let mut parts = vec![first];
        while self.takes_word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Restriction::All))
    }

    fn one(&mut self, depth: usize) -> Result<Restriction, String> {
        if self.takes_sign('(') {
            let depth = depth.checked_sub(1).ok_or("there are too many parentheses")?;
            let restriction = self.any(depth)?;
            return if self.takes_sign(')') { Ok(restriction) } else { Err("a ')' is missing".to_owned()) };
        }
        let Some(Token::Word(property)) = self.tokens.pop() else {
            return Err("a property is missing".to_owned());
        };
        let Some(Token::Sign(sign @ ('=' | '<' | '>'))) = self.tokens.pop() else {
            return Err(format!("'=', '<' or '>' is missing after {property}"));
        };
        let Some(Token::Word(value) | Token::Quoted(value)) = self.tokens.pop() else {
            return Err(format!("a value is missing for {property}"));
        };
        let value = folded(&value);
        let test = match sign {
            '<' => Test::Less(value),
            '>' => Test::Greater(value),
            _ if value.contains('*') => Test::Like(value.split('*').map(str::to_owned).collect()),
            _ => Test::Is(value),
        };
        Ok(Restriction::Property(property, test))
    }
}

fn joined(mut parts: Vec<Restriction>, join: fn(Vec<Restriction>) -> Restriction) -> Restriction {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::User;

    #[test]
    fn queries_mean_what_they_say() {
        let mut user = User {
            name: "zoe".to_owned(),
            email: "zoe@example.com".to_owned(),
            first_name: "Zoë \"Z\"".to_owned(),
            ..User::default()
        };
        user.attributes.insert("desk".to_owned(), vec!["7".to_owned(), "9".to_owned()]);
        for (text, expected) in [
            ("email=zoe@example.com", true),
            ("name = \"ZOE\"", true),
            ("name = 'zoe'", true),
            ("name = zo*", true),
            ("name = z*e", true),
            ("name = *oe", true),
            ("name = \"*o*\"", true),
            ("name = a*", false),
            ("firstName = \"Zoë \\\"Z\\\"\"", true),
            ("active = true", false),
            ("active = false AND name = zoe", true),
            ("name = x or name = y or name = zoe", true),
            ("name = zoe or name = x and name = y", true),
            ("(name = zoe or name = x) and name = y", false),
            ("desk = 9", true),
            ("desk > 8 and desk < 8", true),
            ("desk > 9", false),
            ("lastName = x", false),
        ] {
            let restriction = parse(text).unwrap();
            assert_eq!(restriction.matches_user(&user), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let deep = format!("{}a=b{}", "(".repeat(50), ")".repeat(50));
        for text in [
            "name",
            "name =",
            "name = \"x",
            "= x",
            "name = x name = y",
            "name = x and",
            "(name = x",
            "name = x)",
            "not name = x",
            "name != x",
            "\"name\" = x",
            &deep,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
