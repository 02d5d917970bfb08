use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::model::Missed;
use crate::sync::model::{People, Proof, SourceAddress, SourceGroup, SourceUser};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn every(cron: &str) -> ScheduleSettings {
    let parser = croner::parser::CronParser::builder().build();
    ScheduleSettings {
        expression: cron.to_owned(),
        cron: parser.parse(cron).unwrap(),
        timezone: chrono_tz::Tz::UTC,
        jitter: std::time::Duration::ZERO,
        missed: Missed::Skip,
        incremental: None,
    }
}

/// How many of 256 lists that were read at midnight still stand for themselves.
fn standing(now: DateTime<Utc>, schedule: Option<&ScheduleSettings>) -> usize {
    let list = StoredList {
        stamp: "2026-11-01T00:00:00.000Z".into(),
        read: at("23T00:00"),
        settled: true,
        members: PackedMembers::pack(&[]),
    };
    let lists = (0..256).map(|number| (SourceId::from(format!("00g{number:05}").as_str()), list.clone()));
    let stored = StoredLists { people: Vec::new(), lists: lists.collect() };
    usable(stored, schedule, now).lists.values().filter(|list| list.is_current).count()
}

#[test]
fn all_lists_are_read_again_within_a_day_and_not_all_at_once() {
    assert_eq!(standing(at("23T00:00"), None), 256);
    assert_eq!(standing(at("23T11:59"), None), 256);
    let afternoon = standing(at("23T17:30"), None);
    assert!((64..192).contains(&afternoon), "{afternoon}");
    assert_eq!(
        standing(at("23T22:50"), None),
        0,
        "well before a day is over, for who syncs daily is not always on time"
    );
    assert_eq!(standing(at("22T23:59"), None), 0, "a clock was wrong");
}

#[test]
fn what_would_be_too_old_in_the_next_run_is_read_in_this_one() {
    let (hourly, six_hourly, yearly) = (every("@hourly"), every("0 5,11,17,23 * * *"), every("@yearly"));
    assert!(standing(at("23T17:00"), Some(&hourly)) > 64);
    assert_eq!(standing(at("23T18:30"), Some(&every("30 0,18 * * *"))), 0, "the next one is at 00:30");
    assert!(standing(at("23T17:00"), Some(&six_hourly)) > 64, "the next one is at 23:00");
    assert_eq!(standing(at("23T10:00"), Some(&every("0 4,10 * * *"))), 0, "the next one is in 18 hours");
    assert_eq!(
        standing(at("23T01:00"), Some(&yearly)),
        256,
        "who syncs by hand reads nothing for the schedule's sake"
    );
}

#[test]
fn a_list_that_was_read_too_soon_after_its_stamp_is_read_again() {
    let list = StoredList {
        stamp: "2026-11-22T23:59:59.000Z".into(),
        read: at("23T00:00"),
        settled: false,
        members: PackedMembers::pack(&[]),
    };
    let stored = StoredLists { people: Vec::new(), lists: BTreeMap::from([("g".into(), list)]) };
    assert!(!usable(stored, None, at("23T00:05")).lists["g"].is_current);
}

const STAMP: &str = "2026-11-22T00:00:00.000Z";

/// A snapshot that begins with these people, of groups with members, each with where they come from.
fn snapshot(people: &[&str], groups: &[(&str, MembersFrom, &[&str])]) -> SourceSnapshot {
    let ids: Vec<SourceId> = people.iter().map(|id| SourceId::from(*id)).collect();
    let mut people = People::of(&ids);
    let mut group = |(id, members_from, members): &(&str, MembersFrom, &[&str])| {
        let mut members: Vec<Member> =
            members.iter().map(|id| Member { person: people.intern(id), status: Status::Active }).collect();
        members.sort_unstable();
        SourceGroup {
            id: (*id).into(),
            name: (*id).into(),
            description: Default::default(),
            everyone: false,
            members,
            members_proof: Proof::Proven,
            members_changed: STAMP.into(),
            members_from: *members_from,
            changed: Default::default(),
        }
    };
    let groups = groups.iter().map(&mut group).collect();
    SourceSnapshot {
        address: SourceAddress::default(),
        began: None,
        attribute_names: std::sync::Arc::new([]),
        people,
        users: Vec::new(),
        users_narrowed: false,
        of_one_user: false,
        of_changes: None,
        users_proof: Proof::Proven,
        groups,
        groups_proof: Proof::Proven,
        unreadable: BTreeSet::new(),
        absences: BTreeMap::new(),
        own_groups_asked: BTreeSet::new(),
        findings: Vec::new(),
    }
}

