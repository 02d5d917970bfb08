//! What expressions yield: every sentence of RULES 14 and of the module's documentation.

use super::*;

fn check(table: &[(&str, &str)]) {
    for (template, expected) in table {
        assert_eq!(render(template, &ada()), *expected, "{template}");
    }
}

#[test]
fn null_and_absent_render_as_nothing_and_results_are_trimmed() {
    check(&[
        ("{{ profile.secondEmail }}", ""),
        ("{{ profile.nobody }}", ""),
        ("{{ lastLogin }}", ""),
        ("{{ none }}", ""),
        ("{{ profile.firstName }}", "Ada"),
        ("  {{ profile.firstName }}\n", "Ada"),
        ("[{{ profile.firstName }}]", "[Ada]"),
        ("x{{ profile.secondEmail ~ profile.nobody ~ none ~ 'y' }}", "xy"),
        ("{{ profile.secondEmail or profile.nobody or profile.nickName or 'z' }}", "z"),
        ("{{ profile.displayName or 'blank is empty' }}", "blank is empty"),
        ("{{ profile.secondEmail | upper }}{{ profile.nobody | ascii | lower }}", ""),
        ("{{ profile.manager.name.first }}", ""),
        ("{{ profile.nobody.name[0]['x'].y }}", ""),
        ("{{ profile.address.zip.plus }}", ""),
        ("{{ profile.login.domain }}", ""),
        ("{{ profile.secondEmail is defined }} {{ profile.secondEmail is none }}", "false true"),
        ("{{ profile.nobody == '' }} {{ profile.secondEmail == none }} {{ '' == none }}", "true true true"),
        ("{{ profile.nobody != '' }}", "false"),
        ("{% for x in profile.nobody %}x{% else %}nobody{% endfor %}", "nobody"),
    ]);
}

