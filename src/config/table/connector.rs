//! The keys of a connector file.

use super::target::TARGET;
use super::{Form, Key, Kind, key, required, words};
use crate::config::values;
use crate::sync::mapping::DEFAULTS;

const ONLY_IN_SETTINGS: &str =
    "Move it to `notify` in usersyncd.yaml: only there it is said which programs the daemon runs.";

/// A connector file.
pub(in crate::config) const CONNECTOR: &[Key] = &[
    required(
        "source",
        "Where the truth is read.",
        Kind::OneOf(SOURCE),
        "Write `source:` and under it `okta:` with `domain` and `auth`.",
    ),
    key("target", "Where it is written.", Kind::OneOf(TARGET)).or(r#"{"directory":{}}"#),
    key(
        "schedule",
        "When the connector runs by itself; without it, only on demand.",
        Kind::Section(SCHEDULE),
    ),
    key(
        "scope",
        "Which users are synced. A user who leaves the scope in any way is a leaver.",
        Kind::Section(SCOPE),
    ),
    key("mapping", "Templates that make the target's attributes of the Okta user.", Kind::Section(MAPPING)),
    key("groups", "Which groups are synced, and under which name.", Kind::Section(GROUPS)),
    key("protected", "Target names that are never touched in any way.", Kind::Section(PROTECTED)),
    key(
        "existing",
        "What happens to objects of the target that bear a wanted name and are not managed.",
        Kind::Section(EXISTING),
    ),
    key("leavers", "What happens to users and groups that left the source.", Kind::Section(LEAVERS)),
    key(
        "inactive",
        "Users who have not signed in to Okta for some days are leavers; off: they stay.",
        Kind::OneOrSection(words(&["off"]), INACTIVE),
    )
    .or("off"),
    key(
        "limits",
        "How much one run, or 24 hours, may change before a person must look.",
        Kind::Section(LIMITS),
    ),
    key(
        "apply",
        "off: plan, report and notify on schedule, but write nothing.",
        Kind::One(words(&["on", "off"])),
    )
    .or("on"),
    key("tls", "Which servers are trusted, source and target alike.", Kind::Section(TLS)),
    key("notify", "Whom to tell what became of runs.", Kind::Section(NOTIFY)),
];

const TLS: &[Key] = &[key(
    "ca",
    "A file of certificate authorities (PEM) that are trusted beside those of the host, relative to this file or absolute.",
    Kind::One(Form::Path),
)];

const SOURCE: &[Key] = &[key("okta", "An Okta org.", Kind::Section(OKTA))];

const OKTA: &[Key] = &[
    key("domain", "The org's domain, such as your-org.okta.com.", Kind::One(Form::Domain)),
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
    key("rate_budget", "The share of each rate limit of the org that may be used.", Kind::One(Form::Budget))
        .or("50%"),
    key(
        "skinny_users",
        "on: ask for the members of groups at a faster address that Okta's reference does not name, as long as it works.",
        Kind::One(words(&["on", "off"])),
    )
    .or("off"),
    key("users", "Which users Okta lists.", Kind::Section(USERS)),
    key("groups", "Which groups Okta lists.", Kind::Section(FOUND_GROUPS)),
    key(
        "app",
        "The id of an Okta application: only users and groups that are assigned to it are read.",
        Kind::One(Form::App),
    ),
];

const AUTH: &[Key] = &[
    key("api_token", "An API token, and where it is kept.", Kind::Secret),
    key(
        "service_app",
        "A service application of the org, which signs in by itself with a private key.",
        Kind::Section(SERVICE_APP),
    ),
];

const SERVICE_APP: &[Key] = &[
    required(
        "client_id",
        "The app's client id.",
        Kind::One(Form::ClientId),
        "Write what Okta shows as the app's client id, as in `client_id: 0oa1gjh63g214q0Hq0g4`.",
    ),
    required(
        "private_key",
        "Where the private key is kept, which is PEM or a JSON Web Key.",
        Kind::Secret,
        "Write `private_key: { credential: NAME }`.",
    ),
    key(
        "key_id",
        "The id of the public key in Okta, if the app has several and the private key does not say it.",
        Kind::One(Form::KeyId),
    ),
    key(
        "algorithm",
        "How to sign; by default as the key says, and RS256 for RSA.",
        Kind::One(words(&["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])),
    ),
    key(
        "scopes",
        "What to ask for; by default okta.users.read, okta.groups.read and okta.orgs.read, and okta.apps.read where `app` is given.",
        Kind::Some(Form::Scope, "without any scope nothing can be read"),
    ),
];

const USERS: &[Key] = &[key(
    "search",
    "A search expression that Okta evaluates: only users who match are in scope.",
    Kind::One(Form::Search(r#"profile.department eq "Engineering""#)),
)];

const FOUND_GROUPS: &[Key] = &[key(
    "search",
    "A search expression that Okta evaluates: only groups that match are synced.",
    Kind::One(Form::Search(r#"profile.name sw "jira-""#)),
)];

/// The places that a secret may be in.
pub(in crate::config) const SECRET: &[Key] = &[
    key("credential", "A systemd credential of this name.", Kind::One(Form::Credential)),
    key("file", "A file, relative to the file that names it, or absolute.", Kind::One(Form::Path)),
    key("env", "An environment variable of the daemon.", Kind::One(Form::Variable)),
];

const SCHEDULE: &[Key] = &[
    required(
        "cron",
        "5 fields, 6 with seconds first, or a name such as @hourly.",
        Kind::One(Form::Cron),
        "Write `cron: \"0 */4 * * *\"`, or remove `schedule` to run on demand only.",
    ),
    key("timezone", "The time zone of the cron expression.", Kind::One(Form::Timezone)).or("UTC"),
    key("jitter", "Each run is delayed by a random time up to this.", Kind::One(Form::Duration)).or("0s"),
    key(
        "missed",
        "What to do about runs that were due during downtime: run once at start, or wait for the next one.",
        Kind::One(words(&["run_once", "skip"])),
    )
    .or("run_once"),
    key(
        "incremental",
        "How often changes are read between full runs: a duration, or a mapping that also says where they are looked for.",
        Kind::OneOrSection(OFTEN, INCREMENTAL),
    ),
];

/// How often changes may be asked for.
const OFTEN: Form = Form::Within(10, 86_400);

const INCREMENTAL: &[Key] = &[
    key("every", "How often changes are read.", Kind::One(OFTEN)).or("5m"),
    key(
        "from",
        "lists: searches for users and groups that changed. system_log: reads Okta's System Log, which also tells who was deleted or unassigned, and asks only for whom it names.",
        Kind::One(words(&["lists", "system_log"])),
    )
    .or("lists"),
];

const SCOPE: &[Key] = &[
    key(
        "statuses",
        "Users with one of these statuses are in scope.",
        Kind::Some(Form::Status, "without any status every user would be a leaver"),
    )
    .or(r#"["ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"]"#),
    key(
        "required_groups",
        "Users must be in at least one of these groups, named as after `groups.rename`; everybody if empty.",
        Kind::Many(Form::GroupName),
    )
    .or("[]"),
    key("users", "Globs on the login.", Kind::Section(CHOICE)),
];

const CHOICE: &[Key] = &[
    key(
        "include",
        "Only users whose login matches one of these; everybody if empty.",
        Kind::Many(Form::Glob),
    )
    .or("[]"),
    key("exclude", "No user whose login matches one of these, even if included.", Kind::Many(Form::Glob))
        .or("[]"),
];

const MAPPING: &[Key] = &[
    key(DEFAULTS[0].0, "The name to sign in with.", Kind::One(Form::Template)).or(DEFAULTS[0].1),
    key(DEFAULTS[1].0, "The e-mail address.", Kind::One(Form::Template)).or(DEFAULTS[1].1),
    key(DEFAULTS[2].0, "The given name.", Kind::One(Form::Template)).or(DEFAULTS[2].1),
    key(DEFAULTS[3].0, "The family name.", Kind::One(Form::Template)).or(DEFAULTS[3].1),
    key(DEFAULTS[4].0, "The full name as shown to others.", Kind::One(Form::Template)).or(DEFAULTS[4].1),
    key(
        "attributes",
        "Further attributes: a name of your choice, and its template.",
        Kind::Each(Form::Template, values::attribute_name),
    )
    .or("{}"),
];

const GROUPS: &[Key] = &[
    key(
        "rename",
        "Rules that make the name in the target of the name in Okta; the first that matches counts. Every other option sees the new name.",
        Kind::Rules(RENAME),
    )
    .or("[]"),
    key(
        "unmatched",
        "What happens to groups that no rename rule matches.",
        Kind::One(words(&["keep", "drop"])),
    )
    .or("keep"),
    key(
        "exclude",
        "Groups that match one of these are not synced, even if included.",
        Kind::Many(Form::Glob),
    )
    .or("[]"),
    key(
        "include",
        "Only groups that match one of these are synced; all but Everyone if empty.",
        Kind::Many(Form::Glob),
    )
    .or("[]"),
    key(
        "always",
        "Groups of the target of which every active managed user is a member.",
        Kind::Many(Form::GroupName),
    )
    .or("[]"),
];

const RENAME: &[Key] = &[
    required(
        "match",
        "A regular expression; it may match a part of the name.",
        Kind::One(Form::Pattern),
        "Write a regular expression, as in `match: \"^okta-(.+)$\"`.",
    ),
    required(
        "to",
        "What replaces each match; $1 or ${name} is what a group of the expression matched.",
        Kind::One(Form::Replacement),
        "Write what replaces the match, as in `to: \"$1\"`, or `to: \"\"` to cut it out.",
    ),
];

const PROTECTED: &[Key] = &[
    key("users", "Globs on usernames in the target.", Kind::Many(Form::Glob)).or("[]"),
    key("groups", "Globs on group names in the target.", Kind::Many(Form::Glob)).or("[]"),
];

const EXISTING: &[Key] = &[
    key(
        "users",
        "skip: report it and leave it alone. adopt: manage the account from now on if its e-mail address is the mapped one.",
        Kind::One(words(&["skip", "adopt"])),
    )
    .or("skip"),
    key(
        "groups",
        "skip: report it and leave it alone. adopt: manage the group, and the memberships of managed users in it, from now on.",
        Kind::One(words(&["skip", "adopt"])),
    )
    .or("skip"),
];

const LEAVERS: &[Key] = &[
    key(
        "users",
        "What happens to the account of a user that left.",
        Kind::One(words(&["disable", "delete", "anonymize", "keep"])),
    )
    .or("disable"),
    key("grace", "How long a leaver is left alone first.", Kind::Section(GRACE)),
    key(
        "memberships",
        "What happens to the memberships of a user that left.",
        Kind::OneOrSection(words(&["keep", "remove"]), REMOVE),
    )
    .or("keep"),
    key(
        "groups",
        "What happens to a group that left the source.",
        Kind::One(words(&["empty", "delete", "keep"])),
    )
    .or("empty"),
];

const GRACE: &[Key] = &[
    key(
        "absent",
        "For users who are out of scope for any other reason than their status.",
        Kind::One(Form::Duration),
    )
    .or("0s"),
    key(
        "deactivated",
        "For users whose status is out of scope: deactivated, suspended.",
        Kind::One(Form::Duration),
    )
    .or("0s"),
];

const REMOVE: &[Key] = &[
    required("remove", "Which ones go.", Kind::One(words(&["all"])), "Write `remove: all`."),
    key("except", "Globs on names of groups in which they stay.", Kind::Many(Form::Glob)).or("[]"),
];

const INACTIVE: &[Key] = &[
    required(
        "days",
        "Who has not signed in to Okta for so many days is a leaver.",
        Kind::One(Form::Days),
        "Write `days: 90`, or `inactive: off`.",
    ),
    key("from", "What the days are counted from.", Kind::One(words(&["last_login"]))).or("last_login"),
    key(
        "never_signed_in",
        "Users who never signed in. keep: they stay. disable: the days are counted from the day the account was created or activated, whichever is later.",
        Kind::One(words(&["keep", "disable"])),
    )
    .or("keep"),
    key("except_groups", "Globs on names of groups whose members stay.", Kind::Many(Form::Glob)).or("[]"),
];

const LIMITS: &[Key] = &[
    key(
        "leavers",
        "Users that left, of the active users that this connector manages.",
        Kind::One(Form::Limit),
    )
    .or("10%"),
    key("memberships", "Removed memberships, of the managed ones of each group.", Kind::One(Form::Limit))
        .or("20%"),
    key("groups", "Groups that left, of the managed groups that have members.", Kind::One(Form::Limit))
        .or("10%"),
    key("renames", "Renamed users, of the active users that this connector manages.", Kind::One(Form::Limit))
        .or("10%"),
    key(
        "creates",
        "Created users, of the active users that this connector manages; never in a first run.",
        Kind::One(Form::Limit),
    )
    .or("off"),
    key("floor", "A percentage holds nothing at or below this many.", Kind::One(Form::Count)).or("10"),
];

pub(super) const EVENTS: Form = words(&["failed", "held", "recovered", "first_success"]);

const NOTIFY: &[Key] = &[
    key(
        "on",
        "What is told of this connector, instead of what usersyncd.yaml says; nothing if empty.",
        Kind::Many(EVENTS),
    ),
    key("webhook", "Who is told, instead of the webhook of usersyncd.yaml.", Kind::Section(WEBHOOK)),
    key("command", "A program that is told; in usersyncd.yaml only.", Kind::Elsewhere(ONLY_IN_SETTINGS)),
    key(
        "command_timeout",
        "How long it may take; in usersyncd.yaml only.",
        Kind::Elsewhere(ONLY_IN_SETTINGS),
    ),
];

pub(super) const WEBHOOK: &[Key] = &[
    required(
        "url",
        "Where its address is kept: https, or plain http to a loopback address.",
        Kind::Secret,
        "Write `url: { credential: NAME }`: the address is a secret.",
    ),
    key("key", "Where the key is kept that signs what is sent.", Kind::Secret),
    key("timeout", "How long one try may take.", Kind::One(Form::Within(1, 60))).or("10s"),
];
