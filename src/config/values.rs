//! Single values: from the text that somebody wrote to what it means, or to a complaint with advice.

use std::net::SocketAddr;
use std::time::Duration;

use chrono_tz::Tz;
use url::{Host, Url};

use super::mask::{holds_a_token, quoted};
use super::text::Complaint;
use crate::sync::mapping::{DEFAULTS, Template};
use crate::sync::model::Status;
use crate::sync::rules::Limit;

/// The one of `words` that is closest to `word`, if it is close enough to be meant.
pub(crate) fn closest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short, so a long word is not worth the square of its length.
    let lower: String = word.chars().take(64).collect::<String>().to_lowercase();
    let allowed = (lower.chars().count() / 3).clamp(1, 3);
    let words: Vec<&str> = words.collect();
    let continues = |longer: &str, shorter: &str| shorter.len() >= 4 && longer.starts_with(shorter);
    let is_part = |candidate: &&&str| {
        let candidate = candidate.to_lowercase();
        continues(&candidate, &lower) || continues(&lower, &candidate)
    };
    if let Some(candidate) = words.iter().find(is_part) {
        return Some(candidate);
    }
    words
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "a, b or c", each in backquotes.
pub(super) fn alternatives<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// The one of `words` that `text` means. YAML's older spellings of yes and no mean `on` and `off` where those are words.
pub(super) fn word(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let spelled = match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => "on",
        "off" | "false" | "no" => "off",
        _ => text,
    };
    words
        .iter()
        .copied()
        .find(|word| *word == text)
        .or_else(|| words.iter().copied().find(|word| *word == spelled))
}

/// A duration such as `5m`, `1h30m`, `0s` or `7d`: units d, h, m and s, each at most once, the larger first; at most
/// 366 days.
pub(super) fn duration(text: &str) -> Result<Duration, Complaint> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
    const LONGEST: u64 = 366 * 86_400;
    let complaint = || {
        let complaint = Complaint::new(format!("{} is not a duration.", quoted(text)));
        if (1..=9).contains(&text.len()) && text.chars().all(|character| character.is_ascii_digit()) {
            complaint.advise(format!("Add the unit: `{text}s`, `{text}m`, `{text}h` or `{text}d`."))
        } else {
            complaint.advise("Write whole numbers with units, the larger first: `90s`, `5m`, `1h30m`, `7d`.")
        }
    };
    let (mut seconds, mut number, mut units) = (0u64, None, UNITS.iter());
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            number = Some(number.unwrap_or(0u64).saturating_mul(10).saturating_add(u64::from(digit)));
            continue;
        }
        let (_, factor) = units.find(|(unit, _)| *unit == character).ok_or_else(complaint)?;
        let count = number.take().ok_or_else(complaint)?;
        seconds = seconds.saturating_add(count.saturating_mul(*factor));
    }
    if number.is_some() || text.is_empty() {
        return Err(complaint());
    }
    if seconds > LONGEST {
        return Err(Complaint::new(format!("{} is longer than a year.", quoted(text)))
            .advise("Write at most `366d`."));
    }
    Ok(Duration::from_secs(seconds))
}

/// A duration from `least` to `most` seconds.
pub(super) fn duration_within(text: &str, least: u64, most: u64) -> Result<Duration, Complaint> {
    let duration = duration(text)?;
    if (least..=most).contains(&duration.as_secs()) {
        return Ok(duration);
    }
    let written = |seconds| super::effective::duration(Duration::from_secs(seconds));
    let what = if duration.as_secs() < least { "short" } else { "long" };
    Err(Complaint::new(format!("{} is too {what} a time.", quoted(text))).advise(format!(
        "Write a duration from `{}` to `{}`.",
        written(least),
        written(most)
    )))
}

/// Whole hundredths, written with a percent sign.
fn percent(text: &str) -> Option<u64> {
    text.strip_suffix('%').and_then(|number| whole_number(number.trim_end()))
}

