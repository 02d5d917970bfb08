//! Goes through a tree with the table of keys and complains about everything that does not fit.

use std::path::Path;

use super::diagnostic::{Checked, Diagnostic, Severity};
use super::form::Form;
use super::mask::{printable, quoted};
use super::scalar;
use super::table::{Key, Kind, SECRET, home_of, join};
use super::text::{Complaint, Region, Text};
use super::tree::{self, Entry, Node, Value};
use super::values::{alternatives, closest};

/// More diagnostics than anybody reads.
pub(super) const MOST_DIAGNOSTICS: usize = 100;

/// More errors, and more warnings, than are ever kept: beyond this they are counted only, so that a file full of mistakes
/// is judged quickly.
const MOST_KEPT: usize = 1_000;

/// Something that was complained about.
struct Remark {
    severity: Severity,
    /// Absent where it concerns the whole file.
    region: Option<Region>,
    complaint: Complaint,
}

/// A file that is being checked.
pub(super) struct Checker {
    file: std::path::PathBuf,
    table: &'static [Key],
    text: Text,
    remarks: Vec<Remark>,
    errors: usize,
    warnings: usize,
}

impl Checker {
    /// Parses `contents`, which is to have the keys of `table`. Only an empty file gives neither a tree nor a diagnostic.
    pub(super) fn new(file: &Path, contents: &str, table: &'static [Key]) -> (Self, Option<Node>) {
        let parsed = tree::parse(contents);
        let mut text = Text::new(file, contents);
        for region in parsed.root.iter().flat_map(Node::secrets) {
            text.hide(region);
        }
        let mut checker =
            Self { file: file.to_path_buf(), table, text, remarks: Vec::new(), errors: 0, warnings: 0 };
        for (region, complaint) in parsed.complaints {
            checker.error(region, complaint);
        }
        (checker, parsed.root)
    }

    /// True if there was no error so far.
    pub(super) fn is_clean(&self) -> bool {
        self.errors == 0
    }

    pub(super) fn error(&mut self, region: Region, complaint: Complaint) {
        self.add(Severity::Error, Some(region), complaint);
    }

    pub(super) fn warning(&mut self, region: Region, complaint: Complaint) {
        self.add(Severity::Warning, Some(region), complaint);
    }

    /// An error about a scalar, at the place in it that the complaint names.
    pub(super) fn fault(&mut self, node: &Node, mut complaint: Complaint) {
        let region = match (complaint.at.take(), node.scalar()) {
            // Where nothing is shown, nothing is pointed at either.
            (Some(bytes), Some(value)) if !self.text.is_hidden(node.region) => {
                scalar::region_of(&self.text, node.region, node.quotes, value, bytes)
            }
            _ => node.region,
        };
        self.error(region, complaint);
    }

    /// An error that concerns the whole file.
    pub(super) fn file_error(&mut self, complaint: Complaint) {
        self.add(Severity::Error, None, complaint);
    }

    fn add(&mut self, severity: Severity, region: Option<Region>, complaint: Complaint) {
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MOST_KEPT {
            self.remarks.push(Remark { severity, region, complaint });
        }
    }

