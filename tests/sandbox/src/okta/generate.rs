//! Makes an org from a seed and sizes: the same numbers give the same org, ids included.

use serde_json::Value;

use super::Status;
use super::id::Id;
use super::names::{APPS, DEPARTMENTS, GROUP_PREFIXES, GROUP_TOPICS, PEOPLE, People, TITLES};
use super::org::{Org, place_of};
use super::record::{GroupKind, Profile, Stamps};

/// 2019-01-01, before which nobody was created, and 2026-01-01, by which everything generated had happened.
const OLDEST: i64 = 1_546_300_800;
const NEWEST: i64 = 1_767_225_600;

/// How much of an org to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    pub(crate) memberships: usize,
    pub(crate) apps: usize,
    pub(crate) everyone: bool,
}

/// Fills an empty org.
pub(crate) fn fill(org: &mut Org, sizes: Sizes) {
    for number in 1..=sizes.users {
        let (status, stamps) = life(&mut org.random);
        let profile = person(&mut org.random, number);
        let realm = org.random.usize(..100) < 40;
        org.push_user(status, stamps, realm, &profile);
    }
    if sizes.everyone {
        let everyone =
            org.push_group("Everyone", "All users in your organization", GroupKind::BuiltIn, OLDEST);
        org.everyone = Some(everyone);
    }
    let app = Id::random(b"0oa", &mut org.random);
    for number in 0..sizes.groups {
        let name = group_name(&mut org.random, number);
        let kind = if org.random.usize(..100) < 15 { GroupKind::App(app) } else { GroupKind::Okta };
        let description = if org.random.bool() { "" } else { "Managed by IT; ask before changing it." };
        let created = org.random.i64(OLDEST..NEWEST);
        let group = org.push_group(&name, description, kind, created);
        let last_updated = org.random.i64(created..=NEWEST);
        let last_membership = org.random.i64(created..=NEWEST);
        org.groups[group as usize].date(last_updated, last_membership);
    }
    memberships(org, &sizes);
    org.sort();
    (0..sizes.apps).for_each(|number| application(org, number));
}

/// An application with about a quarter of the groups, at least one, and one user in fifty assigned.
fn application(org: &mut Org, number: usize) {
    let label = match APPS.get(number) {
        Some(label) => (*label).to_owned(),
        None => format!("{} {}", APPS[number % APPS.len()], number / APPS.len() + 1),
    };
    let created = org.extra_random.i64(OLDEST..NEWEST);
    let app = org.push_app(&label, created);
    let groups: Vec<u32> =
        (0..place_of(org.groups.len())).filter(|group| org.everyone != Some(*group)).collect();
    let first = if groups.is_empty() { 0 } else { org.extra_random.usize(..groups.len()) };
    for (at, group) in groups.into_iter().enumerate() {
        if org.extra_random.usize(..100) < 25 || at == first {
            let since = org.extra_random.i64(created..=NEWEST);
            org.assign_group(app, group, since * 1000);
        }
    }
    for user in 0..place_of(org.users.len()) {
        if org.extra_random.usize(..100) < 2 && org.listed(user) {
            let since = org.extra_random.i64(created..=NEWEST);
            // Who is listed can be assigned.
            drop(org.assign_user(app, user, since * 1000));
        }
    }
}

/// A status and the stamps that go with it: mostly active users.
fn life(random: &mut fastrand::Rng) -> (Status, Stamps) {
    let status = match random.usize(..1000) {
        0..900 => Status::Active,
        900..920 => Status::Provisioned,
        920..935 => Status::Staged,
        935..950 => Status::PasswordExpired,
        950..955 => Status::LockedOut,
        955..960 => Status::Recovery,
        960..970 => Status::Suspended,
        _ => Status::Deprovisioned,
    };
    let created = random.i64(OLDEST..NEWEST);
    let started = (status != Status::Staged).then(|| random.i64(created..=NEWEST));
    let since = started.unwrap_or(created);
    let signed_in = !matches!(status, Status::Staged | Status::Provisioned) && random.usize(..100) < 95;
    let password_changed = signed_in.then(|| random.i64(since..=NEWEST));
    let stamps = Stamps {
        created,
        activated: started,
        status_changed: started,
        last_login: password_changed.map(|changed| random.i64(changed..=NEWEST)),
        last_updated: random.i64(password_changed.unwrap_or(since)..=NEWEST),
        password_changed,
    };
    (status, stamps)
}

/// The profile of user `number`, whose login nobody else has.
pub(crate) fn person(random: &mut fastrand::Rng, number: usize) -> Profile {
    let people = origin(random);
    let (given, given_ascii) = pick(random, people.given);
    let (family, family_ascii) = pick(random, people.family);
    let (city, country, zone, language) = pick(random, people.places);
    let (department, division, cost_centre) = pick(random, &DEPARTMENTS);
    let login = format!("{given_ascii}.{family_ascii}{number}@example.com");
    let mut profile = Profile(Vec::with_capacity(24));
    profile.set("firstName", given.into());
    profile.set("lastName", family.into());
    profile.set("mobilePhone", Value::Null);
    if random.usize(..100) < 70 {
        profile.set("displayName", format!("{given} {family}").into());
    }
    profile.set("secondEmail", Value::Null);
    profile.set("title", pick(random, &TITLES).into());
    profile.set("department", department.into());
    profile.set("division", division.into());
    profile.set("costCenter", cost_centre.into());
    profile.set("organization", "Example Works".into());
    profile.set("employeeNumber", format!("{:06}", 100_000 + number).into());
    profile.set("userType", if random.usize(..100) < 90 { "Employee" } else { "Contractor" }.into());
    profile.set("city", city.into());
    profile.set("countryCode", country.into());
    profile.set("timezone", zone.into());
    profile.set("preferredLanguage", language.into());
    if number > 1 && random.usize(..100) < 60 {
        profile.set("managerId", format!("{:06}", 100_001 + random.usize(..number - 1)).into());
    }
    if random.usize(..100) < 30 {
        profile.set("nickName", given.into());
    }
    profile.set("badgeColours", serde_json::json!(["blue", "white"]));
    profile.set("remoteWork", random.bool().into());
    profile.set("deskNumber", random.u32(1..4000).into());
    profile.set("login", login.as_str().into());
    profile.set("email", login.into());
    profile
}

