//! The lists and single objects below `/api/v1/apps`.

use std::sync::Arc;

use hyper::body::Bytes;

use super::answer::Answer;
use super::app::{AppGroup, AppRow, Assignment};
use super::finding::Searches;
use super::id::Id;
use super::lists::{Lists, Page, cut, limit};
use super::query::Query;
use super::record_app::{render_app, render_app_group, render_app_user};

/// The least page of `/apps/{id}/groups` (published: minimum 20); a smaller `limit` is raised to it.
const LEAST_GROUPS: usize = 20;

impl Lists<'_> {
    /// `GET /api/v1/apps/{id}`.
    pub(crate) fn app_single(&self, id: &str) -> Result<(Id, Bytes), Answer> {
        let (_, app) = self.app(id)?;
        Ok((app.id, render_app(app, &self.org.base)))
    }

    /// `GET /api/v1/apps/{id}/users`: ascending by the assignment's id, which is the cursor. `next` forgets
    /// `expand` (okta-sdk-nodejs, issue 439).
    pub(crate) fn app_users(&self, id: &str, query: &Query, searches: &mut Searches) -> Result<Page, Answer> {
        let (place, app) = self.app(id)?;
        let most = self.options.pages.app_users;
        let limit = limit(query, most.min(50), most)?;
        let assignments = self.assignments(place, searches);
        let start = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let id = Id::parse(cursor).filter(|id| id.as_str().starts_with("0ua"));
                let id = id.ok_or_else(Answer::bad_cursor)?;
                assignments.partition_point(|assignment| assignment.id <= id)
            }
        };
        let start_of_name = query.get("q").map(str::to_lowercase);
        let rest = assignments.get(start..).unwrap_or_default().iter();
        let shown = rest.filter(|assignment| {
            let user = &self.org.users[assignment.user as usize];
            self.view.user(user.facts.id)
                && start_of_name.as_ref().is_none_or(|start| {
                    let profile = user.profile();
                    let names =
                        ["firstName", "lastName", "email"].map(|name| profile.text(name).to_lowercase());
                    names.iter().chain([&user.login.to_lowercase()]).any(|name| name.starts_with(start))
                })
        });
        let found = cut(shown.map(|assignment| (assignment.id, assignment)), limit, Id::to_string);
        let embed = embeds(query, "user");
        let render = |(_, assignment): (Id, &Assignment)| self.render_app_user(app, assignment, embed);
        Ok(Page {
            records: found.records.into_iter().map(render).collect(),
            next: found.next,
            limit: found.limit,
            linked: true,
            forgets: Some("expand"),
        })
    }

    /// `GET /api/v1/apps/{id}/users/{user}`, the user by id.
    pub(crate) fn app_user(&self, id: &str, user: &str, query: &Query) -> Result<(Id, Bytes), Answer> {
        let (place, app) = self.app(id)?;
        let known = Id::parse(user).filter(|id| self.view.user(*id)).and_then(|id| self.org.place(id));
        let assignment = known.and_then(|user| self.org.assignment(place, user));
        let assignment = assignment.ok_or_else(|| Answer::not_found(user, "AppUser"))?;
        Ok(self.render_app_user(app, &assignment, embeds(query, "user")))
    }

    /// `GET /api/v1/apps/{id}/groups`: in the order of their priority; cursor = the group's id.
    pub(crate) fn app_groups(&self, id: &str, query: &Query) -> Result<Page, Answer> {
        let (place, app) = self.app(id)?;
        let most = self.options.pages.app_groups;
        let limit = limit(query, most.min(20), most)?.max(LEAST_GROUPS.min(most));
        // A group withdrawn since then still says where to go on.
        let behind = match query.get("after") {
            None => None,
            Some(cursor) => {
                let group = Id::parse(cursor).and_then(|id| self.org.group_place(id));
                let at = app.groups.iter().rposition(|assigned| Some(assigned.group) == group);
                Some(at.ok_or_else(Answer::bad_cursor)?)
            }
        };
        let position = |group: &AppGroup| {
            app.groups.iter().rposition(|assigned| assigned.group == group.group && !assigned.withdrawn)
        };
        let start = query.get("q").map(str::to_lowercase);
        let assigned = self.org.app_groups(place).into_iter();
        let shown = assigned.filter(|(_, assigned)| {
            let group = &self.org.groups[assigned.group as usize];
            position(assigned) > behind
                && self.view.group(group.id)
                && start.as_ref().is_none_or(|start| group.name.to_lowercase().starts_with(start))
        });
        let embed = embeds(query, "group");
        let rendered =
            shown.map(|(priority, assigned)| self.render_app_group(app, priority, &assigned, embed));
        Ok(cut(rendered, limit, Id::to_string))
    }

    /// `GET /api/v1/apps/{id}/groups/{group}`.
    pub(crate) fn app_group(&self, id: &str, group: &str, query: &Query) -> Result<(Id, Bytes), Answer> {
        let (place, app) = self.app(id)?;
        let known = self.org.find_group(group).filter(|(_, group)| self.view.group(group.id));
        let assigned = known.and_then(|(known, _)| {
            self.org.app_groups(place).into_iter().find(|(_, assigned)| assigned.group == known)
        });
        // Which word Okta writes for an assignment of a group is not published.
        let (priority, assigned) = assigned.ok_or_else(|| Answer::not_found(group, "GroupAppAssignment"))?;
        Ok(self.render_app_group(app, priority, &assigned, embeds(query, "group")))
    }

    fn app(&self, id: &str) -> Result<(u32, &AppRow), Answer> {
        self.org.find_app(id).ok_or_else(|| Answer::not_found(id, "AppInstance"))
    }

    /// All assignments, kept as long as the org does not change: every page would cost them all.
    fn assignments(&self, app: u32, searches: &mut Searches) -> Arc<Vec<Assignment>> {
        match &searches.app_users {
            Some((kept, revision, found)) if (*kept, *revision) == (app, self.org.revision) => {
                Arc::clone(found)
            }
            _ => {
                let found = Arc::new(self.org.assignments(app));
                searches.app_users = Some((app, self.org.revision, Arc::clone(&found)));
                found
            }
        }
    }

    fn render_app_user(&self, app: &AppRow, assignment: &Assignment, embed: bool) -> (Id, Bytes) {
        let user = &self.org.users[assignment.user as usize];
        let through = assignment.through.map(|group| &self.org.groups[group as usize]);
        (user.facts.id, render_app_user(app, assignment, user, through, embed, &self.org.base))
    }

    fn render_app_group(
        &self,
        app: &AppRow,
        priority: usize,
        assigned: &AppGroup,
        embed: bool,
    ) -> (Id, Bytes) {
        let group = &self.org.groups[assigned.group as usize];
        let embedded = embed.then(|| self.org.render_group(group, None, self.now));
        (group.id, render_app_group(app, priority, assigned, group, embedded.as_ref(), &self.org.base))
    }
}

fn embeds(query: &Query, what: &str) -> bool {
    query.get("expand").is_some_and(|expand| expand.split(',').any(|word| word.trim() == what))
}
