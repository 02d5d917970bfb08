//! From the profile in Okta to the attributes in the directory.

use sandbox::okta::NewUser;
use serde_json::json;

use crate::harness::Site;
use crate::people::{findings, person, set};

const MAPPING: &str = r#"
mapping:
  username: "{{ profile.login | strip_domain | ascii | lower }}"
  email: "{{ first_non_empty(profile.workMail, profile.email) | lower }}"
  first_name: "{{ profile.nickName or profile.firstName }}"
  last_name: "{{ profile.lastName | upper | truncate(6) }}"
  display_name: "{{ [profile.lastName, profile.firstName] | join(', ') }}"
  attributes:
    department: "{{ profile.department }}"
    cost_center: "{{ profile.costCenter | regex_replace('^CC-0*', '') }}"
    badge: "{{ profile.badge }}"
    squads: "{{ profile.squads | join(' / ') }}"
    site: "{{ profile.office | before('-') }} {{ profile.office | after_last('-') }}"
    kind: "{% if profile.external %}external{% endif %}"
"#;

#[test]
fn templates_make_the_account_of_what_they_name_and_of_nothing_else() {
    let site = Site::empty();
    let zoe = NewUser::new("Zoë.Müller@example.com")
        .email("ZOE@example.com")
        .name("Zoë", "Müllerová")
        .attribute("department", "Research")
        .attribute("costCenter", "CC-0042")
        .attribute("badge", 17)
        .attribute("squads", json!(["blue", "", "green"]))
        .attribute("office", "BER-north-3")
        .attribute("external", true)
        .attribute("salary", "a secret of the staff department");
    let zoe = site.okta.org().add_user(zoe);
    site.write("acme", &site.connector(MAPPING));
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!((&report["outcome"], &report["findings"]), (&json!("success"), &json!([])), "{report:#}");
    let account = |attributes| {
        json!({
            "username": "zoe.muller", "email": "zoe@example.com", "first_name": "Zoë", "last_name": "MÜLLER",
            "display_name": "Müllerová, Zoë", "attributes": attributes, "active": true, "groups": []
        })
    };
    let attributes = json!({
        "department": "Research", "cost_center": "42", "badge": "17", "squads": "blue / green", "site": "BER 3",
        "kind": "external"
    });
    assert_eq!(daemon.accounts()["zoe.muller"], account(attributes));

    let log = site.okta.log();
    let lists: Vec<_> = log.iter().filter(|line| line.starts_with("GET /api/v1/users?")).collect();
    let fields = "&fields=id,status,profile:(badge,costCenter,department,email,external,firstName,lastName,login,nickName,\
                  office,squads,workMail) ";
    assert!(!lists.is_empty() && lists.iter().all(|line| line.contains(fields)), "{lists:#?}");

    let org = site.okta.org();
    org.update_profile(&zoe, "department", "Sales");
    org.update_profile(&zoe, "badge", json!(null));
    org.update_profile(&zoe, "salary", "more");
    for gone in ["squads", "external", "office"] {
        org.remove_attribute(&zoe, gone);
    }
    let report = daemon.sync("acme");
    assert_eq!(report["counts"]["users"]["updated"], 1, "{report:#}");
    let attributes = json!({
        "department": "Sales", "cost_center": "42", "badge": "", "squads": "", "site": "", "kind": ""
    });
    assert_eq!(daemon.accounts()["zoe.muller"], account(attributes));
    assert_eq!(daemon.sync("acme")["counts"]["users"]["unchanged"], 1);
}

#[test]
fn a_template_that_runs_out_of_steps_or_yields_nothing_is_a_finding_about_one_user() {
    let site = Site::empty();
    let org = site.okta.org();
    let squads = |count: usize| json!(vec!["x"; count]);
    let anna = org.add_user(person("anna").attribute("squads", squads(2)));
    org.add_user(person("ben").attribute("squads", squads(60)));
    org.add_user(person("4711").attribute("squads", squads(1)));
    let keys = "mapping:\n  username: \"{{ profile.login | strip_domain | regex_replace('^[0-9]+$', '') }}\"\n  \
                attributes:\n    count: \"{% for a in profile.squads %}{% for b in profile.squads %}{% for c in \
                profile.squads %}{{ c }}{% endfor %}{% endfor %}{% endfor %}\"";
    site.write("acme", &site.connector(keys));
    let daemon = site.start();
    let report = daemon.sync("acme");
    assert_eq!(report["outcome"], "success", "{report:#}");
    assert_eq!(daemon.names(true), set(["anna"]), "{report:#}");
    assert_eq!(daemon.accounts()["anna"]["attributes"]["count"], "xxxxxxxx");
    let found = findings(&report);
    let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["invalid_name", "mapping_failed"], "{report:#}");
    assert!(report["findings"].to_string().contains("more than 20000 steps"), "{report:#}");

    // Who cannot be mapped any more has not left: the account stays as it is.
    let before = daemon.accounts();
    org.update_profile(&anna, "squads", squads(60));
    let report = daemon.sync("acme");
    assert_eq!((&report["outcome"], findings(&report).len()), (&json!("success"), 3), "{report:#}");
    assert_eq!(daemon.accounts(), before);
}
