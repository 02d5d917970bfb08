//! A connector written out again, with every default filled in: what `ctl show` prints. It is accepted as a connector file
//! and means the same.

use std::time::Duration;

use super::model::{Connector, Missed, OktaSettings, ScheduleSettings, SecretRef, TargetSettings};
use super::table::TEMPLATES;
use crate::sync::rules::{Globs, LeaverGroups, LeaverUsers, Limit, Rules};

/// The connector as YAML with every default filled in; secrets are named, never shown.
#[must_use]
pub fn effective_yaml(connector: &Connector) -> String {
    let mut yaml = source(&connector.source);
    yaml.push_str(match connector.target {
        TargetSettings::Directory => "\ntarget:\n  directory: {}\n",
    });
    yaml.push_str(
        &connector
            .schedule
            .as_ref()
            .map_or_else(|| "\n# no schedule: runs on demand only\n".to_owned(), schedule),
    );
    yaml.push_str(&rules(&connector.rules));
    yaml.push_str(if connector.apply { "\napply: on\n" } else { "\napply: off\n" });
    yaml
}

fn source(okta: &OktaSettings) -> String {
    let host = okta.origin.host_str().unwrap_or_default();
    let is_domain = okta.origin.scheme() == "https"
        && okta.origin.port().is_none()
        && matches!(okta.origin.host(), Some(url::Host::Domain(_)))
        && super::values::domain(host).is_ok();
    let address = if is_domain {
        format!("domain: {}", quote(host))
    } else {
        format!("url: {}", quote(okta.origin.as_str().trim_end_matches('/')))
    };
    let token = match &okta.token {
        SecretRef::Credential(name) => format!("credential: {}", quote(name)),
        SecretRef::File(path) => format!("file: {}", quote(&path.to_string_lossy())),
        SecretRef::Environment(name) => format!("env: {}", quote(name)),
    };
    let budget = okta.rate_budget;
    format!(
        "source:\n  okta:\n    {address}\n    auth:\n      api_token: {{ {token} }}\n    rate_budget: {budget}%\n"
    )
}

fn schedule(schedule: &ScheduleSettings) -> String {
    let missed = match schedule.missed {
        Missed::RunOnce => "run_once",
        Missed::Skip => "skip",
    };
    format!(
        "\nschedule:\n  cron: {}\n  timezone: {}\n  jitter: {}\n  missed: {missed}\n",
        quote(&schedule.expression),
        schedule.timezone.name(),
        duration(schedule.jitter),
    )
}

fn rules(rules: &Rules) -> String {
    let statuses: Vec<&str> = rules.scope.statuses.iter().map(|status| status.as_str()).collect();
    let mut yaml = format!("\nscope:\n  statuses: [{}]\n  required_groups: []\n", statuses.join(", "));
    yaml.push_str("  users:\n");
    put(&mut yaml, "    include: ", &list(&rules.scope.include));
    put(&mut yaml, "    exclude: ", &list(&rules.scope.exclude));
    yaml.push_str("\nmapping:\n");
    for (attribute, template) in TEMPLATES {
        put(&mut yaml, &format!("  {attribute}: "), &quote(template));
    }
    yaml.push_str("  attributes: {}\n\ngroups:\n  rename: []\n  unmatched: keep\n");
    put(&mut yaml, "  exclude: ", &list(&rules.groups.exclude));
    put(&mut yaml, "  include: ", &list(&rules.groups.include));
    yaml.push_str("  always: []\n\nprotected:\n");
    put(&mut yaml, "  users: ", &list(&rules.protected.users));
    put(&mut yaml, "  groups: ", &list(&rules.protected.groups));
    yaml.push_str("\nexisting: { users: skip, groups: skip }\n\nleavers:\n");
    put(
        &mut yaml,
        "  users: ",
        match rules.leavers.users {
            LeaverUsers::Disable => "disable",
            LeaverUsers::Delete => "delete",
            LeaverUsers::Anonymize => "anonymize",
            LeaverUsers::Keep => "keep",
        },
    );
    yaml.push_str("  grace: { absent: 0s, deactivated: 0s }\n  memberships: keep\n");
    put(
        &mut yaml,
        "  groups: ",
        match rules.leavers.groups {
            LeaverGroups::Empty => "empty",
            LeaverGroups::Delete => "delete",
            LeaverGroups::Keep => "keep",
        },
    );
    yaml.push_str("\nlimits:\n");
    let limits = &rules.limits;
    for (name, limit) in [
        ("leavers", limits.leavers),
        ("memberships", limits.memberships),
        ("groups", limits.groups),
        ("renames", limits.renames),
        ("creates", limits.creates),
    ] {
        put(&mut yaml, &format!("  {name}: "), &amount(limit));
    }
    put(&mut yaml, "  floor: ", &limits.floor.to_string());
    yaml
}

fn put(yaml: &mut String, key: &str, value: &str) {
    for part in [key, value, "\n"] {
        yaml.push_str(part);
    }
}

fn amount(limit: Limit) -> String {
    match limit {
        Limit::Off => "off".to_owned(),
        Limit::Count(count) => count.to_string(),
        Limit::Percent(hundredths) => format!("{hundredths}%"),
    }
}

fn list(globs: &Globs) -> String {
    let items: Vec<String> = globs.patterns().iter().map(|pattern| quote(pattern)).collect();
    format!("[{}]", items.join(", "))
}

/// Plain where that cannot be mistaken for anything else, else in double quotes, which YAML reads as JSON does.
fn quote(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "._-/".contains(character))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// `1h30m` and the like; `0s` for nothing.
fn duration(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut text = String::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if seconds >= length {
            text.push_str(&format!("{}{unit}", seconds / length));
            seconds %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for seconds in [0, 1, 59, 60, 90, 3_600, 5_400, 86_399, 86_400, 604_800, 694_861] {
            let written = duration(Duration::from_secs(seconds));
            assert_eq!(crate::config::values::duration(&written).unwrap().as_secs(), seconds, "{written}");
        }
    }

    #[test]
    fn only_harmless_words_go_without_quotes() {
        assert_eq!(quote("acme.okta.com"), "acme.okta.com");
        for text in ["off", "No", "null", "*-test", "7", "", "a b", "ä", "a:b", "~", "-"] {
            assert!(quote(text).starts_with('"'), "{text}");
        }
    }
}
