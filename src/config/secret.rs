//! Secrets, read from where the configuration says they are, at the moment they are used.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::mask::quoted;
use super::model::SecretRef;
use super::read::{Unread, read};
use super::text::{Complaint, Region};
use super::tree::Node;
use super::values;

/// The largest secret, in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The variable in which systemd says where credentials are (systemd.exec(5), "Credentials").
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Where systemd keeps those of the packaged service while it runs.
const OF_THE_SERVICE: &str = "/run/credentials/usersyncd.service";

/// The user as whom the packaged service runs.
const DAEMON: &str = "usersyncd";

/// Looks an environment variable up.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What a secret looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One line.
    Line,
    /// Several lines, as private keys have them.
    Lines,
}

/// What is to be said of a secret or its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What was seen, never the secret.
    pub seen: String,
    /// What to do about it, if that is known.
    pub fix: Option<String>,
}

impl From<Complaint> for Remark {
    fn from(complaint: Complaint) -> Self {
        Self { seen: complaint.message, fix: complaint.advice }
    }
}

impl SecretRef {
    /// Reads the secret now. The error is a sentence that names the place, never the secret.
    pub fn read(&self) -> Result<SecretString, String> {
        self.read_now(Shape::Line)
    }

    /// The same for a private key, which has several lines.
    pub fn read_key(&self) -> Result<SecretString, String> {
        self.read_now(Shape::Lines)
    }

    fn read_now(&self, shape: Shape) -> Result<SecretString, String> {
        self.read_from(&|name| std::env::var_os(name), shape).map_err(|complaint| match complaint.advice {
            Some(advice) => format!("{} {advice}", complaint.message),
            None => complaint.message,
        })
    }

    pub(super) fn read_from(
        &self,
        environment: Environment<'_>,
        shape: Shape,
    ) -> Result<SecretString, Complaint> {
        match self {
            Self::Credential(name) => {
                let directory = credentials_directory(name, environment)?;
                let path = directory.join(name);
                from_file(&path, &format!("The credential {}", quoted(name)), shape).map_err(|complaint| match complaint {
                    Fault::Unread(Unread::Missing) => {
                        Complaint::new(format!("The credential {} is not in {}.", quoted(name), directory.display())).advise(
                            format!("Add `LoadCredential={name}:/path/of/the/secret` to the unit and restart the service: a reload does not load credentials."),
                        )
                    }
                    Fault::Unread(unread) => unread.complaint(&format!("The credential {}", path.display())),
                    Fault::Unusable(complaint) => complaint,
                })
            }
            Self::File(path) => {
                let what = format!("The secret file {}", path.display());
                from_file(path, &what, shape).map_err(|fault| match fault {
                    Fault::Unread(unread) => unread.complaint(&what),
                    Fault::Unusable(complaint) => complaint,
                })
            }
            Self::Environment(name) => {
                let value = environment(name).ok_or_else(|| {
                    Complaint::new(format!("The environment variable {} is not set.", quoted(name)))
                        .advise("Set it in the environment of the daemon, or keep the secret in a credential or a file.")
                })?;
                usable(
                    value.into_encoded_bytes(),
                    &format!("The environment variable {}", quoted(name)),
                    shape,
                )
            }
        }
    }

    /// Reads the secret, a private key if `is_key`, and looks at its place: what is wrong although it can be read. The error
    /// says why it cannot.
    pub fn look(&self, is_key: bool) -> Result<Option<Remark>, Remark> {
        let shape = if is_key { Shape::Lines } else { Shape::Line };
        self.read_from(&|name| std::env::var_os(name), shape).map_err(Remark::from)?;
        Ok(self.exposure().or_else(|| self.owned_by_another()).map(Remark::from))
    }

    /// What is wrong if the file belongs to somebody who is neither root nor the daemon's user, and so can change it.
    fn owned_by_another(&self) -> Option<Complaint> {
        let Self::File(path) = self else { return None };
        let (owner, daemon) = (std::fs::metadata(path).ok()?.uid(), Reader::of_this_host());
        (owner != 0 && owner != daemon.uid && owner != Uid::effective().as_raw()).then(|| {
            let message = format!("The secret file {} belongs to the user id {owner}.", path.display());
            Complaint::new(message).advise(daemon.alone(path, owner))
        })
    }

    /// What is wrong with the place although the secret can be read: others can read it too.
    pub(super) fn exposure(&self) -> Option<Complaint> {
        let Self::File(path) = self else { return None };
        let metadata = std::fs::metadata(path).ok()?;
        let mode = metadata.permissions().mode() & 0o7777;
        (mode & 0o066 != 0).then(|| {
            Complaint::new(format!(
                "The secret file {} can be read or changed by others than its owner (its mode is {mode:04o}).",
                path.display()
            ))
            .advise(Reader::of_this_host().alone(path, metadata.uid()))
        })
    }
}

