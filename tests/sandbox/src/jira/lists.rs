//! The lists: `user/search`, `user/list`, `groups/picker`.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{Jira, bean, refuse};
use crate::product::{Id, Reply, Request, User, World};

impl Jira {
    /// `GET user/search`: an array and nothing else. Not published: the order; here that of creation.
    pub(super) fn search_users(&self, request: &Request, world: &World) -> Reply {
        let Some(text) = request.parameter("username") else {
            return refuse::message(400, "The username query parameter was not provided");
        };
        let start = request.number("startAt").unwrap_or(0);
        let end = self.version.search_end(start, request.number("maxResults").unwrap_or(50));
        let (active, inactive) =
            (bean::flag(request, "includeActive", true), bean::flag(request, "includeInactive", false));
        let wanted = Wanted::of(text);
        let found = world.users().iter().filter(|(_, user)| {
            (if user.active { active } else { inactive }) && wanted.as_ref().is_some_and(|it| it.is(user))
        });
        let api = self.api(request);
        let page = found.skip(start).take(end.saturating_sub(start));
        let page: Vec<Value> = page.map(|(id, user)| bean::user(&api, *id, user)).collect();
        Reply::json(200, &json!(page))
    }

    /// `GET user/list`: everybody, active or not, in an undefined order (here the newest first), without a total. The
    /// documentation promises that no cursor leads to a 404; not published is what an unreadable one leads to.
    pub(super) fn list_users(&self, request: &Request, world: &World) -> Reply {
        let most = request.number("maxResults").unwrap_or(self.list_cap).clamp(1, self.list_cap.max(1));
        let before = match request.parameter("cursor").and_then(|cursor| cursor.parse::<Id>().ok()) {
            Some(cursor) => Bound::Excluded(cursor),
            None => Bound::Unbounded,
        };
        let mut rest = world.users().range((Bound::Unbounded, before)).rev();
        let page: Vec<(&Id, &User)> = rest.by_ref().take(most).collect();
        let (api, is_last) = (self.api(request), rest.next().is_none());
        let link = |cursor: &str| format!("{api}/user/list?cursor={cursor}&maxResults={most}");
        let values: Vec<Value> = page.iter().map(|(id, user)| bean::user(&api, **id, user)).collect();
        let own = request.parameter("cursor").map(bean::encode).unwrap_or_default();
        let mut body = json!({ "self": link(&own), "maxResults": most, "isLast": is_last, "values": values });
        if let Some((last, _)) = page.last().filter(|_| !is_last) {
            body["nextCursor"] = json!(last.to_string());
            body["nextPage"] = json!(link(&last.to_string()));
        }
        Reply::json(200, &body)
    }

    /// `GET groups/picker`: what a person sees who types a part of a name, unique and sorted.
    pub(super) fn pick_groups(&self, request: &Request, world: &World) -> Reply {
        let query = request.parameter("query").unwrap_or_default().to_lowercase();
        let excluded: Vec<String> = request
            .query
            .iter()
            .filter(|(name, _)| name == "exclude")
            .map(|(_, group)| group.to_lowercase())
            .collect();
        let names = world.groups().values().map(|group| (group.name.to_lowercase(), &group.name));
        let mut found: Vec<(String, &String)> =
            names.filter(|(name, _)| name.contains(&query) && !excluded.contains(name)).collect();
        found.sort_unstable();
        let most = request.number("maxResults").filter(|asked| *asked > 0);
        let most = most.unwrap_or(self.picker_cap).min(self.picker_cap);
        let shown: Vec<Value> = found
            .iter()
            .take(most)
            .map(|(_, name)| json!({ "name": name, "html": highlighted(name, &query), "labels": [] }))
            .collect();
        picked(found.len(), shown)
    }
}

/// What `groups/picker` shows to strangers.
pub(super) fn no_groups() -> Reply {
    picked(0, Vec::new())
}

fn picked(total: usize, shown: Vec<Value>) -> Reply {
    let header = format!("Showing {} of {total} matching groups", shown.len());
    Reply::json(200, &json!({ "header": header, "total": total, "groups": shown }))
}

/// The name as HTML, with what was typed in bold.
fn highlighted(name: &str, query: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let place = name.to_lowercase().find(query).filter(|_| name.is_ascii() && !query.is_empty());
    let parts = place.and_then(|at| {
        let (before, rest) = name.split_at_checked(at)?;
        let (bold, after) = rest.split_at_checked(query.len())?;
        Some((before, bold, after))
    });
    match parts {
        Some((before, bold, after)) => {
            format!("{}<b>{}</b>{}", escaped(before), escaped(bold), escaped(after))
        }
        None => escaped(name),
    }
}

/// Whom a search is for.
enum Wanted {
    Everybody,
    /// The beginning, in lower case, of a name, of an address, or of a word of a full name.
    Beginning(String),
}

impl Wanted {
    /// Not published: that a single point finds everybody, as clients use it, and that nothing finds nobody.
    fn of(text: &str) -> Option<Self> {
        match text.trim() {
            "" => None,
            "." => Some(Self::Everybody),
            _ => Some(Self::Beginning(text.to_lowercase())),
        }
    }

    fn is(&self, user: &User) -> bool {
        let Self::Beginning(beginning) = self else { return true };
        let full_name = user.display_name.to_lowercase();
        user.name.to_lowercase().starts_with(beginning)
            || user.email.to_lowercase().starts_with(beginning)
            || full_name.starts_with(beginning)
            || full_name.split_whitespace().any(|word| word.starts_with(beginning))
    }
}
