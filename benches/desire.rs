//! Scope and mapping on their own: 100,000 users through the rules, the default templates and three regex filters. Prints
//! CPU time, and what is kept per user before and after: the text itself, and what is needed around it.
//!
//! `cargo bench --bench desire`; `ROUNDS` says how often (5), the median counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::hint::black_box;

use chrono::DateTime;
use compact_str::{CompactString, format_compact};
use sha2::{Digest as _, Sha256};
use usersyncd::sync::desire::{desire, wanted_attributes};
use usersyncd::sync::mapping::{Mapping, Template, UserView};
use usersyncd::sync::model::{
    AttributeValue, Member, People, Proof, SourceAddress, SourceGroup, SourceId, SourceSnapshot, SourceUser,
    Status, UserAttributes,
};
use usersyncd::sync::rename::Rename;
use usersyncd::sync::rules::{Globs, GroupRules, Inactive, Rules, Scope};
use usersyncd::target::directory::CAPABILITIES;

type Outcome<T> = Result<T, Box<dyn Error>>;

const USERS: usize = 100_000;
const GROUPS: usize = 1_000;
/// The goal, in seconds of CPU.
const GOAL: f64 = 1.5;

const FIRST: [&str; 8] = ["Ada", "Zoë", "Jean-Luc", "Grace", "Dmitriy", "Margaret", "Søren", "Barbara"];
const LAST: [&str; 8] =
    ["Lovelace", "Müller", "Picard", "Hopper", "O'Brien", "Hamilton", "Ærø", "van der Berg"];

fn main() -> Outcome<()> {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    // Memory first, and all of it kept: what is freed would be given out again and not be counted.
    let mut kept = Vec::new();
    println!("| kept per user                                  | text    | around it |");
    println!("|------------------------------------------------|--------:|----------:|");
    for (name, mapping) in mappings()?.into_iter().take(2) {
        let names: Vec<CompactString> = mapping.paths().into_iter().collect();
        let before = resident_bytes()?;
        let users = users(&names);
        let read = resident_bytes()?;
        row("source user", name, read - before, users.iter().map(source_text).sum());
        let mut mapped: Vec<UserAttributes> = Vec::with_capacity(users.len());
        for user in &users {
            mapped.push(mapping.map(UserView { names: &names, user }).map_err(|problem| problem.problem)?);
        }
        row("mapped", name, resident_bytes()? - read, mapped.iter().map(mapped_text).sum());
        kept.push((users, mapped));
    }
    println!("(resident memory, so the allocator's share is in it)\n");

    println!("{USERS} users, {GROUPS} groups, the median of {rounds} rounds");
    println!("| scope and mapping                 | CPU     | per user | goal    |");
    println!("|-----------------------------------|--------:|---------:|--------:|");
    for (name, mapping) in mappings()? {
        let rules = rules(mapping)?;
        let snapshot = snapshot(&rules);
        let mut times = Vec::new();
        for _ in 0..rounds {
            let start = cpu_nanoseconds()?;
            let desired = black_box(desire(&snapshot, &rules, &CAPABILITIES, DateTime::UNIX_EPOCH));
            times.push(cpu_nanoseconds()? - start);
            if desired.users.len() != USERS {
                return Err(format!(
                    "{} users are in scope: {:?}",
                    desired.users.len(),
                    desired.findings.first()
                )
                .into());
            }
        }
        let seconds = median(times);
        let per_user = seconds * 1e9 / USERS as f64;
        println!("| {name:<33} | {seconds:>5.3} s | {per_user:>5.0} ns | {GOAL:>5.1} s |");
    }
    drop(kept);
    println!("\n| mapping alone                     | evaluated | known by a digest |");
    println!("|-----------------------------------|----------:|------------------:|");
    for (name, mapping) in mappings()? {
        let (evaluated, known) = evaluated_and_known(&mapping, rounds)?;
        println!("| {name:<33} | {evaluated:>7.3} s | {known:>15.3} s |");
    }
    Ok(())
}

/// CPU seconds for evaluating the mapping of everybody; and for what would take its place if the results of an earlier run were
/// kept: a digest of each record, the look-up, and a copy of the result.
fn evaluated_and_known(mapping: &Mapping, rounds: usize) -> Outcome<(f64, f64)> {
    let names: Vec<CompactString> = mapping.paths().into_iter().collect();
    let users = users(&names);
    let map = |user| mapping.map(UserView { names: &names, user }).map_err(|problem| problem.problem);
    let digest = |user: &SourceUser| {
        let mut hasher = Sha256::new();
        for value in &user.attributes {
            if let AttributeValue::Text(text) = value {
                hasher.update(text.as_bytes());
            }
            hasher.update([0]);
        }
        hasher.finalize()
    };
    let mut results = HashMap::with_capacity(users.len());
    for user in &users {
        results.insert(digest(user), map(user)?);
    }
    let (mut evaluated, mut known) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = cpu_nanoseconds()?;
        let mapped: Vec<UserAttributes> = users.iter().map(map).collect::<Result<_, _>>()?;
        evaluated.push(cpu_nanoseconds()? - start);
        let start = cpu_nanoseconds()?;
        let found: Vec<UserAttributes> =
            users.iter().filter_map(|user| results.get(&digest(user)).cloned()).collect();
        known.push(cpu_nanoseconds()? - start);
        if black_box(found) != black_box(mapped) {
            return Err("what is known by a digest is not what is evaluated".into());
        }
    }
    Ok((median(evaluated), median(known)))
}

/// In seconds.
fn median(mut nanoseconds: Vec<u64>) -> f64 {
    nanoseconds.sort_unstable();
    nanoseconds.get(nanoseconds.len() / 2).copied().unwrap_or_default() as f64 / 1e9
}

