//! From YAML files to checked types: [`model`] says what a valid file means, the rest reads, checks and watches files.
//!
//! A file is read within limits (`read`), parsed into a tree that knows where everything stands (`tree`), and compared
//! with the table of all keys (`table`, `check`); single values are judged in `values`, `search` and `form`, and what
//! concerns several keys where the result is made (`connector`, `rules`, `settings`, `notify`). `scalar` finds a place inside a
//! value, `mask` hides what must not be shown; `authorities` reads `tls.ca`. [`mod@schema`] and [`mod@reference`] are made of the same table.
//!
//! Nothing here talks to a network or to the store.

mod address;
mod authorities;
mod check;
mod connector;
pub mod diagnostic;
mod effective;
mod fitting;
mod form;
mod mask;
pub mod model;
mod notify;
mod read;
pub mod reference;
mod rules;
mod scalar;
pub mod scan;
mod schedule;
pub mod schema;
mod search;
mod secret;
mod settings;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod values;
pub mod watch;

use std::path::{Path, PathBuf};

use check::Checker;
use diagnostic::{Checked, Diagnostic, Severity};
use model::{Connector, Settings};
use secret::Environment;
use text::Complaint;

pub use address::{EXAMPLE_DOMAIN, is_of_the_examples};
pub use authorities::read_authorities;
pub use effective::{effective_yaml, rules_yaml};
pub(crate) use schedule::TOKEN_LIFE;
pub use secret::Remark;
pub(crate) use values::closest;

/// Reads and checks `usersyncd.yaml`. A missing file is all defaults, unless `must_exist`. Warns about secrets that cannot be
/// read: nobody is told anything then, which keeps nothing from being synced.
#[must_use]
pub fn check_settings(path: &Path, must_exist: bool) -> Checked<Settings> {
    check_settings_in(path, must_exist, Some(&|name| std::env::var_os(name)))
}

fn check_settings_in(
    path: &Path,
    must_exist: bool,
    environment: Option<Environment<'_>>,
) -> Checked<Settings> {
    let directory = connector::directory_of(path);
    let bytes = match read::read(path, read::LARGEST_FILE) {
        Ok(bytes) => bytes,
        Err(read::Unread::Missing) if !must_exist => {
            return Checked { value: Some(Settings::defaults(&directory)), diagnostics: Vec::new() };
        }
        Err(unread) => return refused(of_file(path, unread.complaint("The file"))),
    };
    let text = match read::decode(path, &bytes) {
        Ok(text) => text,
        Err(diagnostic) => return refused(diagnostic),
    };
    let (mut checker, root) = Checker::new(path, &text, table::SETTINGS);
    let settings = match root {
        Some(root) if !root.is_nothing() => settings::build(&mut checker, &root, &directory, environment),
        _ => Settings::defaults(&directory),
    };
    checker.finish(Some(settings))
}

/// Reads and checks one connector file. Never follows a path out of what the file says, never reads secrets' contents
/// into the result; warns about secret files that others can read, and errs about ones that cannot be read.
#[must_use]
pub fn check_connector(path: &Path) -> Checked<Connector> {
    check_connector_in(path, Some(&|name| std::env::var_os(name)))
}

/// The same where secrets are not at hand, as in a build that tests rules: the place of the secret is checked as it is
/// written, and neither read nor looked for.
#[must_use]
pub fn check_connector_without_secrets(path: &Path) -> Checked<Connector> {
    check_connector_in(path, None)
}

fn check_connector_in(path: &Path, environment: Option<Environment<'_>>) -> Checked<Connector> {
    let bytes = match read::read(path, read::LARGEST_FILE) {
        Ok(bytes) => bytes,
        Err(unread) => return refused(of_file(path, unread.complaint("The file"))),
    };
    match read::decode(path, &bytes) {
        Ok(text) => check_connector_text(path, &text, read::digest(&bytes), environment),
        Err(diagnostic) => refused(diagnostic),
    }
}

/// What an earlier version of a connector file meant, its secrets neither read nor looked for; none if this version of the
/// program would not take it any more.
#[must_use]
pub fn earlier_version(path: &Path, text: &str) -> Option<Connector> {
    check_connector_text(path, text, read::digest(text.as_bytes()), None).value
}

fn check_connector_text(
    path: &Path,
    text: &str,
    digest: String,
    environment: Option<Environment<'_>>,
) -> Checked<Connector> {
    let (mut checker, root) = Checker::new(path, text, table::CONNECTOR);
    if connector::name(path).is_none() {
        checker.file_error(
            Complaint::new("The name of the file cannot be the name of a connector.").advise(
                "Use up to 64 letters (a-z, A-Z), digits, dots, underscores and dashes before .yaml, and begin with a letter, a digit or an underscore.",
            ),
        );
    }
    let directory = connector::directory_of(path);
    let connector = match root {
        Some(root) if !root.is_nothing() => {
            let origin = connector::Origin { path, directory: &directory, digest, text };
            connector::build(&mut checker, &root, origin, environment)
        }
        _ => {
            if checker.is_clean() {
                let complaint = Complaint::new("The file is empty, but a connector needs a source.");
                checker.file_error(complaint.advise(
                    "Write `source:` and under it `okta:` with `domain` and `auth`, or remove the file.",
                ));
            }
            None
        }
    };
    checker.finish(connector)
}

/// The `*.yaml` entries of a connectors directory, sorted by name, whatever they are (a directory named x.yaml is an
/// entry, and [`check_connector`] says what is wrong with it). Hidden files are left out.
///
/// The error concerns the directory as a whole: nothing may be concluded about the files in it.
pub fn connector_files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    Ok(visible_files(directory)?.into_iter().filter(|path| has_extension(path, "yaml")).collect())
}

/// A warning for each file of a connectors directory that looks like a connector file and is not taken for one, since its
/// name ends in `.yml`.
pub fn overlooked_files(directory: &Path) -> Result<Vec<Diagnostic>, Diagnostic> {
    let overlooked = visible_files(directory)?.into_iter().filter(|path| {
        path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("yml")
                || (extension.eq_ignore_ascii_case("yaml") && extension != "yaml")
        })
    });
    let advice = "Rename it to end in .yaml if it is a connector.";
    let warn = |path: PathBuf| {
        Diagnostic::of_file(
            Severity::Warning,
            &path,
            "This file is ignored: its name does not end in .yaml.",
            Some(advice.to_owned()),
        )
    };
    Ok(overlooked.map(warn).collect())
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension == wanted)
}

fn visible_files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let unread = |error: std::io::Error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
            std::io::ErrorKind::NotADirectory => "it is not a directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        let complaint = Complaint::new(format!("The directory of connector files cannot be read: {reason}."));
        of_file(directory, complaint.advise("Make the directory and let the user that runs usersyncd read it, or correct `connectors` in usersyncd.yaml."))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn of_file(path: &Path, complaint: Complaint) -> Diagnostic {
    Diagnostic::of_file(Severity::Error, path, complaint.message, complaint.advice)
}

fn refused<T>(diagnostic: Diagnostic) -> Checked<T> {
    Checked { value: None, diagnostics: vec![diagnostic] }
}
