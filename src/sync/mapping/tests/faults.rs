//! What is wrong with a template, and where.

use super::*;

/// What a fault marks, its message and its advice.
fn fault(template: &str) -> (String, String, String) {
    let fault = Template::compile(template).expect_err(template);
    let marked = &template[fault.offset..fault.offset + fault.length];
    (marked.to_owned(), fault.message, fault.advice.unwrap_or_default())
}

/// Each template has its mistake between « and ».
fn check(table: &[(&str, &str, &str)]) {
    for (marked, message, advice) in table {
        let template = marked.replace(['«', '»'], "");
        let found = Template::compile(&template).expect_err(&template);
        let mut shown = template.clone();
        shown.insert(found.offset + found.length, '»');
        shown.insert(found.offset, '«');
        assert_eq!(shown, *marked, "{found:?}");
        assert!(found.message.contains(message), "{template}: {}", found.message);
        assert!(found.advice.unwrap_or_default().contains(advice), "{template}");
    }
}

#[test]
fn unknown_names_are_marked() {
    check(&[
        ("{{ «login» }}", "`login` is not a name", "Did you mean `profile.login`?"),
        ("{{ «profil».login }}", "`profil` is not a name", "Did you mean `profile`?"),
        ("ü {{ profile.a ~ «lastlogin» }}", "`lastlogin`", "Did you mean `lastLogin`?"),
        ("{{ «frstName» }}", "", "Did you mean `profile.firstName`?"),
        ("{{ «user».profile.email|lower }}", "", "Write `profile.email`."),
        ("{{ «user».email }}", "", "Write `profile.email`."),
        ("{{ «user».profileUrl }}", "", "Write `profile.profileUrl`."),
        ("{{ «user».lastLogin }}", "", "Write `lastLogin`."),
        ("{{ «user» }}", "", "Write `profile.login`."),
        ("{{ «xyzzy» }}", "", "under `profile`"),
        ("{{ profile['a'] | replace('a', «b») }}", "`b`", ""),
        ("{% if false %}{{ «nobody» }}{% endif %}", "`nobody`", ""),
        ("{{ profile[«login»] }}", "`login`", "profile.login"),
        ("{{ «x» }}{% set x = 1 %}", "`x`", ""),
        ("{% for x in profile.teams %}{% set y = x %}{% endfor %}{{ «y» }}", "`y`", ""),
        ("{% for team in profile.teams %}{{ «teem» }}{% endfor %}", "`teem`", "Did you mean `team`?"),
        ("{{ «loop».index }}", "`loop`", ""),
        ("{% for x in profile.teams %}{{ «loop» }}{% endfor %}", "no value of its own", ""),
        ("{% for x in profile.teams %}{{ loop.«indx» }}{% endfor %}", "`loop` has no `indx`", "`index`"),
        ("{% for x in profile.teams if «loop».first %}{% endfor %}", "`loop`", ""),
        ("{{ «self» }}", "`self`", ""),
        ("{{ «first_non_empty» }}", "is a function", ""),
    ]);
}

#[test]
fn unknown_filters_tests_and_functions_are_marked() {
    check(&[
        ("{{ profile.login | «lowr» }}", "There is no filter `lowr`", "Did you mean `lower`?"),
        (
            "{% if false %}{{ profile.login | lower | «nope» }}{% endif %}",
            "`nope`",
            "The filters are after, ",
        ),
        ("{{ profile.login|«stripdomain»|lower }}", "", "`strip_domain`"),
        ("{{ profile.login is «definde» }}", "There is no test `definde`", "`defined`"),
        ("{{ profile.login is «startingwith» }}", "takes one argument", ""),
        ("{{ profile.login is «defined»(1) }}", "takes no argument", ""),
        ("{{ «firstnonempty»(profile.a) }}", "There is no function", "`first_non_empty`"),
        ("{{ «range»(10) }}", "There is no function `range`", "The only function"),
        ("{{ «lower»(profile.login) }}", "There is no function", "profile.login | lower"),
        ("{{ profile.login.«upper»() }}", "There is no method `upper`", "`| upper`"),
        ("{{ profile.login.«swapcase»() }}", "There is no method", ""),
        ("{{ profile.login | «before» }}", "argument of `before` is missing", "before(separator)"),
        ("{{ profile.login | lower(«1») }}", "no such argument", "without parentheses"),
        ("{{ profile.login | truncate(3, «ende»='x') }}", "no such argument", "truncate(length, end)"),
        ("{{ profile.login | «truncate»('x') }}", "takes a number", ""),
        ("{{ profile.login | «split»('') }}", "separator of `split` is empty", ""),
    ]);
}

