//! The forms that a single value can have: how to say what is expected, how to check it, how an editor checks it.

use serde_json::{Value, json};

use super::mask::quoted;
use super::text::Complaint;
use super::{address, schedule, search, values};
use crate::sync::model::Status;

/// What else means `on`, in any case, as [`values::word`] has it; editors offer the word itself only.
const OTHER_ON: &str = "^([Oo][Nn]|[Tt][Rr][Uu][Ee]|[Yy][Ee][Ss])$";
/// What else means `off`.
const OTHER_OFF: &str = "^([Oo][Ff][Ff]|[Ff][Aa][Ll][Ss][Ee]|[Nn][Oo])$";

/// One form of a scalar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// An Okta domain.
    Domain,
    /// Scheme, host and port.
    Origin,
    /// The address of a product, which may have a path.
    Base,
    /// A name to sign in with.
    Account,
    /// The id of a directory of Atlassian Cloud.
    Directory,
    /// 1% to 100%.
    Budget,
    /// `1h30m`.
    Duration,
    /// The same, from so many seconds to so many.
    Within(u64, u64),
    /// Okta's name of a status.
    Status,
    /// A pattern on names.
    Glob,
    /// A cron expression.
    Cron,
    /// A time zone.
    Timezone,
    /// A number, a percentage or `off`.
    Limit,
    /// A whole number.
    Count,
    /// A whole number that is not 0.
    Positive,
    /// Days of not signing in.
    Days,
    /// Okta's search expression, such as this one.
    Search(&'static str),
    /// The id of an Okta application.
    App,
    /// The client id of a service app.
    ClientId,
    /// The id of a public key.
    KeyId,
    /// What a service app asks for.
    Scope,
    /// The name of a group, which is no pattern.
    GroupName,
    /// A regular expression on names of groups; checked with what replaces it.
    Pattern,
    /// What replaces the matches of such an expression.
    Replacement,
    /// A template over the Okta user.
    Template,
    /// The name of a credential.
    Credential,
    /// A path.
    Path,
    /// A part of a command line.
    Argument,
    /// The path of a Unix socket.
    Socket,
    /// The name of an environment variable.
    Variable,
    /// An address to listen on, or `off`.
    Listen,
    /// The name of a group of this host.
    Group,
    /// One of some words.
    Words(Words),
}

/// Words of which one must be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// What works.
    pub(super) known: &'static [&'static str],
}

impl Form {
    /// What is expected, as the end of "... must be".
    pub(super) fn expected(self) -> String {
        let text = match self {
            Self::Domain => "a domain such as `your-org.okta.com`",
            Self::Origin => "a URL such as `https://login.example.com`",
            Self::Base => "a URL such as `https://jira.example.com`",
            Self::Account => "a name such as `usersyncd`",
            Self::Directory => "an id such as `1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d`",
            Self::Budget => "a percentage such as `50%`",
            Self::Duration => "a duration such as `5m` or `0s`",
            Self::Within(..) => "a duration such as `30s`",
            Self::Status => "the name of a status such as `ACTIVE`",
            Self::Glob => "a pattern such as \"svc-*\"",
            Self::Cron => "a cron expression such as \"0 */4 * * *\"",
            Self::Timezone => "a time zone such as `Europe/Berlin`",
            Self::Limit => "a number such as `25`, a percentage such as `10%`, or `off`",
            Self::Count | Self::Positive => "a whole number such as `10`",
            Self::Days => "a number of days such as `90`",
            Self::Search(example) => return format!("a search such as '{example}'"),
            Self::App => "the id of an application such as `0oa1gjh63g214q0Hq0g4`",
            Self::ClientId => "a client id such as `0oa1gjh63g214q0Hq0g4`",
            Self::KeyId => "the id of a public key",
            Self::Scope => "a scope such as `okta.users.read`",
            Self::GroupName => "the name of a group",
            Self::Pattern => "a regular expression such as \"^okta-(.+)$\"",
            Self::Replacement => "a text such as \"$1\"",
            Self::Template => "a template such as \"{{ profile.email }}\"",
            Self::Credential => "the name of a credential such as `okta-token`",
            Self::Path => "a path such as `/etc/usersyncd/okta.token`",
            Self::Argument => "a text such as \"--verbose\"",
            Self::Socket => "a path such as `/run/usersyncd/control.sock`",
            Self::Variable => "the name of an environment variable such as `OKTA_TOKEN`",
            Self::Listen => "an address with a port such as `127.0.0.1:9845`, or `off`",
            Self::Group => "the name of a group such as `usersyncd`",
            Self::Words(words) => return values::alternatives(words.known.iter().copied()),
        };
        text.to_owned()
    }

