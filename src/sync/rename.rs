//! Rules that make the name of a group in the target of its name at the source. Pure.

use regex::Regex;

/// One rule: every match of the pattern in a name is replaced.
#[derive(Clone, Debug)]
pub struct Rename {
    pattern: Regex,
    to: String,
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameFault {
    /// True if it is in the replacement, false if it is in the pattern.
    pub in_to: bool,
    /// Where in that text, in bytes.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead, as a sentence.
    pub advice: Option<String>,
}

impl PartialEq for Rename {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.as_str() == other.pattern.as_str() && self.to == other.to
    }
}

impl Rename {
    /// A rule of a regular expression and what its matches are replaced by; `$1` and `${name}` stand for its groups.
    pub fn new(pattern: &str, to: &str) -> Result<Self, RenameFault> {
        let fault = |error: regex::Error| RenameFault {
            in_to: false,
            offset: 0,
            length: pattern.len(),
            message: error.to_string(),
            advice: None,
        };
        Ok(Self { pattern: Regex::new(pattern).map_err(fault)?, to: to.to_owned() })
    }

    /// The regular expression as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The replacement as written.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The new name, trimmed; none if the pattern does not match.
    #[must_use]
    pub fn apply(&self, name: &str) -> Option<String> {
        let is_match = self.pattern.is_match(name);
        is_match.then(|| self.pattern.replace_all(name, self.to.as_str()).trim().to_owned())
    }
}
