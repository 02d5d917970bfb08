//! `generate`: what a package installs, made by the program itself, so that it cannot say anything else than the program does.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::arguments::Shell;
use super::completion;
use super::exit::{Exit, Failure};
use super::manual;
use crate::config::schema;
use crate::telemetry::escape::escape;

/// Everybody may read them.
const MODE: u32 = 0o644;

/// Writes manual pages, completions and the schema into `directory`, each whole or not at all.
pub(super) fn run(directory: &Path) -> Result<Exit, Failure> {
    for (name, contents) in files() {
        let path = directory.join(name);
        write(&path, &contents).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!(
                    "{} could not be written: {error}; what comes behind it was not written either. Name a directory that you may \
                     write to",
                    escape(&path.display().to_string())
                ),
            )
        })?;
    }
    Ok(Exit::Done)
}

/// The files, by their paths in the directory.
fn files() -> Vec<(String, String)> {
    let pages = manual::pages().into_iter().map(|page| (format!("man/{}", page.file), page.roff));
    let scripts = [
        (Shell::Bash, "completions/usersyncd.bash"),
        (Shell::Zsh, "completions/_usersyncd"),
        (Shell::Fish, "completions/usersyncd.fish"),
    ];
    let scripts = scripts.map(|(shell, path)| (path.to_owned(), completion::script(shell)));
    let schema = ("connector.schema.json".to_owned(), format!("{:#}\n", schema::schema()));
    pages.chain(scripts).chain([schema]).collect()
}

fn write(path: &Path, contents: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(contents.as_bytes())?;
    // Exactly this mode, whatever the umask.
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_whole_with_mode_644_and_are_the_same_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("not/there/yet");
        assert_eq!(run(&place).map_err(|failure| failure.message), Ok(Exit::Done));
        let old = place.join("man/usersyncd.8");
        let first = std::fs::read(&old).unwrap();
        std::fs::write(&old, "older").unwrap();
        assert_eq!(run(&place).map_err(|failure| failure.message), Ok(Exit::Done));
        assert_eq!(std::fs::read(&old).unwrap(), first);
        let mut seen = Vec::new();
        for folder in ["man", "completions", "."] {
            for entry in std::fs::read_dir(place.join(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
                    assert_eq!(mode, 0o644, "{:?}", entry.path());
                    seen.push(entry.file_name().into_string().unwrap());
                }
            }
        }
        // Nothing half-written is left.
        assert_eq!(seen.len(), files().len(), "{seen:?}");
        for expected in [
            "usersyncd.8",
            "usersyncd-run.8",
            "usersyncd-check.8",
            "usersyncd-schema.8",
            "usersyncd-ctl.8",
            "usersyncd-ctl-sync.8",
            "usersyncd-ctl-directory-members.8",
            "usersyncd.yaml.5",
            "usersyncd-connector.5",
            "usersyncd.bash",
            "_usersyncd",
            "usersyncd.fish",
            "connector.schema.json",
        ] {
            assert!(seen.iter().any(|name| name == expected), "{expected} in {seen:?}");
        }
        assert!(!seen.iter().any(|name| name.contains("generate") || name.contains("help")), "{seen:?}");
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("file");
        std::fs::write(&place, "").unwrap();
        let failure = run(&place).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.message.contains("file/man/usersyncd.8"), "{}", failure.message);
    }
}
