//! `tls.ca`: a file of certificate authorities that a connector trusts beside those of the host.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::check::Checker;
use super::connector::text;
use super::mask::quoted;
use super::read::{LARGEST_FILE, read};
use super::secret::Environment;
use super::text::Complaint;
use super::tree::Node;
use super::values;
use crate::clock::Clock;
use crate::http::{Authorities, Certificate};

/// What to write into the file.
const WANTED: &str = "Write the certificate authorities into it as PEM, each from its BEGIN CERTIFICATE line to its END line; \
                      `openssl x509 -inform der -in FILE` turns a binary certificate into that.";

/// The certificate authorities in that file, as they are now. The error is a whole sentence.
pub fn read_authorities(path: &Path) -> Result<Authorities, String> {
    in_file(path).map_err(|complaint| {
        let advice = complaint.advice.unwrap_or_default();
        format!("{} Nothing was read or changed. {advice}", complaint.message).trim_end().to_owned()
    })
}

fn in_file(path: &Path) -> Result<Authorities, Complaint> {
    let what = format!("The file of certificate authorities {} (`tls.ca`)", path.display());
    let pem = read(path, LARGEST_FILE).map_err(|unread| unread.complaint(&what))?;
    Authorities::parse(&pem).map_err(|why| Complaint::new(format!("{what} {why}.")).advise(WANTED))
}

/// Where they are, once the file was read if it is to be read: it is where secrets are.
pub(super) fn build(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<PathBuf> {
    let node = root.find(&["tls", "ca"])?;
    let path = text(root, &["tls", "ca"]).filter(|path| values::path(path).is_ok())?;
    let path = directory.join(path);
    if environment.is_none() {
        return Some(path);
    }
    match in_file(&path) {
        Err(complaint) => checker.error(node.region, complaint),
        Ok(authorities) => {
            for complaint in doubts(&path, &authorities, Clock::system().now()) {
                checker.warning(node.region, complaint);
            }
        }
    }
    Some(path)
}

/// What is strange about them although they can be used.
fn doubts(path: &Path, authorities: &Authorities, now: DateTime<Utc>) -> Vec<Complaint> {
    let mut doubts = Vec::new();
    if authorities.has_private_key {
        let message = format!("A private key stands in {}, where only certificates belong.", path.display());
        doubts.push(Complaint::new(message).advise(
            "Take it out; if others than its owner could read the file, have the certificate replaced.",
        ));
    }
    for Certificate { subject, until, is_authority, .. } in authorities.certificates() {
        let whose = quoted(&subject);
        if until < now {
            let date = until.format("%Y-%m-%d");
            doubts.push(
                Complaint::new(format!(
                    "The certificate of {whose} in {} expired on {date}.",
                    path.display()
                ))
                .advise("Put the present one there; the next run takes it."),
            );
        }
        if !is_authority {
            let message = format!(
                "The certificate of {whose} in {} is not that of a certificate authority, so it can vouch for nobody but \
                 itself.",
                path.display()
            );
            doubts.push(Complaint::new(message).advise(
                "Put the certificate of the authority that issued it there instead: the server's own one is soon replaced.",
            ));
        }
    }
    doubts
}
