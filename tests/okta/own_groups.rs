//! Asking users for their groups before it counts that no member list of a group that decides has them (RULES 17).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sandbox::okta::{Broken, Fault, FaultKind, NewUser, Options, Route};
use usersyncd::source::okta::Okta;
use usersyncd::source::{GroupFilter, Questions, ReadRequest, Source};
use usersyncd::sync::model::{Absence, ScopeRule, SourceId, SourceSnapshot};

use super::support::{Bench, absences, group_ids, members, request, set};

/// Groups called `staff` decide; no group is synced.
fn deciding() -> ReadRequest {
    let is_staff = || GroupFilter(Arc::new(|name: &str| name == "staff"));
    ReadRequest { wants_members: is_staff(), decides: is_staff(), ..request() }
}

/// Ann is in a group called `staff` and in one called `choir`; Bob is in neither. The list of groups shows the choir alone.
struct Town {
    bench: Bench,
    ann: String,
    bob: String,
    staff: String,
}

async fn town() -> Town {
    let bench = Bench::start(Options { everyone: false, ..Options::empty() }).await;
    let org = bench.okta.org();
    let [ann, bob] = ["ann", "bob"].map(|name| org.add_user(NewUser::new(&format!("{name}@example.com"))));
    let (staff, choir) = (org.add_group("staff"), org.add_group("choir"));
    org.set_members(&staff, &[&ann]);
    org.set_members(&choir, &[&ann, &bob]);
    bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::Skip).record(&staff));
    Town { bench, ann, bob, staff }
}

impl Town {
    async fn read(&self, source: &Okta) -> SourceSnapshot {
        let snapshot = source.read(&deciding(), &self.bench.control).await.unwrap();
        self.bench.okta.reset_counts();
        snapshot
    }

    /// Asks both for their groups.
    async fn ask(&self, source: &Okta, snapshot: &mut SourceSnapshot) {
        let own_groups: BTreeSet<SourceId> = [&self.ann, &self.bob].map(|id| id.as_str().into()).into();
        let questions = Questions { own_groups: own_groups.clone(), ..Questions::default() };
        source.confirm(snapshot, &questions, &deciding(), &self.bench.control).await.unwrap();
        assert_eq!(snapshot.own_groups_asked, own_groups);
    }

    /// What is not known of Ann, and that nothing else is unknown.
    fn doubt(&self, snapshot: &SourceSnapshot) -> String {
        let mut absences = absences(snapshot);
        let Some(Absence::Unknown(why)) = absences.remove(&self.ann) else { panic!("{absences:?}") };
        assert!(absences.values().all(|absence| *absence == Absence::Gone), "{absences:?}");
        why
    }
}

#[tokio::test]
async fn a_group_that_decides_and_that_the_list_left_out_is_read_with_all_its_members() {
    let town = town().await;
    let source = &town.bench.source;
    let mut snapshot = town.read(source).await;
    assert!(!group_ids(&snapshot).contains(&town.staff), "the list left it out");
    town.ask(source, &mut snapshot).await;
    assert_eq!(members(&snapshot, &town.staff), set(&[&town.ann]));
    assert_eq!(absences(&snapshot), BTreeMap::new());
    let requests = town.bench.okta.requests();
    let routes = [Route::UserGroups, Route::Group, Route::Members];
    assert_eq!(routes.map(|route| requests.of(route)), [2, 1, 1], "groups that decide nothing cost nothing");
}

#[tokio::test]
async fn law_1_where_the_lists_contradict_each_other_nothing_is_known_of_the_user() {
    let town = town().await;
    let source = &town.bench.source;
    let (org, staff) = (town.bench.okta.org(), &town.staff);
    let mut snapshot = town.read(source).await;
    let vanishes = town.bench.okta.fault(Fault::on(Route::Group).kind(FaultKind::NotFound));
    town.ask(source, &mut snapshot).await;
    assert_eq!(town.bench.okta.met(vanishes), 1);
    let own = format!("Okta lists {staff} among its groups");
    assert_eq!(town.doubt(&snapshot), format!("{own}, and answers 404 for that group"));

    town.bench.okta.clear_faults();
    org.set_members(staff, &[&town.bob]);
    let mut snapshot = town.read(source).await;
    org.set_members(staff, &[&town.ann, &town.bob]);
    town.ask(source, &mut snapshot).await;
    assert_eq!(town.doubt(&snapshot), format!("{own}, and the member list of that group does not have it"));

    let broken = FaultKind::BrokenRecord(Broken::ProfileOfWrongType);
    let faults = [Route::Groups, Route::UserGroups]
        .map(|route| town.bench.okta.fault(Fault::on(route).kind(broken.clone()).record(staff)));
    let mut snapshot = town.read(source).await;
    town.ask(source, &mut snapshot).await;
    assert!(faults.iter().all(|fault| town.bench.okta.met(*fault) > 0));
    let doubts = absences(&snapshot);
    let record = format!("{own}, and the record of that group cannot be read");
    assert_eq!(doubts[&town.ann], Absence::Unknown(record));
}

#[tokio::test]
async fn law_1_groups_of_a_user_that_were_not_all_read_prove_nothing() {
    for (kind, expected) in [
        (FaultKind::Status(503), "the server answered 503"),
        (FaultKind::Status(404), "404"),
        (FaultKind::HalfJson, "the answer is JSON that ends in the middle"),
        (FaultKind::BrokenRecord(Broken::WithoutId), "one of its records cannot be read"),
    ] {
        let town = town().await;
        let source = &town.bench.source;
        let mut snapshot = town.read(source).await;
        let fault = town.bench.okta.fault(Fault::on(Route::UserGroups).kind(kind.clone()));
        town.ask(source, &mut snapshot).await;
        assert!(town.bench.okta.met(fault) > 0);
        for id in [&town.ann, &town.bob] {
            let Some(Absence::Unknown(why)) = snapshot.absences.get(id.as_str()) else {
                panic!("{kind:?}: {snapshot:?}")
            };
            assert!(why.starts_with("the list of its groups: ") && why.contains(expected), "{why}");
        }
    }
}

#[tokio::test]
async fn a_group_that_the_search_for_groups_leaves_out_decides_nothing() {
    let town = town().await;
    let search = r#"profile.name sw "choir""#;
    let source = town.bench.scoped(|settings| settings.groups_search = Some(search.to_owned()));
    let mut snapshot = town.read(&source).await;
    town.ask(&source, &mut snapshot).await;
    let left_out = Absence::OutOfScope(ScopeRule::GroupsSearch);
    assert_eq!(absences(&snapshot), BTreeMap::from([(town.staff.clone(), left_out)]));
}
