//! What is in the connectors directory, by contents: events are hints only, this is what counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::{connector_files, read};

/// One look at the connectors directory. Two equal looks some time apart mean that nobody is writing (RULES 29).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    entries: BTreeMap<String, Entry>,
}

/// One file of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its contents in hex; none if it cannot be read ([`super::check_connector`] says why).
    pub digest: Option<String>,
}

/// What changed from one scan to another; names in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Only in the new one.
    pub added: Vec<String>,
    /// In both, with other contents, or readable in one of them only.
    pub changed: Vec<String>,
    /// Only in the old one.
    pub removed: Vec<String>,
    /// In both, with the same contents.
    pub unchanged: Vec<String>,
}

impl Changes {
    /// True if both scans saw the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl Scan {
    /// Reads every connector file of `directory`. A directory that cannot be read is an error, so that it is never
    /// mistaken for one whose files were removed; a file that cannot be read is an entry without a digest.
    pub fn read(directory: &Path) -> Result<Self, Diagnostic> {
        let entry = |path: PathBuf| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let contents = read::read(&path, read::LARGEST_FILE);
            (name, Entry { digest: contents.ok().map(|contents| read::digest(&contents)), path })
        };
        Ok(Self { entries: connector_files(directory)?.into_iter().map(entry).collect() })
    }

    /// The files by the names of their connectors.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }
}

/// What changed from `old` to `new`. An entry that cannot be read counts as unchanged only if it could not be read before.
#[must_use]
pub fn compare(old: &Scan, new: &Scan) -> Changes {
    let mut changes = Changes::default();
    for (name, entry) in &new.entries {
        let names = match old.entries.get(name) {
            None => &mut changes.added,
            Some(before) if before == entry => &mut changes.unchanged,
            Some(_) => &mut changes.changed,
        };
        names.push(name.clone());
    }
    changes.removed = old.entries.keys().filter(|name| !new.entries.contains_key(*name)).cloned().collect();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(files: &[(&str, Option<&str>)]) -> Scan {
        let entry = |(name, digest): &(&str, Option<&str>)| {
            let path = PathBuf::from(format!("/c/{name}.yaml"));
            ((*name).to_owned(), Entry { path, digest: digest.map(str::to_owned) })
        };
        Scan { entries: files.iter().map(entry).collect() }
    }

    #[test]
    fn every_name_is_in_exactly_one_list() {
        let old = scan(&[
            ("a", Some("1")),
            ("b", Some("1")),
            ("c", Some("1")),
            ("d", None),
            ("e", Some("1")),
            ("f", None),
        ]);
        let new = scan(&[
            ("a", Some("1")),
            ("b", Some("2")),
            ("d", None),
            ("e", None),
            ("f", Some("1")),
            ("g", Some("1")),
        ]);
        let changes = compare(&old, &new);
        assert_eq!(changes.added, ["g"]);
        assert_eq!(changes.changed, ["b", "e", "f"]);
        assert_eq!(changes.removed, ["c"]);
        assert_eq!(changes.unchanged, ["a", "d"]);
        assert!(!changes.is_empty());
    }

    #[test]
    fn a_scan_equals_itself() {
        let scan = scan(&[("a", Some("1")), ("b", None)]);
        assert!(compare(&scan, &scan).is_empty());
        assert!(compare(&Scan::default(), &Scan::default()).is_empty());
    }

    #[test]
    fn a_directory_is_read_by_contents() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("b.yaml"), "b").unwrap();
        std::fs::write(at("a.yaml"), "a").unwrap();
        std::fs::write(at(".hidden.yaml"), "h").unwrap();
        std::fs::write(at("a.yaml~"), "t").unwrap();
        std::fs::write(at("other.yml"), "o").unwrap();
        std::fs::create_dir(at("x.yaml")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("y.yaml")).unwrap();
        let first = Scan::read(directory.path()).unwrap();
        assert_eq!(first.entries().keys().collect::<Vec<_>>(), ["a", "b", "x", "y"]);
        assert_eq!(first.entries()["a"].digest, Some(read::digest(b"a")));
        assert_eq!(first.entries()["a"].path, at("a.yaml"));
        assert_eq!((&first.entries()["x"].digest, &first.entries()["y"].digest), (&None, &None));

        // Written again with the same contents, and a link that now leads somewhere.
        std::fs::write(at("a.yaml"), "a").unwrap();
        std::fs::write(at("nowhere"), "y").unwrap();
        let changes = compare(&first, &Scan::read(directory.path()).unwrap());
        assert_eq!(
            (changes.changed, changes.unchanged),
            (vec!["y".to_owned()], ["a", "b", "x"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_not_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let error = Scan::read(&directory.path().join("gone")).unwrap_err();
        assert!(error.message.ends_with("it does not exist."), "{error}");
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Scan::read(&file).unwrap_err().message.ends_with("it is not a directory."));
    }
}