/// What is stored after an update.
fn after(mut stored: StoredLists, update: CacheUpdate) -> StoredLists {
    if update.anew {
        stored = StoredLists::default();
    }
    stored.people.extend(update.people);
    stored.lists.extend(update.lists);
    stored.lists.retain(|group, _| !update.forgotten.contains(group));
    stored
}

/// Each list in words, with the hour in which it was read.
fn shown(stored: &StoredLists) -> Vec<String> {
    let list = |(group, list): (&SourceId, &StoredList)| {
        let members = list.members.unpack(stored.people.len()).unwrap();
        let member = |member: &Member| {
            let mark = if member.status == Status::Active { "" } else { "!" };
            format!("{}{mark}", stored.people[member.person as usize])
        };
        let mut members: Vec<_> = members.iter().map(member).collect();
        members.sort();
        let settled = if list.settled { "" } else { " unsettled" };
        format!("{group}: {} at {}{settled}", members.join(" "), list.read.format("%H"))
    };
    stored.lists.iter().map(list).collect()
}

const LIST: MembersFrom = MembersFrom::List { settled: true };
/// Midnight of the 23rd.
const CACHE: MembersFrom =
    MembersFrom::Cache { read: DateTime::from_timestamp(1_795_392_000, 0).expect("a time") };

fn first() -> StoredLists {
    let groups: [(_, _, &[_]); 3] = [
        ("g1", LIST, &["b", "a"]),
        ("g2", MembersFrom::List { settled: false }, &["b"]),
        ("g3", MembersFrom::Nowhere, &[]),
    ];
    after(StoredLists::default(), update(&snapshot(&["a"], &groups), &CachedLists::default(), at("23T00:00")))
}

#[test]
fn what_was_read_is_stored() {
    assert_eq!(shown(&first()), ["g1: a b at 00", "g2: b at 00 unsettled"]);
}

#[test]
fn only_what_changed_is_stored_again() {
    let stored = first();
    let known = usable(stored.clone(), None, at("23T01:00"));
    let people: Vec<&str> = stored.people.iter().map(|id| id.0.as_str()).collect();
    let same: [(_, _, &[_]); 2] = [("g1", CACHE, &["a", "b"]), ("g2", LIST, &["b"])];
    let lists = update(&snapshot(&people, &same), &known, at("23T01:00")).lists;
    assert!(matches!(lists.as_slice(), [(group, list)] if group.0 == "g2" && list.settled), "{lists:?}");
    let changed: [(_, _, &[_]); 2] = [("g1", CACHE, &["a", "b"]), ("g4", LIST, &["c", "b"])];
    let update = update(&snapshot(&people, &changed), &known, at("23T01:00"));
    assert_eq!((update.anew, update.people.len(), update.lists.len()), (false, 1, 1));
    let stored = after(stored, update);
    assert_eq!(shown(&stored), ["g1: a b at 00", "g4: b c at 01"], "g2 has left");
}

#[test]
fn a_list_that_is_not_whole_leaves_what_is_stored_as_it_is() {
    let stored = first();
    let known = usable(stored.clone(), None, at("23T01:00"));
    let mut cut = snapshot(&["a", "b"], &[("g1", LIST, &["a"])]);
    cut.groups_proof = Proof::NotProven("a page did not come".to_owned());
    cut.groups[0].members_proof = Proof::NotProven("a page did not come".to_owned());
    assert_eq!(after(stored.clone(), update(&cut, &known, at("23T01:00"))), stored);
}

