//! The lists: which records a page holds and where the next one begins.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use hyper::body::Bytes;
use serde_json::Value;

use super::answer::Answer;
use super::app::Assignment;
use super::clock::stamp;
use super::id::Id;
use super::lag::UserIndex;
use super::org::{GroupRow, Org, UserRow};
use super::projection::Projection;
use super::query::{Query, base64};
use super::record::{group_profile, render_single};
use super::schema::schema_id;
use super::search::{Dialect, Expression};
use super::view::View;
use super::{Options, Role, Status};

/// One page of a list, its records as JSON unless said otherwise.
#[derive(Debug)]
pub(crate) struct Page<R = Bytes> {
    pub(crate) records: Vec<(Id, R)>,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
    /// The limit in force, which the self link shows.
    pub(crate) limit: usize,
    /// Whether there are Link headers at all.
    pub(crate) linked: bool,
    /// A parameter of the request that `next` leaves out.
    pub(crate) forgets: Option<&'static str>,
}

/// Results of the last searches, as long as the org does not change: each of their pages would cost a full search.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    kept: VecDeque<(String, Moment, Arc<Vec<u32>>)>,
    /// The users of the application that was asked for last.
    pub(crate) app_users: Option<(u32, u64, Arc<Vec<Assignment>>)>,
}

/// The org's revision, and how many of its changes the search index has not seen.
type Moment = (u64, usize);

/// Everything the lists are made from.
pub(crate) struct Lists<'a> {
    pub(crate) org: &'a Org,
    pub(crate) options: &'a Options,
    pub(crate) view: &'a View,
    /// Milliseconds since the epoch.
    pub(crate) now: i64,
}

