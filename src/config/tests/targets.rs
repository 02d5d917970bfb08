//! Targets: how they are named and signed in to, and what a connector may ask of each.

use super::*;
use crate::config::effective_yaml;
use crate::config::model::{Product, SignIn, TargetSettings};
use crate::sync::rules::{LeaverMemberships, LeaverUsers};

/// The least target of a product.
fn least(product: &str) -> String {
    let token = "token: { credential: app-token }";
    match product {
        "scim" => format!("scim: {{ url: \"https://app.example.com/scim/v2\", {token} }}"),
        "atlassian_cloud" => format!("atlassian_cloud: {{ directory: 1a-2b, {token} }}"),
        "crowd" => {
            "crowd: { url: \"https://crowd.acme.com/crowd/\", application: a b, password: { env: OKTA_TOKEN } }"
                .to_owned()
        }
        "bitbucket" => {
            "bitbucket: { url: \"https://git.acme.com\", username: sync, password: { credential: app-token } }"
                .to_owned()
        }
        other => format!("{other}: {{ url: \"http://127.0.0.1:8080/{other}/\", {token} }}"),
    }
}

fn target(product: &str, rest: &str) -> String {
    with(&format!("target: {{ {} }}\n{rest}", least(product)))
}

fn server(contents: &str) -> (Product, String, SignIn) {
    match valid(contents).target {
        TargetSettings::Server(server) => (server.product, server.url.to_string(), server.sign_in),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_product_is_named_with_its_address_and_its_secret() {
    for (product, url) in [
        ("scim", "https://app.example.com/scim/v2"),
        ("atlassian_cloud", "https://api.atlassian.com/scim/directory/1a-2b"),
        ("crowd", "https://crowd.acme.com/crowd"),
        ("jira", "http://127.0.0.1:8080/jira"),
        ("confluence", "http://127.0.0.1:8080/confluence"),
        ("bitbucket", "https://git.acme.com/"),
    ] {
        let (known, found, sign_in) = server(&target(product, ""));
        assert_eq!((known.key(), found.as_str()), (product, url));
        assert_eq!(
            matches!(sign_in, SignIn::Password { .. }),
            matches!(product, "crowd" | "bitbucket"),
            "{product}"
        );
        let written = effective_yaml(&valid(&target(product, "")));
        assert_eq!(server(&written), (known, found, sign_in), "{written}");
    }
}

#[test]
fn a_directory_of_the_cloud_may_be_named_by_its_whole_address() {
    for url in ["http://127.0.0.1:9", "http://127.0.0.1:9/scim/directory/1a-2b", "http://127.0.0.1:9/"] {
        let contents = with(&format!(
            "target: {{ atlassian_cloud: {{ directory: 1a-2b, token: {{ credential: app-token }}, url: \"{url}\" }} }}"
        ));
        assert_eq!(server(&contents).1, "http://127.0.0.1:9/scim/directory/1a-2b");
        assert_eq!(server(&effective_yaml(&valid(&contents))).1, "http://127.0.0.1:9/scim/directory/1a-2b");
    }
}

#[test]
fn a_product_may_be_signed_in_to_in_one_way() {
    let jira = |rest: &str| with(&format!("target: {{ jira: {{ url: \"https://jira.acme.com\"{rest} }} }}"));
    let (_, _, sign_in) = server(&jira(", username: sync, password: { credential: app-token }"));
    assert!(matches!(sign_in, SignIn::Password { user, .. } if user == "sync"));
    for (rest, words) in [
        ("", "does not say how to sign in"),
        (", username: sync", "does not say how to sign in"),
        (", password: { credential: app-token }", "a password and no username"),
        (
            ", token: { credential: app-token }, password: { credential: app-token }",
            "both a token and a password",
        ),
        (", token: { credential: app-token }, username: x", "both a token and a password"),
        (", token: { credential: none }", "The credential `none` is not in"),
    ] {
        let error = refused(&jira(rest));
        assert!(error.contains(words), "{rest}: {error}");
    }
}

#[test]
fn a_token_goes_nowhere_in_the_clear() {
    for (url, words) in [
        ("http://jira.acme.com", "Plain http would show the token"),
        ("https://a:b@jira.acme.com", "must not hold a user name"),
        ("https://jira.acme.com/?os_username=x", "must not hold a query"),
        ("jira.acme.com", "not a URL"),
        ("ftp://jira.acme.com", "must begin with `https://`"),
    ] {
        let contents =
            with(&format!("target: {{ jira: {{ url: \"{url}\", token: {{ credential: app-token }} }} }}"));
        let error = refused(&contents);
        assert!(error.contains(words), "{url}: {error}");
    }
}

#[test]
fn what_a_product_cannot_do_is_said_with_the_nearest_thing_that_works() {
    for (product, rest, words) in [
        (
            "bitbucket",
            "leavers: { users: disable }",
            "Bitbucket cannot disable accounts. [Write `users: keep`",
        ),
        (
            "atlassian_cloud",
            "leavers: { users: delete }",
            "cannot delete accounts for good. [Write `users: disable`",
        ),
        ("jira", "mapping: { attributes: { department: x } }", "Jira keeps no further attributes of users."),
        (
            "scim",
            "mapping: { attributes: { titel: x } }",
            "has no attribute `titel`. [Did you mean `title`?]",
        ),
        (
            "atlassian_cloud",
            "mapping: { attributes: { userType: x } }",
            "Atlassian Cloud has no attribute `userType`.",
        ),
    ] {
        let error = refused(&target(product, rest));
        assert!(error.contains(words), "{product} {rest}: {error}");
    }
}

#[test]
fn what_has_no_effect_is_a_warning() {
    for (product, rest, words) in [
        ("confluence", "leavers: { users: anonymize }", "an anonymized one keeps its username"),
        ("confluence", "mapping: { username: \"{{ profile.email }}\" }", "cannot rename accounts"),
        ("confluence", "limits: { renames: 5% }", "this limit has no effect"),
        ("confluence", "existing: { users: adopt }", "each one is held until somebody approves it"),
        ("jira", "mapping: { first_name: x }", "keeps no given and family names"),
    ] {
        let warnings = warnings(&target(product, rest));
        assert!(warnings.iter().any(|warning| warning.contains(words)), "{product} {rest}: {warnings:#?}");
    }
    let silent = "mapping: { username: \"{{ profile.employeeNumber }}\" }";
    assert_eq!(warnings(&target("confluence", silent)), [""; 0]);
    for product in ["scim", "atlassian_cloud", "crowd", "jira"] {
        assert_eq!(warnings(&target(product, "")), [""; 0], "{product}");
    }
}

#[test]
fn leavers_of_a_product_that_cannot_disable_lose_their_memberships() {
    let warned = warnings(&target("bitbucket", ""));
    assert!(warned[0].contains("they keep the account and lose the groups"), "{warned:#?}");
    let leavers = valid(&target("bitbucket", "")).rules.leavers;
    assert_eq!(leavers.users, LeaverUsers::Keep);
    assert!(matches!(leavers.memberships, LeaverMemberships::Remove { .. }));
    let kept = valid(&target("bitbucket", "leavers: { memberships: keep }")).rules.leavers;
    assert_eq!(kept.memberships, LeaverMemberships::Keep);
    assert_eq!(warnings(&target("bitbucket", "leavers: { users: keep, memberships: remove }")), [""; 0]);
}