fn origin(random: &mut fastrand::Rng) -> &'static People {
    let mut ticket = random.usize(..100);
    for people in &PEOPLE {
        if ticket < people.share {
            return people;
        }
        ticket -= people.share;
    }
    &PEOPLE[0]
}

fn pick<T: Copy>(random: &mut fastrand::Rng, from: &[T]) -> T {
    from[random.usize(..from.len())]
}

fn group_name(random: &mut fastrand::Rng, number: usize) -> String {
    let prefix = GROUP_PREFIXES[number % GROUP_PREFIXES.len()];
    let topic = pick(random, &GROUP_TOPICS);
    format!("{prefix}-{topic}-{}", number + 1)
}

/// Deals out the memberships: few large groups, many small ones, some empty.
fn memberships(org: &mut Org, sizes: &Sizes) {
    let eligible: Vec<u32> =
        (0..place_of(org.users.len())).filter(|place| org.keep_deprovisioned || org.listed(*place)).collect();
    let first = usize::from(sizes.everyone);
    let wanted = group_sizes(sizes.groups, sizes.memberships, eligible.len());
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    org.random.shuffle(&mut order);
    let mut deck = eligible;
    for (size, at) in wanted.into_iter().zip(order) {
        for drawn in 0..size {
            let other = org.random.usize(drawn..deck.len());
            deck.swap(drawn, other);
        }
        if let Some(group) = org.groups.get_mut(first + at) {
            group.members = deck[..size].to_vec();
        }
    }
}

/// Sizes that fall as Zipf's law says, add up to `total` where the users suffice, and leave one group in 25 empty
/// (of those orgs that have 25).
fn group_sizes(groups: usize, total: usize, users: usize) -> Vec<usize> {
    let filled = groups - groups / 25;
    let mut sizes = vec![0_usize; groups];
    let cap = users.saturating_sub(users / 10).max(users.min(1));
    let mut left = total.min(filled * cap);
    // What exceeds the cap of one group is dealt to the others, in the same proportions, until nothing is left.
    while left > 0 {
        let open: Vec<usize> = (0..filled).filter(|at| sizes[*at] < cap).collect();
        let weight: f64 = open.iter().map(|at| weight_of(*at)).sum();
        let round = left;
        for at in open {
            let share = (round as f64 * weight_of(at) / weight).floor() as usize;
            let grown = share.max(1).min(cap - sizes[at]).min(left);
            sizes[at] += grown;
            left -= grown;
        }
    }
    sizes
}

fn weight_of(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(users: usize, groups: usize, memberships: usize, seed: u64) -> Org {
        let mut org = Org::empty("http://127.0.0.1:1".to_owned(), seed);
        fill(&mut org, Sizes { users, groups, memberships, apps: 0, everyone: true });
        org
    }

    #[test]
    fn sizes_have_a_long_tail_and_the_right_sum() {
        let sizes = group_sizes(1000, 200_000, 10_000);
        assert_eq!(sizes.iter().sum::<usize>(), 200_000);
        assert_eq!(sizes.iter().filter(|size| **size == 0).count(), 40);
        assert!(sizes[0] > 5_000 && sizes[0] <= 9_000, "the largest has {}", sizes[0]);
        assert!(sizes[500] < 100, "the median has {}", sizes[500]);
        assert_eq!(group_sizes(3, 100, 10).iter().sum::<usize>(), 27, "no more than the groups can take");
        assert_eq!(group_sizes(0, 100, 10), [0_usize; 0]);
        assert_eq!(group_sizes(2, 5, 0).iter().sum::<usize>(), 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_org() {
        let (one, two, other) = (org(300, 20, 900, 7), org(300, 20, 900, 7), org(300, 20, 900, 8));
        let all = |org: &Org| org.users.iter().map(|user| user.json.clone()).collect::<Vec<_>>();
        assert_eq!(all(&one), all(&two));
        assert_ne!(one.id, other.id);
        let members = |org: &Org| org.groups.iter().map(|group| group.members.clone()).collect::<Vec<_>>();
        assert_eq!(members(&one), members(&two));
        assert_eq!(members(&one).iter().map(Vec::len).sum::<usize>(), 900);
    }

    #[test]
    fn logins_are_unique_ascii_and_users_about_as_large_as_recorded() {
        let org = org(2000, 1, 0, 1);
        let mut logins: Vec<&str> = org.users.iter().map(|user| &*user.login).collect();
        logins.sort_unstable();
        logins.dedup();
        assert_eq!(logins.len(), 2000);
        assert!(logins.iter().all(|login| login.is_ascii()));
        let average = org.users.iter().map(|user| user.json.len()).sum::<usize>() / 2000;
        assert!((1000..1250).contains(&average), "a user has {average} bytes");
        let text = org.users.iter().map(|user| String::from_utf8_lossy(&user.json)).collect::<String>();
        assert!(text.chars().all(|sign| u32::from(sign) <= 0xffff));
    }
}
