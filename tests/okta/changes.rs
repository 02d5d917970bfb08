//! What changed, from lists and from the System Log.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sandbox::okta::{Fault, FaultKind, NewUser, Options, Route, Status};
use usersyncd::source::okta::Okta;
use usersyncd::source::{Changes, ChangesRead, LogPlace, Since, Source, SourceError};
use usersyncd::sync::model::{Absence, SourceSnapshot};

use super::support::{Bench, absences, group_of, members, request, set, user_ids, users};

fn options() -> Options {
    Options { users: 60, groups: 8, memberships: 200, seed: 9, ..Options::default() }
}

/// A snapshot, and the time from which on changes are asked for.
async fn known(bench: &Bench) -> (SourceSnapshot, DateTime<Utc>) {
    let snapshot = bench.read().await;
    let since = snapshot.began.unwrap() - TimeDelta::minutes(2);
    (snapshot, since)
}

async fn changes(source: &Okta, snapshot: &mut SourceSnapshot, since: Since, bench: &Bench) -> ChangesRead {
    match source.read_changes(snapshot, &since, &request(), &bench.control).await.unwrap() {
        Changes::Read(found) => found,
        Changes::NeedsFullRead(why) => panic!("{why}"),
    }
}

fn ids(found: &std::collections::BTreeSet<usersyncd::sync::model::SourceId>) -> Vec<&str> {
    found.iter().map(|id| id.0.as_str()).collect()
}

#[tokio::test]
async fn lists_of_changes_bring_who_changed_came_or_was_deactivated_and_nobody_else() {
    let bench = Bench::start(options()).await;
    bench.okta.move_clock(7_200);
    let (mut snapshot, since) = known(&bench).await;
    let org = bench.okta.org();
    let all: Vec<_> = org.users().into_iter().filter(|user| user.status == Status::Active).collect();
    let groups: Vec<_> = org.groups().into_iter().filter(|group| group.kind != "BUILT_IN").collect();
    let new = org.add_user(NewUser::new("new@example.com"));
    org.update_profile(&all[0].id, "login", "renamed@example.com");
    org.set_status(&all[1].id, Status::Deprovisioned);
    org.delete_user(&all[2].id);
    org.rename_group(&groups[0].id, "renamed");
    org.add_member(&groups[1].id, &new);
    bench.okta.reset_counts();
    let found = changes(&bench.source, &mut snapshot, Since::Time(since), &bench).await;
    let shown = users(&snapshot);
    assert_eq!(shown[&all[0].id].0, "renamed@example.com");
    assert_eq!(shown[&all[1].id].1, "DEPROVISIONED");
    assert!(shown.contains_key(&new) && shown.contains_key(&all[2].id), "who is not shown is as before");
    assert_eq!(group_of(&snapshot, &groups[0].id).name, "renamed");
    assert!(members(&snapshot, &groups[1].id).contains(&new));
    let mut expected = vec![new.as_str(), &all[0].id, &all[1].id];
    expected.sort_unstable();
    assert_eq!(ids(&found.users), expected);
    assert!(found.groups.len() >= 2 && found.asked.is_empty() && found.incomplete.is_none(), "{found:?}");
    let again = changes(&bench.source, &mut snapshot, Since::Time(since), &bench).await;
    assert_eq!((again.users.len(), again.groups.len()), (0, 0), "what is the same is no change");
}

#[tokio::test]
async fn a_list_that_stops_short_says_so() {
    let pages = sandbox::okta::PageSizes { users: 10, ..Default::default() };
    let bench = Bench::start(Options { pages, ..options() }).await;
    let (mut snapshot, _) = known(&bench).await;
    let since = Since::Time(DateTime::UNIX_EPOCH);
    let fault = bench.okta.fault(Fault::on(Route::Users).kind(FaultKind::StaleCursor));
    let found = changes(&bench.source, &mut snapshot, since, &bench).await;
    assert!(bench.okta.met(fault) > 0);
    assert!(found.incomplete.unwrap().contains("the list of users that changed"));
}