/// Every kind of rule, none of which leaves anybody out.
fn rules(mapping: Mapping) -> Outcome<Rules> {
    let globs = |patterns: &[&str]| Globs::new(patterns).map_err(|(_, reason)| reason);
    let rename = Rename::new("^okta-(.+)$", "$1").map_err(|fault| fault.message)?;
    Ok(Rules {
        scope: Scope {
            include: globs(&["*@example.com"])?,
            exclude: globs(&["svc-*", "*@contractor.example.com"])?,
            required_groups: vec!["group-0".into()],
            ..Scope::default()
        },
        groups: GroupRules { rename: vec![rename], exclude: globs(&["*-test"])?, ..GroupRules::default() },
        inactive: Some(Inactive { days: 90, never_signed_in: true, except_groups: globs(&["robots"])? }),
        mapping,
        ..Rules::default()
    })
}

/// All users, in groups of the same size of which the first is that of everybody.
fn snapshot(rules: &Rules) -> SourceSnapshot {
    let names = wanted_attributes(rules);
    let users = users(&names);
    let mut people = People::default();
    let persons: Vec<u32> = users.iter().map(|user| people.intern(&user.id.0)).collect();
    let group = |number: usize| {
        let is_in = |at: &usize| number == 0 || at % GROUPS == number;
        let members = persons.iter().enumerate().filter(|(at, _)| is_in(at));
        let members = members.map(|(_, person)| Member { person: *person, status: Status::Active });
        SourceGroup {
            members_changed: Default::default(),
            members_from: Default::default(),
            changed: Default::default(),
            id: SourceId(format_compact!("00g{number:017}")),
            name: format_compact!("okta-group-{number}"),
            description: CompactString::default(),
            everyone: false,
            members: members.collect(),
            members_proof: Proof::Proven,
        }
    };
    SourceSnapshot {
        address: SourceAddress::default(),
        attribute_names: names.into(),
        groups: (0..GROUPS).map(group).collect(),
        people,
        users,
        began: None,
        users_proof: Proof::Proven,
        users_narrowed: false,
        of_one_user: false,
        of_changes: None,
        groups_proof: Proof::Proven,
        unreadable: BTreeSet::new(),
        absences: BTreeMap::new(),
        own_groups_asked: BTreeSet::new(),
        findings: Vec::new(),
    }
}

/// The default templates, the same with three regex filters, and one that needs every kind of statement.
fn mappings() -> Outcome<Vec<(&'static str, Mapping)>> {
    let template = |text: &str| Template::compile(text).map_err(|fault| fault.message);
    let mut regexes = Mapping {
        username: template(r"{{ profile.login | lower | regex_replace('@.*$', '') }}")?,
        email: template(r"{{ profile.email | regex_replace('^(.*)@(.*)$', '$1+okta@$2') }}")?,
        ..Mapping::default()
    };
    let team = template(r"{{ profile.department | regex_replace('[^A-Za-z]+', '-') }}")?;
    regexes.attributes = BTreeMap::from([("team".into(), team)]);
    let mut statements = regexes.clone();
    statements.display_name = template(
        "{% set name = profile.firstName ~ ' ' ~ profile.lastName %}{% if profile.department is startingwith('Eng') %}\
         {{ name | ascii }} ({{ profile.department | truncate(3) }}){% else %}{{ name }}{% endif %}",
    )?;
    Ok(vec![
        ("default templates", Mapping::default()),
        ("default and three regex filters", regexes),
        ("with set, if and ascii as well", statements),
    ])
}

fn users(names: &[CompactString]) -> Vec<SourceUser> {
    let user = |number: usize| {
        let (first, last) = (FIRST[number % 8], LAST[number / 8 % 8]);
        let text = |path: &str| match path {
            "profile.login" | "profile.email" => format_compact!("{first}.Person{number}@example.com"),
            "profile.firstName" => first.into(),
            "profile.lastName" => last.into(),
            "profile.department" => ["Engineering & Research", "Sales", "Human Resources"][number % 3].into(),
            // As in most orgs, the display name is not set.
            _ => CompactString::default(),
        };
        let value = |path: &CompactString| match text(path) {
            text if text.is_empty() => AttributeValue::Absent,
            text => AttributeValue::Text(text),
        };
        SourceUser {
            id: SourceId(format_compact!("00u{number:017}")),
            status: Status::Active,
            attributes: names.iter().map(value).collect(),
        }
    };
    (0..USERS).map(user).collect()
}

fn source_text(user: &SourceUser) -> usize {
    let length = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Absent | AttributeValue::Json(_) => 0,
    };
    user.id.0.len() + user.attributes.iter().map(length).sum::<usize>()
}

fn mapped_text(user: &UserAttributes) -> usize {
    let fixed = [&user.username, &user.email, &user.first_name, &user.last_name, &user.display_name];
    let further = user.attributes.iter().map(|(_, value)| value);
    fixed.into_iter().chain(further).map(|text| text.len()).sum()
}

fn row(what: &str, mapping: &str, bytes: usize, text: usize) {
    let (bytes, text) = (bytes / USERS, text / USERS);
    let name = format!("{what}, {mapping}");
    println!("| {name:<46} | {text:>5} B | {:>7} B |", bytes.saturating_sub(text));
}

/// CPU time of this process so far (proc(5), /proc/pid/schedstat; there is one thread).
fn cpu_nanoseconds() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Resident memory of this process (proc(5), /proc/pid/status, VmRSS in KiB).
fn resident_bytes() -> Outcome<usize> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}
