//! Every filter, by tables, and the table of the documentation.

use super::*;

#[test]
fn filters_do_what_they_say() {
    let table = [
        ("{{ 'ÀDA' | lower }}{{ 'ada' | lower }}{{ 'Ada' | lower }}{{ 5 | lower }}", "àdaadaada5"),
        ("{{ 'straße' | upper }} {{ true | upper }}", "STRASSE TRUE"),
        ("{{ 'jean-luc PICARD' | title }} {{ \"o'brien\" | title }}", "Jean-Luc Picard O'brien"),
        (
            "{{ 'ada LOVELACE' | capitalize }}{{ '' | capitalize }}{{ 'élan' | capitalize }}",
            "Ada lovelaceÉlan",
        ),
        (
            "{{ 'Zoë Müller' | ascii }} {{ 'Ærøskøbing' | ascii }} {{ 'Straße' | ascii }}",
            "Zoe Muller Aeroskobing Strasse",
        ),
        ("{{ 'Дмитрий' | ascii }} {{ 'Zo\\u0065\\u0308' | ascii }} {{ '李' | ascii }}", "Dmitriy Zoe Li"),
        ("{{ 'ü' | replace('ü', 'ue') | ascii }}", "ue"),
        (
            "[{{ ' a ' | trim }}] [{{ '--a-b--' | trim('-') }}] [{{ '---' | trim('-') }}] [{{ 'xyaxy' | trim('xy') }}]",
            "[a] [a-b] [] [a]",
        ),
        (
            "{{ 'a.b.c' | replace('.', '') }} {{ 'abc' | replace('x', 'y') }} {{ 'abc' | replace('', 'y') }}",
            "abc abc abc",
        ),
        ("{{ 'aaa' | replace(from='a', to='ab') }}", "ababab"),
        (
            "{{ 'Engineering' | truncate(3) }} {{ 'Zoë' | truncate(3) }} {{ 'Zoë' | truncate(2) }} {{ 'Zoë' | truncate(0) }}",
            "Eng Zoë Zo",
        ),
        (
            "{{ 'Engineering' | truncate(3, '…') }} {{ 'Eng' | truncate(3, end='…') }} {{ 12345 | truncate(length=2) }}",
            "Eng… Eng 12",
        ),
        (
            "{{ 'a@b' | strip_domain }} {{ 'a@b@c' | strip_domain }} {{ 'ab' | strip_domain }} [{{ '@b' | strip_domain }}]",
            "a a@b ab []",
        ),
        (
            "{{ 'a.b.c' | before('.') }} {{ 'abc' | before('.') }} {{ 'abc' | before('') }} [{{ '.a' | before('.') }}]",
            "a abc abc []",
        ),
        (
            "{{ 'a.b.c' | after('.') }} {{ 'abc' | after('.') }} {{ 'abc' | after('') }} [{{ 'a.' | after('.') }}]",
            "b.c abc abc []",
        ),
        ("{{ 'a--b--c' | before_last('--') }} {{ 'abc' | before_last('.') }}", "a--b abc"),
        ("{{ 'a--b--c' | after_last('--') }} {{ 'abc' | after_last('.') }}", "c abc"),
        (r"{{ 'EXAMPLE\\ada' | after('\\') }}", "ada"),
        (
            "{{ profile.nobody | default('d') }} {{ '' | default('d') }} {{ profile.displayName | default('d') }} {{ 0 | default('d') }} {{ false | default('d') }}",
            "d d d 0 false",
        ),
        ("{{ [profile.nobody, profile.displayName, profile.firstName] | first_non_empty }}", "Ada"),
        (
            "{{ first_non_empty(profile.nobody, '', profile.lastName) }}[{{ first_non_empty() }}]{{ first_non_empty(none, 0) }}",
            "Lovelace[]0",
        ),
        ("[{{ [] | first_non_empty }}{{ profile.nobody | first_non_empty }}]", "[]"),
        (
            "{{ profile.teams | join(', ') }} {{ profile.mixed | join('-') }} {{ ['a', 'b'] | join }}",
            "red, blue, red-admins a-1-true ab",
        ),
        (
            "{{ 'one' | join(',') }}{{ profile.nobody | join(',') }} {{ [profile.firstName, profile.nobody, profile.lastName] | join(' ') }}",
            "one Ada Lovelace",
        ),
        (
            "{{ 'a/b/' | split('/') }} {{ profile.nobody | split('/') }} {{ ('a' ~ '/b') | split('/') | last }}",
            r#"["a","b",""] [] b"#,
        ),
        (
            "{{ profile.teams | first }} {{ profile.teams | last }} {{ 'Zoë' | first }}{{ 'Zoë' | last }}",
            "red red-admins Zë",
        ),
        (
            "[{{ [] | first }}{{ [] | last }}{{ '' | first }}{{ '' | last }}{{ profile.nobody | first }}]",
            "[]",
        ),
        (
            "{{ 'Zoë' | length }} {{ profile.teams | length }} {{ profile.nobody | length }} {{ profile.address | length }}",
            "3 3 0 2",
        ),
        (
            "{{ 'a' | tojson }} {{ profile.nobody | tojson }} {{ profile.address | tojson }}",
            r#""a" null {"city":"London","zip":null}"#,
        ),
        ("{{ profile.login | regex_replace('@.*', '') }}", "Ada.Lovelace"),
        ("{{ profile.login | regex_replace('^(.)[^.]*\\.([^@]*)@.*$', '$1$2') | lower }}", "alovelace"),
        ("{{ 'a-b-c' | regex_replace('-', '_') }} {{ 'abc' | regex_replace('x', 'y') }}", "a_b_c abc"),
        (
            "{{ 'ada' | regex_replace('(?P<first>a)', '${first}$$') }} {{ profile.nobody | regex_replace('^$', 'x') }}",
            "a$da$ x",
        ),
        ("{{ profile.teams | regex_replace('[^a-z,]', '') }}", "red,blue,redadmins"),
    ];
    for (template, expected) in table {
        assert_eq!(render(template, &ada()), expected, "{template}");
    }
}

/// The table in the documentation of the module holds every filter, and its examples are true.
#[test]
fn the_documentation_is_true() {
    let text = include_str!("../mod.rs");
    let mut documented = BTreeSet::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let row = row.replace(r"\|", "\u{0}");
        let cells: Vec<String> =
            row.split('|').map(|cell| cell.replace('\u{0}', "|").trim().to_owned()).collect();
        let [filter, _, example, result, _] = cells.as_slice() else { panic!("{cells:?}") };
        let name = filter.trim_matches('`');
        documented.insert(name.split('(').next().unwrap_or_default().to_owned());
        let template = format!("{{{{ {} }}}}", example.trim_matches('`'));
        assert_eq!(render(&template, &ada()), result.trim_matches('`'), "{template}");
    }
    let known: BTreeSet<String> = names::filters().map(str::to_owned).collect();
    assert_eq!(documented, known);
}