#[tokio::test]
async fn where_an_application_decides_whoever_is_new_is_asked_for_there() {
    let bench = Bench::start(options()).await;
    let org = bench.okta.org();
    let app = org.add_app("Jira");
    let all: Vec<_> = org.users().into_iter().filter(|user| user.status == Status::Active).collect();
    org.assign_user(&app, &all[0].id);
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let mut snapshot = source.read(&request(), &bench.control).await.unwrap();
    let since = snapshot.began.unwrap() - TimeDelta::minutes(2);
    assert_eq!(user_ids(&snapshot), set(&[&all[0].id]));
    let new = ["in@example.com", "out@example.com"].map(|login| org.add_user(NewUser::new(login)));
    org.assign_user(&app, &new[0]);
    org.update_profile(&all[0].id, "firstName", "Another");
    let found = changes(&source, &mut snapshot, Since::Time(since), &bench).await;
    assert_eq!(user_ids(&snapshot), set(&[&all[0].id, &new[0]]));
    assert_eq!(found.users.len(), 2);
}

#[tokio::test]
async fn whoever_is_new_and_is_not_answered_about_is_asked_for_again() {
    let bench = Bench::start(options()).await;
    let org = bench.okta.org();
    let app = org.add_app("Jira");
    let group = org.add_group("jira-users");
    let source = bench.scoped(|settings| settings.app = Some(app.clone()));
    let mut snapshot = source.read(&request(), &bench.control).await.unwrap();
    let since = Since::Time(snapshot.began.unwrap() - TimeDelta::minutes(2));
    let new = org.add_user(NewUser::new("new@example.com"));
    org.assign_user(&app, &new);
    org.assign_group(&app, &group);
    org.add_member(&group, &new);
    for (route, id) in [(Route::AppUser, &new), (Route::AppGroup, &group), (Route::Members, &group)] {
        let before = snapshot.clone();
        let fault = bench.okta.fault(Fault::on(route).kind(FaultKind::Status(503)));
        let found = changes(&source, &mut snapshot, since.clone(), &bench).await;
        assert!(bench.okta.met(fault) > 0, "{route:?}");
        assert!(found.incomplete.is_some(), "{route:?}: the next run begins where this one did");
        assert!(!found.users.iter().any(|user| user.0 == *id), "{route:?}");
        bench.okta.clear_faults();
        snapshot = before;
    }
    let found = changes(&source, &mut snapshot, since, &bench).await;
    assert_eq!((found.incomplete, user_ids(&snapshot)), (None, set(&[&new])));
    assert!(members(&snapshot, &group).contains(&new));
}