impl Lists<'_> {
    /// `GET /api/v1/users`.
    pub(crate) fn users(&self, query: &Query, searches: &mut Searches) -> Result<Page, Answer> {
        let most = self.options.pages.users;
        let expression = match (query.get("search"), query.get("filter")) {
            (Some(text), _) => Some((text, Dialect::UserSearch)),
            (None, Some(text)) => Some((text, Dialect::UserFilter)),
            (None, None) => None,
        };
        let mut page = match (expression, query.get("q")) {
            (Some((text, dialect)), _) => {
                // A filter is not asked of the index, which may run behind.
                let index = match dialect {
                    Dialect::UserSearch => UserIndex::at(self.org, self.now),
                    _ => UserIndex::at(self.org, i64::MAX),
                };
                let found = self.find_users(text, dialect, query, &index, searches)?;
                self.found_page(&found, query, limit(query, most, most)?, &index)?
            }
            (None, Some(start)) => self.quick_users(start, limit(query, 10, most)?),
            (None, None) => self.plain_users(query, limit(query, most, most)?)?,
        };
        self.project(&mut page, query);
        Ok(page)
    }

    /// The plain list: in the order of creation, without the deprovisioned; cursor = a digit and the last id.
    fn plain_users(&self, query: &Query, limit: usize) -> Result<Page, Answer> {
        let start = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let id = cursor.strip_prefix(|sign: char| sign.is_ascii_digit()).and_then(Id::parse);
                id.and_then(|id| self.org.place(id)).ok_or_else(Answer::bad_cursor)? as usize + 1
            }
        };
        let rest = self.org.users.get(start..).unwrap_or_default().iter();
        let shown = rest
            .filter(|user| !user.gone && user.facts.status != Status::Deprovisioned)
            .filter(|user| self.view.user(user.facts.id));
        Ok(cut(shown.map(|user| (user.facts.id, user.json.clone())), limit, |id| format!("2{id}")))
    }

    /// `q`: names and addresses that start so; never more than one page.
    fn quick_users(&self, start: &str, limit: usize) -> Page {
        let start = start.to_lowercase();
        let matches = |user: &&UserRow| {
            let profile = user.profile();
            let starts = |name: &str| profile.text(name).to_lowercase().starts_with(&start);
            !user.gone
                && user.facts.status != Status::Deprovisioned
                && (starts("firstName") || starts("lastName") || starts("email"))
                && self.view.user(user.facts.id)
        };
        let found = self.org.users.iter().filter(matches);
        let mut page = cut(found.map(|user| (user.facts.id, user.json.clone())), limit, Id::to_string);
        page.next = None;
        page
    }

    fn find_users(
        &self,
        text: &str,
        dialect: Dialect,
        query: &Query,
        index: &UserIndex<'_>,
        searches: &mut Searches,
    ) -> Result<Arc<Vec<u32>>, Answer> {
        let sort = query.get("sortBy").filter(|_| dialect == Dialect::UserSearch);
        let descending = query.get("sortOrder").is_some_and(|order| order.eq_ignore_ascii_case("desc"));
        let key = format!("{dialect:?} {} {sort:?} {descending} {text}", self.view.users);
        let moment = (self.org.revision, self.org.user_lag.unseen(self.now));
        let known = searches.kept.iter().find(|(kept, at, _)| *kept == key && *at == moment);
        if let Some((_, _, found)) = known {
            return Ok(Arc::clone(found));
        }
        let expression = Expression::parse(text, dialect).map_err(|why| Answer::bad_search(&why))?;
        let mut found: Vec<u32> = Vec::new();
        let places = match expression.only_ids() {
            Some(ids) => index.places_of(&ids).into(),
            None => index.places(),
        };
        for place in places.iter() {
            let Some(user) = index.row(*place) else { continue };
            let mut attributes = UserAttributes { user, profile: None };
            let matches = expression.matches(dialect, &mut |name| attributes.get(name));
            if matches && self.view.user(user.facts.id) {
                found.push(*place);
            }
        }
        if let Some(attribute) = sort {
            found.sort_by_cached_key(|place| {
                let user = index.row(*place)?;
                UserAttributes { user, profile: None }.get(attribute).map(|value| value.to_string())
            });
            if descending {
                found.reverse();
            }
        }
        let found = Arc::new(found);
        searches.kept.truncate(7);
        searches.kept.push_front((key, moment, Arc::clone(&found)));
        Ok(found)
    }

    /// A page of search results; cursor = the last id.
    fn found_page(
        &self,
        found: &[u32],
        query: &Query,
        limit: usize,
        index: &UserIndex<'_>,
    ) -> Result<Page, Answer> {
        let id_of = |place: &u32| self.org.users[*place as usize].facts.id;
        let start = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let id = Id::parse(cursor).ok_or_else(Answer::bad_cursor)?;
                let place = self.org.place(id).ok_or_else(Answer::bad_cursor)?;
                let known = found.iter().position(|found| *found == place);
                // The user at the cursor may have changed and match no longer: go on where it would stand.
                known.map_or_else(|| found.partition_point(|found| id_of(found) <= id), |at| at + 1)
            }
        };
        let rest = found.get(start..).unwrap_or_default().iter().filter_map(|place| index.row(*place));
        Ok(cut(rest.map(|user| (user.facts.id, user.json.clone())), limit, Id::to_string))
    }

    /// `GET /api/v1/groups/{id}/users`: ascending by id; cursor = an id.
    pub(crate) fn members(&self, group: &str, query: &Query) -> Result<Page, Answer> {
        let (place, _) = self.group(group)?;
        let limit = limit(query, self.options.pages.members, self.options.pages.members)?;
        let cursor = match query.get("after") {
            None => None,
            Some(cursor) => Some(Id::parse(cursor).ok_or_else(Answer::bad_cursor)?),
        };
        let rest = self.org.members_after(place, cursor).map(|member| &self.org.users[member as usize]);
        let shown = rest.filter(|user| self.view.user(user.facts.id));
        Ok(cut(shown.map(|user| (user.facts.id, user.json.clone())), limit, Id::to_string))
    }

    /// `GET /api/v1/groups`.
    pub(crate) fn groups(&self, query: &Query) -> Result<Page, Answer> {
        let most = self.options.pages.groups;
        let expression = match (query.get("search"), query.get("filter")) {
            (Some(text), _) => Some((text, Dialect::GroupSearch)),
            (None, Some(text)) => Some((text, Dialect::GroupFilter)),
            (None, None) => None,
        };
        let expression = match expression {
            Some((text, dialect)) => {
                let parsed = Expression::parse(text, dialect).map_err(|why| Answer::bad_search(&why))?;
                Some((parsed, dialect))
            }
            None => None,
        };
        let start = query.get("q").map(str::to_lowercase);
        let size = match start {
            Some(_) => limit(query, most.min(300), most.min(300))?,
            None => limit(query, most, most)?,
        };
        let first = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let at = self.org.groups.iter().position(|group| group_cursor(&group.id) == cursor);
                at.ok_or_else(Answer::bad_cursor)? + 1
            }
        };
        let stats = self.stats(query);
        let matches = |group: &&GroupRow| {
            let by_expression = || match &expression {
                Some((parsed, dialect)) => {
                    parsed.matches(*dialect, &mut |name| self.group_attribute(group, name))
                }
                None => true,
            };
            let by_name = || start.as_ref().is_none_or(|start| group.name.to_lowercase().starts_with(start));
            by_name() && by_expression() && self.view.group(group.id)
        };
        let by_index = matches!(expression, Some((_, Dialect::GroupSearch)));
        let known = self.org.groups_at(self.now, by_index).skip_while(|(place, _)| *place < first);
        let rest = known.filter(|(_, group)| matches(group));
        // Only what is on the page is rendered.
        let found = cut(rest.map(|(place, group)| (group.id, (place, group))), size, group_cursor);
        let render = |(id, (place, group))| (id, self.render(place, group, stats));
        let mut page = Page {
            records: found.records.into_iter().map(render).collect(),
            next: found.next.filter(|_| start.is_none()),
            limit: found.limit,
            linked: start.is_none(),
            forgets: None,
        };
        self.project(&mut page, query);
        Ok(page)
    }

    /// `GET /api/v1/users/{id}/groups`: ascending by id.
    pub(crate) fn groups_of(&self, user: &str, query: &Query) -> Result<Page, Answer> {
        let user = self.user(user)?;
        let limit = limit(query, self.options.pages.user_groups, self.options.pages.user_groups)?;
        // Only the token's owner may be in no list, and then in no group either.
        let groups = self.org.place(user.facts.id).map(|place| self.org.groups_of(place)).unwrap_or_default();
        let id_of = |group: &u32| self.org.groups[*group as usize].id;
        let start = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let id = Id::parse(cursor).ok_or_else(Answer::bad_cursor)?;
                groups.partition_point(|group| id_of(group) <= id)
            }
        };
        let rest =
            groups.get(start..).unwrap_or_default().iter().map(|group| &self.org.groups[*group as usize]);
        let shown = rest.filter(|group| self.view.group(group.id));
        let rendered = shown.map(|group| (group.id, self.org.render_group(group, None, self.now)));
        Ok(cut(rendered, limit, Id::to_string))
    }

    /// `GET /api/v1/users/{id or login}`, whole: it knows no `fields`.
    pub(crate) fn user_single(&self, name: &str) -> Result<(Id, Bytes), Answer> {
        let user = self.user(name)?;
        Ok((user.facts.id, render_single(&user.facts, &user.json, &self.org.base)))
    }

    /// `GET /api/v1/users/me`: whom the token belongs to.
    pub(crate) fn me(&self) -> Result<(Id, Bytes), Answer> {
        let owner = self.org.owner().ok_or_else(Answer::unauthorized)?;
        Ok((owner.facts.id, render_single(&owner.facts, &owner.json, &self.org.base)))
    }

    /// `GET /api/v1/users/{id}/roles`: only the token's owner has one.
    pub(crate) fn roles(&self, user: &str) -> Result<Page, Answer> {
        if self.options.role == Role::Forbidden {
            return Err(Answer::of_status(403));
        }
        let id = self.user(user)?.facts.id;
        let owns = self.org.owner().is_some_and(|owner| owner.facts.id == id);
        let records: Vec<_> =
            owns.then(|| self.options.role.render(id, &self.org.base)).into_iter().collect();
        Ok(Page { limit: records.len(), records, next: None, linked: false, forgets: None })
    }

    /// `GET /api/v1/meta/schemas/user/{id}`, `default` standing for the id that single users link to.
    pub(crate) fn schema(&self, id: &str) -> Result<(Id, Bytes), Answer> {
        let type_id = self.org.type_id;
        match id == "default" || id == schema_id(type_id) {
            true => Ok((type_id, self.org.schema.render(&schema_id(type_id), type_id, &self.org.base))),
            false => Err(Answer::not_found(id, "UserSchema")),
        }
    }

    /// `GET /api/v1/groups/{id}`.
    pub(crate) fn group_single(&self, id: &str, query: &Query) -> Result<(Id, Bytes), Answer> {
        let (place, group) = self.group(id)?;
        Ok((group.id, self.render(place as usize, group, self.stats(query))))
    }

    fn stats(&self, query: &Query) -> bool {
        self.options.stats && query.get("expand").is_some_and(|expand| expand.contains("stats"))
    }

    /// The user of an id or login, or 404.
    pub(crate) fn user(&self, name: &str) -> Result<&UserRow, Answer> {
        let found = self.org.find_user(name).filter(|user| self.view.user(user.facts.id));
        found.or_else(|| self.org.unlisted_owner(name)).ok_or_else(|| Answer::not_found(name, "User"))
    }

    /// The group of an id with its place, or 404.
    pub(crate) fn group(&self, id: &str) -> Result<(u32, &GroupRow), Answer> {
        let found = self.org.find_group(id).filter(|(_, group)| self.view.group(group.id));
        found.ok_or_else(|| Answer::not_found(id, "UserGroup"))
    }

    /// A group's JSON, with `usersCount` as this view counts.
    pub(crate) fn render(&self, place: usize, group: &GroupRow, stats: bool) -> Bytes {
        let count = stats.then(|| {
            let place = super::org::place_of(place);
            let true_count = match self.view.sees_all_users() {
                true => self.org.count_members(place),
                false => {
                    let members = self.org.members(place);
                    members
                        .iter()
                        .filter(|member| self.view.user(self.org.users[**member as usize].facts.id))
                        .count()
                }
            };
            let shown = (true_count as i64 + self.view.count_off).max(0);
            if shown != true_count as i64 {
                self.view.miscounted.set(true);
            }
            shown
        });
        self.org.render_group(group, count, self.now)
    }

    fn group_attribute(&self, group: &GroupRow, name: &str) -> Option<Value> {
        let facts = self.org.group_facts(group, None, self.now);
        if let Some(attribute) = name.strip_prefix("profile.") {
            return group_profile(&facts).get(attribute).cloned();
        }
        let text = match name {
            "id" => facts.id.to_string(),
            "type" => facts.kind.as_str().to_owned(),
            "created" => stamp(facts.created),
            "lastUpdated" => stamp(facts.last_updated),
            "lastMembershipUpdated" => stamp(facts.last_membership_updated),
            "source.id" => match facts.kind {
                super::record::GroupKind::App(app) => app.to_string(),
                _ => return None,
            },
            _ => return None,
        };
        Some(Value::String(text))
    }

    fn project(&self, page: &mut Page, query: &Query) {
        if let Some(fields) = query.get("fields") {
            let projection = Projection::parse(fields);
            for (_, record) in &mut page.records {
                *record = projection.cut(record);
            }
        }
    }
}

