//! A connector written out again, with every default filled in: what `ctl show` prints. It is accepted as a connector file
//! and means the same.

use std::time::Duration;

use compact_str::CompactString;

use super::model::{
    Auth, CLOUD, ChangesFrom, Connector, ConnectorNotify, Event, IncrementalSettings, Missed, OktaSettings,
    Product, ScheduleSettings, SecretRef, SignIn, TargetSettings,
};
use crate::sync::mapping::Mapping;
use crate::sync::rules::{
    Globs, GroupRules, Inactive, LeaverGroups, LeaverMemberships, LeaverUsers, Leavers, Limit, Limits,
    OnExisting, Rules,
};

/// The connector as YAML with every default filled in; secrets are named, never shown.
#[must_use]
pub fn effective_yaml(connector: &Connector) -> String {
    let mut yaml = source(&connector.source);
    yaml.push_str(&target(&connector.target));
    yaml.push_str(
        &connector
            .schedule
            .as_ref()
            .map_or_else(|| "\n# no schedule: runs on demand only\n".to_owned(), schedule),
    );
    yaml.push_str(&rules_yaml(&connector.rules));
    yaml.push_str(if connector.apply { "\napply: on\n" } else { "\napply: off\n" });
    match &connector.source.authorities {
        Some(file) => put(&mut yaml, "\ntls: ", &format!("{{ ca: {} }}", quote(&file.to_string_lossy()))),
        None => yaml.push_str("\n# no tls: the certificate authorities that this host trusts\n"),
    }
    yaml.push_str(&notify(&connector.notify));
    yaml
}

fn target(target: &TargetSettings) -> String {
    let TargetSettings::Server(server) = target else { return "\ntarget:\n  directory: {}\n".to_owned() };
    let mut yaml = format!("\ntarget:\n  {}:\n", server.product.key());
    match (server.product, server.cloud_directory()) {
        (Product::AtlassianCloud, Some((origin, directory))) => {
            put(&mut yaml, "    directory: ", &quote(directory));
            if origin != CLOUD {
                put(&mut yaml, "    url: ", &quote(origin));
            }
        }
        _ => put(&mut yaml, "    url: ", &quote(server.url.as_str().trim_end_matches('/'))),
    }
    match &server.sign_in {
        SignIn::Token(token) => put(&mut yaml, "    token: ", &secret(token)),
        SignIn::Password { user, password } => {
            let key = if server.product == Product::Crowd { "application" } else { "username" };
            put(&mut yaml, &format!("    {key}: "), &quote(user));
            put(&mut yaml, "    password: ", &secret(password));
        }
    }
    yaml
}

fn secret(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Credential(name) => format!("{{ credential: {} }}", quote(name)),
        SecretRef::File(path) => format!("{{ file: {} }}", quote(&path.to_string_lossy())),
        SecretRef::Environment(name) => format!("{{ env: {} }}", quote(name)),
    }
}

fn notify(notify: &ConnectorNotify) -> String {
    if *notify == ConnectorNotify::default() {
        return "\n# no notify: what usersyncd.yaml says counts\n".to_owned();
    }
    let mut yaml = "\nnotify:\n".to_owned();
    if let Some(on) = &notify.on {
        let events: Vec<&str> = on.iter().copied().map(Event::as_str).collect();
        put(&mut yaml, "  on: ", &format!("[{}]", events.join(", ")));
    }
    if let Some(webhook) = &notify.webhook {
        yaml.push_str("  webhook:\n");
        put(&mut yaml, "    url: ", &secret(&webhook.url));
        if let Some(key) = &webhook.key {
            put(&mut yaml, "    key: ", &secret(key));
        }
        put(&mut yaml, "    timeout: ", &duration(webhook.timeout));
    }
    yaml
}

