//! `target` of a connector file.

use std::path::Path;

use url::Url;

use super::address;
use super::check::Checker;
use super::connector::{secret_at, text};
use super::model::{CLOUD, CLOUD_PATH, Product, ServerSettings, SignIn, TargetSettings};
use super::secret::Environment;
use super::text::Complaint;
use super::tree::Node;

/// Where the connector writes; none if that is said wrongly, which was complained about. Without an environment, secrets are
/// not read.
pub(super) fn build(
    checker: &mut Checker,
    root: &Node,
    directory: &Path,
    environment: Option<Environment<'_>>,
) -> Option<TargetSettings> {
    let Some(target) = root.find(&["target"]) else { return Some(TargetSettings::Directory) };
    if target.entry("directory").is_some() {
        return Some(TargetSettings::Directory);
    }
    let (product, entry) =
        Product::ALL.into_iter().find_map(|product| Some((product, target.entry(product.key())?)))?;
    let node = &entry.value;
    let sign_in = match (node.get("token"), node.get("password")) {
        (Some(token), None) if node.get("username").is_none() => {
            SignIn::Token(secret_at(checker, token, directory, environment)?)
        }
        (None, Some(password)) => {
            let user = text(node, &["application"]).or_else(|| text(node, &["username"]));
            let password = secret_at(checker, password, directory, environment);
            let Some(user) = user else {
                let complaint =
                    Complaint::new(format!("`target.{}` has a password and no username.", product.key()));
                checker.error(
                    entry.region,
                    complaint.advise("Write the name of the account, as in `username: usersyncd`."),
                );
                return None;
            };
            SignIn::Password { user: user.to_owned(), password: password? }
        }
        (Some(_), _) => {
            let complaint =
                Complaint::new(format!("`target.{}` has both a token and a password.", product.key()));
            checker
                .error(entry.region, complaint.advise("Keep `token`, and remove `username` and `password`."));
            return None;
        }
        (None, None) => {
            // Where a key is required, its absence was complained about.
            if matches!(product, Product::Jira | Product::Confluence) {
                let complaint =
                    Complaint::new(format!("`target.{}` does not say how to sign in.", product.key()));
                checker.error(
                    entry.region,
                    complaint.advise("Write `token: { credential: NAME }`, or `username` and `password`."),
                );
            }
            return None;
        }
    };
    Some(TargetSettings::Server(ServerSettings {
        product,
        url: url(product, node)?,
        sign_in,
        authorities: None,
    }))
}

/// The address that paths are added to.
fn url(product: Product, node: &Node) -> Option<Url> {
    let given = text(node, &["url"]).and_then(|text| address::base(text).ok());
    if product != Product::AtlassianCloud {
        return given;
    }
    let id = text(node, &["directory"]).filter(|id| address::directory(id).is_ok())?;
    let origin = match &given {
        Some(url) => url.as_str().trim_end_matches('/'),
        None if text(node, &["url"]).is_some() => return None,
        None => CLOUD,
    };
    // Whoever copies the whole base URL means the same.
    let origin = origin.split_once(CLOUD_PATH).map_or(origin, |(origin, _)| origin);
    Url::parse(&format!("{origin}{CLOUD_PATH}{id}")).ok()
}
