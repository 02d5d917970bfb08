//! The routes of the built-in directory.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::Deserialize;

use super::describe::{Operation, Routes, Subject};
use super::request::{Asked, query};
use super::routes::Shared;
use crate::control::api::{DirectoryGroups, DirectoryMembers, DirectoryUsers};
use crate::control::fault::Fault;
use crate::sync::report::FORMAT_VERSION;

pub(super) fn routes() -> Routes {
    Routes::about(Subject::Directory)
        .get(
            "/v1/directory/users",
            directory_users,
            Operation::new("listDirectoryUsers", "Users of the built-in directory, sorted by name")
                .answers::<DirectoryUsers>(),
        )
        .get(
            "/v1/directory/groups",
            directory_groups,
            Operation::new("listDirectoryGroups", "Groups of the built-in directory, sorted by name")
                .answers::<DirectoryGroups>(),
        )
        .get(
            "/v1/directory/members",
            directory_members,
            Operation::new("listDirectoryMembers", "Members of a group of the built-in directory")
                .asks::<MembersQuery>()
                .answers::<DirectoryMembers>()
                .may_not_find(),
        )
}

async fn directory_users(State(control): Shared) -> Result<Response, Fault> {
    let users = control.directory_users().await?;
    Ok(Json(DirectoryUsers { format_version: FORMAT_VERSION, users }).into_response())
}

async fn directory_groups(State(control): Shared) -> Result<Response, Fault> {
    let groups = control.directory_groups().await?;
    Ok(Json(DirectoryGroups { format_version: FORMAT_VERSION, groups }).into_response())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MembersQuery {
    /// The group's name.
    group: String,
}

async fn directory_members(State(control): Shared, asked: Asked<MembersQuery>) -> Result<Response, Fault> {
    let MembersQuery { group } = query(asked)?;
    let members = control.directory_members(&group).await?;
    let members = members.into_iter().map(CompactString::from).collect();
    Ok(Json(DirectoryMembers { format_version: FORMAT_VERSION, group: group.into(), members })
        .into_response())
}
