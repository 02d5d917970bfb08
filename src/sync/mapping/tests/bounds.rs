//! No template hangs, takes all memory or overflows the stack.

use super::*;

fn problem(template: &str) -> String {
    try_render(template, &ada()).expect_err(template)
}

#[test]
fn loops_within_loops_run_out_of_steps() {
    let ten = "[1,2,3,4,5,6,7,8,9,0]";
    let mut template = String::from("x");
    for level in 0..9 {
        template = format!("{{% for v{level} in {ten} %}}{template}{{% endfor %}}");
    }
    assert_eq!(problem(&template), "the template takes more than 20000 steps");
    let silent = template.replace('x', "{% if false %}{% endif %}");
    assert_eq!(problem(&silent), "the template takes more than 20000 steps");
}

#[test]
fn texts_cannot_grow_without_end() {
    let doubled = |count: usize| "{% set a = a ~ a %}".repeat(count);
    let template = format!("{{% set a = 'xxxxxxxxxxxxxxxx' %}}{}", doubled(30));
    assert_eq!(problem(&template), "the template makes a text of more than 16384 bytes");
    let captured = "{% set a %}{{ a }}{{ a }}{% endset %}".repeat(30);
    let template = format!("{{% set a = 'xxxxxxxxxxxxxxxx' %}}{captured}");
    assert_eq!(problem(&template), "the template makes a text of more than 16384 bytes");
    let replaced = "{% set a = a | replace('x', 'xxxxxxxxxxxxxxxx') %}".repeat(20);
    assert!(problem(&format!("{{% set a = 'x' %}}{replaced}")).contains("16384 bytes"));
    let replaced = "{% set a = a | regex_replace('x', '$0$0$0$0$0$0$0$0') %}".repeat(20);
    assert!(problem(&format!("{{% set a = 'x' %}}{replaced}")).contains("16384 bytes"));
    let joined = "{% set a = [a, a, a, a, a, a, a, a] | join(a) %}".repeat(20);
    assert!(problem(&format!("{{% set a = 'x' %}}{joined}")).contains("16384 bytes"));
}

#[test]
fn lists_that_share_their_entries_cannot_explode() {
    let nested = "{% set a = [a, a] %}{% set b = [b, b] %}".repeat(40);
    let start = "{% set a = [1] %}{% set b = [1] %}";
    assert!(problem(&format!("{start}{nested}{{{{ a }}}}")).contains("16384 bytes"));
    assert!(problem(&format!("{start}{nested}{{{{ a == b }}}}")).contains("20000 steps"));
    assert!(problem(&format!("{start}{nested}{{{{ a in [b] }}}}")).contains("20000 steps"));
}

#[test]
fn a_long_attribute_is_a_problem_and_not_cut() {
    let user = json!({ "id": "00u1", "status": "ACTIVE", "profile": { "long": "x".repeat(20_000), "list": vec![0; 30_000] } });
    for template in
        ["{{ profile.long }}", "a{{ profile.long }}", "{{ profile.long | upper }}", "{{ profile.list }}"]
    {
        assert!(try_render(template, &user).unwrap_err().contains("16384 bytes"), "{template}");
    }
    assert_eq!(try_render("{{ profile.long | truncate(3) }}", &user).as_deref(), Ok("xxx"));
    assert!(try_render("{% for x in profile.list %}{% endfor %}", &user).unwrap_err().contains("steps"));
    assert!(try_render("{{ 1 in profile.list }}", &user).unwrap_err().contains("steps"));
}

/// Every way to nest, much deeper than anybody would: a fault or a result, on half of the stack that threads have.
#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    std::thread::Builder::new().stack_size(1 << 20).spawn(nest_deeply).unwrap().join().unwrap();
}

fn nest_deeply() {
    let times = |text: &str, count: usize| text.repeat(count);
    let around = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{{{{ {}{inner}{} }}}}", times(open, count), times(close, count))
    };
    for count in [19, 20, 29, 30, 31, 74, 98, 120, 149, 590, 5_000] {
        let templates = [
            around("(", "1", ")", count),
            around("[", "1", "]", count),
            around("{'a':", "1", "}", count),
            around("profile[", "'a'", "]", count),
            around("first_non_empty(", "'a'", ")", count),
            around("not ", "1", "", count),
            around("-", "1", "", count),
            around("1 if ", "1", " else 2", count),
            around("1 if 1 else ", "1", "", count),
            around("", "profile.a", ".b", count),
            around("", "profile.a", "[0]", count),
            around("", "profile.a", "[0:]", count),
            around("", "profile.a", "()", count),
            around("", "'a'", " | lower", count),
            around("", "'a'", " is defined", count),
            around("", "'a'", " ~ 'b'", count),
            around("", "'a'", " or 'b'", count),
            around("", "'a'", " and 'b'", count),
            around("", "1", " == 1", count),
            around("", "1", " + 1", count),
            around("'a' in ['a'] == ", "1", "", count),
            format!("{}{}", times("{% if true %}", count), times("{% endif %}", count)),
            format!("{}{}", times("{% for x in [1] %}", count), times("{% endfor %}", count)),
            format!("{}{}", times("{% set x %}", count), times("{% endset %}", count)),
            format!("{{% if true %}}{}{{% endif %}}", times("{% elif true %}", count)),
            format!("{{% set {}x{} = 1 %}}", times("(", count), times(")", count)),
            format!("{{% filter {}lower %}}{{% endfilter %}}", times("lower|", count)),
            times("{% set x = [[1]] %}", count),
            format!("{{% set x | {}lower %}}{{% endset %}}", times("lower|", count)),
            // All of them at once.
            format!(
                "{}{}{}",
                times("{% for x in [1] if true %}{% if false %}{% else %}", 10),
                around(&format!("[{}", times("not ", 2)), "'a'", " ~ 'b']", count),
                times("{% endif %}{% endfor %}", 10)
            ),
        ];
        for template in templates {
            let outcome = Template::compile(&template);
            if let Ok(template) = outcome {
                let (names, user) = kept(&ada(), &template.paths());
                template.render(UserView { names: &names, user: &user }).ok();
            }
        }
    }
}

#[test]
fn templates_have_a_greatest_size() {
    let fault = Template::compile(&"x".repeat(17_000)).unwrap_err();
    assert!(fault.message.contains("16384 bytes"), "{}", fault.message);
    let fault = Template::compile(&"{{ profile.a ~ profile.b }}".repeat(300)).unwrap_err();
    assert!(fault.message.contains("600 operators"), "{}", fault.message);
    let table: Vec<String> = (0..1_000).map(|number| format!("'{number}': 'n'")).collect();
    let template = format!("{{{{ {{{}}}['999'] }}}}", table.join(", "));
    assert_eq!(render(&template, &ada()), "n");
}