fn source(okta: &OktaSettings) -> String {
    let host = okta.origin.host_str().unwrap_or_default();
    let is_domain = okta.origin.scheme() == "https"
        && okta.origin.port().is_none()
        && matches!(okta.origin.host(), Some(url::Host::Domain(_)))
        && super::address::domain(host).is_ok();
    let address = if is_domain {
        format!("domain: {}", quote(host))
    } else {
        format!("url: {}", quote(okta.origin.as_str().trim_end_matches('/')))
    };
    let mut yaml = format!("source:\n  okta:\n    {address}\n    auth:\n");
    auth(&mut yaml, &okta.auth);
    put(&mut yaml, "    rate_budget: ", &format!("{}%", okta.rate_budget));
    put(&mut yaml, "    skinny_users: ", if okta.skinny_users { "on" } else { "off" });
    for (kind, search) in [("users", &okta.users_search), ("groups", &okta.groups_search)] {
        if let Some(search) = search {
            yaml.push_str(&format!("    {kind}: {{ search: {} }}\n", quote(search)));
        }
    }
    match &okta.app {
        Some(app) => put(&mut yaml, "    app: ", &quote(app)),
        None if okta.users_search.is_none() && okta.groups_search.is_none() => {
            let who = match okta.auth {
                Auth::ApiToken(_) => "token",
                Auth::ServiceApp(_) => "service app",
            };
            yaml.push_str(&format!("    # no search and no app: all that the {who} may see\n"));
        }
        None => {}
    }
    yaml
}

fn auth(yaml: &mut String, auth: &Auth) {
    let app = match auth {
        Auth::ApiToken(token) => return put(yaml, "      api_token: ", &secret(token)),
        Auth::ServiceApp(app) => app,
    };
    yaml.push_str("      service_app:\n");
    put(yaml, "        client_id: ", &quote(&app.client_id));
    put(yaml, "        private_key: ", &secret(&app.private_key));
    if let Some(id) = &app.key_id {
        put(yaml, "        key_id: ", &quote(id));
    }
    match app.algorithm {
        Some(algorithm) => put(yaml, "        algorithm: ", algorithm.as_str()),
        None => yaml.push_str("        # no algorithm: as the key says\n"),
    }
    put(yaml, "        scopes: ", &format!("[{}]", app.scopes.join(", ")));
}

fn schedule(schedule: &ScheduleSettings) -> String {
    let missed = match schedule.missed {
        Missed::RunOnce => "run_once",
        Missed::Skip => "skip",
    };
    let incremental = match schedule.incremental {
        Some(IncrementalSettings { every, from }) => {
            let from = if from == ChangesFrom::SystemLog { "system_log" } else { "lists" };
            format!("  incremental: {{ every: {}, from: {from} }}\n", duration(every))
        }
        None => String::new(),
    };
    format!(
        "\nschedule:\n  cron: {}\n  timezone: {}\n  jitter: {}\n  missed: {missed}\n{incremental}",
        quote(&schedule.expression),
        schedule.timezone.name(),
        duration(schedule.jitter),
    )
}

/// The rules of a connector file, defaults filled in: equal texts mean the same.
#[must_use]
pub fn rules_yaml(rules: &Rules) -> String {
    let statuses: Vec<&str> = rules.scope.statuses.iter().map(|status| status.as_str()).collect();
    let mut yaml = format!("\nscope:\n  statuses: [{}]\n", statuses.join(", "));
    put(&mut yaml, "  required_groups: ", &names(&rules.scope.required_groups));
    yaml.push_str("  users:\n");
    put(&mut yaml, "    include: ", &list(&rules.scope.include));
    put(&mut yaml, "    exclude: ", &list(&rules.scope.exclude));
    mapping(&mut yaml, &rules.mapping);
    groups(&mut yaml, &rules.groups);
    yaml.push_str("\nprotected:\n");
    put(&mut yaml, "  users: ", &list(&rules.protected.users));
    put(&mut yaml, "  groups: ", &list(&rules.protected.groups));
    let existing = |what: OnExisting| match what {
        OnExisting::Skip => "skip",
        OnExisting::Adopt | OnExisting::AdoptHeld => "adopt",
    };
    yaml.push_str(&format!(
        "\nexisting: {{ users: {}, groups: {} }}\n",
        existing(rules.existing.users),
        existing(rules.existing.groups)
    ));
    leavers(&mut yaml, &rules.leavers);
    match &rules.inactive {
        None => yaml.push_str("\ninactive: off\n"),
        Some(rule) => inactive(&mut yaml, rule),
    }
    limits(&mut yaml, &rules.limits);
    yaml
}