    /// What is wrong with `text`, if anything is. `path` names the key, for messages that need it.
    pub(super) fn check(self, text: &str, path: &str) -> Result<(), Complaint> {
        match self {
            Self::Domain => address::domain(text).map(drop),
            Self::Origin => address::origin(text).map(drop),
            Self::Base => address::base(text).map(drop),
            Self::Account => address::account(text),
            Self::Directory => address::directory(text),
            Self::Budget => values::budget(text).map(drop),
            Self::Duration => values::duration(text).map(drop),
            Self::Within(least, most) => values::duration_within(text, least, most).map(drop),
            Self::Status => values::status(text).map(drop),
            Self::Glob => values::glob(text),
            Self::Cron => schedule::parse(text).map(drop),
            Self::Timezone => values::timezone(text).map(drop),
            Self::Limit => values::limit(text).map(drop),
            Self::Count => values::count(text).map(drop),
            Self::Positive => values::positive(text).map(drop),
            Self::Days => values::days(text).map(drop),
            Self::Search(example) => search::search(text, example).map(drop),
            Self::App => search::app(text),
            Self::ClientId => values::client_id(text),
            Self::KeyId => values::key_id(text),
            Self::Scope => values::scope(text),
            Self::GroupName => values::group_name(text),
            Self::Pattern | Self::Replacement => Ok(()),
            Self::Template => values::template(text).map(drop),
            Self::Credential => values::credential(text),
            Self::Path => values::path(text),
            Self::Argument => values::argument(text),
            Self::Socket => values::socket(text),
            Self::Variable => values::variable(text),
            Self::Listen => values::listen(text).map(drop),
            Self::Group => values::group(text),
            Self::Words(words) => words.check(text, path),
        }
    }

    /// The JSON Schema of a value of this form. Patterns help while typing; the daemon's own check decides.
    pub(super) fn schema(self) -> Value {
        let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        match self {
            Self::Domain => text(r"^[^:/@\s]+\.[^:/@\s]+$"),
            Self::Origin => text(r"^https?://[^/@\s]+/?$"),
            Self::Base => text(r"^https?://[^/@\s][^@\s?#]*$"),
            Self::Account => text("^[^:]+$"),
            Self::Directory => text("^[A-Za-z0-9_-]+$"),
            Self::Budget => text(r"^0*([1-9][0-9]?|100)\s*%$"),
            Self::Duration | Self::Within(..) => json!({
                "type": "string",
                "pattern": r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
                "minLength": 1,
            }),
            Self::Status => json!({ "enum": Status::KNOWN.map(Status::as_str) }),
            Self::Limit => json!({ "anyOf": [
                { "type": "integer", "minimum": 0 },
                text(r"^([0-9]+|0*([0-9][0-9]?|100)\s*%)$"),
                { "enum": ["off", false] },
                text(OTHER_OFF),
            ] }),
            // A number between quotes is a number to the checker.
            Self::Count => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, text("^[0-9]+$")] }),
            Self::Positive => {
                json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, text("^0*[1-9][0-9]*$")] })
            }
            Self::Days => json!({ "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": values::MOST_DAYS },
                text("^0*[1-9][0-9]{0,3}$"),
            ] }),
            Self::App => text(search::APP_PATTERN),
            Self::ClientId => text(r"^[^\s:/]+$"),
            // An id of digits is a text here and a number to an editor.
            Self::KeyId => json!({ "type": ["string", "number"], "minLength": 1 }),
            Self::Scope => text(values::SCOPE_PATTERN),
            // What consists of digits is a text here and a number to an editor.
            Self::Template | Self::Replacement | Self::Argument => {
                json!({ "type": ["string", "number", "boolean"] })
            }
            Self::Glob | Self::GroupName | Self::Pattern => {
                json!({ "type": ["string", "number", "boolean"], "minLength": 1 })
            }
            Self::Listen => json!({ "anyOf": [{ "type": "string" }, { "enum": [false] }] }),
            Self::Credential => text("^[^/]+$"),
            Self::Variable => text("^[A-Za-z_][A-Za-z0-9_]*$"),
            Self::Search(_) | Self::Cron | Self::Timezone | Self::Path | Self::Socket | Self::Group => {
                json!({ "type": "string", "minLength": 1 })
            }
            Self::Words(words) => words.schema(),
        }
    }
}

impl Words {
    fn check(self, text: &str, path: &str) -> Result<(), Complaint> {
        if values::word(text, self.known).is_some() {
            return Ok(());
        }
        let known = values::alternatives(self.known.iter().copied());
        let complaint = Complaint::new(format!("`{path}` must be {known}, but it is {}.", quoted(text)));
        Err(match values::closest(text, self.known.iter().copied()) {
            Some(word) => complaint.advise(format!("Did you mean `{word}`?")),
            None => complaint,
        })
    }

    fn schema(self) -> Value {
        let mut words: Vec<Value> = self.known.iter().map(|word| json!(word)).collect();
        // Editors read an unquoted `on` or `off` as a boolean.
        words.extend(self.known.iter().filter(|word| **word == "on").map(|_| json!(true)));
        words.extend(self.known.iter().filter(|word| **word == "off").map(|_| json!(false)));
        let mut choices = vec![json!({ "enum": words })];
        for (word, others) in [("on", OTHER_ON), ("off", OTHER_OFF)] {
            if self.known.contains(&word) {
                choices.push(json!({ "type": "string", "pattern": others }));
            }
        }
        if let [only] = choices.as_mut_slice() { only.take() } else { json!({ "anyOf": choices }) }
    }
}