#[tokio::test]
async fn searches_decide_about_changes_too() {
    let bench = Bench::start(Options { everyone: false, ..Options::empty() }).await;
    let org = bench.okta.org();
    let add =
        |login: &str, department: &str| org.add_user(NewUser::new(login).attribute("department", department));
    let (ann, bob) = (add("ann@example.com", "Engineering"), add("bob@example.com", "Sales"));
    let [jira, other] = ["jira-users", "other"].map(|name| org.add_group(name));
    let source = bench.scoped(|settings| {
        // The narrower question must not be widened by its own `or`.
        settings.users_search =
            Some(r#"profile.department eq "Engineering" or profile.department eq "IT""#.to_owned());
        settings.groups_search = Some(r#"profile.name sw "jira-""#.to_owned());
    });
    let mut snapshot = source.read(&request(), &bench.control).await.unwrap();
    assert_eq!(user_ids(&snapshot), set(&[&ann]));
    let since = Since::Time(snapshot.began.unwrap() - TimeDelta::minutes(2));
    let eve = add("eve@example.com", "IT");
    org.update_profile(&bob, "firstName", "Another");
    org.update_profile(&ann, "firstName", "Another");
    for group in [&jira, &other] {
        org.add_member(group, &eve);
    }
    let found = changes(&source, &mut snapshot, since, &bench).await;
    assert_eq!(user_ids(&snapshot), set(&[&ann, &eve]), "and nobody from sales");
    let mut expected = vec![ann.as_str(), &eve];
    expected.sort_unstable();
    assert_eq!(ids(&found.users), expected);
    assert_eq!(ids(&found.groups), [jira.as_str()], "the other group is not asked for");
    assert!(members(&snapshot, &jira).contains(&eve) && found.incomplete.is_none());
}

#[tokio::test]
async fn the_log_names_who_is_asked_for_and_tells_who_is_gone() {
    let bench = Bench::start(options()).await;
    let (mut snapshot, since) = known(&bench).await;
    let org = bench.okta.org();
    let all: Vec<_> = org.users().into_iter().filter(|user| user.status == Status::Active).collect();
    let groups: Vec<_> = org.groups().into_iter().filter(|group| group.kind != "BUILT_IN").collect();
    let first = changes(&bench.source, &mut snapshot, Since::Log(LogPlace::Time(since)), &bench).await;
    assert_eq!((first.users.len(), first.groups.len()), (0, 0));
    let new = org.add_user(NewUser::new("new@example.com"));
    org.set_status(&all[0].id, Status::Suspended);
    org.delete_user(&all[1].id);
    org.delete_group(&groups[0].id);
    org.add_member(&groups[1].id, &new);
    let place = Since::Log(LogPlace::Next(first.log.unwrap()));
    let found = changes(&bench.source, &mut snapshot, place, &bench).await;
    let shown = users(&snapshot);
    assert_eq!(shown[&all[0].id].1, "SUSPENDED");
    assert!(shown.contains_key(&new) && !shown.contains_key(&all[1].id));
    assert!(members(&snapshot, &groups[1].id).contains(&new));
    let gone = absences(&snapshot);
    assert_eq!((&gone[&all[1].id], &gone[&groups[0].id]), (&Absence::Gone, &Absence::Gone));
    for id in [&all[1].id, &groups[0].id] {
        assert!(ids(&found.asked).contains(&id.as_str()));
    }
    let rest = Since::Log(LogPlace::Next(found.log.unwrap()));
    bench.okta.reset_counts();
    let nothing = changes(&bench.source, &mut snapshot, rest, &bench).await;
    assert_eq!((nothing.users.len(), nothing.asked.len()), (0, 0));
    assert_eq!(bench.okta.requests().total, 2, "the org and one page of the log");
}

#[tokio::test]
async fn what_the_log_names_and_nobody_answers_about_stays_as_it_was() {
    let bench = Bench::start(options()).await;
    let (mut snapshot, since) = known(&bench).await;
    let org = bench.okta.org();
    let user = org.users().into_iter().find(|user| user.status == Status::Active).unwrap().id;
    org.set_status(&user, Status::Suspended);
    let fault = bench.okta.fault(Fault::on(Route::User).kind(FaultKind::Status(500)));
    let found = changes(&bench.source, &mut snapshot, Since::Log(LogPlace::Time(since)), &bench).await;
    assert!(bench.okta.met(fault) > 0);
    assert!(found.incomplete.is_some() && found.users.is_empty(), "{found:?}");
    assert_eq!(users(&snapshot)[&user].1, "ACTIVE");
    assert!(absences(&snapshot).is_empty());
}

#[tokio::test]
async fn a_place_that_okta_does_not_know_needs_a_full_read() {
    let bench = Bench::start(options()).await;
    let (mut snapshot, _) = known(&bench).await;
    let next = format!("{}/api/v1/logs?after=nonsense&limit=1000", bench.okta.url());
    let since = Since::Log(LogPlace::Next(next));
    let changes = bench.source.read_changes(&mut snapshot, &since, &request(), &bench.control).await;
    let Changes::NeedsFullRead(why) = changes.unwrap() else { panic!("it was read") };
    assert!(why.contains("does not read its log on"), "{why}");
}

#[tokio::test]
async fn a_token_that_may_not_read_the_log_says_what_to_do() {
    let bench = Bench::start(options()).await;
    let (mut snapshot, since) = known(&bench).await;
    let fault = bench.okta.fault(Fault::on(Route::Logs).kind(FaultKind::Status(403)));
    let since = Since::Log(LogPlace::Time(since));
    let refused = bench.source.read_changes(&mut snapshot, &since, &request(), &bench.control).await;
    let Err(SourceError::Refused(text)) = refused else { panic!("{refused:?}") };
    assert_eq!(bench.okta.met(fault), 1);
    assert!(text.contains("System Log") && text.contains("from: lists"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_search_that_runs_behind_is_made_up_for_by_the_overlap() {
    let search_lag = Duration::from_secs(5);
    let bench = Bench::start(Options { search_lag, ..options() }).await;
    let (mut snapshot, since) = known(&bench).await;
    let user = bench.okta.org().users().into_iter().find(|user| user.status == Status::Active).unwrap().id;
    bench.okta.org().update_profile(&user, "login", "renamed@example.com");
    let first = changes(&bench.source, &mut snapshot, Since::Time(since), &bench).await;
    assert!(first.users.is_empty(), "not seen yet");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let since = first.began.unwrap() - TimeDelta::minutes(2);
    let second = changes(&bench.source, &mut snapshot, Since::Time(since), &bench).await;
    assert_eq!(ids(&second.users), [&user]);
    assert_eq!(users(&snapshot)[&user].0, "renamed@example.com");
}
