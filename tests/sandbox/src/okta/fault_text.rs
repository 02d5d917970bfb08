//! Faults as a person types them: `members=503,times=2,after=3,match=00g1`, on the command line and over HTTP.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Broken, Fault, FaultKind};

/// What a person may write, for error messages and for `--help`.
pub const FAULT_HELP: &str = "ROUTE=KIND[,times=N][,after=N][,match=TEXT][,record=ID]
routes: any users user user-groups roles me groups group members app app-users app-user app-groups app-group schema org
        token other
kinds:  a status such as 503 · too-many-at-once · not-found · reset · close · stall · delay:MS · slow:BYTES:MS · cut ·
        cut-chunked · half-json · html · redirect:URL · oversized:BYTES · no-links · same-next · endless-next ·
        endless-empty · stale-cursor · other-host:URL · empty · short:PAGES · without-id · wrong-profile · unknown-status · null-record ·
        twice · skip · narrowed:PERCENT[:PERCENT] (users, groups) · count-off:N · no-rate-headers · zero-limit ·
        reset-in-past · expires-early:MS (token)";

const WORDS: [(&str, FaultKind); 23] = [
    ("too-many-at-once", FaultKind::TooManyAtOnce),
    ("not-found", FaultKind::NotFound),
    ("reset", FaultKind::Reset),
    ("close", FaultKind::Close),
    ("stall", FaultKind::Stall),
    ("cut", FaultKind::CutBody),
    ("cut-chunked", FaultKind::CutChunked),
    ("half-json", FaultKind::HalfJson),
    ("html", FaultKind::HtmlPage),
    ("no-links", FaultKind::NoLinks),
    ("same-next", FaultKind::SameNext),
    ("endless-next", FaultKind::EndlessNext),
    ("endless-empty", FaultKind::EndlessEmpty),
    ("stale-cursor", FaultKind::StaleCursor),
    ("empty", FaultKind::EmptyList),
    ("without-id", FaultKind::BrokenRecord(Broken::WithoutId)),
    ("wrong-profile", FaultKind::BrokenRecord(Broken::ProfileOfWrongType)),
    ("unknown-status", FaultKind::BrokenRecord(Broken::UnknownStatus)),
    ("null-record", FaultKind::BrokenRecord(Broken::Null)),
    ("twice", FaultKind::BrokenRecord(Broken::Twice)),
    ("skip", FaultKind::Skip),
    ("no-rate-headers", FaultKind::NoRateHeaders),
    ("zero-limit", FaultKind::ZeroLimit),
];

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(status) = text.parse::<u16>() {
            return match (200..600).contains(&status) {
                true => Ok(Self::Status(status)),
                false => Err(format!("{status} is no HTTP status between 200 and 599")),
            };
        }
        if text == "reset-in-past" {
            return Ok(Self::ResetInPast);
        }
        if let Some((_, kind)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(kind.clone());
        }
        let (word, value) = text.split_once(':').unwrap_or((text, ""));
        let kind = match word {
            "delay" => Self::Delay(Duration::from_millis(number(word, value)?)),
            "expires-early" => Self::ExpiresEarly(Duration::from_millis(number(word, value)?)),
            "slow" => {
                let (bytes, pause) = value.split_once(':').unwrap_or((value, "10"));
                let bytes = number::<usize>(word, bytes)?.max(1);
                Self::SlowBody { bytes, every: Duration::from_millis(number(word, pause)?) }
            }
            "redirect" if !value.is_empty() => Self::Redirect(value.to_owned()),
            "oversized" => Self::Oversized(number(word, value)?),
            "other-host" if !value.is_empty() => Self::OtherHost(value.to_owned()),
            "short" => Self::ShortList(number(word, value)?),
            "narrowed" => {
                let (users, groups) = value.split_once(':').unwrap_or((value, value));
                Self::Narrowed { users: number(word, users)?, groups: number(word, groups)? }
            }
            "count-off" => Self::CountOff(number(word, value)?),
            _ => return Err(format!("'{text}' is no kind of fault; write {FAULT_HELP}")),
        };
        Ok(kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Delay(by) => write!(formatter, "delay:{}", by.as_millis()),
            Self::ExpiresEarly(life) => write!(formatter, "expires-early:{}", life.as_millis()),
            Self::SlowBody { bytes, every } => write!(formatter, "slow:{bytes}:{}", every.as_millis()),
            Self::Redirect(url) => write!(formatter, "redirect:{url}"),
            Self::Oversized(bytes) => write!(formatter, "oversized:{bytes}"),
            Self::OtherHost(url) => write!(formatter, "other-host:{url}"),
            Self::ShortList(pages) => write!(formatter, "short:{pages}"),
            Self::Narrowed { users, groups } => write!(formatter, "narrowed:{users}:{groups}"),
            Self::CountOff(by) => write!(formatter, "count-off:{by}"),
            Self::ResetInPast => formatter.write_str("reset-in-past"),
            kind => {
                let word = WORDS.iter().find(|(_, known)| known == kind).map_or("?", |(word, _)| word);
                formatter.write_str(word)
            }
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    /// Reads the form of [`FAULT_HELP`]. Errors are sentences.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.trim().split(',');
        let first = parts.next().unwrap_or_default();
        let (route, kind) =
            first.split_once('=').ok_or_else(|| format!("'{first}' is no fault; write {FAULT_HELP}"))?;
        let mut fault = Self::on(route.parse()?).kind(kind.parse()?);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fault = match name {
                "times" => fault.times(number(name, value)?),
                "after" => fault.after(number(name, value)?),
                "match" => fault.matching(value),
                "record" => fault.record(value),
                _ => return Err(format!("'{part}' is no word of a fault; write {FAULT_HELP}")),
            };
        }
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.route, self.kind)?;
        if let Some(times) = self.times {
            write!(formatter, ",times={times}")?;
        }
        if self.after > 0 {
            write!(formatter, ",after={}", self.after)?;
        }
        if let Some(text) = &self.matching {
            write!(formatter, ",match={text}")?;
        }
        if let Some(id) = &self.record {
            write!(formatter, ",record={id}")?;
        }
        Ok(())
    }
}

fn number<T: FromStr>(word: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("'{value}' is no fitting number for {word}; write {FAULT_HELP}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_alike() {
        let words = WORDS.iter().map(|(word, _)| format!("any={word}"));
        let others = [
            "members=503,times=2,after=3,match=00g1,record=00u1",
            "users=delay:20",
            "users=slow:7:3",
            "user=redirect:http://127.0.0.1:9/x",
            "groups=oversized:12",
            "group=other-host:https://elsewhere.example.com",
            "user-groups=short:2",
            "other=narrowed:50:60",
            "org=count-off:-3",
            "any=reset-in-past",
            "token=expires-early:2000,times=1",
        ];
        for text in words.chain(others.map(str::to_owned)) {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for text in [
            "",
            "members",
            "memberz=503",
            "members=99",
            "members=wrong",
            "users=503,often=2",
            "users=short:x",
        ] {
            let problem = text.parse::<Fault>().unwrap_err();
            assert!(problem.contains("write") || problem.contains("HTTP status"), "{text}: {problem}");
        }
    }
}
