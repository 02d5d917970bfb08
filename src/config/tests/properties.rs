//! Nothing that stands in a file makes the daemon panic, show a secret, or point outside the file.

use proptest::prelude::*;

use super::*;

const FULL: &str = include_str!("../../../config/examples/full.yaml");

/// Checks `contents` and what must hold of any result.
fn sound(house: &House, contents: &[u8]) -> Result<(), TestCaseError> {
    let checked = house.check(contents);
    let text = String::from_utf8_lossy(contents).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    prop_assert_eq!(checked.value.is_none(), checked.diagnostics.iter().any(Diagnostic::is_error));
    for diagnostic in &checked.diagnostics {
        prop_assert!(diagnostic.message.ends_with('.'), "{}", diagnostic);
        let printable =
            |text: &str| !text.chars().any(|character| character.is_control() && character != '\n');
        prop_assert!(printable(&diagnostic.render(false)), "{:?}", diagnostic);
        if diagnostic.line == 0 {
            prop_assert_eq!(diagnostic.column, 0);
            continue;
        }
        prop_assert!(diagnostic.line <= lines.len(), "{}", diagnostic);
        let width = lines[diagnostic.line - 1].chars().count();
        prop_assert!((1..=width + 1).contains(&diagnostic.column), "{}", diagnostic);
        // Long enough that no arbitrary text and no name of a directory has it by chance.
        prop_assert!(!diagnostic.render(false).contains(&TOKEN[..12]), "{}", diagnostic);
    }
    if let Some(connector) = checked.value {
        let written = crate::config::effective_yaml(&connector);
        prop_assert!(house.check(&written).value.is_some(), "{}", written);
    }
    Ok(())
}

/// A text as JSON writes it, which YAML reads as well.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Some items of `item`, as JSON.
fn list(item: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(item, 0..4).prop_map(|items| serde_json::to_string(&items).unwrap())
}

