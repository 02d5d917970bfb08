//! The names that a template may use, and what was probably meant by others.

use super::filters::{FILTERS, REGEX_REPLACE};
use super::program::{LoopField, Test};

/// What an Okta user has beside `id` and `status` (Okta Management API, schema `User`; seen in recorded answers).
pub(super) const TOP_LEVEL: [&str; 10] = [
    "activated",
    "created",
    "credentials",
    "lastLogin",
    "lastUpdated",
    "passwordChanged",
    "profile",
    "realmId",
    "statusChanged",
    "type",
];

/// The attributes that every Okta profile has (Okta Management API, schema `UserProfile`).
pub(super) const PROFILE: [&str; 31] = [
    "city",
    "costCenter",
    "countryCode",
    "department",
    "displayName",
    "division",
    "email",
    "employeeNumber",
    "firstName",
    "honorificPrefix",
    "honorificSuffix",
    "lastName",
    "locale",
    "login",
    "manager",
    "managerId",
    "middleName",
    "mobilePhone",
    "nickName",
    "organization",
    "postalAddress",
    "preferredLanguage",
    "primaryPhone",
    "profileUrl",
    "secondEmail",
    "state",
    "streetAddress",
    "timezone",
    "title",
    "userType",
    "zipCode",
];

/// The only function.
pub(super) const FIRST_NON_EMPTY: &str = "first_non_empty";

/// The tests that stand behind `is`, and whether they take an argument.
pub(super) const TESTS: [(&str, Test, bool); 11] = [
    ("boolean", Test::Boolean, false),
    ("defined", Test::Defined, false),
    ("endingwith", Test::EndingWith, true),
    ("in", Test::In, true),
    ("mapping", Test::Mapping, false),
    ("none", Test::Undefined, false),
    ("number", Test::Number, false),
    ("sequence", Test::Sequence, false),
    ("startingwith", Test::StartingWith, true),
    ("string", Test::String, false),
    ("undefined", Test::Undefined, false),
];

/// What `loop.` may be followed by.
pub(super) const LOOP_FIELDS: [(&str, LoopField); 5] = [
    ("first", LoopField::First),
    ("index", LoopField::Index),
    ("index0", LoopField::Index0),
    ("last", LoopField::Last),
    ("length", LoopField::Length),
];

/// The names of all filters.
pub(super) fn filters() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|filter| filter.name).chain([REGEX_REPLACE])
}

/// "Did you mean …?" if one of the names is near enough.
pub(super) fn did_you_mean<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    closest(word, names).map(|name| format!("Did you mean `{name}`?"))
}

/// The advice for a name that is nothing that a template knows; `behind` is the text of the template that follows it.
pub(super) fn advice_for_name<'n>(
    word: &str,
    behind: &str,
    locals: impl Iterator<Item = &'n str>,
) -> Option<String> {
    if PROFILE.contains(&word) {
        return Some(format!("Did you mean `profile.{word}`?"));
    }
    if word == "user" {
        // `user.login` and `user.profile.login`, as other tools of Okta's write it.
        let path = behind.strip_prefix(".profile").filter(|path| path.starts_with('.')).unwrap_or(behind);
        let is_part = |next: char| next.is_ascii_alphanumeric() || next == '_';
        let name = path.strip_prefix('.').and_then(|path| path.split(|next| !is_part(next)).next());
        let name = name.filter(|name| !name.is_empty()).unwrap_or("login");
        let is_beside = TOP_LEVEL.contains(&name) || matches!(name, "id" | "status");
        let prefix = if is_beside { "" } else { "profile." };
        return Some(format!("Write `{prefix}{name}`."));
    }
    let known = TOP_LEVEL.into_iter().chain(["id", "status"]);
    did_you_mean(word, known.chain(locals))
        .or_else(|| closest(word, PROFILE.into_iter()).map(|name| format!("Did you mean `profile.{name}`?")))
        .or_else(|| Some("The attributes of a user are under `profile`, as in `profile.login`; texts stand between quotes.".to_owned()))
}

/// The name that was probably meant.
fn closest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Names are short, so a long word is not worth the square of its length.
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    names
        .map(|name| (strsim::osa_distance(&word, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.len())
        .min()
        .map(|(_, name)| name)
}
