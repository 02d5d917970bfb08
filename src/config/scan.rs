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

#[cfg(test)]
mod tests {
    use super::*;

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
        let second = Scan::read(directory.path()).unwrap();
        let same = |name: &str| first.entries()[name] == second.entries()[name];
        assert_eq!(["a", "b", "x", "y"].map(same), [true, true, true, false]);
        assert_ne!(first, second);
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