/// Digits only: no sign, no separators.
fn whole_number(text: &str) -> Option<u64> {
    text.chars().all(|character| character.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `1%` to `100%`.
pub(super) fn budget(text: &str) -> Result<u8, Complaint> {
    let hundredths = percent(text).and_then(|number| u8::try_from(number).ok());
    hundredths.filter(|number| (1..=100).contains(number)).ok_or_else(|| {
        let complaint = Complaint::new(format!("{} is not a percentage from 1% to 100%.", quoted(text)));
        match whole_number(text).filter(|number| (1..=100).contains(number)) {
            Some(number) => complaint.advise(format!("Write `{number}%`.")),
            None => complaint.advise(
                "Write the share of Okta's rate limits that may be used as a whole percentage; the default is `50%`.",
            ),
        }
    })
}

/// `off`, a whole number, or whole hundredths.
pub(super) fn limit(text: &str) -> Result<Limit, Complaint> {
    if word(text, &["on", "off"]) == Some("off") {
        return Ok(Limit::Off);
    }
    let hundredths =
        percent(text).and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= 100);
    let limit = hundredths.map(Limit::Percent).or_else(|| whole_number(text).map(Limit::Count));
    limit.ok_or_else(|| {
        Complaint::new(format!("{} is not a limit.", quoted(text))).advise(
            "Write a whole number (`25`), a whole percentage up to 100 (`10%`), or `off` for no limit.",
        )
    })
}

/// A whole number.
pub(super) fn count(text: &str) -> Result<u64, Complaint> {
    whole_number(text).ok_or_else(|| {
        Complaint::new(format!("{} is not a whole number.", quoted(text)))
            .advise("Write digits only, such as `10`.")
    })
}

/// A whole number that is not 0.
pub(super) fn positive(text: &str) -> Result<u64, Complaint> {
    match count(text)? {
        0 => Err(Complaint::new(format!("{} is too few.", quoted(text))).advise("Write at least `1`.")),
        number => Ok(number),
    }
}

/// The longest time of not signing in, in days: ten years.
pub(super) const MOST_DAYS: u32 = 3_650;

/// Days of not signing in.
pub(super) fn days(text: &str) -> Result<u32, Complaint> {
    let number = count(text).map_err(|complaint| match text.strip_suffix('d').and_then(whole_number) {
        Some(number) => complaint.advise(format!("Write `{number}`: it is a number of days.")),
        None => complaint,
    })?;
    if number == 0 {
        return Err(Complaint::new(
            "With 0 days everybody who is not signing in right now would be a leaver.",
        )
        .advise("Write a number such as `90`, or `inactive: off`."));
    }
    u32::try_from(number).ok().filter(|days| *days <= MOST_DAYS).ok_or_else(|| {
        Complaint::new(format!("{} days are more than ten years.", quoted(text)))
            .advise(format!("Write a number up to {MOST_DAYS}, such as `90`, or `inactive: off`."))
    })
}

/// The name of a group.
pub(super) fn group_name(text: &str) -> Result<(), Complaint> {
    if text.trim().is_empty() {
        return Err(Complaint::new("No group has an empty name.").advise("Remove it."));
    }
    if text.trim() != text {
        return Err(Complaint::new(format!(
            "{} begins or ends with white space, which no name does.",
            quoted(text)
        ))
        .advise(format!("Write {}.", quoted(text.trim()))));
    }
    Ok(())
}

/// Okta's name of a status.
pub(super) fn status(text: &str) -> Result<Status, Complaint> {
    match Status::from_okta(text) {
        Status::Unknown => {
            let names = || Status::KNOWN.iter().map(|status| status.as_str());
            let complaint = Complaint::new(format!("{} is not a status of Okta users.", quoted(text)));
            Err(match closest(text, names()) {
                Some(name) => complaint.advise(format!("Did you mean `{name}`?")),
                None => complaint.advise(format!("Okta's statuses are {}.", alternatives(names()))),
            })
        }
        status => Ok(status),
    }
}

/// A pattern on names; whether it is well formed is found when all of a list are compiled together.
pub(super) fn glob(text: &str) -> Result<(), Complaint> {
    if !text.is_empty() {
        return Ok(());
    }
    Err(Complaint::new("An empty pattern matches no name.").advise("Remove it, or write `*` for every name."))
}

/// The name of a time zone.
pub(super) fn timezone(text: &str) -> Result<Tz, Complaint> {
    text.parse().map_err(|_| {
        let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let city = |name: &str| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
        let meant = names().find(|name| city(name)).or_else(|| closest(text, names()));
        let complaint = Complaint::new(format!("{} is not a time zone.", quoted(text)));
        match meant {
            Some(name) => complaint.advise(format!("Did you mean `{name}`?")),
            None => complaint
                .advise("Write a name of the IANA time zone database, such as `Europe/Berlin` or `UTC`."),
        }
    })
}

/// A template over the Okta user.
pub(super) fn template(text: &str) -> Result<Template, Complaint> {
    Template::compile(text).map_err(|fault| {
        Complaint::reported(&fault.message, fault.advice.as_deref()).at(fault.offset, fault.length)
    })
}

/// Names of further attributes, for editors.
pub(super) const ATTRIBUTE_PATTERN: &str = "^[A-Za-z0-9_.-]{1,64}$";

/// The name of a further attribute.
pub(super) fn attribute_name(text: &str) -> Result<(), Complaint> {
    if DEFAULTS.iter().any(|(name, _)| *name == text) {
        return Err(Complaint::new(format!("`{text}` is no further attribute: it has a key of its own."))
            .advise(format!("Write `{text}` under `mapping`, beside `attributes`.")));
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    if (1..=64).contains(&text.len()) && text.chars().all(is_part) {
        return Ok(());
    }
    Err(Complaint::new(format!("{} cannot be the name of an attribute.", quoted(text)))
        .advise("Use up to 64 letters (a-z, A-Z), digits, underscores, dots and dashes."))
}

/// Somebody may write the secret itself where the place of it belongs.
fn refuse_token(text: &str) -> Result<(), Complaint> {
    if !holds_a_token(text) {
        return Ok(());
    }
    Err(Complaint::new("This looks like the secret itself, which must not stand in this file.").advise(
        "Write the name of the place where the secret is kept, and replace the secret by a new one: others may have read this file.",
    ))
}

/// The client id of a service app.
pub(super) fn client_id(text: &str) -> Result<(), Complaint> {
    const AS: &str = "Write the client id that Okta shows on the app's page, which mostly begins with `0oa`.";
    refuse_token(text)?;
    if text.is_empty() {
        return Err(Complaint::new("The client id is empty.").advise(AS));
    }
    if text.len() <= 100 && text.chars().all(|letter| letter.is_ascii_graphic() && !":/".contains(letter)) {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not a client id.", quoted(text))).advise(AS))
}

/// The id of a public key (`kid`).
pub(super) fn key_id(text: &str) -> Result<(), Complaint> {
    const AS: &str = "Write the id (`kid`) that Okta shows beside the app's public key, or remove `key_id`.";
    if text.is_empty() {
        return Err(Complaint::new("The id of the key is empty.").advise(AS));
    }
    if text.len() <= 255 && text.chars().all(|letter| letter.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not the id of a key.", quoted(text))).advise(AS))
}

/// Scopes, for editors.
pub(super) const SCOPE_PATTERN: &str = r"^okta(\.[A-Za-z0-9]+)+\.read$";

/// What a service app asks for: a right to read something through Okta's own API.
pub(super) fn scope(text: &str) -> Result<(), Complaint> {
    refuse_token(text)?;
    let (begin, right) = text.rsplit_once('.').unwrap_or((text, ""));
    let is_name = begin.strip_prefix("okta.").is_some_and(|name| {
        name.split('.')
            .all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric()))
    });
    match right {
        "read" if is_name => Ok(()),
        "manage" if is_name => Err(Complaint::new(format!(
            "{} would let the daemon change Okta, which it never does.",
            quoted(text)
        ))
        .advise(format!("Write `{begin}.read`, and grant the app no more than that."))),
        _ => {
            let complaint =
                Complaint::new(format!("{} is not a scope of Okta's API for reading.", quoted(text)));
            Err(match text.split([' ', ',']).filter(|part| part.starts_with("okta.")).count() {
                0 | 1 => complaint.advise("Write scopes such as `okta.users.read`."),
                _ => complaint.advise("Write each scope as an item of its own."),
            })
        }
    }
}

/// The name of a credential: a file name.
pub(super) fn credential(text: &str) -> Result<(), Complaint> {
    refuse_token(text)?;
    let is_name = !matches!(text, "" | "." | "..") && text.len() <= 255;
    if is_name && !text.chars().any(|character| character == '/' || character.is_control()) {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not the name of a credential.", quoted(text))).advise(
        "Write the name alone, as in systemd's `LoadCredential=NAME:/path`; for a file elsewhere write `{ file: /path }`.",
    ))
}

/// A path, absolute or relative to the directory of the file it stands in.
pub(super) fn path(text: &str) -> Result<(), Complaint> {
    refuse_token(text)?;
    if text.is_empty() || text.contains('\0') {
        return Err(Complaint::new("A path is needed here."));
    }
    if text.starts_with('~') {
        return Err(Complaint::new(format!(
            "{} begins with `~`, which only a shell replaces.",
            quoted(text)
        ))
        .advise("Write the whole path."));
    }
    Ok(())
}

/// A part of a command line, which is any text that execve(2) takes.
pub(super) fn argument(text: &str) -> Result<(), Complaint> {
    if text.contains('\0') {
        return Err(Complaint::new("An argument cannot contain a null character.").advise("Remove it."));
    }
    Ok(())
}

/// The address of a webhook, which is a secret: the error is the end of a sentence and shows nothing of it.
pub(super) fn webhook(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) => false,
        None => return Err("names no host"),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err("is plain http, which would show it and what is told to the network"),
        _ => Err("does not begin with https://"),
    }
}

