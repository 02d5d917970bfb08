//! Faults at random, of every kind that the stand-in knows, and which of them together are lies that no client can see
//! through.

use std::time::Duration;

use fastrand::Rng;
use sandbox::okta::{Broken, Fault, FaultId, FaultKind, Route};

use super::rules::Rules;
use super::truth::Truth;

/// All kinds. Left out is only the 429 that names the end of a window: it is waited for, in real time.
pub(crate) const KINDS: [&str; 41] = [
    "status 400",
    "status 401",
    "status 403",
    "status 404",
    "status 500",
    "status 502",
    "status 503",
    "status 504",
    "too many at once",
    "single record not found",
    "group vanishes",
    "members missing",
    "reset",
    "close",
    "stall",
    "delay",
    "slow body",
    "cut body",
    "cut chunked",
    "half json",
    "html page",
    "redirect",
    "oversized",
    "same next",
    "endless next",
    "endless empty",
    "stale cursor",
    "other host",
    "empty list",
    "short list",
    "record without id",
    "profile of wrong type",
    "unknown status",
    "null record",
    "record twice",
    "skipped record",
    "narrowed view",
    "count off",
    "no rate headers",
    "zero limit",
    "reset in past",
];

/// A fault that is to be switched on.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) kind: &'static str,
    route: Route,
    /// How often at most.
    times: Option<u64>,
    pub(crate) fault: Fault,
}

/// A fault that is on.
pub(crate) struct Armed {
    pub(crate) kind: &'static str,
    pub(crate) id: FaultId,
}

impl Planned {
    pub(crate) fn random(rng: &mut Rng, kind: &'static str, rules: &Rules, truth: &Truth) -> Self {
        let crowded = truth.groups.iter().filter(|(_, it)| !it.everyone && !it.members.is_empty());
        let group = pick(rng, crowded.map(|(id, _)| id));
        // Where there is no such group, something else goes wrong.
        let kind = match kind {
            "group vanishes" | "members missing" if group.is_none() => "status 503",
            other => other,
        };
        let by_app = rules.asked.app.is_some();
        let (on, route): (Option<Fault>, Route) = match kind {
            "group vanishes" => (group.as_deref().map(Fault::group_vanishes), Route::Group),
            "members missing" => (group.as_deref().map(Fault::members_missing), Route::Members),
            "single record not found" => {
                let routes: &[Route] = match by_app {
                    true => &[Route::User, Route::Group, Route::AppUser, Route::AppGroup],
                    false => &[Route::User, Route::Group],
                };
                (None, *rng.choice(routes).unwrap())
            }
            "count off" => (None, Route::Groups),
            _ => (None, route(rng, kind, by_app, !rules.required.is_empty())),
        };
        let times = match kind {
            "oversized" | "slow body" | "delay" | "stall" => Some(rng.u64(1..3)),
            _ => *rng.choice(&[Some(1), Some(1), Some(2), Some(5), None, None]).unwrap(),
        };
        let mut fault = match on {
            Some(fault) => fault,
            None => Fault::on(route).kind(fault_kind(rng, kind)),
        };
        if let Some(times) = times {
            fault = fault.times(times);
        }
        if rng.u8(..3) == 0 && kind != "group vanishes" {
            fault = fault.after(rng.u64(1..4));
        }
        let of_record = matches!(
            kind,
            "skipped record"
                | "record without id"
                | "profile of wrong type"
                | "unknown status"
                | "null record"
        );
        if of_record && rng.bool() {
            let of_groups = matches!(route, Route::Groups | Route::Group | Route::AppGroups);
            let user = || pick(&mut rng.clone(), truth.users.keys());
            if let Some(id) = if of_groups { group } else { user() } {
                fault = fault.record(&id);
            }
        }
        Self { kind, route, times, fault }
    }

    /// Leaves out of a list what exists, without a sign of it.
    fn omits(&self, route: Route) -> bool {
        matches!(self.kind, "empty list" | "short list" | "skipped record") && self.meets(route)
    }

    /// Says of a single record that it does not exist.
    fn denies(&self, routes: &[Route]) -> bool {
        let denies = matches!(self.kind, "single record not found" | "group vanishes");
        denies && routes.iter().any(|route| self.meets(*route))
    }

    fn meets(&self, route: Route) -> bool {
        self.route == route || self.route == Route::Any
    }
}

/// Where a fault of this kind makes sense: mostly on lists.
fn route(rng: &mut Rng, kind: &str, by_app: bool, asks_users: bool) -> Route {
    let paged = matches!(
        kind,
        "same next" | "endless next" | "endless empty" | "stale cursor" | "other host" | "short list"
    );
    match rng.u8(..20) {
        0 if !paged => Route::Org,
        1 => Route::Any,
        2 | 3 if !paged => *rng.choice(&[Route::User, Route::Group]).unwrap(),
        4 | 5 if asks_users => Route::UserGroups,
        6..10 if by_app => {
            let apps = [Route::AppUsers, Route::AppUsers, Route::AppGroups, Route::AppUser, Route::AppGroup];
            *rng.choice(&apps).unwrap()
        }
        // What a list of groups leaves out has the worst consequences.
        _ if matches!(kind, "empty list" | "short list" | "skipped record") => {
            *rng.choice(&[Route::Users, Route::Groups, Route::Groups, Route::Members]).unwrap()
        }
        _ => *rng.choice(&[Route::Users, Route::Groups, Route::Members]).unwrap(),
    }
}

