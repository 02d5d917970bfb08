use proptest::prelude::*;

use super::*;

fn renamed(pattern: &str, to: &str, name: &str) -> Option<String> {
    Rename::new(pattern, to).unwrap().apply(name)
}

#[test]
fn every_match_is_replaced_and_the_result_is_trimmed() {
    let table = [
        ("^okta-(.+)$", "$1", "okta-jira-users", Some("jira-users")),
        ("^okta-(.+)$", "$1", "jira-users", None),
        ("-", "_", "a-b-c", Some("a_b_c")),
        ("(.*)", "x-$1", "abc", Some("x-abc")),
        ("^(?P<team>[a-z]+) (.*)$", "${team}/$2", "red users", Some("red/users")),
        ("^okta", "", "okta users ", Some("users")),
        ("a", "$$", "banana", Some("b$n$n$")),
        ("(a)(b)?", "[$2]", "a", Some("[]")),
        ("(?i)OKTA-", "", "Okta-users", Some("users")),
        ("ü", "ue", "Müller", Some("Mueller")),
        ("b*", "-", "abc", Some("-a-c-")),
    ];
    for (pattern, to, name, expected) in table {
        assert_eq!(renamed(pattern, to, name).as_deref(), expected, "{pattern} to {to} on {name}");
    }
}

/// What a fault marks, its message and advice.
fn fault(pattern: &str, to: &str) -> (bool, String, String, String) {
    let fault = Rename::new(pattern, to).unwrap_err();
    let text = if fault.in_to { to } else { pattern };
    let marked = text[fault.offset..fault.offset + fault.length].to_owned();
    assert!(!fault.message.contains('\n'), "{}", fault.message);
    (fault.in_to, marked, fault.message, fault.advice.unwrap_or_default())
}

#[test]
fn a_mistake_in_the_pattern_is_marked_where_it_is() {
    let table = [
        ("ab(c", "(", "unclosed group"),
        ("abc)", ")", "unopened group"),
        ("ab[c", "[", "unclosed character class"),
        ("a{5,2}", "{5,2}", "invalid repetition count range"),
        (r"a\q", r"\q", "unrecognized escape sequence"),
        ("ab(?=c)", "(?=", "look-around"),
        (r"(a)\1", r"\1", "backreferences"),
        (r"x\pZZ\p{Nope}", r"\p{Nope}", "Unicode property not found"),
        ("", "", "is empty"),
    ];
    for (pattern, marked, message) in table {
        let found = fault(pattern, "");
        assert!(!found.0, "{pattern}");
        assert_eq!(found.1, marked, "{pattern}: {}", found.2);
        assert!(found.2.contains(message), "{pattern}: {}", found.2);
    }
}

#[test]
fn a_group_that_does_not_exist_is_marked_in_the_replacement() {
    let table = [
        ("^okta-(.+)$", "a-$1x", "$1x", "Write `${1}x`."),
        ("(.)(.)", "$1_$2", "$1_", "Write `${1}_`."),
        ("(?P<team>.+)", "$teams", "$teams", "Write `${team}s`."),
        ("(.+)", "$2", "$2", "It has $1; write `$$` for a dollar sign."),
        ("(.+)", "ü ${nobody}!", "${nobody}", "It has $1; write `$$` for a dollar sign."),
        (".+", "x$1", "$1", "Put what is to be kept between `(` and `)`, or write `$$` for a dollar sign."),
        ("(.+)", "${1", "${", "Close it with `}`, or write `$$` for a dollar sign."),
    ];
    for (pattern, to, marked, advice) in table {
        let found = fault(pattern, to);
        assert!(found.0, "{to}");
        assert_eq!((found.1.as_str(), found.3.as_str()), (marked, advice), "{to}");
    }
}

#[test]
fn a_backslash_for_a_group_is_marked_in_the_replacement() {
    let table = [
        ("^okta-(.+)$", r"\1", r"\1", "Write `$1`."),
        ("(.+)", r"ü-\1x", r"\1", "Write `${1}`."),
        ("(.+)", r"\12-$1", r"\12", "Write `$12`."),
        ("(.+)", r"\a\0", r"\0", "Write `$0`."),
    ];
    for (pattern, to, marked, advice) in table {
        let found = fault(pattern, to);
        assert!(found.0, "{to}");
        assert_eq!((found.1.as_str(), found.3.as_str()), (marked, advice), "{to}");
    }
    assert_eq!(renamed("/", r"\a", "a/b").as_deref(), Some(r"a\ab"));
}

#[test]
fn a_rule_that_leaves_no_name_knows_it() {
    for (pattern, to, expected) in [
        ("^okta-.*$", "", true),
        ("^(okta|ad)-.*$", "  ", true),
        ("^okta-.*", "", true),
        (".*", "", true),
        (".+-old$", "", true),
        ("^a$|^b$", "", true),
        ("^(?P<all>x.*)$", "", true),
        ("^okta-", "", false),
        ("-old$", "", false),
        ("^okta-.*?", "", false),
        ("^okta-.*$", "$0", false),
        ("^a|b$", "", false),
        ("[a-z]+", "", false),
    ] {
        assert_eq!(Rename::new(pattern, to).unwrap().leaves_no_name(), expected, "{pattern}");
    }
}

#[test]
fn big_patterns_and_long_results_are_refused() {
    let found = fault(r"(\w{1,500}){1,500}", "");
    assert!(found.2.contains("too big"), "{}", found.2);
    let deep = format!("{}a{}", "(".repeat(80), ")".repeat(80));
    assert!(Rename::new(&deep, "").is_err());
    assert!(fault("a", &"b".repeat(2_000)).2.contains("longer than"));
    assert_eq!(renamed("a", &"b".repeat(1_000), &"a".repeat(100)).as_deref(), Some(""));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rule_and_any_name_are_harmless(pattern in ".{0,30}", to in ".{0,30}", name in ".{0,60}") {
        match Rename::new(&pattern, &to) {
            Ok(rule) => drop(rule.apply(&name)),
            Err(fault) => {
                let text = if fault.in_to { &to } else { &pattern };
                prop_assert!(text.get(fault.offset..fault.offset + fault.length).is_some());
            }
        }
    }

    #[test]
    fn it_agrees_with_the_regex_crate(name in "[a-c-]{0,12}", pattern in "[a-c]\\*?(\\(b\\))?", to in "[x$]?") {
        let expected = Regex::new(&pattern).unwrap();
        let expected = expected.is_match(&name).then(|| expected.replace_all(&name, to.as_str()).trim().to_owned());
        prop_assert_eq!(Rename::new(&pattern, &to).unwrap().apply(&name), expected);
    }
}
