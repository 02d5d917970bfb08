//! Scope, mapping, groups and existing objects: what is read, what is refused where, what is warned about.

use super::*;
use crate::sync::rules::{Existing, OnExisting};

/// The line and the carets under it of the one error of a file.
fn pointed_at(contents: &str) -> String {
    let checked = check(contents);
    let [diagnostic] = checked.diagnostics.as_slice() else {
        panic!("{contents}\n{:#?}", checked.diagnostics)
    };
    let (line, carets) = diagnostic.snippet.as_deref().unwrap().split_once('\n').unwrap();
    let from = carets.find('^').unwrap();
    line.chars().skip(from).take(carets.len() - from).collect()
}

#[test]
fn what_okta_chooses_is_read() {
    let okta = |line: &str| valid(&with_okta(line)).source;
    assert_eq!(
        okta(r#"users: { search: 'profile.department eq "Engineering"' }"#).users_search.as_deref(),
        Some(r#"profile.department eq "Engineering""#)
    );
    let folded =
        okta("groups:\n      search: >\n        type eq \"OKTA_GROUP\"\n        and profile.name sw \"a\"\n");
    assert_eq!(folded.groups_search.as_deref(), Some(r#"type eq "OKTA_GROUP" and profile.name sw "a""#));
    assert_eq!(okta("app: 0oa1gjh63g214q0Hq0g4").app.as_deref(), Some("0oa1gjh63g214q0Hq0g4"));
    let none = okta("users: {}");
    assert_eq!((none.users_search, none.groups_search, none.app), (None, None, None));
}

#[test]
fn what_okta_cannot_choose_by_is_refused_where_it_stands() {
    for (line, expected) in [
        ("users: { search: \"\" }", "6:22 An empty search finds nothing. "),
        (
            "users: { search: 'profile.department eq \"Engineering' }",
            "6:45 The quote that begins here is never closed. [Write it as in 'profile.department eq \"Engineering\"'.]",
        ),
        (
            "users: { search: \"profile.department eq \\\"E\\\")\" }",
            "6:50 This parenthesis closes none that is open. ",
        ),
        ("groups: { search: profile.name sw “jira-” }", "6:39 This is a typographic quote, "),
        (
            "groups:\n      search: |\n        type pr and (\n          profile.name pr\n",
            "8:21 The parenthesis that begins here ",
        ),
        (
            "app: https://acme-admin.okta.com/admin/app/jira/instance/0oa1gjh63g214q0Hq0g4/",
            "6:10 This is an address, not the id of an Okta application. [Write `0oa1gjh63g214q0Hq0g4`.]",
        ),
        ("app: Jira", "6:10 `Jira` is not the id of an Okta application. "),
        (
            "app: [a]",
            "6:10 `source.okta.app` must be the id of an application such as `0oa1gjh63g214q0Hq0g4`, but it is a list.",
        ),
    ] {
        let error = refused(&with_okta(line));
        assert!(error.starts_with(expected), "{line}\n{error}");
    }
    let long = format!("users: {{ search: 'id eq \"{}\"' }}", "x".repeat(6_000));
    assert!(refused(&with_okta(&long)).starts_with("6:22 The search is too long: "));
}

#[test]
fn required_and_always_groups_are_names() {
    let rules = rules(
        "scope: { required_groups: [staff, 2024, \"a b\"] }\ngroups: { always: [jira-users], exclude: [jira-users] }",
    );
    assert_eq!(rules.scope.required_groups, ["staff", "2024", "a b"]);
    assert_eq!(rules.groups.always, ["jira-users"]);
    assert_eq!(
        errors(with("scope: { required_groups: [\"\", ' a', ~] }\ngroups: { always: [' '] }")),
        [
            "2:28 No group has an empty name. [Remove it.]",
            "2:32 ` a` begins or ends with white space, which no name does. [Write `a`.]",
            "2:38 An item of `scope.required_groups` is empty. [Remove it, or put quotes around it if it is a name.]",
            "3:20 No group has an empty name. [Remove it.]",
        ]
    );
    assert_eq!(
        warnings(&with("scope: { required_groups: [a, b, A] }\ngroups: { always: [jira-*] }")),
        [
            "2:34 `A` is named twice; case does not count. [Keep one of them.]",
            "3:20 `groups.always` takes names, not patterns: `jira-*` means a group of exactly this name. [Write each name, \
             unless that is meant.]",
        ]
    );
    assert_eq!(valid(&with("scope: { required_groups: [a, A] }")).rules.scope.required_groups, ["a"]);
}

#[test]
fn nobody_is_always_a_member_of_a_protected_group() {
    assert_eq!(
        errors(with("groups: { always: [''] }\nprotected: { groups: ['*'] }")),
        ["2:20 No group has an empty name. [Remove it.]"]
    );
    assert_eq!(
        errors(with("groups: { always: [users, jira-ADMINS] }\nprotected: { groups: ['*-admins'] }")),
        [
            "2:27 `jira-ADMINS` is protected by `protected.groups`, so nobody can be made a member of it. [Remove it here, or \
             from what is protected.]"
        ]
    );
}

#[test]
fn templates_are_read() {
    let rules = rules(
        "mapping:\n  username: '{{ profile.email | lower }}'\n  last_name: ''\n  attributes:\n    department: '{{ profile.department }}'\n    cost-center.2: 7\n",
    );
    let templates: Vec<_> =
        rules.mapping.templates().map(|(name, template)| (name, template.text().to_owned())).collect();
    let templates: Vec<_> = templates.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        templates,
        [
            ("username", "{{ profile.email | lower }}"),
            ("email", "{{ profile.email }}"),
            ("first_name", "{{ profile.firstName }}"),
            ("last_name", ""),
            ("display_name", "{{ profile.displayName or profile.firstName ~ ' ' ~ profile.lastName }}"),
            ("attributes.cost-center.2", "7"),
            ("attributes.department", "{{ profile.department }}"),
        ]
    );
}

#[test]
fn a_further_attribute_has_a_name_of_its_own() {
    assert_eq!(
        errors(with(
            "mapping:\n  attributes:\n    email: '{{ profile.email }}'\n    a b: x\n    '': x\n    c:\n    d: [x]\n"
        )),
        [
            "4:5 `email` is no further attribute: it has a key of its own. [Write `email` under `mapping`, beside `attributes`.]",
            "5:5 `a b` cannot be the name of an attribute. [Use up to 64 letters (a-z, A-Z), digits, underscores, dots and \
             dashes.]",
            "6:5 `` cannot be the name of an attribute. [Use up to 64 letters (a-z, A-Z), digits, underscores, dots and \
             dashes.]",
            "7:5 `mapping.attributes.c` has no value. [Write its value behind it, or remove it.]",
            r#"8:8 `mapping.attributes.d` must be a template such as "{{ profile.email }}", but it is a list."#,
        ]
    );
    assert!(
        refused(&with("mapping: { attributes: [a] }"))
            .starts_with("2:24 `mapping.attributes` must be a mapping of names to values, but it is a list.")
    );
}

#[test]
fn rename_rules_are_read_in_their_order() {
    let rules = rules(
        "groups:\n  rename:\n    - match: ^okta-(.+)$\n      to: $1\n    - { match: '\\s+', to: '' }\n  unmatched: drop\n  always: []\n",
    );
    let written: Vec<_> = rules.groups.rename.iter().map(|rule| (rule.pattern(), rule.to())).collect();
    assert_eq!(written, [("^okta-(.+)$", "$1"), ("\\s+", "")]);
    assert!(rules.groups.drop_unmatched);
}

#[test]
fn rename_rules_that_are_none() {
    assert_eq!(
        errors(with(
            "groups:\n  rename:\n    - match: a\n    - to: b\n    - x\n    - { match: a, to: b, with: c }\n    - { match: a, to: }\n    - { match: [a], to: { b: 1 } }\n"
        )),
        [
            "4:7 `groups.rename` needs the key `to`, which is missing. [Write what replaces the match, as in `to: \"$1\"`, or \
             `to: \"\"` to cut it out.]",
            "5:7 `groups.rename` needs the key `match`, which is missing. [Write a regular expression, as in `match: \
             \"^okta-(.+)$\"`.]",
            "6:7 Each item of `groups.rename` must be a mapping of keys to values, but this is `x`. [Its keys are `match` and \
             `to`.]",
            "7:26 `with` is not a key that is known under `groups.rename`. [Known under `groups.rename`: `match` or `to`.]",
            "8:19 `groups.rename.to` has no value. [Write what replaces the match, as in `to: \"$1\"`, or `to: \"\"` to cut it \
             out.]",
            r#"9:16 `groups.rename.match` must be a regular expression such as "^okta-(.+)$", but it is a list."#,
            r#"9:25 `groups.rename.to` must be a text such as "$1", but it is a mapping of keys to values."#,
        ]
    );
    assert_eq!(
        errors(with("groups: { rename: { match: a, to: b } }")),
        [
            "2:19 `groups.rename` must be a list, but it is a mapping of keys to values. [Write a dash before each rule; its keys \
             are `match` and `to`.]"
        ]
    );
    assert_eq!(
        errors(with("groups: { unmatched: drop, rename: [] }")),
        [
            "2:22 Without rename rules none matches, so `drop` would drop every group. [Write rules under `groups.rename`, or \
             remove the key.]"
        ]
    );
    assert!(refused(&with("match: a")).ends_with("[`match` belongs under `groups.rename`.]"));
}

#[test]
fn a_fault_in_a_regular_expression_is_pointed_at() {
    let rule = |written: &str, to: &str| {
        with(&format!("groups:\n  rename:\n    - match: {written}\n      to: {to}\n"))
    };
    for (written, expected) in [
        ("a)b", ")"),
        ("'it''s )b'", ")"),
        (r#""\\d \u00e4 )b""#, ")"),
        ("|-\n        a\n        )b", ")"),
        (">-\n        a\n        )b", ")"),
    ] {
        assert_eq!(pointed_at(&rule(written, "x")), expected, "{written}");
    }
    let error = refused(&rule(r#""\\d(a))b""#, "x"));
    assert!(error.starts_with("4:21 "), "{error}");
    assert_eq!(pointed_at(&rule("(a)", "'x ''$1'' $2 y'")), "$2");
    let error = refused(&rule("okta-(.+)", "'$1x'"));
    assert!(error.starts_with("5:12 ") && error.contains("${1}x"), "{error}");
}

#[test]
fn a_fault_in_a_template_is_pointed_at() {
    for (written, expected) in [
        ("'{{ profil.login }}'", "profil"),
        (r#""\u00e4 {{ \"x\" ~ profil.login }}""#, "profil"),
        ("'{{ ''x'' ~ profil.login }}'", "profil"),
        ("|\n    {{ profile.login\n       or profil.email }}\n", "profil"),
        (">-\n    {{ profile.login\n    or profil.email }}\n", "profil"),
        ("a {{ profile.login\n    | lowr }}\n", "lowr"),
    ] {
        let contents = with(&format!("mapping:\n  username: {written}\n"));
        assert_eq!(pointed_at(&contents), expected, "{contents}");
    }
    let attributes =
        with("mapping: { attributes: { a: '{{ profil.x }}', b: '{{ profile.x | nothing_like_it }}' } }");
    let errors = errors(attributes);
    assert!(errors[0].starts_with("2:33 ") && errors[1].starts_with("2:66 "), "{errors:?}");
}

#[test]
fn a_token_in_a_template_or_an_expression_is_not_shown() {
    for contents in [
        with(&format!("mapping: {{ username: '{{{{ {TOKEN} }}}}' }}")),
        with(&format!("mapping: {{ username: '{{{{ profile.login | {TOKEN} }}}}' }}")),
        with(&format!("groups: {{ rename: [{{ match: '(?<x>{TOKEN}', to: '${TOKEN}' }}] }}")),
        with(&format!("groups: {{ rename: [{{ match: 'x', to: '${{{TOKEN}}}' }}] }}")),
        with_okta(&format!("users: {{ search: 'id eq \"{TOKEN}' }}")),
        with_okta(&format!("app: {TOKEN}")),
    ] {
        let checked = check(&contents);
        assert!(checked.value.is_none(), "{contents}");
        for diagnostic in checked.diagnostics {
            assert!(!diagnostic.render(false).contains("MlV"), "{diagnostic}");
        }
    }
}

#[test]
fn a_rule_that_never_counts_is_noticed() {
    const MOVE: &str = "[Move it up, or remove it.]";
    for pattern in [".*", "^(.+)$", "^", ".", "(?i)^(?P<all>.*)$", "[^,]|,"] {
        assert_eq!(
            warnings(&with(&format!(
                "groups:\n  rename:\n    - {{ match: '^a', to: b }}\n    - {{ match: '{pattern}', to: c }}\n    - {{ match: d, to: e }}\n"
            ))),
            [format!(
                "6:16 This rule never counts: rule 2 of groups.rename (`{pattern}`) matches every name, and the first that matches counts. {MOVE}"
            )],
            "{pattern}"
        );
    }
    for pattern in ["^\\w+$", "^.{1,60}$", "[a-z]", "^[^ ]+$"] {
        assert_eq!(
            warnings(&with(&format!(
                "groups: {{ rename: [{{ match: '{pattern}', to: c }}, {{ match: d, to: e }}] }}"
            ))),
            [""; 0],
            "{pattern}"
        );
    }
    assert_eq!(
        warnings(&with("groups: { rename: [{ match: a, to: b }, { match: a, to: c }] }")),
        [format!(
            "2:50 This rule never counts: an earlier rule has the same `match`, and the first that matches counts. {MOVE}"
        )]
    );
}

#[test]
fn a_username_that_is_the_same_for_all_is_noticed() {
    assert_eq!(
        warnings(&with("mapping: { username: ' jira ' }")),
        [
            "2:22 This template gives all users the same username, `jira`, so that none of them can have it. [Write \
             \"{{ profile.login | lower }}\".]"
        ]
    );
    assert_eq!(
        errors(with("mapping: { username: '' }")),
        [
            "2:22 This template gives nobody a username. [Write one such as \"{{ profile.login | lower }}\", or remove the key \
             for that one.]"
        ]
    );
    assert_eq!(warnings(&with("mapping: { username: '{{ id }}' }")), [""; 0]);
    assert_eq!(warnings(&with("mapping: { first_name: '', display_name: x }")), [""; 0]);
}

#[test]
fn what_was_meant_as_an_attribute_and_is_not_is_noticed() {
    let table = [
        ("email: profile.email", "2:19", "profile.email", "{{ profile.email }}"),
        ("email: x@acme.com", "2:19", "x@acme.com", "{{ profile.email }}"),
        ("first_name: '${profile.firstName}'", "2:24", "${profile.firstName}", "{{ profile.firstName }}"),
        ("last_name: '{ profile.lastName }'", "2:23", "{ profile.lastName }", "{{ profile.lastName }}"),
        ("display_name: 'profile.login }}'", "2:26", "profile.login }}", "{{ profile.login }}"),
        ("display_name: user.login", "2:26", "user.login", "{{ profile.login }}"),
        ("display_name: user.profile.login", "2:26", "user.profile.login", "{{ profile.login }}"),
        ("first_name: '{firstName}'", "2:24", "{firstName}", "{{ profile.firstName }}"),
    ];
    for (line, place, text, meant) in table {
        assert_eq!(
            warnings(&with(&format!("mapping: {{ {line} }}"))),
            [format!(
                "{place} This template gives all users the same text, `{text}`: what stands outside of double braces is copied \
                 as it is. [Write \"{meant}\".]"
            )],
            "{line}"
        );
    }
    assert_eq!(
        warnings(&with("mapping: { username: profile.login, email: '', attributes: { team: '{team}' } }")),
        [
            "2:22 This template gives all users the same username, `profile.login`, so that none of them can have it. [Write \
             \"{{ profile.login }}\".]",
            "2:44 This template gives nobody an e-mail address. [Remove the key for \"{{ profile.email }}\", unless that is meant.]",
            "2:68 This template gives all users the same text, `{team}`: what stands outside of double braces is copied as it is. \
             [Write the attribute between double braces, as in \"{{ profile.department }}\".]"
        ]
    );
    for harmless in [
        "display_name: superuser.com",
        "display_name: '{{ id }} of the profile'",
        "display_name: \"{% if status == 'ACTIVE' %}{a}{% endif %}\"",
        "display_name: '{{ profile.login }} {x}'",
        "attributes: { company: Acme }",
    ] {
        assert_eq!(warnings(&with(&format!("mapping: {{ {harmless} }}"))), [""; 0], "{harmless}");
    }
}

#[test]
fn a_rename_that_leaves_no_name_is_noticed() {
    assert_eq!(
        warnings(&with("groups: { rename: [{ match: '^okta-.*$', to: '' }, { match: '^ad-', to: '' }] }")),
        [
            "2:46 No name is left of a group that this rule matches, so that such groups are left alone. [Write what is to stand \
          there, such as `$1` for what a group of `match` keeps; groups that are not wanted belong under `groups.exclude`.]"
        ]
    );
    assert_eq!(
        errors(with("groups: { rename: [{ match: '^okta-(.*)$', to: 'jira-\\1' }] }")),
        ["2:54 `\\1` is no group here: a backslash and a digit would stand in the new text. [Write `$1`.]"]
    );
}

#[test]
fn adoption_says_what_it_does() {
    let contents = with("existing: { users: adopt, groups: adopt }");
    assert_eq!(
        valid(&contents).rules.existing,
        Existing { users: OnExisting::Adopt, groups: OnExisting::Adopt }
    );
    let warnings = warnings(&contents);
    assert!(warnings[0].starts_with("2:20 `adopt` takes accounts over "), "{warnings:?}");
    assert!(warnings[1].starts_with("2:35 `adopt` takes groups over "), "{warnings:?}");
    assert_eq!(super::warnings(&with("existing: { users: skip, groups: skip }")), [""; 0]);
}

#[test]
fn rules_can_be_checked_where_the_secret_is_not() {
    let house = House::new();
    let contents = |place: &str| {
        format!("source: {{ okta: {{ domain: acme.okta.com, auth: {{ api_token: {{ {place} }} }} }} }}\n")
    };
    let path = house.path("acme.yaml");
    for place in ["credential: absent", "file: absent", "env: ABSENT"] {
        std::fs::write(&path, contents(place)).unwrap();
        assert!(crate::config::check_connector(&path).value.is_none(), "{place}");
        let checked = crate::config::check_connector_without_secrets(&path);
        assert_eq!((checked.value.is_some(), checked.diagnostics), (true, vec![]), "{place}");
    }
    // What stands in the file is checked all the same.
    std::fs::write(&path, contents("credential: a/b") + "inactive: { days: 0 }").unwrap();
    let checked = crate::config::check_connector_without_secrets(&path);
    assert_eq!(checked.diagnostics.len(), 2, "{:?}", checked.diagnostics);
}