/// Sections of a connector file with any valid values.
fn rules() -> impl Strategy<Value = String> {
    const NAME: &str = "[a-zA-Z0-9äß字][-a-zA-Z0-9 :#'\"\\\\{}%&*!|>@`?,]{0,8}[a-z0-9]";
    const GLOB: &str = "[a-z*?:#'\"%&!|>@` -]{1,8}";
    const WORDS: &str = "(null|true|no|off|7|~|[a-z]{1,3})";
    let templates = proptest::collection::vec(
        prop_oneof![
            Just("{{ profile.login | lower }}".to_owned()),
            Just("{{ profile['a b'] }}\n  {{ profile.email }}".to_owned()),
            "[a-z: #'\"|>é]{1,6}\\{\\{ profile\\.[a-z]{1,6} \\}\\}[a-z: #'\"\n]{0,6}",
        ],
        6,
    );
    let mapping = (templates, "[A-Za-z0-9_.-]{6,12}").prop_map(|(templates, name)| {
        let [username, email, first, last, display, further] = templates.as_slice() else { panic!() };
        format!(
            "mapping: {{ username: {}, email: {}, first_name: {}, last_name: {}, display_name: {}, attributes: {{ {}: {} }} }}\n",
            json(username), json(email), json(first), json(last), json(display), json(&format!("x{name}")), json(further)
        )
    });
    let rename = proptest::collection::vec(("[a-zé.#: '\"]{1,6}", "[a-zé: #'\"-]{0,6}"), 1..4);
    let rename = rename.prop_map(|rules| {
        let rules = rules.iter().map(|(from, to)| format!("{{ match: {}, to: {} }}", json(from), json(to)));
        rules.collect::<Vec<_>>().join(", ")
    });
    let groups = (rename, any::<bool>(), list(GLOB), list(GLOB), list(NAME)).prop_map(
        |(rename, keep, include, exclude, always)| {
            let unmatched = if keep { "keep" } else { "drop" };
            format!("groups: {{ rename: [{rename}], unmatched: {unmatched}, include: {include}, exclude: {exclude}, always: {always} }}\n")
        },
    );
    let leavers = (
        prop_oneof![Just("disable"), Just("delete"), Just("anonymize"), Just("keep")],
        prop_oneof![Just("empty"), Just("delete"), Just("keep")],
        prop_oneof![
            Just("keep".to_owned()),
            Just("remove".to_owned()),
            list(GLOB).prop_map(|except| format!("{{ remove: all, except: {except} }}"))
        ],
        0..400_000_u32,
        0..400_000_u32,
    )
        .prop_map(|(users, groups, memberships, absent, deactivated)| {
            format!("leavers: {{ users: {users}, groups: {groups}, memberships: {memberships}, grace: {{ absent: {absent}s, deactivated: {deactivated}s }} }}\n")
        });
    let inactive = prop_oneof![
        Just("inactive: off\n".to_owned()),
        (1..=3_650_u32, prop_oneof![Just("keep"), Just("disable")], list(WORDS)).prop_map(
            |(days, never, except)| format!(
                "inactive: {{ days: {days}, never_signed_in: {never}, except_groups: {except} }}\n"
            )
        ),
    ];
    let adopt = || prop_oneof![Just("skip"), Just("adopt")];
    let others = (list(NAME), list(WORDS), adopt(), adopt()).prop_map(|(required, names, users, groups)| {
        format!("scope: {{ required_groups: {required}, users: {{ exclude: {names} }} }}\nexisting: {{ users: {users}, groups: {groups} }}\n")
    });
    (mapping, groups, leavers, inactive, others).prop_map(|(mapping, groups, leavers, inactive, others)| {
        mapping + &groups + &leavers + &inactive + &others
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn arbitrary_bytes_are_judged(contents in proptest::collection::vec(any::<u8>(), 0..200)) {
        sound(&House::new(), &contents)?;
    }

    #[test]
    fn arbitrary_text_of_yaml_characters_is_judged(contents in "[a-c:,&*!|>'\"%@`#{}\\[\\]?~ \n\t\r\u{feff}\u{85}\u{2028}-]{0,80}") {
        sound(&House::new(), contents.as_bytes())?;
    }

    #[test]
    fn a_mutation_of_a_valid_file_is_judged(
        at in 0..FULL.len(),
        length in 0..40_usize,
        piece in prop_oneof![
            Just(String::new()),
            Just(format!(" {TOKEN} ")),
            Just("\n".to_owned()),
            "[a-c:,&*!|>'\"%@`#{}\\[\\]?~ \n\t-]{0,6}",
            any::<String>(),
        ],
    ) {
        let mut contents = FULL.as_bytes().to_vec();
        contents.splice(at..(at + length).min(FULL.len()), piece.into_bytes());
        sound(&House::new(), &contents)?;
    }

    #[test]
    fn patterns_survive_being_written_out(patterns in proptest::collection::vec("\\PC{1,12}", 0..4)) {
        let list = serde_json::to_string(&patterns).unwrap();
        let house = House::new();
        let checked = house.check(with(&format!("groups: {{ include: {list} }}")));
        if let Some(connector) = checked.value {
            let again = house.check(crate::config::effective_yaml(&connector)).value;
            prop_assert_eq!(again.map(|connector| connector.rules), Some(connector.rules));
        }
    }
}

proptest! {
    // Each case compiles all templates and expressions of a file twice.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// What `ctl show` prints is accepted and means the same, whatever the rules are.
    #[test]
    fn rules_survive_being_written_out(rest in rules()) {
        let house = House::new();
        let contents = with(&rest);
        let checked = house.check(&contents);
        prop_assert!(checked.value.is_some(), "{}\n{:#?}", contents, checked.diagnostics);
        if let Some(connector) = checked.value {
            let written = crate::config::effective_yaml(&connector);
            let again = house.check(&written).value;
            prop_assert_eq!(again.map(|connector| connector.rules), Some(connector.rules), "{}", written);
        }
    }

    #[test]
    fn what_okta_chooses_survives_being_written_out(
        users in "[a-z]{1,5} (eq|sw) \"[a-zäöü: #{}'\n]{0,8}\"",
        app in "0oa[0-9A-Za-z]{17}",
    ) {
        let house = House::new();
        let users = serde_json::Value::from(users.replace('\n', " "));
        let checked = house.check(with_okta(&format!("users: {{ search: {users} }}\n    app: {app}")));
        let connector = checked.value.unwrap();
        let again = house.check(crate::config::effective_yaml(&connector)).value;
        prop_assert_eq!(again.map(|connector| connector.source), Some(connector.source));
    }
}
