//! Logs: one line per event on standard error, as text that a person reads or as JSON. Under systemd, text goes into the journal
//! with fields, so that `journalctl USERSYNCD_CONNECTOR=acme USERSYNCD_RUN=17` finds what belongs together.
//!
//! Only this crate speaks at the configured level; of its dependencies only warnings and errors are heard. The fields
//! `connector` and `run` of the surrounding spans stand in front: `INFO acme run 17: 12 users created`.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer as _;
use serde::ser::SerializeMap;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload;

use super::escape::escape;
use super::journal::{self, Journal};
use crate::clock::Clock;
use crate::config::model::{LogFormat, LogLevel};

/// The crate whose events are wanted at the configured level.
const OWN_CRATE: &str = "usersyncd";

/// Changes the level while the program runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogHandle(reload::Handle<Targets, Registry>);

impl LogHandle {
    /// From now on events of this crate less severe than `level` are not written.
    pub fn set(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then there is nothing left to write to.
        drop(self.0.reload(targets(level)));
    }
}

/// Starts logging to standard error for the whole process. The error is a sentence; it can only be that something else
/// logs already.
pub fn init(level: LogLevel, format: LogFormat) -> Result<LogHandle, String> {
    let journal = stderr_is_the_journal();
    let lines = Lines {
        format,
        clock: (!journal).then(Clock::system),
        priorities: journal,
        // JSON is for programs that read lines, so it stays what was written.
        journal: if journal && format == LogFormat::Text {
            Journal::open(Path::new(journal::SOCKET)).ok()
        } else {
            None
        },
        write: |line: &str| {
            // Nobody can be told that standard error is gone.
            drop(std::io::stderr().lock().write_all(line.as_bytes()));
        },
    };
    let (filter, handle) = reload::Layer::new(targets(level));
    tracing::subscriber::set_global_default(Registry::default().with(filter).with(lines))
        .map_err(|error| format!("logging could not be started: {error}"))?;
    Ok(LogHandle(handle))
}

impl LogLevel {
    /// All levels, the most severe first.
    pub const ALL: [LogLevel; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The name as in usersyncd.yaml and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level of that name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(name))
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

fn targets(level: LogLevel) -> Targets {
    let others = level.filter().min(LevelFilter::WARN);
    Targets::new().with_default(others).with_target(OWN_CRATE, level.filter())
}

/// Whether standard error goes to the journal, which then adds times of its own: `$JOURNAL_STREAM` names the device and
/// inode of the stream, and a child may have inherited the variable without the stream (systemd.exec(5)).
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    std::fs::metadata("/proc/self/fd/2").is_ok_and(|stderr| names_stream(&stream, stderr.dev(), stderr.ino()))
}

