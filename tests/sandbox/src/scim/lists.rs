//! Lists: who is found, and which page of them is told (RFC 7644, section 3.4.2).

use serde_json::{Value, json};

use super::Scim;
use super::answer::{Outcome, Refusal, scim};
use super::dialect::{Dialect, Filtering, ItemsPerPage, Paging};
use super::filter::{Comparison, Filter};
use super::lookup::Field;
use super::matching::Matcher;
use super::projection::Projection;
use super::render::View;
use super::schema;
use crate::product::{Id, Reply, Request, World};

/// What a list is asked for with, in the query or in the body of a search.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    filter: Option<String>,
    start: Option<i64>,
    count: Option<i64>,
    projection: Projection,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Users,
    Groups,
}

impl Asked {
    /// Reads the parameters of a GET.
    pub(super) fn by_query(request: &Request, dialect: &Dialect) -> Outcome<Self> {
        let number =
            |name: &str| request.parameter(name).map(|text| number(name, text.parse().ok())).transpose();
        Ok(Self {
            filter: request.parameter("filter").map(str::to_owned),
            start: number("startIndex")?,
            count: number("count")?,
            projection: projection(request, dialect)?,
        })
    }

    /// Reads the body of a search (RFC 7644, section 3.4.3).
    pub(super) fn by_body(body: &Value, dialect: &Dialect) -> Outcome<Self> {
        let number = |name: &str| body.get(name).map(|value| number(name, value.as_i64())).transpose();
        let names = |name: &str| {
            let names = body.get(name)?.as_array()?.iter().filter_map(Value::as_str);
            Some(names.collect::<Vec<_>>().join(","))
        };
        let (only, without) = (names("attributes"), names("excludedAttributes"));
        Ok(Self {
            filter: body.get("filter").and_then(Value::as_str).map(str::to_owned),
            start: number("startIndex")?,
            count: number("count")?,
            projection: Projection::read(only.as_deref(), without.as_deref(), dialect)?,
        })
    }

    /// The first one and the number of them that are wanted. A negative count is 0, a start below 1 is 1.
    fn window(&self, total: usize, dialect: &Dialect) -> Window {
        let natural = |number: i64| usize::try_from(number).unwrap_or(0);
        let asked = self.count.map_or(dialect.page_size, natural);
        let most = dialect.max_results.unwrap_or(usize::MAX);
        let window = Window { start: self.start.map_or(1, natural).max(1), count: asked.min(most), asked };
        let first = Window { start: 1, count: dialect.page_size, asked: dialect.page_size };
        match dialect.paging {
            Paging::FirstPageOnly => first,
            // Not recorded: which resources come past the end.
            Paging::RestartsPastEnd if window.start > total && window.count > 0 => {
                Window { start: window.start, count: dialect.page_size, asked }
            }
            Paging::RestartsPastEnd | Paging::Correct => window,
        }
    }
}

/// Reads `attributes` and `excludedAttributes` of a query.
pub(super) fn projection(request: &Request, dialect: &Dialect) -> Outcome<Projection> {
    Projection::read(request.parameter("attributes"), request.parameter("excludedAttributes"), dialect)
}

fn number(name: &str, number: Option<i64>) -> Outcome<i64> {
    number.ok_or_else(|| Refusal::value(format!("Input should be a valid integer: {name}")))
}

/// A page.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: usize,
    count: usize,
    asked: usize,
}

impl Window {
    /// How many come before the page, of so many in all.
    fn skipped(&self, total: usize, dialect: &Dialect) -> usize {
        let before = self.start - 1;
        match dialect.paging {
            Paging::RestartsPastEnd if before >= total => 0,
            // The page begins with the last one of the page before.
            _ if dialect.repeats_across_pages && self.start > 1 => before - 1,
            _ => before,
        }
    }
}

/// Who fits a filter.
enum Found {
    All,
    Some(Vec<Id>),
}

impl Scim {
    /// Answers a list of one kind, or of both.
    pub(super) fn list(
        &mut self,
        kinds: &[Kind],
        asked: &Asked,
        request: &Request,
        world: &World,
    ) -> Outcome<Reply> {
        let mut found = Vec::new();
        for kind in kinds {
            found.push((*kind, self.find(*kind, asked.filter.as_deref(), world)?));
        }
        let total = found.iter().map(|(kind, found)| self.count(*kind, found, world)).sum();
        let window = asked.window(total, &self.dialect);
        let (mut skip, mut room) = (window.skipped(total, &self.dialect), window.count);
        let view = View { scim: self, world, request };
        let mut page = Vec::new();
        for (kind, found) in &found {
            let length = self.count(*kind, found, world);
            let ids = self.page(*kind, found, skip, room, world);
            skip = skip.saturating_sub(length);
            room -= ids.len();
            page.extend(ids.into_iter().filter_map(|id| view.listed(*kind, id, &asked.projection)));
        }
        Ok(scim(200, &self.list_body(total, window, page)))
    }