fn fault_kind(rng: &mut Rng, kind: &str) -> FaultKind {
    match kind {
        "status 400" => FaultKind::Status(400),
        "status 401" => FaultKind::Status(401),
        "status 403" => FaultKind::Status(403),
        "status 404" => FaultKind::Status(404),
        "status 500" => FaultKind::Status(500),
        "status 502" => FaultKind::Status(502),
        "status 503" => FaultKind::Status(503),
        "status 504" => FaultKind::Status(504),
        "too many at once" => FaultKind::TooManyAtOnce,
        "single record not found" => FaultKind::NotFound,
        "reset" => FaultKind::Reset,
        "close" => FaultKind::Close,
        "stall" => FaultKind::Stall,
        "delay" => FaultKind::Delay(Duration::from_millis(5)),
        "slow body" => FaultKind::SlowBody { bytes: 400, every: Duration::from_millis(1) },
        "cut body" => FaultKind::CutBody,
        "cut chunked" => FaultKind::CutChunked,
        "half json" => FaultKind::HalfJson,
        "html page" => FaultKind::HtmlPage,
        "redirect" => FaultKind::Redirect("https://portal.example.net/login".to_owned()),
        "oversized" => FaultKind::Oversized(65 << 20),
        "same next" => FaultKind::SameNext,
        "endless next" => FaultKind::EndlessNext,
        "endless empty" => FaultKind::EndlessEmpty,
        "stale cursor" => FaultKind::StaleCursor,
        "other host" => FaultKind::OtherHost("https://elsewhere.example.com".to_owned()),
        "empty list" => FaultKind::EmptyList,
        "short list" => FaultKind::ShortList(rng.usize(1..4)),
        "record without id" => FaultKind::BrokenRecord(Broken::WithoutId),
        "profile of wrong type" => FaultKind::BrokenRecord(Broken::ProfileOfWrongType),
        "unknown status" => FaultKind::BrokenRecord(Broken::UnknownStatus),
        "null record" => FaultKind::BrokenRecord(Broken::Null),
        "record twice" => FaultKind::BrokenRecord(Broken::Twice),
        "skipped record" => FaultKind::Skip,
        "narrowed view" => {
            let mut share = || *rng.choice(&[20, 50, 80, 95, 100]).unwrap();
            FaultKind::Narrowed { users: share(), groups: share() }
        }
        "count off" => FaultKind::CountOff(*rng.choice(&[-40, -3, -2, -1, 1, 3]).unwrap()),
        "no rate headers" => FaultKind::NoRateHeaders,
        "zero limit" => FaultKind::ZeroLimit,
        "reset in past" => FaultKind::ResetInPast,
        other => panic!("{other} is made elsewhere"),
    }
}

fn pick<'a>(rng: &mut Rng, ids: impl Iterator<Item = &'a String>) -> Option<String> {
    rng.choice(ids.collect::<Vec<_>>()).cloned()
}

/// Whether single users are said not to exist.
pub(crate) fn denies_users(faults: &[Planned]) -> bool {
    faults.iter().any(|fault| fault.denies(&[Route::User, Route::AppUser]))
}

/// Whether a list left out groups that exist.
pub(crate) fn omits_groups(faults: &[Planned]) -> bool {
    faults.iter().any(|fault| fault.omits(Route::Groups) || fault.omits(Route::AppGroups))
}

/// A search is asked twice, for its list and for who is missing in it: once may be wrong, twice is a lie.
fn omits_twice(faults: &[Planned], route: Route) -> bool {
    let times = faults.iter().filter(|fault| fault.omits(route)).map(|fault| fault.times.unwrap_or(99));
    times.sum::<u64>() > 1
}

/// Whether these faults together can be the same untruth about who is in scope: said in a list, and to every question after
/// it.
pub(crate) fn is_lie_about_users(faults: &[Planned], rules: &Rules) -> bool {
    let omits = |route: Route| faults.iter().any(|fault| fault.omits(route));
    let hides_groups = [Route::Groups, Route::AppGroups, Route::Members].into_iter().any(omits);
    let denies_app = faults.iter().any(|fault| fault.denies(&[Route::AppGroup]));
    faults.iter().any(|fault| fault.kind == "narrowed view")
        || (rules.asked.department.is_some() && omits_twice(faults, Route::Users))
        || (denies_users(faults) && (omits(Route::Users) || omits(Route::AppUsers)))
        || (!rules.required.is_empty()
            && ((hides_groups && omits(Route::UserGroups))
                || (rules.asked.group_prefix.is_some() && omits_twice(faults, Route::Groups))
                || (omits(Route::AppGroups) && denies_app)))
}

/// Whether these faults together can be the same untruth wherever Okta is asked: then a client has nothing to hold
/// against it, and only limits protect.
pub(crate) fn is_lie(faults: &[Planned], rules: &Rules, counts_members: bool) -> bool {
    let has = |kind: &str| faults.iter().any(|fault| fault.kind == kind);
    let omits = |route: Route| faults.iter().any(|fault| fault.omits(route));
    let denies_groups = faults.iter().any(|fault| fault.denies(&[Route::Group, Route::AppGroup]));
    has("narrowed view")
        // Members that nobody counts, or that are counted wrongly as well.
        || (omits(Route::Members) && (!counts_members || has("count off")))
        // A group that a list left out is asked for by id, and then nobody counts its members either.
        || (omits(Route::Members) && (omits(Route::Groups) || omits(Route::AppGroups)))
        || (rules.asked.department.is_some() && omits_twice(faults, Route::Users))
        || (rules.asked.group_prefix.is_some() && omits_twice(faults, Route::Groups))
        || (denies_users(faults) && (omits(Route::Users) || omits(Route::AppUsers)))
        || (denies_groups && (omits(Route::Groups) || omits(Route::AppGroups)))
}