fn names_stream(journal_stream: &str, device: u64, inode: u64) -> bool {
    journal_stream
        .split_once(':')
        .is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

/// Writes each event as one line.
struct Lines<W> {
    format: LogFormat,
    /// None where whoever reads the lines adds the time.
    clock: Option<Clock>,
    /// Whether each line begins with its severity as the journal reads it (sd-daemon(3)): `<6>`.
    priorities: bool,
    /// Where entries go with their fields; what it does not take is written as a line.
    journal: Option<Journal>,
    write: W,
}

/// The fields of spans that stand in front of a line.
#[derive(Clone, Debug, Default)]
struct Origin {
    connector: Option<String>,
    run: Option<String>,
}

impl Origin {
    fn take(&mut self, name: &str, value: &Value) -> bool {
        let place = match name {
            "connector" => &mut self.connector,
            "run" => &mut self.run,
            _ => return false,
        };
        *place = Some(plain(value));
        true
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut origin =
            span.parent().and_then(|parent| parent.extensions().get::<Origin>().cloned()).unwrap_or_default();
        attributes.record(&mut Fields(|name: &str, value: Value| {
            origin.take(name, &value);
        }));
        span.extensions_mut().insert(origin);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(origin) = span.extensions_mut().get_mut::<Origin>() {
            record.record(&mut Fields(|name: &str, value: Value| {
                origin.take(name, &value);
            }));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line {
            time: self.clock.as_ref().map(Clock::now),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            origin: context
                .event_span(event)
                .and_then(|span| span.extensions().get::<Origin>().cloned())
                .unwrap_or_default(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut Fields(|name: &str, value: Value| {
            if name == "message" {
                line.message = plain(&value);
            } else if !line.origin.take(name, &value) {
                line.fields.push((name.to_owned(), value));
            }
        }));
        let mut text = String::with_capacity(160);
        if let Some(journal) = &self.journal {
            line.write_text(&mut text);
            if line.send(journal, &text).is_ok() {
                return;
            }
            text.clear();
        }
        if self.priorities {
            text.push('<');
            text.push_str(priority(line.level));
            text.push('>');
        }
        match self.format {
            LogFormat::Text => line.write_text(&mut text),
            LogFormat::Json => line.write_json(&mut text),
        }
        text.push('\n');
        (self.write)(&text);
    }
}

/// How severe a line is for the journal (syslog(3)).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// All that one line says.
struct Line<'a> {
    time: Option<DateTime<Utc>>,
    level: Level,
    target: &'a str,
    origin: Origin,
    message: String,
    fields: Vec<(String, Value)>,
}

impl Line<'_> {
    /// Hands the line, as `text`, to the journal, with the fields by which it can be found.
    fn send(&self, journal: &Journal, text: &str) -> std::io::Result<()> {
        let mut fields = vec![
            ("PRIORITY", priority(self.level)),
            ("SYSLOG_IDENTIFIER", OWN_CRATE),
            ("MESSAGE", text),
            ("USERSYNCD_TARGET", self.target),
        ];
        fields.extend(self.origin.connector.as_deref().map(|connector| ("USERSYNCD_CONNECTOR", connector)));
        fields.extend(self.origin.run.as_deref().map(|run| ("USERSYNCD_RUN", run)));
        journal.send(&fields)
    }

    fn write_text(&self, text: &mut String) {
        if let Some(time) = self.time {
            text.push_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true));
            text.push(' ');
        }
        text.push_str(self.level.as_str());
        text.push(' ');
        let mut speaker = Vec::new();
        if !is_own(self.target) {
            speaker.push(escape(self.target).into_owned());
        }
        if let Some(connector) = &self.origin.connector {
            speaker.push(escape(connector).into_owned());
        }
        if let Some(run) = &self.origin.run {
            speaker.push(format!("run {}", escape(run)));
        }
        if !speaker.is_empty() {
            text.push_str(&speaker.join(" "));
            text.push_str(": ");
        }
        text.push_str(&escape(&self.message));
        for (name, value) in &self.fields {
            text.push(' ');
            text.push_str(name);
            text.push('=');
            push_value(text, &plain(value));
        }
    }

    fn write_json(&self, text: &mut String) {
        let mut buffer = Vec::with_capacity(256);
        // The keys are strings and the sink is memory: this cannot fail.
        drop(self.serialize_to(&mut buffer));
        text.push_str(&String::from_utf8_lossy(&buffer));
    }

    fn serialize_to(&self, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut serializer = serde_json::Serializer::new(buffer);
        let mut map = serializer.serialize_map(None)?;
        if let Some(time) = self.time {
            map.serialize_entry("timestamp", &time.to_rfc3339_opts(SecondsFormat::Millis, true))?;
        }
        map.serialize_entry("level", &self.level.as_str().to_ascii_lowercase())?;
        map.serialize_entry("target", self.target)?;
        if let Some(connector) = &self.origin.connector {
            map.serialize_entry("connector", connector)?;
        }
        if let Some(run) = &self.origin.run {
            // A number as long as it is one.
            match run.parse::<u64>() {
                Ok(number) => map.serialize_entry("run", &number)?,
                Err(_) => map.serialize_entry("run", run)?,
            }
        }
        map.serialize_entry("message", &self.message)?;
        for (name, value) in &self.fields {
            if matches!(name.as_str(), "timestamp" | "level" | "target") {
                map.serialize_entry(&format!("field.{name}"), value)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

fn is_own(target: &str) -> bool {
    target.split("::").next() == Some(OWN_CRATE)
}

/// The value in the text form: quoted where a reader could not tell where it ends.
fn push_value(text: &mut String, value: &str) {
    let safe = escape(value);
    if safe.is_empty() || safe.contains([' ', '"', '=']) {
        text.push('"');
        text.push_str(&safe.replace('"', "\\\""));
        text.push('"');
    } else {
        text.push_str(&safe);
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Hands every field to a closure, as JSON.
struct Fields<F>(F);

impl<F: FnMut(&str, Value)> Visit for Fields<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0(field.name(), Value::from(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0(field.name(), Value::from(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0(field.name(), Value::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0(field.name(), Value::from(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0(field.name(), Value::from(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.0(field.name(), Value::from(text));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0(field.name(), Value::from(format!("{value:?}")));
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
