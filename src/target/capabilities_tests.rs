//! What the documentation says about targets is what the program goes by.

use std::collections::BTreeMap;

use super::*;
use crate::config::model::Product;
use crate::target::{atlassian_cloud, bitbucket, confluence, crowd, directory, jira, scim};

const DOCUMENT: &str = include_str!("../../docs/targets.md");

fn all() -> BTreeMap<&'static str, Capabilities> {
    BTreeMap::from([
        ("directory", directory::CAPABILITIES),
        ("scim", scim::CAPABILITIES),
        ("atlassian_cloud", atlassian_cloud::CAPABILITIES),
        ("crowd", crowd::CAPABILITIES),
        ("jira", jira::CAPABILITIES),
        ("confluence", confluence::CAPABILITIES),
        ("bitbucket", bitbucket::CAPABILITIES),
    ])
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The rows of the table with this first cell of its head.
fn table(first: &str) -> Vec<Vec<&'static str>> {
    let lines = DOCUMENT.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    lines.take_while(|line| line.starts_with('|')).filter(|line| !line.starts_with("|-")).map(cells).collect()
}

fn number(count: usize) -> String {
    if count == usize::MAX { "all".to_owned() } else { count.to_string() }
}

#[test]
fn the_table_of_the_documentation_is_what_counts() {
    let yes = |can: bool| if can { "yes" } else { "no" }.to_owned();
    let said = |what: &str, can: &Capabilities| match what {
        "rename users" => yes(can.rename_users),
        "rename groups" => yes(can.rename_groups),
        "disable users" => yes(can.disable_users),
        "delete users" => yes(can.delete_users),
        "delete groups" => yes(can.delete_groups),
        "deletion loses nothing" => yes(can.deletes_without_loss),
        "e-mail can be read" => yes(can.email_readable),
        "e-mail is required" => yes(can.requires_email),
        "given and family names" => yes(can.holds_given_names),
        "descriptions of groups" => yes(can.holds_group_descriptions),
        "further attributes" => match can.further_attributes {
            Further::Any => "any".to_owned(),
            Further::Named(_) => "some".to_owned(),
            Further::Nothing => "none".to_owned(),
        },
        "lists are whole" => yes(can.listing == Listing::Whole),
        "members of subgroups among members" => yes(can.nested_members),
        "keeps Okta's id" => yes(can.keeps_source_ids),
        "records per page" => number(can.pace.page),
        "memberships per request" => number(can.pace.memberships),
        "members of a new group" => number(can.pace.new_group),
        "requests at once" => number(can.pace.at_once),
        other => panic!("{other}"),
    };
    let rows = table("what");
    let (head, rows) = rows.split_first().unwrap();
    assert_eq!(rows.len(), 18);
    let all = all();
    assert_eq!(head.len(), all.len() + 1);
    for row in rows {
        for (target, cell) in head.iter().zip(row).skip(1) {
            assert_eq!(*cell, said(row[0], &all[target]), "{} of {target}", row[0]);
        }
    }
}

#[test]
fn the_groups_of_administrators_are_documented_and_protected() {
    let mut rows = table("target");
    rows.extend(DOCUMENT.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")).map(cells));
    for product in Product::ALL {
        let can = all()[product.key()];
        let protected = can.protected();
        for name in can.administrators {
            assert!(protected.groups.matches(name), "{name} is no glob");
            let row = rows.iter().find(|row| row[0] == product.key()).unwrap();
            assert!(row[1].contains(&format!("`{name}`")), "{name} of {}", product.key());
        }
    }
}

#[test]
fn names_are_judged_as_the_product_does() {
    let problem = |name: &str| confluence::CAPABILITIES.username_problem(name).map(|text| text.to_string());
    assert_eq!(problem("anna@example.com"), None);
    for (name, words) in [
        ("Anna", "has upper-case letters"),
        ("a+b", "has `+` in it"),
        ("a b", "has white space"),
        ("", "is empty"),
        ("a\u{7}", "has a control character"),
    ] {
        assert!(problem(name).unwrap().contains(words), "{name}: {:?}", problem(name));
    }
    assert!(problem(&"x".repeat(256)).unwrap().contains("256 characters, and Confluence takes 255"));
    assert_eq!(jira::CAPABILITIES.username_problem("A b+c"), None);
}