    /// The result: `value` unless there was an error, and the diagnostics in the order of the file.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Checked<T> {
        let value = value.filter(|_| self.is_clean());
        let place = |remark: &Remark| remark.region.map(|region| self.text.place(region));
        self.remarks.sort_by_key(|remark| (remark.severity, place(remark)));
        self.remarks.truncate(MOST_DIAGNOSTICS);
        self.remarks.sort_by_key(place);
        let more = self.errors + self.warnings - self.remarks.len();
        let make = |remark: Remark| self.text.diagnostic(remark.severity, remark.region, remark.complaint);
        let mut diagnostics: Vec<Diagnostic> = self.remarks.into_iter().map(make).collect();
        if more > 0 {
            let message = format!("There are {more} more; the first {MOST_DIAGNOSTICS} are shown.");
            let severity = if value.is_some() { Severity::Warning } else { Severity::Error };
            diagnostics.push(Diagnostic::of_file(severity, &self.file, message, None));
        }
        Checked { value, diagnostics }
    }

    /// Checks the mapping at the root of the file.
    pub(super) fn root(&mut self, root: &Node) {
        match &root.value {
            Value::Mapping(entries) => {
                self.entries(entries, self.table, "");
                for (key, advice) in missing(entries, self.table) {
                    self.file_error(
                        Complaint::new(format!("The key `{}` is missing.", key.name)).advise(advice),
                    );
                }
            }
            Value::Broken => {}
            _ => {
                let complaint = Complaint::new(format!(
                    "The file must be a mapping of keys to values, but it is {}.",
                    root.describe()
                ));
                self.error(root.region, complaint.advise(format!("Its keys are {}.", offered(self.table))));
            }
        }
    }

    fn entries(&mut self, entries: &[Entry], keys: &'static [Key], path: &str) {
        for entry in entries {
            let inner = join(path, &entry.key);
            match keys.iter().find(|key| key.name == entry.key) {
                Some(key) => self.value(entry, key, &inner),
                // `<<` with an alias, which was complained about already.
                None if entry.key == "<<" && matches!(entry.value.value, Value::Broken) => {}
                None => self.unknown(entry, keys, path),
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, keys: &'static [Key], path: &str) {
        if self.errors >= MOST_KEPT {
            self.errors += 1;
            return;
        }
        let place = if path.is_empty() { "here".to_owned() } else { format!("under `{path}`") };
        // Somebody may write the secret where the key belongs.
        let name = if self.text.is_hidden(entry.region) {
            "What stands here".to_owned()
        } else {
            quoted(&entry.key)
        };
        let complaint = Complaint::new(format!("{name} is not a key that is known {place}."));
        let names = || keys.iter().map(|key| key.name);
        let advice = if let Some(name) = closest(&entry.key, names()) {
            format!("Did you mean `{name}`?")
        } else if let Some(place) = home_of(&entry.key, self.table, "") {
            match place.as_str() {
                "" => format!("`{}` belongs to the top level of the file: check its indentation.", entry.key),
                place => format!("`{}` belongs under `{place}`.", entry.key),
            }
        } else if keys.is_empty() {
            "Nothing can be set here: write `{}`.".to_owned()
        } else {
            format!("Known {place}: {}.", offered(keys))
        };
        self.error(entry.region, complaint.advise(advice));
    }

    fn value(&mut self, entry: &Entry, key: &'static Key, path: &str) {
        let node = &entry.value;
        if matches!(node.value, Value::Broken) {
            return;
        }
        if matches!(node.value, Value::Null) && !matches!(key.kind, Kind::Empty | Kind::Elsewhere(_)) {
            let advice = match (key.required, key.kind) {
                (Some(advice), _) => advice,
                (None, Kind::Secret) => "Write `{ credential: NAME }`, `{ file: /path }` or `{ env: NAME }`.",
                (None, Kind::Many(_)) => "Write a list, `[]` for an empty one, or remove the key.",
                (None, _) => "Write its value behind or, indented, under it, or remove the key.",
            };
            self.error(entry.region, Complaint::new(format!("`{path}` has no value.")).advise(advice));
            return;
        }
        match key.kind {
            Kind::Section(keys) => self.section(entry, keys, path),
            Kind::OneOf(keys) => self.one_of(entry, keys, path),
            Kind::Secret => self.secret(entry, path),
            Kind::Empty if matches!(node.value, Value::Null) => {}
            Kind::Empty => self.section(entry, &[], path),
            Kind::One(form) => self.one(node, form, path),
            Kind::Many(form) => drop(self.many(entry, form, path)),
            Kind::Some(form, reason) => self.some(entry, form, path, reason),
            Kind::Each(form, name) => self.each(entry, form, name, path),
            Kind::Rules(keys) => self.rules(entry, keys, path),
            Kind::OneOrSection(_, keys) if matches!(node.value, Value::Mapping(_)) => {
                self.section(entry, keys, path);
            }
            Kind::OneOrSection(form, keys) => {
                let advice = match node.scalar().map(|text| form.check(text, path)) {
                    Some(Ok(())) => return,
                    Some(Err(complaint)) => complaint.advice,
                    None => None,
                };
                let complaint = Complaint::new(format!(
                    "`{path}` must be {} or a mapping of keys to values, but it is {}.",
                    form.expected(),
                    self.describe(node)
                ));
                let advice = advice.unwrap_or_else(|| format!("Its keys are {}.", offered(keys)));
                self.error(node.region, complaint.advise(advice));
            }
            Kind::Elsewhere(advice) => {
                let complaint = Complaint::new(format!("`{path}` does not belong into this file."));
                self.error(entry.region, complaint.advise(advice));
            }
        }
    }

    fn section(&mut self, entry: &Entry, keys: &'static [Key], path: &str) {
        let Some(entries) = self.mapping(entry, keys, path) else { return };
        self.entries(entries, keys, path);
        self.missing(entries, keys, path, entry.region);
    }

    /// Complains about each required key that `entries` do not have.
    fn missing(&mut self, entries: &[Entry], keys: &'static [Key], path: &str, region: Region) {
        for (key, advice) in missing(entries, keys) {
            let complaint =
                Complaint::new(format!("`{path}` needs the key `{}`, which is missing.", key.name));
            self.error(region, complaint.advise(advice));
        }
    }

    /// A mapping of names that whoever writes the file chooses.
    fn each(&mut self, entry: &Entry, form: Form, name: fn(&str) -> Result<(), Complaint>, path: &str) {
        let Value::Mapping(entries) = &entry.value.value else {
            let complaint = Complaint::new(format!(
                "`{path}` must be a mapping of names to values, but it is {}.",
                self.describe(&entry.value)
            ));
            let advice =
                format!("Write `NAME: VALUE` on lines of their own under it, each {}.", form.expected());
            self.error(entry.value.region, complaint.advise(advice));
            return;
        };
        for entry in entries {
            if let Err(complaint) = name(&entry.key) {
                self.error(entry.region, complaint);
            }
            let path = join(path, &printable(&entry.key));
            match &entry.value.value {
                Value::Broken => {}
                Value::Null => {
                    let complaint = Complaint::new(format!("{} has no value.", quoted(&path)));
                    self.error(entry.region, complaint.advise("Write its value behind it, or remove it."));
                }
                _ => self.one(&entry.value, form, &path),
            }
        }
    }

    /// A list of mappings.
    fn rules(&mut self, entry: &Entry, keys: &'static [Key], path: &str) {
        let names = || keys.iter().map(|key| key.name).collect::<Vec<_>>().join("` and `");
        let Value::Sequence(items) = &entry.value.value else {
            let complaint = Complaint::new(format!(
                "`{path}` must be a list, but it is {}.",
                self.describe(&entry.value)
            ));
            let advice = format!("Write a dash before each rule; its keys are `{}`.", names());
            self.error(entry.value.region, complaint.advise(advice));
            return;
        };
        for item in items {
            match &item.value {
                Value::Mapping(entries) => {
                    self.entries(entries, keys, path);
                    let region = entries.first().map_or(item.region, |first| first.region);
                    self.missing(entries, keys, path, region);
                }
                Value::Broken => {}
                _ => {
                    let complaint = Complaint::new(format!(
                        "Each item of `{path}` must be a mapping of keys to values, but this is {}.",
                        self.describe(item)
                    ));
                    self.error(item.region, complaint.advise(format!("Its keys are `{}`.", names())));
                }
            }
        }
    }

    fn one_of(&mut self, entry: &Entry, keys: &'static [Key], path: &str) {
        let Some(entries) = self.mapping(entry, keys, path) else { return };
        self.entries(entries, keys, path);
        let mut given = entries.iter().filter(|entry| keys.iter().any(|key| key.name == entry.key));
        match given.next() {
            None if entries.is_empty() => {
                let complaint = Complaint::new(format!("`{path}` is empty."));
                self.error(entry.region, complaint.advise(format!("Write {} under it.", offered(keys))));
            }
            // Only unknown keys, which were complained about.
            None => {}
            Some(first) => {
                for second in given {
                    let complaint = Complaint::new(format!(
                        "`{path}` has both `{}` and `{}`, but takes one only.",
                        first.key, second.key
                    ));
                    self.error(
                        second.region,
                        complaint.advise(match path {
                            "source" | "target" => "Keep one of them; for both, write two connector files.",
                            _ => "Keep one of them.",
                        }),
                    );
                }
            }
        }
    }

    fn secret(&mut self, entry: &Entry, path: &str) {
        if let Value::Scalar(_) | Value::Sequence(_) = entry.value.value {
            let complaint = Complaint::new(format!("`{path}` says where the secret is kept; the secret itself must not stand in this file."))
                .advise("Write `{ credential: NAME }`, `{ file: /path }` or `{ env: NAME }`. If a secret was written here, replace it by a new one: others may have read this file.");
            self.error(entry.value.region, complaint);
            return;
        }
        self.one_of(entry, SECRET, path);
    }

    /// The entries of a mapping, or an error.
    fn mapping<'a>(&mut self, entry: &'a Entry, keys: &'static [Key], path: &str) -> Option<&'a [Entry]> {
        match &entry.value.value {
            Value::Mapping(entries) => return Some(entries),
            _ => {
                let complaint = Complaint::new(format!(
                    "`{path}` must be a mapping of keys to values, but it is {}.",
                    self.describe(&entry.value)
                ));
                let advice = if keys.is_empty() {
                    "Write `{}`.".to_owned()
                } else {
                    format!("Its keys are {}.", offered(keys))
                };
                self.error(entry.value.region, complaint.advise(advice));
            }
        }
        None
    }

    /// What it is, for a sentence; no secret.
    fn describe(&self, node: &Node) -> String {
        if self.text.is_hidden(node.region) { "a text".to_owned() } else { node.describe() }
    }

    fn one(&mut self, node: &Node, form: Form, path: &str) {
        match &node.value {
            Value::Scalar(text) => {
                if let Err(complaint) = form.check(text, path) {
                    self.fault(node, complaint);
                }
            }
            _ => {
                let complaint = Complaint::new(format!(
                    "`{path}` must be {}, but it is {}.",
                    form.expected(),
                    self.describe(node)
                ));
                self.error(node.region, complaint);
            }
        }
    }

    /// True if it is a list that has an item.
    fn many(&mut self, entry: &Entry, form: Form, path: &str) -> bool {
        match &entry.value.value {
            Value::Sequence(items) => {
                for item in items {
                    self.item(item, form, path);
                }
                return !items.is_empty();
            }
            Value::Scalar(text) => {
                let complaint = Complaint::new(format!(
                    "`{path}` must be a list, but it is {}.",
                    self.describe(&entry.value)
                ));
                let item = serde_json::Value::from(text.as_str());
                let advice = if quoted(text).trim_matches('`') == text {
                    format!("Write [{item}].")
                } else {
                    "Write [...].".to_owned()
                };
                self.error(entry.value.region, complaint.advise(advice));
            }
            _ => {
                let complaint = Complaint::new(format!(
                    "`{path}` must be a list, but it is {}.",
                    self.describe(&entry.value)
                ));
                let advice = "Write each item behind a dash, or all of them in [...]; text that begins with `{` needs quotes.";
                self.error(entry.value.region, complaint.advise(advice));
            }
        }
        true
    }

    fn item(&mut self, item: &Node, form: Form, path: &str) {
        match &item.value {
            Value::Scalar(text) => {
                if let Err(complaint) = form.check(text, path) {
                    self.fault(item, complaint);
                }
            }
            Value::Broken => {}
            Value::Null => {
                let complaint = Complaint::new(format!("An item of `{path}` is empty."));
                self.error(
                    item.region,
                    complaint.advise("Remove it, or put quotes around it if it is a name."),
                );
            }
            _ => {
                let complaint = Complaint::new(format!(
                    "Each item of `{path}` must be {}, but this is {}.",
                    form.expected(),
                    self.describe(item)
                ));
                self.error(
                    item.region,
                    complaint
                        .advise("Text that begins with `{` or `[`, or that contains `: `, needs quotes."),
                );
            }
        }
    }

    fn some(&mut self, entry: &Entry, form: Form, path: &str, reason: &str) {
        if !self.many(entry, form, path) {
            let complaint = Complaint::new(format!("`{path}` is empty: {reason}."));
            self.error(
                entry.value.region,
                complaint.advise("Remove the key for the default, or name what is meant."),
            );
        }
    }
}

/// The keys that work, as alternatives.
fn offered(keys: &[Key]) -> String {
    let works = |key: &&Key| !matches!(key.kind, Kind::Elsewhere(_));
    alternatives(keys.iter().filter(works).map(|key| key.name))
}

/// Each required key that `entries` do not have, and what to write.
fn missing(entries: &[Entry], keys: &'static [Key]) -> Vec<(&'static Key, &'static str)> {
    let has = |key: &Key| entries.iter().any(|entry| entry.key == key.name);
    keys.iter().filter(|key| !has(key)).filter_map(|key| key.required.map(|advice| (key, advice))).collect()
}
