//! What is wrong with a connector file: one table for each kind of mistake.
//!
//! Each expected line is `LINE:COLUMN MESSAGE [ADVICE]`.

use super::*;

fn expect(cases: &[(String, &[&str])]) {
    for (contents, expected) in cases {
        assert_eq!(errors(contents), *expected, "{contents}");
    }
}

#[test]
fn unknown_keys_come_with_what_was_meant() {
    expect(&[
        (
            with(r#"cron: "0 4 * * *""#),
            &["2:1 `cron` is not a key that is known here. [`cron` belongs under `schedule`.]"],
        ),
        (
            with("scope: { user: {} }"),
            &["2:10 `user` is not a key that is known under `scope`. [Did you mean `users`?]"],
        ),
        (
            with(r#"sheculde: { cron: "0 4 * * *" }"#),
            &[
                "2:1 `sheculde` is not a key that is known here. [Known here: `source`, `target`, `schedule`, `scope`, `mapping`, `groups`, `protected`, `existing`, `leavers`, `inactive`, `limits`, `apply`, `tls` or `notify`.]",
            ],
        ),
        (
            with("limits: { flor: 1, whatever: 2 }"),
            &[
                "2:11 `flor` is not a key that is known under `limits`. [Did you mean `floor`?]",
                "2:20 `whatever` is not a key that is known under `limits`. [Known under `limits`: `leavers`, `memberships`, `groups`, `renames`, `creates` or `floor`.]",
            ],
        ),
        (
            with("scope: { apply: on }"),
            &[
                "2:10 `apply` is not a key that is known under `scope`. [`apply` belongs to the top level of the file: check its indentation.]",
            ],
        ),
        (
            with("target: { directory: { path: x } }"),
            &[
                "2:24 `path` is not a key that is known under `target.directory`. [Nothing can be set here: write `{}`.]",
            ],
        ),
        (
            with("target: { directry: {} }"),
            &["2:11 `directry` is not a key that is known under `target`. [Did you mean `directory`?]"],
        ),
    ]);
}

#[test]
fn duplicate_keys_name_both_lines() {
    expect(&[
        (
            with("apply: on\nlimits: {}\napply: off"),
            &[
                "4:1 The key `apply` is given on line 2 and again on line 4. [Keep one of them: it is not said which one counts.]",
            ],
        ),
        (
            with("scope: { users: {}, users: {} }"),
            &[
                "2:21 The key `users` is given twice on line 2. [Keep one of them: it is not said which one counts.]",
            ],
        ),
    ]);
}

#[test]
fn a_source_is_needed_with_one_address_and_one_secret() {
    expect(&[
        ("target: { directory: {} }".to_owned(), &[
            "0:0 The key `source` is missing. [Write `source:` and under it `okta:` with `domain` and `auth`.]",
        ]),
        ("source:".to_owned(), &[
            "1:1 `source` has no value. [Write `source:` and under it `okta:` with `domain` and `auth`.]",
        ]),
        ("source: {}".to_owned(), &[
            "1:1 `source` is empty. [Write `okta` under it.]",
        ]),
        ("source: { okta: {} }".to_owned(), &[
            "1:11 `source.okta` needs the key `auth`, which is missing. [Write `auth: { api_token: { credential: NAME } }`.]",
            "1:11 `source.okta` needs the key `domain`, which is missing. [Write the org's domain, as in `domain: your-org.okta.com`.]",
        ]),
        ("source:\n  okta:\n    url: https://login.acme.com\n    domain: acme.okta.com\n    auth: {}".to_owned(), &[
            "4:5 `source.okta` has both `domain` and `url`, but takes one only. [Keep `domain`; `url` is for orgs at an address of their own.]",
            "5:5 `source.okta.auth` is empty. [Write `api_token` or `service_app` under it.]",
        ]),
        ("source: { okta: { domain: acme.okta.com, auth: { api_token: { credential: okta-token, env: OKTA_TOKEN } } } }".to_owned(), &[
            "1:87 `source.okta.auth.api_token` has both `credential` and `env`, but takes one only. [Keep one of them.]",
        ]),
        ("source: { okta: { domain: acme.okta.com, auth: { api_token: } } }".to_owned(), &[
            "1:50 `source.okta.auth.api_token` has no value. [Write `{ credential: NAME }`, `{ file: /path }` or `{ env: NAME }`.]",
        ]),
    ]);
}

#[test]
fn only_one_target() {
    expect(&[
        (
            with(
                "target: { directory: {}, jira: { url: \"https://jira.acme.com\", token: { credential: jira-token } } }",
            ),
            &[
                "2:26 `target` has both `directory` and `jira`, but takes one only. [Keep one of them; for both, write two connector files.]",
            ],
        ),
        (
            with("target: {}"),
            &[
                "2:1 `target` is empty. [Write `directory`, `scim`, `atlassian_cloud`, `crowd`, `jira`, `confluence` or `bitbucket` under it.]",
            ],
        ),
        (
            with("target:"),
            &[
                "2:1 `target` has no value. [Write its value behind or, indented, under it, or remove the key.]",
            ],
        ),
        (
            with("target: directory"),
            &[
                "2:9 `target` must be a mapping of keys to values, but it is `directory`. [Its keys are `directory`, `scim`, `atlassian_cloud`, `crowd`, `jira`, `confluence` or `bitbucket`.]",
            ],
        ),
    ]);
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    expect(&[
        (
            with("schedule: daily"),
            &[
                "2:11 `schedule` must be a mapping of keys to values, but it is `daily`. [Its keys are `cron`, `timezone`, `jitter`, `missed` or `incremental`.]",
            ],
        ),
        (
            with("scope: [a]"),
            &[
                "2:8 `scope` must be a mapping of keys to values, but it is a list. [Its keys are `statuses`, `required_groups` or `users`.]",
            ],
        ),
        (
            with("schedule: { cron: [a], jitter: { a: 1 }, timezone: }"),
            &[
                r#"2:19 `schedule.cron` must be a cron expression such as "0 */4 * * *", but it is a list."#,
                "2:32 `schedule.jitter` must be a duration such as `5m` or `0s`, but it is a mapping of keys to values.",
                "2:42 `schedule.timezone` has no value. [Write its value behind or, indented, under it, or remove the key.]",
            ],
        ),
        (
            with("groups: { include: jira, exclude: { x: 1 } }"),
            &[
                r#"2:20 `groups.include` must be a list, but it is `jira`. [Write ["jira"].]"#,
                "2:35 `groups.exclude` must be a list, but it is a mapping of keys to values. [Write each item behind a dash, or all of them in [...]; text that begins with `{` needs quotes.]",
            ],
        ),
        (
            with("groups:\n  include:\n    - {a,b}\n    - ~\n    - a: b\n    - [a]\n    - \"\""),
            &[
                r#"4:7 Each item of `groups.include` must be a pattern such as "svc-*", but this is a mapping of keys to values. [Text that begins with `{` or `[`, or that contains `: `, needs quotes.]"#,
                "5:7 An item of `groups.include` is empty. [Remove it, or put quotes around it if it is a name.]",
                r#"6:7 Each item of `groups.include` must be a pattern such as "svc-*", but this is a mapping of keys to values. [Text that begins with `{` or `[`, or that contains `: `, needs quotes.]"#,
                r#"7:7 Each item of `groups.include` must be a pattern such as "svc-*", but this is a list. [Text that begins with `{` or `[`, or that contains `: `, needs quotes.]"#,
                "8:7 An empty pattern matches no name. [Remove it, or write `*` for every name.]",
            ],
        ),
        (with("apply: [on]"), &["2:8 `apply` must be `on` or `off`, but it is a list."]),
        (
            with("leavers: { groups: [a] }"),
            &["2:20 `leavers.groups` must be `empty`, `delete` or `keep`, but it is a list."],
        ),
        (
            "- a".to_owned(),
            &[
                "1:1 The file must be a mapping of keys to values, but it is a list. [Its keys are `source`, `target`, `schedule`, `scope`, `mapping`, `groups`, `protected`, `existing`, `leavers`, `inactive`, `limits`, `apply`, `tls` or `notify`.]",
            ],
        ),
        (
            "just text".to_owned(),
            &[
                "1:1 The file must be a mapping of keys to values, but it is `just text`. [Its keys are `source`, `target`, `schedule`, `scope`, `mapping`, `groups`, `protected`, `existing`, `leavers`, `inactive`, `limits`, `apply`, `tls` or `notify`.]",
            ],
        ),
    ]);
}

#[test]
fn schedules_that_cannot_be() {
    expect(&[
        (
            with("schedule: { timezone: Europe/Berlin }"),
            &[
                r#"2:1 `schedule` needs the key `cron`, which is missing. [Write `cron: "0 */4 * * *"`, or remove `schedule` to run on demand only.]"#,
            ],
        ),
        (
            with(r#"schedule: { cron: "0 0 31 2 *" }"#),
            &["2:19 `0 0 31 2 *` never fires. [Write a day that its month has.]"],
        ),
        (
            with(r#"schedule: { cron: "0 4 * *" }"#),
            &[
                r#"2:19 `0 4 * *` is not a cron expression: it has 4 fields. [Write 5 fields (minute, hour, day of month, month, day of week) or 6 (seconds first), as in "0 */4 * * *".]"#,
            ],
        ),
        (
            with("schedule: { cron: 5 }"),
            &[
                r#"2:19 `5` is not a cron expression: it has 1 field. [Write 5 fields (minute, hour, day of month, month, day of week) or 6 (seconds first), as in "0 */4 * * *".]"#,
            ],
        ),
        (
            with(r#"schedule: { cron: "0 4 * * 9" }"#),
            &[
                r#"2:19 `0 4 * * 9` is not a cron expression: number out of bounds. [The fields are minute, hour, day of month, month and day of week, as in "0 */4 * * *"; `crontab -e` manuals explain them.]"#,
            ],
        ),
        (
            with(r#"schedule: { cron: "@every 5m" }"#),
            &[
                "2:19 `@every 5m` is not a cron expression: it contains `@` and is none of the names that do. [The names are `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` or `@hourly`.]",
            ],
        ),
        (
            with(r#"schedule: { cron: "@daily", timezone: Berlin, jitter: 5, missed: runonce }"#),
            &[
                "2:39 `Berlin` is not a time zone. [Did you mean `Europe/Berlin`?]",
                "2:55 `5` is not a duration. [Add the unit: `5s`, `5m`, `5h` or `5d`.]",
                "2:66 `schedule.missed` must be `run_once` or `skip`, but it is `runonce`. [Did you mean `run_once`?]",
            ],
        ),
        (
            with(r#"schedule: { cron: "@daily", timezone: europe/berlin, jitter: 1m1h, missed: never }"#),
            &[
                "2:39 `europe/berlin` is not a time zone. [Did you mean `Europe/Berlin`?]",
                "2:62 `1m1h` is not a duration. [Write whole numbers with units, the larger first: `90s`, `5m`, `1h30m`, `7d`.]",
                "2:76 `schedule.missed` must be `run_once` or `skip`, but it is `never`.",
            ],
        ),
        (
            with(r#"schedule: { cron: "@daily", timezone: Nowhere, jitter: 400d }"#),
            &[
                "2:39 `Nowhere` is not a time zone. [Write a name of the IANA time zone database, such as `Europe/Berlin` or `UTC`.]",
                "2:56 `400d` is longer than a year. [Write at most `366d`.]",
            ],
        ),
    ]);
}

#[test]
fn users_and_groups_that_cannot_be_chosen() {
    expect(&[
        (
            with("scope: { statuses: [] }"),
            &[
                "2:20 `scope.statuses` is empty: without any status every user would be a leaver. [Remove the key for the default, or name what is meant.]",
            ],
        ),
        (
            with("scope: { statuses: [active, LOCKED, 7, UNKNOWN] }"),
            &[
                "2:21 `active` is not a status of Okta users. [Did you mean `ACTIVE`?]",
                "2:29 `LOCKED` is not a status of Okta users. [Did you mean `LOCKED_OUT`?]",
                "2:37 `7` is not a status of Okta users. [Okta's statuses are `STAGED`, `PROVISIONED`, `ACTIVE`, `RECOVERY`, `PASSWORD_EXPIRED`, `LOCKED_OUT`, `SUSPENDED` or `DEPROVISIONED`.]",
                "2:40 `UNKNOWN` is not a status of Okta users. [Okta's statuses are `STAGED`, `PROVISIONED`, `ACTIVE`, `RECOVERY`, `PASSWORD_EXPIRED`, `LOCKED_OUT`, `SUSPENDED` or `DEPROVISIONED`.]",
            ],
        ),
        (
            with("groups: { include: [\"[a\", \"{a\"] }\nprotected: { users: [\"\"] }"),
            &[
                "2:21 `[a` is not a pattern: unclosed character class; missing ']'. [`*` is any text, `?` one character, `[ab]` a choice, `{a,b}` alternatives; a backslash before one of them means the character itself.]",
                "2:27 `{a` is not a pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?). [`*` is any text, `?` one character, `[ab]` a choice, `{a,b}` alternatives; a backslash before one of them means the character itself.]",
                "3:22 An empty pattern matches no name. [Remove it, or write `*` for every name.]",
            ],
        ),
    ]);
}

#[test]
fn limits_that_are_none() {
    expect(&[
        (
            with(
                "limits: { leavers: 110%, memberships: ten, groups: -1, renames: 1.5%, creates: on, floor: 10% }",
            ),
            &[
                "2:20 `110%` is not a limit. [Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.]",
                "2:39 `ten` is not a limit. [Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.]",
                "2:52 `-1` is not a limit. [Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.]",
                "2:65 `1.5%` is not a limit. [Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.]",
                "2:80 `on` is not a limit. [Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.]",
                "2:91 `10%` is not a whole number. [Write digits only, such as `10`.]",
            ],
        ),
        (
            with("apply: maybe\nleavers: { users: remove }"),
            &[
                "2:8 `apply` must be `on` or `off`, but it is `maybe`.",
                "3:19 `leavers.users` must be `disable`, `delete`, `anonymize` or `keep`, but it is `remove`.",
            ],
        ),
        (
            with_okta("skinny_users: maybe"),
            &["6:19 `source.okta.skinny_users` must be `on` or `off`, but it is `maybe`."],
        ),
        (with_okta("rate_budget: 50"), &["6:18 `50` is not a percentage from 1% to 100%. [Write `50%`.]"]),
        (
            with_okta("rate_budget: 0%"),
            &[
                "6:18 `0%` is not a percentage from 1% to 100%. [Write the share of Okta's rate limits that may be used as a whole percentage; the default is `50%`.]",
            ],
        ),
        (
            with_okta("rate_budget: 101%"),
            &[
                "6:18 `101%` is not a percentage from 1% to 100%. [Write the share of Okta's rate limits that may be used as a whole percentage; the default is `50%`.]",
            ],
        ),
    ]);
}

#[test]
fn what_yaml_takes_for_something_else_comes_with_advice() {
    expect(&[
        (
            with("schedule:\n  cron: * * * * *"),
            &[
                r#"3:9 A value that begins with `*` or `&` needs quotes. [Write it as in cron: "*/15 * * * *" or ["*-test"].]"#,
            ],
        ),
        (
            with("schedule:\n  cron: */5 * * * *"),
            &[
                r#"3:9 A `*` at the beginning of a value is a YAML alias, which is not accepted. [Put quotes around the value if the `*` is part of it, as in "*-test"; else repeat the value.]"#,
                r#"3:13 A value that begins with `*` or `&` needs quotes. [Write it as in cron: "*/15 * * * *" or ["*-test"].]"#,
            ],
        ),
        (
            with("schedule:\n  cron: @hourly"),
            &[r#"3:9 A value that begins with `@` needs quotes. [Write it as in cron: "@hourly".]"#],
        ),
        (
            with("groups: { include: [*-test, &x y, !z, a] }"),
            &[
                r#"2:21 A `*` at the beginning of a value is a YAML alias, which is not accepted. [Put quotes around the value if the `*` is part of it, as in "*-test"; else repeat the value.]"#,
                "2:29 A `&` at the beginning of a value is a YAML anchor, which is not accepted. [Put quotes around the value if the `&` is part of it; else remove the anchor.]",
                "2:35 `!z` is a YAML tag, which is not accepted. [Put quotes around the value if the `!` is part of it; else remove the tag.]",
            ],
        ),
        (
            with("mapping:\n  username: {{ profile.login }}"),
            &[
                r#"3:13 `mapping.username` must be a template such as "{{ profile.email }}", but it is a mapping of keys to values."#,
                r#"3:14 A key must be a name, but this is a list or a mapping of its own. [Text that begins with `{` or `[` needs quotes, as in "{{ profile.login | lower }}".]"#,
            ],
        ),
        (
            with("groups:\n\tinclude: [a]"),
            &[
                "3:2 This is not valid YAML: tabs disallowed within this context (block indentation). [Indent with spaces: YAML does not accept tabs there.]",
            ],
        ),
        (
            with(r#"groups: { include: ["^a(\d)"] }"#),
            &[
                r#"2:21 This is not valid YAML: while parsing a quoted scalar, found unknown escape character. [Use single quotes for a text with backslashes, as in '^okta-(\d+)$', or write each backslash twice.]"#,
            ],
        ),
        (
            with("target: a: b"),
            &[
                "2:10 This is not valid YAML: mapping values are not allowed in this context. [Put quotes around a text that contains `: ` or begins with a special character, and check that keys of one level begin in the same column.]",
            ],
        ),
        (
            with("groups: { include: [a }"),
            &[
                "2:20 This is not valid YAML: mismatched bracket '[' closed by '}'. [Close each bracket with its own kind: [ with ], { with }.]",
            ],
        ),
        (
            with(r#"apply: "on"#),
            &["2:8 This is not valid YAML: unclosed quote. [Close the quote that begins here.]"],
        ),
        (
            with("<<: *x"),
            &[
                r#"2:5 A `*` at the beginning of a value is a YAML alias, which is not accepted. [Put quotes around the value if the `*` is part of it, as in "*-test"; else repeat the value.]"#,
            ],
        ),
        (
            with("? [a]\n: 1"),
            &[
                r#"2:3 A key must be a name, but this is a list or a mapping of its own. [Text that begins with `{` or `[` needs quotes, as in "{{ profile.login | lower }}".]"#,
            ],
        ),
    ]);
}

#[test]
fn one_document_per_file() {
    expect(&[
        (
            with("---\ntarget: {}"),
            &[
                "2:1 A second YAML document begins here: a file holds exactly one. [Remove the line `---`, or move what follows it into a file of its own.]",
            ],
        ),
        (
            with("...\n---"),
            &[
                "3:1 A second YAML document begins here: a file holds exactly one. [Remove the line `---`, or move what follows it into a file of its own.]",
            ],
        ),
    ]);
}