    fn list_body(&self, total: usize, window: Window, page: Vec<Value>) -> Value {
        let drift = if window.start > 1 { self.dialect.total_drift } else { 0 };
        let items = match self.dialect.items_per_page {
            ItemsPerPage::Returned => page.len(),
            ItemsPerPage::Asked => window.asked,
        };
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": i64::try_from(total).unwrap_or(i64::MAX).saturating_add(drift).max(0),
            "startIndex": window.start, "itemsPerPage": items, "Resources": page,
        })
    }

    fn count(&self, kind: Kind, found: &Found, world: &World) -> usize {
        match (found, kind) {
            (Found::Some(ids), _) => ids.len(),
            (Found::All, Kind::Users) => world.users().len().saturating_sub(self.ledger.hidden()),
            (Found::All, Kind::Groups) => world.groups().len(),
        }
    }

    fn page(&self, kind: Kind, found: &Found, skip: usize, room: usize, world: &World) -> Vec<Id> {
        match (found, kind) {
            (Found::Some(ids), _) => ids.iter().copied().skip(skip).take(room).collect(),
            (Found::All, Kind::Groups) => world.groups().keys().copied().skip(skip).take(room).collect(),
            (Found::All, Kind::Users) => world
                .users()
                .keys()
                .copied()
                .filter(|id| self.ledger.shows(*id))
                .skip(skip)
                .take(room)
                .collect(),
        }
    }

    /// Finds out who fits a filter.
    fn find(&mut self, kind: Kind, filter: Option<&str>, world: &World) -> Outcome<Found> {
        let Some(text) = filter else { return Ok(Found::All) };
        if let Filtering::Refused(status) = self.dialect.filtering {
            let kind = if status == 400 { "invalidFilter" } else { "" };
            return Err(Refusal::new(status, kind, "Filters are not supported"));
        }
        let no_filter = || Refusal::bad("invalidFilter", format!("'{text}' is no filter"));
        let filter = Filter::read(text).ok_or_else(no_filter)?;
        if self.dialect.filtering == Filtering::SingleEquals && !is_single_equals(&filter, kind) {
            return Err(Refusal::bad("invalidFilter", format!("'{text}' is not supported as a filter")));
        }
        if kind == Kind::Groups && !self.dialect.members_equal && compares_members_themselves(&filter) {
            return Err(Refusal::bad("invalidFilter", "members is a complex attribute"));
        }
        let model = match kind {
            Kind::Users => schema::users(&self.dialect),
            Kind::Groups => schema::groups(),
        };
        let candidates = self.candidates(kind, &filter, world);
        let matcher = Matcher::resources(&filter, model, &self.dialect)?;
        let all = candidates.unwrap_or_else(|| match kind {
            Kind::Users => world.users().keys().copied().collect(),
            Kind::Groups => world.groups().keys().copied().collect(),
        });
        let request = Request::default();
        let view = View { scim: self, world, request: &request };
        let fits = |id: &Id| view.whole(kind, *id).is_some_and(|resource| matcher.fits(&resource));
        Ok(Found::Some(all.into_iter().filter(fits).collect()))
    }

    /// Who may fit, where an index can tell; sorted by id.
    fn candidates(&mut self, kind: Kind, filter: &Filter, world: &World) -> Option<Vec<Id>> {
        let (name, text) = match filter {
            Filter::And(left, right) => {
                return self.candidates(kind, left, world).or_else(|| self.candidates(kind, right, world));
            }
            Filter::Compare(name, Comparison::Equal, Value::String(text)) => (name, text),
            _ => return None,
        };
        if kind == Kind::Groups && name.is("members") {
            let user = self.ledger.read(text)?;
            let has = |id: &Id| self.ledger.extras.get(id).is_some_and(|extras| !extras.loose.is_empty());
            let groups = world.groups().iter();
            let groups = groups.filter(|(id, group)| {
                group.members.contains(&user) || group.children.contains(&user) || has(id)
            });
            return Some(groups.map(|(id, _)| *id).collect());
        }
        let field = match (kind, name.attribute.to_ascii_lowercase().as_str()) {
            (_, "id") => return Some(self.ledger.read(text).into_iter().collect()),
            (Kind::Users, "username") | (Kind::Groups, "displayname") => Field::Name,
            (_, "externalid") => Field::ExternalId,
            (Kind::Users, "emails") if name.is("emails") => Field::Email,
            _ => return None,
        };
        let found = match kind {
            Kind::Users => self.lookup.users(field, text, world),
            Kind::Groups => self.lookup.groups(field, text, world),
        };
        Some(found.into_iter().collect())
    }
}

/// Whether a filter is one `eq` on an attribute that Atlassian's documentation names.
fn is_single_equals(filter: &Filter, kind: Kind) -> bool {
    let names: &[&str] = match kind {
        Kind::Users => &["userName", "externalId"],
        Kind::Groups => &["displayName"],
    };
    let Filter::Compare(name, Comparison::Equal, Value::String(_)) = filter else { return false };
    name.urn.is_none()
        && name.part.is_none()
        && names.iter().any(|known| name.attribute.eq_ignore_ascii_case(known))
}

/// Whether a filter has `members eq`, where `members.value eq` would be right.
fn compares_members_themselves(filter: &Filter) -> bool {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => {
            compares_members_themselves(left) || compares_members_themselves(right)
        }
        Filter::Not(inner) => compares_members_themselves(inner),
        Filter::Compare(name, ..) => name.part.is_none() && name.is("members"),
        Filter::Present(_) | Filter::Within(..) => false,
    }
}

impl View<'_> {
    /// A resource as a list has it.
    fn listed(&self, kind: Kind, id: Id, projection: &Projection) -> Option<Value> {
        let document = match kind {
            Kind::Users => self.user(id, self.world.users().get(&id)?),
            Kind::Groups => {
                let with_members = self.scim.dialect.members_in_lists && projection.shows("members");
                self.group(id, self.world.groups().get(&id)?, with_members)
            }
        };
        Some(Value::Object(projection.of(document)))
    }

    /// All of a resource, for filters.
    fn whole(&self, kind: Kind, id: Id) -> Option<Value> {
        let document = match kind {
            Kind::Users => self.user(id, self.world.users().get(&id).filter(|_| self.scim.ledger.shows(id))?),
            Kind::Groups => self.group(id, self.world.groups().get(&id)?, true),
        };
        Some(Value::Object(document))
    }
}