#[test]
fn a_list_that_another_connector_knew_is_stored_with_its_age() {
    let known = usable(StoredLists::default(), None, at("23T01:00"));
    let shared = snapshot(&["a"], &[("g1", CACHE, &["a"])]);
    assert_eq!(
        shown(&after(StoredLists::default(), update(&shared, &known, at("23T01:00")))),
        ["g1: a at 00"]
    );
}

#[test]
fn people_of_another_order_are_numbered_anew() {
    let stored = first();
    let known = usable(stored.clone(), None, at("23T01:00"));
    let shared = snapshot(&["x", "b", "a"], &[("g1", CACHE, &["a", "b"]), ("g2", LIST, &["b"])]);
    let update = update(&shared, &known, at("23T01:00"));
    assert_eq!((update.anew, update.people.len()), (true, 2), "nobody knows x");
    assert_eq!(shown(&after(stored, update)), ["g1: a b at 00", "g2: b at 01"]);
}

#[test]
fn numbers_of_people_who_are_gone_are_given_up_in_the_end() {
    let gone: Vec<String> = (0..30_000).map(|number| format!("gone{number}")).collect();
    let mut people: Vec<&str> = gone.iter().map(String::as_str).collect();
    people.push("a");
    let known =
        CachedLists { people: people.iter().map(|id| SourceId::from(*id)).collect(), ..Default::default() };
    let update = update(&snapshot(&people, &[("g1", LIST, &["a"])]), &known, at("23T01:00"));
    assert_eq!((update.anew, update.people.len()), (true, 1));
    assert_eq!(shown(&after(StoredLists::default(), update)), ["g1: a at 01"]);
}

#[test]
fn who_was_deactivated_since_a_list_was_read_is_noted() {
    let stored = first();
    let known = usable(stored.clone(), None, at("23T01:00"));
    let mut later = snapshot(&["a", "b"], &[("g1", CACHE, &["a", "b"]), ("g2", CACHE, &["b"])]);
    let b = SourceUser { id: "b".into(), status: Status::Deprovisioned, attributes: Box::new([]) };
    later.users.push(b);
    let update = update(&later, &known, at("23T01:00"));
    assert_eq!(shown(&after(stored, update)), ["g1: a b! at 00", "g2: b! at 00"]);
}

/// RULES 13, where numbers are given anew: whoever could not be asked for, or was not answered about, keeps what is known.
#[test]
fn records_of_who_is_not_known_to_be_gone_get_the_new_numbers() {
    let gone: Vec<String> = (0..30_000).map(|number| format!("gone{number}")).collect();
    let mut people: Vec<&str> = gone.iter().map(String::as_str).collect();
    people.extend(["a", "mute", "later"]);
    let known =
        CachedLists { people: people.iter().map(|id| SourceId::from(*id)).collect(), ..Default::default() };
    let mut source = snapshot(&people, &[("g1", LIST, &["a"])]);
    source.absences.insert("mute".into(), Absence::Unknown("a time-out".to_owned()));
    source.unreadable.insert("later".into());
    let mut update = update(&source, &known, at("23T01:00"));
    let users = people.iter().map(|id| Some(Box::from(*id))).collect();
    let stored = StoredRecords { users, ..StoredRecords::default() };
    add_records(&mut update, &source, (&stored, Some(&BTreeSet::new())), String::new());
    let named: Vec<(&str, &str)> = update
        .users
        .iter()
        .map(|(number, record)| (update.people[*number as usize].0.as_str(), record.as_deref().unwrap()))
        .collect();
    assert!(update.anew);
    assert_eq!(named, [("mute", "mute"), ("later", "later")]);
}
