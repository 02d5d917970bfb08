//! Every key of the files, once: the checker, the schema for editors and the advice on misspelt keys all read this.

use super::form::{Form, Words};

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// One sentence for editors.
    pub(super) about: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// If its mapping makes no sense without it: what to write.
    pub(super) required: Option<&'static str>,
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A mapping with some of these keys.
    Section(&'static [Key]),
    /// A mapping with exactly one of these keys.
    OneOf(&'static [Key]),
    /// The place of a secret.
    Secret,
    /// A mapping that has no keys yet; nothing at all is as good as `{}`.
    Empty,
    /// A scalar.
    One(Form),
    /// A list of scalars.
    Many(Form),
    /// A list of scalars; the text says why it must not be empty.
    Some(Form, &'static str),
    /// A scalar, or a mapping that is meant to work in a later version.
    OneOrLater(Form),
    /// Meant to work in a later version: only what asks for nothing is accepted. The text is the advice.
    Later(Nothing, &'static str),
}

/// What asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The absence of the key.
    Absent,
    /// `{}`
    EmptyMapping,
    /// `[]`
    EmptyList,
    /// `off`
    Off,
}

const fn key(name: &'static str, about: &'static str, kind: Kind) -> Key {
    Key { name, about, kind, required: None }
}

const fn required(name: &'static str, about: &'static str, kind: Kind, advice: &'static str) -> Key {
    Key { name, about, kind, required: Some(advice) }
}

const fn words(known: &'static [&'static str], later: &'static [&'static str]) -> Form {
    Form::Words(Words { known, later })
}

const ONLY_DIRECTORY: &str = "Write `directory: {}`, the built-in directory, the only target so far.";
const ONLY_TOKEN: &str = "Write `api_token: { credential: NAME }` instead.";
const ALL_READ: &str = "Remove it: all users and groups that the token may see are read; `scope` and `groups` choose among them.";
const ONLY_FULL: &str = "Remove it: every run is a full one; let `cron` fire more often instead.";
const NO_RENAME: &str = "Remove it: groups keep the names that they have in Okta.";
const NO_ALWAYS: &str = "Remove it, and make the users members of the group in Okta instead.";
const NO_REQUIRED: &str = "Remove it; until it is supported, `users` chooses by login.";
const NO_ATTRIBUTES: &str = "Remove it: username, e-mail and names are synced.";
const NO_INACTIVE: &str = "Remove it: inactive users are left alone.";
const NO_TLS: &str = "Remove it; until it is supported, add the certificate authority to those of this host.";
const NO_NOTIFY: &str = "Remove it, and let monitoring watch /metrics instead.";

/// A connector file.
pub(super) const CONNECTOR: &[Key] = &[
    required(
        "source",
        "Where the truth is read.",
        Kind::OneOf(SOURCE),
        "Write `source:` and under it `okta:` with `domain` and `auth`.",
    ),
    key("target", "Where it is written; the built-in directory unless said otherwise.", Kind::OneOf(TARGET)),
    key(
        "schedule",
        "When the connector runs by itself; without it, only on demand.",
        Kind::Section(SCHEDULE),
    ),
    key("scope", "Which users are synced.", Kind::Section(SCOPE)),
    key("mapping", "Templates that make the target's attributes of the Okta user.", Kind::Section(MAPPING)),
    key("groups", "Which groups are synced.", Kind::Section(GROUPS)),
    key("protected", "Target names that are never touched in any way.", Kind::Section(PROTECTED)),
    key(
        "existing",
        "What happens to objects of the target that bear a wanted name and are not managed.",
        Kind::Section(EXISTING),
    ),
    key("leavers", "What happens to users and groups that left the source.", Kind::Section(LEAVERS)),
    key("inactive", "What happens to users who do not sign in.", Kind::Later(Nothing::Off, NO_INACTIVE)),
    key(
        "limits",
        "How much one run, or 24 hours, may change before a person must look.",
        Kind::Section(LIMITS),
    ),
    key(
        "apply",
        "off: plan and report on schedule, but write nothing.",
        Kind::One(words(&["on", "off"], &[])),
    ),
    key("tls", "Certificates for connections.", Kind::Later(Nothing::EmptyMapping, NO_TLS)),
    key("notify", "Whom to tell what happened.", Kind::Later(Nothing::EmptyMapping, NO_NOTIFY)),
];

const SOURCE: &[Key] = &[key("okta", "An Okta org.", Kind::Section(OKTA))];

