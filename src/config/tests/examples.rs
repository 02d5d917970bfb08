//! The files that a package installs, and what is written out again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::diagnostic::Severity;
use crate::config::model::{Auth, Missed, SecretRef, Settings};
use crate::config::{check_settings, effective_yaml, schema};
use crate::sync::mapping::Mapping;
use crate::sync::rules::{LeaverGroups, LeaverMemberships, LeaverUsers, Leavers, Limit, Limits, Rules};

const MINIMAL: &str = include_str!("../../../config/examples/minimal.yaml");
const FULL: &str = include_str!("../../../config/examples/full.yaml");
const SETTINGS: &str = include_str!("../../../config/usersyncd.yaml");

/// An example as somebody fills it in.
fn filled_in(example: &str) -> String {
    example.replace("your-org.okta.com", "acme.okta.com")
}

#[test]
fn an_example_that_nobody_filled_in_is_warned_of() {
    for file in [
        MINIMAL.to_owned(),
        MINIMAL.replace("your-org", "Your-Org"),
        MINIMAL.replace("domain: your-org.okta.com", "url: https://your-org.okta.com:8443"),
    ] {
        let [warning] = &check(&file).diagnostics[..] else { panic!("one warning: {file}") };
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(
            warning.message,
            "`your-org.okta.com` is the domain of the examples; nothing is sent there."
        );
    }
}

#[test]
fn the_minimal_example_is_all_defaults() {
    let checked = check(filled_in(MINIMAL));
    assert_eq!(checked.diagnostics, []);
    let connector = checked.value.unwrap();
    assert_eq!(connector.name, "acme");
    assert_eq!(connector.source.origin.as_str(), "https://acme.okta.com/");
    let token = SecretRef::Credential("okta-token".to_owned());
    assert_eq!(connector.source.auth, Auth::ApiToken(token));
    assert_eq!((connector.source.rate_budget, connector.source.skinny_users), (50, false));
    assert_eq!(connector.schedule, None);
    assert_eq!(connector.rules, Rules::default());
    assert!(connector.apply);
}

