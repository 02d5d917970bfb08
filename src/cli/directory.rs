//! `ctl directory`: the built-in directory.

use super::arguments::DirectoryCommand;
use super::ctl::Ctl;
use super::exit::{Exit, Failure};
use super::text::table;
use crate::control::api::{DirectoryGroups, DirectoryMembers, DirectoryUsers};
use crate::telemetry::escape::escape;

/// Prints users, groups or members.
pub(super) async fn run(ctl: &Ctl, command: &DirectoryCommand) -> Result<Exit, Failure> {
    match command {
        DirectoryCommand::Users => {
            let users: DirectoryUsers = ctl.client.get(&["v1", "directory", "users"], &[]).await?;
            ctl.output.show(&users, render_users)?;
        }
        DirectoryCommand::Groups => {
            let groups: DirectoryGroups = ctl.client.get(&["v1", "directory", "groups"], &[]).await?;
            ctl.output.show(&groups, render_groups)?;
        }
        DirectoryCommand::Members { group } => {
            let query = [("group", group.as_str())];
            let members: DirectoryMembers = ctl.client.get(&["v1", "directory", "members"], &query).await?;
            ctl.output.show(&members, render_members)?;
        }
    }
    Ok(Exit::Done)
}

fn render_users(users: &DirectoryUsers) -> String {
    let rows = users.users.iter().map(|user| {
        vec![
            user.username.to_string(),
            user.email.to_string(),
            user.display_name.to_string(),
            if user.active { "yes" } else { "no" }.to_owned(),
            user.groups.len().to_string(),
        ]
    });
    table(&["username", "email", "display name", "active", "groups"], &[4], rows)
}

fn render_groups(groups: &DirectoryGroups) -> String {
    let rows = groups
        .groups
        .iter()
        .map(|group| vec![group.name.to_string(), group.members.to_string(), group.description.to_string()]);
    table(&["name", "members", "description"], &[1], rows)
}

/// RULES 32: one username per line, never cut, nothing else.
fn render_members(members: &DirectoryMembers) -> String {
    let mut out = String::with_capacity(members.members.len() * 24);
    for member in &members.members {
        out.push_str(&escape(member));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::{DirectoryGroup, DirectoryUser};

    #[test]
    fn users_and_groups_in_tables() {
        let user = |username: &str, display_name: &str| DirectoryUser {
            attributes: Default::default(),
            username: username.into(),
            email: "x@example.com".into(),
            first_name: "".into(),
            last_name: "".into(),
            display_name: display_name.into(),
            active: username.len() > 3,
            groups: vec!["a".into(), "b".into()],
        };
        let users = DirectoryUsers {
            format_version: 1,
            users: vec![user("anna", "王小明"), user("eve", "Eve \u{1b}[31m\nroot")],
        };
        insta::assert_snapshot!(render_users(&users), @r"
        username  email          display name          active  groups
        anna      x@example.com  王小明                yes          2
        eve       x@example.com  Eve \u{1b}[31m\nroot  no           2
        ");
        let groups = DirectoryGroups {
            format_version: 1,
            groups: vec![DirectoryGroup { name: "jira-users".into(), description: "".into(), members: 1200 }],
        };
        insta::assert_snapshot!(render_groups(&groups), @r"
        name        members  description
        jira-users     1200
        ");
    }

    /// RULES 32.
    #[test]
    fn members_are_one_per_line_never_cut_and_nothing_else() {
        let long = "x".repeat(300);
        let members = DirectoryMembers {
            format_version: 1,
            group: "g".into(),
            members: vec!["anna".into(), "two\nlines".into(), long.as_str().into()],
        };
        assert_eq!(render_members(&members), format!("anna\ntwo\\nlines\n{long}\n"));
        let none = DirectoryMembers { members: Vec::new(), ..members };
        assert_eq!(render_members(&none), "");
    }
}