const OKTA: &[Key] = &[
    key("domain", "The org's domain, such as acme.okta.com.", Kind::One(Form::Domain)),
    key(
        "url",
        "Instead of the domain: scheme, host and port; plain http for loopback addresses only.",
        Kind::One(Form::Origin),
    ),
    required(
        "auth",
        "How to sign in.",
        Kind::OneOf(AUTH),
        "Write `auth: { api_token: { credential: NAME } }`.",
    ),
    key(
        "rate_budget",
        "The share of each rate limit of the org that may be used; 50% unless said otherwise.",
        Kind::One(Form::Budget),
    ),
    key("users", "Which users Okta lists.", Kind::Section(SEARCH)),
    key("groups", "Which groups Okta lists.", Kind::Section(SEARCH)),
    key("app", "Only what is assigned to this Okta application.", Kind::Later(Nothing::Absent, ALL_READ)),
];

const AUTH: &[Key] = &[
    key("api_token", "An API token, and where it is kept.", Kind::Secret),
    key("service_app", "A service application.", Kind::Later(Nothing::Absent, ONLY_TOKEN)),
];

const SEARCH: &[Key] =
    &[key("search", "A search that Okta evaluates.", Kind::Later(Nothing::Absent, ALL_READ))];

/// The places that a secret may be in.
pub(super) const SECRET: &[Key] = &[
    key("credential", "A systemd credential of this name.", Kind::One(Form::Credential)),
    key("file", "A file, relative to the connector file or absolute.", Kind::One(Form::Path)),
    key("env", "An environment variable of the daemon.", Kind::One(Form::Variable)),
];