/// As whom the daemon reads files.
struct Reader {
    uid: u32,
    name: String,
}

impl Reader {
    /// The user that a package makes for the daemon, where there is one, since others check files for it; else whoever runs this.
    fn of_this_host() -> Self {
        let ours = Uid::effective();
        match User::from_name(DAEMON).ok().flatten() {
            Some(user) => Self { uid: user.uid.as_raw(), name: user.name },
            None => Self { uid: ours.as_raw(), name: ours.to_string() },
        }
    }

    /// How the daemon alone comes to read a file that belongs to `owner`. Taking rights from others is not all of it: they may
    /// be how the daemon reads it.
    fn alone(&self, path: &Path, owner: u32) -> String {
        let (path, name) = (path.display(), &self.name);
        if owner == self.uid {
            format!("Run: chmod 600 {path}")
        } else {
            format!("Run: chown {name} {path} && chmod 600 {path}")
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(formatter, "credential {}", quoted(name)),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {}", quoted(name)),
        }
    }
}

/// Where the mapping `place` says that a secret is, and where it says so; none if it says it wrongly, which was complained
/// about. Relative paths start from `directory`.
pub(super) fn place(place: &Node, directory: &Path) -> Option<(Region, SecretRef)> {
    let read = |key: &str, check: fn(&str) -> Result<(), Complaint>| {
        let node = place.get(key)?;
        node.scalar().filter(|text| check(text).is_ok()).map(|text| (node.region, text))
    };
    let credential = read("credential", values::credential)
        .map(|(region, name)| (region, SecretRef::Credential(name.to_owned())));
    let file =
        || read("file", values::path).map(|(region, path)| (region, SecretRef::File(directory.join(path))));
    let variable = || {
        read("env", values::variable).map(|(region, name)| (region, SecretRef::Environment(name.to_owned())))
    };
    credential.or_else(file).or_else(variable)
}

/// Why a file gave no secret.
enum Fault {
    Unread(Unread),
    Unusable(Complaint),
}

fn credentials_directory(name: &str, environment: Environment<'_>) -> Result<PathBuf, Complaint> {
    // Checked again, since a name from elsewhere must not lead out of the directory.
    values::credential(name)?;
    let given = environment(CREDENTIALS_DIRECTORY).filter(|directory| !directory.is_empty());
    // Root may look where the running service finds them, so that `check` needs no more than the daemon has.
    let of_the_service = || std::fs::read_dir(OF_THE_SERVICE).ok().map(|_| OsString::from(OF_THE_SERVICE));
    let directory = given.or_else(of_the_service).ok_or_else(|| {
        Complaint::new(format!(
            "The credential {} cannot be read: ${CREDENTIALS_DIRECTORY} is not set.",
            quoted(name)
        ))
        .advise(format!(
            "systemd sets it for a service whose unit says `LoadCredential={name}:/path/of/the/secret`. By hand: \
             as root while the service runs, or {CREDENTIALS_DIRECTORY}=/directory/with/that/file usersyncd check."
        ))
    })?;
    Ok(PathBuf::from(directory))
}

fn from_file(path: &Path, what: &str, shape: Shape) -> Result<SecretString, Fault> {
    let contents = read(path, LARGEST_SECRET).map_err(Fault::Unread)?;
    usable(contents, what, shape).map_err(Fault::Unusable)
}