fn mapping(yaml: &mut String, mapping: &Mapping) {
    yaml.push_str("\nmapping:\n");
    for (name, template) in [
        ("username", &mapping.username),
        ("email", &mapping.email),
        ("first_name", &mapping.first_name),
        ("last_name", &mapping.last_name),
        ("display_name", &mapping.display_name),
    ] {
        put(yaml, &format!("  {name}: "), &quote(template.text()));
    }
    yaml.push_str(if mapping.attributes.is_empty() { "  attributes: {}\n" } else { "  attributes:\n" });
    for (name, template) in &mapping.attributes {
        put(yaml, &format!("    {}: ", quote(name)), &quote(template.text()));
    }
}

fn groups(yaml: &mut String, groups: &GroupRules) {
    yaml.push_str(if groups.rename.is_empty() {
        "\ngroups:\n  rename: []\n"
    } else {
        "\ngroups:\n  rename:\n"
    });
    for rule in &groups.rename {
        yaml.push_str(&format!("    - {{ match: {}, to: {} }}\n", quote(rule.pattern()), quote(rule.to())));
    }
    put(yaml, "  unmatched: ", if groups.drop_unmatched { "drop" } else { "keep" });
    put(yaml, "  exclude: ", &list(&groups.exclude));
    put(yaml, "  include: ", &list(&groups.include));
    put(yaml, "  always: ", &names(&groups.always));
}

fn leavers(yaml: &mut String, leavers: &Leavers) {
    yaml.push_str("\nleavers:\n");
    let users = match leavers.users {
        LeaverUsers::Disable => "disable",
        LeaverUsers::Delete => "delete",
        LeaverUsers::Anonymize => "anonymize",
        LeaverUsers::Keep => "keep",
    };
    put(yaml, "  users: ", users);
    let (absent, deactivated) = (duration(leavers.grace.absent), duration(leavers.grace.deactivated));
    yaml.push_str(&format!("  grace: {{ absent: {absent}, deactivated: {deactivated} }}\n"));
    match &leavers.memberships {
        LeaverMemberships::Keep => put(yaml, "  memberships: ", "keep"),
        LeaverMemberships::Remove { except } => {
            yaml.push_str(&format!("  memberships: {{ remove: all, except: {} }}\n", list(except)));
        }
    }
    let groups = match leavers.groups {
        LeaverGroups::Empty => "empty",
        LeaverGroups::Delete => "delete",
        LeaverGroups::Keep => "keep",
    };
    put(yaml, "  groups: ", groups);
}

fn inactive(yaml: &mut String, rule: &Inactive) {
    yaml.push_str("\ninactive:\n");
    put(yaml, "  days: ", &rule.days.to_string());
    put(yaml, "  from: ", "last_login");
    put(yaml, "  never_signed_in: ", if rule.never_signed_in { "disable" } else { "keep" });
    put(yaml, "  except_groups: ", &list(&rule.except_groups));
}

fn limits(yaml: &mut String, limits: &Limits) {
    yaml.push_str("\nlimits:\n");
    for (name, limit) in [
        ("leavers", limits.leavers),
        ("memberships", limits.memberships),
        ("groups", limits.groups),
        ("renames", limits.renames),
        ("creates", limits.creates),
    ] {
        put(yaml, &format!("  {name}: "), &amount(limit));
    }
    put(yaml, "  floor: ", &limits.floor.to_string());
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
    names(globs.patterns())
}

fn names(names: &[CompactString]) -> String {
    let items: Vec<String> = names.iter().map(|name| quote(name)).collect();
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
pub(super) fn duration(duration: Duration) -> String {
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