/// The longest path of a socket: `sun_path` of unix(7) has 108 bytes, the last of which is 0.
const LONGEST_SOCKET: usize = 107;

/// The path of a Unix socket.
pub(super) fn socket(text: &str) -> Result<(), Complaint> {
    path(text)?;
    if text.len() > LONGEST_SOCKET {
        return Err(Complaint::new(format!(
            "The path of a socket has at most {LONGEST_SOCKET} bytes, this has {}.",
            text.len()
        ))
        .advise("Write a shorter path, such as /run/usersyncd/control.sock."));
    }
    Ok(())
}

/// The name of an environment variable.
pub(super) fn variable(text: &str) -> Result<(), Complaint> {
    refuse_token(text)?;
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if !text.is_empty()
        && text.chars().all(is_name)
        && !text.starts_with(|first: char| first.is_ascii_digit())
    {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not the name of an environment variable.", quoted(text)))
        .advise("Write the name of the variable that holds the secret, not the secret, as in `OKTA_TOKEN`."))
}

/// An address and port to listen on, or `off`.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, Complaint> {
    if word(text, &["on", "off"]) == Some("off") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let complaint = Complaint::new(format!("{} is not an address with a port.", quoted(text)));
        let port = text.trim_start_matches("localhost").trim_start_matches(':');
        match port.parse::<u16>() {
            Ok(port) => complaint.advise(format!("Write `127.0.0.1:{port}` for this host alone.")),
            Err(_) => complaint
                .advise("Write an address and a port, as in `127.0.0.1:9845` or `[::1]:9845`, or `off`."),
        }
    })
}

/// The name of a group of this host.
pub(super) fn group(text: &str) -> Result<(), Complaint> {
    let is_bad = |character: char| character == ':' || character.is_whitespace() || character.is_control();
    if !text.is_empty() && !text.contains(is_bad) && text.len() <= 64 {
        return Ok(());
    }
    Err(Complaint::new(format!("{} is not the name of a group.", quoted(text)))
        .advise("Write a group of this host, as `getent group` lists them; the default is `usersyncd`."))
}