/// The secret without the line feed that an editor leaves at its end.
fn usable(bytes: Vec<u8>, what: &str, shape: Shape) -> Result<SecretString, Complaint> {
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Complaint::new(format!("{what} is not text."))
            .advise("Write the secret into it as plain ASCII or UTF-8.")
    })?;
    let secret = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    if secret.trim().is_empty() {
        return Err(Complaint::new(format!("{what} is empty.")).advise("Write the secret into it."));
    }
    let may_stand = |letter: char| shape == Shape::Lines && matches!(letter, '\n' | '\r' | '\t');
    if secret.contains(|letter: char| letter.is_control() && !may_stand(letter)) {
        let (found, advice) = match shape {
            Shape::Line => {
                ("a line break or another control character", "Write the secret alone into it, on one line.")
            }
            Shape::Lines => {
                ("a control character", "Write the private key alone into it, as PEM or as a JSON Web Key.")
            }
        };
        return Err(Complaint::new(format!("{what} contains {found}.")).advise(advice));
    }
    if secret.len() as u64 > LARGEST_SECRET {
        return Err(Complaint::new(format!("{what} is larger than {} KiB.", LARGEST_SECRET / 1024)));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const NOTHING: Environment<'static> = &|_| None;

    fn exposed(secret: Result<SecretString, Complaint>) -> Result<String, Complaint> {
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    fn file(contents: &[u8]) -> (tempfile::TempDir, SecretRef) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, contents).unwrap();
        (directory, SecretRef::File(path))
    }

    #[test]
    fn one_line_feed_at_the_end_is_not_part_of_it() {
        for contents in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            let (_directory, secret) = file(contents.as_bytes());
            assert_eq!(exposed(secret.read_from(NOTHING, Shape::Line)).unwrap(), "s3cret");
        }
    }

    #[test]
    fn unusable_contents_are_refused_and_never_shown() {
        // With a character that no name of a scratch directory has.
        let large = "s=3cret".repeat(11_000);
        let cases: [(&[u8], &str); 7] = [
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"  \n", "is empty"),
            (b"s=3cret\n\n", "control character"),
            (b"s=3\x1bcret", "control character"),
            (b"s=3cret\xff", "is not text"),
            (large.as_bytes(), "larger than 64 KiB"),
        ];
        for (contents, expected) in cases {
            let (_directory, secret) = file(contents);
            let complaint = exposed(secret.read_from(NOTHING, Shape::Line)).unwrap_err();
            assert!(complaint.message.contains(expected), "{complaint:?}");
            assert!(!format!("{complaint:?}").contains("s=3"), "{complaint:?}");
        }
    }

    #[test]
    fn a_private_key_has_lines_and_nothing_else_that_acts_on_a_terminal() {
        let (_directory, secret) = file(b"BEGIN\r\n\tx\nEND\n");
        assert_eq!(exposed(secret.read_from(NOTHING, Shape::Lines)).unwrap(), "BEGIN\r\n\tx\nEND");
        assert!(secret.read_from(NOTHING, Shape::Line).is_err());
        let (_directory, secret) = file(b"BEGIN\n\x1bx\nEND\n");
        let complaint = exposed(secret.read_from(NOTHING, Shape::Lines)).unwrap_err();
        assert!(complaint.message.contains("control character"), "{complaint:?}");
    }

    #[test]
    fn the_sentence_for_a_caller_has_the_advice_in_it() {
        let error = SecretRef::File(PathBuf::from("/nonexistent/token")).read().unwrap_err();
        assert_eq!(
            error,
            "The secret file /nonexistent/token does not exist. Check the path, or write the file."
        );
    }

    #[test]
    fn credentials_are_in_the_directory_that_systemd_names() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("okta-token"), "s3cret\n").unwrap();
        let place = directory.path().as_os_str().to_owned();
        let environment = move |name: &str| (name == CREDENTIALS_DIRECTORY).then(|| place.clone());
        let read =
            |name: &str| exposed(SecretRef::Credential(name.to_owned()).read_from(&environment, Shape::Line));
        assert_eq!(read("okta-token").unwrap(), "s3cret");
        let absent = read("other").unwrap_err();
        assert!(absent.message.starts_with("The credential `other` is not in "), "{absent:?}");
        assert!(absent.advice.unwrap().contains("LoadCredential=other:"));
        assert!(read("../okta-token").unwrap_err().message.contains("is not the name of a credential"));
    }

    #[test]
    fn without_systemd_the_way_to_test_is_said() {
        let complaint =
            exposed(SecretRef::Credential("okta".to_owned()).read_from(NOTHING, Shape::Line)).unwrap_err();
        assert!(complaint.message.contains("$CREDENTIALS_DIRECTORY is not set"), "{complaint:?}");
        assert!(complaint.advice.unwrap().contains("CREDENTIALS_DIRECTORY=/directory"));
    }

    #[test]
    fn variables_are_read_from_the_environment() {
        let environment = |name: &str| (name == "OKTA_TOKEN").then(|| OsString::from("s3cret"));
        let read = |name: &str| {
            exposed(SecretRef::Environment(name.to_owned()).read_from(&environment, Shape::Line))
        };
        assert_eq!(read("OKTA_TOKEN").unwrap(), "s3cret");
        assert_eq!(read("OTHER").unwrap_err().message, "The environment variable `OTHER` is not set.");
    }

    #[test]
    fn a_file_that_others_can_read_is_noticed() {
        let (directory, secret) = file(b"s3cret");
        let path = directory.path().join("token");
        let with_mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            secret.exposure()
        };
        assert_eq!(with_mode(0o600), None);
        assert_eq!(with_mode(0o400), None);
        assert_eq!(secret.look(false), Ok(None));
        for mode in [0o640, 0o604, 0o644, 0o620] {
            assert!(with_mode(mode).unwrap().message.contains(&format!("{mode:04o}")));
        }
    }

    #[test]
    fn what_to_do_does_not_lock_the_daemon_out() {
        let daemon = Reader { uid: 990, name: "usersyncd".to_owned() };
        let path = Path::new("/etc/usersyncd/token");
        assert_eq!(daemon.alone(path, 990), "Run: chmod 600 /etc/usersyncd/token");
        let taken = daemon.alone(path, 0);
        assert_eq!(taken, "Run: chown usersyncd /etc/usersyncd/token && chmod 600 /etc/usersyncd/token");
    }
}
