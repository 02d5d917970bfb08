//! The lists: which records a page holds and where the next one begins.

use hyper::body::Bytes;

use super::answer::Answer;
use super::finding::{Order, Searches, group_cursor, group_of_cursor};
use super::id::Id;
use super::lag::UserIndex;
use super::org::{GroupRow, Org, UserRow};
use super::projection::Projection;
use super::query::Query;
use super::record::{render_single, without_provider};
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

impl Page {
    /// The page as the `skinny_users` endpoints give it.
    pub(crate) fn slim(mut self) -> Self {
        for (_, record) in &mut self.records {
            *record = without_provider(record);
        }
        self
    }
}

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
                let order = Order::of(query, dialect == Dialect::UserSearch);
                let index = UserIndex::at(self.org, self.now);
                let found = self.find_users(text, dialect, &order, &index, searches)?;
                self.found_page(&found, query, &order, limit(query, most, most)?, &index)?
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
                let parsed =
                    Expression::parse(text, dialect).map_err(|why| Answer::bad_search(&why.to_string()))?;
                Some((parsed, dialect))
            }
            None => None,
        };
        let start = query.get("q").map(str::to_lowercase);
        let size = match start {
            Some(_) => limit(query, most.min(300), most.min(300))?,
            None => limit(query, most, most)?,
        };
        let behind = match query.get("after") {
            None => None,
            Some(cursor) => {
                let place = group_of_cursor(cursor).and_then(|id| self.org.group_place(id));
                Some(place.ok_or_else(Answer::bad_cursor)? as usize)
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
        let order = Order::of(query, matches!(expression, Some((_, Dialect::GroupSearch))));
        let first = if order.is_given() { 0 } else { behind.map_or(0, |place| place + 1) };
        let known = self.org.groups_at(self.now, first, expression.is_some());
        let rest = known.filter(|(_, group)| matches(group));
        // Only what is on the page is rendered.
        let found = match order.is_given() {
            false => cut(rest.map(|(place, group)| (group.id, (place, group))), size, group_cursor),
            true => {
                let mut found: Vec<_> = rest.collect();
                found.sort_unstable_by_key(|(_, group)| group.id);
                order.sort(&mut found, |(_, group), name| self.group_attribute(group, name));
                let at = behind.and_then(|place| found.iter().position(|(found, _)| *found == place));
                let rest = found.drain(at.map_or(0, |at| at + 1)..);
                cut(rest.map(|(place, group)| (group.id, (place, group))), size, group_cursor)
            }
        };
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

    fn project(&self, page: &mut Page, query: &Query) {
        if let Some(fields) = query.get("fields") {
            let projection = Projection::parse(fields);
            for (_, record) in &mut page.records {
                *record = projection.cut(record);
            }
        }
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