#[test]
fn values_print_as_json_does() {
    check(&[
        ("{{ profile.manager }} {{ profile.contractor }}", "true false"),
        ("{{ profile.level }} {{ profile.rate }} {{ profile.whole }}", "3 1.5 2.0"),
        ("{{ '' ~ profile.manager ~ profile.level ~ profile.rate ~ none }}", "true31.5"),
        ("{{ profile.teams }}", r#"["red","blue","red-admins"]"#),
        ("{{ '' ~ profile.mixed }}", r#"["a",null,1,true]"#),
        ("{{ profile.address }}", r#"{"city":"London","zip":null}"#),
        ("{{ [profile.level, 'a\"b', none, true] }}", r#"[3,"a\"b",null,true]"#),
        ("{{ {'a': profile.level, 'b': [1]} }}", r#"{"a":3,"b":[1]}"#),
        ("{{ true }} {{ false ~ '' }} {{ 1 == 1 }} {{ (1 == 2) ~ '!' }}", "true false true false!"),
        ("{{ -3 }} {{ 1.0 }} {{ 18446744073709551615 }}", "-3 1.0 18446744073709551615"),
    ]);
}

#[test]
fn the_whole_user_can_be_named() {
    check(&[
        ("{{ id }} {{ status }} {{ created }}", "00u1 ACTIVE 2026-01-01T00:00:00.000Z"),
        ("{{ type.id }} {{ credentials.provider.name }}", "oty1 OKTA"),
        ("{{ profile['login'] }}", "Ada.Lovelace@Example.com"),
        ("{{ profile[status | lower] }}{{ profile['lev' ~ 'el'] }}", "3"),
        ("{% for name in profile %}{% if name == 'level' %}{{ profile[name] }}{% endif %}{% endfor %}", "3"),
        ("{{ profile.address.city }} {{ profile['address']['city'] }}", "London London"),
    ]);
}

#[test]
fn operators_mean_what_they_mean_in_jinja() {
    check(&[
        ("{{ 'a' if profile.manager else 'b' }}{{ 'a' if profile.contractor }}", "a"),
        ("{{ profile.zero or 'zero is false' }}", "zero is false"),
        ("{{ profile.none or 'empty list' }}", "empty list"),
        ("{{ profile.manager and profile.level }}{{ profile.zero and 1 }}", "30"),
        ("{{ not profile.manager }} {{ not profile.nobody }}", "false true"),
        ("{{ profile.level > 2 }} {{ profile.level >= 3 }} {{ 1 < profile.level <= 3 }}", "true true true"),
        ("{{ profile.nobody < 3 }} {{ profile.nobody >= 3 }}", "false false"),
        ("{{ 2 == profile.whole }} {{ 'b' > 'a' }} {{ 3 == '3' }}", "true true false"),
        ("{{ 'red' in profile.teams }} {{ 're' in profile.teams }} {{ 're' in 'red' }}", "true false true"),
        ("{{ 'x' not in profile.teams }} {{ 'city' in profile.address }}", "true true"),
        ("{{ profile.teams == ['red', 'blue', 'red-admins'] }}", "true"),
        ("{{ profile.address == {'zip': none, 'city': 'London'} }}", "true"),
        ("{{ profile.firstName[0] ~ profile.lastName[:3] ~ profile.lastName[-2:] }}", "ALovce"),
        ("{{ 'Zoë'[2] }}{{ 'Zoë'[1:-1] }}{{ 'Zoë'[9] }}{{ 'Zoë'[5:2] }}{{ profile.nobody[:3] }}", "ëo"),
        (
            "{{ profile.teams[0] }} {{ profile.teams[-1] }} {{ profile.teams[9] }} {{ profile.teams[:1] }}",
            r#"red red-admins  ["red"]"#,
        ),
        ("{{ {'Eng': 'Engineering'}['Eng'] }}{{ {'Eng': 1}[profile.department] }}", "Engineering"),
        ("{{ {1: 'one'}[1] }}", "one"),
        (
            "{{ 3 is number }} {{ 'a' is string }} {{ true is boolean }} {{ 'a' is not number }}",
            "true true true true",
        ),
        (
            "{{ profile.teams is sequence }} {{ profile.address is mapping }} {{ profile.teams is mapping }}",
            "true true false",
        ),
        ("{{ profile.login is startingwith('Ada') }} {{ profile.login is endingwith '.com' }}", "true true"),
        ("{{ 'red' is in profile.teams }}", "true"),
        ("{{ 'it''s' ~ \"q\" ~ '\\u00e9\\n'}}", "itsqé"),
    ]);
}

#[test]
fn statements_mean_what_they_mean_in_jinja() {
    check(&[
        ("{% if profile.level > 5 %}a{% elif profile.level == 3 %}b{% else %}c{% endif %}", "b"),
        ("{% if profile.nobody %}a{% endif %}", ""),
        (
            "{% for t in profile.teams %}{{ loop.index }}{{ t }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1red,2blue,3red-admins",
        ),
        (
            "{% for t in profile.teams if t is startingwith 'red' %}{{ t }}/{{ loop.length }} {% endfor %}",
            "red/2 red-admins/2",
        ),
        (
            "{% for a in [1, 2] %}{% for b in ['x', 'y'] %}{{ a }}{{ b }}{{ loop.index0 }} {% endfor %}{{ loop.first }};{% endfor %}",
            "1x0 1y1 true;2x0 2y1 false;",
        ),
        ("{% set a = profile.level %}{% set a = a ~ '!' %}{{ a }}", "3!"),
        ("{% set a = 1 %}{% if profile.manager %}{% set a = 2 %}{% endif %}{{ a }}", "2"),
        // A variable of a loop ends with its turn.
        (
            "{% set a = 1 %}{% for t in [1, 2] %}{{ a }}{% if t == 1 %}{% set a = 9 %}{% endif %}{{ a }} {% endfor %}{{ a }}",
            "19 11 1",
        ),
        ("{% set a %}x{{ profile.level }}{% endset %}{{ a }}{{ a | length }}", "x32"),
        ("{# nothing #}{{- ' a ' -}}  {% raw %}{{ b }}{% endraw %}", "a {{ b }}"),
        ("{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}", "ab"),
        ("no tags", "no tags"),
        ("", ""),
    ]);
}

#[test]
fn what_makes_no_sense_for_a_user_is_a_problem() {
    let table = [
        (
            "{% for x in profile.login %}{{ x }}{% endfor %}",
            "a `for` loop takes a list or an object, and this is a text",
        ),
        ("{{ profile.login > 3 }}", "a text cannot be compared with a number"),
        ("{{ profile.login | first_non_empty }}", "`first_non_empty` takes a list, and this is a text"),
        ("{{ profile.level | length }}", "`length` takes a text or a list, and this is a number"),
        ("{{ profile.level[:2] }}", "only texts and lists have parts, and this is a number"),
        ("{{ profile.teams[1.5] }}", "a position is a whole number, and this is a number"),
        (
            "{{ 'x' | truncate(profile.login) }}",
            "`truncate` takes a number of characters, such as truncate(20)",
        ),
    ];
    for (template, problem) in table {
        assert_eq!(try_render(template, &ada()), Err(problem.to_owned()), "{template}");
    }
}

#[test]
fn paths_are_what_a_template_reads() {
    let table: [(&str, &[&str]); 12] = [
        ("{{ profile.login | lower }}", &["profile.login"]),
        ("{{ profile['costCenter'] }}{{ id }}{{ status }}", &["profile.costCenter"]),
        ("{{ profile[profile.key] }}", &["profile", "profile.key"]),
        ("{{ profile | tojson }}", &["profile"]),
        ("{% for key in profile %}{{ key }}{% endfor %}", &["profile"]),
        (
            "{{ lastLogin }}{{ type.id }}{{ credentials.provider.name }}",
            &["credentials", "lastLogin", "type"],
        ),
        (
            "{% if false %}{{ profile.a }}{% else %}{{ profile.b.c[0] }}{% endif %}",
            &["profile.a", "profile.b"],
        ),
        ("{% set p = profile %}{{ p.login }}", &["profile"]),
        ("{{ 'profile.login' }}", &[]),
        ("{{ profile['not a name'] }}", &["profile"]),
        (
            "{{ first_non_empty(profile.nickName, profile.firstName) }}",
            &["profile.firstName", "profile.nickName"],
        ),
        (
            "{{ {profile.a: [profile.b]}[profile.c:profile.d] }}",
            &["profile.a", "profile.b", "profile.c", "profile.d"],
        ),
    ];
    for (template, expected) in table {
        let paths = Template::compile(template).unwrap().paths();
        assert_eq!(paths.iter().map(CompactString::as_str).collect::<Vec<_>>(), expected, "{template}");
    }
}

#[test]
fn the_default_templates_compile_and_mean_what_they_say() {
    let mapping = Mapping::default();
    for ((_, template), (_, text)) in mapping.templates().zip(DEFAULTS) {
        assert_eq!(template.text(), text);
    }
    let wanted =
        ["profile.displayName", "profile.email", "profile.firstName", "profile.lastName", "profile.login"];
    assert_eq!(mapping.paths().iter().map(CompactString::as_str).collect::<Vec<_>>(), wanted);
    let (names, user) = kept(&ada(), &mapping.paths());
    let mapped = mapping.map(UserView { names: &names, user: &user }).unwrap();
    assert_eq!(
        mapped,
        UserAttributes {
            username: "ada.lovelace@example.com".into(),
            email: "ada@example.com".into(),
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            display_name: "Ada Lovelace".into(),
            attributes: crate::sync::model::FurtherAttributes::default(),
        }
    );
}

#[test]
fn further_attributes_are_mapped_and_their_problems_named() {
    let mut mapping = Mapping::default();
    let template = |text| Template::compile(text).unwrap();
    mapping.attributes.insert("level".into(), template("L{{ profile.level }}"));
    let map = |mapping: &Mapping| {
        let (names, user) = kept(&ada(), &mapping.paths());
        mapping.map(UserView { names: &names, user: &user })
    };
    assert_eq!(map(&mapping).unwrap().attributes, [("level".into(), "L3".into())].into_iter().collect());
    mapping.attributes.insert("team".into(), template("{{ profile.level | length }}"));
    assert_eq!(map(&mapping).unwrap_err().attribute, "attributes.team");
    mapping.attributes.clear();
    mapping.last_name = template("{{ profile.level | length }}");
    assert_eq!(map(&mapping).unwrap_err().attribute, "last_name");
}