#[test]
fn statements_and_operators_that_do_not_exist_are_marked() {
    check(&[
        ("{% «include» 'x' %}", "no statement `include`", "`if`, `for` and `set`"),
        ("{% «macro» f() %}{% endmacro %}", "no statement `macro`", ""),
        ("{% «import» 'x' as y %}", "no statement `import`", ""),
        ("{% «extends» 'x' %}", "no statement `extends`", ""),
        ("{% «with» x = 1 %}{% endwith %}", "no statement `with`", ""),
        ("{% «filter» upper %}x{% endfilter %}", "no statement `filter`", ""),
        ("{% «autoescape» true %}x{% endautoescape %}", "no statement `autoescape`", ""),
        ("{% «do» profile.x() %}", "no statement `do`", ""),
        ("{% «for» x in profile.teams recursive %}{% endfor %}", "recursive", ""),
        ("{% for «a, b» in profile.teams %}{% endfor %}", "one variable", ""),
        ("{% set «profile» = 1 %}", "cannot be set", "another name"),
        ("{% «set» x | upper %}a{% endset %}", "no filter", ""),
        ("{{ profile.a «+» profile.b }}", "no operator `+`", "Write `~`"),
        ("{{ (profile.a) «*» 3 }}", "no operator `*`", ""),
        ("{{ profile.cost«-»center }}", "no operator `-`", ""),
        ("{{ 'x' «**» 9 }}", "no operator `**`", ""),
        ("{{ profile.login[::«2»] }}", "no step", ""),
    ]);
}

#[test]
fn what_is_not_jinja_is_marked() {
    check(&[
        ("{{ profile.login «}»", "unexpected `}`", ""),
        ("a «{{» profile.login", "`{{` is not closed", "`}}`"),
        ("{{ profile.login }}«{%» if x", "`{%` is not closed", ""),
        ("{% «if» profile.a %}x", "`if` is not closed", "{% endif %}"),
        ("{% if profile.a %}{% for x in profile.b %}{% «endif» %}", "no `if` is open here", ""),
        ("{{ profile.login | before(«'»@) }}", "does not end", "quote"),
        ("{{ profile.login «profile» }}", "unexpected identifier", ""),
        ("{{ profile.«|» lower }}", "unexpected `|`", ""),
        ("{{ «}}»", "", ""),
        ("{{ profile.login «?» }}", "unexpected character", ""),
        ("{% «endif» %}", "no `if` is open here", ""),
        ("x «{#» comment", "is not closed", "#}"),
        ("{{ 'ü\\\\«\\u»12' }}", "escape does not exist", ""),
        ("{{ '\\n«\\x»g0' }}", "escape does not exist", ""),
        ("{{ '«\\7»77' }}", "escape does not exist", ""),
    ]);
}

#[test]
fn mistakes_in_regular_expressions_are_marked_within_the_text() {
    check(&[
        (r"{{ profile.login | regex_replace('a«(»b', '') }}", "unclosed group", ""),
        (r"{{ profile.login | regex_replace('ü\\d\.«(»b', '') }}", "unclosed group", ""),
        (
            r#"{{ profile.login | regex_replace("it\'s \u00fc \x41 «[»b", '') }}"#,
            "unclosed character class",
            "",
        ),
        (r"{{ profile.login | regex_replace('(.)', '«$1x»') }}", "no group `1x`", "Write `${1}x`."),
        (r"{{ profile.login | regex_replace('(.)', 'ü«\1»') }}", "control character", "Write `$1`."),
        (r"{{ profile.login | regex_replace('(.)', '«\\2»') }}", "no group here", "Write `$2`."),
        (r"{{ profile.login | regex_replace('(.)', '«\9»') }}", "no group here", "Write `$9`."),
        (r"{{ profile.login | regex_replace(«'a' '('», '') }}", "unclosed group", ""),
        (r"{{ profile.login | regex_replace(«profile.x», '') }}", "", ""),
        (r"{{ profile.login | regex_replace('«\b»a', '') }}", "backspace", r"`\\b`"),
        (r"{{ profile.login | «regex_replace»('a') }}", "takes a regular expression", ""),
        (r"{{ profile.login | regex_replace(«''», '') }}", "is empty", ""),
    ]);
    assert_eq!(render(r"{{ 'ab a' | regex_replace('\\ba\\b', 'x') }}", &ada()), "ab x");
    assert_eq!(render(r"{{ 'a1' | regex_replace('\d', 'x') }}", &ada()), "ax");
}

#[test]
fn messages_are_sentences() {
    for template in
        ["{{ x }}", "{{ 'a' | nope }}", "{{ 'a' | truncate('') }}", "{{ 'a' + 1 }}", "{{", "{% x %}"]
    {
        let (_, message, advice) = fault(template);
        assert!(message.ends_with('.') && !message.contains('\n'), "{message}");
        assert!(message.starts_with(|first: char| first.is_uppercase() || first == '`'), "{message}");
        assert!(advice.is_empty() || advice.ends_with(['.', '?']), "{advice}");
    }
}
