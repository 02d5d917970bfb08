//! Arbitrary templates, and agreement with minijinja where the two mean the same.

use proptest::prelude::*;

use super::*;

/// Pieces that templates are made of, so that arbitrary ones are often valid.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "if ",
        "else",
        "elif ",
        "endif",
        "for ",
        "endfor",
        "set ",
        "endset",
        "x",
        " in ",
        " = ",
        "profile",
        ".login",
        ".teams",
        "['level']",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        " | ",
        "lower",
        "replace('a', 'b')",
        "regex_replace('(a)', '$1')",
        "truncate(2)",
        "join(',')",
        "split('a')",
        " ~ ",
        " or ",
        " and ",
        "not ",
        " == ",
        " < ",
        " is ",
        "defined",
        "'a'",
        "\"ü",
        "'",
        "1",
        "-",
        "0.5",
        "none",
        "true",
        "loop",
        ".index",
        "first_non_empty(",
        "{#",
        "#}",
        "\\",
        "é",
        "\n",
        "raw",
        "endraw",
        "-%}",
        "{{-",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Expressions over texts, that minijinja and we must agree on.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "profile.a",
        "profile.b",
        "profile.c",
        "profile['a']",
        "'a'",
        "''",
        "'Zoë'",
        "profile.a[0]",
        "profile.b[1:]",
        "profile.b[:-1]",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 16, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} ~ {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} or {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), two.clone()).prop_map(|(c, (a, b))| format!("({a} if {c} else {b})")),
            (two.clone(), two.clone()).prop_map(|((a, b), (c, d))| format!("({c} if {a} == {b} else {d})")),
            (two.clone(), two.clone()).prop_map(|((a, b), (c, d))| format!("({c} if {a} < {b} else {d})")),
            (two.clone(), two.clone()).prop_map(|((a, b), (c, d))| format!("({c} if {a} in {b} else {d})")),
            (two.clone(), two)
                .prop_map(|((a, b), (c, d))| format!("({c} if not {a} not in [{b}, {c}] else {d})")),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let statement = (expression(), expression(), expression()).prop_flat_map(|(a, b, c)| {
        prop::sample::select(vec![
            format!("{{{{ {a} }}}}"),
            format!("{{% if {a} %}}{{{{ {b} }}}}{{% elif {b} %}}-{{% else %}}{{{{ {c} }}}}{{% endif %}}"),
            format!("{{% for x in [{a}, {b}] if x %}}{{{{ x ~ {c} }}}}{{{{ loop.index }}}}{{% else %}}+{{% endfor %}}"),
            format!("{{% set x = {a} %}}{{{{ x ~ {b} }}}}"),
            format!("{{% set x %}}{{{{ {a} }}}}{{% endset %}}{{{{ x }}}}"),
            format!(" [{a}] {{# {b} #}}").replace(['{', '}'], ""),
        ])
    });
    prop::collection::vec(statement, 1..4).prop_map(|statements| statements.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_template_is_compiled_or_refused_at_a_place(text in prop_oneof![pieces(), "\\PC{0,60}"]) {
        match Template::compile(&text) {
            Ok(template) => {
                let (names, user) = kept(&ada(), &template.paths());
                template.render(UserView { names: &names, user: &user }).ok();
            }
            Err(fault) => prop_assert!(text.get(fault.offset..fault.offset + fault.length).is_some(), "{:?}", fault),
        }
    }

    #[test]
    fn any_user_is_mapped(login in "\\PC{0,30}", first in prop::option::of("\\PC{0,10}"), last in "\\s?\\PC{0,10}") {
        let user = json!({ "id": "00u1", "status": "ACTIVE",
            "profile": { "login": login, "firstName": first, "lastName": last } });
        let mapping = Mapping::default();
        let (names, user) = kept(&user, &mapping.paths());
        let mapped = mapping.map(UserView { names: &names, user: &user }).unwrap();
        let lower = login.trim().to_lowercase();
        prop_assert_eq!(mapped.username.as_str(), lower.trim());
        let both = format!("{} {}", first.unwrap_or_default().trim(), last.trim());
        prop_assert_eq!(mapped.display_name.as_str(), both.trim());
    }

    /// Where values are texts, a template means what minijinja makes of it.
    #[test]
    fn it_agrees_with_minijinja(template in template(), a in "[ab]{1,3}", b in "[abü]{1,3}", c in "[ab]{1,2}") {
        let too_big = |fault: &TemplateFault| fault.message.ends_with("more than 600 operators.");
        prop_assume!(!Template::compile(&template).is_err_and(|fault| too_big(&fault)));
        let user = json!({ "id": "00u1", "status": "ACTIVE", "profile": { "a": a, "b": b, "c": c } });
        let environment = minijinja::Environment::new();
        let context = minijinja::context!(profile => minijinja::context!(a => a, b => b, c => c));
        let expected = environment.render_str(&template, context).unwrap();
        prop_assert_eq!(render(&template, &user), expected.trim());
    }
}