#[test]
fn the_full_example_says_what_its_comments_say() {
    let connector = valid(FULL);
    let schedule = connector.schedule.unwrap();
    assert_eq!(schedule.expression, "0 */4 * * *");
    assert_eq!(schedule.timezone, chrono_tz::Europe::Berlin);
    assert_eq!((schedule.jitter, schedule.missed), (Duration::from_secs(300), Missed::RunOnce));
    let source = connector.source;
    assert_eq!(source.users_search.as_deref(), Some(r#"profile.department eq "Engineering""#));
    assert_eq!(source.groups_search.as_deref(), Some(r#"profile.name sw "okta-""#));
    assert_eq!(source.app.as_deref(), Some("0oa1gjh63g214q0Hq0g4"));
    assert!(!source.skinny_users);
    let rules = connector.rules;
    assert_eq!(rules.scope.required_groups, ["staff"]);
    assert_eq!(rules.scope.exclude.patterns(), ["svc-*", "*@contractor.example.com"]);
    assert_eq!(rules.groups.rename[0].apply("okta-staff").as_deref(), Some("staff"));
    assert_eq!(rules.groups.include.patterns(), ["jira-*", "staff"]);
    assert_eq!(rules.groups.exclude.patterns(), ["*-test"]);
    assert_eq!(rules.groups.always, ["jira-software-users"]);
    assert_eq!(rules.protected.users.patterns(), ["admin", "svc-*"]);
    let inactive = rules.inactive.unwrap();
    assert_eq!((inactive.days, inactive.never_signed_in), (90, false));
    let LeaverMemberships::Remove { except } = &rules.leavers.memberships else { panic!() };
    assert_eq!(except.patterns(), ["*-alumni"]);
    // What its comments call the default is the default.
    let defaults = Rules::default();
    assert_eq!(rules.scope.statuses, defaults.scope.statuses);
    assert_eq!(rules.scope.include, defaults.scope.include);
    assert_eq!(Mapping { attributes: BTreeMap::new(), ..rules.mapping }, defaults.mapping);
    assert_eq!((rules.groups.drop_unmatched, rules.existing), (false, defaults.existing));
    assert_eq!(Leavers { memberships: LeaverMemberships::Keep, ..rules.leavers }, defaults.leavers);
    assert_eq!(rules.limits, defaults.limits);
}

#[test]
fn the_installed_settings_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usersyncd.yaml");
    let absent = check_settings(&path, false).value.unwrap();
    std::fs::write(&path, SETTINGS).unwrap();
    let installed = check_settings(&path, true);
    assert_eq!((installed.value, installed.diagnostics), (Some(absent.clone()), vec![]));
    // Each line that shows a key is a valid setting, and what it shows is the default.
    let shown: String = SETTINGS
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' ') || line.starts_with("  "))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(shown.contains("page: on"), "{shown}");
    std::fs::write(&path, shown).unwrap();
    let shown = check_settings(&path, true);
    assert_eq!((shown.value, shown.diagnostics), (Some(absent), vec![]));
}

/// Everything but where it was read.
fn meaning(mut connector: Connector) -> Connector {
    connector.path = "".into();
    connector.digest.clear();
    connector.text = "".into();
    connector
}

#[test]
fn what_is_written_out_means_the_same() {
    let house = House::new();
    std::fs::write(house.path("a token"), TOKEN).unwrap();
    let variations = [
        MINIMAL.to_owned(),
        FULL.to_owned(),
        "source: { okta: { url: \"http://127.0.0.1:8080\", auth: { api_token: { env: OKTA_TOKEN } }, rate_budget: 7% } }".to_owned(),
        "source: { okta: { url: \"https://acme.okta.com:8443/\", auth: { api_token: { file: a token } } } }".to_owned(),
        "source: { okta: { url: \"https://login.acme.com\", auth: { api_token: { env: OKTA_TOKEN } } } }".to_owned(),
        with_app("key_id: 'a:b#', algorithm: ES256, scopes: [okta.users.read, okta.schemas.read, okta.groups.read, okta.users.read]"),
        "source: { okta: { domain: acme.okta.com, auth: { service_app: { client_id: 0oa1, private_key: { env: OKTA_KEY } } }, app: 0oa1gjh63g214q0Hq0g4 } }".to_owned(),
        "source: { okta: { url: \"https://intranet\", auth: { api_token: { env: OKTA_TOKEN } } } }".to_owned(),
        with("schedule: { cron: \"@daily\", jitter: 1h30m, missed: skip }\napply: off"),
        with("leavers: { users: keep, groups: keep }\nlimits: { leavers: off, memberships: 3, groups: 0%, creates: 100%, floor: 0 }"),
        with_okta(r#"users: { search: 'a eq "b" or c eq "\\"d\\""' }"#),
        with_okta("groups: { search: 'profile.name sw \"ä: #\"' }\n    app: 0oa1gjh63g214q0Hq0g4"),
        with_okta("skinny_users: yes"),
        with("scope: { required_groups: [a, 'no', '7', 'b c', '*'] }\ngroups: { always: ['x: y', '{z}'], unmatched: drop, rename: [{ match: '^a\\s\"(.*)$', to: '' }, { match: '#', to: '$$' }] }"),
        with("mapping:\n  username: 'x{{ profile.email }}'\n  last_name: ''\n  attributes: { 'no': \"{{ profile['a b'] ~ '\\n' }}\", a.b: 7, '1': '{{ id }}' }"),
        with("existing: { users: adopt, groups: adopt }\nleavers: { users: delete, memberships: remove, groups: delete, grace: { absent: 1d2h3m4s, deactivated: 90m } }"),
        with("leavers: { users: anonymize, memberships: { remove: all, except: ['*-alumni', 'a\"b'] } }\ninactive: { days: 7, never_signed_in: disable, except_groups: ['*x'] }"),
        with("notify: { on: [] }"),
        with("notify: { on: [recovered, failed], webhook: { url: { file: 'a token' }, timeout: 1m } }"),
        with("notify: { webhook: { url: { env: NOTIFY_URL }, key: { credential: 'notify-key' } } }"),
        with("scope: { statuses: [SUSPENDED], users: { include: [\"{a,b}*\", '\"', \"ü\\u2028\\\\?\", 007, \"null\", \"no\"] } }"),
    ];
    for contents in variations {
        let first = house.check(&contents);
        let first = first.value.unwrap_or_else(|| panic!("{contents}\n{:#?}", first.diagnostics));
        let written = effective_yaml(&first);
        let second = house.check(&written);
        let second = second.value.unwrap_or_else(|| panic!("{written}\n{:#?}", second.diagnostics));
        assert_eq!(effective_yaml(&second), written);
        assert_eq!(meaning(second), meaning(first), "{written}");
    }
}

#[test]
fn every_default_is_written_out() {
    insta::assert_snapshot!(effective_yaml(&valid(&filled_in(MINIMAL))), @r#"
    source:
      okta:
        domain: acme.okta.com
        auth:
          api_token: { credential: okta-token }
        rate_budget: 50%
        skinny_users: off
        # no search and no app: all that the token may see

    target:
      directory: {}

    # no schedule: runs on demand only

    scope:
      statuses: [PROVISIONED, ACTIVE, RECOVERY, PASSWORD_EXPIRED, LOCKED_OUT]
      required_groups: []
      users:
        include: []
        exclude: []

    mapping:
      username: "{{ profile.login | lower }}"
      email: "{{ profile.email }}"
      first_name: "{{ profile.firstName }}"
      last_name: "{{ profile.lastName }}"
      display_name: "{{ profile.displayName or profile.firstName ~ ' ' ~ profile.lastName }}"
      attributes: {}

    groups:
      rename: []
      unmatched: keep
      exclude: []
      include: []
      always: []

    protected:
      users: []
      groups: []

    existing: { users: skip, groups: skip }

    leavers:
      users: disable
      grace: { absent: 0s, deactivated: 0s }
      memberships: keep
      groups: empty

    inactive: off

    limits:
      leavers: 10%
      memberships: 20%
      groups: 10%
      renames: 10%
      creates: off
      floor: 10

    apply: on

    # no tls: the certificate authorities that this host trusts

    # no notify: what usersyncd.yaml says counts
    "#);
}

#[test]
fn the_rules_of_every_section_are_read() {
    let connector = valid(&with(
        "leavers: { users: keep, groups: keep }\nlimits: { leavers: off, memberships: 3, groups: 0%, renames: 100 %, creates: 5%, floor: 0 }\napply: off",
    ));
    assert_eq!(
        (connector.rules.leavers.users, connector.rules.leavers.groups),
        (LeaverUsers::Keep, LeaverGroups::Keep)
    );
    let limits = Limits {
        leavers: Limit::Off,
        memberships: Limit::Count(3),
        groups: Limit::Percent(0),
        renames: Limit::Percent(100),
        creates: Limit::Percent(5),
        floor: 0,
    };
    assert_eq!(connector.rules.limits, limits);
    assert!(!connector.apply);
}

#[test]
fn the_schema_says_what_editors_need() {
    let schema = schema::schema();
    assert_eq!(schema["required"], serde_json::json!(["source"]));
    assert_eq!(
        schema["properties"]["apply"]["anyOf"][0]["enum"],
        serde_json::json!(["on", "off", true, false])
    );
    assert_eq!(schema["properties"]["target"]["maxProperties"], 1);
    // Each key is described.
    let mut properties = vec![&schema];
    while let Some(schema) = properties.pop() {
        let choices = schema["anyOf"].as_array().into_iter().flatten().chain([schema, &schema["items"]]);
        for (name, property) in choices.filter_map(|schema| schema["properties"].as_object()).flatten() {
            assert!(property["description"].as_str().is_some_and(|about| about.ends_with('.')), "{name}");
            properties.push(property);
        }
    }
}

#[test]
fn a_path_in_the_settings_starts_from_their_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("usersyncd.yaml");
    let expected = Settings::defaults(directory.path());
    assert_eq!(expected.connectors, directory.path().join("connectors.d"));
    assert_eq!(check_settings(&path, false).value, Some(expected));
    assert!(check_settings(Path::new("relative.yaml"), false).value.unwrap().connectors.is_absolute());
}