/// The cursor of the list of groups: opaque, with signs that a link must encode.
fn group_cursor(id: &Id) -> String {
    base64(&format!("group.{id}"))
}

/// What a search may ask of a user; the profile is read only where it is named.
struct UserAttributes<'a> {
    user: &'a UserRow,
    profile: Option<Rc<super::record::Profile>>,
}

impl UserAttributes<'_> {
    fn get(&mut self, name: &str) -> Option<Value> {
        let facts = &self.user.facts;
        let time = match name {
            "id" => return Some(facts.id.as_str().into()),
            "status" => return Some(facts.status.to_string().into()),
            "type.id" => return Some(facts.type_id.as_str().into()),
            "profile.login" => return Some((*self.user.login).into()),
            "created" => Some(facts.stamps.created),
            "activated" => facts.stamps.activated,
            "statusChanged" => facts.stamps.status_changed,
            "lastUpdated" => Some(facts.stamps.last_updated),
            _ => {
                let attribute = name.strip_prefix("profile.")?;
                let profile = self.profile.get_or_insert_with(|| Rc::new(self.user.profile()));
                return profile.get(attribute).cloned();
            }
        };
        time.map(|seconds| stamp(seconds).into())
    }
}

/// Takes one page off a list; there is a next one only if something is left.
pub(crate) fn cut<R>(
    mut list: impl Iterator<Item = (Id, R)>,
    limit: usize,
    cursor: impl Fn(&Id) -> String,
) -> Page<R> {
    let mut records = Vec::with_capacity(limit.min(1000));
    records.extend(list.by_ref().take(limit));
    let next = match list.next() {
        Some(_) => records.last().map(|(id, _)| cursor(id)),
        None => None,
    };
    Page { records, next, limit, linked: true, forgets: None }
}

/// The limit in force: the one asked for, cut to what the endpoint gives at most.
pub(crate) fn limit(query: &Query, default: usize, most: usize) -> Result<usize, Answer> {
    match query.get("limit") {
        None => Ok(default.clamp(1, most)),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(most)),
            _ => Err(Answer::error(
                400,
                "E0000001",
                "Api validation failed: limit",
                Some("limit: must be a positive number"),
            )),
        },
    }
}