const TARGET: &[Key] = &[
    key("directory", "The built-in directory.", Kind::Empty),
    key("crowd", "Atlassian Crowd.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
    key("jira", "Jira Data Center.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
    key("confluence", "Confluence Data Center.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
    key("bitbucket", "Bitbucket Data Center.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
    key("atlassian_cloud", "A directory of Atlassian Cloud.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
    key("scim", "A SCIM 2.0 service.", Kind::Later(Nothing::Absent, ONLY_DIRECTORY)),
];

const SCHEDULE: &[Key] = &[
    required(
        "cron",
        "5 fields, 6 with seconds first, or a name such as @hourly.",
        Kind::One(Form::Cron),
        "Write `cron: \"0 */4 * * *\"`, or remove `schedule` to run on demand only.",
    ),
    key(
        "timezone",
        "The time zone of the cron expression; UTC unless said otherwise.",
        Kind::One(Form::Timezone),
    ),
    key(
        "jitter",
        "Each run is delayed by a random time up to this; 0s unless said otherwise.",
        Kind::One(Form::Duration),
    ),
    key(
        "missed",
        "What to do about runs that were due during downtime.",
        Kind::One(words(&["run_once", "skip"], &[])),
    ),
    key("incremental", "Reads changes only, between full runs.", Kind::Later(Nothing::Absent, ONLY_FULL)),
];

const SCOPE: &[Key] = &[
    key(
        "statuses",
        "Users with one of these statuses are in scope.",
        Kind::Some(Form::Status, "without any status every user would be a leaver"),
    ),
    key(
        "required_groups",
        "Users must be in one of these groups.",
        Kind::Later(Nothing::EmptyList, NO_REQUIRED),
    ),
    key("users", "Globs on the login.", Kind::Section(CHOICE)),
];

const CHOICE: &[Key] = &[
    key("include", "Only what matches one of these; everything if empty.", Kind::Many(Form::Glob)),
    key("exclude", "Not what matches one of these.", Kind::Many(Form::Glob)),
];

/// The default templates, by attribute.
pub(super) const TEMPLATES: [(&str, &str); 5] = [
    ("username", "{{ profile.login | lower }}"),
    ("email", "{{ profile.email }}"),
    ("first_name", "{{ profile.firstName }}"),
    ("last_name", "{{ profile.lastName }}"),
    ("display_name", "{{ profile.displayName or profile.firstName ~ ' ' ~ profile.lastName }}"),
];

const MAPPING: &[Key] = &[
    key(TEMPLATES[0].0, "The name to sign in with.", Kind::One(Form::Template(TEMPLATES[0].1))),
    key(TEMPLATES[1].0, "The e-mail address.", Kind::One(Form::Template(TEMPLATES[1].1))),
    key(TEMPLATES[2].0, "The given name.", Kind::One(Form::Template(TEMPLATES[2].1))),
    key(TEMPLATES[3].0, "The family name.", Kind::One(Form::Template(TEMPLATES[3].1))),
    key(TEMPLATES[4].0, "The full name as shown to others.", Kind::One(Form::Template(TEMPLATES[4].1))),
    key("attributes", "Further attributes.", Kind::Later(Nothing::EmptyMapping, NO_ATTRIBUTES)),
];

const GROUPS: &[Key] = &[
    key("rename", "Rules that change names.", Kind::Later(Nothing::EmptyList, NO_RENAME)),
    key(
        "unmatched",
        "What happens to groups that no rename rule matched.",
        Kind::One(words(&["keep"], &["drop"])),
    ),
    key("exclude", "Groups that match one of these are not synced.", Kind::Many(Form::Glob)),
    key(
        "include",
        "Only groups that match one of these are synced; all but Everyone if empty.",
        Kind::Many(Form::Glob),
    ),
    key(
        "always",
        "Groups of which every active managed user is a member.",
        Kind::Later(Nothing::EmptyList, NO_ALWAYS),
    ),
];

const PROTECTED: &[Key] = &[
    key("users", "Globs on usernames in the target.", Kind::Many(Form::Glob)),
    key("groups", "Globs on group names in the target.", Kind::Many(Form::Glob)),
];

const EXISTING: &[Key] = &[
    key("users", "skip: report it and leave it alone.", Kind::One(words(&["skip"], &["adopt"]))),
    key("groups", "skip: report it and leave it alone.", Kind::One(words(&["skip"], &["adopt"]))),
];

const LEAVERS: &[Key] = &[
    key(
        "users",
        "What happens to the account.",
        Kind::One(words(&["disable", "keep"], &["delete", "anonymize"])),
    ),
    key("grace", "How long a leaver is left alone first.", Kind::Section(GRACE)),
    key(
        "memberships",
        "What happens to the leaver's memberships.",
        Kind::OneOrLater(words(&["keep"], &["remove"])),
    ),
    key(
        "groups",
        "What happens to a group that left the source.",
        Kind::One(words(&["empty", "keep"], &["delete"])),
    ),
];

const GRACE: &[Key] = &[
    key("absent", "For users who are no longer in scope.", Kind::One(Form::NoGrace)),
    key("deactivated", "For users who were deactivated.", Kind::One(Form::NoGrace)),
];

const LIMITS: &[Key] = &[
    key("leavers", "Of the active users that this connector manages.", Kind::One(Form::Limit)),
    key("memberships", "Of each group.", Kind::One(Form::Limit)),
    key("groups", "Of the groups that have members.", Kind::One(Form::Limit)),
    key("renames", "Of the active users that this connector manages.", Kind::One(Form::Limit)),
    key(
        "creates",
        "Of the active users that this connector manages; never in a first run.",
        Kind::One(Form::Limit),
    ),
    key("floor", "Percentages hold nothing at or below this many.", Kind::One(Form::Count)),
];

/// `usersyncd.yaml`.
pub(super) const SETTINGS: &[Key] = &[
    key(
        "connectors",
        "The directory of connector files, relative to this file or absolute.",
        Kind::One(Form::Path),
    ),
    key("state", "The directory of state.db and directory.db.", Kind::One(Form::Path)),
    key("control", "The control socket.", Kind::Section(CONTROL)),
    key("metrics", "The metrics listener.", Kind::Section(METRICS)),
    key("log", "Logs.", Kind::Section(LOG)),
    key("notify", "Whom to tell what happened.", Kind::Later(Nothing::EmptyMapping, NO_NOTIFY)),
];

const CONTROL: &[Key] = &[
    key("socket", "Where it is.", Kind::One(Form::Socket)),
    key("group", "The group that may use it, beside root and the daemon's own user.", Kind::One(Form::Group)),
];

const METRICS: &[Key] = &[
    key("listen", "An address with a port, or off.", Kind::One(Form::Listen)),
    key("page", "What the page at / shows.", Kind::One(words(&["off", "on", "full"], &[]))),
];

const LOG: &[Key] = &[
    key(
        "level",
        "The least severe level that is written.",
        Kind::One(words(&["error", "warn", "info", "debug", "trace"], &[])),
    ),
    key("format", "Text for people or JSON for machines.", Kind::One(words(&["text", "json"], &[]))),
];
