//! Asking for single records that the lists did not show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sandbox::okta::{Broken, Fault, FaultKind, NewUser, Options, Route, Status as OktaStatus};
use usersyncd::source::{GroupFilter, Questions, Source};
use usersyncd::sync::model::{Absence, SourceId};

use super::support::{Bench, group_of, members, patience, request, small, users};

#[tokio::test]
async fn a_group_asked_for_by_id_is_read_only_as_far_as_it_is_wanted() {
    let bench = Bench::start(Options { users: 5, groups: 0, memberships: 0, ..Options::default() }).await;
    let org = bench.okta.org();
    let group = org.add_group("other");
    org.set_members(&group, &[&org.users()[0].id]);
    let mut request = request();
    request.wants_members = GroupFilter(Arc::new(|_| false));
    let everyone = org.group_id_by_name("Everyone").unwrap();
    let faults = [&group, &everyone]
        .map(|id| bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::Skip).record(id)));
    let mut snapshot = bench.read_as(&request).await;
    let questions = Questions {
        users: BTreeSet::new(),
        groups: [group.as_str().into(), everyone.as_str().into()].into(),
        own_groups: BTreeSet::new(),
    };
    bench.source.confirm(&mut snapshot, &questions, &request, &bench.control).await.unwrap();
    assert_eq!(faults.map(|fault| bench.okta.met(fault)), [1, 1]);
    assert!(group_of(&snapshot, &everyone).everyone);
    assert!(
        group_of(&snapshot, &group).members.is_empty()
            && group_of(&snapshot, &group).members_proof.is_proven()
    );
    assert_eq!(bench.okta.requests().of(Route::Members), 0);
}

#[tokio::test]
async fn rules_17_who_is_missing_is_asked_for_by_id() {
    let bench = Bench::start(Options::empty()).await;
    let org = bench.okta.org();
    let gone = org.add_user(NewUser::new("gone@example.com"));
    let left = org.add_user(NewUser::new("left@example.com"));
    let listed = org.add_user(NewUser::new("listed@example.com"));
    let (skipped, gone_group) = (org.add_group("skipped"), org.add_group("gone"));
    org.set_members(&skipped, &[&left, &listed]);
    org.set_status(&left, OktaStatus::Deprovisioned);
    org.delete_user(&gone);
    org.delete_group(&gone_group);
    let fault = bench.okta.fault(Fault::on(Route::Groups).kind(FaultKind::Skip).record(&skipped));
    let snapshot = bench.confirm(&[&gone, &left, &listed], &[&skipped, &gone_group]).await;
    assert_eq!(bench.okta.met(fault), 1);
    let expected = [gone, gone_group].map(|id| (SourceId::from(id.as_str()), Absence::Gone));
    assert_eq!(snapshot.absences, BTreeMap::from(expected));
    assert_eq!(users(&snapshot)[&left].1, "DEPROVISIONED");
    assert_eq!(snapshot.users.len(), 2, "who is listed is neither asked for nor doubled");
    assert_eq!(bench.okta.requests().of(Route::User), 2);
    assert_eq!(members(&snapshot, &skipped), BTreeSet::from([listed]));
    assert_eq!(group_of(&snapshot, &skipped).name, "skipped");
}

#[tokio::test]
async fn an_absence_is_unknown_unless_okta_itself_says_404() {
    for (kind, expected) in [
        (FaultKind::Status(503), "the server answered 503"),
        (FaultKind::HtmlPage, "the answer is a web page"),
        (FaultKind::Status(403), "Okta does not let this token read it: 403"),
        (FaultKind::HalfJson, "the answer is JSON that ends in the middle"),
        (FaultKind::Redirect("https://portal.example.net/".into()), "the answer is a redirect"),
    ] {
        let (bench, group, [ann, _]) = small(patience()).await;
        let everything = FaultKind::Narrowed { users: 0, groups: 0 };
        let hidden = [Route::Users, Route::Groups]
            .map(|route| bench.okta.fault(Fault::on(route).kind(everything.clone())));
        let faults =
            [Route::User, Route::Group].map(|route| bench.okta.fault(Fault::on(route).kind(kind.clone())));
        let snapshot = bench.confirm(&[&ann], &[&group]).await;
        assert_eq!(hidden.map(|fault| bench.okta.met(fault) > 0), [true, true]);
        assert!(faults.iter().all(|fault| bench.okta.met(*fault) > 0));
        for id in [&ann, &group] {
            let Some(Absence::Unknown(why)) = snapshot.absences.get(id.as_str()) else {
                panic!("{kind:?}: {snapshot:?}")
            };
            assert!(why.contains(expected), "{why}");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_asked_for_and_cannot_be_read_is_left_as_is() {
    let (bench, _, [ann, _]) = small(patience()).await;
    let skipped = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::Skip).record(&ann));
    let kind = FaultKind::BrokenRecord(Broken::ProfileOfWrongType);
    let broken = bench.okta.fault(Fault::on(Route::User).kind(kind));
    let snapshot = bench.confirm(&[&ann], &[]).await;
    assert_eq!([skipped, broken].map(|fault| bench.okta.met(fault)), [1, 1]);
    assert!(snapshot.absences.is_empty());
    assert_eq!(snapshot.unreadable, BTreeSet::from([ann.as_str().into()]));
}
