//! The keys of `target`.

use super::{Form, Key, Kind, key, required};

const URL: &str = "Write the address that people open, as in `url: https://jira.example.com`.";
const TOKEN: &str = "Write `token: { credential: NAME }`.";
const PASSWORD: &str = "Write `password: { credential: NAME }`.";

/// Where it is written: exactly one of these.
pub(super) const TARGET: &[Key] = &[
    key("directory", "The built-in directory.", Kind::Empty),
    key("scim", "A SCIM 2.0 service.", Kind::Section(SCIM)),
    key("atlassian_cloud", "A directory of Atlassian Cloud.", Kind::Section(CLOUD)),
    key("crowd", "Crowd Data Center.", Kind::Section(CROWD)),
    key("jira", "Jira Data Center.", Kind::Section(TOKEN_OR_PASSWORD)),
    key("confluence", "Confluence Data Center.", Kind::Section(TOKEN_OR_PASSWORD)),
    key("bitbucket", "Bitbucket Data Center.", Kind::Section(BITBUCKET)),
];

const SCIM: &[Key] = &[
    required(
        "url",
        "Where the service's `/Users` and `/Groups` are.",
        Kind::One(Form::Base),
        "Write its SCIM base URL, as in `url: https://app.example.com/scim/v2`.",
    ),
    required("token", "Its bearer token, and where it is kept.", Kind::Secret, TOKEN),
];

const CLOUD: &[Key] = &[
    required(
        "directory",
        "The id of the directory: what stands behind `/scim/directory/` in its SCIM base URL.",
        Kind::One(Form::Directory),
        "Write the id that Atlassian Administration shows under User provisioning.",
    ),
    required("token", "The directory's API key, and where it is kept.", Kind::Secret, TOKEN),
    key("url", "Instead of https://api.atlassian.com.", Kind::One(Form::Base)),
];

const CROWD: &[Key] = &[
    required("url", "Crowd's address, with `/crowd` if it is under that path.", Kind::One(Form::Base), URL),
    required(
        "application",
        "The name of an application in Crowd.",
        Kind::One(Form::Account),
        "Write the name of the application that was made for this daemon in Crowd.",
    ),
    required("password", "The application's password, and where it is kept.", Kind::Secret, PASSWORD),
];

/// With a personal access token, or with a name and a password; which is checked with the connector.
const TOKEN_OR_PASSWORD: &[Key] = &[
    required("url", "The product's address, with the path that it is under.", Kind::One(Form::Base), URL),
    key("token", "A personal access token of an administrator, and where it is kept.", Kind::Secret),
    key("username", "Instead of a token: the name of an administrator's account.", Kind::One(Form::Account)),
    key("password", "The account's password, and where it is kept.", Kind::Secret),
];

const BITBUCKET: &[Key] = &[
    required("url", "Bitbucket's address, with the path that it is under.", Kind::One(Form::Base), URL),
    required(
        "username",
        "The name of an administrator's account; Bitbucket takes no token here.",
        Kind::One(Form::Account),
        "Write the name of the account that was made for this daemon in Bitbucket.",
    ),
    required("password", "The account's password, and where it is kept.", Kind::Secret, PASSWORD),
];
