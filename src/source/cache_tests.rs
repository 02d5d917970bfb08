use super::*;

fn member(person: Person, status: Status) -> Member {
    Member { person, status }
}

fn active(persons: &[Person]) -> Vec<Member> {
    persons.iter().map(|person| member(*person, Status::Active)).collect()
}

#[test]
fn members_come_out_as_they_went_in() {
    let every_status = (0..).zip(Status::KNOWN).map(|(at, status)| member(at * 1_000, status));
    let lists = [
        Vec::new(),
        active(&[0]),
        active(&[0, 1, 2]),
        every_status.collect(),
        vec![member(3, Status::Unknown), member(Person::MAX - 1, Status::Active)],
    ];
    for list in lists {
        let packed = PackedMembers::pack(&list);
        assert_eq!(packed.count(), Some(list.len() as u64));
        assert_eq!(packed.unpack(Person::MAX as usize), Some(list));
    }
}

#[test]
fn a_list_of_neighbours_takes_two_bytes_each() {
    let list = active(&(0..1_000).map(|at| at * 500).collect::<Vec<_>>());
    assert_eq!(PackedMembers::pack(&list).0.len(), 2 + 2 * 1_000 - 1);
}

#[test]
fn bytes_that_are_no_list_are_nothing() {
    let packed = PackedMembers::pack(&active(&[1, 2, 300]));
    let of = |bytes: &[u8]| PackedMembers(bytes.into()).unpack(1_000);
    assert_eq!(of(&packed.0).map(|list| list.len()), Some(3));
    for cut in 0..packed.0.len() {
        assert_eq!(of(&packed.0[..cut]), None, "{cut} bytes");
    }
    let mut longer = packed.0.to_vec();
    longer.push(0);
    assert_eq!(of(&longer), None, "more than it says");
    assert_eq!(packed.unpack(300), None, "somebody whom nobody knows");
    assert_eq!(of(&[0xff; 40]), None, "a number without an end");
    assert_eq!(of(&[1, 0x0f]), None, "a status that is none");
    assert_eq!(of(&[0xff, 0xff, 0xff, 0xff, 0x7f]), None, "more members than there are people");
}

const STAMP: &str = "2026-11-23T03:00:00.000Z";

fn lists(people: &[&str], group: &str, stamp: &str, members: &[Person]) -> CachedLists {
    let members = PackedMembers::pack(&active(members));
    let read = DateTime::UNIX_EPOCH;
    let list = CachedList { stamp: stamp.into(), read, members, is_current: true };
    CachedLists {
        people: people.iter().map(|id| SourceId::from(*id)).collect(),
        lists: [(group.into(), list)].into(),
    }
}

#[test]
fn a_list_stands_as_long_as_stamp_and_count_do() {
    let mut cached = lists(&["a", "b"], "g", STAMP, &[0, 1]);
    let group = SourceId::from("g");
    let count = |cached: &CachedLists, stamp: &str, count| {
        cached.unchanged(&group, stamp, count).map(|(members, _)| members.len())
    };
    assert_eq!(count(&cached, STAMP, Some(2)), Some(2));
    assert_eq!(count(&cached, STAMP, None), Some(2), "the source does not say how many");
    assert_eq!(count(&cached, STAMP, Some(3)), None);
    assert_eq!(count(&cached, "2026-11-23T03:00:01.000Z", Some(2)), None);
    assert_eq!(cached.unchanged(&"h".into(), STAMP, Some(2)), None);
    cached.lists.get_mut(&group).unwrap().is_current = false;
    assert_eq!(count(&cached, STAMP, Some(2)), None);
    assert_eq!(cached.seen(&group, STAMP), Some(vec![0, 1]), "it is compared with all the same");
    assert_eq!(cached.seen(&group, "2026-11-23T03:00:01.000Z"), None);
}

#[test]
fn a_list_settles_some_time_after_its_stamp() {
    let read = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    assert!(is_settled(STAMP, read("2026-11-23T03:02:00Z")));
    assert!(!is_settled(STAMP, read("2026-11-23T03:01:59Z")));
    assert!(!is_settled(STAMP, read("2026-11-23T02:00:00Z")), "a clock that went back");
    assert!(!is_settled(STAMP, None), "the source's clock is not known");
    assert!(!is_settled("", read("2026-11-23T03:02:00Z")));
    assert!(!is_settled("yesterday", read("2026-11-23T03:02:00Z")));
}

#[test]
fn what_two_connectors_know_is_put_together() {
    let one = lists(&["a", "b", "c"], "g", STAMP, &[0, 1]);
    let names = |cached: &CachedLists, group: &str, stamp: &str| {
        let (members, _) = cached.unchanged(&group.into(), stamp, None)?;
        let mut names: Vec<&str> =
            members.iter().map(|member| cached.people[member.person as usize].0.as_str()).collect();
        names.sort_unstable();
        Some(names.join(" "))
    };
    let alone = CachedLists::together([&one].into_iter());
    assert_eq!(names(&alone, "g", STAMP).as_deref(), Some("a b"));
    let other = lists(&["x", "c", "a"], "h", STAMP, &[0, 1]);
    let both = CachedLists::together([&one, &other].into_iter());
    assert_eq!(&both.people[..3], &one.people[..], "the first one's people keep their numbers");
    assert_eq!(names(&both, "g", STAMP).as_deref(), Some("a b"));
    assert_eq!(names(&both, "h", STAMP).as_deref(), Some("c x"));
    let same = lists(&["b", "a"], "g", STAMP, &[0, 1]);
    let both = CachedLists::together([&one, &same].into_iter());
    assert_eq!(names(&both, "g", STAMP).as_deref(), Some("a b"));
    let another = lists(&["b", "a"], "g", STAMP, &[0]);
    let both = CachedLists::together([&one, &another].into_iter());
    assert_eq!(names(&both, "g", STAMP), None, "one stamp, two lists");
    let later = lists(&["b", "a"], "g", "2026-11-24T03:00:00.000Z", &[0]);
    for both in [[&one, &later], [&later, &one]] {
        let both = CachedLists::together(both.into_iter());
        assert_eq!(names(&both, "g", "2026-11-24T03:00:00.000Z").as_deref(), Some("b"));
    }
    assert_eq!(CachedLists::together(std::iter::empty()).people.len(), 0);
}

#[test]
fn a_user_comes_out_as_it_went_in() {
    let value = |json: &str| AttributeValue::Json(Box::new(serde_json::from_str(json).unwrap()));
    let text = |text: &str| AttributeValue::Text(text.into());
    let attributes = [
        AttributeValue::Absent,
        text(""),
        text("null"),
        text("a \"b\" \u{e4}\n"),
        value("17"),
        value("true"),
        value("[\"a\", null]"),
        value("{\"a\": {\"b\": 1.5}}"),
    ];
    let id = SourceId::from("00u1");
    for status in Status::KNOWN.into_iter().chain([Status::Unknown]) {
        let user = SourceUser { id: id.clone(), status, attributes: attributes.clone().into() };
        let record = write_user(&user);
        assert_eq!(read_user(&id, &record, attributes.len()), Some(user));
        assert_eq!(read_user(&id, &record, attributes.len() + 1), None, "the rules use more of it now");
    }
    for wrong in ["", "[]", "{}", "[17]", "[\"ACTIVE\""] {
        assert_eq!(read_user(&id, wrong, 0), None, "{wrong}");
    }
}
