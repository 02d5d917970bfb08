//! What searches and filters look at, and what they have found.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::answer::Answer;
use super::app::Assignment;
use super::id::Id;
use super::lag::UserIndex;
use super::lists::{Lists, Page, cut};
use super::org::{GroupRow, UserRow};
use super::query::{Query, base64, unbase64};
use super::record::{GroupKind, Profile, group_profile};
use super::search::{Dialect, Expression, Present};

/// Results of the last searches, as long as the org does not change: each of their pages would cost a full search.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    kept: VecDeque<(String, Moment, Arc<Vec<u32>>)>,
    /// The users of the application that was asked for last.
    pub(crate) app_users: Option<(u32, u64, Arc<Vec<Assignment>>)>,
}

/// The org's revision, and how many of its changes the search index has not seen.
type Moment = (u64, usize);

/// The order that a search asks for.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    attribute: Option<&'a str>,
    descending: bool,
}

impl<'a> Order<'a> {
    /// Reads `sortBy` and `sortOrder`, which belong to `search` alone.
    pub(crate) fn of(query: &'a Query, searches: bool) -> Self {
        let attribute = query.get("sortBy").filter(|_| searches);
        let falling =
            |order: &str| order.eq_ignore_ascii_case("desc") || order.eq_ignore_ascii_case("descending");
        Self { attribute, descending: query.get("sortOrder").is_some_and(falling) }
    }

    pub(crate) fn is_given(&self) -> bool {
        self.attribute.is_some()
    }

    /// Sorts what was found, by id so far; what is equal keeps that order.
    pub(crate) fn sort<T>(&self, found: &mut [T], attribute: impl Fn(&T, &str) -> Option<Present>) {
        let Some(name) = self.attribute else { return };
        let key = |item: &T| match attribute(item, name) {
            Some(Present::Moment(moment)) => Some((moment, String::new())),
            Some(Present::Json(value)) => Some((0, value.to_string().to_lowercase())),
            None => None,
        };
        if self.descending {
            found.sort_by_cached_key(|item| std::cmp::Reverse(key(item)));
        } else {
            found.sort_by_cached_key(key);
        }
    }
}

impl Lists<'_> {
    /// The places of the users that match, ascending by id or in the order that is asked for.
    pub(crate) fn find_users(
        &self,
        text: &str,
        dialect: Dialect,
        order: &Order<'_>,
        index: &UserIndex<'_>,
        searches: &mut Searches,
    ) -> Result<Arc<Vec<u32>>, Answer> {
        let key = format!("{dialect:?} {} {order:?} {text}", self.view.users);
        let moment = (self.org.revision, self.org.user_lag.unseen(self.now));
        let known = searches.kept.iter().find(|(kept, at, _)| *kept == key && *at == moment);
        if let Some((_, _, found)) = known {
            return Ok(Arc::clone(found));
        }
        let expression =
            Expression::parse(text, dialect).map_err(|why| Answer::bad_search(&why.to_string()))?;
        let mut found: Vec<u32> = Vec::new();
        let places = match (expression.only_ids(), expression.not_before("lastUpdated")) {
            (Some(ids), _) => index.places_of(&ids).into(),
            (None, Some(moment)) => index.changed_since(moment).into(),
            (None, None) => index.places(),
        };
        for place in places.iter() {
            let Some(user) = index.row(*place) else { continue };
            let mut attributes = UserAttributes { user, profile: None };
            let matches = expression.matches(dialect, &mut |name| attributes.get(name));
            if matches && self.view.user(user.facts.id) {
                found.push(*place);
            }
        }
        order.sort(&mut found, |place, name| {
            UserAttributes { user: index.row(*place)?, profile: None }.get(name)
        });
        let found = Arc::new(found);
        searches.kept.truncate(7);
        searches.kept.push_front((key, moment, Arc::clone(&found)));
        Ok(found)
    }

    /// A page of search results; cursor = the last id.
    pub(crate) fn found_page(
        &self,
        found: &[u32],
        query: &Query,
        order: &Order<'_>,
        limit: usize,
        index: &UserIndex<'_>,
    ) -> Result<Page, Answer> {
        let id_of = |place: &u32| self.org.users[*place as usize].facts.id;
        let start = match query.get("after") {
            None => 0,
            Some(cursor) => {
                let id = Id::parse(cursor).ok_or_else(Answer::bad_cursor)?;
                let place = self.org.place(id).ok_or_else(Answer::bad_cursor)?;
                let sorted = order.is_given().then(|| found.iter().position(|found| *found == place));
                // The user at the cursor may have changed and match no longer: go on where it would stand.
                let by_id = || found.partition_point(|found| id_of(found) <= id);
                sorted.flatten().map_or_else(by_id, |at| at + 1)
            }
        };
        let rest = found.get(start..).unwrap_or_default().iter().filter_map(|place| index.row(*place));
        Ok(cut(rest.map(|user| (user.facts.id, user.json.clone())), limit, Id::to_string))
    }

    /// What a search may ask of a group.
    pub(crate) fn group_attribute(&self, group: &GroupRow, name: &str) -> Option<Present> {
        let facts = self.org.group_facts(group, None, self.now);
        let text = match name {
            "id" => facts.id.to_string(),
            "type" => facts.kind.as_str().to_owned(),
            "created" => return Some(Present::Moment(facts.created * 1000)),
            "lastUpdated" => return Some(Present::Moment(facts.last_updated * 1000)),
            "lastMembershipUpdated" => return Some(Present::Moment(facts.last_membership_updated * 1000)),
            "source.id" => match facts.kind {
                GroupKind::App(app) => app.to_string(),
                _ => return None,
            },
            "profile.name" => facts.name.to_owned(),
            _ => {
                let attribute = name.strip_prefix("profile.")?;
                return group_profile(&facts).get(attribute).cloned().map(Present::Json);
            }
        };
        Some(Present::Json(Value::String(text)))
    }
}

/// The cursor of the list of groups: opaque, with signs that a link must encode.
pub(crate) fn group_cursor(id: &Id) -> String {
    base64(&format!("group.{id}"))
}

/// The id in such a cursor.
pub(crate) fn group_of_cursor(cursor: &str) -> Option<Id> {
    Id::parse(unbase64(cursor)?.strip_prefix("group.")?)
}

/// What a search may ask of a user; the profile is read only where it is named.
struct UserAttributes<'a> {
    user: &'a UserRow,
    profile: Option<Rc<Profile>>,
}

impl UserAttributes<'_> {
    fn get(&mut self, name: &str) -> Option<Present> {
        let facts = &self.user.facts;
        let moment = |seconds: i64| Present::Moment(seconds * 1000);
        let text = match name {
            "id" => facts.id.as_str(),
            "status" => facts.status.as_str(),
            "type.id" => facts.type_id.as_str(),
            "profile.login" => &self.user.login,
            "created" => return Some(moment(facts.stamps.created)),
            "activated" => return facts.stamps.activated.map(moment),
            "statusChanged" => return facts.stamps.status_changed.map(moment),
            "lastUpdated" => return Some(moment(facts.stamps.last_updated)),
            _ => {
                let attribute = name.strip_prefix("profile.")?;
                let profile = self.profile.get_or_insert_with(|| Rc::new(self.user.profile()));
                return profile.get(attribute).cloned().map(Present::Json);
            }
        };
        Some(Present::Json(text.into()))
    }
}
