//! What a new user must look like: the rules of the documentation of `POST admin/user`.

use serde_json::Value;

use super::{Refusal, refusal};

/// A user to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewUser {
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) email: String,
    pub(super) password: String,
    /// Whether the person is told by mail instead of being given a password.
    pub(super) is_notified: bool,
}

/// Reads a new user; whatever is against the rules is refused.
pub(super) fn new_user(body: &Value) -> Result<NewUser, Refusal> {
    let is_notified = flag(body, "notifyViaEmail")?;
    let password = text(body, "password")?.unwrap_or_default();
    if is_notified && !password.is_empty() {
        return Err(against("If notifyViaEmail is true then the password should not be specified"));
    }
    if !is_notified && password.trim().is_empty() {
        return Err(against("If notifyViaEmail is false then the password should not be null or blank"));
    }
    Ok(NewUser {
        name: user_name(text(body, "userName")?.unwrap_or_default())?.to_owned(),
        full_name: full_name(text(body, "fullName")?.unwrap_or_default())?.to_owned(),
        email: email(text(body, "email")?.unwrap_or_default())?.to_owned(),
        password: password.to_owned(),
        is_notified,
    })
}

/// A text of the body; none if it is missing or null.
pub(super) fn text<'a>(body: &'a Value, field: &str) -> Result<Option<&'a str>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(against(&format!("{field} should be a string"))),
    }
}

fn flag(body: &Value, field: &str) -> Result<bool, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(against(&format!("{field} should be a boolean"))),
    }
}

fn user_name(name: &str) -> Result<&str, Refusal> {
    if name.trim().is_empty() {
        return Err(against("The userName should not be null or blank"));
    }
    if name.contains(['\\', ',', '+', '<', '>', '\'', '"']) {
        return Err(against("The userName should not contain any of these characters \\ , + < > ' \""));
    }
    if name.contains(char::is_whitespace) {
        return Err(against("The userName should not contain any whitespace characters"));
    }
    if name == "anonymous" {
        return Err(against("The userName should not be \"anonymous\""));
    }
    if name.contains(char::is_uppercase) {
        return Err(against("The userName should not contain any upper case characters"));
    }
    Ok(name)
}

/// Checks a full name.
pub(super) fn full_name(name: &str) -> Result<&str, Refusal> {
    if name.trim().is_empty() {
        return Err(against("The fullName should not be null or blank"));
    }
    if name.contains(['<', '>']) {
        return Err(against("The fullName should not contain any of these characters < >"));
    }
    if name.eq_ignore_ascii_case("anonymous") {
        return Err(against("The fullName should not be \"anonymous\""));
    }
    Ok(name)
}

/// Checks an address. Not published: what makes it valid; here it has a name and a domain.
pub(super) fn email(address: &str) -> Result<&str, Refusal> {
    let parts = address.split_once('@').filter(|(name, domain)| !name.is_empty() && !domain.is_empty());
    let is_valid =
        parts.is_some_and(|(_, domain)| !domain.contains('@') && !address.contains(char::is_whitespace));
    if is_valid { Ok(address) } else { Err(against("The email should be a valid email address")) }
}

fn against(rule: &str) -> Refusal {
    refusal(400, rule)
}
